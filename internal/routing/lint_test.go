package routing

import (
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/country"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

func TestWhatCanNeverWorkIsRefusedWithItsPlace(t *testing.T) {
	rows := func(rows string) string {
		return `{"name": "p", "rules": [], "fee_tables": [{"name": "t", "rows": [` + rows + `]}]}`
	}
	when := func(condition string) string {
		return `{"name": "p", "rules": [{"id": "r", "when": "` + condition + `", "then": {"strategy": "priority"}}]}`
	}
	fees := func(account string) string {
		return `{"name": "p", "rules": [], "fee_tables": [{"name": "t", "rows": [{"basis_points": "1"}]}], "fees": [` + account + `]}`
	}
	for _, c := range []struct{ text, param, detail string }{
		{rows(`{"brand": "vsia", "basis_points": "1"}`), "fee_tables[0].rows[0].brand", "there is no brand vsia: there are visa, mastercard"},
		{rows(`{"funding": "deibt", "basis_points": "1"}`), "fee_tables[0].rows[0].funding", "there is no funding deibt: there are credit, debit"},
		{rows(`{"method": "crd", "basis_points": "1"}`), "fee_tables[0].rows[0].method", "there is no method crd: there are card"},
		{rows(`{"countries": ["DE", "XX"], "basis_points": "1"}`), "fee_tables[0].rows[0].countries[1]", "there is no country XX"},
		{rows(`{"countries": [], "basis_points": "1"}`), "fee_tables[0].rows[0].countries", "at least one"},
		{rows(`{}`), "fee_tables[0].rows[0]", "must have basis_points or fixed"},
		{rows(`{"brand": "visa", "fixed": []}`), "fee_tables[0].rows[0]", "must have basis_points or fixed"},
		{rows(`{"basis_points": "1"}, {"brand": "visa", "basis_points": "2"}`), "fee_tables[0].rows[1]", "is never reached: rows[0] fits"},
		{rows(`{"countries": ["DE", "FR"], "basis_points": "1"}, {"brand": "visa", "countries": ["FR"], "basis_points": "2"}`), "fee_tables[0].rows[1]", "is never reached"},
		{rows(`{"fixed": [{"currency": "EUR", "amount": 1}]}, {"brand": "visa", "fixed": [{"currency": "EUR", "amount": 2}]}`), "fee_tables[0].rows[1]", "is never reached"},
		{fees(`{"account": "alpha", "home": "XX", "tables": ["t"]}`), "fees[0].home", "there is no country XX"},
		{fees(`{"account": "alpha", "home": "DE", "tables": ["t", "t"]}`), "fees[0].tables[1]", "t stands twice"},
		{`{"name": "p", "rules": [{"id": "default", "when": "true", "then": {"strategy": "priority"}}]}`, "rules[0].id", "give the rule another id"},
		{when("brand == 'vsia'"), "rules[0].when", "line 1, column 10: there is no brand 'vsia': there are visa, mastercard"},
		{when("amount > 5 && 'XX' != country"), "rules[0].when", "line 1, column 15: there is no country 'XX' in ISO 3166-1"},
		{when("country in ['DE', 'de', 'XY']"), "rules[0].when", "line 1, column 19: there is no country 'de' in ISO 3166-1; line 1, column 25: there is no country 'XY'"},
		{when("!(funding == 'deibt') || method == 'crd'"), "rules[0].when", "line 1, column 14: there is no funding 'deibt': there are credit, debit, prepaid, unknown; line 1, column 36: there is no method 'crd'"},
		{when("currency == 'EURO'"), "rules[0].when", "line 1, column 13: there is no currency 'EURO' in ISO 4217"},
		{when("['a'].exists(x, brand == 'vsia' || x == 'a')"), "rules[0].when", "there is no brand 'vsia'"},
	} {
		d, err := Read([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Compile(d, threeAccounts)
		var wrong *fault.Error
		if !errors.As(err, &wrong) || wrong.Kind != fault.Invalid ||
			!slices.ContainsFunc(wrong.Fields, func(f fault.Field) bool { return f.Param == c.param && strings.Contains(f.Detail, c.detail) }) {
			t.Errorf("%s\nis refused by %v, want %s: %s", c.text, err, c.param, c.detail)
		}
		if _, err := compile(d, nil); err != nil {
			t.Errorf("%s\nis no longer read: %v", c.text, err)
		}
	}
}

func TestAConditionIsHeldAgainstWhatAPaymentCanBe(t *testing.T) {
	for _, condition := range []string{
		"brand == '' || brand == 'unknown' || funding in ['debit', 'prepaid']", "country in ['XK', 'DE'] && currency != 'JPY' && method == 'sepa_qr'",
		"bin == 'XX' && customer == 'vsia'", "brand.startsWith('vi') || 'visa' + 'x' == brand", "['vsia'].exists(brand, brand == 'vsia')",
		"has(metadata.country) && metadata.country == 'XX'", "country == currency",
	} {
		d := Document{Name: "p", Rules: []Rule{{ID: "r", When: condition, Then: &Action{Strategy: "priority"}}}}
		if _, err := Compile(d, threeAccounts); err != nil {
			t.Errorf("%s: %v", condition, err)
		}
	}
}

func TestARowThatSomePaymentsComeToIsKept(t *testing.T) {
	for _, rows := range []string{
		`{"brand": "visa", "basis_points": "1"}, {"basis_points": "0"}`,
		`{"brand": "visa", "basis_points": "1"}, {"brand": "amex", "basis_points": "2"}, {"brand": "unknown", "basis_points": "2"}`,
		`{"region": "domestic", "basis_points": "1"}, {"countries": ["DE"], "basis_points": "2"}`,
		`{"countries": ["DE"], "basis_points": "1"}, {"countries": ["DE", "XK"], "basis_points": "2"}, {"basis_points": "3"}`,
		`{"fixed": [{"currency": "EUR", "amount": 0}]}, {"fixed": [{"currency": "EUR", "amount": 1}, {"currency": "USD", "amount": 1}]}, {"basis_points": "3"}`,
	} {
		compiled(t, `{"name": "p", "rules": [], "fee_tables": [{"name": "t", "rows": [`+rows+`]}]}`)
	}
}

func TestTheWordsOfFeeRowsAreThoseOfPayments(t *testing.T) {
	for _, m := range []provider.Method{provider.MethodCard, provider.MethodBankRedirect, provider.MethodPIX, provider.MethodIDEAL, provider.MethodPayID, provider.MethodFPX, provider.MethodUPI, provider.MethodSEPAQR, provider.MethodWallet} {
		if !slices.Contains(methods, string(m)) {
			t.Errorf("there is no %s", m)
		}
	}
	if len(methods) != 9 {
		t.Errorf("%d methods", len(methods))
	}
	text, err := os.ReadFile("../vault/brand.go")
	if err != nil {
		t.Fatal(err)
	}
	for kind, c := range map[string]struct {
		written *regexp.Regexp
		words   []string
	}{
		"brand":   {regexp.MustCompile(`brand\{"([a-z]+)"`), brands},
		"funding": {regexp.MustCompile(`\{"[A-Z]{2}", "([a-z]+)"\}|unknownFunding = "(unknown)"`), fundings},
	} {
		found := map[string]bool{}
		for _, m := range c.written.FindAllStringSubmatch(string(text), -1) {
			found[strings.Join(m[1:], "")] = true
		}
		if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, slices.Sorted(slices.Values(c.words))) {
			t.Errorf("the vault has the %ss %v, here are %v", kind, got, c.words)
		}
	}
	for code := range eea {
		if !country.Known(code) {
			t.Errorf("there is no %s", code)
		}
	}
}
