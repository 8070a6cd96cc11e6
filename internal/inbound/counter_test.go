package inbound

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// bank is a provider that takes every payment and tells by webhook what becomes of it.
type bank struct{ talker }

func (bank) Capabilities() provider.Capabilities {
	return provider.Capabilities{AuthorizationTTL: time.Hour, Timeout: time.Second}
}

func (bank) Authorize(_ context.Context, _ provider.Account, r provider.Authorization) provider.Outcome {
	return provider.Outcome{Class: provider.Approved, State: provider.Pending, Amount: r.Amount, Reference: "bank-1"}
}

// told is a message of the bank's.
type told struct {
	ID      string         `json:"id"`
	Attempt string         `json:"attempt"`
	State   provider.State `json:"state"` // empty: something new
	Amount  int64          `json:"amount"`
}

func (bank) ReadWebhook(_ provider.Account, body []byte) (provider.Notification, error) {
	var m told
	if err := json.Unmarshal(body, &m); err != nil {
		return provider.Notification{}, provider.Unreadable("no JSON")
	}
	n := provider.Notification{EventID: m.ID, Type: "payment." + string(m.State)}
	if m.State == "" {
		return n, nil
	}
	n.Operation, n.Reference, n.Attempt = provider.OpAuthorize, m.Attempt, m.Attempt
	n.Outcome = provider.Outcome{Class: provider.Approved, State: m.State, Amount: euros(m.Amount), Reference: "bank-1"}
	if m.State == provider.Failed {
		n.Outcome = provider.Outcome{Class: provider.Declined, State: m.State, Decline: provider.Decline{Code: provider.DoNotHonor}}
	}
	return n, nil
}

func euros(minor int64) money.Money {
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

// bankAccount is the one contract there is, with the bank.
type bankAccount struct{}

func (bankAccount) Get(ctx context.Context, tenant, account string) (provider.Account, error) {
	a, err := oneAccount{}.Get(ctx, tenant, account)
	a.Provider = "bank"
	return a, err
}

func (b bankAccount) List(ctx context.Context, tenant string) ([]provider.Account, error) {
	a, err := b.Get(ctx, tenant, "alpha")
	return []provider.Account{a}, err
}

type anyCard struct{}

func (anyCard) Describe(_ context.Context, _, token string) (vault.Description, error) {
	return vault.Description{Token: token, Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030}, nil
}

type anyMerchant struct{}

func (anyMerchant) Of(_ context.Context, tenant string) (merchant.Merchant, error) {
	account, _, _ := id.SplitTenant(tenant)
	return merchant.Merchant{ID: account, FeeBasisPoints: 100}, nil
}

type nobodyElse struct{}

func (nobodyElse) Intent(*db.Change, string)           {}
func (nobodyElse) Result(*db.Change, any, error) error { return nil }

// zeroes is no randomness at all: ids can be told in advance.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// counter is a merchant with the bank, and a receiver of its messages.
type counter struct {
	*inbox
	payments *payment.Service
	events   *event.Store
	sent     atomic.Int64
}

func eachCounter(t *testing.T, body func(c *counter)) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		c := openCounter(t, d, now)
		body(c)
		if report, err := ledger.Verify(t.Context(), d); err != nil || len(report.Faults) > 0 {
			t.Errorf("the books are wrong: %v, %v", report.Faults, err)
		}
		if faults, err := payment.VerifyBooks(t.Context(), d); err != nil || len(faults) > 0 {
			t.Errorf("payments and books differ: %v, %v", faults, err)
		}
	}, event.Schema, ledger.Schema, payment.Schema, Schema)
}

func openCounter(t *testing.T, d *db.DB, now *clock.Manual) *counter {
	c := &counter{events: event.NewStore(d, nil)}
	ids, providers := id.NewSource(now, zeroes{}), provider.Registry{"bank": bank{}}
	c.payments = payment.New(payment.Options{
		DB: d, Cards: anyCard{}, Accounts: bankAccount{}, Providers: providers, Merchants: anyMerchant{}, Clock: now, IDs: ids,
		Outbox: event.NewOutbox(c.events, ids, now), Logger: slog.New(slog.DiscardHandler), Secret: func(...string) string { return "secret" },
	})
	c.inbox = newInbox(t, d, now, nil, func(o *ReceiverOptions) {
		o.Accounts, o.Providers, o.Payments = bankAccount{}, providers, c.payments
	})
	return c
}

// pay makes a payment that the bank has not decided yet.
func (c *counter) pay() payment.Object {
	c.Helper()
	o, err := c.payments.Create(c.Context(), payment.Create{
		Merchant: shop, Amount: 10_000, Currency: "EUR", Choice: payment.Choice{Token: "pm_tok_1"}, Capture: true, Confirm: true,
	}, nobodyElse{})
	if err != nil || o.Status != payment.Processing {
		c.Fatalf("made %+v, %v", o, err)
	}
	return o
}

// says sends a message of the bank's about a payment and gives back what is recorded of it.
func (c *counter) says(payment string, state provider.State) Webhook {
	c.Helper()
	return c.send(told{fmt.Sprintf("wh-%d", c.sent.Add(1)), payment + "-1", state, 10_000})
}

func (c *counter) send(m told) Webhook {
	c.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		c.Fatal(err)
	}
	c.hear(string(body))
	for _, kept := range c.all() {
		if kept.Event == m.ID {
			return kept
		}
	}
	c.Fatalf("%s is not recorded", body)
	return Webhook{}
}

// expect holds a payment and the events about it against what they should be.
func (c *counter) expect(payment string, status payment.Status, captured int64, events int) []string {
	c.Helper()
	o, err := c.payments.Get(c.Context(), shop, payment, []string{"timeline"})
	if err != nil || o.Status != status || o.AmountCaptured != captured {
		c.Errorf("the payment is %+v, %v; want %s with %d", o, err, status, captured)
	}
	told, _, err := c.events.Events(c.Context(), shop, db.Page{Limit: 100}, "", payment)
	if err != nil || len(told) != events {
		c.Errorf("%d events were told, %v; want %d", len(told), err, events)
	}
	var breaks []string
	for _, entry := range o.Timeline {
		if entry.Event == "contradiction" {
			breaks = append(breaks, entry.Detail)
		}
	}
	return breaks
}
