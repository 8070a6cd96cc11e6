package simcard_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/simcard"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

func account(base string) provider.Account {
	return provider.Account{
		Merchant: "acct_dev:test", ID: "alpha", Provider: "simcard",
		Settings: map[string]string{"base_url": base + "/alpha"},
		Credentials: map[string]secret.Text{
			"api_key": secret.New("alpha-key-0001"), "signing_key": secret.New("alpha-signing-0001"), "webhook_secret": secret.New("alpha-hook-0001"),
		},
	}
}

func signed(a provider.Account, at time.Time, body []byte) http.Header {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(a.Credentials["webhook_secret"].Reveal()))
	mac.Write([]byte(stamp + "." + string(body)))
	return http.Header{"Acquirer-Signature": {"t=" + stamp + ",v1=00ff,v1=" + hex.EncodeToString(mac.Sum(nil))}, "Acquirer-Event": {"evt_1"}}
}

func eur(minor int64) money.Money {
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

const (
	authorizationData = `"data":{"id":"alpha_auth_1","reference":"att_1","authorization_reference":"att_1","amount":9232,"amount_captured":%d,"amount_refunded":0,"currency":"EUR","network_reference":"123456789012345","status":%q,"decline":%s}}`
	operationData     = `"data":{"id":"alpha_op_1","reference":%q,"authorization":"alpha_auth_1","authorization_reference":"att_1","kind":%q,"status":%q,"amount":1000,"currency":"EUR","decline":%s}}`
)

func head(kind string) string {
	return fmt.Sprintf(`{"id":"evt_1","type":%q,"created_at":"2026-11-22T11:59:58.5Z",`, kind)
}

func read(kind string, op provider.Operation, reference string, out provider.Outcome) provider.Notification {
	return provider.Notification{EventID: "evt_1", Type: kind, Operation: op, Reference: reference, Attempt: "att_1",
		OccurredAt: time.Date(2026, 11, 22, 11, 59, 58, 500_000_000, time.UTC), Outcome: out}
}

func authorizationHook(kind, status string, captured int64, class provider.Class, state provider.State, amount money.Money) providertest.Webhook {
	return providertest.Webhook{
		Name: kind, Body: head(kind) + fmt.Sprintf(authorizationData, captured, status, "null"),
		Want: read(kind, provider.OpAuthorize, "att_1", provider.Outcome{Class: class, State: state, Amount: amount, Reference: "alpha_auth_1", NetworkReference: "123456789012345"}),
	}
}

func webhooks() []providertest.Webhook {
	declined := provider.Outcome{Class: provider.Declined, Reference: "alpha_auth_1", NetworkReference: "123456789012345",
		Decline: provider.Decline{Code: provider.DoNotHonor, Raw: "05", NetworkDecline: "05"}}
	failed := provider.Outcome{Class: provider.Declined, State: provider.Failed, Reference: "alpha_op_1",
		Decline: provider.Decline{Code: provider.InvalidAccount, Raw: "46"}}
	return []providertest.Webhook{
		authorizationHook("authorization.authorized", "authorized", 0, provider.Approved, provider.Authorized, eur(9232)),
		authorizationHook("authorization.captured", "captured", 9232, provider.Approved, provider.Captured, eur(9232)),
		authorizationHook("authorization.captured", "captured", 9500, provider.Approved, provider.Captured, eur(9500)), // it cleared another amount: say so
		authorizationHook("authorization.voided", "voided", 0, provider.Approved, provider.Voided, eur(9232)),
		authorizationHook("authorization.expired", "expired", 0, provider.Approved, provider.Voided, eur(9232)),
		authorizationHook("authorization.late_approved", "authorized", 0, provider.Approved, provider.Authorized, eur(9232)),
		{Name: "declined", Body: head("authorization.declined") + fmt.Sprintf(authorizationData, 0, "declined", `{"code":"05","reason":"do_not_honor","network_code":"05","advice":""}`),
			Want: read("authorization.declined", provider.OpAuthorize, "att_1", declined)},
		{Name: "refund succeeded", Body: head("operation.succeeded") + fmt.Sprintf(operationData, "ref_1", "refund", "succeeded", "null"),
			Want: read("operation.succeeded", provider.OpRefund, "ref_1", provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(1000), Reference: "alpha_op_1"})},
		{Name: "capture succeeded", Body: head("operation.succeeded") + fmt.Sprintf(operationData, "cap_1", "capture", "succeeded", "null"),
			Want: read("operation.succeeded", provider.OpCapture, "cap_1", provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: eur(1000), Reference: "alpha_op_1"})},
		{Name: "void succeeded", Body: head("operation.succeeded") + fmt.Sprintf(operationData, "voi_1", "void", "succeeded", "null"),
			Want: read("operation.succeeded", provider.OpVoid, "voi_1", provider.Outcome{Class: provider.Approved, State: provider.Voided, Reference: "alpha_op_1"})},
		{Name: "refund failed", Body: head("operation.failed") + fmt.Sprintf(operationData, "ref_1", "refund", "failed", `{"code":"46","reason":"closed"}`),
			Want: read("operation.failed", provider.OpRefund, "ref_1", failed)},
	}
}

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		New:      func(s provider.Sender) provider.Connector { return simcard.New(s) },
		Account:  account,
		Serve:    newAcquirer,
		Approved: "4242424242424242",
		Declines: map[string]provider.Decline{
			"4000000000009995": {Code: provider.InsufficientFunds, Raw: "51", NetworkDecline: "51", NetworkAdvice: "02"},
			"4000000000009979": {Code: provider.StolenCard, Raw: "43", NetworkDecline: "43", NetworkAdvice: "03"},
			"4000000000000259": {Code: provider.LimitExceeded, Raw: "61", NetworkDecline: "61"},
			"4000000000000101": {Code: provider.GenericDecline, Raw: "moon_phase", NetworkDecline: "Z9", Unrecognized: true},
		},
		Issuer: issuer(), Sign: signed, Webhooks: webhooks(),
		UnknownWebhook: head("settlement.paid") + `"data":{"id":"alpha_set_1"}}`, UnknownWebhookType: "settlement.paid",
	})
}

func TestRefusalsHaveTheirClass(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		class  provider.Class
		state  provider.State
		raw    string
	}{
		{"refused before processing", 503, `{"error":"not_accepted"}`, provider.NotSent, "", ""},
		{"another 503", 503, `{"error":"overloaded"}`, provider.Unknown, "", ""},
		{"a 503 page", 503, `not_accepted`, provider.Unknown, "", ""},
		{"not_accepted under 500", 500, `{"error":"not_accepted"}`, provider.Unknown, "", ""},
		{"wrong key", 401, `{"error":"unauthorized"}`, provider.Declined, "", "unauthorized"},
		{"malformed", 400, `{"error":"invalid","message":"amount"}`, provider.Declined, "", "invalid"},
		{"state", 409, `{"error":"state"}`, provider.Declined, "", "state"},
		{"reference reused", 409, `{"error":"reference_reused"}`, provider.Unknown, "", ""},
		{"not found", 404, `{"error":"not_found"}`, provider.Declined, provider.Missing, "not_found"},
		{"unknown status word", 201, `{"id":"a","reference":"att_1","status":"melted","amount":1,"amount_captured":0,"currency":"EUR"}`, provider.Unknown, "", ""},
		{"pending", 201, `{"id":"a","reference":"att_1","status":"pending","amount":1,"amount_captured":0,"currency":"EUR"}`, provider.Approved, provider.Pending, ""},
		{"trailing garbage", 201, `{"id":"a","reference":"att_1","status":"authorized","amount":1,"amount_captured":0,"currency":"EUR"}}`, provider.Unknown, "", ""},
		{"exponent", 201, `{"id":"a","reference":"att_1","status":"authorized","amount":1e0,"currency":"EUR"}`, provider.Unknown, "", ""},
		{"captured without an amount", 201, `{"id":"a","reference":"att_1","status":"captured","amount":1,"currency":"EUR"}`, provider.Unknown, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults, base := providertest.NewFaults(t)
			faults.Put(http.NotFoundHandler())
			faults.Spoil(providertest.Answer(c.status, c.body))
			out := authorizer(faults).Authorize(t.Context(), account(base), request())
			if out.Class != c.class || out.State != c.state || out.Decline.Raw != c.raw {
				t.Errorf("got %+v", out)
			}
		})
	}
}

func authorizer(f *providertest.Faults) *simcard.Connector {
	return simcard.New(providertest.Sender{Client: f.Client(), Cards: map[string]providertest.Card{
		"pm_tok_1": {Number: "4242424242424242", ExpMonth: "01", ExpYear: "2030"},
	}})
}

func request() provider.Authorization {
	return provider.Authorization{Reference: "att_1", Amount: eur(1), Card: "pm_tok_1"}
}

// The vault leaves out what a card does not have, together with what stands around it: the JSON must stay whole, and
// any text in it must come back as it was.
func TestRequestIsJSONWithAndWithoutOptionalFields(t *testing.T) {
	nasty := "a\"\\/\x00\x1f\u2028é😀\xff"
	for _, card := range []providertest.Card{
		{Number: "4242424242424242", ExpMonth: "01", ExpYear: "2030"},
		{Number: "4242424242424242", ExpMonth: "01", ExpYear: "2030", CVC: "123"},
		{Number: "4242424242424242", ExpMonth: "01", ExpYear: "2030", Name: `"}`},
	} {
		var body []byte
		sender := providertest.Sender{Client: &http.Client{}, Cards: map[string]providertest.Card{"pm_tok_1": card},
			Sent: func(_ vault.Request, b []byte) { body = b }}
		r := request()
		r.Description, r.Descriptor = nasty, nasty
		simcard.New(sender).Authorize(t.Context(), account("http://127.0.0.1:1"), r)
		var got struct {
			Description, Descriptor string
			Card                    map[string]string
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		want := "a\"\\/\x00\x1f\u2028é😀\ufffd"
		if got.Description != want || got.Descriptor != want || got.Card["name"] != card.Name || got.Card["cvc"] != card.CVC {
			t.Errorf("came back as %+v", got)
		}
	}
}

type canned vault.Response

func (c canned) Send(context.Context, vault.Request) (vault.Response, error) {
	return vault.Response(c), nil
}

func BenchmarkAuthorize(b *testing.B) {
	connector := simcard.New(canned{Status: 201, Body: []byte(`{"id":"alpha_auth_1","reference":"att_1","status":"authorized","amount":1,"amount_captured":0,"amount_refunded":0,"currency":"EUR","network_reference":"123456789012345","decline":null,"created_at":"2026-11-22T12:00:00Z","operations":[]}`)})
	a, r := account("http://127.0.0.1:1"), request()
	b.ReportAllocs()
	for b.Loop() {
		if out := connector.Authorize(b.Context(), a, r); out.Class != provider.Approved {
			b.Fatal(out)
		}
	}
}
