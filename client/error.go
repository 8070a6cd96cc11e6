package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Codes of [Error] that programs act upon. There are more, and there will be more.
const (
	CodeCardDeclined         = "card_declined"
	CodeRiskBlocked          = "risk_blocked"
	CodeProviderUnavailable  = "provider_unavailable"
	CodeStateConflict        = "state_conflict"
	CodeParameterInvalid     = "parameter_invalid"
	CodeAmountTooLarge       = "amount_too_large"
	CodeAmountTooSmall       = "amount_too_small"
	CodeCurrencyNotSupported = "currency_not_supported"
	CodeNotFound             = "not_found"
	CodeExpired              = "expired"
	CodeKillSwitchOn         = "kill_switch_on"
	CodeOverloaded           = "overloaded"
	CodeIdempotencyReused    = "idempotency_key_reused"
	CodeIdempotencyInUse     = "idempotency_key_in_use"
)

// Decline codes. There are more, and there will be more.
const (
	DeclineInsufficientFunds      = "insufficient_funds"
	DeclineDoNotHonor             = "do_not_honor"
	DeclineGeneric                = "generic_decline"
	DeclineExpiredCard            = "expired_card"
	DeclineIncorrectCVC           = "incorrect_cvc"
	DeclineIncorrectNumber        = "incorrect_number"
	DeclineLimitExceeded          = "limit_exceeded"
	DeclineAuthenticationRequired = "authentication_required"
	DeclineProcessingError        = "processing_error"
	DeclineBankUnavailable        = "bank_unavailable"
	DeclineDoNotTryAgain          = "do_not_try_again"
)

// Retry says what may follow a decline.
type Retry string

// The retry kinds.
const (
	RetryNever         Retry = "never"
	RetryLater         Retry = "later"          // the same again, not before RetryAfter
	RetryFixData       Retry = "fix_data"       // the payer must correct the card's data
	RetryWith3DS       Retry = "with_3ds"       // with strong customer authentication
	RetryOtherProvider Retry = "other_provider" // elsewhere: routing does this by itself where it may
)

// Error is an answer of the server that is not a success: RFC 9457 problem details. Find it with errors.As:
//
//	var refused *client.Error
//	if errors.As(err, &refused) && refused.DeclineCode == client.DeclineInsufficientFunds { … }
type Error struct {
	Status             int           // the HTTP status
	Code               string        // what, for programs; empty if the answer did not come from Florin
	DeclineCode        string        // why a payment was declined
	Type               string        // a page that explains the code
	Title              string        // what, for people
	Detail             string        // this case, for people; may be shown to the merchant's staff
	Param              string        // the field it is about
	Errors             []FieldError  // all wrong fields of a 400
	Retryable          bool          // whether trying again can help at all
	Retry              Retry         // what may follow a decline
	RetryAfter         time.Duration // not before; 0 if the server did not say
	NetworkDeclineCode string        // the scheme's own, such as 51
	NetworkAdviceCode  string        // the scheme's own, such as 02
	RetryRule          string        // the card network's rule by which the card was not tried; empty: the issuer or the provider refused
	Payment            string        // pay_…: the payment that failed, if there is one; of kill_switch_on one that waits to be confirmed again
	RequestID          string        // req_…: for support and for the server's logs
	IdempotencyKey     string        // the key of the call, if it had one

	replayed bool // the answer was given before, and is stored: asking again cannot change it
}

// FieldError is one wrong field.
type FieldError struct {
	Param  string `json:"param"` // such as metadata[order_id]
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Error is one line without the request's content.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "florin: %d", e.Status)
	for _, part := range []string{e.Code, e.DeclineCode} {
		if part != "" {
			b.WriteString(" " + part)
		}
	}
	switch {
	case len(e.Errors) > 1:
		for i, f := range e.Errors {
			b.WriteString(separator(i) + f.Param + ": " + f.Detail)
		}
	case e.Detail != "":
		b.WriteString(": " + e.Detail)
	case e.Title != "":
		b.WriteString(": " + e.Title)
	}
	if e.RequestID != "" {
		b.WriteString(" (" + e.RequestID + ")")
	}
	return b.String()
}

func separator(i int) string {
	if i == 0 {
		return ": "
	}
	return "; "
}

// TransportError is a call without an answer: the connection failed, or time ran out, in the last try. What became of a
// POST is open. Repeat it with [WithIdempotencyKey] of this key to learn it: it is never done twice.
type TransportError struct {
	Method         string
	Path           string
	IdempotencyKey string // empty for a GET
	Tries          int
	Err            error
}

func (e *TransportError) Error() string {
	return fmt.Sprintf("florin: %s %s: no answer in %d tries: %v", e.Method, e.Path, e.Tries, e.Err)
}

// Unwrap is the cause, such as context.DeadlineExceeded or a *net.OpError.
func (e *TransportError) Unwrap() error { return e.Err }

// IsDeclined tells whether the issuer, the provider or a risk rule said no (402).
func IsDeclined(err error) bool { return hasStatus(err, http.StatusPaymentRequired) }

// IsInvalid tells whether the request was wrong (400, 413, 415, 422): repeating it will not help.
func IsInvalid(err error) bool {
	return hasStatus(err, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
}

// IsNotFound tells whether there is no such thing for this merchant and mode (404).
func IsNotFound(err error) bool { return hasStatus(err, http.StatusNotFound) }

// IsConflict tells whether the thing's state did not allow it (409).
func IsConflict(err error) bool { return hasStatus(err, http.StatusConflict) }

// IsUnauthorized tells whether the key was refused (401) or lacks a scope (403).
func IsUnauthorized(err error) bool {
	return hasStatus(err, http.StatusUnauthorized, http.StatusForbidden)
}

// IsRateLimited tells whether there were too many requests (429).
func IsRateLimited(err error) bool { return hasStatus(err, http.StatusTooManyRequests) }

// IsUnavailable tells whether Florin was switched off, overloaded or not reachable (502, 503, 504, or no answer).
func IsUnavailable(err error) bool {
	var transport *TransportError
	return errors.As(err, &transport) ||
		hasStatus(err, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout)
}

func hasStatus(err error, statuses ...int) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, s := range statuses {
		if e.Status == s {
			return true
		}
	}
	return false
}

// problem is the wire form of an Error.
type problem struct {
	Type               string       `json:"type"`
	Title              string       `json:"title"`
	Code               string       `json:"code"`
	DeclineCode        string       `json:"decline_code"`
	Detail             string       `json:"detail"`
	Param              string       `json:"param"`
	Errors             []FieldError `json:"errors"`
	Retryable          bool         `json:"retryable"`
	Retry              Retry        `json:"retry"`
	RetryAfter         int64        `json:"retry_after"` // seconds
	NetworkDeclineCode string       `json:"network_decline_code"`
	NetworkAdviceCode  string       `json:"network_advice_code"`
	RetryRule          string       `json:"retry_rule"`
	Payment            string       `json:"payment"`
	RequestID          string       `json:"request_id"`
}

// readError makes an Error of an answer. What a proxy in between wrote is not quoted: nobody knows what is in it.
func readError(status int, header http.Header, body []byte, now time.Time) *Error {
	e := &Error{Status: status, Title: http.StatusText(status), RequestID: header.Get("Request-Id")}
	e.replayed = header.Get("Idempotent-Replayed") == "true"
	var p problem
	if isJSON(header.Get("Content-Type")) && json.Unmarshal(body, &p) == nil {
		e.Type, e.Code, e.DeclineCode, e.Detail, e.Param, e.Errors = p.Type, p.Code, p.DeclineCode, p.Detail, p.Param, p.Errors
		e.Retryable, e.Retry, e.RetryAfter = p.Retryable, p.Retry, seconds(p.RetryAfter)
		e.NetworkDeclineCode, e.NetworkAdviceCode, e.RetryRule = p.NetworkDeclineCode, p.NetworkAdviceCode, p.RetryRule
		e.Payment = p.Payment
		if p.Title != "" {
			e.Title = p.Title
		}
		if p.RequestID != "" {
			e.RequestID = p.RequestID
		}
	}
	if e.RetryAfter == 0 {
		e.RetryAfter = retryAfter(header.Get("Retry-After"), now)
	}
	return e
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/problem+json" || media == "application/json")
}

// retryAfter reads both forms of RFC 9110, section 10.2.3: seconds and a date. What is neither, or past, is 0.
func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return seconds(n)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}

// seconds is a number of seconds from the wire, between nothing and a year, so that it cannot overflow.
func seconds(n int64) time.Duration {
	const year = 366 * 24 * 60 * 60
	return time.Duration(min(max(n, 0), year)) * time.Second
}
