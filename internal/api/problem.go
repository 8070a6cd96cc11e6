package api

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/exchange"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/strict"
)

const jsonType = exchange.JSON

// problemOf is the one way from an error to what the merchant is told.
func problemOf(err error) *problem.Problem {
	var declined *payment.DeclinedError
	if errors.As(err, &declined) {
		return declineProblem(declined)
	}
	return problem.Of(err)
}

// declineProblem is a refusal by the issuer or the provider. The payer is told no more than a generic decline for
// reasons of fraud; the merchant, who reads this, gets the code as it is.
func declineProblem(e *payment.DeclinedError) *problem.Problem {
	p := problem.New(e.Code, e.Meaning.Text)
	p.Status, p.Param = http.StatusPaymentRequired, declinedParam(e)
	p.Payment = e.Payment.ID
	p.DeclineCode = string(e.Decline.Code)
	p.NetworkDeclineCode, p.NetworkAdviceCode = e.Decline.NetworkDecline, e.Decline.NetworkAdvice
	p.Retry, p.RetryRule = string(e.Meaning.Retry), e.Rule
	if e.Meaning.After > 0 {
		p.RetryAfter = int64(e.Meaning.After / time.Second)
	}
	if e.Meaning.Retry == provider.RetryOtherProvider { // the accounts that may be asked were, before this is told: what is left to the caller is time
		p.Retry = string(provider.RetryLater)
	}
	p.Retryable = retryableDeclines[p.Retry]
	switch e.Code {
	case fault.CodeProviderUnavailable: // nobody has said anything of the card
		p.Detail, p.Retry, p.Retryable = e.Decline.Message, string(provider.RetryLater), true
	case fault.CodeKillSwitch: // as for what is refused before it is begun; the payment waits to be confirmed again
		p.Status, p.Detail = http.StatusServiceUnavailable, e.Decline.Message
		p.Wait(max(e.Meaning.After, time.Second))
	}
	return p
}

// declinedParam is the parameter by which a request named what was declined. That of an operation names nothing to pay with.
func declinedParam(e *payment.DeclinedError) string {
	switch {
	case e.Refused != "", e.Code == fault.CodeProviderUnavailable, e.Code == fault.CodeKillSwitch:
		return ""
	case e.Code == fault.CodePaymentDeclined:
		return "payment_method"
	}
	return "payment_method_token"
}

// retryableDeclines are the advices under which the same card may be tried again without change.
var retryableDeclines = map[string]bool{"later": true}

// huma makes its own refusals with these two, before a handler runs: they become a Problem like any other.
func init() {
	huma.DefaultArrayNullable = false // no list is ever null: see orEmpty
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return edgeProblem(status, message, strict.Faults{}, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		var rq *request
		if ctx != nil {
			rq = requestOf(ctx.Context())
		}
		if rq == nil {
			return edgeProblem(status, message, strict.Faults{}, errs)
		}
		p := edgeProblem(status, message, rq.query, errs)
		p.RequestID, rq.Code = rq.ID, p.Code
		rq.Failed(p, errors.Join(errs...))
		return p
	}
}

// edgeCodes are the codes for huma's own refusals.
var edgeCodes = map[int]string{
	http.StatusBadRequest: problem.CodeMalformed, http.StatusUnprocessableEntity: fault.CodeInvalid,
	http.StatusRequestEntityTooLarge: problem.CodeTooLarge, http.StatusUnsupportedMediaType: problem.CodeMediaType,
	http.StatusRequestTimeout: problem.CodeReadTimeout,
}

// edgeProblem tells of wrong values together with what was wrong before.
func edgeProblem(status int, message string, wrong strict.Faults, errs []error) *problem.Problem {
	name, ok := edgeCodes[status]
	if !ok {
		return problem.New(problem.CodeInternal, "")
	}
	if status != http.StatusUnprocessableEntity {
		return problem.New(name, message)
	}
	for _, err := range errs {
		var ours wrongValue
		var d huma.ErrorDetailer
		if errors.As(err, &ours) {
			wrong.Add(ours.Param, ours.Code, ours.Detail)
		} else if errors.As(err, &d) {
			where := d.ErrorDetail()
			wrong.Add(paramOf(where.Location), fault.CodeInvalid, plain(where.Message))
		}
	}
	if err := wrong.Err(); err != nil {
		return problemOf(err)
	}
	return problem.New(name, message)
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
func resolved(check func(*strict.Faults)) []error {
	var f strict.Faults
	check(&f)
	errs := make([]error, len(f.Fields()))
	for i, field := range f.Fields() {
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
