package sandbox

import (
	"crypto/rand"
	"net/http"
	"testing"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

// tokenCharge is the body of an authorization by a device account number.
func tokenCharge(t *testing.T, reference, number string) object {
	t.Helper()
	cryptogram, err := stage.NewCryptogram(number, 8, 2030, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	body := charge(reference, number, "", true)
	body["card"] = object{"number": number, "exp_month": "08", "exp_year": 2030, "cryptogram": cryptogram}
	body["network_token"] = object{"wallet": "sandbox", "eci": stage.TokenECI(number)}
	return body
}

func TestANetworkTokenNeedsACryptogramOfItsOwnAndNo3DSecure(t *testing.T) {
	s := newSite(t)
	const visa, mastercard, secured = "4242424242424242", "5555555555554444", "4000002760003184"
	card := func(body object) object { return body["card"].(object) }
	for name, c := range map[string]struct {
		number string
		change func(object)
		reason string // empty: approved
	}{
		"good":                      {visa, func(object) {}, ""},
		"good, of Mastercard":       {mastercard, func(object) {}, ""},
		"whose card needs 3-D":      {secured, func(object) {}, ""},
		"without a cryptogram":      {visa, func(b object) { delete(card(b), "cryptogram") }, "cryptogram_missing"},
		"with one of another":       {visa, func(b object) { card(b)["cryptogram"] = card(tokenCharge(t, "x", mastercard))["cryptogram"] }, "cryptogram_invalid"},
		"with garbage":              {visa, func(b object) { card(b)["cryptogram"] = "AAAA" }, "cryptogram_invalid"},
		"with the ECI of another":   {visa, func(b object) { b["network_token"] = object{"wallet": "sandbox", "eci": "02"} }, "cryptogram_invalid"},
		"without money":             {"4000000000009995", func(object) {}, "insufficient_funds"},
		"secured, without the word": {secured, func(b object) { delete(card(b), "cryptogram") }, "cryptogram_missing"},
	} {
		body := tokenCharge(t, name, c.number)
		c.change(body)
		code, o := s.post("/alpha/v1/authorizations", body)
		if code != http.StatusCreated || o.sub("decline").text("reason") != c.reason || (o.text("status") == "captured") != (c.reason == "") {
			t.Errorf("a token %s: %d %v, want %q", name, code, o, c.reason)
		}
	}
}

func TestACryptogramIsTakenOnceAtEitherAcquirer(t *testing.T) {
	s := newSite(t)
	first := tokenCharge(t, "att_1", "4242424242424242")
	if _, o := s.post("/alpha/v1/authorizations", first); o.text("status") != "captured" {
		t.Fatalf("the first: %v", o)
	}
	if code, o := s.post("/alpha/v1/authorizations", first); code != http.StatusOK || o.text("status") != "captured" {
		t.Errorf("a repeat of the request is not answered as it was: %d %v", code, o)
	}
	again := tokenCharge(t, "att_2", "4242424242424242")
	again["card"] = first["card"]
	for _, acquirer := range []string{"alpha", "beta"} {
		again["reference"] = "att_" + acquirer
		if _, o := s.post("/"+acquirer+"/v1/authorizations", again); o.sub("decline").text("reason") != "cryptogram_used" {
			t.Errorf("a second payment at %s: %v", acquirer, o)
		}
	}
}

func TestATokenIsNotMixedWithWhatIsACards(t *testing.T) {
	s := newSite(t)
	for name, change := range map[string]func(object){
		"a cryptogram of a card": func(b object) { delete(b, "network_token") },
		"3-D Secure beside it":   func(b object) { b["three_ds"] = object{"eci": "05"} },
		"no wallet":              func(b object) { b["network_token"] = object{"eci": "05"} },
		"no ECI":                 func(b object) { b["network_token"] = object{"wallet": "sandbox"} },
	} {
		body := tokenCharge(t, name, "4242424242424242")
		change(body)
		if code, o := s.post("/alpha/v1/authorizations", body); code != http.StatusBadRequest || o.text("error") != "invalid" {
			t.Errorf("%s: %d %v", name, code, o)
		}
	}
}
