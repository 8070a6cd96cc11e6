package simcard

import (
	"encoding/json"
	"strconv"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
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

type refusal struct {
	Error   string `json:"error"`
	Message string `json:"message"`
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

// readAnswer reads an answer as T. If it is not one, the outcome says what the answer was instead.
func readAnswer[T any](r vault.Response) (T, provider.Outcome, bool) {
	var answer T
	if r.Status != 200 && r.Status != 201 {
		return answer, refused(r), false
	}
	if err := json.Unmarshal(r.Body, &answer); err != nil {
		return answer, provider.Doubt("the answer cannot be read"), false
	}
	return answer, provider.Outcome{}, true
}

// refused classifies an answer that is an error. Only what the acquirer says itself, in its own form, is a refusal.
func refused(r vault.Response) provider.Outcome {
	status := strconv.Itoa(r.Status)
	var said refusal
	if err := json.Unmarshal(r.Body, &said); err != nil || said.Error == "" {
		return provider.Doubt("answer " + status + " cannot be read")
	}
	switch {
	case r.Status == 503 && said.Error == "not_accepted":
		return provider.Outcome{Class: provider.NotSent, Detail: "the acquirer refused before processing"}
	case r.Status == 404 && said.Error == "not_found":
		return provider.Absent(said.Error)
	case r.Status == 409 && said.Error == "reference_reused":
		return provider.Doubt("the acquirer knows the reference from another request")
	case r.Status >= 400 && r.Status < 500:
		return provider.Refused(provider.ProcessingError, said.Error, "answer "+status+" "+said.Error+": "+said.Message)
	}
	return provider.Doubt("answer " + status + " " + said.Error)
}

func (a authorization) outcome(want asked) provider.Outcome {
	if a.ID == "" || a.Reference != want.reference {
		return provider.Doubt("the answer is about another reference")
	}
	amount, doubt := readMoney(a.Amount, a.Currency, want.amount)
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
		if out.Amount, doubt = readMoney(a.AmountCaptured, a.Currency, want.amount); doubt != "" {
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
		amount, doubt := readMoney(o.Amount, o.Currency, want.amount)
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

// readMoney is strict: an amount that is not there, or is not what can have been asked for, is a doubt.
func readMoney(minor *int64, code string, asked money.Money) (money.Money, string) {
	currency, err := money.ParseCurrency(code)
	if err != nil || minor == nil {
		return money.Money{}, "the answer has no readable amount"
	}
	said := money.Of(*minor, currency)
	return said, provider.Confirm(said, asked)
}
