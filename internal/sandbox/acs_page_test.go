package sandbox

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestWrongCReqsAreRefused(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", challenged, "challenge")
	f := s.asked("att_2", frictionless, "frictionless")
	pack := func(change func(object)) string {
		m := unpacked(t, o.text("creq"))
		change(m)
		return base64.RawURLEncoding.EncodeToString([]byte(m.String()))
	}
	for name, c := range map[string]struct{ creq, says string }{
		"none":                {"", "101"},
		"not base64":          {"%%%", "101"},
		"not JSON":            {base64.RawURLEncoding.EncodeToString([]byte("x")), "101"},
		"another message":     {pack(func(m object) { m["messageType"] = "CRes" }), "101"},
		"another version":     {pack(func(m object) { m["messageVersion"] = "2.1.0" }), "102"},
		"an unknown ACS id":   {pack(func(m object) { m["acsTransID"] = "00000000-0000-4000-8000-000000000000" }), "301"},
		"another server's id": {pack(func(m object) { m["threeDSServerTransID"] = "00000000-0000-4000-8000-000000000000" }), "301"},
		"no challenge": {pack(func(m object) {
			m["acsTransID"], m["threeDSServerTransID"] = f.sub("ares").text("acsTransID"), f.sub("ares").text("threeDSServerTransID")
		}), "301"},
	} {
		b := s.browse(t)
		b.challenge(c.creq)
		if b.status != http.StatusBadRequest || !strings.Contains(b.page, c.says) || strings.Contains(b.page, "<form") {
			t.Errorf("%s: %d %s", name, b.status, b.page)
		}
	}
	b := s.browse(t)
	b.challenge(pack(func(object) {}) + "==") // padded, as some encoders do
	if b.status != http.StatusOK {
		t.Errorf("a padded CReq: %d", b.status)
	}
	for _, path := range []string{"/acs/challenge/none", "/acs/challenge/" + f.sub("ares").text("acsTransID")} {
		b.load(b.client.Get(s.url + path))
		if b.status != http.StatusBadRequest || !strings.Contains(b.page, "301") {
			t.Errorf("%s: %d", path, b.status)
		}
		b.load(b.client.PostForm(s.url+path, press("cancel")))
		if b.status == http.StatusOK {
			t.Errorf("%s was played", path)
		}
	}
	b.load(b.client.PostForm(s.url+"/acs/challenge", url.Values{"creq": {strings.Repeat("x", maxBody+1)}}))
	if b.status != http.StatusBadRequest {
		t.Errorf("too long: %d", b.status)
	}
}

func TestSessionDataIsGivenBack(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", challenged, "challenge")
	b := s.browse(t)
	b.load(b.client.PostForm(s.url+"/acs/challenge", url.Values{"creq": {o.text("creq")}, "threeDSSessionData": {`"><script>`}}))
	b.press(enter("123456"))
	if got := b.hidden("threeDSSessionData"); got != `"><script>` {
		t.Errorf("%q came back", got)
	}
	b.load(b.client.PostForm(s.url+"/acs/challenge", url.Values{"creq": {o.text("creq")}, "threeDSSessionData": {strings.Repeat("x", 1025)}}))
	if b.status != http.StatusBadRequest {
		t.Errorf("too long: %d", b.status)
	}
}

func TestChallengePagesKeepTheirPolicies(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", challenged, "challenge")
	b := s.browse(t)
	kept := func(has, hasNot string) {
		t.Helper()
		csp := b.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; style-src 'self'") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, has) || strings.Contains(csp, hasNot) {
			t.Errorf("%s has the policy %q", b.at, csp)
		}
		for name, want := range map[string]string{"Referrer-Policy": "strict-origin", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if b.header.Get(name) != want {
				t.Errorf("%s has %s %q", b.at, name, b.header.Get(name))
			}
		}
		if strings.Contains(b.page, "<script>") || strings.Contains(b.page, "style=") || strings.Contains(b.page, "onload") {
			t.Errorf("%s has a script or a style of its own", b.at)
		}
	}
	b.challenge(o.text("creq"))
	kept("form-action 'self'", "script-src")
	b.press(enter("123456"))
	kept("script-src 'self'; form-action http: https:", "form-action 'self'")
	for path, kind := range map[string]string{"/acs/acs.css": "text/css", "/acs/acs.js": "text/javascript", "/acs/bank.svg": "image/svg+xml", "/style.css": "text/css"} {
		b.load(b.client.Get(s.url + path))
		if b.status != http.StatusOK || !strings.HasPrefix(b.header.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, b.status, b.header.Get("Content-Type"))
		}
	}
}

// A shop's page posts the CReq from its own origin: the guard of the panel must not stand in its way.
func TestShopsOfAnyOriginMayOpenAChallenge(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", challenged, "challenge")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/acs/challenge", strings.NewReader(url.Values{"creq": {o.text("creq")}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"https://pay.example"}, "Sec-Fetch-Site": {"cross-site"}}
	b := s.browse(t)
	b.load(http.DefaultClient.Do(r))
	b.shows("Confirm your payment")
}
