package test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

func TestCustomers(t *testing.T) {
	t.Parallel()
	onBothEngines(t, payers)
}

// payers is the walk through docs/customers.md: know somebody, save their card, charge it with them and without them, erase them.
func payers(t *testing.T, f *florin) {
	const name, email, street, ip = "Wilhelmina Quackenbush", "wilhelmina.quackenbush@shop.example", "Zaubernusstraße 7", "2001:db8:77:aa:bb:cc:dd:ee"
	hooks := f.listen()
	who := f.post("/v1/customers", "customer", map[string]any{"name": name, "email": email, "reference": "user-quackenbush", "address": map[string]any{"line1": street, "country": "DE"}}).
		want(t, http.StatusCreated, "make a customer").text("id")
	found := func(path string) []any {
		data, _ := f.get(path).want(t, http.StatusOK, path).object["data"].([]any)
		return data
	}
	if data := found("/v1/customers?email=" + email); len(data) != 1 || data[0].(map[string]any)["id"] != who {
		t.Fatalf("found %v", data)
	}
	browser := f.do(request{method: "POST", url: f.vault + "/v1/tokens", key: f.public, body: card(approved, "Ada Lovelace")}).want(t, http.StatusCreated, "token").text("id")
	method := f.post("/v1/payment_methods", "save", map[string]any{
		"token": browser, "customer": who, "consent": map[string]any{"text_version": "terms-1", "channel": "web", "ip": ip},
	}).want(t, http.StatusCreated, "save the card").text("id")
	if a := f.pay(browser, "stolen", 100, true); a.status != http.StatusConflict {
		t.Errorf("a saved token is charged as a token: %s", a)
	}

	early := f.post("/v1/payments", "early", map[string]any{"amount": 500, "currency": "EUR", "customer": who, "off_session": true})
	if early.status != http.StatusConflict || early.text("code") != "first_payment_missing" {
		t.Errorf("charged before they paid: %s", early)
	}
	first := f.post("/v1/payments", "first", map[string]any{"amount": 2000, "currency": "EUR", "payment_method_token": method}).want(t, http.StatusCreated, "pay")
	if first.text("status") != "captured" || first.text("customer") != who {
		t.Errorf("paid: %s", first)
	}
	later := f.post("/v1/payments", "later", map[string]any{"amount": 500, "currency": "EUR", "customer": who, "off_session": true}).want(t, http.StatusCreated, "charge them while they are away")
	if later.text("status") != "captured" {
		t.Errorf("charged: %s", later)
	}
	if kept := f.get("/v1/payment_methods/"+method).want(t, http.StatusOK, "the method"); kept.text("network_reference") != first.text("network_reference") || kept.text("first_payment") != first.text("id") {
		t.Errorf("kept: %s", kept)
	}
	f.post("/v1/payment_methods/"+method+"/withdraw_consent", "withdraw", map[string]any{}).want(t, http.StatusOK, "withdraw the consent")
	if a := f.post("/v1/payments", "withdrawn", map[string]any{"amount": 500, "currency": "EUR", "customer": who, "off_session": true}); a.text("code") != "consent_missing" {
		t.Errorf("charged against their will: %s", a)
	}

	f.post("/v1/customers/"+who+"/erase", "erase", map[string]any{}).want(t, http.StatusOK, "erase")
	hooks.wait(method, "payment_method.attached", "payment_method.updated", "payment_method.detached")
	for _, path := range []string{"/v1/customers/" + who, "/v1/payment_methods/" + method, "/v1/customers?limit=100"} {
		if a := f.get(path).want(t, http.StatusOK, path); bytes.Contains(a.body, []byte("uackenbush")) || bytes.Contains(a.body, []byte("2001:db8")) || bytes.Contains(a.body, []byte("4242")) {
			t.Errorf("%s still tells: %s", path, a)
		}
	}
	if a := f.post("/v1/payments", "gone", map[string]any{"amount": 500, "currency": "EUR", "payment_method_token": method}); a.status != http.StatusConflict {
		t.Errorf("charged after all: %s", a)
	}
	if data := found("/v1/payments?customer=" + who); len(data) != 2 {
		t.Errorf("the books have %d payments", len(data))
	}
	if n := f.charges(); n != 2 {
		t.Errorf("the acquirers have %d charges", n)
	}
	nowhere(t, f.dir, "uackenbush", "ilhelmina", street, ip)
}

// nowhere searches the files below a directory for texts.
func nowhere(t *testing.T, dir string, texts ...string) {
	t.Helper()
	searched := 0
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		body, err := os.ReadFile(path)
		for _, text := range texts {
			if bytes.Contains(body, []byte(text)) {
				t.Errorf("%s has %q", path, text)
			}
		}
		searched++
		return err
	}))
	if searched == 0 {
		t.Errorf("nothing is below %s", dir)
	}
}
