package payment

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

func TestAPayerIsOfferedWhatTheMerchantsAccountsTake(t *testing.T) {
	eachCounter(t, func(c *counter) {
		card, bank, pix := Way{Type: provider.MethodCard}, Way{provider.MethodBankRedirect, true}, Way{Type: provider.MethodPIX}
		for name, x := range map[string]struct {
			change func(in *Create)
			want   []Way
		}{
			"euros":            {func(*Create) {}, []Way{card, bank}},
			"reais":            {func(in *Create) { in.Currency = "BRL" }, []Way{card, pix}},
			"too little":       {func(in *Create) { in.Currency, in.Amount = "BRL", 99 }, []Way{card}},
			"only authorized":  {func(in *Create) { in.Capture = false }, []Way{card}},
			"at the acquirer":  {func(in *Create) { in.ProviderAccounts = []string{"alpha"} }, []Way{card}},
			"at the scheme":    {func(in *Create) { in.ProviderAccounts = []string{"instant"} }, []Way{bank}},
			"another currency": {func(in *Create) { in.Currency = "JPY" }, []Way{card}},
		} {
			in := order(true)
			in.Confirm, in.Choice = false, Choice{}
			x.change(&in)
			o, err := c.Create(c.Context(), in, alone{})
			if err != nil {
				c.Fatal(err)
			}
			got, err := c.Ways(c.Context(), shop, o.ID, o.ClientSecret)
			if err != nil || !slices.Equal(got, x.want) {
				c.Errorf("%s: %v, %v", name, got, err)
			}
			if _, err := c.Ways(c.Context(), shop, o.ID, o.ClientSecret+"x"); !fault.Is(err, fault.NotFound) {
				c.Errorf("for anybody: %v", err)
			}
		}
	})
}

func TestBanksAreAskedForOnceAMinute(t *testing.T) {
	eachCounter(t, func(c *counter) {
		c.scheme.deaf = 1
		if _, err := c.Banks(c.Context(), shop, provider.MethodBankRedirect, "EUR"); !fault.Is(err, fault.Unavailable) {
			c.Errorf("not answered: %v", err)
		}
		for range 3 {
			got, err := c.Banks(c.Context(), shop, provider.MethodBankRedirect, "EUR")
			if err != nil || len(got) != 2 || got[0] != (provider.Bank{ID: "bank_1", Name: "First Bank", Available: true}) {
				c.Errorf("%v, %v", got, err)
			}
		}
		if c.scheme.listed != 2 {
			c.Errorf("asked %d times", c.scheme.listed)
		}
		c.now.Advance(2 * time.Minute)
		if _, err := c.Banks(c.Context(), shop, provider.MethodBankRedirect, ""); err != nil || c.scheme.listed != 3 {
			c.Errorf("later asked %d times, %v", c.scheme.listed, err)
		}
		for method, currency := range map[provider.Method]string{provider.MethodBankRedirect: "GBP", provider.MethodPIX: "BRL", provider.MethodUPI: "", provider.MethodCard: "EUR"} {
			if _, err := c.Banks(c.Context(), shop, method, currency); !fault.Is(err, fault.Invalid) {
				c.Errorf("%s in %q: %v", method, currency, err)
			}
		}
	})
}
