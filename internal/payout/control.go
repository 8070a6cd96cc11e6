package payout

import (
	"context"

	"github.com/florinpay/florin/internal/control"
)

// Control knows what people have switched off. See control.Control.
type Control interface {
	// Blocked fails with fault.Unavailable and the reason if a switch stops what is asked.
	Blocked(ctx context.Context, tenant string, a control.Ask) error
}

// permits is nil unless people have switched payouts off. It fails with fault.Unavailable and their reason.
func (s *Service) permits(ctx context.Context, tenant, account string) error {
	if s.Control == nil {
		return nil
	}
	return s.Control.Blocked(ctx, tenant, control.Ask{Operation: control.Payout, Account: account})
}
