package simcard

import (
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simproto"
)

// authorization is the acquirer's view of an authorization. A number that is not there stays nil: nothing defaults to zero.
type authorization struct {
	ID               string   `json:"id"`
	Reference        string   `json:"reference"`
	Status           string   `json:"status"`
	Amount           *int64   `json:"amount"`
	AmountCaptured   *int64   `json:"amount_captured"`
	Currency         string   `json:"currency"`
	NetworkReference string   `json:"network_reference"`
	Decline          *decline `json:"decline"`
}

// operation is the acquirer's view of a capture, a void or a refund.
type operation struct {
	ID                     string   `json:"id"`
	Reference              string   `json:"reference"`
	Authorization          string   `json:"authorization"`
	AuthorizationReference string   `json:"authorization_reference"`
	Kind                   string   `json:"kind"`
	Status                 string   `json:"status"`
	Amount                 *int64   `json:"amount"`
	Currency               string   `json:"currency"`
	Decline                *decline `json:"decline"`
}

type decline struct {
	Code        string `json:"code"`
	Reason      string `json:"reason"`
	NetworkCode string `json:"network_code"`
	Advice      string `json:"advice"`
	Message     string `json:"message"`
}

// asked is what a call asked for: an answer that speaks of anything else is not believed.
type asked struct {
	kind      string // of an operation
	reference string
	amount    money.Money // zero: not known, as in an inquiry
}

// authorizationStates are the acquirer's words for an authorization that holds, or held, money.
var authorizationStates = map[string]provider.State{
	"authorized":         provider.Authorized,
	"captured":           provider.Captured,
	"partially_captured": provider.Captured,
	"voided":             provider.Voided,
	"expired":            provider.Voided,
	"pending":            provider.Pending,
}

// operationStates are what an operation that succeeded brought about.
var operationStates = map[string]provider.State{
	"capture": provider.Captured,
	"void":    provider.Voided,
	"refund":  provider.Succeeded,
}

func (a authorization) outcome(want asked) provider.Outcome {
	if a.ID == "" || a.Reference != want.reference {
		return provider.Doubt("the answer is about another reference")
	}
	amount, doubt := simproto.Money(a.Amount, a.Currency, want.amount)
	if doubt != "" {
		return provider.Doubt(doubt)
	}
	out := provider.Outcome{Reference: a.ID, NetworkReference: a.NetworkReference, Amount: amount}
	if a.Status == "declined" {
		out.Class, out.Amount = provider.Declined, money.Money{}
		return a.Decline.into(out)
	}
	state, known := authorizationStates[a.Status]
	if !known {
		return provider.Doubt("the answer has an unknown status")
	}
	out.Class, out.State = provider.Approved, state
	if state == provider.Captured {
		if out.Amount, doubt = simproto.Money(a.AmountCaptured, a.Currency, want.amount); doubt != "" {
			return provider.Doubt(doubt)
		}
	}
	return out
}

func (o operation) outcome(want asked) provider.Outcome {
	if o.ID == "" || o.Reference != want.reference || o.Kind != want.kind {
		return provider.Doubt("the answer is about another operation")
	}
	out := provider.Outcome{Reference: o.ID}
	if o.Kind != string(provider.OpVoid) {
		amount, doubt := simproto.Money(o.Amount, o.Currency, want.amount)
		if doubt != "" {
			return provider.Doubt(doubt)
		}
		out.Amount = amount
	}
	switch o.Status {
	case "succeeded":
		out.Class, out.State = provider.Approved, operationStates[o.Kind]
	case "pending":
		out.Class, out.State = provider.Approved, provider.Pending
	case "failed":
		out.Class, out.State, out.Amount = provider.Declined, provider.Failed, money.Money{}
		return o.Decline.into(out)
	default:
		return provider.Doubt("the answer has an unknown status")
	}
	return out
}
