package payment

import (
	"context"
	"errors"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
)

// Whether a card may be tried again is decided by the package retry, from its history. What is here keeps that history: it is read before a
// try, changed in the Change of the try's intent or of its outcome by compare-and-set, and looked up where it ends. docs/retries.md says how
// exact that is; gate.go has what is under way.

// rules are those of the network of a payment's card.
func (s *Service) rules(p Payment) retry.Rules {
	brand := p.Method.Brand // apart, because what Never holds on to goes to the heap, and a payment is large
	n := s.Networks.Of(brand)
	r := retry.Rules{ApprovalEnds: n.ApprovalEnds, NeverFor: s.Networks.NeverFor, KeepFor: s.Networks.KeepFor(), Most: provider.MaxDeclines,
		Never: func(t retry.Try) bool { return s.Networks.NeverAgain(brand, declineOf(t)) }}
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

// history is that of a payment's card and amount as one of its tries finds it: without the try itself.
func (s *Service) history(ctx context.Context, p Payment, number int64) (retry.History, error) {
	h, err := s.recorded(ctx, p)
	if err == nil && len(h.Tries) > 0 {
		h = h.Without(retry.Try{Payment: p.ID, Number: number}, false, s.rules(p))
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

// reserve gives a try that begins its place in the history of its card, if there is one.
func (d *decision) reserve(h past, rules retry.Rules, now time.Time) {
	h.History = h.Begun(begunTry(*d.latest().attempt, now), rules, now)
	h.written(d)
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
