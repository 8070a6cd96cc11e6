package payment

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/provider"
)

func TestAFrictionlessPayerNoticesNothing(t *testing.T) {
	eachTill(t, func(u *till) {
		in := order(true)
		in.Choice.Token = tokenGerman
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 10_000, 0)
		d := o.ThreeDS
		if d == nil || d.Status != "Y" || d.ECI != "05" || d.CAVV == "" || d.DSTransID == "" || d.Version != "2.2.0" || d.Flow != "frictionless" || !d.LiabilityShift || d.Exemption != nil {
			u.Errorf("kept %+v", d)
		}
		if a := u.status(o.ID).Attempts; len(a) != 1 || a[0].ThreeDS == nil || u.q.calls != 1 {
			u.Errorf("%d calls, attempts %+v", u.q.calls, a)
		}
		if want := []event.Type{event.PaymentCreated, event.PaymentCaptured}; !slices.Equal(u.events(), want) {
			u.Errorf("told %v", u.events())
		}
	})
}

func TestWhatTheIssuerSaysDecides(t *testing.T) {
	eachTill(t, func(u *till) {
		for status, c := range map[string]struct {
			required, optional Status
			shift              bool
		}{
			"A": {Captured, Captured, true}, "N": {Failed, Failed, false}, "R": {Failed, Failed, false},
			"U": {Failed, Captured, false}, "I": {Failed, Captured, false},
		} {
			for _, required := range []bool{true, false} {
				u.q.issuer.status = status
				in, want, calls := order(true), c.required, u.q.calls
				if in.Choice.Token = tokenGerman; !required {
					in.Choice.Token, in.Asked.Challenge, want = token, ChallengeRequest, c.optional
				}
				o, err := u.Create(u.Context(), in, alone{})
				var refused *DeclinedError
				if o.Status != want || (want == Failed) != errors.As(err, &refused) {
					u.Fatalf("%s, required %v: %+v, %v", status, required, o, err)
				}
				if want == Failed && (refused.Decline.Code != provider.AuthenticationFailed || u.q.calls != calls) {
					u.Errorf("%s: declined with %s after %d calls", status, refused.Decline.Code, u.q.calls-calls)
				}
				if o.ThreeDS == nil || o.ThreeDS.Status != status || o.ThreeDS.LiabilityShift != c.shift {
					u.Errorf("%s: kept %+v", status, o.ThreeDS)
				}
			}
		}
	})
}

func TestADeclineForWantOfAuthenticationIsTriedAgainWithIt(t *testing.T) {
	for name, status := range map[string]string{"frictionless": "Y", "challenge": "C"} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				u.q.issuer.insists, u.q.issuer.status = true, status
				d := &diary{}
				o, err := u.Create(u.Context(), order(true), d)
				if err != nil {
					u.Fatal(err)
				}
				if status == "C" {
					u.expect(o, RequiresAction, 0, 0)
					u.q.finish(o.ID+"-2", passes)
					if o, err = u.back(o, u.ticketOf(o), o.ID+"-2"); err != nil {
						u.Fatal(err)
					}
				}
				u.expect(o, Captured, 10_000, 0)
				attempts := u.status(o.ID).Attempts
				if len(attempts) != 2 || attempts[0].Status != AttemptDeclined || attempts[0].Failure.DeclineCode != provider.AuthenticationRequired || attempts[1].Status != AttemptCaptured {
					u.Errorf("%+v", attempts)
				}
				if slices.Contains(u.events(), event.PaymentFailed) {
					u.Errorf("told %v", u.events())
				}
				if d.intents != 1 || d.results != 1 || u.written() != 2 {
					u.Errorf("%d intents, %d results, %d rows", d.intents, d.results, u.written())
				}
			})
		})
	}
}

// The webhook of the decline comes before the answer: whoever waits goes on all the same.
func TestAWebhookOfASoftDeclineDoesNotEndIt(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.insists, u.q.issuer.status = true, "C"
		u.q.between = func() {
			u.q.between = nil
			if v := u.tell(u.q.mail[len(u.q.mail)-1]); v != Applied {
				u.Errorf("the webhook is %s", v)
			}
		}
		d := &diary{}
		o, err := u.Create(u.Context(), order(true), d)
		if err != nil || d.intents != 1 || u.written() != 2 {
			u.Fatalf("%v, %d intents, %d rows", err, d.intents, u.written())
		}
		u.expect(o, RequiresAction, 0, 0)
		u.q.finish(o.ID+"-2", passes)
		if o, err = u.back(o, u.ticketOf(o), o.ID+"-2"); err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 10_000, 0)
	})
}

func TestNobodyIsChallengedOffSession(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.saves(u.payer(), tokenGerman, true)
		if _, err := u.Create(u.Context(), by(method, Asked{}), alone{}); err != nil {
			u.Fatal(err)
		}
		u.q.issuer.insists, u.q.issuer.status, u.q.issuer.counted = true, "C", 0
		in := by(method, Asked{OffSession: true, Exemption: "mit"})
		o, err := u.Create(u.Context(), in, alone{})
		var refused *DeclinedError
		if !errors.As(err, &refused) || refused.Decline.Code != provider.AuthenticationRequired || refused.Meaning.Retry != provider.RetryWith3DS || u.q.issuer.counted != 0 {
			u.Fatalf("%+v, %v, asked %d times", o, err, u.q.issuer.counted)
		}
		u.expect(o, Failed, 0, 0)
	})
}

// An issuer that cannot be reached: with a proof required nothing is charged, without one the money is asked for.
func TestAnIssuerThatDoesNotAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		mishaps  []mishap
		required bool
		first    Status
		last     Status
	}{
		"refused, required":                 {[]mishap{refused}, true, Failed, Failed},
		"refused, optional":                 {[]mishap{refused}, false, Captured, Captured},
		"one answer lost":                   {[]mishap{noAnswer}, true, RequiresAction, Expired},
		"all answers lost, required":        {[]mishap{noAnswer, noAnswer}, true, Processing, Expired},
		"all answers lost, optional":        {[]mishap{noAnswer, noAnswer}, false, Captured, Captured},
		"never arrived, required":           {[]mishap{noArrival, noArrival}, true, Processing, Expired},
		"never arrived again and again":     {slices.Repeat([]mishap{noArrival}, 50), true, Processing, Failed},
		"never arrived, refused to the end": {append(slices.Repeat([]mishap{noArrival}, 2), slices.Repeat([]mishap{refused}, 50)...), true, Processing, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				u.q.issuer.status, u.q.issuer.mishaps, u.q.timeout = "C", c.mishaps, askedTwice
				in := order(true)
				in.Choice.Token = tokenGerman
				if !c.required {
					in.Choice.Token, in.Asked.Challenge = token, ChallengeRequest
				}
				o, err := u.Create(u.Context(), in, alone{})
				if o.Status != c.first || (c.first == Failed) != (err != nil) {
					u.Fatalf("first %+v, %v", o, err)
				}
				if c.first == Processing && c.last == Expired {
					u.later(time.Minute)
					u.expect(u.status(o.ID), RequiresAction, 0, 0)
				}
				u.later(24 * time.Hour)
				if o = u.status(o.ID); o.Status != c.last {
					u.Errorf("in the end %+v", o)
				}
				if u.q.issuer.counted > 1 {
					u.Errorf("the issuer was asked %d questions", u.q.issuer.counted)
				}
			})
		})
	}
}

// A payer waits no longer than for one call: an answer that is lost at once is asked for again in what is left of it, one that never came is not.
func TestAQuestionThatHungIsNotPutAgainWhileThePayerWaits(t *testing.T) {
	eachTill(t, func(u *till) {
		in := order(true)
		in.Choice.Token = tokenGerman
		u.q.issuer.mishaps, u.q.timeout = []mishap{noAnswer}, askedTwice
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 10_000, 0)
		if put := u.q.issuer.until; len(put) != 2 || put[0].IsZero() || !put[1].Equal(put[0]) {
			u.Errorf("it was waited for until %v", put)
		}
		u.q.issuer.until, u.q.issuer.hangs, u.q.timeout = nil, true, time.Millisecond
		if o, err = u.Create(u.Context(), in, alone{}); err != nil {
			u.Fatal(err)
		}
		u.expect(o, Processing, 0, 0)
		if put := u.q.issuer.until; len(put) != 1 {
			u.Errorf("it was put %d times", len(put))
		}
		u.q.issuer.hangs, u.q.timeout = false, 0
		u.later(time.Minute)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	})
}

// A process that dies in the middle leaves rows from which the worker goes on.
func TestACrashBetweenAuthenticationAndAuthorization(t *testing.T) {
	for status, want := range map[string]Status{"Y": Captured, "C": RequiresAction, "N": Failed} {
		t.Run("before the answer is recorded, "+status, func(t *testing.T) {
			eachTill(t, func(u *till) {
				u.q.issuer.status = status
				u.q.issuer.between = func() { panic(errCrash) }
				in := order(true)
				in.Choice.Token = tokenGerman
				func() {
					defer func() {
						if recover() == nil {
							u.Fatal("it lived")
						}
					}()
					_, _ = u.Create(u.Context(), in, alone{})
				}()
				u.q.issuer.between = nil
				page, _, err := u.List(u.Context(), shop, Page{Limit: 1}, Filter{})
				if err != nil || page[0].Status != Processing {
					u.Fatalf("%+v, %v", page, err)
				}
				u.later(time.Minute)
				o := u.status(page[0].ID)
				if o.Status != want || u.q.issuer.counted != 1 {
					u.Fatalf("%s after %d questions", o.Status, u.q.issuer.counted)
				}
				if want == RequiresAction {
					u.q.finish(o.ID+"-1", passes)
					if o, err = u.back(o, u.ticketOf(o), o.ID+"-1"); err != nil {
						u.Fatal(err)
					}
					u.expect(o, Captured, 10_000, 0)
				}
			})
		})
	}
	for name, m := range map[string]mishap{"after the money was asked for": fine, "and that never arrived": noArrival} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.challenged(true)
				u.q.finish(o.ID+"-1", passes)
				_, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, crash{})
				if m == fine && !errors.Is(err, errCrash) {
					u.Fatal(err)
				}
				u.later(10 * time.Minute)
				o = u.status(o.ID)
				if want := map[mishap]Status{fine: Captured, noArrival: RequiresPaymentMethod}[m]; o.Status != want {
					u.Fatalf("%s, want %s", o.Status, want)
				}
				if count, _ := u.q.charged(); count != map[mishap]int{fine: 1}[m] {
					u.Errorf("%d charges", count)
				}
			}, m)
		})
	}
}

// The answer that asked for authentication is lost: the worker hears of it, asks the issuer, and the payer can still go on.
func TestASoftDeclineThatIsHeardLateIsTriedAgainAllTheSame(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.insists, u.q.issuer.status = true, "C"
		o := u.pay(true)
		u.expect(o, Processing, 0, 0)
		u.later(time.Minute)
		o = u.status(o.ID)
		u.expect(o, RequiresAction, 0, 0)
		u.q.finish(o.ID+"-2", passes)
		o, err := u.back(o, u.ticketOf(o), o.ID+"-2")
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 10_000, 0)
	}, noAnswer)
}
