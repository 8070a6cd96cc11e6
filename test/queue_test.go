package test

import (
	"net/http"
	"testing"
)

// acquirersAre takes both acquirers down, or up again.
func (f *florin) acquirersAre(t *testing.T, state string) {
	t.Helper()
	for _, name := range []string{"alpha", "beta"} {
		body := map[string]any{}
		if state == "down" {
			body["seconds"] = 600
		}
		f.do(request{method: "POST", url: f.sandbox + "/control/acquirers/" + name + "/" + state, body: body}).want(t, http.StatusOK, "take the acquirer "+state)
	}
}

// agreed is a saved card whose customer has paid with it and may be charged while they are away.
func (f *florin) agreed(t *testing.T) string {
	t.Helper()
	who := f.post("/v1/customers", "", map[string]any{"name": "Ada Lovelace"}).want(t, http.StatusCreated, "make a customer").text("id")
	method := f.post("/v1/payment_methods", "", map[string]any{
		"token": f.token(approved, ""), "customer": who, "consent": map[string]any{"text_version": "terms-1", "channel": "web"},
	}).want(t, http.StatusCreated, "save the card").text("id")
	f.post("/v1/payments", "", map[string]any{"amount": 2000, "currency": "EUR", "payment_method_token": method}).want(t, http.StatusCreated, "pay for the first time")
	return method
}

// Both acquirers are down for a while. What can wait waits, and happens once when they are back. What cannot is refused at once.
func TestWhatWaitsForAcquirersThatAreDownHappensOnce(t *testing.T) {
	t.Parallel()
	f := install(t, options{engine: "sqlite"})
	method := f.agreed(t)
	sold := f.pay(f.token(approved, ""), "sold", 4200, true).want(t, http.StatusCreated, "pay").text("id")
	held := f.pay(f.token(approved, ""), "held", 4300, false).want(t, http.StatusCreated, "authorize").text("id")
	charges := f.charges()

	f.acquirersAre(t, "down")
	refund := f.post("/v1/payments/"+sold+"/refund", "", map[string]any{"amount": 1000}).want(t, http.StatusCreated, "refund")
	if refund.text("status") != "pending" {
		t.Errorf("the refund is %s", refund)
	}
	capture := f.post("/v1/payments/"+held+"/capture", "", map[string]any{}).want(t, http.StatusOK, "capture")
	if capture.text("status") != "authorized" || capture.number("amount_capturing") != 4300 {
		t.Errorf("the capture is %s", capture)
	}
	later := f.post("/v1/payments", "", map[string]any{
		"amount": 500, "currency": "EUR", "payment_method_token": method, "off_session": true,
	}).want(t, http.StatusCreated, "charge them while they are away")
	if later.text("status") != "processing" || later.text("next_retry_at") == "" {
		t.Errorf("the payment off session is %s", later)
	}
	if there := f.pay(f.token(approved, ""), "there", 4400, true); there.status != http.StatusPaymentRequired && there.status != http.StatusServiceUnavailable || there.text("code") != "provider_unavailable" {
		t.Errorf("a payer who is there: %s", there)
	}
	if now := f.charges(); now != charges {
		t.Errorf("while they are down the acquirers have %d charges, and had %d", now, charges)
	}

	f.acquirersAre(t, "up")
	eventually(t, "the refund succeeds", func() bool {
		return f.get("/v1/refunds/"+refund.text("id")).want(t, http.StatusOK, "look at the refund").text("status") == "succeeded"
	})
	f.becomes(t, held, "captured")
	f.becomes(t, later.text("id"), "captured")
	if now := f.charges(); now != charges+1 {
		t.Errorf("the acquirers have %d charges, and had %d before the one that waited", now, charges)
	}
	for payment, want := range map[string]int64{sold: 3200, held: 4300, later.text("id"): 500} {
		var has int64
		for _, minor := range f.chargesOf(payment) {
			has += minor
		}
		if has != want {
			t.Errorf("of %s the acquirers have %d, want %d", payment, has, want)
		}
	}
}
