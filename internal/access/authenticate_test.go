package access_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/merchant"
)

func TestTheHeaderInItsForms(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		_, text := n.create(access.Spec{Tenant: shopTest, Kind: access.Secret})
		basic := func(user, password string) string {
			r := request("", outside)
			r.SetBasicAuth(user, password)
			return r.Header.Get("Authorization")
		}
		for name, c := range map[string]struct{ header, code string }{
			"bearer":                   {"Bearer " + text, ""},
			"any case":                 {"bEARER " + text, ""},
			"more spaces":              {"Bearer   " + text, ""},
			"basic":                    {basic(text, ""), ""},
			"basic with a password":    {basic(text, "x"), ""},
			"nothing":                  {"", access.CodeKeyMissing},
			"another scheme":           {"Digest " + text, access.CodeKeyMissing},
			"no scheme":                {text, access.CodeKeyMissing},
			"no key":                   {"Bearer", access.CodeKeyInvalid},
			"basic, not base64":        {"Basic !!!", access.CodeKeyInvalid},
			"basic without colon":      {"Basic YWJj", access.CodeKeyInvalid},
			"basic, key as password":   {basic("", text), access.CodeKeyInvalid},
			"a key that nobody has":    {"Bearer sk_test_" + strings.Repeat("0", 32), access.CodeKeyInvalid},
			"the key of another mode":  {"Bearer " + strings.Replace(text, "test", "live", 1), access.CodeKeyInvalid},
			"the key as another kind":  {"Bearer " + strings.Replace(text, "sk", "rk", 1), access.CodeKeyInvalid},
			"upper case":               {"Bearer " + strings.ToUpper(text), access.CodeKeyInvalid},
			"a very long one":          {"Bearer " + strings.Repeat("a", 100_000), access.CodeKeyInvalid},
			"a very long basic":        {"Basic " + strings.Repeat("YWJj", 10_000), access.CodeKeyInvalid},
			"a development key nobody": {"Bearer sk_test_dev", access.CodeKeyInvalid},
		} {
			t.Run(name, func(t *testing.T) {
				p, err := n.keys.Authenticate(t.Context(), request(c.header, outside))
				if c.code == "" {
					if err != nil || p.Tenant != shopTest {
						t.Errorf("got %+v, %v", p, err)
					}
					return
				}
				refusedWith(t, p, err, fault.Unauthorized, c.code)
			})
		}
		p, err := n.keys.Authenticate(t.Context(), request("Bearer "+text, outside, "Authorization", "Bearer "+text))
		refusedWith(t, p, err, fault.Unauthorized, access.CodeKeyInvalid)
	})
}

func TestDevelopmentKeysWorkOnThisMachineOnly(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		for range 2 { // every start of florin dev asks for them
			if err := n.keys.EnsureDev(t.Context(), shop, admin); err != nil {
				t.Fatal(err)
			}
		}
		for name, c := range map[string]struct {
			remote string
			header []string
			works  bool
		}{
			"IPv4":                      {"127.0.0.1:4711", nil, true},
			"IPv6":                      {"[::1]:4711", nil, true},
			"IPv4 in IPv6":              {"[::ffff:127.0.0.1]:4711", nil, true},
			"by name":                   {"127.0.0.1:4711", []string{"Host", "localhost:8080"}, true},
			"by name, without a port":   {"127.0.0.1:4711", []string{"Host", "LocalHost"}, true},
			"by the address in IPv6":    {"[::1]:4711", []string{"Host", "[::1]:8080"}, true},
			"by a name that was turned": {"127.0.0.1:4711", []string{"Host", "shop.example:8080"}, false},
			"by a name like ours":       {"127.0.0.1:4711", []string{"Host", "localhost.example"}, false},
			"another machine":           {outside, nil, false},
			"one that lies":             {outside, []string{"X-Forwarded-For", "127.0.0.1"}, false},
			"behind a local proxy":      {"127.0.0.1:4711", []string{"X-Forwarded-For", "192.0.2.7"}, false},
			"the same, standard":        {"127.0.0.1:4711", []string{"Forwarded", "for=192.0.2.7"}, false},
			"the same, another header":  {"127.0.0.1:4711", []string{"X-Real-Ip", "192.0.2.7"}, false},
			"the same, by its own name": {"127.0.0.1:4711", []string{"Via", "1.1 proxy"}, false},
			"no address":                {"", nil, false},
			"an address without port":   {"127.0.0.1", nil, false},
		} {
			for _, text := range []string{access.DevSecret, access.DevPublishable} {
				t.Run(name+" "+text, func(t *testing.T) {
					p, err := n.keys.Authenticate(t.Context(), request("Bearer "+text, c.remote, c.header...))
					if c.works {
						if err != nil || p.Tenant != shopTest {
							t.Errorf("got %+v, %v", p, err)
						}
						return
					}
					refusedWith(t, p, err, fault.Unauthorized, access.CodeKeyInvalid)
				})
			}
		}
		audited(t, n.db, shopTest, "api_key.created", "api_key.created")
		if err := n.keys.EnsureDev(t.Context(), "acct_none", admin); !fault.Is(err, fault.NotFound) {
			t.Errorf("for nobody: %v", err)
		}
	})
}

func TestAFixedKeyOfTwoMerchantsOpensNothing(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		if _, err := n.merchants.Create(t.Context(), merchant.Merchant{ID: "acct_two", Name: "Two"}, admin); err != nil {
			t.Fatal(err)
		}
		for _, account := range []string{shop, "acct_two"} {
			if err := n.keys.EnsureDev(t.Context(), account, admin); err != nil {
				t.Fatal(err)
			}
		}
		p, err := n.keys.Authenticate(t.Context(), request("Bearer "+access.DevSecret, "127.0.0.1:1"))
		refusedWith(t, p, err, fault.Unauthorized, access.CodeKeyInvalid)
	})
}

func TestNetworksAndProxies(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		behind := newNode(t, n.db, n.clock, netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"))
		networks, _ := access.ParseNetworks([]string{"192.0.2.0/24", "2001:db8::/32"})
		_, text := n.create(access.Spec{Tenant: shopTest, Kind: access.Secret, Networks: networks})
		for name, c := range map[string]struct {
			node      *node
			remote    string
			forwarded []string
			works     bool
		}{
			"inside":                        {n, "192.0.2.255:1", nil, true},
			"inside, IPv6":                  {n, "[2001:db8::9]:1", nil, true},
			"inside, IPv4 in IPv6":          {n, "[::ffff:192.0.2.1]:1", nil, true},
			"outside":                       {n, "192.0.3.1:1", nil, false},
			"outside, lying":                {n, "192.0.3.1:1", []string{"192.0.2.1"}, false},
			"unreadable":                    {n, "@", nil, false},
			"by a proxy that is trusted":    {behind, "10.0.0.1:1", []string{"192.0.2.1"}, true},
			"by two proxies":                {behind, "[fd00::1]:1", []string{"192.0.2.1, 10.1.1.1"}, true},
			"two header lines":              {behind, "10.0.0.1:1", []string{"192.0.2.1", "10.1.1.1"}, true},
			"what the caller wrote himself": {behind, "10.0.0.1:1", []string{"192.0.2.1, 198.51.100.1"}, false},
			"nonsense from the proxy":       {behind, "10.0.0.1:1", []string{"192.0.2.1, unknown"}, false},
			"the proxy itself":              {behind, "10.0.0.1:1", nil, false},
			"by one that is not trusted":    {behind, "198.51.100.1:1", []string{"192.0.2.1"}, false},
			"with nobody between":           {behind, "192.0.2.1:1", nil, true},
		} {
			t.Run(name, func(t *testing.T) {
				r := request("Bearer "+text, c.remote)
				for _, line := range c.forwarded {
					r.Header.Add("X-Forwarded-For", line)
				}
				p, err := c.node.keys.Authenticate(t.Context(), r)
				if c.works {
					if err != nil || p.Tenant != shopTest {
						t.Errorf("got %+v, %v", p, err)
					}
					return
				}
				refusedWith(t, p, err, fault.Forbidden, access.CodeAddress)
			})
		}
	})
}

func TestASuspendedMerchantCanOnlyLook(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		_, text := n.create(access.Spec{Tenant: shopLive, Kind: access.Secret})
		suspend := func(m merchant.Merchant) (merchant.Merchant, error) { return m.Suspend(n.clock.Now()), nil }
		if _, err := n.merchants.Update(t.Context(), shop, admin, suspend); err != nil {
			t.Fatal(err)
		}
		p, err := n.ask(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Require(access.PaymentsRead); err != nil {
			t.Errorf("reading: %v", err)
		}
		if err := p.Require(access.PaymentsWrite); !fault.Is(err, fault.Forbidden) || err.(*fault.Error).Code != access.CodeSuspended {
			t.Errorf("writing: %v", err)
		}
	})
}
