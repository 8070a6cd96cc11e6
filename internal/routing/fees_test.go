package routing

import (
	"testing"

	"github.com/florinpay/florin/internal/money"
)

const interchangePlusPlus = `{"name": "p", "rules": [], "default": {"then": {"strategy": "least_cost"}},
	"fee_tables": [
		{"name": "interchange", "rows": [
			{"region": "domestic", "funding": "debit", "basis_points": "20"}, {"region": "domestic", "funding": "credit", "basis_points": "30"},
			{"region": "eea", "funding": "debit", "basis_points": "20"}, {"region": "eea", "funding": "credit", "basis_points": "30"},
			{"countries": ["GB"], "basis_points": "115"}, {"region": "international", "brand": "visa", "basis_points": "180"}]},
		{"name": "scheme", "rows": [{"brand": "visa", "basis_points": "2.25", "fixed": [{"currency": "EUR", "amount": 2}]}, {"brand": "mastercard", "basis_points": "3"}]},
		{"name": "margin", "rows": [{"basis_points": "10", "fixed": [{"currency": "EUR", "amount": 5}, {"currency": "USD", "amount": 6}]}]},
		{"name": "blended", "rows": [{"method": "card", "basis_points": "140", "fixed": [{"currency": "EUR", "amount": 25}]}]}],
	"fees": [{"account": "alpha", "home": "DE", "tables": ["blended"]}, {"account": "beta", "home": "DE", "tables": ["interchange", "scheme", "margin"]}]}`

func TestTheCheapestComesFirst(t *testing.T) {
	p := compiled(t, interchangePlusPlus)
	usd := must(money.ParseCurrency("USD"))
	for name, c := range map[string]struct {
		change             func(*Request)
		ranked, costs, too string // the order, and the reasons of the first two
	}{
		// 92.32: 1.4 % and 0.25 are 1.54248; 0.2 + 0.0225 + 0.1 % and 0.07 are 0.367732
		"domestic debit": {func(*Request) {}, "beta alpha gamma", "costs 0.37 EUR", "costs 1.55 EUR"},
		// 0.3 + 0.0225 + 0.1 % and 0.07 are 0.460052
		"european credit": {func(r *Request) { r.Country, r.Funding = "FR", "credit" }, "beta alpha gamma", "costs 0.47 EUR", "costs 1.55 EUR"},
		// 1.8 + 0.0225 + 0.1 % and 0.07 are 1.844852
		"international":                    {func(r *Request) { r.Country = "US" }, "alpha beta gamma", "costs 1.55 EUR", "costs 1.85 EUR"},
		"nobody knows where":               {func(r *Request) { r.Country = "" }, "alpha beta gamma", "costs 1.55 EUR", "costs 1.85 EUR"},
		"a row for a country goes first":   {func(r *Request) { r.Country = "GB" }, "beta alpha gamma", "costs 1.25 EUR", "costs 1.55 EUR"},
		"a brand that a table has not":     {func(r *Request) { r.Brand = "amex" }, "alpha beta gamma", "costs 1.55 EUR", "cost not known"},
		"a currency that a table has not":  {func(r *Request) { r.Amount = money.Of(9232, usd) }, "alpha beta gamma", "cost not known", "cost not known"},
		"nothing fits: the merchant's own": {func(r *Request) { r.Method = "pix"; r.Brand = "" }, "alpha beta gamma", "cost not known", "cost not known"},
		"the largest amount":               {func(r *Request) { r.Amount = money.Of(maxPriced, eur) }, "beta alpha gamma", "costs 32250000.07 EUR", "costs 140000000.25 EUR"},
		"an amount beyond all":             {func(r *Request) { r.Amount = money.Of(maxPriced+1, eur) }, "alpha beta gamma", "cost not known", "cost not known"},
	} {
		t.Run(name, func(t *testing.T) {
			req := germanDebit()
			c.change(&req)
			d := p.Decide(t.Context(), &req, World{})
			if accountsOf(d) != c.ranked || d.Ranked[0].Reason != c.costs || d.Ranked[1].Reason != c.too || d.Ranked[2].Reason != "cost not known" {
				t.Errorf("got %+v", d.Ranked)
			}
		})
	}
}

func TestCostsAreComparedExactly(t *testing.T) {
	// 1.00 at 20 and at 20.01 basis points: both cost 0.01 when rounded up.
	p := compiled(t, `{"name": "p", "rules": [], "default": {"then": {"strategy": "least_cost", "accounts": ["beta", "alpha"]}},
		"fee_tables": [{"name": "a", "rows": [{"basis_points": "20.01"}]}, {"name": "b", "rows": [{"basis_points": "20"}]}],
		"fees": [{"account": "alpha", "home": "DE", "tables": ["a"]}, {"account": "beta", "home": "DE", "tables": ["b"]}, {"account": "gamma", "home": "DE", "tables": ["b"]}]}`)
	req := germanDebit()
	req.Amount = money.Of(100, eur)
	d := p.Decide(t.Context(), &req, World{})
	if accountsOf(d) != "beta alpha gamma" || d.Ranked[0].Score != 2000 || d.Ranked[1].Score != 2001 || d.Ranked[2].Reason != notNamed {
		t.Errorf("got %+v", d.Ranked)
	}
}

func TestEqualCostsKeepTheMerchantsOrder(t *testing.T) {
	p := compiled(t, `{"name": "p", "rules": [], "default": {"then": {"strategy": "least_cost"}}, "fee_tables": [{"name": "a", "rows": [{"basis_points": "20"}]}],
		"fees": [{"account": "gamma", "home": "DE", "tables": ["a"]}, {"account": "beta", "home": "DE", "tables": ["a"]}]}`)
	req := germanDebit()
	if d := p.Decide(t.Context(), &req, World{}); accountsOf(d) != "beta gamma alpha" {
		t.Errorf("got %+v", d.Ranked)
	}
}

func TestWhatAPaymentCostsAtAnAccountIsRoundedToTheMinorUnit(t *testing.T) {
	p := compiled(t, interchangePlusPlus)
	if !p.Prices() || compiled(t, `{"name": "p", "rules": []}`).Prices() {
		t.Error("which policy has prices?")
	}
	for account, want := range map[string]int64{"alpha": 154, "beta": 37, "gamma": -1} { // 1.54248 and 0.367732
		req := germanDebit()
		got, ok := p.Cost(account, &req)
		if ok != (want >= 0) || ok && got != money.Of(want, eur) {
			t.Errorf("at %s it costs %s, %t", account, got, ok)
		}
	}
}
