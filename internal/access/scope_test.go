package access

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
)

func TestTheScopesOfTheContractExist(t *testing.T) {
	contract := "payments:read payments:write refunds:write payouts:write vault:write ledger:read risk:write routing:write ops:write"
	if _, err := ParseScopes(contract); err != nil {
		t.Error(err)
	}
}

func TestUnknownScopesAreAllNamed(t *testing.T) {
	_, err := Set(PaymentsRead, "payments:delete", "Payments:read", "")
	var named []string
	for _, f := range asFault(t, err).Fields {
		named = append(named, f.Param)
	}
	if want := []string{"scopes[1]", "scopes[2]", "scopes[3]"}; !slices.Equal(named, want) {
		t.Errorf("named %v, want %v", named, want)
	}
}

func TestASecretKeyHasAllButTheVault(t *testing.T) {
	for _, s := range AllScopes() {
		p := Principal{Kind: Secret, Scopes: scopesOf(Secret, 0)}
		if err := p.Require(s); (err == nil) != (s != VaultWrite) {
			t.Errorf("%s: %v", s, err)
		}
		p.Scopes = scopesOf(Secret, bitsOf[VaultWrite])
		if err := p.Require(s); err != nil {
			t.Errorf("made with vault:write: %s: %v", s, err)
		}
	}
}

// anyScopes draws a set from the closed set.
func anyScopes(t *rapid.T, label string) []Scope {
	return rapid.SliceOfDistinct(rapid.SampledFrom(AllScopes()), func(s Scope) Scope { return s }).Draw(t, label)
}

func TestScopeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, more := anyScopes(t, "list"), anyScopes(t, "more")
		set, err := Set(list...)
		if err != nil {
			t.Fatal(err)
		}
		larger, err := Set(append(slices.Clone(list), more...)...)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseScopes(set.String()); again != set || err != nil {
			t.Fatalf("%q is read back as %q, %v", set, again, err)
		}
		if again, err := Set(set.List()...); again != set || err != nil {
			t.Fatalf("%v is made again as %v, %v", set, again, err)
		}
		if !set.Within(larger) {
			t.Fatal("more scopes took something away")
		}
		for _, s := range AllScopes() {
			read, reads := strings.CutSuffix(string(s), ":read")
			given := slices.Contains(list, s) || reads && slices.Contains(list, Scope(read+":write"))
			if set.Has(s) != given {
				t.Fatalf("%v has %s: %t", list, s, set.Has(s))
			}
			for _, kind := range []Kind{Secret, Restricted, Publishable} {
				p := Principal{Kind: kind, Scopes: set}
				if allowed := p.Require(s) == nil; allowed != (given && kind != Publishable) {
					t.Fatalf("%s key with %v may %s: %t", kind, list, s, allowed)
				}
				p.Suspended = true
				if allowed := p.Require(s) == nil; allowed != (given && kind != Publishable && !strings.HasSuffix(string(s), ":write")) {
					t.Fatalf("suspended %s key with %v may %s: %t", kind, list, s, allowed)
				}
			}
			grants := Principal{Kind: Restricted, Scopes: set}.RequireGrant(bitsOf[s]) == nil
			if grants != (set.Has(OpsWrite) && set.Has(s)) {
				t.Fatalf("%v may give %s: %t", list, s, grants)
			}
		}
		if set.Has("payments:delete") || set.Has("") {
			t.Fatal("an unknown scope is in the set")
		}
	})
}

func TestWhoMayTokenize(t *testing.T) {
	for name, c := range map[string]struct {
		p   Principal
		may bool
	}{
		"publishable":                {Principal{Kind: Publishable}, true},
		"secret":                     {Principal{Kind: Secret, Scopes: scopesOf(Secret, 0)}, false},
		"secret with the scope":      {Principal{Kind: Secret, Scopes: scopesOf(Secret, bitsOf[VaultWrite])}, true},
		"restricted with the scope":  {Principal{Kind: Restricted, Scopes: bitsOf[VaultWrite]}, true},
		"restricted without":         {Principal{Kind: Restricted, Scopes: bitsOf[PaymentsWrite]}, false},
		"publishable, but suspended": {Principal{Kind: Publishable, Suspended: true}, false},
		"nobody":                     {Principal{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.p.RequireTokenize()
			if (err == nil) != c.may || err != nil && !fault.Is(err, fault.Forbidden) {
				t.Errorf("got %v", err)
			}
		})
	}
}
