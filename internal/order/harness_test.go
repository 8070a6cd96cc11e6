package order

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/seal"
)

const shop = "acct_shop:test"

var schemas = []db.Schema{audit.Schema, customer.Schema, event.Schema, ledger.Schema, payment.Schema, Schema}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// desk is orders and their payments over one engine and one acquirer, with a clock moved by hand.
type desk struct {
	*testing.T
	*Service
	core *payment.Service
	q    *acquirer
	now  *clock.Manual
	told *event.Store

	wallets    *customer.Service
	glad, gone string // customers; the second one was erased
}

// each runs a test on both engines, and holds the books against their rules and against the acquirer at its end.
func each(t *testing.T, body func(d *desk)) {
	for name, url := range dbtest.URLs(t, schemas...) {
		t.Run(name, func(t *testing.T) {
			now := clock.NewManual(noon)
			u := newDesk(t, dbtest.Open(t, url, db.Options{Clock: now}, schemas...), now)
			body(u)
			u.audit()
		})
	}
}

func newDesk(t *testing.T, d *db.DB, now *clock.Manual) *desk {
	u := &desk{T: t, q: newAcquirer(), now: now, told: event.NewStore(d, nil)}
	ids := id.NewSource(now, rand.Reader)
	outbox, quiet := event.NewOutbox(u.told, ids, now), slog.New(slog.DiscardHandler)
	derive := func(data ...string) string {
		sum := sha256.Sum256([]byte(strings.Join(data, "\x00")))
		return hex.EncodeToString(sum[:16])
	}
	payers := newPayers(t, d)
	u.core = payment.New(payment.Options{
		DB: d, Cards: cards{}, Accounts: contracts{}, Providers: provider.Registry{"fake": u.q}, Payers: payers, Merchants: merchants{}, Outbox: outbox, Clock: now, IDs: ids,
		Logger: quiet, Secret: derive, PublicURL: "https://pay.example",
	})
	u.Service = New(Options{
		DB: d, Payments: u.core, Merchants: merchants{}, Customers: payers, Outbox: outbox, Clock: now, IDs: ids, Logger: quiet, Secret: derive,
		PublicURL: "https://pay.example",
	})
	u.core.Orders = u.Service
	u.wallets = &customer.Service{DB: d, Store: payers, Clock: now, IDs: ids, Tokens: u.core, Events: u.core}
	u.glad, u.gone = u.person(), u.person()
	u.erases(u.gone)
	return u
}

// newPayers keeps customers in a database.
func newPayers(t *testing.T, d *db.DB) *customer.Store {
	t.Helper()
	dir := t.TempDir()
	wrapper, err := seal.FileWrapper(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.Open(t.Context(), wrapper, filepath.Join(dir, "keyset"))
	if err != nil {
		t.Fatal(err)
	}
	return customer.NewStore(d, box)
}

func nobody(*db.Change, customer.Object) error { return nil }

// person makes a customer.
func (d *desk) person() string {
	d.Helper()
	c, err := d.wallets.Create(d.Context(), shop, customer.Person{Name: "Ada Lovelace"}, nobody)
	if err != nil {
		d.Fatal(err)
	}
	return c.ID
}

func (d *desk) erases(id string) {
	d.Helper()
	if _, err := d.wallets.Erase(d.Context(), shop, id, nobody); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) audit() {
	d.Helper()
	report, err := ledger.Verify(context.WithoutCancel(d.Context()), d.DB)
	if err != nil || len(report.Faults) > 0 {
		d.Errorf("the books are wrong: %v, %v", report.Faults, err)
	}
	faults, err := payment.VerifyBooks(context.WithoutCancel(d.Context()), d.DB)
	if err != nil || len(faults) > 0 {
		d.Errorf("payments and books differ: %v, %v", faults, err)
	}
	faults, err = VerifyBooks(context.WithoutCancel(d.Context()), d.DB)
	if err != nil || len(faults) > 0 {
		d.Errorf("orders and payments differ: %v, %v", faults, err)
	}
}

// nothing adds nothing to a Change.
func nothing(*db.Change, Object) error { return nil }

// cart is an order of 100.00 EUR.
func cart() Create {
	return Create{Merchant: shop, Amount: 10_000, Currency: "EUR", Lines: []CreateLine{
		{Name: "Coffee", Quantity: 2, UnitAmount: 4_000, TaxAmount: 1_500, TaxRate: "19 %"}, {Name: "Tea", Quantity: 1, UnitAmount: 500},
	}}
}

// makes an order and fails the test if that fails.
func (d *desk) makes(in Create) Object {
	d.Helper()
	o, err := d.Create(d.Context(), in, nothing)
	if err != nil {
		d.Fatalf("create: %v", err)
	}
	return o
}

// charge pays an order by the merchant's own call.
func (d *desk) charge(order string, amount int64, card string, capture bool) (payment.Object, error) {
	d.Helper()
	return d.core.Create(d.Context(), payment.Create{
		Merchant: shop, Amount: amount, Currency: "EUR", Choice: payment.Choice{Token: card}, Capture: capture, Confirm: true, Order: order,
	}, alone{})
}

// later lets time pass and the worker do what is due.
func (d *desk) later(by time.Duration) {
	d.Helper()
	for passed := time.Duration(0); passed <= by; passed += by / 8 {
		for _, sweep := range slices.Concat(d.core.Sweeps(), d.Sweeps()) {
			if _, err := d.DB.SweepOnce(context.WithoutCancel(d.Context()), sweep); err != nil {
				d.Fatalf("sweep %s: %v", sweep.Name, err)
			}
		}
		d.now.Advance(by / 8)
	}
}

// stands is the order as it is, which must have the status and the sums.
func (d *desk) stands(order string, status Status, paid, surplus int64) Object {
	d.Helper()
	o, err := d.Get(d.Context(), shop, order, []string{"payments", "timeline"})
	if err != nil {
		d.Fatal(err)
	}
	if o.Status != status || o.AmountPaid != paid || o.AmountSurplus != surplus || o.AmountLeft != o.Amount-paid {
		d.Fatalf("the order is %s with %d paid and %d over; want %s, %d, %d", o.Status, o.AmountPaid, o.AmountSurplus, status, paid, surplus)
	}
	return o
}

// happened tells whether the timeline has an event.
func (o Object) happened(event string) bool {
	return slices.ContainsFunc(o.Timeline, func(e payment.TimelineEntry) bool { return e.Event == event })
}

// events is the types of what was told of an object, oldest first.
func (d *desk) events(subject string) []event.Type {
	d.Helper()
	found, _, err := d.told.EventsOf(d.Context(), shop, db.Page{Limit: 100}, nil, subject)
	if err != nil {
		d.Fatal(err)
	}
	types := []event.Type{}
	for _, e := range slices.Backward(found) {
		types = append(types, e.Type)
	}
	return types
}

// clears has the acquirer say at what amount a payment cleared.
func (d *desk) clears(id string, amount int64) {
	d.Helper()
	reference := id + "-1"
	var verdict payment.Verdict
	err := d.core.Notify(d.Context(), alpha, provider.Notification{Operation: provider.OpAuthorize, Reference: reference, Attempt: reference, Outcome: provider.Outcome{
		Class: provider.Approved, State: provider.Captured, Amount: euros(amount), Reference: "q-" + reference,
	}}, func(_ *db.Change, h payment.Heard) error { verdict = h.Verdict; return nil })
	if err != nil || verdict != payment.Applied {
		d.Fatalf("cleared: %s, %v", verdict, err)
	}
}

// pays fails the test unless the payment has the status and the sums.
func (d *desk) pays(id string, status payment.Status, captured, refunded int64) {
	d.Helper()
	p, err := d.core.Get(d.Context(), shop, id, nil)
	if err != nil || p.Status != status || p.AmountCaptured != captured || p.AmountRefunded != refunded {
		d.Fatalf("the payment is %s with %d captured and %d refunded, %v; want %s, %d, %d", p.Status, p.AmountCaptured, p.AmountRefunded, err, status, captured, refunded)
	}
}
