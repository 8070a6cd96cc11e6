package test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
)

// triesOf is where a payment's tries went and how they ended: "alpha declined".
func (f *florin) triesOf(payment string) []string {
	f.t.Helper()
	shown := f.get("/v1/payments/"+payment+"?expand=attempts").want(f.t, http.StatusOK, "look at the attempts")
	list, _ := shown.object["attempts"].([]any)
	var all []string
	for _, one := range list {
		all = append(all, fmt.Sprint(dig(one, "provider"), " ", dig(one, "status")))
	}
	return all
}

// chargesOf is what the acquirers hold or took for one payment: acquirer and what was taken and not given back.
func (f *florin) chargesOf(payment string) map[string]int64 {
	f.t.Helper()
	charges := map[string]int64{}
	for _, x := range f.transactions() {
		if len(x.Reference) > len(payment) && x.Reference[:len(payment)] == payment && x.holdsMoney() {
			charges[x.Acquirer] += x.Captured - x.Refunded
		}
	}
	return charges
}

// arriveLate has an authorization arrive at an acquirer that was given up long ago, as a packet that was held up on its way.
func (f *florin) arriveLate(t *testing.T, acquirer, reference string, amount int64) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"reference": reference, "amount": amount, "currency": "EUR", "capture": true,
		"card": map[string]any{"number": approved, "exp_month": 12, "exp_year": 2030, "cvc": "123", "name": "Ada Lovelace"},
	})
	must(t, err)
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.sandbox+"/"+acquirer+"/v1/authorizations", bytes.NewReader(body))
	must(t, err)
	signature := hmac.New(sha256.New, []byte(acquirer+"-signing_key-of-a-test"))
	signature.Write(body)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Authorization", "Bearer "+acquirer+"-api_key-of-a-test")
	q.Header.Set("Acquirer-Signature", hex.EncodeToString(signature.Sum(nil)))
	response, err := client.Do(q)
	must(t, err)
	said, err := io.ReadAll(response.Body)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode/100 != 2 {
		t.Fatalf("the late authorization: %d %s", response.StatusCode, said)
	}
}

// Alpha fails in one way or another, and beta works. The books are verified at the end, against the ledger's rules and the payments.
func TestCascade(t *testing.T) {
	t.Parallel()
	f := install(t, options{engine: "sqlite"})
	for _, c := range []struct {
		name, number, scenario string
		tries                  []string
		status                 string
		code                   int
		charged                map[string]int64
	}{
		{"the bank is unavailable at alpha", "4000000000000077", "", []string{"alpha declined", "beta captured"}, "captured", http.StatusCreated, map[string]int64{"beta": 4200}},
		{"alpha is down", approved, "SCENARIO down", []string{"alpha not_sent", "beta captured"}, "captured", http.StatusCreated, map[string]int64{"beta": 4200}},
		{"both cannot process it", "4000000000000119", "", []string{"alpha declined", "beta declined"}, "failed", http.StatusPaymentRequired, map[string]int64{}},
		{"the card has no money", "4000000000009995", "", []string{"alpha declined"}, "failed", http.StatusPaymentRequired, map[string]int64{}},
		{"alpha does not answer, and has charged", approved, "SCENARIO timeout_after", []string{"alpha captured"}, "captured", http.StatusCreated, map[string]int64{"alpha": 4200}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			made := f.pay(f.token(c.number, c.scenario), c.name, 4200, true).want(t, c.code, "pay")
			payment := made.text("id")
			if c.code == http.StatusPaymentRequired {
				payment = made.text("payment")
			}
			now := f.becomes(t, payment, c.status)
			if got := f.triesOf(payment); !slices.Equal(got, c.tries) {
				t.Errorf("tried %v, want %v: %s", got, c.tries, now)
			}
			if got := f.chargesOf(payment); fmt.Sprint(got) != fmt.Sprint(c.charged) {
				t.Errorf("the acquirers have %v, want %v", got, c.charged)
			}
			again := f.pay(f.token(c.number, c.scenario), c.name, 4200, true) // with another token: another request under the same key
			if again.status != http.StatusUnprocessableEntity {
				t.Errorf("the key serves another request: %s", again)
			}
		})
	}
	t.Run("a stolen card is asked about once", func(t *testing.T) {
		t.Parallel()
		card := f.token("4000000000009979", "")
		for n, want := range []struct {
			amount int64
			tries  []string
			rule   any
		}{{4300, []string{"alpha declined"}, nil}, {4300, nil, "never_again"}, {4301, []string{"alpha declined"}, nil}} {
			refused := f.pay(card, fmt.Sprintf("stolen %d", n), want.amount, true).want(t, http.StatusPaymentRequired, "pay")
			if got := f.triesOf(refused.text("payment")); !slices.Equal(got, want.tries) || refused.object["decline_code"] != "stolen_card" ||
				refused.object["retry"] != "never" || refused.object["retry_rule"] != want.rule {
				t.Errorf("payment %d: tried %v: %s", n, got, refused)
			}
		}
	})
	t.Run("a late approval goes back", func(t *testing.T) {
		t.Parallel()
		made := f.pay(f.token(approved, "SCENARIO error_500"), "late", 4200, true).want(t, http.StatusCreated, "pay")
		payment := made.text("id")
		if made.text("status") != "processing" {
			t.Fatalf("nobody knows what became of it, and it is %s", made)
		}
		eventually(t, "it is reversed and fails", func() bool { return f.get("/v1/payments/"+payment).text("status") == "failed" })
		if got := f.triesOf(payment); !slices.Equal(got, []string{"alpha voided"}) {
			t.Errorf("tried %v", got)
		}
		f.arriveLate(t, "alpha", payment+"-1", 4200)
		if got := f.chargesOf(payment); got["alpha"] != 4200 {
			t.Fatalf("the acquirers have %v", got)
		}
		eventually(t, "the money goes back", func() bool { return f.chargesOf(payment)["alpha"] == 0 })
		if now := f.get("/v1/payments/" + payment); now.text("status") != "failed" || now.number("amount_captured") != 0 {
			t.Errorf("the payment is %s", now)
		}
	})
}
