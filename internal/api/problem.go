package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

const (
	jsonType    = "application/json"
	problemType = "application/problem+json"
	// problemBase is where the documentation of a code stands; a code is appended to it.
	problemBase = "https://docs.florin.example/errors/"
)

// Problem is a refusal, as RFC 9457 shapes it.
type Problem struct {
	Type               string         `json:"type" format:"uri" doc:"Where the code is explained." example:"https://docs.florin.example/errors/card_declined"`
	Title              string         `json:"title" doc:"What happened, in a few words that never change for a code." example:"The card was declined"`
	Status             int            `json:"status" doc:"The HTTP status." example:"402"`
	Code               string         `json:"code" doc:"What happened, for programs." example:"card_declined"`
	DeclineCode        string         `json:"decline_code,omitempty" doc:"Why a card was declined, in words common to all providers." example:"insufficient_funds"`
	Detail             string         `json:"detail,omitempty" doc:"What happened, for people."`
	Param              string         `json:"param,omitempty" doc:"The first parameter that is wrong." example:"payment_method_token"`
	Retryable          bool           `json:"retryable" doc:"Whether the same request may succeed later."`
	Retry              string         `json:"retry,omitempty" enum:"never,later,fix_data,with_3ds,other_provider" doc:"What may follow a decline."`
	RetryAfter         int64          `json:"retry_after,omitempty" doc:"Seconds to wait before the next try."`
	NetworkDeclineCode string         `json:"network_decline_code,omitempty" doc:"The card network's own code." example:"51"`
	NetworkAdviceCode  string         `json:"network_advice_code,omitempty" doc:"The card network's advice." example:"02"`
	Payment            string         `json:"payment,omitempty" doc:"The payment that the refusal left behind."`
	RequestID          string         `json:"request_id,omitempty" doc:"Quote it to support."`
	Errors             []ProblemFault `json:"errors,omitempty" doc:"All that is wrong with the request."`

	header http.Header // what goes with it: Allow, Retry-After, WWW-Authenticate
}

// ProblemFault is one wrong parameter.
type ProblemFault struct {
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
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders are the headers that go with the refusal.
func (p *Problem) GetHeaders() http.Header { return p.header }

// refuse makes the Problem of a code.
func refuse(name, detail string) *Problem {
	c, ok := codesByName[name]
	if !ok {
		c = codesByName[codeInternal]
	}
	return &Problem{
		Type: problemBase + c.name, Title: c.title, Status: c.status, Code: c.name, Detail: detail, Retryable: c.name == codeInternal,
	}
}

func (p *Problem) with(header, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(header, value)
	return p
}

// wait says when to try again, in whole seconds rounded up.
func (p *Problem) wait(d time.Duration) *Problem {
	seconds := max(1, int64(math.Ceil(d.Seconds())))
	p.RetryAfter, p.Retryable = seconds, true
	return p.with(headerRetryAfter, fmt.Sprint(seconds))
}

// problemOf is the one way from an error to what the caller is told. An error without a kind tells nothing.
func problemOf(err error) *Problem {
	var done *Problem
	var declined *payment.DeclinedError
	var failed *fault.Error
	switch {
	case errors.As(err, &done):
		return done
	case errors.As(err, &declined):
		return declineProblem(declined)
	case errors.As(err, &failed):
		return faultProblem(failed)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return refuse(fault.CodeOverloaded, "the request took too long").wait(time.Second)
	}
	return refuse(codeInternal, "")
}

func faultProblem(e *fault.Error) *Problem {
	as := kinds[e.Kind]
	p := refuse(as.code, e.Detail)
	p.Status, p.Param, p.Retryable = as.status, e.Param, as.retryable
	if e.Kind == fault.Internal {
		return refuse(codeInternal, "")
	}
	if e.Code != "" && e.Code != p.Code {
		p.Code, p.Type = e.Code, problemBase+e.Code
		if c, ok := codesByName[e.Code]; ok {
			p.Title = c.title
		}
	}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, ProblemFault{Param: f.Param, Code: f.Code, Detail: f.Detail})
	}
	if len(e.Fields) == 0 && e.Param != "" {
		p.at(e.Param)
	}
	switch {
	case e.Kind == fault.Unauthorized:
		p.with(headerChallenge, `Bearer realm="florin"`)
	case e.RetryAfter > 0:
		p.wait(e.RetryAfter)
	case as.status == http.StatusServiceUnavailable || as.status == http.StatusTooManyRequests:
		p.wait(time.Second)
	}
	return p
}

// declineProblem is a refusal by the issuer or the provider. The payer is told no more than a generic decline for
// reasons of fraud; the merchant, who reads this, gets the code as it is.
func declineProblem(e *payment.DeclinedError) *Problem {
	p := refuse(e.Code, e.Meaning.Text)
	p.Status, p.Param = http.StatusPaymentRequired, "payment_method_token"
	p.Payment = e.Payment.ID
	p.DeclineCode = string(e.Decline.Code)
	p.NetworkDeclineCode, p.NetworkAdviceCode = e.Decline.NetworkDecline, e.Decline.NetworkAdvice
	p.Retry = string(e.Meaning.Retry)
	if e.Meaning.After > 0 {
		p.RetryAfter = int64(e.Meaning.After / time.Second)
	}
	p.Retryable = retryableDeclines[p.Retry]
	if e.Code == fault.CodeProviderUnavailable { // nobody has said anything of the card
		p.Param, p.Detail, p.Retry, p.Retryable = "", e.Decline.Message, string(provider.RetryLater), true
	}
	return p
}

// retryableDeclines are the advices under which the same card may be tried again without change.
var retryableDeclines = map[string]bool{"later": true, "other_provider": true}

// render writes a value as the API writes JSON. The bytes are what is stored, signed and sent.
func render(v any) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(1024)
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("render %T: %w", v, err)
	}
	return b.Bytes(), nil
}

// huma makes its own refusals with these two, before a handler runs: they become a Problem like any other.
func init() {
	huma.DefaultArrayNullable = false // no list is ever null: see orEmpty
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return edgeProblem(status, message, faults{}, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		var rq *request
		if ctx != nil {
			rq = requestOf(ctx.Context())
		}
		if rq == nil {
			return edgeProblem(status, message, faults{}, errs)
		}
		p := edgeProblem(status, message, rq.query, errs)
		p.RequestID = rq.id
		rq.failed(p, errors.Join(errs...))
		return p
	}
}

// edgeCodes are the codes for huma's own refusals.
var edgeCodes = map[int]string{
	http.StatusBadRequest: codeMalformed, http.StatusUnprocessableEntity: fault.CodeInvalid,
	http.StatusRequestEntityTooLarge: codeTooLarge, http.StatusUnsupportedMediaType: codeMediaType,
	http.StatusRequestTimeout: codeReadTimeout,
}

// edgeProblem tells of wrong values together with what was wrong before.
func edgeProblem(status int, message string, wrong faults, errs []error) *Problem {
	name, ok := edgeCodes[status]
	if !ok {
		return refuse(codeInternal, "")
	}
	if status != http.StatusUnprocessableEntity {
		return refuse(name, message)
	}
	for _, err := range errs {
		var ours wrongValue
		var d huma.ErrorDetailer
		if errors.As(err, &ours) {
			wrong.add(ours.Param, ours.Code, ours.Detail)
		} else if errors.As(err, &d) {
			where := d.ErrorDetail()
			wrong.add(paramOf(where.Location), fault.CodeInvalid, plain(where.Message))
		}
	}
	if err := wrong.err(); err != nil {
		return problemOf(err)
	}
	return refuse(name, message)
}

// plainWords are how we say what huma says of a query.
var plainWords = []struct{ theirs, ours string }{
	{"invalid date/time", "must be a time in RFC 3339, such as 2026-11-22T12:00:00Z"},
	{"invalid integer", "must be an integer"},
	{"expected value to be ", "must be "},
	{"expected number ", "must be "},
	{"expected length ", "must have a length "},
}

// plain puts what huma says in the words of the rest. Those that end in a space begin a sentence that goes on.
func plain(message string) string {
	for _, w := range plainWords {
		if rest, ok := strings.CutPrefix(message, w.theirs); ok {
			if !strings.HasSuffix(w.theirs, " ") {
				rest = ""
			}
			return w.ours + rest
		}
	}
	return message
}

// wrongValue is a fault that a check of ours finds while huma reads a query, so that both are told at once.
type wrongValue struct{ fault.Field }

func (w wrongValue) Error() string { return w.Param + ": " + w.Detail }

// resolved are the faults that check finds, as huma takes them.
func resolved(check func(*faults)) []error {
	var f faults
	check(&f)
	errs := make([]error, len(f.fields))
	for i, field := range f.fields {
		errs[i] = wrongValue{field}
	}
	return errs
}

// paramOf drops where a parameter was from its name: query.limit is limit.
func paramOf(location string) string {
	_, name, ok := strings.Cut(location, ".")
	if !ok {
		return location
	}
	return name
}

// at names the parameter that is wrong.
func (p *Problem) at(param string) *Problem {
	p.Param = param
	p.Errors = []ProblemFault{{Param: param, Code: p.Code, Detail: p.Detail}}
	return p
}
