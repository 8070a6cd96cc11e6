package provider

import (
	"errors"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

func TestAMethodTakesAmountsWithinItsLimits(t *testing.T) {
	pix := MethodTerms{Currencies: []string{"BRL"}, Min: 100, Max: 500_000}
	open := MethodTerms{Currencies: []string{"EUR", "BRL"}}
	for name, c := range map[string]struct {
		terms    MethodTerms
		currency string
		minor    int64
		param    string
		code     string
	}{
		"the least":        {pix, "BRL", 100, "", ""},
		"the most":         {pix, "BRL", 500_000, "", ""},
		"less":             {pix, "BRL", 99, "amount", fault.CodeAmountTooSmall},
		"more":             {pix, "BRL", 500_001, "amount", fault.CodeAmountTooLarge},
		"another currency": {pix, "EUR", 100, "currency", fault.CodeCurrency},
		"no limits":        {open, "EUR", 1 << 40, "", ""},
		"nothing":          {open, "EUR", 0, "amount", fault.CodeAmountTooSmall},
		"less than that":   {open, "BRL", -1, "amount", fault.CodeAmountTooSmall},
		"no terms at all":  {MethodTerms{}, "EUR", 1, "currency", fault.CodeCurrency},
	} {
		err := c.terms.Takes(in(c.currency, c.minor))
		if (err == nil) != (c.param == "") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v is not a refusal of the request", name, err)
		}
		var wrong *fault.Error
		if errors.As(err, &wrong) && (wrong.Code != c.code || wrong.Param != c.param) {
			t.Errorf("%s: %s on %s, want %s on %s", name, wrong.Code, wrong.Param, c.code, c.param)
		}
	}
}

func TestAnActionIsARedirectUnlessItSaysOtherwise(t *testing.T) {
	if got := (Action{URL: "https://bank.example"}).KindOf(); got != ActionRedirect {
		t.Errorf("kind %q", got)
	}
	if got := (Action{Kind: ActionQR, Code: "0002…"}).KindOf(); got != ActionQR {
		t.Errorf("kind %q", got)
	}
}
