package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pry is what a page would try to get at the digits in a frame of another origin. Each try gives what it got, or the error.
const pry = `(() => {
	const frame = %s;
	const tries = {
		document: () => frame.contentWindow.document.body.innerHTML,
		content: () => frame.contentDocument.body.innerHTML,
		input: () => frame.contentWindow.document.getElementById('number').value,
		address: () => frame.contentWindow.location.href,
		script: () => frame.contentWindow.eval("document.getElementById('number').value"),
		global: () => frame.contentWindow.digits,
		storage: () => frame.contentWindow.localStorage.length,
		sibling: () => window.frames[0].document.body.innerHTML,
		patch: () => { frame.contentWindow.fetch = (url, options) => { window.stolen = options; }; },
		listen: () => { frame.contentWindow.onkeydown = (event) => { window.stolen = event.key; }; },
	};
	return Object.fromEntries(Object.entries(tries).map(([name, attempt]) => {
		try { return [name, 'got ' + attempt()]; } catch (error) { return [name, error.name]; }
	}));
})()`

// held is all that a page has of what it was told, and of itself.
const held = `JSON.stringify([heard.messages, shop.state, document.documentElement.outerHTML, {...localStorage}, {...sessionStorage}, document.cookie,
	performance.getEntries().map((e) => e.name), location.href, window.stolen ?? null, document.getElementById('result').textContent])`

// digitRun is a run of digits that is longer than what a shop may know of a card: the first six or the last four.
var digitRun = regexp.MustCompile(`\d(?:[ -]?\d){6,}`)

func TestBrowserLetsNoShopReadTheDigits(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	for fields, kinds := range map[string][]string{"card": {"card"}, "split": {"card-number", "card-expiry", "card-cvc"}} {
		t.Run(fields, func(t *testing.T) {
			t.Parallel()
			p := s.visit(t, "fields", fields)
			p.allowed = append(p.allowed, "Blocked a frame with origin") // the console's word of a try
			if fields == "card" {
				p.typeWholeCard(markedPAN)
			} else {
				p.typeCard(markedPAN)
			}
			for _, kind := range kinds {
				got := ask[map[string]string](p, fmt.Sprintf(pry, p.field(kind).frame()))
				if len(got) != 10 {
					t.Fatalf("tried %v", got)
				}
				for attempt, ended := range got {
					if want := map[bool]string{true: "TypeError", false: "SecurityError"}[attempt == "content"]; ended != want {
						t.Errorf("%s of %s: %s, want %s", attempt, kind, ended, want)
					}
				}
			}
			p.click("#token")
			if id, _ := dig(p.result(), "token", "id").(string); !strings.HasPrefix(id, "pm_tok_") {
				t.Fatalf("result %v", p.result())
			}
			has := ask[string](p, held)
			if n := ask[int](p, "heard.messages.length"); n < 5 || !strings.Contains(has, "florin") {
				t.Fatalf("the page heard %d messages: it did not listen", n)
			}
			if how := holds([]byte(has), markedPAN); how != "" {
				t.Errorf("the page holds the number %s: %s", how, has)
			}
			for _, run := range digitRun.FindAllString(has, -1) {
				if digits := strings.NewReplacer(" ", "", "-", "").Replace(run); strings.Contains(markedPAN, digits) {
					t.Errorf("the page holds %s of the number", run)
				}
			}
			if n := ask[int](p, "heard.keys"); n != 0 {
				t.Errorf("the page heard %d keys and edits of the fields", n)
			}
		})
	}
	t.Cleanup(func() {
		if n := f.charges(); n != 0 {
			t.Errorf("%d charges for tokens that nobody paid with", n)
		}
	})
}

// TestBrowserFieldsHearOnlyThePageAround sends messages to the fields as somebody would who sits in another frame of the same shop.
func TestBrowserFieldsHearOnlyThePageAround(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	other := f.openShop(t, "thief.example")
	p := s.visit(t, "fields", "card")
	p.origins = append(p.origins, other.url)
	p.typeWholeCard(markedPAN)
	id := ask[string](p, "heard.messages.find((m) => m.data?.florin === 1).data.id")
	p.evaluateOrFail(fmt.Sprintf(`new Promise((done) => {
		const thief = document.createElement('iframe');
		thief.src = %s;
		thief.onload = done;
		document.body.append(thief);
	})`, quote(other.url+"/thanks")))
	var sent bool
	eventually(t, "the thief speaks", func() bool {
		return p.inside(other.url, fmt.Sprintf(`(() => { for (const type of ['createToken', 'clear', 'init']) {
			parent.frames[0].postMessage({florin: 1, id: %s, type, requestId: 'theirs', group: 'theirs'}, '*'); } return true; })()`, quote(id)), &sent) && sent
	})
	p.evaluateOrFail(fmt.Sprintf("%s.contentWindow.postMessage({florin: 1, id: 'wrong', type: 'clear'}, '*')", p.field("card").frame()))
	p.click("#token")
	if made, _ := dig(p.result(), "token", "id").(string); !strings.HasPrefix(made, "pm_tok_") {
		t.Errorf("the shop's own call ended in %v", p.result())
	}
	if n := len(p.log.posts(f.vault, "/v1/tokens")); n != 1 {
		t.Errorf("%d tokens were asked for, want the shop's one", n)
	}
	if text := ask[string](p, "JSON.stringify(heard.messages)"); strings.Contains(text, "theirs") {
		t.Errorf("the thief was answered: %s", text)
	}
	if n := f.charges(); n != 0 {
		t.Errorf("%d charges", n)
	}
}

// TestTheNetworkLogMissesNothing sends in every way that a page has, and holds the browser's log against what the server got.
func TestTheNetworkLogMissesNothing(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	other := f.openShop(t, "other.example")
	p := s.visit(t, "fields", "card")
	p.origins = append(p.origins, other.url)
	p.evaluateOrFail(`(async () => {
		const sent = (way) => '/collect/' + way;
		await fetch(sent('fetch'), {method: 'POST', body: 'by fetch'});
		navigator.sendBeacon(sent('beacon'), 'by beacon');
		await new Promise((done) => { const x = new XMLHttpRequest(); x.open('POST', sent('xhr')); x.onloadend = done; x.send('by xhr'); });
		await new Promise((done) => { const i = new Image(); i.onload = i.onerror = done; i.src = sent('image?by=image'); });
		const code = 'fetch("' + location.origin + '/collect/worker", {method: "POST", mode: "no-cors", body: "by worker"}).finally(() => postMessage(1))';
		await new Promise((done) => { const w = new Worker(URL.createObjectURL(new Blob([code]))); w.onmessage = done; });
		const form = document.createElement('form');
		Object.assign(form, {method: 'POST', action: sent('form'), target: 'hidden'});
		form.innerHTML = '<input name="by" value="a form"><iframe name="hidden"></iframe>';
		document.body.append(form);
		form.submit();
	})()`)
	p.evaluateOrFail(fmt.Sprintf(`new Promise((done) => { const i = document.createElement('iframe'); i.src = %s; i.onload = done; document.body.append(i); })`, quote(other.url+"/thanks?frame")))
	ways := map[string]string{"fetch": "by fetch", "beacon": "by beacon", "xhr": "by xhr", "image": "", "worker": "by worker", "form": "by=a+form"}
	for way, body := range ways {
		got := func(v string) bool { return strings.Contains(v, " /collect/"+way+" ") && strings.HasSuffix(v, body) }
		eventually(t, "the server gets "+way, func() bool { return slices.ContainsFunc(s.visits(), got) })
		eventually(t, "the log has "+way, func() bool {
			return slices.ContainsFunc(p.log.to(s.url, "/collect/"+way), func(r sentRequest) bool { return r.body == body && !r.opaque })
		})
	}
	eventually(t, "the log has the frame of another site", func() bool { return len(p.log.to(other.url, "/thanks?frame")) == 1 })
	for _, v := range s.visits() {
		path := strings.Fields(v)[1]
		if len(p.log.to(s.url, path)) == 0 {
			t.Errorf("the server got %s, which the browser's log does not have", v)
		}
	}
	if n := f.charges(); n != 0 {
		t.Errorf("%d charges", n)
	}
}

// evaluateOrFail runs a script in the page.
func (p *tab) evaluateOrFail(script string) {
	p.t.Helper()
	if _, err := p.evaluate(script); err != nil {
		p.t.Fatal(err)
	}
}

func TestBrowserPaysFromAShopsOwnPage(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	for name, test := range map[string]func(t *testing.T, made answer){
		"after a decline": func(t *testing.T, made answer) {
			p := s.visit(t, "fields", "card", "secret", made.text("client_secret"))
			p.typeWholeCard(emptyCard).click("#pay")
			if r := p.result(); dig(r, "error", "code") != "card_declined" || dig(r, "error", "decline_code") != "insufficient_funds" {
				t.Fatalf("result %v", r)
			}
			p.evaluateOrFail("document.getElementById('result').textContent = ''")
			p.typeWholeCard(approved).click("#pay")
			if r := p.result(); dig(r, "payment", "status") != "captured" {
				t.Errorf("result %v", r)
			}
		},
		"with a challenge": func(t *testing.T, made answer) {
			p := s.visit(t, "fields", "split", "secret", made.text("client_secret"), "back", s.url+"/thanks?cart=9", "redirect", "always")
			p.typeCard(challengedCard).click("#pay")
			p.code("123456").at(s.url + "/thanks").shows("Thank you")
			if at := p.location(); !strings.Contains(at, "cart=9") || !strings.Contains(at, "status=captured") {
				t.Errorf("the payer came back to %s", at)
			}
		},
		"that its server confirmed": func(t *testing.T, made answer) {
			token := f.token(challengedCard, "")
			waits := f.post("/v1/payments/"+made.text("id")+"/confirm", "", map[string]any{"payment_method_token": token, "return_url": s.url + "/thanks"}).want(t, http.StatusOK, "confirm")
			if waits.text("status") != "requires_action" {
				t.Fatalf("payment %s", waits)
			}
			p := s.visit(t, "secret", waits.text("client_secret"))
			p.evaluateOrFail(fmt.Sprintf("shop.show(shop.florin.handleNextAction({clientSecret: %s})) && null", quote(waits.text("client_secret"))))
			p.code("123456").at(s.url + "/thanks")
		},
		"and knows the device": func(t *testing.T, made answer) {
			p := s.visit(t, "fields", "split", "secret", made.text("client_secret"))
			p.typeCard(approved).click("#pay")
			if r := p.result(); dig(r, "payment", "status") != "captured" {
				t.Fatalf("result %v", r)
			}
			sessions := p.log.posts(f.site(), "/v1/client/device_sessions")
			if len(sessions) == 0 {
				t.Fatal("no device session was opened")
			}
			var told struct{ Behaviour struct{ Keystrokes int } }
			must(t, json.Unmarshal([]byte(sessions[len(sessions)-1].body), &told))
			if told.Behaviour.Keystrokes < 16 {
				t.Errorf("a card was typed with %d keys", told.Behaviour.Keystrokes)
			}
			confirm := p.log.posts(f.site(), "/confirm")
			if len(confirm) == 0 || !strings.Contains(confirm[len(confirm)-1].body, `"device_session":"ds_`) {
				t.Errorf("the confirmation names no device session: %v", confirm)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := f.checkout(t, nil)
			test(t, made)
			if p := f.get("/v1/payments/" + made.text("id")); p.text("status") != "captured" {
				t.Errorf("payment %s", p)
			}
		})
	}
	t.Cleanup(func() {
		if n := f.charges(); n != 4 {
			t.Errorf("the acquirers have %d charges, want 4", n)
		}
	})
}
