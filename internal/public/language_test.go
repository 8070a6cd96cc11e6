package public

import (
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/money"
)

func mustLanguages(t *testing.T) languages {
	t.Helper()
	l, err := readLanguages()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestThereAreFourLanguages(t *testing.T) {
	var tags []string
	for _, one := range mustLanguages(t).all {
		tags = append(tags, one.Tag)
	}
	if len(tags) != 4 || tags[0] != "en" {
		t.Errorf("languages %v", tags)
	}
	for _, tag := range []string{"en", "de", "pt-BR", "es"} {
		if l := mustLanguages(t).named(tag); l == nil || l.Tag != tag {
			t.Errorf("no %s", tag)
		}
	}
}

// As browsers write the same amounts: Intl.NumberFormat with style currency.
func TestAmountsAreWrittenAsTheLanguageDoes(t *testing.T) {
	for _, c := range []struct {
		tag, currency string
		minor         int64
		want          string
	}{
		{"en", "EUR", 9232, "€92.32"}, {"en", "USD", 123450, "$1,234.50"}, {"en", "JPY", 500, "¥500"}, {"en", "KWD", 1234, "KWD 1.234"}, {"en", "CHF", 1000, "CHF 10.00"},
		{"en", "USD", 5, "$0.05"}, {"en", "USD", 99999999999999, "$999,999,999,999.99"}, {"en", "JPY", 1234567, "¥1,234,567"},
		{"de", "EUR", 9232, "92,32 €"}, {"de", "EUR", 123450, "1.234,50 €"}, {"de", "KWD", 1234, "1,234 KWD"}, {"de", "CHF", 100, "1,00 CHF"},
		{"pt-BR", "BRL", 123450, "R$ 1.234,50"}, {"pt-BR", "EUR", 9232, "€ 92,32"}, {"pt-BR", "JPY", 500, "JP¥ 500"},
		{"es", "EUR", 123450, "1234,50 €"}, {"es", "EUR", 1234550, "12.345,50 €"}, {"es", "GBP", 1000, "10,00 GBP"}, {"es", "USD", 1000, "10,00 US$"},
	} {
		currency, err := money.ParseCurrency(c.currency)
		if err != nil {
			t.Fatal(err)
		}
		got := mustLanguages(t).named(c.tag).amount(money.Of(c.minor, currency))
		if got != strings.ReplaceAll(c.want, " ", noBreak) {
			t.Errorf("%s: %q, want %q", c.tag, got, c.want)
		}
	}
}

func TestTheBrowsersLanguageIsTakenUnlessAnotherIsAskedFor(t *testing.T) {
	l := mustLanguages(t)
	for header, want := range map[string]string{
		"": "en", "de": "de", "de-AT,de;q=0.9": "de", "fr, pt;q=0.8, es;q=0.9": "es", "pt-PT": "pt-BR", "fr": "en", "*": "en", "de;q=0": "en", "de;q=0, es": "es",
		"es-419;q=0.7,en;q=0.3": "es", strings.Repeat("fr,", 100) + "de": "en", ",;q=,": "en", "<script>": "en",
	} {
		if got := l.accepted(header); got.Tag != want {
			t.Errorf("%q: %s, want %s", header, got.Tag, want)
		}
	}
	r := httptest.NewRequest("GET", "/pay?lang=es", nil)
	r.Header.Set("Accept-Language", "de")
	r.Header.Set("Cookie", languageCookie+"=pt-BR")
	if got := l.of(r); got.Tag != "es" {
		t.Errorf("?lang=es is %s", got.Tag)
	}
	r.URL.RawQuery = "lang=xx"
	if got := l.of(r); got.Tag != "pt-BR" {
		t.Errorf("an unknown ?lang with a cookie of pt-BR is %s", got.Tag)
	}
}

func TestALanguageThatLacksATextIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*language){
		"a word":               func(l *language) { delete(l.Words, "pay") },
		"a place":              func(l *language) { l.Words["pay"] = "Bezahlen" },
		"an unknown":           func(l *language) { l.Words["more"] = "Mehr" },
		"empty":                func(l *language) { l.Words["close"] = "" },
		"a decline":            func(l *language) { delete(l.Declines, "incorrect_cvc") },
		"a bank's":             func(l *language) { delete(l.BankDeclines, "insufficient_funds") },
		"a bank's, of its own": func(l *language) { l.BankDeclines["expired_card"] = decline{"Nein.", "Nie."} },
		"what next":            func(l *language) { l.Declines["do_not_honor"] = decline{What: "Nein."} },
	} {
		l := mustLanguages(t)
		german := l.named("de")
		spoil(german)
		if german.compare(l.all[0]) == nil {
			t.Errorf("%s is not missed", name)
		}
	}
}

// used finds the keys of texts that templates and code ask for.
var used = regexp.MustCompile(`(?:Say|say\(|Words\[|message\(v, [\w.]+,) ?"([a-z_]+)"`)

func TestEveryTextIsUsedAndEveryUsedTextIsThere(t *testing.T) {
	english := mustLanguages(t).all[0].Words
	asked := map[string]bool{}
	for _, name := range []string{"page/page.html", "page/order.html", "order.go", "checkout.go", "challenge.go", "page.go", "language.go", "ways.go", "save.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range used.FindAllStringSubmatch(string(text), -1) {
			asked[m[1]] = true
		}
	}
	for key := range asked {
		if _, ok := english[key]; !ok {
			t.Errorf("there is no text %s", key)
		}
	}
	for key := range english {
		composed := strings.HasSuffix(key, "_title") || strings.HasSuffix(key, "_text") // of a state or a message: TestEveryStateHasItsPage
		if !asked[key] && !composed {
			t.Errorf("nobody says %s", key)
		}
	}
}
