package bank

import (
	"slices"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

// scenarios are this world's own.
var scenarios = []stage.Scenario{
	{Name: "consent_declined", Title: "Whatever the payer does, they do not consent"},
	{Name: "bank_unavailable", Title: "The bank fails when the payer consents"},
	{Name: "expired", Title: "The payment expires when the payer consents"},
	{Name: "late_success", Title: "The payment expires while the bank works, and is paid after that"},
	{Name: "refund_fails", Every: true, Title: "Refunds fail later"},
}

// event is something that happens to a payment without its caller asking. A plan has an argument for it.
type event = stage.Event[*piece, *turn, string]

// events are the later events, by button, by POST /control/bank/payments/{id}/{event}, and by plan.
var events = []event{
	{Name: "approve", Label: "Payer consents", May: is(Awaiting), Do: func(t *turn, _ string) error { return t.approve() }},
	{Name: "decline", Label: "Payer declines", May: is(Awaiting), Do: func(t *turn, _ string) error { return t.reject(stage.ConsentDeclined) }},
	{Name: "unavailable", Label: "Bank fails", May: is(Awaiting, Pending), Do: func(t *turn, _ string) error { return t.reject(stage.BankUnavailable) }},
	{Name: "expire", Label: "Expire", May: is(Awaiting), Do: func(t *turn, _ string) error { return t.expire() }},
	{Name: "complete", Label: "Money arrives", May: is(Pending, Expired, Canceled), Do: func(t *turn, _ string) error { return t.complete() }},
	{Name: "reject", Label: "Bank refuses", May: is(Pending), Do: func(t *turn, _ string) error { return t.reject(stage.InsufficientFunds) }},
	{Name: "succeed_refund", Label: "Refund arrives", May: func(p *piece) bool { return p.findRefund("", (*stage.RefundCore).IsPending) != nil },
		Do: (*turn).succeedRefund},
	{Name: "fail_refund", Label: "Refund comes back", May: func(p *piece) bool { return p.findRefund("", (*stage.RefundCore).IsFallible) != nil },
		Do: (*turn).failRefund},
}

func is(states ...Status) func(*piece) bool {
	return func(p *piece) bool { return slices.Contains(states, p.Status) }
}

// happen carries out an event. It fails with fault.NotFound on one that does not exist and with fault.Conflict on one that the state
// does not allow.
func (t *turn) happen(name, argument string) error {
	e, err := stage.EventOf(events, name)
	if err != nil {
		return err
	}
	return e.Do(t, argument)
}

// buttons are the events that the state allows.
func buttons(p *piece, hooked bool) []stage.Button { return stage.Buttons(events, p, hooked) }
