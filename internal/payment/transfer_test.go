package payment

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// comes is a message about a transfer on a payment's code.
func comes(o Object, reference string, amount money.Money) provider.Notification {
	return provider.Notification{
		Operation: provider.OpTransfer, Attempt: o.ID + "-1", Outcome: captured(amount),
		Transfer: provider.Transfer{Reference: reference, Amount: amount, Payer: "***1234"},
	}
}

func TestEveryWayToPayACodeHasItsResultAndItsEntries(t *testing.T) {
	type transfer struct {
		reference string
		minor     int64
	}
	for name, x := range map[string]struct {
		transfers []transfer
		captured  int64
		suspense  int64 // right after
		returned  int64 // an hour later
	}{
		"exactly":                 {[]transfer{{"t1", 5_000}}, 5_000, 0, 0},
		"in parts":                {[]transfer{{"t1", 2_000}, {"t2", 3_000}}, 5_000, 0, 0},
		"too little":              {[]transfer{{"t1", 2_000}}, 0, 2_000, 2_000},
		"too much":                {[]transfer{{"t1", 7_000}}, 5_000, 2_000, 2_000},
		"twice":                   {[]transfer{{"t1", 5_000}, {"t2", 5_000}}, 5_000, 5_000, 5_000},
		"in parts, over":          {[]transfer{{"t1", 2_000}, {"t2", 4_000}}, 5_000, 1_000, 1_000},
		"in parts, and once more": {[]transfer{{"t1", 2_000}, {"t2", 3_000}, {"t3", 1}}, 5_000, 1, 1},
		"the same told twice":     {[]transfer{{"t1", 2_000}, {"t1", 2_000}, {"t2", 3_000}, {"t2", 3_000}}, 5_000, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			eachCounter(t, func(c *counter) {
				o := c.begin(byPix(5_000))
				for _, one := range x.transfers {
					c.hears(comes(o, one.reference, reais(one.minor)))
				}
				c.holds(o, x.captured, x.suspense)
				c.later(time.Hour)
				if c.scheme.returned() != x.returned {
					c.Errorf("%d went back, want %d", c.scheme.returned(), x.returned)
				}
				c.holds(o, x.captured, x.suspense-x.returned)
			})
		})
	}
}

// holds checks a payment and the books.
func (c *counter) holds(o Object, captured, suspense int64) {
	c.Helper()
	if got := c.status(o.ID); got.AmountCaptured != captured {
		c.Errorf("%d is captured, want %d", got.AmountCaptured, captured)
	}
	if held := c.balance(ledger.Suspense); held != suspense {
		c.Errorf("%d is in suspense, want %d", held, suspense)
	}
	if owed := c.balance(ledger.PSPReceivable + "instant"); owed != captured+suspense {
		c.Errorf("the scheme owes %d, want %d", owed, captured+suspense)
	}
}

func TestWhatComesLateGoesBack(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.begin(byPix(5_000))
		c.later(30 * time.Minute)
		if v := c.hears(comes(o, "t1", reais(5_000))); v != Applied {
			c.Errorf("it is %s", v)
		}
		c.holds(o, 0, 5_000)
		c.later(time.Minute)
		c.holds(o, 0, 0)
		if o = c.status(o.ID); o.Status != Expired || c.scheme.returned() != 5_000 {
			c.Errorf("%s; %d went back", o.Status, c.scheme.returned())
		}
	})
}

// A bank takes its payer's money after the payment's end, and will not take it back at first: it is in the books for as long as the bank has it.
func TestWhatABankTakesLateIsBookedAndGoesBack(t *testing.T) {
	for name, ends := range map[string]func(c *counter, o Object) Status{
		"expired": func(c *counter, _ Object) Status { c.later(30 * time.Minute); return Expired },
		"failed": func(c *counter, o Object) Status {
			c.hears(says(o, "1", provider.Outcome{Class: provider.Declined, Decline: provider.Decline{Code: provider.ConsentDeclined}}))
			return Failed
		},
		"canceled": func(c *counter, o Object) Status {
			if _, err := c.Cancel(c.Context(), shop, o.ID, "", alone{}); err != nil {
				c.Fatal(err)
			}
			return Canceled
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachCounter(t, func(c *counter) {
				c.scheme.refuse = true
				o := c.begin(byBank(5_000))
				status := ends(c, o)
				c.scheme.becomes(o.ID+"-1", captured(euros(5_000)))
				for range 2 {
					if v := c.hears(says(o, "1", captured(euros(5_000)))); v != Contradicted {
						c.Errorf("it is %s", v)
					}
					c.later(time.Minute)
				}
				c.holds(o, 0, 5_000)
				if n := c.measured("florin_payment_surpluses_total"); n != 1 || len(c.entries(o.ID, "late_approval.booked")) != 1 {
					c.Errorf("%v surpluses, %+v", n, c.status(o.ID).Timeline)
				}
				if returning := c.entries(o.ID, "transfer.returning"); len(returning) != 1 || returning[0].Detail != "50.00 EUR late" {
					c.Errorf("%+v", returning)
				}
				c.scheme.mu.Lock()
				c.scheme.refuse = false
				c.scheme.mu.Unlock()
				c.later(2 * time.Hour)
				c.holds(o, 0, 0)
				if got := c.status(o.ID); got.Status != status || c.scheme.returned() != 5_000 || len(c.scheme.returns) != 1 {
					c.Errorf("%s; %v went back", got.Status, c.scheme.returns)
				}
				for _, back := range c.scheme.returns {
					if back.Original != "sch_"+o.ID+"-1" || back.Transfer != "" {
						c.Errorf("asked for as %+v", back)
					}
				}
			})
		})
	}
}

// The bank takes the return, and fails it when it has tried; a repeat of that return would fail for ever.
func TestAReturnThatFailsLaterIsTriedAnew(t *testing.T) {
	eachCounter(t, func(c *counter) {
		c.scheme.fails = 2
		o := c.begin(byPix(5_000))
		c.hears(comes(o, "t1", reais(6_000)))
		c.later(6 * time.Hour)
		c.holds(o, 5_000, 0)
		if len(c.scheme.returns) != 3 || c.scheme.returned() != 1_000 {
			c.Errorf("asked for %v", c.scheme.returns)
		}
		for reference := range c.scheme.returns {
			n := provider.Notification{Operation: provider.OpRefund, Reference: reference, Attempt: o.ID + "-1", Outcome: captured(reais(1_000))}
			if v := c.hears(n); v != Known {
				c.Errorf("the return %s is %s", reference, v)
			}
		}
	})
}

func TestASurplusThatCannotBeReturnedIsAPersonsBusiness(t *testing.T) {
	eachCounter(t, func(c *counter) {
		c.scheme.refuse = true
		o := c.begin(byPix(5_000))
		c.hears(comes(o, "t1", reais(6_000)))
		c.later(time.Minute)
		if open, err := c.store.unresolved(c.Context()); err != nil || open["return"] != 0 {
			c.Errorf("at first %v, %v", open, err)
		}
		for range 10 {
			c.later(8 * time.Hour)
		}
		if open, err := c.store.unresolved(c.Context()); err != nil || open["return"] != 1 || c.measured("florin_payment_unresolved") != 1 {
			c.Errorf("in the end %v, %v", open, err)
		}
		c.scheme.mu.Lock()
		c.scheme.refuse = false
		c.scheme.mu.Unlock()
		c.later(8 * time.Hour)
		if open, err := c.store.unresolved(c.Context()); err != nil || open["return"] != 0 {
			c.Errorf("returned, %v, %v", open, err)
		}
	})
}

func TestPartsCountWhenTheSchemeSaysThatAllIsThere(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.begin(byPix(5_000))
		c.hears(comes(o, "t1", reais(2_000)))
		c.hears(says(o, "1", captured(reais(5_000)))) // it overtakes the second transfer
		c.holds(o, 5_000, 0)
		c.hears(comes(o, "t2", reais(3_000)))
		c.holds(o, 5_000, 0)
	})
}

func TestAReturnThatIsRefusedIsTriedAgain(t *testing.T) {
	eachCounter(t, func(c *counter) {
		c.scheme.refuse = true
		o := c.begin(byPix(5_000))
		c.hears(comes(o, "t1", reais(6_000)))
		c.later(time.Minute)
		if held := c.entries(o.ID, "transfer.returning"); len(held) != 1 || held[0].Detail != "10.00 BRL over" || len(c.entries(o.ID, "transfer.received")) != 1 {
			c.Errorf("the timeline has %+v", held)
		}
		c.holds(o, 5_000, 1_000)
		c.scheme.mu.Lock()
		c.scheme.refuse = false
		c.scheme.mu.Unlock()
		c.later(2 * time.Hour)
		c.holds(o, 5_000, 0)
		if len(c.scheme.returns) != 1 {
			c.Errorf("it went back %d times", len(c.scheme.returns))
		}
	})
}

func TestTransfersWhoseWebhooksAreLostAreFoundByAnInquiry(t *testing.T) {
	for name, x := range map[string]struct {
		came               []int64
		captured, returned int64
		status             Status
	}{
		"exactly":       {[]int64{5_000}, 5_000, 0, Captured},
		"in parts over": {[]int64{2_000, 4_000}, 5_000, 1_000, Captured},
		"too little":    {[]int64{2_000}, 0, 2_000, Expired},
	} {
		t.Run(name, func(t *testing.T) {
			eachCounter(t, func(c *counter) {
				o := c.begin(byPix(5_000))
				sum := int64(0)
				for i, minor := range x.came {
					sum += minor
					c.scheme.came[o.ID+"-1"] = append(c.scheme.came[o.ID+"-1"], provider.Transfer{Reference: fmt.Sprint("t", i), Amount: reais(minor)})
				}
				if sum >= 5_000 {
					c.scheme.becomes(o.ID+"-1", captured(reais(sum)))
				}
				if len(x.came) > 1 {
					c.hears(comes(o, "t0", reais(x.came[0]))) // this one did come
				}
				c.later(2 * time.Hour)
				c.later(2 * time.Hour)
				c.holds(o, x.captured, 0)
				if got := c.status(o.ID); got.Status != x.status || c.scheme.returned() != x.returned {
					c.Errorf("%s, and %d went back", got.Status, c.scheme.returned())
				}
			})
		})
	}
}

func TestMoneyThatNamesNoPaymentIsBooked(t *testing.T) {
	eachCounter(t, func(c *counter) {
		for name, attempt := range map[string]string{"t1": "", "t2": "pay_01jd9qk3v8m2x4r6t7w9y0a1b2-1", "t3": "somebody else's"} {
			n := provider.Notification{Operation: provider.OpTransfer, Attempt: attempt, Transfer: provider.Transfer{Reference: name, Amount: reais(700)}}
			if v := c.hears(n); v != Unmatched {
				c.Errorf("%q is %s", attempt, v)
			}
			if v := c.hears(n); v != Known {
				c.Errorf("%q again is %s", attempt, v)
			}
		}
		if held := c.balance(ledger.Suspense); held != 2_100 {
			c.Errorf("%d is in suspense", held)
		}
		c.later(time.Hour) // a person decides
		if held := c.balance(ledger.Suspense); held != 2_100 || c.scheme.returned() != 0 {
			c.Errorf("%d is in suspense, %d went back", held, c.scheme.returned())
		}
		if v := c.hears(provider.Notification{Operation: provider.OpTransfer, Transfer: provider.Transfer{Reference: "t9", Amount: reais(0)}}); v != Unsupported {
			c.Errorf("a transfer of nothing is %s", v)
		}
	})
}

func TestAnotherCurrencyIsAPersonsBusiness(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.begin(byPix(5_000))
		c.hears(comes(o, "t1", euros(5_000)))
		c.later(5 * time.Minute)
		if got := c.status(o.ID); got.Status != RequiresAction || c.scheme.returned() != 0 {
			c.Errorf("%s; %d went back", got.Status, c.scheme.returned())
		}
		c.hears(comes(o, "t2", reais(5_000)))
		c.expect(c.status(o.ID), Captured, 5_000, 0)
	})
}

// Whatever comes in, in whatever order, what is captured, held and returned is what came, and the books agree.
func TestTransfersAddUpWhateverComes(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	d := dbtest.Open(t, dbtest.SQLite(t), db.Options{Clock: now}, event.Schema, ledger.Schema, Schema)
	s := newScheme()
	c := &counter{newTill(t, d, now, Options{Cards: cards{}, Accounts: both{}, Providers: provider.Registry{"scheme": s}}), s}
	var came int64
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		o, err := c.Create(c.Context(), byPix(5_000), alone{})
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(0, 6).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"transfer", "transfer", "captured", "wait"}).Draw(t, "step") {
			case "transfer":
				n++
				minor := rapid.Int64Range(1, 6_000).Draw(t, "amount")
				message := comes(o, fmt.Sprint("t", n), reais(minor))
				came += minor
				for range rapid.IntRange(1, 2).Draw(t, "told") {
					c.hears(message)
				}
			case "captured":
				// The scheme says so only of what came in.
				if sum := sumOf(c, o); sum >= 5_000 {
					c.hears(says(o, "1", captured(reais(5_000))))
				}
			case "wait":
				c.later(time.Duration(rapid.IntRange(1, 30).Draw(t, "minutes")) * time.Minute)
			}
		}
		owed, held := c.balance(ledger.PSPReceivable+"instant"), c.balance(ledger.Suspense)
		if owed+s.returned() != came {
			t.Fatalf("%d came in; the scheme owes %d and sent %d back", came, owed, s.returned())
		}
		if held < 0 || held > owed {
			t.Fatalf("%d is in suspense of %d", held, owed)
		}
	})
	c.audit()
}

func sumOf(c *counter, o Object) (sum int64) {
	all, err := c.store.transfers(c.Context(), shop, o.ID)
	if err != nil {
		c.Fatal(err)
	}
	for _, t := range all {
		sum += t.Amount.Minor()
	}
	return sum
}
