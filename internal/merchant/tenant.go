package merchant

import "github.com/florinpay/florin/internal/id"

// IsTenant tells whether a text is the merchant_id of an account in one mode.
func IsTenant(s string) bool {
	account, _, ok := id.SplitTenant(s)
	return ok && validID(account)
}
