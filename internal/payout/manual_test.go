package payout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// queue is the manual queue.
func (u *desk) queue() []payment.ManualItem {
	u.Helper()
	items, more, err := u.ManualQueue(u.Context(), shop, "", 10)
	if err != nil || more {
		u.Fatalf("%v, %v", more, err)
	}
	return items
}

// hours lets hours pass in steps so small that every question is asked soon after it is due.
func (u *desk) hours(n int) {
	u.Helper()
	for range 4 * n {
		u.later(15 * time.Minute)
	}
}

// measured is what the gauge of the queue says.
func (u *desk) measured() float64 {
	u.Helper()
	all, err := u.Metrics.(*prometheus.Registry).Gather()
	if err != nil {
		u.Fatal(err)
	}
	for _, of := range all {
		if of.GetName() == "florin_payout_manual_queue_items" {
			return of.GetMetric()[0].GetGauge().GetValue()
		}
	}
	u.Fatal("nothing is measured")
	return 0
}

// lost makes a payout whose provider tells nobody what became of it.
func (u *desk) lost(minor int64) Object {
	u.Helper()
	u.bank.pay = func(provider.Payout) provider.Outcome { return provider.Doubt("no answer in time") }
	o := u.pay(order(minor))
	u.sweep()
	return o
}

func TestAPayoutThatNobodyTellsOfIsAPersonsBusiness(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		made := u.lost(1_000)
		u.hours(5)
		if items := u.queue(); len(items) != 0 {
			u.Fatalf("too early: %+v", items)
		}
		u.hours(10)
		items := u.queue()
		if len(items) != 1 {
			u.Fatalf("the queue is %+v", items)
		}
		i := items[0]
		if i.ID != made.ID || i.Payout != made.ID || i.Payment != "" || i.Operation != provider.OpPayout || i.Amount != 1_000 || i.Currency != "EUR" || i.Provider != alpha.ID ||
			i.Reference != made.ID || i.Reason != payment.ManualNoAnswer || i.Detail == "" || i.Inquiries < 8 || i.NextInquiryAt == nil {
			u.Errorf("the item is %+v", i)
		}
		if n := u.measured(); n != 1 {
			u.Errorf("%v are measured", n)
		}
		if o := u.expect(made.ID, Queued); !slices.ContainsFunc(o.Timeline, func(e TimelineEntry) bool { return e.Event == "call.manual" }) {
			u.Errorf("the timeline is %+v", o.Timeline)
		}
		asked := u.bank.asked
		u.hours(48)
		if n := u.bank.asked - asked; n != 2 || len(u.bank.paid) != 1 {
			u.Errorf("asked %d times in two days, sent %d times", n, len(u.bank.paid))
		}
		u.answers(provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(1_000)})
		u.hours(25)
		u.expect(made.ID, Paid)
		if len(u.queue()) != 0 || u.measured() != 0 {
			u.Errorf("the queue is %+v", u.queue())
		}
		if _, err := u.Resolve(u.Context(), shop, made.ID, Resolution{Outcome: NotPaid, Reason: "r"}, none); !fault.Is(err, fault.Conflict) {
			u.Errorf("resolved what is known: %v", err)
		}
	})
}

func TestAPersonsWordMovesAPayoutAsItsProvidersWould(t *testing.T) {
	for name, c := range map[string]struct {
		sent bool // the provider had taken it, and fell silent
		say  ManualOutcome
		then Status
		left int64 // of what was available
		told []string
	}{
		"paid":                {false, WasPaid, Paid, 0, []string{"payout.queued", "payout.sent", "payout.paid"}},
		"not paid":            {false, NotPaid, Failed, 1_000, []string{"payout.queued", "payout.failed"}},
		"taken, and paid":     {true, WasPaid, Paid, 0, []string{"payout.queued", "payout.sent", "payout.paid"}},
		"taken, and not paid": {true, NotPaid, Failed, 1_000, []string{"payout.queued", "payout.sent", "payout.failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			eachDesk(t, func(u *desk) {
				u.earn(eur(1_000))
				var made Object
				if c.sent {
					made = u.pay(order(1_000))
					u.sweep()
					u.hours(60)
				} else {
					made = u.lost(1_000)
					u.hours(10)
				}
				if items := u.queue(); len(items) != 1 || items[0].ID != made.ID {
					u.Fatalf("the queue is %+v", items)
				}
				if _, err := u.Resolve(u.Context(), shop, made.ID, Resolution{Outcome: "charged", Reason: "r"}, none); !fault.Is(err, fault.Invalid) {
					u.Errorf("of a payment: %v", err)
				}
				if _, err := u.Resolve(u.Context(), "acct_other:test", made.ID, Resolution{Outcome: c.say}, none); !fault.Is(err, fault.NotFound) {
					u.Errorf("by another merchant: %v", err)
				}
				var answered Object
				o, err := u.Resolve(u.Context(), shop, made.ID, Resolution{Outcome: c.say, Reference: "bank_77", Reason: "seen in the portal"},
					func(_ *db.Change, o Object) error { answered = o; return nil })
				if err != nil || o.Status != c.then || answered.Status != c.then || o.ProviderReference != "bank_77" {
					u.Fatalf("%+v, %v", o, err)
				}
				if !slices.ContainsFunc(o.Timeline, func(e TimelineEntry) bool {
					return e.Event == "call.resolved" && strings.Contains(e.Detail, "seen in the portal")
				}) {
					u.Errorf("the timeline is %+v", o.Timeline)
				}
				if u.holds(ledger.MerchantAvailable, "EUR") != c.left || len(u.queue()) != 0 || !slices.Equal(u.tells(made.ID), c.told) {
					u.Errorf("%d left, the queue is %+v, told %v", u.holds(ledger.MerchantAvailable, "EUR"), u.queue(), u.tells(made.ID))
				}
				u.hours(30)
				u.expect(made.ID, c.then)
			})
		})
	}
}

// A person was wrong: what they said stands, and both words are shown.
func TestAProviderThatContradictsAPersonChangesNothing(t *testing.T) {
	eachDesk(t, func(u *desk) {
		breaks := &fakeBreaks{}
		u.Breaks = breaks
		u.earn(eur(1_000))
		made := u.lost(1_000)
		u.hours(10)
		if _, err := u.Resolve(u.Context(), shop, made.ID, Resolution{Outcome: NotPaid, Reason: "not in the portal"}, none); err != nil {
			u.Fatal(err)
		}
		if v := u.says(made.ID, provider.Succeeded, eur(1_000)); v != payment.Contradicted || len(breaks.opened) != 1 {
			u.Errorf("heard as %s, %+v", v, breaks.opened)
		}
		u.expect(made.ID, Failed)
	})
}

func TestAPayoutThatCannotBeAskedAboutIsAPersonsBusinessAfterADay(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.Health = &shut{now: u.now.Now, operation: health.Inquiry, until: u.now.Now().Add(100 * time.Hour)}
		u.earn(eur(1_000))
		made := u.lost(1_000)
		u.later(23 * time.Hour)
		if len(u.queue()) != 0 {
			u.Fatal("too early")
		}
		u.later(2 * time.Hour)
		items := u.queue()
		if len(items) != 1 || items[0].ID != made.ID || u.bank.asked != 0 {
			u.Fatalf("the queue is %+v, asked %d times", items, u.bank.asked)
		}
		u.answers(provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(1_000)})
		u.later(80 * time.Hour)
		u.expect(made.ID, Paid)
	})
}

func TestASlowRailIsNobodysBusiness(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		u.sweep()
		u.answers(provider.Outcome{Class: provider.Approved, State: provider.Pending, Amount: eur(1_000)})
		u.hours(72)
		u.bank.find = func(provider.PayoutInquiry) provider.Finding { return provider.Found(provider.Doubt("not now")) }
		u.hours(12)
		u.expect(made.ID, Sent)
		if len(u.queue()) != 0 {
			u.Errorf("the queue is %+v", u.queue())
		}
	})
}

func TestPaymentsAndPayoutsWaitInOneQueue(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 5_000, true)
		u.till.refund = func(provider.Refund) provider.Outcome { return provider.Doubt("no answer") }
		in := prefer(ada, 6_000)
		u.paysIn(u.payer(), 5_000, true)
		u.bank.pay = func(provider.Payout) provider.Outcome { return provider.Doubt("no answer") }
		made := u.pay(in)
		other := u.lost(300)
		for range 4 * 12 {
			u.now.Advance(15 * time.Minute)
			u.works()
		}
		all := u.queue()
		if len(all) != 3 || !slices.IsSortedFunc(all, func(a, b payment.ManualItem) int { return a.Place().Compare(b.Place()) }) {
			u.Fatalf("the queue is %+v", all)
		}
		of := map[string]string{}
		for _, i := range all {
			of[i.ID] = i.Payout
		}
		if of[other.ID] != other.ID || of[made.Parts[1].ID] != made.ID || of[made.Parts[0].ID] != "" {
			u.Errorf("the queue is %+v", all)
		}
		var walked []string
		for after, more := "", true; more; {
			var page []payment.ManualItem
			var err error
			if page, more, err = u.ManualQueue(u.Context(), shop, after, 1); err != nil || len(page) != 1 {
				u.Fatalf("%+v, %v", page, err)
			}
			after = page[0].ID
			walked = append(walked, after)
		}
		if !slices.Equal(walked, []string{all[0].ID, all[1].ID, all[2].ID}) {
			u.Errorf("walked %v of %+v", walked, all)
		}
		// The part that went to the destination is resolved by itself.
		if o, err := u.Resolve(u.Context(), shop, made.Parts[1].ID, Resolution{Outcome: WasPaid, Reason: "seen"}, none); err != nil || o.PartOf != made.ID {
			u.Fatalf("%+v, %v", o, err)
		}
		u.works()
		if o := u.expect(made.ID, Sent); o.AmountPaid != 1_000 {
			u.Errorf("%+v", o)
		}
		for _, gone := range []string{made.Parts[1].ID, "po_gone", "att_gone"} {
			if _, _, err := u.ManualQueue(u.Context(), shop, gone, 1); !fault.Is(err, fault.Invalid) {
				u.Errorf("after %s: %v", gone, err)
			}
		}
	})
}
