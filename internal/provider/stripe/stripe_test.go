package stripe_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/stripe"
	"github.com/florinpay/florin/internal/secret"
)

func account(base string) provider.Account {
	return provider.Account{
		Merchant: "acct_dev:test", ID: "stripe_eu", Provider: "stripe",
		Settings:    map[string]string{"base_url": base, "multicapture": "true"},
		Credentials: map[string]secret.Text{"api_key": secret.New("sk_test_florin0001"), "webhook_secret": secret.New("whsec_florin0001")},
	}
}

func single(base string) provider.Account {
	a := account(base)
	delete(a.Settings, "multicapture")
	return a
}

func signed(a provider.Account, at time.Time, body []byte) http.Header {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(a.Credentials["webhook_secret"].Reveal()))
	mac.Write([]byte(stamp + "." + string(body)))
	return http.Header{"Stripe-Signature": {"t=" + stamp + ",v1=" + strings.Repeat("0", 64) + ",v1=" + hex.EncodeToString(mac.Sum(nil)) + ",v0=" + strings.Repeat("1", 64)}}
}

func amount(code string, minor int64) money.Money {
	c, err := money.ParseCurrency(code)
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

func eur(minor int64) money.Money { return amount("EUR", minor) }

func subject(t *testing.T, account func(string) provider.Account) providertest.Subject {
	return providertest.Subject{
		NoInitialReference: true,
		New:                func(s provider.Sender) provider.Connector { return stripe.New(s) },
		Account:            account,
		Serve:              newFake(t),
		Approved:           "4242424242424242",
		Declines: map[string]provider.Decline{
			"4000000000009995": {Code: provider.InsufficientFunds, Raw: "insufficient_funds", NetworkDecline: "51", NetworkAdvice: "02"},
			"4000000000009979": {Code: provider.StolenCard, Raw: "stolen_card", NetworkDecline: "43", NetworkAdvice: "03"},
			"4100000000000019": {Code: provider.RiskDecline, Raw: "fraudulent", NetworkDecline: "59"},
			"4000000000000101": {Code: provider.GenericDecline, Raw: "mercury_retrograde", NetworkDecline: "Z9", Unrecognized: true},
			"4000002760003184": {Code: provider.AuthenticationRequired, Raw: "authentication_not_handled"},
		},
		Sign: signed, Webhooks: webhooks(t),
		UnknownWebhook: string(goldenText(t, "events/charge_captured")), UnknownWebhookType: "charge.captured",
	}
}

func TestConformanceWithMulticapture(t *testing.T) { providertest.Run(t, subject(t, account)) }

func TestConformanceWithOneCapture(t *testing.T) { providertest.Run(t, subject(t, single)) }

const (
	attempt   = "att_01jd9qk3v8m2x4r6t7w9y0a1b2"
	captureID = "cap_01jd9qk3v8m2x4r6t7w9y0a1b2"
	secondID  = "cap_01jd9qk3v8m2x4r6t7w9y0a1b3"
	voidID    = "voi_01jd9qk3v8m2x4r6t7w9y0a1b2"
	refundID  = "ref_01jd9qk3v8m2x4r6t7w9y0a1b2"
	network   = "104102978678771"
)

func webhooks(t *testing.T) []providertest.Webhook {
	insufficient := provider.Decline{Code: provider.InsufficientFunds, Raw: "insufficient_funds", NetworkDecline: "51", NetworkAdvice: "02", Message: "Your card has insufficient funds."}
	authentication := "Stripe wants the payer to authenticate; the intent was canceled"
	approved := func(state provider.State, minor int64, reference, network string) provider.Outcome {
		o := provider.Outcome{Class: provider.Approved, State: state, Reference: reference, NetworkReference: network}
		if minor > 0 {
			o.Amount = eur(minor)
		}
		return o
	}
	const pi, ch = "pi_3QFlorinTest01", "ch_3QFlorinTest01"
	var hooks []providertest.Webhook
	for _, c := range []struct {
		name, kind string
		operation  provider.Operation
		reference  string
		outcome    provider.Outcome
	}{
		{"sale", "payment_intent.succeeded", provider.OpAuthorize, attempt, approved(provider.Captured, 9232, pi, "")},
		{"authorized", "payment_intent.amount_capturable_updated", provider.OpAuthorize, attempt, approved(provider.Authorized, 9232, pi, "")},
		{"captured", "payment_intent.succeeded", provider.OpCapture, captureID, approved(provider.Captured, 5000, ch, "")},
		{"captured_without_cause", "payment_intent.succeeded", provider.OpCapture, captureID, approved(provider.Captured, 5000, ch, "")},
		{"second_capture", "payment_intent.amount_capturable_updated", provider.OpCapture, secondID, approved(provider.Captured, 4000, ch, "")},
		{"some_capture", "payment_intent.succeeded", "", "", provider.Outcome{}},
		{"captured_by_hand", "payment_intent.succeeded", provider.OpAuthorize, attempt, approved(provider.Captured, 9232, pi, "")},
		{"voided", "payment_intent.canceled", provider.OpVoid, voidID, approved(provider.Voided, 0, pi, "")},
		{"expired", "payment_intent.canceled", provider.OpAuthorize, attempt, approved(provider.Voided, 9232, pi, "")},
		{"abandoned", "payment_intent.canceled", provider.OpAuthorize, attempt, provider.Outcome{Class: provider.Declined, Reference: pi, Detail: authentication,
			Decline: provider.Decline{Code: provider.AuthenticationRequired, Raw: "requires_action", Message: authentication}}},
		{"declined", "payment_intent.payment_failed", provider.OpAuthorize, attempt, provider.Outcome{Class: provider.Declined, Reference: pi, Detail: "card_error card_declined", Decline: insufficient}},
		{"processing", "payment_intent.processing", provider.OpAuthorize, attempt, approved(provider.Pending, 9232, pi, "")},
		{"requires_action", "payment_intent.requires_action", provider.OpAuthorize, attempt, provider.Outcome{Class: provider.Approved, State: provider.ActionRequired,
			Amount: eur(9232), Reference: pi, Action: provider.Action{URL: "https://hooks.stripe.com/3d_secure_2/x"}}},
		{"foreign", "payment_intent.succeeded", "", "", provider.Outcome{}},
		{"charge_succeeded", "charge.succeeded", provider.OpAuthorize, attempt, approved(provider.Authorized, 9232, pi, network)},
		{"charge_sale", "charge.succeeded", provider.OpAuthorize, attempt, approved(provider.Captured, 9232, pi, network)},
		{"charge_failed", "charge.failed", provider.OpAuthorize, attempt, provider.Outcome{Class: provider.Declined, Reference: pi, NetworkReference: network, Decline: insufficient}},
		{"charge_expired", "charge.expired", provider.OpAuthorize, attempt, approved(provider.Voided, 9232, pi, network)},
		{"refunded", "refund.created", provider.OpRefund, refundID, approved(provider.Succeeded, 1000, "re_3QFlorinTest01", "")},
		{"refund_failed", "refund.failed", provider.OpRefund, refundID, provider.Outcome{Class: provider.Declined, State: provider.Failed, Reference: "re_3QFlorinTest01",
			Decline: provider.Decline{Code: provider.InsufficientFunds, Raw: "insufficient_funds"}}},
	} {
		n := provider.Notification{EventID: "evt_3QFlorinTest01", Type: c.kind, Operation: c.operation, Reference: c.reference,
			OccurredAt: time.Unix(1795348900, 0).UTC(), Outcome: c.outcome}
		if c.operation != "" {
			n.Attempt = attempt
		}
		hooks = append(hooks, providertest.Webhook{Name: c.name, Body: string(goldenText(t, "events/"+c.name)), Want: n})
	}
	return hooks
}

func TestAccountsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*provider.Account)
		param  string
	}{
		{"good", func(*provider.Account) {}, ""},
		{"restricted key", func(a *provider.Account) { a.Credentials["api_key"] = secret.New("rk_test_1") }, ""},
		{"test key in live mode", func(a *provider.Account) { a.Merchant = "acct_dev:live" }, "credentials.api_key"},
		{"live key in test mode", func(a *provider.Account) { a.Credentials["api_key"] = secret.New("sk_live_1") }, "credentials.api_key"},
		{"publishable key", func(a *provider.Account) { a.Credentials["api_key"] = secret.New("pk_test_1") }, "credentials.api_key"},
		{"webhook secret", func(a *provider.Account) { a.Credentials["webhook_secret"] = secret.New("sk_test_1") }, "credentials.webhook_secret"},
		{"multicapture", func(a *provider.Account) { a.Settings["multicapture"] = "yes" }, "settings.multicapture"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := single("https://api.stripe.com")
			c.change(&a)
			err := stripe.New(nil).CheckAccount(a)
			if (err != nil) != (c.param != "") || err != nil && !fault.Is(err, fault.Invalid) {
				t.Fatalf("%v", err)
			}
			if err != nil && !strings.Contains(err.Error(), c.param) {
				t.Errorf("%v does not name %s", err, c.param)
			}
		})
	}
}
