package sandbox

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/secret"
)

// browser is a payer's: it keeps the page it is on, and sends what a form would.
type browser struct {
	*site
	t      testing.TB
	client *http.Client
	at     string // the address
	header http.Header
	status int
	page   string
}

func (s *site) browse(t testing.TB) *browser { return &browser{site: s, t: t, client: &http.Client{}} }

func (b *browser) load(resp *http.Response, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.at, b.header, b.status, b.page = resp.Request.URL.String(), resp.Header, resp.StatusCode, string(body)
}

// challenge opens a challenge as the shop's page does.
func (b *browser) challenge(creq string) {
	b.t.Helper()
	b.load(b.client.PostForm(b.url+"/acs/challenge", url.Values{"creq": {creq}}))
}

// press sends the form of the page.
func (b *browser) press(form url.Values) {
	b.t.Helper()
	b.load(b.client.PostForm(b.formAt(), form))
}

// formAt is where the form of the page goes to.
func (b *browser) formAt() string {
	b.t.Helper()
	m := regexp.MustCompile(`<form method="post" action="([^"]+)">`).FindStringSubmatch(b.page)
	if m == nil {
		b.t.Fatalf("%s has no form: %s", b.at, b.page)
	}
	to, err := url.Parse(html.UnescapeString(m[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	from, err := url.Parse(b.at)
	if err != nil {
		b.t.Fatal(err)
	}
	return from.ResolveReference(to).String()
}

// hidden is a hidden field's value.
func (b *browser) hidden(name string) string {
	m := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)">`).FindStringSubmatch(b.page)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

func (b *browser) shows(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		if !strings.Contains(b.page, text) {
			b.t.Errorf("%s does not show %q:\n%s", b.at, text, b.page)
		}
	}
}

// again reloads the page.
func (b *browser) again() {
	b.t.Helper()
	b.load(b.client.Get(b.at))
}

var (
	enter   = func(code string) url.Values { return url.Values{"code": {code}, "do": {"code"}} }
	press   = func(button string) url.Values { return url.Values{"code": {""}, "do": {button}} }
	noValue = url.Values{}
)

func TestEveryEndOfAChallenge(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct {
		steps                           []url.Values
		status, reason, cancel, counter string
		says                            string
	}{
		"right":                     {[]url.Values{enter("123456")}, "Y", "", "", "01", "confirmed"},
		"with spaces":               {[]url.Values{enter(" 123 456 ")}, "Y", "", "", "01", "confirmed"},
		"without the button's name": {[]url.Values{{"code": {"123456"}}}, "Y", "", "", "01", "confirmed"},
		"right at last":             {[]url.Values{enter("111111"), enter(""), enter("222222"), enter("123456")}, "Y", "", "", "03", "confirmed"},
		"three wrong codes":         {[]url.Values{enter("111111"), enter("222222"), enter("<b>")}, "N", "19", "", "03", "Three codes were wrong"},
		"canceled":                  {[]url.Values{press("cancel")}, "N", "01", "01", "00", "You canceled"},
		"canceled after a try":      {[]url.Values{enter("111111"), press("cancel")}, "N", "01", "01", "01", "You canceled"},
		"timed out":                 {[]url.Values{press("time_out")}, "N", "14", "04", "00", "time to confirm is over"},
	} {
		o := s.asked("att_"+name, challenged, "challenge")
		b := s.browse(t)
		b.challenge(o.text("creq"))
		for _, step := range c.steps {
			b.press(step)
		}
		b.shows(c.says)
		if b.formAt() != notification {
			t.Errorf("%s: the browser goes back to %s", name, b.formAt())
		}
		// What the browser takes back is written after what the acquirer knows.
		done := s.inquired(url.QueryEscape("att_" + name))
		r, rreq := done.sub("result"), done.sub("rreq")
		if r.text("transStatus") != c.status || r.text("transStatusReason") != c.reason || r.text("challengeCancel") != c.cancel || rreq.text("interactionCounter") != c.counter {
			t.Errorf("%s: %v %v", name, r, rreq)
		}
		if (r.text("authenticationValue") != "") != (c.status == "Y") {
			t.Errorf("%s has the proof %q", name, r.text("authenticationValue"))
		}
		cres, ares := unpacked(t, b.hidden("cres")), o.sub("ares")
		if want := (object{"messageType": "CRes", "messageVersion": "2.2.0", "threeDSServerTransID": ares.text("threeDSServerTransID"), "acsTransID": ares.text("acsTransID"),
			"challengeCompletionInd": "Y", "transStatus": c.status}); cres.String() != want.String() {
			t.Errorf("%s: CRes %v", name, cres)
		}
	}
}

func TestChallengeShowsWhatIsConfirmed(t *testing.T) {
	s := newSite(t)
	s.register(Account{Acquirer: "alpha", Merchant: `<b>Åsa & "Co"</b>`, APIKey: secret.New("key_alpha"), SigningKey: secret.New("sign")})
	o := s.asked("att_1", challenged, "challenge")
	b := s.browse(t)
	b.challenge(o.text("creq"))
	if b.status != http.StatusOK || b.at != s.url+"/acs/challenge/"+o.sub("ares").text("acsTransID") {
		t.Errorf("%d at %s", b.status, b.at)
	}
	b.shows("92.32", "EUR", "•••• 3184", "Visa", "&lt;b&gt;Åsa &amp; &#34;Co&#34;&lt;/b&gt;", `<label for="code">`, `autocomplete="one-time-code"`, "in 10 min",
		`value="cancel" formnovalidate>Cancel<`, `value="time_out" formnovalidate>Let it time out<`)
	if strings.Contains(b.page, challenged) || strings.Contains(b.page, "<b>") {
		t.Error("the page shows the number, or the merchant's name as HTML")
	}
	b.press(enter("1"))
	b.shows("2 tries are left", `aria-invalid="true"`, `aria-describedby="hint wrong"`)
	b.press(enter("2"))
	b.shows("One try is left")
	b.press(enter(""))
	b.shows("One try is left") // an empty field is no try
	b.press(enter("123456"))
	b.shows("&lt;b&gt;Åsa", "Continue to 127.0.0.1:8081")
	if strings.Contains(b.page, "<b>") {
		t.Error("the page shows the merchant's name as HTML")
	}
}

func TestEmptyCodeIsAskedForAgain(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", challenged, "challenge")
	b := s.browse(t)
	b.challenge(o.text("creq"))
	b.press(noValue)
	b.shows("Enter the code")
	if e := s.inquired("att_1"); e.text("status") != "challenge" {
		t.Errorf("%v", e)
	}
	b.press(url.Values{"do": {"dance"}})
	if b.status != http.StatusBadRequest {
		t.Errorf("a button that is not there: %d", b.status)
	}
}

func TestFinishedChallengeIsNotPlayedAgain(t *testing.T) {
	s := newSite(t)
	for _, first := range []url.Values{enter("123456"), press("cancel"), press("time_out")} {
		o := s.asked("att_"+first.Encode(), challenged, "challenge")
		b := s.browse(t)
		b.challenge(o.text("creq"))
		form := b.formAt()
		b.press(first)
		page := b.page
		before := s.inquired(url.QueryEscape("att_" + first.Encode()))
		b.again() // reload
		if b.page != page {
			t.Error("a reload shows another page")
		}
		for _, second := range []url.Values{enter("123456"), enter("000000"), press("cancel"), press("time_out")} { // after the back button
			b.load(b.client.PostForm(form, second))
			if b.status != http.StatusOK || b.page != page {
				t.Errorf("%v after %v: %d", second, first, b.status)
			}
		}
		b.challenge(o.text("creq")) // the shop's page once more
		if b.page != page {
			t.Error("the CReq opened a finished challenge")
		}
		if after := s.inquired(url.QueryEscape("att_" + first.Encode())); after.String() != before.String() {
			t.Errorf("the result changed:\n%v\n%v", before, after)
		}
	}
}

func TestManyWrongCodesAtOnceAreThree(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", challenged, "challenge")
	b := s.browse(t)
	b.challenge(o.text("creq"))
	form := b.formAt()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { s.browse(t).load(http.PostForm(form, enter("000000"))) })
	}
	all.Wait()
	s.browse(t).load(http.PostForm(form, enter("123456")))
	if done := s.inquired("att_1"); done.sub("result").text("transStatusReason") != "19" || done.sub("rreq").text("interactionCounter") != "03" {
		t.Errorf("%v", done)
	}
}

func TestChallengeGoesOnWhereItWasLeft(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", challenged, "challenge")
	b := s.browse(t)
	b.challenge(o.text("creq"))
	b.press(enter("000000"))
	s.clock.Advance(5 * time.Minute)
	other := s.browse(t)
	other.challenge(o.text("creq"))
	other.shows("2 tries are left", "in 5 min")
	s.clock.Advance(5 * time.Minute)
	other.press(enter("123456")) // too late
	other.shows("time to confirm is over")
	if r := s.inquired("att_1").sub("result"); r.text("transStatus") != "N" || r.text("challengeCancel") != "04" {
		t.Errorf("%v", r)
	}
}
