package payment

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// mute is an acquirer that cannot be asked.
type mute struct{ q *acquirer }

func (m mute) Capabilities() provider.Capabilities { return m.q.Capabilities() }

func (m mute) Authorize(ctx context.Context, a provider.Account, r provider.Authorization) provider.Outcome {
	return m.q.Authorize(ctx, a, r)
}

func (m mute) Capture(ctx context.Context, a provider.Account, r provider.Capture) provider.Outcome {
	return m.q.Capture(ctx, a, r)
}

func (m mute) Void(ctx context.Context, a provider.Account, r provider.Void) provider.Outcome {
	return m.q.Void(ctx, a, r)
}

func (m mute) Refund(ctx context.Context, a provider.Account, r provider.Refund) provider.Outcome {
	return m.q.Refund(ctx, a, r)
}

// queue is the manual queue.
func (u *till) queue() []ManualItem {
	u.Helper()
	items, err := u.ManualQueue(u.Context(), shop, ManualPlace{}, 10)
	if err != nil {
		u.Fatal(err)
	}
	return items
}

// hours lets hours pass in steps so small that every inquiry comes when it is due.
func (u *till) hours(n int) {
	u.Helper()
	for range n {
		u.later(time.Hour)
	}
}

func TestWhatManyInquiriesDoNotTellIsAPersonsBusiness(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.q.blind = true
		u.hours(5)
		if items := u.queue(); len(items) != 0 {
			u.Fatalf("waits for a person too early: %+v", items)
		}
		u.hours(30)
		items := u.queue()
		if len(items) != 1 {
			u.Fatalf("the queue is %+v", items)
		}
		i := items[0]
		if i.Payment != o.ID || i.Reason != ManualNoAnswer || i.Operation != provider.OpAuthorize || i.Reference != o.ID+"-1" || i.Amount != 10_000 || i.NextInquiryAt == nil {
			u.Errorf("the item is %+v", i)
		}
		if n := u.measured("florin_payment_manual_queue_items"); n != 1 {
			u.Errorf("%v items are measured", n)
		}
		if entries := u.entries(o.ID, "attempt.manual"); len(entries) != 1 {
			u.Errorf("the timeline has %+v", entries)
		}
		asked := i.Inquiries
		u.hours(48)
		if now := u.queue()[0]; now.Inquiries < asked+1 || now.Inquiries > asked+3 || !now.Since.Equal(i.Since) {
			u.Errorf("in two days it was asked about %d times", now.Inquiries-asked)
		}
		u.q.blind = false
		u.hours(30)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if items := u.queue(); len(items) != 0 {
			u.Errorf("the queue is %+v", items)
		}
		if _, err := u.ResolveManual(u.Context(), shop, i.ID, Resolution{Outcome: NotCharged}, alone{}); !fault.Is(err, fault.NotFound) {
			u.Errorf("resolved what is known: %v", err)
		}
	}, noAnswer)
}

func TestAPersonsWordGoesTheWayOfAnInquirys(t *testing.T) {
	for name, c := range map[string]struct {
		capture bool
		m       mishap
		say     Resolution
		status  Status
		taken   int64
	}{
		"charged":     {true, noAnswer, Resolution{Outcome: Charged, Reference: "q-1"}, Captured, 10_000},
		"held":        {false, noAnswer, Resolution{Outcome: Charged, Reference: "q-1"}, Authorized, 0},
		"not charged": {true, noArrival, Resolution{Outcome: NotCharged}, Failed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(c.capture)
				u.q.blind = true
				u.hours(30)
				item := u.queue()[0].ID
				for _, wrong := range []Resolution{{Outcome: Done}, {Outcome: "maybe"}} {
					if _, err := u.ResolveManual(u.Context(), shop, item, wrong, alone{}); !fault.Is(err, fault.Invalid) {
						u.Errorf("%s: %v", wrong.Outcome, err)
					}
				}
				if c.say.Outcome == Charged {
					if _, err := u.ResolveManual(u.Context(), shop, item, Resolution{Outcome: Charged}, alone{}); !fault.Is(err, fault.Invalid) {
						u.Errorf("charged without a reference: %v", err)
					}
				}
				if _, err := u.ResolveManual(u.Context(), "acct_other:test", item, c.say, alone{}); !fault.Is(err, fault.NotFound) {
					u.Errorf("by another merchant: %v", err)
				}
				d := &diary{}
				now, err := u.ResolveManual(u.Context(), shop, item, c.say, d)
				if err != nil || now.Status != c.status || d.results == 0 || u.written() != 1 {
					u.Fatalf("%+v, %v, %d results, %d rows", now, err, d.results, u.written())
				}
				u.expect(u.status(o.ID), c.status, c.taken, 0)
				if len(u.queue()) != 0 {
					u.Errorf("the queue is %+v", u.queue())
				}
				u.q.blind = false
				u.hours(2)
				u.expect(u.status(o.ID), c.status, c.taken, 0)
			}, c.m)
		})
	}
}

// A person was wrong: the provider has the money after all, and says so. It goes back.
func TestWhatAPersonSaidWasNotChargedGoesBackIfItWas(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		u.q.blind = true
		u.hours(30)
		if _, err := u.ResolveManual(u.Context(), shop, u.queue()[0].ID, Resolution{Outcome: NotCharged}, alone{}); err != nil {
			u.Fatal(err)
		}
		u.q.blind = false
		if v := u.tell(says(o, "1", u.q.shown(o.ID+"-1"))); v != Contradicted {
			u.Errorf("the provider's word is %s", v)
		}
		u.later(time.Minute)
		if open, _ := u.q.keeps(o.ID + "-1"); open {
			u.Error("the acquirer still holds it")
		}
		u.expect(u.status(o.ID), Failed, 0, 0)
	}, noAnswer)
}

func TestOperationsComeToAPersonAsWell(t *testing.T) {
	for name, c := range map[string]struct {
		say      ManualOutcome
		refunded int64
		status   string
	}{"done": {Done, 4_000, "succeeded"}, "not done": {NotDone, 0, "failed"}} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(true)
				r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 4_000}, alone{})
				if err != nil {
					u.Fatal(err)
				}
				u.q.blind = true
				u.hours(30)
				items := u.queue()
				if len(items) != 1 || items[0].ID != r.ID || items[0].Operation != provider.OpRefund || items[0].Amount != 4_000 {
					u.Fatalf("the queue is %+v", items)
				}
				if _, err := u.ResolveManual(u.Context(), shop, r.ID, Resolution{Outcome: Charged, Reference: "x"}, alone{}); !fault.Is(err, fault.Invalid) {
					u.Errorf("a refund is charged: %v", err)
				}
				if _, err := u.ResolveManual(u.Context(), shop, r.ID, Resolution{Outcome: c.say, Reference: "q-7"}, alone{}); err != nil {
					u.Fatal(err)
				}
				u.expect(u.status(o.ID), Captured, 10_000, c.refunded)
				if r, err = u.GetRefund(u.Context(), shop, r.ID); err != nil || r.Status != c.status {
					u.Errorf("%+v, %v", r, err)
				}
				if _, err := u.ResolveManual(u.Context(), shop, r.ID, Resolution{Outcome: c.say}, alone{}); !fault.Is(err, fault.NotFound) {
					u.Errorf("twice: %v", err)
				}
			}, fine, noAnswer)
		})
	}
}

func TestAProviderThatCannotBeAskedIsAPersonsBusinessAtOnce(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Providers = provider.Registry{"fake": mute{u.q}}
		o := u.pay(true)
		u.later(time.Minute)
		items := u.queue()
		if len(items) != 1 || items[0].Reason != ManualNoInquiry || items[0].Payment != o.ID {
			u.Fatalf("the queue is %+v", items)
		}
		if v := u.tell(says(o, "1", u.q.shown(o.ID+"-1"))); v != Applied {
			u.Errorf("its webhook is %s", v)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if len(u.queue()) != 0 {
			u.Errorf("the queue is %+v", u.queue())
		}
	}, noAnswer)
}

// Three attempts and two refunds, some of which began to wait at once.
func TestTheQueueIsShownInStretches(t *testing.T) {
	eachTill(t, func(u *till) {
		paid := u.pay(true)
		u.Providers = provider.Registry{"fake": mute{u.q}}
		for i := range 3 {
			u.pay(true)
			if i < 2 {
				u.refund(paid, 100)
				u.later(time.Minute)
			}
		}
		u.later(time.Minute)
		all := u.queue()
		if len(all) != 5 || !slices.IsSortedFunc(all, func(a, b ManualItem) int { return a.Place().Compare(b.Place()) }) {
			u.Fatalf("the queue is %+v", all)
		}
		for _, most := range []int{1, 2, 3} {
			var walked []ManualItem
			var at ManualPlace
			for {
				stretch, err := u.ManualQueue(u.Context(), shop, at, most)
				if err != nil || len(stretch) > most {
					u.Fatalf("%d items, %v", len(stretch), err)
				}
				if len(stretch) == 0 {
					break
				}
				walked = append(walked, stretch...)
				if at, err = u.ManualPlace(u.Context(), shop, stretch[len(stretch)-1].ID); err != nil {
					u.Fatal(err)
				}
			}
			if !slices.EqualFunc(walked, all, func(a, b ManualItem) bool { return a.ID == b.ID }) {
				u.Errorf("by %d: %+v", most, walked)
			}
		}
		for _, gone := range []string{"att_gone", "ref_gone"} {
			if _, err := u.ManualPlace(u.Context(), shop, gone); !fault.Is(err, fault.NotFound) {
				u.Errorf("the place of what is gone: %v", err)
			}
		}
	}, fine, noAnswer, noAnswer, noAnswer, noAnswer, noAnswer)
}
