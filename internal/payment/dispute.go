package payment

import (
	"context"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// Disputes live on the floor above. What they change of a payment goes through here.

// Denied finds the payment behind our reference of an authorization, of which a provider says that it is disputed. It fails with
// fault.NotFound if that is nothing of ours at the provider account, and with fault.Unavailable while it may yet turn out that the
// money was taken.
func (s *Service) Denied(ctx context.Context, account provider.Account, reference string) (Payment, error) {
	payment, number, ok := parseAttemptReference(reference)
	if !ok {
		return Payment{}, fault.Missing("payment")
	}
	a, err := s.store.attempt(ctx, account.Merchant, payment, number)
	if err == nil && a.Account != account.ID {
		err = fault.Missing("attempt")
	}
	if err != nil {
		return Payment{}, err
	}
	p, err := s.store.payment(ctx, account.Merchant, payment)
	if err != nil {
		return p, err
	}
	if p.Captured.IsZero() && len(paymentMoves[p.Status]) > 0 {
		return p, fault.New(fault.Unavailable, fault.CodeStateConflict, "it is not known yet whether the money was taken")
	}
	return p, nil
}

// Ours is our reference of the authorization that a provider account knows by its own. It fails with fault.NotFound if there is none of
// which the account has told.
func (s *Service) Ours(ctx context.Context, account provider.Account, theirs string) (string, error) {
	a, err := s.store.attemptAt(ctx, account.Merchant, account.ID, theirs)
	if err != nil {
		return "", err
	}
	return a.ourReference(), nil
}

// Find is a payment by its id. It fails with fault.NotFound.
func (s *Service) Find(ctx context.Context, tenant, payment string) (Payment, error) {
	return s.store.payment(ctx, tenant, payment)
}

// Took tells whether the payment's money was taken by the authorization of this reference of ours. Tries that went before it took none.
func (p Payment) Took(reference string) bool {
	return !p.Captured.IsZero() && reference == attemptReference(p.ID, p.Attempts)
}

// Dispute adds the payment, with what is disputed of it from now on, to a Change. Every Change of a dispute brings it, also where the
// amount stays: so a refund that is decided meanwhile is decided anew, and the events about the payment have an order.
func (p Payment) Dispute(c *db.Change, disputed money.Money) error {
	p.Disputed = disputed
	row, err := paymentRow(p)
	if err != nil {
		return err
	}
	c.Add(row)
	return nil
}

// Place is the place, in the payment's thread of events, of the nth event of the Change that Dispute added the payment to.
func (p Payment) Place(n int) int64 { return p.Version*maxEvents + int64(n) }

// Contradict adds to a Change what a provider says of a dispute that cannot be true together with what is known. Once it is
// committed, Alarm tells operators.
func (s *Service) Contradict(ctx context.Context, c *db.Change, k Contradiction) error {
	return s.contradict(ctx, c, k, s.Clock.Now())
}

// Alarm tells operators of a contradiction that is written; nil is none.
func (s *Service) Alarm(k *Contradiction) { s.alarm(k) }
