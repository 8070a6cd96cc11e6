package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// Where a customer's money came from, and how it goes back there. Payouts, on the floor above, decide what goes back; what that changes of a
// payment goes through here.

// Bar is why nothing of a source can go back to it.
type Bar string

// The bars.
const (
	BarNone          Bar = ""
	BarNothingLeft   Bar = "nothing_left"
	BarDisputed      Bar = "disputed"
	BarWindow        Bar = CodeRefundWindow
	BarNotRefundable Bar = "method_not_refundable"
	BarBusy          Bar = "operation_in_progress" // a capture or a void is under way, or it was captured in part and the rest is still held
)

// Source is a payment as what its money goes back to.
type Source struct {
	Payment         Payment
	Left            int64     // in minor units: paid in, and neither refunded, on its way back, disputed nor withdrawn
	Reversible      int64     // of an authorization of which nothing was captured: all of it, as a void takes it back whole
	RefundableUntil time.Time // by the merchant's policy or the method's own window, whichever ends first; zero: without end
	Bar             Bar       // why nothing of it can go back
	Alone           int64     // what may yet be refunded of it without a second person; negative: all of it
}

// Method is how its payer paid.
func (s Source) Method() *MethodObject { return methodObject(s.Payment.Method) }

// abilities are what a source depends on beside its payment.
type abilities struct {
	refunds bool
	voids   bool
	window  time.Duration // of the method at its provider; 0: no end
	busy    bool          // a capture or a void of it is under way
}

// left is what a customer has of a payment: paid in, and not gone in any way.
func (p Payment) left() int64 {
	return max(0, p.Captured.Minor()-p.Refunded.Minor()-p.Refunding.Minor()-p.Disputed.Minor()-p.Withdrawn.Minor())
}

// source decides what of a payment can go back.
func (p Payment) source(can abilities, policy merchant.Returns, now time.Time) Source {
	s := Source{Payment: p, Left: p.left(), RefundableUntil: p.RefundableUntil, Alone: -1}
	from := p.EndedAt
	if from.IsZero() {
		from = p.CreatedAt
	}
	s.RefundableUntil = sooner(s.RefundableUntil, from, can.window)
	if alone, bounded := policy.Alone[p.Amount.Currency().Code()]; bounded {
		s.Alone = max(0, alone-p.Refunded.Minor()-p.Refunding.Minor())
	}
	if p.Status == Authorized && p.Captured.IsZero() && can.voids && !can.busy {
		s.Reversible = p.Authorized.Minor()
		return s
	}
	switch {
	case p.Status == Authorized && p.Captured.IsZero():
		s.Bar = BarBusy
	case s.Left == 0 && !p.Disputed.IsZero():
		s.Bar = BarDisputed
	case s.Left == 0:
		s.Bar = BarNothingLeft
	case !can.refunds:
		s.Bar = BarNotRefundable
	case !s.RefundableUntil.IsZero() && !now.Before(s.RefundableUntil):
		s.Bar = BarWindow
	}
	return s
}

// SourcesOf are the sources of a customer in a currency that have something left, or are authorized, in the order in which they were paid; at most
// most of them, and whether there are more.
func (s *Service) SourcesOf(ctx context.Context, tenant, customer string, currency money.Currency, newest bool, most int) ([]Source, bool, error) {
	payments, err := s.store.sources(ctx, tenant, customer, currency.Code(), newest, most+1)
	if err != nil {
		return nil, false, err
	}
	more := len(payments) > most
	all, err := s.sourcesFrom(ctx, payments[:min(len(payments), most)])
	return all, more, err
}

// SpentSourcesOf are some of a customer's sources of which nothing can be had: those with nothing left, and those in another currency. Newest first.
func (s *Service) SpentSourcesOf(ctx context.Context, tenant, customer string, currency money.Currency, most int) ([]Source, error) {
	payments, err := s.store.spentSources(ctx, tenant, customer, currency.Code(), most)
	if err != nil {
		return nil, err
	}
	return s.sourcesFrom(ctx, payments)
}

// SourceOf is a payment as a source. It fails with fault.NotFound.
func (s *Service) SourceOf(ctx context.Context, tenant, payment string) (Source, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return Source{}, err
	}
	all, err := s.sourcesFrom(ctx, []Payment{p})
	if err != nil {
		return Source{}, err
	}
	return all[0], nil
}

func (s *Service) sourcesFrom(ctx context.Context, payments []Payment) ([]Source, error) {
	all := make([]Source, len(payments))
	for i, p := range payments {
		can, err := s.abilities(ctx, p)
		if err != nil {
			return nil, err
		}
		policy, err := s.returns(ctx, p)
		if err != nil {
			return nil, err
		}
		all[i] = p.source(can, policy, s.Clock.Now())
	}
	return all, nil
}

// abilities are what the payment's provider can do about it.
func (s *Service) abilities(ctx context.Context, p Payment) (abilities, error) {
	if p.Account == "" {
		return abilities{}, nil
	}
	account, err := s.Accounts.Get(ctx, p.Merchant, p.Account)
	if fault.Is(err, fault.NotFound) {
		return abilities{}, nil // the contract is gone, and with it the way back
	}
	if err != nil {
		return abilities{}, fmt.Errorf("provider account %s: %w", p.Account, err)
	}
	var can abilities
	_, err = provider.Lookup[provider.Refunder](s.Providers, account.Provider)
	can.refunds = err == nil
	_, err = provider.Lookup[provider.Capturer](s.Providers, account.Provider)
	can.voids = err == nil
	if !p.Method.isCard() {
		terms := s.capabilities(account).Methods[p.Method.Type]
		can.refunds, can.window = can.refunds && terms.Refundable, terms.RefundWindow
	}
	if p.Status == Authorized {
		can.busy, err = s.store.operating(ctx, p.Merchant, p.ID)
		return can, err
	}
	return can, nil
}

// ReasonClosedLoop is the reason of refunds and voids that are a part of a payout.
const ReasonClosedLoop = "closed_loop"

// Return asks that money goes back to its source, as a part of a payout.
type Return struct {
	Payout  string // po_…
	Amount  money.Money
	Reverse bool   // void the authorization; the amount is all of it
	Held    bool   // until the payout is approved; a refund only
	By      string // the key that asks
}

// ReturnPersons is how many people must agree that an amount is refunded to its source, beside the one who asks: as many as to a refund that is
// asked for by itself.
func (s *Service) ReturnPersons(ctx context.Context, from Source, amount money.Money) (int, error) {
	return s.persons(ctx, from.Payment, Operation{Kind: KindRefund, Account: from.Payment.Account, Amount: amount})
}

// Return adds to a Change that a source's money goes back. The worker sends it once the Change has landed. It gives the id of the refund or the void,
// and fails like Refund and Cancel, if people have switched them off too. If the payment changes meanwhile the Change is stale.
func (s *Service) Return(ctx context.Context, c *db.Change, from Source, r Return) (string, error) {
	p, now := from.Payment, s.Clock.Now()
	a := Attempt{Number: p.Attempts, Account: p.Account} // the money is at the last one
	var d decision
	var err error
	if r.Reverse {
		d, err = p.void(a, s.IDs.New(id.Void), PurposeCancel, ReasonClosedLoop, occasion{now: now})
	} else {
		d, err = p.refund(a, s.IDs.New(id.Refund), RefundRequest{Amount: r.Amount.Minor(), Reason: ReasonClosedLoop}, occasion{now: now})
	}
	if err != nil {
		return "", err
	}
	op := d.operation
	if err := s.permits(ctx, p, string(inquiries[op.Kind]), op.Account); err != nil {
		return "", err
	}
	op.Payout, op.RequestedBy = r.Payout, r.By
	op.State, op.DueAt = OperationQueued, now
	if r.Held {
		op.State, op.DueAt = OperationHeld, time.Time{}
	}
	return op.ID, s.put(ctx, c, d)
}

// ReturnOf is a refund or a void that is a part of a payout. It fails with fault.NotFound.
func (s *Service) ReturnOf(ctx context.Context, tenant, operation string) (Operation, error) {
	return s.store.operation(ctx, tenant, operation)
}

// LetReturn adds to a Change that a return which is held goes now. by are the keys that agreed, as Operation.ApprovedBy has them. It fails with fault.Conflict if it is not held.
func (s *Service) LetReturn(ctx context.Context, c *db.Change, operation, by string) error {
	p, _, op, err := s.rows(ctx, Operation{Merchant: c.Merchant(), ID: operation})
	if err != nil {
		return err
	}
	if op.State != OperationHeld {
		return fault.State("a return of the payout is not held any more")
	}
	op.State, op.ApprovedBy, op.DueAt = OperationQueued, by, s.Clock.Now()
	return s.put(ctx, c, decision{payment: p, operation: &op})
}

// DropReturn adds to a Change that a return is not made. It fails with fault.Conflict once it is being sent.
func (s *Service) DropReturn(ctx context.Context, c *db.Change, operation string) error {
	p, _, op, err := s.rows(ctx, Operation{Merchant: c.Merchant(), ID: operation})
	if err != nil {
		return err
	}
	d, err := p.dropped(op)
	if err != nil {
		return err
	}
	return s.put(ctx, c, d)
}

// dropped decides that what was not sent yet is not made.
func (p Payment) dropped(op Operation) (decision, error) {
	switch {
	case op.State != OperationHeld && op.State != OperationQueued:
		return decision{}, fault.State("a part of the payout is being sent: it cannot be canceled any more")
	case op.Kind == KindRefund:
		return p.giveUpRefund(op)
	}
	op.State, op.DueAt = OperationFailed, time.Time{}
	op.Failure = &FailureObject{Code: "reversal_canceled", Message: "The payout was canceled before it was sent."}
	return decision{payment: p, operation: &op}, nil
}

// Underway tells whether a Change lost because a capture or a void of one of its payments has begun meanwhile.
func Underway(lost *db.Conflict) bool { return lost.Table == operationTable.Name }

// Withdraw adds to a Change that a customer withdraws so much of a source to somewhere else. If the payment changes meanwhile the Change is stale.
func (s *Service) Withdraw(c *db.Change, from Source, minor int64) error {
	p := from.Payment
	p.Withdrawn = money.Of(p.Withdrawn.Minor()+minor, p.Amount.Currency())
	return s.only(c, p)
}

// Restore adds to a Change that what was withdrawn of a payment did not arrive. It fails with fault.NotFound.
func (s *Service) Restore(ctx context.Context, c *db.Change, payment string, minor int64) error {
	p, err := s.store.payment(ctx, c.Merchant(), payment)
	if err != nil {
		return err
	}
	p.Withdrawn = money.Of(max(0, p.Withdrawn.Minor()-minor), p.Amount.Currency())
	return s.only(c, p)
}

// only adds a payment's row, and nothing else about it.
func (s *Service) only(c *db.Change, p Payment) error {
	row, err := paymentRow(p)
	if err == nil {
		c.Add(row)
	}
	return err
}

// Payouts is who hears what came of the call for a part of a payout. Its rows travel in the payments' own Changes. See payout.Service.
type Payouts interface {
	Returned(ctx context.Context, c *db.Change, payout string) error
}

// unsent are the states of an operation of which its provider has not heard, or is hearing.
var unsent = map[OperationState]bool{OperationHeld: true, OperationQueued: true, OperationSending: true}

// returned tells the payout of an operation that it has moved, or has to wait.
func (s *Service) returned(ctx context.Context, c *db.Change, d decision) error {
	op := d.operation
	if op == nil || op.Payout == "" || op.State == op.was || unsent[op.State] && op.State != OperationQueued || s.Payouts == nil {
		return nil
	}
	return s.Payouts.Returned(ctx, c, op.Payout)
}
