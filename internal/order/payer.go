package order

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
)

// The payer's side of an order. Its secret stands in the address of its page, which the merchant sends to the payer: it lets them look at
// the order and pay it, as long as there is the order. To pay they are led to the page of a payment, which has a secret of its own for
// each step.

func (s *Service) secret(o Order) string { return s.Secret("order", o.Merchant, o.ID) }

// page is the address of an order's page.
func (s *Service) page(o Order) string {
	return s.PublicURL + "/order/" + url.PathEscape(o.Merchant) + "/" + o.ID + "?secret=" + url.QueryEscape(s.secret(o))
}

func (s *Service) forPayer(ctx context.Context, tenant, order, secret string) (Order, error) {
	o, err := s.store.order(ctx, tenant, order)
	if err != nil {
		return Order{}, err
	}
	if subtle.ConstantTimeCompare([]byte(secret), []byte(s.secret(o))) != 1 {
		return Order{}, fault.Missing("order")
	}
	return o, nil
}

// Seen is an order as its payer sees it.
type Seen struct {
	Object
	Waits bool // a payment of it is with the payer's bank: nothing can be paid until that has answered
}

// ForPayer is an order for whoever has its secret; fault.NotFound for everybody else.
func (s *Service) ForPayer(ctx context.Context, tenant, order, secret string) (Seen, error) {
	o, err := s.forPayer(ctx, tenant, order, secret)
	if err != nil {
		return Seen{}, err
	}
	seen := Seen{Object: o.Object()}
	if o.gone(s.Clock.Now()) {
		seen.Status = Expired // be it that the worker has not come to it yet
	}
	if !o.Status.takes() {
		return seen, nil
	}
	open, err := s.open(ctx, o)
	seen.Waits = slices.ContainsFunc(open, func(p payment.Object) bool { return withBank[p.Status] })
	return seen, err
}

// withBank are the states of a payment in which its payer has done what they can.
var withBank = map[payment.Status]bool{payment.Processing: true, payment.InReview: true, payment.Authorized: true}

// maxOpen is how many of an order's open payments are looked at: the newest.
const maxOpen = 5

// open are the newest payments of the order that may still bring money.
func (s *Service) open(ctx context.Context, o Order) ([]payment.Object, error) {
	all, err := s.store.payments(ctx, o.Merchant, o.ID)
	if err != nil {
		return nil, err
	}
	var open []payment.Object
	for _, p := range slices.Backward(openBut(all, "")) {
		if len(open) == maxOpen {
			break
		}
		object, err := s.Payments.Get(ctx, o.Merchant, p.ID, nil)
		if err != nil {
			return nil, fmt.Errorf("payment %s of %s: %w", p.ID, o.ID, err)
		}
		open = append(open, object)
	}
	return open, nil
}

// Pay begins a payment of so much of an order, in minor units, or goes on with one that waits for the payer. 0 is all that is left. The
// payment has the secret and the page of its next step. It fails with fault.NotFound without the order's secret, with fault.Conflict if
// the order takes no money, also while another payment of it is with the payer's bank, and with fault.Invalid for an amount that does
// not fit.
func (s *Service) Pay(ctx context.Context, tenant, order, secret string, amount int64) (payment.Object, error) {
	for try := 1; ; try++ {
		o, err := s.forPayer(ctx, tenant, order, secret)
		if err != nil {
			return payment.Object{}, err
		}
		if amount == 0 {
			amount = o.Left().Minor()
		}
		payer, err := s.payer(ctx, o)
		if err != nil {
			return payment.Object{}, err
		}
		known, ok, err := s.resume(ctx, o, amount)
		if ok || err != nil {
			return known, err
		}
		made, err := s.Payments.Create(ctx, payment.Create{
			Merchant: o.Merchant, Amount: amount, Currency: o.Amount.Currency().Code(), Capture: true, ExpiresIn: o.until(s.Clock.Now()),
			Description: o.Description, ReturnURL: o.ReturnURL, Order: o.ID, Customer: payer, Metadata: o.Metadata,
		}, unless{s, ctx, o, amount})
		if !errors.Is(err, errBegun) || try == tries {
			return made, err
		}
	}
}

// payer is the customer of an order, as long as they are known. Who was erased meanwhile can pay like anybody else.
func (s *Service) payer(ctx context.Context, o Order) (string, error) {
	if o.Customer == "" {
		return "", nil
	}
	c, err := s.Customers.Customer(ctx, o.Merchant, o.Customer)
	if fault.Is(err, fault.NotFound) || err == nil && c.Erased() {
		return "", nil
	}
	return o.Customer, err
}

// resume finds a payment of the amount that waits for the payer.
func (s *Service) resume(ctx context.Context, o Order, amount int64) (payment.Object, bool, error) {
	open, err := s.open(ctx, o)
	if err != nil {
		return payment.Object{}, false, err
	}
	if slices.ContainsFunc(open, func(p payment.Object) bool { return withBank[p.Status] }) {
		return payment.Object{}, false, fault.State("a payment of the order is with the payer's bank")
	}
	for _, p := range open {
		if p.Amount == amount && p.ClientSecret != "" {
			return p, true, nil
		}
	}
	return payment.Object{}, false, nil
}

var errBegun = errors.New("another window has begun a payment of the order")

// unless is the Companion of a payment that is made unless another window was faster. Whoever comes later than its look loses against the
// order's row, and looks again.
type unless struct {
	s      *Service
	ctx    context.Context
	order  Order
	amount int64
}

func (unless) Intent(*db.Change, string) {}

// Result fails with errBegun if there is a payment to go on with.
func (u unless) Result(*db.Change, any, error) error {
	_, ok, err := u.s.resume(u.ctx, u.order, u.amount)
	if ok {
		err = errBegun
	}
	return err
}
