package stripe_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/florinpay/florin/internal/provider"
)

type object = map[string]any

// fakeStripe keeps intents and refunds as Stripe would for the suite's calls. What it answers is made from the golden
// answers, and what comes in and goes out is checked against Stripe's document.
type fakeStripe struct {
	t       testing.TB
	account provider.Account

	mu      sync.Mutex
	next    int
	intents map[string]object
	refunds []object
	answers map[string]fakeAnswer // by idempotency key
}

type fakeAnswer struct {
	status int
	body   []byte
	asked  string
}

func newFake(t testing.TB) func(provider.Account) http.Handler {
	return func(a provider.Account) http.Handler {
		f := &fakeStripe{t: t, account: a, intents: map[string]object{}, answers: map[string]fakeAnswer{}}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			f.serve(recorder, r)
			if err := answerFaults(stripeSpec(t), r.Method, r.URL.Path, recorder.Code, recorder.Body.Bytes()); err != nil {
				t.Errorf("the fake's answer to %s %s is not Stripe's: %v", r.Method, r.URL.Path, err)
			}
			w.WriteHeader(recorder.Code)
			_, _ = w.Write(recorder.Body.Bytes())
		})
	}
}

func (f *fakeStripe) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Errorf("read a request: %v", err)
	}
	values := r.URL.Query()
	if r.Method == "POST" {
		if values, err = url.ParseQuery(string(body)); err != nil {
			f.t.Errorf("read a form: %v", err)
		}
	}
	if err := requestFaults(stripeSpec(f.t), r.Method, r.URL.Path, values); err != nil {
		f.t.Errorf("%s %s is not as Stripe wants it: %v", r.Method, r.URL.Path, err)
	}
	if r.Header.Get("Authorization") != "Bearer "+f.account.Credentials["api_key"].Reveal() || r.Header.Get("Stripe-Version") != "2026-08-26.dahlia" {
		f.write(w, 401, failed("invalid_request_error", "", ""))
		return
	}
	if r.Method == "GET" {
		status, answer := f.look(r.URL.Path, values)
		f.write(w, status, answer)
		return
	}
	key, asked := r.Header.Get("Idempotency-Key"), r.URL.Path+"?"+string(body)
	before, repeated := f.answers[key]
	switch {
	case key == "":
		f.t.Error("a POST without an idempotency key")
	case repeated && before.asked != asked:
		f.write(w, 400, failed("idempotency_error", "", ""))
		return
	case !repeated:
		status, answer := f.post(strings.TrimPrefix(r.URL.Path, "/v1/"), values)
		text, err := json.Marshal(answer)
		if err != nil {
			f.t.Error(err)
		}
		before = fakeAnswer{status, text, asked}
		f.answers[key] = before
	}
	w.WriteHeader(before.status)
	_, _ = w.Write(before.body)
}

func (f *fakeStripe) write(w http.ResponseWriter, status int, answer any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		f.t.Error(err)
	}
}

func failed(kind, code, declineCode string) object {
	e := object{"type": kind, "message": "the reason"}
	if code != "" {
		e["code"] = code
	}
	if declineCode != "" {
		e["decline_code"] = declineCode
	}
	return object{"error": e}
}

func (f *fakeStripe) look(path string, values url.Values) (int, any) {
	switch {
	case path == "/v1/payment_intents/search":
		data := []object{}
		for _, intent := range f.intents {
			reference := intent["metadata"].(object)["florin_reference"]
			if values.Get("query") == fmt.Sprintf("metadata['florin_reference']:'%s'", reference) {
				data = append(data, intent)
			}
		}
		return 200, object{"object": "search_result", "url": path, "has_more": false, "next_page": nil, "data": data}
	case path == "/v1/refunds":
		return 200, f.listRefunds(values)
	}
	intent, ok := f.intents[strings.TrimPrefix(path, "/v1/payment_intents/")]
	if !ok {
		return 404, failed("invalid_request_error", "resource_missing", "")
	}
	return 200, intent
}

// listRefunds gives newest first, two a page whatever the limit: a walk must go on.
func (f *fakeStripe) listRefunds(values url.Values) object {
	data, begun, more := []object{}, values.Get("starting_after") == "", false
	for i := len(f.refunds) - 1; i >= 0; i-- {
		r := f.refunds[i]
		switch {
		case r["payment_intent"] != values.Get("payment_intent"):
		case !begun:
			begun = r["id"] == values.Get("starting_after")
		case len(data) == 2:
			more = true
		default:
			data = append(data, r)
		}
	}
	return object{"object": "list", "url": "/v1/refunds", "has_more": more, "data": data}
}

func (f *fakeStripe) post(path string, form url.Values) (int, any) {
	parts := strings.Split(path, "/")
	switch {
	case path == "payment_intents":
		return f.create(form)
	case path == "refunds":
		return f.refund(form)
	}
	intent, ok := f.intents[parts[1]]
	switch {
	case !ok:
		return 404, failed("invalid_request_error", "resource_missing", "")
	case parts[2] == "capture":
		return f.capture(intent, form)
	}
	return f.cancel(intent)
}

func (f *fakeStripe) id(kind string) string {
	f.next++
	return fmt.Sprintf("%s_3QFlorinFake%04d", kind, f.next)
}

func number(form url.Values, name string) int64 {
	n, err := strconv.ParseInt(form.Get(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// metadata are the metadata[…] of a form.
func metadata(form url.Values) object {
	found := object{}
	for key := range form {
		if name, ok := strings.CutPrefix(key, "metadata["); ok {
			found[strings.TrimSuffix(name, "]")] = form.Get(key)
		}
	}
	return found
}

// golden reads one of the golden answers.
func golden(t testing.TB, name string) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(goldenText(t, "answers/"+name), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func goldenText(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var fakeDeclines = map[string][3]string{ // decline_code, network code, advice
	"4000000000009995": {"insufficient_funds", "51", "02"},
	"4000000000009979": {"stolen_card", "43", "03"},
	"4100000000000019": {"fraudulent", "59", ""},
	"4000000000000101": {"mercury_retrograde", "Z9", ""},
	"4000002760003184": {"authentication_not_handled", "", ""},
}

func (f *fakeStripe) create(form url.Values) (int, any) {
	card := "payment_method_data[card]"
	if form.Get(card+"[exp_month]") != "08" || form.Get(card+"[exp_year]") != "2031" || form.Get(card+"[cvc]") != "123" ||
		form.Get("payment_method_data[billing_details][name]") != `Zoë "Q" O'Neil & Co` || form.Get("description") != `Order "17" & more` || form.Get("error_on_requires_action") != "true" {
		return 400, failed("invalid_request_error", "parameter_invalid", "")
	}
	intent := golden(f.t, "payment_intent.requires_capture")
	maps.Copy(intent, object{"id": f.id("pi"), "amount": number(form, "amount"), "currency": form.Get("currency"), "metadata": metadata(form), "capture_method": form.Get("capture_method")})
	f.intents[intent["id"].(string)] = intent
	charge := intent["latest_charge"].(object)
	maps.Copy(charge, object{"id": f.id("ch"), "amount": number(form, "amount"), "currency": form.Get("currency"), "metadata": metadata(form), "payment_intent": intent["id"]})
	if d, declined := fakeDeclines[form.Get(card+"[number]")]; declined {
		e := object{"type": "card_error", "code": "card_declined", "decline_code": d[0], "message": "no", "network_decline_code": d[1], "network_advice_code": d[2]}
		maps.Copy(intent, object{"status": "requires_payment_method", "last_payment_error": e, "amount_capturable": 0, "latest_charge": charge["id"]})
		said := maps.Clone(e)
		said["payment_intent"] = intent
		return 402, object{"error": said}
	}
	if form.Get("capture_method") == "automatic" {
		f.take(intent, number(form, "amount"), true)
	} else {
		intent["amount_capturable"] = number(form, "amount")
	}
	return 200, intent
}

// take moves money from what can be captured to what was received.
func (f *fakeStripe) take(intent object, amount int64, final bool) {
	received := amount
	if before, ok := intent["amount_received"].(int64); ok {
		received += before
	}
	intent["amount_received"], intent["amount_capturable"] = received, intent["amount"].(int64)-received
	if final || intent["amount_capturable"] == int64(0) {
		intent["status"], intent["amount_capturable"] = "succeeded", int64(0)
	}
	maps.Copy(intent["latest_charge"].(object), object{"captured": true, "amount_captured": received})
}

func (f *fakeStripe) capture(intent object, form url.Values) (int, any) {
	amount := number(form, "amount_to_capture")
	if intent["status"] != "requires_capture" || amount > intent["amount_capturable"].(int64) {
		e := failed("invalid_request_error", "payment_intent_unexpected_state", "")
		e["error"].(object)["payment_intent"] = intent
		return 400, e
	}
	multi := f.account.Settings["multicapture"] == "true"
	if multi != form.Has("final_capture") {
		return 400, failed("invalid_request_error", "parameter_unknown", "")
	}
	maps.Copy(intent["metadata"].(object), metadata(form))
	f.take(intent, amount, !multi || form.Get("final_capture") == "true")
	return 200, intent
}

func (f *fakeStripe) cancel(intent object) (int, any) {
	if intent["status"] != "requires_capture" && intent["status"] != "requires_action" {
		e := failed("invalid_request_error", "payment_intent_unexpected_state", "")
		e["error"].(object)["payment_intent"] = intent
		return 400, e
	}
	maps.Copy(intent, object{"status": "canceled", "amount_capturable": int64(0), "canceled_at": 1795349000})
	return 200, intent
}

func (f *fakeStripe) refund(form url.Values) (int, any) {
	intent, ok := f.intents[form.Get("payment_intent")]
	if !ok {
		return 404, failed("invalid_request_error", "resource_missing", "")
	}
	charge := intent["latest_charge"].(object)
	done, ok := charge["amount_refunded"].(int64)
	if received, is := intent["amount_received"].(int64); !is || ok && done+number(form, "amount") > received {
		return 400, failed("invalid_request_error", "charge_already_refunded", "")
	}
	charge["amount_refunded"] = done + number(form, "amount")
	refund := golden(f.t, "refund.succeeded")
	maps.Copy(refund, object{"id": f.id("re"), "amount": number(form, "amount"), "currency": intent["currency"], "payment_intent": intent["id"], "metadata": metadata(form)})
	f.refunds = append(f.refunds, refund)
	return 200, refund
}
