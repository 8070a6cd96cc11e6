package public

import (
	"encoding/json"
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
	get     = "/v1/client/payments/" + pay
	confirm = get + "/confirm"
	devices = "/v1/client/device_sessions"
	card    = `{"payment_method_token":"` + token + `"}`
)

func TestAPageSeesItsPaymentAndNothingOfTheMerchants(t *testing.T) {
	d := newDoor(t)
	w := d.call("GET", get, "")
	p := given[payerPayment](t, w, 200)
	if p.ID != pay || p.Object != "payment" || p.Amount != 9232 || p.Currency != "EUR" || p.Status != payment.RequiresPaymentMethod || p.ClientSecret != secretAt(0) {
		t.Errorf("%s", w.Body)
	}
	for _, never := range []string{"margin", "alpha", "prov_1", "net_1", "metadata", "BLUE BOTTLE"} {
		if strings.Contains(w.Body.String(), never) {
			t.Errorf("the page reads %q", never)
		}
	}
	h := w.Header()
	if h.Get("Access-Control-Allow-Origin") != page || h.Get("Vary") != "Origin, Accept-Language" || h.Get("Cache-Control") != "no-store" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("headers %v", h)
	}
}

func TestOnlyAPaymentsOwnSecretOpensIt(t *testing.T) {
	d := newDoor(t)
	for name, secret := range map[string]string{
		"of another payment": "pay_01jd9qk3v8m2x4r6t7w9y0a1b3_secret_" + strings.Repeat("0", 32), "of a step to come": secretAt(1), "nonsense": "x",
	} {
		for method, path := range map[string]string{"GET": get, "POST": confirm} {
			refused(t, d.call(method, path, card, headerSecret, secret), 404, fault.CodeNotFound)
			t.Log(name, method)
		}
	}
	stolen := "/v1/client/payments/pay_01jd9qk3v8m2x4r6t7w9y0a1b3"
	refused(t, d.call("GET", stolen, ""), 404, fault.CodeNotFound)
	refused(t, d.call("POST", stolen+"/confirm", card), 404, fault.CodeNotFound)
	refused(t, d.call("GET", "/v1/client/payments/nonsense", ""), 404, fault.CodeNotFound)
	refused(t, d.call("GET", get, "", headerSecret, ""), 401, problem.CodeClientSecret)
	refused(t, d.call("POST", confirm, card, headerSecret, strings.Repeat("x", 300)), 401, problem.CodeClientSecret)
	d.core.over = true
	refused(t, d.call("GET", get, ""), 404, fault.CodeNotFound)
	refused(t, d.call("POST", confirm, card), 404, fault.CodeNotFound)
	if len(d.core.confirmed) > 0 {
		t.Errorf("charged %v", d.core.confirmed)
	}
}

func TestOnlyPagesOfTheMerchantMayCall(t *testing.T) {
	for origin, c := range map[string]struct {
		live bool
		ok   bool
	}{
		page: {true, true}, "https://pay.example": {true, true}, "http://localhost:3000": {false, true}, "": {true, true},
		"https://evil.example": {false, false}, "http://shop.example": {false, false}, "null": {false, false}, "https://shop.example.evil.example": {false, false},
		"https://shop.example:444": {false, false}, "http://127.0.0.1:8081": {true, false},
	} {
		d := newDoor(t)
		d.key.Live = c.live
		for path, w := range map[string]*httptest.ResponseRecorder{
			get: d.call("GET", get, "", "Origin", origin), confirm: d.call("POST", confirm, card, "Origin", origin),
			devices: d.call("POST", devices, `{"fingerprint":"x"}`, "Origin", origin),
		} {
			if c.ok {
				if w.Code >= 300 || w.Header().Get("Access-Control-Allow-Origin") != origin {
					t.Errorf("%s from %q: %d %s, readable by %q", path, origin, w.Code, w.Body, w.Header().Get("Access-Control-Allow-Origin"))
				}
				continue
			}
			refused(t, w, 403, problem.CodeOrigin)
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: a page of %q may read why it is refused", path, origin)
			}
		}
		if !c.ok && len(d.core.confirmed)+len(d.signals) > 0 {
			t.Errorf("%q acted", origin)
		}
	}
	d := newDoor(t)
	two := d.send("GET", get, "", "Authorization", "Bearer pk_test_shop", headerSecret, secretAt(0), "Origin", page, "Origin", "https://evil.example")
	refused(t, two, 403, problem.CodeOrigin)
}

func TestABrowserIsToldWhatItMayAsk(t *testing.T) {
	d := newDoor(t)
	w := d.send("OPTIONS", confirm, "", "Origin", page, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,florin-client-secret")
	h := w.Header()
	if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != page || !strings.Contains(h.Get("Access-Control-Allow-Headers"), headerSecret) ||
		!strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%d %v", w.Code, h)
	}
	if w := d.send("OPTIONS", confirm, ""); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("no page asked, and is told %v", w.Header())
	}
}

func TestOnlyPublishableKeysWorkInTheBrowser(t *testing.T) {
	d := newDoor(t)
	refused(t, d.call("GET", get, "", "Authorization", "Bearer sk_test_shop"), 403, access.CodeKeyKind)
	refused(t, d.call("POST", confirm, card, "Authorization", "Bearer sk_test_shop"), 403, access.CodeKeyKind)
	refused(t, d.call("GET", get, "", "Authorization", "Bearer pk_test_nobody"), 401, access.CodeKeyInvalid)
	d.key.Suspended = true
	refused(t, d.call("POST", confirm, card), 403, access.CodeSuspended)
	if w := d.call("GET", get, ""); w.Code != 200 {
		t.Errorf("a suspended merchant's page cannot look: %d", w.Code)
	}
}

func TestAConfirmationCarriesWhatTheBrowserTells(t *testing.T) {
	d := newDoor(t)
	body := `{"payment_method_token":"` + token + `","return_url":"https://shop.example/thanks?order=1","device_session":"` + session + `","result":"Y3Jlcw",
		"browser":{"language":"de-AT","color_depth":24,"screen_height":900,"screen_width":1600,"time_zone":-60,"java_enabled":false,"javascript_enabled":true}}`
	w := d.call("POST", confirm, body, "Accept", "application/json", "Accept-Language", "fr;q=0.5")
	if p := given[payerPayment](t, w, 200); p.Status != payment.Captured || p.PaymentMethod.Card.Last4 != "4242" || strings.Contains(w.Body.String(), "424242") {
		t.Errorf("%s", w.Body)
	}
	want := payment.Confirmation{
		Choice: payment.Choice{Token: token}, ReturnURL: "https://shop.example/thanks?order=1", Result: "Y3Jlcw", DeviceSession: session,
		Browser: provider.Browser{
			AcceptHeader: "application/json", UserAgent: "Test/1", Language: "de-AT", IP: "192.0.2.7", ColorDepth: 24, ScreenHeight: 900, ScreenWidth: 1600,
			TimeZone: -60, JavaScriptEnabled: true,
		},
	}
	if len(d.core.confirmed) != 1 || d.core.confirmed[0] != want {
		t.Errorf("confirmed %+v", d.core.confirmed)
	}
}

func TestABrowserThatTellsNothingIsKnownByItsRequest(t *testing.T) {
	d := newDoor(t)
	if w := d.call("POST", confirm, card, "Accept-Language", " pt-BR;q=0.9, en", "User-Agent", "Test/1 \x01é"); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if b := d.core.confirmed[0].Browser; b.Language != "pt-BR" || b.UserAgent != "Test/1 " || b.IP != "192.0.2.7" {
		t.Errorf("told %+v", b)
	}
}

func TestWhereThePayerGoesInTheEndMustBeRegistered(t *testing.T) {
	d := newDoor(t)
	for _, address := range []string{
		"https://evil.example/", "javascript:alert(document.domain)", "JavaScript:alert(1)", "data:text/html,x", "//shop.example/", "/thanks", "https://shop.example@evil.example/",
		"https://shop.example.evil.example/", "http://shop.example/",
	} {
		body, err := json.Marshal(map[string]string{"payment_method_token": token, "return_url": address})
		if err != nil {
			t.Fatal(err)
		}
		if p := refused(t, d.call("POST", confirm, string(body)), 400, fault.CodeInvalid); p.Param != "return_url" || strings.Contains(p.Detail, "evil") {
			t.Errorf("%s: %+v", address, p)
		}
	}
	if len(d.core.confirmed) > 0 {
		t.Errorf("charged %v", d.core.confirmed)
	}
}

func TestADeclineTellsThePayerWhatHelpsAndNoThiefAnything(t *testing.T) {
	for code, want := range map[provider.DeclineCode]struct{ code, retry string }{
		provider.InsufficientFunds: {"insufficient_funds", "later"}, provider.IncorrectCVC: {"incorrect_cvc", "fix_data"},
		provider.StolenCard: {"generic_decline", "never"}, provider.LostCard: {"generic_decline", "never"}, provider.PickupCard: {"generic_decline", "never"},
		provider.RiskDecline: {"generic_decline", "never"}, provider.ProcessingError: {"processing_error", "later"},
	} {
		d := newDoor(t)
		d.core.then = d.core.decline(code)
		w := d.call("POST", confirm, card)
		p := refused(t, w, 402, fault.CodeCardDeclined)
		if p.DeclineCode != want.code || p.Retry != want.retry || p.Payment != pay || p.ClientSecret != secretAt(1) {
			t.Errorf("%s: %s", code, w.Body)
		}
		for _, never := range []string{"stolen", "lost", "pickup", "risk", "43", "own words"} {
			if strings.Contains(without(w.Body.String(), p.RequestID), never) {
				t.Errorf("%s: the payer reads %q in %s", code, never, w.Body)
			}
		}
		// The payment says the same as the refusal.
		seen := d.call("GET", get, "", headerSecret, secretAt(1))
		if p := given[payerPayment](t, seen, 200); p.Failure == nil || string(p.Failure.DeclineCode) != want.code || strings.Contains(without(seen.Body.String(), pay, secretAt(1)), "43") {
			t.Errorf("%s: %s", code, seen.Body)
		}
	}
}

// without is a text less the ids in it, which may hold any digits.
func without(text string, ids ...string) string {
	for _, one := range ids {
		text = strings.ReplaceAll(text, one, "")
	}
	return text
}

func TestADeclineIsToldInThePayersLanguage(t *testing.T) {
	d := newDoor(t)
	d.core.then = d.core.decline(provider.IncorrectCVC)
	const german = "Die Prüfziffer stimmt nicht. Prüfen Sie die Ziffern auf der Karte und versuchen Sie es noch einmal."
	if p := refused(t, d.call("POST", confirm, card, "Accept-Language", "de-CH"), 402, fault.CodeCardDeclined); p.Detail != german {
		t.Errorf("told %q", p.Detail)
	}
	w := d.call("GET", get, "", headerSecret, secretAt(1), "Accept-Language", "de-CH")
	if p := given[payerPayment](t, w, 200); p.Failure.Message != german || w.Header().Get("Vary") != "Origin, Accept-Language" {
		t.Errorf("told %q, varies by %q", p.Failure.Message, w.Header().Get("Vary"))
	}
}

func TestAProviderThatCannotBeReachedIsNoDecline(t *testing.T) {
	d := newDoor(t)
	d.core.then = func(payment.Confirmation) error {
		return &payment.DeclinedError{Payment: d.core.seen(1), Code: fault.CodeProviderUnavailable, Decline: provider.Decline{Message: "The provider could not be reached. Nothing was charged."}}
	}
	p := refused(t, d.call("POST", confirm, card), 402, fault.CodeProviderUnavailable)
	if p.DeclineCode != "" || p.Detail != "No bank could be reached. Nothing was charged. Try again in a moment." || !p.Retryable || p.ClientSecret != secretAt(1) {
		t.Errorf("%+v", p)
	}
}

// The reason for a switch is the merchant's own: whoever pays is told that it is off, in their language.
func TestWhatIsSwitchedOffIsToldWithoutTheReason(t *testing.T) {
	const german = "Der Shop hat solche Zahlungen vorübergehend angehalten. Es wurde nichts abgebucht. Versuchen Sie es später noch einmal, oder zahlen Sie auf anderem Weg."
	for name, err := range map[string]error{
		"before anything was begun":         &fault.Error{Kind: fault.Unavailable, Code: fault.CodeKillSwitch, Detail: "authorize is switched off: cards from DE are stolen", RetryAfter: time.Minute},
		"when the payer was back from bank": nil,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			d.core.then = func(payment.Confirmation) error {
				if err != nil {
					return err
				}
				d.core.object.Failure = &payment.FailureObject{Code: fault.CodeKillSwitch, Message: "authorize is switched off: cards from DE are stolen. Nothing was charged."}
				return payment.Refusal(d.core.seen(1), &payment.FailureObject{Code: fault.CodeKillSwitch, Message: d.core.object.Failure.Message, RetryAt: new(noon.Add(time.Minute))}, noon)
			}
			w := d.call("POST", confirm, card, "Accept-Language", "de")
			p := refused(t, w, 503, fault.CodeKillSwitch)
			if p.Detail != german || !p.Retryable || w.Header().Get("Retry-After") != "60" || strings.Contains(w.Body.String(), "stolen") {
				t.Errorf("told %s, after %s", w.Body, w.Header().Get("Retry-After"))
			}
			if err == nil && p.ClientSecret != secretAt(1) {
				t.Errorf("the secret is %q", p.ClientSecret)
			}
			seen := d.call("GET", get, "", headerSecret, secretAt(1), "Accept-Language", "de")
			if o := given[payerPayment](t, seen, 200); err == nil && (o.Failure == nil || o.Failure.Message != german || o.Failure.Code != fault.CodeKillSwitch || o.Failure.Retry != provider.RetryLater) {
				t.Errorf("the payment says %s", seen.Body)
			}
		})
	}
}

func TestWhateverEndedATryIsToldInWords(t *testing.T) {
	for code, want := range map[string]string{
		fault.CodeExpired: "The time for this was over. Nothing was charged. Try again.", fault.CodeProviderUnavailable: "No bank could be reached. Nothing was charged. Try again in a moment.",
		fault.CodeKillSwitch: "This shop has stopped such payments for the moment. Nothing was charged. Try again later, or pay another way.",
		"something_new":      "The payment was stopped. Nothing was charged. Try again, or pay another way.", fault.CodeCardDeclined: "Your bank declined this card. Try another card, or ask your bank.",
		fault.CodePaymentDeclined: "Your bank declined this payment. Try another bank, or pay another way.",
	} {
		d := newDoor(t)
		d.core.object.Failure = &payment.FailureObject{Code: code, DeclineCode: "of_tomorrow", Message: "the inside"}
		if p := given[payerPayment](t, d.call("GET", get, ""), 200); p.Failure.Message != want {
			t.Errorf("%s: %q", code, p.Failure.Message)
		}
		says(t, d.visit(0), 200, strings.SplitAfter(want, ". ")[0][:20])
	}
}

func TestASecretOfAnEarlierStepChargesNothing(t *testing.T) {
	d := newDoor(t)
	first := given[payerPayment](t, d.call("POST", confirm, card), 200)
	second := given[payerPayment](t, d.call("POST", confirm, card), 200)
	if len(d.core.confirmed) != 1 || first.Status != payment.Captured || second.Status != payment.Captured {
		t.Errorf("%d charges, %s and %s", len(d.core.confirmed), first.Status, second.Status)
	}
}

func TestABodyThatIsNotAsItShouldBeIsRefusedByName(t *testing.T) {
	d := newDoor(t)
	for body, param := range map[string]string{
		`{"payment_method_token":"4242424242424242"}`: "payment_method_token", `{"card":{"number":"4242424242424242"}}`: "card", `{"device_session":"x"}`: "device_session",
		`{"return_url":"https://shop.example/?card=4242424242424242"}`: "return_url", `{"browser":{"language":"4242 4242 4242 4242"}}`: "browser.language",
		`{"browser":{"color_depth":24.5}}`: "browser.color_depth", `{"browser":{"plugins":[]}}`: "browser.plugins", `{"result":"` + strings.Repeat("x", 20_001) + `"}`: "result",
	} {
		w := d.call("POST", confirm, body)
		p := declined{Problem: &problem.Problem{}}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 400 || p.Param != param || strings.Contains(w.Body.String(), "4242") {
			t.Errorf("%.60s: %d %s", body, w.Code, w.Body)
		}
	}
	refused(t, d.call("POST", confirm, card, "Content-Type", "text/plain"), 415, problem.CodeMediaType)
	refused(t, d.call("POST", confirm, "[]"), 400, problem.CodeMalformed)
	refused(t, d.call("POST", confirm, strings.Repeat(" ", maxBody+1)), 413, problem.CodeTooLarge)
	refused(t, d.call("DELETE", get, ""), 405, problem.CodeMethod)
	refused(t, d.call("GET", "/v1/payments", ""), 404, fault.CodeNotFound)
	if len(d.core.confirmed) > 0 {
		t.Errorf("charged %v", d.core.confirmed)
	}
}

func TestWhoAsksTooOftenHasToWait(t *testing.T) {
	d := newDoor(t, func(o *Options) {
		o.CallLimit = limit.Policy{Name: "client", Quota: 3, Window: time.Minute}
		o.TryLimit = limit.Policy{Name: "tries", Quota: 2, Window: time.Minute}
	})
	for range 2 {
		if w := d.call("POST", confirm, card); w.Code != 200 || w.Header().Get("RateLimit") == "" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if w := d.call("POST", confirm, card); refused(t, w, 429, problem.CodeRateLimited).RetryAfter < 1 || !strings.HasPrefix(w.Header().Get("RateLimit"), `"tries"`) || w.Header().Get("Retry-After") == "" {
		t.Errorf("%v", w.Header())
	}
	w := d.call("GET", get, "", "Authorization", "Bearer pk_test_guess") // guessing counts as well
	refused(t, w, 429, problem.CodeRateLimited)
	if w.Header().Get("Retry-After") == "" || w.Header().Get("RateLimit-Policy") == "" {
		t.Errorf("%v", w.Header())
	}
	d.hands.Advance(time.Minute)
	if w := d.call("GET", get, ""); w.Code != 200 {
		t.Errorf("after the wait: %d", w.Code)
	}
}

func TestABrowserTellsOfItself(t *testing.T) {
	d := newDoor(t)
	made := given[deviceSession](t, d.call("POST", devices, `{"fingerprint":"abc","languages":["de"]}`, headerSecret, ""), 201)
	if made != (deviceSession{session, "device_session", false}) {
		t.Errorf("made %+v", made)
	}
	if len(d.facts) != 1 || d.facts[0].IP.String() != "192.0.2.7" || d.facts[0].UserAgent != "Test/1" || string(d.signals[0]) != `{"fingerprint":"abc","languages":["de"]}` {
		t.Errorf("told %v %s", d.facts, d.signals)
	}
	if p := refused(t, d.call("POST", devices, `{}`), 400, fault.CodeInvalid); p.Param != "fingerprint" {
		t.Errorf("%+v", p)
	}
}

func TestTheDepthOfAScreenIsOneThatBanksKnow(t *testing.T) {
	for bits, want := range map[int64]int{0: 0, 1: 1, 3: 1, 15: 15, 24: 24, 30: 24, 32: 32, 47: 32, 48: 48, 64: 48} {
		if got := colorDepth(bits); got != want {
			t.Errorf("%d bits became %d, want %d", bits, got, want)
		}
	}
}
