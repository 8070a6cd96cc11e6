package customer

import (
	"time"

	"github.com/florinpay/florin/internal/id"
)

// Object is a customer as the contract shows it.
type Object struct {
	ID                   string            `json:"id" example:"cus_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object               string            `json:"object" enum:"customer"`
	Livemode             bool              `json:"livemode"`
	Name                 *string           `json:"name"`
	Email                *string           `json:"email"`
	Phone                *string           `json:"phone"`
	Address              *Address          `json:"address"`
	Reference            *string           `json:"reference" doc:"Your own name for them."`
	DefaultPaymentMethod *string           `json:"default_payment_method" doc:"What is charged if a payment names no method."`
	ErasedAt             *time.Time        `json:"erased_at" doc:"When the personal data went for good. Null if it did not."`
	Metadata             map[string]string `json:"metadata"`
	CreatedAt            time.Time         `json:"created_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o Object) ObjectID() string { return o.ID }

// Object shows the customer.
func (c Customer) Object() Object {
	o := Object{
		ID: c.ID, Object: "customer", Livemode: id.Live(c.Merchant), Name: known(c.Name), Email: known(c.Email), Phone: known(c.Phone), Address: c.Address,
		Reference: known(c.Reference), DefaultPaymentMethod: known(c.DefaultMethod), Metadata: c.Metadata, CreatedAt: c.CreatedAt,
	}
	if c.Metadata == nil {
		o.Metadata = map[string]string{}
	}
	if c.Erased() {
		o.ErasedAt = &c.ErasedAt
	}
	return o
}

// known is nil for nothing.
func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
