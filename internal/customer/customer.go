// Package customer keeps payers: who they are, and what they left to be charged again. What tells who somebody is lies sealed, and
// is gone for good when the payer is erased; the id stays, because the books name it.
package customer

import (
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// Customer is a payer of one tenant.
type Customer struct {
	Merchant string // the tenant
	ID       string // cus_…
	Person          // the zero value once it is erased
	// DefaultMethod is the saved payment method that is charged if none is named; empty: none.
	DefaultMethod string
	ErasedAt      time.Time // zero: it is not
	CreatedAt     time.Time
	Version       int64
}

// Person is what tells who a customer is. It is stored sealed.
type Person struct {
	Name      string            `json:"name,omitempty"`
	Email     string            `json:"email,omitempty"`
	Phone     string            `json:"phone,omitempty"` // E.164: +4930123456
	Address   *Address          `json:"address,omitempty"`
	Reference string            `json:"reference,omitempty"` // the merchant's own name for them
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// Address is where somebody lives.
type Address struct {
	Line1      string `json:"line1,omitempty" example:"Chausseestraße 1"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty" example:"Berlin"`
	State      string `json:"state,omitempty"`
	PostalCode string `json:"postal_code,omitempty" example:"10115"`
	Country    string `json:"country,omitempty" doc:"ISO 3166-1, two capital letters." example:"DE"`
}

// Change is what of a customer becomes different. Nil: it stays; empty: it goes.
type Change struct {
	Name, Email, Phone, Reference *string
	Address                       *Address
	Metadata                      map[string]string
	DefaultMethod                 *string // a saved method of this customer
}

// CodeErased is the code of the refusal to change or to charge somebody who was erased.
const CodeErased = "customer_erased"

var errErased = fault.New(fault.Conflict, CodeErased, "the customer was erased")

// Erased tells whether the personal data is gone.
func (c Customer) Erased() bool { return !c.ErasedAt.IsZero() }

// change decides what a customer becomes. It fails with fault.Conflict if they were erased.
func (c Customer) change(to Change) (Customer, error) {
	if c.Erased() {
		return c, errErased
	}
	for _, one := range []struct {
		from *string
		to   *string
	}{{to.Name, &c.Name}, {to.Email, &c.Email}, {to.Phone, &c.Phone}, {to.Reference, &c.Reference}, {to.DefaultMethod, &c.DefaultMethod}} {
		if one.from != nil {
			*one.to = *one.from
		}
	}
	if to.Address != nil {
		c.Address = to.Address.orNil()
	}
	if to.Metadata != nil {
		c.Metadata = to.Metadata
	}
	return c, nil
}

// orNil is nil for an address without anything in it.
func (a *Address) orNil() *Address {
	if a == nil || *a == (Address{}) {
		return nil
	}
	return a
}

// erase decides what is left of a customer: the id, and when they came and went. Who is erased stays so since when they were.
func (c Customer) erase(now time.Time) Customer {
	if c.Erased() {
		return c
	}
	return Customer{Merchant: c.Merchant, ID: c.ID, ErasedAt: now, CreatedAt: c.CreatedAt, Version: c.Version}
}

// findable is an e-mail address as it is searched for: the case of its letters does not count.
func findable(email string) string { return strings.ToLower(email) }
