package payment

import (
	"time"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
)

// Object is a payment as the contract shows it: in answers and inside webhooks alike.
type Object struct {
	ID                  string            `json:"id" example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object              string            `json:"object" enum:"payment"`
	Livemode            bool              `json:"livemode"`
	Status              Status            `json:"status" enum:"requires_payment_method,requires_action,processing,in_review,authorized,captured,canceled,expired,failed"`
	Amount              int64             `json:"amount" doc:"In the currency's minor unit."`
	Currency            string            `json:"currency" doc:"ISO 4217." example:"EUR"`
	AmountAuthorized    int64             `json:"amount_authorized"`
	AmountCaptured      int64             `json:"amount_captured"`
	AmountCapturing     int64             `json:"amount_capturing" doc:"Captures whose outcome is not known yet."`
	AmountCanceling     int64             `json:"amount_canceling" doc:"What a cancellation releases whose outcome is not known yet."`
	AmountRefunded      int64             `json:"amount_refunded" doc:"Refunds that succeeded or are pending."`
	AmountDisputed      int64             `json:"amount_disputed"`
	AmountWithdrawn     int64             `json:"amount_withdrawn" doc:"What its customer has withdrawn of it to somewhere else, by payouts that name them."`
	AmountRefundable    int64             `json:"amount_refundable" doc:"What may yet be refunded: captured, neither refunded nor disputed."`
	RefundableUntil     *time.Time        `json:"refundable_until" doc:"Until when, by your returns policy when it was captured or by the method's own window, whichever ends first. Null: without end, or it is not captured in full yet."`
	Capture             bool              `json:"capture" doc:"Whether the money is taken as soon as it is authorized."`
	CaptureBefore       *time.Time        `json:"capture_before" doc:"When the authorization is released if it is not captured."`
	PaymentMethod       *MethodObject     `json:"payment_method"`
	Customer            *string           `json:"customer" doc:"The payer, if you keep them here."`
	Order               *string           `json:"order" doc:"The order that is paid, if there is one."`
	NextAction          *NextAction       `json:"next_action" doc:"What the payer must do now. Null if there is nothing to do."`
	ThreeDS             *ThreeDSObject    `json:"three_ds" doc:"What the payer's bank said of them. Null if it was not asked."`
	ReturnURL           *string           `json:"return_url" doc:"Where the payer goes in the end."`
	SetupFutureUsage    string            `json:"setup_future_usage,omitempty" enum:"off_session" doc:"You asked that later payments may be made while the payer is not there: with the saved method, or with the card that is saved when this one succeeds."`
	StatementDescriptor string            `json:"statement_descriptor,omitempty"`
	Description         string            `json:"description,omitempty"`
	CancellationReason  string            `json:"cancellation_reason,omitempty"`
	ClientSecret        string            `json:"client_secret,omitempty" doc:"For the payer's browser; works once per step and dies with the payment. Not in webhooks."`
	CheckoutURL         string            `json:"checkout_url,omitempty" doc:"A page on which the payer can pay. For the payer only. Not in webhooks."`
	NextRetryAt         *time.Time        `json:"next_retry_at" doc:"Of a payment off session that waits: when it is tried next. Null: it does not wait."`
	QueueUntil          *time.Time        `json:"queue_until" doc:"Of a payment off session: how long it waits for a provider that can be called."`
	Retry               *RetryObject      `json:"retry" doc:"What you asked of smart retries. Null: a decline is the end."`
	Failure             *FailureObject    `json:"failure" doc:"Why the last try did not succeed."`
	Provider            string            `json:"provider,omitempty" doc:"The provider account of the last try."`
	ProviderReference   string            `json:"provider_reference,omitempty"`
	NetworkReference    string            `json:"network_reference,omitempty"`
	ExpiresAt           *time.Time        `json:"expires_at" doc:"When a payment that waits for its payer expires."`
	Metadata            map[string]string `json:"metadata"`
	CreatedAt           time.Time         `json:"created_at"`

	Attempts []AttemptObject `json:"attempts,omitzero" doc:"With expand=attempts."`
	Refunds  []RefundObject  `json:"refunds,omitzero" doc:"With expand=refunds."`
	Timeline []TimelineEntry `json:"timeline,omitzero" doc:"With expand=timeline."`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o Object) ObjectID() string { return o.ID }

// NextAction is what the payer must do before the money can move.
type NextAction struct {
	Type       provider.ActionKind `json:"type" enum:"redirect,display_qr,await_notification"`
	URL        string              `json:"url,omitempty" doc:"redirect: send the payer's browser here. It comes back to return_url, or stays on a page of ours."`
	QRCode     string              `json:"qr_code,omitempty" doc:"display_qr: what the code says."`
	QRImageURL string              `json:"qr_image_url,omitempty" doc:"display_qr: a picture of the code, PNG. With .svg in place of .png an SVG."`
	CopyCode   string              `json:"copy_code,omitempty" doc:"display_qr: what the payer can paste in place of scanning."`
	Deeplink   string              `json:"deeplink,omitempty" doc:"display_qr: opens the payer's app."`
	ExpiresAt  time.Time           `json:"expires_at" doc:"When it is too late."`
}

// ThreeDSObject is an authentication by 3-D Secure 2, with the network's own words.
type ThreeDSObject struct {
	Version        string  `json:"version" example:"2.2.0"`
	Status         string  `json:"status" doc:"transStatus: Y authenticated, A attempted, N not authenticated, R rejected, U not available, I for information, C challenge."`
	StatusReason   string  `json:"status_reason,omitempty" doc:"transStatusReason."`
	ECI            string  `json:"eci" doc:"The electronic commerce indicator: 05, 06 and 07, at Mastercard 02, 01 and 00."`
	CAVV           string  `json:"cavv" doc:"The issuer's proof, in base 64."`
	DSTransID      string  `json:"ds_trans_id"`
	Flow           string  `json:"flow" enum:"frictionless,challenge"`
	LiabilityShift bool    `json:"liability_shift" doc:"Whether the issuer bears the loss if the cardholder denies the payment."`
	Exemption      *string `json:"exemption" doc:"The exemption that was claimed."`
}

// MethodObject is a payment method as the contract shows it.
type MethodObject struct {
	ID   string          `json:"id,omitempty" doc:"Of a card or a wallet."`
	Type provider.Method `json:"type" enum:"card,bank_redirect,pix,ideal,payid,fpx,upi,sepa_qr,wallet"`
	Bank string          `json:"bank,omitempty" doc:"That the payer chose, where the method asks for one."`
	Card *CardObject     `json:"card,omitempty" doc:"Of a card; of a wallet, what the device has in its place."`

	Wallet *WalletObject `json:"wallet,omitempty" doc:"Of a wallet."`
}

// Brand is the brand of its card; empty if it has none.
func (o Object) Brand() string {
	if o.PaymentMethod == nil || o.PaymentMethod.Card == nil {
		return ""
	}
	return o.PaymentMethod.Card.Brand
}

// WalletObject is the wallet that the payer paid by.
type WalletObject struct {
	Type string `json:"type" enum:"sandbox"`
	ECI  string `json:"eci" doc:"The electronic commerce indicator that the network gave with the cryptogram."`
}

// CardObject is what may be shown of a card.
type CardObject struct {
	Brand    string `json:"brand"`
	Last4    string `json:"last4"`
	BIN      string `json:"bin"`
	ExpMonth int    `json:"exp_month"`
	ExpYear  int    `json:"exp_year"`
	Country  string `json:"country,omitempty"`
	Funding  string `json:"funding"`
}

// RetryObject is how a payment is tried again after a decline.
type RetryObject struct {
	Mode     string    `json:"mode" enum:"smart"`
	Until    time.Time `json:"until"`
	MaxTries int64     `json:"max_tries" doc:"How often issuers are asked in all."`
	Declined int64     `json:"declined" doc:"How often they have declined it so far."`
}

// FailureObject says why a try did not succeed.
type FailureObject struct {
	Code               string               `json:"code" doc:"card_declined, payment_declined, provider_unavailable, kill_switch_on, expired …"`
	DeclineCode        provider.DeclineCode `json:"decline_code,omitempty"`
	Message            string               `json:"message"`
	NetworkDeclineCode string               `json:"network_decline_code,omitempty"`
	NetworkAdviceCode  string               `json:"network_advice_code,omitempty"`
	RetryRule          string               `json:"retry_rule,omitempty" doc:"The card network's rule by which nobody was asked: never_again, visa_declines … The other fields repeat the issuer's last word."`
	RetryAt            *time.Time           `json:"retry_at,omitempty" doc:"When that rule lets the card be tried again at this amount, or may: tries under way may be declined, and count. Of kill_switch_on: when it may be on again."`
}

// BankObject is a bank that a payer may choose.
type BankObject struct {
	ID        string `json:"id" doc:"The provider's name for it: payment_method.bank." example:"ideal_canal"`
	Object    string `json:"object" enum:"bank"`
	Name      string `json:"name" example:"Canal Bank"`
	Available bool   `json:"available" doc:"Whether it can be paid from now, as the scheme says."`
}

// BankObjects show banks.
func BankObjects(banks []provider.Bank) []BankObject {
	out := make([]BankObject, len(banks))
	for i, b := range banks {
		out[i] = BankObject{ID: b.ID, Object: "bank", Name: b.Name, Available: b.Available}
	}
	return out
}

// AttemptObject is one try at one provider.
type AttemptObject struct {
	ID                string         `json:"id"`
	Object            string         `json:"object" enum:"attempt"`
	Number            int64          `json:"number"`
	Status            AttemptState   `json:"status"`
	Provider          string         `json:"provider"`
	Amount            int64          `json:"amount"`
	Currency          string         `json:"currency"`
	Reference         string         `json:"reference" doc:"By which the provider knows it from us: it is found there by this one even if no answer came." example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2-1"`
	ProviderReference string         `json:"provider_reference,omitempty" doc:"The provider's own."`
	NetworkReference  string         `json:"network_reference,omitempty"`
	Descriptor        string         `json:"statement_descriptor,omitempty" doc:"What the payer reads on their statement: the payment's, as it fits the card's network and this provider. Absent: the provider prints what its account has." example:"FLORIN SHOP* ORD-1001"`
	Failure           *FailureObject `json:"failure"`
	ThreeDS           *ThreeDSObject `json:"three_ds,omitempty"`
	Routing           *RoutingObject `json:"routing,omitempty" doc:"How it came to this provider account."`
	CreatedAt         time.Time      `json:"created_at"`
}

// RoutingObject is how an attempt came to its provider account: what could be asked, best first, and what could not.
type RoutingObject struct {
	routing.Decision
	Place int64 `json:"place" doc:"Of this account among the ranked ones, from 0. Those before it were tried, or could not be asked any more."`
}

// RefundObject is a refund as the contract shows it.
type RefundObject struct {
	ID                string            `json:"id"`
	Object            string            `json:"object" enum:"refund"`
	Livemode          bool              `json:"livemode"`
	Payment           string            `json:"payment"`
	Amount            int64             `json:"amount"`
	Currency          string            `json:"currency"`
	Status            string            `json:"status" enum:"held,pending,succeeded,failed" doc:"held: a second person must approve it."`
	Reason            string            `json:"reason,omitempty"`
	QueueUntil        *time.Time        `json:"queue_until" doc:"How long it waits for its provider, or behind a kill switch, while it does. Then it has failed, with provider_unavailable, or with kill_switch_on if a switch holds it back then. The payment's timeline says why it waits."`
	Failure           *FailureObject    `json:"failure"`
	ProviderReference string            `json:"provider_reference,omitempty"`
	Payout            string            `json:"payout,omitempty" doc:"The payout that it is a part of."`
	RequestedBy       string            `json:"requested_by,omitempty" doc:"The key that asked for it."`
	ApprovedBy        []string          `json:"approved_by" doc:"The keys that approved it, in the order in which they did. Empty if none did."`
	Metadata          map[string]string `json:"metadata"`
	CreatedAt         time.Time         `json:"created_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o RefundObject) ObjectID() string { return o.ID }

// TimelineEntry is one thing that happened to a payment.
type TimelineEntry struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	Detail string    `json:"detail,omitempty"`
}

func methodObject(m Method) *MethodObject {
	if !m.isCard() {
		return &MethodObject{Type: m.Type, Bank: m.Bank}
	}
	d := m.Description
	o := &MethodObject{ID: m.name(), Type: provider.Method(m.word()), Card: &CardObject{
		Brand: d.Brand, Last4: d.Last4, BIN: d.BIN, ExpMonth: d.ExpMonth, ExpYear: d.ExpYear, Country: d.Country, Funding: d.Funding,
	}}
	if m.isWallet() {
		o.Wallet = &WalletObject{m.Wallet.Type, m.Wallet.ECI}
	}
	return o
}
