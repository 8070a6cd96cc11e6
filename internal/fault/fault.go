// Package fault names the kinds of failure that callers act upon. One table at the edge turns a kind into a status.
//
// An error says what was being done, to what, and wraps a kind:
//
//	return fmt.Errorf("capture %s: %w", p.ID, fault.State("payment is canceled"))
package fault

import (
	"errors"
	"strings"
	"time"
)

// Kind is what sort of failure an error is.
type Kind uint8

// The kinds. Internal is what an error without a kind is.
const (
	Internal     Kind = iota
	Malformed         // the request cannot be read
	Invalid           // one or more fields are wrong
	Unauthorized      // no credential, or a wrong one
	Forbidden         // the credential lacks the scope
	NotFound          // no such thing for this merchant and mode
	Conflict          // the thing's state does not allow it
	Exists            // a row with this key is there already
	Stale             // the row changed since it was read: read again, decide again
	Reused            // an idempotency key came back with another request
	InUse             // an idempotency key whose first request still runs
	TooLarge          // the request is over its bound
	Declined          // the issuer, the provider or a rule said no
	RateLimited       // too many requests from this caller
	Unavailable       // overloaded or switched off: try later
	Gone              // it was there once, and is no longer kept
)

// Codes that more than one package gives. A code is part of the contract: it never changes its meaning.
const (
	CodeStateConflict       = "state_conflict"
	CodeAmountTooLarge      = "amount_too_large"
	CodeAmountTooSmall      = "amount_too_small"
	CodeCurrency            = "currency_not_supported"
	CodeNotFound            = "not_found"
	CodeExpired             = "expired"
	CodeInvalid             = "parameter_invalid"
	CodeCardDeclined        = "card_declined"
	CodePaymentDeclined     = "payment_declined" // by another method than a card
	CodeProviderUnavailable = "provider_unavailable"
	CodeOverloaded          = "overloaded"
	CodeKillSwitch          = "kill_switch_on"
	CodeCursorExpired       = "cursor_expired"
)

// Field is one wrong field of a request.
type Field struct {
	Param  string // where: amount, payment_method.card.number, metadata[order_id]
	Code   string // what, for programs
	Detail string // what, for people
}

// Error is a failure with a kind. It carries no payload and no secret: it may be shown to the caller.
type Error struct {
	Kind       Kind
	Code       string
	Param      string
	Detail     string
	Fields     []Field       // all that is wrong, for Invalid
	RetryAfter time.Duration // when to try again, for InUse, RateLimited and Unavailable
}

func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return e.Detail
	}
	wrong := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		wrong[i] = f.Param + ": " + f.Detail
	}
	return strings.Join(wrong, "; ")
}

// New makes an error of a kind with its code and a sentence for people.
func New(k Kind, code, detail string) *Error { return &Error{Kind: k, Code: code, Detail: detail} }

// Wrong is the refusal of a request with one wrong field.
func Wrong(param, code, detail string) *Error {
	return &Error{Kind: Invalid, Code: code, Param: param, Detail: detail, Fields: []Field{{param, code, detail}}}
}

// State is the refusal of a move that the thing's state does not allow.
func State(detail string) *Error { return New(Conflict, CodeStateConflict, detail) }

// Missing is the answer about a thing that is not there for this merchant and mode.
func Missing(what string) *Error { return New(NotFound, CodeNotFound, "no such "+what) }

// Of is the kind of an error; Internal if it has none.
func Of(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is tells whether an error is of a kind.
func Is(err error, k Kind) bool { return err != nil && Of(err) == k }

// Collect gathers the wrong fields of one request so that all are reported at once.
type Collect struct{ fields []Field }

// Add notes a wrong field.
func (c *Collect) Add(param, code, detail string) {
	c.fields = append(c.fields, Field{param, code, detail})
}

// Err is nil if nothing was wrong, else one Invalid error that names every field.
func (c *Collect) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	first := c.fields[0]
	return &Error{Kind: Invalid, Code: first.Code, Param: first.Param, Detail: first.Detail, Fields: c.fields}
}
