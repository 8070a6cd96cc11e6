package stripe

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/money"
)

// What is said to Stripe is understood when Stripe says it: in currencies without, with two and with three decimals, and
// in those whose unit there is another one than ISO 4217's.
func TestAmountsComeBackAsTheyWent(t *testing.T) {
	codes := []string{"EUR", "USD", "JPY", "KRW", "VND", "XOF", "CLP", "KWD", "BHD", "JOD", "OMR", "TND", "ISK", "UGX", "MGA", "HUF", "TWD"}
	rapid.Check(t, func(t *rapid.T) {
		currency, err := money.ParseCurrency(rapid.SampledFrom(codes).Draw(t, "currency"))
		if err != nil {
			t.Fatal(err)
		}
		asked := money.Of(rapid.Int64Range(-10, 999_999_999_999).Draw(t, "minor"), currency)
		there, ok := toStripe(asked)
		if !ok {
			if asked.Minor() > 0 && asked.Minor()%100 == 0 {
				t.Fatalf("%s cannot be said", asked)
			}
			return
		}
		said, doubt := fromStripe(&there, strings.ToLower(currency.Code()))
		if doubt != "" || said != asked {
			t.Fatalf("%s is said as %d and understood as %s %s", asked, there, said, doubt)
		}
	})
}

func TestAmountsThatDoNotExistAreNotUnderstood(t *testing.T) {
	for code, amount := range map[string]int64{"isk": 550, "ugx": 1, "eur": -1, "mga": math.MaxInt64, "EUR": 100, "xyz": 100} {
		if said, doubt := fromStripe(&amount, code); doubt == "" {
			t.Errorf("%d %s is understood as %s", amount, code, said)
		}
	}
	if said, doubt := fromStripe(nil, "eur"); doubt == "" {
		t.Errorf("nothing is understood as %s", said)
	}
	if there, ok := toStripe(money.Of(math.MaxInt64, mustParse("ISK"))); ok {
		t.Errorf("more than fits is said as %d", there)
	}
}

func mustParse(code string) money.Currency {
	c, err := money.ParseCurrency(code)
	if err != nil {
		panic(err)
	}
	return c
}
