package merchant

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

func TestATenantIsAnAccountInOneMode(t *testing.T) {
	for _, live := range []bool{false, true} {
		if tenant := id.Tenant("acct_dev", live); !IsTenant(tenant) {
			t.Errorf("%s is no tenant", tenant)
		}
	}
	for _, not := range []string{"", "acct_dev", "acct_dev:", "acct_dev:prod", "dev:test", "acct_:live", "acct_dev:test:live", "acct_Dev:test"} {
		if IsTenant(not) {
			t.Errorf("%q passes for a tenant", not)
		}
	}
}

func TestEveryWrongSettingIsNamed(t *testing.T) {
	good := Merchant{ID: "acct_dev", Name: "Café Zürich", Version: DefaultVersion, FeeBasisPoints: 10_000}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Merchant)
		params []string
	}{
		"no prefix":        {func(m *Merchant) { m.ID = "dev" }, []string{"id"}},
		"upper case":       {func(m *Merchant) { m.ID = "acct_Dev" }, []string{"id"}},
		"a mode inside":    {func(m *Merchant) { m.ID = "acct_dev:live" }, []string{"id"}},
		"a long id":        {func(m *Merchant) { m.ID = "acct_" + strings.Repeat("a", 27) }, []string{"id"}},
		"no name":          {func(m *Merchant) { m.Name = "" }, []string{"name"}},
		"a blank name":     {func(m *Merchant) { m.Name = " " }, []string{"name"}},
		"a long name":      {func(m *Merchant) { m.Name = strings.Repeat("ü", 101) }, []string{"name"}},
		"a NUL":            {func(m *Merchant) { m.Name = "a\x00b" }, []string{"name"}},
		"a line break":     {func(m *Merchant) { m.Name = "a\nb" }, []string{"name"}},
		"not UTF-8":        {func(m *Merchant) { m.Name = "a\xff" }, []string{"name"}},
		"no such day":      {func(m *Merchant) { m.Version = "2026-02-30" }, []string{"version"}},
		"a negative fee":   {func(m *Merchant) { m.FeeBasisPoints = -1 }, []string{"fee_basis_points"}},
		"an origin's path": {func(m *Merchant) { m.Origins = []string{"https://shop.example", "https://shop.example/x"} }, []string{"origins[1]"}},
		"a plain origin":   {func(m *Merchant) { m.Origins = []string{"http://shop.example"} }, []string{"origins[0]"}},
		"an odd origin":    {func(m *Merchant) { m.Origins = []string{"https://Shop.example:443"} }, []string{"origins[0]"}},
		"an origin twice":  {func(m *Merchant) { m.Origins = []string{"https://a.example", "https://a.example"} }, []string{"origins[1]"}},
		"a policy inside":  {func(m *Merchant) { m.Origins = []string{"https://a.example; script-src *"} }, []string{"origins[0]"}},
		"many origins":     {func(m *Merchant) { m.Origins = manyOrigins(51) }, []string{"origins"}},
		"a color's name":   {func(m *Merchant) { m.Color = "red" }, []string{"color"}},
		"a color's style":  {func(m *Merchant) { m.Color = "#fff;}*{" }, []string{"color"}},
		"more than all":    {func(m *Merchant) { m.FeeBasisPoints = 10_001 }, []string{"fee_basis_points"}},
		"everything wrong": {func(m *Merchant) { *m = Merchant{FeeBasisPoints: -1} }, []string{"id", "name", "version", "fee_basis_points"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := good
			c.change(&m)
			var wrong *fault.Error
			if !errors.As(m.Check(), &wrong) || wrong.Kind != fault.Invalid {
				t.Fatalf("got %v", m.Check())
			}
			var params []string
			for _, f := range wrong.Fields {
				params = append(params, f.Param)
			}
			if !slices.Equal(params, c.params) {
				t.Errorf("named %v, want %v", params, c.params)
			}
		})
	}
}

func TestAPayoutWaitsAboveItsThresholdAndWhereItsCurrencyHasNone(t *testing.T) {
	some := map[string]int64{"EUR": 500, "USD": 0}
	in := func(minor int64, code string) money.Money {
		c, err := money.ParseCurrency(code)
		if err != nil {
			t.Fatal(err)
		}
		return money.Of(minor, c)
	}
	for name, c := range map[string]struct {
		approval map[string]int64
		amount   money.Money
		waits    bool
	}{
		"no thresholds":           {nil, in(999_999_999_999, "EUR"), false},
		"none left":               {map[string]int64{}, in(1, "EUR"), false},
		"at the threshold":        {some, in(500, "EUR"), false},
		"above it":                {some, in(501, "EUR"), true},
		"above nothing":           {some, in(1, "USD"), true},
		"a currency without one":  {some, in(1, "JPY"), true},
		"one of three decimals":   {some, in(1, "KWD"), true},
		"the only one is another": {map[string]int64{"JPY": 100}, in(100, "EUR"), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Merchant{PayoutApproval: c.approval}).PayoutWaits(c.amount); got != c.waits {
				t.Errorf("waits: %t", got)
			}
		})
	}
}

func TestASuspensionKeepsItsTime(t *testing.T) {
	first := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	m := Merchant{}.Suspend(first).Suspend(first.Add(time.Hour))
	if !m.Suspended() || m.SuspendedAt != first {
		t.Errorf("suspended at %v", m.SuspendedAt)
	}
	if m.Resume().Suspended() {
		t.Error("resumed and still suspended")
	}
}

func manyOrigins(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("https://shop%d.example", i)
	}
	return all
}

func TestAnOriginIsReadAsBrowsersWriteIt(t *testing.T) {
	for text, want := range map[string]string{
		"https://shop.example": "https://shop.example", "HTTPS://Shop.Example/": "https://shop.example", "https://shop.example:443": "https://shop.example",
		"https://shop.example:8443": "https://shop.example:8443", "http://localhost:3000": "http://localhost:3000", "http://127.0.0.1": "http://127.0.0.1",
		"http://[::1]:3000": "http://[::1]:3000", "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
	} {
		if got, err := ParseOrigin(text); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "shop.example", "//shop.example", "http://shop.example", "https://", "https://shop.example/pay", "https://shop.example?", "https://shop.example#",
		"https://me@shop.example", "https://shop.example:", "https://*.shop.example", "https://shop.example;x", "https://büro.example", "javascript:alert(1)",
		"https:shop.example", "ftp://shop.example", "null", "https://shop.example evil.example", "http://127.0.0.1.evil.example",
	} {
		if got, err := ParseOrigin(text); err == nil {
			t.Errorf("%q is taken for the origin %s", text, got)
		}
	}
}

func TestTheOriginOfAnAddress(t *testing.T) {
	for address, want := range map[string]string{
		"https://shop.example/thanks?a=b#c": "https://shop.example", "http://shop.example:80/": "http://shop.example", "http://[::1]:99/x": "http://[::1]:99",
	} {
		if got, err := OriginOf(address); err != nil || got != want {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
	for _, address := range []string{
		"", "/thanks", "//shop.example", "javascript:alert(1)", "JaVaScript:alert(1)", " javascript:alert(1)", "data:text/html,x", "https://shop.example@evil.example/",
		"https:shop.example", "https://shop.example\\@evil.example/", "blob:https://shop.example/x", "file:///etc/passwd", "https://sh op.example/",
	} {
		if got, err := OriginOf(address); err == nil {
			t.Errorf("%q has the origin %s", address, got)
		}
	}
}

func TestWhoMayActForAMerchant(t *testing.T) {
	m := Merchant{Origins: []string{"https://shop.example"}}
	for _, c := range []struct {
		origin     string
		test, live bool
	}{
		{"https://shop.example", true, true},
		{"https://shop.example:444", false, false},
		{"http://shop.example", false, false},
		{"https://evil.example", false, false},
		{"https://shop.example.evil.example", false, false},
		{"http://localhost:3000", true, false},
		{"http://127.0.0.1:8081", true, false},
		{"http://[::1]:3000", true, false},
		{"https://localhost:3000", false, false},
		{"http://localhost.evil.example", false, false},
		{"http://127.0.0.1@evil.example", false, false},
		{"HTTP://LOCALHOST", false, false},
		{"null", false, false},
		{"", false, false},
	} {
		if m.AllowsOrigin(c.origin, false) != c.test || m.AllowsOrigin(c.origin, true) != c.live {
			t.Errorf("%q: test %t, live %t", c.origin, m.AllowsOrigin(c.origin, false), m.AllowsOrigin(c.origin, true))
		}
	}
	if !(Merchant{Origins: []string{"http://localhost:3000"}}).AllowsOrigin("http://localhost:3000", true) {
		t.Error("a registered origin on this machine is refused in live mode")
	}
}

func TestWhereAPayerMayBeSentInTheEnd(t *testing.T) {
	m := Merchant{Origins: []string{"https://shop.example"}}
	for address, ok := range map[string]bool{
		"https://shop.example/thanks?order=1": true, "https://shop.example": true, "https://shop.example:443/x": true, "http://localhost:3000/thanks": true,
		"https://evil.example/": false, "http://shop.example/": false, "javascript:alert(1)": false, "/thanks": false, "": false,
		"https://shop.example.evil.example/": false, "https://shop.example@evil.example/": false,
	} {
		err := m.CheckReturn(address, false)
		var wrong *fault.Error
		if ok != (err == nil) || !ok && (!errors.As(err, &wrong) || wrong.Kind != fault.Invalid || wrong.Param != "return_url") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if m.CheckReturn("http://localhost:3000/", true) == nil {
		t.Error("a live payer is sent to this machine")
	}
}

func TestWhoMayFrame(t *testing.T) {
	m := Merchant{Origins: []string{"https://shop.example"}}
	if got := strings.Join(m.FrameAncestors(true), " "); got != "https://shop.example" {
		t.Errorf("live: %s", got)
	}
	if got := strings.Join(m.FrameAncestors(false), " "); got != "https://shop.example http://localhost:* http://127.0.0.1:*" {
		t.Errorf("test: %s", got)
	}
	if len(m.Origins) != 1 {
		t.Error("the merchant's own list grew")
	}
}
