package order

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
)

// decision is what a pure function decided: the rows as they shall be, and what is to be told. The rows carry the version they were read
// with; version 0 is a new row.
type decision struct {
	order    *Order // nil: it stays as it is
	payments []Payment
	events   []event.Type
}

// takes decides whether money may be asked for by a payment of this order. It fails with fault.Conflict if the order takes no money any
// more.
func (o Order) takes(amount money.Money, now time.Time) error {
	switch {
	case o.gone(now):
		return fault.New(fault.Conflict, fault.CodeExpired, "the order has expired")
	case !o.Status.takes():
		return fault.State(fmt.Sprintf("the order is %s and takes no payment", o.Status))
	case amount.Currency() == o.Amount.Currency() && amount.Minor() > o.Left().Minor():
		return fault.State(fmt.Sprintf("only %s of the order are left to be paid", o.Left()))
	}
	return nil
}

// fits decides whether a new payment is what the order asks for. It fails with fault.Invalid if not.
func (o Order) fits(amount money.Money) error {
	left := o.Left()
	switch {
	case amount.Currency() != o.Amount.Currency():
		return fault.Wrong("currency", fault.CodeInvalid, "must be the order's, "+o.Amount.Currency().Code())
	case amount.Minor() > left.Minor():
		return fault.Wrong("amount", fault.CodeAmountTooLarge, fmt.Sprintf("only %s of the order are left to be paid", left))
	case amount == left:
		return nil
	case !o.Partial:
		return fault.Wrong("amount", fault.CodeAmountTooSmall, fmt.Sprintf("must be %s: the order is paid at once", left))
	case amount.Minor() < o.Minimum.Minor():
		return fault.Wrong("amount", fault.CodeAmountTooSmall, fmt.Sprintf("must be at least %s, or all that is left", o.Minimum))
	}
	return nil
}

// begin decides that a payment is made for the order.
func (o Order) begin(p payment.Payment, now time.Time) (decision, error) {
	if err := o.takes(money.Of(0, p.Amount.Currency()), now); err != nil {
		return decision{}, err
	}
	if err := o.fits(p.Amount); err != nil {
		return decision{}, err
	}
	if o.Payments >= MaxPayments {
		return decision{}, fault.State(fmt.Sprintf("%d payments were made for the order, and none more can be", MaxPayments))
	}
	o.Payments++
	zero := money.Of(0, p.Amount.Currency())
	return decision{order: &o, payments: []Payment{{
		Merchant: o.Merchant, Order: o.ID, ID: p.ID, Over: p.Over(), Amount: p.Amount, Captured: zero, Surplus: zero, Adjusted: zero, Returned: zero, CreatedAt: now, MovedAt: now,
	}}}, nil
}

// standing is a payment as it will be.
type standing struct {
	captured int64
	refunded int64 // or on its way
	over     bool
	shift    int64 // by how much what was captured has cleared above what was asked for, or below: the order has not heard of it
}

// settle decides what it means for an order how one of its payments will stand. others are its other payments that are not over.
// What was captured is the order's as far as that needs it; the rest is surplus and goes back.
func (o Order) settle(p Payment, s standing, others []Payment, now time.Time) (decision, error) {
	was, d := p, decision{}
	if came := s.captured - s.shift - p.Captured.Minor(); came > 0 {
		if err := d.came(&o, &p, came, now); err != nil {
			return decision{}, err
		}
	}
	p.Captured = money.Of(s.captured-s.shift, p.Captured.Currency())
	if s.shift != 0 {
		d.adjust(&o, &p, s.captured)
	}
	p.Captured, p.Over = money.Of(s.captured, p.Captured.Currency()), s.over
	p.returns(s.refunded, now)
	switch {
	case !p.owes() && (p.Over || o.Status.takes()):
		p.DueAt = time.Time{}
	case p.Surplus != was.Surplus && p.owes():
		p.DueAt = now
	case p.owes() && p.Returned.Minor() < was.Returned.Minor(): // a refund of it failed
		p.DueAt = later(p.Tries, now)
	case !p.owes() && (was.owes() || p.DueAt.IsZero()):
		p.DueAt = now // nobody wants it any more
	}
	if p != was {
		p.MovedAt = now
		d.payments = append(d.payments, p)
	}
	if d.order != nil && !o.Status.takes() {
		d.release(others, now)
	}
	return d, nil
}

// came books money that came for the order.
func (d *decision) came(o *Order, p *Payment, came int64, now time.Time) error {
	kept := int64(0)
	if o.Status.takes() {
		kept = min(came, o.Left().Minor())
	}
	currency := o.Amount.Currency()
	over := came - kept
	o.Paid = money.Of(o.Paid.Minor()+kept, currency)
	o.Surplus = money.Of(o.Surplus.Minor()+over, currency)
	p.Surplus, p.CapturedAt = money.Of(p.Surplus.Minor()+over, currency), now
	if kept > 0 {
		to := PartiallyPaid
		if o.Paid == o.Amount {
			to, o.PaidAt = Paid, now
			d.events = append(d.events, event.OrderPaid)
		}
		if err := o.move(to); err != nil {
			return err
		}
		o.DueAt = o.next()
	}
	if over > 0 {
		d.events = append(d.events, event.OrderOverpaid)
	}
	d.order = o
	return nil
}

// kept is what of a payment the order counts as paid.
func (p Payment) kept() int64 { return p.Captured.Minor() - p.Surplus.Minor() - p.Adjusted.Minor() }

// adjust follows what a payment cleared at. The order is paid by what was captured when it was: a tip that came on top is not sent back, and
// what a pump gave less does not open the order again. What goes back whole goes back as it cleared.
func (d *decision) adjust(o *Order, p *Payment, captured int64) {
	kept, surplus := p.kept(), captured
	if kept > 0 {
		surplus = min(p.Surplus.Minor(), captured)
	}
	currency, shift := o.Amount.Currency(), surplus-p.Surplus.Minor()
	p.Surplus, p.Adjusted = money.Of(surplus, currency), money.Of(captured-surplus-kept, currency)
	if shift != 0 {
		o.Surplus = money.Of(max(o.Surplus.Minor()+shift, 0), currency)
		d.order = o
	}
}

// owes tells whether money of the payment is to go back that is not on its way.
func (p Payment) owes() bool { return p.Returned.Minor() < p.Surplus.Minor() }

// returns notes what of the surplus goes back. What the merchant refunds of such a payment by itself counts as well.
func (p *Payment) returns(refunded int64, now time.Time) {
	returned := money.Of(min(refunded, p.Surplus.Minor()), p.Surplus.Currency())
	if returned.Minor() > p.Returned.Minor() {
		p.ReturnedAt = now
		p.Tries++
	}
	p.Returned = returned
}

// release has the worker end payments that nobody wants any more.
func (d *decision) release(open []Payment, now time.Time) {
	for _, p := range open {
		if p.DueAt.IsZero() {
			p.DueAt, p.MovedAt = now, now
			d.payments = append(d.payments, p)
		}
	}
}

// cancel decides the end of an order at the merchant's wish. With refund, what was paid of it goes back.
func (o Order) cancel(reason string, refund bool, payments []Payment, now time.Time) (decision, error) {
	if err := o.move(Canceled); err != nil {
		return decision{}, err
	}
	o.CancellationReason, o.EndedAt, o.DueAt = reason, now, time.Time{}
	d := decision{order: &o}
	for _, p := range payments {
		if refund && p.kept() > 0 {
			o.Paid = money.Of(o.Paid.Minor()-p.kept(), o.Amount.Currency())
			p.Surplus, p.Adjusted, p.DueAt, p.MovedAt = p.Captured, money.Of(0, o.Amount.Currency()), now, now
			d.payments = append(d.payments, p)
		} else if !p.Over {
			d.release([]Payment{p}, now)
		}
	}
	return d, nil
}

// pass decides what time does to an order: it expires, or its payer is to be reminded. Of several reminders whose time came while
// nobody looked, one is told.
func (o Order) pass(open []Payment, now time.Time) (decision, error) {
	if o.gone(now) && o.Status.takes() {
		if err := o.move(Expired); err != nil {
			return decision{}, err
		}
		o.EndedAt, o.DueAt = now, time.Time{}
		d := decision{order: &o, events: []event.Type{event.OrderExpired}}
		d.release(open, now)
		return d, nil
	}
	d := decision{order: &o}
	reminders := make([]Reminder, len(o.Reminders))
	copy(reminders, o.Reminders)
	for i, r := range reminders {
		if o.Status.takes() && r.SentAt.IsZero() && !now.Before(r.At) {
			reminders[i].SentAt = now
			d.events = []event.Type{event.OrderReminder}
		}
	}
	o.Reminders = reminders
	o.DueAt = o.next()
	return d, nil
}

// delays are how long after a try that did not end a payment, or did not return its money, the next follows. The last one repeats.
var delays = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, day}

// maxReturns is how often it is tried to return money before it is a person's business alone.
const maxReturns = 10

// later is when the next try follows; zero: there is none.
func later(tries int64, now time.Time) time.Time {
	if tries >= maxReturns {
		return time.Time{}
	}
	return now.Add(delays[min(tries, int64(len(delays)-1))])
}
