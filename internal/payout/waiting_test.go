package payout

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
)

// waited is why a payout waits, by its timeline.
func waited(o Object) (why []string) {
	for _, e := range o.Timeline {
		if e.Event == noteWaiting {
			why = append(why, e.Detail)
		}
	}
	return why
}

// saysItWaits fails the test unless a payout waits for these reasons until a time, and would arrive in a window.
func (u *desk) saysItWaits(o Object, until, earliest, latest time.Time, why ...string) {
	u.Helper()
	if got := waited(o); len(got) != len(why) {
		u.Fatalf("it waits for %q, want %q", got, why)
	} else {
		for i := range got {
			if got[i] != why[i] {
				u.Errorf("it waits for %q, want %q", got, why)
			}
		}
	}
	if o.Status != Queued || o.QueueUntil == nil || !o.QueueUntil.Equal(until) {
		u.Errorf("it is %s until %v, want %s", o.Status, o.QueueUntil, until)
	}
	if w := o.EstimatedArrival; w == nil || w.Earliest.Before(earliest) || !w.Latest.Equal(latest) {
		u.Errorf("it arrives within %+v, want %s to %s", w, earliest, latest)
	}
}

func TestAPayoutSaysThatItWaitsForItsProviderWhyAndUntilWhen(t *testing.T) {
	for name, sudden := range map[string]bool{"known before": false, "known at the call": true} {
		t.Run(name, func(t *testing.T) {
			eachDesk(t, func(u *desk) {
				s := &shut{now: u.now.Now, operation: health.Payout, until: u.now.Now().Add(60 * time.Hour), sudden: sudden}
				u.Health, u.bank.pay = s, taken
				u.earn(eur(1_000))
				made := u.pay(order(1_000))
				if made.QueueUntil != nil {
					u.Errorf("new, it waits until %s", made.QueueUntil)
				}
				u.sweep()
				until := u.now.Now().Add(u.Queue)
				for range 3 {
					u.saysItWaits(u.expect(made.ID, Queued), until, s.until, until.Add(10*time.Second), "its provider is down")
					u.later(19 * time.Hour)
				}
				if all, _, err := u.List(u.Context(), shop, db.Page{Limit: 5}, Filter{}); err != nil || len(all) != 1 || all[0].QueueUntil == nil {
					u.Errorf("listed: %+v, %v", all, err)
				}
				u.later(4 * time.Hour)
				if o := u.expect(made.ID, Sent); o.QueueUntil != nil || !o.EstimatedArrival.Latest.Equal(u.now.Now().Add(10*time.Second)) {
					u.Errorf("sent, it waits until %v and arrives within %+v", o.QueueUntil, o.EstimatedArrival)
				}
			})
		})
	}
}

func TestAPayoutSaysThatItWaitsForItsTurn(t *testing.T) {
	eachDesk(t, func(u *desk) {
		s := &shut{now: u.now.Now, operation: health.Payout, until: u.now.Now().Add(time.Hour), turns: 1}
		u.Health, u.bank.pay = s, taken
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		u.sweep()
		until := u.now.Now().Add(u.Queue)
		u.later(2 * time.Hour)
		u.saysItWaits(u.expect(made.ID, Queued), until, u.now.Now(), until.Add(10*time.Second), "its provider is down", whyTurn)
	})
}

func TestAPayoutThatDidNotReachItsProviderSaysUntilWhenItIsTriedAgain(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.bank.pay = func(provider.Payout) provider.Outcome {
			return provider.Outcome{Class: provider.NotSent, Detail: "connection refused"}
		}
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		u.sweep()
		until := u.now.Now().Add(u.Queue)
		o := u.expect(made.ID, Queued)
		u.saysItWaits(o, until, u.now.Now().Add(backoffs[0]), until.Add(10*time.Second))
		if last := o.Timeline[len(o.Timeline)-1]; last.Event != "call.not_sent" || last.Detail != "try 1: connection refused" {
			u.Errorf("the timeline ends with %+v", last)
		}
		u.bank.pay = func(provider.Payout) provider.Outcome { return provider.Doubt("no answer") }
		u.later(backoffs[0])
		if o := u.expect(made.ID, Queued); o.QueueUntil != nil {
			u.Errorf("its provider may have it, and it waits until %s", o.QueueUntil)
		}
	})
}

func TestAPayoutBehindASwitchSaysUntilWhen(t *testing.T) {
	eachDesk(t, func(u *desk) {
		of := &room{}
		u.Control = of
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		of.off = true
		u.sweep()
		until := u.now.Now().Add(u.Queue)
		u.saysItWaits(u.expect(made.ID, Queued), until, u.now.Now().Add(waitFor), until.Add(10*time.Second), "payout is switched off: a fraud wave")
	})
}

func TestAPayoutThatWaitsForWhatHasNoEndPromisesNoArrival(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		if made.EstimatedArrival == nil {
			u.Error("new, it has no arrival")
		}
		u.rules.m.SuspendedAt = u.now.Now()
		u.sweep()
		o := u.expect(made.ID, Queued)
		if why := waited(o); len(why) != 1 || why[0] != "the merchant is suspended" || o.QueueUntil != nil || o.EstimatedArrival != nil {
			u.Errorf("it waits for %q until %v and arrives within %+v", why, o.QueueUntil, o.EstimatedArrival)
		}
		u.rules.m.SuspendedAt = time.Time{}
		u.later(time.Hour)
		if o := u.expect(made.ID, Sent); o.EstimatedArrival == nil {
			u.Error("sent, it has no arrival")
		}
	})
}

func TestAPayoutOfPartsSaysWhatOfItWaitsWhyAndUntilWhen(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.paysIn(u.payer(), 5_000, true)
		s := &shut{now: u.now.Now, operation: health.Payout, until: u.now.Now().Add(time.Hour)}
		u.Health = s
		u.till.refund = func(provider.Refund) provider.Outcome {
			return provider.Outcome{Class: provider.NotSent, Detail: "connection refused"}
		}
		made := u.pay(prefer(ada, 1_500))
		u.works()
		until := u.now.Now().Add(u.Queue)
		o := u.parts(made.ID, Queued, stands{PartRefund, 1_000, PartQueued, WhySource}, stands{PartPayout, 500, PartQueued, WhyRest})
		if o.QueueUntil == nil || !o.QueueUntil.Equal(until) || o.EstimatedArrival == nil || o.EstimatedArrival.Earliest.Before(s.until) || !o.EstimatedArrival.Latest.Equal(until.Add(10*time.Second)) {
			u.Errorf("it waits until %v, want %s, and arrives within %+v", o.QueueUntil, until, o.EstimatedArrival)
		}
		var told []string
		for _, e := range o.Timeline {
			if e.Event == "part.waiting" {
				told = append(told, e.Detail)
			}
		}
		slices.Sort(told)
		if want := []string{"payout of 5.00 EUR: its provider is down", "refund of 10.00 EUR to " + o.Parts[0].Payment + ": connection refused"}; !slices.Equal(told, want) {
			u.Errorf("told %q, want %q", told, want)
		}
		u.till.refund = refunded
		for range 3 {
			u.now.Advance(time.Hour)
			u.works()
		}
		if o := u.parts(made.ID, Sent, stands{PartRefund, 1_000, PartSucceeded, WhySource}, stands{PartPayout, 500, PartSent, WhyRest}); o.QueueUntil != nil {
			u.Errorf("nothing waits, and it says until %s", o.QueueUntil)
		}
	})
}
