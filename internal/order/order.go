// Package order keeps what is to be paid: a cart, or an invoice that falls due. An order takes many tries and is paid once. What its
// payments bring is written in the very Changes that capture it, so two that succeed at the same moment meet at the order's row: one
// of them pays it, and the other one's money goes back by itself.
package order

import (
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

// Order is an amount that a merchant wants of a payer, and what it is for.
type Order struct {
	Merchant           string // the tenant
	ID                 string // ord_…
	Status             Status
	Amount             money.Money
	Paid               money.Money // captured, and kept. What the merchant refunds of it later is the payment's business
	Surplus            money.Money // captured, and not needed
	Lines              []Line
	Partial            bool        // it may be paid in parts
	Minimum            money.Money // the least that such a part may be, unless it is the last; zero: any
	InvoiceNumber      string      // the merchant's own
	Description        string
	Customer           string // cus_…; empty: nobody that is known
	ReturnURL          string // where the payer goes in the end; its origin is registered
	Metadata           map[string]string
	PayableBy          time.Time // what makes it an invoice: when it is to be paid. Zero: at once
	ExpiresAt          time.Time // from when on it cannot be paid; zero: never
	Reminders          []Reminder
	CancellationReason string
	Payments           int64     // how many were made for it
	PaidAt             time.Time // in full
	EndedAt            time.Time // when it was canceled or expired
	DueAt              time.Time // when time itself changes it
	CreatedAt          time.Time
	Version            int64
}

// Line is one thing that is sold. Amount is quantity times unit amount, and the tax on top.
type Line struct {
	Name       string `json:"name" example:"Coffee beans, 1 kg"`
	Quantity   int64  `json:"quantity" example:"2"`
	UnitAmount int64  `json:"unit_amount" doc:"Of one, without tax, in the currency's minor unit. Negative for a discount." example:"3879"`
	TaxAmount  int64  `json:"tax_amount" doc:"Of the whole line." example:"1474"`
	TaxRate    string `json:"tax_rate,omitempty" doc:"In your words. Nothing is computed from it." example:"19 %"`
	Amount     int64  `json:"amount" doc:"quantity × unit_amount + tax_amount." example:"9232"`
}

// Reminder is an event that tells the merchant to remind the payer.
type Reminder struct {
	Days   int64     `json:"days"`    // after the order is due; negative: before
	At     time.Time `json:"at"`      // when that is
	SentAt time.Time `json:"sent_at"` // zero: it was not told yet
}

// Payment is one payment of an order.
type Payment struct {
	Merchant   string
	Order      string
	ID         string // pay_…
	Over       bool   // it has come to its end
	Amount     money.Money
	Captured   money.Money
	Surplus    money.Money // what of it the order did not need
	Adjusted   money.Money // what of it came when it cleared, or went: no business of the order's
	Returned   money.Money // what of the surplus is refunded, or on its way
	Tries      int64       // to return it, or to cancel the payment of an order that takes none any more
	CapturedAt time.Time   // the last
	ReturnedAt time.Time
	DueAt      time.Time // when the worker sees to it
	CreatedAt  time.Time
	MovedAt    time.Time
	Version    int64
}

// Live tells the order's mode.
func (o Order) Live() bool { return id.Live(o.Merchant) }

// Left is what is still to be paid.
func (o Order) Left() money.Money {
	return money.Of(o.Amount.Minor()-o.Paid.Minor(), o.Amount.Currency())
}

// gone tells whether an order's time is over, be it that nobody has written that yet.
func (o Order) gone(now time.Time) bool {
	return o.Status == Expired || o.Status.takes() && !o.ExpiresAt.IsZero() && !now.Before(o.ExpiresAt)
}
