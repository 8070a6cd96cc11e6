package test

import (
	"encoding/json"
	"net/http"
	"testing"
)

func TestTourOfFlorinDev(t *testing.T) {
	t.Parallel()
	tour(t, installDev(t))
}

// paysOutAtOnce tells whether what is captured can be paid out at once, as in florin dev.
func (f *florin) paysOutAtOnce() bool { return f.account == "acct_dev" }

func TestTourInProduction(t *testing.T) {
	t.Parallel()
	onBothEngines(t, tour)
}

// tour is the README's: tokenize, authorize, capture in part, refund in part, hear of it, see the books.
func tour(t *testing.T, f *florin) {
	hooks := f.listen()
	token := f.token(approved, "Ada Lovelace")

	made := f.pay(token, "order-1001", 9232, false).want(t, http.StatusCreated, "pay")
	id := made.text("id")
	if made.text("status") != "authorized" || made.number("amount_authorized") != 9232 || made.number("amount_captured") != 0 {
		t.Fatalf("authorized payment: %s", made)
	}
	captured := f.post("/v1/payments/"+id+"/capture", "capture-1001", map[string]any{"amount": 5000}).want(t, http.StatusOK, "capture")
	if captured.number("amount_captured") != 5000 {
		t.Fatalf("captured in part: %s", captured)
	}
	refund := f.post("/v1/payments/"+id+"/refund", "refund-1001", map[string]any{"amount": 1000, "reason": "damaged"})
	if refund.status/100 != 2 || refund.text("status") != "succeeded" || refund.number("amount") != 1000 {
		t.Fatalf("refund: %s", refund)
	}
	final := f.post("/v1/payments/"+id+"/capture", "capture-1002", map[string]any{"amount": 2000, "final": true}).want(t, http.StatusOK, "capture the last part")
	if final.text("status") != "captured" || final.number("amount_captured") != 7000 || final.number("amount_refunded") != 1000 {
		t.Fatalf("captured for good: %s", final)
	}
	over := f.post("/v1/payments/"+id+"/refund", "refund-1002", map[string]any{"amount": 6001})
	if over.status < 400 || over.status >= 500 {
		t.Fatalf("a refund of more than is left: %s", over)
	}

	hooks.wait(id, "payment.created", "payment.authorized", "payment.partially_captured", "payment.captured")
	hooks.wait(refund.text("id"), "refund.succeeded")

	again := f.pay(token, "order-1001", 9232, false).want(t, http.StatusCreated, "pay again")
	if again.text("id") != id || again.header.Get("Idempotent-Replayed") != "true" || string(again.body) != string(made.body) {
		t.Errorf("the same key gave another answer: %s", again)
	}
	if n := f.charges(); n != 1 {
		t.Errorf("the acquirers have %d charges, want 1", n)
	}
	x := f.transactions()[0]
	if x.Captured != 7000 || x.Refunded != 1000 {
		t.Errorf("the acquirer has captured %d and refunded %d", x.Captured, x.Refunded)
	}
	// A refund is taken from what the merchant has at hand, also while what was captured is still on its way.
	want := map[string]int64{"psp_receivable:alpha": 6000, "merchant_pending": 7000, "merchant_available": -1000}
	if f.paysOutAtOnce() {
		want["merchant_pending"], want["merchant_available"] = 0, 6000
		eventually(t, "what was captured is available", func() bool { return f.available() == 6000 })
	}
	f.checkBalance(t, want)
}

// checkBalance reads /v1/balance and the report of ledger verify: both must show the sums.
func (f *florin) checkBalance(t *testing.T, want map[string]int64) {
	t.Helper()
	var shown struct{ Available, Pending []struct{ Amount int64 } }
	must(t, json.Unmarshal(f.get("/v1/balance").want(t, http.StatusOK, "balance").body, &shown))
	if len(shown.Available) != 1 || len(shown.Pending) != 1 ||
		shown.Available[0].Amount != want["merchant_available"] || shown.Pending[0].Amount != want["merchant_pending"] {
		t.Errorf("the balance shows %+v, want %v", shown, want)
	}
	report := succeed(t, "", append([]string{"ledger", "verify"}, f.books...)...)
	got := map[string]int64{}
	for _, one := range report["accounts"].([]any) {
		a := one.(map[string]any)
		got[a["account"].(string)] += int64(a["balance"].(float64))
	}
	for account, sum := range want {
		if got[account] != sum {
			t.Errorf("%s holds %d, want %d: %v", account, got[account], sum, got)
		}
	}
}

func TestDeclineEndsWithAProblem(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	declined := f.pay(f.token("4000000000009995", ""), "order-1", 500, true).want(t, http.StatusPaymentRequired, "pay with an empty card")
	if declined.text("code") != "card_declined" || declined.text("decline_code") != "insufficient_funds" || declined.text("payment") == "" {
		t.Errorf("problem: %s", declined)
	}
	if p := f.get("/v1/payments/" + declined.text("payment")); p.text("status") != "failed" {
		t.Errorf("payment: %s", p)
	}
	if n := f.charges(); n != 0 {
		t.Errorf("%d charges of a declined card", n)
	}
}

// TestBenchMeasuresAServerThatRuns is the command that the documentation gives, with the key of florin dev.
func TestBenchMeasuresAServerThatRuns(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	report := succeed(t, "", "bench", "--url", f.api, "--key", f.secret, "--clients", "2", "--cards", "3", "--seconds", "1", "--warmup", "0")
	payments, _ := report["payments"].(map[string]any)
	if count, _ := payments["count"].(float64); count < 1 || report["lost"] != 0.0 {
		t.Errorf("report %v", report)
	}
	for _, check := range report["checks"].([]any) {
		if check.(map[string]any)["ok"] != true {
			t.Errorf("check %v", check)
		}
	}
}
