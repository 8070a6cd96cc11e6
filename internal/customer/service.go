package customer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Service makes, changes and erases customers.
type Service struct {
	DB    *db.DB
	Store *Store
	Clock clock.Clock
	IDs   *id.Source

	Cards  Cards
	Tokens Tokens
	Events Events

	Evidence Evidence // may be nil where there are no disputes
}

// Evidence adds to the Change that erases a customer that what was said about them in disputes is destroyed. See dispute.Service.
type Evidence interface {
	EraseEvidence(c *db.Change, customer string)
}

// With adds the caller's rows, such as an audit record and the idempotency record with the answer, to the Change that makes or
// changes a customer.
type With func(c *db.Change, o Object) error

// tries is how often a change is decided anew because the rows it was decided from changed meanwhile.
const tries = 16

// Create makes a customer.
func (s *Service) Create(ctx context.Context, tenant string, p Person, with With) (Object, error) {
	p.Address = p.Address.orNil()
	made := Customer{Merchant: tenant, ID: s.IDs.New(id.Customer), Person: p, CreatedAt: s.Clock.Now()}
	return s.commit(ctx, made, db.NewChange(tenant), with)
}

// Get is a customer, also one that was erased; fault.NotFound if there is none.
func (s *Service) Get(ctx context.Context, tenant, customer string) (Object, error) {
	c, err := s.Store.Customer(ctx, tenant, customer)
	return c.Object(), err
}

// List is a page of a tenant's customers, newest first.
func (s *Service) List(ctx context.Context, tenant string, p db.Page, f Filter) ([]Object, bool, error) {
	found, more, err := s.Store.customers(ctx, tenant, p, f)
	objects := make([]Object, len(found))
	for i, c := range found {
		objects[i] = c.Object()
	}
	return objects, more, err
}

// Update changes a customer. It fails with fault.NotFound, with fault.Conflict if they were erased, and with fault.Invalid for a
// default method that is not attached to them.
func (s *Service) Update(ctx context.Context, tenant, customer string, to Change, with With) (Object, error) {
	return s.change(ctx, tenant, customer, with, func(c Customer, _ *db.Change) (Customer, error) {
		if to.DefaultMethod != nil && *to.DefaultMethod != "" {
			if err := s.chargeable(ctx, c, *to.DefaultMethod); err != nil {
				return c, err
			}
		}
		return c.change(to)
	})
}

// chargeable is nil if a method is attached to a customer.
func (s *Service) chargeable(ctx context.Context, c Customer, method string) error {
	m, err := s.Store.Method(ctx, c.Merchant, method)
	if fault.Is(err, fault.NotFound) || err == nil && (m.Customer != c.ID || !m.Attached()) {
		return fault.Wrong("default_payment_method", fault.CodeInvalid, "must be a payment method that is attached to the customer")
	}
	return err
}

// change reads a customer, has it changed, and writes it, again and again while others change it.
func (s *Service) change(ctx context.Context, tenant, customer string, with With, decide func(Customer, *db.Change) (Customer, error)) (Object, error) {
	for try := 1; ; try++ {
		was, err := s.Store.Customer(ctx, tenant, customer)
		if err != nil {
			return Object{}, err
		}
		change := db.NewChange(tenant)
		is, err := decide(was, change)
		if err != nil {
			return Object{}, err
		}
		o, err := s.commit(ctx, is, change, with)
		if err == nil || !s.overtaken(err) || try == tries {
			return o, err
		}
	}
}

// overtaken tells whether a Change lost because what it was decided from has changed, and not, say, because an idempotency key was
// taken.
func (s *Service) overtaken(err error) bool {
	var lost *db.Conflict
	if !errors.As(err, &lost) {
		return false
	}
	return slices.ContainsFunc(Schema.Tables, func(t *db.Table) bool { return t.Name == lost.Table }) || s.Tokens.ClaimLost(err)
}

func (s *Service) commit(ctx context.Context, c Customer, change *db.Change, with With) (Object, error) {
	row, err := s.Store.customerRow(c)
	if err != nil {
		return Object{}, err
	}
	change.Add(row)
	o := c.Object()
	if err := with(change, o); err != nil {
		return Object{}, err
	}
	if err := s.DB.Commit(ctx, change); err != nil {
		return Object{}, fmt.Errorf("write %s: %w", c.ID, err)
	}
	s.landed(change)
	return o, nil
}
