package payment

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
)

// decision is what a pure function decided: the rows as they shall be, what is to be booked and what is to be told. The
// rows carry the version they were read with; version 0 is a new row.
type decision struct {
	payment   Payment
	attempt   *Attempt
	next      *Attempt // a try that follows the attempt in the same Change
	operation *Operation
	transfers []Transfer // money that came in on a code
	postings  []ledger.Posting
	left      customer.AttachedMethod // the card that the payer leaves for later payments
	events    []event.Type
	// contradiction is set if what was heard cannot be true together with what is known. It is written down, and changes
	// no state and no amount.
	contradiction *Contradiction
	clearing      *Clearing      // that the payment follows
	history       *retry.History // of the payment's card, if it changes
	told          toldDecline    // the decline that it writes down, if it does
}

// toldDecline is a decline, and the connector that told it.
type toldDecline struct {
	provider string
	decline  provider.Decline
}

// nothing tells whether the decision moves nothing: what was heard was known already, or contradicts it.
func (d decision) nothing() bool {
	return d.attempt == nil && d.operation == nil && len(d.transfers) == 0
}

// errTorn means that the rows a decision was made from were read at different moments: somebody else moved them in between.
// They are read again.
var errTorn = fault.New(fault.Stale, fault.CodeOverloaded, "the payment was changed while it was read")

// torn is a settlement's error, if there is one. An outcome always fits rows of one moment: what the tables refuse is torn.
func torn(err error) error {
	if fault.Is(err, fault.Conflict) {
		return errTorn
	}
	return err
}

// move takes a payment to another state, if the table allows it.
func (p *Payment) move(to Status) error {
	if p.Status == to {
		return nil
	}
	if !allowed(paymentMoves, p.Status, to) {
		return fault.State(fmt.Sprintf("the payment is %s and cannot become %s", p.Status, to))
	}
	if p.Status == RequiresAction {
		p.Action = nil
		if to == Processing && !p.AwaitsPayer {
			p.ExpiresAt = time.Time{} // it was the challenge's
		}
	}
	p.Status = to
	if !awaitsIssuer[to] {
		p.Asked.Browser = nil // nobody will be asked about the payer any more
	}
	return nil
}

func (a *Attempt) move(to AttemptState) error {
	if !allowed(attemptMoves, a.State, to) {
		return fault.State(fmt.Sprintf("attempt %d is %s and cannot become %s", a.Number, a.State, to))
	}
	a.State = to
	return nil
}

func (o *Operation) move(to OperationState) error {
	if !allowed(operationMoves, o.State, to) {
		return fault.State(fmt.Sprintf("the %s is %s and cannot become %s", o.Kind, o.State, to))
	}
	o.State = to
	return nil
}

// post notes a posting of an amount, unless it is nothing.
func (d *decision) post(kind ledger.Kind, cause string, amount, fee money.Money) {
	if amount.IsZero() {
		return
	}
	d.postings = append(d.postings, ledger.Posting{
		Kind: kind, Subject: d.payment.ID, Cause: cause, Provider: d.payment.Account, Amount: amount, Fee: fee,
	})
}

func (d *decision) tell(types ...event.Type) { d.events = append(d.events, types...) }

// contradict notes that an outcome cannot be true together with what is known of an attempt or an operation.
func (d *decision) contradict(a Attempt, subject, known string, o provider.Outcome, remedy Remedy) {
	d.contradiction = &Contradiction{
		Merchant: d.payment.Merchant, Payment: d.payment.ID, Attempt: a.Number, Account: a.Account, Subject: subject,
		Claim: "it is " + known + ", the provider says " + claimOf(o), Reference: o.Reference, Remedy: remedy,
		Amount: o.Amount,
	}
}

// contradictClearing is the same of a clearing that a person must look at.
func (d *decision) contradictClearing(a Attempt, subject, known string, o provider.Outcome) {
	d.contradict(a, subject, known, o, RemedyNone)
	d.contradiction.Clearing = true
}

// claimOf is an outcome in words.
func claimOf(o provider.Outcome) string {
	switch {
	case o.State == provider.Missing:
		return "there is no such transaction"
	case o.Class == provider.Declined:
		return "declined"
	case o.Class == provider.NotSent:
		return "not sent"
	case o.Amount == (money.Money{}):
		return string(o.State)
	}
	return string(o.State) + " " + o.Amount.String()
}

// askedAgain is when a question whose answer was no help, or did not come, is asked again, and how often it was asked. A question that was
// withheld, because the provider is down, is none: it keeps its place in the schedule.
func askedAgain(id string, asked int64, o provider.Outcome, now time.Time) (due time.Time, then int64) {
	if !o.NotBefore.IsZero() {
		return health.Spread(id, o.NotBefore), asked
	}
	return now.Add(provider.InquiryDelay(asked)), asked + 1
}
