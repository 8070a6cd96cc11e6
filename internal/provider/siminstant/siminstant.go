// Package siminstant speaks to the sandbox's provider of local methods, over HTTP: codes that payers scan (Pix, UPI, SEPA), an address that
// they send to (PayID), and pages of their banks (FPX, iDEAL).
package siminstant

import (
	"context"
	"net/url"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simproto"
)

const (
	timeout = 10 * time.Second
	day     = 24 * time.Hour
)

// references are the members of answers and webhooks that are long without being card numbers.
var references = []string{"end_to_end_id", "code", "copy_code", "deeplink", "transfer"}

var wire = simproto.Wire{Signature: "Instant-Signature", Timeout: timeout, References: references}

// methods is what the provider can do. Amounts are minor units of the one currency.
var methods = map[provider.Method]provider.MethodTerms{
	provider.MethodPIX:    {Currencies: []string{"BRL"}, Min: 1, Max: 100_000_000, TTL: day, Refundable: true, RefundWindow: 90 * day, Instant: true},
	provider.MethodPayID:  {Currencies: []string{"AUD"}, Min: 1, Max: 10_000_000, TTL: day, Refundable: true, Instant: true},
	provider.MethodUPI:    {Currencies: []string{"INR"}, Min: 100, Max: 10_000_000, TTL: 15 * time.Minute, Refundable: true, RefundWindow: 180 * day, Instant: true},
	provider.MethodSEPAQR: {Currencies: []string{"EUR"}, Min: 1, Max: 99_999_999_999, TTL: 7 * day, Refundable: true},
	provider.MethodFPX:    {Currencies: []string{"MYR"}, Min: 100, Max: 3_000_000, TTL: 15 * time.Minute, Refundable: true, RefundWindow: 60 * day, Instant: true, Banks: true},
	provider.MethodIDEAL:  {Currencies: []string{"EUR"}, Min: 1, Max: 5_000_000, TTL: 15 * time.Minute, Refundable: true, RefundWindow: 365 * day, Instant: true, Banks: true},
}

// states are the provider's words for a charge that did not fail.
var states = map[string]provider.State{"active": provider.ActionRequired, "paid": provider.Captured, "expired": provider.Voided, "canceled": provider.Voided}

// Connector is the client of the simulated provider. It keeps nothing between calls.
type Connector struct{ send provider.Sender }

// New makes a connector that sends through s.
func New(s provider.Sender) *Connector { return &Connector{s} }

// Capabilities are those of the simulated provider.
func (*Connector) Capabilities() provider.Capabilities {
	c := wire.Capabilities()
	c.Methods = methods
	return c
}

// settingPix says which codes Pix payments show: dynamic, the charge is at the provider; or static, the code says it all.
const (
	settingPix = "pix_code"
	pixDynamic = "dynamic"
	pixStatic  = "static"
)

// CheckAccount looks at the settings that the provider does not require.
func (*Connector) CheckAccount(a provider.Account) error {
	if kind := a.Settings[settingPix]; kind != "" && kind != pixDynamic && kind != pixStatic {
		return fault.Wrong("settings."+settingPix, fault.CodeInvalid, "must be dynamic or static")
	}
	return nil
}

// startBody is the body of a charge.
type startBody struct {
	Reference   string     `json:"reference"`
	Payment     string     `json:"payment,omitempty"`
	Method      string     `json:"method"`
	Amount      int64      `json:"amount"`
	Currency    string     `json:"currency"`
	Bank        string     `json:"bank,omitempty"`
	ReturnURL   string     `json:"return_url,omitempty"`
	Static      bool       `json:"static,omitempty"`
	Descriptor  string     `json:"descriptor,omitempty"`
	Description string     `json:"description,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
}

// Start asks for a code, or for the page of the payer's bank. The provider recognizes a repeat by the reference.
func (c *Connector) Start(ctx context.Context, a provider.Account, r provider.Start) provider.Outcome {
	if out, ok := simproto.Refuse(methods, "the provider", r); !ok {
		return out
	}
	body := startBody{Reference: r.Reference, Payment: r.Payment, Method: string(r.Method), Amount: r.Amount.Minor(), Currency: r.Amount.Currency().Code(),
		Bank: r.Bank, ReturnURL: r.ReturnURL, Descriptor: r.Descriptor, Description: r.Description,
		Static: r.Method == provider.MethodPIX && a.Settings[settingPix] == pixStatic}
	if !r.ExpiresAt.IsZero() {
		body.ExpiresAt = &r.ExpiresAt
	}
	return simproto.Call(ctx, c.send, wire, a, "/v1/charges", body, func(h charge) provider.Outcome { return h.outcome(r.Reference, r.Amount) })
}

// Close gives a charge up that is not paid.
func (c *Connector) Close(ctx context.Context, a provider.Account, r provider.Void) provider.Outcome {
	return simproto.Close(ctx, c.send, wire, a, "/v1/charges/cancel", r, func(h charge) provider.Outcome { return h.outcome(r.Attempt, money.Money{}) })
}

// Refund gives money back: of a charge, or what a transfer brought.
func (c *Connector) Refund(ctx context.Context, a provider.Account, r provider.Refund) provider.Outcome {
	body := struct {
		Reference string `json:"reference"`
		Charge    string `json:"charge,omitempty"`
		Transfer  string `json:"transfer,omitempty"`
		Amount    int64  `json:"amount"`
		Reason    string `json:"reason,omitempty"`
	}{r.Reference, r.Original, r.Transfer, r.Amount.Minor(), r.Reason}
	return simproto.Call(ctx, c.send, wire, a, "/v1/refunds", body, func(f refund) provider.Outcome { return f.Outcome(r.Reference, r.Amount) })
}

// Inquire asks what became of a start or a refund, by our references. About a code it tells what came in on it, too.
func (c *Connector) Inquire(ctx context.Context, a provider.Account, r provider.Inquiry) provider.Finding {
	query := url.Values{"reference": {r.Reference}}
	switch r.Operation {
	case provider.OpAuthorize:
		var transfers []provider.Transfer
		f := simproto.Inquire(ctx, c.send, wire.Get(a, "/v1/charges", query), func(h charge) provider.Outcome {
			out := h.outcome(r.Reference, money.Money{})
			var doubt string
			if transfers, doubt = h.transfers(); doubt != "" {
				return provider.Doubt(doubt)
			}
			return out
		})
		if f.Found {
			f.Transfers = transfers
		}
		return f
	case provider.OpRefund:
		return simproto.Inquire(ctx, c.send, wire.Get(a, "/v1/refunds", query),
			func(f refund) provider.Outcome { return f.Outcome(r.Reference, money.Money{}) })
	}
	return provider.Unanswered(provider.Doubt("the provider has no " + string(r.Operation)))
}

// Banks are the banks that a method's payers may choose.
func (c *Connector) Banks(ctx context.Context, a provider.Account, m provider.Method) ([]provider.Bank, error) {
	return simproto.ReadBanks(ctx, c.send, wire.Get(a, "/v1/banks", url.Values{"method": {string(m)}}))
}
