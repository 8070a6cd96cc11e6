package routing

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/money"
)

var (
	eur = must(money.ParseCurrency("EUR"))
	// A Sunday, late: in Berlin it is Monday already.
	sunday = time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func germanDebit() Request {
	return Request{
		Merchant: "acct_a:test", Payment: "pay_1", Customer: "cus_1", Amount: money.Of(9232, eur), Method: "card",
		BIN: "42424242", Brand: "visa", Funding: "debit", Country: "DE", Metadata: map[string]string{"tier": "gold", "shop": "north"}, At: sunday,
		Candidates: []Candidate{{"alpha", "simcard"}, {"beta", "simcard"}, {"gamma", "simcard"}},
	}
}

func TestConditionsSeeThePayment(t *testing.T) {
	berlin := must(time.LoadLocation("Europe/Berlin"))
	for text, want := range map[string]bool{
		"true":                                                      true,
		"false":                                                     false,
		"brand == 'visa' && funding == 'debit'":                     true,
		"country in ['DE', 'AT', 'CH']":                             true,
		"!(country in ['FR'])":                                      true,
		"bin.startsWith('4242')":                                    true,
		"['41', '42'].exists(p, bin.startsWith(p))":                 true,
		"['41', '42'].all(p, bin.startsWith(p))":                    false,
		"amount >= 9232 && amount < 9233":                           true,
		"currency == 'USD'":                                         false,
		"method == 'card'":                                          true,
		"customer != ''":                                            true,
		"off_session":                                               false,
		"hour == 0 && weekday == 1":                                 true,
		"has(metadata.tier) && metadata.tier == 'gold'":             true,
		"metadata.tier == 'gold' && has(metadata.tier)":             true,
		"'shop' in metadata && metadata['shop'] == 'north'":         true,
		"!has(metadata.none) || metadata.none == 'x'":               true,
		"has(metadata.none) ? metadata.none == 'x' : size(bin) > 6": true,
		"!has(metadata.none) ? false : metadata.none == 'x'":        false,
		"(has(metadata.tier) && has(metadata.shop)) && metadata.tier + metadata.shop == 'goldnorth'": true,
		"metadata.exists(k, k.startsWith('ti'))":                                                     true,
		"brand.matches('^(visa|amex)$')":                                                             true,
		"country == 'DE' ? funding == 'debit' : false":                                               true,
	} {
		c, err := compileCondition(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		req := germanDebit()
		got, err := c.holds(t.Context(), &facts{req: &req, zone: berlin})
		if err != nil || got != want {
			t.Errorf("%s is %t (%v), want %t", text, got, err, want)
		}
	}
}

func TestWhatCanFailIsRefusedWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"brand = 'visa'":                       "line 1, column 7:",
		"brand == 'visa' &&\n  brnd == 'amex'": "line 2, column 3: undeclared reference to 'brnd'",
		"brand == 1":                           "line 1, column 7: found no matching overload",
		"amount":                               "line 1, column 1: must be true or false, but is of the type int",
		"amount / 100 > 3":                     "line 1, column 8: a division can fail",
		"amount % 2 == 0":                      "line 1, column 8: a division can fail",
		"amount * 2 > 10":                      "line 1, column 8: a multiplication can overflow",
		"amount + 1 > 10":                      "line 1, column 8: an addition can overflow",
		"1 - amount > 10":                      "line 1, column 3: a subtraction can overflow",
		"-amount > 10":                         "line 1, column 1: a negation can overflow",
		"metadata.tier == 'gold'":              "line 1, column 9: metadata may not have tier",
		"metadata['tier'] == 'gold'":           "line 1, column 9: metadata may not have tier",
		"has(metadata.tier) || metadata.tier == 'x'":                "metadata may not have tier",
		"!has(metadata.tier) && metadata.tier == 'x'":               "metadata may not have tier",
		"has(metadata.tier) && metadata.shop == 'x'":                "metadata may not have shop",
		"(has(metadata.a) || has(metadata.b)) && metadata.a == 'x'": "metadata may not have a",
		"metadata[brand] == 'x'":                                    "what is looked up may be missing",
		"brand in metadata && metadata[brand] == 'x'":               "what is looked up may be missing",
		"['a', 'b'][0] == brand":                                    "what is looked up may be missing",
		"{'a': true}['a']":                                          "what is looked up may be missing",
		"int(bin) > 4":                                              "int can fail",
		"timestamp('x') == timestamp('y')":                          "timestamp can fail",
		"dyn(brand) == 1":                                           "dyn can fail",
		"brand.matches(country)":                                    "a pattern must stand in quotes",
		"brand.matches('(')":                                        "invalid",
		"['a'].map(x, x) == ['b']":                                  "undeclared reference to 'map'",
		"bin in [1, 'a']":                                           "line 1, column",
		"metadata.all(a, metadata.all(b, metadata.all(c, a == b)))": "nesting",
		"metadata.all(a, metadata.all(b, a.contains(b)))":           "costs up to",
		"true || ": "line 1, column",
		"":         "line 1, column 1:",
	} {
		_, err := compileCondition(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestALoopEndsWithTheDeadline(t *testing.T) {
	c, err := compileCondition("metadata.all(a, ['b', 'c', 'd'].all(b, a != b || true))")
	if err != nil {
		t.Fatal(err)
	}
	req := germanDebit()
	req.Metadata = map[string]string{}
	for i := range mostKeys {
		req.Metadata[strings.Repeat("k", i+1)] = ""
	}
	f := &facts{req: &req, zone: time.UTC}
	if got, err := c.holds(t.Context(), f); !got || err != nil {
		t.Errorf("with time left: %t, %v", got, err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := c.holds(over, f); got || err == nil {
		t.Errorf("without time left: %t, %v", got, err)
	}
}

func TestALoopOverMoreThanWasEstimatedEndsAtItsCost(t *testing.T) {
	c, err := compileCondition("metadata.all(a, ['b', 'c', 'd'].all(b, a != b || true))")
	if err != nil {
		t.Fatal(err)
	}
	req := germanDebit()
	req.Metadata = map[string]string{}
	for i := range 40 * mostKeys {
		req.Metadata[strings.Repeat("k", i+1)] = ""
	}
	if got, err := c.holds(t.Context(), &facts{req: &req, zone: time.UTC}); got || err == nil || !strings.Contains(err.Error(), "cost") {
		t.Errorf("%t, %v", got, err)
	}
}

// What the check lets through does not fail, whatever the payment has.
func FuzzCondition(f *testing.F) {
	for _, text := range []string{
		"has(metadata.tier) && metadata.tier == 'gold'", "'a' in metadata ? metadata['a'] == 'b' : brand.matches('^v')", "!(has(metadata.a) && !has(metadata.b)) || metadata.a < metadata.b",
		"metadata.exists(k, k.startsWith('t') && size(k) > 3)", "[brand, country].all(x, x != '' || amount >= 0)", "brand + country == 'visaDE' && hour in [1, 2, 3]",
	} {
		f.Add(text)
	}
	known := germanDebit()
	f.Fuzz(func(t *testing.T, text string) {
		c, err := compileCondition(text)
		if err != nil {
			return
		}
		for _, req := range []Request{known, {Amount: known.Amount, At: sunday}} {
			if _, err := c.holds(t.Context(), &facts{req: &req, zone: time.UTC}); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}
