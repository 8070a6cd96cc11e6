package payout

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
)

// facts are what a payout is divided by: the sources that it may go back to, those that it may be drawn on beside them, and some of which nothing can
// be had, to say so.
type facts struct {
	back, draw, spent []payment.Source
	more              bool // there are more to go back to, or to draw on, than one payout may
}

func (s *Service) facts(ctx context.Context, p Payout, currency money.Currency) (facts, error) {
	var f facts
	newest := p.Loop != nil && p.Loop.Order == NewestFirst
	if p.Customer != "" {
		var err error
		if f.draw, f.more, err = s.Payments.SourcesOf(ctx, p.Merchant, p.Customer, currency, newest, maxSources); err != nil {
			return f, err
		}
	}
	if p.Loop == nil {
		return f, nil
	}
	if p.Loop.Source != "" {
		source, err := s.Payments.SourceOf(ctx, p.Merchant, p.Loop.Source)
		f.back = []payment.Source{source}
		if p.Customer == "" {
			f.draw = f.back
		}
		return f, err
	}
	f.back = f.draw
	var err error
	f.spent, err = s.Payments.SpentSourcesOf(ctx, p.Merchant, p.Customer, currency, maxUnused)
	return f, err
}

// takeFrom adds to a Change that an amount which goes somewhere else is withdrawn of a customer's sources, and gives what of which.
func (s *Service) takeFrom(c *db.Change, f facts, rest int64, currency money.Currency, used []share) ([]Draw, error) {
	draws, of, beyond := draw(rest, currency, f.draw, used)
	if beyond > 0 && f.more {
		return nil, errManySources
	}
	for i, d := range draws {
		if err := s.Payments.Withdraw(c, of[i], d.Amount); err != nil {
			return nil, err
		}
	}
	return draws, nil
}

var errManySources = fault.New(fault.Conflict, CodeManySource, fmt.Sprintf("it would touch more than %d payments of the customer: pay it out in parts", maxSources))

// loop makes a payout that goes back to its sources. All of it is taken in one Change: the refunds, what goes to the destination, and what is
// withdrawn of which payment. The worker sends the parts.
func (s *Service) loop(ctx context.Context, tenant string, d draft, with Result) (Object, error) {
	if err := s.Mature(ctx, tenant, d.payout.Amount.Currency()); err != nil {
		return Object{}, err
	}
	var made Object
	err := s.changed(ctx, tenant, func(c *db.Change) ([]decision, error) {
		decisions, err := s.divideInto(ctx, c, d)
		if err != nil {
			return nil, err
		}
		made = s.show(decisions[0].payout)
		return decisions, with(c, made)
	})
	if err != nil {
		return Object{}, err
	}
	s.DB.Wake(sweepName)
	return made, nil
}

// divideInto decides a payout from the facts as they are, and adds it to a Change. The payout itself comes first, then the one to the destination if
// there is something left for it.
func (s *Service) divideInto(ctx context.Context, c *db.Change, d draft) ([]decision, error) {
	p, now, currency := d.payout, s.Clock.Now(), d.payout.Amount.Currency()
	b, left, err := s.spendable(ctx, p.Merchant, currency)
	if err != nil {
		return nil, err
	}
	f, err := s.facts(ctx, p, currency)
	if err != nil {
		return nil, err
	}
	cut, leg, held, err := s.cut(ctx, d, f, left)
	if err != nil {
		return nil, err
	}
	p.Loop = &Loop{Mode: p.Loop.Mode, Order: p.Loop.Order, Source: p.Loop.Source, Unused: cut.told(f.spent, currency)}
	if err := s.giveBack(ctx, c, &p, cut, held); err != nil {
		return nil, err
	}
	var decisions []decision
	if cut.rest > 0 {
		if decisions, err = s.restInto(c, &p, leg, cut, f, held, &b, left); err != nil {
			return nil, err
		}
	}
	begun := start(p, held, now)
	if !held {
		begun.payout.DueAt = now.Add(loopLook)
	}
	if d.fresh {
		row, err := destinationRow(d.to)
		if err != nil {
			return nil, err
		}
		c.Add(row)
	}
	decisions = append([]decision{begun}, decisions...)
	if err := s.addAll(ctx, c, decisions, now); err != nil {
		return nil, err
	}
	c.Add(balanceRow(b)) // also where nothing is reserved: what refunds take is taken from what is available
	return decisions, nil
}

// cut divides a payout, and tells what goes to the destination, if anything does, and whether all of it is held. Who must agree is known only of the
// parts, and what is held is divided otherwise: it reverses nothing.
func (s *Service) cut(ctx context.Context, d draft, f facts, left int64) (cut split, leg Payout, held bool, err error) {
	p := d.payout
	cut = divide(p.Amount, f.back, d.held)
	for {
		if err := cut.allowed(p, f, left); err != nil {
			return cut, leg, held, err
		}
		if cut.rest > 0 {
			if leg, err = s.leg(ctx, p, cut.rest, d.reach); err != nil {
				return cut, leg, held, err
			}
			if err := s.permits(ctx, p.Merchant, leg.Account); err != nil {
				return cut, leg, held, err
			}
		}
		if held || d.held || cut.second {
			return cut, leg, true, nil
		}
		persons, err := s.personsOf(ctx, p, cut.shares, leg.Account)
		if err != nil || persons == 0 {
			return cut, leg, false, err
		}
		held, cut = true, divide(p.Amount, f.back, true)
	}
}

// restInto decides the payout of what the sources do not take, and adds it to the parts.
func (s *Service) restInto(c *db.Change, p *Payout, leg Payout, cut split, f facts, held bool, b *Balance, left int64) (_ []decision, err error) {
	if leg.Draws, err = s.takeFrom(c, f, cut.rest, p.Amount.Currency(), cut.shares); err != nil {
		return nil, err
	}
	begun, _, err := begin(leg, held, b, left-(p.Amount.Minor()-cut.rest-cut.reversed()), s.Clock.Now())
	if err != nil {
		return nil, err
	}
	p.Earliest, p.Latest = leg.Earliest, leg.Latest
	p.Loop.Parts = append(p.Loop.Parts, Part{Type: PartPayout, ID: leg.ID, Status: partOf[begun.payout.Status], Amount: cut.rest, Reason: WhyRest})
	return []decision{begun}, nil
}

// loopLook is how often a payout looks after its parts if none of them says anything.
const loopLook = 10 * time.Minute

// allowed refuses a split that must not be made.
func (c split) allowed(p Payout, f facts, left int64) error {
	back := money.Of(p.Amount.Minor()-c.rest, p.Amount.Currency())
	switch {
	case c.rest > 0 && f.more && p.Loop.Source == "":
		return errManySources
	case c.rest > 0 && p.Loop.Mode == ModeRequire:
		return fault.New(fault.Conflict, CodeLoopShort, fmt.Sprintf("only %s can go back to where it came from%s", back, firstReason(c.unused)))
	case p.Amount.Minor()-c.reversed() > left:
		return fault.New(fault.Conflict, CodeBalance, fmt.Sprintf("only %s are available to be paid out", money.Of(max(left, 0), p.Amount.Currency())))
	}
	return nil
}

func firstReason(unused []Unused) string {
	if len(unused) == 0 {
		return ""
	}
	return fmt.Sprintf(": %s is passed over for %s", unused[0].Payment, unused[0].Reason)
}

// told are the sources that are not used, and why: those that were passed over, and as far as there is room those of which nothing can be had.
func (c split) told(spent []payment.Source, currency money.Currency) []Unused {
	all := c.unused
	if c.rest > 0 {
		for _, from := range spent {
			reason := string(from.Bar)
			if from.Payment.Amount.Currency() != currency {
				reason = unusedCurrency
			}
			all = append(all, unusedOf(from, reason))
		}
	}
	return all[:min(len(all), maxUnused)]
}

// giveBack adds the refunds and the reversals of a split to a Change, and to the payout's parts.
func (s *Service) giveBack(ctx context.Context, c *db.Change, p *Payout, cut split, held bool) error {
	for _, one := range cut.shares {
		part := Part{Type: PartRefund, Status: PartQueued, Amount: one.amount.Minor(), Payment: one.from.Payment.ID, Method: methodOf(one.from), Reason: WhySource}
		if one.reverse {
			part.Type = PartReversal
		}
		if held {
			part.Status = PartHeld
		}
		var err error
		part.ID, err = s.Payments.Return(ctx, c, one.from, payment.Return{Payout: p.ID, Amount: one.amount, Reverse: one.reverse, Held: held, By: p.CreatedBy})
		if err != nil {
			return err
		}
		p.Loop.Parts = append(p.Loop.Parts, part)
	}
	return nil
}

// leg is the payout of what does not go back, to the payout's destination. It fails with fault.Invalid if no rail carries the amount.
func (s *Service) leg(ctx context.Context, p Payout, minor int64, reach []bank.RailName) (Payout, error) {
	amount := money.Of(minor, p.Amount.Currency())
	account, rail, err := s.route(ctx, p.Merchant, amount, reach)
	if err != nil {
		return Payout{}, err
	}
	now := s.Clock.Now()
	leg := Payout{
		Merchant: p.Merchant, ID: s.IDs.New(id.Payout), Amount: amount, Destination: p.Destination, Rail: rail.Name, Account: account, Descriptor: p.Descriptor,
		Customer: p.Customer, PartOf: p.ID, CreatedBy: p.CreatedBy, CreatedAt: now,
	}
	leg.Earliest, leg.Latest = bank.Estimate(rail, now)
	return leg, nil
}
