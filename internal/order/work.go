package order

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
)

// Sweeps are the worker's queues: orders whose time comes, and payments of orders that nobody wants, or whose money goes back.
func (s *Service) Sweeps() []db.Sweep {
	return []db.Sweep{
		{Name: "orders", Table: orderTable, Every: time.Second, Lease: time.Minute, Limit: 64, Handle: s.pass},
		{Name: "order payments", Table: paymentTable, Every: 500 * time.Millisecond, Lease: 3 * time.Minute, Limit: 32, Handle: s.clear},
	}
}

// pass does what time asks of an order.
func (s *Service) pass(ctx context.Context, key []string) error {
	_, err := s.change(ctx, key[0], key[1], func(*db.Change, Object) error { return nil }, func(o Order) (decision, error) {
		all, err := s.store.payments(ctx, o.Merchant, o.ID)
		if err != nil {
			return decision{}, err
		}
		return o.pass(openBut(all, ""), s.Clock.Now())
	})
	return err
}

// Why money goes back, and why payments are canceled, as merchants read it.
const (
	reasonSurplus = "the order did not need this money"
	reasonRefund  = "the order was canceled"
)

var reasonsOfEnd = map[Status]string{Paid: "the order is paid", Expired: "the order has expired", Canceled: "the order was canceled"}

// clear sends back what a payment brought that its order did not need, or ends one that nobody wants any more. What it does to the payment
// comes back by Settled, in the payment's own Change.
func (s *Service) clear(ctx context.Context, key []string) error {
	tenant, order, id := key[0], key[1], key[2]
	p, err := s.store.payment(ctx, tenant, order, id)
	if err != nil {
		return err
	}
	o, err := s.store.order(ctx, tenant, order)
	if err != nil {
		return err
	}
	switch {
	case p.owes():
		reason := reasonSurplus
		if o.Status == Canceled {
			reason = reasonRefund
		}
		err = s.Payments.RefundDown(ctx, tenant, id, p.Surplus.Minor(), reason)
	case !p.Over && !o.Status.takes():
		_, err = s.Payments.Cancel(ctx, tenant, id, reasonsOfEnd[o.Status], alone{})
	default:
		return s.put(ctx, p, time.Time{})
	}
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.Declined) {
		return s.postpone(ctx, tenant, order, id) // its bank has not answered yet, or another request is at it
	}
	return err
}

// postpone has a payment looked at again later. If it moved meanwhile, that is decided already.
func (s *Service) postpone(ctx context.Context, tenant, order, id string) error {
	p, err := s.store.payment(ctx, tenant, order, id)
	if err != nil || p.DueAt.IsZero() {
		return err
	}
	p.Tries++
	return s.put(ctx, p, s.Clock.Now().Add(delays[min(p.Tries, int64(len(delays)-1))]))
}

func (s *Service) put(ctx context.Context, p Payment, due time.Time) error {
	p.DueAt = due
	err := s.DB.Commit(ctx, db.NewChange(p.Merchant, paymentRow(p)))
	if fault.Is(err, fault.Stale) {
		return nil // it moved, and whoever moved it decided what is next
	}
	return err
}

// alone is the Companion of what nobody waits for.
type alone struct{}

func (alone) Intent(*db.Change, string)           {}
func (alone) Result(*db.Change, any, error) error { return nil }

var _ payment.Orders = (*Service)(nil)
