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

// charge is the provider's view of a charge. A number that is not there stays nil: nothing defaults to zero.
type charge struct {
	ID          string            `json:"id"`
	Reference   string            `json:"reference"`
	Method      provider.Method   `json:"method"`
	Status      string            `json:"status"`
	Amount      *int64            `json:"amount"`
	Currency    string            `json:"currency"`
	Code        string            `json:"code"`
	CopyCode    string            `json:"copy_code"`
	Deeplink    string            `json:"deeplink"`
	RedirectURL string            `json:"redirect_url"`
	Failure     *simproto.Failure `json:"failure"`
	ExpiresAt   time.Time         `json:"expires_at"`
	Transfers   []transfer        `json:"transfers"`
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
	ID              string            `json:"id"`
	Reference       string            `json:"reference"`
	ChargeReference string            `json:"charge_reference"`
	Status          string            `json:"status"`
	Amount          *int64            `json:"amount"`
	Currency        string            `json:"currency"`
	Failure         *simproto.Failure `json:"failure"`
}

func (h charge) outcome(reference string, asked money.Money) provider.Outcome {
	if h.ID == "" || h.Reference != reference {
		return provider.Doubt("the answer is about another reference")
	}
	amount, doubt := simproto.Money(h.Amount, h.Currency, asked)
	if doubt != "" {
		return provider.Doubt(doubt)
	}
	out := provider.Outcome{Class: provider.Approved, Reference: h.ID, Amount: amount}
	if h.Status == "rejected" {
		return h.Failure.Into(out, declines)
	}
	state, known := states[h.Status]
	if !known {
		return provider.Doubt("the answer has an unknown status")
	}
	out.State = state
	if state == provider.ActionRequired {
		if out.Action, known = h.action(); !known {
			return provider.Doubt("the answer does not say what the payer must do")
		}
	}
	return out
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

// VerifyWebhook checks a webhook's signature.
func (*Connector) VerifyWebhook(a provider.Account, h http.Header, body []byte, now time.Time) error {
	return provider.VerifyStamped(a.Credentials["webhook_secret"], h.Get(wire.Signature), body, now)
}

// chargeEvents are the types that tell a charge's state. The state itself is read from the data. That a code is paid is told transfer by
// transfer.
var chargeEvents = map[string]bool{"charge.paid": true, "charge.rejected": true, "charge.expired": true}

var refundEvents = map[string]bool{"refund.succeeded": true, "refund.failed": true}

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
		var h charge
		if err := json.Unmarshal(data, &h); err != nil || h.Reference == "" {
			return n.Unbelieved("the webhook's charge cannot be read")
		}
		n.Operation, n.Reference, n.Attempt = provider.OpAuthorize, h.Reference, h.Reference
		n.Outcome = h.outcome(h.Reference, money.Money{})
		return simproto.Believed(n)
	case refundEvents[n.Type]:
		var f refund
		if err := json.Unmarshal(data, &f); err != nil || f.Reference == "" {
			return n.Unbelieved("the webhook's refund cannot be read")
		}
		n.Operation, n.Reference, n.Attempt = provider.OpRefund, f.Reference, f.ChargeReference
		n.Outcome = f.outcome(f.Reference, money.Money{})
		return simproto.Believed(n)
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
