package inbound

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
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
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

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
