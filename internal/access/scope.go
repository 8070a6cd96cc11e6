// Package access decides who may call Florin, and what for: API keys, their kinds and their scopes.
package access

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/florinpay/florin/internal/fault"
)

// Scope is one permission, as the contract writes it. The set is closed: see scopes.
type Scope string

// The scopes. A scope to write something includes the scope to read it.
const (
	PaymentsRead   Scope = "payments:read"
	PaymentsWrite  Scope = "payments:write"
	RefundsRead    Scope = "refunds:read"
	RefundsWrite   Scope = "refunds:write"
	CustomersRead  Scope = "customers:read" // customers and the payment methods they keep
	CustomersWrite Scope = "customers:write"
	OrdersRead     Scope = "orders:read" // orders and invoices
	OrdersWrite    Scope = "orders:write"
	PayoutsRead    Scope = "payouts:read" // payouts and destinations
	PayoutsWrite   Scope = "payouts:write"
	DisputesRead   Scope = "disputes:read"
	DisputesWrite  Scope = "disputes:write"
	EventsRead     Scope = "events:read"
	WebhooksRead   Scope = "webhooks:read" // webhook endpoints and deliveries
	WebhooksWrite  Scope = "webhooks:write"
	LedgerRead     Scope = "ledger:read" // balance and ledger; nobody writes to it by hand
	ReconRead      Scope = "recon:read"
	ReconWrite     Scope = "recon:write"
	RiskRead       Scope = "risk:read"
	RiskWrite      Scope = "risk:write"
	RoutingRead    Scope = "routing:read" // policies, provider accounts, kill switches
	RoutingWrite   Scope = "routing:write"
	OpsRead        Scope = "ops:read" // audit log, API keys, the go-live list
	OpsWrite       Scope = "ops:write"
	VaultWrite     Scope = "vault:write" // sending card numbers with a secret key: for PCI-certified callers
)

// scopes is the closed set. A scope's place is its bit: append only.
var scopes = []Scope{
	PaymentsRead, PaymentsWrite, RefundsRead, RefundsWrite, CustomersRead, CustomersWrite, OrdersRead, OrdersWrite,
	PayoutsRead, PayoutsWrite, DisputesRead, DisputesWrite, EventsRead, WebhooksRead, WebhooksWrite, LedgerRead,
	ReconRead, ReconWrite, RiskRead, RiskWrite, RoutingRead, RoutingWrite, OpsRead, OpsWrite, VaultWrite,
}

// bitsOf is what each scope gives: its own bit, and that of the scope to read what it writes.
var bitsOf = func() map[Scope]Scopes {
	own := make(map[Scope]Scopes, len(scopes))
	for i, s := range scopes {
		own[s] = 1 << i
	}
	given := make(map[Scope]Scopes, len(scopes))
	for _, s := range scopes {
		given[s] = own[s]
		if noun, writes := strings.CutSuffix(string(s), ":write"); writes {
			given[s] |= own[Scope(noun+":read")]
		}
	}
	return given
}()

// writing is every scope that changes something.
var writing = func() (all Scopes) {
	for i, s := range scopes {
		if strings.HasSuffix(string(s), ":write") {
			all |= 1 << i
		}
	}
	return all
}()

// secretScopes is what a secret key has unless it was made with more: everything but vault:write. A merchant's ordinary
// key must not be able to bring card numbers into the merchant's own systems' scope by mistake.
var secretScopes = Scopes(1<<len(scopes)-1) &^ bitsOf[VaultWrite]

// Scopes is a set of scopes. The zero value is empty.
type Scopes uint64

// AllScopes lists the closed set in its order.
func AllScopes() []Scope { return append([]Scope(nil), scopes...) }

// Set makes a set, with the read scopes that the write scopes include. It fails with fault.Invalid, naming every scope
// that is not of the closed set.
func Set(list ...Scope) (Scopes, error) {
	var set Scopes
	var wrong fault.Collect
	for i, s := range list {
		b, ok := bitsOf[s]
		if !ok {
			wrong.Add(fmt.Sprintf("scopes[%d]", i), "scope_unknown", "there is no such scope")
		}
		set |= b
	}
	if err := wrong.Err(); err != nil {
		return 0, err
	}
	return set, nil
}

// ParseScopes reads scopes that are separated by spaces, as String writes them.
func ParseScopes(text string) (Scopes, error) {
	words := strings.Fields(text)
	list := make([]Scope, len(words))
	for i, w := range words {
		list[i] = Scope(w)
	}
	return Set(list...)
}

// Has tells whether a scope is in the set. An unknown scope never is.
func (s Scopes) Has(scope Scope) bool {
	b, ok := bitsOf[scope]
	return ok && s&b == b
}

// Within tells whether every scope of the set is also in the other.
func (s Scopes) Within(other Scopes) bool { return s&^other == 0 }

// List names the scopes of the set in the order of the closed set.
func (s Scopes) List() []Scope {
	list := make([]Scope, 0, bits.OnesCount64(uint64(s)))
	for i, scope := range scopes {
		if s&(1<<i) != 0 {
			list = append(list, scope)
		}
	}
	return list
}

// String is the scopes separated by spaces.
func (s Scopes) String() string {
	words := make([]string, 0, bits.OnesCount64(uint64(s)))
	for _, scope := range s.List() {
		words = append(words, string(scope))
	}
	return strings.Join(words, " ")
}
