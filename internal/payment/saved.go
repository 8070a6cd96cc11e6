package payment

import (
	"context"
	"errors"
	"fmt"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// What customers save: see customer.Tokens and customer.Events for what is promised.

// The codes of refusals to charge a saved method while its customer is not there.
const (
	CodeConsentMissing      = "consent_missing"
	CodeFirstPaymentMissing = "first_payment_missing"
)

var (
	errOffSessionUnsaved = fault.Wrong("off_session", fault.CodeInvalid, "needs a saved payment method whose customer agreed to it: put its id, which begins with pm_, in the place of the token")
	errSetupUnsaved      = fault.Wrong("setup_future_usage", fault.CodeInvalid, "needs a customer to save the card for, or a saved payment method")
	errSetupMethod       = fault.Wrong("setup_future_usage", fault.CodeInvalid, "is for cards alone")
	errNoDefault         = fault.Wrong("payment_method_token", "parameter_missing", "the customer has no default payment method: give a token or a method")
	errNotTheirs         = fault.Wrong("payment_method_token", fault.CodeInvalid, "is a method of another customer")
	errDetached          = aboutMethod(fault.Conflict, customer.CodeDetached, "the payment method was detached")
	errNoConsent         = aboutMethod(fault.Conflict, CodeConsentMissing, "no consent of the customer to be charged off session is on record, or it was withdrawn; record it with the payment method: PATCH /v1/payment_methods/{id} with consent. Paying with setup_future_usage records none")
	errNoFirstPayment    = aboutMethod(fault.Conflict, CodeFirstPaymentMissing, "the customer has not paid with the method themselves yet, so there is no agreement to refer to")
	errPayerErased       = &fault.Error{Kind: fault.Conflict, Code: customer.CodeErased, Param: "customer", Detail: "the customer was erased"}
	errNoPayer           = &fault.Error{Kind: fault.NotFound, Code: fault.CodeNotFound, Param: "customer", Detail: "no such customer"}
	errNoSaved           = aboutMethod(fault.NotFound, fault.CodeNotFound, "no such payment method")
)

func aboutMethod(kind fault.Kind, code, detail string) *fault.Error {
	return &fault.Error{Kind: kind, Code: code, Param: "payment_method_token", Detail: detail}
}

// payer is the customer of a payment.
func (s *Service) payer(ctx context.Context, p Payment) (customer.Customer, error) {
	if s.Payers == nil {
		return customer.Customer{}, errNoPayer
	}
	c, err := s.Payers.Customer(ctx, p.Merchant, p.Customer)
	switch {
	case fault.Is(err, fault.NotFound):
		return c, errNoPayer
	case err == nil && c.Erased():
		return c, errPayerErased
	}
	return c, err
}

// knows is nil if a payment has no customer, or one who can pay.
func (s *Service) knows(ctx context.Context, p Payment) error {
	if p.Customer == "" {
		return nil
	}
	_, err := s.payer(ctx, p)
	return err
}

// pick gives a payment the method that was chosen, or its customer's default if none was. It fails like choose, and with
// fault.Conflict for a saved method that may not be charged like this.
func (s *Service) pick(ctx context.Context, p Payment, c Choice) (Payment, error) {
	if !c.made() && p.Customer != "" {
		payer, err := s.payer(ctx, p)
		if err == nil && payer.DefaultMethod == "" {
			err = errNoDefault
		}
		if err != nil {
			return p, err
		}
		c.Token = payer.DefaultMethod
	}
	if id.Has(c.Token, id.PaymentMethod) {
		return s.pickSaved(ctx, p, c.Token)
	}
	method, err := s.choose(ctx, p.Merchant, c)
	switch {
	case err != nil:
		return p, err
	case p.Asked.Setup && (!method.isCard() || method.isWallet()):
		return p, errSetupMethod
	case p.Asked.Setup && p.Customer == "":
		return p, errSetupUnsaved
	case p.Asked.OffSession && method.isCard():
		return p, errOffSessionUnsaved
	}
	p.Method = method
	return p, p.agreed()
}

// pickSaved gives a payment a saved method, and the customer whose it is.
func (s *Service) pickSaved(ctx context.Context, p Payment, method string) (Payment, error) {
	if s.Payers == nil {
		return p, errNoSaved
	}
	m, err := s.Payers.Method(ctx, p.Merchant, method)
	switch {
	case fault.Is(err, fault.NotFound):
		return p, errNoSaved
	case err != nil:
		return p, err
	case p.Customer != "" && p.Customer != m.Customer:
		return p, errNotTheirs
	case !m.Attached():
		return p, errDetached
	case p.Asked.OffSession && !m.MayChargeAlone():
		return p, errNoConsent
	case p.Asked.OffSession && m.NetworkReference == "":
		return p, errNoFirstPayment
	}
	card, err := s.describe(ctx, p.Merchant, m.Token)
	if err != nil {
		return p, err
	}
	card.SingleUse = false // its one use was to be saved
	p.Customer, p.Method = m.Customer, Method{Description: card, Saved: m.ID}
	if p.Asked.OffSession {
		p.Method.Initial = m.NetworkReference
	}
	return p, nil
}

// has tells whether a try has the payer's money.
func (a AttemptState) has() bool { return a == AttemptAuthorized || a == AttemptCaptured }

// leaves decides, when a payment succeeds whose payer leaves their card for later ones, that it is saved with it: in the same Change,
// for the payment's customer. The payment's method is the saved one then.
func (s *Service) leaves(ctx context.Context, d *decision) error {
	p, a := &d.payment, d.attempt
	if a == nil || !p.Asked.saves() || p.Customer == "" || p.Method.Saved != "" || p.Method.Token == "" || p.Method.isWallet() || !a.State.has() || a.was.has() || s.Payers == nil {
		return nil
	}
	card := p.Method.Description
	left, err := s.Payers.Attach(ctx, customer.Attaching{
		Merchant: p.Merchant, Customer: p.Customer, ID: s.IDs.New(id.PaymentMethod), Token: card.Token, Consent: p.Asked.Agreed,
		Payment: p.ID, NetworkReference: a.NetworkReference, At: s.Clock.Now(),
		Card: customer.Card{Brand: card.Brand, Last4: card.Last4, BIN: card.BIN, ExpMonth: card.ExpMonth, ExpYear: card.ExpYear, Country: card.Country, Funding: card.Funding, Fingerprint: card.Fingerprint},
	})
	switch {
	case err != nil:
		return fmt.Errorf("save the card of %s: %w", p.ID, err)
	case left.Did == "":
		s.Logger.Warn("the card of a payment cannot be saved", "merchant_id", p.Merchant, "payment_id", p.ID)
		return nil
	}
	d.left = left
	p.Method.Saved, p.Method.SingleUse = left.Method.ID, false
	return nil
}

// agree adds to the Change in which a payment succeeds that it is the one to which later ones refer: its payer is there, pays with a
// saved method, and agreed to be charged again, before or by this payment. The first stays the first.
func (s *Service) agree(ctx context.Context, c *db.Change, d decision) error {
	p, a := d.payment, d.attempt
	if d.left.Did != "" {
		c.Add(d.left.Rows...)
		return s.Tell(ctx, c, d.left.Did, d.left.Method)
	}
	if a == nil || p.Method.Saved == "" || p.Asked.OffSession || a.NetworkReference == "" || !a.State.has() || a.was.has() {
		return nil
	}
	m, err := s.Payers.Method(ctx, p.Merchant, p.Method.Saved)
	if err != nil {
		return fmt.Errorf("saved method of %s: %w", p.ID, err)
	}
	if !m.Attached() || m.NetworkReference != "" || !p.Asked.saves() && !m.MayChargeAlone() {
		return nil
	}
	m = m.First(p.ID, a.NetworkReference)
	row, err := s.Payers.MethodRow(m)
	if err != nil {
		return err
	}
	c.Add(row)
	return s.Tell(ctx, c, customer.Updated, m)
}

// ClaimToken adds to a Change that a token that was made for one use serves a saved method, and no payment beside. One that has served
// a payment of the same customer can be saved all the same. It fails with fault.Conflict if it serves something else.
func (s *Service) ClaimToken(ctx context.Context, c *db.Change, token, payer, method string) error {
	serves, err := s.store.tokenPayment(ctx, c.Merchant(), token)
	switch {
	case fault.Is(err, fault.NotFound):
		c.Add(tokenRow(c.Merchant(), token, method, s.Clock.Now()))
		return nil
	case err != nil || serves == method:
		return err
	}
	if p, err := s.store.payment(ctx, c.Merchant(), serves); err == nil && p.Customer == payer || err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	used := *errTokenUsed
	used.Param = "token"
	return &used
}

// ClaimLost tells whether a Change lost because somebody else claimed its token first.
func (s *Service) ClaimLost(err error) bool {
	var lost *db.Conflict
	return errors.As(err, &lost) && lost.Table == tokenTable.Name
}

// TokenBusy tells whether a try that is under way may still charge the card of a token.
func (s *Service) TokenBusy(ctx context.Context, tenant, token string) (bool, error) {
	return s.store.tokenBusy(ctx, tenant, token)
}

var methodEvents = map[customer.Did]event.Type{
	customer.Attached: event.MethodAttached, customer.Updated: event.MethodUpdated, customer.Detached: event.MethodDetached,
}

// Tell adds an event about a saved method to a Change. Each Change of a method writes its row, so the row's version orders them.
func (s *Service) Tell(ctx context.Context, c *db.Change, did customer.Did, m customer.Method) error {
	return s.Outbox.Emit(ctx, c, event.Fact{
		Type: methodEvents[did], Subject: m.ID, Thread: m.ID, Sequence: m.Version + 1, Object: m.Told(),
	}, s.Clock.Now())
}

// Committed tells those who listen that a Change has landed.
func (s *Service) Committed(c *db.Change) { s.Outbox.Committed(c) }
