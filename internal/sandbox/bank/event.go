package bank

import (
	"slices"

	"github.com/florinpay/florin/internal/fault"
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

// event is something that happens to a payment without its caller asking.
type event struct {
	name  string
	label string // the button's
	may   func(*piece) bool
	do    func(t *turn, argument string) error
}

// resend is the event that changes no payment.
const resend = "resend_webhook"

// events are the later events, by button, by POST /control/bank/payments/{id}/{event}, and by plan.
var events = []event{
	{"approve", "Payer consents", is(Awaiting), func(t *turn, _ string) error { return t.approve() }},
	{"decline", "Payer declines", is(Awaiting), func(t *turn, _ string) error { return t.reject(stage.ConsentDeclined) }},
	{"unavailable", "Bank fails", is(Awaiting, Pending), func(t *turn, _ string) error { return t.reject(stage.BankUnavailable) }},
	{"expire", "Expire", is(Awaiting), func(t *turn, _ string) error { return t.expire() }},
	{"complete", "Money arrives", is(Pending, Expired, Canceled), func(t *turn, _ string) error { return t.complete() }},
	{"reject", "Bank refuses", is(Pending), func(t *turn, _ string) error { return t.reject(stage.InsufficientFunds) }},
	{"succeed_refund", "Refund arrives", func(p *piece) bool { return p.findRefund("", (*stage.RefundCore).IsPending) != nil },
		(*turn).succeedRefund},
	{"fail_refund", "Refund comes back", func(p *piece) bool { return p.findRefund("", (*stage.RefundCore).IsFallible) != nil },
		(*turn).failRefund},
	{resend, "Send last webhook again", func(*piece) bool { return true }, func(*turn, string) error { return nil }},
}

func is(states ...Status) func(*piece) bool {
	return func(p *piece) bool { return slices.Contains(states, p.Status) }
}

// happen carries out an event. It fails with fault.NotFound on one that does not exist and with fault.Conflict on one that the state
// does not allow.
func (t *turn) happen(name, argument string) error {
	for _, e := range events {
		if e.name == name {
			return e.do(t, argument)
		}
	}
	return fault.Missing("event")
}

// possible are the events that the state allows.
func possible(p *piece, hooked bool) []event {
	return slices.DeleteFunc(slices.Clone(events), func(e event) bool { return !e.may(p) || e.name == resend && !hooked })
}
