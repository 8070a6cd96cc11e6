package merchant

import "strings"

// The modes. Test and live are two tenants of one account: no query can mix them up, because each has its own merchant_id.
const (
	testMode = ":test"
	liveMode = ":live"
)

// Tenant is the merchant_id of an account in one mode, such as acct_dev:test.
func Tenant(account string, live bool) string {
	if live {
		return account + liveMode
	}
	return account + testMode
}

// Split takes a tenant apart. It is only for what Tenant made: the rest of a text without a mode is a test account.
func Split(tenant string) (account string, live bool) {
	if account, live = strings.CutSuffix(tenant, liveMode); live {
		return account, true
	}
	return strings.TrimSuffix(tenant, testMode), false
}

// IsTenant tells whether a text is the merchant_id of an account in one mode.
func IsTenant(s string) bool {
	account, live := Split(s)
	return validID(account) && s == Tenant(account, live)
}
