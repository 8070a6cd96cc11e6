package access

import "github.com/florinpay/florin/internal/fault"

// Codes of refusals. Unknown, revoked and misplaced keys share one, so that a caller cannot tell them apart.
const (
	CodeKeyMissing    = "api_key_missing"
	CodeKeyInvalid    = "api_key_invalid"
	CodeKeyExpired    = "api_key_expired"
	CodeKeyKind       = "api_key_kind_not_allowed"
	CodeScope         = "scope_missing"
	CodeAddress       = "address_not_allowed"
	CodeSuspended     = "account_suspended"
	CodeScopeTooLarge = "scope_not_grantable"
)

// Principal is who calls: a merchant in one mode, by one key.
type Principal struct {
	Tenant    string // merchant_id of every row the caller may see, such as acct_dev:test
	Account   string // acct_…
	Live      bool
	KeyID     string // key_…
	Kind      Kind
	Scopes    Scopes
	Suspended bool // the account may only look
}

// Require is nil if the caller may do what the scope says, else fault.Forbidden: the key is publishable or lacks the
// scope, or the account is suspended and the scope writes.
func (p Principal) Require(scope Scope) error {
	b, known := bitsOf[scope]
	if p.Kind == Publishable {
		return fault.New(fault.Forbidden, CodeKeyKind, "a publishable key works in the public and vault zones only")
	}
	if !known || p.Scopes&b != b {
		return fault.New(fault.Forbidden, CodeScope, "the key lacks the scope "+string(scope))
	}
	if p.Suspended && b&writing != 0 {
		return suspended()
	}
	return nil
}

// RequireTokenize is nil if the caller may send a card to the vault: by a publishable key, or by a key with the scope
// vault:write. Else it is fault.Forbidden.
func (p Principal) RequireTokenize() error {
	if p.Kind != Publishable {
		return p.Require(VaultWrite)
	}
	if p.Suspended {
		return suspended()
	}
	return nil
}

// RequireGrant is nil if the caller may make a key with these scopes: it needs ops:write, and cannot give what it does
// not have. Else it is fault.Forbidden.
func (p Principal) RequireGrant(scopes Scopes) error {
	if err := p.Require(OpsWrite); err != nil {
		return err
	}
	if !scopes.Within(p.Scopes) {
		return fault.New(fault.Forbidden, CodeScopeTooLarge, "a key cannot give scopes that it does not have")
	}
	return nil
}

func suspended() error {
	return fault.New(fault.Forbidden, CodeSuspended, "the account is suspended: it can read, not write")
}

// RequireClient is nil if the caller is a page of the merchant's, that is, has a publishable key: other keys do not belong
// into a browser. writes asks whether it may change something as well. Else it is fault.Forbidden.
func (p Principal) RequireClient(writes bool) error {
	if p.Kind != Publishable {
		return fault.New(fault.Forbidden, CodeKeyKind, "only publishable keys work here: a secret key must never be in a page")
	}
	if p.Suspended && writes {
		return suspended()
	}
	return nil
}
