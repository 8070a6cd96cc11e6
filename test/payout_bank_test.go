package test

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const payeeIBAN = "DE89 3704 0044 0532 0130 00"

// earn charges a card and waits until the money can be paid out.
func (f *florin) earn(amount int64) {
	f.t.Helper()
	f.pay(f.token(approved, ""), fmt.Sprint("earn-", time.Now().UnixNano()), amount, true).want(f.t, http.StatusCreated, "charge")
	eventually(f.t, "the money is available", func() bool { return f.available() >= amount })
}

// available is what can be paid out in euros.
func (f *florin) available() int64 {
	f.t.Helper()
	all, _ := f.get("/v1/balance").want(f.t, http.StatusOK, "balance").object["available"].([]any)
	for _, one := range all {
		if m := one.(map[string]any); m["currency"] == "EUR" {
			return int64(m["amount"].(float64))
		}
	}
	return 0
}

// payee keeps a destination, and gives its id. The name can be one of the sandbox's scenarios.
func (f *florin) payee(name string) string {
	f.t.Helper()
	a := f.post("/v1/destinations", "", map[string]any{"type": "iban", "name": name, "iban": payeeIBAN}).want(f.t, http.StatusCreated, "destination")
	if strings.Contains(string(a.body), "0532013000") || a.text("last4") != "3000" {
		f.t.Errorf("a destination shows its number: %s", a.body)
	}
	return a.text("id")
}

func (f *florin) payOut(to string, amount int64) answer {
	f.t.Helper()
	return f.post("/v1/payouts", "", map[string]any{"amount": amount, "currency": "EUR", "destination_token": to})
}

// ends waits until a payout has a status.
func (f *florin) ends(payout, status string) answer {
	f.t.Helper()
	var a answer
	eventually(f.t, payout+" is "+status, func() bool { a = f.get("/v1/payouts/" + payout); return a.text("status") == status })
	return a
}

// bank presses a button of the simulated bank.
func (f *florin) bank(payout, button string) {
	f.t.Helper()
	f.do(request{method: "POST", url: f.sandbox + "/control/payouts/" + payout + "/" + button}).want(f.t, http.StatusOK, button)
}

// connectBank registers the simulated bank on both sides, and lets money be paid out at once.
func (f *florin) connectBank() {
	f.t.Helper()
	keys := map[string]string{"api_key": "bank-api-key", "signing_key": "bank-signing-key", "webhook_secret": "bank-webhook-secret"}
	body := map[string]any{"webhook_url": f.api + "/in/" + f.account + "/payouts"}
	var lines strings.Builder
	for name, value := range keys {
		body[name] = value
		fmt.Fprintf(&lines, "%s=%s\n", name, value)
	}
	f.do(request{method: "POST", url: f.sandbox + "/control/payouts/accounts", body: body}).want(f.t, http.StatusCreated, "register at the bank")
	succeed(f.t, lines.String(), append([]string{
		"providers", "add", "payouts", "--merchant", f.account, "--provider", "simpayout", "--setting", "base_url=" + f.sandbox + "/payouts", "--credentials", "-",
	}, f.storage...)...)
	succeed(f.t, "", append([]string{"merchant", "update", "--merchant", f.account, "--settlement-delay", "0"}, f.books...)...)
}
