package customer

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

// Attaching is a card that a customer leaves by paying with it.
type Attaching struct {
	Merchant         string // the tenant
	Customer         string
	ID               string // pm_…, if it becomes a method of its own
	Token            string
	Card             Card
	Consent          *Consent // nil: the merchant keeps none with us
	Payment          string   // pay_…, which succeeds in the same Change
	NetworkReference string   // of that payment
	At               time.Time
}

// AttachedMethod is a method that was left by paying, with the rows that make it so.
type AttachedMethod struct {
	Method Method
	Did    Did // empty: nothing could be saved
	Rows   []db.Row
}

// Attach decides what comes of a card that is left by paying, as Service.Keep does of a token. That it cannot be saved, because the
// customer was erased meanwhile, has MaxMethods, or the token is kept by somebody else, is no error: the payment is good all the same.
func (s *Store) Attach(ctx context.Context, a Attaching) (AttachedMethod, error) {
	owner, err := s.Customer(ctx, a.Merchant, a.Customer)
	if fault.Is(err, fault.NotFound) || err == nil && owner.Erased() {
		return AttachedMethod{}, nil
	}
	if err != nil {
		return AttachedMethod{}, err
	}
	done := AttachedMethod{Did: Updated}
	m, err := s.keeper(ctx, a.Merchant, a.Customer, a.Token, a.Card.Fingerprint)
	switch {
	case fault.Is(err, fault.NotFound):
		has, err := s.attached(ctx, a.Merchant, a.Customer)
		if err != nil || len(has) >= MaxMethods {
			return AttachedMethod{}, err
		}
		done.Did, m = Attached, Method{Merchant: a.Merchant, ID: a.ID, Customer: a.Customer, CreatedAt: a.At}
	case err != nil || m.Customer != a.Customer:
		return AttachedMethod{}, err
	}
	if m.Token != a.Token && m.Token != "" {
		done.Rows = append(done.Rows, discard{merchant: a.Merchant, token: m.Token, dueAt: a.At, createdAt: a.At}.row())
	}
	m = m.keep(a.Token, a.Card, a.Consent, nil)
	if a.NetworkReference != "" {
		m = m.First(a.Payment, a.NetworkReference)
	}
	if owner.DefaultMethod == "" {
		owner.DefaultMethod = m.ID
	}
	row, err := s.MethodRow(m)
	if err != nil {
		return AttachedMethod{}, err
	}
	written, err := s.customerRow(owner)
	done.Method, done.Rows = m, append(done.Rows, row, written)
	return done, err
}

// AttachLost tells whether a Change lost because the same card, or its token, was saved meanwhile.
func AttachLost(lost *db.Conflict) bool {
	return lost.Table == methodTable.Name || lost.Table == customerTable.Name || lost.Table == discardTable.Name
}
