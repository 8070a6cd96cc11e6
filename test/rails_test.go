package test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// started makes a payment by a method other than a card: what its payer must do is in next_action.
func (f *florin) started(t *testing.T, method, currency, description string) answer {
	t.Helper()
	made := f.post("/v1/payments", "", map[string]any{
		"amount": 9232, "currency": currency, "payment_method": map[string]any{"type": method}, "description": description,
	}).want(t, http.StatusCreated, "pay by "+method)
	if made.text("status") != "requires_action" {
		t.Fatalf("the payer has nothing to do: %s", made.body)
	}
	return made
}

// tap presses a button of a simulated world for a payment.
func (f *florin) tap(t *testing.T, world string, made answer, event string) {
	t.Helper()
	f.do(request{method: "POST", url: f.sandbox + "/control/" + world + "/" + made.text("provider_reference") + "/" + event}).want(t, http.StatusOK, event)
}

const (
	bankPayments   = "bank/payments"
	instantCharges = "instant/charges"
)

// worldStands is what a simulated world knows of a payment.
func (f *florin) worldStands(t *testing.T, world string, made answer) answer {
	t.Helper()
	return f.do(request{method: "GET", url: f.sandbox + "/control/" + world + "/" + made.text("provider_reference")}).want(t, http.StatusOK, "look at the world")
}

// refunded waits until a refund has succeeded.
func (f *florin) refunded(t *testing.T, made answer, amount int64, status string) {
	t.Helper()
	refund := f.post("/v1/payments/"+made.text("id")+"/refund", "", map[string]any{"amount": amount}).want(t, http.StatusCreated, "refund")
	eventually(t, "the refund is "+status, func() bool {
		return f.get("/v1/refunds/"+refund.text("id")).want(t, http.StatusOK, "look at the refund").text("status") == status
	})
}

func TestRailBankRedirect(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	for _, c := range []struct{ name, description, button, status, code string }{
		{"success", "Order", "approve", "captured", ""},
		{"decline", "Order", "decline", "failed", "consent_declined"},
		{"bank fails", "SCENARIO bank_unavailable", "approve", "failed", "bank_unavailable"},
		{"duplicate webhooks", "SCENARIO duplicate_webhook", "approve", "captured", ""},
		{"out of order webhooks", "SCENARIO out_of_order_webhooks", "approve", "captured", ""},
		{"slow", "SCENARIO slow", "approve", "captured", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			made := f.started(t, "bank_redirect", "EUR", c.description)
			f.tap(t, bankPayments, made, c.button)
			now := f.becomes(t, made.text("id"), c.status)
			if got := dig(now.object, "failure", "decline_code"); c.code != "" && got != c.code {
				t.Errorf("failed with %v, want %s", got, c.code)
			}
			captured := map[string]int64{"captured": 9232}[c.status]
			if now.number("amount_captured") != captured {
				t.Errorf("captured %d, want %d", now.number("amount_captured"), captured)
			}
		})
	}
	t.Run("success after it expired", func(t *testing.T) {
		t.Parallel()
		made := f.started(t, "bank_redirect", "EUR", "Order")
		f.tap(t, bankPayments, made, "expire")
		eventually(t, "the payment ends", func() bool { return f.get("/v1/payments/"+made.text("id")).text("status") != "requires_action" })
		f.tap(t, bankPayments, made, "complete")
		eventually(t, "the late money goes back", func() bool {
			return dig(f.worldStands(t, bankPayments, made).object, "amount_refunded") == 9232.0
		})
		if now := f.get("/v1/payments/" + made.text("id")); now.number("amount_captured") != 0 || now.text("status") != "expired" {
			t.Errorf("the payment has money: %s", now.body)
		}
		eventually(t, "it has left the suspense", func() bool {
			return strings.Contains(string(f.get("/v1/payments/"+made.text("id")+"?expand=timeline").body), "transfer.returned")
		})
	})
	t.Run("no webhook", func(t *testing.T) {
		t.Parallel()
		made := f.started(t, "bank_redirect", "EUR", "SCENARIO no_webhook")
		f.tap(t, bankPayments, made, "approve")
		f.completes(made)
		back := f.worldStands(t, bankPayments, made).text("return_url")
		f.do(request{method: "GET", url: back}) // as the payer's browser does; what it is shown is another test's
		f.becomes(t, made.text("id"), "captured")
	})
	t.Run("no answer to the start", func(t *testing.T) {
		t.Parallel()
		made := f.post("/v1/payments", "", map[string]any{
			"amount": 9232, "currency": "EUR", "payment_method": map[string]any{"type": "bank_redirect"}, "description": "SCENARIO timeout_after",
		})
		if made.text("status") != "processing" {
			t.Fatalf("nobody knows what became of it, and it is %s", made)
		}
		found := f.becomes(t, made.text("id"), "requires_action")
		f.tap(t, bankPayments, found, "approve")
		f.becomes(t, made.text("id"), "captured")
	})
	t.Run("refunds", func(t *testing.T) {
		t.Parallel()
		made := f.started(t, "bank_redirect", "EUR", "Order")
		f.tap(t, bankPayments, made, "approve")
		f.becomes(t, made.text("id"), "captured")
		f.refunded(t, made, 1000, "succeeded")
		poor := f.started(t, "bank_redirect", "EUR", "SCENARIO refund_fails")
		f.tap(t, bankPayments, poor, "approve")
		f.becomes(t, poor.text("id"), "captured")
		f.refunded(t, poor, 9232, "failed")
	})
}

func TestRailCodes(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	for _, c := range []struct {
		name, method, currency, description string
		buttons                             []string
		status                              string
		received, returned                  int64 // at the provider
	}{
		{"pix exactly", "pix", "BRL", "Order", []string{"pay"}, "captured", 9232, 0},
		{"payid exactly", "payid", "AUD", "Order", []string{"pay"}, "captured", 9232, 0},
		{"upi exactly", "upi", "INR", "Order", []string{"pay"}, "captured", 9232, 0},
		{"sepa exactly", "sepa_qr", "EUR", "Order", []string{"pay"}, "captured", 9232, 0},
		{"in two parts", "pix", "BRL", "Order", []string{"pay_part", "pay"}, "captured", 9232, 0},
		{"too much", "pix", "BRL", "Order", []string{"pay_over"}, "captured", 10155, 923},
		{"twice", "pix", "BRL", "Order", []string{"pay_twice"}, "captured", 18464, 9232},
		{"duplicate webhooks", "pix", "BRL", "SCENARIO duplicate_webhook", []string{"pay_part", "pay"}, "captured", 9232, 0},
		{"out of order webhooks", "upi", "INR", "SCENARIO out_of_order_webhooks", []string{"pay_part", "pay"}, "captured", 9232, 0},
		{"by itself", "pix", "BRL", "SCENARIO pays", nil, "captured", 9232, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			made := f.started(t, c.method, c.currency, c.description)
			for _, button := range c.buttons {
				f.tap(t, instantCharges, made, button)
			}
			if now := f.becomes(t, made.text("id"), c.status); now.number("amount_captured") != 9232 {
				t.Errorf("captured %s", now.body)
			}
			eventually(t, "what is not the payment's goes back", func() bool {
				charge := f.worldStands(t, instantCharges, made)
				return charge.number("amount_received") == c.received && charge.number("amount_refunded") == c.returned
			})
		})
	}
	t.Run("after it expired", func(t *testing.T) {
		t.Parallel()
		made := f.started(t, "pix", "BRL", "Order")
		f.tap(t, instantCharges, made, "expire")
		eventually(t, "the payment ends", func() bool { return f.get("/v1/payments/"+made.text("id")).text("status") != "requires_action" })
		f.tap(t, instantCharges, made, "pay")
		eventually(t, "the late money goes back", func() bool { return f.worldStands(t, instantCharges, made).number("amount_refunded") == 9232 })
		if now := f.get("/v1/payments/" + made.text("id")); now.number("amount_captured") != 0 {
			t.Errorf("the payment has money: %s", now.body)
		}
	})
	t.Run("refunds", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ method, currency, description, status string }{
			{"pix", "BRL", "Order", "succeeded"}, {"sepa_qr", "EUR", "Order", "succeeded"}, {"upi", "INR", "SCENARIO refund_fails", "failed"},
		} {
			made := f.started(t, c.method, c.currency, c.description)
			f.tap(t, instantCharges, made, "pay")
			f.becomes(t, made.text("id"), "captured")
			f.refunded(t, made, 1000, c.status)
		}
	})
	t.Run("a code of nobody", func(t *testing.T) {
		t.Parallel()
		made := f.started(t, "upi", "INR", "Order")
		code, _ := dig(made.object, "next_action", "qr_code").(string)
		stray := f.do(request{method: "POST", url: f.sandbox + "/control/instant/pay", body: map[string]any{"code": strings.ReplaceAll(code, "&tr=", "&tr=x"), "amount": 777}})
		if stray.text("status") != "stray" {
			t.Fatalf("paid %s", stray)
		}
		eventually(t, "the stray is in suspense", func() bool {
			return slices.ContainsFunc(f.list("/v1/ledger/transactions"), func(one map[string]any) bool {
				amount, _ := dig(one["entries"].([]any)[0], "amount").(float64)
				return one["kind"] == "suspense_received" && max(amount, -amount) == 777
			})
		})
		if now := f.get("/v1/payments/" + made.text("id")); now.text("status") != "requires_action" {
			t.Errorf("the payment is %s", now.body)
		}
	})
}

// heard is how many messages came about a payment, repeats apart.
func (f *florin) heard(payment answer) int {
	f.t.Helper()
	n := 0
	for _, one := range f.list("/v1/inbound_webhooks") {
		if one["subject"] == payment.text("id") && (one["verdict"] == "applied" || one["verdict"] == "known") {
			n++
		}
	}
	return n
}

// Cards beside what the tour, the cascade and the crashes show of them.
func TestRailCards(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	held := func(t *testing.T, number, name string) answer {
		t.Helper()
		return f.pay(f.token(number, name), "", 9232, false).want(t, http.StatusCreated, "authorize")
	}
	captures := func(t *testing.T, made answer) {
		t.Helper()
		f.post("/v1/payments/"+made.text("id")+"/capture", "", nil).want(t, http.StatusOK, "capture")
	}
	t.Run("declined", func(t *testing.T) {
		t.Parallel()
		a := f.pay(f.token("4000000000009995", ""), "", 9232, true).want(t, http.StatusPaymentRequired, "pay")
		if a.text("code") != "card_declined" || a.text("decline_code") != "insufficient_funds" {
			t.Errorf("declined with %s", a)
		}
	})
	t.Run("duplicate webhooks", func(t *testing.T) {
		t.Parallel()
		made := held(t, approved, "SCENARIO duplicate_webhook")
		captures(t, made)
		eventually(t, "a repeat is heard of", func() bool {
			return slices.ContainsFunc(f.list("/v1/inbound_webhooks"), func(one map[string]any) bool {
				return one["subject"] == made.text("id") && one["duplicates"] == 1.0
			})
		})
		f.comesTo(made, "captured", 9232, 0)
	})
	t.Run("out of order webhooks", func(t *testing.T) {
		t.Parallel()
		made := held(t, approved, "SCENARIO out_of_order_webhooks")
		captures(t, made)
		eventually(t, "the authorization is heard of last", func() bool { return f.heard(made) == 2 })
		f.comesTo(made, "captured", 9232, 0)
	})
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		made := f.pay(f.token(approved, "SCENARIO late_approval"), "", 9232, true)
		if made.text("status") != "processing" {
			t.Fatalf("while it is pending: %s", made)
		}
		f.becomes(t, made.text("id"), "captured")
	})
	t.Run("the hold expires", func(t *testing.T) {
		t.Parallel()
		made := held(t, approved, "")
		f.press(t, made, "expire", nil)
		f.becomes(t, made.text("id"), "expired")
	})
	t.Run("a challenge that is left", func(t *testing.T) {
		t.Parallel()
		made := f.pay(f.token("4000002760003184", ""), "", 9232, true)
		if made.text("status") != "requires_action" {
			t.Fatalf("the payer is not asked: %s", made)
		}
		asked := f.do(request{method: "GET", url: f.sandbox + "/control/authentications?limit=100"}).want(t, http.StatusOK, "look for the challenge")
		all, _ := asked.object["data"].([]any)
		i := slices.IndexFunc(all, func(one any) bool {
			reference, _ := dig(one, "reference").(string)
			return strings.HasPrefix(reference, made.text("id")) && dig(one, "status") == "challenge"
		})
		if i < 0 {
			t.Fatalf("the issuer has %s", asked.body)
		}
		id, _ := dig(all[i], "id").(string)
		f.do(request{method: "POST", url: f.sandbox + "/control/authentications/" + id + "/time_out"}).want(t, http.StatusOK, "let it time out")
		f.post("/v1/payments/"+made.text("id")+"/confirm", "", map[string]any{}) // the shop asks how it stands
		f.comesTo(made, "expired", 0, 0)
		if at := f.do(request{method: "GET", url: f.sandbox + "/control/transactions?q=" + made.text("id")}); at.err != nil || strings.Contains(string(at.body), `"status":"captured"`) {
			t.Errorf("the acquirer has %s", at)
		}
	})
	t.Run("refunds", func(t *testing.T) {
		t.Parallel()
		f.refunded(t, f.captured(t, approved, ""), 1000, "succeeded")
		f.refunded(t, f.captured(t, "4000000000005126", ""), 1000, "failed")
	})
	t.Run("clears at less", func(t *testing.T) {
		t.Parallel()
		f.comesTo(f.captured(t, approved, "SCENARIO amount_shift"), "captured", 8309, 0)
	})
}

var (
	railNames    = regexp.MustCompile("(?s)```sh names\n(.*?)```")
	railExamples = regexp.MustCompile("(?s)\n## ([^\n]+)\n|```sh example\n(.*?)```")
)

// Each example of docs/rails.md, run by a shell as it stands there, all at once against one Florin.
func TestTheExamplesOfTheRailsDocumentRun(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/rails.md")
	must(t, err)
	names := railNames.FindSubmatch(text)
	if names == nil {
		t.Fatal("the document has no names")
	}
	f := installDev(t)
	var rail string
	run := map[string]bool{}
	for _, found := range railExamples.FindAllStringSubmatch(string(text), -1) {
		if found[1] != "" {
			rail = found[1]
			continue
		}
		run[rail] = true
		t.Run(rail, func(t *testing.T) {
			t.Parallel()
			if out, err := f.shell(t, string(names[1])+found[2]); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	for _, rail := range []string{
		"Cards", "Wallets", "Bank redirect", "iDEAL", "FPX", "Pix", "UPI", "PayID", "SEPA QR", "Payouts", "Closed loop", "Disputes", "Orders",
	} {
		if !run[rail] {
			t.Errorf("%s has no example", rail)
		}
		_, section, _ := strings.Cut(string(text), "\n## "+rail+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !strings.Contains(section, "```mermaid\nsequenceDiagram\n") {
			t.Errorf("%s has no diagram", rail)
		}
	}
}
