package payment

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// While the payer is at their bank somebody switches the account off: nothing is asked for there when they are back.
func TestAPayerWhoIsBackIsNotChargedWhereItIsSwitchedOff(t *testing.T) {
	for name, awaits := range map[string]bool{"made by the merchant": false, "by its payer": true} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.challenged(awaits)
				ticket := u.ticketOf(o)
				u.q.finish(o.ID+"-1", passes)
				u.Control = switches{"authorize alpha": true}
				now, err := u.back(o, ticket, o.ID+"-1")
				want := map[bool]Status{false: Failed, true: RequiresPaymentMethod}[awaits]
				if err != nil || now.Status != want || now.Failure == nil || now.Failure.Code != fault.CodeProviderUnavailable || u.q.calls != 0 {
					u.Fatalf("the page shows %+v, %v, after %d calls", now, err, u.q.calls)
				}
				u.tried(u.status(o.ID), "alpha not_sent")
				if _, shown, err := u.Challenge(u.Context(), shop, o.ID, ticket); err != nil || shown.Status != want {
					u.Errorf("on a reload it shows %s, %v", shown.Status, err)
				}
				u.later(time.Hour)
				if count, _ := u.q.charged(); count != 0 || u.q.calls != 0 {
					u.Errorf("%d charges, %d calls", count, u.q.calls)
				}
				if awaits { // and when it is lifted they pay
					u.Control = nil
					again, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: tokenOther}}, alone{})
					if err != nil || again.Status != Captured {
						u.Errorf("once it is lifted: %+v, %v", again, err)
					}
				}
			})
		})
	}
}

func TestAPayerWhoIsBackGoesOnWhereItIsNotSwitchedOff(t *testing.T) {
	eachPair(t, func(u *till) {
		o := u.challenged(false)
		u.q.finish(o.ID+"-1", passes)
		u.Control = switches{"authorize alpha": true}
		now, err := u.back(o, u.ticketOf(o), o.ID+"-1")
		if err != nil {
			t.Fatal(err)
		}
		u.expect(now, Captured, 10_000, 0)
		u.tried(now, "alpha not_sent", "beta captured")
		if n := len(u.q.asked); n != 1 || u.q.asked[0].ThreeDS == nil || u.q.issuer.counted != 1 {
			t.Errorf("asked %+v, and the issuer %d times", u.q.asked, u.q.issuer.counted)
		}
	})
}

// Who did not come back is gone on with by the worker, who looks at the switches as well.
func TestWhatTheWorkerHearsOfAChallengeIsNotChargedWhereItIsSwitchedOff(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(false)
		u.q.finish(o.ID+"-1", passes)
		u.Control = switches{"authorize alpha": true}
		u.later(challengeTime + time.Hour)
		u.tried(u.status(o.ID), "alpha not_sent")
		if u.q.calls != 0 {
			t.Errorf("%d calls", u.q.calls)
		}
	})
}

func TestNobodyIsLedToTheirBankWhereItIsSwitchedOff(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.insists = true
		u.q.between = func() { u.Control = switches{"authorize alpha": true} }
		o, err := u.Create(u.Context(), order(true), alone{})
		if !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Declined) || o.Status != Failed || u.q.issuer.counted != 0 {
			t.Errorf("%s: %v, the issuer was asked %d times", o.Status, err, u.q.issuer.counted)
		}
		now := u.status(o.ID)
		if !slices.ContainsFunc(now.Attempts, func(a AttemptObject) bool { return a.Status == "not_sent" }) {
			t.Errorf("tried %+v", now.Attempts)
		}
	})
}
