package payment

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

const someOrder = "ord_01jd9qk3v8m2x4r6t7w9y0a1b2"

// orderBook is the orders of a test: it notes what it hears, and refuses what it is told to.
type orderBook struct {
	mu      sync.Mutex
	asked   []Payment
	heard   []Payment
	refuses error // to take a payment
	fails   error // to hear of one
}

func (c *orderBook) Ordered(_ context.Context, _ *db.Change, p Payment) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, p)
	return c.refuses
}

func (c *orderBook) Settled(_ context.Context, _ *db.Change, p Payment, _ int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = append(c.heard, p)
	return c.fails
}

// last is what was heard last.
func (c *orderBook) last(t *till, heard int) Payment {
	t.Helper()
	if len(c.heard) != heard {
		t.Fatalf("the order heard %d times of its payment, want %d", len(c.heard), heard)
	}
	return c.heard[heard-1]
}

func forOrder(capture bool) Create {
	in := order(capture)
	in.Order = someOrder
	return in
}

func TestAnOrdersPaymentsAreListed(t *testing.T) {
	eachTill(t, func(t *till) {
		t.Orders = &orderBook{}
		other := forOrder(true)
		other.Order = "ord_01jd9qk3v8m2x4r6t7w9y0a1b3"
		var its []string
		for _, in := range []Create{forOrder(true), order(true), other, forOrder(false)} {
			o, err := t.Create(t.Context(), in, alone{})
			if err != nil {
				t.Fatal(err)
			}
			if in.Order == someOrder {
				its = append(its, o.ID)
			}
		}
		found, more, err := t.List(t.Context(), shop, Page{Limit: 1}, Filter{Order: someOrder})
		if err != nil || !more || len(found) != 1 || found[0].ID != its[1] || *found[0].Order != someOrder {
			t.Errorf("%+v, %v, %v", found, more, err)
		}
		found, more, err = t.List(t.Context(), shop, Page{Limit: 1, StartingAfter: its[1]}, Filter{Order: someOrder})
		if err != nil || more || len(found) != 1 || found[0].ID != its[0] {
			t.Errorf("then %+v, %v, %v", found, more, err)
		}
		if found, _, err = t.List(t.Context(), shop, Page{Limit: 9}, Filter{Order: someOrder, Status: string(Captured)}); err != nil || len(found) != 1 {
			t.Errorf("captured: %+v, %v", found, err)
		}
	})
}

func TestAnOrderHearsOfItsPaymentsMoney(t *testing.T) {
	eachTill(t, func(t *till) {
		c := &orderBook{}
		t.Orders = c
		o, err := t.Create(t.Context(), forOrder(false), alone{})
		if err != nil || o.Order == nil || *o.Order != someOrder || len(c.asked) != 1 || len(c.heard) != 0 {
			t.Fatalf("authorized: %+v, %v; asked %d, heard %d", o, err, len(c.asked), len(c.heard))
		}
		if _, err := t.Service.Capture(t.Context(), shop, o.ID, 4_000, false, alone{}); err != nil {
			t.Fatal(err)
		}
		if p := c.last(t, 1); p.Captured.Minor() != 4_000 || p.Order != someOrder {
			t.Errorf("heard of %+v", p)
		}
		if _, err := t.Service.Capture(t.Context(), shop, o.ID, 0, true, alone{}); err != nil {
			t.Fatal(err)
		}
		if p := c.last(t, 2); p.Captured.Minor() != 10_000 || !p.Over() {
			t.Errorf("heard of %+v", p)
		}
		if _, err := t.Refund(t.Context(), shop, o.ID, RefundRequest{Amount: 1_000}, alone{}); err != nil {
			t.Fatal(err)
		}
		if p := c.last(t, 4); p.Refunded.Minor() != 1_000 { // pending, then succeeded
			t.Errorf("heard of %+v", p)
		}
	})
}

func TestAnOrderHearsThatAPaymentEndedWithoutMoney(t *testing.T) {
	eachTill(t, func(t *till) {
		c := &orderBook{}
		t.Orders = c
		var declined *DeclinedError
		if _, err := t.Create(t.Context(), forOrder(true), alone{}); !errors.As(err, &declined) {
			t.Fatal(err)
		}
		if p := c.last(t, 1); p.Status != Failed || !p.Over() {
			t.Errorf("heard of %+v", p)
		}
		in := forOrder(true)
		in.Confirm, in.ExpiresIn, in.Choice = false, time.Hour, Choice{}
		o, err := t.Create(t.Context(), in, alone{})
		if err != nil {
			t.Fatal(err)
		}
		t.later(2 * time.Hour)
		if p := c.last(t, 2); p.ID != o.ID || p.Status != Expired {
			t.Errorf("heard of %+v", p)
		}
	}, declined51)
}

func TestNoMoneyIsAskedForThatItsOrderDoesNotTake(t *testing.T) {
	eachTill(t, func(t *till) {
		if _, err := t.Create(t.Context(), forOrder(true), alone{}); !fault.Is(err, fault.NotFound) {
			t.Errorf("without orders: %v", err)
		}
		c := &orderBook{refuses: fault.State("the order is paid")}
		t.Orders = c
		if _, err := t.Create(t.Context(), forOrder(true), alone{}); !fault.Is(err, fault.Conflict) {
			t.Errorf("charged at once: %v", err)
		}
		waiting := forOrder(true)
		waiting.Confirm, waiting.Choice = false, Choice{}
		if _, err := t.Create(t.Context(), waiting, alone{}); !fault.Is(err, fault.Conflict) {
			t.Errorf("to be confirmed: %v", err)
		}
		c.refuses = nil
		o, err := t.Create(t.Context(), waiting, alone{})
		if err != nil {
			t.Fatal(err)
		}
		c.refuses = fault.State("the order is paid")
		if _, err := t.Confirm(t.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: token}}, alone{}); !fault.Is(err, fault.Conflict) {
			t.Errorf("confirmed: %v", err)
		}
		if t.q.calls != 0 {
			t.Errorf("the acquirer was asked %d times", t.q.calls)
		}
	})
}

// A payment whose order cannot be written with it is not written either: the worker hears of the money, and both are.
func TestMoneyIsWrittenTogetherWithItsOrder(t *testing.T) {
	eachTill(t, func(t *till) {
		c := &orderBook{fails: errors.New("the order cannot be read")}
		t.Orders = c
		if _, err := t.Create(t.Context(), forOrder(true), alone{}); !errors.Is(err, c.fails) {
			t.Fatal(err)
		}
		payments, _, err := t.List(t.Context(), shop, db.Page{Limit: 2}, Filter{})
		if err != nil || len(payments) != 1 {
			t.Fatal(payments, err)
		}
		t.expect(t.status(payments[0].ID), Processing, 0, 0)
		c.fails = nil
		t.later(time.Hour)
		t.expect(t.status(payments[0].ID), Captured, 10_000, 0)
		if p := c.heard[len(c.heard)-1]; p.Captured.Minor() != 10_000 {
			t.Errorf("heard of %+v", p)
		}
	})
}

func TestHoweverOftenItIsAskedNoMoreGoesBackThanIsMissing(t *testing.T) {
	eachTill(t, func(t *till) {
		o := t.pay(true)
		if _, err := t.Refund(t.Context(), shop, o.ID, RefundRequest{Amount: 500}, alone{}); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := t.RefundDown(t.Context(), shop, o.ID, 2_000, "paid twice"); err != nil && !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		t.expect(t.status(o.ID), Captured, 10_000, 2_000)
		if refunds := t.status(o.ID).Refunds; len(refunds) != 2 || refunds[1].Amount != 1_500 || refunds[1].Reason != "paid twice" {
			t.Errorf("refunds %+v", refunds)
		}
	})
}
