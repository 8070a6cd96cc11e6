package sandbox

import (
	"cmp"
	"fmt"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// Choice is what an event may be told. All fields are optional.
type Choice struct {
	Amount    int64  `json:"amount"`    // settle, dispute, clear: minor units; 0: all that can be, or for clear nine tenths
	Reason    string `json:"reason"`    // decline: one of the decline reasons; dispute: free
	Operation string `json:"operation"` // fail_refund, succeed_refund, clear: id or reference; empty: the newest that fits
	Dispute   string `json:"dispute"`   // escalate, win, lose, expire_dispute: id; empty: the newest that fits
	Stage     string `json:"stage"`     // dispute: retrieval, chargeback, pre_arbitration or arbitration; empty: chargeback
	Seconds   int64  `json:"seconds"`   // dispute, escalate: how long evidence is taken; 0: ten days
}

// dispute is the id of the dispute that is meant. What was planned has it as its operation.
func (c Choice) dispute() string { return cmp.Or(c.Dispute, c.Operation) }

// event is something that happens to a transaction without its owner asking.
type event struct {
	name  string
	label string // the button's
	may   func(*Transaction) bool
	do    func(*turn, Choice) error
}

// resend is the event that the store carries out: it changes no transaction.
const resend = "resend_webhook"

// events are the later events, by button, by POST /control/transactions/{id}/{event}, and by plan.
var events = []event{
	{"authorize", "Approve", isStatus(Pending), (*turn).approveLate},
	{"decline", "Decline", isStatus(Pending), (*turn).declineLate},
	{"settle", "Settle", func(t *Transaction) bool {
		return t.Settlement == nil && isStatus(Captured, PartiallyCaptured)(t)
	}, (*turn).settle},
	{"clear", "Clear 90%", func(t *Transaction) bool {
		return t.Settlement == nil && t.last("", isCleared) != nil
	}, (*turn).clear},
	{"dispute", "Dispute", (*Transaction).MayDispute, (*turn).dispute},
	{"escalate", "Escalate dispute", hasDispute(mayEscalate), (*turn).escalate},
	{"win", "Merchant wins", hasDispute((*Dispute).open), endDispute(Won)},
	{"lose", "Merchant loses", hasDispute((*Dispute).open), endDispute(Lost)},
	{"expire_dispute", "Dispute expires", hasDispute(mayExpire), (*turn).expireDispute},
	{"succeed_refund", "Refund succeeds", func(t *Transaction) bool { return t.last("", isWaiting) != nil }, (*turn).succeedRefund},
	{"fail_refund", "Refund fails", func(t *Transaction) bool { return t.last("", isRefund) != nil }, (*turn).failRefund},
	{"void", "Void", isStatus(Authorized), func(t *turn, _ Choice) error { return t.end(Voided, "Voided by the acquirer") }},
	{"expire", "Expire", isStatus(Authorized, Pending), func(t *turn, _ Choice) error { return t.end(Expired, "Expired") }},
	{resend, "Send webhook again", func(*Transaction) bool { return true }, func(*turn, Choice) error { return nil }},
}

func findEvent(name string) (event, bool) {
	for _, e := range events {
		if e.name == name {
			return e, true
		}
	}
	return event{}, false
}

// happen carries an event out. It fails with fault.NotFound if there is no such event, with fault.Invalid if the choice
// makes no sense, with fault.Conflict if the state does not allow it.
func (t *turn) happen(name string, c Choice) error {
	e, ok := findEvent(name)
	if !ok {
		return fault.Missing("event")
	}
	if !e.may(t.Transaction) {
		return fault.State(fmt.Sprintf("the transaction is %s: %s does not apply", t.Status, name))
	}
	return e.do(t, c)
}

func isStatus(of ...Status) func(*Transaction) bool {
	return func(t *Transaction) bool {
		for _, s := range of {
			if t.Status == s {
				return true
			}
		}
		return false
	}
}

func isWaiting(o *Operation) bool { return o.Kind == Refund && o.Status == Waiting }
func isRefund(o *Operation) bool  { return o.Kind == Refund && o.Status != Failed }
func isCleared(o *Operation) bool { return o.Kind == Capture && o.Status == Succeeded }

func (t *turn) approveLate(Choice) error {
	t.approve("authorization.late_approved")
	return nil
}

func (t *turn) declineLate(c Choice) error {
	if c.Reason == "" {
		c.Reason = "do_not_honor"
	}
	if _, ok := declines[c.Reason]; !ok {
		return fault.Wrong("reason", fault.CodeInvalid, "is not one of the decline reasons")
	}
	if err := t.move(Declined); err != nil {
		return err
	}
	t.Decline = declined(c.Reason, t.Card.Brand)
	t.note("Declined late: %s", c.Reason)
	t.tellStatus("authorization.declined")
	return nil
}

func (t *turn) end(to Status, what string) error {
	if err := t.move(to); err != nil {
		return err
	}
	t.note("%s", what)
	t.tellStatus("authorization." + string(to))
	return nil
}

// within is the chosen amount, or all of it.
func within(c Choice, all int64) (int64, error) {
	if c.Amount < 0 || c.Amount > all {
		return 0, fault.Wrong("amount", fault.CodeInvalid, fmt.Sprintf("must be between 1 and %d", all))
	}
	if c.Amount == 0 {
		return all, nil
	}
	return c.Amount, nil
}

func (t *turn) settle(c Choice) error {
	amount, err := within(c, t.AmountCaptured)
	if err != nil {
		return err
	}
	t.Settlement = &Settlement{t.newID("set"), t.ID, t.Reference, amount, t.Currency, t.now}
	t.note("Settled %s", show(amount, t.Currency))
	t.tell("settlement.paid", Capture, *t.Settlement)
	return nil
}

// clear changes what a capture took: the scheme clears another amount than the acquirer accepted. A capture that came
// with the authorization is told as authorization.captured, another as operation.succeeded.
func (t *turn) clear(c Choice) error {
	o := t.last(c.Operation, isCleared)
	if o == nil {
		return fault.Missing("capture")
	}
	amount := c.Amount
	if amount == 0 {
		amount = max(o.Amount-max(o.Amount/10, 1), 1)
	}
	if amount < 0 || amount > 10*o.Amount {
		return fault.Wrong("amount", fault.CodeInvalid, "must be more than 0 and at most ten times the capture")
	}
	t.AmountCaptured += amount - o.Amount
	t.note("Cleared %s instead of %s", show(amount, t.Currency), show(o.Amount, t.Currency))
	o.Amount = amount
	if o.Reference == t.Reference {
		t.tell("authorization.captured", Capture, about{t.shown(), t.Reference})
		return nil
	}
	t.tellOperation(o)
	return nil
}

func (t *turn) succeedRefund(c Choice) error {
	o := t.last(c.Operation, isWaiting)
	if o == nil {
		return fault.Missing("pending refund")
	}
	o.Status = Succeeded
	t.AmountRefunded += o.Amount
	t.note("Refund of %s succeeded", show(o.Amount, t.Currency))
	t.tellOperation(o)
	return nil
}

// failRefund fails a pending refund, or one that had succeeded: banks send money back days later, too.
func (t *turn) failRefund(c Choice) error {
	o := t.last(c.Operation, isRefund)
	if o == nil {
		return fault.Missing("refund")
	}
	if o.Status == Succeeded {
		t.AmountRefunded -= o.Amount
	}
	o.Status, o.Decline = Failed, declined("invalid_account", t.Card.Brand)
	t.note("Refund of %s failed", show(o.Amount, t.Currency))
	t.tellOperation(o)
	return nil
}

// show is an amount for people.
func show(minor int64, code string) string { return stage.Show(minor, code) }
