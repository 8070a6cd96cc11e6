package payment

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
)

// german is a payment whose payer must be authenticated.
func german() Create {
	in := order(true)
	in.Choice.Token = tokenGerman
	return in
}

// plain is an acquirer that cannot ask issuers.
type plain struct {
	provider.Connector
	provider.Authorizer
	provider.Inquirer
}

// listed are a merchant's accounts, in its own order.
type listed []provider.Account

func (l listed) List(context.Context, string) ([]provider.Account, error) { return l, nil }

func (l listed) Get(_ context.Context, _, account string) (provider.Account, error) {
	at := slices.IndexFunc(l, func(a provider.Account) bool { return a.ID == account })
	if at < 0 {
		return provider.Account{}, fault.Missing("provider account")
	}
	return l[at], nil
}

func TestAQuestionToTheIssuerIsHeardOfAndWhetherItFailedAtAuthentications(t *testing.T) {
	for name, c := range map[string]struct {
		status  string
		mishaps []mishap
		heard   []string
	}{
		"authenticated":        {"Y", nil, []string{"alpha authenticate approved", "alpha authorize approved"}},
		"not authenticated":    {"N", nil, []string{"alpha authenticate approved"}},
		"not available":        {"U", nil, []string{"alpha authenticate approved"}},
		"rejected":             {"R", nil, []string{"alpha authenticate approved"}},
		"connection refused":   {"Y", []mishap{refused}, []string{"alpha authenticate not_sent technical"}},
		"one answer lost":      {"Y", []mishap{noAnswer}, []string{"alpha authenticate unknown technical", "alpha authenticate approved", "alpha authorize approved"}},
		"two answers lost":     {"Y", []mishap{noAnswer, noAnswer}, []string{"alpha authenticate unknown technical", "alpha authenticate unknown technical"}},
		"the process dies":     {"Y", []mishap{diesBefore}, []string{"alpha authenticate unknown technical"}},
		"the payer is to come": {"C", nil, []string{"alpha authenticate approved"}},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				g := shutting(u, nil)
				u.q.issuer.status, u.q.issuer.mishaps, u.q.timeout = c.status, c.mishaps, askedTwice
				_ = dies(func() error { _, err := u.Create(u.Context(), german(), alone{}); return err }) // whatever comes of it
				g.settled(t.Errorf)
				if !slices.Equal(g.heard, c.heard) {
					t.Errorf("heard %q, want %q", g.heard, c.heard)
				}
			})
		})
	}
}

func TestAnInquiryAboutAnAuthenticationIsAnInquiry(t *testing.T) {
	for name, c := range map[string]struct {
		blind bool
		heard string
	}{"answered": {false, "alpha inquiry approved"}, "not answered": {true, "alpha inquiry unknown technical"}} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				g := shutting(u, nil)
				o := u.challenged(false)
				u.q.issuer.blind = c.blind
				if _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); err != nil {
					t.Fatal(err)
				}
				if want := []string{"alpha authenticate approved", c.heard}; !slices.Equal(g.heard, want) {
					t.Errorf("heard %q, want %q", g.heard, want)
				}
			})
		})
	}
}

// What cannot be asked about is not asked, and nothing is learned from that.
func TestAPayerWhoseAuthenticationCannotBeAskedAboutIsAskedAboutLater(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(false)
		g := shutting(u, map[string]time.Time{"alpha inquiry": u.now.Now().Add(time.Minute)})
		u.q.finish(o.ID+"-1", passes)
		if now, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); err != nil || now.Status != RequiresAction || len(g.heard) != 0 {
			t.Fatalf("%+v, %v, heard %q", now, err, g.heard)
		}
		u.later(2 * time.Minute)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	})
}

func TestASwitchOfInquiriesHoldsThoseAboutAuthenticationsBack(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(false)
		on, g := silence(true), shutting(u, nil)
		u.Control = &on
		u.q.finish(o.ID+"-1", passes)
		if now, err := u.back(o, u.ticketOf(o), o.ID+"-1"); err != nil || now.Status != RequiresAction || len(g.heard) != 0 {
			t.Fatalf("%+v, %v, heard %q", now, err, g.heard)
		}
		on = false
		u.later(time.Minute)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	})
}

func TestAPaymentThatMustBeAuthenticatedGoesWhereTheIssuerCanBeAsked(t *testing.T) {
	eachPair(t, func(u *till) {
		g := shutting(u, map[string]time.Time{"alpha authenticate": u.now.Now().Add(time.Minute)})
		o, err := u.Create(u.Context(), german(), alone{})
		if err != nil {
			t.Fatal(err)
		}
		now := u.tried(o, "beta captured")
		if r := now.Attempts[0].Routing; len(r.Ranked) != 1 || !slices.Equal(r.Excluded, []routing.Excluded{{Account: "alpha", Reason: health.Open}}) {
			t.Errorf("routed by %+v", r)
		}
		if !o.ThreeDS.LiabilityShift {
			t.Errorf("authenticated as %+v", o.ThreeDS)
		}
		u.tried(u.pay(true), "alpha captured") // nobody has to be asked about it
		if want := []string{"beta authenticate approved", "beta authorize approved", "alpha authorize approved"}; !slices.Equal(g.heard, want) {
			t.Errorf("heard %q, want %q", g.heard, want)
		}
		g.settled(t.Errorf)
	})
}

func TestAPaymentThatMustBeAuthenticatedAndCannotBeLeavesNothingBehindAndNoRoomTaken(t *testing.T) {
	for name, accounts := range map[string]map[string]provider.Account{
		"at the only account":               {},
		"at any":                            {"beta": beta},
		"and the other account never could": {"beta": {Merchant: shop, ID: "beta", Provider: "plain"}},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				if second, ok := accounts["beta"]; ok {
					u.Accounts = listed{alpha, second}
				}
				u.Providers["plain"] = plain{u.q, u.q, u.q}
				until := u.now.Now().Add(time.Minute)
				g, d := shutting(u, map[string]time.Time{"alpha authenticate": until, "beta authenticate": until}), &diary{}
				if _, err := u.Create(u.Context(), german(), d); !errors.Is(err, errShut) || errShut.RetryAfter == 0 {
					t.Errorf("%v", err)
				}
				if u.made() != 0 || d.intents != 0 || u.written() != 0 || len(u.events()) != 0 || u.q.calls != 0 || len(g.heard) != 0 {
					t.Errorf("%d payments, %+v, told %v, %d calls, heard %q", u.made(), d, u.events(), u.q.calls, g.heard)
				}
				g.settled(t.Errorf)
			})
		})
	}
}

// An account that cannot ask issuers takes what comes to it anyway.
func TestAnAccountThatNeverAsksIssuersIsNotHeldToTheirHealthAtAuthentications(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Accounts = listed{{Merchant: shop, ID: "beta", Provider: "plain"}, alpha}
		u.Providers["plain"] = plain{u.q, u.q, u.q}
		shutting(u, map[string]time.Time{"alpha authenticate": u.now.Now().Add(time.Minute)})
		o, err := u.Create(u.Context(), german(), alone{})
		if err != nil {
			t.Fatal(err)
		}
		u.tried(o, "beta captured")
	})
}

func TestAnAuthenticationThatIsNotRequiredIsLeftOutWhileIssuersCannotBeAsked(t *testing.T) {
	eachPair(t, func(u *till) {
		g := shutting(u, map[string]time.Time{"alpha authenticate": u.now.Now().Add(time.Minute)})
		in := order(true)
		in.Asked.Challenge = ChallengeRequest
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			t.Fatal(err)
		}
		u.tried(o, "alpha captured")
		if o.ThreeDS != nil && o.ThreeDS.LiabilityShift || !slices.Equal(g.heard, []string{"alpha authorize approved"}) {
			t.Errorf("authenticated as %+v, heard %q", o.ThreeDS, g.heard)
		}
		g.settled(t.Errorf)
	})
}

func TestACascadeDoesNotGoWhereThePayerCannotBeAuthenticated(t *testing.T) {
	eachPair(t, func(u *till) {
		g := shutting(u, map[string]time.Time{"beta authenticate": u.now.Now().Add(time.Minute)})
		u.q.issuer.mishaps = []mishap{refused}
		o, err := u.Create(u.Context(), german(), alone{})
		if !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Declined) {
			t.Errorf("%v", err)
		}
		u.tried(o, "alpha not_sent")
		if u.q.calls != 0 {
			t.Errorf("heard %q", g.heard)
		}
	})
}

func TestACascadeDoesNotGoWhereIssuersAreNeverAskedAboutAuthentications(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Accounts = listed{alpha, {Merchant: shop, ID: "beta", Provider: "plain"}}
		u.Providers["plain"] = plain{u.q, u.q, u.q}
		for _, c := range []struct {
			challenge Preference
			card      string
			want      []string
		}{{ChallengeAuto, tokenGerman, []string{"alpha not_sent"}}, {ChallengeRequest, token, []string{"alpha captured"}}} {
			u.q.issuer.mishaps = []mishap{refused}
			in := order(true)
			in.Choice.Token, in.Asked.Challenge = c.card, c.challenge
			o, err := u.Create(u.Context(), in, alone{})
			if failed := o.Status == Failed; failed != (err != nil) {
				t.Errorf("%s: %v", o.Status, err)
			}
			u.tried(o, c.want...)
		}
	})
}

func TestADeclineForWantOfAuthenticationIsOneWhileIssuersCannotBeAsked(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.insists = true
		shutting(u, map[string]time.Time{"alpha authenticate": u.now.Now().Add(time.Minute)})
		o, err := u.Create(u.Context(), order(true), alone{})
		var declined *DeclinedError
		if !errors.As(err, &declined) || declined.Decline.Code != provider.AuthenticationRequired || u.q.issuer.counted != 0 {
			t.Errorf("%v, the issuer was asked %d times", err, u.q.issuer.counted)
		}
		u.tried(o, "alpha declined")
	})
}

// The worker hears what the issuer said, and there is no room: nobody waits for the answer, but for the money.
func TestAnAnswerThatTheWorkerHearsWaitsForRoomAtAuthentications(t *testing.T) {
	eachTill(t, func(u *till) {
		g := shutting(u, nil)
		u.q.issuer.mishaps, u.q.timeout = []mishap{noAnswer, noAnswer}, askedTwice
		o, err := u.Create(u.Context(), german(), alone{})
		if err != nil {
			t.Fatal(err)
		}
		u.expect(o, Processing, 0, 0)
		g.fill("alpha")
		g.packed = true
		u.later(3 * time.Minute)
		u.expect(u.status(o.ID), Processing, 0, 0)
		g.fill()
		u.later(3 * time.Minute)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if want := []event.Type{event.PaymentCreated, event.PaymentPending, event.PaymentCaptured}; !slices.Equal(u.events(), want) {
			t.Errorf("told %v", u.events())
		}
		g.settled(t.Errorf)
	})
}

// By then the time in which its request could go on elsewhere is over. It is another one that goes on.
func TestAnAnswerThatTheWorkerHearsIsNotLostToABurstWhereAnotherAccountHasRoom(t *testing.T) {
	eachPair(t, func(u *till) {
		g := shutting(u, nil)
		u.q.issuer.mishaps, u.q.timeout = []mishap{noAnswer, noAnswer}, askedTwice
		o, err := u.Create(u.Context(), german(), alone{})
		if err != nil || o.Status != Processing {
			t.Fatalf("%+v, %v", o, err)
		}
		g.fill("alpha")
		g.packed = true
		u.now.Advance(2 * DefaultCascade)
		u.later(3 * time.Minute)
		u.tried(u.status(o.ID), "alpha not_sent", "beta captured")
		g.settled(t.Errorf)
	})
}

// A question that was lost, and cannot be put again now, is not given up at once.
func TestALostAuthenticationOutlivesABreakerThatOpens(t *testing.T) {
	eachTill(t, func(u *till) {
		g := shutting(u, map[string]time.Time{})
		u.q.issuer.mishaps, u.q.timeout = []mishap{noArrival, noArrival}, askedTwice
		o, err := u.Create(u.Context(), german(), alone{})
		if err != nil {
			t.Fatal(err)
		}
		g.until["alpha authenticate"] = u.now.Now().Add(time.Minute)
		u.later(30 * time.Second)
		u.expect(u.status(o.ID), Processing, 0, 0)
		u.later(5 * time.Minute)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	})
}
