package public

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// challenged is a door at whose payment the payer's bank wants to see them. Step 1 is the present one.
func challenged(t *testing.T) *door {
	t.Helper()
	d := newDoor(t)
	d.core.then = d.core.challenged
	w := d.press(0, pressed(0))
	if got := given[outcome](t, w, 200); got != (outcome{Outcome: "leave", URL: "https://pay.example" + leavePath + "/" + ticket}) {
		t.Fatalf("outcome %+v", got)
	}
	if kept := cookies(w, secretCookie); len(kept) != 1 || kept[0].Value != secretAt(1) {
		t.Fatalf("the next step's secret is not kept: %+v", kept)
	}
	return d
}

// comeBack posts what the bank's page posts. It is another site, so the browser sends no Lax cookie.
func (d *door) comeBack(cres string) *httptest.ResponseRecorder {
	form := url.Values{"cres": {cres}}
	return d.send("POST", leavePath+"/"+ticket+"/return", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://acs.bank.example", "Sec-Fetch-Site", "cross-site")
}

const afterReturn = leavePath + "/" + ticket + "?back"

func TestThePayerIsTakenToTheirBank(t *testing.T) {
	d := challenged(t)
	w := d.send("GET", leavePath+"/"+ticket, "")
	says(t, w, 200, "Continue at your bank", `method="post" action="https://acs.bank.example/challenge"`, `name="creq" value="Y3JlcQ"`, d.files.Leave.Path)
	if forms := directives(w)["form-action"]; forms != "https://acs.bank.example" {
		t.Errorf("forms go to %s", forms)
	}
	d.core.challenge.ACSURL = "javascript:alert(1)"
	says(t, d.send("GET", leavePath+"/"+ticket, ""), 500, "Something went wrong")
}

func TestAPayerOfThePageComesBackToIt(t *testing.T) {
	d := challenged(t)
	w := d.comeBack("Y3Jlcw")
	if w.Code != 303 || w.Header().Get("Location") != afterReturn || len(d.core.cres) != 1 || d.core.cres[0] != "Y3Jlcw" {
		t.Fatalf("%d to %s, completed %v", w.Code, w.Header().Get("Location"), d.core.cres)
	}
	d.core.challenge = provider.Challenge{}
	d.core.object.NextAction = nil
	if err := d.core.capture(payment.Confirmation{}); err != nil {
		t.Fatal(err)
	}
	thanks := "https://shop.example/thanks?order=1"
	d.core.object.ReturnURL = &thanks
	after := d.send("GET", afterReturn, "", "Cookie", cameCookie+"=1")
	if after.Code != 303 || after.Header().Get("Location") != checkoutPath {
		t.Errorf("%d to %s", after.Code, after.Header().Get("Location"))
	}
	says(t, d.visit(1), 200, "Paid", "Back to Blue Bottle", "https://shop.example/thanks?order=1&payment="+pay+"&status=captured")
}

func TestAPayerOfTheShopsPageGoesBackThere(t *testing.T) {
	for status, path := range map[payment.Status]string{payment.Captured: "captured", payment.RequiresPaymentMethod: "requires_payment_method", payment.Failed: "failed"} {
		d := challenged(t)
		d.core.challenge, d.core.object.Status, d.core.object.NextAction = provider.Challenge{}, status, nil
		thanks := "https://shop.example/thanks?order=1&status=mine"
		d.core.object.ReturnURL = &thanks
		w := d.send("GET", afterReturn, "")
		if want := "https://shop.example/thanks?order=1&payment=" + pay + "&status=" + path; w.Code != 303 || w.Header().Get("Location") != want {
			t.Errorf("%d to %s, want %s", w.Code, w.Header().Get("Location"), want)
		}
	}
}

func TestNobodyIsLedToAScript(t *testing.T) {
	d := challenged(t)
	d.core.challenge, d.core.object.Status, d.core.object.NextAction = provider.Challenge{}, payment.Captured, nil
	for _, address := range []string{"javascript:alert(1)", "data:text/html,x", "//evil.example", ":"} {
		d.core.object.ReturnURL = &address
		w := d.send("GET", afterReturn, "")
		says(t, w, 200, "Paid")
		if strings.Contains(w.Body.String(), address+`"`) {
			t.Errorf("the page leads to %s", address)
		}
	}
	d.core.object.Status = payment.RequiresAction
	d.core.object.NextAction = &payment.NextAction{Type: "redirect", URL: "javascript:alert(1)"}
	says(t, d.visit(1), 200, "Waiting for the bank")
}

func TestAPayerWithoutAPageToGoToSeesHowItEnded(t *testing.T) {
	for status, words := range map[payment.Status]string{
		payment.Captured: "Paid", payment.RequiresPaymentMethod: "This payment did not go through", payment.Failed: "This payment did not go through",
		payment.Expired: "This payment has expired", payment.Processing: "Waiting for the bank",
	} {
		d := challenged(t)
		d.core.challenge, d.core.object.Status, d.core.object.NextAction = provider.Challenge{}, status, nil
		d.core.object.Failure = &payment.FailureObject{Code: fault.CodeCardDeclined, DeclineCode: provider.AuthenticationFailed}
		w := d.send("GET", afterReturn, "")
		says(t, w, 200, words)
		if strings.Contains(w.Body.String(), `id="pay"`) {
			t.Errorf("%s: a ticket pays", status)
		}
	}
}

func TestAResultThatIsRefusedLeadsToHowThePaymentStands(t *testing.T) {
	for _, err := range []error{
		fault.State("the result was used before"), fault.Wrong("result", fault.CodeInvalid, "is no CRes"), fault.New(fault.Malformed, "", "is no CRes"),
		&payment.DeclinedError{Code: fault.CodeCardDeclined, Decline: provider.Decline{Code: provider.AuthenticationFailed}},
	} {
		d := challenged(t)
		d.core.completed = err
		if w := d.comeBack("replayed"); w.Code != 303 || w.Header().Get("Location") != afterReturn {
			t.Errorf("%v: %d %s", err, w.Code, w.Header().Get("Location"))
		}
	}
	d := challenged(t)
	d.core.completed = errors.New("the inside")
	w := d.comeBack("Y3Jlcw")
	says(t, w, 500, "Something went wrong on our side")
	if strings.Contains(w.Body.String(), "the inside") {
		t.Error("the inside is shown")
	}
	if w := d.comeBack(""); w.Code != 500 || len(d.core.cres) != 2 {
		t.Errorf("without a result the core is not asked: %d", w.Code)
	}
	says(t, d.send("POST", leavePath+"/nonsense/return", "cres=x"), 404, "There is no such payment")
	says(t, d.send("POST", leavePath+"/"+ticket+"/return", "cres=%zz"), 404, "There is no such payment")
	says(t, d.send("POST", leavePath+"/"+ticket+"/return", "cres="+strings.Repeat("x", maxBody)), 404, "There is no such payment")
}

// Two pages that send the payer to each other by script would never end.
func TestABankThatSendsThePayerBackUnfinishedIsNotAskedAgainByItself(t *testing.T) {
	d := challenged(t)
	w := d.send("GET", afterReturn, "")
	says(t, w, 200, "Continue to your bank", `name="creq"`)
	if strings.Contains(w.Body.String(), d.files.Leave.Path) {
		t.Error("the payer is sent on without a click")
	}
}

func TestAnAbandonedChallengeGoesOnFromTheSamePage(t *testing.T) {
	d := challenged(t)
	says(t, d.visit(1), 200, "Your bank wants to check that it is you", `href="https://pay.example`+leavePath+"/"+ticket+`"`, `id="watch"`, `data-state="action"`)
	// Also from an older link, which can look but not pay.
	says(t, d.visit(0), 200, "Continue to your bank")
}

func TestADeclineAfterTheChallengeLeavesAnotherTry(t *testing.T) {
	d := challenged(t)
	d.core.challenge, d.core.object.Status, d.core.object.NextAction = provider.Challenge{}, payment.RequiresPaymentMethod, nil
	d.core.object.Failure = &payment.FailureObject{Code: fault.CodeCardDeclined, DeclineCode: provider.AuthenticationFailed}
	says(t, d.visit(1), 200, "Your bank could not confirm that it is you.", "Try again, or use another card.", `id="pay"`)
	d.core.then = d.core.capture
	given[outcome](t, d.press(1, pressed(1)), 200)
	says(t, d.visit(2), 200, "Paid")
}

func TestThePageOfTheShopIsToldWhereToSendThePayer(t *testing.T) {
	d := newDoor(t)
	d.core.then = d.core.challenged
	p := given[payerPayment](t, d.call("POST", confirm, card), 200)
	if p.Status != payment.RequiresAction || p.NextAction == nil || p.NextAction.Type != "redirect" || p.NextAction.URL != "https://pay.example"+leavePath+"/"+ticket || !p.NextAction.ExpiresAt.Equal(noon.Add(600e9)) {
		t.Errorf("told %+v", p.NextAction)
	}
	if p.ClientSecret != secretAt(1) {
		t.Errorf("the next step's secret is %q", p.ClientSecret)
	}
}
