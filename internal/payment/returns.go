package payment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
)

// A merchant's returns policy: how long after a capture its people may refund, for which reasons, and how much of a payment one of
// them alone. What Florin gives back by itself, such as what was paid twice, is not asked.

// The codes of what a policy refuses.
const (
	CodeRefundWindow = "refund_window_closed"
	CodeReason       = "reason_not_allowed"
	CodeTwoPersons   = control.CodeTwoPersons
)

// errNotRefundable is of a method whose scheme gives nothing back.
var errNotRefundable = fault.State("what was paid by this method cannot be refunded: pay the payer out instead")

var errOfPayout = fault.State("the refund is a part of a payout, and is approved or canceled with it")

// returns is the policy for a payment.
func (s *Service) returns(ctx context.Context, p Payment) (merchant.Returns, error) {
	m, err := s.Merchants.Of(ctx, p.Merchant)
	return m.ReturnsOf(p.Method.word()), err
}

// closes writes down when a payment came to its end, and until when it may be refunded then, by the policy or by the method's own window: a
// policy that changes later does not take from a payer what was promised to them.
func (s *Service) closes(ctx context.Context, p *Payment) error {
	if !p.EndedAt.IsZero() || !p.Over() {
		return nil
	}
	p.EndedAt = s.Clock.Now()
	if p.Captured.IsZero() {
		return nil
	}
	policy, err := s.returns(ctx, *p)
	if err != nil {
		return err
	}
	if policy.Days > 0 {
		p.RefundableUntil = p.EndedAt.Add(time.Duration(policy.Days) * 24 * time.Hour)
	}
	if p.Method.isCard() {
		return nil // a card has no window of its own
	}
	can, err := s.abilities(ctx, *p)
	if err != nil {
		return err
	}
	p.RefundableUntil = sooner(p.RefundableUntil, p.EndedAt, can.window)
	return nil
}

// sooner is until, or the end of a window that ends before. A zero until, and a window of 0, have no end.
func sooner(until, from time.Time, window time.Duration) time.Time {
	if end := from.Add(window); window > 0 && (until.IsZero() || end.Before(until)) {
		return end
	}
	return until
}

// returned decides a refund that somebody of the merchant's asks for. It fails like refund, with fault.Conflict when the time is
// over, and with fault.Invalid for a reason that the policy does not know. Of what one person may not refund alone, the refund is
// held: what was refunded of the payment before counts.
func (p Payment) returned(a Attempt, opID string, r RefundRequest, policy merchant.Returns, at occasion) (decision, error) {
	d, err := p.refund(a, opID, r, at)
	if err != nil || r.By == "" {
		return d, err
	}
	if !p.RefundableUntil.IsZero() && !at.now.Before(p.RefundableUntil) {
		return decision{}, fault.New(fault.Conflict, CodeRefundWindow, "the payment could be refunded until "+p.RefundableUntil.UTC().Format(time.RFC3339))
	}
	if len(policy.Reasons) > 0 && !slices.Contains(policy.Reasons, r.Reason) {
		return decision{}, fault.Wrong("reason", CodeReason, "must be one of: "+strings.Join(policy.Reasons, ", "))
	}
	d.operation.RequestedBy = r.By
	alone, bounded := policy.Alone[p.Amount.Currency().Code()]
	if sum := d.payment.Refunded.Minor() + d.payment.Refunding.Minor(); bounded && sum > alone {
		d.awaitPeople()
	}
	return d, nil
}

// awaitPeople has an operation wait until somebody has agreed to it.
func (d *decision) awaitPeople() { d.operation.State, d.operation.DueAt = OperationHeld, time.Time{} }

// approve decides that somebody agrees to a refund that is held. Once enough have, it is asked of the provider. See control.Agree.
func (p Payment) approve(a Attempt, op Operation, by string, who control.Person, persons int, at occasion) (decision, error) {
	if op.State != OperationHeld {
		return decision{}, fault.State(fmt.Sprintf("the refund is %s: it does not wait for anybody", refundStatus[op.State]))
	}
	if op.Payout != "" {
		return decision{}, errOfPayout
	}
	agreed, enough, err := control.Agree("refund", op.ApprovedBy, by, who, persons)
	if err != nil {
		return decision{}, err
	}
	if op.ApprovedBy = agreed; enough {
		op.State, op.SentAt, op.DueAt = OperationSending, at.now, at.now.Add(at.patience)
	}
	return decision{payment: p, attempt: &a, operation: &op}, nil
}

// turnDown decides that a refund that is held is not made.
func (p Payment) turnDown(op Operation) (decision, error) {
	if op.State != OperationHeld {
		return decision{}, fault.State(fmt.Sprintf("the refund is %s: only one that is held can be canceled", refundStatus[op.State]))
	}
	if op.Payout != "" {
		return decision{}, errOfPayout
	}
	return p.giveUpRefund(op)
}

// giveUpRefund decides the end of a refund of which nothing was sent.
func (p Payment) giveUpRefund(op Operation) (decision, error) {
	if err := p.landed(op.Amount); err != nil {
		return decision{}, err
	}
	op.State, op.DueAt = OperationFailed, time.Time{}
	op.Failure = &FailureObject{Code: "refund_canceled", Message: "The refund was canceled before it was sent."}
	d := decision{payment: p, operation: &op}
	d.post(ledger.RefundFailed, op.ID, op.Amount, money.Money{})
	d.tell(event.RefundFailed)
	return d, nil
}

// ApproveRefund has a refund made that was held for a second person, once enough have agreed. by is the key that approves. It fails with
// fault.NotFound, with fault.Conflict if the refund does not wait, and with fault.Forbidden for a key of who asked for it, or has agreed
// while another person is needed.
func (s *Service) ApproveRefund(ctx context.Context, tenant, refund, by string, with Companion) (RefundObject, error) {
	op, err := s.heldRefund(ctx, tenant, refund)
	if err != nil {
		return RefundObject{}, err
	}
	d, err := s.operate(ctx, tenant, op.Payment, with, func(p Payment, a Attempt, at occasion) (decision, error) {
		now, err := s.store.operation(ctx, tenant, refund)
		if err != nil {
			return decision{}, err
		}
		who, err := control.PersonOf(by, now.RequestedBy, now.ApprovedBy, func(one, other string) (bool, error) { return s.samePerson(ctx, tenant, one, other) })
		if err != nil {
			return decision{}, err
		}
		persons, err := s.persons(ctx, p, now)
		if err != nil {
			return decision{}, err
		}
		return p.approve(a, now, by, who, persons, at)
	})
	if d.operation == nil {
		return RefundObject{}, err
	}
	return refundObject(*d.operation), err
}

// samePerson tells whether two keys are one person's.
func (s *Service) samePerson(ctx context.Context, tenant, one, other string) (bool, error) {
	if one == other || s.SamePerson == nil {
		return one == other, nil
	}
	return s.SamePerson(ctx, tenant, one, other)
}

// CancelRefund gives up a refund that was held for a second person. It fails like ApproveRefund, but anybody may.
func (s *Service) CancelRefund(ctx context.Context, tenant, refund string, with Companion) (RefundObject, error) {
	op, err := s.heldRefund(ctx, tenant, refund)
	if err != nil {
		return RefundObject{}, err
	}
	d, err := s.apply(ctx, func() (decision, error) {
		p, _, now, err := s.rows(ctx, op)
		if err != nil {
			return decision{}, err
		}
		return p.turnDown(now)
	}, func(c *db.Change, d decision) error { return s.tellCompanion(c, d, with) })
	if err != nil {
		return RefundObject{}, err
	}
	return refundObject(*d.operation), nil
}

func (s *Service) heldRefund(ctx context.Context, tenant, refund string) (Operation, error) {
	op, err := s.store.operation(ctx, tenant, refund)
	if fault.Is(err, fault.NotFound) || err == nil && op.Kind != KindRefund {
		return op, fault.Missing("refund")
	}
	return op, err
}
