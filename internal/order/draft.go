package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// Create asks for an order. The edge has checked the shape; Service checks the meaning.
type Create struct {
	Merchant      string // the tenant
	Amount        int64
	Currency      string
	Lines         []CreateLine // none: nothing is said of what it is for
	Partial       bool
	Minimum       int64 // of a part; 0: any
	InvoiceNumber string
	Description   string
	Customer      string
	ReturnURL     string
	DueAt         time.Time // makes it an invoice
	ExpiresAt     time.Time // zero: in thirty days, an invoice never
	Reminders     []int64   // days after DueAt; negative: before
	Metadata      map[string]string
}

// CreateLine is a line as it is asked for.
type CreateLine struct {
	Name                            string
	Quantity, UnitAmount, TaxAmount int64
	TaxRate                         string
	Amount                          *int64 // nil: what comes out
}

// The bounds of an order.
const (
	MaxAmount    = 999_999_999_999 // of an order, and of a line either way
	MaxQuantity  = 1_000_000
	MaxLines     = 100
	MaxReminders = 10
	MaxDays      = 365 // before or after an order is due
	MaxPayments  = 100 // that are made for one order
)

// defaultExpiry is how long an order that is no invoice can be paid, if the merchant does not say.
const defaultExpiry = 30 * 24 * time.Hour

const day = 24 * time.Hour

// draft is the order that is asked for. It fails with fault.Invalid, naming every wrong field: an amount that is not the sum of its lines,
// a line whose own amount does not come out, times that are over.
func draft(in Create, orderID string, now time.Time) (Order, error) {
	var wrong fault.Collect
	currency, err := money.ParseCurrency(in.Currency)
	if err != nil {
		wrong.Add("currency", fault.CodeCurrency, "must be an ISO 4217 code in capital letters")
	}
	zero := money.Of(0, currency)
	o := Order{
		Merchant: in.Merchant, ID: orderID, Status: Open, Amount: money.Of(in.Amount, currency), Paid: zero, Surplus: zero,
		Partial: in.Partial, Minimum: money.Of(in.Minimum, currency), InvoiceNumber: in.InvoiceNumber, Description: in.Description, Customer: in.Customer,
		ReturnURL: in.ReturnURL, Metadata: in.Metadata, PayableBy: in.DueAt, ExpiresAt: in.ExpiresAt, CreatedAt: now,
	}
	o.checkAmounts(in, &wrong)
	o.Lines = sumLines(in, &wrong)
	o.schedule(in, now, &wrong)
	return o, wrong.Err()
}

func (o *Order) checkAmounts(in Create, wrong *fault.Collect) {
	switch {
	case in.Amount < 1:
		wrong.Add("amount", fault.CodeAmountTooSmall, "must be at least 1")
	case in.Amount > MaxAmount:
		wrong.Add("amount", fault.CodeAmountTooLarge, "must have at most twelve digits")
	}
	switch {
	case in.Minimum < 0:
		wrong.Add("minimum_payment", fault.CodeAmountTooSmall, "must be at least 1")
	case in.Minimum > 0 && !in.Partial:
		wrong.Add("minimum_payment", fault.CodeInvalid, "needs partial_payments to be allowed")
	case in.Minimum > max(in.Amount, 0):
		wrong.Add("minimum_payment", fault.CodeAmountTooLarge, "must not be more than the amount")
	}
}

// sumLines holds the lines against their own sums, and the order against theirs.
func sumLines(in Create, wrong *fault.Collect) []Line {
	if len(in.Lines) > MaxLines {
		wrong.Add("lines", fault.CodeInvalid, fmt.Sprintf("must be at most %d", MaxLines))
		return nil
	}
	lines := make([]Line, 0, len(in.Lines))
	var sum int64
	for i, l := range in.Lines {
		at := fmt.Sprintf("lines[%d].", i)
		if l.Quantity < 1 || l.Quantity > MaxQuantity {
			wrong.Add(at+"quantity", fault.CodeInvalid, fmt.Sprintf("must be 1 to %d", MaxQuantity))
			return nil
		}
		if outside(l.UnitAmount) || outside(l.TaxAmount) {
			wrong.Add(at+"unit_amount", fault.CodeAmountTooLarge, "an amount has at most twelve digits")
			return nil
		}
		amount := l.Quantity*l.UnitAmount + l.TaxAmount // at most 1e6 times 1e12, which fits
		if outside(amount) {
			wrong.Add(at+"amount", fault.CodeAmountTooLarge, "must have at most twelve digits")
			return nil
		}
		if l.Amount != nil && *l.Amount != amount {
			wrong.Add(at+"amount", fault.CodeInvalid, fmt.Sprintf("must be quantity × unit_amount + tax_amount, which is %d", amount))
		}
		sum += amount
		lines = append(lines, Line{l.Name, l.Quantity, l.UnitAmount, l.TaxAmount, l.TaxRate, amount})
	}
	if len(lines) > 0 && sum != in.Amount {
		wrong.Add("amount", fault.CodeInvalid, fmt.Sprintf("must be the sum of the lines, which is %d", sum))
	}
	return lines
}

func outside(amount int64) bool { return amount > MaxAmount || amount < -MaxAmount }

// schedule decides when time itself changes the order.
func (o *Order) schedule(in Create, now time.Time, wrong *fault.Collect) {
	if !in.DueAt.IsZero() && !in.DueAt.After(now) {
		wrong.Add("due_at", fault.CodeInvalid, "must be in the future")
	}
	switch {
	case in.ExpiresAt.IsZero() && in.DueAt.IsZero():
		o.ExpiresAt = now.Add(defaultExpiry)
	case in.ExpiresAt.IsZero():
	case !in.ExpiresAt.After(now):
		wrong.Add("expires_at", fault.CodeInvalid, "must be in the future")
	case in.ExpiresAt.Before(in.DueAt):
		wrong.Add("expires_at", fault.CodeInvalid, "must not be before due_at")
	}
	if len(in.Reminders) > MaxReminders {
		wrong.Add("reminders", fault.CodeInvalid, fmt.Sprintf("must be at most %d", MaxReminders))
		return
	}
	if len(in.Reminders) > 0 && in.DueAt.IsZero() {
		wrong.Add("reminders", fault.CodeInvalid, "needs due_at")
		return
	}
	for i, days := range in.Reminders {
		at, param := in.DueAt.Add(time.Duration(days)*day), fmt.Sprintf("reminders[%d]", i)
		switch {
		case days < -MaxDays || days > MaxDays:
			wrong.Add(param, fault.CodeInvalid, fmt.Sprintf("must be %d to %d", -MaxDays, MaxDays))
		case !at.After(now):
			wrong.Add(param, fault.CodeInvalid, "its time is over already")
		case !o.ExpiresAt.IsZero() && !at.Before(o.ExpiresAt):
			wrong.Add(param, fault.CodeInvalid, "must be before expires_at")
		case slices.ContainsFunc(o.Reminders, func(r Reminder) bool { return r.Days == days }):
			wrong.Add(param, fault.CodeInvalid, "stands twice")
		default:
			o.Reminders = append(o.Reminders, Reminder{Days: days, At: at})
		}
	}
	slices.SortFunc(o.Reminders, func(a, b Reminder) int { return a.At.Compare(b.At) })
	o.DueAt = o.next()
}

// next is when time changes the order; zero: never.
func (o Order) next() time.Time {
	if !o.Status.takes() {
		return time.Time{}
	}
	at := o.ExpiresAt
	for _, r := range o.Reminders {
		if r.SentAt.IsZero() && (at.IsZero() || r.At.Before(at)) {
			at = r.At
		}
	}
	return at
}
