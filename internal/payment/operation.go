package payment

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// newOperation is a row that says what is about to be asked of the provider.
func newOperation(p Payment, a Attempt, kind Kind, opID string, amount money.Money, now time.Time, patience time.Duration) *Operation {
	return &Operation{
		Merchant: p.Merchant, ID: opID, Payment: p.ID, Attempt: a.Number, Kind: kind, State: OperationSending,
		Amount: amount, SentAt: now, DueAt: now.Add(patience), CreatedAt: now,
	}
}

// capture decides a capture. An amount of 0 is all that is left; what takes all that is left is final.
// It fails with fault.Conflict if nothing is left to capture and with fault.Invalid if the amount exceeds what is left.
func (p Payment) capture(a Attempt, opID string, minor int64, final bool, now time.Time, patience time.Duration) (decision, error) {
	if p.Status != Authorized {
		return decision{}, fault.State(fmt.Sprintf("the payment is %s; only an authorized payment can be captured", p.Status))
	}
	left, err := p.Authorized.Sub(p.Captured)
	if err != nil {
		return decision{}, err
	}
	amount := money.Of(minor, p.Amount.Currency())
	if minor == 0 {
		amount = left
	}
	if err := within(amount, left, "captured"); err != nil {
		return decision{}, err
	}
	op := newOperation(p, a, KindCapture, opID, amount, now, patience)
	op.Final = final || amount == left
	return decision{payment: p, operation: op}, nil
}

// void decides the release of an authorization.
func (p Payment) void(a Attempt, opID string, purpose Purpose, reason string, now time.Time, patience time.Duration) (decision, error) {
	if p.Status != Authorized {
		return decision{}, fault.State(fmt.Sprintf("the payment is %s; only an authorized payment can be voided", p.Status))
	}
	left, err := p.Authorized.Sub(p.Captured)
	if err != nil {
		return decision{}, err
	}
	op := newOperation(p, a, KindVoid, opID, left, now, patience)
	op.Purpose, op.Reason = purpose, reason
	return decision{payment: p, operation: op}, nil
}

// refund decides a refund. An amount of 0 is all that is left. The amount is taken out of what can be refunded at once,
// so that refunds cannot race past what was captured.
func (p Payment) refund(a Attempt, opID string, r RefundRequest, now time.Time, patience time.Duration) (decision, error) {
	left, err := p.refundable()
	if err != nil {
		return decision{}, err
	}
	if p.Captured.IsZero() {
		return decision{}, fault.State(fmt.Sprintf("the payment is %s; nothing was captured that could be refunded", p.Status))
	}
	amount := money.Of(r.Amount, p.Amount.Currency())
	if r.Amount == 0 {
		amount = left
	}
	if left.IsZero() {
		return decision{}, fault.State("the payment is refunded in full")
	}
	if err := within(amount, left, "refunded"); err != nil {
		return decision{}, err
	}
	if p.Refunding, err = p.Refunding.Add(amount); err != nil {
		return decision{}, err
	}
	op := newOperation(p, a, KindRefund, opID, amount, now, patience)
	op.Reason, op.Metadata = r.Reason, r.Metadata
	d := decision{payment: p, operation: op}
	d.post(ledger.RefundPending, op.ID, amount, money.Money{})
	d.tell(event.RefundPending)
	return d, nil
}

// within holds an amount against what is left.
func within(amount, left money.Money, verb string) error {
	if amount.Minor() < 1 {
		return fault.Wrong("amount", fault.CodeAmountTooSmall, "must be at least 1")
	}
	over, err := amount.Compare(left)
	if err != nil {
		return err
	}
	if over > 0 {
		return fault.Wrong("amount", fault.CodeAmountTooLarge, fmt.Sprintf("only %s can be %s", left, verb))
	}
	return nil
}

// settleOperation decides what an outcome of a capture, a void or a refund means. Like settle it takes answers,
// inquiries and webhooks alike, in any order.
func settleOperation(p Payment, a Attempt, op Operation, o provider.Outcome, t terms) (decision, error) {
	to := operationStateOf(op, o)
	d := decision{payment: p}
	switch {
	case op.State == to && to != OperationUnknown && to != OperationPending:
		return d, nil
	case !op.open():
		if to != OperationUnknown && to != OperationPending {
			d.contradiction = fmt.Sprintf("the %s is %s, the provider says %s", op.Kind, op.State, to)
		}
		return d, nil
	case to == OperationSucceeded && op.Kind == KindCapture && p.Status != Authorized:
		d.contradiction = fmt.Sprintf("the provider captured, but the payment is %s", p.Status)
		return d, nil
	}
	if op.State != to {
		if err := op.move(to); err != nil {
			return d, err
		}
	}
	if o.Reference != "" {
		op.Reference = o.Reference
	}
	op.Detail, op.DueAt = o.Detail, time.Time{}
	d.operation, d.attempt = &op, &a
	var err error
	switch to {
	case OperationSucceeded:
		err = completers[op.Kind](&d, t)
	case OperationFailed:
		err = d.operationFailed(o, t)
	default:
		op.DueAt = t.now.Add(inquiryDelay(op.Inquiries))
		op.Inquiries++
	}
	return d, err
}

func operationStateOf(op Operation, o provider.Outcome) OperationState {
	switch o.Class {
	case provider.Declined:
		return OperationFailed
	case provider.NotSent:
		if op.State == OperationSending {
			return OperationFailed
		}
	case provider.Approved:
		if op.Kind != KindVoid && o.Amount != (money.Money{}) && o.Amount != op.Amount {
			return OperationUnknown // another amount than was asked for
		}
		switch o.State {
		case provider.Pending:
			return OperationPending
		case provider.Failed:
			return OperationFailed
		case provider.Captured, provider.Succeeded, provider.Voided:
			return OperationSucceeded
		}
	}
	return OperationUnknown
}

// completers finish what succeeded.
var completers = map[Kind]func(*decision, terms) error{
	KindCapture: (*decision).captured,
	KindVoid:    (*decision).voided,
	KindRefund:  (*decision).refunded,
}

func (d *decision) captured(t terms) error {
	p, op := &d.payment, d.operation
	fee, err := op.Amount.BasisPoints(t.fee)
	if err != nil {
		return err
	}
	if p.Captured, err = p.Captured.Add(op.Amount); err != nil {
		return err
	}
	d.post(ledger.Capture, op.ID, op.Amount, fee)
	if !op.Final {
		d.tell(event.PaymentPartiallyCaptured)
		return nil
	}
	if err := d.attempt.move(AttemptCaptured); err != nil {
		return err
	}
	return d.lapsed(Captured)
}

var purposeStatus = map[Purpose]Status{PurposeCancel: Canceled, PurposeExpire: Expired}

var purposeAttempt = map[Purpose]AttemptState{PurposeCancel: AttemptVoided, PurposeExpire: AttemptExpired}

func (d *decision) voided(terms) error {
	if d.payment.Status != Authorized {
		return nil // the provider's webhook came first and closed the payment
	}
	to := purposeAttempt[d.operation.Purpose]
	if !d.payment.Captured.IsZero() {
		to = AttemptCaptured
	}
	if err := d.attempt.move(to); err != nil {
		return err
	}
	d.payment.CancellationReason = d.operation.Reason
	return d.lapsed(purposeStatus[d.operation.Purpose])
}

func (d *decision) refunded(terms) error {
	p, op := &d.payment, d.operation
	var err error
	if p.Refunding, err = p.Refunding.Sub(op.Amount); err != nil {
		return err
	}
	if p.Refunded, err = p.Refunded.Add(op.Amount); err != nil {
		return err
	}
	d.post(ledger.RefundSucceeded, op.ID, op.Amount, money.Money{})
	d.tell(event.RefundSucceeded)
	return nil
}

// retryExpiry is how long after a failed release of a lapsed authorization the release is tried again.
const retryExpiry = time.Hour

func (d *decision) operationFailed(o provider.Outcome, t terms) error {
	p, op := &d.payment, d.operation
	op.Failure = declined(o)
	if op.Kind == KindVoid && op.Purpose == PurposeExpire {
		p.DueAt = t.now.Add(retryExpiry)
	}
	if op.Kind != KindRefund {
		return nil
	}
	var err error
	if p.Refunding, err = p.Refunding.Sub(op.Amount); err != nil {
		return err
	}
	d.post(ledger.RefundFailed, op.ID, op.Amount, money.Money{})
	d.tell(event.RefundFailed)
	return nil
}
