package simproto

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// What payments and refunds of all worlds have in common, and how it is read.

// Payment is a world's view of a payment. A number that is not there stays nil: nothing defaults to zero.
type Payment struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	Status    string    `json:"status"`
	Amount    *int64    `json:"amount"`
	Currency  string    `json:"currency"`
	Failure   *Failure  `json:"failure"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Refund is a world's view of a refund.
type Refund struct {
	ID        string   `json:"id"`
	Reference string   `json:"reference"`
	Status    string   `json:"status"`
	Amount    *int64   `json:"amount"`
	Currency  string   `json:"currency"`
	Failure   *Failure `json:"failure"`
}

// refundStates are the words for a refund that did not fail.
var refundStates = map[string]provider.State{"pending": provider.Pending, "succeeded": provider.Succeeded}

//go:embed declines.json
var declinesData []byte

// Declines are the worlds' failures.
var Declines = provider.NewTable(declinesData)

// Outcome is what an answer about a payment means. states are the world's words for one that did not fail; action is what the payer must do,
// asked for where something is.
func (p Payment) Outcome(reference string, asked money.Money, states map[string]provider.State, action func() (act provider.Action, doubt string)) provider.Outcome {
	if p.ID == "" || p.Reference != reference {
		return provider.Doubt("the answer is about another reference")
	}
	out, doubt := begin(p.ID, p.Amount, p.Currency, asked)
	switch {
	case doubt != "":
		return provider.Doubt(doubt)
	case p.Status == "rejected":
		return p.Failure.Into(out, Declines)
	}
	if out = stand(out, p.Status, states); out.State == provider.ActionRequired {
		if out.Action, doubt = action(); doubt != "" {
			return provider.Doubt(doubt)
		}
	}
	return out
}

// Outcome is what an answer about a refund means.
func (f Refund) Outcome(reference string, asked money.Money) provider.Outcome {
	if f.ID == "" || f.Reference != reference {
		return provider.Doubt("the answer is about another refund")
	}
	out, doubt := begin(f.ID, f.Amount, f.Currency, asked)
	switch {
	case doubt != "":
		return provider.Doubt(doubt)
	case f.Status == "failed":
		out.State = provider.Failed
		return f.Failure.Into(out, Declines)
	}
	return stand(out, f.Status, refundStates)
}

func begin(id string, minor *int64, code string, asked money.Money) (provider.Outcome, string) {
	amount, doubt := Money(minor, code, asked)
	return provider.Outcome{Class: provider.Approved, Reference: id, Amount: amount}, doubt
}

func stand(out provider.Outcome, status string, states map[string]provider.State) provider.Outcome {
	state, known := states[status]
	if !known {
		return provider.Doubt("the answer has an unknown status")
	}
	out.State = state
	return out
}

// RefundEvents are the types of webhooks that tell a refund's state. The state itself is read from the data.
var RefundEvents = map[string]bool{"refund.succeeded": true, "refund.failed": true}

// Told reads what a webhook is about as a T; read tells which of our calls that is, of which attempt, and what became of it.
func Told[T any](n provider.Notification, data []byte, op provider.Operation, what string, read func(T) (reference, attempt string, out provider.Outcome)) (provider.Notification, error) {
	var about T
	if err := json.Unmarshal(data, &about); err != nil {
		return n.Unbelieved("the webhook's " + what + " cannot be read")
	}
	reference, attempt, out := read(about)
	if reference == "" {
		return n.Unbelieved("the webhook's " + what + " cannot be read")
	}
	n.Operation, n.Reference, n.Attempt, n.Outcome = op, reference, attempt, out
	return Believed(n)
}

// Verify checks a webhook's signature.
func (w Wire) Verify(a provider.Account, h http.Header, body []byte, now time.Time) error {
	return provider.VerifyStamped(a.Credentials["webhook_secret"], h.Get(w.Signature), body, now)
}

// Capabilities are what all worlds share of them.
func (w Wire) Capabilities() provider.Capabilities {
	return provider.Capabilities{
		SettleDelay: settleDelay, Timeout: w.Timeout, Secrets: []string{"api_key", "signing_key", "webhook_secret"}, Settings: []string{"base_url"},
		References: w.References,
	}
}

// settleDelay is how long a world may take until an inquiry finds what it was asked for.
const settleDelay = 5 * time.Second

// Refuse is why a start cannot be asked for: the method is not among these, or its terms do not take the amount. ok is true if it can.
func Refuse(methods map[provider.Method]provider.MethodTerms, who string, r provider.Start) (out provider.Outcome, ok bool) {
	terms, known := methods[r.Method]
	if !known {
		return provider.Refused(provider.TransactionNotAllowed, "method", who+" has no method "+string(r.Method)), false
	}
	if err := terms.Takes(r.Amount); err != nil {
		return provider.Refused(provider.TransactionNotAllowed, "amount", err.Error()), false
	}
	return out, true
}
