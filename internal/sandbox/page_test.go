package sandbox

import (
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/id"
)

func TestPagesFromElsewhereMayNotPost(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", visa, "", true, "captured")
	for name, c := range map[string]struct {
		header map[string]string
		host   string
		ok     bool
	}{
		"no browser":        {nil, "", true},
		"its own page":      {map[string]string{"Origin": s.url, "Sec-Fetch-Site": "same-origin"}, "", true},
		"another site":      {map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, "", false},
		"another port":      {map[string]string{"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, "", false},
		"an old browser":    {map[string]string{"Origin": "https://evil.example"}, "", false},
		"a null origin":     {map[string]string{"Origin": "null"}, "", false},
		"a name made ours":  {map[string]string{"Origin": "http://evil.example"}, "evil.example", false},
		"fetch, no origin":  {map[string]string{"Sec-Fetch-Site": "cross-site"}, "", false},
		"typed by the user": {map[string]string{"Sec-Fetch-Site": "none"}, "", true},
	} {
		r := s.request(t.Context(), http.MethodPost, "/control/transactions/"+o.text("id")+"/resend_webhook", nil)
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		if c.host != "" {
			r.Host = c.host
		}
		if code, _ := s.send(r); (code == http.StatusOK) != c.ok || !c.ok && code != http.StatusForbidden {
			t.Errorf("%s: %d", name, code)
		}
	}
}

var update = flag.Bool("update", false, "write the golden pages anew")

func TestPagesAreAsTheyWere(t *testing.T) {
	s := newSite(t, func(o *Options) { o.IDs = id.NewSource(o.Clock, zeros{}) })
	s.authorized("att_0000000000000000000001", visa, "", true, "captured")
	s.authorized("att_0000000000000000000002", "4000000000009995", "", true, "declined")
	s.authorized("att_0000000000000000000003", visa, "SCENARIO late_approval", false, "pending")
	o := s.authorized("att_0000000000000000000004", "5555555555554444", "SCENARIO no_webhook", false, "authorized")
	s.post("/alpha/v1/authorizations/"+o.text("id")+"/captures", object{"reference": "cap_1", "amount": 5000, "final": true})
	s.post("/alpha/v1/authorizations/"+o.text("id")+"/refunds", object{"reference": "ref_1", "amount": 1000})
	s.event(o.text("id"), "dispute", nil)
	s.post("/control/acquirers/beta/down", object{"seconds": 90, "mode": "hang"})
	s.clock.Advance(2 * time.Second)
	for name, path := range map[string]string{"list": "/", "transaction": "/transactions/" + o.text("id"), "cards": "/cards", "missing": "/transactions/none", "empty": "/?status=expired"} {
		got := s.page(path)
		file := "testdata/" + name + ".html"
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is not as it was; if it should not be: go test ./internal/sandbox -run Pages -update", path)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func (s *site) page(path string) string {
	s.t.Helper()
	resp, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
		s.t.Errorf("%s has the policy %q", path, csp)
	}
	if strings.Contains(string(body), "://") {
		s.t.Errorf("%s names another host", path)
	}
	return string(body)
}

// originOfForms is what a browser says of where a form on the page was sent from. Under no-referrer it does not say.
// Source: the Fetch standard, "append a request `Origin` header".
func (s *site) originOfForms() string {
	s.t.Helper()
	resp, err := http.Get(s.url + "/")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		s.t.Error(err)
	}
	if resp.Header.Get("Referrer-Policy") == "no-referrer" {
		return "null"
	}
	return s.url
}

func TestButtonsWork(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", visa, "", true, "captured")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	origin := s.originOfForms()
	press := func(path string, form url.Values) (int, string, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {origin}, "Sec-Fetch-Site": {"same-origin"}}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("Location"), string(body)
	}
	at := "/control/transactions/" + o.text("id")
	for back, want := range map[string]string{"/?status=captured": "/?status=captured", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/"} {
		if code, to, _ := press(at+"/resend_webhook", url.Values{"back": {back}}); code != http.StatusSeeOther || to != want {
			t.Errorf("back to %s: %d %s", back, code, to)
		}
	}
	if code, _, page := press(at+"/authorize", url.Values{"back": {"/"}}); code != http.StatusConflict || !strings.Contains(page, "does not apply") {
		t.Errorf("an event that does not apply: %d", code)
	}
	if code, to, _ := press("/control/acquirers/alpha/down", url.Values{"back": {"/"}, "seconds": {"30"}, "mode": {"unavailable"}}); code != http.StatusSeeOther || to != "/" {
		t.Errorf("down: %d %s", code, to)
	}
	if _, down := s.world.outages.now("alpha"); !down {
		t.Error("the button did not take alpha down")
	}
	for _, file := range []string{"/style.css", "/mark.svg"} {
		resp, err := http.Get(s.url + file)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %v %v", file, resp, err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}
