package payment

import (
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// Verdict is what became of a provider's message.
type Verdict string

// The verdicts.
const (
	Applied      Verdict = "applied"
	Known        Verdict = "known"        // it says what was known
	Unmatched    Verdict = "unmatched"    // it speaks of nothing of ours
	Unsupported  Verdict = "unsupported"  // this version does not understand it
	Contradicted Verdict = "contradicted" // it cannot be true together with what is known
)

// Notify applies a provider's verified message. The caller's record of it, made by with, travels in the same Change, so
// that a message is recorded and applied, or neither. Messages may come in any order and any number of times.
func (s *Service) Notify(ctx context.Context, account provider.Account, n provider.Notification,
	with func(c *db.Change, v Verdict, detail string)) error {
	decide, verdict, detail, err := s.hear(ctx, account, n)
	if err != nil {
		return err
	}
	if verdict != "" {
		c := db.NewChange(account.Merchant)
		with(c, verdict, detail)
		return s.DB.Commit(ctx, c)
	}
	_, err = s.apply(ctx, decide, func(c *db.Change, d decision) error {
		switch {
		case d.contradiction != nil:
			with(c, Contradicted, d.contradiction.Claim)
		case d.nothing():
			with(c, Known, "")
		default:
			with(c, Applied, "")
		}
		return nil
	})
	return err
}

// hear finds what a message speaks of. It gives back the decision to make, or the verdict if there is none to make.
func (s *Service) hear(ctx context.Context, account provider.Account, n provider.Notification) (func() (decision, error), Verdict, string, error) {
	switch n.Operation {
	case "":
		return nil, Unsupported, n.Type, nil
	case provider.OpAuthorize:
		return s.hearAttempt(ctx, account, n)
	default:
		return s.hearOperation(ctx, account, n)
	}
}

func (s *Service) hearAttempt(ctx context.Context, account provider.Account, n provider.Notification) (func() (decision, error), Verdict, string, error) {
	payment, number, ok := parseAttemptReference(n.Attempt)
	if !ok {
		return nil, Unmatched, "reference " + n.Attempt, nil
	}
	read := func() (Payment, Attempt, error) {
		return s.reload(ctx, Payment{Merchant: account.Merchant, ID: payment}, Attempt{Number: number})
	}
	if _, a, err := read(); fault.Is(err, fault.NotFound) || err == nil && a.Account != account.ID {
		return nil, Unmatched, "reference " + n.Attempt, nil
	} else if err != nil {
		return nil, "", "", err
	}
	return func() (decision, error) {
		p, a, err := read()
		if err != nil {
			return decision{}, err
		}
		return s.settle(ctx, account, p, a, n.Outcome)
	}, "", "", nil
}

func (s *Service) hearOperation(ctx context.Context, account provider.Account, n provider.Notification) (func() (decision, error), Verdict, string, error) {
	unmatched := fmt.Sprintf("%s %s", n.Operation, n.Reference)
	if n.Operation == provider.OpCapture && n.Reference == n.Attempt {
		return s.hearOwnCapture(ctx, account, n)
	}
	op, err := s.store.operation(ctx, account.Merchant, n.Reference)
	switch {
	case fault.Is(err, fault.NotFound) && isReversal(n.Reference, n.Attempt):
		return nil, Known, "a reversal of " + n.Attempt, nil
	case fault.Is(err, fault.NotFound), err == nil && inquiries[op.Kind] != n.Operation:
		return nil, Unmatched, unmatched, nil
	case err != nil:
		return nil, "", "", err
	}
	a, err := s.store.attempt(ctx, op.Merchant, op.Payment, op.Attempt)
	if err != nil {
		return nil, "", "", err
	}
	if a.Account != account.ID {
		return nil, Unmatched, unmatched, nil
	}
	return func() (decision, error) {
		p, a, op, err := s.rows(ctx, op)
		if err != nil {
			return decision{}, err
		}
		t, err := s.terms(ctx, p.Merchant, account)
		if err != nil {
			return decision{}, err
		}
		return settleOperation(p, a, op, n.Outcome, t)
	}, "", "", nil
}

// hearOwnCapture hears of the capture that was asked for together with an authorization. If it failed, the authorization
// still stands: it can be captured again, or ends when its time is over.
func (s *Service) hearOwnCapture(ctx context.Context, account provider.Account, n provider.Notification) (func() (decision, error), Verdict, string, error) {
	n.Outcome.Reference = "" // the capture's, not the authorization's
	decide, verdict, detail, err := s.hearAttempt(ctx, account, n)
	if decide != nil && n.Outcome.Class == provider.Declined {
		return nil, Known, "the capture together with the authorization failed", nil
	}
	return decide, verdict, detail, err
}
