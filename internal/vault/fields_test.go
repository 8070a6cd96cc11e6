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

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
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
