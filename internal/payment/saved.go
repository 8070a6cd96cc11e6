package payment

import (
	"context"
	"errors"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

// What customers save: see customer.Tokens and customer.Events for what is promised.

// ClaimToken adds to a Change that a token that was made for one use serves a saved method, and no payment beside. It fails with
// fault.Conflict if it serves something else.
func (s *Service) ClaimToken(ctx context.Context, c *db.Change, token, _, method string) error {
	serves, err := s.store.tokenPayment(ctx, c.Merchant(), token)
	switch {
	case fault.Is(err, fault.NotFound):
		c.Add(tokenRow(c.Merchant(), token, method, s.Clock.Now()))
		return nil
	case err == nil && serves != method:
		used := *errTokenUsed
		used.Param = "token"
		return &used
	}
	return err
}

// ClaimLost tells whether a Change lost because somebody else claimed its token first.
func (s *Service) ClaimLost(err error) bool {
	var lost *db.Conflict
	return errors.As(err, &lost) && lost.Table == tokenTable.Name
}

// TokenBusy tells whether a try that is under way may still charge the card of a token.
func (s *Service) TokenBusy(ctx context.Context, tenant, token string) (bool, error) {
	return s.store.tokenBusy(ctx, tenant, token)
}

var methodEvents = map[customer.Did]event.Type{
	customer.Attached: event.MethodAttached, customer.Updated: event.MethodUpdated, customer.Detached: event.MethodDetached,
}

// Tell adds an event about a saved method to a Change. Each Change of a method writes its row, so the row's version orders them.
func (s *Service) Tell(ctx context.Context, c *db.Change, did customer.Did, m customer.Method) error {
	return s.Outbox.Emit(ctx, c, event.Fact{
		Type: methodEvents[did], Subject: m.ID, Thread: m.ID, Sequence: m.Version + 1, Object: m.Told(),
	}, s.Clock.Now())
}

// Committed tells those who listen that a Change has landed.
func (s *Service) Committed(c *db.Change) { s.Outbox.Committed(c) }
