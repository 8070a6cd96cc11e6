package vault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

// What goes over the hop between an API process and a vault process. Secrets are revealed here and nowhere else: their own
// marshaller writes a mask.

const (
	describePath = "/internal/describe"
	forgetPath   = "/internal/forget"
	sendPath     = "/internal/send"
	// maxHop bounds a message of the hop: an answer of 1 MiB, or a request with a file of 5 MB, in base 64, and headers.
	maxHop = 8 << 20
)

type wireDescribe struct {
	Merchant string `json:"merchant"`
	Token    string `json:"token"`
}

type wireRequest struct {
	Merchant string            `json:"merchant"`
	Account  string            `json:"account"`
	Card     string            `json:"card,omitempty"`
	Method   string            `json:"method"`
	URL      string            `json:"url"`
	Header   map[string]string `json:"header,omitempty"`
	Body     []wireSegment     `json:"body,omitempty"`
	Sign     *wireSignature    `json:"sign,omitempty"`
	Timeout  int64             `json:"timeout_ms,omitempty"`

	References []string `json:"references,omitempty"`
}

type wireSegment struct {
	Literal  []byte   `json:"literal,omitempty"`
	Field    Field    `json:"field,omitempty"`
	Encoding Encoding `json:"encoding,omitempty"`
	Length   Length   `json:"length,omitempty"`
	Before   []byte   `json:"before,omitempty"`
	After    []byte   `json:"after,omitempty"`
	Optional bool     `json:"optional,omitempty"`
}

type wireSignature struct {
	Scheme string `json:"scheme"`
	Key    string `json:"key"`
	Header string `json:"header"`
}

type wireResponse struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

func newWireRequest(r Request) wireRequest {
	w := wireRequest{Merchant: r.Merchant, Account: r.Account, Card: r.Card, Method: r.Method, URL: r.URL,
		Timeout: r.Timeout.Milliseconds(), Header: make(map[string]string, len(r.Header)), References: r.References}
	for name, value := range r.Header {
		w.Header[name] = value.Reveal()
	}
	for _, s := range r.Body {
		w.Body = append(w.Body, wireSegment(s))
	}
	if r.Sign != nil {
		w.Sign = &wireSignature{r.Sign.Scheme, r.Sign.Key.Reveal(), r.Sign.Header}
	}
	return w
}

func (w wireRequest) request() Request {
	r := Request{Merchant: w.Merchant, Account: w.Account, Card: w.Card, Method: w.Method, URL: w.URL,
		Timeout: time.Duration(w.Timeout) * time.Millisecond, Header: make(map[string]secret.Text, len(w.Header)), References: w.References}
	for name, value := range w.Header {
		r.Header[name] = secret.New(value)
	}
	for _, s := range w.Body {
		r.Body = append(r.Body, Segment(s))
	}
	if w.Sign != nil {
		r.Sign = &Signature{w.Sign.Scheme, secret.New(w.Sign.Key), w.Sign.Header}
	}
	return r
}

// kindNames are the kinds' names on the wire: their numbers may differ between two versions.
var kindNames = map[fault.Kind]string{
	fault.Malformed: "malformed", fault.Invalid: "invalid", fault.Unauthorized: "unauthorized", fault.Forbidden: "forbidden",
	fault.NotFound: "not_found", fault.Conflict: "conflict", fault.Exists: "exists", fault.Stale: "stale",
	fault.Reused: "reused", fault.InUse: "in_use", fault.TooLarge: "too_large", fault.Declined: "declined",
	fault.RateLimited: "rate_limited", fault.Unavailable: "unavailable",
}

var kindsByName = func() map[string]fault.Kind {
	kinds := make(map[string]fault.Kind, len(kindNames))
	for k, name := range kindNames {
		kinds[name] = k
	}
	return kinds
}()

// wireError is an error with its meaning.
type wireError struct {
	Message    string        `json:"message"`
	NotSent    bool          `json:"not_sent"`
	TimedOut   bool          `json:"timed_out,omitempty"`
	Kind       string        `json:"kind,omitempty"`
	Code       string        `json:"code,omitempty"`
	Param      string        `json:"param,omitempty"`
	Detail     string        `json:"detail,omitempty"`
	Fields     []fault.Field `json:"fields,omitempty"`
	RetryAfter int64         `json:"retry_after_ms,omitempty"`
}

func newWireError(err error) wireError {
	w := wireError{Message: err.Error(), NotSent: errors.Is(err, ErrNotSent), TimedOut: errors.Is(err, context.DeadlineExceeded)}
	var f *fault.Error
	if errors.As(err, &f) {
		w.Kind, w.Code, w.Param, w.Detail, w.Fields = kindNames[f.Kind], f.Code, f.Param, f.Detail, f.Fields
		w.RetryAfter = f.RetryAfter.Milliseconds()
	}
	return w
}

// err is the error as it was on the other side: the same text, and the same answers to errors.Is and fault.Of.
func (w wireError) err() error {
	e := &farError{message: w.Message}
	if w.NotSent {
		e.is = append(e.is, ErrNotSent)
	}
	if w.TimedOut {
		e.is = append(e.is, context.DeadlineExceeded)
	}
	if kind, ok := kindsByName[w.Kind]; ok {
		e.is = append(e.is, &fault.Error{Kind: kind, Code: w.Code, Param: w.Param, Detail: w.Detail, Fields: w.Fields,
			RetryAfter: time.Duration(w.RetryAfter) * time.Millisecond})
	}
	return e
}

// farError is an error of the vault process.
type farError struct {
	message string
	is      []error
}

func (e *farError) Error() string   { return e.message }
func (e *farError) Unwrap() []error { return e.is }
