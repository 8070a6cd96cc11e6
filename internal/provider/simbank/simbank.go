// Package simbank speaks to the sandbox's payment initiator, over HTTP: account-to-account payments that a payer approves at a page of
// their bank.
package simbank

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simproto"
)

const (
	timeout     = 10 * time.Second
	settleDelay = 5 * time.Second
	day         = 24 * time.Hour
)

var wire = simproto.Wire{Signature: "Bank-Signature", Timeout: timeout}

// methods is what the initiator can do.
var methods = map[provider.Method]provider.MethodTerms{
	provider.MethodBankRedirect: {Currencies: []string{"EUR", "GBP"}, Min: 1, Max: 999_999_999_999, TTL: 15 * time.Minute, Refundable: true,
		RefundWindow: 365 * day, Banks: true},
}

// states are the initiator's words for a payment that did not fail.
var states = map[string]provider.State{
	"awaiting_authorisation": provider.ActionRequired,
	"pending":                provider.Pending,
	"paid":                   provider.Captured,
	"expired":                provider.Voided,
	"canceled":               provider.Voided,
}

// refundStates are its words for a refund that did not fail.
var refundStates = map[string]provider.State{"pending": provider.Pending, "succeeded": provider.Succeeded}

// declines are its failures.
var declines = map[string]provider.DeclineCode{
	"consent_declined":   provider.ConsentDeclined,
	"bank_unavailable":   provider.BankUnavailable,
	"insufficient_funds": provider.InsufficientFunds,
	"account_closed":     provider.InvalidAccount,
}

// Connector is the client of the simulated payment initiator. It keeps nothing between calls.
type Connector struct{ send provider.Sender }

// New makes a connector that sends through s.
func New(s provider.Sender) *Connector { return &Connector{s} }

// Capabilities are those of the simulated payment initiator.
func (*Connector) Capabilities() provider.Capabilities {
	return provider.Capabilities{
		SettleDelay: settleDelay, Timeout: timeout, Secrets: []string{"api_key", "signing_key", "webhook_secret"}, Settings: []string{"base_url"},
		Methods: methods,
	}
}

// payment is the initiator's view of a payment. A number that is not there stays nil: nothing defaults to zero.
type payment struct {
	ID               string            `json:"id"`
	Reference        string            `json:"reference"`
	Status           string            `json:"status"`
	Amount           *int64            `json:"amount"`
	Currency         string            `json:"currency"`
	AuthorisationURL string            `json:"authorisation_url"`
	Failure          *simproto.Failure `json:"failure"`
	ExpiresAt        time.Time         `json:"expires_at"`
}

// refund is its view of a refund.
type refund struct {
	ID               string            `json:"id"`
	Reference        string            `json:"reference"`
	PaymentReference string            `json:"payment_reference"`
	Status           string            `json:"status"`
	Amount           *int64            `json:"amount"`
	Currency         string            `json:"currency"`
	Failure          *simproto.Failure `json:"failure"`
}

// startBody is the body of a payment.
type startBody struct {
	Reference   string     `json:"reference"`
	Payment     string     `json:"payment,omitempty"`
	Amount      int64      `json:"amount"`
	Currency    string     `json:"currency"`
	Bank        string     `json:"bank,omitempty"`
	ReturnURL   string     `json:"return_url"`
	Descriptor  string     `json:"descriptor,omitempty"`
	Description string     `json:"description,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
}

// Start asks for a payment, and where the payer goes to approve it. The initiator recognizes a repeat by the reference.
func (c *Connector) Start(ctx context.Context, a provider.Account, r provider.Start) provider.Outcome {
	terms, known := methods[r.Method]
	if !known {
		return provider.Refused(provider.TransactionNotAllowed, "method", "the payment initiator has no method "+string(r.Method))
	}
	if err := terms.Takes(r.Amount); err != nil {
		return provider.Refused(provider.TransactionNotAllowed, "amount", err.Error())
	}
	body := startBody{Reference: r.Reference, Payment: r.Payment, Amount: r.Amount.Minor(), Currency: r.Amount.Currency().Code(), Bank: r.Bank,
		ReturnURL: r.ReturnURL, Descriptor: r.Descriptor, Description: r.Description}
	if !r.ExpiresAt.IsZero() {
		body.ExpiresAt = &r.ExpiresAt
	}
	return simproto.Call(ctx, c.send, wire, a, "/v1/payments", body, func(p payment) provider.Outcome { return p.outcome(r.Reference, r.Amount) })
}

func (p payment) outcome(reference string, asked money.Money) provider.Outcome {
	if p.ID == "" || p.Reference != reference {
		return provider.Doubt("the answer is about another reference")
	}
	amount, doubt := simproto.Money(p.Amount, p.Currency, asked)
	if doubt != "" {
		return provider.Doubt(doubt)
	}
	out := provider.Outcome{Class: provider.Approved, Reference: p.ID, Amount: amount}
	if p.Status == "rejected" {
		return p.Failure.Into(out, declines)
	}
	state, known := states[p.Status]
	if !known {
		return provider.Doubt("the answer has an unknown status")
	}
	out.State = state
	if state == provider.ActionRequired {
		if u, err := url.Parse(p.AuthorisationURL); err != nil || u.Host == "" {
			return provider.Doubt("the answer does not say where the payer goes")
		}
		out.Action = provider.Action{Kind: provider.ActionRedirect, URL: p.AuthorisationURL, ExpiresAt: p.ExpiresAt.UTC()}
	}
	return out
}

// Close gives a payment up whose payer has not consented.
func (c *Connector) Close(ctx context.Context, a provider.Account, r provider.Void) provider.Outcome {
	return simproto.Close(ctx, c.send, wire, a, "/v1/payments/cancel", r, func(p payment) provider.Outcome { return p.outcome(r.Attempt, money.Money{}) })
}

// Refund gives money back. The outcome is Pending: banks take their time.
func (c *Connector) Refund(ctx context.Context, a provider.Account, r provider.Refund) provider.Outcome {
	body := struct {
		Reference string `json:"reference"`
		Amount    int64  `json:"amount"`
		Reason    string `json:"reason"`
	}{r.Reference, r.Amount.Minor(), r.Reason}
	return simproto.Call(ctx, c.send, wire, a, "/v1/payments/"+url.PathEscape(r.Original)+"/refunds", body,
		func(f refund) provider.Outcome { return f.outcome(r.Reference, r.Amount) })
}

func (f refund) outcome(reference string, asked money.Money) provider.Outcome {
	if f.ID == "" || f.Reference != reference {
		return provider.Doubt("the answer is about another refund")
	}
	amount, doubt := simproto.Money(f.Amount, f.Currency, asked)
	if doubt != "" {
		return provider.Doubt(doubt)
	}
	out := provider.Outcome{Class: provider.Approved, Reference: f.ID, Amount: amount}
	if f.Status == "failed" {
		out.State = provider.Failed
		return f.Failure.Into(out, declines)
	}
	state, known := refundStates[f.Status]
	if !known {
		return provider.Doubt("the answer has an unknown status")
	}
	out.State = state
	return out
}

// Inquire asks what became of a start or a refund, by our references.
func (c *Connector) Inquire(ctx context.Context, a provider.Account, r provider.Inquiry) provider.Finding {
	switch r.Operation {
	case provider.OpAuthorize:
		return simproto.Inquire(ctx, c.send, wire.Get(a, "/v1/payments", url.Values{"reference": {r.Reference}}),
			func(p payment) provider.Outcome { return p.outcome(r.Reference, money.Money{}) })
	case provider.OpRefund:
		return simproto.Inquire(ctx, c.send, wire.Get(a, "/v1/refunds", url.Values{"reference": {r.Reference}, "payment_reference": {r.Attempt}}),
			func(f refund) provider.Outcome { return f.outcome(r.Reference, money.Money{}) })
	}
	return provider.Unanswered(provider.Doubt("the payment initiator has no " + string(r.Operation)))
}

// Banks are the banks that payers may choose.
func (c *Connector) Banks(ctx context.Context, a provider.Account, m provider.Method) ([]provider.Bank, error) {
	return simproto.ReadBanks(ctx, c.send, wire.Get(a, "/v1/banks", url.Values{"method": {string(m)}}))
}

// VerifyWebhook checks a webhook's signature.
func (*Connector) VerifyWebhook(a provider.Account, h http.Header, body []byte, now time.Time) error {
	return provider.VerifyStamped(a.Credentials["webhook_secret"], h.Get(wire.Signature), body, now)
}

// paymentEvents are the types that tell a payment's state. The state itself is read from the data.
var paymentEvents = map[string]bool{"payment.pending": true, "payment.paid": true, "payment.rejected": true, "payment.expired": true}

var refundEvents = map[string]bool{"refund.succeeded": true, "refund.failed": true}

// ReadWebhook reads a webhook. A type it does not know comes back with an empty Operation.
func (*Connector) ReadWebhook(_ provider.Account, body []byte) (provider.Notification, error) {
	n, data, err := simproto.ReadMessage(body)
	if err != nil {
		return n, err
	}
	switch {
	case paymentEvents[n.Type]:
		var p payment
		if err := json.Unmarshal(data, &p); err != nil || p.Reference == "" {
			return n.Unbelieved("the webhook's payment cannot be read")
		}
		n.Operation, n.Reference, n.Attempt = provider.OpAuthorize, p.Reference, p.Reference
		n.Outcome = p.outcome(p.Reference, money.Money{})
		return simproto.Believed(n)
	case refundEvents[n.Type]:
		var f refund
		if err := json.Unmarshal(data, &f); err != nil || f.Reference == "" {
			return n.Unbelieved("the webhook's refund cannot be read")
		}
		n.Operation, n.Reference, n.Attempt = provider.OpRefund, f.Reference, f.PaymentReference
		n.Outcome = f.outcome(f.Reference, money.Money{})
		return simproto.Believed(n)
	}
	return n, nil
}
