package main

import (
	"context"
	"fmt"

	"github.com/florinpay/florin/client"
)

// save makes a customer who saves a card. At the end the customer is erased.
func save(ctx context.Context, s *stage) error {
	token, err := s.card(ctx, cardApproved, holder)
	if err != nil {
		return err
	}
	made, err := s.florin.Customers.Create(ctx, client.CreateCustomer{Name: holder})
	if err != nil {
		return fmt.Errorf("make a customer: %w", err)
	}
	s.strike = append(s.strike, func(ctx context.Context) error { return s.florin.Customers.Delete(ctx, made.ID) })
	s.say("customer", "%s", made.ID)
	s.method, err = s.florin.PaymentMethods.Keep(ctx, client.KeepPaymentMethod{
		Token: token, Customer: made.ID, Consent: &client.ConsentRequest{TextVersion: "florin trigger", Channel: "web"},
	})
	if err != nil {
		return fmt.Errorf("save the card: %w", err)
	}
	s.say("method", "%s …%s", s.method.ID, s.method.Card.Last4)
	return nil
}

func withdraw(ctx context.Context, s *stage) (err error) {
	s.method, err = s.florin.PaymentMethods.WithdrawConsent(ctx, s.method.ID)
	if err != nil {
		return fmt.Errorf("withdraw the consent: %w", err)
	}
	s.say("consent", "withdrawn")
	return nil
}

func detach(ctx context.Context, s *stage) error {
	if err := s.florin.PaymentMethods.Detach(ctx, s.method.ID); err != nil {
		return fmt.Errorf("detach it: %w", err)
	}
	s.say("method", "detached")
	return nil
}
