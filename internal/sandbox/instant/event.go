package instant

import (
	"slices"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// payers are scenarios of payers who pay a code by themselves.
var payers = []struct {
	name, event string
	late        bool
}{
	{"pays", "pay", false}, {"pays_part", "pay_part", false}, {"pays_over", "pay_over", false}, {"pays_twice", "pay_twice", false}, {"pays_late", "pay", true},
}

// scenarios are this world's own.
var scenarios = []stage.Scenario{
	{Name: "pays", Title: "The code is paid by itself"},
	{Name: "pays_part", Title: "Half of the code is paid"},
	{Name: "pays_over", Title: "The code is paid with a tenth too much"},
	{Name: "pays_twice", Title: "The code is paid twice"},
	{Name: "pays_late", Title: "The code is paid after it expired"},
	{Name: "consent_declined", Title: "At a page: whatever the payer does, they do not consent"},
	{Name: "bank_unavailable", Title: "At a page: the bank fails when the payer consents"},
	{Name: "late_success", Title: "At a page: the charge expires when the payer consents, and is paid after that"},
	{Name: "refund_fails", Every: true, Title: "Refunds fail later"},
}

// Choice is what an event may be told.
type Choice struct {
	Amount int64 `json:"amount"` // pay: minor units; 0: what is left, or all if nothing is
	refund string
}

// event is something that happens to a charge without its caller asking.
type event struct {
	name  string
	label string // the button's
	may   func(*piece) bool
	do    func(*turn, Choice) error
}

// resend is the event that changes no charge.
const resend = "resend_webhook"

// events are the later events, by button, by POST /control/instant/charges/{id}/{event}, and by plan.
var events = []event{
	{"pay", "Pay the code", isCode, (*turn).pay},
	{"pay_part", "Pay half of what is left", isCode, func(t *turn, _ Choice) error { return t.pay(Choice{Amount: max(t.left()/2, 1)}) }},
	{"pay_over", "Pay a tenth too much", isCode, func(t *turn, _ Choice) error { return t.pay(Choice{Amount: t.left() + max(t.Amount/10, 1)}) }},
	{"pay_twice", "Pay it twice", isCode, func(t *turn, _ Choice) error {
		if err := t.pay(Choice{Amount: t.Amount}); err != nil {
			return err
		}
		return t.pay(Choice{Amount: t.Amount})
	}},
	{"approve", "Payer consents", isPage(Active), func(t *turn, _ Choice) error { return t.approve() }},
	{"decline", "Payer declines", isPage(Active), func(t *turn, _ Choice) error { return t.reject(stage.ConsentDeclined) }},
	{"unavailable", "Bank fails", isPage(Active), func(t *turn, _ Choice) error { return t.reject(stage.BankUnavailable) }},
	{"complete", "Money arrives late", isPage(Expired, Canceled), func(t *turn, _ Choice) error { return t.complete() }},
	{"expire", "Expire", func(p *piece) bool { return p.Status == Active }, func(t *turn, _ Choice) error { return t.expire() }},
	{"succeed_refund", "Refund arrives", func(p *piece) bool { return p.findRefund("", (*stage.RefundCore).IsPending) != nil },
		func(t *turn, c Choice) error { return t.succeedRefund(c.refund) }},
	{"fail_refund", "Refund comes back", func(p *piece) bool { return p.findRefund("", (*stage.RefundCore).IsFallible) != nil },
		func(t *turn, c Choice) error { return t.failRefund(c.refund) }},
	{resend, "Send last webhook again", func(*piece) bool { return true }, func(*turn, Choice) error { return nil }},
}

func isCode(p *piece) bool {
	s, _ := findScheme(p.Method)
	return !s.redirect && p.Status != Stray
}

func isPage(states ...Status) func(*piece) bool {
	return func(p *piece) bool {
		s, _ := findScheme(p.Method)
		return s.redirect && slices.Contains(states, p.Status)
	}
}

// pay is a payer who pays the code.
func (t *turn) pay(c Choice) error {
	if c.Amount == 0 {
		c.Amount = t.left()
	}
	if c.Amount == 0 {
		c.Amount = t.Amount
	}
	if c.Amount < 0 || c.Amount > stage.MaxAmount {
		return fault.Wrong("amount", fault.CodeInvalid, "must be 1 to 999999999999 minor units")
	}
	t.receive(c.Amount)
	return nil
}

// happen carries out an event. It fails with fault.NotFound on one that does not exist and with fault.Conflict on one that the state
// does not allow.
func (t *turn) happen(name string, c Choice) error {
	for _, e := range events {
		if e.name != name {
			continue
		}
		if !e.may(t.piece) {
			return fault.State("the charge is " + string(t.Status) + " by " + t.Method + ": " + name + " cannot happen")
		}
		return e.do(t, c)
	}
	return fault.Missing("event")
}

// possible are the events that the state allows.
func possible(p *piece, hooked bool) []event {
	return slices.DeleteFunc(slices.Clone(events), func(e event) bool { return !e.may(p) || e.name == resend && !hooked })
}
