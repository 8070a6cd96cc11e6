package payment

import (
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
)

// Confirm goes on with a payment that waits. One that has no try under way is charged, with a token or with the method it
// has. Of one whose payer had to act, the provider is asked what came of it; in.Result, the CRes that the bank's page gave
// the payer's browser, is only looked at to see that it belongs to the challenge that is open. Another token than the one
// that is being tried gives that try up and begins the next.
//
// One that was stopped by a switch while its payer was at their bank goes on with what they have proved there.
//
// It fails with fault.NotFound, with fault.Conflict if the payment does not wait or the result is not of the open challenge,
// and like Create.
func (s *Service) Confirm(ctx context.Context, tenant, payment string, in Confirmation, with Companion) (Object, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return Object{}, err
	}
	return s.confirm(ctx, p, in, with)
}

func (s *Service) confirm(ctx context.Context, p Payment, in Confirmation, with Companion) (Object, error) {
	if err := s.checkReturn(ctx, p.Merchant, in.ReturnURL); err != nil {
		return Object{}, err
	}
	if in.Result != "" && p.Status != RequiresAction {
		if err := s.matchesStopped(ctx, p, in.Result); err != nil {
			return Object{}, err
		}
	}
	switch {
	case p.Status == RequiresAction && (in.Result != "" || !in.Choice.made() || p.Method.is(in.Choice)):
		return s.resume(ctx, p, in, with)
	case p.Status == RequiresAction:
		return s.replace(ctx, p, in, with)
	case p.Status == Expired:
		return Object{}, fault.New(fault.Conflict, fault.CodeExpired, "the payment has expired")
	case p.Status != RequiresPaymentMethod:
		return Object{}, fault.State(fmt.Sprintf("the payment is %s; only one that waits for its payer can be confirmed", p.Status))
	}
	choice := in.Choice
	if !choice.made() {
		choice = p.Method.again()
	}
	if !choice.made() && p.Customer == "" {
		return Object{}, errNothingChosen
	}
	return s.try(ctx, p.met(in), choice, nil, with)
}

var errNothingChosen = fault.Wrong("payment_method_token", "parameter_missing", "the payment has no method yet: give a token")

// met is a payment with what its payer brought along.
func (p Payment) met(in Confirmation) Payment {
	if in.ReturnURL != "" {
		p.ReturnURL = in.ReturnURL
	}
	if in.DeviceSession != "" {
		p.Asked.Device = in.DeviceSession
	}
	if in.Browser != (provider.Browser{}) {
		p.Asked.Browser = &in.Browser
	}
	return p
}

// checkReturn refuses an address that the payer may not be sent to.
func (s *Service) checkReturn(ctx context.Context, tenant, address string) error {
	if address == "" {
		return nil
	}
	m, err := s.Merchants.Of(ctx, tenant)
	if err != nil {
		return err
	}
	return m.CheckReturn(address, id.Live(tenant))
}
