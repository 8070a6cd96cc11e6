package client

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"time"
)

// PaymentStatus is a payment's state. An unknown one is kept as it came.
type PaymentStatus string

// The payment's states.
const (
	PaymentRequiresPaymentMethod PaymentStatus = "requires_payment_method"
	PaymentRequiresAction        PaymentStatus = "requires_action"
	PaymentProcessing            PaymentStatus = "processing"
	PaymentInReview              PaymentStatus = "in_review"
	PaymentAuthorized            PaymentStatus = "authorized"
	PaymentCaptured              PaymentStatus = "captured"
	PaymentCanceled              PaymentStatus = "canceled"
	PaymentExpired               PaymentStatus = "expired"
	PaymentFailed                PaymentStatus = "failed"
)

// Payment is money asked of a payer. Amounts are in the currency's minor unit.
type Payment struct {
	ID                  string            `json:"id"`
	Livemode            bool              `json:"livemode"`
	Status              PaymentStatus     `json:"status"`
	Amount              int64             `json:"amount"`
	Currency            string            `json:"currency"`
	AmountAuthorized    int64             `json:"amount_authorized"`
	AmountCaptured      int64             `json:"amount_captured"`
	AmountCapturing     int64             `json:"amount_capturing"` // captures whose outcome is not known yet
	AmountCanceling     int64             `json:"amount_canceling"` // what a cancellation releases whose outcome is not known yet
	AmountRefunded      int64             `json:"amount_refunded"`  // refunds that succeeded or are pending
	AmountDisputed      int64             `json:"amount_disputed"`
	AmountWithdrawn     int64             `json:"amount_withdrawn"`  // by payouts that name its customer, to somewhere else
	AmountRefundable    int64             `json:"amount_refundable"` // captured, neither refunded nor disputed
	RefundableUntil     *time.Time        `json:"refundable_until"`  // by the returns policy when it was captured; nil: without end
	Capture             bool              `json:"capture"`
	CaptureBefore       *time.Time        `json:"capture_before"` // when the authorization is released if it is not captured
	PaymentMethod       *PaymentMethod    `json:"payment_method"`
	Customer            *string           `json:"customer"`
	Order               *PaymentOrder     `json:"order"`                        // nil if it is for none
	NextAction          *NextAction       `json:"next_action"`                  // nil if the payer has nothing to do
	ThreeDS             *ThreeDS          `json:"three_ds"`                     // nil if the payer's bank was not asked
	ReturnURL           *string           `json:"return_url"`                   // where the payer goes in the end
	SetupFutureUsage    string            `json:"setup_future_usage,omitempty"` // off_session: later payments may be made while the payer is not there
	StatementDescriptor string            `json:"statement_descriptor,omitempty"`
	Description         string            `json:"description,omitempty"`
	CancellationReason  string            `json:"cancellation_reason,omitempty"`
	ClientSecret        string            `json:"client_secret,omitempty"` // for the payer's browser: keep it out of logs
	CheckoutURL         string            `json:"checkout_url,omitempty"`  // a page on which the payer can pay: for them only
	NextRetryAt         *time.Time        `json:"next_retry_at"`           // of a payment off session that waits: when it is tried next
	QueueUntil          *time.Time        `json:"queue_until"`             // of a payment off session: how long it waits for a provider
	Retry               *PaymentRetry     `json:"retry"`                   // nil: a decline is the end
	Failure             *Failure          `json:"failure"`                 // why the last try did not succeed
	Provider            string            `json:"provider,omitempty"`      // the provider account of the last try
	ProviderReference   string            `json:"provider_reference,omitempty"`
	NetworkReference    string            `json:"network_reference,omitempty"`
	ExpiresAt           *time.Time        `json:"expires_at"`
	Metadata            map[string]string `json:"metadata"`
	CreatedAt           time.Time         `json:"created_at"`

	Attempts []Attempt       `json:"attempts,omitempty"` // with WithExpand("attempts")
	Refunds  []Refund        `json:"refunds,omitempty"`  // with WithExpand("refunds")
	Timeline []TimelineEntry `json:"timeline,omitempty"` // with WithExpand("timeline")
}

// PaymentRetry is how a payment is tried again after a decline.
type PaymentRetry struct {
	Mode     string    `json:"mode"` // smart
	Until    time.Time `json:"until"`
	MaxTries int64     `json:"max_tries"` // how often issuers are asked in all
	Declined int64     `json:"declined"`  // how often they have declined it so far
}

// NextAction is what the payer must do before the money can move.
type NextAction struct {
	Type       string    `json:"type"`                   // redirect, display_qr or await_notification
	URL        string    `json:"url,omitempty"`          // redirect: send the payer's browser here
	QRCode     string    `json:"qr_code,omitempty"`      // display_qr: what the code says
	QRImageURL string    `json:"qr_image_url,omitempty"` // display_qr: its picture
	CopyCode   string    `json:"copy_code,omitempty"`    // display_qr: what the payer can paste instead
	Deeplink   string    `json:"deeplink,omitempty"`     // display_qr: opens the payer's app
	ExpiresAt  time.Time `json:"expires_at"`
}

// ThreeDS is what the payer's bank said of them, in the words of EMV 3-D Secure.
type ThreeDS struct {
	Version        string  `json:"version"`
	Status         string  `json:"status"` // transStatus: Y N U A C R I
	StatusReason   string  `json:"status_reason,omitempty"`
	ECI            string  `json:"eci"`
	CAVV           string  `json:"cavv"`
	DSTransID      string  `json:"ds_trans_id"`
	Flow           string  `json:"flow"`            // frictionless or challenge
	LiabilityShift bool    `json:"liability_shift"` // the issuer bears the loss if the cardholder denies the payment
	Exemption      *string `json:"exemption"`       // that was claimed
}

// PaymentMethod is what a payment is made with.
type PaymentMethod struct {
	ID   string `json:"id,omitempty"` // of a card or a wallet
	Type string `json:"type"`         // such as card, wallet or pix
	Bank string `json:"bank,omitempty"`
	Card *Card  `json:"card,omitempty"`

	Wallet *PaymentWallet `json:"wallet,omitempty"` // of a wallet; Card is then what the device has in its place
}

// PaymentWallet is the wallet that the payer paid by.
type PaymentWallet struct {
	Type string `json:"type"`
	ECI  string `json:"eci"` // that the network gave with the cryptogram
}

// Card is what may be shown of a card.
type Card struct {
	Brand       string `json:"brand"`
	Last4       string `json:"last4"`
	BIN         string `json:"bin"`
	ExpMonth    int    `json:"exp_month"`
	ExpYear     int    `json:"exp_year"`
	Country     string `json:"country,omitempty"`
	Funding     string `json:"funding"`
	Fingerprint string `json:"fingerprint,omitempty"` // of a token: the same for the same card number, for this merchant
}

// Failure says why a try, or a refund, did not succeed.
type Failure struct {
	Code               string `json:"code"`
	DeclineCode        string `json:"decline_code,omitempty"`
	Message            string `json:"message"`
	NetworkDeclineCode string `json:"network_decline_code,omitempty"`
	NetworkAdviceCode  string `json:"network_advice_code,omitempty"`
	// RetryRule is the card network's rule by which nobody was asked, such as never_again; empty: somebody was. Then the rest repeats the issuer's last word.
	RetryRule string     `json:"retry_rule,omitempty"`
	RetryAt   *time.Time `json:"retry_at,omitempty"` // when the rule lets the card be tried again at this amount, or may
}

// Attempt is one try at one provider.
type Attempt struct {
	ID                string `json:"id"`
	Number            int64  `json:"number"`
	Status            string `json:"status"`
	Provider          string `json:"provider"`
	Amount            int64  `json:"amount"`
	Currency          string `json:"currency"`
	Reference         string `json:"reference"` // ours: the provider knows the attempt by it
	ProviderReference string `json:"provider_reference,omitempty"`
	NetworkReference  string `json:"network_reference,omitempty"`
	// StatementDescriptor is what the payer reads: the payment's, as it fits the card's network and this provider.
	StatementDescriptor string `json:"statement_descriptor,omitempty"`

	Failure   *Failure        `json:"failure"`
	ThreeDS   *ThreeDS        `json:"three_ds,omitempty"`
	Routing   *AttemptRouting `json:"routing,omitempty"` // how it came to this account
	CreatedAt time.Time       `json:"created_at"`
}

// TimelineEntry is one thing that happened to a payment.
type TimelineEntry struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	Detail string    `json:"detail,omitempty"`
}

// CreatePayment asks for money. Without PaymentMethodToken it needs Confirm: new(false), and waits for one.
type CreatePayment struct {
	Amount              int64             `json:"amount"`                         // in the currency's minor unit
	Currency            string            `json:"currency"`                       // ISO 4217, such as EUR
	PaymentMethodToken  string            `json:"payment_method_token,omitempty"` // pm_tok_…, or a saved method's pm_…
	Customer            string            `json:"customer,omitempty"`             // who pays; with nothing named to pay with, by their default
	SetupFutureUsage    string            `json:"setup_future_usage,omitempty"`   // off_session: the payer agrees to later payments while they are not there
	PaymentMethod       *MethodRequest    `json:"payment_method,omitempty"`       // a method other than a card
	Capture             *bool             `json:"capture,omitempty"`              // nil is true; new(false) only authorizes
	Confirm             *bool             `json:"confirm,omitempty"`              // nil is true
	CaptureBefore       *time.Time        `json:"capture_before,omitempty"`
	ExpiresIn           int64             `json:"expires_in,omitempty"` // seconds, of a payment that is not confirmed
	StatementDescriptor string            `json:"statement_descriptor,omitempty"`
	DescriptorSuffix    string            `json:"statement_descriptor_suffix,omitempty"` // what of this payment stands behind the descriptor
	Description         string            `json:"description,omitempty"`
	ReturnURL           string            `json:"return_url,omitempty"` // where the payer goes in the end, on a registered origin
	ThreeDS             *ThreeDSRequest   `json:"three_ds,omitempty"`
	OffSession          bool              `json:"off_session,omitempty"` // the payer is not there: nobody is challenged
	QueueUntil          *time.Time        `json:"queue_until,omitempty"` // off session: how long it waits if no provider can be called
	Retry               *RetryRequest     `json:"retry,omitempty"`       // off session: whether a decline is tried again
	Device              *Device           `json:"device,omitempty"`
	Order               string            `json:"order,omitempty"` // that is paid with it
	Routing             *Routing          `json:"routing,omitempty"`
	Metadata            map[string]string `json:"metadata,omitempty"` // up to 50 keys of 40 characters, values of 500
}

// ThreeDSRequest is what is asked of 3-D Secure.
type ThreeDSRequest struct {
	Challenge string `json:"challenge,omitempty"` // auto, request, mandate or no_preference
	Exemption string `json:"exemption,omitempty"` // such as low_value or tra
}

// RetryRequest asks that what an issuer declines for now is asked for again later.
type RetryRequest struct {
	Mode     string     `json:"mode"`                // smart
	Until    *time.Time `json:"until,omitempty"`     // nil: 14 days
	MaxTries int64      `json:"max_tries,omitempty"` // how often issuers may be asked in all; 0: 4
}

// Device is what the payer's browser told of itself.
type Device struct {
	Session string `json:"session"` // ds_…
}

// Routing narrows where a payment may go.
type Routing struct {
	ProviderAccounts []string `json:"provider_accounts"` // in the order of preference
}

// MethodRequest names a method other than a card.
type MethodRequest struct {
	Type  string `json:"type"`            // bank_redirect, pix, ideal, payid, fpx, upi, sepa_qr or wallet
	Token string `json:"token,omitempty"` // of a wallet: pm_tok_…
	Bank  string `json:"bank,omitempty"`  // the payer's, where they chose it with you
}

// ConfirmPayment goes on with a payment that waits: for a method, for what its payer had to do, or since a kill switch stopped it.
type ConfirmPayment struct {
	PaymentMethodToken string         `json:"payment_method_token,omitempty"`
	PaymentMethod      *MethodRequest `json:"payment_method,omitempty"` // a method other than a card
	ReturnURL          string         `json:"return_url,omitempty"`
	Result             string         `json:"result,omitempty"` // the CRes of a challenge; without it the provider is asked as well
	Device             *Device        `json:"device,omitempty"`
}

// CapturePayment takes authorized money: an Amount, or All. An Amount that came out as 0 is not taken for all: it is refused.
type CapturePayment struct {
	Amount int64 `json:"amount,omitempty"` // in the currency's minor unit
	All    bool  `json:"-"`                // all that is left
	Final  bool  `json:"final,omitempty"`  // release what is left
}

// oneOf refuses an amount that says neither how much nor all, or both.
func oneOf(doing string, amount int64, all bool) error {
	if (amount == 0) != all {
		return fmt.Errorf("florin: %s: give an Amount, or All", doing)
	}
	return nil
}

// CancelPayment gives a payment up, and releases its authorization.
type CancelPayment struct {
	Reason string `json:"reason,omitempty"`
}

// ListPayments chooses payments.
type ListPayments struct {
	Page
	Status   PaymentStatus
	Customer string // of one customer
	Order    string // of one order
}

// PaymentService calls /v1/payments.
type PaymentService struct{ core *core }

// Create makes a payment, and unless Confirm is false sends it to a provider. A decline is an *Error of status 402, whose
// Payment names the failed payment. A payment in processing is decided later: wait for its webhook.
func (s *PaymentService) Create(ctx context.Context, p CreatePayment, options ...CallOption) (*Payment, error) {
	return post[Payment](ctx, s.core, "/v1/payments", p, options)
}

// Get reads a payment; see [WithExpand].
func (s *PaymentService) Get(ctx context.Context, id string, options ...CallOption) (*Payment, error) {
	path, err := under("/v1/payments", id)
	if err != nil {
		return nil, err
	}
	return get[Payment](ctx, s.core, path, nil, options)
}

// Confirm sends a payment to a provider with the payer's method. It fails like Create.
func (s *PaymentService) Confirm(ctx context.Context, id string, p ConfirmPayment, options ...CallOption) (*Payment, error) {
	return s.act(ctx, id, "confirm", p, options)
}

// Capture takes authorized money, in whole or in part. It fails with a conflict if there is nothing left to take.
func (s *PaymentService) Capture(ctx context.Context, id string, p CapturePayment, options ...CallOption) (*Payment, error) {
	if err := oneOf("capture "+id, p.Amount, p.All); err != nil {
		return nil, err
	}
	return s.act(ctx, id, "capture", p, options)
}

// Cancel voids the authorization of a payment that is not captured.
func (s *PaymentService) Cancel(ctx context.Context, id string, p CancelPayment, options ...CallOption) (*Payment, error) {
	return s.act(ctx, id, "cancel", p, options)
}

// Refund gives captured money back, in whole or in part. A pending refund is decided later: wait for its webhook.
func (s *PaymentService) Refund(ctx context.Context, id string, p RefundPayment, options ...CallOption) (*Refund, error) {
	if err := oneOf("refund "+id, p.Amount, p.All); err != nil {
		return nil, err
	}
	path, err := under("/v1/payments", id, "refund")
	if err != nil {
		return nil, err
	}
	return post[Refund](ctx, s.core, path, p, options)
}

// List walks payments, newest first, page by page as it goes. With EndingBefore it walks from that payment to newer ones.
func (s *PaymentService) List(ctx context.Context, p ListPayments, options ...CallOption) iter.Seq2[*Payment, error] {
	query := p.values()
	set(query, "status", string(p.Status))
	set(query, "customer", p.Customer)
	set(query, "order", p.Order)
	return all(ctx, s.core, "/v1/payments", query, func(p *Payment) string { return p.ID }, options)
}

// Bank is a bank that a payer may choose: its ID is the Bank of a [MethodRequest].
type Bank struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Available bool   `json:"available"` // whether it can be paid from now
}

// ListBanks chooses banks.
type ListBanks struct {
	Method   string // bank_redirect, ideal or fpx
	Currency string // empty: any
}

// Banks walks the banks that a method's payers may choose. If the provider does not tell them it fails with an *Error of status 503;
// a payment can be made without a bank then, and the payer chooses at the provider's.
func (s *PaymentService) Banks(ctx context.Context, p ListBanks, options ...CallOption) iter.Seq2[*Bank, error] {
	query := url.Values{}
	set(query, "method", p.Method)
	set(query, "currency", p.Currency)
	return all(ctx, s.core, "/v1/banks", query, func(b *Bank) string { return b.ID }, options)
}

func (s *PaymentService) act(ctx context.Context, id, verb string, body any, options []CallOption) (*Payment, error) {
	path, err := under("/v1/payments", id, verb)
	if err != nil {
		return nil, err
	}
	return post[Payment](ctx, s.core, path, body, options)
}
