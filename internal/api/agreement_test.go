package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// agrees holds an answer against what the document says of its operation: the status is among those that are told, the
// body is of the schema, and every field of it is described.
func agrees(t *testing.T, doc *openapi3.T, path, method string, w *httptest.ResponseRecorder) {
	t.Helper()
	o := doc.Paths.Find(path).GetOperation(method)
	told := o.Responses.Status(w.Code)
	if told == nil {
		t.Errorf("%s answers %d, which is not told: %s", o.OperationID, w.Code, w.Body)
		return
	}
	for name := range told.Value.Headers {
		if w.Header().Get(name) == "" && name != headerReplayed && name != headerRetryAfter {
			t.Errorf("%s answers %d without %s", o.OperationID, w.Code, name)
		}
	}
	if len(told.Value.Content) == 0 {
		if w.Body.Len() > 0 {
			t.Errorf("%s answers %d with a body that is not told: %s", o.OperationID, w.Code, w.Body)
		}
		return
	}
	media := told.Value.Content[w.Header().Get("Content-Type")]
	if media == nil {
		t.Errorf("%s answers %d as %s, which is not told", o.OperationID, w.Code, w.Header().Get("Content-Type"))
		return
	}
	if media.Schema.Value.Format == "binary" {
		return // a file: its bytes are its own
	}
	var body any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if err := media.Schema.Value.VisitJSON(body, openapi3.VisitAsResponse(), openapi3.EnableJSONSchema2020(), openapi3.EnableFormatValidation()); err != nil {
		t.Errorf("%s answers %d: %v\n%s", o.OperationID, w.Code, err, w.Body)
	}
	for _, field := range undescribed(media.Schema.Value, body, "") {
		t.Errorf("%s answers %d with %s, which is not described", o.OperationID, w.Code, field)
	}
}

// undescribed are the fields of a value that its schema does not have: a schema of answers lets them pass.
func undescribed(s *openapi3.Schema, value any, at string) []string {
	var found []string
	switch v := value.(type) {
	case map[string]any:
		for _, one := range s.OneOf {
			if one.Value.Properties != nil {
				return undescribed(one.Value, value, at)
			}
		}
		for name, inner := range v {
			p, ok := s.Properties[name]
			switch {
			case ok:
				found = append(found, undescribed(p.Value, inner, at+"."+name)...)
			case s.Properties != nil:
				found = append(found, at+"."+name)
			}
		}
	case []any:
		for _, inner := range v {
			found = append(found, undescribed(s.Items.Value, inner, at+"[]")...)
		}
	}
	return found
}

// full is a payment with a value in every field, and what hangs on it.
func full() payment.Object {
	failure := &payment.FailureObject{Code: "card_declined", DeclineCode: provider.DoNotHonor, Message: "no", NetworkDeclineCode: "05", NetworkAdviceCode: "02"}
	refund := payment.RefundObject{
		ID: "ref_" + someID, Object: "refund", Payment: "pay_" + someID, Amount: 1, Currency: "EUR", Status: "failed", Reason: "r", Failure: failure,
		ProviderReference: "p", QueueUntil: &start, ApprovedBy: []string{"key_" + someID}, Metadata: map[string]string{"k": "v"}, CreatedAt: start,
	}
	return payment.Object{
		ID: "pay_" + someID, Object: "payment", Status: payment.Authorized, Amount: 9232, Currency: "EUR", AmountAuthorized: 9232, CaptureBefore: &start,
		PaymentMethod:       &payment.MethodObject{ID: someToken, Type: "card", Card: &payment.CardObject{Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030, Country: "US", Funding: "credit"}},
		StatementDescriptor: "SHOP", Description: "d", CancellationReason: "c", ClientSecret: "s", Failure: failure, Provider: "alpha", ProviderReference: "p", NetworkReference: "n",
		ExpiresAt: &start, Metadata: map[string]string{"k": "v"}, CreatedAt: start,
		Attempts: []payment.AttemptObject{{ID: "att_" + someID, Object: "attempt", Number: 1, Status: payment.AttemptDeclined, Provider: "alpha", Amount: 1, Currency: "EUR", ProviderReference: "p", NetworkReference: "n", Failure: failure, CreatedAt: start}},
		Refunds:  []payment.RefundObject{refund},
		Timeline: []payment.TimelineEntry{{At: start, Event: "payment.created", Detail: "d"}},
	}
}

func TestEveryAnswerIsWhatTheDocumentSays(t *testing.T) {
	d := newDoor(t)
	doc := described(t)
	d.payments.put(tenant, full())
	d.payments.putRefund(tenant, full().Refunds[0])
	answered := 0
	eachOperation(doc, func(path, method string, o *openapi3.Operation) {
		if o.Servers != nil {
			return // another listener's
		}
		answered++
		target := path
		for _, p := range o.Parameters {
			if p.Value.In == "path" {
				example, ok := p.Value.Example.(string)
				if !ok {
					t.Fatalf("%s: %v", o.OperationID, p.Value.Example)
				}
				target = strings.Replace(target, "{"+p.Value.Name+"}", example, 1)
			}
			if p.Value.In == "query" && p.Value.Required {
				target += fmt.Sprintf("?%s=%v", p.Value.Name, p.Value.Schema.Value.Enum[0]) // no operation needs two
			}
		}
		body, kind := "", jsonType // the reference shows it, so it must work
		if o.RequestBody != nil {
			body = exampleBody(t, o)
			if takesFile(o) {
				body, kind = "Delivered on Monday.", "text/plain"
			}
		}
		call := func(body string, headers ...string) {
			t.Helper()
			agrees(t, doc, path, method, d.call(method, target, body, headers...))
		}
		if !isStream(o) { // which have no end
			ok := d.call(method, target, body, "Content-Type", kind)
			if ok.Code > 299 {
				t.Errorf("%s: %d %s", o.OperationID, ok.Code, ok.Body)
			}
			agrees(t, doc, path, method, ok)
		}
		if len(*securityOf(o)) == 0 {
			return
		}
		call(body, "Authorization", "")
		call(body, "Authorization", "Bearer pk_test_dev")
		call(body, "Florin-Version", "1999-01-01")
		if o.RequestBody != nil {
			call("nonsense")
			call(`{"nonsense":1}`)
			call(body, "Content-Type", "text/plain")
			call(strings.Repeat(" ", maxBody+1))
			call(body, "Idempotency-Key", `"`)
		}
		agrees(t, doc, path, method, d.call(method, target+"?nonsense=1", body))
		if strings.Contains(path, "{id}") {
			agrees(t, doc, path, method, d.call(method, strings.Replace(path, "{id}", "x", 1), body))
		}
	})
	if answered < 24 {
		t.Errorf("only %d operations were tried", answered)
	}
}

// isStream tells whether an operation answers with a stream.
func isStream(o *openapi3.Operation) bool {
	ok := o.Responses.Status(200)
	return ok != nil && ok.Value.Content[eventStream] != nil
}

// takesFile tells whether the body of an operation is a file.
func takesFile(o *openapi3.Operation) bool {
	return o.RequestBody != nil && o.RequestBody.Value.Content["text/plain"] != nil
}

// givesFile tells whether the answer of an operation is a file.
func givesFile(o *openapi3.Operation) bool {
	ok := o.Responses.Status(200)
	return ok != nil && ok.Value.Content["text/plain"] != nil
}

// exampleBody is the body that the document shows, or any that a provider might send.

func exampleBody(t *testing.T, o *openapi3.Operation) string {
	t.Helper()
	media := o.RequestBody.Value.Content[jsonType]
	if media == nil {
		return "{}"
	}
	text, err := json.Marshal(media.Example)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func securityOf(o *openapi3.Operation) *openapi3.SecurityRequirements {
	if o.Security == nil {
		return &openapi3.SecurityRequirements{}
	}
	return o.Security
}

// What the services below refuse is told as well, whichever way they do it.
func TestEveryRefusalOfAPaymentIsWhatTheDocumentSays(t *testing.T) {
	for name, err := range map[string]error{
		"declined": &payment.DeclinedError{Code: fault.CodeCardDeclined, Payment: full(), Decline: provider.Decline{Code: provider.StolenCard, NetworkDecline: "43", NetworkAdvice: "03"}, Meaning: provider.Explain(provider.StolenCard)},
		"not sent": &payment.DeclinedError{Code: fault.CodeProviderUnavailable, Payment: full(), Decline: provider.Decline{Message: "The provider could not be reached. Nothing was charged."}},
		"stopped":  payment.Refusal(full(), &payment.FailureObject{Code: fault.CodeKillSwitch, Message: "it is switched off. Nothing was charged."}, time.Time{}),
		"missing":  fault.Missing("payment method token"), "conflict": fault.State("no"), "stale": fault.New(fault.Stale, "", "too late"), "full": fault.New(fault.Unavailable, fault.CodeOverloaded, "full"),
		"slow": context.DeadlineExceeded, "broken": errors.New("boom"), "wrong": fault.Wrong("amount", fault.CodeAmountTooLarge, "too much"),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			d.payments.refuse = err
			d.payments.put(tenant, full())
			doc := described(t)
			agrees(t, doc, "/v1/payments", "POST", d.call("POST", "/v1/payments", order))
			for _, verb := range []string{"confirm", "capture", "cancel", "refund"} {
				path := "/v1/payments/{id}/" + verb
				agrees(t, doc, path, "POST", d.call("POST", strings.Replace(path, "{id}", "pay_"+someID, 1), "{}"))
			}
		})
	}
}
