package payment

import (
	"context"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// watched is a merchant whose refunds so many people must agree to. Nothing is switched off.
type watched int

func (watched) Blocked(context.Context, string, control.Ask) error { return nil }

func (w watched) Persons(_ context.Context, _ string, a control.Ask, _ money.Money) (int, error) {
	if a.Operation != control.Refund {
		return 0, nil
	}
	return int(w), nil
}

func TestARefundUnderWatchWaitsUntilEnoughHaveAgreed(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Control = watched(2)
		o := u.pay(true)
		r, err := u.asks(o.ID, RefundRequest{Amount: 4000})
		if err != nil || r.Status != "held" {
			u.Fatalf("%+v, %v", r, err)
		}
		calls := u.q.calls
		if one, err := u.ApproveRefund(u.Context(), shop, r.ID, second, alone{}); err != nil || one.Status != "held" || one.ApprovedBy != second || u.q.calls != calls {
			u.Fatalf("the first of two: %+v, %v", one, err)
		}
		for _, key := range []string{first, second} {
			if _, err := u.ApproveRefund(u.Context(), shop, r.ID, key, alone{}); codeOf(err) != CodeTwoPersons || !fault.Is(err, fault.Forbidden) {
				u.Errorf("%s again: %v", key, err)
			}
		}
		if done, err := u.ApproveRefund(u.Context(), shop, r.ID, "key_3", alone{}); err != nil || done.Status != "succeeded" || done.ApprovedBy != second+" key_3" {
			u.Errorf("the second of two: %+v, %v", done, err)
		}
		r, err = u.asks(o.ID, RefundRequest{Amount: 1000})
		if err != nil {
			u.Fatal(err)
		}
		u.Control = watched(0) // lifted meanwhile: what is held needs the one who is always needed
		if done, err := u.ApproveRefund(u.Context(), shop, r.ID, second, alone{}); err != nil || done.Status != "succeeded" {
			u.Errorf("%+v, %v", done, err)
		}
	})
}

// silence is a switch of inquiries, while it is on.
type silence bool

func (s *silence) Blocked(_ context.Context, _ string, a control.Ask) error {
	if *s && a.Operation == control.Inquiry && a.Account == "alpha" && a.Method == "card" {
		return &fault.Error{Kind: fault.Unavailable, Code: fault.CodeKillSwitch, Detail: "inquiry is switched off: their desk is on fire", RetryAfter: time.Minute}
	}
	return nil
}

func (*silence) Persons(context.Context, string, control.Ask, money.Money) (int, error) {
	return 0, nil
}

func TestASwitchOfInquiriesHoldsThemBack(t *testing.T) {
	for name, operate := range map[string]bool{"a payment": false, "a refund": true} {
		t.Run(name, func(t *testing.T) {
			var mishaps []mishap
			if operate {
				mishaps = []mishap{fine}
			}
			eachTill(t, func(u *till) {
				on := silence(true)
				u.Control = &on
				o := u.pay(true)
				if operate {
					if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 4_000}, alone{}); err != nil {
						u.Fatal(err)
					}
				}
				asked := u.q.inquiries
				for range 30 {
					u.later(5 * time.Minute)
				}
				if u.q.inquiries != asked || u.measured("florin_payment_unresolved") != 0 {
					u.Errorf("asked %d times, %v are a person's business", u.q.inquiries-asked, u.measured("florin_payment_unresolved"))
				}
				on = false
				u.later(5 * time.Minute)
				u.expect(u.status(o.ID), Captured, 10_000, map[bool]int64{true: 4_000}[operate])
				if u.q.inquiries == asked {
					u.Error("nobody was asked when the switch was lifted")
				}
			}, append(mishaps, noAnswer)...)
		})
	}
}
