package dispute

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

const (
	answerTime = 90 * time.Second // for all calls of one answer: a file of 10 MiB goes in pieces
	lease      = 2 * time.Minute  // after which the worker takes up an answer whose end nobody wrote
)

// Answer tells the provider what the merchant has to say: Submit sends the evidence, Accept gives in. The intent is committed before the
// call and the result after it. An answer of which the provider says nothing stays pending, and the worker gives it again: it is
// the same one to the provider. One that the provider refuses comes back refused, with the dispute as it was.
//
// It fails with fault.NotFound, and with fault.Conflict if the dispute awaits no answer, one is on its way, there is no evidence to
// submit, or the provider takes no answers.
func (s *Service) Answer(ctx context.Context, tenant, dispute string, kind AnswerKind, with payment.Companion) (Object, error) {
	d, account, responder, err := s.addressee(ctx, tenant, dispute)
	if err != nil {
		return Object{}, err
	}
	ourID := s.IDs.New(id.Answer)
	intent, err := s.apply(ctx, func() (decision, error) {
		d, _, err := s.read(ctx, tenant, dispute)
		if err != nil {
			return decision{}, err
		}
		now := s.Clock.Now()
		return d.answer(kind, ourID, now, now.Add(lease))
	}, func(c *db.Change, _ decision) error { with.Intent(c, d.ID); return nil })
	if err != nil {
		return Object{}, err
	}
	return s.give(ctx, account, responder, intent.dispute, with)
}

// addressee finds who is told an answer.
func (s *Service) addressee(ctx context.Context, tenant, dispute string) (Dispute, provider.Account, provider.DisputeResponder, error) {
	d, err := s.store.dispute(ctx, tenant, dispute)
	if err != nil {
		return d, provider.Account{}, nil, err
	}
	account, err := s.Accounts.Get(ctx, tenant, d.Account)
	if err != nil {
		return d, account, nil, fmt.Errorf("provider account %s: %w", d.Account, err)
	}
	responder, err := provider.Lookup[provider.DisputeResponder](s.Providers, account.Provider)
	if err != nil {
		return d, account, nil, fault.State("provider account " + d.Account + " takes no answers to disputes: answer where the provider wants it")
	}
	return d, account, responder, nil
}

// give calls the provider with a pending answer and commits the result.
func (s *Service) give(ctx context.Context, account provider.Account, to provider.DisputeResponder, d Dispute, with payment.Companion) (Object, error) {
	ctx = context.WithoutCancel(ctx) // once it is told, its outcome is wanted
	outcome, err := s.call(ctx, account, to, d)
	if err != nil {
		return Object{}, err
	}
	result, err := s.apply(ctx, func() (decision, error) {
		now, p, err := s.read(ctx, d.Merchant, d.ID)
		if err != nil {
			return decision{}, err
		}
		return conclude(now, p, d.Answer.ID, outcome, s.Clock.Now()), nil
	}, func(c *db.Change, r decision) error { return with.Result(c, r.dispute.object(), nil) })
	return result.dispute.object(), err
}

func (s *Service) call(ctx context.Context, account provider.Account, to provider.DisputeResponder, d Dispute) (provider.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	named := provider.DisputeAnswer{Reference: d.Answer.ID, Dispute: d.Reference}
	if d.Answer.Kind == Accept {
		return to.AcceptDispute(ctx, account, named), nil
	}
	evidence, err := s.opened(ctx, d)
	if err != nil {
		return provider.Outcome{}, err
	}
	evidence.DisputeAnswer = named
	return to.SubmitEvidence(ctx, account, evidence), nil
}

// alone is the Companion of an answer that nobody waits for.
type alone struct{}

func (alone) Intent(*db.Change, string)           {}
func (alone) Result(*db.Change, any, error) error { return nil }

// Sweeps are the worker's queue: answers of which nothing is known, reminders and deadlines, and the evidence of customers who were
// erased. An account whose calls hang keeps no
// more than half the hands.
func (s *Service) Sweeps() []db.Sweep {
	return []db.Sweep{
		{Name: "disputes", Table: table, Lease: lease, Every: time.Second, Limit: 16, Handle: s.due, Group: "provider_account", Share: 8},
		{Name: erasureSweep, Table: erasureTable, Lease: lease, Every: time.Second, Limit: 4, Handle: s.erase},
	}
}

// due does what the time has come for.
func (s *Service) due(ctx context.Context, key []string) error {
	d, _, err := s.read(ctx, key[0], key[1])
	if err != nil {
		return err
	}
	if d.pending() {
		_, account, responder, err := s.addressee(ctx, d.Merchant, d.ID)
		if err != nil {
			return err
		}
		_, err = s.give(ctx, account, responder, d, alone{})
		return err
	}
	_, err = s.apply(ctx, func() (decision, error) {
		d, p, err := s.read(ctx, key[0], key[1])
		if err != nil {
			return decision{}, err
		}
		return pass(d, p, s.Clock.Now()), nil
	}, func(*db.Change, decision) error { return nil })
	return err
}
