package payment

import (
	"slices"
	"testing"

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
		if r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{}, alone{}); err != nil || r.Amount != 10_500 {
			u.Errorf("refunded %d, %v", r.Amount, err)
		}
	})
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
