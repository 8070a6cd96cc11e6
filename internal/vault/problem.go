package vault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// problem is a refusal as RFC 9457 shapes it, with the members that the API's have.
type problem struct {
	Type       string         `json:"type"`
	Title      string         `json:"title"`
	Status     int            `json:"status"`
	Code       string         `json:"code"`
	Detail     string         `json:"detail,omitempty"`
	Param      string         `json:"param,omitempty"`
	Retryable  bool           `json:"retryable"`
	RetryAfter int64          `json:"retry_after,omitempty"`
	RequestID  string         `json:"request_id"`
	Errors     []problemFault `json:"errors,omitempty"`
}

type problemFault struct {
	Param  string `json:"param"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

const problemBase = "https://docs.florin.example/errors/"

// refusal is an error with an HTTP status of its own, for what has no kind.
type refusal struct {
	status       int
	code, detail string
}

func (r *refusal) Error() string { return r.detail }

var (
	errMethod    = &refusal{http.StatusMethodNotAllowed, codeMethod, "the path takes POST only"}
	errNotRead   = &refusal{http.StatusMethodNotAllowed, codeMethod, "the path takes GET only"}
	errMediaType = &refusal{http.StatusUnsupportedMediaType, codeMediaType, "the body must be application/json in UTF-8, not compressed"}
	errKey       = &fault.Error{Kind: fault.Malformed, Code: "idempotency_key_invalid", Param: "Idempotency-Key",
		Detail: "the Idempotency-Key must be 1 to 255 characters of printable ASCII, bare or as a quoted string"}
)

// answerOf is how a kind of failure is answered.
var answerOf = map[fault.Kind]struct {
	status    int
	code      string // if the error has none
	retryable bool
}{
	fault.Malformed:    {http.StatusBadRequest, codeMalformed, false},
	fault.Invalid:      {http.StatusBadRequest, fault.CodeInvalid, false},
	fault.Unauthorized: {http.StatusUnauthorized, "unauthorized", false},
	fault.Forbidden:    {http.StatusForbidden, "forbidden", false},
	fault.NotFound:     {http.StatusNotFound, fault.CodeNotFound, false},
	fault.Conflict:     {http.StatusConflict, fault.CodeStateConflict, false},
	fault.Exists:       {http.StatusConflict, fault.CodeStateConflict, false},
	fault.Stale:        {http.StatusConflict, fault.CodeStateConflict, true},
	fault.Reused:       {http.StatusUnprocessableEntity, codeKeyReused, false},
	fault.TooLarge:     {http.StatusRequestEntityTooLarge, codeTooLarge, false},
	fault.RateLimited:  {http.StatusTooManyRequests, codeRateLimited, true},
	fault.Unavailable:  {http.StatusServiceUnavailable, fault.CodeOverloaded, true},
}

// titles are what the codes mean, in words that do not change; they are the API's.
var titles = map[string]string{
	codeMalformed:             "The body cannot be read",
	codeMissing:               "A required parameter is missing",
	codeUnknown:               "There is no such parameter",
	codeDuplicate:             "A parameter stands twice",
	fault.CodeInvalid:         "A parameter is not valid",
	codeNumber:                "The card number is not valid",
	codeCVC:                   "The card's security code is not valid",
	codeExpired:               "The card has expired",
	"idempotency_key_invalid": "The idempotency key is not well formed",
	codeKeyReused:             "The idempotency key was used for another request",
	fault.CodeNotFound:        "There is no such thing",
	codeMethod:                "The path does not take this method",
	codeTooLarge:              "The body is too large",
	codeMediaType:             "The body's type is not supported",
	codeRateLimited:           "Too many requests",
	codeOrigin:                "The origin is not allowed",
	codeKeyMissing:            "The API key is missing",
	codeKeyKind:               "A key of this kind does not work here",
	fault.CodeOverloaded:      "Too busy just now",
	codeInternal:              "Something went wrong on our side",
}

// problemOf is the one way from an error to what the caller is told. An error without a kind tells nothing.
func problemOf(err error) problem {
	var own *refusal
	var failed *fault.Error
	switch {
	case errors.As(err, &own):
		return newProblem(own.status, own.code, own.detail)
	case errors.As(err, &failed) && failed.Kind != fault.Internal:
		return faultProblem(failed)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return faultProblem(fault.New(fault.Unavailable, fault.CodeOverloaded, "the request took too long"))
	}
	p := newProblem(http.StatusInternalServerError, codeInternal, "")
	p.Retryable = true
	return p
}

func newProblem(status int, code, detail string) problem {
	title, ok := titles[code]
	if !ok {
		title = http.StatusText(status)
	}
	return problem{Type: problemBase + code, Title: title, Status: status, Code: code, Detail: detail}
}

func faultProblem(e *fault.Error) problem {
	as, ok := answerOf[e.Kind]
	if !ok {
		return newProblem(http.StatusInternalServerError, codeInternal, "")
	}
	code := e.Code
	if code == "" {
		code = as.code
	}
	p := newProblem(as.status, code, e.Detail)
	p.Param, p.Retryable = e.Param, as.retryable
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, problemFault(f))
	}
	wait := e.RetryAfter
	if wait <= 0 && (as.status == http.StatusServiceUnavailable || as.status == http.StatusTooManyRequests) {
		wait = time.Second
	}
	p.RetryAfter = int64((wait + time.Second - 1) / time.Second)
	return p
}
