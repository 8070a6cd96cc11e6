package public

import (
	"context"
	"errors"
	"html"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
)

const (
	checkoutPath = "/pay/" + tenant + "/" + pay
	leavePath    = "/3ds/" + tenant + "/" + pay
)

// visit loads the checkout page as a browser that has the secret of a step; headers are more of its.
func (d *door) visit(step int, headers ...string) *httptest.ResponseRecorder {
	return d.send("GET", checkoutPath, "", append([]string{"Cookie", secretCookie + "=" + secretAt(step)}, headers...)...)
}

// press sends what the page sends when the payer pays.
func (d *door) press(cookie int, body string, headers ...string) *httptest.ResponseRecorder {
	return d.send("POST", checkoutPath+"/confirm", body, append([]string{
		"Cookie", secretCookie + "=" + secretAt(cookie), "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin", "User-Agent", "Test/1",
	}, headers...)...)
}

func pressed(step int) string {
	return `{"step":"` + stepOf(secretAt(step)) + `","payment_method_token":"` + token + `","device_session":"` + session + `","browser":{"language":"de","time_zone":-60}}`
}

func text(w *httptest.ResponseRecorder) string { return html.UnescapeString(w.Body.String()) }

// says checks a page.
func says(t *testing.T, w *httptest.ResponseRecorder, status int, parts ...string) {
	t.Helper()
	if w.Code != status || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %s\n%s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	for _, part := range parts {
		if !strings.Contains(text(w), part) {
			t.Errorf("the page does not say %q:\n%s", part, text(w))
		}
	}
	for _, never := range []string{"<no value>", "ZgotmplZ", "_secret_", "{amount}", "{merchant}", "{request}", "Two bags of coffee"} {
		if strings.Contains(w.Body.String(), never) {
			t.Errorf("the page has %q:\n%s", never, w.Body)
		}
	}
}

func TestTheFirstVisitPutsTheSecretIntoACookieAndOutOfTheAddress(t *testing.T) {
	d := newDoor(t)
	w := d.send("GET", checkoutPath+"?client_secret="+secretAt(0)+"&lang=de", "")
	if w.Code != 303 || w.Header().Get("Location") != checkoutPath+"?lang=de" || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("%d to %s", w.Code, w.Header().Get("Location"))
	}
	kept := cookies(w, secretCookie)
	if len(kept) != 1 || kept[0].Value != secretAt(0) || kept[0].Path != checkoutPath || !kept[0].HttpOnly || !kept[0].Secure || kept[0].SameSite != 2 || kept[0].Domain != "" {
		t.Fatalf("kept %+v", kept)
	}
	if strings.Contains(cookies(w, cameCookie)[0].Value, "secret") {
		t.Error("the secret goes to other paths")
	}
	says(t, d.visit(0), 200, "Blue Bottle", "€92.32", "Pay €92.32", "Blue Bottle never sees its number", pay, `data-key="pk_test_hosted"`)
}

func TestCookiesAreForHTTPSWhereThereIsHTTPS(t *testing.T) {
	for address, secure := range map[string]bool{"https://pay.example": true, "http://127.0.0.1:8081": false} {
		d := newDoor(t, func(o *Options) { o.URL = address })
		w := d.send("GET", checkoutPath+"?client_secret="+secretAt(0), "")
		if got := cookies(w, secretCookie)[0].Secure; got != secure {
			t.Errorf("%s: Secure is %t", address, got)
		}
		if got := w.Header().Get("Strict-Transport-Security"); (got != "") != secure {
			t.Errorf("%s: HSTS is %q", address, got)
		}
	}
}

func TestAnOlderLinkDoesNotTakeThePayerBack(t *testing.T) {
	d := newDoor(t)
	d.core.step = 1
	newer := d.send("GET", checkoutPath+"?client_secret="+secretAt(0), "", "Cookie", secretCookie+"="+secretAt(1))
	if newer.Code != 303 || len(cookies(newer, secretCookie)) != 0 {
		t.Errorf("the newer secret is replaced: %v", newer.Header())
	}
	other := d.send("GET", checkoutPath+"?client_secret="+secretAt(0), "", "Cookie", secretCookie+"=pay_other_secret_x")
	if other.Code != 303 || len(cookies(other, secretCookie)) != 1 {
		t.Errorf("a secret of nothing stays: %v", other.Header())
	}
	// Elsewhere the older link shows the payment, and cannot pay it.
	says(t, d.visit(0), 200, "This page is out of date")
}

func TestWhoHasNoSecretSeesNothing(t *testing.T) {
	d := newDoor(t)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"no cookie":         d.send("GET", checkoutPath, ""),
		"another secret":    d.send("GET", checkoutPath, "", "Cookie", secretCookie+"=pay_01jd9qk3v8m2x4r6t7w9y0a1b3_secret_1"),
		"of the address":    d.send("GET", checkoutPath+"?client_secret=pay_x_secret_y", ""),
		"a long one":        d.send("GET", checkoutPath+"?client_secret="+strings.Repeat("x", 5000), ""),
		"another payment":   d.send("GET", "/pay/"+tenant+"/pay_01jd9qk3v8m2x4r6t7w9y0a1b3", "", "Cookie", secretCookie+"="+secretAt(0)),
		"live":              d.send("GET", "/pay/acct_shop:live/"+pay, "", "Cookie", secretCookie+"="+secretAt(0)),
		"nobody's":          d.send("GET", "/pay/acct_nobody:test/"+pay, "", "Cookie", secretCookie+"="+secretAt(0)),
		"no tenant":         d.send("GET", "/pay/%22%3E%3Cscript%3E/"+pay, "", "Cookie", secretCookie+"="+secretAt(0)),
		"no payment":        d.send("GET", "/pay/"+tenant+"/nonsense", "", "Cookie", secretCookie+"="+secretAt(0)),
		"no such challenge": d.send("GET", leavePath+"/nonsense", ""),
	} {
		t.Run(name, func(t *testing.T) {
			says(t, w, 404, "There is no such payment")
			if strings.Contains(w.Body.String(), "€92.32") {
				t.Error("the amount is shown")
			}
		})
	}
	d.core.over = true
	says(t, d.visit(0), 404, "There is no such payment")
}

func TestPayingAtTheCheckout(t *testing.T) {
	d := newDoor(t)
	if got := given[outcome](t, d.press(0, pressed(0)), 200); got != outcomeChanged {
		t.Errorf("outcome %+v", got)
	}
	if len(d.core.confirmed) != 1 {
		t.Fatalf("confirmed %+v", d.core.confirmed)
	}
	c := d.core.confirmed[0]
	if c.Choice.Token != token || c.DeviceSession != session || c.ReturnURL != "" || c.Browser.Language != "de" || c.Browser.TimeZone != -60 || c.Browser.IP != "192.0.2.7" || c.Browser.UserAgent != "Test/1" {
		t.Errorf("confirmed %+v", c)
	}
	says(t, d.visit(0), 200, "Paid")
}

func TestAfterADeclineThePayerTriesAgainOnTheSamePage(t *testing.T) {
	d := newDoor(t)
	d.core.then = d.core.decline(provider.InsufficientFunds)
	w := d.press(0, pressed(0), "Accept-Language", "de")
	got := given[outcome](t, w, 200)
	want := outcome{Outcome: "declined", Step: stepOf(secretAt(1)), What: "Auf der Karte ist dafür nicht genug Geld.", Next: "Nehmen Sie eine andere Karte."}
	if got != want {
		t.Errorf("outcome %+v", got)
	}
	if kept := cookies(w, secretCookie); len(kept) != 1 || kept[0].Value != secretAt(1) {
		t.Fatalf("the next step's secret is not kept: %+v", kept)
	}
	// Loaded again, the page says the same.
	says(t, d.visit(1), 200, "There is not enough money for this on the card.", "Try another card.", "Pay €92.32")
	d.core.then = d.core.capture
	if got := given[outcome](t, d.press(1, pressed(1)), 200); got != outcomeChanged || len(d.core.confirmed) != 2 {
		t.Errorf("outcome %+v after %d tries", got, len(d.core.confirmed))
	}
	says(t, d.visit(1), 200, "Paid")
}

func TestEveryDeclineHasWordsThatHelpAndNeverACode(t *testing.T) {
	for _, code := range provider.Codes() {
		d := newDoor(t)
		d.core.then = d.core.decline(code)
		got := given[outcome](t, d.press(0, pressed(0)), 200)
		if got.Outcome != "declined" || got.What == "" || got.Next == "" || strings.Contains(got.What+got.Next, "_") {
			t.Errorf("%s: %+v", code, got)
		}
		if m := provider.Explain(code); m.Payer != code && got.What != "Your bank declined this card." {
			t.Errorf("%s: the payer reads %q", code, got.What)
		}
		says(t, d.visit(1), 200, got.What, got.Next)
	}
}

func TestTheLastTryEndsThePayment(t *testing.T) {
	d := newDoor(t)
	d.core.then = func(c payment.Confirmation) error {
		d.core.object.Status = payment.Failed
		return d.core.decline(provider.AuthenticationFailed)(c)
	}
	if got := given[outcome](t, d.press(0, pressed(0)), 200); got != outcomeChanged {
		t.Errorf("outcome %+v", got)
	}
	says(t, d.visit(0), 200, "This payment did not go through", "Nothing was charged")
}

func TestOfTwoWindowsOneWinsAndTheOtherSeesTheResult(t *testing.T) {
	d := newDoor(t)
	if got := given[outcome](t, d.press(0, pressed(0)), 200); got != outcomeChanged {
		t.Fatalf("outcome %+v", got)
	}
	// The other window was open all the time: its cookie and its step are those of before.
	if got := given[outcome](t, d.press(0, pressed(0)), 200); got != outcomeChanged || len(d.core.confirmed) != 1 {
		t.Errorf("outcome %+v after %d charges", got, len(d.core.confirmed))
	}
	// After a decline the browser's cookie is newer than what the other window shows.
	e := newDoor(t)
	e.core.then = e.core.decline(provider.DoNotHonor)
	given[outcome](t, e.press(0, pressed(0)), 200)
	if got := given[outcome](t, e.press(1, pressed(0)), 200); got != outcomeChanged || len(e.core.confirmed) != 1 {
		t.Errorf("outcome %+v after %d tries", got, len(e.core.confirmed))
	}
	// At the very same time the core lets one in.
	f := newDoor(t)
	f.core.then = func(payment.Confirmation) error {
		return fault.State("another request is changing this payment at the same time")
	}
	if got := given[outcome](t, f.press(0, pressed(0)), 200); got != outcomeChanged {
		t.Errorf("outcome %+v", got)
	}
}

func TestOnlyThePageItselfPays(t *testing.T) {
	d := newDoor(t)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"another site":     d.send("POST", checkoutPath+"/confirm", pressed(0), "Cookie", secretCookie+"="+secretAt(0), "Content-Type", "application/json", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"),
		"an older browser": d.send("POST", checkoutPath+"/confirm", pressed(0), "Cookie", secretCookie+"="+secretAt(0), "Content-Type", "application/json", "Origin", "https://evil.example"),
		"the shop itself":  d.send("POST", checkoutPath+"/confirm", pressed(0), "Cookie", secretCookie+"="+secretAt(0), "Content-Type", "application/json", "Sec-Fetch-Site", "cross-site", "Origin", page),
	} {
		t.Log(name)
		refused(t, w, 403, problem.CodeOrigin)
	}
	refused(t, d.send("POST", checkoutPath+"/confirm", pressed(0), "Content-Type", "application/json"), 404, fault.CodeNotFound)
	refused(t, d.send("POST", checkoutPath+"/confirm", "step=x", "Cookie", secretCookie+"="+secretAt(0), "Content-Type", "application/x-www-form-urlencoded"), 415, problem.CodeMediaType)
	if p := refused(t, d.press(0, `{"step":"x","payment_method_token":"4242424242424242"}`), 400, problem.CodeCardNumber); p.Param != "payment_method_token" {
		t.Errorf("%+v", p)
	}
	if len(d.core.confirmed) > 0 {
		t.Errorf("charged %v", d.core.confirmed)
	}
}

func TestTriesAndVisitsAreCounted(t *testing.T) {
	d := newDoor(t, func(o *Options) {
		o.TryLimit = limit.Policy{Name: "tries", Quota: 1, Window: time.Minute}
		o.PageLimit = limit.Policy{Name: "pages", Quota: 3, Window: time.Minute}
	})
	d.core.then = d.core.decline(provider.DoNotHonor)
	d.press(0, pressed(0))
	refused(t, d.press(1, pressed(1)), 429, problem.CodeRateLimited)
	d.visit(1)
	w := d.visit(1)
	says(t, w, 429, "Too many visits")
	if w.Header().Get("Retry-After") == "" {
		t.Errorf("headers %v", w.Header())
	}
}

func TestWhatIsOurFaultIsToldWithTheNumberOfTheRequest(t *testing.T) {
	d := newDoor(t, func(o *Options) {
		o.HostedKey = func(context.Context, string) (string, error) { return "", errors.New("the inside") }
	})
	w := d.visit(0)
	says(t, w, 500, "Something went wrong on our side", w.Header().Get("Request-Id"))
	if strings.Contains(w.Body.String(), "the inside") {
		t.Error("the inside is shown")
	}
}

func TestThePagesKeyIsNoSecretOfTheMerchants(t *testing.T) {
	if w := newDoor(t).visit(0); strings.Contains(w.Body.String(), access.DevSecret[:3]) {
		t.Errorf("a secret key is in the page:\n%s", w.Body)
	}
}

func TestNobodyPaysASuspendedMerchant(t *testing.T) {
	d := newDoor(t)
	*d.merchant = d.merchant.Suspend(noon)
	w := d.visit(0)
	says(t, w, 200, "Blue Bottle takes no payments just now", "Nothing was charged")
	if strings.Contains(w.Body.String(), `id="pay"`) {
		t.Error("it can be paid")
	}
	if got := given[outcome](t, d.press(0, pressed(0)), 200); got != outcomeChanged || len(d.core.confirmed) > 0 {
		t.Errorf("outcome %+v after %d charges", got, len(d.core.confirmed))
	}
	d.core.object.Status = payment.Captured
	says(t, d.visit(0), 200, "Paid")
}

// What was typed is not lost, and the step is as good as it was: it is pressed again when it is on again.
func TestACheckoutTellsWhatIsSwitchedOff(t *testing.T) {
	d := newDoor(t)
	d.core.then = func(payment.Confirmation) error {
		d.core.step = 0 // nothing was begun
		return fault.New(fault.Unavailable, fault.CodeKillSwitch, "authorize is switched off: cards from DE are stolen")
	}
	w := d.press(0, pressed(0))
	told := given[outcome](t, w, 200)
	if told.Outcome != "declined" || told.Step != stepOf(secretAt(0)) || told.What != "This shop has stopped such payments for the moment. Nothing was charged." || strings.Contains(w.Body.String(), "stolen") {
		t.Errorf("told %+v", told)
	}
}

// Who comes back from the bank to no page of the merchant's is told the same, and not to begin anew.
func TestWhoIsBackToASwitchIsToldSo(t *testing.T) {
	d := newDoor(t)
	d.core.object.Status, d.core.object.ReturnURL = payment.RequiresPaymentMethod, nil
	d.core.object.Failure = &payment.FailureObject{Code: fault.CodeKillSwitch, Message: "authorize is switched off: cards from DE are stolen. Nothing was charged."}
	w := d.send("GET", leavePath+"/"+ticket, "", "Accept-Language", "es")
	if says(t, w, 200, "La tienda ha detenido por el momento este tipo de pagos. No se ha cobrado nada."); strings.Contains(text(w), "stolen") {
		t.Errorf("the page tells the reason:\n%s", text(w))
	}
}
