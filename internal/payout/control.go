package payout

import (
	"context"
	"time"

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

// switchedLook is when what people have switched off is looked at again: they may lift a switch before it ends by itself.
const switchedLook = 30 * time.Second

// silenced is the outcome of a question about a payout that people have switched off; nil if they have not.
func (s *Service) silenced(ctx context.Context, p Payout) *provider.Outcome {
	if s.Control == nil {
		return nil
	}
	err := s.Control.Blocked(ctx, p.Merchant, control.Ask{Operation: control.Inquiry, Account: p.Account})
	if err == nil {
		return nil
	}
	off := provider.Unable(err.Error())
	off.NotBefore = s.Clock.Now().Add(switchedLook)
	return &off
}

// persons is how many people must agree to a payout by its account, beside the one who asks for it.
func (s *Service) persons(ctx context.Context, p Payout) (int, error) {
	if s.Control == nil {
		return 0, nil
	}
	return s.Control.Persons(ctx, p.Merchant, control.Ask{Operation: control.Payout, Account: p.Account}, p.Amount)
}

// personsOf is the same of a payout that consists of parts: as many as the part needs that needs most. account is that of what goes to the
// destination; empty if nothing does. The amount of a payout is its whole; a refund is asked for with its own. No switch has people agree to a reversal.
func (s *Service) personsOf(ctx context.Context, p Payout, shares []share, account string) (int, error) {
	p.Account = account
	most, err := s.persons(ctx, p)
	for _, one := range shares {
		if err != nil || one.reverse {
			continue
		}
		var persons int
		persons, err = s.Payments.ReturnPersons(ctx, one.from, one.amount)
		most = max(most, persons)
	}
	return most, err
}

// personsNow is how many people must agree to a payout as it was made.
func (s *Service) personsNow(ctx context.Context, p Payout) (int, error) {
	if p.Loop == nil {
		return s.persons(ctx, p)
	}
	var shares []share
	account := ""
	for _, part := range p.Loop.Parts {
		switch part.Type {
		case PartRefund:
			from, err := s.Payments.SourceOf(ctx, p.Merchant, part.Payment)
			if err != nil {
				return 0, err
			}
			shares = append(shares, share{from: from, amount: money.Of(part.Amount, p.Amount.Currency())})
		case PartPayout:
			leg, err := s.store.payout(ctx, p.Merchant, part.ID)
			if err != nil {
				return 0, err
			}
			account = leg.Account
		}
	}
	return s.personsOf(ctx, p, shares, account)
}

// agreeing is what an approval of a payout is held against: who its key's holder is to it, and how many must approve.
func (s *Service) agreeing(ctx context.Context, p Payout, by string) (control.Person, int, error) {
	persons, err := s.personsNow(ctx, p)
	if err != nil {
		return control.Another, 0, err
	}
	who, err := control.PersonOf(by, p.CreatedBy, p.ApprovedBy, func(one, other string) (bool, error) { return s.samePerson(ctx, p.Merchant, one, other) })
	return who, persons, err
}

// agreed refuses a way that a payout takes on only after it was made, if people watch it and fewer have agreed than must. It fails with fault.Conflict.
func (s *Service) agreed(ctx context.Context, p Payout, account string) error {
	persons, err := s.personsOf(ctx, p, nil, account)
	if err == nil && persons > len(control.Approvers(p.ApprovedBy)) {
		return fault.New(fault.Conflict, CodeTwoPersons, "people must agree to what is paid out by "+account+", and too few have: ask for it anew")
	}
	return err
}
