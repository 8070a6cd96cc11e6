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
		d.contradict(a, subject, "captured "+was.String()+", of which "+gone.String()+" is refunded", o, RemedyNone)
		return nil
	}
	tolerated, err := was.BasisPoints(clearingTolerance)
	if err != nil {
		return err
	}
	kind, size := ledger.ClearedMore, shift
	if shift.Minor() < 0 {
		kind, size = ledger.ClearedLess, money.Of(-shift.Minor(), shift.Currency())
	}
	if size.Minor() > tolerated.Minor() {
		d.contradict(a, subject, "captured "+was.String(), o, RemedyNone)
	}
	p.Captured = captured
	if captured.Minor() > p.Authorized.Minor() {
		p.Authorized = captured
	}
	d.attempt = &a
	d.post(kind, subject, size, money.Money{})
	d.tell(event.PaymentAdjusted)
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
