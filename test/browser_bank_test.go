package test

import (
	"net/http"
	"testing"
)

// redirected makes a payment whose payer is sent to their bank, and opens a window for them there.
func (f *florin) redirected(t *testing.T, s *shop, method, currency string) (answer, *tab) {
	t.Helper()
	made := f.post("/v1/payments", "", map[string]any{
		"amount": 9232, "currency": currency, "payment_method": map[string]any{"type": method}, "return_url": s.url + "/thanks", "description": "Order 17: shoes",
	}).want(t, http.StatusCreated, "pay by "+method)
	where, _ := dig(made.object, "next_action", "url").(string)
	if made.text("status") != "requires_action" || dig(made.object, "next_action", "type") != "redirect" || where == "" {
		t.Fatalf("the payer is not sent anywhere: %s", made.body)
	}
	p := f.payer(t)
	p.origins = append(p.origins, s.url)
	return made, p.open(where)
}

// becomes waits until the payment has the status: what the bank says comes by webhook, when it comes.
func (f *florin) becomes(t *testing.T, id, status string) answer {
	t.Helper()
	var now answer
	eventually(t, "the payment is "+status, func() bool {
		now = f.get("/v1/payments/"+id).want(t, http.StatusOK, "look at the payment")
		return now.text("status") == status
	})
	return now
}

// logIn chooses a bank and logs in.
func (p *tab) logIn(bank string) *tab {
	p.t.Helper()
	p.shows("Choose your bank", "92.32", "Florin development").accessible("the choice of a bank")
	p.click("#bank_" + bank)
	p.shows("Log in to").accessible("the bank's login")
	p.write("#user", "ann")
	p.write("#password", "secret")
	p.click("#login")
	return p.shows("Agree to this payment", "Order 17: shoes").accessible("the consent")
}

func TestBrowserPaysAtTheBank(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	for _, c := range []struct{ method, currency, bank string }{
		{"bank_redirect", "EUR", "northbank"}, {"ideal", "EUR", "ideal_canal"}, {"fpx", "MYR", "fpx_straits"},
	} {
		t.Run(c.method, func(t *testing.T) {
			made, p := f.redirected(t, s, c.method, c.currency)
			if p.shows("Choose your bank"); c.method == "bank_redirect" {
				p.picture("bank-choose")
			}
			p.logIn(c.bank).click("#approve")
			p.at(s.url + "/thanks")
			paid := f.becomes(t, made.text("id"), "captured")
			if paid.number("amount_captured") != 9232 {
				t.Errorf("captured %s", paid.body)
			}
			// Who goes back to the bank finds that it is over.
			where, _ := dig(made.object, "next_action", "url").(string)
			p.open(where).shows("paid", "Continue to").accessible("the end at the bank")
		})
	}
}

func TestBrowserEndsAPaymentAtTheBankInEveryWay(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	for name, c := range map[string]struct {
		bank, button, status, code string
	}{
		"declines":       {"harbour", "#decline", "failed", "consent_declined"},
		"the bank fails": {"harbour", "#fail", "failed", "bank_unavailable"},
		"has no money":   {"empty_purse", "#approve", "failed", "insufficient_funds"},
		"leaves":         {"harbour", "#leave", "requires_action", ""},
	} {
		t.Run(name, func(t *testing.T) {
			made, p := f.redirected(t, s, "bank_redirect", "EUR")
			p.logIn(c.bank).click(c.button)
			p.at(s.url + "/thanks")
			now := f.becomes(t, made.text("id"), c.status)
			if got := dig(now.object, "failure", "decline_code"); c.code != "" && got != c.code {
				t.Errorf("failed with %v, want %s", got, c.code)
			}
		})
	}
}

func TestBrowserPressesTheButtonsOfTheBanksPanel(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	made, p := f.redirected(t, s, "bank_redirect", "EUR")
	p.open(f.sandbox+"/bank").shows("Bank payments", "awaiting authorisation", "SCENARIO late_success").accessible("the panel of bank payments")
	p.click("details.menu summary")
	p.click(`form[action$="/approve"] button`)
	f.becomes(t, made.text("id"), "captured")
	p.open(f.sandbox+"/bank/payments/"+made.text("provider_reference")).shows("The payer consented", "payment.pending").accessible("the page of a bank payment")

	code := f.post("/v1/payments", "", map[string]any{"amount": 9232, "currency": "BRL", "payment_method": map[string]any{"type": "pix"}}).want(t, http.StatusCreated, "pay by Pix")
	p.open(f.sandbox+"/instant").shows("Instant payments", "Codes for any payment").accessible("the panel of instant payments").picture("instant-panel")
	payload, _ := dig(code.object, "next_action", "qr_code").(string)
	p.write(`textarea[name="code"]`, payload)
	p.click(`form[action="/control/instant/pay"] button`)
	f.becomes(t, code.text("id"), "captured")
	p.open(f.sandbox+"/instant/charges/"+code.text("provider_reference")).shows("transfer.received", "E99999999").accessible("the page of a charge")
}
