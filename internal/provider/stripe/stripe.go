// Package stripe speaks to Stripe: payment intents, refunds, disputes, webhooks, of API version 2026-08-26.dahlia.
package stripe

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/descriptor"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

const (
	apiVersion       = "2026-08-26.dahlia"
	origin           = "https://api.stripe.com"
	filesOrigin      = "https://files.stripe.com" // takes files, and nothing else
	timeout          = 30 * time.Second
	authorizationTTL = 7 * 24 * time.Hour
	// settleDelay covers the search index, by which an intent is found whose id was never told. Stripe promises it
	// within a minute in normal operation and more in an outage.
	settleDelay = 5 * time.Minute
)

// Names of the account's settings and credentials.
const (
	settingBase         = "base_url"     // optional, for tests and proxies
	settingMulticapture = "multicapture" // "true" if the contract with Stripe has it
	keyAPI              = "api_key"
	keyWebhook          = "webhook_secret"
)

// Metadata that Florin keeps at Stripe. A capture has no object of its own there: it leaves its reference as a key on
// the intent, with its amount, so that an inquiry can tell whether it happened.
const (
	metaReference = "florin_reference"
	metaPayment   = "florin_payment"
	metaAttempt   = "florin_attempt"
	metaReason    = "florin_reason"
	metaCapture   = "florin_" // + the capture's reference
	maxMetaKey    = 40
)

// Connector is the client of Stripe. It keeps nothing between calls.
type Connector struct{ send provider.Sender }

// New makes a connector that sends through s.
func New(s provider.Sender) *Connector { return &Connector{s} }

// Capabilities are those of a contract without multicapture: the first capture releases the rest.
func (*Connector) Capabilities() provider.Capabilities {
	return provider.Capabilities{
		AuthorizationTTL: authorizationTTL,
		Authenticates:    true,
		SettleDelay:      settleDelay,
		Timeout:          timeout,
		Secrets:          []string{keyAPI, keyWebhook},
		DefaultOrigins:   []string{origin, filesOrigin},
		References:       references,
		Descriptor:       descriptor.Terms{Refused: `<>\'"*`, PrintsName: true}, // Stripe documents both of statement_descriptor_suffix
	}
}

// AccountCapabilities tell of multicapture, which Stripe grants by contract.
func (c *Connector) AccountCapabilities(a provider.Account) provider.Capabilities {
	capabilities := c.Capabilities()
	capabilities.PartialCaptures = multicapture(a)
	return capabilities
}

// CheckAccount refuses a live key in test mode and the reverse, and settings that cannot be read.
func (*Connector) CheckAccount(a provider.Account) error {
	var wrong fault.Collect
	mode := "_test_"
	if _, live, _ := id.SplitTenant(a.Merchant); live {
		mode = "_live_"
	}
	if key := a.Credentials[keyAPI].Reveal(); !strings.HasPrefix(key, "sk"+mode) && !strings.HasPrefix(key, "rk"+mode) {
		wrong.Add("credentials."+keyAPI, fault.CodeInvalid, "must begin with sk"+mode+" or rk"+mode+" in this mode")
	}
	if !strings.HasPrefix(a.Credentials[keyWebhook].Reveal(), "whsec_") {
		wrong.Add("credentials."+keyWebhook, fault.CodeInvalid, "must begin with whsec_")
	}
	if v := a.Settings[settingMulticapture]; v != "" && v != "true" && v != "false" {
		wrong.Add("settings."+settingMulticapture, fault.CodeInvalid, "must be true or false")
	}
	return wrong.Err()
}

func multicapture(a provider.Account) bool { return a.Settings[settingMulticapture] == "true" }

// Authorize makes and confirms a payment intent. Stripe authenticates the cardholder itself, on a page of its own, if the
// payer is there: see settle.
func (c *Connector) Authorize(ctx context.Context, a provider.Account, r provider.Authorization) provider.Outcome {
	amount, ok := toStripe(r.Amount)
	if !ok {
		return notRepresentable(r.Amount)
	}
	request := post(a, "/v1/payment_intents", r.Reference, authorizationForm(a, r, amount))
	request.Card = r.Card
	want := asked{reference: r.Reference, amount: r.Amount, alone: alone(r)}
	answer, failure := call[intent](ctx, c.send, request)
	if failure != nil {
		return c.settle(ctx, a, failure.intent(), want, failure.outcome)
	}
	return c.settle(ctx, a, &answer, want, provider.Outcome{})
}

// alone tells whether no payer is there who could act.
func alone(r provider.Authorization) bool { return r.ReturnURL == "" || r.OffSession }

// threeDSRequests are the wishes of a merchant in Stripe's words. Without one Stripe decides.
var threeDSRequests = map[provider.ChallengeIndicator]string{
	provider.NoPreference:       "any",
	provider.ChallengePreferred: "challenge",
	provider.ChallengeMandated:  "challenge",
}

func authorizationForm(a provider.Account, r provider.Authorization, amount int64) []vault.Segment {
	capture := "manual"
	if r.Capture {
		capture = "automatic"
	}
	head := newForm().number("amount", amount).set("currency", strings.ToLower(r.Amount.Currency().Code())).
		set("capture_method", capture).set("confirm", "true")
	if alone(r) {
		head.set("error_on_requires_action", "true")
	} else {
		head.set("return_url", r.ReturnURL).set("payment_method_options[card][request_three_d_secure]", threeDSRequests[r.Indicator])
	}
	if r.OffSession { // InitialNetworkReference stays here: Stripe's API has no parameter for it
		head.set("off_session", "true")
	}
	if r.Stored {
		head.set("setup_future_usage", "off_session")
	}
	head.set("payment_method_types[0]", "card").set("expand[0]", "latest_charge").
		set("metadata["+metaReference+"]", r.Reference).set("metadata["+metaPayment+"]", r.Payment).
		set("description", r.Description).set("statement_descriptor_suffix", r.Descriptor)
	if multicapture(a) && !r.Capture {
		head.set("payment_method_options[card][request_multicapture]", "if_available")
	}
	head.set("payment_method_data[type]", "card")
	const card = "&payment_method_data[card]"
	return []vault.Segment{
		vault.Literal(head.bytes()),
		vault.Literal([]byte(card + "[number]=")), vault.Card(vault.Number, vault.Form),
		vault.Literal([]byte(card + "[exp_month]=")), vault.Card(vault.ExpMonth, vault.Form),
		vault.Literal([]byte(card + "[exp_year]=")), vault.Card(vault.ExpYear, vault.Form),
		vault.OptionalCard(card+"[cvc]=", vault.CVC, vault.Form, ""),
		vault.OptionalCard("&payment_method_data[billing_details][name]=", vault.Name, vault.Form, ""),
	}
}

// Capture takes authorized money. Without multicapture Stripe releases the rest with the first capture, final or not.
func (c *Connector) Capture(ctx context.Context, a provider.Account, r provider.Capture) provider.Outcome {
	amount, ok := toStripe(r.Amount)
	if !ok {
		return notRepresentable(r.Amount)
	}
	key, ok := captureKey(r.Reference)
	if !ok {
		return provider.Unable("the capture's reference does not fit Stripe's metadata")
	}
	form := newForm().number("amount_to_capture", amount).number("metadata["+key+"]", amount).set("expand[0]", "latest_charge")
	if multicapture(a) {
		form.flag("final_capture", r.Final)
	}
	request := post(a, intentPath(r.Original)+"/capture", r.Reference, []vault.Segment{vault.Literal(form.bytes())})
	answer, failure := call[intent](ctx, c.send, request)
	if failure != nil {
		return failure.outcome
	}
	return answer.captured(r.Attempt, r.Reference, r.Amount)
}

// Void cancels the intent. An intent that is canceled already is a void that was done.
func (c *Connector) Void(ctx context.Context, a provider.Account, r provider.Void) provider.Outcome {
	original := r.Original
	if original == "" {
		found, outcome := c.search(ctx, a, r.Attempt)
		switch {
		case outcome.Class == provider.Unknown:
			return outcome
		case found == "":
			return provider.Absent("not_found")
		}
		original = found
	}
	answer, failure := c.cancel(ctx, a, original, r.Reference, "")
	if failure != nil {
		if holder := failure.intent(); holder != nil && holder.Status == statusCanceled {
			return holder.voided(r.Attempt)
		}
		return failure.outcome
	}
	return answer.voided(r.Attempt)
}

func (c *Connector) cancel(ctx context.Context, a provider.Account, id, key, reason string) (intent, *failure) {
	form := newForm().set("cancellation_reason", reason)
	return call[intent](ctx, c.send, post(a, intentPath(id)+"/cancel", key, []vault.Segment{vault.Literal(form.bytes())}))
}

// Refund gives captured money back. Stripe knows three reasons; any other travels as metadata.
func (c *Connector) Refund(ctx context.Context, a provider.Account, r provider.Refund) provider.Outcome {
	amount, ok := toStripe(r.Amount)
	if !ok {
		return notRepresentable(r.Amount)
	}
	form := newForm().set("payment_intent", r.Original).number("amount", amount).
		set("metadata["+metaReference+"]", r.Reference).set("metadata["+metaAttempt+"]", r.Attempt)
	if refundReasons[r.Reason] {
		form.set("reason", r.Reason)
	} else {
		form.set("metadata["+metaReason+"]", clip(r.Reason, 500))
	}
	answer, failure := call[refund](ctx, c.send, post(a, "/v1/refunds", r.Reference, []vault.Segment{vault.Literal(form.bytes())}))
	if failure != nil {
		return failure.outcome
	}
	return answer.outcome(asked{reference: r.Reference, amount: r.Amount})
}

var refundReasons = map[string]bool{"duplicate": true, "fraudulent": true, "requested_by_customer": true}

func captureKey(reference string) (string, bool) {
	key := metaCapture + reference
	return key, reference != "" && len(key) <= maxMetaKey
}

func intentPath(id string) string { return "/v1/payment_intents/" + url.PathEscape(id) }

// post sends our reference as the idempotency key: a repeat gets the first answer again.
func post(a provider.Account, path, key string, body []vault.Segment) vault.Request {
	r := request(a, "POST", path)
	r.Header["Content-Type"] = secret.New("application/x-www-form-urlencoded")
	r.Header["Idempotency-Key"] = secret.New(key)
	r.Body = body
	return r
}

func get(a provider.Account, path string, query *form) vault.Request {
	return request(a, "GET", path+"?"+string(query.bytes()))
}

// references are the members of answers and webhooks that are long without being card numbers.
var references = []string{"network_transaction_id"}

func request(a provider.Account, method, path string) vault.Request {
	base := cmp.Or(strings.TrimSuffix(a.Settings[settingBase], "/"), origin)
	return vault.Request{
		Merchant: a.Merchant, Account: a.ID, Method: method, URL: base + path, Timeout: timeout,
		Header: map[string]secret.Text{
			"Authorization":  secret.New("Bearer " + a.Credentials[keyAPI].Reveal()),
			"Stripe-Version": secret.New(apiVersion),
		},
		References: references,
	}
}
