package sandbox

import (
	"bytes"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/florinpay/florin/internal/secret"
)

func TestWrongCredentialsAreRefused(t *testing.T) {
	s := newSite(t)
	for name, spoil := range map[string]func(*http.Request){
		"no key":            func(r *http.Request) { r.Header.Del("Authorization") },
		"another key":       func(r *http.Request) { r.Header.Set("Authorization", "Bearer key_beta") },
		"basic":             func(r *http.Request) { r.SetBasicAuth("key_alpha", "") },
		"no signature":      func(r *http.Request) { r.Header.Del("Acquirer-Signature") },
		"a wrong signature": func(r *http.Request) { r.Header.Set("Acquirer-Signature", strings.Repeat("00", 32)) },
		"not a signature":   func(r *http.Request) { r.Header.Set("Acquirer-Signature", "x") },
	} {
		r := s.request(t.Context(), http.MethodPost, "/alpha/v1/authorizations", charge("att_1", visa, "", true))
		spoil(r)
		if code, o := s.send(r); code != http.StatusUnauthorized || o.text("error") != "unauthorized" {
			t.Errorf("%s: %d %v", name, code, o)
		}
	}
	if rows, err := s.world.Transactions(""); len(rows) != 0 || err != nil {
		t.Errorf("%d transactions were made, %v", len(rows), err)
	}
	r := s.request(t.Context(), http.MethodGet, "/alpha/v1/authorizations?reference=att_1", nil)
	r.Header.Del("Authorization")
	if code, _ := s.send(r); code != http.StatusUnauthorized {
		t.Errorf("an inquiry without a key: %d", code)
	}
}

func TestAccountsDoNotSeeEachOther(t *testing.T) {
	s := newSite(t)
	s.register(Account{Acquirer: "alpha", APIKey: secret.New("other"), SigningKey: secret.New("sign")})
	o := s.authorized("att_1", visa, "", false, "authorized")
	as := func(method, path string, body any) int {
		r := s.request(t.Context(), method, path, body)
		r.Header.Set("Authorization", "Bearer other")
		code, _ := s.send(r)
		return code
	}
	if code := as("GET", "/alpha/v1/authorizations/"+o.text("id"), nil); code != http.StatusNotFound {
		t.Errorf("by id: %d", code)
	}
	if code := as("GET", "/alpha/v1/authorizations?reference=att_1", nil); code != http.StatusNotFound {
		t.Errorf("by reference: %d", code)
	}
	if code := as("POST", "/alpha/v1/authorizations/"+o.text("id")+"/voids", object{"reference": "voi_1"}); code != http.StatusNotFound {
		t.Errorf("void: %d", code)
	}
	if code := as("POST", "/alpha/v1/authorizations", charge("att_1", visa, "", false)); code != http.StatusCreated {
		t.Errorf("the same reference of another account: %d", code)
	}
}

func TestBadRequestsNameTheField(t *testing.T) {
	s := newSite(t)
	for field, bad := range map[string][]any{
		"amount":    {0, -1, 1_000_000_000_000},
		"currency":  {"", "eur", "XXX"},
		"reference": {"", strings.Repeat("r", 129)},
		"stored_credential": {
			object{"initiator": "bank"}, object{"initiator": "merchant"}, object{"initiator": "merchant", "network_reference": "1234567890123x5"},
			object{"initiator": "cardholder", "network_reference": "123456789012345"},
		},
	} {
		for _, value := range bad {
			body := maps.Clone(charge("att_1", visa, "", true))
			body[field] = value
			if code, o := s.post("/alpha/v1/authorizations", body); code != http.StatusBadRequest || !strings.Contains(o.text("message"), field) {
				t.Errorf("%s %v: %d %v", field, value, code, o)
			}
		}
	}
	for _, number := range []string{"", "4242", "4242x24242424242", "42424242424242424242"} {
		if code, o := s.post("/alpha/v1/authorizations", charge("att_1", number, "", true)); code != http.StatusBadRequest || number != "" && strings.Contains(o.String(), number) {
			t.Errorf("number %q: %d %v", number, code, o)
		}
	}
	whole := charge("att_1", visa, "", true).String()
	for _, body := range []string{``, `{`, `[]`, whole + `}`, whole + `]`, whole + whole, `{"captre":true}`, `{"amount":1.5}`, `{"amount":"5"}`, `{}{}`, `{"card":{"number":4242424242424242}}`, strings.Repeat("x", maxBody+1)} {
		r := s.request(t.Context(), http.MethodPost, "/alpha/v1/authorizations", nil)
		signed, err := http.NewRequest(http.MethodPost, r.URL.String(), bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		signed.Header = r.Header
		signed.Header.Set("Acquirer-Signature", hexSignature(body))
		if code, o := s.send(signed); code != http.StatusBadRequest || strings.Contains(o.String(), visa) {
			t.Errorf("%.40s: %d %v", body, code, o)
		}
	}
	if code, o := s.post("/alpha/v1/payments", object{}); code != http.StatusNotFound || o.text("error") != "not_found" {
		t.Errorf("a path that is not there: %d %v", code, o)
	}
}

func TestACardThatIsKeptIsChargedByItsAgreement(t *testing.T) {
	s := newSite(t)
	first := charge("att_1", visa, "", true)
	first["stored_credential"] = object{"initiator": "cardholder"}
	code, agreed := s.post("/alpha/v1/authorizations", first)
	if code != http.StatusCreated {
		t.Fatalf("%d %v", code, agreed)
	}
	later := charge("att_2", visa, "", true)
	later["stored_credential"] = object{"initiator": "merchant", "network_reference": agreed.text("network_reference")}
	if code, o := s.post("/alpha/v1/authorizations", later); code != http.StatusCreated || o.text("status") != "captured" || o.text("network_reference") == agreed.text("network_reference") {
		t.Errorf("%d %v", code, o)
	}
}

func TestSameReferenceIsOneTransaction(t *testing.T) {
	s := newSite(t)
	body := charge("att_1", visa, "", false)
	_, first := s.post("/alpha/v1/authorizations", body)
	s.post("/alpha/v1/authorizations/"+first.text("id")+"/captures", object{"reference": "cap_1", "amount": 9232, "final": true})
	code, again := s.post("/alpha/v1/authorizations", body)
	if code != http.StatusOK || again.String() != first.String() {
		t.Errorf("again: %d\n%v\n%v", code, first, again)
	}
	for field, value := range map[string]any{"amount": 1, "currency": "USD", "capture": true, "descriptor": "X"} {
		other := maps.Clone(body)
		other[field] = value
		if code, o := s.post("/alpha/v1/authorizations", other); code != http.StatusConflict || o.text("error") != "reference_reused" {
			t.Errorf("with another %s: %d %v", field, code, o)
		}
	}
	if code, o := s.post("/alpha/v1/authorizations", charge("att_1", "5555555555554444", "", false)); code != http.StatusConflict {
		t.Errorf("with another card: %d %v", code, o)
	}
	at := "/alpha/v1/authorizations/" + first.text("id")
	for _, c := range []struct {
		path string
		body object
	}{
		{at + "/captures", object{"reference": "cap_1", "amount": 1, "final": true}},
		{at + "/captures", object{"reference": "cap_1", "amount": 9232, "final": false}},
		{at + "/refunds", object{"reference": "cap_1", "amount": 9232}},
		{at + "/refunds", object{"reference": "att_1", "amount": 9232}},
		{at + "/voids", object{"reference": "cap_1"}},
	} {
		if code, o := s.post(c.path, c.body); code != http.StatusConflict || o.text("error") != "reference_reused" {
			t.Errorf("%s %v: %d %v", c.path, c.body, code, o)
		}
	}
}

func TestFiftyAtOnceAreOneTransaction(t *testing.T) {
	s := newSite(t)
	answers := make(chan object, 100)
	crowd := func(path string, body any) {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				code, o := s.post(path, body)
				if code != http.StatusOK && code != http.StatusCreated {
					t.Errorf("%d %v", code, o)
				}
				answers <- o
			})
		}
		all.Wait()
		first := <-answers
		for range 49 {
			if o := <-answers; o.String() != first.String() {
				t.Errorf("%v\n%v", first, o)
			}
		}
	}
	crowd("/alpha/v1/authorizations", charge("att_1", visa, "", false))
	if n, err := s.world.Charges("att_1"); n != 1 || err != nil {
		t.Fatalf("%d charges, %v", n, err)
	}
	_, o := s.get("/alpha/v1/authorizations?reference=att_1")
	crowd("/alpha/v1/authorizations/"+o.text("id")+"/captures", object{"reference": "cap_1", "amount": 5000, "final": true})
	crowd("/alpha/v1/authorizations/"+o.text("id")+"/refunds", object{"reference": "ref_1", "amount": 3000})
	if _, o := s.get("/alpha/v1/authorizations?reference=att_1"); o.num("amount_captured") != 5000 || o.num("amount_refunded") != 3000 {
		t.Errorf("%v", o)
	}
}

func TestRacingRefundsStayWithinTheCapture(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", visa, "", true, "captured")
	codes := make(chan int, 10)
	for i := range 10 {
		go func() {
			code, _ := s.post("/alpha/v1/authorizations/"+o.text("id")+"/refunds", object{"reference": "ref_" + string(rune('a'+i)), "amount": 5000})
			codes <- code
		}()
	}
	won := 0
	for range 10 {
		if <-codes == http.StatusCreated {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d refunds of 50 succeeded on a capture of 92.32", won)
	}
}

func TestPartialCapturesAndRelease(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", visa, "", false, "authorized")
	at := "/alpha/v1/authorizations/" + o.text("id")
	step := func(path string, body object, code int, status string, captured int64) {
		t.Helper()
		if got, answer := s.post(at+path, body); got != code {
			t.Fatalf("%s %v: %d %v", path, body, got, answer)
		}
		if _, now := s.get(at); now.text("status") != status || now.num("amount_captured") != captured {
			t.Fatalf("%s %v: %v", path, body, now)
		}
	}
	step("/captures", object{"reference": "cap_1", "amount": 5000, "final": false}, 201, "partially_captured", 5000)
	step("/captures", object{"reference": "cap_2", "amount": 4233, "final": false}, 409, "partially_captured", 5000)
	step("/captures", object{"reference": "cap_3", "amount": 232, "final": true}, 201, "captured", 5232)
	step("/captures", object{"reference": "cap_4", "amount": 1, "final": true}, 409, "captured", 5232)
	step("/voids", object{"reference": "voi_1"}, 409, "captured", 5232)
	step("/refunds", object{"reference": "ref_1", "amount": 5233}, 409, "captured", 5232)
	step("/refunds", object{"reference": "ref_2", "amount": 5232}, 201, "captured", 5232)

	o = s.authorized("att_2", visa, "", false, "authorized")
	at = "/alpha/v1/authorizations/" + o.text("id")
	step("/refunds", object{"reference": "ref_3", "amount": 1}, 409, "authorized", 0)
	step("/captures", object{"reference": "cap_5", "amount": 1, "final": false}, 201, "partially_captured", 1)
	step("/voids", object{"reference": "voi_2"}, 201, "captured", 1)

	o = s.authorized("att_3", visa, "", false, "authorized")
	at = "/alpha/v1/authorizations/" + o.text("id")
	step("/voids", object{"reference": "voi_3"}, 201, "voided", 0)
	step("/voids", object{"reference": "voi_4"}, 409, "voided", 0)
	step("/captures", object{"reference": "cap_6", "amount": 1, "final": false}, 409, "voided", 0)
	if code, op := s.get("/alpha/v1/operations?reference=voi_3"); code != 200 || op.text("kind") != "void" || op.num("amount") != 9232 {
		t.Errorf("inquiry: %d %v", code, op)
	}
}

func TestReversalByOurReference(t *testing.T) {
	s := newSite(t)
	reverse := func(reference, original string) (int, object) {
		return s.post("/alpha/v1/reversals", object{"reference": reference, "original_reference": original})
	}
	if code, o := reverse("voi_0", "att_none"); code != http.StatusNotFound || o.text("error") != "not_found" {
		t.Errorf("of nothing: %d %v", code, o)
	}
	s.authorized("att_1", visa, "", false, "authorized")
	code, first := reverse("voi_1", "att_1")
	if code != http.StatusCreated || first.text("status") != "succeeded" || first.text("kind") != "void" {
		t.Fatalf("of an authorization: %d %v", code, first)
	}
	if code, again := reverse("voi_1", "att_1"); code != http.StatusOK || again.String() != first.String() {
		t.Errorf("again: %d %v", code, again)
	}
	if code, _ := reverse("voi_1", "att_2"); code != http.StatusConflict {
		t.Errorf("the same reference for another: %d", code)
	}
	o := s.authorized("att_3", visa, "", true, "captured")
	if code, o := reverse("voi_3", "att_3"); code != http.StatusCreated || o.num("amount") != 9232 {
		t.Errorf("of a direct capture: %d %v", code, o)
	}
	if _, o := s.get("/alpha/v1/authorizations/" + o.text("id")); o.text("status") != "voided" || o.num("amount_captured") != 0 {
		t.Errorf("after it: %v", o)
	}
	if n, err := s.world.Charges("att_3"); n != 0 || err != nil {
		t.Errorf("%d charges, %v", n, err)
	}
	o = s.authorized("att_4", visa, "", true, "captured")
	s.post("/alpha/v1/authorizations/"+o.text("id")+"/refunds", object{"reference": "ref_4", "amount": 1})
	if code, _ := reverse("voi_4", "att_4"); code != http.StatusConflict {
		t.Errorf("of a refunded capture: %d", code)
	}
}

func TestCardFieldsMayBeNumbersOrText(t *testing.T) {
	s := newSite(t)
	for i, year := range []any{2030, "2030", "30", 30} {
		body := charge("att_"+string(rune('a'+i)), visa, "", true)
		body["card"].(object)["exp_year"] = year
		if code, o := s.post("/alpha/v1/authorizations", body); code != http.StatusCreated || o.text("status") != "captured" {
			t.Errorf("%v: %d %v", year, code, o)
		}
	}
}

func TestAnswerHasTheProtocolsShape(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", visa, "", true, "captured")
	for _, field := range []string{"id", "reference", "status", "amount", "amount_captured", "amount_refunded", "currency", "network_reference", "decline", "created_at", "operations"} {
		if _, ok := o[field]; !ok {
			t.Errorf("%s is missing: %v", field, o)
		}
	}
	if len(o) != 11 || len(o.text("network_reference")) != 15 || !strings.HasPrefix(o.text("id"), "alpha_auth_") {
		t.Errorf("%v", o)
	}
	op := o.operation(0)
	for _, field := range []string{"id", "reference", "authorization", "kind", "status", "amount", "currency", "created_at"} {
		if _, ok := op[field]; !ok {
			t.Errorf("%s is missing: %v", field, op)
		}
	}
	if len(op) != 8 {
		t.Errorf("%v", op)
	}
}
