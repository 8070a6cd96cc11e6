// Package problem is how every edge refuses: an error becomes a Problem as RFC 9457 shapes it, with a code of the contract
// and the status that goes with its kind.
package problem

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

const (
	// ContentType is that of a Problem.
	ContentType = "application/problem+json"
	// Base is where the documentation of a code stands; a code is appended to it.
	Base = "https://docs.florin.example/errors/"
)

// The headers that go with a refusal.
const (
	headerRetryAfter = "Retry-After"
	headerChallenge  = "WWW-Authenticate"
)

// Problem is a refusal, as RFC 9457 shapes it.
type Problem struct {
	Type               string  `json:"type" format:"uri" doc:"Where the code is explained." example:"https://docs.florin.example/errors/card_declined"`
	Title              string  `json:"title" doc:"What happened, in a few words that never change for a code." example:"The card was declined"`
	Status             int     `json:"status" doc:"The HTTP status." example:"402"`
	Code               string  `json:"code" doc:"What happened, for programs." example:"card_declined"`
	DeclineCode        string  `json:"decline_code,omitempty" doc:"Why a card was declined, in words common to all providers." example:"insufficient_funds"`
	Detail             string  `json:"detail,omitempty" doc:"What happened, for people."`
	Param              string  `json:"param,omitempty" doc:"The first parameter that is wrong." example:"payment_method_token"`
	Retryable          bool    `json:"retryable" doc:"Whether the same request may succeed later."`
	Retry              string  `json:"retry,omitempty" enum:"never,later,fix_data,with_3ds,other_provider" doc:"What may follow a decline."`
	RetryAfter         int64   `json:"retry_after,omitempty" doc:"Seconds to wait before the next try."`
	NetworkDeclineCode string  `json:"network_decline_code,omitempty" doc:"The card network's own code." example:"51"`
	NetworkAdviceCode  string  `json:"network_advice_code,omitempty" doc:"The card network's advice." example:"02"`
	RetryRule          string  `json:"retry_rule,omitempty" doc:"The card network's rule by which the card was not tried; empty if the issuer or the provider refused." example:"never_again"`
	Payment            string  `json:"payment,omitempty" doc:"The payment that the refusal left behind."`
	RequestID          string  `json:"request_id,omitempty" doc:"Quote it to support."`
	Errors             []Fault `json:"errors,omitempty" doc:"All that is wrong with the request."`

	header http.Header // what goes with it: Allow, Retry-After, WWW-Authenticate
}

// Fault is one wrong parameter.
type Fault struct {
	Param  string `json:"param" doc:"Which, in dotted form." example:"routing.provider_accounts[0]"`
	Code   string `json:"code" doc:"What is wrong, for programs." example:"parameter_invalid"`
	Detail string `json:"detail" doc:"What is wrong, for people."`
}

// Error is the detail, and the title if there is none.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *Problem) ContentType(string) string { return ContentType }

// GetHeaders are the headers that go with the refusal.
func (p *Problem) GetHeaders() http.Header { return p.header }

// New makes the Problem of a code. One that is not in Codes is an internal error.
func New(name, detail string) *Problem {
	c, ok := byName[name]
	if !ok {
		c = byName[CodeInternal]
	}
	return &Problem{
		Type: Base + c.Name, Title: c.Title, Status: c.Status, Code: c.Name, Detail: detail, Retryable: c.Name == CodeInternal,
	}
}

// With adds a header that goes with the refusal.
func (p *Problem) With(header, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(header, value)
	return p
}

// Wait says when to try again, in whole seconds rounded up.
func (p *Problem) Wait(d time.Duration) *Problem {
	seconds := max(1, int64(math.Ceil(d.Seconds())))
	p.RetryAfter, p.Retryable = seconds, true
	return p.With(headerRetryAfter, fmt.Sprint(seconds))
}

// At names the parameter that is wrong.
func (p *Problem) At(param string) *Problem {
	p.Param = param
	p.Errors = []Fault{{Param: param, Code: p.Code, Detail: p.Detail}}
	return p
}

// Of is the one way from an error to what the caller is told, but for declines, of which each edge tells its own reader
// something else. An error without a kind tells nothing.
func Of(err error) *Problem {
	var done *Problem
	var failed *fault.Error
	switch {
	case errors.As(err, &done):
		return done
	case errors.As(err, &failed):
		return ofFault(failed)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return New(fault.CodeOverloaded, "the request took too long").Wait(time.Second)
	}
	return New(CodeInternal, "")
}

func ofFault(e *fault.Error) *Problem {
	as := kinds[e.Kind]
	p := New(as.code, e.Detail)
	p.Status, p.Param, p.Retryable = as.status, e.Param, as.retryable
	if e.Kind == fault.Internal {
		return New(CodeInternal, "")
	}
	if e.Code != "" && e.Code != p.Code {
		p.Code, p.Type = e.Code, Base+e.Code
		if c, ok := byName[e.Code]; ok {
			p.Title = c.Title
		}
	}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, Fault(f))
	}
	if len(e.Fields) == 0 && e.Param != "" {
		p.At(e.Param)
	}
	switch {
	case e.Kind == fault.Unauthorized:
		p.With(headerChallenge, `Bearer realm="florin"`)
	case e.RetryAfter > 0:
		p.Wait(e.RetryAfter)
	case as.status == http.StatusServiceUnavailable || as.status == http.StatusTooManyRequests:
		p.Wait(time.Second)
	}
	return p
}

// Render writes a value as the edges write JSON: without escapes for HTML, with a line break at the end.
func Render(v any) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(1024)
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("render %T: %w", v, err)
	}
	return b.Bytes(), nil
}
