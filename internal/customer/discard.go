package customer

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

const (
	discardSweep = "discarded cards"
	discardLease = 30 * time.Second
	discardEvery = 10 * time.Second
	discardLimit = 8
	// busyFor is when a card that a try under way may still charge is looked at again.
	busyFor = time.Minute
)

// Sweeps is the work that falls due: cards that nobody keeps any more are destroyed in the vault.
func (s *Service) Sweeps() []db.Sweep {
	return []db.Sweep{{
		Name: discardSweep, Table: discardTable, Lease: discardLease, Every: discardEvery, Limit: discardLimit,
		Handle: func(ctx context.Context, key []string) error { return s.forget(ctx, key[0], key[1]) },
	}}
}

// forget destroys a discarded card, or waits until no try needs it.
func (s *Service) forget(ctx context.Context, tenant, token string) error {
	d, err := s.Store.discard(ctx, tenant, token)
	if err != nil {
		return fmt.Errorf("discarded card of %s: %w", tenant, err)
	}
	busy, err := s.Tokens.TokenBusy(ctx, tenant, token)
	if err != nil {
		return fmt.Errorf("discarded card of %s: %w", tenant, err)
	}
	d.dueAt = time.Time{}
	if busy {
		d.dueAt = s.Clock.Now().Add(busyFor)
	} else if err := s.Cards.Forget(ctx, tenant, token); err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("destroy a discarded card of %s: %w", tenant, err)
	}
	return s.DB.Commit(ctx, db.NewChange(tenant, d.row()))
}
