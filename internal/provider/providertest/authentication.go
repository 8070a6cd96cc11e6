package providertest

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// Issuer is what a fake provider's issuers do, for a connector that authenticates cardholders.
type Issuer struct {
	// Frictionless is a card number whose holder is authenticated without a challenge, Challenged one with.
	Frictionless, Challenged string
	// Finish ends a challenge as the payer would at the issuer's page.
	Finish func(t *testing.T, client *http.Client, c provider.Challenge, how Ending)
}

// Ending is how a challenge ends.
type Ending string

// The endings.
const (
	Passed   Ending = "passed"
	Failed   Ending = "failed"
	Canceled Ending = "canceled"
	TimedOut Ending = "timed_out"
)

func (b *bench) authentication(t *testing.T) provider.Authentication {
	return provider.Authentication{
		Reference: b.ids.New(id.Attempt), Payment: b.ids.New(id.Payment), Amount: eur(t, 9232), Card: token, Indicator: provider.NoPreference,
		NotificationURL: "https://pay.example/3ds/back?a=1&b=2",
		Browser: provider.Browser{AcceptHeader: "text/html", UserAgent: `Mozilla/5.0 "x"`, Language: "de-AT", IP: "192.0.2.1", ColorDepth: 24,
			ScreenHeight: 1080, ScreenWidth: 1920, TimeZone: -60, JavaScriptEnabled: true},
	}
}

func testAuthentication(t *testing.T, s Subject) {
	as[provider.Authenticator](t, s.bench(t, s.Approved))
	if s.Issuer.Finish == nil {
		t.Skip("the subject has no issuers")
	}
	t.Run("frictionless", func(t *testing.T) { testFrictionless(t, s) })
	t.Run("challenge", func(t *testing.T) { testChallenge(t, s) })
	t.Run("faults", func(t *testing.T) { testAuthenticationFaults(t, s) })
	t.Run("requests", func(t *testing.T) { testAuthenticationRequests(t, s) })
}

func testFrictionless(t *testing.T, s Subject) {
	b := s.bench(t, s.Issuer.Frictionless)
	asks, r := as[provider.Authenticator](t, b), b.authentication(t)
	inquiry := provider.AuthenticationInquiry{Reference: r.Reference, Card: r.Card}
	if out := asks.Authenticated(t.Context(), b.account, inquiry); out.Class != provider.NotSent {
		t.Errorf("before it is asked, an inquiry finds %+v", out)
	}
	first := asks.Authenticate(t.Context(), b.account, r)
	d := first.ThreeDS
	if first.Class != provider.Approved || first.Pending || first.Challenge != nil || d.Status != "Y" || d.Flow != provider.Frictionless ||
		d.ECI == "" || d.CAVV == "" || d.DSTransID == "" || d.ServerTransID == "" || d.Version == "" {
		t.Fatalf("authenticated as %+v", first)
	}
	if again := asks.Authenticate(t.Context(), b.account, r); again != first {
		t.Errorf("first %+v, then %+v", first, again)
	}
	if found := asks.Authenticated(t.Context(), b.account, inquiry); found != first {
		t.Errorf("an inquiry finds %+v, it was %+v", found, first)
	}
	b.pays(t, r, d)
}

// pays authorizes with the result of an authentication.
func (b *bench) pays(t *testing.T, r provider.Authentication, d provider.ThreeDS) {
	t.Helper()
	a := b.authorization(r.Amount, true)
	a.ThreeDS = &d
	want(t, b.authorize(t, a), provider.Approved, provider.Captured, r.Amount)
}

func testChallenge(t *testing.T, s Subject) {
	for _, ending := range []Ending{Passed, Failed, Canceled, TimedOut} {
		t.Run(string(ending), func(t *testing.T) {
			b := s.bench(t, s.Issuer.Challenged)
			asks, r := as[provider.Authenticator](t, b), b.authentication(t)
			inquiry := provider.AuthenticationInquiry{Reference: r.Reference, Card: r.Card}
			first := asks.Authenticate(t.Context(), b.account, r)
			c := first.Challenge
			if first.Class != provider.Approved || !first.Pending || c == nil || c.ACSURL == "" || c.CReq == "" || c.ExpiresAt.IsZero() ||
				first.ThreeDS.Status != "C" || first.ThreeDS.ACSTransID == "" || first.ThreeDS.Flow != provider.ChallengeFlow {
				t.Fatalf("challenged as %+v", first)
			}
			for what, same := range map[string]provider.AuthenticationOutcome{
				"a repeat": asks.Authenticate(t.Context(), b.account, r), "an inquiry": asks.Authenticated(t.Context(), b.account, inquiry),
			} {
				if !same.Pending || same.Challenge == nil || *same.Challenge != *c || same.ThreeDS != first.ThreeDS {
					t.Errorf("%s gives %+v, it was %+v", what, same, first)
				}
			}
			s.Issuer.Finish(t, b.faults.Client(), *c, ending)
			end := asks.Authenticated(t.Context(), b.account, inquiry)
			if end.Class != provider.Approved || end.Pending || end.Challenge != nil || end.ThreeDS.Flow != provider.ChallengeFlow ||
				end.Canceled != (ending == Canceled) || end.TimedOut != (ending == TimedOut) || (end.ThreeDS.Status == "Y") != (ending == Passed) {
				t.Fatalf("ended as %+v", end)
			}
			if end.ThreeDS.DSTransID != first.ThreeDS.DSTransID || end.ThreeDS.ACSTransID != first.ThreeDS.ACSTransID {
				t.Errorf("the end is of another authentication: %+v, %+v", end, first)
			}
			if ending == Passed {
				b.pays(t, r, end.ThreeDS)
			}
		})
	}
}

// Whatever cannot be believed leaves it open what the issuer said, and an inquiry then tells.
func testAuthenticationFaults(t *testing.T, s Subject) {
	for name, spoil := range map[string]Spoil{
		"500": Answer(500, `{"error":"internal"}`), "500 with a good body": Status(500), "garbage": Answer(200, "<html>"), "empty object": Answer(200, "{}"),
		"half a body": Half, "connection cut": Cut, "unreadable refusal": Answer(400, "no"),
	} {
		t.Run(name, func(t *testing.T) {
			b := s.bench(t, s.Issuer.Challenged)
			asks, r := as[provider.Authenticator](t, b), b.authentication(t)
			inquiry := provider.AuthenticationInquiry{Reference: r.Reference, Card: r.Card}
			b.faults.Spoil(spoil)
			for what, out := range map[string]provider.AuthenticationOutcome{
				"the call": asks.Authenticate(t.Context(), b.account, r), "an inquiry": asks.Authenticated(t.Context(), b.account, inquiry),
			} {
				if out.Class != provider.Unknown || out.Detail == "" || out.ThreeDS != (provider.ThreeDS{}) || out.Challenge != nil {
					t.Errorf("%s: %+v", what, out)
				}
			}
			b.faults.Spoil(nil)
			if out := asks.Authenticated(t.Context(), b.account, inquiry); out.Class != provider.Approved || !out.Pending {
				t.Errorf("the issuer was asked, but an inquiry finds %+v", out)
			}
		})
	}
	t.Run("refused connection", func(t *testing.T) {
		b := s.bench(t, s.Issuer.Challenged)
		b.faults.Refuse()
		if out := as[provider.Authenticator](t, b).Authenticate(t.Context(), b.account, b.authentication(t)); out.Class != provider.NotSent {
			t.Errorf("%+v", out)
		}
	})
}

// An authentication names its card as an authorization does, but its security code goes nowhere.
func testAuthenticationRequests(t *testing.T, s Subject) {
	b := s.bench(t, s.Issuer.Frictionless)
	r := b.authentication(t)
	as[provider.Authenticator](t, b).Authenticate(t.Context(), b.account, r)
	as[provider.Authenticator](t, b).Authenticated(t.Context(), b.account, provider.AuthenticationInquiry{Reference: r.Reference, Card: r.Card})
	capabilities := provider.CapabilitiesOf(b.connector, b.account)
	for i, sent := range b.requests.all() {
		if sent.Merchant != b.account.Merchant || sent.Account != b.account.ID || sent.Timeout != capabilities.Timeout {
			t.Errorf("request %d is for %s %s and waits %s", i, sent.Merchant, sent.Account, sent.Timeout)
		}
		for _, segment := range sent.Request.Body {
			if segment.Field == vault.CVC {
				t.Errorf("request %d has the card's security code", i)
			}
		}
		for name, value := range b.account.Credentials {
			if bytes.Contains(sent.body, []byte(value.Reveal())) {
				t.Errorf("request %d shows %s outside its headers", i, name)
			}
		}
	}
}
