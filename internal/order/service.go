package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/payment"
)

// Payments makes the payments of orders, and ends those that nobody wants. See payment.Service.
type Payments interface {
	Create(ctx context.Context, c payment.Create, with payment.Companion) (payment.Object, error)
	Get(ctx context.Context, tenant, payment string, expand []string) (payment.Object, error)
	Cancel(ctx context.Context, tenant, payment, reason string, with payment.Companion) (payment.Object, error)
	RefundDown(ctx context.Context, tenant, payment string, total int64, reason string) error
}

// Merchants finds the settings of a tenant's merchant. See merchant.Store.
type Merchants interface {
	Of(ctx context.Context, tenant string) (merchant.Merchant, error)
}

// Customers finds payers. See customer.Store.
type Customers interface {
	Customer(ctx context.Context, tenant, customer string) (customer.Customer, error)
}

// Options are what a Service stands on.
type Options struct {
	DB        *db.DB
	Payments  Payments
	Merchants Merchants
	Customers Customers
	Outbox    *event.Outbox
	Clock     clock.Clock
	IDs       *id.Source
	Logger    *slog.Logger
	Secret    func(data ...string) string // derives a secret, in hexadecimal: the same for the same data, another for any other
	PublicURL string                      // where payers reach the public zone, without a slash at the end; empty: they do not
}

// Service makes orders and has them paid. It is the payment.Orders of its payments.
type Service struct {
	Options
	store store
}

// New makes a service.
func New(o Options) *Service { return &Service{Options: o, store: store{o.DB}} }

// With adds the caller's rows, such as an audit record and the idempotency record with the answer, to the Change that makes or ends an
// order. It may be called again for another Change, if rows changed meanwhile.
type With func(c *db.Change, o Object) error

// tries is how often a decision is made anew because the rows it was made from changed meanwhile.
const tries = 64

// Create makes an order. It fails with fault.Invalid, naming every wrong field, with fault.NotFound for a customer that is not this
// tenant's, and with fault.Conflict for one that was erased.
func (s *Service) Create(ctx context.Context, in Create, with With) (Object, error) {
	o, err := draft(in, s.IDs.New(id.Order), s.Clock.Now())
	if err == nil {
		err = s.check(ctx, in)
	}
	if err != nil {
		return Object{}, err
	}
	row, err := orderRow(o)
	if err != nil {
		return Object{}, err
	}
	c, shown := db.NewChange(o.Merchant, row), s.answered(o)
	if err := with(c, shown); err != nil {
		return Object{}, err
	}
	if err := s.DB.Commit(ctx, c); err != nil {
		return Object{}, fmt.Errorf("write %s: %w", o.ID, err)
	}
	return shown, nil
}

// check looks up what an order names.
func (s *Service) check(ctx context.Context, in Create) error {
	if in.Customer != "" {
		c, err := s.Customers.Customer(ctx, in.Merchant, in.Customer)
		switch {
		case fault.Is(err, fault.NotFound):
			return &fault.Error{Kind: fault.NotFound, Code: fault.CodeNotFound, Param: "customer", Detail: "no such customer"}
		case err != nil:
			return err
		case c.Erased():
			return &fault.Error{Kind: fault.Conflict, Code: customer.CodeErased, Param: "customer", Detail: "the customer was erased"}
		}
	}
	if in.ReturnURL == "" {
		return nil
	}
	m, err := s.Merchants.Of(ctx, in.Merchant)
	if err != nil {
		return err
	}
	return m.CheckReturn(in.ReturnURL, id.Live(in.Merchant))
}

// Get is an order with what expand names: payments, timeline. It fails with fault.NotFound.
func (s *Service) Get(ctx context.Context, tenant, order string, expand []string) (Object, error) {
	var payments []Payment
	if len(expand) > 0 {
		var err error
		if payments, err = s.store.payments(ctx, tenant, order); err != nil {
			return Object{}, err
		}
	}
	o, err := s.store.order(ctx, tenant, order) // behind them: it is at least as new as they are
	if err != nil {
		return Object{}, err
	}
	shown := s.answered(o)
	o.expand(&shown, expand, payments)
	return shown, nil
}

// List is a page of a tenant's orders, newest first.
func (s *Service) List(ctx context.Context, tenant string, p db.Page, f Filter) ([]Object, bool, error) {
	found, more, err := s.store.orders(ctx, tenant, p, f)
	objects := make([]Object, len(found))
	for i, o := range found {
		objects[i] = s.answered(o)
	}
	return objects, more, err
}

// Cancel ends an order that is not paid in full. Payments of it that still wait are canceled; with refund, what was paid of it goes
// back. It fails with fault.NotFound, and with fault.Conflict if the order is at its end.
func (s *Service) Cancel(ctx context.Context, tenant, order, reason string, refund bool, with With) (Object, error) {
	return s.change(ctx, tenant, order, with, func(o Order) (decision, error) {
		payments, err := s.store.payments(ctx, tenant, order)
		if err != nil {
			return decision{}, err
		}
		return o.cancel(reason, refund, payments, s.Clock.Now())
	})
}

// change reads an order, has it decided about, and writes it, again and again while others change it.
func (s *Service) change(ctx context.Context, tenant, order string, with With, decide func(Order) (decision, error)) (Object, error) {
	for try := 1; ; try++ {
		was, err := s.store.order(ctx, tenant, order)
		if err != nil {
			return Object{}, err
		}
		d, err := decide(was)
		if err != nil {
			return Object{}, err
		}
		c := db.NewChange(tenant)
		if err := s.add(ctx, c, was, d); err != nil {
			return Object{}, err
		}
		shown := s.answered(d.standing(was))
		if err := with(c, shown); err != nil {
			return Object{}, err
		}
		if err = s.DB.Commit(ctx, c); err == nil {
			s.Outbox.Committed(c)
			return shown, nil
		}
		if !ours(err) || try == tries {
			return Object{}, fmt.Errorf("write %s: %w", order, err)
		}
	}
}

// ours tells whether a Change lost because a row of this package changed meanwhile, and not, say, because an idempotency key was taken.
func ours(err error) bool {
	var lost *db.Conflict
	return errors.As(err, &lost) && lost.Kind == fault.Stale && (lost.Table == orderTable.Name || lost.Table == paymentTable.Name)
}

// standing is the order as a decision leaves it.
func (d decision) standing(was Order) Order {
	if d.order != nil {
		return *d.order
	}
	return was
}

// maxEvents is more events than one decision has.
const maxEvents = 4

// add puts a decision's rows and events into a Change.
func (s *Service) add(ctx context.Context, c *db.Change, was Order, d decision) error {
	if d.order != nil {
		row, err := orderRow(*d.order)
		if err != nil {
			return err
		}
		c.Add(row)
	}
	for _, p := range d.payments {
		c.Add(paymentRow(p))
	}
	o := d.standing(was)
	for i, t := range d.events {
		f := event.Fact{Type: t, Subject: o.ID, Thread: o.ID, Sequence: o.Version*maxEvents + int64(i), Object: o.Object()}
		if err := s.Outbox.Emit(ctx, c, f, s.Clock.Now()); err != nil {
			return err
		}
	}
	return nil
}

// Ordered lets a payment be made for an order, or tried again, or refuses it. See payment.Orders.
func (s *Service) Ordered(ctx context.Context, c *db.Change, p payment.Payment) error {
	o, err := s.store.order(ctx, p.Merchant, p.Order)
	if fault.Is(err, fault.NotFound) {
		return &fault.Error{Kind: fault.NotFound, Code: fault.CodeNotFound, Param: "order", Detail: "no such order"}
	}
	if err != nil {
		return err
	}
	if p.Version > 0 {
		return o.takes(p.Amount, s.Clock.Now())
	}
	d, err := o.begin(p, s.Clock.Now())
	if err != nil {
		return err
	}
	return s.add(ctx, c, o, d)
}

// Settled hears how a payment of an order will stand. See payment.Orders.
func (s *Service) Settled(ctx context.Context, c *db.Change, p payment.Payment, shift int64) error {
	mine, err := s.store.payment(ctx, p.Merchant, p.Order, p.ID)
	if err != nil {
		return fmt.Errorf("payment %s of %s: %w", p.ID, p.Order, err)
	}
	all, err := s.store.payments(ctx, p.Merchant, p.Order)
	if err != nil {
		return err
	}
	o, err := s.store.order(ctx, p.Merchant, p.Order)
	if err != nil {
		return fmt.Errorf("order of %s: %w", p.ID, err)
	}
	d, err := o.settle(mine, standing{
		captured: p.Captured.Minor(), refunded: p.Refunded.Minor() + p.Refunding.Minor(), over: p.Over(), shift: shift,
	}, openBut(all, p.ID), s.Clock.Now())
	if err != nil {
		return err
	}
	for _, changed := range d.payments {
		if changed.ID == p.ID && changed.owes() && changed.DueAt.IsZero() {
			s.Logger.Warn("what an order did not need cannot be refunded", "merchant_id", p.Merchant, "order_id", p.Order, "payment_id", p.ID, "tries", changed.Tries)
		}
	}
	return s.add(ctx, c, o, d)
}

// openBut are the payments that may still bring money, without one.
func openBut(all []Payment, but string) []Payment {
	var open []Payment
	for _, p := range all {
		if p.ID != but && !p.Over {
			open = append(open, p)
		}
	}
	return open
}

// answered is an order as its merchant is answered: with the address of its page. Events never carry that.
func (s *Service) answered(o Order) Object {
	shown := o.Object()
	if s.PublicURL != "" {
		shown.CheckoutURL = s.page(o)
	}
	return shown
}

// until is how long a payment of the order may wait for its payer.
func (o Order) until(now time.Time) time.Duration {
	if left := o.ExpiresAt.Sub(now); !o.ExpiresAt.IsZero() && left < maxWait {
		return left
	}
	return maxWait
}

// maxWait is how long a payment that the order's page began waits for its payer.
const maxWait = day
