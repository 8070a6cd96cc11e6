package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// byClient calls the public zone as florin.js does in a page of an origin. The secret may be left out.
func (f *florin) byClient(method, path, secret, origin string, body any) answer {
	f.t.Helper()
	raw, err := json.Marshal(body)
	must(f.t, err)
	q, err := http.NewRequest(method, f.site()+path, bytes.NewReader(raw))
	must(f.t, err)
	for name, value := range map[string]string{
		"Authorization": "Bearer " + f.public, "Florin-Client-Secret": secret, "Origin": origin, "Content-Type": "application/json",
	} {
		if value != "" {
			q.Header.Set(name, value)
		}
	}
	r, err := client.Do(q)
	must(f.t, err)
	defer func() { must(f.t, r.Body.Close()) }()
	a := answer{status: r.StatusCode, header: r.Header}
	a.body, err = io.ReadAll(r.Body)
	must(f.t, err)
	must(f.t, json.Unmarshal(a.body, &a.object))
	return a
}

func TestBrowserPaysOnceFromTwoWindows(t *testing.T) {
	t.Parallel()
	t.Run("of the checkout page", func(t *testing.T) {
		t.Parallel()
		f := installDev(t)
		made := f.checkout(t, nil)
		first := f.payer(t).payAt(made)
		second := first.another().payAt(made)
		for _, p := range []*tab{first, second} {
			p.typeCard(approved).write("#name", "SCENARIO slow") // the bank takes its time, so both are under way at once
		}
		first.click("#button")
		second.click("#button")
		first.shows("Paid")
		second.shows("Paid")
		f.stands(t, made.text("id"), "captured", 1)
		if n := len(f.transactions()); n != 1 {
			t.Errorf("the acquirers were asked %d times", n)
		}
	})
	t.Run("of a shop's page", func(t *testing.T) {
		t.Parallel()
		f := installDev(t)
		s := f.openShop(t, "shop.example").register()
		made := f.checkout(t, nil)
		first := s.visit(t, "fields", "card", "secret", made.text("client_secret"))
		second := first.another().open(first.location()).await("the shop has loaded", "window.shop")
		first.typeWholeCard(approved)
		second.typeWholeCard("5555555555554444")
		first.click("#pay")
		second.click("#pay")
		for _, p := range []*tab{first, second} {
			if r := p.result(); dig(r, "payment", "id") != made.text("id") || dig(r, "payment", "status") == "requires_payment_method" {
				t.Errorf("result %v", r)
			}
		}
		eventually(t, "the payment is captured", func() bool { return f.get("/v1/payments/"+made.text("id")).text("status") == "captured" })
		f.stands(t, made.text("id"), "captured", 1)
	})
	t.Run("one of which was left open over a decline", func(t *testing.T) {
		t.Parallel()
		f := installDev(t)
		made := f.checkout(t, nil)
		first := f.payer(t).payAt(made)
		second := first.another().payAt(made)
		first.pay(emptyCard).shows("There is not enough money")
		second.pay(approved).shows("There is not enough money") // it is loaded again, and shows what happened meanwhile
		f.stands(t, made.text("id"), "requires_payment_method", 0)
		second.pay(approved).shows("Paid")
		f.stands(t, made.text("id"), "captured", 1)
	})
}

func TestBrowserWithAnotherPaymentsSecretPaysNothing(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	mine, theirs := f.checkout(t, nil), f.checkout(t, nil)
	_, stolen, _ := strings.Cut(theirs.text("client_secret"), "_secret_")
	forged := mine.text("id") + "_secret_" + stolen

	p := s.visit(t, "fields", "card", "secret", forged)
	p.typeWholeCard(approved).click("#pay")
	if r := p.result(); dig(r, "error", "code") != "not_found" && dig(r, "error", "code") != "resource_missing" {
		t.Errorf("result %v", r)
	}
	p.open(f.site() + strings.TrimPrefix(checkoutPath(mine), f.site()) + "?client_secret=" + theirs.text("client_secret")).shows("no such payment")
	p.open(checkoutPath(mine)).shows("no such payment")
	token := f.token(approved, "")
	for _, secret := range []string{forged, theirs.text("client_secret"), mine.text("id"), "x", ""} {
		for _, a := range []answer{
			f.byClient("GET", "/v1/client/payments/"+mine.text("id"), secret, s.url, nil),
			f.byClient("POST", "/v1/client/payments/"+mine.text("id")+"/confirm", secret, s.url, map[string]any{"payment_method_token": token}),
		} {
			if a.status/100 != 4 || strings.Contains(string(a.body), "9232") {
				t.Errorf("with %q: %s", secret, a)
			}
		}
	}
	for _, path := range []string{"/v1/payments", "/v1/payments/" + mine.text("id")} { // and it opens nothing in the api zone
		if a := f.do(request{method: "GET", url: f.api + path, key: mine.text("client_secret")}); a.status != http.StatusUnauthorized {
			t.Errorf("a client secret is a key of the API: %s", a)
		}
	}
	if n := f.charges(); n != 0 {
		t.Errorf("%d charges", n)
	}
}

func TestBrowserWithASecretThatIsOverPaysNothing(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	t.Run("of a step that was taken", func(t *testing.T) {
		made := f.checkout(t, nil)
		path := "/v1/client/payments/" + made.text("id")
		used := made.text("client_secret")
		declined := f.byClient("POST", path+"/confirm", used, s.url, map[string]any{"payment_method_token": f.token(emptyCard, "")})
		if declined.status != http.StatusPaymentRequired || declined.text("client_secret") == "" || declined.text("client_secret") == used {
			t.Fatalf("a decline is answered %s", declined)
		}
		again := f.byClient("POST", path+"/confirm", used, s.url, map[string]any{"payment_method_token": f.token(approved, "")}).want(t, http.StatusOK, "use it again")
		if again.text("status") != "requires_payment_method" || again.text("client_secret") != "" {
			t.Errorf("a used secret is answered %s", again)
		}
		f.stands(t, made.text("id"), "requires_payment_method", 0)
	})
	t.Run("of a payment that was canceled", func(t *testing.T) {
		made := f.checkout(t, nil)
		p := f.payer(t).payAt(made)
		f.post("/v1/payments/"+made.text("id")+"/cancel", "", map[string]any{}).want(t, http.StatusOK, "cancel")
		p.pay(approved).shows("This payment was canceled").accessible("canceled")
		f.stands(t, made.text("id"), "canceled", 0)
	})
}

func TestBrowserServesNoOtherOrigin(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	mine := f.openShop(t, "shop.example").register()
	thief := f.openShop(t, "thief.example")
	made := f.checkout(t, nil)
	p := f.payer(t)
	p.origins = append(p.origins, thief.url)
	p.allowed = append(p.allowed, "frame-ancestors", "CORS policy", "Content Security Policy", "sandbox")
	p.open(thief.page("fields", "card", "secret", made.text("client_secret"))).await("the page has loaded", "window.shop")
	for name, address := range map[string]string{
		"as its own":     thief.fields("card"),
		"as the other's": mine.fields("card"), // the server lets it, the browser does not show it
		"at once":        made.text("checkout_url"),
	} {
		if p.frames(address) {
			t.Errorf("the thief's page shows %s in a frame, %s", address, name)
		}
	}
	if a := f.do(request{method: "GET", url: thief.fields("card")}); a.status != http.StatusForbidden {
		t.Errorf("the field's page: %d", a.status)
	}
	registered := mine.visit(t, "fields", "card")
	for _, address := range []string{mine.fields("card"), made.text("checkout_url")} {
		if !registered.frames(address) {
			t.Errorf("the merchant's own page does not show %s in a frame", address)
		}
	}
	for name, script := range map[string]string{
		"look": `fetch(%q, {headers: {Authorization: 'Bearer %s', 'Florin-Client-Secret': %q}})`,
		"pay":  `fetch(%q + '/confirm', {method: 'POST', headers: {Authorization: 'Bearer %s', 'Florin-Client-Secret': %q, 'Content-Type': 'application/json'}, body: '{}'})`,
	} {
		call := fmt.Sprintf(script, f.site()+"/v1/client/payments/"+made.text("id"), f.public, made.text("client_secret"))
		if got := ask[string](p, call+".then((r) => r.text(), (e) => e.name)"); got != "TypeError" {
			t.Errorf("the thief's page may %s: %s", name, got)
		}
	}
	for _, path := range []string{"/v1/client/payments/" + made.text("id"), "/v1/client/device_sessions"} {
		method := map[bool]string{true: "POST", false: "GET"}[strings.HasSuffix(path, "sessions")]
		a := f.byClient(method, path, made.text("client_secret"), thief.url, map[string]any{})
		if a.status != http.StatusForbidden || a.text("code") != "origin_not_allowed" || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s for the thief's page: %s %v", path, a, a.header)
		}
	}
	f.stands(t, made.text("id"), "requires_payment_method", 0)
}

// frames puts an address into a frame of the page, and tells whether the browser shows it there.
func (p *tab) frames(address string) bool {
	p.t.Helper()
	p.evaluateOrFail(fmt.Sprintf(`new Promise((done) => {
		const frame = document.createElement('iframe');
		frame.src = %s;
		frame.onload = done;
		document.body.append(frame);
	})`, quote(address)))
	var shown bool
	return p.inside(originOf(address), "location.pathname.startsWith('/fields/') || location.pathname.startsWith('/pay/') || undefined", &shown) && shown
}

func TestBrowserSendsNoCardToTheVaultFromAShopsScript(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	p := s.visit(t, "fields", "card")
	p.allowed = append(p.allowed, "CORS policy")
	body, err := json.Marshal(card(approved, ""))
	must(t, err)
	for _, headers := range []string{"Authorization: 'Bearer " + f.public + "', 'Content-Type': 'application/json'", "'Content-Type': 'text/plain'"} {
		script := fmt.Sprintf("fetch(%s, {method: 'POST', headers: {%s}, body: %s}).then((r) => r.text(), (e) => e.name)", quote(f.vault+"/v1/tokens"), headers, quote(string(body)))
		if got := ask[string](p, script); got != "TypeError" {
			t.Errorf("the vault answered a shop's script: %s", got)
		}
	}
	if n := f.charges(); n != 0 {
		t.Errorf("%d charges", n)
	}
}

func TestPayersAreSentToRegisteredPagesOnly(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	made := f.checkout(t, nil)
	path := "/v1/client/payments/" + made.text("id") + "/confirm"
	token := f.token(approved, "")
	for _, to := range []string{
		"https://thief.example/thanks", s.url + ".thief.example/", strings.Replace(s.url, "https://", "https://"+strings.TrimPrefix(s.url, "https://")+"@thief.example/", 1),
		"javascript:alert(document.domain)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
		"vbscript:x", "file:///etc/passwd", "//thief.example/", "/thanks", "https:thief.example", "http://shop.example/", "blob:" + s.url + "/x", s.url + "\\@thief.example",
	} {
		body := map[string]any{"amount": 1, "currency": "EUR", "confirm": false, "return_url": to}
		if a := f.post("/v1/payments", "", body); a.status != http.StatusBadRequest || !strings.Contains(string(a.body), "return_url") {
			t.Errorf("the API takes %q: %s", to, a)
		}
		confirm := map[string]any{"payment_method_token": token, "return_url": to}
		if a := f.byClient("POST", path, made.text("client_secret"), s.url, confirm); a.status != http.StatusBadRequest || !strings.Contains(string(a.body), "return_url") {
			t.Errorf("the public zone takes %q: %s", to, a)
		}
	}
	f.stands(t, made.text("id"), "requires_payment_method", 0)
	for back, want := range map[string]string{"javascript:document.title='taken'": "TypeError", "https://thief.example/": "return_url"} {
		p := s.visit(t, "fields", "card", "secret", made.text("client_secret"), "back", back, "redirect", "always")
		p.typeWholeCard(approved).click("#pay")
		r := p.result()
		thrown, _ := r["thrown"].(string)
		param, _ := dig(r, "error", "param").(string)
		if !strings.Contains(thrown+param, want) || !strings.HasPrefix(p.location(), s.url) || ask[string](p, "document.title") == "taken" {
			t.Errorf("%s: result %v at %s", back, r, p.location())
		}
	}
	f.stands(t, made.text("id"), "requires_payment_method", 0)
}

// TestOneAddressGetsOnlySoManyTokens is a robot that tries ten thousand cards.
func TestOneAddressGetsOnlySoManyTokens(t *testing.T) {
	t.Parallel()
	const tries, most = 10_000, 400 // the burst, and what the time that it takes adds
	f := installDev(t)
	count, refusal := f.tokenize(tries)
	tokens := count[http.StatusOK] + count[http.StatusCreated]
	if tokens == 0 || tokens > most || tokens+count[http.StatusTooManyRequests] != tries {
		t.Errorf("of %d tries: %v", tries, count)
	}
	must(t, json.Unmarshal(refusal.body, &refusal.object))
	h := refusal.header
	if refusal.text("code") != "rate_limited" || h.Get("Retry-After") == "" || h.Get("RateLimit") == "" || h.Get("RateLimit-Policy") == "" {
		t.Errorf("refused with %s %v", refusal.body, h)
	}
	if bytes.Contains(refusal.body, []byte(approved)) {
		t.Error("the refusal holds the card number")
	}
	if n := f.charges(); n != 0 {
		t.Errorf("%d charges", n)
	}
}

// tokenize asks for many tokens as fast as it can, and gives how often each status came, and one refusal.
func (f *florin) tokenize(tries int) (count map[int]int, refusal answer) {
	f.t.Helper()
	robot := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer robot.CloseIdleConnections()
	body, err := json.Marshal(card(approved, ""))
	must(f.t, err)
	answers := make(chan answer)
	jobs := make(chan struct{})
	var robots sync.WaitGroup
	for range 16 {
		robots.Go(func() {
			for range jobs {
				answers <- f.tokenizeOnce(robot, body)
			}
		})
	}
	go func() {
		for range tries {
			jobs <- struct{}{}
		}
		close(jobs)
		robots.Wait()
		close(answers)
	}()
	count = map[int]int{}
	for a := range answers {
		if a.err != nil {
			f.t.Errorf("a try ended with %v", a.err)
		}
		count[a.status]++
		if a.status == http.StatusTooManyRequests {
			refusal = a
		}
	}
	return count, refusal
}

func (f *florin) tokenizeOnce(robot *http.Client, body []byte) (a answer) {
	q, err := http.NewRequest(http.MethodPost, f.vault+"/v1/tokens", bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	q.Header.Set("Authorization", "Bearer "+f.public)
	q.Header.Set("Content-Type", "application/json")
	r, err := robot.Do(q)
	if err != nil {
		return answer{err: err}
	}
	a = answer{status: r.StatusCode, header: r.Header}
	a.body, a.err = io.ReadAll(r.Body)
	a.err = errors.Join(a.err, r.Body.Close())
	return a
}
