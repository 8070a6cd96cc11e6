package customer

import (
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/db"
)

// erasePortion is how many methods that were detached long ago are erased in one Change.
const erasePortion = 200

// Erase takes away for good what tells who a customer is, and what they saved. The ids stay. Who was erased already stays so since
// when they were.
func (s *Service) Erase(ctx context.Context, tenant, customer string, with With) (Object, error) {
	if err := s.eraseHistory(ctx, tenant, customer); err != nil {
		return Object{}, err
	}
	return s.change(ctx, tenant, customer, with, func(c Customer, change *db.Change) (Customer, error) {
		if c.Erased() {
			return c, nil
		}
		if s.Evidence != nil {
			s.Evidence.EraseEvidence(change, c.ID)
		}
		return c.erase(s.Clock.Now()), s.eraseMethods(ctx, change, c)
	})
}

// eraseMethods adds to a Change that a customer's methods are detached and erased. Both need the customer's row, which the Change
// writes as well: no method can be attached meanwhile.
func (s *Service) eraseMethods(ctx context.Context, change *db.Change, c Customer) error {
	has, err := s.Store.attached(ctx, c.Merchant, c.ID)
	if err != nil {
		return fmt.Errorf("methods of %s: %w", c.ID, err)
	}
	now := s.Clock.Now()
	for _, m := range has {
		gone := m.erase(now)
		row, err := s.Store.MethodRow(gone)
		if err != nil {
			return err
		}
		change.Add(row, discard{merchant: c.Merchant, token: m.Token, dueAt: now, createdAt: now}.row())
		if err := s.Events.Tell(ctx, change, Detached, gone); err != nil {
			return err
		}
	}
	// One that was detached since the history was erased.
	late, err := s.Store.remembered(ctx, c.Merchant, c.ID, erasePortion)
	if err != nil {
		return fmt.Errorf("methods of %s: %w", c.ID, err)
	}
	for _, m := range late {
		row, err := s.Store.MethodRow(m.erase(now))
		if err != nil {
			return err
		}
		change.Add(row)
	}
	return nil
}

// eraseHistory erases what was detached, all but the last portion: years of it do not fit into one Change.
func (s *Service) eraseHistory(ctx context.Context, tenant, customer string) error {
	for {
		old, err := s.Store.remembered(ctx, tenant, customer, erasePortion)
		if err != nil {
			return fmt.Errorf("methods of %s: %w", customer, err)
		}
		if len(old) < erasePortion {
			return nil
		}
		c := db.NewChange(tenant)
		for _, m := range old {
			row, err := s.Store.MethodRow(m.erase(s.Clock.Now()))
			if err != nil {
				return err
			}
			c.Add(row)
		}
		if err := s.DB.Commit(ctx, c); err != nil && !s.overtaken(err) {
			return fmt.Errorf("erase methods of %s: %w", customer, err)
		}
	}
}
