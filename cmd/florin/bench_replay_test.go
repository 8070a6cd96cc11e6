package main

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// counter is all that a payment needs beside its database: a card, a merchant, and a provider that approves.
type counter struct{ asked func() }

func (counter) Describe(_ context.Context, _, token string) (vault.Description, error) {
	return vault.Description{Token: token, Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2039, Funding: "credit"}, nil
}

func (counter) Get(_ context.Context, tenant, account string) (provider.Account, error) {
	return provider.Account{Merchant: tenant, ID: account, Provider: "counter"}, nil
}

func (c counter) List(ctx context.Context, tenant string) ([]provider.Account, error) {
	a, err := c.Get(ctx, tenant, "alpha")
	return []provider.Account{a}, err
}

func (counter) Capabilities() provider.Capabilities {
	return provider.Capabilities{Timeout: time.Minute}
}

func (c counter) Authorize(_ context.Context, _ provider.Account, r provider.Authorization) provider.Outcome {
	c.asked()
	return provider.Outcome{
		Class: provider.Approved, State: provider.Captured, Amount: r.Amount, Reference: "alpha_auth_01jd9qk3v8m2x4r6t7w9y0a1b2", NetworkReference: "123456789012345",
	}
}

type shopkeeper struct{}

func (shopkeeper) Of(_ context.Context, tenant string) (merchant.Merchant, error) {
	account, _, _ := id.SplitTenant(tenant)
	return merchant.Merchant{ID: account, FeeBasisPoints: 100}, nil
}

// receipt keeps the answer under an idempotency key, as the edge does.
type receipt struct {
	key idempotency.Key
	now time.Time
	of  idempotency.Record
}

func (r *receipt) Intent(c *db.Change, subject string) {
	r.of = r.key.Start(r.now, subject)
	c.Add(r.of.Started())
}

func (r *receipt) Result(c *db.Change, object any, _ error) error {
	body, err := json.Marshal(object)
	c.Add(r.of.Answered(201, "application/json", body))
	return err
}

func TestReplayedPaymentsAreLikeTheRecordedOne(t *testing.T) {
	schemas := []db.Schema{event.Schema, ledger.Schema, idempotency.Schema, payment.Schema}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const tenant = "acct_a:test"
		ids := id.System()
		var before []savedRow
		look := func() (rows []savedRow) {
			rows, err := savedRows(t.Context(), d, tenant, schemas...)
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		all := counter{func() { before = look() }}
		payments := payment.New(payment.Options{
			DB: d, Cards: all, Accounts: all, Merchants: shopkeeper{}, Providers: provider.Registry{"counter": all},
			Outbox: event.NewOutbox(event.NewStore(d, nil), ids, clock.System{}), Clock: clock.System{}, IDs: ids,
			Secret: func(...string) string { return "0123456789abcdef" },
		})
		_, err := payments.Create(t.Context(), payment.Create{
			Merchant: tenant, Amount: 9232, Currency: "EUR", Choice: payment.Choice{Token: "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"}, Capture: true, Confirm: true,
			Metadata: map[string]string{"order_id": "ORD-1"},
		}, &receipt{key: idempotency.Key{Merchant: tenant, Method: "POST", Path: "/v1/payments", Key: "k"}, now: time.Unix(1795348800, 0)})
		if err != nil {
			t.Fatal(err)
		}
		template, err := record(tenant, before, look())
		if err != nil {
			t.Fatal(err)
		}
		rows, bytes := template.size()
		if rows[0] < 3 || rows[1] < 5 || bytes < 2000 {
			t.Errorf("Changes of %v rows and %d bytes", rows, bytes)
		}
		tenants := []string{"acct_b:test", "acct_longer:test"}
		for n := range 20 {
			both, err := template.changes(tenants[n%2], ids)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range both {
				if err := d.Commit(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
		}
		found, err := countPayments(t.Context(), d, tenants)
		if err != nil || found != (tally{Captured: 20, CapturedMinor: 20 * 9232}) {
			t.Errorf("found %+v, %v", found, err)
		}
		books, err := ledger.Verify(t.Context(), d)
		if err != nil || len(books.Faults) != 0 || books.Tenants != 3 {
			t.Errorf("books %+v, %v", books, err)
		}
		p, _, err := payments.List(t.Context(), tenants[1], payment.Page{Limit: 1}, payment.Filter{})
		if err != nil || len(p) != 1 || p[0].Status != payment.Captured || p[0].PaymentMethod.ID != "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2" {
			t.Errorf("payment %+v, %v", p, err)
		}
	}, schemas...)
}
