package api

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/idempotency"
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
		{"email", `"` + strings.Repeat("a", 250) + `@x.example"`, "", invalid}, {"email", `["ada@shop.example"]`, "", invalid},
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
			record, _, err := audit.About(t.Context(), d.db, tenant, made, db.Page{Limit: 10})
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
