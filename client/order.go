package client

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"time"
)

// OrderStatus is an order's state. An unknown one is kept as it came.
type OrderStatus string

// The order's states.
const (
	OrderOpen          OrderStatus = "open"
	OrderPartiallyPaid OrderStatus = "partially_paid"
	OrderPaid          OrderStatus = "paid"
	OrderExpired       OrderStatus = "expired"
	OrderCanceled      OrderStatus = "canceled"
)

// Order is what is to be paid. Amounts are in the currency's minor unit.
type Order struct {
	ID                 string            `json:"id"`
	Livemode           bool              `json:"livemode"`
	Status             OrderStatus       `json:"status"`
	Amount             int64             `json:"amount"`
	AmountPaid         int64             `json:"amount_paid"`    // what its payments brought and it kept; refunds of them do not count
	AmountLeft         int64             `json:"amount_left"`    // what is still to be paid
	AmountSurplus      int64             `json:"amount_surplus"` // what came that it did not need: that goes back by itself
	Currency           string            `json:"currency"`
	Lines              []OrderLine       `json:"lines"`
	PartialPayments    string            `json:"partial_payments"` // none or allowed
	MinimumPayment     *int64            `json:"minimum_payment"`  // the least that a part may be, unless it is the last
	InvoiceNumber      *string           `json:"invoice_number"`
	Description        string            `json:"description,omitempty"`
	Customer           *string           `json:"customer"`
	ReturnURL          *string           `json:"return_url"`             // where the payer goes in the end
	CheckoutURL        string            `json:"checkout_url,omitempty"` // its page: for the payer only
	DueAt              *time.Time        `json:"due_at"`                 // an order with it is an invoice
	ExpiresAt          *time.Time        `json:"expires_at"`             // from when on it cannot be paid
	Reminders          []OrderReminder   `json:"reminders"`
	PaidAt             *time.Time        `json:"paid_at"`  // in full
	EndedAt            *time.Time        `json:"ended_at"` // when it was canceled or expired
	CancellationReason string            `json:"cancellation_reason,omitempty"`
	Metadata           map[string]string `json:"metadata"`
	CreatedAt          time.Time         `json:"created_at"`

	Payments []OrderPayment  `json:"payments,omitempty"` // with WithExpand("payments")
	Timeline []TimelineEntry `json:"timeline,omitempty"` // with WithExpand("timeline")
}

// OrderLine is one thing that is sold.
type OrderLine struct {
	Name       string `json:"name"`
	Quantity   int64  `json:"quantity"`
	UnitAmount int64  `json:"unit_amount"` // of one, without tax; negative for a discount
	TaxAmount  int64  `json:"tax_amount"`  // of the whole line
	TaxRate    string `json:"tax_rate,omitempty"`
	Amount     int64  `json:"amount"` // quantity × unit amount + tax amount
}

// OrderReminder is when you want to remind the payer.
type OrderReminder struct {
	Days   int64      `json:"days"` // after DueAt; negative: before
	At     time.Time  `json:"at"`
	SentAt *time.Time `json:"sent_at"`
}

// OrderPayment is what one payment is to its order.
type OrderPayment struct {
	Payment        string    `json:"payment"`
	Amount         int64     `json:"amount"`
	AmountCaptured int64     `json:"amount_captured"`
	AmountSurplus  int64     `json:"amount_surplus"`  // what of it the order did not need
	AmountReturned int64     `json:"amount_returned"` // what of that is refunded, or on its way
	Open           bool      `json:"open"`            // it may still bring money
	CreatedAt      time.Time `json:"created_at"`
}

// PaymentOrder is the order of a payment: its id, and with WithExpand("order") all of it.
type PaymentOrder struct {
	ID    string
	Order *Order // nil if it was not asked for
}

// UnmarshalJSON takes an id, or an order.
func (p *PaymentOrder) UnmarshalJSON(text []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		p.Order = nil
		return json.Unmarshal(text, &p.ID)
	}
	p.Order = &Order{}
	err := json.Unmarshal(text, p.Order)
	p.ID = p.Order.ID
	return err
}

// MarshalJSON gives what was taken.
func (p PaymentOrder) MarshalJSON() ([]byte, error) {
	if p.Order != nil {
		return json.Marshal(p.Order)
	}
	return json.Marshal(p.ID)
}

// CreateOrder asks for an order. The lines must add up to the amount.
type CreateOrder struct {
	Amount          int64              `json:"amount"`
	Currency        string             `json:"currency"` // ISO 4217, such as EUR
	Lines           []OrderLineRequest `json:"lines,omitempty"`
	DueAt           *time.Time         `json:"due_at,omitempty"`     // makes it an invoice
	ExpiresAt       *time.Time         `json:"expires_at,omitempty"` // in 30 days if nil; an invoice never
	InvoiceNumber   string             `json:"invoice_number,omitempty"`
	Description     string             `json:"description,omitempty"` // the payer reads it
	Customer        string             `json:"customer,omitempty"`
	PartialPayments string             `json:"partial_payments,omitempty"` // none or allowed
	MinimumPayment  int64              `json:"minimum_payment,omitempty"`
	Reminders       []int64            `json:"reminders,omitempty"` // days after DueAt; negative: before
	ReturnURL       string             `json:"return_url,omitempty"`
	Metadata        map[string]string  `json:"metadata,omitempty"` // its payments get them, too
}

// OrderLineRequest is a line as it is asked for.
type OrderLineRequest struct {
	Name       string `json:"name"`
	Quantity   int64  `json:"quantity"`
	UnitAmount int64  `json:"unit_amount"`
	TaxAmount  int64  `json:"tax_amount,omitempty"`
	TaxRate    string `json:"tax_rate,omitempty"` // in your words
	Amount     *int64 `json:"amount,omitempty"`   // if it is given, it must come out
}

// CancelOrder ends an order.
type CancelOrder struct {
	Reason string `json:"reason,omitempty"`
	Refund bool   `json:"refund,omitempty"` // send back what was paid of it
}

// ListOrders chooses orders.
type ListOrders struct {
	Page
	Status        OrderStatus
	Customer      string
	InvoiceNumber string
}

// OrderService calls /v1/orders.
type OrderService struct{ core *core }

const orders = "/v1/orders"

// Create makes an order. Send the payer to its CheckoutURL, or charge them with CreatePayment.Order.
func (s *OrderService) Create(ctx context.Context, p CreateOrder, options ...CallOption) (*Order, error) {
	return post[Order](ctx, s.core, orders, p, options)
}

// Get reads an order; see [WithExpand].
func (s *OrderService) Get(ctx context.Context, id string, options ...CallOption) (*Order, error) {
	path, err := under(orders, id)
	if err != nil {
		return nil, err
	}
	return get[Order](ctx, s.core, path, nil, options)
}

// List walks orders, newest first, page by page as it goes. With EndingBefore it walks from that order to newer ones.
func (s *OrderService) List(ctx context.Context, p ListOrders, options ...CallOption) iter.Seq2[*Order, error] {
	query := p.values()
	set(query, "status", string(p.Status))
	set(query, "customer", p.Customer)
	set(query, "invoice_number", p.InvoiceNumber)
	return all(ctx, s.core, orders, query, func(o *Order) string { return o.ID }, options)
}

// Cancel ends an order that is not paid in full.
func (s *OrderService) Cancel(ctx context.Context, id string, p CancelOrder, options ...CallOption) (*Order, error) {
	path, err := under(orders, id, "cancel")
	if err != nil {
		return nil, err
	}
	return post[Order](ctx, s.core, path, p, options)
}
