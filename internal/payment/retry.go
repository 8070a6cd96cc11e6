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
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// Card networks bound how often a merchant tries a declined card again at the same amount, and fine who does it after they said never again.
// Florin counts for itself and refuses before anybody is called. A card without a decline has no history, and a payment with it costs one
// look at an index. The first decline begins a history, in the Change that records it; from then on every try is written into it in the
// Change of its intent, by compare-and-set, so that two at the limit do not both pass. docs/providers.md has the rules for people.

// history is what came of a merchant's tries of one card at one amount, since the first that was declined.
type history struct {
	merchant, card string // card is the fingerprint of a number: a network token has its own
	amount         money.Money
	tries          []pastTry // oldest first
	version        int64     // 0: there is none
}

// pastTry is a try that was declined, or whose end is not written down. One that succeeds stays so: nobody has to write here for it.
type pastTry struct {
	Payment string               `json:"payment"`
	Number  int64                `json:"number"` // of the attempt
	At      time.Time            `json:"at"`     // when it began, or was declined
	Code    provider.DeclineCode `json:"code,omitempty"`
	Network string               `json:"network,omitempty"` // the network's response code
	Advice  string               `json:"advice,omitempty"`
}

func (t pastTry) open() bool { return t.Code == "" }

func (t pastTry) decline() provider.Decline {
	return provider.Decline{Code: t.Code, NetworkDecline: t.Network, NetworkAdvice: t.Advice}
}

// ruleNever is the name of the rule that a card is not tried again after a decline that said so. Limits have names of their own.
const ruleNever = "never_again"

// ban is why a card may not be tried at an amount now.
type ban struct {
	rule  string
	last  pastTry   // the decline that the caller is told
	until time.Time // when the rule lets the next try through; zero: not by waiting
}

// banned tells whether a network's rules keep a card from being tried.
func (h history) banned(rules provider.Networks, brand string, now time.Time) (ban, bool) {
	var last pastTry
	for _, t := range h.tries {
		if t.open() {
			continue
		}
		last = t
		if rules.NeverAgain(brand, t.decline()) && now.Before(t.At.Add(rules.NeverFor)) {
			return ban{rule: ruleNever, last: t}, true
		}
	}
	var worst ban
	for _, l := range rules.Of(brand).Limits {
		within := slices.DeleteFunc(slices.Clone(h.tries), func(t pastTry) bool { return !now.Before(t.At.Add(l.Window)) })
		if len(within) < l.Declines {
			continue
		}
		if until := within[len(within)-l.Declines].At.Add(l.Window); until.After(worst.until) {
			worst = ban{rule: l.Name, last: last, until: until}
		}
	}
	return worst, worst.rule != ""
}

// counted is the history with a decline. One that no rule of the card's network asks about leaves it as it is.
func (h history) counted(rules provider.Networks, brand string, a Attempt, d provider.Decline, now time.Time) history {
	if len(rules.Of(brand).Limits) == 0 && !rules.NeverAgain(brand, d) {
		return h
	}
	return h.with(pastTry{Payment: a.Payment, Number: a.Number, At: now, Code: d.Code, Network: d.NetworkDecline, Advice: d.NetworkAdvice}, rules, now)
}

// begun is the history with a try that begins. If there is none, there is nothing to count yet.
func (h history) begun(rules provider.Networks, a Attempt, now time.Time) history {
	if len(h.tries) == 0 {
		return h
	}
	return h.with(pastTry{Payment: a.Payment, Number: a.Number, At: now}, rules, now)
}

// with puts a try at the end, in the place of what was known of it, and forgets what is too old for every rule.
func (h history) with(t pastTry, rules provider.Networks, now time.Time) history {
	old := now.Add(-rules.KeepFor())
	h.tries = slices.DeleteFunc(slices.Clone(h.tries), func(is pastTry) bool {
		return is.Payment == t.Payment && is.Number == t.Number || !is.At.After(old)
	})
	h.tries = append(h.tries, t)
	if over := len(h.tries) - provider.MaxDeclines; over > 0 {
		h.tries = h.tries[over:]
	}
	return h
}

// without is the history less a try that has ended without a decline. approved says that it has the money: where the network's rules
// count the tries of one sale, that sale is over.
func (h history) without(t pastTry, approved bool, rules provider.Networks, brand string) history {
	over := approved && rules.Of(brand).ApprovalEnds
	h.tries = slices.DeleteFunc(slices.Clone(h.tries), func(is pastTry) bool {
		return is.Payment == t.Payment && is.Number == t.Number ||
			over && !is.open() && !is.At.After(t.At) && !rules.NeverAgain(brand, is.decline())
	})
	return h
}

// failure is what a ban makes of a payment: the issuer's last word again, and the rule by which nobody was asked.
func (b ban) failure() *FailureObject {
	last := b.last.decline()
	if last.Code == "" {
		last.Code = provider.VelocityExceeded // so many are under way at once that no decline is left to repeat
	}
	f := declined(provider.Outcome{Class: provider.Declined, Decline: last})
	f.RetryRule = b.rule
	if !b.until.IsZero() {
		until := b.until.UTC()
		f.RetryAt = &until
	}
	return f
}

// unasked decides the end of a try that the networks' rules forbid: the payment has failed, and there is no attempt. One with smart retries waits
// on, if the rule lets it through in time. given is a try that is
// given up for it, if there is one.
func (p Payment) unasked(b ban, given *Attempt, now time.Time) (decision, error) {
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
	q.Failure = b.failure()
	if p.waits() {
		if p.Later.Smart != nil && !b.until.IsZero() && !b.until.After(p.Later.Smart.Until) {
			d.tell(event.PaymentPending)
			return d, q.postpone(LaterIssuer, b.until)
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
func (p Payment) forbidden(b ban, a Attempt, now time.Time) (decision, error) {
	d := decision{payment: p, attempt: &a}
	waited := a
	if err := a.move(AttemptDeclined); err != nil {
		return d, err
	}
	d.leaveIssuer(waited, now)
	return d, d.end(b.failure())
}

// counts tells whether the tries of a payment's method are counted.
func (p Payment) counts() bool { return p.Method.isCard() && p.Method.Fingerprint != "" }

// recall begins to read the history of a payment's card. What it gives waits for it; it must be called.
func (s *Service) recall(ctx context.Context, p Payment) func() (history, error) {
	if !p.counts() {
		return func() (history, error) { return history{}, nil }
	}
	var h history
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		h, err = s.history(ctx, p)
	}()
	return func() (history, error) {
		<-done
		return h, err
	}
}

// history is that of a payment's card and amount; one without tries if nothing was declined.
func (s *Service) history(ctx context.Context, p Payment) (history, error) {
	h, err := s.store.history(ctx, p.Merchant, p.Method.Fingerprint, p.Amount)
	if fault.Is(err, fault.NotFound) {
		return history{merchant: p.Merchant, card: p.Method.Fingerprint, amount: p.Amount}, nil
	}
	return h, err
}

// judge tells whether a payment's card may be tried now. At a limit it looks up the tries whose end is not written down, and gives the
// history without those that were not declined.
func (s *Service) judge(ctx context.Context, p Payment, h history) (history, *ban, error) {
	now := s.Clock.Now()
	b, banned := h.banned(s.Networks, p.Method.Brand, now)
	if !banned {
		return h, nil, nil
	}
	if b.rule == ruleNever || !slices.ContainsFunc(h.tries, pastTry.open) {
		return h, &b, nil
	}
	clean, err := s.ended(ctx, p, h)
	if err != nil {
		return h, nil, err
	}
	if b, banned = clean.banned(s.Networks, p.Method.Brand, now); banned {
		return clean, &b, nil
	}
	return clean, nil, nil
}

// ended is a history without the tries that have ended without a decline. It fails with fault.Stale if it changed meanwhile: a try that
// seems to have ended may be a decline that came in between.
func (s *Service) ended(ctx context.Context, p Payment, h history) (history, error) {
	clean := h
	for _, t := range h.tries {
		if !t.open() {
			continue
		}
		a, err := s.store.attempt(ctx, p.Merchant, t.Payment, t.Number)
		if err != nil {
			return h, fmt.Errorf("try %d of %s: %w", t.Number, t.Payment, err)
		}
		if !inquirable[a.State] && a.State != AttemptAction {
			clean = clean.without(t, a.State.has(), s.Networks, p.Method.Brand)
		}
	}
	again, err := s.history(ctx, p)
	if err == nil && again.version != h.version {
		err = errHistory
	}
	return clean, err
}

// heard is what a decision about an attempt does to the history of its card: a decline is counted, and a try that follows needs its place.
// It takes from the terms what may not follow.
func (s *Service) heard(ctx context.Context, p Payment, a Attempt, o provider.Outcome, t *terms) error {
	if !p.counts() || holdsNothing[a.State] || o.Class != provider.Declined && t.next == nil {
		return nil
	}
	h, err := s.history(ctx, p)
	if err != nil {
		return err
	}
	if o.Class == provider.Declined {
		h = h.counted(s.Networks, p.Method.Brand, a, o.Decline, t.now)
	} else {
		h = h.without(pastTry{Payment: a.Payment, Number: a.Number}, false, s.Networks, p.Method.Brand)
	}
	h, banned, err := s.judge(ctx, p, h)
	if banned != nil {
		t.next, t.again = nil, ""
	}
	t.past = &h
	return err
}

// reserve gives a try that begins its place in the history of its card, if there is one.
func (d *decision) reserve(h history, rules provider.Networks, now time.Time) {
	if len(h.tries) == 0 {
		return
	}
	h = h.begun(rules, *d.latest().attempt, now)
	d.history = &h
}

// errHistory means that the history of a card changed while it was looked at.
var errHistory = &db.Conflict{Kind: fault.Stale, Table: retryTable.Name}

// historyChanged tells whether a Change lost because of the history of its card.
func historyChanged(err error) bool {
	var lost *db.Conflict
	return errors.As(err, &lost) && lost.Table == retryTable.Name
}

// remembered puts into a decision what it does to the history of its card.
func (d *decision) remembered(rules provider.Networks, t terms) {
	if t.past == nil || d.attempt == nil || d.attempt.State != AttemptDeclined && d.next == nil {
		return
	}
	h := *t.past
	if d.next != nil {
		h = h.begun(rules, *d.next, t.now)
	}
	if len(h.tries) > 0 {
		d.history = &h
	}
}

// stillAllowed is the decision that the money is asked for of a payer who is back from their bank, or that it is not: while they were away
// their card may have been tried too often.
func (s *Service) stillAllowed(ctx context.Context, p Payment, a Attempt, goesOn decision) (decision, error) {
	if !p.counts() {
		return goesOn, nil
	}
	h, err := s.history(ctx, p)
	if err != nil || len(h.tries) == 0 {
		return goesOn, err
	}
	h = h.without(pastTry{Payment: a.Payment, Number: a.Number}, false, s.Networks, p.Method.Brand)
	h, banned, err := s.judge(ctx, p, h)
	switch {
	case err != nil:
		return decision{}, err
	case banned != nil:
		return p.forbidden(*banned, a, s.Clock.Now())
	}
	goesOn.reserve(h, s.Networks, s.Clock.Now())
	return goesOn, nil
}
