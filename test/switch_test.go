package test

import (
	"net/http"
	"strings"
	"testing"
)

// What people switch off stops at once, refunds go on, and what is under watch waits for somebody else.
func TestKillSwitches(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	on := func(body map[string]any) string {
		t.Helper()
		return "/v1/kill_switches/" + f.post("/v1/kill_switches", "", body).want(t, http.StatusCreated, "switch off").text("id")
	}
	lift := func(at string) {
		t.Helper()
		f.do(request{method: "DELETE", url: f.api + at, key: f.secret}).want(t, http.StatusOK, "lift")
	}
	pay := map[string]any{"amount": 9232, "currency": "EUR"}
	tries := func() string {
		t.Helper()
		pay["payment_method_token"] = f.token(approved, "")
		return f.attemptsOf(t, pay)
	}
	before := f.pay(f.token(approved, ""), "before", 4200, true).want(t, http.StatusCreated, "pay").text("id")

	alpha := on(map[string]any{"scope": map[string]any{"provider_account": "alpha"}, "reason": "It loses messages"})
	if got := tries(); got != "beta captured" {
		t.Errorf("with alpha off: %s", got)
	}
	all := on(map[string]any{"scope": map[string]any{}, "reason": "A fraud wave"})
	unused := f.token(approved, "")
	refused := f.pay(unused, "during", 4200, true).want(t, http.StatusServiceUnavailable, "pay while everything is off")
	if refused.text("code") != "kill_switch_on" || !strings.HasPrefix(refused.text("detail"), "authorize is switched off: ") {
		t.Errorf("refused with %s", refused)
	}
	refund := f.post("/v1/payments/"+before+"/refund", "", map[string]any{"amount": 1000}).want(t, http.StatusCreated, "refund while everything is off")
	if refund.text("status") != "succeeded" {
		t.Errorf("refunded: %s", refund)
	}
	lift(all)
	lift(alpha)
	if got := tries(); got != "alpha captured" {
		t.Errorf("with everything on: %s", got)
	}
	f.pay(unused, "during", 4200, true).want(t, http.StatusCreated, "pay by the same key once everything is on")

	watch := on(map[string]any{"mode": "approve", "scope": map[string]any{"operation": "refund"}, "reason": "Until the audit is over"})
	held := f.post("/v1/payments/"+before+"/refund", "", map[string]any{"amount": 1000}).want(t, http.StatusCreated, "refund under watch")
	if held.text("status") != "held" {
		t.Errorf("under watch: %s", held)
	}
	if own := f.post("/v1/refunds/"+held.text("id")+"/approve", "", nil); own.status != http.StatusForbidden {
		t.Errorf("approved by who asked: %s", own)
	}
	f.post("/v1/refunds/"+held.text("id")+"/cancel", "", nil).want(t, http.StatusOK, "cancel")
	lift(watch)
	if twice := f.do(request{method: "DELETE", url: f.api + watch, key: f.secret}); twice.status != http.StatusConflict {
		t.Errorf("lifted twice: %s", twice)
	}
	f.verify()
}
