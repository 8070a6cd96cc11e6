package provider

import (
	"context"
	"errors"
	"net"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/vault"
)

// Connectors end every call in one of the outcomes below, so that the same failure has the same class everywhere.

// maxDetail bounds what is kept of an error's text.
const maxDetail = 300

// FromSend classifies a Send that failed: NotSent if the vault vouches that no byte left, else Unknown. What the vault would not send, such as
// a card that is not there any more, is Withheld.
func FromSend(err error) Outcome {
	var timeout net.Error
	switch {
	case errors.Is(err, vault.ErrNotSent):
		return Outcome{Class: NotSent, Detail: clip(err.Error()), Withheld: fault.Of(err) != fault.Internal}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Doubt("no answer in time")
	case errors.Is(err, context.Canceled):
		return Doubt("given up before the answer came")
	}
	return Doubt("the connection failed before the answer was whole: " + clip(err.Error()))
}

// Doubt is the outcome of a call whose end cannot be told. detail says why, without payload.
func Doubt(detail string) Outcome { return Outcome{Class: Unknown, Detail: detail} }

// Refused is a decline by the provider itself, not by the issuer: raw is its own code, detail is for operators.
func Refused(code DeclineCode, raw, detail string) Outcome {
	return Outcome{Class: Declined, Detail: detail, Decline: Decline{Code: code, Raw: raw, Message: detail}}
}

// Absent is the outcome of a capture, void or refund of a transaction that the provider does not have.
func Absent(raw string) Outcome {
	o := Refused(ProcessingError, raw, "the provider has no such transaction")
	o.State = Missing
	return o
}

// NotFound is the finding that the provider has no such transaction.
func NotFound() Finding {
	return Finding{Outcome: Outcome{Class: NotSent, State: Missing, Detail: "the provider has no such transaction"}}
}

// Found is a finding with what became of the call. An Unknown outcome means that the provider could not tell.
func Found(o Outcome) Finding { return Finding{Found: o.Class != Unknown, Outcome: o} }

// Unanswered is the finding of an inquiry that itself failed: nothing may be concluded from it, not even if it was never sent.
func Unanswered(o Outcome) Finding {
	return Finding{Outcome: Outcome{Class: Unknown, Detail: "inquiry: " + o.Detail, Withheld: o.Withheld, NotBefore: o.NotBefore}}
}

// Confirm checks what an answer says about money against what was asked: the same currency, more than nothing, not more
// than asked. It returns the reason for doubt, empty if there is none. Zero money asked is not compared, as in an inquiry.
func Confirm(said, asked money.Money) string {
	if said.Minor() <= 0 {
		return "the answer has no amount"
	}
	if asked.IsZero() {
		return ""
	}
	switch order, err := said.Compare(asked); {
	case err != nil:
		return "the answer is in another currency"
	case order > 0:
		return "the answer has a larger amount than was asked"
	}
	return ""
}

func clip(s string) string {
	if len(s) > maxDetail {
		return s[:maxDetail] + "…"
	}
	return s
}
