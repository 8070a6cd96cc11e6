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
type event = stage.Event[*piece, *turn, Choice]

// events are the later events, by button, by POST /control/instant/charges/{id}/{event}, and by plan.
var events = []event{
	{Name: "pay", Label: "Pay the code", May: isCode, Do: (*turn).pay},
	{Name: "pay_part", Label: "Pay half of what is left", May: isCode, Do: func(t *turn, _ Choice) error { return t.pay(Choice{Amount: max(t.left()/2, 1)}) }},
	{Name: "pay_over", Label: "Pay a tenth too much", May: isCode, Do: func(t *turn, _ Choice) error { return t.pay(Choice{Amount: t.left() + max(t.Amount/10, 1)}) }},
	{Name: "pay_twice", Label: "Pay it twice", May: isCode, Do: func(t *turn, _ Choice) error {
		if err := t.pay(Choice{Amount: t.Amount}); err != nil {
			return err
		}
		return t.pay(Choice{Amount: t.Amount})
	}},
	{Name: "approve", Label: "Payer consents", May: isPage(Active), Do: func(t *turn, _ Choice) error { return t.approve() }},
	{Name: "decline", Label: "Payer declines", May: isPage(Active), Do: func(t *turn, _ Choice) error { return t.reject(stage.ConsentDeclined) }},
	{Name: "unavailable", Label: "Bank fails", May: isPage(Active), Do: func(t *turn, _ Choice) error { return t.reject(stage.BankUnavailable) }},
	{Name: "complete", Label: "Money arrives late", May: isPage(Expired, Canceled), Do: func(t *turn, _ Choice) error { return t.complete() }},
	{Name: "expire", Label: "Expire", May: func(p *piece) bool { return p.Status == Active }, Do: func(t *turn, _ Choice) error { return t.expire() }},
	{Name: "succeed_refund", Label: "Refund arrives", May: func(p *piece) bool { return p.findRefund("", (*stage.RefundCore).IsPending) != nil },
		Do: func(t *turn, c Choice) error { return t.succeedRefund(c.refund) }},
	{Name: "fail_refund", Label: "Refund comes back", May: func(p *piece) bool { return p.findRefund("", (*stage.RefundCore).IsFallible) != nil },
		Do: func(t *turn, c Choice) error { return t.failRefund(c.refund) }},
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
	e, err := stage.EventOf(events, name)
	if err != nil {
		return err
	}
	if !e.May(t.piece) {
		return fault.State("the charge is " + string(t.Status) + " by " + t.Method + ": " + name + " cannot happen")
	}
	return e.Do(t, c)
}

// buttons are the events that the state allows.
func buttons(p *piece, hooked bool) []stage.Button { return stage.Buttons(events, p, hooked) }
