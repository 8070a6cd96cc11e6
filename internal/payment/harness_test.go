package payment

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
)

const shop = "acct_shop:test"

// till is a service over one engine and one acquirer, with a clock moved by hand.
type till struct {
	*testing.T
	*Service
	q       *acquirer
	now     *clock.Manual
	books   *ledger.Store
	told    *event.Store
	metrics *prometheus.Registry
	spoilt  bool // the books were falsified on purpose

	wallets *customer.Service // the customers who pay here
}

// eachTill runs a test on both engines, and holds the books against the rules and against the acquirer at its end.
func eachTill(t *testing.T, body func(t *till), mishaps ...mishap) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		q := newAcquirer(mishaps...)
		q.now = now.Now
		u := newTill(t, d, now, Options{Cards: cards{}, Accounts: contracts{}, Providers: provider.Registry{"fake": q}})
		u.q = q
		body(u)
		u.empty(u.Service)
		if !u.spoilt {
			u.audit()
		}
	}, customer.Schema, event.Schema, ledger.Schema, Schema)
}

// newTill makes a service of the options, and of what is the same in every test.
func newTill(t *testing.T, d *db.DB, now *clock.Manual, o Options) *till {
	u := &till{T: t, now: now, books: ledger.NewStore(d), metrics: prometheus.NewRegistry()}
	u.told = event.NewStore(d, nil) // no endpoints here, so nothing to unseal
	o.DB, o.Clock, o.IDs, o.Metrics = d, now, id.NewSource(now, rand.Reader), u.metrics
	o.Merchants, o.Outbox, o.Logger = merchants{}, event.NewOutbox(u.told, o.IDs, now), slog.New(slog.DiscardHandler)
	o.Secret, o.Patience = derive, time.Second
	if o.PublicURL == "" {
		o.PublicURL = "https://pay.example"
	}
	o.Payers = newPayers(t, d)
	u.Service = New(o)
	u.Crowd = time.Hour // on a busy machine ten seconds pass while hundreds of payments wait for each other: who is sent away then never comes to the desk
	u.wallets = &customer.Service{DB: d, Store: o.Payers, Clock: now, IDs: o.IDs, Cards: savedCards{o.Cards}, Tokens: u.Service, Events: u.Service}
	return u
}

// derive makes secrets as a keyed hash would: the same for the same data, another for any other.
func derive(data ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(data, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func (u *till) audit() {
	u.Helper()
	report, err := ledger.Verify(u.Context(), u.DB)
	if err != nil || len(report.Faults) > 0 {
		u.Errorf("the books are wrong: %v, %v", report.Faults, err)
	}
	faults, err := VerifyBooks(u.Context(), u.DB)
	if err != nil || len(faults) > 0 {
		u.Errorf("payments and books differ: %v, %v", faults, err)
	}
}

func order(capture bool) Create {
	return Create{Merchant: shop, Amount: 10_000, Currency: "EUR", Choice: Choice{Token: token}, Capture: capture, Confirm: true}
}

// pay makes a payment and fails the test if that fails.
func (u *till) pay(capture bool) Object {
	u.Helper()
	o, err := u.Create(u.Context(), order(capture), alone{})
	if err != nil {
		u.Fatalf("create: %v", err)
	}
	return o
}

// later lets time pass and the worker do what is due, until nothing is.
func (u *till) later(d time.Duration) {
	u.Helper()
	for passed := time.Duration(0); passed <= d; passed += d / 8 {
		for _, sweep := range u.Sweeps() {
			sweep.Handle = mortalHandle(sweep.Handle)
			if _, err := u.DB.SweepOnce(context.WithoutCancel(u.Context()), sweep); err != nil {
				u.Fatalf("sweep %s: %v", sweep.Name, err)
			}
		}
		u.now.Advance(d / 8)
	}
}

func (u *till) status(payment string) Object {
	u.Helper()
	o, err := u.Get(u.Context(), shop, payment, []string{"attempts", "refunds", "timeline"})
	if err != nil {
		u.Fatalf("get: %v", err)
	}
	return o
}

func (u *till) expect(o Object, status Status, captured, refunded int64) {
	u.Helper()
	if o.Status != status || o.AmountCaptured != captured || o.AmountRefunded != refunded {
		u.Fatalf("the payment is %s with %d captured and %d refunded; want %s, %d, %d",
			o.Status, o.AmountCaptured, o.AmountRefunded, status, captured, refunded)
	}
}

// tell brings a provider's message and says what became of it.
func (u *till) tell(n provider.Notification) Verdict {
	u.Helper()
	var verdict Verdict
	if err := u.Notify(u.Context(), alpha, n, func(_ *db.Change, h Heard) error { verdict = h.Verdict; return nil }); err != nil {
		u.Fatalf("notify: %v", err)
	}
	return verdict
}

// says is a message about an authorization.
func says(o Object, attempt string, outcome provider.Outcome) provider.Notification {
	reference := o.ID + "-" + attempt
	return provider.Notification{Operation: provider.OpAuthorize, Reference: reference, Attempt: reference, Outcome: outcome}
}

// entries is the timeline's entries of one kind about a payment.
func (u *till) entries(payment, event string) []TimelineEntry {
	u.Helper()
	return slices.DeleteFunc(u.status(payment).Timeline, func(e TimelineEntry) bool { return e.Event != event })
}

// measured is the sum of a metric over its labels.
func (u *till) measured(name string) float64 {
	u.Helper()
	families, err := u.metrics.Gather()
	if err != nil {
		u.Fatal(err)
	}
	var sum float64
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// balance is what an account holds, 0 if it was never used.
func (u *till) balance(account string) int64 {
	u.Helper()
	balances, err := u.books.Balances(u.Context(), shop)
	if err != nil {
		u.Fatal(err)
	}
	for _, b := range balances {
		if b.Account == account {
			return b.Amount.Minor()
		}
	}
	return 0
}

// events is the types of everything told, oldest first.
func (u *till) events() []event.Type {
	u.Helper()
	found, _, err := u.told.Events(u.Context(), shop, db.Page{Limit: 100}, "", "")
	if err != nil {
		u.Fatal(err)
	}
	types := make([]event.Type, 0, len(found))
	for i := len(found) - 1; i >= 0; i-- {
		types = append(types, found[i].Type)
	}
	return types
}
