package paycode

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

func of(t testing.TB, minor int64, code string) money.Money {
	t.Helper()
	c, err := money.ParseCurrency(code)
	if err != nil {
		t.Fatal(err)
	}
	return money.Of(minor, c)
}

// published are codes that others published. They are not part of the repository.
const published = "../../../shared/data/qr/vectors.json"

type vectors struct{ Official, Pix map[string]string }

func publishedVectors(t *testing.T) vectors {
	t.Helper()
	return readVectors(t, published, func() { t.Skipf("%s is not here", published) })
}

func ownVectors(t *testing.T) vectors {
	t.Helper()
	return readVectors(t, "testdata/vectors.json", func() { t.Fatal("there are no vectors") })
}

func readVectors(t *testing.T, name string, absent func()) (v vectors) {
	t.Helper()
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		absent()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// wrongFields are the fields that an error names. It must be a refusal.
func wrongFields(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, err error) []string {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		t.Fatalf("%v is no refusal", err)
	}
	var params []string
	for _, f := range e.Fields {
		params = append(params, f.Param+" "+f.Code)
	}
	return params
}

func mustRefuse(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("passes, want %q", want)
	}
	if got := wrongFields(t, err); !slices.Equal(got, want) {
		t.Errorf("wrong are %q, want %q", got, want)
	}
}

// anyText draws a name or a sentence, and now and then what is neither.
func anyText() *rapid.Generator[string] {
	sentence := rapid.StringMatching(`[A-Za-zÀ-ÿ0-9]([A-Za-zÀ-ÿĀ-ž0-9 .,&/+=%#-]{0,40}[a-z])?`)
	return rapid.OneOf(sentence, sentence, sentence, sentence, rapid.String())
}

const badPayload = "payload " + fault.CodeInvalid

func TestAmountsAreReadExactlyOrNotAtAll(t *testing.T) {
	cases := []struct {
		text, code string
		want       int64 // -1: refused
	}{
		{"10.00", "BRL", 1000}, {"10", "BRL", 1000}, {"10.5", "BRL", 1050}, {"0.01", "BRL", 1}, {"00010.00", "BRL", 1000},
		{"9999999999999999.99", "BRL", 999999999999999999},
		{"500", "JPY", 500}, {"500.0", "JPY", -1}, {"0.005", "KWD", 5}, {"1.5", "KWD", 1500},
		{"10.001", "BRL", -1}, {"10.000", "BRL", -1}, {"10,00", "BRL", -1}, {"1e3", "BRL", -1}, {"-1.00", "BRL", -1}, {"+1.00", "BRL", -1},
		{"1.0.0", "BRL", -1}, {".50", "BRL", -1}, {"1.", "BRL", -1}, {"", "BRL", -1}, {" 1.00", "BRL", -1}, {"1.00 ", "BRL", -1}, {"٣.00", "BRL", -1},
		{"99999999999999999.99", "BRL", -1}, {"1.00", "XXX", -1},
	}
	for _, c := range cases {
		m, ok := parseDecimal(c.text, c.code)
		if ok != (c.want >= 0) || ok && m != of(t, c.want, c.code) {
			t.Errorf("%q in %s is %v, %v; want %d", c.text, c.code, m, ok, c.want)
		}
		if ok {
			if again, ok := parseDecimal(decimal(m), c.code); !ok || again != m {
				t.Errorf("%v is written %q", m, decimal(m))
			}
		}
	}
}

func TestNamesAreMadeToFit(t *testing.T) {
	cases := []struct {
		name, text, want string
		limit            int
		keep             func(rune) string
	}{
		{"accents are dropped", "Açaí & Pão de Queijo Ltda", "Acai & Pao de Queijo Ltda", 25, toASCII},
		{"as in a decomposed name", "Sa\u0303o Paulo", "Sao Paulo", 15, toASCII},
		{"letters that are two", "Straße Ærø Œuvre", "Strasse AEro OEuvre", 25, toASCII},
		{"quotes and dashes", "“Loja” d’Água – Nº 1…", `"Loja" d'Agua - No 1...`, 25, toASCII},
		{"emoji are dropped", "Café ☕️ 👩‍💻 Zé", "Cafe Ze", 25, toASCII},
		{"what cannot be written is dropped", "北京 Beijing", "Beijing", 25, toASCII},
		{"cut", "Companhia Brasileira de Distribuição", "Companhia Brasileira de D", 25, toASCII},
		{"cut at a space", "São Miguel do Oeste", "Sao Miguel do O", 15, toASCII},
		{"no space is left at the cut", "São Miguel dos Oeste", "Sao Miguel dos", 15, toASCII},
		{"cut by characters, not bytes", "Ææ", "AEa", 3, toASCII},
		{"spaces become one", "  a \u00a0 b  ", "a b", 25, toASCII},
		{"nothing is left", "☕", "", 25, toASCII},
		{"UTF-8 stays", "Müller & Søn Ελλάς", "Müller & Søn Ελλάς", 70, keepPlain},
		{"emoji are dropped from UTF-8", "Müller 🍞 €5", "Müller €5", 70, keepPlain},
		{"and what made them of digits and signs", "1\ufe0f\u20e3 ☕\ufe0f", "1", 70, keepPlain},
		{"UTF-8 is cut by characters", "ÄÖÜ", "ÄÖ", 2, keepPlain},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := fit(c.text, c.limit, c.keep); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestWhatCannotBeSeenIsFound(t *testing.T) {
	for _, text := range []string{"a\nb", "a\x00", "\x7f", "a\u0085b", "a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b", "\xff"} {
		if !hidden(text) {
			t.Errorf("%q passes", text)
		}
	}
	for _, text := range []string{"", "Açaí", "北京", "👩‍💻"} {
		if hidden(text) {
			t.Errorf("%q does not pass", text)
		}
	}
}
