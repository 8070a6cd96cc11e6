package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/fault"
)

// FuzzDecode holds the reader against encoding/json: what it reads is JSON, and what it cannot read is none, or is what it
// refuses on purpose.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		order, "{}", `{"amount":1e2}`, `{"amount":-0,"currency":"EUR"}`, `{"metadata":{"a":"\ud83d\ude00\n"}}`, `{"x":[[[{"a":null}]],true,false,1.5E+9]}`,
		`{"routing":{"provider_accounts":["alpha"]}} `, `{"amount":1,"amount":2}`, `{"description":"\u0000"}`, "{\"a\":\"\x7f\"}", `{"a":"\ud800"}`, "[", `{"a":01}`, "\xef\xbb\xbf{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		body, err := decode[createPayment](&request{}, data, start)
		if !bytes.Equal(before, data) {
			t.Fatal("the body was changed")
		}
		valid := json.Valid(data) && utf8.Valid(data)
		switch {
		case fault.Is(err, fault.Malformed):
			var object map[string]json.RawMessage
			onPurpose := strings.Contains(err.Error(), "surrogate") || strings.Contains(err.Error(), "too deep") || json.Unmarshal(data, &object) != nil || object == nil
			if valid && !onPurpose {
				t.Errorf("%q is JSON: %v", data, err)
			}
		case err != nil && !fault.Is(err, fault.Invalid):
			t.Errorf("%q: %v", data, err)
		case !valid:
			t.Errorf("%q was read, and is not JSON", data)
		case err == nil:
			var other createPayment
			if json.Unmarshal(data, &other) != nil || body.Amount != other.Amount || body.Currency != other.Currency || body.Description != other.Description {
				t.Errorf("%q: read %+v, encoding/json reads %+v", data, body, other)
			}
		}
	})
}
