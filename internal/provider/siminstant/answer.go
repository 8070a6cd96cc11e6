package siminstant

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simproto"
)

// charge is the provider's view of a charge.
type charge struct {
	simproto.Payment
	Method      provider.Method `json:"method"`
	Code        string          `json:"code"`
	CopyCode    string          `json:"copy_code"`
	Deeplink    string          `json:"deeplink"`
	RedirectURL string          `json:"redirect_url"`
	Transfers   []transfer      `json:"transfers"`
}

// transfer is its view of money that came in. The charge's reference is there in a webhook alone.
type transfer struct {
	EndToEndID      string    `json:"end_to_end_id"`
	Amount          *int64    `json:"amount"`
	Currency        string    `json:"currency"`
	Payer           string    `json:"payer"`
	CreatedAt       time.Time `json:"created_at"`
	Charge          string    `json:"charge"`
	ChargeReference string    `json:"charge_reference"`
}

// refund is its view of a refund.
type refund struct {
	simproto.Refund
	ChargeReference string `json:"charge_reference"`
}

func (h charge) outcome(reference string, asked money.Money) provider.Outcome {
	return h.Outcome(reference, asked, states, func() (act provider.Action, doubt string) {
		act, known := h.action()
		if !known {
			doubt = "the answer does not say what the payer must do"
		}
		return act, doubt
	})
}

// action is what the payer must do: go to a page, scan a code, or send to an address.
func (h charge) action() (provider.Action, bool) {
	act := provider.Action{ExpiresAt: h.ExpiresAt.UTC()}
	switch {
	case h.RedirectURL != "":
		u, err := url.Parse(h.RedirectURL)
		act.Kind, act.URL = provider.ActionRedirect, h.RedirectURL
		return act, err == nil && u.Host != ""
	case h.Code != "":
		act.Kind, act.Code, act.CopyCode, act.Deeplink = provider.ActionQR, h.Code, h.CopyCode, h.Deeplink
		return act, true
	}
	act.Kind, act.CopyCode = provider.ActionAwait, h.CopyCode
	return act, h.CopyCode != ""
}

// transfers are what came in on a code. Of a page they say no more than the charge does.
func (h charge) transfers() ([]provider.Transfer, string) {
	if h.RedirectURL != "" {
		return nil, ""
	}
	var out []provider.Transfer
	for _, in := range h.Transfers {
		read, doubt := in.read()
		if doubt != "" {
			return nil, doubt
		}
		out = append(out, read)
	}
	return out, ""
}

func (in transfer) read() (provider.Transfer, string) {
	amount, doubt := simproto.Money(in.Amount, in.Currency, money.Money{})
	if doubt == "" && in.EndToEndID == "" {
		doubt = "a transfer has no end-to-end id"
	}
	return provider.Transfer{Reference: in.EndToEndID, Amount: amount, Payer: in.Payer, At: in.CreatedAt.UTC()}, doubt
}

// VerifyWebhook checks a webhook's signature.
func (*Connector) VerifyWebhook(a provider.Account, h http.Header, body []byte, now time.Time) error {
	return wire.Verify(a, h, body, now)
}

// chargeEvents are the types that tell a charge's state. The state itself is read from the data. That a code is paid is told transfer by
// transfer.
var chargeEvents = map[string]bool{"charge.paid": true, "charge.rejected": true, "charge.expired": true}

const transferEvent = "transfer.received"

// ReadWebhook reads a webhook. A type it does not know comes back with an empty Operation.
func (*Connector) ReadWebhook(_ provider.Account, body []byte) (provider.Notification, error) {
	n, data, err := simproto.ReadMessage(body)
	if err != nil {
		return n, err
	}
	switch {
	case n.Type == transferEvent:
		return readTransfer(n, data)
	case chargeEvents[n.Type]:
		return simproto.Told(n, data, provider.OpAuthorize, "charge", func(h charge) (reference, attempt string, out provider.Outcome) {
			return h.Reference, h.Reference, h.outcome(h.Reference, money.Money{})
		})
	case simproto.RefundEvents[n.Type]:
		return simproto.Told(n, data, provider.OpRefund, "refund", func(f refund) (reference, attempt string, out provider.Outcome) {
			return f.Reference, f.ChargeReference, f.Outcome(f.Reference, money.Money{})
		})
	}
	return n, nil
}

func readTransfer(n provider.Notification, data []byte) (provider.Notification, error) {
	var in transfer
	if err := json.Unmarshal(data, &in); err != nil {
		return n.Unbelieved("the webhook's transfer cannot be read")
	}
	read, doubt := in.read()
	if doubt != "" {
		return n.Unbelieved("webhook " + n.EventID + ": " + doubt)
	}
	n.Operation, n.Reference, n.Attempt, n.Transfer = provider.OpTransfer, in.EndToEndID, in.ChargeReference, read
	n.Outcome = provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: read.Amount, Reference: in.Charge}
	return n, nil
}
