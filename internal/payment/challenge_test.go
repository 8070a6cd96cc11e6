package payment

import (
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// checkout is a payment that waits for its payer.
func (u *till) checkout() Object {
	u.Helper()
	in := order(true)
	in.Confirm, in.Choice.Token = false, ""
	o, err := u.Create(u.Context(), in, alone{})
	if err != nil {
		u.Fatal(err)
	}
	return o
}

// challenged is a payment whose payer is at the bank's challenge.
func (u *till) challenged(awaits bool) Object {
	u.Helper()
	u.q.issuer.status = "C"
	in := order(true)
	in.Choice.Token = tokenGerman
	var o Object
	var err error
	if awaits {
		o, err = u.Confirm(u.Context(), shop, u.checkout().ID, Confirmation{Choice: Choice{Token: tokenGerman}}, alone{})
	} else {
		o, err = u.Create(u.Context(), in, alone{})
	}
	if err != nil || o.Status != RequiresAction {
		u.Fatalf("not challenged: %+v, %v", o, err)
	}
	return o
}

// ticketOf is the ticket in a next action's address.
func (u *till) ticketOf(o Object) string {
	u.Helper()
	p, err := u.store.payment(u.Context(), shop, o.ID)
	if err != nil {
		u.Fatal(err)
	}
	ticket := u.ticket(p, p.Attempts)
	if want := "https://pay.example/3ds/acct_shop:test/" + o.ID + "/" + ticket; o.NextAction == nil || o.NextAction.URL != want {
		u.Fatalf("the next action is %+v, want %s", o.NextAction, want)
	}
	return ticket
}

// back brings the payer back from the bank.
func (u *till) back(o Object, ticket, reference string) (Object, error) {
	u.Helper()
	return u.CompleteChallenge(u.Context(), shop, o.ID, ticket, u.q.cres(reference))
}

func TestAChallengeIsPassedAndPaid(t *testing.T) {
	for name, awaits := range map[string]bool{"made by the merchant": false, "by its payer": true} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.challenged(awaits)
				ticket, first := u.ticketOf(o), o
				if o.NextAction.Type != "redirect" || !o.NextAction.ExpiresAt.Equal(u.now.Now().Add(challengeTime)) || o.ExpiresAt == nil || o.ClientSecret == "" ||
					o.ThreeDS == nil || o.ThreeDS.Status != "C" || u.q.calls != 0 {
					u.Errorf("waits as %+v", o)
				}
				for range 2 { // a reload, or the same link opened later
					c, shown, err := u.Challenge(u.Context(), shop, o.ID, ticket)
					if err != nil || c.CReq == "" || c.ACSURL != "https://acs.example" || shown.Status != RequiresAction || shown.ClientSecret != "" || shown.CheckoutURL != "" {
						u.Fatalf("led to %+v, %+v, %v", c, shown, err)
					}
				}
				u.q.finish(o.ID+"-1", passes)
				o, err := u.back(o, ticket, o.ID+"-1")
				if err != nil {
					u.Fatal(err)
				}
				u.expect(o, Captured, 10_000, 0)
				if o.NextAction != nil || o.ThreeDS.Status != "Y" || !o.ThreeDS.LiabilityShift || o.ThreeDS.Flow != "challenge" || o.ExpiresAt != nil {
					u.Errorf("paid as %+v", o)
				}
				if c, shown, err := u.Challenge(u.Context(), shop, o.ID, ticket); err != nil || c != (provider.Challenge{}) || shown.Status != Captured {
					u.Errorf("afterwards the page shows %+v, %+v, %v", c, shown, err)
				}
				if want := []event.Type{event.PaymentCreated, event.PaymentRequiresAction, event.PaymentCaptured}; !slices.Equal(u.events(), want) {
					u.Errorf("told %v", u.events())
				}
				if _, err := u.back(first, ticket, o.ID+"-1"); !errors.Is(err, errNoChallenge) {
					u.Errorf("a result was taken twice: %v", err)
				}
				if count, taken := u.q.charged(); count != 1 || taken != 10_000 {
					u.Errorf("%d charges of %d in all", count, taken)
				}
			})
		})
	}
}

func TestAChallengeThatIsNotPassed(t *testing.T) {
	for how, c := range map[string]struct {
		direct, awaiting Status
		attempt          AttemptState
		code             string
	}{
		fails:   {Failed, RequiresPaymentMethod, AttemptDeclined, fault.CodeCardDeclined},
		cancels: {Failed, RequiresPaymentMethod, AttemptDeclined, fault.CodeCardDeclined},
		leaves:  {Expired, RequiresPaymentMethod, AttemptExpired, fault.CodeExpired},
	} {
		for _, awaits := range []bool{false, true} {
			t.Run(how, func(t *testing.T) {
				eachTill(t, func(u *till) {
					o := u.challenged(awaits)
					secret := o.ClientSecret
					u.q.finish(o.ID+"-1", how)
					o, err := u.back(o, u.ticketOf(o), o.ID+"-1")
					want, code := c.direct, c.code
					if awaits {
						want, code = c.awaiting, fault.CodeCardDeclined
					}
					if err != nil || o.Status != want || o.Failure == nil || o.Failure.Code != code || o.Failure.DeclineCode != provider.AuthenticationFailed || o.NextAction != nil {
						u.Fatalf("%+v, %+v, %v", o, o.Failure, err)
					}
					if a := u.status(o.ID).Attempts[0]; a.Status != c.attempt || u.q.calls != 0 {
						u.Errorf("%d calls, attempt %+v", u.q.calls, a)
					}
					if !awaits {
						return
					}
					u.q.issuer.status = "Y"
					if o, err = u.ConfirmByPayer(u.Context(), shop, o.ID, secret, Confirmation{Choice: Choice{Token: token}}, alone{}); err != nil || o.Status != Captured {
						u.Errorf("the next card: %+v, %v", o, err)
					}
				})
			})
		}
	}
}

func TestAChallengeThatNobodyComesBackFrom(t *testing.T) {
	for name, c := range map[string]struct {
		how    string // empty: the payer never finishes
		awaits bool
		want   Status
	}{
		"abandoned": {"", false, Expired}, "abandoned with time left": {"", true, RequiresPaymentMethod},
		"passed, and the window closed": {passes, false, Captured}, "failed, and the window closed": {fails, false, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.challenged(c.awaits)
				u.later(challengeTime - time.Minute)
				u.expect(u.status(o.ID), RequiresAction, 0, 0)
				if c.how != "" {
					u.q.finish(o.ID+"-1", c.how)
				}
				u.later(3 * time.Minute)
				o = u.status(o.ID)
				if o.Status != c.want || o.NextAction != nil {
					u.Fatalf("%+v", o)
				}
				if count, _ := u.q.charged(); count != map[Status]int{Captured: 1}[c.want] {
					u.Errorf("%d charges", count)
				}
				if told := u.events(); c.want == Expired && told[len(told)-1] != event.PaymentExpired {
					u.Errorf("told %v", told)
				}
				u.later(25 * time.Hour)
				if c.awaits {
					u.expect(u.status(o.ID), Expired, 0, 0)
				}
			})
		})
	}
}

func TestACanceledPaymentTakesItsChallengeAlong(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(false)
		ticket := u.ticketOf(o)
		o, err := u.Cancel(u.Context(), shop, o.ID, "out of stock", alone{})
		if err != nil || o.CancellationReason != "out of stock" {
			u.Fatal(err)
		}
		u.expect(o, Canceled, 0, 0)
		u.q.finish(o.ID+"-1", passes)
		if _, err := u.back(o, ticket, o.ID+"-1"); !errors.Is(err, errNoChallenge) {
			u.Errorf("went on after the cancellation: %v", err)
		}
		u.later(time.Hour)
		u.expect(u.status(o.ID), Canceled, 0, 0)
		if count, _ := u.q.charged(); count != 0 {
			u.Error("charged")
		}
		if want := []event.Type{event.PaymentCreated, event.PaymentRequiresAction, event.PaymentCanceled}; !slices.Equal(u.events(), want) {
			u.Errorf("told %v", u.events())
		}
	})
}

func TestABlindProviderLeavesTheChallengeUntilItSees(t *testing.T) {
	for name, sees := range map[string]bool{"in the end": true, "never": false} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.challenged(false)
				u.q.finish(o.ID+"-1", passes)
				u.q.issuer.blind = true
				shown, err := u.back(o, u.ticketOf(o), o.ID+"-1")
				if err != nil || shown.Status != RequiresAction {
					u.Fatalf("%+v, %v", shown, err)
				}
				u.later(challengeTime)
				if sees {
					u.q.issuer.blind = false
				}
				u.later(24 * time.Hour)
				want := map[bool]Status{true: Captured, false: Expired}[sees]
				if o = u.status(o.ID); o.Status != want {
					u.Errorf("%s, want %s", o.Status, want)
				}
			})
		})
	}
}

// What the payer's browser brings is only looked at to see whose it is.
func TestAResultOfAnotherChallengeIsRefused(t *testing.T) {
	eachTill(t, func(u *till) {
		o, other := u.challenged(true), u.challenged(true)
		ticket := u.ticketOf(o)
		u.q.finish(other.ID+"-1", passes)
		for name, c := range map[string]struct {
			result string
			kind   fault.Kind
		}{
			"of another payment": {u.q.cres(other.ID + "-1"), fault.Conflict},
			"forged":             {cresOf("server", "acs"), fault.Conflict},
			"half forged":        {cresOf("server", "acs-"+o.ID+"-1-1"), fault.Conflict},
			"not base64":         {"***", fault.Invalid},
			"no JSON":            {base64.RawURLEncoding.EncodeToString([]byte("hello")), fault.Invalid},
			"no CRes":            {base64.RawURLEncoding.EncodeToString([]byte(`{"messageType":"CReq"}`)), fault.Invalid},
			"nothing":            {"", fault.Invalid},
		} {
			if shown, err := u.CompleteChallenge(u.Context(), shop, o.ID, ticket, c.result); !fault.Is(err, c.kind) || shown.Status != RequiresAction {
				u.Errorf("%s: %+v, %v", name, shown, err)
			}
			if c.result == "" {
				continue
			}
			if _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Result: c.result}, alone{}); !fault.Is(err, c.kind) {
				u.Errorf("%s, confirmed: %v", name, err)
			}
			if _, err := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{Result: c.result}, alone{}); !fault.Is(err, c.kind) {
				u.Errorf("%s, confirmed by the payer: %v", name, err)
			}
		}
		// the browser says that it was passed, and the provider that it was not finished
		if shown, err := u.back(o, ticket, o.ID+"-1"); err != nil || shown.Status != RequiresAction {
			u.Errorf("an early result: %+v, %v", shown, err)
		}
		u.q.finish(o.ID+"-1", fails)
		if shown, err := u.back(o, ticket, o.ID+"-1"); err != nil || shown.Status != RequiresPaymentMethod {
			u.Errorf("a result that lies: %+v, %v", shown, err)
		}
		if count, _ := u.q.charged(); count != 0 {
			u.Error("charged")
		}
		wrong := []struct{ payment, ticket string }{{o.ID, "x"}, {o.ID, u.ticketOf(u.status(other.ID))}, {other.ID, ticket}, {"pay_none", ticket}}
		for _, w := range wrong {
			_, _, err := u.Challenge(u.Context(), shop, w.payment, w.ticket)
			if _, err2 := u.CompleteChallenge(u.Context(), shop, w.payment, w.ticket, u.q.cres(o.ID+"-1")); !fault.Is(err, fault.NotFound) || !fault.Is(err2, fault.NotFound) {
				u.Errorf("%+v: %v, %v", w, err, err2)
			}
		}
	})
}

// Everybody comes at once: the bank's page, another tab, the merchant's server and the worker.
func TestOneChallengeIsChargedOnceWhoeverComes(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(true)
		ticket := u.ticketOf(o)
		u.q.finish(o.ID+"-1", passes)
		result := u.q.cres(o.ID + "-1")
		var done sync.WaitGroup
		var mu sync.Mutex
		var failures []error
		for _, do := range []func() error{
			func() error { _, err := u.CompleteChallenge(u.Context(), shop, o.ID, ticket, result); return err },
			func() error { _, err := u.CompleteChallenge(u.Context(), shop, o.ID, ticket, result); return err },
			func() error {
				_, err := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{Result: result}, alone{})
				return err
			},
			func() error {
				_, err := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{}, alone{})
				return err
			},
			func() error { _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); return err },
			func() error { return u.resolveAttempt(u.Context(), []string{shop, o.ID, "1"}) },
		} {
			done.Go(func() {
				if err := do(); err != nil && !fault.Is(err, fault.Conflict) {
					mu.Lock()
					failures = append(failures, err)
					mu.Unlock()
				}
			})
		}
		done.Wait()
		if len(failures) > 0 {
			u.Errorf("%v", failures)
		}
		u.later(time.Minute)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if count, taken := u.q.charged(); count != 1 || taken != 10_000 || u.q.calls != 1 {
			u.Errorf("%d calls, %d charges of %d", u.q.calls, count, taken)
		}
	})
}

func TestAChallengeEndsWithItsPayment(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.status = "C"
		in := order(true)
		in.Confirm, in.ExpiresIn = false, 3*time.Minute
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		if o, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: tokenGerman}}, alone{}); err != nil || !o.NextAction.ExpiresAt.Equal(*o.ExpiresAt) {
			u.Fatalf("%+v, %v", o, err)
		}
		u.later(4 * time.Minute)
		u.expect(u.status(o.ID), Expired, 0, 0)
	})
}
