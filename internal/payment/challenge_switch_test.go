package payment

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

// offAtAlpha is a switch with an end.
type offAtAlpha struct{ switches }

func (w offAtAlpha) Blocked(ctx context.Context, tenant string, a control.Ask) error {
	if err := w.switches.Blocked(ctx, tenant, a); err != nil {
		return &fault.Error{Kind: fault.Unavailable, Code: fault.CodeKillSwitch, Detail: "authorize is switched off: a fraud wave.", RetryAfter: time.Hour}
	}
	return nil
}

// While the payer is at their bank somebody switches the account off: nothing is asked for there when they are back, and once it is on again
// the payment goes on with what they have proved.
func TestAPayerWhoIsBackIsNotChargedWhereItIsSwitchedOff(t *testing.T) {
	for name, awaits := range map[string]bool{"made by the merchant": false, "by its payer": true} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.challenged(awaits)
				ticket := u.ticketOf(o)
				u.q.finish(o.ID+"-1", passes)
				u.Control = offAtAlpha{switches{"authorize alpha": true}}
				now, err := u.back(o, ticket, o.ID+"-1")
				if err != nil || now.Status != RequiresPaymentMethod || now.Failure == nil || now.Failure.Code != fault.CodeKillSwitch ||
					now.Failure.Message != "authorize is switched off: a fraud wave. Nothing was charged." || u.q.calls != 0 {
					u.Fatalf("the page shows %+v, %v, after %d calls", now, err, u.q.calls)
				}
				if now.ExpiresAt == nil || !now.Failure.RetryAt.Equal(u.now.Now().Add(time.Hour)) {
					u.Errorf("it expires at %v, and is on again at %v", now.ExpiresAt, now.Failure.RetryAt)
				}
				if want := []event.Type{event.PaymentCreated, event.PaymentRequiresAction, event.PaymentFailed}; !slices.Equal(u.events(), want) {
					u.Errorf("told %v", u.events())
				}
				u.tried(u.status(o.ID), "alpha not_sent")
				if _, shown, err := u.Challenge(u.Context(), shop, o.ID, ticket); err != nil || shown.Status != RequiresPaymentMethod {
					u.Errorf("on a reload it shows %s, %v", shown.Status, err)
				}
				if _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); !switched(err) {
					u.Errorf("confirmed while it is off: %v", err)
				}
				u.later(time.Hour)
				if count, _ := u.q.charged(); count != 0 || u.q.calls != 0 {
					u.Errorf("%d charges, %d calls", count, u.q.calls)
				}
				u.Control = nil
				again, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Result: u.q.cres(o.ID + "-1")}, alone{})
				if err != nil {
					u.Fatal(err)
				}
				u.expect(again, Captured, 10_000, 0)
				u.tried(u.status(o.ID), "alpha not_sent", "alpha captured")
				if n := len(u.q.asked); n != 1 || u.q.asked[0].ThreeDS == nil || u.q.issuer.counted != 1 || !again.ThreeDS.LiabilityShift || again.Failure != nil {
					u.Errorf("asked %+v, the issuer %d times, it shows %+v", u.q.asked, u.q.issuer.counted, again)
				}
			})
		})
	}
}

// The answer of a switch is not kept: the same request works when it is on again. What was begun before a switch stopped it has an answer.
func TestAConfirmationThatASwitchStopsLeavesItsKeyFree(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(false)
		u.q.finish(o.ID+"-1", passes)
		u.Control = offAtAlpha{switches{"authorize alpha": true}}
		d := &diary{}
		_, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, d)
		var refused *DeclinedError
		if !errors.As(err, &refused) || refused.Code != fault.CodeKillSwitch || refused.Meaning.After != time.Hour || refused.Payment.ID != o.ID || refused.Payment.ClientSecret == "" || !fault.Is(err, fault.Unavailable) {
			u.Errorf("refused with %v", err)
		}
		if d.intents != 0 || d.results != 0 {
			u.Errorf("%d intents, %d results", d.intents, d.results)
		}
		u.Control = nil
		if now, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, d); err != nil || now.Status != Captured || d.intents != 1 || d.results != 1 {
			u.Errorf("%s, %v: %d intents, %d results", now.Status, err, d.intents, d.results)
		}
	})
}

// The payer's own secret is as good as it was, and a second tab charges nothing twice.
func TestAPayerConfirmsAgainWhatASwitchHasStopped(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(true)
		u.q.finish(o.ID+"-1", passes)
		u.Control = switches{"authorize alpha": true}
		if _, err := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{}, alone{}); !switched(err) {
			u.Fatalf("while it is off: %v", err)
		}
		u.Control = nil
		for range 2 {
			if now, err := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{}, alone{}); err != nil || now.Status != Captured {
				u.Errorf("once it is on: %s, %v", now.Status, err)
			}
		}
		if count, _ := u.q.charged(); count != 1 || u.q.issuer.counted != 1 {
			u.Errorf("%d charges, the issuer was asked %d times", count, u.q.issuer.counted)
		}
	})
}

// What was proved of one card is no proof of another, and what nobody was stopped at takes no result.
func TestAProofGoesAlongWithItsOwnCardAlone(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(false)
		u.q.finish(o.ID+"-1", passes)
		u.Control = switches{"authorize alpha": true}
		if _, err := u.back(o, u.ticketOf(o), o.ID+"-1"); err != nil {
			u.Fatal(err)
		}
		u.Control = nil
		other := u.q.cres(o.ID + "-1")
		p, err := u.Create(u.Context(), german(), alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.q.finish(p.ID+"-1", passes)
		if _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Result: u.q.cres(p.ID + "-1")}, alone{}); !errors.Is(err, errNoChallenge) {
			u.Errorf("with the result of another challenge: %v", err)
		}
		again, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: tokenOther}}, alone{})
		if err != nil || again.Status != Captured {
			u.Fatalf("with another card: %s, %v", again.Status, err)
		}
		if n := len(u.q.asked); n != 1 || u.q.asked[0].ThreeDS != nil || again.ThreeDS != nil {
			u.Errorf("the proof of one card went along with another: asked %+v, it shows %+v", u.q.asked, again.ThreeDS)
		}
		if _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Result: other}, alone{}); !errors.Is(err, errNoChallenge) {
			u.Errorf("with the result for the card before: %v", err)
		}
	})
}

func TestWhatASwitchHasStoppedExpiresIfNobodyConfirmsIt(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(false)
		u.q.finish(o.ID+"-1", passes)
		u.Control = switches{"authorize alpha": true}
		if _, err := u.back(o, u.ticketOf(o), o.ID+"-1"); err != nil {
			u.Fatal(err)
		}
		u.Control = nil
		u.later(defaultExpiry + time.Minute)
		now := u.status(o.ID)
		u.expect(now, Expired, 0, 0)
		if u.q.calls != 0 || now.Failure.Code != fault.CodeKillSwitch {
			u.Errorf("%d calls, it says %+v", u.q.calls, now.Failure)
		}
	})
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
		now := u.status(o.ID)
		if u.tried(now, "alpha not_sent"); u.q.calls != 0 || now.Status != RequiresPaymentMethod || now.Failure.Code != fault.CodeKillSwitch {
			t.Errorf("%s, %+v, after %d calls", now.Status, now.Failure, u.q.calls)
		}
	})
}

func TestNobodyIsLedToTheirBankWhereItIsSwitchedOff(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.insists = true
		u.q.between = func() { u.Control = switches{"authorize alpha": true} }
		o, err := u.Create(u.Context(), order(true), alone{})
		if !switched(err) || o.Status != RequiresPaymentMethod || u.q.issuer.counted != 0 {
			t.Errorf("%s: %v, the issuer was asked %d times", o.Status, err, u.q.issuer.counted)
		}
		now := u.status(o.ID)
		if !slices.ContainsFunc(now.Attempts, func(a AttemptObject) bool { return a.Status == "not_sent" }) {
			t.Errorf("tried %+v", now.Attempts)
		}
	})
}
