package payout

import (
	"context"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

var tillAccount = provider.Account{Merchant: shop, ID: "cards", Provider: "till"}

// till is a card acquirer, as a fake. It recognizes a repeated reference.
type till struct {
	mu     sync.Mutex
	refund func(provider.Refund) provider.Outcome
	void   func(provider.Void) provider.Outcome // nil: it does as it is told
	made   map[string]provider.Outcome          // by our reference
	backs  int64                                // what was refunded, in minor units
}

func refunded(r provider.Refund) provider.Outcome {
	return provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: r.Amount, Reference: "till_" + r.Reference}
}

func (t *till) Capabilities() provider.Capabilities {
	return provider.Capabilities{AuthorizationTTL: 7 * 24 * time.Hour, PartialCaptures: true, SettleDelay: 5 * time.Second, Timeout: time.Second}
}

func (t *till) Authorize(_ context.Context, _ provider.Account, a provider.Authorization) provider.Outcome {
	state := provider.Authorized
	if a.Capture {
		state = provider.Captured
	}
	return provider.Outcome{Class: provider.Approved, State: state, Amount: a.Amount, Reference: "till_" + a.Reference}
}

func (t *till) Capture(_ context.Context, _ provider.Account, c provider.Capture) provider.Outcome {
	return provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: c.Amount, Reference: "till_" + c.Reference}
}

func (t *till) Void(_ context.Context, _ provider.Account, v provider.Void) provider.Outcome {
	if t.void != nil {
		return t.void(v)
	}
	return provider.Outcome{Class: provider.Approved, State: provider.Voided, Reference: "till_" + v.Reference}
}

func (t *till) Refund(_ context.Context, _ provider.Account, r provider.Refund) provider.Outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.refund(r)
	t.made[r.Reference] = o
	if o.State == provider.Succeeded {
		t.backs += r.Amount.Minor()
	}
	return o
}

func (t *till) Inquire(_ context.Context, _ provider.Account, q provider.Inquiry) provider.Finding {
	t.mu.Lock()
	defer t.mu.Unlock()
	return provider.Found(t.made[q.Reference])
}

// payer makes a customer.
func (u *desk) payer() string {
	u.Helper()
	o, err := u.people.Create(u.Context(), shop, customer.Person{Name: "Ada"}, func(*db.Change, customer.Object) error { return nil })
	if err != nil {
		u.Fatal(err)
	}
	return o.ID
}

type silent struct{}

func (silent) Intent(*db.Change, string)           {}
func (silent) Result(*db.Change, any, error) error { return nil }

// paysIn has a customer pay with a card.
func (u *desk) paysIn(payer string, minor int64, capture bool) string {
	u.Helper()
	u.now.Advance(time.Second) // the order of payments is that of their ids
	o, err := u.Payments.Create(u.Context(), payment.Create{
		Merchant: shop, Amount: minor, Currency: "EUR", Choice: payment.Choice{Token: debitCard}, Capture: capture, Confirm: true, Customer: payer,
	}, silent{})
	if err != nil {
		u.Fatalf("pay in: %v", err)
	}
	return o.ID
}

// works has the worker do what is due, of payments and of payouts, until nothing is.
func (u *desk) works() {
	u.Helper()
	for range 4 {
		for _, sweep := range append(u.Payments.Sweeps(), u.Sweeps()...) {
			if _, err := u.DB.SweepOnce(context.WithoutCancel(u.Context()), sweep); err != nil {
				u.Fatal(err)
			}
		}
	}
}

// funds is what a customer has left, in all.
func (u *desk) funds(payer string) payment.FundsObject {
	u.Helper()
	o, err := u.Payments.Funds(u.Context(), shop, payer, payment.Page{Limit: 50})
	if err != nil {
		u.Fatal(err)
	}
	return o
}

func (u *desk) left(payer string) int64 {
	u.Helper()
	for _, b := range u.funds(payer).Balances {
		return b.Left
	}
	return 0
}
