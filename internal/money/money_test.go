package money

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func currency(t testing.TB, code string) Currency {
	t.Helper()
	c, err := ParseCurrency(code)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestExponentIsTheCurrencysOwn(t *testing.T) {
	for code, exponent := range map[string]int{"EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4, "ISK": 0, "MGA": 2, "XCG": 2} {
		if got := currency(t, code).Exponent(); got != exponent {
			t.Errorf("%s has exponent %d, want %d", code, got, exponent)
		}
	}
}

func TestOnlyListedCodesParse(t *testing.T) {
	for _, code := range []string{"", "eur", "Eur", "EU", "EURO", "XXX", "XAU", "ANG", "BGN", "E\x00R", "ЕUR"} {
		if _, err := ParseCurrency(code); !errors.Is(err, ErrCurrency) {
			t.Errorf("%q parsed: %v", code, err)
		}
	}
}

func TestAmountsPrintInMajorUnits(t *testing.T) {
	for _, c := range []struct {
		minor int64
		code  string
		want  string
	}{
		{9232, "EUR", "92.32 EUR"}, {-5, "KWD", "-0.005 KWD"}, {500, "JPY", "500 JPY"}, {0, "EUR", "0.00 EUR"},
		{math.MinInt64, "EUR", "-92233720368547758.08 EUR"}, {7, "EUR", "0.07 EUR"},
	} {
		if got := Of(c.minor, currency(t, c.code)).String(); got != c.want {
			t.Errorf("%d %s prints %q, want %q", c.minor, c.code, got, c.want)
		}
	}
	if got := (Money{}).String(); got != "0" {
		t.Errorf("the zero value prints %q", got)
	}
}

func TestMixedCurrenciesNeverAdd(t *testing.T) {
	eur, usd := Of(1, currency(t, "EUR")), Of(1, currency(t, "USD"))
	if _, err := eur.Add(usd); !errors.Is(err, ErrCurrency) {
		t.Errorf("add: %v", err)
	}
	if _, err := eur.Sub(usd); !errors.Is(err, ErrCurrency) {
		t.Errorf("sub: %v", err)
	}
	if _, err := eur.Compare(usd); !errors.Is(err, ErrCurrency) {
		t.Errorf("compare: %v", err)
	}
	if _, err := eur.Add(Money{}); !errors.Is(err, ErrCurrency) {
		t.Errorf("add the zero value: %v", err)
	}
}

// big.Int is the reference: a sum either equals the mathematical one or is refused.
func TestArithmeticIsExactOrRefused(t *testing.T) {
	eur := currency(t, "EUR")
	fits := func(n *big.Int) bool { return n.IsInt64() }
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		sum, err := Of(a, eur).Add(Of(b, eur))
		want := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		if fits(want) != (err == nil) || err == nil && sum.Minor() != want.Int64() {
			t.Fatalf("%d + %d = %d, %v", a, b, sum.Minor(), err)
		}
		diff, err := Of(a, eur).Sub(Of(b, eur))
		want.Sub(big.NewInt(a), big.NewInt(b))
		if b != math.MinInt64 && fits(want) != (err == nil) || err == nil && diff.Minor() != want.Int64() {
			t.Fatalf("%d - %d = %d, %v", a, b, diff.Minor(), err)
		}
	})
}

func TestFeesRoundHalfToEven(t *testing.T) {
	eur := currency(t, "EUR")
	for _, c := range []struct{ minor, points, want int64 }{
		{10_000, 150, 150}, {50, 100, 0}, {150, 100, 2}, {250, 100, 2}, {51, 100, 1}, {0, 9999, 0}, {math.MaxInt64, 10_000, math.MaxInt64},
	} {
		got, err := Of(c.minor, eur).BasisPoints(c.points)
		if err != nil || got.Minor() != c.want {
			t.Errorf("%d bp of %d = %d, %v; want %d", c.points, c.minor, got.Minor(), err, c.want)
		}
	}
	if _, err := Of(math.MaxInt64, eur).BasisPoints(10_001); !errors.Is(err, ErrOverflow) {
		t.Errorf("an overflowing fee: %v", err)
	}
	if _, err := Of(-1, eur).BasisPoints(1); err == nil {
		t.Error("a fee on a negative amount was counted")
	}
}
