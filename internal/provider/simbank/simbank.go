// Package simbank speaks to the sandbox's payment initiator, over HTTP: account-to-account payments that a payer approves at a page of
// their bank.
package simbank

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simproto"
)

const (
	timeout = 10 * time.Second
	day     = 24 * time.Hour
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

// Connector is the client of the simulated payment initiator. It keeps nothing between calls.
type Connector struct{ send provider.Sender }

// New makes a connector that sends through s.
func New(s provider.Sender) *Connector { return &Connector{s} }

// Capabilities are those of the simulated payment initiator.
func (*Connector) Capabilities() provider.Capabilities {
	c := wire.Capabilities()
	c.Methods = methods
	return c
}

// payment is the initiator's view of a payment.
type payment struct {
	simproto.Payment
	AuthorisationURL string `json:"authorisation_url"`
}

// refund is its view of a refund.
type refund struct {
	simproto.Refund
	PaymentReference string `json:"payment_reference"`
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
	if out, ok := simproto.Refuse(methods, "the payment initiator", r); !ok {
		return out
	}
	body := startBody{Reference: r.Reference, Payment: r.Payment, Amount: r.Amount.Minor(), Currency: r.Amount.Currency().Code(), Bank: r.Bank,
		ReturnURL: r.ReturnURL, Descriptor: r.Descriptor, Description: r.Description}
	if !r.ExpiresAt.IsZero() {
		body.ExpiresAt = &r.ExpiresAt
	}
	return simproto.Call(ctx, c.send, wire, a, "/v1/payments", body, func(p payment) provider.Outcome { return p.outcome(r.Reference, r.Amount) })
}

func (p payment) outcome(reference string, asked money.Money) provider.Outcome {
	return p.Outcome(reference, asked, states, func() (provider.Action, string) {
		if u, err := url.Parse(p.AuthorisationURL); err != nil || u.Host == "" {
			return provider.Action{}, "the answer does not say where the payer goes"
		}
		return provider.Action{Kind: provider.ActionRedirect, URL: p.AuthorisationURL, ExpiresAt: p.ExpiresAt.UTC()}, ""
	})
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
		func(f refund) provider.Outcome { return f.Outcome(r.Reference, r.Amount) })
}

// Inquire asks what became of a start or a refund, by our references.
func (c *Connector) Inquire(ctx context.Context, a provider.Account, r provider.Inquiry) provider.Finding {
	switch r.Operation {
	case provider.OpAuthorize:
		return simproto.Inquire(ctx, c.send, wire.Get(a, "/v1/payments", url.Values{"reference": {r.Reference}}),
			func(p payment) provider.Outcome { return p.outcome(r.Reference, money.Money{}) })
	case provider.OpRefund:
		return simproto.Inquire(ctx, c.send, wire.Get(a, "/v1/refunds", url.Values{"reference": {r.Reference}, "payment_reference": {r.Attempt}}),
			func(f refund) provider.Outcome { return f.Outcome(r.Reference, money.Money{}) })
	}
	return provider.Unanswered(provider.Doubt("the payment initiator has no " + string(r.Operation)))
}

// Banks are the banks that payers may choose.
func (c *Connector) Banks(ctx context.Context, a provider.Account, m provider.Method) ([]provider.Bank, error) {
	return simproto.ReadBanks(ctx, c.send, wire.Get(a, "/v1/banks", url.Values{"method": {string(m)}}))
}

// VerifyWebhook checks a webhook's signature.
func (*Connector) VerifyWebhook(a provider.Account, h http.Header, body []byte, now time.Time) error {
	return wire.Verify(a, h, body, now)
}

// paymentEvents are the types that tell a payment's state. The state itself is read from the data.
var paymentEvents = map[string]bool{"payment.pending": true, "payment.paid": true, "payment.rejected": true, "payment.expired": true}

// ReadWebhook reads a webhook. A type it does not know comes back with an empty Operation.
func (*Connector) ReadWebhook(_ provider.Account, body []byte) (provider.Notification, error) {
	n, data, err := simproto.ReadMessage(body)
	if err != nil {
		return n, err
	}
	switch {
	case paymentEvents[n.Type]:
		return simproto.Told(n, data, provider.OpAuthorize, "payment", func(p payment) (reference, attempt string, out provider.Outcome) {
			return p.Reference, p.Reference, p.outcome(p.Reference, money.Money{})
		})
	case simproto.RefundEvents[n.Type]:
		return simproto.Told(n, data, provider.OpRefund, "refund", func(f refund) (reference, attempt string, out provider.Outcome) {
			return f.Reference, f.PaymentReference, f.Outcome(f.Reference, money.Money{})
		})
	}
	return n, nil
}
