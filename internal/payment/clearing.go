package payment

import (
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// What was captured may clear at another amount: a tip was added, a pump gave less, a currency moved. What clears is what the payer pays
// and the provider owes, so the payment's amount follows it, and the books with the difference. More than a tolerance is followed too, and
// looked at by a person.

// clearingTolerance is by how much a clearing may differ without anybody looking, in basis points of what was captured. Source: the
// networks let a tip of a fifth pass without a new authorization.
const clearingTolerance = 2_000

// cleared follows a clearing of what an attempt, or an operation of it, has captured.
func (d *decision) cleared(a Attempt, subject string, was money.Money, o provider.Outcome) error {
	p := &d.payment
	shift, err := o.Amount.Sub(was)
	if err != nil {
		return err
	}
	captured, err := p.Captured.Add(shift)
	if err != nil {
		return err
	}
	gone, err := p.Refunded.Add(p.Refunding)
	if err != nil {
		return err
	}
	if captured.Minor() < gone.Minor() {
		d.contradictClearing(a, subject, "captured "+was.String()+", of which "+gone.String()+" is refunded", o)
		return nil
	}
	kind, size := ledger.ClearedMore, shift
	if shift.Minor() < 0 {
		kind, size = ledger.ClearedLess, money.Of(-shift.Minor(), shift.Currency())
	}
	if !tolerated(was, o.Amount) {
		d.contradictClearing(a, subject, "captured "+was.String(), o)
	}
	if err := d.holdsRestOf(captured); err != nil {
		return err
	}
	d.attempt, d.clearing = &a, &Clearing{Subject: subject, Captured: was, Cleared: o.Amount}
	d.post(kind, subject, size, money.Money{})
	d.tell(event.PaymentAdjusted)
	return nil
}

// tolerated tells whether nobody needs to look at a clearing.
func tolerated(was, cleared money.Money) bool {
	shift, err := cleared.Sub(was)
	if err != nil {
		return false
	}
	most, err := was.BasisPoints(clearingTolerance)
	return err == nil && max(shift.Minor(), -shift.Minor()) <= most.Minor()
}

// clears tells whether money of which it was not known that it was taken may have cleared already, at another amount than was asked for.
func (p Payment) clears(asked, said money.Money) bool {
	return p.Method.isCard() && said != (money.Money{}) && tolerated(asked, said)
}

// soldAndCleared adopts an authorization that was captured at once, and of which nothing was heard before it had cleared.
func (d *decision) soldAndCleared(a Attempt, o provider.Outcome, t terms) error {
	cleared := o
	o.Amount = a.Amount
	if err := d.adopt(a, AttemptCaptured, o, t); err != nil {
		return err
	}
	return d.cleared(*d.attempt, a.ID, a.Amount, cleared)
}

// capturedAndCleared is the same for a capture.
func capturedAndCleared(p Payment, a Attempt, op Operation, o provider.Outcome, t terms) (decision, error) {
	cleared := o
	o.Amount = op.Amount
	d, err := settleOperation(p, a, op, o, t)
	if err != nil {
		return d, err
	}
	return d, torn(d.clearedOperation(*d.attempt, *d.operation, cleared))
}

// holdsRestOf sets what is captured to what has cleared. While the rest of the authorization can still be captured, what is on hold of it
// moves by as much, or the books would hold another amount than the payment.
func (d *decision) holdsRestOf(captured money.Money) error {
	p := &d.payment
	before, err := p.Authorized.Sub(p.Captured)
	if err != nil {
		return err
	}
	p.Captured = captured
	if captured.Minor() > p.Authorized.Minor() {
		p.Authorized = captured
	}
	after, err := p.Authorized.Sub(p.Captured)
	if err != nil || p.Status != Authorized {
		return err
	}
	more, err := after.Sub(before)
	if err != nil {
		return err
	}
	if more.Minor() < 0 {
		d.post(ledger.Release, d.payment.ID, money.Of(-more.Minor(), more.Currency()), money.Money{})
	} else {
		d.post(ledger.Authorize, d.payment.ID, more, money.Money{})
	}
	return nil
}

// clearsAt tells whether an outcome says that a capture that succeeded has cleared at another amount.
func (o Operation) clearsAt(out provider.Outcome) bool {
	return o.Kind == KindCapture && o.State == OperationSucceeded && operationStateOf(o, out) == OperationSucceeded && o.isOfAnotherAmount(out) &&
		out.Amount.Currency() == o.Amount.Currency()
}

// clearedOperation follows a clearing of a capture.
func (d *decision) clearedOperation(a Attempt, op Operation, o provider.Outcome) error {
	if err := d.cleared(a, op.ID, op.Amount, o); err != nil || d.attempt == nil {
		return err
	}
	op.Amount, op.Detail = o.Amount, "cleared at "+o.Amount.String()
	d.operation = &op
	return nil
}
