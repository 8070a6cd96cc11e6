package test

import (
	"net/http"
	"testing"
)

func TestReturnsPolicy(t *testing.T) {
	t.Parallel()
	onBothEngines(t, returns)
}

// returns is the walk through docs/returns.md: a policy, a refund that it refuses, and one that takes two persons.
func returns(t *testing.T, f *florin) {
	shown := succeed(t, "", append([]string{"merchant", "update", "--merchant", f.account, "--returns", `{"any":{"days":1},"card":{"days":30,"alone":{"EUR":1000},"reasons":["damaged"]}}`}, f.books...)...)
	if card, _ := shown["returns"].(map[string]any)["card"].(map[string]any); card["days"] != 30.0 {
		t.Fatalf("the policy is %v", shown["returns"])
	}
	second := f.key("secret")
	token := f.token(approved, "Ada Lovelace")
	var paid answer
	for paid = f.pay(token, "", 5000, true); paid.object["refundable_until"] == nil; paid = f.pay(token, "", 5000, true) {
		// the process hears of the policy within a second
	}
	refund := func(amount int64, reason string) answer {
		return f.post("/v1/payments/"+paid.text("id")+"/refund", "", map[string]any{"amount": amount, "reason": reason})
	}
	if a := refund(100, "bored"); a.status != http.StatusBadRequest || a.text("code") != "reason_not_allowed" {
		t.Errorf("for no good reason: %s", a)
	}
	refund(900, "damaged").want(t, http.StatusCreated, "refund")
	held := refund(200, "damaged").want(t, http.StatusCreated, "refund with what went before")
	id := held.text("id")
	if held.text("status") != "held" {
		t.Fatalf("it is not held: %s", held)
	}
	approve := func(key, once string) answer {
		return f.do(request{method: "POST", url: f.api + "/v1/refunds/" + id + "/approve", key: key, once: once})
	}
	if a := approve(f.secret, "same"); a.status != http.StatusForbidden || a.text("code") != "second_person_required" {
		t.Errorf("approved by whom it came from: %s", a)
	}
	done := approve(second, "other").want(t, http.StatusOK, "approve")
	agreed, _ := done.object["approved_by"].([]any)
	if done.text("status") != "succeeded" || len(agreed) != 1 || agreed[0] == done.text("requested_by") {
		t.Errorf("approved: %s", done)
	}
	if again := approve(second, "other"); string(again.body) != string(done.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same request again: %s", again)
	}
	off := refund(3000, "damaged").want(t, http.StatusCreated, "another")
	canceled := f.do(request{method: "POST", url: f.api + "/v1/refunds/" + off.text("id") + "/cancel", key: f.secret}).want(t, http.StatusOK, "cancel")
	if canceled.text("status") != "failed" {
		t.Errorf("canceled: %s", canceled)
	}
	if now := f.get("/v1/payments/"+paid.text("id")).want(t, http.StatusOK, "the payment"); now.number("amount_refunded") != 1100 || now.number("amount_refundable") != 3900 {
		t.Errorf("in the end: %s", now)
	}
}
