package access

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/merchant"
)

const (
	maxName     = 100
	maxNetworks = 50
	// maxOverlap bounds how long a rolled key lives on beside its successor.
	maxOverlap = 30 * 24 * time.Hour
)

// Key is an API key without its text, which is shown once, when it is made, and never stored.
type Key struct {
	Tenant    string
	ID        string // key_…
	Kind      Kind
	Name      string
	Hint      string // its prefix and its last four characters
	Scopes    Scopes
	Loopback  bool           // works from this machine only
	Networks  []netip.Prefix // from where it works; empty: from everywhere
	ExpiresAt time.Time      // zero: never
	RevokedAt time.Time      // zero: not
	RolledTo  string         // the id of its successor; empty: none
	CreatedAt time.Time

	hash hash
	read int64 // the row's version
}

// Spec asks for a key.
type Spec struct {
	Tenant    string
	Kind      Kind
	Name      string
	Scopes    Scopes         // Restricted: at least one. Secret: what it has besides its own, which can only be vault:write. Publishable: none
	Networks  []netip.Prefix // at most 50; empty: everywhere
	ExpiresAt time.Time      // zero: never
}

// check is nil if a key can be made like this at the time, else one fault.Invalid that names every wrong field.
func (s Spec) check(now time.Time) error {
	var wrong fault.Collect
	if !merchant.IsTenant(s.Tenant) {
		wrong.Add("tenant", fault.CodeInvalid, "a tenant is an account and a mode, such as acct_dev:test")
	}
	if !validName(s.Name) {
		wrong.Add("name", fault.CodeInvalid, "a name has up to 100 printable characters")
	}
	if detail := kindFault(s.Kind, s.Scopes); detail != "" {
		wrong.Add("scopes", fault.CodeInvalid, detail)
	}
	if _, ok := kindPrefixes[s.Kind]; !ok {
		wrong.Add("kind", fault.CodeInvalid, "a key is secret, restricted or publishable")
	}
	if len(s.Networks) > maxNetworks {
		wrong.Add("networks", fault.CodeInvalid, "a key has at most 50 networks")
	}
	for i, n := range s.Networks {
		if !n.IsValid() || n != n.Masked() {
			wrong.Add(fmt.Sprintf("networks[%d]", i), fault.CodeInvalid, "a network is a CIDR without bits behind its length, such as 192.0.2.0/24")
		}
	}
	if !s.ExpiresAt.IsZero() && !s.ExpiresAt.After(now) {
		wrong.Add("expires_at", fault.CodeInvalid, "the key would have expired already")
	}
	return wrong.Err()
}

func kindFault(k Kind, s Scopes) string {
	switch {
	case k == Restricted && s == 0:
		return "a restricted key needs a scope"
	case k == Publishable && s != 0:
		return "a publishable key has no scopes"
	case k == Secret && !s.Within(secretScopes|bitsOf[VaultWrite]):
		return "there is no such scope"
	case k == Restricted && !s.Within(secretScopes|bitsOf[VaultWrite]):
		return "there is no such scope"
	}
	return ""
}

// scopesOf is what a key of a kind has when it is made with some.
func scopesOf(k Kind, with Scopes) Scopes {
	if k == Secret {
		return secretScopes | with
	}
	return with
}

func validName(s string) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxName {
		return false
	}
	return strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
}

// ParseNetworks reads CIDRs and single addresses. It fails with fault.Invalid, naming every wrong one.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	var wrong fault.Collect
	networks := make([]netip.Prefix, 0, len(list))
	for i, text := range list {
		network, err := netip.ParsePrefix(text)
		if addr, single := netip.ParseAddr(text); single == nil {
			network, err = addr.Prefix(addr.BitLen())
		}
		if err != nil || network.Addr().Is4In6() {
			wrong.Add(fmt.Sprintf("networks[%d]", i), fault.CodeInvalid, "a network is a CIDR or an address, such as 192.0.2.0/24")
			continue
		}
		networks = append(networks, network.Masked())
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return networks, nil
}

// refusal is why a key does not open anything at the time, or nil. A revoked key looks like one that never was.
func (k Key) refusal(now time.Time) error {
	switch {
	case !k.RevokedAt.IsZero():
		return errInvalid
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return errExpired
	}
	return nil
}

// Live tells whether the key works at the time.
func (k Key) Live(now time.Time) bool { return k.refusal(now) == nil }

// revoked is the key as it is once it stopped working. A key that is revoked already stays revoked since when it was.
func (k Key) revoked(now time.Time) Key {
	if k.RevokedAt.IsZero() {
		k.RevokedAt = now
	}
	return k
}

// rolled is the key once it has a successor: it works for the overlap still, never longer than it would have.
// It fails with fault.Conflict if the key does not work any more or was rolled already.
func (k Key) rolled(successor string, overlap time.Duration, now time.Time) (Key, error) {
	switch {
	case overlap < 0 || overlap > maxOverlap:
		return Key{}, fault.Wrong("overlap", fault.CodeInvalid, "an overlap is at most 30 days")
	case k.refusal(now) != nil:
		return Key{}, fault.State("the key does not work any more")
	case k.RolledTo != "":
		return Key{}, fault.State("the key was rolled already")
	}
	k.RolledTo = successor
	if overlap == 0 {
		return k.revoked(now), nil
	}
	if end := now.Add(overlap); k.ExpiresAt.IsZero() || end.Before(k.ExpiresAt) {
		k.ExpiresAt = end
	}
	return k, nil
}
