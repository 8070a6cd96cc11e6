package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
)

const ada = `{"name":"Ada Lovelace","email":"ada@shop.example","phone":"+4930123456","reference":"user-77","metadata":{"plan":"gold"},
	"address":{"line1":"Chausseestraße 1","line2":"Hof","city":"Berlin","state":"BE","postal_code":"10115","country":"DE"}}`

func TestAWrongFieldOfACustomerIsRefusedByName(t *testing.T) {
	d := untouched(t)
	text := func(n int) string { return `"` + strings.Repeat("ä", n) + `"` }
	for _, c := range []struct{ field, value, param, code string }{
		{"name", text(201), "", invalid}, {"name", `"a\nb"`, "", invalid}, {"name", `7`, "", invalid}, {"name", `"a\u0000"`, "", invalid},
		{"name", `"4242 4242 4242 4242"`, "", problem.CodeCardNumber},
		{"email", `"ada"`, "", invalid}, {"email", `"ada@"`, "", invalid}, {"email", `"@shop.example"`, "", invalid}, {"email", `"Ada <ada@shop.example>"`, "", invalid},
		{"email", `"a@shop.example, b@shop.example"`, "", invalid}, {"email", `" ada@shop.example"`, "", invalid}, {"email", `"ada@shop.example\r\nBcc: x@shop.example"`, "", invalid},
		{"email", `"` + strings.Repeat("a", 250) + `@x.example"`, "", invalid}, {"email", `["ada@shop.example"]`, "", invalid}, {"email", `"ada@shop.example?subject=x"`, "", invalid}, {"email", `"ada@[127.0.0.1]"`, "", invalid},
		{"phone", `"030123456"`, "", invalid}, {"phone", `"+0301234567"`, "", invalid}, {"phone", `"+49 30 123456"`, "", invalid}, {"phone", `"+123456"`, "", invalid},
		{"phone", `"+1234567890123456"`, "", invalid}, {"phone", `4930123456`, "", invalid},
		{"reference", text(201), "", invalid}, {"reference", `"a\tb"`, "", invalid}, {"reference", `{}`, "", invalid},
		{"metadata", `{"k":1}`, "metadata.k", invalid}, {"metadata", entries(51), "", invalid},
		{"address", `"Berlin"`, "", invalid}, {"address", `[]`, "", invalid}, {"address", `{"street":"x"}`, "address.street", unknown},
		{"address", `{"line1":` + text(201) + `}`, "address.line1", invalid}, {"address", `{"line2":"a\nb"}`, "address.line2", invalid}, {"address", `{"city":` + text(101) + `}`, "address.city", invalid},
		{"address", `{"state":1}`, "address.state", invalid}, {"address", `{"postal_code":` + text(21) + `}`, "address.postal_code", invalid},
		{"address", `{"country":"Germany"}`, "address.country", invalid}, {"address", `{"country":"de"}`, "address.country", invalid}, {"address", `{"country":"D1"}`, "address.country", invalid},
		{"erased_at", `"2026-11-22T12:00:00Z"`, "", unknown}, {"id", `"cus_x"`, "", unknown},
	} {
		if c.param == "" {
			c.param = c.field
		}
		body := `{"` + c.field + `":` + c.value + `}`
		faulty(t, d.call("POST", "/v1/customers", body), wrong{c.param: c.code})
		faulty(t, d.call("PATCH", "/v1/customers/cus_"+someID, body), wrong{c.param: c.code})
	}
	for _, field := range []string{"name", "email", "phone", "reference", "address", "metadata"} { // PATCH takes null, but for metadata
		faulty(t, d.call("POST", "/v1/customers", `{"`+field+`":null}`), wrong{field: invalid})
	}
	faulty(t, d.call("PATCH", "/v1/customers/cus_"+someID, `{"metadata":null}`), wrong{"metadata": invalid})
	faulty(t, d.call("POST", "/v1/customers/cus_"+someID+"/erase", `{"really":true}`), wrong{"really": unknown})
}

// customer makes one, and gives its id.
func (d onceDoor) customer(t *testing.T, key string) (string, *httptest.ResponseRecorder) {
	t.Helper()
	w := d.call("POST", "/v1/customers", ada, "Idempotency-Key", key)
	made, ok := accepted(t, w, 201)["id"].(string)
	if !ok {
		t.Fatal("a customer without an id")
	}
	return made, w
}

func TestWhatIsWrittenOfACustomerIsRead(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		made, _ := d.customer(t, "k")
		got := accepted(t, d.call("GET", "/v1/customers/"+made, ""), 200)
		if got["name"] != "Ada Lovelace" || got["phone"] != "+4930123456" || got["reference"] != "user-77" || got["address"].(map[string]any)["country"] != "DE" || got["erased_at"] != nil {
			t.Errorf("read %v", got)
		}
		got = accepted(t, d.call("PATCH", "/v1/customers/"+made, `{"name":null,"address":null,"phone":"+4930999999","metadata":{}}`), 200)
		if got["name"] != nil || got["address"] != nil || got["phone"] != "+4930999999" || got["email"] != "ada@shop.example" || len(got["metadata"].(map[string]any)) > 0 {
			t.Errorf("changed to %v", got)
		}
		for query, want := range map[string]int{"email=ADA@shop.example": 1, "reference=user-77": 1, "email=grace@shop.example": 0, "reference=user-7": 0, "": 1} {
			if data := accepted(t, d.call("GET", "/v1/customers?"+query, ""), 200)["data"].([]any); len(data) != want {
				t.Errorf("%q finds %v", query, data)
			}
		}
	})
}

// Repeats are answered as the first was, byte for byte, until the customer is erased: then nothing of them is told again.
func TestARepeatTellsNothingOfWhoWasErased(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		for name, erase := range map[string]func(path string) *httptest.ResponseRecorder{
			"erase": func(path string) *httptest.ResponseRecorder {
				return d.call("POST", path+"/erase", "", "Idempotency-Key", "gone")
			},
			"delete": func(path string) *httptest.ResponseRecorder { return d.call("DELETE", path, "") },
		} {
			made, first := d.customer(t, name)
			path := "/v1/customers/" + made
			repeat := func() *httptest.ResponseRecorder {
				return d.call("POST", "/v1/customers", ada, "Idempotency-Key", name)
			}
			changed := d.call("PATCH", path, `{"reference":"user-78"}`, "Idempotency-Key", name)
			same(t, first, repeat())
			same(t, changed, d.call("PATCH", path, `{"reference":"user-78"}`, "Idempotency-Key", name))
			if w := erase(path); w.Code > 299 {
				t.Fatalf("%s: %d %s", name, w.Code, w.Body)
			}
			for _, w := range []*httptest.ResponseRecorder{repeat(), d.call("PATCH", path, `{"reference":"user-78"}`, "Idempotency-Key", name), d.call("GET", path, "")} {
				if w.Code > 299 || strings.Contains(w.Body.String(), "Ada") || strings.Contains(w.Body.String(), "user-7") || !strings.Contains(w.Body.String(), `"erased_at":"2026`) {
					t.Errorf("after %s: %d %s", name, w.Code, w.Body)
				}
			}
			refused(t, d.call("PATCH", path, `{"name":"Ada"}`), 409, customer.CodeErased)
			record, _, err := audit.NewTrail(d.db).List(t.Context(), tenant, db.Page{Limit: 10}, audit.Filter{Object: made})
			if err != nil || len(record) != 3 || record[0].Action != "customer.erased" || record[1].Action != "customer.updated" || record[1].Detail["reference"] != "replaced" || record[2].Action != "customer.created" {
				t.Errorf("the trail: %+v, %v", record, err)
			}
			for _, r := range record {
				if r.Actor == "" || r.RequestID == "" {
					t.Errorf("nobody did it: %+v", r)
				}
			}
		}
	})
}

func TestAStoredAnswerAboutACustomerIsSealed(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		d.customer(t, "k")
		record, found, err := d.keys.Find(t.Context(), idempotency.Key{Merchant: tenant, Method: "POST", Path: "/v1/customers", Key: "k", Body: []byte(ada)})
		if err != nil || !found || len(record.Answer) == 0 || bytes.Contains(record.Answer, []byte("Ada")) {
			t.Errorf("stored %q, %t, %v", record.Answer, found, err)
		}
	})
}

// savedCards is a vault of cards whose tokens end in their fingerprint.
type savedCards struct{}

func (savedCards) Describe(_ context.Context, merchant, token string) (customer.Card, bool, error) {
	if merchant != tenant {
		return customer.Card{}, false, fault.Missing("payment method token")
	}
	return customer.Card{Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030, Funding: "credit", Fingerprint: token[len(token)-1:]}, false, nil
}

func (savedCards) Forget(context.Context, string, string) error { return nil }

type freeTokens struct{}

func (freeTokens) ClaimToken(context.Context, *db.Change, string, string, string) error { return nil }
func (freeTokens) ClaimLost(error) bool                                                 { return false }
func (freeTokens) TokenBusy(context.Context, string, string) (bool, error)              { return false, nil }

// savedEvents is the outbox as payments make it.
type savedEvents struct {
	outbox *event.Outbox
	clock  clock.Clock
}

func (e savedEvents) Tell(ctx context.Context, c *db.Change, did customer.Did, m customer.Method) error {
	return e.outbox.Emit(ctx, c, event.Fact{Type: event.Type("payment_method." + did), Subject: m.ID, Thread: m.ID, Sequence: m.Version + 1, Object: m.Told()}, e.clock.Now())
}

func (e savedEvents) Committed(c *db.Change) { e.outbox.Committed(c) }

// keeping is the body that saves a token for a customer.
func keeping(owner, more string) string {
	return `{"token":"` + someToken + `","customer":"` + owner + `"` + more + `}`
}

func TestAWrongFieldOfASavedMethodIsRefusedByName(t *testing.T) {
	d := untouched(t)
	text := func(n int) string { return `"` + strings.Repeat("ä", n) + `"` }
	consent := func(more string) string { return `{"channel":"web","text_version":"v1"` + more + `}` }
	for _, c := range []struct{ field, value, param, code string }{
		{"consent", `{}`, "consent.channel", missing}, {"consent", `"yes"`, "", invalid}, {"consent", `null`, "", invalid}, {"consent", consent(`,"x":1`), "consent.x", unknown},
		{"consent", `{"channel":"web"}`, "consent.text_version", missing}, {"consent", `{"channel":"fax","text_version":"v"}`, "consent.channel", invalid},
		{"consent", `{"channel":"web","text_version":` + text(101) + `}`, "consent.text_version", invalid}, {"consent", `{"channel":"web","text_version":"a\nb"}`, "consent.text_version", invalid},
		{"consent", consent(`,"text_sha256":"abc"`), "consent.text_sha256", invalid}, {"consent", consent(`,"text_sha256":"` + strings.Repeat("A", 64) + `"`), "consent.text_sha256", invalid},
		{"consent", consent(`,"ip":"203.0.113"`), "consent.ip", invalid}, {"consent", consent(`,"ip":"fe80::1%eth0"`), "consent.ip", invalid}, {"consent", consent(`,"ip":7`), "consent.ip", invalid},
		{"consent", consent(`,"given_at":"2999-01-01T00:00:00Z"`), "consent.given_at", invalid}, {"consent", consent(`,"given_at":"today"`), "consent.given_at", invalid},
		{"metadata", `{"k":1}`, "metadata.k", invalid}, {"metadata", entries(51), "", invalid}, {"card", `{}`, "", unknown},
	} {
		if c.param == "" {
			c.param = c.field
		}
		want := wrong{c.param: c.code}
		faulty(t, d.call("POST", "/v1/payment_methods", keeping("cus_"+someID, `,"`+c.field+`":`+c.value)), want)
		faulty(t, d.call("PATCH", "/v1/payment_methods/pm_"+someID, `{"`+c.field+`":`+c.value+`}`), want)
	}
	for body, want := range map[string]wrong{
		`{}`: {"token": missing, "customer": missing},
		`{"token":"pm_` + someID + `","customer":"` + someToken + `"}`: {"token": invalid, "customer": invalid},
		`{"token":"4242424242424242","customer":7}`:                    {"token": problem.CodeCardNumber, "customer": invalid},
		`{"token":"","customer":""}`:                                   {"token": invalid, "customer": invalid},
	} {
		faulty(t, d.call("POST", "/v1/payment_methods", body), want)
	}
	faulty(t, d.call("PATCH", "/v1/payment_methods/pm_"+someID, keeping("cus_"+someID, "")), wrong{"token": unknown, "customer": unknown})
	faulty(t, d.call("POST", "/v1/payment_methods/pm_"+someID+"/withdraw_consent", `{"why":"x"}`), wrong{"why": unknown})
	faulty(t, d.call("PATCH", "/v1/customers/cus_"+someID, `{"default_payment_method":"`+someToken+`"}`), wrong{"default_payment_method": invalid})
}

func TestASavedMethodFromItsBeginningToItsEnd(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		owner, _ := d.customer(t, "owner")
		body := keeping(owner, `,"consent":{"text_version":"terms-1","ip":"203.0.113.7","channel":"app"},"metadata":{"label":"blue"}`)
		first := d.call("POST", "/v1/payment_methods", body, "Idempotency-Key", "k")
		made := accepted(t, first, 201)
		path := "/v1/payment_methods/" + made["id"].(string)
		same(t, first, d.call("POST", "/v1/payment_methods", body, "Idempotency-Key", "k"))
		got := accepted(t, d.call("GET", path, ""), 200)
		consent := got["consent"].(map[string]any)
		if got["customer"] != owner || got["card"].(map[string]any)["last4"] != "4242" || consent["ip"] != "203.0.113.7" || consent["channel"] != "app" || consent["given_at"] != start.Format(time.RFC3339) {
			t.Errorf("read %v", got)
		}
		if c := accepted(t, d.call("GET", "/v1/customers/"+owner, ""), 200); c["default_payment_method"] != made["id"] {
			t.Errorf("the first is not the default: %v", c)
		}
		if data := accepted(t, d.call("GET", "/v1/customers/"+owner+"/payment_methods", ""), 200)["data"].([]any); len(data) != 1 {
			t.Errorf("attached are %v", data)
		}
		withdrawn := d.call("POST", path+"/withdraw_consent", "", "Idempotency-Key", "w")
		if c := accepted(t, withdrawn, 200)["consent"].(map[string]any); c["withdrawn_at"] != start.Format(time.RFC3339) {
			t.Errorf("withdrawn: %v", c)
		}
		same(t, withdrawn, d.call("POST", path+"/withdraw_consent", "", "Idempotency-Key", "w"))
		renewed := accepted(t, d.call("PATCH", path, `{"consent":{"text_version":"terms-2","channel":"web"},"metadata":{}}`), 200)
		if c := renewed["consent"].(map[string]any); c["withdrawn_at"] != nil || c["text_version"] != "terms-2" || c["ip"] != nil || len(renewed["metadata"].(map[string]any)) > 0 {
			t.Errorf("renewed: %v", renewed)
		}
		for range 2 {
			if w := d.call("DELETE", path, ""); w.Code != 204 {
				t.Errorf("detached: %d %s", w.Code, w.Body)
			}
		}
		if got := accepted(t, d.call("GET", path, ""), 200); got["detached_at"] == nil || got["card"] == nil {
			t.Errorf("detached: %v", got)
		}
		refused(t, d.call("PATCH", path, `{"metadata":{"k":"v"}}`), 409, customer.CodeDetached)
		refused(t, d.call("PATCH", "/v1/customers/"+owner, `{"default_payment_method":"`+made["id"].(string)+`"}`), 400, invalid)
		if c := accepted(t, d.call("GET", "/v1/customers/"+owner, ""), 200); c["default_payment_method"] != nil {
			t.Errorf("the default is a method that is detached: %v", c)
		}
		var types []string
		for _, e := range accepted(t, d.call("GET", "/v1/events?subject="+made["id"].(string), ""), 200)["data"].([]any) {
			types = append(types, e.(map[string]any)["type"].(string))
			if text, err := json.Marshal(e); err != nil || strings.Contains(string(text), "203.0.113.7") {
				t.Errorf("an event tells where the customer was: %s, %v", text, err)
			}
		}
		if want := []string{"payment_method.detached", "payment_method.updated", "payment_method.updated", "payment_method.attached"}; !slices.Equal(types, want) {
			t.Errorf("events %v, want %v", types, want)
		}
		if w := d.call("POST", "/v1/customers/"+owner+"/erase", ""); w.Code != 200 {
			t.Fatal(w.Body)
		}
		for _, w := range []*httptest.ResponseRecorder{d.call("POST", "/v1/payment_methods", body, "Idempotency-Key", "k"), d.call("GET", path, "")} {
			if w.Code > 299 || strings.Contains(w.Body.String(), "4242") || strings.Contains(w.Body.String(), "203.0") || strings.Contains(w.Body.String(), "terms") {
				t.Errorf("of an erased customer: %d %s", w.Code, w.Body)
			}
		}
		refused(t, d.call("POST", "/v1/payment_methods", body), 409, customer.CodeErased)
		refused(t, d.call("POST", "/v1/payment_methods", keeping("cus_"+someID, "")), 404, fault.CodeNotFound)
	})
}

func TestAPaymentTellsWhoPaysAndWhatTheyAgreeTo(t *testing.T) {
	d := newDoor(t)
	accepted(t, d.call("POST", "/v1/payments", `{"amount":1,"currency":"EUR","customer":"cus_`+someID+`","payment_method_token":"pm_`+someID+`","setup_future_usage":"off_session"}`), 201)
	if c := d.payments.last; c.Customer != "cus_"+someID || c.Choice.Token != "pm_"+someID || !c.Asked.Setup || c.Asked.OffSession {
		t.Errorf("asked for %+v", c)
	}
	accepted(t, d.call("POST", "/v1/payments", `{"amount":1,"currency":"EUR","customer":"cus_`+someID+`","off_session":true}`), 201)
	if c := d.payments.last; c.Choice.Token != "" || c.Asked.Setup || !c.Asked.OffSession || !c.Confirm {
		t.Errorf("asked for %+v", c)
	}
}

func TestWhatIsAskedOfRetriesIsPassedOn(t *testing.T) {
	d := newDoor(t)
	body := `{"amount":1,"currency":"EUR","payment_method_token":"pm_` + someID + `","off_session":true`
	accepted(t, d.call("POST", "/v1/payments", body+`,"queue_until":"2026-11-23T00:00:00Z","retry":{"mode":"smart","until":"2026-12-01T00:00:00Z","max_tries":5}}`), 201)
	want := payment.Smart{Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), MaxTries: 5}
	if c := d.payments.last; c.Retry == nil || *c.Retry != want || !c.QueueUntil.Equal(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("asked for %+v until %v", c.Retry, c.QueueUntil)
	}
	accepted(t, d.call("POST", "/v1/payments", body+`}`), 201)
	if c := d.payments.last; c.Retry != nil || !c.QueueUntil.IsZero() {
		t.Errorf("asked for %+v until %v", c.Retry, c.QueueUntil)
	}
}
