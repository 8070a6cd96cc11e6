package vault

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/problem"
)

func TestFieldsAreRefused(t *testing.T) {
	s := onSQLite(t, shown)
	cases := []struct {
		name, method, path string
		status             int
		code               string
	}{
		{"another origin", "GET", fieldURL("card", shopKey, "https://evil.example"), 403, problem.CodeOrigin},
		{"an origin that begins like the shop's", "GET", fieldURL("card", shopKey, "https://shop.example.evil.example"), 403, problem.CodeOrigin},
		{"an origin that ends like the shop's", "GET", fieldURL("card", shopKey, "https://evil-shop.example"), 403, problem.CodeOrigin},
		{"a port of the shop's host", "GET", fieldURL("card", shopKey, "https://shop.example:8443"), 403, problem.CodeOrigin},
		{"the shop without TLS", "GET", fieldURL("card", shopKey, "http://shop.example"), 400, fault.CodeInvalid},
		{"a sandboxed page", "GET", fieldURL("card", shopKey, "null"), 400, fault.CodeInvalid},
		{"a page and not an origin", "GET", fieldURL("card", shopKey, shopPage+"/cart"), 400, fault.CodeInvalid},
		{"a source and not an origin", "GET", fieldURL("card", shopKey, "http://localhost:*"), 400, fault.CodeInvalid},
		{"a script", "GET", fieldURL("card", shopKey, "javascript:alert(1)"), 400, fault.CodeInvalid},
		{"no origin", "GET", "/fields/v1/card?key=" + shopKey, 400, fault.CodeInvalid},
		{"a merchant without origins", "GET", fieldURL("card", "pk_test_closed", shopPage), 403, problem.CodeOrigin},
		{"no key", "GET", "/fields/v1/card?origin=" + shopPage, 401, codeKeyMissing},
		{"two keys", "GET", fieldURL("card", shopKey, shopPage) + "&key=pk_other", 400, problem.CodeDuplicate},
		{"a secret key", "GET", fieldURL("card", "sk_test_dev", shopPage), 403, codeKeyKind},
		{"an unknown key", "GET", fieldURL("card", "pk_test_nobody", shopPage), 401, "api_key_invalid"},
		{"no database", "GET", fieldURL("card", "pk_test_torn", shopPage), 500, problem.CodeInternal},
		{"another field", "GET", fieldURL("iban", shopKey, shopPage), 404, fault.CodeNotFound},
		{"another version", "GET", strings.Replace(fieldURL("card", shopKey, shopPage), "v1", "v2", 1), 404, fault.CodeNotFound},
		{"another method", "POST", fieldURL("card", shopKey, shopPage), 405, problem.CodeMethod},
		{"no such asset", "GET", assetPath + "field.js", 404, fault.CodeNotFound},
		{"an asset of another build", "GET", assetPath + "field-0000000000000000.js", 404, fault.CodeNotFound},
		{"a source file", "GET", assetPath + "page.html", 404, fault.CodeNotFound},
		{"an asset by another method", "DELETE", fieldAssets.script, 405, problem.CodeMethod},
		{"the folder of assets", "GET", assetPath, 404, fault.CodeNotFound},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := s.call(c.method, c.path, "", "")
			h := w.Header()
			if p := decode[problem.Problem](t, w.Body); w.Code != c.status || p.Code != c.code {
				t.Errorf("%d %+v", w.Code, p)
			}
			if !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("Cache-Control") != "no-store" || (c.status == 405) != (h.Get("Allow") != "") {
				t.Errorf("headers %v", h)
			}
		})
	}
}

func TestWhoMayShowAFieldIsSaidInNoOtherWords(t *testing.T) {
	s := onSQLite(t, shown)
	for _, origin := range []string{"http://localhost:3000", "http://localhost", "https://SHOP.example", shopPage + ":443", pay} {
		if w := s.get(fieldURL("card", shopKey, origin)); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", origin, w.Code, w.Body)
		}
	}
	for _, origin := range []string{"http://127.0.0.1:3000", "https://localhost:3000"} {
		if w := s.get(fieldURL("card", shopKey, origin)); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", origin, w.Code)
		}
	}
	w := s.get(fieldURL("card", "pk_test_crooked", shopPage))
	if policy := w.Header().Get("Content-Security-Policy"); w.Code != http.StatusOK || !strings.HasSuffix(policy, "; frame-ancestors "+shopPage) {
		t.Errorf("what is no origin got into the policy: %d %s", w.Code, policy)
	}
	if w := onSQLite(t).get(fieldURL("card", shopKey, shopPage)); w.Code != http.StatusForbidden {
		t.Errorf("a vault that knows no origins: %d", w.Code)
	}
}

func TestTenThousandTokensFromOneAddressAreTooMany(t *testing.T) {
	s := onSQLite(t)
	byKind := func(r *http.Request) (Caller, error) {
		c, err := byHeader(r)
		c.SingleUse = r.Header.Get("Backend") == ""
		return c, err
	}
	door := s.Handler(byKind)
	ask := func(address string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/tokens", strings.NewReader(`{}`))
		r.RemoteAddr = address
		r.Header = http.Header{"Content-Type": {"application/json"}, "Tenant": {shop}}
		for _, name := range header {
			r.Header.Set(name, "1")
		}
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		return w
	}
	counts := map[int]int{}
	for i := range 10_000 {
		counts[ask(fmt.Sprintf("198.51.100.7:%d", 1024+i)).Code]++
	}
	if counts[http.StatusBadRequest] != 120 || counts[http.StatusTooManyRequests] != 9_880 {
		t.Errorf("answered %v, want 120 and then 429", counts)
	}
	w := ask("198.51.100.7:9")
	h := w.Header()
	p := decode[problem.Problem](t, w.Body)
	if p.Status != 429 || p.Code != problem.CodeRateLimited || !p.Retryable || p.RetryAfter != 1 || h.Get("Retry-After") != "1" || h.Get("RateLimit") != `"tokens";r=0;t=1` ||
		h.Get("RateLimit-Policy") != `"tokens";q=120;w=120` || h.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%+v %v", p, h)
	}
	if w := ask("198.51.100.8:9"); w.Code != http.StatusBadRequest {
		t.Errorf("another address pays for the first: %d", w.Code)
	}
	if w := ask("198.51.100.7:9", "Backend"); w.Code != http.StatusBadRequest || w.Header().Get("RateLimit") != "" {
		t.Errorf("a backend at the same address: %d %v", w.Code, w.Header())
	}
	s.clock.Advance(time.Second)
	if first, second := ask("198.51.100.7:9"), ask("198.51.100.7:9"); first.Code != http.StatusBadRequest || second.Code != http.StatusTooManyRequests {
		t.Errorf("after a second: %d, %d; want one through", first.Code, second.Code)
	}
	s.wantCards(0)
}

func TestWhoHasNoKeyIsCountedToo(t *testing.T) {
	s := onSQLite(t, func(o *Options) { o.TokenLimit = limit.Policy{Name: "tokens", Quota: 2, Window: time.Minute} })
	var codes []int
	for range 3 {
		codes = append(codes, s.call(http.MethodPost, "/v1/tokens", "", cardJSON(marked, "")).Code)
	}
	if !slices.Equal(codes, []int{401, 401, 429}) {
		t.Errorf("answered %v", codes)
	}
}

func TestFieldsAreCountedByAddress(t *testing.T) {
	s := onSQLite(t, shown, func(o *Options) { o.FieldLimit = limit.Policy{Name: "fields", Quota: 1, Window: time.Minute} })
	first, second := s.get(fieldURL("card", shopKey, shopPage)), s.get(fieldURL("card", shopKey, shopPage))
	if first.Code != http.StatusOK || second.Code != http.StatusTooManyRequests || second.Header().Get("Retry-After") != "60" {
		t.Errorf("%d, then %d %v", first.Code, second.Code, second.Header())
	}
	if w := s.get(fieldAssets.script); w.Code != http.StatusOK {
		t.Errorf("an asset is counted: %d", w.Code)
	}
}

func TestNoOtherPageMaySendACard(t *testing.T) {
	s := onSQLite(t)
	for name, header := range map[string][]string{
		"by its site":   {"Sec-Fetch-Site", "cross-site"},
		"a subdomain":   {"Sec-Fetch-Site", "same-site"},
		"by its origin": {"Origin", "https://shop.example"},
		"in a sandbox":  {"Origin", "null"},
	} {
		w := s.tokens(cardJSON(marked, "123"), header...)
		if p := decode[problem.Problem](t, w.Body); w.Code != http.StatusForbidden || p.Code != problem.CodeOrigin {
			t.Errorf("%s: %d %+v", name, w.Code, p)
		}
	}
	for name, header := range map[string][]string{
		"the fields":             {"Sec-Fetch-Site", "same-origin"},
		"the fields without TLS": {"Origin", "http://example.com"}, // what httptest calls
	} {
		w := s.tokens(cardJSON(marked, "123"), header...)
		if w.Code != http.StatusCreated || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	if w := s.call(http.MethodOptions, "/v1/tokens", shop, "", "Origin", "https://shop.example"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a preflight is answered with %d %v", w.Code, w.Header())
	}
}

func TestTheBrowserIsToldToComeByTLS(t *testing.T) {
	for name, https := range map[string]bool{"behind a proxy that ends TLS": true, "without TLS": false} {
		s := onSQLite(t, shown, func(o *Options) { o.HTTPS = https })
		for _, path := range []string{fieldURL("card", shopKey, shopPage), fieldAssets.script, "/nowhere"} {
			if told := s.get(path).Header().Get("Strict-Transport-Security") != ""; told != https {
				t.Errorf("%s, %s: told %v", name, path, told)
			}
		}
	}
}
