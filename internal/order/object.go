package order

import (
	"slices"
	"time"

	"github.com/florinpay/florin/internal/payment"
)

// Object is an order as the contract shows it: in answers and inside webhooks alike.
type Object struct {
	ID                 string            `json:"id" example:"ord_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object             string            `json:"object" enum:"order"`
	Livemode           bool              `json:"livemode"`
	Status             Status            `json:"status" enum:"open,partially_paid,paid,expired,canceled"`
	Amount             int64             `json:"amount" doc:"In the currency's minor unit."`
	AmountPaid         int64             `json:"amount_paid" doc:"What its payments brought and it kept. Refunds of them do not count."`
	AmountLeft         int64             `json:"amount_left" doc:"What is still to be paid."`
	AmountSurplus      int64             `json:"amount_surplus" doc:"What came that it did not need. That goes back by itself."`
	Currency           string            `json:"currency" doc:"ISO 4217." example:"EUR"`
	Lines              []Line            `json:"lines"`
	PartialPayments    string            `json:"partial_payments" enum:"none,allowed"`
	MinimumPayment     *int64            `json:"minimum_payment" doc:"The least that a part may be, unless it is the last."`
	InvoiceNumber      *string           `json:"invoice_number" doc:"Your own."`
	Description        string            `json:"description,omitempty"`
	Customer           *string           `json:"customer" doc:"The payer, if you keep them here."`
	ReturnURL          *string           `json:"return_url" doc:"Where the payer goes in the end."`
	CheckoutURL        string            `json:"checkout_url,omitempty" doc:"The page of the order, on which it can be paid as long as it is open. For the payer only. Not in webhooks."`
	DueAt              *time.Time        `json:"due_at" doc:"When it is to be paid. An order with it is an invoice."`
	ExpiresAt          *time.Time        `json:"expires_at" doc:"From when on it cannot be paid."`
	Reminders          []ReminderObject  `json:"reminders"`
	PaidAt             *time.Time        `json:"paid_at" doc:"When it was paid in full."`
	EndedAt            *time.Time        `json:"ended_at" doc:"When it was canceled or expired."`
	CancellationReason string            `json:"cancellation_reason,omitempty"`
	Metadata           map[string]string `json:"metadata"`
	CreatedAt          time.Time         `json:"created_at"`

	Payments []PaymentObject         `json:"payments,omitempty" doc:"With expand=payments."`
	Timeline []payment.TimelineEntry `json:"timeline,omitempty" doc:"With expand=timeline."`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o Object) ObjectID() string { return o.ID }

// ReminderObject is a reminder as the contract shows it.
type ReminderObject struct {
	Days   int64      `json:"days" doc:"After due_at; negative: before." example:"-3"`
	At     time.Time  `json:"at"`
	SentAt *time.Time `json:"sent_at" doc:"When its event was made. Null if it was not yet, or will not be."`
}

// PaymentObject is what one payment is to its order.
type PaymentObject struct {
	Payment        string    `json:"payment" example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Amount         int64     `json:"amount"`
	AmountCaptured int64     `json:"amount_captured"`
	AmountSurplus  int64     `json:"amount_surplus" doc:"What of it the order did not need."`
	AmountReturned int64     `json:"amount_returned" doc:"What of that is refunded, or on its way."`
	Open           bool      `json:"open" doc:"Whether it may still bring money."`
	CreatedAt      time.Time `json:"created_at"`
}

// Object shows the order, without what only its payer may know.
func (o Order) Object() Object {
	shown := Object{
		ID: o.ID, Object: "order", Livemode: o.Live(), Status: o.Status, Amount: o.Amount.Minor(), AmountPaid: o.Paid.Minor(), AmountLeft: o.Left().Minor(),
		AmountSurplus: o.Surplus.Minor(), Currency: o.Amount.Currency().Code(), Lines: o.Lines, PartialPayments: "none", InvoiceNumber: known(o.InvoiceNumber),
		Description: o.Description, Customer: known(o.Customer), ReturnURL: known(o.ReturnURL), DueAt: pointer(o.PayableBy), ExpiresAt: pointer(o.ExpiresAt),
		Reminders: []ReminderObject{}, PaidAt: pointer(o.PaidAt), EndedAt: pointer(o.EndedAt), CancellationReason: o.CancellationReason, Metadata: o.Metadata,
		CreatedAt: o.CreatedAt,
	}
	if o.Lines == nil {
		shown.Lines = []Line{}
	}
	if o.Metadata == nil {
		shown.Metadata = map[string]string{}
	}
	if o.Partial {
		shown.PartialPayments = "allowed"
	}
	if minimum := o.Minimum.Minor(); minimum > 0 {
		shown.MinimumPayment = &minimum
	}
	for _, r := range o.Reminders {
		shown.Reminders = append(shown.Reminders, ReminderObject{r.Days, r.At, pointer(r.SentAt)})
	}
	return shown
}

// expand adds what expand names: payments, timeline.
func (o Order) expand(shown *Object, what []string, payments []Payment) {
	if slices.Contains(what, "payments") {
		shown.Payments = []PaymentObject{}
		for _, p := range payments {
			shown.Payments = append(shown.Payments, PaymentObject{
				p.ID, p.Amount.Minor(), p.Captured.Minor(), p.Surplus.Minor(), p.Returned.Minor(), !p.Over, p.CreatedAt,
			})
		}
	}
	if slices.Contains(what, "timeline") {
		shown.Timeline = o.timeline(payments)
	}
}

// timeline is what happened to an order, oldest first.
func (o Order) timeline(payments []Payment) []payment.TimelineEntry {
	var entries []payment.TimelineEntry
	add := func(at time.Time, event, detail string) {
		if !at.IsZero() {
			entries = append(entries, payment.TimelineEntry{At: at, Event: event, Detail: detail})
		}
	}
	add(o.CreatedAt, "order.created", o.Amount.String())
	for _, p := range payments {
		add(p.CreatedAt, "payment.created", p.Amount.String()+" by "+p.ID)
		switch {
		case p.Captured.Minor() > 0:
			add(p.CapturedAt, "payment.captured", p.Captured.String()+" by "+p.ID)
		case p.Over:
			add(p.MovedAt, "payment.ended", p.ID+" brought nothing")
		}
		if p.Surplus.Minor() > 0 {
			add(p.CapturedAt, "order.overpaid", p.Surplus.String()+" of "+p.ID+" were not needed, and go back")
			add(p.ReturnedAt, "surplus.returning", p.Returned.String()+" of "+p.ID)
		}
	}
	for _, r := range o.Reminders {
		add(r.SentAt, "order.reminder", "")
	}
	add(o.PaidAt, "order.paid", o.Paid.String())
	if o.Status == Expired || o.Status == Canceled {
		add(o.EndedAt, "order."+string(o.Status), o.CancellationReason)
	}
	slices.SortStableFunc(entries, func(a, b payment.TimelineEntry) int { return a.At.Compare(b.At) })
	return entries
}

// known is nil for nothing.
func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
