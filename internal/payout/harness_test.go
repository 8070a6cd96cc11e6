package payout

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/seal"
	"github.com/florinpay/florin/internal/vault"
)

const (
	shop      = "acct_shop:test"
	goodIBAN  = "DE89 3704 0044 0532 0130 00"
	debitCard = "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"
	credit    = "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b3"
	onceCard  = "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b4"
)

// noon is a Wednesday.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func eur(minor int64) money.Money { return of(minor, "EUR") }

func of(minor int64, code string) money.Money {
	c, err := money.ParseCurrency(code)
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

// payBank is a provider that pays out, as a fake: what it is told to answer, it answers.
type payBank struct {
	mu    sync.Mutex
	rails []bank.RailName
	pay   func(provider.Payout) provider.Outcome
	find  func(provider.PayoutInquiry) provider.Finding
	paid  []provider.Payout
	asked int
}

func (b *payBank) Capabilities() provider.Capabilities {
	return provider.Capabilities{Timeout: time.Second, SettleDelay: 5 * time.Second, Rails: b.rails}
}

func (b *payBank) Pay(_ context.Context, _ provider.Account, p provider.Payout) provider.Outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paid = append(b.paid, p)
	return b.pay(p)
}

func (b *payBank) InquirePayout(_ context.Context, _ provider.Account, q provider.PayoutInquiry) provider.Finding {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	return b.find(q)
}

func taken(p provider.Payout) provider.Outcome {
	return provider.Outcome{Class: provider.Approved, State: provider.Pending, Amount: p.Amount, Reference: "bank_" + p.Reference}
}

var alpha = provider.Account{Merchant: shop, ID: "payouts", Provider: "fake"}

type contracts struct{}

func (contracts) Get(_ context.Context, _, account string) (provider.Account, error) {
	for _, known := range []provider.Account{alpha, tillAccount} {
		if account == known.ID {
			return known, nil
		}
	}
	return provider.Account{}, fault.Missing("provider account")
}

func (contracts) List(context.Context, string) ([]provider.Account, error) {
	return []provider.Account{tillAccount, alpha}, nil
}

type settings struct{ m merchant.Merchant }

func (s *settings) Of(context.Context, string) (merchant.Merchant, error) { return s.m, nil }
func (s *settings) List(context.Context) ([]merchant.Merchant, error) {
	return []merchant.Merchant{s.m}, nil
}

type cards struct{}

func (cards) Describe(_ context.Context, _, token string) (vault.Description, error) {
	known := map[string]vault.Description{
		debitCard: {Token: debitCard, Brand: "visa", Last4: "5556", Funding: "debit", Country: "US", Fingerprint: "fp_debit"},
		credit:    {Token: credit, Brand: "visa", Last4: "4242", Funding: "credit", Country: "US", Fingerprint: "fp_credit"},
		onceCard:  {Token: onceCard, Brand: "visa", Last4: "4242", Funding: "debit", Country: "US", Fingerprint: "fp_once", SingleUse: true},
	}
	d, ok := known[token]
	if !ok {
		return d, fault.Missing("token")
	}
	return d, nil
}

// fakeBreaks remembers what was opened, and by which Change last.
type fakeBreaks struct {
	opened []payment.Break
	change *db.Change
}

func (f *fakeBreaks) Open(_ context.Context, c *db.Change, b payment.Break) error {
	f.opened, f.change = append(f.opened, b), c
	return nil
}

func (f *fakeBreaks) Settle(context.Context, *db.Change, string, string) error { return nil }

// desk is a service over one engine and one fake provider, with a clock moved by hand.
type desk struct {
	*testing.T
	*Service
	bank  *payBank
	till  *till // where cards are charged
	now   *clock.Manual
	told  *event.Store
	rules *settings

	people  *customer.Service
	foreign bool // sales were booked without a payment
}

// eachDesk runs a test on both engines, and holds the books against the rules at its end.
func eachDesk(t *testing.T, body func(d *desk)) {
	wrapper, err := seal.FileWrapper(filepath.Join(t.TempDir(), "wrap.key"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.Open(t.Context(), wrapper, filepath.Join(t.TempDir(), "main.keyset"))
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewManual(noon)
	dbtest.EachWith(t, db.Options{Clock: now, Logger: slog.New(slog.DiscardHandler)}, func(t *testing.T, d *db.DB) {
		u := &desk{T: t, now: now, told: event.NewStore(d, nil), rules: &settings{merchant.Merchant{ID: "acct_shop"}}}
		u.bank = &payBank{rails: []bank.RailName{bank.SEPAInstant, bank.SEPACredit, bank.Pix, bank.CardPush, bank.ACH}, pay: taken,
			find: func(provider.PayoutInquiry) provider.Finding { return provider.Found(provider.Doubt("not now")) }}
		ids := id.NewSource(now, rand.Reader)
		outbox := event.NewOutbox(u.told, ids, now)
		u.till = &till{refund: refunded, made: map[string]provider.Outcome{}}
		providers := provider.Registry{"fake": u.bank, "till": u.till}
		payers := customer.NewStore(d, box)
		payments := payment.New(payment.Options{
			DB: d, Cards: cards{}, Accounts: contracts{}, Providers: providers, Merchants: u.rules, Outbox: outbox, Clock: now, IDs: ids,
			Logger: slog.New(slog.DiscardHandler), Secret: func(...string) string { return "secret" }, Payers: payers, Patience: time.Second,
		})
		u.Service = New(Options{
			DB: d, Cards: cards{}, Accounts: contracts{}, Providers: providers, Merchants: u.rules, Payments: payments,
			Outbox: outbox, Box: box, Clock: now, IDs: ids, Logger: slog.New(slog.DiscardHandler),
			Metrics: prometheus.NewRegistry(), Patience: time.Second,
		})
		payments.Payouts = u.Service
		u.people = &customer.Service{DB: d, Store: payers, Clock: now, IDs: ids, Tokens: payments, Events: payments}
		body(u)
		u.audit()
	}, customer.Schema, payment.Schema, event.Schema, ledger.Schema, Schema)
}

func (u *desk) audit() {
	u.Helper()
	report, err := ledger.Verify(u.Context(), u.DB)
	if err != nil || len(report.Faults) > 0 {
		u.Errorf("the books are wrong: %v, %v", report.Faults, err)
	}
	if !u.foreign {
		faults, err := payment.VerifyBooks(u.Context(), u.DB)
		if err != nil || len(faults) > 0 {
			u.Errorf("payments and books differ: %v, %v", faults, err)
		}
	}
	faults, err := VerifyBooks(u.Context(), u.DB)
	if err != nil || len(faults) > 0 {
		u.Errorf("payouts and books differ: %v, %v", faults, err)
	}
}

// earn books a sale.
func (u *desk) earn(amount money.Money) {
	u.Helper()
	u.foreign = true
	c := db.NewChange(shop)
	err := ledger.Post(c, u.IDs, ledger.Posting{Kind: ledger.Sale, Subject: "pay_1", Cause: "att_1", Provider: "alpha", Amount: amount}, u.now.Now())
	if err == nil {
		err = u.DB.Commit(u.Context(), c)
	}
	if err != nil {
		u.Fatal(err)
	}
}

// holds is what stands on an account.
func (u *desk) holds(account string, code string) int64 {
	u.Helper()
	m, err := u.books.Balance(u.Context(), shop, account, of(0, code).Currency())
	if err != nil {
		u.Fatal(err)
	}
	return m.Minor()
}

func iban() *DestinationInput {
	return &DestinationInput{Type: TypeIBAN, Name: "Ada Lovelace", IBAN: goodIBAN}
}

func order(amount int64) Create {
	return Create{Amount: amount, Currency: "EUR", To: iban(), By: "key_maker"}
}

func none(*db.Change, Object) error { return nil }

// pay makes a payout, and fails the test if that fails.
func (u *desk) pay(in Create) Object {
	u.Helper()
	o, err := u.Create(u.Context(), shop, in, none)
	if err != nil {
		u.Fatalf("create: %v", err)
	}
	return o
}

// sweep has the worker do once what is due.
func (u *desk) sweep() {
	u.Helper()
	if _, err := u.DB.SweepOnce(context.WithoutCancel(u.Context()), u.Sweeps()[0]); err != nil {
		u.Fatal(err)
	}
}

// later moves the clock and has the worker do what is due then.
func (u *desk) later(d time.Duration) {
	u.Helper()
	u.now.Advance(d)
	u.sweep()
}

func (u *desk) expect(payout string, status Status) Object {
	u.Helper()
	o, err := u.Get(u.Context(), shop, payout)
	if err != nil || o.Status != status {
		u.Fatalf("the payout is %s, want %s: %v, %+v", o.Status, status, err, o.Timeline)
	}
	return o
}

// says brings a provider's message, and gives what became of it.
func (u *desk) says(payout string, state provider.State, amount money.Money) payment.Verdict {
	u.Helper()
	class := provider.Approved
	if state == provider.Failed {
		class = provider.Declined
	}
	n := provider.Notification{Operation: provider.OpPayout, Reference: payout, Outcome: provider.Outcome{
		Class: class, State: state, Amount: amount, Reference: "bank_" + payout, Decline: provider.Decline{Code: provider.InvalidAccount},
	}}
	var verdict payment.Verdict
	err := u.Notify(u.Context(), alpha, n, func(_ *db.Change, h payment.Heard) error { verdict = h.Verdict; return nil })
	if err != nil {
		u.Fatalf("notify: %v", err)
	}
	return verdict
}

// tells are the types of the events about a payout, in order.
func (u *desk) tells(payout string) []string {
	u.Helper()
	found, _, err := u.told.Events(u.Context(), shop, db.Page{Limit: 50}, "", payout)
	if err != nil {
		u.Fatal(err)
	}
	var types []string
	for _, e := range slices.Backward(found) {
		types = append(types, string(e.Type))
	}
	return types
}

// code is the code of a refusal; empty if there is none.
func code(err error) string {
	var e *fault.Error
	if err == nil {
		return ""
	}
	if !errors.As(err, &e) {
		return "not a fault: " + err.Error()
	}
	return e.Code
}
