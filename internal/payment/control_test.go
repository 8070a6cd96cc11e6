package payment

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
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

// notes are what a companion was told of a refund.
type notes []string

func (n *notes) Intent(*db.Change, string) { *n = append(*n, "intent") }

func (n *notes) Result(_ *db.Change, object any, _ error) error {
	r, ok := object.(RefundObject)
	if !ok {
		return errors.New("not a refund")
	}
	*n = append(*n, "result "+r.Status)
	return nil
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
		var told notes
		if one, err := u.ApproveRefund(u.Context(), shop, r.ID, second, &told); err != nil || one.Status != "held" || !slices.Equal(one.ApprovedBy, []string{second}) || u.q.calls != calls {
			u.Fatalf("the first of two: %+v, %v", one, err)
		}
		if !slices.Equal(told, []string{"result held"}) {
			u.Errorf("the companion of the first of two was told %q", told)
		}
		for _, key := range []string{first, second} {
			if _, err := u.ApproveRefund(u.Context(), shop, r.ID, key, alone{}); codeOf(err) != CodeTwoPersons || !fault.Is(err, fault.Forbidden) {
				u.Errorf("%s again: %v", key, err)
			}
		}
		if done, err := u.ApproveRefund(u.Context(), shop, r.ID, "key_3", &told); err != nil || done.Status != "succeeded" || !slices.Equal(done.ApprovedBy, []string{second, "key_3"}) {
			u.Errorf("the second of two: %+v, %v", done, err)
		}
		if !slices.Equal(told, []string{"result held", "intent", "result succeeded"}) {
			u.Errorf("the companions of both were told %q", told)
		}
		r, err = u.asks(o.ID, RefundRequest{Amount: 1000})
		if err != nil {
			u.Fatal(err)
		}
		u.Control = watched(0) // lifted meanwhile: what is held needs the one who is always needed
		if done, err := u.ApproveRefund(u.Context(), shop, r.ID, second, alone{}); err != nil || done.Status != "succeeded" {
			u.Errorf("%+v, %v", done, err)
		}
		u.Control = watched(2)
		if r, err = u.asks(o.ID, RefundRequest{Amount: 1000}); err == nil {
			_, err = u.ApproveRefund(u.Context(), shop, r.ID, second, alone{})
		}
		if err != nil {
			u.Fatal(err)
		}
		u.Control = watched(0) // lifted after the first of two: they have agreed, and may let it go
		if _, err := u.ApproveRefund(u.Context(), shop, r.ID, first, alone{}); codeOf(err) != CodeTwoPersons {
			u.Errorf("let go by who asked for it: %v", err)
		}
		if done, err := u.ApproveRefund(u.Context(), shop, r.ID, second, alone{}); err != nil || done.Status != "succeeded" || !slices.Equal(done.ApprovedBy, []string{second}) {
			u.Errorf("let go by who has agreed: %+v, %v", done, err)
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
				u.later(25 * time.Hour)
				if items := u.queue(); len(items) != 1 || u.q.inquiries != asked {
					u.Errorf("after a day the queue is %+v, asked %d times", items, u.q.inquiries-asked)
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

func TestASwitchOfVoidsHoldsBackTheReleaseOfALapsedAuthorization(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		u.Control = switches{"void alpha": true}
		u.now.Advance(o.CaptureBefore.Sub(u.now.Now()) + time.Second)
		u.later(8 * time.Microsecond)
		p, err := u.store.payment(u.Context(), shop, o.ID)
		if left := p.DueAt.Sub(u.now.Now()).Round(time.Second); err != nil || p.Status != Authorized || left != retryExpiry {
			u.Fatalf("it is %s, looked at again after %s, %v", p.Status, left, err)
		}
		u.Control = nil
		u.later(2 * time.Hour)
		u.expect(u.status(o.ID), Expired, 0, 0)
		if made := u.q.voidsMade(); len(made) != 1 {
			u.Errorf("released by %v", made)
		}
	})
}

func TestASwitchOfVoidsHoldsBackFlorinsOwnReversals(t *testing.T) {
	off := switches{"void alpha": true}
	for name, c := range map[string]struct {
		mishaps []mishap
		begin   func(u *till) Object // until something waits to be released
		waits   Status
		done    Status
	}{
		"of what was not found": {[]mishap{noArrival}, func(u *till) Object { u.Control = off; return u.pay(false) }, Processing, Failed},
		"of a late approval": {[]mishap{arrivesLate}, func(u *till) Object {
			o := u.lateHold()
			u.Control = off
			u.hears(o)
			return o
		}, Failed, Failed},
		"of a page that was left": {nil, func(u *till) Object {
			u.q.issuer.page, u.Control = true, off
			o, err := u.Create(u.Context(), order(true), alone{})
			if err == nil {
				_, err = u.Cancel(u.Context(), shop, o.ID, "", alone{})
			}
			if err != nil {
				u.Fatal(err)
			}
			return o
		}, Canceled, Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := c.begin(u)
				made := u.q.calls
				u.later(2 * time.Hour)
				if now := u.status(o.ID); u.q.calls != made || now.Status != c.waits {
					u.Fatalf("behind the switch it is %s, after %d calls", now.Status, u.q.calls-made)
				}
				u.Control = nil
				u.later(2 * time.Hour)
				if now := u.status(o.ID); u.q.calls != made+1 || now.Status != c.done {
					u.Errorf("once it is lifted it is %s, after %d calls", now.Status, u.q.calls-made)
				}
				if open, kept := u.q.keeps(attemptReference(o.ID, 1)); open || kept != 0 {
					u.Errorf("held: %t, taken: %d", open, kept)
				}
				if waiting := u.q.issuer.waiting[attemptReference(o.ID, 1)]; waiting != nil {
					u.Error("the page is still open")
				}
			}, c.mishaps...)
		})
	}
}

func TestASwitchOfRefundsHoldsBackWhatFlorinGivesBack(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.later(2 * time.Hour)
		u.expect(u.status(o.ID), Failed, 0, 0)
		u.q.arrive()
		u.Control = switches{"refund alpha": true}
		u.hears(o)
		u.later(2 * time.Hour)
		if _, kept := u.q.keeps(attemptReference(o.ID, 1)); kept != 10_000 || u.balance("suspense") == 0 {
			u.Fatalf("behind the switch the acquirer keeps %d, %d are in suspense", kept, u.balance("suspense"))
		}
		u.Control = nil
		u.later(2 * time.Hour)
		if _, kept := u.q.keeps(attemptReference(o.ID, 1)); kept != 0 || u.balance("suspense") != 0 {
			u.Errorf("once it is lifted the acquirer keeps %d, %d are in suspense", kept, u.balance("suspense"))
		}
	}, arrivesLate)
}
