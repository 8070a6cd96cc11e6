package public

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/payment"
)

// leaveView is the form that takes the payer to their bank.
type leaveView struct {
	URL, CReq string
	Waits     bool // for the payer's click: they were there already
}

// cameBack marks the address of a payer who was at their bank already, so that two pages cannot send them to and fro for ever.
const cameBack = "back"

// challenge takes the payer to the page of their bank (the ACS), by a form that posts the CReq. Whoever comes when that is over,
// by the back button or an old link, is taken to where the payment goes on. Source: EMV 3-D Secure 2.2, section 3.3.
func (p *Public) challenge(ctx context.Context, v visit) error {
	// Whoever comes back from a provider's own page brings the payment on by coming.
	ctx, done := patience(ctx, writes)
	defer done()
	c, o, err := p.Payments.Challenge(ctx, v.tenant, v.payment, v.r.PathValue("ticket"))
	if err != nil {
		return err
	}
	if c.ACSURL == "" {
		return p.onward(v, o)
	}
	bank, err := merchant.OriginOf(c.ACSURL)
	if err != nil {
		return fmt.Errorf("address of the bank's page: %w", err)
	}
	w, err := p.view(v, "challenge", v.lang.say("challenge_title"))
	if err != nil {
		return err
	}
	w.Leave = leaveView{c.ACSURL, c.CReq, v.r.URL.Query().Has(cameBack)}
	return p.show(v, http.StatusOK, w, policy{forms: bank})
}

// challengeReturn is where the bank's page sends the payer back, with the CRes. What it says is checked and then asked for at
// the provider; the browser is no witness. Whatever comes of it, the payer goes on to a page that can be loaded again.
func (p *Public) challengeReturn(ctx context.Context, v visit) error {
	if err := p.take(p.tries, v.x, v.tenant+" "+v.payment); err != nil {
		return err
	}
	raw, err := readBody(v.x, v.r)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return fault.New(fault.Malformed, "", "the form cannot be read")
	}
	ticket := v.r.PathValue("ticket")
	_, err = p.Payments.CompleteChallenge(ctx, v.tenant, v.payment, ticket, form.Get("cres"))
	switch fault.Of(err) {
	case fault.Declined, fault.Conflict, fault.Invalid, fault.Malformed: // the payment says it itself, on the page that follows
	default:
		if err != nil {
			return err
		}
	}
	http.Redirect(v.x, v.r, v.challengePath()+"/"+url.PathEscape(ticket)+"?"+cameBack, http.StatusSeeOther)
	return nil
}

// onward takes the payer from a challenge that is over to where they came from: the checkout page, the merchant's own page, or
// words if neither is known.
func (p *Public) onward(v visit, o payment.Object) error {
	to := payerOf(o, v.lang).back()
	if v.cookie(cameCookie) != "" {
		to = v.checkoutPath()
	}
	if to != "" {
		http.Redirect(v.x, v.r, to, http.StatusSeeOther)
		return nil
	}
	c, err := checkoutOf(o, v.lang)
	if err != nil {
		return err
	}
	switch {
	case c.State == CheckoutMoved && c.Declined != nil, c.State == CheckoutOpen:
		c.State = CheckoutFailed
	case c.State == CheckoutAction:
		c.State = CheckoutWaiting
	}
	return p.showResult(v, c)
}

// showResult shows how a payment ended to somebody who cannot pay from here.
func (p *Public) showResult(v visit, c Checkout) error {
	w, err := p.view(v, string(c.State), v.lang.say(string(c.State)+"_title", "merchant", v.merchant.Name))
	if err != nil {
		return err
	}
	w.Checkout = checkoutView{Checkout: c, Sum: v.lang.amount(c.Amount)}
	if c.State == CheckoutFailed && c.Declined != nil && c.Declined.Code == fault.CodeKillSwitch { // a new payment would go no better
		said := v.lang.decline(c.Declined)
		w.Checkout.What, w.Checkout.Next = said.What, said.Next
	}
	if c.Card != nil {
		w.Checkout.Brand = brandName(c.Card.Brand)
	}
	return p.show(v, http.StatusOK, w, policy{})
}
