package api

import (
	"context"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	orders "github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/payment"
)

// fakeOrders answers with values in every field.
type fakeOrders struct {
	commit func(*db.Change) error
	refuse error
}

func someOrder() orders.Object {
	minimum, text := int64(100), "t"
	return orders.Object{
		ID: "ord_" + someID, Object: "order", Status: orders.PartiallyPaid, Amount: 9232, AmountPaid: 1, AmountLeft: 9231, AmountSurplus: 1, Currency: "EUR",
		Lines: []orders.Line{{Name: "n", Quantity: 2, UnitAmount: 3879, TaxAmount: 1474, TaxRate: "19 %", Amount: 9232}}, PartialPayments: "allowed",
		MinimumPayment: &minimum, InvoiceNumber: &text, Description: "d", Customer: &text, ReturnURL: &text, CheckoutURL: "https://pay.example/order",
		DueAt: &start, ExpiresAt: &start, Reminders: []orders.ReminderObject{{Days: -3, At: start, SentAt: &start}}, PaidAt: &start, EndedAt: &start,
		CancellationReason: "c", Metadata: map[string]string{"k": "v"}, CreatedAt: start,
		Payments: []orders.PaymentObject{{Payment: "pay_" + someID, Amount: 1, AmountCaptured: 1, AmountSurplus: 1, AmountReturned: 1, Open: true, CreatedAt: start}},
		Timeline: []payment.TimelineEntry{{At: start, Event: "order.created", Detail: "d"}},
	}
}

func (f fakeOrders) write(merchant string, with orders.With) (orders.Object, error) {
	if merchant != tenant {
		return orders.Object{}, fault.Missing("order")
	}
	if f.refuse != nil {
		return orders.Object{}, f.refuse
	}
	c := db.NewChange(merchant)
	if err := with(c, someOrder()); err != nil || f.commit == nil {
		return someOrder(), err
	}
	return someOrder(), f.commit(c)
}

func (f fakeOrders) Create(_ context.Context, in orders.Create, with orders.With) (orders.Object, error) {
	return f.write(in.Merchant, with)
}

func (f fakeOrders) Cancel(_ context.Context, merchant, _, _ string, _ bool, with orders.With) (orders.Object, error) {
	return f.write(merchant, with)
}

func (fakeOrders) Get(_ context.Context, merchant, _ string, _ []string) (orders.Object, error) {
	if merchant != tenant {
		return orders.Object{}, fault.Missing("order")
	}
	return someOrder(), nil
}

func (fakeOrders) List(context.Context, string, db.Page, orders.Filter) ([]orders.Object, bool, error) {
	return []orders.Object{someOrder()}, false, nil
}
