package payment

import (
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// terms are the facts beside the payment that a settlement depends on.
type terms struct {
	now  time.Time
	fee  int64         // Florin's own fee, in basis points
	hold time.Duration // how long the provider holds an authorization
}

// settle decides what an outcome of an authorization means, whether it came as the answer to the call, from an inquiry or
// by webhook. What is known already changes nothing; what contradicts it is said and changes nothing.
func settle(p Payment, a Attempt, o provider.Outcome, t terms) (decision, error) {
	to := attemptStateOf(a, o)
	d := decision{payment: p}
	switch {
	case a.State == to && to != AttemptUnknown:
		return d, nil
	case olderNews(a, to):
		return d, nil
	case to == AttemptUnknown && !inquirable[a.State]:
		return d, nil // not knowing takes nothing back
	case !allowed(attemptMoves, a.State, to) && a.State != to:
		d.contradiction = "the attempt is " + string(a.State) + ", the provider says " + string(to)
		return d, nil
	}
	if a.State != to {
		if err := a.move(to); err != nil {
			return d, err
		}
	}
	if o.Reference != "" {
		a.Reference = o.Reference
	}
	if o.NetworkReference != "" {
		a.NetworkReference = o.NetworkReference
	}
	a.Detail, a.DueAt = o.Detail, time.Time{}
	d.attempt = &a
	d.payment.Reference, d.payment.NetworkReference = a.Reference, a.NetworkReference
	err := settlers[to](&d, o, t)
	return d, err
}

// attemptStateOf says which state of the attempt an outcome speaks of.
func attemptStateOf(a Attempt, o provider.Outcome) AttemptState {
	switch o.Class {
	case provider.Declined:
		return AttemptDeclined
	case provider.NotSent:
		if a.State == AttemptUnknown {
			return AttemptUnknown // the question was not sent; nothing is known of the call itself
		}
		return AttemptNotSent
	case provider.Approved:
		if o.Amount != (money.Money{}) && o.Amount != a.Amount {
			return AttemptUnknown // another amount than was asked for: not ours to adopt
		}
		if state, ok := approvedStates[o.State]; ok {
			return state
		}
	}
	return AttemptUnknown
}

var approvedStates = map[provider.State]AttemptState{
	provider.Authorized: AttemptAuthorized,
	provider.Captured:   AttemptCaptured,
	provider.Succeeded:  AttemptCaptured,
	provider.Pending:    AttemptPending,
	provider.Voided:     AttemptVoided,
	provider.Failed:     AttemptDeclined,
}

// olderNews tells whether a state that is heard of lies behind the attempt: messages may come in any order.
func olderNews(a Attempt, heard AttemptState) bool {
	if a.Reference == "" {
		return false // its success was never known, so hearing of it now is no repetition
	}
	switch heard {
	case AttemptPending:
		return a.State == AttemptAuthorized || a.State == AttemptCaptured || a.State == AttemptVoided || a.State == AttemptExpired
	case AttemptAuthorized:
		return a.State == AttemptCaptured || a.State == AttemptVoided || a.State == AttemptExpired
	case AttemptCaptured:
		return a.State == AttemptAuthorized && !a.Capture // captures of an authorization are operations of their own
	}
	return false
}

// settlers complete a decision once the attempt has its new state.
var settlers = map[AttemptState]func(*decision, provider.Outcome, terms) error{
	AttemptAuthorized: (*decision).authorized,
	AttemptCaptured:   (*decision).sold,
	AttemptPending:    (*decision).pending,
	AttemptUnknown:    (*decision).unknown,
	AttemptDeclined:   (*decision).failed,
	AttemptNotSent:    (*decision).failed,
	AttemptVoided:     (*decision).released,
}

func (d *decision) authorized(_ provider.Outcome, t terms) error {
	p, a := &d.payment, d.attempt
	if err := p.move(Authorized); err != nil {
		return err
	}
	held := t.now.Add(t.hold)
	if p.CaptureBefore.IsZero() || p.CaptureBefore.After(held) {
		p.CaptureBefore = held
	}
	p.Authorized, p.Failure = a.Amount, nil
	p.DueAt, p.ExpiresAt = p.CaptureBefore, time.Time{}
	d.post(ledger.Authorize, a.ID, a.Amount, money.Money{})
	d.tell(event.PaymentAuthorized)
	return nil
}

// sold books an authorization that was captured at once, or that was held and is now captured by the provider.
func (d *decision) sold(_ provider.Outcome, t terms) error {
	p, a := &d.payment, d.attempt
	fee, err := a.Amount.BasisPoints(t.fee)
	if err != nil {
		return err
	}
	kind := ledger.Sale
	if p.Status == Authorized {
		kind = ledger.Capture
	}
	if err := p.move(Captured); err != nil {
		return err
	}
	p.Authorized, p.Captured, p.Failure = a.Amount, a.Amount, nil
	p.DueAt, p.ExpiresAt = time.Time{}, time.Time{}
	d.post(kind, a.ID, a.Amount, fee)
	d.tell(event.PaymentCaptured)
	return nil
}

func (d *decision) pending(_ provider.Outcome, t terms) error {
	d.attempt.DueAt = t.now.Add(pendingInquiry)
	d.tell(event.PaymentPending)
	return d.payment.move(Processing)
}

// pendingInquiry is how long a provider may leave a payment pending before it is asked.
const pendingInquiry = time.Minute

func (d *decision) unknown(_ provider.Outcome, t terms) error {
	a := d.attempt
	a.DueAt = t.now.Add(inquiryDelay(a.Inquiries))
	if a.Inquiries == 0 {
		d.tell(event.PaymentPending)
	}
	a.Inquiries++
	return d.payment.move(Processing)
}

func (d *decision) failed(o provider.Outcome, _ terms) error {
	return d.end(declined(o))
}

// released ends an attempt whose authorization the provider let go: unasked, or reversed because its outcome stayed
// unknown.
func (d *decision) released(_ provider.Outcome, t terms) error {
	p := &d.payment
	if p.Status == Authorized {
		return d.lapsed(Expired)
	}
	return d.end(&FailureObject{
		Code: fault.CodeProviderUnavailable, Message: "The provider did not answer in time. Nothing was charged.",
	})
}

// lapsed closes an authorized payment: what is not captured is released.
func (d *decision) lapsed(to Status) error {
	p := &d.payment
	rest, err := p.Authorized.Sub(p.Captured)
	if err != nil {
		return err
	}
	told := map[Status]event.Type{Canceled: event.PaymentCanceled, Expired: event.PaymentExpired, Captured: event.PaymentCaptured}
	if !p.Captured.IsZero() {
		to = Captured // part of it was taken: that part stands
	}
	if err := p.move(to); err != nil {
		return err
	}
	p.DueAt = time.Time{}
	d.post(ledger.Release, d.attempt.ID, rest, money.Money{})
	d.tell(told[to])
	return nil
}

// end closes a payment whose try did not succeed. One that awaits its payer gets another try.
func (d *decision) end(f *FailureObject) error {
	p := &d.payment
	d.attempt.Failure, p.Failure = f, f
	d.tell(event.PaymentFailed)
	if p.AwaitsPayer {
		p.DueAt = p.ExpiresAt
		return p.move(RequiresPaymentMethod)
	}
	p.DueAt, p.ExpiresAt = time.Time{}, time.Time{}
	return p.move(Failed)
}
