package payout

import (
	"context"
	"errors"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// Control knows what people have switched off. See control.Control.
type Control interface {
	// Blocked fails with fault.Unavailable and the reason if a switch stops what is asked.
	Blocked(ctx context.Context, tenant string, a control.Ask) error
	// Persons is how many people must agree to what is asked, beside the one who asks.
	Persons(ctx context.Context, tenant string, a control.Ask, amount money.Money) (int, error)
}

// permits is nil unless people have switched payouts off. It fails with fault.Unavailable and their reason.
func (s *Service) permits(ctx context.Context, tenant, account string) error {
	if s.Control == nil {
		return nil
	}
	return s.Control.Blocked(ctx, tenant, control.Ask{Operation: control.Payout, Account: account})
}

// silenced is the outcome of a question about a payout that people have switched off; nil if they have not. It is worth a try when the switch
// says so.
func (s *Service) silenced(ctx context.Context, p Payout) *provider.Outcome {
	if s.Control == nil {
		return nil
	}
	err := s.Control.Blocked(ctx, p.Merchant, control.Ask{Operation: control.Inquiry, Account: p.Account})
	if err == nil {
		return nil
	}
	off := provider.Unable(err.Error())
	var e *fault.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		off.NotBefore = s.Clock.Now().Add(e.RetryAfter)
	}
	return &off
}

// persons is how many people must agree to a payout, beside the one who asks for it.
func (s *Service) persons(ctx context.Context, p Payout) (int, error) {
	if s.Control == nil {
		return 0, nil
	}
	return s.Control.Persons(ctx, p.Merchant, control.Ask{Operation: control.Payout, Account: p.Account}, p.Amount)
}

// agreeing is what an approval of a payout is held against: whether its key is that of somebody who asked or approved already, and how many must approve.
func (s *Service) agreeing(ctx context.Context, p Payout, by string) (same bool, persons int, err error) {
	if persons, err = s.persons(ctx, p); err != nil {
		return false, 0, err
	}
	for _, other := range append(control.Approvers(p.ApprovedBy), p.CreatedBy) {
		if same, err = s.samePerson(ctx, p.Merchant, other, by); same || err != nil {
			return same, persons, err
		}
	}
	return false, persons, nil
}
