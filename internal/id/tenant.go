package id

import "strings"

const (
	liveMode = ":live"
	testMode = ":test"
)

// Tenant names an account in one mode: what merchant_id means in every table. Test and live are two tenants, so that no
// query can forget a mode.
func Tenant(account string, live bool) string {
	if live {
		return account + liveMode
	}
	return account + testMode
}

// SplitTenant takes a tenant apart into its account and its mode. It is false for what is not a tenant.
func SplitTenant(tenant string) (account string, live, ok bool) {
	if account, ok = strings.CutSuffix(tenant, liveMode); ok {
		return account, true, account != ""
	}
	account, ok = strings.CutSuffix(tenant, testMode)
	return account, false, ok && account != ""
}

// Live tells whether a tenant is an account's live mode.
func Live(tenant string) bool { return strings.HasSuffix(tenant, liveMode) }
