package payout

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// The codes of refusals that only payouts have.
const (
	CodeBalance     = "balance_insufficient"
	CodeBlocked     = "destination_blocked"
	CodeUnsupported = "destination_not_supported"
	CodeTwoPersons  = control.CodeTwoPersons
)

// decision is what was decided: the rows as they shall be, what is booked and what is told. The rows carry the version they were read with.
type decision struct {
	payout   Payout
	balance  *Balance
	postings []ledger.Kind
	told     []telling
	claim    string // what was heard that cannot be true together with what is known
	moved    bool   // the payout's row changes
	handed   bool   // its outcome has become a person's business
}

// telling is an event, with the payout as it was then.
type telling struct {
	of   event.Type
	then Payout
}

// kinds is what a move books. A payout that fails before the provider has taken it has its money elsewhere than one that fails later.
var kinds = map[[2]Status]ledger.Kind{
	{Held, Queued}:     ledger.KindPayoutQueued,
	{Queued, Sent}:     ledger.KindPayoutSent,
	{Queued, Failed}:   ledger.KindPayoutRefused,
	{Queued, Canceled}: ledger.KindPayoutCanceled,
	{Sent, Paid}:       ledger.KindPayoutPaid,
	{Sent, Failed}:     ledger.KindPayoutFailed,
	{Paid, Returned}:   ledger.KindPayoutReturned,
}

var events = map[Status]event.Type{
	Held: event.PayoutHeld, Queued: event.PayoutQueued, Sent: event.PayoutSent, Paid: event.PayoutPaid, Failed: event.PayoutFailed,
	Returned: event.PayoutReturned, Canceled: event.PayoutCanceled,
}

// move takes the payout to another state, if the table allows it, with what that books and tells.
func (d *decision) move(to Status, now time.Time, detail string) error {
	p := &d.payout
	if !allowed(p.Status, to) {
		return fault.State(fmt.Sprintf("the payout is %s and cannot become %s", p.Status, to))
	}
	if kind, ok := kinds[[2]Status{p.Status, to}]; ok {
		d.postings = append(d.postings, kind)
	}
	if to == Canceled || to == Failed && p.Status == Queued { // nothing of it arrives
		p.Earliest, p.Latest = time.Time{}, time.Time{}
	}
	p.Status, d.moved = to, true
	if to != Queued {
		p.Call = NoCall
	}
	if to == Paid {
		p.PaidAt = now
	}
	d.tell(now, detail)
	return nil
}

// tell notes that the payout has come to its state.
func (d *decision) tell(now time.Time, detail string) {
	of := events[d.payout.Status]
	d.payout.note(now, string(of), detail)
	d.told = append(d.told, telling{of, d.payout})
}

// begin decides a new payout: it is queued, or held above the threshold. What is left of what can be spent comes back. It fails with
// fault.Conflict if it is more than there is.
func begin(p Payout, held bool, b *Balance, left int64, now time.Time) (decision, int64, error) {
	amount := p.Amount.Minor()
	if amount > left {
		return decision{}, left, fault.New(fault.Conflict, CodeBalance,
			fmt.Sprintf("only %s are available to be paid out", money.Of(max(left, 0), p.Amount.Currency())))
	}
	d := decision{payout: p, moved: true}
	if held {
		b.Reserved += amount
		d.payout.Status = Held
		d.tell(now, "somebody else must agree")
		return d, left - amount, nil
	}
	d.payout.Status, d.payout.DueAt = Queued, now
	d.postings = append(d.postings, ledger.KindPayoutQueued)
	d.tell(now, "")
	return d, left - amount, nil
}

// approve decides that somebody agrees, and with enough of them that it goes; see control.Agree. left is what can be spent, the amount that is held for
// this payout not counted.
func (p Payout) approve(by string, who control.Person, persons int, b Balance, left int64, now time.Time) (decision, error) {
	if p.Status != Held {
		return decision{}, fault.State(fmt.Sprintf("the payout is %s; only one that is held can be approved", p.Status))
	}
	agreed, enough, err := control.Agree("payout", p.ApprovedBy, by, who, persons)
	if err != nil {
		return decision{}, err
	}
	if left < 0 {
		return decision{}, fault.New(fault.Conflict, CodeBalance, "the money that was held for it has been refunded meanwhile")
	}
	if !enough {
		d := decision{payout: p, moved: true}
		d.payout.ApprovedBy = agreed
		d.payout.note(now, "approved", "by one of two persons")
		return d, nil
	}
	return p.release(agreed, b, now)
}

// release decides that what is held goes. agreed is who has agreed to it.
func (p Payout) release(agreed string, b Balance, now time.Time) (decision, error) {
	d := decision{payout: p}
	b.Reserved -= p.Amount.Minor()
	d.payout.ApprovedBy = agreed
	d.balance, d.payout.DueAt = &b, now
	return d, d.move(Queued, now, "approved")
}

// cancel decides that a payout is not to be sent. Once the provider may have it, it is too late.
func (p Payout) cancel(b Balance, reason string, now time.Time) (decision, error) {
	if p.Status == Queued && p.Call != NoCall {
		return decision{}, fault.State("the payout is being sent: it cannot be canceled any more")
	}
	d := decision{payout: p}
	if p.Status == Held {
		b.Reserved -= p.Amount.Minor()
		d.balance = &b
	}
	d.payout.DueAt = time.Time{}
	return d, d.move(Canceled, now, reason)
}

// backoffs are the pauses after each try that did not reach the provider; past their end, the last one repeats. It is short: a provider that is
// down is kept from calls by its breaker, and what waited is to be sent when it is back.
var backoffs = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}

// statusOf is the state of a payout that an outcome speaks of; empty if it says nothing that can be relied on.
func statusOf(o provider.Outcome) Status {
	switch {
	case o.Class == provider.Declined:
		return Failed
	case o.Class != provider.Approved:
		return ""
	}
	return map[provider.State]Status{provider.Pending: Sent, provider.Succeeded: Paid, provider.Returned: Returned, provider.Failed: Failed}[o.State]
}

// settle decides what an outcome means for a payout, whether it came as the answer to the call, from an inquiry or by webhook, in any order and
// any number of times. What is known changes nothing; what contradicts it is noted and changes nothing that is known.
func (p Payout) settle(o provider.Outcome, rail bank.Rail, now time.Time) (decision, error) {
	d := decision{payout: p}
	to := statusOf(o)
	switch {
	case o.Class == provider.NotSent && p.Status == Queued && p.Call == CallSending:
		return d.retry(o, now)
	case to == "":
		return d.doubt(o, rail, now), nil
	case o.Amount != (money.Money{}) && o.Amount != p.Amount:
		return d.contradict(fmt.Sprintf("asked for as %s, the provider says %s %s", p.Amount, to, o.Amount), now).lookedAt(p.nextLook(rail, now)), nil
	case behind(p.Status, to):
		return d.known(now).lookedAt(p.nextLook(rail, now)), nil
	}
	steps, ok := way(p.Status, to)
	if !ok {
		return d.contradict(fmt.Sprintf("it is %s, the provider says %s", p.Status, to), now).lookedAt(p.nextLook(rail, now)), nil
	}
	d.payout.Inquiries, d.payout.NotFound = 0, 0
	d.payout.told()
	if o.Reference != "" {
		d.payout.Reference = o.Reference
	}
	if p.Status == Queued && to == Sent {
		d.payout.Earliest, d.payout.Latest = bank.Estimate(rail, now)
	}
	for i, step := range steps {
		detail := ""
		if i == len(steps)-1 && (to == Failed || to == Returned) {
			d.payout.Failure = failureOf(o)
			detail = d.payout.Failure.Code
		}
		if err := d.move(step, now, detail); err != nil {
			return d, err
		}
	}
	d.payout.DueAt = time.Time{}
	if to == Sent {
		d.payout.DueAt = now.Add(pendingInquiry)
	}
	return d.lookedAt(d.payout.nextLook(rail, now)), nil
}

// pendingInquiry is how long a provider may leave a payout without a word before it is asked.
const pendingInquiry = time.Minute

func failureOf(o provider.Outcome) *FailureObject {
	code := o.Decline.Code
	if code == "" {
		code = provider.ProcessingError
	}
	return &FailureObject{string(code), o.Decline.Message}
}

// known: nothing is new, but a payout that is being asked about is asked again.
func (d decision) known(now time.Time) decision {
	if d.payout.Status == Sent {
		d.payout.told()
		d.payout.DueAt = now.Add(provider.InquiryDelay(d.payout.Inquiries + 4)) // from five minutes on
		d.payout.Inquiries++
		d.moved = true
	}
	return d
}

// doubt leaves the outcome open, and asks again.
func (d decision) doubt(o provider.Outcome, rail bank.Rail, now time.Time) decision {
	p := &d.payout
	if p.Status == Paid {
		return d.lookedAt(p.nextTry(rail, now))
	}
	if p.Status != Queued && p.Status != Sent || p.Status == Queued && p.Call == NoCall {
		return d // not knowing takes nothing back
	}
	if p.Status == Queued {
		p.Call = CallUnknown
		p.note(now, "call.unknown", o.Detail)
	}
	p.DueAt = now.Add(provider.InquiryDelay(p.Inquiries))
	p.Inquiries++
	if !o.NotBefore.IsZero() {
		p.DueAt = health.Spread(p.ID, o.NotBefore)
		p.Inquiries-- // nobody was asked
	}
	d.moved = true
	return d.handOver(o.NotBefore.IsZero(), now)
}

// wait has it sent when its provider is back: that was no try. why is for its timeline.
func (d decision) wait(until time.Time, why string, now time.Time) decision {
	d.payout.Call, d.payout.DueAt, d.moved = NoCall, health.Spread(d.payout.ID, until), true
	d.payout.Tries = max(d.payout.Tries-1, 0)
	d.payout.note(now, noteWaiting, why)
	return d
}

// retry has it sent again later: nothing reached the provider. Past its deadline it fails.
func (d decision) retry(o provider.Outcome, now time.Time) (decision, error) {
	p := &d.payout
	if p.overdue(now) {
		return d.giveUp(FailureObject{fault.CodeProviderUnavailable, textUnsent}, now)
	}
	if !o.NotBefore.IsZero() {
		return d.wait(o.NotBefore, o.Detail, now), nil
	}
	p.Call, d.moved = NoCall, true
	p.DueAt = now.Add(backoffs[min(max(p.Tries, 1), int64(len(backoffs)))-1])
	if p.Tries <= int64(len(backoffs)) { // later ones are all alike, and the timeline has room for what comes yet
		p.note(now, "call.not_sent", fmt.Sprintf("try %d: %s", p.Tries, o.Detail))
	}
	return d, nil
}

// missing counts a provider's word that it has no such payout. Believed, it is sent again under the same reference.
func (p Payout) missing(believable bool, rail bank.Rail, now time.Time) decision {
	d := decision{payout: p, moved: true}
	if p.Status == Paid {
		d.payout.note(now, "contradiction", "it is paid, the provider says that it has no such payout")
		return d.lookedAt(p.nextLook(rail, now))
	}
	if believable {
		d.payout.NotFound++
	}
	if p.Status == Queued && d.payout.NotFound >= provider.NotFoundTwice {
		d.payout.Call, d.payout.NotFound, d.payout.DueAt = NoCall, 0, now
		d.payout.told()
		d.payout.note(now, "call.not_found", "the provider never had it: it is sent again")
		return d
	}
	d.payout.DueAt = now.Add(provider.InquiryDelay(p.Inquiries))
	d.payout.Inquiries++
	if p.Status == Sent {
		d.payout.note(now, "contradiction", "it is sent, the provider says that it has no such payout")
	} else {
		d.payout.Call = CallUnknown
	}
	return d.handOver(true, now)
}

// contradict notes what cannot be true together with what is known. An outcome that is open stays so.
func (d decision) contradict(claim string, now time.Time) decision {
	d.claim, d.moved = claim, true
	d.payout.note(now, "contradiction", claim)
	if d.payout.Status == Queued && d.payout.Call != NoCall || d.payout.Status == Sent {
		if d.payout.Status == Queued {
			d.payout.Call = CallUnknown
		}
		d.payout.DueAt = now.Add(provider.InquiryDelay(d.payout.Inquiries))
		d.payout.Inquiries++
		return d.handOver(true, now)
	}
	return d
}

// overdue tells whether a payout has waited as long as it may.
func (p Payout) overdue(now time.Time) bool { return !p.Deadline.IsZero() && !now.Before(p.Deadline) }

// textUnsent is why a payout that waited was given up.
const textUnsent = "It could not be sent in time. Nothing has reached the provider."

// giveUp decides the end of a payout that waited for its provider, or behind a switch, in vain.
func (d decision) giveUp(why FailureObject, now time.Time) (decision, error) {
	d.payout.Failure = &why
	d.payout.DueAt = time.Time{}
	return d, d.move(Failed, now, why.Code)
}

// bounded gives a payout that has to wait for its provider its deadline.
func (d decision) bounded(queue time.Duration, now time.Time) decision {
	p := &d.payout
	if !d.moved || p.Status != Queued || p.Call != NoCall {
		return d
	}
	if p.Deadline.IsZero() {
		p.Deadline = now.Add(queue)
	}
	if p.DueAt.After(p.Deadline) {
		p.DueAt = p.Deadline
	}
	return d
}
