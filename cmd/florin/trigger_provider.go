package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/clock"
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

// How long, and how often, a play waits until an account that failed is called again. A breaker's pause grows up to two minutes each time it
// opens again, with a spread.
const (
	longestProbe = 3 * time.Minute
	mostProbes   = 4
)

// deadline ends what is done after a while, in which the time for which it is held does not count.
type deadline struct {
	timer *time.Timer
	after time.Duration
	end   context.CancelFunc
}

// endsAfter is a context that ends after a while, for a cause.
func endsAfter(ctx context.Context, after time.Duration, why error) (context.Context, *deadline) {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &deadline{after: after}
	d.timer = time.AfterFunc(after, func() { cancel(why) })
	d.end = func() { d.timer.Stop(); cancel(nil) }
	return ctx, d
}

// hold begins the time anew after a pause. What has ended stays so.
func (d *deadline) hold(pause time.Duration) { d.timer.Reset(pause + d.after) }

// untilProbe is how long a provider account is not asked for money; 0 if it is.
func untilProbe(h *client.ProviderHealth, now time.Time) time.Duration {
	for _, op := range h.Operations {
		if op.Operation == "authorize" && op.NextProbeAt != nil {
			return max(op.NextProbeAt.Sub(now), 0)
		}
	}
	return 0
}

// sit waits until the troubled account is called again, if it is not.
func (s *stage) sit(ctx context.Context) (paused bool, err error) {
	h, err := s.florin.ProviderAccounts.Health(ctx, troubled)
	if err != nil {
		return false, fmt.Errorf("look how %s fares: %w", troubled, err)
	}
	pause := untilProbe(h, clock.System{}.Now())
	if pause > longestProbe {
		return false, fmt.Errorf("%s is not called for %s", troubled, pause)
	}
	if pause <= wellPause {
		return false, rest(ctx, wellPause)
	}
	s.say("account", "%s failed before, and is called again in %s", troubled, pause.Round(time.Second))
	s.waits.hold(pause)
	return true, rest(ctx, pause)
}

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
	for good, pauses := 0, 0; good < wellFor; {
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
		paused, err := s.sit(ctx)
		if err != nil {
			return err
		}
		if paused {
			pauses++
		}
		if pauses > mostProbes {
			return fmt.Errorf("%s failed again, each of the %d times that it was called again", troubled, mostProbes)
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
