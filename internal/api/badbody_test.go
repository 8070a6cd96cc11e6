package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/descriptor"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/strict"
)

// untouched is a door through which nothing may get.
func untouched(t *testing.T) door {
	t.Helper()
	d := newDoor(t, func(o *Options) {
		touched := func(context.Context, *db.Change) error { t.Error("something was written"); return nil }
		o.Payments.(*fakePayments).commit = touched
		o.Endpoints = fakeEndpoints{commit: func(c *db.Change) error { return touched(t.Context(), c) }}
		payouts := fakePayouts{commit: func(c *db.Change) error { return touched(t.Context(), c) }}
		o.Destinations, o.Payouts = payouts, payouts
		o.Orders = fakeOrders{commit: func(c *db.Change) error { return touched(t.Context(), c) }}
		o.Policies = fakePolicies{commit: func(c *db.Change) error { return touched(t.Context(), c) }}
		o.Customers = fakeCustomers{commit: func(c *db.Change) error { return touched(t.Context(), c) }}
		o.PaymentMethods = fakeMethods{commit: func(c *db.Change) error { return touched(t.Context(), c) }}
	})
	t.Cleanup(func() {
		if d.payments.asked > 0 {
			t.Error("a payment was asked for")
		}
	})
	return d
}

// wrong are codes by parameter.
type wrong map[string]string

// faulty checks that a refusal names these faults and no others.
func faulty(t *testing.T, w *httptest.ResponseRecorder, want wrong) {
	t.Helper()
	var p problem.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	refused(t, w, 400, p.Code)
	got := wrong{}
	for _, e := range p.Errors {
		if _, twice := got[e.Param]; twice || e.Detail == "" {
			t.Errorf("%s is told twice or without detail: %s", e.Param, w.Body)
		}
		got[e.Param] = e.Code
	}
	if !maps.Equal(got, want) {
		t.Errorf("named %v, want %v", got, want)
	}
	if len(p.Errors) > 0 && (p.Param != p.Errors[0].Param || p.Code != p.Errors[0].Code) {
		t.Errorf("%s %s on top, first of %v", p.Param, p.Code, p.Errors)
	}
	if p.Retryable {
		t.Error("told to be retryable")
	}
}

// with is a body for POST /v1/payments that is right but for one field.
func with(field, value string) string {
	fields := map[string]string{"amount": "9232", "currency": `"EUR"`, "payment_method_token": `"` + someToken + `"`}
	fields[field] = value
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		b.WriteString(`,"` + name + `":` + fields[name])
	}
	return "{" + b.String()[1:] + "}"
}

const (
	invalid   = fault.CodeInvalid
	tooSmall  = fault.CodeAmountTooSmall
	tooLarge  = fault.CodeAmountTooLarge
	unknown   = problem.CodeUnknown
	missing   = problem.CodeMissing
	duplicate = problem.CodeDuplicate
)

func TestAnAmountThatIsNotOneIsRefused(t *testing.T) {
	d := untouched(t)
	amounts := map[string]string{
		"-1": tooSmall, "-9223372036854775808": tooSmall, "-99999999999999999999": tooSmall, "0": tooSmall, "-0": tooSmall,
		"1000000000000": tooLarge, "1000000000000000000": tooLarge, "9223372036854775807": tooLarge, "9223372036854775808": tooLarge,
		"1" + strings.Repeat("0", 400): tooLarge, "-1" + strings.Repeat("0", 400): tooSmall,
		"0.5": invalid, "10.0": invalid, "92.32": invalid, "1e2": invalid, "1E2": invalid, "1e-2": invalid, "1e400": invalid, "100e0": invalid, "-1.5": invalid,
		`"9232"`: invalid, `""`: invalid, `"92.32"`: invalid, "true": invalid, "null": invalid, "[]": invalid, "[9232]": invalid, "{}": invalid,
	}
	for amount, code := range amounts {
		faulty(t, d.call("POST", "/v1/payments", with("amount", amount)), wrong{"amount": code})
		for _, path := range []string{"/capture", "/refund"} {
			faulty(t, d.call("POST", "/v1/payments/pay_"+someID+path, `{"amount":`+amount+`}`), wrong{"amount": code})
		}
	}
	for _, amount := range []string{"1", "999999999999"} {
		accepted(t, newDoor(t).call("POST", "/v1/payments", with("amount", amount)), 201)
	}
}

func TestAWrongFieldIsRefusedByName(t *testing.T) {
	d := untouched(t)
	text := func(n int) string { return `"` + strings.Repeat("ä", n) + `"` }
	for _, c := range []struct{ field, value, param, code string }{
		{"currency", `"eur"`, "", fault.CodeCurrency}, {"currency", `"Eur"`, "", fault.CodeCurrency}, {"currency", `"XXQ"`, "", fault.CodeCurrency},
		{"currency", `""`, "", fault.CodeCurrency}, {"currency", `"EURO"`, "", fault.CodeCurrency}, {"currency", `" EUR"`, "", fault.CodeCurrency},
		{"currency", `978`, "", invalid}, {"currency", `null`, "", invalid}, {"currency", `["EUR"]`, "", invalid}, {"currency", `"EU\u0000"`, "", invalid},
		{"payment_method_token", `""`, "", missing}, {"payment_method_token", `"4242424242424242"`, "", problem.CodeCardNumber},
		{"payment_method_token", `"pm_tok_"`, "", invalid}, {"payment_method_token", `"pm_tok_short"`, "", invalid},
		{"payment_method_token", `"PM_TOK_` + someID + `"`, "", invalid}, {"payment_method_token", `"pay_` + someID + `"`, "", invalid},
		{"payment_method_token", `"` + someToken + `0"`, "", invalid}, {"payment_method_token", `"` + someToken[:len(someToken)-1] + `!"`, "", invalid},
		{"payment_method_token", text(100), "", invalid}, {"payment_method_token", `1`, "", invalid}, {"payment_method_token", `null`, "", invalid},
		{"confirm", `"true"`, "", invalid}, {"confirm", `1`, "", invalid}, {"confirm", `null`, "", invalid}, {"capture", `0`, "", invalid}, {"capture", `"no"`, "", invalid},
		{"capture_before", `"2027-01-01T00:00:00Z"`, "", invalid}, // with capture
		{"capture_before", `"tomorrow"`, "", invalid}, {"capture_before", `"2027-01-01"`, "", invalid}, {"capture_before", `1798761600`, "", invalid},
		{"statement_descriptor", `"ABC"`, "", invalid}, {"statement_descriptor", text(23), "", invalid}, {"statement_descriptor", `"12345"`, "", invalid},
		{"statement_descriptor", `"SHOP <1001>"`, "", invalid}, {"statement_descriptor", `""`, "", invalid}, {"statement_descriptor", `"     A"`, "", invalid}, {"statement_descriptor", `"SHOP A "`, "", invalid},
		{"statement_descriptor_suffix", `"  "`, "", invalid}, {"statement_descriptor_suffix", `" 1001"`, "", invalid},
		{"description", text(501), "", invalid}, {"description", `"a\u0000b"`, "", invalid}, {"description", `7`, "", invalid},
		{"expires_in", `59`, "", invalid}, {"expires_in", `0`, "", invalid}, {"expires_in", `2592001`, "", invalid}, {"expires_in", `60.0`, "", invalid},
		{"routing", `{}`, "routing.provider_accounts", missing}, {"routing", `"alpha"`, "", invalid}, {"routing", `{"provider_accounts":"alpha"}`, "routing.provider_accounts", invalid},
		{"routing", `{"provider_accounts":["alpha","Be ta"]}`, "routing.provider_accounts[1]", invalid}, {"routing", `{"provider_accounts":[""]}`, "routing.provider_accounts[0]", invalid},
		{"routing", `{"provider_accounts":["beta","alpha","beta"]}`, "routing.provider_accounts[2]", invalid},
		{"routing", `{"provider_accounts":[1]}`, "routing.provider_accounts[0]", invalid},
		{"routing", `{"provider_accounts":["a","b","c","d","e","f","g","h","i","j","k"]}`, "routing.provider_accounts", invalid},
		{"routing", `{"provider_accounts":[],"x":1}`, "routing.x", unknown},
		{"metadata", `[]`, "", invalid}, {"metadata", `"x"`, "", invalid}, {"metadata", `null`, "", invalid}, {"metadata", `{"k":1}`, "metadata.k", invalid},
		{"metadata", `{"k":null}`, "metadata.k", invalid}, {"metadata", `{"k":{"a":"b"}}`, "metadata.k", invalid}, {"metadata", `{"k":"a\u0000"}`, "metadata.k", invalid},
		{"metadata", `{"":"v"}`, "metadata.", invalid}, {"metadata", `{"a\u0000":"v"}`, "metadata.a\x00", invalid}, {"metadata", `{"k":` + text(501) + `}`, "metadata.k", invalid},
		{"metadata", `{` + text(41) + `:"v"}`, "metadata." + strings.Repeat("ä", 40) + "…", invalid},
		{"metadata", `{"k":"4242424242424242"}`, "metadata.k", problem.CodeCardNumber}, {"description", `"card 4242 4242 4242 4242"`, "", problem.CodeCardNumber},
		{"statement_descriptor", `"A4242424242424242"`, "", problem.CodeCardNumber}, {"metadata", entries(51), "", invalid}, {"metadata", `{"k":"a","k":"b"}`, "metadata.k", duplicate},
		{"return_url", text(2001), "", invalid}, {"return_url", `7`, "", invalid}, {"off_session", `"yes"`, "", invalid},
		{"three_ds", `"request"`, "", invalid}, {"three_ds", `{"challenge":"please"}`, "three_ds.challenge", invalid}, {"three_ds", `{"exemption":"any"}`, "three_ds.exemption", invalid},
		{"three_ds", `{"challenges":"auto"}`, "three_ds.challenges", unknown}, {"device", `{}`, "device.session", missing},
		{"device", `{"session":"pay_` + someID + `"}`, "device.session", invalid}, {"device", `{"session":"ds_x"}`, "device.session", invalid},
		{"amounts", `1`, "", unknown}, {"Amount", `1`, "", unknown}, {"customer", `null`, "", invalid}, {"customer", `""`, "", invalid}, {"customer", `"pm_` + someID + `"`, "", invalid}, {"customer", `"` + someToken + `"`, "", invalid},
		{"queue_until", `"tomorrow"`, "", invalid}, {"retry", `"smart"`, "", invalid}, {"retry", `{}`, "retry.mode", missing}, {"retry", `{"mode":"often"}`, "retry.mode", invalid},
		{"retry", `{"mode":"smart","max_tries":1}`, "retry.max_tries", invalid}, {"retry", `{"mode":"smart","max_tries":16}`, "retry.max_tries", invalid},
		{"setup_future_usage", `"on_session"`, "", invalid}, {"setup_future_usage", `true`, "", invalid}, {"payment_method_token", `"cus_` + someID + `"`, "", invalid}, {"4242 4242 4242 4242", `1`, "[card number]", unknown},
	} {
		if c.param == "" {
			c.param = c.field
		}
		faulty(t, d.call("POST", "/v1/payments", with(c.field, c.value)), wrong{c.param: c.code})
	}
}

// entries is metadata with n keys.
func entries(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"k%d":"v"`, i)
	}
	return "{" + strings.Join(all, ",") + "}"
}

func TestMetadataMayFillItsLimits(t *testing.T) {
	d := newDoor(t)
	key, value := strings.Repeat("ä", 40), strings.Repeat("€", 500)
	accepted(t, d.call("POST", "/v1/payments", with("metadata", `{"`+key+`":"`+value+`"}`)), 201)
	if got := d.payments.last.Metadata[key]; got != value {
		t.Errorf("kept %q", got)
	}
	accepted(t, d.call("POST", "/v1/payments", with("metadata", entries(50))), 201)
	if n := len(d.payments.last.Metadata); n != 50 {
		t.Errorf("kept %d keys", n)
	}
}

func TestEveryFaultOfARequestIsNamedAtOnce(t *testing.T) {
	d := untouched(t)
	body := `{"amount":-1,"currency":"eur","payment_method_token":"x","confirm":1,"capture":true,"capture_before":"2020-01-01T00:00:00Z",
		"statement_descriptor":"x","expires_in":1,"routing":{"provider_accounts":["A",7]},"metadata":{"k":1,"l":"ok","l":"again"},"nonsense":{"a":1,"a":2}}`
	faulty(t, d.call("POST", "/v1/payments?expand=attempts&a=1&a=2", body), wrong{
		"expand": unknown, "a": unknown, "amount": tooSmall, "currency": fault.CodeCurrency, "payment_method_token": invalid, "confirm": invalid,
		"capture_before": invalid, "statement_descriptor": invalid, "expires_in": invalid, "routing.provider_accounts[0]": invalid,
		"routing.provider_accounts[1]": invalid, "metadata.k": invalid, "metadata.l": duplicate, "nonsense": unknown, "nonsense.a": duplicate,
	})
	faulty(t, d.call("POST", "/v1/payments", `{}`), wrong{"amount": missing, "currency": missing, "payment_method_token": missing})
	faulty(t, d.call("POST", "/v1/payments/pay_"+someID+"/capture?x=1", ``), wrong{"x": unknown})
	faulty(t, d.call("POST", "/v1/webhook_endpoints", `{"events":[],"status":"enabled","metadata":{"":""}}`), wrong{
		"url": missing, "events": invalid, "status": unknown, "metadata.": invalid,
	})
	faulty(t, d.call("PATCH", "/v1/webhook_endpoints/we_"+someID, `{"events":["payment.exploded","*"],"status":"on","url":"https://x.example"}`), wrong{
		"events[0]": invalid, "status": invalid, "url": unknown,
	})
	faulty(t, d.call("POST", "/v1/payments/pay_"+someID+"/refund", `{"amount":0,"reason":"a\nb","metadata":{"k":false}}`), wrong{
		"amount": tooSmall, "reason": invalid, "metadata.k": invalid,
	})
	faulty(t, d.call("POST", "/v1/payments/pay_"+someID+"/confirm", `{"payment_method_token":"tok","amount":1}`), wrong{
		"payment_method_token": invalid, "amount": unknown,
	})
	faulty(t, d.call("POST", "/v1/payments/pay_"+someID+"/cancel", `{"reason":`+`"`+strings.Repeat("x", 201)+`"}`), wrong{"reason": invalid})
}

func TestAHundredFaultsAreEnough(t *testing.T) {
	d := untouched(t)
	all := make([]string, 3000)
	for i := range all {
		all[i] = fmt.Sprintf(`"x%d":1`, i)
	}
	p := refused(t, d.call("POST", "/v1/payments", "{"+strings.Join(all, ",")+"}"), 400, unknown)
	if len(p.Errors) != strict.MaxFaults {
		t.Errorf("%d faults are told", len(p.Errors))
	}
}

func TestAKeyThatStandsTwiceIsRefusedAtAnyDepth(t *testing.T) {
	d := untouched(t)
	for body, want := range map[string]wrong{
		`{"amount":1,"amount":2,"currency":"EUR","confirm":false}`:                                                {"amount": duplicate},
		`{"amount":1,"\u0061mount":2,"currency":"EUR","confirm":false}`:                                           {"amount": duplicate},
		with("routing", `{"provider_accounts":["alpha"],"provider_accounts":["beta"]}`):                           {"routing.provider_accounts": duplicate},
		with("x", `[{"a":{"b":1,"b":2}}]`):                                                                        {"x": unknown, "x[0].a.b": duplicate},
		with("metadata", strings.Replace(entries(20), `"k19"`, `"k3"`, 1)):                                        {"metadata.k3": duplicate},
		with("description", `{"a":1,"a":1}`):                                                                      {"description": invalid, "description.a": duplicate},
		`{"amount":1,"currency":"EUR","confirm":false,"confirm":true,"payment_method_token":"` + someToken + `"}`: {"confirm": duplicate},
	} {
		faulty(t, d.call("POST", "/v1/payments", body), want)
	}
}

func TestABodyThatIsNotOneJSONObjectIsRefused(t *testing.T) {
	d := untouched(t)
	deep := func(n int) string { return with("x", strings.Repeat("[", n)+strings.Repeat("]", n)) }
	for name, body := range map[string]string{
		"nothing but space": " ", "a word": "amount", "a form": "amount=9232&currency=EUR", "an array": "[" + order + "]", "a string": `"{}"`, "null": "null", "a number": "1",
		"cut off": order[:len(order)-1], "cut in a string": `{"amount":1,"currency":"EU`, "cut in an escape": `{"currency":"\u00`, "a trailing comma": `{"amount":1,}`,
		"no comma": `{"amount":1 "currency":"EUR"}`, "no colon": `{"amount" 1}`, "no value": `{"amount":}`, "single quotes": `{'amount':1}`, "bare key": `{amount:1}`,
		"something behind": order + "x", "two objects": order + order, "a comment": "{/* */}", "NaN": with("amount", "NaN"), "Infinity": with("amount", "Infinity"),
		"leading zero": with("amount", "0123"), "plus": with("amount", "+1"), "hex": with("amount", "0x10"), "dot": with("amount", "1."), "bare dot": with("amount", ".5"), "minus": with("amount", "-"),
		"bare exponent": with("amount", "1e"), "True": with("confirm", "True"), "NUL": "{\x00}", "NUL in a string": with("description", "\"a\x00b\""), "NUL behind": order + "\x00",
		"a raw newline in a string": with("description", "\"a\nb\""), "not UTF-8": with("description", "\"\xff\""), "overlong UTF-8": with("description", "\"\xc0\x80\""),
		"UTF-16": "{\x00\"\x00}\x00", "a byte order mark": "\xef\xbb\xbf" + order, "half a surrogate": with("description", `"\ud83d"`), "surrogates in the wrong order": with("description", `"\ude00\ud83d"`),
		"unknown escape": with("description", `"\x41"`), "an encoded surrogate": with("description", "\"\xed\xa0\xbd\""),
		"nested deep": deep(strict.MaxDepth), "nested very deep": deep(100_000), "nested and never closed": `{"x":` + strings.Repeat(`{"a":`, 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			p := refused(t, d.call("POST", "/v1/payments", body), 400, problem.CodeMalformed)
			if p.Detail == "" || len(p.Detail) > 200 || len(p.Errors) > 0 {
				t.Errorf("told %+v", p)
			}
		})
	}
	p := refused(t, d.call("POST", "/v1/payments", ""), 400, problem.CodeMalformed)
	if p.Detail != "request body is required" {
		t.Errorf("of no body it says %q", p.Detail)
	}
	faulty(t, d.call("POST", "/v1/payments", deep(strict.MaxDepth-2)), wrong{"x": unknown}) // as deep as may be
}

func TestABodyOfAnotherTypeIsRefusedUnread(t *testing.T) {
	d := untouched(t)
	for _, c := range [][]string{
		{"Content-Type", ""}, {"Content-Type", "text/plain"}, {"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Type", "application/jsonx"},
		{"Content-Type", "application/problem+json"}, {"Content-Type", "application/json; charset=latin1"}, {"Content-Type", "application/json, text/plain"},
		{"Content-Encoding", "gzip"},
	} {
		for _, path := range []string{"/v1/payments", "/v1/payments/pay_" + someID + "/capture", "/v1/webhook_endpoints"} {
			refused(t, d.call("POST", path, order, c...), 415, problem.CodeMediaType)
		}
	}
	for _, kind := range []string{"application/json", "APPLICATION/JSON", "application/json;charset=utf-8", `application/json; charset="UTF-8"`} {
		accepted(t, newDoor(t).call("POST", "/v1/payments", order, "Content-Type", kind), 201)
	}
}

// endless is a body whose length nobody knows.
type endless struct{ io.Reader }

func TestABodyOverItsBoundIsRefused(t *testing.T) {
	d := untouched(t)
	fill := func(size int) string {
		const head, tail = `{"amount":9232,"currency":"EUR","confirm":false`, `}`
		return head + strings.Repeat(" ", size-len(head)-len(tail)) + tail
	}
	for _, path := range []string{"/v1/payments", "/v1/payments/pay_" + someID + "/refund", "/v1/webhook_endpoints", "/in/acct_dev/alpha"} {
		for _, body := range []io.Reader{
			strings.NewReader(fill(2 << 20)), strings.NewReader(fill(maxBody + 1)), endless{strings.NewReader(fill(2 << 20))}, endless{strings.NewReader(fill(maxBody + 1))},
		} {
			r := httptest.NewRequest("POST", path, body)
			r.Header = http.Header{"Content-Type": {jsonType}, "Authorization": {"Bearer sk_test_dev"}}
			w := httptest.NewRecorder()
			d.Handler().ServeHTTP(w, r)
			refused(t, w, 413, problem.CodeTooLarge)
		}
	}
	accepted(t, newDoor(t).call("POST", "/v1/payments", fill(maxBody)), 201)
}

func TestACardNumberInTheWrongPlaceIsNotToldBack(t *testing.T) {
	const number = "4000000000009995"
	d := newDoor(t)
	for _, w := range []*httptest.ResponseRecorder{
		d.call("POST", "/v1/payments", with("payment_method_token", `"`+number+`"`)),
		d.call("POST", "/v1/payments", with(number, `1`)),
		d.call("POST", "/v1/payments", with("card", `{"number":"`+number+`","`+number+`":1,"`+number+`":2}`)),
		d.call("POST", "/v1/payments", with("amount", number)),
		d.call("POST", "/v1/payments", with("currency", `"`+number+`"`)),
		d.call("POST", "/v1/payments", `{"`+number),
		d.call("GET", "/v1/payments?"+number+"=1&starting_after="+number+"&status="+number, ""),
		d.call("GET", "/v1/payments?limit="+number, ""),
		d.call("GET", "/v1/payments?created_at[gte]="+number, ""),
		d.call("GET", "/v1/payments/"+number, ""),
		d.call("GET", "/"+number, ""),
		d.call("POST", "/v1/payments", order, "Idempotency-Key", `"`+number),
		d.call("GET", "/v1/payments", "", "Florin-Version", number),
		d.call("GET", "/v1/payments", "", "Authorization", "Bearer "+number),
	} {
		if w.Code < 400 || w.Code >= 500 || strings.Contains(w.Body.String(), number) {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	if strings.Contains(d.log.String(), number) {
		t.Errorf("logged %s", d.log)
	}
}

// A longer one would leave no room for the name on the shortest statement.
func TestASuffixMayBeAsLongAsStatementsHaveRoom(t *testing.T) {
	d := newDoor(t)
	body := func(n int) string {
		return `{"amount":1,"currency":"EUR","payment_method_token":"` + someToken + `","statement_descriptor_suffix":"` + strings.Repeat("x", n) + `"}`
	}
	accepted(t, d.call("POST", "/v1/payments", body(descriptor.MaxSuffix)), 201)
	faulty(t, d.call("POST", "/v1/payments", body(descriptor.MaxSuffix+1)), wrong{"statement_descriptor_suffix": invalid})
}
