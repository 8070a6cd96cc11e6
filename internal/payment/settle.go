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
	now       time.Time
	fee       int64         // Florin's own fee, in basis points
	hold      time.Duration // how long the provider holds an authorization
	operating bool          // a capture or a void of it is under way, whose own outcome will tell
	restKept  bool          // its time is over, and the provider refused to release the rest
	patience  time.Duration // how long a call may take before the worker takes it up
	again     string        // the id of the try with authentication that may follow one that was declined for the want of it; empty: none can
	whole     bool          // an operation's rows are known to be of one moment
	blind     bool          // the provider cannot be asked what became of a call
	tries     int64         // how many accounts one request may try
	queue     time.Duration // how long a refund waits for a provider that is down
	hour      int           // of the day, UTC, at which a payment is best tried again
	next      *succession   // the try elsewhere that may follow one that failed; nil: there is none
	provider  string        // the connector
}

// settle decides what an outcome of an authorization means, whether it came as the answer to the call, from an inquiry or
// by webhook. What is known already changes nothing; what contradicts it is noted and changes nothing that is known.
func settle(p Payment, a Attempt, o provider.Outcome, t terms) (decision, error) {
	d := decision{payment: p}
	to := attemptStateOf(a, o)
	switch hear(p, a, to, o, t) {
	case isKnown:
		return d, nil
	case isLate:
		d.contradict(a, a.ID, string(a.State), o, RemedyReverse)
		return d, nil
	case isContradiction:
		d.contradict(a, a.ID, standing(p, a), o, RemedyNone)
		return d, nil
	case isClearing:
		return d, d.cleared(a, a.ID, p.Captured, o)
	case isEarly:
		a.Inquiries++
		d.askAbout(a, t.now.Add(provider.InquiryDelay(a.Inquiries)))
		return d, nil
	case isRestGone:
		to = AttemptVoided
	case isStillOpen:
		to = AttemptUnknown
	case isAnotherAmount:
		if to == AttemptCaptured && a.Capture && p.clears(a.Amount, o.Amount) {
			return d, torn(d.soldAndCleared(a, o, t))
		}
		d.contradict(a, a.ID, "asked for as "+a.Amount.String(), o, RemedyNone)
		o.Detail, to = d.contradiction.Claim, AttemptUnknown
	}
	err := torn(d.adopt(a, to, o, t))
	return d, err
}

// standing is what is known of an attempt, in words.
func standing(p Payment, a Attempt) string {
	switch a.State {
	case AttemptAuthorized:
		return string(a.State) + " " + a.Amount.String()
	case AttemptCaptured:
		return string(a.State) + " " + p.Captured.String()
	}
	return string(a.State)
}

// adopt takes an attempt to another state and its payment with it.
func (d *decision) adopt(a Attempt, to AttemptState, o provider.Outcome, t terms) error {
	if a.State == AttemptSending && to == AttemptVoided {
		if err := a.move(AttemptUnknown); err != nil { // we never heard what was voided
			return err
		}
	}
	state, from := to, a.State
	switch {
	case to == AttemptVoided && !d.payment.Captured.IsZero():
		state = AttemptCaptured // part of it was taken: only the rest is gone
	case to == AttemptVoided && d.payment.lapses(from):
		state = AttemptExpired
	}
	if a.State != state {
		if err := a.move(state); err != nil {
			return err
		}
	}
	if o.Reference != "" {
		a.Reference = o.Reference
	}
	if o.NetworkReference != "" {
		a.NetworkReference = o.NetworkReference
	}
	a.Detail, a.DueAt = o.Detail, time.Time{}
	if a.State.has() {
		a.Route = a.Route.approved(t.now)
	}
	if !inquirable[a.State] {
		a.ManualAt, a.ManualReason = time.Time{}, ""
	}
	d.attempt = &a
	d.payment.Reference, d.payment.NetworkReference = a.Reference, a.NetworkReference
	if o.ThreeDS != (provider.ThreeDS{}) {
		d.payment.Proof = &Proof{ThreeDS: o.ThreeDS}
	}
	switch {
	case state == AttemptExpired:
		return d.expired(textUnpaid, t.now)
	case from == AttemptAction && to == AttemptVoided:
		return d.end(d.payment.unfinished(textUnfinished))
	}
	return settlers[to](d, o, t)
}

// lapses tells whether a try ends by time, not by a refusal, when the provider lets go of it: its code or its page was shown, and a
// scheme or a bank gives that up for no other reason.
func (p Payment) lapses(from AttemptState) bool {
	return !p.Method.isCard() && (from == AttemptAction || from == AttemptPending)
}

// attemptStateOf says which state of the attempt an outcome speaks of.
func attemptStateOf(a Attempt, o provider.Outcome) AttemptState {
	switch o.Class {
	case provider.Declined:
		return AttemptDeclined
	case provider.NotSent:
		if a.State == AttemptUnknown || a.State == AttemptAction {
			return AttemptUnknown // the question was not sent; nothing is known of the call itself
		}
		return AttemptNotSent
	case provider.Approved:
		if state, ok := approvedStates[o.State]; ok {
			return state
		}
	}
	return AttemptUnknown
}

var approvedStates = map[provider.State]AttemptState{
	provider.Authorized:     AttemptAuthorized,
	provider.Captured:       AttemptCaptured,
	provider.Succeeded:      AttemptCaptured,
	provider.Pending:        AttemptPending,
	provider.ActionRequired: AttemptAction,
	provider.Voided:         AttemptVoided,
	provider.Failed:         AttemptDeclined,
}

// hearing is what an outcome is to what is known.
type hearing uint8

const (
	isNews hearing = iota
	isKnown
	isContradiction
	isLate          // an approval of an attempt that had ended
	isStillOpen     // the provider has it, and has no final word yet
	isEarly         // the end of an authorization with an operation open: that one's outcome says what to make of it
	isRestGone      // what is captured is all there is
	isClearing      // the money that was taken has cleared at another amount
	isAnotherAmount // of an attempt whose outcome is open: it stays so
)

// hear compares what is heard of an attempt with what is known.
func hear(p Payment, a Attempt, to AttemptState, o provider.Outcome, t terms) hearing {
	anotherAmount := o.Amount != (money.Money{}) && o.Amount != a.Amount && to != AttemptVoided && to != AttemptDeclined
	switch {
	case to == AttemptUnknown && (a.State == AttemptSending || a.State == AttemptUnknown):
		return isNews
	case to == AttemptUnknown:
		return isKnown // not knowing takes nothing back
	case to == AttemptCaptured && byOperations(p, a, t):
		return hearCaptures(p, a, o.Amount, t)
	case to == AttemptVoided && a.State == AttemptCaptured && p.Captured != p.Authorized:
		return isKnown // the rest, which was released with the last capture
	case holdsNothing[a.State] && holdsNothing[to], olderNews(p, a, to):
		return isKnown
	case holdsNothing[a.State]:
		return isLate
	case anotherAmount && (a.State == AttemptSending || a.State == AttemptUnknown || a.State == AttemptAction):
		return isAnotherAmount // not ours to adopt
	case anotherAmount:
		return isContradiction
	case a.State == to:
		return isKnown
	case a.State == AttemptUnknown && to == AttemptPending:
		return isStillOpen
	case a.State == AttemptAuthorized && to == AttemptVoided && t.operating:
		return isEarly
	case a.State == AttemptSending && to == AttemptVoided, allowed(attemptMoves, a.State, to):
		return isNews
	}
	return isContradiction
}

// byOperations tells whether captures of the attempt are operations of their own, so that a captured authorization says
// nothing new.
func byOperations(p Payment, a Attempt, t terms) bool {
	if a.State != AttemptAuthorized && a.State != AttemptCaptured {
		return false
	}
	return !a.Capture || !p.Captured.IsZero() || t.operating
}

// hearCaptures compares what is captured in all. While an operation is open the provider may be ahead of us; a message of
// an earlier capture may come late.
func hearCaptures(p Payment, a Attempt, said money.Money, t terms) hearing {
	order, err := said.Compare(p.Captured)
	if err == nil && order == 0 && a.State == AttemptAuthorized && t.restKept && !t.operating {
		return isRestGone
	}
	switch {
	case t.operating, err == nil && (order == 0 || order < 0 && !a.Capture):
		return isKnown
	case err == nil && a.Capture && a.State == AttemptCaptured:
		return isClearing
	}
	return isContradiction
}

// olderNews tells whether a state that is heard of lies behind the attempt: messages may come in any order.
func olderNews(p Payment, a Attempt, heard AttemptState) bool {
	if a.Reference == "" {
		return false // its success was never known, so hearing of it now is no repetition
	}
	switch heard {
	case AttemptAction:
		return a.State != AttemptSending && a.State != AttemptUnknown
	case AttemptPending:
		waits := a.State == AttemptAction && !p.Method.isCard() // the payer has done their part, and their bank not yet
		return a.State != AttemptSending && a.State != AttemptUnknown && a.State != AttemptPending && !waits
	case AttemptAuthorized:
		held := a.Number == p.Attempts && !p.Authorized.IsZero() // else it ended before it held anything
		return a.State == AttemptCaptured || held && (a.State == AttemptVoided || a.State == AttemptExpired)
	}
	return false
}

// settlers complete a decision once the attempt has its new state.
var settlers = map[AttemptState]func(*decision, provider.Outcome, terms) error{
	AttemptAuthorized: (*decision).authorized,
	AttemptCaptured:   (*decision).sold,
	AttemptPending:    (*decision).pending,
	AttemptAction:     (*decision).acts,
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

// sold books an authorization that was captured at once, or that was held for a moment and is now captured.
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

func (d *decision) unknown(o provider.Outcome, t terms) error {
	a := d.attempt
	a.DueAt, a.Inquiries = askedAgain(a.ID, a.Inquiries, o, t.now)
	if a.was != AttemptUnknown {
		d.tell(event.PaymentPending)
	}
	return d.payment.move(Processing)
}

func (d *decision) failed(o provider.Outcome, t terms) error {
	if o.Class == provider.Declined {
		d.told = toldDecline{t.provider, o.Decline}
	}
	if d.stepsUp(o, t) {
		return d.stepUp(o, t)
	}
	return d.fails(d.payment.declined(o), o, t)
}

// released ends an attempt whose authorization the provider let go: unasked, or reversed because its outcome stayed
// unknown.
func (d *decision) released(_ provider.Outcome, t terms) error {
	p := &d.payment
	if p.Status == Authorized {
		return d.lapsed(Expired)
	}
	f := &FailureObject{Code: fault.CodeProviderUnavailable, Message: "The provider did not answer in time. Nothing was charged."}
	if at, ok := d.chargedNobody(t); ok {
		return d.putOff(f, LaterProvider, at)
	}
	return d.end(f)
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

// end closes a payment whose try did not succeed, for the most telling reason of all that its request met. One that awaits its payer gets
// another try, unless they could not prove who they are as often as they may try.
func (d *decision) end(f *FailureObject) error {
	p := &d.payment
	d.attempt.Failure, p.Failure = f, f
	if d.attempt.Route != nil {
		p.Failure = telling(d.attempt.Route.Best, f)
	}
	d.tell(event.PaymentFailed)
	if p.AwaitsPayer && !p.exhausted() {
		p.DueAt = p.ExpiresAt
		return p.move(RequiresPaymentMethod)
	}
	p.DueAt, p.ExpiresAt = time.Time{}, time.Time{}
	return p.move(Failed)
}
