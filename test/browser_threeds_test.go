package test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const (
	challengedCard   = "4000002760003184" // challenge, then approved
	frictionlessCard = "4000000000003055" // no challenge, approved
	poorCard         = "4000008260003178" // challenge, then insufficient_funds
	refusedCard      = "4000000000001018" // transStatus N
)

// code enters a code on the bank's page.
func (p *tab) code(code string) *tab {
	p.t.Helper()
	p.at("/acs/challenge/").write("#code", code)
	p.click("#confirm")
	return p
}

// checkoutPath is the checkout page's address without the secret.
func checkoutPath(made answer) string { return strings.SplitN(made.text("checkout_url"), "?", 2)[0] }

// secured fails the test unless the payment says this of its 3-D Secure.
func (a answer) secured(t *testing.T, flow, status string, shift bool) {
	t.Helper()
	s, _ := a.object["three_ds"].(map[string]any)
	if s["flow"] != flow || s["status"] != status || s["liability_shift"] != shift {
		t.Errorf("three_ds is %v, want %s %s %v", s, flow, status, shift)
	}
}

func TestBrowserPassesAChallenge(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	made := f.checkout(t, map[string]any{"return_url": s.url + "/thanks"})
	p := f.payer(t)
	p.origins = append(p.origins, s.url)
	p.payAt(made).pay(challengedCard).at("/acs/challenge/").shows("92.32").picture("challenge")
	f.stands(t, made.text("id"), "requires_action", 0)
	p.code("123456").at(checkoutPath(made)).shows("Paid")
	paid := f.stands(t, made.text("id"), "captured", 1)
	paid.secured(t, "challenge", "Y", true)
	p.leave("a.main", s.url+"/thanks")
	if !strings.Contains(p.location(), "status=captured") {
		t.Errorf("the payer came back to %s", p.location())
	}
}

func TestBrowserIsNotBotheredWithoutAChallenge(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.checkout(t, nil)
	p := f.payer(t).payAt(made).pay(frictionlessCard).shows("Paid")
	f.stands(t, made.text("id"), "captured", 1).secured(t, "frictionless", "Y", true)
	if n := len(p.log.to(f.sandbox, "")); n != 0 {
		t.Errorf("the payer was led to the bank: %d requests", n)
	}
}

func TestBrowserFailsAChallengeAndPaysWithAnotherCard(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.checkout(t, nil)
	p := f.payer(t).payAt(made).pay(challengedCard)
	p.code("000000").shows("2 tries are left").accessible("a wrong code")
	p.code("111111").shows("One try is left")
	p.code("222222").at(checkoutPath(made)).shows("could not confirm that it is you")
	declined := f.stands(t, made.text("id"), "requires_payment_method", 0)
	if dig(declined.object, "failure", "decline_code") != "authentication_failed" {
		t.Errorf("failure %v", declined.object["failure"])
	}
	p.pay(approved).shows("Paid")
	f.stands(t, made.text("id"), "captured", 1)
}

func TestBrowserEndsAChallengeInEveryWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		card  string
		end   func(p *tab)
		shows string
		code  string // decline_code
	}{
		"canceled":        {challengedCard, func(p *tab) { p.at("/acs/challenge/").click("#cancel") }, "could not confirm that it is you", "authentication_failed"},
		"timed out":       {challengedCard, func(p *tab) { p.at("/acs/challenge/").click("#timeout") }, "could not confirm that it is you", "authentication_failed"},
		"passed and poor": {poorCard, func(p *tab) { p.code("123456") }, "There is not enough money", "insufficient_funds"},
		"refused at once": {refusedCard, func(*tab) {}, "could not confirm that it is you", "authentication_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := installDev(t)
			made := f.checkout(t, nil)
			p := f.payer(t).payAt(made).pay(c.card)
			c.end(p)
			p.at(checkoutPath(made)).shows(c.shows)
			declined := f.stands(t, made.text("id"), "requires_payment_method", 0)
			if got := dig(declined.object, "failure", "decline_code"); got != c.code {
				t.Errorf("decline code %v, want %s", got, c.code)
			}
			p.pay(approved).shows("Paid")
			f.stands(t, made.text("id"), "captured", 1)
		})
	}
}

func TestBrowserHasThreeChallengesAndNoMore(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.checkout(t, nil)
	p := f.payer(t).payAt(made)
	for range 2 {
		p.pay(challengedCard).at("/acs/challenge/").click("#cancel")
		p.at(checkoutPath(made)).shows("could not confirm")
	}
	p.pay(challengedCard).at("/acs/challenge/").click("#cancel")
	p.at(checkoutPath(made)).shows("did not go through").accessible("failed")
	f.stands(t, made.text("id"), "failed", 0)
}

func TestBrowserComesBackToAnAbandonedChallenge(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.checkout(t, nil)
	p := f.payer(t).payAt(made).pay(challengedCard).at("/acs/challenge/")
	p.open("about:blank") // and the payer goes for a walk
	f.stands(t, made.text("id"), "requires_action", 0)
	f.process.stop() // meanwhile the server is started again
	f.start()
	p.open(made.text("checkout_url")).shows("Nothing was charged yet").leave("a.main", "/acs/challenge/")
	p.back()
	p.open(checkoutPath(made)).shows("Continue to your bank").leave("a.main", "/acs/challenge/")
	p.code("123456").at(checkoutPath(made)).shows("Paid")
	f.stands(t, made.text("id"), "captured", 1).secured(t, "challenge", "Y", true)
}

// bringBack posts a result to where the bank's page sends payers.
func (f *florin) bringBack(to, cres string) {
	f.t.Helper()
	answered, err := client.PostForm(to, url.Values{"cres": {cres}})
	must(f.t, err)
	must(f.t, answered.Body.Close())
}

func TestBrowserCannotUseAResultTwice(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	first := f.checkout(t, nil)
	p := f.payer(t).payAt(first).pay(challengedCard).code("123456").at(checkoutPath(first)).shows("Paid")
	f.stands(t, first.text("id"), "captured", 1)
	back := p.log.posts(f.site(), "/return")
	if len(back) != 1 {
		t.Fatalf("the bank sent the payer back by %d requests", len(back))
	}
	form, err := url.ParseQuery(back[0].body)
	must(t, err)
	cres := form.Get("cres")
	if cres == "" {
		t.Fatalf("the bank sent %q", back[0].body)
	}

	second := f.checkout(t, nil)
	p.payAt(second).pay(challengedCard).at("/acs/challenge/")
	// A result that was used is not the second payment's, by whatever door.
	refused := f.post("/v1/payments/"+second.text("id")+"/confirm", "", map[string]any{"result": cres}).want(t, http.StatusConflict, "use a result again")
	if refused.text("code") == "" {
		t.Errorf("problem %s", refused)
	}
	f.post("/v1/payments/"+first.text("id")+"/confirm", "", map[string]any{"result": cres}).want(t, http.StatusConflict, "use a result twice for its payment")
	f.stands(t, second.text("id"), "requires_action", 1)
	steps := f.get("/v1/payments/" + second.text("id"))
	ticket, _ := dig(steps.object, "next_action", "url").(string)
	f.bringBack(ticket+"/return", cres)
	f.stands(t, second.text("id"), "requires_action", 1)
	f.bringBack(back[0].url, cres)
	f.stands(t, first.text("id"), "captured", 1)
	// The second payment's own challenge still counts.
	p.code("123456").at(checkoutPath(second)).shows("Paid")
	f.stands(t, second.text("id"), "captured", 2)
}

// While the payer is at their bank somebody switches everything off. Nothing is charged, the payer reads no more than that, and the payment goes
// on with what they have proved once it is on again.
func TestBrowserComesBackToAKillSwitch(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.checkout(t, nil)
	p := f.payer(t).payAt(made).pay(challengedCard).at("/acs/challenge/")
	off := f.post("/v1/kill_switches", "", map[string]any{"scope": map[string]any{}, "reason": "A fraud wave"}).want(t, http.StatusCreated, "switch off")
	p.code("123456").at(checkoutPath(made)).shows("This shop has stopped such payments for the moment. Nothing was charged.")
	confirm := func(what string, status int) answer {
		t.Helper()
		return f.post("/v1/payments/"+made.text("id")+"/confirm", "again", map[string]any{}).want(t, status, what)
	}
	stopped := f.stands(t, made.text("id"), "requires_payment_method", 0)
	if why, _ := stopped.object["failure"].(map[string]any); why["code"] != "kill_switch_on" || why["message"] != "authorize is switched off: A fraud wave. Nothing was charged." {
		t.Errorf("failed for %v", why)
	}
	if refused := confirm("confirm while it is off", http.StatusServiceUnavailable); refused.text("code") != "kill_switch_on" || refused.text("detail") != "authorize is switched off: A fraud wave" {
		t.Errorf("refused with %s", refused)
	}
	f.do(request{method: "DELETE", url: f.api + "/v1/kill_switches/" + off.text("id"), key: f.secret}).want(t, http.StatusOK, "lift")
	confirm("confirm with the same key once it is on", http.StatusOK)
	f.stands(t, made.text("id"), "captured", 1).secured(t, "challenge", "Y", true)
	p.open(checkoutPath(made)).shows("Paid")
	f.verify()
}
