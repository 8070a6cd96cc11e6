package public

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
)

// payerPayment is a payment as its payer may see it, and the page that they are on: nothing of providers, of what the
// merchant wrote for itself, or of reasons that would help a thief.
type payerPayment struct {
	ID            string         `json:"id"`
	Object        string         `json:"object"`
	Livemode      bool           `json:"livemode"`
	Status        payment.Status `json:"status"`
	Amount        int64          `json:"amount"`
	Currency      string         `json:"currency"`
	Capture       bool           `json:"capture"`
	PaymentMethod *payerMethod   `json:"payment_method"`
	NextAction    *payerAction   `json:"next_action"`
	ClientSecret  string         `json:"client_secret,omitempty"`
	Failure       *payerFailure  `json:"failure"`
	ReturnURL     *string        `json:"return_url"`
	ExpiresAt     *time.Time     `json:"expires_at"`
	CreatedAt     time.Time      `json:"created_at"`
}

type payerMethod struct {
	Type provider.Method `json:"type"`
	Bank string          `json:"bank,omitempty"`
	Card *payerCard      `json:"card,omitempty"`

	Wallet *payerWallet `json:"wallet,omitempty"`
}

type payerWallet struct {
	Type string `json:"type"`
}

type payerCard struct {
	Brand    string `json:"brand"`
	Last4    string `json:"last4"`
	ExpMonth int    `json:"exp_month"`
	ExpYear  int    `json:"exp_year"`
}

type payerAction struct {
	Type       provider.ActionKind `json:"type"`
	URL        string              `json:"url,omitempty"`
	QRCode     string              `json:"qr_code,omitempty"`
	QRImageURL string              `json:"qr_image_url,omitempty"`
	CopyCode   string              `json:"copy_code,omitempty"`
	Deeplink   string              `json:"deeplink,omitempty"`
	ExpiresAt  *time.Time          `json:"expires_at"`
}

type payerFailure struct {
	Code        string               `json:"code"`
	DeclineCode provider.DeclineCode `json:"decline_code,omitempty"`
	Message     string               `json:"message"`
	Retry       provider.Retry       `json:"retry,omitempty"`
}

// payerOf shows a payment in the payer's language.
func payerOf(o payment.Object, l *language) payerPayment {
	p := payerPayment{
		ID: o.ID, Object: o.Object, Livemode: o.Livemode, Status: o.Status, Amount: o.Amount, Currency: o.Currency, Capture: o.Capture,
		ClientSecret: o.ClientSecret, ExpiresAt: o.ExpiresAt, CreatedAt: o.CreatedAt,
	}
	if m := o.PaymentMethod; m != nil {
		p.PaymentMethod = &payerMethod{Type: m.Type, Bank: m.Bank}
		if m.Wallet != nil {
			p.PaymentMethod.Wallet = &payerWallet{m.Wallet.Type}
		}
		if m.Card != nil {
			p.PaymentMethod.Card = &payerCard{m.Card.Brand, m.Card.Last4, m.Card.ExpMonth, m.Card.ExpYear}
		}
	}
	if a := o.NextAction; a != nil {
		p.NextAction = &payerAction{a.Type, a.URL, a.QRCode, a.QRImageURL, a.CopyCode, a.Deeplink, &a.ExpiresAt}
	}
	p.ReturnURL = o.ReturnURL
	if f := o.Failure; f != nil {
		p.Failure = failureOf(f.Code, f.DeclineCode, f.Meaning(o.Brand()), l)
	}
	return p
}

// failureOf is what a payer is told: for reasons of fraud no more than that it was declined.
func failureOf(code string, why provider.DeclineCode, m provider.Meaning, l *language) *payerFailure {
	if why == "" && code != fault.CodeCardDeclined || code != fault.CodeCardDeclined && code != fault.CodePaymentDeclined { // no bank has said anything
		return (&payerFailure{Code: code, Retry: provider.RetryLater}).in(l)
	}
	shown := provider.Explain(m.Payer)
	f := &payerFailure{Code: code, DeclineCode: m.Payer, Retry: m.Retry}
	if m.Payer != why { // how it may be retried would tell the reason apart
		f.Retry = shown.Retry
	}
	if f.Retry == provider.RetryOtherProvider { // those that may be asked were: what is left is time
		f.Retry = provider.RetryLater
	}
	return f.in(l)
}

// in puts a failure into the payer's words.
func (f *payerFailure) in(l *language) *payerFailure {
	said := l.decline(f)
	f.Message = said.What + " " + said.Next
	return f
}

// declined is a Problem for the payer, with the secret of the next step: the one that was used is used up.
type declined struct {
	*problem.Problem
	ClientSecret string `json:"client_secret,omitempty"`
}

// problemOf is the one way from an error to what a payer's page is told, and of a decline in which language. The reason for which people have
// switched something off is the merchant's own: the payer is told that it is so.
func problemOf(err error, l *language) declined {
	var d *payment.DeclinedError
	if !errors.As(err, &d) {
		p := problem.Of(err)
		if isSwitchedOff(err) {
			p.Detail = switchedOff(l).Message
		}
		return declined{Problem: p}
	}
	f := failureOf(d.Code, d.Decline.Code, d.Meaning, l)
	p := problem.New(d.Code, f.Message)
	p.Status, p.Payment, p.DeclineCode, p.Retry = http.StatusPaymentRequired, d.Payment.ID, string(f.DeclineCode), string(f.Retry)
	p.Retryable = f.Retry == provider.RetryLater
	if d.Code == fault.CodeKillSwitch {
		p.Status = http.StatusServiceUnavailable
		p.Wait(max(d.Meaning.After, time.Second))
	}
	return declined{p, d.Payment.ClientSecret}
}

// isSwitchedOff tells whether people have switched off what a payer wanted.
func isSwitchedOff(err error) bool {
	var e *fault.Error
	return errors.As(err, &e) && e.Code == fault.CodeKillSwitch
}

// switchedOff is what a payer is told of what people have switched off.
func switchedOff(l *language) *payerFailure {
	return (&payerFailure{Code: fault.CodeKillSwitch, Retry: provider.RetryLater}).in(l)
}

// back is where a payment's payer goes in the end: the merchant's page, told which payment it was and how it stands. Empty
// if the merchant has named none.
func (p payerPayment) back() string {
	if p.ReturnURL == nil {
		return ""
	}
	u, err := url.Parse(*p.ReturnURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" { // the core lets no other in; a browser must never see one
		return ""
	}
	q := u.Query()
	q.Set("payment", p.ID)
	q.Set("status", string(p.Status))
	u.RawQuery = q.Encode()
	return u.String()
}
