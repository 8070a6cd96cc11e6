package payment

import (
	"context"
	"slices"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Orders is what payments are made for. Its rows travel in the payments' own Changes, so that an order is paid at the very moment at
// which its payment is. The methods may be called again for another Change, if rows changed meanwhile. See order.Service.
type Orders interface {
	// Ordered is asked before money is asked for: by a payment that is being made for an order, and by each later try of it. It fails
	// with fault.NotFound, with fault.Conflict if the order takes no payment, and with fault.Invalid if this one does not fit it.
	Ordered(ctx context.Context, c *db.Change, p Payment) error
	// Settled hears of a payment as it will be: money was captured or is going back, it ended without any, or what it captured has cleared
	// at another amount. shift is by how much that is more than was asked for, in minor units, or less. Both may be new at once.
	Settled(ctx context.Context, c *db.Change, p Payment, shift int64) error
}

// errNoOrders is the refusal of an order where there are none.
var errNoOrders = fault.Missing("order")

// ordered asks the order of a payment, if it is for one.
func (s *Service) ordered(ctx context.Context, c *db.Change, p Payment) error {
	switch {
	case p.Order == "":
		return nil
	case s.Orders == nil:
		return errNoOrders
	}
	return s.Orders.Ordered(ctx, c, p)
}

// settling are the events after which the order of a payment may stand differently.
var settling = []event.Type{
	event.PaymentCaptured, event.PaymentPartiallyCaptured, event.PaymentFailed, event.PaymentCanceled, event.PaymentExpired,
	event.RefundPending, event.RefundSucceeded, event.RefundFailed,
}

// settled tells the order of a payment how that will stand.
func (s *Service) settled(ctx context.Context, c *db.Change, d decision) error {
	switch {
	case d.payment.Order == "" || s.Orders == nil || d.payment.Version == 0: // of a new one the order hears by Ordered
		return nil
	case d.clearing != nil:
		return s.Orders.Settled(ctx, c, d.payment, d.clearing.Cleared.Minor()-d.clearing.Captured.Minor())
	case slices.ContainsFunc(d.events, func(t event.Type) bool { return slices.Contains(settling, t) }):
		return s.Orders.Settled(ctx, c, d.payment, 0)
	}
	return nil
}

// Over tells whether the payment has come to a state that it cannot leave.
func (p Payment) Over() bool { return len(paymentMoves[p.Status]) == 0 }

// RefundDown refunds so much of a payment that at least total, in minor units, of it is refunded or on its way. However often and
// from wherever it is called, no more goes back: what is missing is decided together with the payment's row. It fails like Refund,
// and with fault.Conflict if nothing is missing.
func (s *Service) RefundDown(ctx context.Context, tenant, payment string, total int64, reason string) error {
	_, err := s.operate(ctx, tenant, payment, alone{}, func(p Payment, a Attempt, at occasion) (decision, error) {
		missing := total - p.Refunded.Minor() - p.Refunding.Minor()
		if missing <= 0 {
			return decision{}, fault.State("so much is refunded already")
		}
		return p.refund(a, s.IDs.New(id.Refund), RefundRequest{Amount: missing, Reason: reason}, at)
	})
	return err
}
