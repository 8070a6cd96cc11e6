package main

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/clock"
)

// nowhere is a country in which no bank is: to switch its cards off stops nobody.
const nowhere = "AQ"

// throwSwitch switches off what nobody does, and clears it away.
func throwSwitch(ctx context.Context, s *stage) error {
	var err error
	s.thrown, err = s.florin.KillSwitches.Create(ctx, client.CreateKillSwitch{
		Scope: client.KillSwitchScope{Operation: "authorize", Country: nowhere}, Reason: "florin trigger", ExpiresAt: new(clock.System{}.Now().Add(time.Minute)),
	})
	if err != nil {
		return fmt.Errorf("switch off the cards of a country without banks: %w", err)
	}
	s.strike = append(s.strike, func(ctx context.Context) error {
		_, err := s.florin.KillSwitches.Lift(ctx, s.thrown.ID)
		return err
	})
	s.say("switch", "%s", s.thrown.ID)
	return nil
}
