package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

// troubled is the provider account that plays make trouble for.
const troubled = "alpha"

// Payments of the plays about a provider's health. A few more than are needed, as others may pay meanwhile.
const (
	holderDown = "SCENARIO down"
	downFor    = 12 // payments
	wellFor    = 3
	wellPause  = 500 * time.Millisecond
)

// at charges a card at the troubled account alone. It tells whether the account answered.
func (s *stage) at(ctx context.Context, token string) (answered bool, err error) {
	s.payment, err = s.once.Payments.Create(ctx, client.CreatePayment{
		Amount: s.amount, Currency: s.currency, PaymentMethodToken: token, Description: "florin trigger", Routing: &client.Routing{ProviderAccounts: []string{troubled}},
	})
	var refused *client.Error
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &refused) && refused.Code == fault.CodeProviderUnavailable:
		return false, nil
	}
	return false, fmt.Errorf("make a payment at %s: %w", troubled, err)
}

// well pays at the troubled account until it is well: a breaker that is open asks for three payments, one after the other.
func well(ctx context.Context, s *stage) error {
	for good := 0; good < wellFor; {
		token, err := s.card(ctx, cardApproved, holder)
		if err != nil {
			return err
		}
		answered, err := s.at(ctx, token)
		if err != nil {
			return err
		}
		if good++; answered {
			continue
		}
		good = 0
		if err := rest(ctx, wellPause); err != nil {
			return err
		}
	}
	s.say("account", "%s works", troubled)
	return nil
}

// outage has payments fail at the troubled account until its breaker opens. What was told before does not count.
func outage(ctx context.Context, s *stage) error {
	if err := well(ctx, s); err != nil {
		return err
	}
	for _, of := range []event.Type{event.ProviderDegraded, event.ProviderRecovered} {
		before, err := newest(s.florin.Events.List(ctx, client.ListEvents{Page: client.Page{Limit: 1}, Type: string(of)}))
		if err != nil {
			return fmt.Errorf("look for earlier events: %w", err)
		}
		if before != nil {
			s.heard = max(s.heard, before.ID)
		}
	}
	for range downFor {
		token, err := s.card(ctx, cardApproved, holderDown)
		if err != nil {
			return err
		}
		if _, err := s.at(ctx, token); err != nil {
			return err
		}
	}
	s.say("account", "%s is down", troubled)
	return nil
}
