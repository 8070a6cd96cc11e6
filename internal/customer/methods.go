package customer

import (
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Cards is the vault, as far as saved methods need it. Both fail with fault.NotFound for a token that the tenant does not have.
type Cards interface {
	// Describe tells what may be known of a card, and whether its token was made by a browser, for one use.
	Describe(ctx context.Context, tenant, token string) (c Card, singleUse bool, err error)
	// Forget destroys a card.
	Forget(ctx context.Context, tenant, token string) error
}

// Tokens is what payments know of tokens.
type Tokens interface {
	// ClaimToken adds to a Change that a token that was made for one use serves a saved method of a customer, and no payment
	// beside. It fails with fault.Conflict if it serves somebody else.
	ClaimToken(ctx context.Context, c *db.Change, token, customer, method string) error
	// ClaimLost tells whether a Change lost because somebody else claimed its token first.
	ClaimLost(err error) bool
	// TokenBusy tells whether a try that is under way may still charge the card of a token.
	TokenBusy(ctx context.Context, tenant, token string) (bool, error)
}

// Did is what happened to a saved method.
type Did string

// What may happen to one.
const (
	Attached Did = "attached"
	Updated  Did = "updated"
	Detached Did = "detached"
)

// Events adds an event about a method to the Change that makes it true, and hears when that has landed.
type Events interface {
	Tell(ctx context.Context, c *db.Change, did Did, m Method) error
	Committed(c *db.Change)
}

// WithMethod adds the caller's rows to the Change that makes or changes a saved method.
type WithMethod func(c *db.Change, o MethodObject) error

// Keep is a token that a customer leaves to be charged again.
type Keep struct {
	Token    string
	Customer string
	Consent  *Consent          // nil: not to be charged while they are not there
	Metadata map[string]string // nil: none, or what was there
}

// Keep saves a token for a customer. A token that a browser made for one use is used up by it. A card that the customer has saved
// already is not saved twice: its method gets the new token and what comes with it, and the old token's card is destroyed. The first
// method of a customer becomes their default.
//
// It fails with fault.NotFound for a customer or a token that is not this tenant's, and with fault.Conflict if the customer was
// erased or has MaxMethods, or if the token serves somebody else.
func (s *Service) Keep(ctx context.Context, tenant string, in Keep, with WithMethod) (MethodObject, error) {
	return s.deciding(ctx, func() (MethodObject, *db.Change, error) { return s.keep(ctx, tenant, in, with) })
}

func (s *Service) keep(ctx context.Context, tenant string, in Keep, with WithMethod) (MethodObject, *db.Change, error) {
	owner, err := s.owner(ctx, tenant, in.Customer)
	if err != nil {
		return MethodObject{}, nil, err
	}
	card, singleUse, err := s.Cards.Describe(ctx, tenant, in.Token)
	if fault.Is(err, fault.NotFound) {
		err = &fault.Error{Kind: fault.NotFound, Code: fault.CodeNotFound, Param: "token", Detail: "no such payment method token"}
	}
	if err != nil {
		return MethodObject{}, nil, err
	}
	now, did := s.Clock.Now(), Updated
	m, err := s.Store.keeper(ctx, tenant, in.Customer, in.Token, card.Fingerprint)
	switch {
	case fault.Is(err, fault.NotFound):
		did = Attached
		m = Method{Merchant: tenant, ID: s.IDs.New(id.PaymentMethod), Customer: in.Customer, CreatedAt: now}
		if err := s.room(ctx, owner); err != nil {
			return MethodObject{}, nil, err
		}
	case err != nil:
		return MethodObject{}, nil, err
	case m.Customer != in.Customer:
		return MethodObject{}, nil, errTokenKept
	}
	c := db.NewChange(tenant)
	if m.Token != in.Token {
		if m.Token != "" {
			c.Add(discard{merchant: tenant, token: m.Token, dueAt: now, createdAt: now}.row())
		}
		if singleUse {
			if err := s.Tokens.ClaimToken(ctx, c, in.Token, in.Customer, m.ID); err != nil {
				return MethodObject{}, nil, err
			}
		}
	}
	if owner.DefaultMethod == "" {
		owner.DefaultMethod = m.ID
	}
	return s.write(ctx, c, &owner, m.keep(in.Token, card, in.Consent, in.Metadata), did, with)
}

// owner is a customer who can have methods.
func (s *Service) owner(ctx context.Context, tenant, customer string) (Customer, error) {
	c, err := s.Store.Customer(ctx, tenant, customer)
	switch {
	case fault.Is(err, fault.NotFound):
		return c, &fault.Error{Kind: fault.NotFound, Code: fault.CodeNotFound, Param: "customer", Detail: "no such customer"}
	case err == nil && c.Erased():
		return c, errErased
	}
	return c, err
}

// room is nil if a customer may have one more method.
func (s *Service) room(ctx context.Context, owner Customer) error {
	has, err := s.Store.attached(ctx, owner.Merchant, owner.ID)
	if err == nil && len(has) >= MaxMethods {
		return errTooMany
	}
	return err
}

// write makes the Change of a method, and of its customer unless that is nil. Whoever attaches or detaches writes the customer too:
// so no method is attached behind an erasure, and no default left that is none.
func (s *Service) write(ctx context.Context, c *db.Change, owner *Customer, m Method, did Did, with WithMethod) (MethodObject, *db.Change, error) {
	row, err := s.Store.MethodRow(m)
	if err != nil {
		return MethodObject{}, nil, err
	}
	c.Add(row)
	if owner != nil {
		if row, err = s.Store.customerRow(*owner); err != nil {
			return MethodObject{}, nil, err
		}
		c.Add(row)
	}
	if err := s.Events.Tell(ctx, c, did, m); err != nil {
		return MethodObject{}, nil, err
	}
	return m.Object(), c, with(c, m.Object())
}

// deciding decides and commits, again and again while others change what it was decided from.
func (s *Service) deciding(ctx context.Context, decide func() (MethodObject, *db.Change, error)) (MethodObject, error) {
	for try := 1; ; try++ {
		o, c, err := decide()
		if err != nil {
			return MethodObject{}, err
		}
		err = s.DB.Commit(ctx, c)
		if err == nil {
			s.landed(c)
			return o, nil
		}
		if !s.overtaken(err) || try == tries {
			return MethodObject{}, fmt.Errorf("write %s: %w", o.ID, err)
		}
	}
}

// landed is what follows a Change.
func (s *Service) landed(c *db.Change) {
	s.Events.Committed(c)
	if c.Touches(discardTable) {
		s.DB.Wake(discardSweep)
	}
}

// GetMethod is a saved method, also one that was detached; fault.NotFound if there is none.
func (s *Service) GetMethod(ctx context.Context, tenant, method string) (MethodObject, error) {
	m, err := s.Store.Method(ctx, tenant, method)
	return m.Object(), err
}

// Methods is a page of what a customer has attached, newest first. It fails with fault.NotFound if there is no such customer.
func (s *Service) Methods(ctx context.Context, tenant, customer string, p db.Page) ([]MethodObject, bool, error) {
	if _, err := s.Store.Customer(ctx, tenant, customer); err != nil {
		return nil, false, err
	}
	found, more, err := s.Store.methods(ctx, tenant, customer, p)
	objects := make([]MethodObject, len(found))
	for i, m := range found {
		objects[i] = m.Object()
	}
	return objects, more, err
}

// UpdateMethod changes what was said about a method: nil stays. A consent takes the place of the one before, also of one that was
// withdrawn. It fails with fault.NotFound, and with fault.Conflict if the method was detached.
func (s *Service) UpdateMethod(ctx context.Context, tenant, method string, consent *Consent, metadata map[string]string, with WithMethod) (MethodObject, error) {
	return s.changeMethod(ctx, tenant, method, with, func(m Method) (Method, error) { return m.change(consent, metadata) })
}

// Withdraw ends the consent to charge a method while its customer is not there. It fails with fault.NotFound, and with
// fault.Conflict if there is none or the method was detached.
func (s *Service) Withdraw(ctx context.Context, tenant, method string, with WithMethod) (MethodObject, error) {
	return s.changeMethod(ctx, tenant, method, with, func(m Method) (Method, error) { return m.withdraw(s.Clock.Now()) })
}

func (s *Service) changeMethod(ctx context.Context, tenant, method string, with WithMethod, decide func(Method) (Method, error)) (MethodObject, error) {
	return s.deciding(ctx, func() (MethodObject, *db.Change, error) {
		m, err := s.Store.Method(ctx, tenant, method)
		if err == nil {
			m, err = decide(m)
		}
		if err != nil {
			return MethodObject{}, nil, err
		}
		return s.write(ctx, db.NewChange(tenant), nil, m, Updated, with)
	})
}

// Detach has a method charged no more, and destroys its card. What was detached stays so since when it was.
func (s *Service) Detach(ctx context.Context, tenant, method string, with WithMethod) (MethodObject, error) {
	return s.deciding(ctx, func() (MethodObject, *db.Change, error) {
		m, err := s.Store.Method(ctx, tenant, method)
		if err != nil {
			return MethodObject{}, nil, err
		}
		c, now := db.NewChange(tenant), s.Clock.Now()
		if !m.Attached() {
			return m.Object(), c, with(c, m.Object())
		}
		owner, err := s.Store.Customer(ctx, tenant, m.Customer)
		if err != nil {
			return MethodObject{}, nil, err
		}
		if owner.DefaultMethod == m.ID {
			owner.DefaultMethod = ""
		}
		c.Add(discard{merchant: tenant, token: m.Token, dueAt: now, createdAt: now}.row())
		return s.write(ctx, c, &owner, m.detach(now), Detached, with)
	})
}
