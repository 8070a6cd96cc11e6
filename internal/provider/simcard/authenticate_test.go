package simcard_test

import (
	"net/http"
	"testing"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
)

// An issuer's answer that is not whole proves nothing; what it does say is read as it is.
func TestAuthenticationsAreReadStrictly(t *testing.T) {
	const ares = `"ares":{"messageType":"ARes","messageVersion":"2.2.0","threeDSServerTransID":"s","dsTransID":"d","acsTransID":"a"`
	const head, challenge = `{"id":"x","reference":"att_1","status":`, `"challenge_expires_at":"2026-11-22T12:10:00Z","creq":"e30"`
	for _, c := range []struct {
		name   string
		status int
		body   string
		class  provider.Class
		trans  string
	}{
		{"not authenticated", 201, head + `"frictionless",` + ares + `,"transStatus":"N","transStatusReason":"01"}}`, provider.Approved, "N"},
		{"rejected", 201, head + `"frictionless",` + ares + `,"transStatus":"R"}}`, provider.Approved, "R"},
		{"attempted", 200, head + `"frictionless",` + ares + `,"transStatus":"A","eci":"06"}}`, provider.Approved, "A"},
		{"challenge", 201, head + `"challenge",` + challenge + `,` + ares + `,"transStatus":"C","acsURL":"https://acs.example"}}`, provider.Approved, "C"},
		{"completed", 200, head + `"completed",` + ares + `,"transStatus":"C"},"result":{"transStatus":"Y"}}`, provider.Approved, "Y"},
		{"completed without a result", 200, head + `"completed",` + ares + `,"transStatus":"C"}}`, provider.Unknown, ""},
		{"completed with a challenge", 200, head + `"completed",` + ares + `,"transStatus":"C"},"result":{"transStatus":"C"}}`, provider.Unknown, ""},
		{"frictionless with a challenge", 201, head + `"frictionless",` + ares + `,"transStatus":"C"}}`, provider.Unknown, ""},
		{"challenge without a page", 201, head + `"challenge",` + challenge + `,` + ares + `,"transStatus":"C"}}`, provider.Unknown, ""},
		{"challenge without an end", 201, head + `"challenge","creq":"e30",` + ares + `,"transStatus":"C","acsURL":"https://acs.example"}}`, provider.Unknown, ""},
		{"no status", 201, head + `"frictionless",` + ares + `}}`, provider.Unknown, ""},
		{"no ARes", 201, head + `"frictionless"}`, provider.Unknown, ""},
		{"unknown word", 201, head + `"melted",` + ares + `,"transStatus":"Y"}}`, provider.Unknown, ""},
		{"another reference", 201, `{"id":"x","reference":"att_2","status":"frictionless",` + ares + `,"transStatus":"Y"}}`, provider.Unknown, ""},
		{"refused", 400, `{"error":"invalid"}`, provider.Declined, ""},
		{"refused before processing", 503, `{"error":"not_accepted"}`, provider.NotSent, ""},
		{"reference reused", 409, `{"error":"reference_reused"}`, provider.Unknown, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults, base := providertest.NewFaults(t)
			faults.Put(http.NotFoundHandler())
			faults.Spoil(providertest.Answer(c.status, c.body))
			out := authorizer(faults).Authenticate(t.Context(), account(base), provider.Authentication{Reference: "att_1", Amount: eur(1), Card: "pm_tok_1"})
			if out.Class != c.class || out.ThreeDS.Status != c.trans || (out.Challenge != nil) != (c.trans == "C") || out.Pending != (c.trans == "C") {
				t.Errorf("got %+v", out)
			}
			found := authorizer(faults).Authenticated(t.Context(), account(base), provider.AuthenticationInquiry{Reference: "att_1", Card: "pm_tok_1"})
			if c.status >= 400 && found.Class != provider.Unknown || found.ThreeDS != out.ThreeDS {
				t.Errorf("an inquiry finds %+v", found)
			}
		})
	}
}
