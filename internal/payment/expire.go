package payment

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// abandoned decides the end of a payment that still waited for its payer, with the try whose payer had to act, if there is one.
func (p Payment) abandoned(a *Attempt, to Status, reason string, now time.Time) (decision, error) {
	if p.Status != RequiresPaymentMethod && p.Status != RequiresAction && !p.waits() {
		return decision{}, fault.State("the payment is " + string(p.Status) + " and does not wait for its payer any more")
	}
	d := decision{payment: p}
	if p.waits() {
		d.payment.ownLater().Waits = ""
	}
	if p.Status == RequiresAction {
		if a == nil || a.State != AttemptAction {
			return decision{}, errTorn
		}
		if err := d.walkAway(*a, now); err != nil {
			return decision{}, err
		}
	}
	if err := d.payment.move(to); err != nil {
		return decision{}, err
	}
	d.payment.CancellationReason, d.payment.DueAt = reason, time.Time{}
	d.tell(map[Status]event.Type{Canceled: event.PaymentCanceled, Expired: event.PaymentExpired}[to])
	return d, nil
}

// giveUp cancels a payment of which no provider has any money.
func (s *Service) giveUp(ctx context.Context, p Payment, reason string, with Companion) (Object, error) {
	d, err := s.apply(ctx, func() (decision, error) { return s.abandon(ctx, p.Merchant, p.ID, Canceled, reason) },
		func(c *db.Change, d decision) error { return with.Result(c, s.answered(d.payment), nil) })
	if err != nil {
		return Object{}, err
	}
	s.closeBehind(ctx, d.attempt)
	return s.answered(d.payment), nil
}

// abandon decides the end of a payment from its rows.
func (s *Service) abandon(ctx context.Context, tenant, payment string, to Status, reason string) (decision, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil || p.Status != RequiresAction {
		return s.decided(p, nil, to, reason, err)
	}
	p, a, err := s.reload(ctx, p, Attempt{Number: p.Attempts})
	return s.decided(p, &a, to, reason, err)
}

func (s *Service) decided(p Payment, a *Attempt, to Status, reason string, err error) (decision, error) {
	if err != nil {
		return decision{}, err
	}
	return p.abandoned(a, to, reason, s.Clock.Now())
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
	case Processing:
		if p.waits() {
			return s.tryAgain(ctx, p)
		}
	case RequiresPaymentMethod:
		_, err = s.apply(ctx, func() (decision, error) {
			p, err := s.store.payment(ctx, tenant, payment)
			if err == nil && p.Status == RequiresAction {
				err = fault.State("the payer is back")
			}
			return s.decided(p, nil, Expired, "", err)
		}, nobody)
	case Authorized:
		_, err = s.operate(ctx, tenant, payment, alone{}, func(p Payment, a Attempt, at occasion) (decision, error) {
			return p.void(a, s.IDs.New(id.Void), PurposeExpire, "", at)
		})
		if switched(err) {
			return s.releaseLater(ctx, p)
		}
	}
	if fault.Is(err, fault.Conflict) {
		return nil // somebody else moved it first: the payer paid, or a capture is under way and the lease brings us back
	}
	return err
}

// releaseLater has a lapsed authorization whose release people have switched off wait for its next turn, as after a failure.
func (s *Service) releaseLater(ctx context.Context, p Payment) error {
	p.DueAt = s.Clock.Now().Add(retryExpiry)
	row, err := paymentRow(p)
	if err != nil {
		return err
	}
	return unlessOvertaken(s.DB.Commit(ctx, db.NewChange(p.Merchant, row)))
}
