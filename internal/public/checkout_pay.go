package public

import (
	"context"
	"errors"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/strict"
)

// standing is a checkout as the page's script asks for it.
type standing struct {
	State CheckoutState `json:"state"`
}

// checkoutAsItStands is what the page of a payment shows to whoever has its secret.
func (p *Public) checkoutAsItStands(ctx context.Context, v visit) (Checkout, error) {
	secret := v.cookie(secretCookie)
	if secret == "" {
		return Checkout{}, fault.Missing("payment")
	}
	o, err := p.find(ctx, v.tenant, v.payment, secret)
	if err != nil {
		return Checkout{}, err
	}
	return checkoutOf(o, v.lang)
}

// checkoutState tells how the payment stands, for a page that waits.
func (p *Public) checkoutState(ctx context.Context, v visit) error {
	c, err := p.checkoutAsItStands(ctx, v)
	if err != nil {
		return err
	}
	return v.tell(standing{c.State})
}

// checkoutConfirmBody is what the page sends when the payer pays.
type checkoutConfirmBody struct {
	Step          string       `json:"step" maxLength:"64"`
	Token         string       `json:"payment_method_token,omitempty" check:"token" maxLength:"64"`
	Method        *methodBody  `json:"payment_method,omitempty"`
	Save          bool         `json:"save,omitempty"`
	DeviceSession string       `json:"device_session,omitempty" check:"device" maxLength:"64"`
	Browser       *browserBody `json:"browser,omitempty"`
}

// outcome is what became of a try.
type outcome struct {
	Outcome string `json:"outcome"`        // declined: here is why, try again. leave: go there. changed: load the page again
	Step    string `json:"step,omitempty"` // of the next try
	What    string `json:"what,omitempty"`
	Next    string `json:"next,omitempty"`
	URL     string `json:"url,omitempty"`
}

var outcomeChanged = outcome{Outcome: "changed"}

// checkoutConfirm pays. It answers what the page shall do, so that after a decline nothing that was typed is lost.
func (p *Public) checkoutConfirm(ctx context.Context, v visit) error {
	if p.foreign.Check(v.r) != nil {
		return problem.New(problem.CodeOrigin, "")
	}
	if err := p.take(p.tries, v.x, v.tenant+" "+v.payment); err != nil {
		return err
	}
	raw, err := readJSON(v.x, v.r)
	if err != nil {
		return err
	}
	body, err := strict.Decode[checkoutConfirmBody](bodies, raw, strict.Faults{}, p.Clock.Now())
	if err != nil {
		return err
	}
	secret := v.cookie(secretCookie)
	if secret == "" {
		return fault.Missing("payment")
	}
	if stepOf(secret) != body.Step || v.merchant.Suspended() { // the payment went on in another window, or nobody may pay
		return v.tell(outcomeChanged)
	}
	o, err := p.confirm(ctx, v.tenant, v.payment, secret, payment.Confirmation{
		Choice: choice(body.Token, body.Method), Agreed: p.agreed(body.Save, v.saveText()), DeviceSession: body.DeviceSession, Browser: p.browser(v.r, body.Browser),
	}, alone{})
	done, err := p.outcome(v, body.Step, o, err)
	if err != nil {
		return err
	}
	return v.tell(done)
}

// outcome is what the page shall do after a try at a step.
func (p *Public) outcome(v visit, step string, o payment.Object, err error) (outcome, error) {
	var refused *payment.DeclinedError
	switch {
	case errors.As(err, &refused):
		o = refused.Payment
	case isSwitchedOff(err): // nothing was begun: the step is as good as it was
		said := v.lang.decline(switchedOff(v.lang))
		return outcome{Outcome: "declined", Step: step, What: said.What, Next: said.Next}, nil
	case fault.Is(err, fault.Conflict): // somebody else was first: the page shows what became of it
		return outcomeChanged, nil
	case err != nil:
		return outcome{}, err
	}
	if o.ClientSecret != "" {
		p.remember(v, o.ClientSecret)
	}
	c, err := checkoutOf(o, v.lang)
	if err != nil {
		return outcome{}, err
	}
	switch {
	case c.State == CheckoutOpen && refused != nil:
		said := v.lang.decline(failureOf(refused.Code, refused.Decline.Code, refused.Meaning, v.lang))
		return outcome{Outcome: "declined", Step: c.Step, What: said.What, Next: said.Next}, nil
	case c.State == CheckoutAction:
		return outcome{Outcome: "leave", URL: c.Action}, nil
	}
	return outcomeChanged, nil
}
