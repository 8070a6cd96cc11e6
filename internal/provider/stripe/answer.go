package stripe

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// failure is a call that did not end in the object that was asked for.
type failure struct {
	outcome provider.Outcome
	said    *apiError // nil if Stripe did not say anything readable
}

// intent is the intent that a refusal speaks of, if it does.
func (f *failure) intent() *intent {
	if f.said == nil {
		return nil
	}
	return f.said.PaymentIntent
}

// apiError is Stripe's error object, as an answer and as an intent's last_payment_error.
type apiError struct {
	Type               string  `json:"type"`
	Code               string  `json:"code"`
	DeclineCode        string  `json:"decline_code"`
	Message            string  `json:"message"`
	Param              string  `json:"param"`
	NetworkDeclineCode string  `json:"network_decline_code"`
	NetworkAdviceCode  string  `json:"network_advice_code"`
	PaymentIntent      *intent `json:"payment_intent"`
}

// identified is what every object of Stripe's says of itself.
type identified interface{ isObject() bool }

// call sends a request and reads the answer as T, strictly: another object is not believed.
func call[T identified](ctx context.Context, send provider.Sender, r vault.Request) (T, *failure) {
	var answer T
	response, err := send.Send(ctx, r)
	if err != nil {
		return answer, &failure{outcome: provider.FromSend(err)}
	}
	if response.Status != 200 {
		return answer, refused(response)
	}
	if err := json.Unmarshal(response.Body, &answer); err != nil || !answer.isObject() {
		return answer, &failure{outcome: provider.Doubt("the answer cannot be read")}
	}
	return answer, nil
}

// refused classifies an error. Only what Stripe says itself, in its own form, is a refusal.
func refused(r vault.Response) *failure {
	status := strconv.Itoa(r.Status)
	var body struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil || body.Error == nil || body.Error.Type == "" {
		return &failure{outcome: provider.Doubt("answer " + status + " cannot be read")}
	}
	return &failure{outcome: classify(r.Status, body.Error), said: body.Error}
}

// refusals say what an error means, first match first. A zero status or an empty word matches any.
// Source: docs.stripe.com/api/errors, docs.stripe.com/error-low-level and docs.stripe.com/rate-limits.
var refusals = []struct {
	status     int
	kind, code string
	class      provider.Class
}{
	{kind: "api_error", class: provider.Unknown},
	{status: 429, class: provider.NotSent}, // over a limit or waiting for a lock: nothing was done
	// The key is known: the first request that carried it may hold the money, whatever this one was.
	{kind: "idempotency_error", class: provider.Unknown},
	{code: "idempotency_key_in_use", class: provider.Unknown},
	{status: 409, class: provider.Unknown},
	{status: 402, kind: "card_error", class: provider.Declined},
	{status: 400, kind: "card_error", class: provider.Declined},
	{status: 400, kind: "invalid_request_error", class: provider.Declined},
	{status: 401, kind: "invalid_request_error", class: provider.Declined},
	{status: 402, kind: "invalid_request_error", class: provider.Declined},
	{status: 403, kind: "invalid_request_error", class: provider.Declined},
	{status: 404, kind: "invalid_request_error", class: provider.Declined},
}

func classify(status int, e *apiError) provider.Outcome {
	detail := "answer " + strconv.Itoa(status) + " " + e.Type + " " + e.Code
	if status != 401 { // that message repeats a part of the key
		detail = clip(detail+": "+e.Message, 300)
	}
	for _, r := range refusals {
		if r.status != 0 && r.status != status || r.kind != "" && r.kind != e.Type || r.code != "" && r.code != e.Code {
			continue
		}
		switch {
		case status >= 500: // whatever it says of itself
			return provider.Doubt(detail)
		case r.class == provider.Declined && status == 404 && e.Code == "resource_missing":
			return provider.Absent(e.Code)
		case r.class == provider.Declined:
			return provider.Outcome{Class: provider.Declined, Detail: detail, Decline: e.decline()}
		}
		return provider.Outcome{Class: r.class, Detail: detail}
	}
	return provider.Doubt(detail)
}

// expandable is a field that holds an id, or the whole object if that was asked for.
type expandable[T any] struct {
	ID     string
	Object *T
}

func (x *expandable[T]) UnmarshalJSON(text []byte) error {
	text = bytes.TrimSpace(text)
	if bytes.Equal(text, []byte("null")) {
		return nil
	}
	if text[0] == '"' {
		return json.Unmarshal(text, &x.ID)
	}
	var head struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return err
	}
	x.ID, x.Object = head.ID, new(T)
	return json.Unmarshal(text, x.Object)
}
