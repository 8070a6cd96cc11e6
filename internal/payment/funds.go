package payment

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// FundsObject is what a customer has paid in, and where it is.
type FundsObject struct {
	Object   string              `json:"object" enum:"customer_funds"`
	Livemode bool                `json:"livemode"`
	Customer string              `json:"customer" example:"cus_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Balances []FundsBalance      `json:"balances" doc:"By currency, over all their payments."`
	Sources  []FundsSourceObject `json:"sources" doc:"Their payments, newest first. One that took no money has paid nothing in."`
	HasMore  bool                `json:"has_more" doc:"Whether more sources follow in the direction that was asked for."`
}

// FundsBalance is what a customer's payments in one currency come to, in minor units.
type FundsBalance struct {
	Currency  string `json:"currency" example:"EUR"`
	PaidIn    int64  `json:"paid_in" doc:"Captured."`
	Returned  int64  `json:"returned" doc:"Refunded."`
	Returning int64  `json:"returning" doc:"Refunds that are on their way."`
	Disputed  int64  `json:"disputed"`
	Withdrawn int64  `json:"withdrawn" doc:"Paid out to somewhere else, or about to be, by payouts that name the customer."`
	Left      int64  `json:"left" doc:"Paid in, and not gone in any of these ways."`
}

// FundsSourceObject is one payment as a source.
type FundsSourceObject struct {
	Payment string        `json:"payment" example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Method  *MethodObject `json:"payment_method"`
	FundsBalance
	Refundable      int64      `json:"refundable" doc:"What a closed loop can return to it now."`
	Reversible      int64      `json:"reversible" doc:"Authorized, and not captured: given back whole or not at all."`
	RefundableUntil *time.Time `json:"refundable_until" doc:"By your returns policy or the method's own window, whichever ends first. Null: without end."`
	Barred          Bar        `json:"barred" enum:",nothing_left,disputed,refund_window_closed,method_not_refundable,operation_in_progress" doc:"Why nothing of it can go back; empty if something can."`
	CreatedAt       time.Time  `json:"created_at"`
}

// Funds is what a customer has paid in and not withdrawn, in all and by source. It fails with fault.NotFound if there is no such customer.
func (s *Service) Funds(ctx context.Context, tenant, customer string, p Page) (FundsObject, error) {
	if err := s.KnowsCustomer(ctx, tenant, customer); err != nil {
		return FundsObject{}, err
	}
	o := FundsObject{Object: "customer_funds", Livemode: id.Live(tenant), Customer: customer, Balances: []FundsBalance{}, Sources: []FundsSourceObject{}}
	sums, err := s.store.paidIn(ctx, tenant, customer)
	if err != nil {
		return o, err
	}
	for _, b := range sums {
		o.Balances = append(o.Balances, FundsBalance{b.currency, b.captured, b.refunded, b.refunding, b.disputed, b.withdrew, b.left})
	}
	var payments []Payment
	payments, o.HasMore, err = s.store.payments(ctx, tenant, p, Filter{Customer: customer})
	if err != nil {
		return o, err
	}
	sources, err := s.sourcesFrom(ctx, payments)
	for _, source := range sources {
		o.Sources = append(o.Sources, source.object())
	}
	return o, err
}

func (s Source) object() FundsSourceObject {
	p := s.Payment
	o := FundsSourceObject{
		Payment: p.ID, Method: s.Method(), Reversible: s.Reversible, RefundableUntil: pointer(s.RefundableUntil), Barred: s.Bar, CreatedAt: p.CreatedAt,
		FundsBalance: FundsBalance{p.Amount.Currency().Code(), p.Captured.Minor(), p.Refunded.Minor(), p.Refunding.Minor(), p.Disputed.Minor(), p.Withdrawn.Minor(), s.Left},
	}
	if s.Bar == BarNone {
		o.Refundable = s.Left
	}
	return o
}

// KnowsCustomer is nil if there is such a customer, also one who was erased: what they paid in is theirs all the same. Else fault.NotFound.
func (s *Service) KnowsCustomer(ctx context.Context, tenant, customer string) error {
	if s.Payers == nil {
		return errNoPayer
	}
	_, err := s.Payers.Customer(ctx, tenant, customer)
	if fault.Is(err, fault.NotFound) {
		return errNoPayer
	}
	return err
}
