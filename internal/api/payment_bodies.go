package api

import (
	"fmt"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/strict"
)

// Metadata is the merchant's own words about an object.
type Metadata map[string]string

// Schema describes it: the limits are on keys and values, which tags cannot say.
func (Metadata) Schema(huma.Registry) *huma.Schema {
	keys, count, values := maxMetadataKey, maxMetadataKeys, maxMetadataValue
	return &huma.Schema{
		Type: huma.TypeObject, MaxProperties: &count,
		AdditionalProperties: &huma.Schema{Type: huma.TypeString, MaxLength: &values},
		Extensions:           map[string]any{"propertyNames": map[string]any{"minLength": 1, "maxLength": keys}},
	}
}

// Limits bounds what a body may have of it.
func (Metadata) Limits() (keys, key, value int) {
	return maxMetadataKeys, maxMetadataKey, maxMetadataValue
}

const (
	maxMetadataKeys  = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// createPayment is the body of POST /v1/payments.
type createPayment struct {
	Amount              int64     `json:"amount" minimum:"1" maximum:"999999999999" low:"amount_too_small" high:"amount_too_large" doc:"In the currency's minor unit: 9232 is 92.32 EUR, 500 is 500 JPY. At most twelve digits." example:"9232"`
	Currency            string    `json:"currency" check:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217, three capital letters." example:"EUR"`
	PaymentMethodToken  string    `json:"payment_method_token,omitempty" check:"token_or_method" maxLength:"64" doc:"What the vault gave for the card, or the id of a saved payment method. It, payment_method, or a customer with a default is needed unless confirm is false." example:"pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	PaymentMethod       *method   `json:"payment_method,omitempty" doc:"A method other than a card, by its type."`
	Customer            string    `json:"customer,omitempty" check:"customer" maxLength:"64" doc:"Who pays. If nothing to pay with is named, it is their default payment method." example:"cus_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	SetupFutureUsage    string    `json:"setup_future_usage,omitempty" enum:"off_session" doc:"The payer agrees to later payments, made while they are not there. Those refer to this one, if it is the first. With a token and a customer the card is saved when the payment succeeds."`
	Confirm             bool      `json:"confirm,omitempty" default:"true" doc:"Whether to charge now. If false, the payment waits for its payer or for a confirm call."`
	Capture             bool      `json:"capture,omitempty" default:"true" doc:"Whether to take the money as soon as it is authorized. If false, capture it later."`
	CaptureBefore       time.Time `json:"capture_before,omitempty" doc:"When to release the authorization if it is not captured. Needs capture to be false."`
	StatementDescriptor string    `json:"statement_descriptor,omitempty" minLength:"5" maxLength:"22" pattern:"^(?:[0-9.,/&+-][0-9 .,/&+-]*)?[A-Za-z](?:[A-Za-z0-9 .,/&+-]*[A-Za-z0-9.,/&+-])?$" says:"must consist of A to Z, a to z, 0 to 9, space and . , / & + -, with at least one letter and no space at either end" doc:"What the payer reads on the statement." example:"FLORIN SHOP 1001"`
	StatementSuffix     string    `json:"statement_descriptor_suffix,omitempty" minLength:"1" maxLength:"17" pattern:"^[A-Za-z0-9.,/&+-](?:[A-Za-z0-9 .,/&+-]*[A-Za-z0-9.,/&+-])?$" says:"must consist of A to Z, a to z, 0 to 9, space and . , / & + -, with no space at either end" doc:"What of this payment stands behind the statement descriptor, its own or the merchant's: FLORIN SHOP* ORD-1001. Where a card's network prints less than both, the name is shortened." example:"ORD-1001"`
	Description         string    `json:"description,omitempty" maxLength:"500" doc:"For you and your support."`
	ExpiresIn           int64     `json:"expires_in,omitempty" minimum:"60" maximum:"2592000" doc:"Seconds until a payment that is not confirmed expires; a day if it is not given."`
	ReturnURL           string    `json:"return_url,omitempty" maxLength:"2000" doc:"Where the payer goes in the end, on an origin of yours that is registered. A page of ours if it is not given." example:"https://shop.example/thanks"`
	ThreeDS             *threeDS  `json:"three_ds,omitempty" doc:"What you ask of 3-D Secure."`
	OffSession          bool      `json:"off_session,omitempty" doc:"The payer is not there: you act on an agreement. It needs a saved payment method whose customer agreed and has paid with it. Nobody is challenged then."`
	QueueUntil          time.Time `json:"queue_until,omitempty" doc:"With off_session: how long the payment waits if no provider can be called, instead of failing: 24 hours if it is not given, 30 days at most."`
	Retry               *retry    `json:"retry,omitempty" doc:"With off_session: what an issuer declines for now is asked for again later. Without it a decline is the end."`
	Device              *device   `json:"device,omitempty" doc:"What the payer's browser told of itself."`
	Order               string    `json:"order,omitempty" check:"order" maxLength:"64" doc:"The order that is paid with it. The amount must be what is left of it, or a part that it allows." example:"ord_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Routing             *routing  `json:"routing,omitempty" doc:"Where to send this payment."`
	Metadata            Metadata  `json:"metadata,omitempty" doc:"Up to 50 keys of up to 40 characters, with values of up to 500."`
}

// method is a method by its type.
type method struct {
	Type  string `json:"type" enum:"bank_redirect,pix,ideal,payid,fpx,upi,sepa_qr,wallet" doc:"How the payer pays. Cards are paid with a payment_method_token."`
	Token string `json:"token,omitempty" check:"token" maxLength:"64" doc:"Of a wallet: what the vault gave for the wallet's own token." example:"pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Bank  string `json:"bank,omitempty" maxLength:"64" check:"printable" doc:"The payer's bank, where they chose it with you: bank_redirect, ideal and fpx. They choose it at the provider's if it is not given."`
}

// chosen is what a request names to pay with.
func chosen(token string, m *method) payment.Choice {
	if m == nil {
		return payment.Choice{Token: token}
	}
	return payment.Choice{Type: provider.Method(m.Type), Token: m.Token, Bank: m.Bank}
}

// oneMethod refuses two things to pay with, and half a wallet.
func oneMethod(f *strict.Faults, token string, m *method) {
	switch wallet := m != nil && m.Type == string(provider.MethodWallet); {
	case m == nil:
	case wallet && m.Token == "":
		f.Add("payment_method.token", problem.CodeMissing, "is required for a wallet")
	case !wallet && m.Token != "":
		f.Add("payment_method.token", fault.CodeInvalid, "is for a wallet")
	case wallet && m.Bank != "":
		f.Add("payment_method.bank", fault.CodeInvalid, "is not for a wallet")
	}
	if token != "" && m != nil {
		f.Add("payment_method", fault.CodeInvalid, "cannot stand beside payment_method_token")
	}
}

// retry asks for tries after a decline.
type retry struct {
	Mode     string    `json:"mode" enum:"smart" doc:"smart: when, is chosen by the reason of the decline, the network's advice, and the hour of the day at which issuers of the country say yes."`
	Until    time.Time `json:"until,omitempty" doc:"Until when: 14 days if it is not given, 30 at most."`
	MaxTries int64     `json:"max_tries,omitempty" minimum:"2" maximum:"15" doc:"How often issuers may be asked in all; 4 if it is not given."`
}

// of is how long and how often, nil if nothing was asked for.
func (r *retry) of() *payment.Smart {
	if r == nil {
		return nil
	}
	return &payment.Smart{Until: r.Until, MaxTries: r.MaxTries}
}

type threeDS struct {
	Challenge string `json:"challenge,omitempty" enum:"auto,request,mandate,no_preference" doc:"auto: authenticate where the law or the issuer demands it. no_preference: authenticate, how is the issuer's business. request: rather with a challenge. mandate: with a challenge, and without a proof there is no payment. auto if it is not given."`
	Exemption string `json:"exemption,omitempty" enum:"low_value,tra,mit,recurring,trusted_beneficiary,secure_corporate" doc:"The exemption that you claim. You then bear the loss of a fraud. Not together with request or mandate."`
}

type device struct {
	Session string `json:"session" check:"device" maxLength:"64" doc:"What florin.js gave for the browser." example:"ds_01jd9qk3v8m2x4r6t7w9y0a1b2"`
}

// of is the session of a device, empty if there is none.
func (d *device) of() string {
	if d == nil {
		return ""
	}
	return d.Session
}

type routing struct {
	ProviderAccounts []string `json:"provider_accounts" maxItems:"10" minLength:"1" maxLength:"64" check:"name" doc:"The provider accounts to try, in this order. The merchant's own order if empty." example:"alpha"`
}

// check refuses an account that is named twice.
func (r *routing) check(f *strict.Faults) {
	if r == nil {
		return
	}
	for i, name := range r.ProviderAccounts {
		if name != "" && slices.Contains(r.ProviderAccounts[:i], name) {
			f.Add(fmt.Sprintf("routing.provider_accounts[%d]", i), fault.CodeInvalid, "is there twice; each account is tried once")
		}
	}
}

func (b *createPayment) Check(f *strict.Faults, now time.Time) {
	oneMethod(f, b.PaymentMethodToken, b.PaymentMethod)
	if b.Confirm && b.PaymentMethodToken == "" && b.PaymentMethod == nil && b.Customer == "" {
		f.Add("payment_method_token", problem.CodeMissing, "is required to confirm a payment")
	}
	b.Routing.check(f)
	if b.CaptureBefore.IsZero() {
		return
	}
	if b.Capture {
		f.Add("capture_before", fault.CodeInvalid, "needs capture to be false")
	}
	if !b.CaptureBefore.After(now) {
		f.Add("capture_before", fault.CodeInvalid, "must be in the future")
	}
}

func (b *createPayment) order(tenant string) payment.Create {
	c := payment.Create{
		Merchant: tenant, Amount: b.Amount, Currency: b.Currency, Choice: chosen(b.PaymentMethodToken, b.PaymentMethod), Capture: b.Capture, Confirm: b.Confirm,
		CaptureBefore: b.CaptureBefore, ExpiresIn: time.Duration(b.ExpiresIn) * time.Second,
		StatementDescriptor: b.StatementDescriptor, StatementSuffix: b.StatementSuffix, Description: b.Description, Metadata: b.Metadata,
		QueueUntil: b.QueueUntil, Retry: b.Retry.of(),
		ReturnURL: b.ReturnURL, Order: b.Order, Customer: b.Customer, Asked: payment.Asked{OffSession: b.OffSession, Setup: b.SetupFutureUsage != "", Device: b.Device.of()},
	}
	if b.ThreeDS != nil {
		c.Asked.Challenge, c.Asked.Exemption = payment.Preference(b.ThreeDS.Challenge), b.ThreeDS.Exemption
	}
	if b.Routing != nil {
		c.ProviderAccounts = b.Routing.ProviderAccounts
	}
	return c
}

func (b *confirmPayment) Check(f *strict.Faults, _ time.Time) {
	oneMethod(f, b.PaymentMethodToken, b.PaymentMethod)
}

type confirmPayment struct {
	PaymentMethodToken string  `json:"payment_method_token,omitempty" check:"token_or_method" maxLength:"64" doc:"What the vault gave for the card, or the id of a saved payment method. Needed if the payment has none yet, or to try another one."`
	PaymentMethod      *method `json:"payment_method,omitempty" doc:"A method other than a card, by its type."`
	ReturnURL          string  `json:"return_url,omitempty" maxLength:"2000" doc:"Where the payer goes in the end, on an origin of yours that is registered."`
	Result             string  `json:"result,omitempty" maxLength:"16384" doc:"After a challenge: the CRes that the bank's page gave the payer's browser. It tells which challenge is over. How it ended the provider is asked."`
	Device             *device `json:"device,omitempty" doc:"What the payer's browser told of itself."`
}

type capturePayment struct {
	Amount *int64 `json:"amount,omitempty" minimum:"1" maximum:"999999999999" low:"amount_too_small" high:"amount_too_large" doc:"All that is left if it is not given."`
	Final  bool   `json:"final,omitempty" doc:"Whether to release what is left after this capture."`
}

type cancelPayment struct {
	Reason string `json:"reason,omitempty" maxLength:"200" check:"printable" doc:"Why, for your records."`
}

type refundPayment struct {
	Amount   *int64   `json:"amount,omitempty" minimum:"1" maximum:"999999999999" low:"amount_too_small" high:"amount_too_large" doc:"All that is left if it is not given."`
	Reason   string   `json:"reason,omitempty" maxLength:"200" check:"printable" doc:"Why, for your records."`
	Metadata Metadata `json:"metadata,omitempty" doc:"Up to 50 keys of up to 40 characters, with values of up to 500."`
}
