package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
)

// A try of a card with limits passes a gate before anything of it is written and before it takes a provider's room: it is let through, or
// forbidden, or waits for others of the same card and amount that are under way in this process. docs/retries.md says what that is good for.

// DefaultCrowd is how long a request waits for others of the same card and amount.
const DefaultCrowd = 10 * time.Second

// retryCrowded is after how long a merchant may try again.
const retryCrowded = 2 * time.Second

// errCrowded is the refusal of a try that others of its card have kept waiting for too long. Nothing of it was written.
var errCrowded = &fault.Error{
	Kind: fault.Unavailable, Code: fault.CodeOverloaded, RetryAfter: retryCrowded,
	Detail: "as many payments of this card and amount are under way as its network lets be declined; nothing was done of this one",
}

// entry is what the gate made of a try.
type entry struct {
	past
	ban *retry.Ban // nil: it was let through
}

// past is the history of a card as a try finds it, without the try itself.
type past struct {
	retry.History
	cleaned bool // tries that have ended were taken out of it: it is written even if none is left
}

// written puts a history into a decision, if there is one.
func (h past) written(d *decision) {
	if len(h.Tries) > 0 || h.cleaned {
		d.history = &h.History
	}
}

// arrives has a request come to the gate with a try of a payment's card, until it leaves. The history of the card is read after it.
func (s *Service) arrives(p Payment, number int64) *retry.Pass {
	if !s.bounded(p) {
		return nil
	}
	return s.gate.Enter(p.countedCard(), retry.Try{Payment: p.ID, Number: number, At: s.Clock.Now()})
}

// admit waits at the gate until a try is let through or forbidden, given the history as it was read. It fails with errCrowded when the context
// of the waiting ends.
func (s *Service) admit(ctx, waiting context.Context, p Payment, number int64, pass *retry.Pass, h retry.History) (entry, error) {
	if pass == nil {
		return s.unbounded(p, h), nil
	}
	for {
		e, waits, err := s.asks(ctx, p, pass, h)
		if err != nil || !waits {
			return e, err
		}
		if pass.Wait(waiting) != nil {
			return e, errCrowded
		}
		pass.Read()
		if h, err = s.history(ctx, p, number); err != nil {
			return e, err
		}
	}
}

// askAnew asks for a try whose card's history has changed since it was let through. It does not wait: what it needs is held already.
func (s *Service) askAnew(ctx context.Context, p Payment, number int64, pass *retry.Pass) (entry, error) {
	pass.Read()
	h, err := s.history(ctx, p, number)
	if err != nil {
		return entry{}, err
	}
	waiting, done := context.WithTimeout(ctx, 0)
	defer done()
	return s.admit(ctx, waiting, p, number, pass, h)
}

// entersAgain is admit for a try that the worker begins: it waits for nobody.
func (s *Service) entersAgain(ctx context.Context, p Payment, pass *retry.Pass) (entry, error) {
	if !p.counts() {
		return entry{}, nil
	}
	h, err := s.history(ctx, p, p.Attempts+1)
	if err != nil {
		return entry{}, err
	}
	waiting, done := context.WithTimeout(ctx, 0)
	defer done()
	return s.admit(ctx, waiting, p, p.Attempts+1, pass, h)
}

// comesBack has a request come to the gate with a try that is under way already, before it asks what came of it: if the money is asked for
// then, stillAllowed decides. It fails like admit. The pass is left in any case.
func (s *Service) comesBack(ctx context.Context, p Payment, a Attempt, patience time.Duration) (*retry.Pass, error) {
	pass := s.arrives(p, a.Number)
	if pass == nil || a.State == AttemptAction && !a.challenged() {
		return pass, nil // the money is asked for
	}
	waiting, done := context.WithTimeout(ctx, patience)
	defer done()
	h, err := s.history(ctx, p, a.Number)
	if err == nil {
		_, err = s.admit(ctx, waiting, p, a.Number, pass, h)
	}
	pass.Step() // the history is written when it is known what came of it
	return pass, err
}

// unbounded is the entry of a card without limits: its network may have said never again.
func (s *Service) unbounded(p Payment, h retry.History) entry {
	e := entry{past: past{History: h}}
	if b, banned := h.Banned(s.rules(p), s.Clock.Now()); banned {
		e.ban = &b
	}
	return e
}

// asks asks the gate once. If tries are in the way whose end is not written down, they are looked up.
func (s *Service) asks(ctx context.Context, p Payment, pass *retry.Pass, h retry.History) (e entry, waits bool, err error) {
	e.past = past{History: h}
	rules, now := s.rules(p), s.Clock.Now()
	answer, ban := pass.Ask(h, false, rules, now)
	if answer == retry.LookUp {
		if e.past, err = s.ended(ctx, p, h); err != nil {
			return e, false, err
		}
		answer, ban = pass.Ask(e.History, true, rules, now)
	}
	switch answer {
	case retry.Forbidden:
		e.ban = &ban
	case retry.Full:
		return e, false, errCrowded
	}
	return e, answer == retry.Wait, nil
}

// ended is a history without the tries that have ended without a decline. One that was declined meanwhile has changed the history: whoever
// writes this one finds out.
func (s *Service) ended(ctx context.Context, p Payment, h retry.History) (past, error) {
	attempts, err := s.store.attemptsOf(ctx, p.Merchant, h.OpenPayments())
	if err != nil {
		return past{}, fmt.Errorf("tries of the card of %s: %w", p.ID, err)
	}
	clean, rules := h, s.rules(p)
	for _, t := range h.Tries {
		if !t.Open() {
			continue
		}
		at := slices.IndexFunc(attempts, func(a Attempt) bool { return a.Payment == t.Payment && a.Number == t.Number })
		if at < 0 || !inquirable[attempts[at].State] && attempts[at].State != AttemptAction {
			clean = clean.Without(t, at >= 0 && attempts[at].State.has(), rules)
		}
	}
	return past{clean, true}, nil
}

// counted decides what an outcome means for an attempt, with what that does to the history of its card: a decline is counted, and a try that
// follows must be let through. If it is not, it is decided again without one.
func (s *Service) counted(ctx context.Context, p Payment, a Attempt, o provider.Outcome, t *terms, decide func(terms) (decision, error)) (decision, error) {
	d, err := decide(*t)
	said := d.attempt != nil && d.attempt.State == AttemptDeclined && o.Class == provider.Declined
	if err != nil || !p.counts() || holdsNothing[a.State] || !said && d.next == nil {
		return d, err
	}
	ended := s.gate.Ended(p.countedCard())
	h, err := s.history(ctx, p, a.Number)
	if err != nil {
		return decision{}, err
	}
	if said {
		h = h.Counted(declinedTry(a, o.Decline, t.now), s.rules(p), t.now)
	}
	now := past{History: h}
	if d.next != nil {
		var through bool
		now, through, err = s.mayFollow(ctx, p, a, now, retry.Step{Sent: said, Ended: ended}, t.now)
		if err == nil && !through {
			t.next, t.again = nil, ""
			d, err = decide(*t)
		}
		if err != nil {
			return d, err
		}
	}
	if d.next != nil {
		now.History = now.Begun(begunTry(*d.next, t.now), s.rules(p), t.now)
	}
	now.written(&d)
	return d, nil
}

// mayFollow asks the gate whether a payment may go on with its next try. It fails with fault.Stale if others have ended meanwhile.
func (s *Service) mayFollow(ctx context.Context, p Payment, a Attempt, h past, step retry.Step, now time.Time) (past, bool, error) {
	step.From, step.To = begunTry(a, now), begunTry(a, now)
	step.To.Number++
	answer := s.gate.GoOn(h.History, step, s.rules(p), now)
	if answer == retry.LookUp {
		var err error
		if h, err = s.ended(ctx, p, h.History); err != nil {
			return h, false, err
		}
		step.Looked = true
		answer = s.gate.GoOn(h.History, step, s.rules(p), now)
	}
	if answer == retry.Wait {
		return h, false, errHistory
	}
	return h, answer == retry.Through, nil
}

// stillAllowed is the decision that the money is asked for of a payer who is back from their bank, or by whoever found the try later, or that
// it is not: meanwhile the card may have been tried too often.
func (s *Service) stillAllowed(ctx context.Context, p Payment, a Attempt, goesOn decision) (decision, error) {
	if !p.counts() {
		return goesOn, nil
	}
	e, err := s.askAnew(ctx, p, a.Number, s.gate.Find(p.countedCard(), p.ID))
	switch {
	case err != nil:
		return decision{}, err
	case e.ban != nil:
		return p.forbidden(*e.ban, a, s.Clock.Now())
	}
	goesOn.reserve(e.past, s.rules(p), s.Clock.Now())
	return goesOn, nil
}

// foundLater tells whether a try was begun by another request than the one that goes on with it now.
func (s *Service) foundLater(p Payment) bool {
	return s.bounded(p) && !s.gate.Find(p.countedCard(), p.ID).HasBegun()
}

// crowded tells whether a try has waited in vain for others of its card.
func crowded(err error) bool { return errors.Is(err, errCrowded) }
