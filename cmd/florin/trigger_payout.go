package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/fault"
)

// payees are accounts that plays pay to, by currency: the examples of the IBAN registry, and a routing number with an account that is nobody's.
var payees = map[string]client.CreateDestination{
	"EUR": {Type: "iban", IBAN: "DE89370400440532013000"},
	"GBP": {Type: "iban", IBAN: "GB29NWBK60161331926819"},
	"USD": {Type: "bank_account", Country: "US", BankCode: "021000021", AccountNumber: "000123456789"},
}

// payOut pays the amount out to somebody. The name can be one of the sandbox's scenarios. What was charged a moment ago becomes available within
// seconds, if the merchant has no settlement delay.
func payOut(name string) step {
	return func(ctx context.Context, s *stage) error {
		to, ok := payees[s.currency]
		if !ok {
			return usagef("--currency %s: payouts can be triggered in EUR, GBP and USD", s.currency)
		}
		to.Name = name
		made, err := s.florin.Destinations.Create(ctx, to)
		if err != nil {
			return fmt.Errorf("make a destination: %w", err)
		}
		s.payout, err = s.florin.Payouts.Create(ctx, client.CreatePayout{Amount: s.amount, Currency: s.currency, DestinationToken: made.ID, Description: "florin trigger"})
		if err != nil {
			return fmt.Errorf("pay out: %w", err)
		}
		s.say("payout", "%s %s to %s", s.payout.ID, s.payout.Status, made.ID)
		return nil
	}
}

// bankDown keeps the sandbox's bank from answering until the play is over.
func bankDown(ctx context.Context, s *stage) error {
	if err := s.sandbox.post(ctx, "down", url.Values{"seconds": {"60"}}, "payouts", "down"); err != nil {
		return err
	}
	s.strike = append(s.strike, func(ctx context.Context) error { return s.sandbox.post(ctx, "up", nil, "payouts", "up") })
	s.say("sandbox", "the bank is down")
	return nil
}

// cancelPayout cancels the payout. While it is being sent it cannot be: then a moment later.
func cancelPayout(ctx context.Context, s *stage) error {
	for {
		canceled, err := s.florin.Payouts.Cancel(ctx, s.payout.ID, client.CancelPayout{Reason: "florin trigger"})
		if err == nil {
			s.payout = canceled
			s.say("payout", "%s", canceled.Status)
			return nil
		}
		var refused *client.Error
		if !errors.As(err, &refused) || refused.Code != fault.CodeStateConflict {
			return fmt.Errorf("cancel it: %w", err)
		}
		timer := time.NewTimer(firstLook)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}
