package payout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
)

// changed commits what build puts into a Change, again and again while others change what it was decided from.
func (s *Service) changed(ctx context.Context, tenant string, build func(c *db.Change) ([]decision, error)) error {
	for try := 1; ; try++ {
		c := db.NewChange(tenant)
		decisions, err := build(c)
		if err == nil && c.Len() > 0 {
			err = s.DB.Commit(ctx, c)
		}
		if err == nil {
			for _, d := range decisions {
				s.landed(c, d)
			}
			return nil
		}
		if !overtaken(err) || try == tries {
			return err
		}
	}
}

// Returned adds to a Change that a payout looks after its parts at once: one of them has ended. See payment.Payouts.
func (s *Service) Returned(ctx context.Context, c *db.Change, payout string) error {
	p, err := s.store.payout(ctx, c.Merchant(), payout)
	if err != nil {
		return err
	}
	p.DueAt = s.Clock.Now()
	row, err := payoutRow(p)
	if err == nil {
		c.Add(row)
	}
	return err
}

// gather looks after the parts of a payout: it takes on what became of them, and what failed to go back goes on to the destination.
func (s *Service) gather(ctx context.Context, tenant, payout string) error {
	return s.changed(ctx, tenant, func(c *db.Change) ([]decision, error) {
		p, err := s.store.payout(ctx, tenant, payout)
		if err != nil {
			return nil, err
		}
		heard, err := s.heard(ctx, p)
		if err != nil {
			return nil, err
		}
		now := s.Clock.Now()
		d, again := p.gather(heard, now)
		var more []decision
		if len(again) > 0 {
			if more, err = s.goOn(ctx, c, &d, again, now); err != nil {
				return nil, err
			}
		}
		if err := d.conclude(now); err != nil {
			return nil, err
		}
		d.moved, d.payout.DueAt = true, time.Time{}
		if s.looksOn(d.payout) {
			d.payout.DueAt = now.Add(loopLook)
		}
		decisions := append([]decision{d}, more...)
		if err := s.addAll(ctx, c, decisions, now); err != nil {
			return nil, err
		}
		if len(more) > 0 {
			s.DB.Wake(sweepName)
		}
		return decisions, nil
	})
}

// looksOn tells whether something of a payout may still change by itself.
func (s *Service) looksOn(p Payout) bool {
	for _, part := range p.Loop.Parts {
		if part.Status == PartQueued || part.Status == PartSent {
			return true
		}
	}
	return false
}

// heard is what became of each part.
func (s *Service) heard(ctx context.Context, p Payout) ([]news, error) {
	all := make([]news, len(p.Loop.Parts))
	for i, part := range p.Loop.Parts {
		all[i] = news{status: part.Status, failure: part.Failure}
		switch {
		case part.ID == "" || part.Status == PartCanceled:
		case part.Type == PartPayout:
			leg, err := s.store.payout(ctx, p.Merchant, part.ID)
			if err != nil {
				return nil, err
			}
			all[i] = news{status: partOf[leg.Status], failure: leg.Failure}
			if leg.Status == Queued && leg.Call != NoCall {
				all[i].status = PartSent
			}
			all[i].waits, all[i].until = leg.whyWaits()
			shown := s.counted(leg)
			all[i].leg = &shown
		default:
			op, err := s.Payments.ReturnOf(ctx, p.Merchant, part.ID)
			if err != nil {
				return nil, err
			}
			all[i] = news{status: partOfReturn[op.State]}
			if op.State == payment.OperationQueued && !op.Deadline.IsZero() {
				all[i].waits, all[i].until = op.Detail, op.Deadline
			}
			if op.Failure != nil {
				code := string(op.Failure.DeclineCode)
				if code == "" {
					code = op.Failure.Code
				}
				all[i].failure = &FailureObject{code, op.Failure.Message}
			}
		}
	}
	return all, nil
}

// goOn has what failed to go back go on to the destination, as one more part. Its money is available again since it failed, and is taken anew: if
// meanwhile it is not there any more, or must not go there, the part has failed and says why.
func (s *Service) goOn(ctx context.Context, c *db.Change, d *decision, again []int, now time.Time) ([]decision, error) {
	p := &d.payout
	var sum int64
	for _, i := range again {
		p.Loop.Parts[i].Replaced = true
		sum += p.Loop.Parts[i].Amount
	}
	part := Part{Type: PartPayout, Status: PartQueued, Amount: sum, Reason: WhyRefundFailed}
	begun, b, err := s.alternative(ctx, *p, sum, now)
	var refused *fault.Error
	switch {
	case refusal(err, &refused):
		part.Status, part.Failure = PartFailed, &FailureObject{refused.Code, refused.Detail}
		p.Loop.Parts = append(p.Loop.Parts, part)
		p.note(now, "part.failed", fmt.Sprintf("%s of %s: %s", part.Type, money.Of(sum, p.Amount.Currency()), refused.Code))
		return nil, nil
	case err != nil:
		return nil, err
	}
	part.ID = begun.payout.ID
	for _, i := range again {
		if err := s.drawAgain(ctx, c, &begun.payout, p.Loop.Parts[i]); err != nil {
			return nil, err
		}
	}
	c.Add(balanceRow(b))
	p.Loop.Parts = append(p.Loop.Parts, part)
	p.note(now, "part.queued", fmt.Sprintf("%s of %s: in place of what did not go back", part.Type, money.Of(sum, p.Amount.Currency())))
	return []decision{begun}, nil
}

// alternative decides the payout of an amount that did not go back.
func (s *Service) alternative(ctx context.Context, p Payout, minor int64, now time.Time) (decision, Balance, error) {
	to, err := s.store.destination(ctx, p.Merchant, p.Destination)
	if err != nil {
		return decision{}, Balance{}, err
	}
	if err := s.refuseBlocked(ctx, to); err != nil {
		return decision{}, Balance{}, err
	}
	opened, err := s.open(to)
	if err != nil {
		return decision{}, Balance{}, err
	}
	leg, err := s.leg(ctx, p, minor, to.rails(opened.Number))
	if err != nil {
		return decision{}, Balance{}, err
	}
	if err := s.agreed(ctx, p, leg.Account); err != nil {
		return decision{}, Balance{}, err
	}
	b, left, err := s.spendable(ctx, p.Merchant, p.Amount.Currency())
	if err != nil {
		return decision{}, b, err
	}
	leg.ApprovedBy = p.ApprovedBy
	begun, _, err := begin(leg, false, &b, left, now)
	return begun, b, err
}

// drawAgain withdraws of a payment what failed to go back to it, as far as it is there still.
func (s *Service) drawAgain(ctx context.Context, c *db.Change, leg *Payout, failed Part) error {
	from, err := s.Payments.SourceOf(ctx, leg.Merchant, failed.Payment)
	if err != nil {
		return err
	}
	n := min(failed.Amount, from.Left)
	if n == 0 {
		return nil
	}
	leg.Draws = append(leg.Draws, Draw{failed.Payment, n})
	return s.Payments.Withdraw(c, from, n)
}

// approveLoop lets all parts of a held payout go.
func (s *Service) approveLoop(ctx context.Context, c *db.Change, p Payout, by string) ([]decision, error) {
	if p.Destination != "" {
		to, err := s.store.destination(ctx, p.Merchant, p.Destination)
		if err == nil {
			err = s.refuseBlocked(ctx, to)
		}
		if err != nil {
			return nil, err
		}
	}
	now := s.Clock.Now()
	b, left, err := s.spendable(ctx, p.Merchant, p.Amount.Currency())
	if err != nil {
		return nil, err
	}
	who, persons, err := s.agreeing(ctx, p, by)
	if err != nil {
		return nil, err
	}
	d, err := p.approve(by, who, persons, b, left, now)
	if err != nil {
		return nil, err
	}
	if d.payout.Status == Held { // another one must agree
		return []decision{d}, s.addAll(ctx, c, []decision{d}, now)
	}
	d.balance = nil
	d.payout.DueAt = now.Add(loopLook)
	d.all(PartQueued)
	d.told[len(d.told)-1].then = d.payout
	decisions := []decision{d}
	for _, part := range p.Loop.Parts {
		if part.Type != PartPayout {
			if err := s.Payments.LetReturn(ctx, c, part.ID, d.payout.ApprovedBy); err != nil {
				return nil, err
			}
			continue
		}
		leg, err := s.store.payout(ctx, p.Merchant, part.ID)
		if err != nil {
			return nil, err
		}
		one, err := leg.release(d.payout.ApprovedBy, b, now)
		if err != nil {
			return nil, err
		}
		decisions = append(decisions, one)
	}
	return decisions, s.addAll(ctx, c, decisions, now)
}

// cancelLoop ends a payout of which no part was sent.
func (s *Service) cancelLoop(ctx context.Context, c *db.Change, p Payout, reason string) ([]decision, error) {
	now := s.Clock.Now()
	b, err := s.store.balance(ctx, p.Merchant, p.Amount.Currency())
	if err != nil {
		return nil, err
	}
	d, err := p.cancel(b, reason, now)
	if err != nil {
		return nil, err
	}
	d.balance = nil
	d.all(PartCanceled)
	d.told[len(d.told)-1].then = d.payout
	decisions := []decision{d}
	for _, part := range p.Loop.Parts {
		if part.Type != PartPayout {
			if err := s.Payments.DropReturn(ctx, c, part.ID); err != nil {
				return nil, err
			}
			continue
		}
		leg, err := s.store.payout(ctx, p.Merchant, part.ID)
		if err != nil {
			return nil, err
		}
		one, err := leg.cancel(b, reason, now)
		if err != nil {
			return nil, err
		}
		decisions = append(decisions, one)
	}
	return decisions, s.addAll(ctx, c, decisions, now)
}

func (s *Service) addAll(ctx context.Context, c *db.Change, decisions []decision, now time.Time) error {
	for _, d := range decisions {
		if err := s.rows(ctx, c, d, now); err != nil {
			return err
		}
	}
	return nil
}

// refusal tells whether an error is a refusal of what was asked for, and not a failure to find out.
func refusal(err error, into **fault.Error) bool {
	return errors.As(err, into) && (fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid))
}
