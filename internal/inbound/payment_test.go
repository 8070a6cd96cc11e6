package inbound

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/florinpay/florin/internal/clock"
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

func TestAMessageMovesMoneyOnceHoweverOftenItComes(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.pay()
		m := c.says(o.ID, provider.Captured)
		if m.Verdict != payment.Applied || m.Subject != o.ID || m.AppliedAt.IsZero() {
			c.Errorf("recorded %+v", m)
		}
		c.send(told{m.Event, o.ID + "-1", provider.Captured, 10_000}) // the same again
		if again := c.says(o.ID, provider.Captured); again.Verdict != payment.Known || again.Subject != o.ID {
			c.Errorf("in other words: %+v", again)
		}
		for range 3 {
			if _, err := c.replay(m.ID); err != nil {
				c.Error(err)
			}
		}
		c.expect(o.ID, payment.Captured, 10_000, 3)
		if m, err := c.Get(c.Context(), shop, m.ID); err != nil || m.Verdict != payment.Applied || m.Duplicates != 1 {
			c.Errorf("recorded %+v, %v", m, err)
		}
	})
}

func TestCopiesAtTheSameMomentMoveMoneyOnce(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o, next := c.pay(), openCounter(c.T, c.DB, c.now)
		next.IDs = c.IDs
		var all sync.WaitGroup
		for i := range 20 {
			to := []*counter{c, next}[i%2]
			body := fmt.Sprintf(`{"id":"wh-%d","attempt":"%s-1","state":"captured","amount":10000}`, i/10, o.ID)
			all.Go(func() { to.hear(body) })
		}
		all.Wait()
		c.now.Advance(time.Minute)
		c.work() // a message that was overtaken again and again waits
		verdicts := map[payment.Verdict]int{}
		for _, m := range c.all() {
			verdicts[m.Verdict]++
		}
		if len(verdicts) != 2 || verdicts[payment.Applied] != 1 || verdicts[payment.Known] != 1 {
			c.Errorf("two messages, ten copies of each: %v\n%s%s", verdicts, c.log, next.log)
		}
		c.expect(o.ID, payment.Captured, 10_000, 3)
	})
}

func TestMessagesMayComeInAnyOrder(t *testing.T) {
	for _, order := range [][]provider.State{
		{provider.Pending, provider.Authorized, provider.Captured}, {provider.Pending, provider.Captured, provider.Authorized},
		{provider.Authorized, provider.Pending, provider.Captured}, {provider.Authorized, provider.Captured, provider.Pending},
		{provider.Captured, provider.Pending, provider.Authorized}, {provider.Captured, provider.Authorized, provider.Pending},
	} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			eachCounter(t, func(c *counter) {
				o := c.pay()
				for _, state := range order {
					if m := c.says(o.ID, state); m.Verdict != payment.Applied && m.Verdict != payment.Known {
						c.Errorf("%s is %+v", state, m)
					}
				}
				events := 3
				if slices.Index(order, provider.Authorized) < slices.Index(order, provider.Captured) {
					events = 4
				}
				if breaks := c.expect(o.ID, payment.Captured, 10_000, events); len(breaks) != 0 {
					c.Errorf("it contradicts: %v", breaks)
				}
			})
		})
	}
}

func TestWhatContradictsATerminalStateBecomesABreak(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.pay()
		c.says(o.ID, provider.Captured)
		m := c.says(o.ID, provider.Failed)
		if m.Verdict != payment.Contradicted || m.Subject != o.ID || m.Detail != "it is captured 100.00 EUR, the provider says declined" || !m.AppliedAt.IsZero() {
			c.Errorf("recorded %+v", m)
		}
		if breaks := c.expect(o.ID, payment.Captured, 10_000, 3); len(breaks) != 1 || !strings.HasSuffix(breaks[0], ": "+m.Detail) {
			c.Errorf("the breaks are %v", breaks)
		}
		c.send(told{m.Event, o.ID + "-1", provider.Failed, 10_000})
		c.says(o.ID, provider.Failed)
		if _, err := c.replay(m.ID); err != nil {
			c.Error(err)
		}
		if breaks := c.expect(o.ID, payment.Captured, 10_000, 3); len(breaks) != 1 {
			c.Errorf("heard again the breaks are %v", breaks)
		}
		if m := c.send(told{"wh-less", o.ID + "-1", provider.Captured, 9_000}); m.Verdict != payment.Applied {
			c.Errorf("it clears at another amount: %+v", m)
		}
		if breaks := c.expect(o.ID, payment.Captured, 9_000, 4); len(breaks) != 1 {
			c.Errorf("in the end the breaks are %v", breaks)
		}
	})
}

func TestAMessageAheadOfItsPaymentIsMatchedByAReplay(t *testing.T) {
	eachCounter(t, func(c *counter) {
		ahead := id.NewSource(c.now, zeroes{}).New(id.Payment)
		m := c.says(ahead, provider.Captured)
		if m.Verdict != payment.Unmatched || m.Subject != "" || m.Detail != "reference "+ahead+"-1" {
			c.Errorf("recorded %+v", m)
		}
		if o := c.pay(); o.ID != ahead {
			c.Fatalf("the payment is %s, not %s", o.ID, ahead)
		}
		m, err := c.replay(m.ID)
		if err != nil || m.Verdict != payment.Applied || m.Subject != ahead || m.Detail != "" {
			c.Errorf("replayed as %+v, %v", m, err)
		}
		c.expect(ahead, payment.Captured, 10_000, 3)
		if m := c.says(ahead, ""); m.Verdict != payment.Unsupported || m.Detail != "payment." {
			c.Errorf("what is new: %+v", m)
		}
	})
}

// broken are payments of a process that fails before anything is written.
type broken struct{}

func (broken) Notify(context.Context, provider.Account, provider.Notification, func(*db.Change, payment.Heard) error) error {
	return errAway
}

// haunted are payments that lose against a record that is gone when it is looked for.
type haunted struct{}

func (haunted) Notify(context.Context, provider.Account, provider.Notification, func(*db.Change, payment.Heard) error) error {
	return fmt.Errorf("commit: %w", &db.Conflict{Table: table.Name, Kind: fault.Exists})
}

func TestARecordThatIsGoneTakesNoMessageWithIt(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.pay()
		c.Payments = haunted{}
		if m := c.says(o.ID, provider.Captured); m.Verdict != Waiting {
			c.Errorf("recorded %+v", m)
		}
		c.Payments = c.payments
		c.now.Advance(time.Second)
		c.work()
		c.expect(o.ID, payment.Captured, 10_000, 3)
	})
}

func TestWhatAProcessLeavesBehindIsAppliedByTheNext(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.pay()
		c.Payments = broken{}
		if m := c.says(o.ID, provider.Captured); m.Verdict != Waiting || m.Subject != "" {
			c.Errorf("recorded %+v", m)
		}
		c.expect(o.ID, payment.Processing, 0, 2)
		after := openCounter(c.T, c.DB, c.now)
		c.now.Advance(time.Second)
		after.work()
		after.work()
		c.expect(o.ID, payment.Captured, 10_000, 3)
		if m := c.only(); m.Verdict != payment.Applied || m.Subject != o.ID || !m.DueAt.IsZero() {
			c.Errorf("recorded %+v", m)
		}
	})
}

// Somebody else holds the payment's row, in another session of the server: its message is recorded beside it.
func TestAMessageForALockedPaymentIsAnsweredAndAppliedLater(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	url := dbtest.Postgres(t)
	c := openCounter(t, dbtest.Open(t, url, db.Options{Clock: now}, event.Schema, ledger.Schema, payment.Schema, Schema), now)
	o := c.pay()
	c.Patience = DefaultPatience
	other, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"BEGIN", "SELECT id FROM payment FOR UPDATE"} {
		if _, err := other.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if m := c.says(o.ID, provider.Captured); m.Verdict != Waiting { // it returns while the row is locked
		t.Errorf("recorded %+v", m)
	}
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if m := c.only(); m.Verdict != Waiting {
		t.Errorf("then %+v", m)
	}
	now.Advance(time.Second)
	c.work()
	if m := c.only(); m.Verdict != payment.Applied {
		t.Errorf("in the end %+v", m)
	}
	c.expect(o.ID, payment.Captured, 10_000, 3)
}

// A reference may hold anything: it is looked for only if it can be one of ours.
func TestReferencesOfNothingOfOursAreKept(t *testing.T) {
	eachCounter(t, func(c *counter) {
		for i, reference := range []string{"", "order-77", "pay_x-1", "4242424242424242", "\u202eevil", "ref_' OR 1=1"} {
			m := c.send(told{fmt.Sprintf("wh-%d", i), reference, provider.Captured, 1})
			if m.Verdict != payment.Unmatched || !m.DueAt.IsZero() {
				c.Errorf("%q: %+v", reference, m)
			}
		}
		if found, _, err := c.List(c.Context(), shop, db.Page{Limit: 10}, Filter{Verdict: payment.Unmatched}); err != nil || len(found) != 6 || found[2].Detail != "reference ************4242" {
			c.Errorf("listed %+v, %v", found, err)
		}
		if m := c.send(told{"wh-nul", "a\x00b", provider.Captured, 1}); m.Verdict != Unreadable {
			c.Errorf("with a NUL: %+v", m)
		}
	})
}
