package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/problem"
)

const (
	shopKey  = "pk_test_shop"
	shopPage = "https://shop.example"
	pay      = "https://pay.florin.example"
)

// shown lets the pages of shopPage, of the checkout and of any port of this machine show the fields of shopKey.
func shown(o *Options) {
	o.FrameAncestors = func(_ context.Context, key string) ([]string, error) {
		switch key {
		case shopKey:
			return []string{"https://Shop.example:443", pay, "http://localhost:*"}, nil
		case "pk_test_closed":
			return nil, nil
		case "pk_test_torn":
			return nil, errors.New("the database is away")
		case "pk_test_crooked":
			return []string{"https://a.example; script-src *", "*", "https://a.example/path", "javascript:x", "https://*.a.example", shopPage, "'self'", "https:*"}, nil
		}
		return nil, fault.New(fault.Unauthorized, "api_key_invalid", "the API key is not valid")
	}
}

func fieldURL(kind, key, origin string) string {
	return "/fields/v1/" + kind + "?key=" + key + "&origin=" + origin
}

func (s *site) get(path string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.call(http.MethodGet, path, "", "")
}

func TestAFieldIsAPageThatOnlyItsShopMayShow(t *testing.T) {
	s := onSQLite(t, shown)
	for kind, parts := range fieldParts {
		w := s.get(fieldURL(kind, shopKey, shopPage))
		h, text := w.Header(), w.Body.String()
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", kind, w.Code, text)
		}
		want := "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
			"frame-ancestors https://shop.example https://pay.florin.example http://localhost:*"
		if got := h.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: policy\n%s, want\n%s", kind, got, want)
		}
		for name, value := range map[string]string{"Content-Type": "text/html; charset=utf-8", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
			"Cache-Control": "no-store", "X-Frame-Options": "", "Access-Control-Allow-Origin": "", "Strict-Transport-Security": ""} {
			if h.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", kind, name, h.Get(name), value)
			}
		}
		if !strings.Contains(h.Get("Permissions-Policy"), "camera=()") || h.Get("Request-Id") == "" {
			t.Errorf("%s: headers %v", kind, h)
		}
		if n := strings.Count(text, "<input "); n != len(parts) {
			t.Errorf("%s has %d inputs, want %d", kind, n, len(parts))
		}
		for _, in := range inputs(kind) {
			for _, attribute := range []string{`id="` + in.Part + `"`, `autocomplete="` + in.Autocomplete + `"`, `aria-label="` + in.Label + `"`, `inputmode="numeric"`, `spellcheck="false"`} {
				if !strings.Contains(text, attribute) {
					t.Errorf("%s lacks %s", kind, attribute)
				}
			}
		}
		if !strings.Contains(text, `data-origin="`+shopPage+`"`) || !strings.Contains(text, `data-key="`+shopKey+`"`) {
			t.Errorf("%s does not say whose it is: %s", kind, text)
		}
	}
}

func TestNothingInAFieldIsInline(t *testing.T) {
	text := onSQLite(t, shown).get(fieldURL("card", shopKey, shopPage)).Body.String()
	if bad := regexp.MustCompile(`(?i)<style|<script>|\sstyle=|\son[a-z]+=|javascript:`).FindString(text); bad != "" {
		t.Errorf("the page has %q", bad)
	}
}

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

func TestAssetsNeverChangeUnderTheirNames(t *testing.T) {
	s := onSQLite(t, shown)
	page := s.get(fieldURL("card", shopKey, shopPage)).Body.String()
	var paths []string
	for _, found := range regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		paths = append(paths, found[1])
	}
	if len(paths) != len(modules)+1 {
		t.Errorf("the page names %v", paths)
	}
	for _, path := range paths {
		w := s.get(path)
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("X-Content-Type-Options") != "nosniff" || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
		kind := map[bool]string{true: "text/css; charset=utf-8", false: "text/javascript; charset=utf-8"}[strings.HasSuffix(path, ".css")]
		if h.Get("Content-Type") != kind {
			t.Errorf("%s: type %s", path, h.Get("Content-Type"))
		}
		for _, found := range regexp.MustCompile(`from '\./([^']+)'`).FindAllStringSubmatch(w.Body.String(), -1) {
			if !slices.Contains(paths, assetPath+found[1]) {
				t.Errorf("%s imports %s, which the page does not load", path, found[1])
			}
		}
	}
	changed, err := newAssets(touched{fieldFiles})
	if err != nil || changed.script == fieldAssets.script {
		t.Errorf("a change of an import does not change the name of who imports it: %v", err)
	}
}

// touched are the field's files with a byte more in one that others import.
type touched struct{ fs.FS }

func (f touched) ReadFile(name string) ([]byte, error) {
	text, err := fs.ReadFile(f.FS, name)
	if name == "fields/card.js" {
		text = append(text, '\n')
	}
	return text, err
}

func TestEveryLanguageSaysTheSameThings(t *testing.T) {
	keys := func(t texts) (all []string) {
		for name, words := range map[string]map[string]string{"titles": t.Titles, "labels": t.Labels, "placeholders": t.Placeholders, "errors": t.Errors, "": {"no_script": t.NoScript}} {
			for key, text := range words {
				if text != "" {
					all = append(all, name+"."+key)
				}
			}
		}
		slices.Sort(all)
		return all
	}
	english := keys(fieldTexts[defaultLocale])
	for _, locale := range []string{"en", "de", "pt-BR", "es"} {
		if got := keys(fieldTexts[locale]); !slices.Equal(got, english) || len(got) < 20 {
			t.Errorf("%s has %v, want %v", locale, got, english)
		}
	}
	for _, r := range brandRanges {
		if _, ok := brandTitles[r.brand.name]; !ok {
			t.Errorf("brand %s has no title", r.brand.name)
		}
	}
}

// TestTheFieldsScript runs the script's own tests, on the modules as they are served but for their names.
func TestTheFieldsScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the script of the hosted fields is not tested")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "test"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("package.json", `{"type":"module"}`)
	write("test/said.json", said(t))
	for _, module := range modules {
		text, err := moduleText(fieldFiles, module)
		if err != nil {
			t.Fatal(err)
		}
		write(module+".js", text)
	}
	tests, err := filepath.Glob("fields/test/*.test.js")
	if err != nil || len(tests) < 4 {
		t.Fatalf("found %v, %v", tests, err)
	}
	args := []string{"--test"}
	for _, name := range tests {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		write("test/"+filepath.Base(name), string(text))
		args = append(args, "test/"+filepath.Base(name))
	}
	run := exec.CommandContext(t.Context(), node, args...)
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// said is what this package says of numbers at the edges of all ranges: the script must say the same.
func said(t *testing.T) string {
	t.Helper()
	type word struct {
		Number string `json:"number"`
		Brand  string `json:"brand"`
		OK     bool   `json:"ok"`
	}
	var words []word
	for _, r := range brandRanges {
		for _, first := range []int{r.from - 1, r.from, r.to, r.to + 1} {
			for length := minDigits - 1; length <= maxDigits; length++ {
				digits := []byte(fmt.Sprintf("%0*d", r.width, first) + strings.Repeat("0", maxDigits))[:length]
				for last := byte('0'); !id.Luhn(digits) && last <= '9'; last++ {
					digits[length-1] = last
				}
				_, _, wrong := parseNumber(digits)
				words = append(words, word{string(digits), brandOf(digits).name, wrong == ""})
			}
		}
	}
	text, err := json.Marshal(words)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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
