package id

import "testing"

func TestTenantsComeApartAgain(t *testing.T) {
	for tenant, want := range map[string]struct {
		account  string
		live, ok bool
	}{
		Tenant("acct_shop", true):  {"acct_shop", true, true},
		Tenant("acct_shop", false): {"acct_shop", false, true},
		"acct:live:test":           {"acct:live", false, true}, // the mode is the last word
		"acct_shop":                {"acct_shop", false, false},
		":live":                    {"", true, false},
		":test":                    {"", false, false},
		"acct_shop:Live":           {"acct_shop:Live", false, false},
		"":                         {"", false, false},
	} {
		account, live, ok := SplitTenant(tenant)
		if ok != want.ok || ok && (account != want.account || live != want.live) {
			t.Errorf("%q is %q, live %t, %t", tenant, account, live, ok)
		}
		if ok && Live(tenant) != live {
			t.Errorf("%q: Live says %t", tenant, Live(tenant))
		}
	}
}
