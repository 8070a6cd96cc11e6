package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
)

// Whether a card may be tried again is decided by the package retry, from its history. What is here keeps that history: it is read before a
// try, changed in the Change of the try's intent or of its outcome by compare-and-set, and looked up where it ends. docs/retries.md says how
// exact that is.

// rules are those of the network of a payment's card.
func (s *Service) rules(p Payment) retry.Rules {
	n := s.Networks.Of(p.Method.Brand)
	r := retry.Rules{ApprovalEnds: n.ApprovalEnds, NeverFor: s.Networks.NeverFor, KeepFor: s.Networks.KeepFor(), Most: provider.MaxDeclines,
		Never: func(t retry.Try) bool { return s.Networks.NeverAgain(p.Method.Brand, declineOf(t)) }}
	for _, l := range n.Limits {
		r.Limits = append(r.Limits, retry.Limit{Name: l.Name, Declines: l.Declines, Window: l.Window})
	}
	return r
}

// declineOf is the decline that a try ended with.
func declineOf(t retry.Try) provider.Decline {
	return provider.Decline{Code: provider.DeclineCode(t.Code), NetworkDecline: t.Network, NetworkAdvice: t.Advice}
}

// begunTry is an attempt that begins, in the history of its card.
func begunTry(a Attempt, now time.Time) retry.Try {
	return retry.Try{Payment: a.Payment, Number: a.Number, At: now}
}

// declinedTry is an attempt that was declined, in the history of its card.
func declinedTry(a Attempt, d provider.Decline, now time.Time) retry.Try {
	t := begunTry(a, now)
	t.Code, t.Network, t.Advice = string(d.Code), d.NetworkDecline, d.NetworkAdvice
	return t
}

// banned is what a ban makes of a payment: the issuer's last word again, and the rule by which nobody was asked.
func banned(b retry.Ban) *FailureObject {
	last := declineOf(b.Last)
	if last.Code == "" {
		last.Code = provider.VelocityExceeded // so many are under way at once that no decline is left to repeat
	}
	f := declined(provider.Outcome{Class: provider.Declined, Decline: last})
	f.RetryRule = b.Rule
	if !b.Until.IsZero() {
		until := b.Until.UTC()
		f.RetryAt = &until
	}
	return f
}

// unasked decides the end of a try that the networks' rules forbid: the payment has failed, and there is no attempt. One with smart retries waits
// on, if the rule lets it through in time. given is a try that is given up for it, if there is one.
func (p Payment) unasked(b retry.Ban, given *Attempt, now time.Time) (decision, error) {
	d := decision{payment: p}
	if p.Version == 0 {
		d.tell(event.PaymentCreated)
	}
	if given != nil {
		if err := d.walkAway(*given, now); err != nil {
			return d, err
		}
	}
	q := &d.payment
	q.Failure = banned(b)
	if p.waits() {
		if p.Later.Smart != nil && !b.Until.IsZero() && !b.Until.After(p.Later.Smart.Until) {
			d.tell(event.PaymentPending)
			return d, q.postpone(LaterIssuer, b.Until)
		}
		q.ownLater().Waits = ""
	}
	d.tell(event.PaymentFailed)
	if q.AwaitsPayer {
		q.DueAt = q.ExpiresAt
		return d, q.move(RequiresPaymentMethod)
	}
	q.DueAt, q.ExpiresAt = time.Time{}, time.Time{}
	return d, q.move(Failed)
}

// forbidden ends an attempt whose payer is back from their bank, for a card that may not be tried any more.
func (p Payment) forbidden(b retry.Ban, a Attempt, now time.Time) (decision, error) {
	d := decision{payment: p, attempt: &a}
	waited := a
	if err := a.move(AttemptDeclined); err != nil {
		return d, err
	}
	d.leaveIssuer(waited, now)
	return d, d.end(banned(b))
}

// counts tells whether the tries of a payment's method are counted.
func (p Payment) counts() bool { return p.Method.isCard() && p.Method.Fingerprint != "" }

// bounded tells whether a card network bounds how often a payment's card is tried.
func (s *Service) bounded(p Payment) bool {
	return p.counts() && len(s.Networks.Of(p.Method.Brand).Limits) > 0
}

// countedCard is what the payment's tries are counted by.
func (p Payment) countedCard() retry.Card {
	return retry.Card{Merchant: p.Merchant, Fingerprint: p.Method.Fingerprint, Amount: p.Amount}
}

// enters has a request try a payment's card, until it leaves. It goes before the history of the card is read.
func (s *Service) enters(p Payment, number int64) (leave func()) {
	if !s.bounded(p) {
		return func() {}
	}
	return s.crowd.Enter(p.countedCard(), retry.Try{Payment: p.ID, Number: number, At: s.Clock.Now()})
}

// recall begins to read the history of a payment's card for its next try. What it gives waits for it; it must be called.
func (s *Service) recall(ctx context.Context, p Payment) func() (retry.History, error) {
	if !p.counts() {
		return func() (retry.History, error) { return retry.History{}, nil }
	}
	var h retry.History
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		h, err = s.history(ctx, p, p.Attempts+1)
	}()
	return func() (retry.History, error) {
		<-done
		return h, err
	}
}

// history is that of a payment's card and amount as one of its tries finds it.
func (s *Service) history(ctx context.Context, p Payment, number int64) (retry.History, error) {
	h, err := s.recorded(ctx, p)
	if err == nil && s.bounded(p) {
		self := retry.Try{Payment: p.ID, Number: number}
		others, alone := s.crowd.Beside(p.countedCard(), self)
		h = h.As(self, others, alone)
	}
	return h, err
}

// recorded is the history of a payment's card and amount as it is written; one without tries if there is none.
func (s *Service) recorded(ctx context.Context, p Payment) (retry.History, error) {
	h, err := s.store.history(ctx, p.countedCard())
	if fault.Is(err, fault.NotFound) {
		return retry.History{Card: p.countedCard()}, nil
	}
	return h, err
}

// judge tells whether a payment's card may be tried now. At a limit it looks up the tries whose end is not written down, and gives the
// history without those that were not declined. It fails with fault.Stale if the history changed meanwhile.
func (s *Service) judge(ctx context.Context, p Payment, h retry.History) (retry.History, *retry.Ban, error) {
	if len(h.Tries) == 0 {
		return h, nil, nil
	}
	now, rules := s.Clock.Now(), s.rules(p)
	b, banned := h.Banned(rules, now)
	if !banned {
		return h, nil, nil
	}
	if b.Rule == retry.NeverAgain || !slices.ContainsFunc(h.Tries, retry.Try.Open) {
		return h, &b, nil
	}
	clean, err := s.ended(ctx, p, h)
	if err != nil {
		return h, nil, err
	}
	if b, banned = clean.Banned(rules, now); banned {
		return clean, &b, nil
	}
	again, err := s.recorded(ctx, p)
	if err == nil && again.Version != h.Version {
		err = errHistory // what seems to have ended may be a decline that came in between
	}
	return clean, nil, err
}

// unwritten is how long a try may be under way before its intent is written.
const unwritten = time.Minute

// ended is a history without the tries that have ended, as if none of them had been declined meanwhile.
func (s *Service) ended(ctx context.Context, p Payment, h retry.History) (retry.History, error) {
	attempts, err := s.store.attemptsOf(ctx, p.Merchant, h.OpenPayments())
	if err != nil {
		return h, fmt.Errorf("tries of the card of %s: %w", p.ID, err)
	}
	clean, now, rules := h, s.Clock.Now(), s.rules(p)
	for _, t := range h.Tries {
		if !t.Open() {
			continue
		}
		at := slices.IndexFunc(attempts, func(a Attempt) bool { return a.Payment == t.Payment && a.Number == t.Number })
		switch {
		case at < 0 && now.Before(t.At.Add(unwritten)):
		case at < 0:
			clean = clean.Without(t, false, rules) // it was given up before it was written
		case !inquirable[attempts[at].State] && attempts[at].State != AttemptAction:
			clean = clean.Without(t, attempts[at].State.has(), rules)
		}
	}
	return clean, nil
}

// heard is what a decision about an attempt does to the history of its card: a decline is counted, and a try that follows needs its place.
// It takes from the terms what may not follow.
func (s *Service) heard(ctx context.Context, p Payment, a Attempt, o provider.Outcome, t *terms) error {
	if !p.counts() || holdsNothing[a.State] || o.Class != provider.Declined && t.next == nil {
		return nil
	}
	number := a.Number
	if o.Class != provider.Declined { // its place is the next one's, which nobody knows of yet
		number++
		s.crowd.GoOn(p.countedCard(), retry.Try{Payment: p.ID, Number: number, At: t.now})
	}
	h, err := s.history(ctx, p, number)
	if err != nil {
		return err
	}
	if o.Class == provider.Declined {
		h = h.Counted(declinedTry(a, o.Decline, t.now), s.rules(p), t.now)
	} else {
		h = h.Without(begunTry(a, t.now), false, s.rules(p))
	}
	h, banned, err := s.judge(ctx, p, h)
	if banned != nil {
		t.next, t.again = nil, ""
	}
	t.past = &h
	return err
}

// reserve gives a try that begins its place in the history of its card, if there is one or one is wanted.
func (d *decision) reserve(h retry.History, rules retry.Rules, now time.Time) {
	if h = h.Begun(begunTry(*d.latest().attempt, now), rules, now); len(h.Tries) > 0 {
		d.history = &h
	}
}

// leavesOpen are the states in which an attempt may be left by the request that began it, and be declined later.
var leavesOpen = map[AttemptState]bool{AttemptUnknown: true, AttemptPending: true, AttemptAction: true}

// leftOpen has the history of its card tell of a try that a decision leaves open: whoever looks for what is under way will not find it any more.
func (s *Service) leftOpen(ctx context.Context, d *decision) error {
	a := d.attempt
	if a == nil || d.history != nil || a.was != AttemptSending || !leavesOpen[a.State] || !s.bounded(d.payment) {
		return nil
	}
	now := s.Clock.Now()
	h, err := s.recorded(ctx, d.payment)
	if err != nil || h.Has(begunTry(*a, now)) {
		return err
	}
	h = h.With(begunTry(*a, now), s.rules(d.payment), now)
	d.history = &h
	return nil
}

// errHistory means that the history of a card changed while it was looked at.
var errHistory = &db.Conflict{Kind: fault.Stale, Table: retryTable.Name}

// historyChanged tells whether a Change lost because of the history of its card.
func historyChanged(err error) bool {
	var lost *db.Conflict
	return errors.As(err, &lost) && lost.Table == retryTable.Name
}

// remembered puts into a decision what it does to the history of its card.
func (d *decision) remembered(rules retry.Rules, t terms) {
	if t.past == nil || d.attempt == nil || d.attempt.State != AttemptDeclined && d.next == nil {
		return
	}
	h := *t.past
	if d.next != nil {
		h = h.Begun(begunTry(*d.next, t.now), rules, t.now)
	}
	if len(h.Tries) > 0 {
		d.history = &h
	}
}

// stillAllowed is the decision that the money is asked for of a payer who is back from their bank, or that it is not: while they were away
// their card may have been tried too often.
func (s *Service) stillAllowed(ctx context.Context, p Payment, a Attempt, goesOn decision) (decision, error) {
	if !p.counts() {
		return goesOn, nil
	}
	h, err := s.history(ctx, p, a.Number)
	if err != nil {
		return goesOn, err
	}
	now, rules := s.Clock.Now(), s.rules(p)
	h, banned, err := s.judge(ctx, p, h.Without(begunTry(a, now), false, rules))
	switch {
	case err != nil:
		return decision{}, err
	case banned != nil:
		return p.forbidden(*banned, a, now)
	}
	goesOn.reserve(h, rules, now)
	return goesOn, nil
}
