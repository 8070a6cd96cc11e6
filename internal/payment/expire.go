package payment

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// abandoned decides the end of a payment that still waited for its payer.
func (p Payment) abandoned(to Status, reason string) (decision, error) {
	if p.Status != RequiresPaymentMethod {
		return decision{}, fault.State("the payment is " + string(p.Status) + " and does not wait for its payer any more")
	}
	if err := p.move(to); err != nil {
		return decision{}, err
	}
	p.CancellationReason, p.DueAt = reason, time.Time{}
	told := map[Status]event.Type{Canceled: event.PaymentCanceled, Expired: event.PaymentExpired}
	return decision{payment: p, events: []event.Type{told[to]}}, nil
}

// giveUp cancels a payment that no provider knows of.
func (s *Service) giveUp(ctx context.Context, p Payment, reason string, with Companion) (Object, error) {
	d, err := s.apply(ctx, func() (decision, error) {
		p, err := s.store.payment(ctx, p.Merchant, p.ID)
		if err != nil {
			return decision{}, err
		}
		return p.abandoned(Canceled, reason)
	}, func(c *db.Change, d decision) error {
		return with.Result(c, s.answered(d.payment), nil)
	})
	if err != nil {
		return Object{}, err
	}
	return s.answered(d.payment), nil
}

// expire does what time asks of a payment: it ends one that waited too long for its payer, and releases an authorization
// that was not captured in time.
func (s *Service) expire(ctx context.Context, key []string) error {
	tenant, payment := key[0], key[1]
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return err
	}
	switch p.Status {
	case RequiresPaymentMethod:
		_, err = s.apply(ctx, func() (decision, error) {
			p, err := s.store.payment(ctx, tenant, payment)
			if err != nil {
				return decision{}, err
			}
			return p.abandoned(Expired, "")
		}, nobody)
	case Authorized:
		_, err = s.operate(ctx, tenant, payment, alone{}, func(p Payment, a Attempt, at occasion) (decision, error) {
			return p.void(a, s.IDs.New(id.Void), PurposeExpire, "", at)
		})
	}
	if fault.Is(err, fault.Conflict) {
		return nil // somebody else moved it first: the payer paid, or a capture is under way and the lease brings us back
	}
	return err
}
