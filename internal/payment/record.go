package payment

import (
	"context"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/provider"
)

// record commits an authorization's outcome. It starts from the rows of the intent and reads them again only if somebody
// else, a webhook or the worker, was faster.
func (s *Service) record(ctx context.Context, account provider.Account, from decision, o provider.Outcome, with Companion) (stage, error) {
	ctx = context.WithoutCancel(ctx)
	p, a := from.payment, *from.attempt
	switch pass := s.gate.Find(p.countedCard(), p.ID); {
	case attemptStateOf(a, o).has():
		pass.Approved()
	case o.Class == provider.Declined:
		defer pass.Writes()()
	}
	first := true
	var now stage
	d, err := s.apply(ctx, func() (decision, error) {
		if !first {
			var err error
			if p, a, err = s.reload(ctx, p, a); err != nil {
				return decision{}, err
			}
		}
		first = false
		d, err := s.settle(ctx, account, p, a, o, requestWaits)
		if err != nil {
			return d, err
		}
		now.next, err = s.follows(ctx, d, a)
		return d, err
	}, func(c *db.Change, d decision) error {
		if now.next != nil || d.next != nil {
			return nil // there is no answer yet
		}
		if d.attempt != nil {
			a = *d.attempt
		}
		now.object = s.answered(d.payment)
		now.refused = s.refusal(now.object, failureOf(d.payment, a))
		return with.Result(c, now.object, now.refused)
	})
	if err == nil && d.next != nil {
		latest := written(d).latest()
		now.next = &latest
	}
	return now, err
}

// failureOf is why a payment's try failed, as its caller is told: of the last one it is the most telling reason that its request met.
func failureOf(p Payment, a Attempt) *FailureObject {
	if p.waits() {
		return nil // it is not over
	}
	if a.Number == p.Attempts && a.Failure != nil {
		return p.Failure
	}
	return a.Failure
}

// follows is the try that somebody else, who heard of a failure first, has put behind an attempt: with authentication, or elsewhere.
// Whoever waits for the answer goes on with it, as nobody else does, unless it is so late that the worker may be asking about it.
func (s *Service) follows(ctx context.Context, d decision, a Attempt) (*decision, error) {
	if d.attempt != nil || d.payment.Attempts != a.Number+1 {
		return nil, nil
	}
	next, err := s.store.attempt(ctx, a.Merchant, a.Payment, a.Number+1)
	if err != nil || next.State != AttemptSending || next.Route == nil || next.Route.After != a.Number {
		return nil, err
	}
	if !s.Clock.Now().Before(next.SentAt.Add(s.Patience)) {
		return nil, nil
	}
	return &decision{payment: d.payment, attempt: &next}, nil
}

// reload reads an attempt and then its payment: see rows for why in that order.
func (s *Service) reload(ctx context.Context, p Payment, a Attempt) (Payment, Attempt, error) {
	a, err := s.store.attempt(ctx, p.Merchant, p.ID, a.Number)
	if err != nil {
		return p, a, err
	}
	p, err = s.store.payment(ctx, p.Merchant, p.ID)
	return p, a, err
}
