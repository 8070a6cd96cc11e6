package test

import (
	"net/http"
	"testing"
)

// A payer of an order chooses a method and a bank on the page, and is not asked for the bank again.
func TestBrowserPaysAnOrderFromABankThatIsChosenOnThePage(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	for _, c := range []struct{ method, currency, bank, name string }{
		{"ideal", "EUR", "ideal_polder", "Polder Bank"}, {"fpx", "MYR", "fpx_straits", "Straits Bank"},
	} {
		t.Run(c.method, func(t *testing.T) {
			made := f.order(t, map[string]any{"currency": c.currency})
			p := f.payer(t)
			p.origins = append(p.origins, f.sandbox)
			p.open(made.text("checkout_url")).leave("button.main", "/pay/")
			p.shows("How would you like to pay?", "Card").accessible("the choice of a method")
			p.click(`input[value="` + c.method + `"]`)
			p.shows("Your bank", c.name).accessible("the choice of a bank")
			p.choose("#bank", c.bank)
			if c.method == "ideal" {
				p.picture("checkout-methods")
			}
			if ask[bool](p, "document.getElementById('card').getClientRects().length > 0") {
				t.Error("the card's fields are still there")
			}
			p.click("#button")
			p.shows("Log in to " + c.name)
			p.write("#user", "ann")
			p.write("#password", "secret")
			p.click("#login")
			p.shows("Agree to this payment").click("#approve")
			p.shows("Paid").accessible("paid from a bank")
			f.orderSettles(t, made, "paid", 9232, 0)
		})
	}
}

// A code is shown on the page itself, and whoever declined at their bank can pay another way.
func TestBrowserPaysByCodeAfterTheBankSaidNo(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.post("/v1/payments", "", map[string]any{"amount": 9232, "currency": "EUR", "confirm": false}).want(t, http.StatusCreated, "a payment")
	p := f.payer(t)
	p.origins = append(p.origins, f.sandbox)
	p.open(made.text("checkout_url")).shows("From your bank account")
	p.click(`input[value="bank_redirect"]`)
	p.shows("Empty Purse Bank").choose("#bank", "empty_purse")
	p.click("#button")
	p.shows("Log in to Empty Purse Bank")
	p.write("#user", "ann")
	p.write("#password", "secret")
	p.click("#login")
	p.shows("Agree to this payment").click("#approve")
	p.shows("There is not enough money for this in your account", "pay another way").accessible("a decline by a bank")
	p.click(`input[value="sepa_qr"]`)
	p.click("#button")
	p.shows("Scan to pay").accessible("a code")
	now := f.get("/v1/payments/" + made.text("id"))
	f.tap(t, instantCharges, now, "pay")
	p.shows("Paid")
	f.becomes(t, made.text("id"), "captured")
}

func TestBanksAreListedByTheAPI(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	found, _ := f.get("/v1/banks?method=fpx&currency=MYR").want(t, http.StatusOK, "banks").object["data"].([]any)
	if len(found) != 4 || dig(found[0].(map[string]any), "id") != "fpx_straits" || dig(found[0].(map[string]any), "name") != "Straits Bank" {
		t.Errorf("banks %v", found)
	}
	f.get("/v1/banks?method=fpx&currency=EUR").want(t, http.StatusBadRequest, "banks in another currency")
	f.do(request{method: "POST", url: f.sandbox + "/control/instant/down", body: map[string]any{"seconds": 60}}).want(t, http.StatusOK, "take the scheme down")
	f.get("/v1/banks?method=ideal").want(t, http.StatusServiceUnavailable, "banks of a scheme that is down")
}

// The payer is asked, says yes, and is charged later while they are not there.
func TestBrowserLeavesACardByPayingWithIt(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	ada := f.post("/v1/customers", "", map[string]any{"name": "Ada Lovelace"}).want(t, http.StatusCreated, "a customer").text("id")
	made := f.post("/v1/payments", "", map[string]any{
		"amount": 9232, "currency": "EUR", "confirm": false, "customer": ada, "setup_future_usage": "off_session",
	}).want(t, http.StatusCreated, "a payment")
	p := f.payer(t)
	p.open(made.text("checkout_url")).shows("Save this card").picture("checkout-save").accessible("the question whether to save the card")
	for _, kind := range []string{"card-number", "card-expiry", "card-cvc"} {
		p.field(kind).ready()
	}
	p.click("#save")
	p.pay(approved).shows("Paid")
	saved := f.list("/v1/customers/" + ada + "/payment_methods")
	if len(saved) != 1 || dig(saved[0], "consent", "text_sha256") == nil || dig(saved[0], "first_payment") != made.text("id") {
		t.Fatalf("saved %v", saved)
	}
	later := f.post("/v1/payments", "", map[string]any{
		"amount": 2000, "currency": "EUR", "payment_method_token": saved[0]["id"], "off_session": true,
	}).want(t, http.StatusCreated, "charge later")
	if later.text("status") != "captured" || later.text("customer") != ada {
		t.Errorf("later it is %s", later)
	}
}
