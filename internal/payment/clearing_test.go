package payment

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
)

func TestAClearingAtAnotherAmountIsFollowedAndBooked(t *testing.T) {
	for name, c := range map[string]struct {
		cleared int64
		want    Verdict
	}{
		"a tip":           {11_000, Applied},
		"less":            {9_000, Applied},
		"a large tip":     {12_001, Contradicted}, // booked all the same, and a person looks
		"almost nothing":  {1, Contradicted},
		"the same":        {10_000, Known},
		"just tolerated":  {12_000, Applied},
		"less, tolerated": {8_000, Applied},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(true)
				cleared := says(o, "1", approved(provider.Captured, of(o, c.cleared)))
				if v := u.tell(cleared); v != c.want {
					u.Errorf("the clearing is %s, want %s", v, c.want)
				}
				if v := u.tell(cleared); v != Known {
					u.Errorf("the clearing, told again, is %s", v)
				}
				now := u.status(o.ID)
				u.expect(now, Captured, c.cleared, 0)
				if now.AmountAuthorized < now.AmountCaptured || u.balance(ledger.PSPReceivable+"alpha") != c.cleared {
					u.Errorf("%d authorized, the provider owes %d", now.AmountAuthorized, u.balance(ledger.PSPReceivable+"alpha"))
				}
				if told := slices.Contains(u.events(), event.PaymentAdjusted); told != (c.want != Known) {
					u.Errorf("told %v", u.events())
				}
				if shown := len(u.entries(o.ID, "payment.adjusted")) == 1; shown != (c.want != Known) {
					u.Errorf("it stands in the timeline: %t", shown)
				}
				if looked := len(u.entries(o.ID, "contradiction")) == 1; looked != (c.want == Contradicted) {
					u.Errorf("a person looks: %t", looked)
				}
			})
		})
	}
}

func TestACaptureOfItsOwnClearsAtAnotherAmount(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		for _, amount := range []int64{4_000, 6_000} {
			if _, err := u.Capture(u.Context(), shop, o.ID, amount, false, alone{}); err != nil {
				u.Fatal(err)
			}
		}
		operations, err := u.store.operations(u.Context(), shop, o.ID)
		if err != nil || len(operations) != 2 {
			u.Fatalf("%v, %v", operations, err)
		}
		first := slices.IndexFunc(operations, func(op Operation) bool { return op.Amount.Minor() == 4_000 })
		cleared := provider.Notification{
			Operation: provider.OpCapture, Reference: operations[first].ID, Attempt: o.ID + "-1", Outcome: approved(provider.Captured, of(o, 4_500)),
		}
		for _, want := range []Verdict{Applied, Known} {
			if v := u.tell(cleared); v != want {
				u.Errorf("the clearing is %s, want %s", v, want)
			}
		}
		u.expect(u.status(o.ID), Captured, 10_500, 0)
		if got := u.entries(o.ID, "payment.adjusted"); len(got) != 1 || got[0].Detail != operations[first].ID+": captured 40.00 EUR, cleared at 45.00 EUR" {
			u.Errorf("the timeline has %+v", got)
		}
		if r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{}, alone{}); err != nil || r.Amount != 10_500 {
			u.Errorf("refunded %d, %v", r.Amount, err)
		}
	})
}

// clears tells what the first capture of a payment has cleared at.
func (u *till) clears(o Object, minor int64) {
	u.Helper()
	operations, err := u.store.operations(u.Context(), shop, o.ID)
	if err != nil {
		u.Fatal(err)
	}
	first := slices.MinFunc(operations, func(a, b Operation) int { return a.CreatedAt.Compare(b.CreatedAt) })
	v := u.tell(provider.Notification{
		Operation: provider.OpCapture, Reference: first.ID, Attempt: o.ID + "-1", Outcome: approved(provider.Captured, of(o, minor)),
	})
	if v != Applied {
		u.Errorf("the clearing is %s", v)
	}
}

func TestTheHoldOfTheRestMovesWithAClearing(t *testing.T) {
	for name, cleared := range map[string]int64{"less": 3_600, "more": 4_400} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				for _, last := range []int64{5_600, 1_000} { // what is captured at the end
					o := u.pay(false)
					if _, err := u.Capture(u.Context(), shop, o.ID, 4_000, false, alone{}); err != nil {
						u.Fatal(err)
					}
					u.clears(o, cleared)
					u.audit() // of what is on hold, too
					u.now.Advance(time.Second)
					if _, err := u.Capture(u.Context(), shop, o.ID, last, true, alone{}); err != nil {
						u.Fatal(err)
					}
					u.expect(u.status(o.ID), Captured, cleared+last, 0)
					if left := u.balance(ledger.AuthHold); left != 0 {
						u.Errorf("%d are still on hold", left)
					}
				}
			})
		})
	}
}

func TestACaptureUnderWayEndsThoughAnEarlierOneClearsAtMore(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		if _, err := u.Capture(u.Context(), shop, o.ID, 4_000, false, alone{}); err != nil {
			u.Fatal(err)
		}
		u.now.Advance(time.Second)
		if _, err := u.Capture(u.Context(), shop, o.ID, 0, true, alone{}); err != nil {
			u.Fatal(err)
		}
		u.clears(o, 4_400)
		u.later(time.Hour)
		u.expect(u.status(o.ID), Captured, 10_400, 0)
		if left := u.balance(ledger.AuthHold); left != 0 {
			u.Errorf("%d are still on hold", left)
		}
	}, fine, fine, noAnswer)
}

// Nothing was heard of the money before it had cleared: it is followed all the same, within what nobody looks at.
func TestWhatHasClearedBeforeItWasHeardOfIsFollowed(t *testing.T) {
	for name, cleared := range map[string]int64{"less": 8_000, "more": 12_000} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(true)
				u.q.shift(o.ID+"-1", cleared)
				u.later(time.Hour)
				u.expect(u.status(o.ID), Captured, cleared, 0)
				if told := u.events(); !slices.Contains(told, event.PaymentCaptured) || !slices.Contains(told, event.PaymentAdjusted) {
					u.Errorf("told %v", told)
				}
				if u.balance(ledger.PSPReceivable+"alpha") != cleared || len(u.entries(o.ID, "contradiction")) != 0 {
					u.Errorf("the provider owes %d; %v", u.balance(ledger.PSPReceivable+"alpha"), u.entries(o.ID, "contradiction"))
				}
			}, noAnswer)
		})
	}
}

func TestACaptureThatHasClearedBeforeItWasHeardOfIsFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		final   bool
		cleared int64
		want    Status
		held    int64
	}{"a part, at less": {false, 3_600, Authorized, 6_400}, "a part, at more": {false, 4_400, Authorized, 5_600}, "the last, at less": {true, 3_600, Captured, 0}} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(false)
				if _, err := u.Capture(u.Context(), shop, o.ID, 4_000, c.final, alone{}); err != nil {
					u.Fatal(err)
				}
				u.clears(o, c.cleared)
				u.expect(u.status(o.ID), c.want, c.cleared, 0)
				if held := u.balance(ledger.AuthReceivable); held != c.held {
					u.Errorf("%d are on hold", held)
				}
			}, fine, noAnswer)
		})
	}
}

func TestWhatIsRefundedAlreadyDoesNotClearAtLess(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 9_500}, alone{}); err != nil {
			u.Fatal(err)
		}
		if v := u.tell(says(o, "1", approved(provider.Captured, of(o, 9_000)))); v != Contradicted {
			u.Errorf("the clearing is %s", v)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 9_500)
	})
}
