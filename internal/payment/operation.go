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

// occasion is when an operation is decided, and with whom.
type occasion struct {
	now      time.Time
	patience time.Duration // how long the call may take before the worker takes it up
	parts    bool          // the provider captures one authorization more than once
}

// newOperation is a row that says what is about to be asked of the provider.
func newOperation(p Payment, a Attempt, kind Kind, opID string, amount money.Money, at occasion) *Operation {
	return &Operation{
		Merchant: p.Merchant, ID: opID, Payment: p.ID, Attempt: a.Number, Account: a.Account, Kind: kind, State: OperationSending,
		Amount: amount, SentAt: at.now, DueAt: at.now.Add(at.patience), CreatedAt: at.now,
	}
}

// capture decides a capture. An amount of 0 is all that is left; what takes all that is left is final.
// It fails with fault.Conflict if nothing is left to capture or capture_before has passed, and with fault.Invalid if the
// amount exceeds what is left, or leaves a rest at a provider that would release it unasked.
func (p Payment) capture(a Attempt, opID string, minor int64, final bool, at occasion) (decision, error) {
	if p.Status != Authorized {
		return decision{}, fault.State(fmt.Sprintf("the payment is %s; only an authorized payment can be captured", p.Status))
	}
	if !at.now.Before(p.CaptureBefore) {
		return decision{}, fault.New(fault.Conflict, fault.CodeExpired, "capture_before has passed; the authorization is being released")
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
	op := newOperation(p, a, KindCapture, opID, amount, at)
	op.Final = final || amount == left
	if !op.Final && !at.parts {
		return decision{}, fault.Wrong("final", fault.CodeInvalid, "must be true: this provider releases the rest with the first capture")
	}
	return decision{payment: p, operation: op}, nil
}

// void decides the release of an authorization.
func (p Payment) void(a Attempt, opID string, purpose Purpose, reason string, at occasion) (decision, error) {
	if p.Status != Authorized {
		return decision{}, fault.State(fmt.Sprintf("the payment is %s; only an authorized payment can be voided", p.Status))
	}
	left, err := p.Authorized.Sub(p.Captured)
	if err != nil {
		return decision{}, err
	}
	op := newOperation(p, a, KindVoid, opID, left, at)
	op.Purpose, op.Reason = purpose, reason
	return decision{payment: p, operation: op}, nil
}

// refund decides a refund. An amount of 0 is all that is left. The amount is taken out of what can be refunded at once,
// so that refunds cannot race past what was captured.
func (p Payment) refund(a Attempt, opID string, r RefundRequest, at occasion) (decision, error) {
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
	if left.IsZero() && !p.Disputed.IsZero() {
		return decision{}, fault.State(fmt.Sprintf("nothing is left to refund: %s of the payment is disputed", p.Disputed))
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
	op := newOperation(p, a, KindRefund, opID, amount, at)
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
	d := decision{payment: p}
	to := operationStateOf(op, o)
	if op.waits(p, o, t) {
		to = OperationQueued
	}
	switch {
	case op.clearsAt(o):
		return d, d.clearedOperation(a, op, o)
	case op.open() && to == OperationSucceeded && op.Kind == KindCapture && p.Status == Authorized && op.Amount != o.Amount && p.clears(op.Amount, o.Amount):
		return capturedAndCleared(p, a, op, o, t)
	}
	to = d.adopted(a, op, o, to)
	if !op.open() {
		if d.contradiction != nil && op.Kind != KindRefund {
			d.askAbout(a, t.now)
		}
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
	if to != OperationUnknown {
		op.ManualAt, op.ManualReason = time.Time{}, ""
	}
	if d.contradiction != nil {
		op.Detail = d.contradiction.Claim
	}
	d.operation, d.attempt = &op, &a
	var err error
	switch to {
	case OperationSucceeded:
		err = completers[op.Kind](&d, t)
	case OperationFailed:
		err = d.operationFailed(o, t)
	case OperationQueued:
		op.wait(p, o, t)
	default:
		op.DueAt, op.Inquiries = askedAgain(op.ID, op.Inquiries, o, t.now)
		if to == OperationUnknown {
			op.handOver(o, t)
		}
	}
	return d, torn(err)
}

// adopted is the state that an outcome takes an operation to, whichever state it speaks of: what contradicts what is known is written down, and
// leaves the operation as it is or its outcome unknown.
func (d *decision) adopted(a Attempt, op Operation, o provider.Outcome, to OperationState) OperationState {
	switch {
	case to != OperationUnknown && op.isOfAnotherAmount(o):
		d.contradict(a, op.ID, string(op.State)+" "+op.Amount.String(), o, RemedyNone)
		return OperationUnknown // not ours to adopt
	case op.open() && to == OperationSucceeded && op.Kind == KindCapture && d.payment.Status != Authorized:
		d.contradict(a, op.ID, "a capture of a payment that is "+string(d.payment.Status), o, RemedyNone)
		return OperationUnknown
	case !op.open() && op.State != to && to != OperationUnknown && to != OperationPending:
		d.contradict(a, op.ID, string(op.State), o, RemedyNone)
	}
	return to
}

// isOfAnotherAmount tells whether an outcome speaks of money that was not asked for. What a void released is the
// provider's to say.
func (o Operation) isOfAnotherAmount(out provider.Outcome) bool {
	return out.Class == provider.Approved && o.Kind != KindVoid && out.Amount != (money.Money{}) && out.Amount != o.Amount
}

// askAbout has the worker ask how an authorization stands: an operation on it did not go as it should, so it may have
// ended at the provider.
func (d *decision) askAbout(a Attempt, now time.Time) {
	if a.State == AttemptAuthorized {
		a.DueAt = now
		d.attempt = &a
	}
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
	over, err := p.Captured.Sub(p.Authorized)
	if err != nil {
		return err
	}
	switch {
	case over.Minor() > 0 && !t.whole:
		return errTorn // it is in the payment already, and not yet in the operation
	case over.Minor() > 0: // an earlier capture has cleared at more since this one was asked for
		p.Authorized = p.Captured
		d.post(ledger.Authorize, op.ID, over, money.Money{})
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
	if err := p.landed(op.Amount); err != nil {
		return err
	}
	var err error
	if p.Refunded, err = p.Refunded.Add(op.Amount); err != nil {
		return err
	}
	d.post(ledger.RefundSucceeded, op.ID, op.Amount, money.Money{})
	d.tell(event.RefundSucceeded)
	return nil
}

// landed takes a refund whose outcome is known from those on their way.
func (p *Payment) landed(amount money.Money) (err error) {
	if p.Refunding, err = p.Refunding.Sub(amount); err == nil && p.Refunding.Minor() < 0 {
		return errTorn // it has landed in the payment already, and not yet in the operation
	}
	return err
}

// failsLate is the event of an operation that fails after whoever asked for it was told to wait; empty if they are told by the answer, or
// by an event of something else.
func (o Operation) failsLate() event.Type {
	switch waited := o.was != OperationSending || !o.Deadline.IsZero(); {
	case waited && o.Kind == KindCapture:
		return event.PaymentCaptureFailed
	case waited && o.Purpose == PurposeCancel && o.Payout == "":
		return event.PaymentCancelFailed
	}
	return ""
}

// retryExpiry is how long after a failed release of a lapsed authorization the release is tried again.
const retryExpiry = time.Hour

func (d *decision) operationFailed(o provider.Outcome, t terms) error {
	p, op := &d.payment, d.operation
	op.Failure = op.declined(*p, o)
	if o.Class == provider.Declined {
		d.told = toldDecline{t.provider, o.Decline}
	}
	if op.Kind == KindVoid && op.Purpose == PurposeExpire {
		p.DueAt = t.now.Add(retryExpiry)
	}
	if told := op.failsLate(); told != "" {
		d.tell(told)
	}
	if op.Kind != KindRefund {
		if o.Class == provider.Declined {
			d.askAbout(*d.attempt, t.now)
		}
		return nil
	}
	if err := p.landed(op.Amount); err != nil {
		return err
	}
	d.post(ledger.RefundFailed, op.ID, op.Amount, money.Money{})
	d.tell(event.RefundFailed)
	return nil
}
