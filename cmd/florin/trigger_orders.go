package main

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/clock"
)

// orderLife is how soon time does something to an order of a play.
const orderLife = 2 * time.Second

// ordered makes an order that expires after a while; 0: as orders do.
func ordered(life time.Duration) step {
	return func(ctx context.Context, s *stage) error {
		in := client.CreateOrder{}
		if life > 0 {
			in.ExpiresAt = new(clock.System{}.Now().Add(life))
		}
		return s.makeOrder(ctx, in)
	}
}

// invoiced makes an invoice that is due soon, and a reminder with it.
func invoiced(ctx context.Context, s *stage) error {
	return s.makeOrder(ctx, client.CreateOrder{DueAt: new(clock.System{}.Now().Add(orderLife)), Reminders: []int64{0}, InvoiceNumber: "florin-trigger"})
}

func (s *stage) makeOrder(ctx context.Context, in client.CreateOrder) (err error) {
	in.Amount, in.Currency, in.Description = s.amount, s.currency, "florin trigger"
	in.Lines = []client.OrderLineRequest{{Name: "florin trigger", Quantity: 1, UnitAmount: s.amount}}
	if s.order, err = s.florin.Orders.Create(ctx, in); err != nil {
		return fmt.Errorf("make an order: %w", err)
	}
	s.say("order", "%s %s", s.order.ID, s.order.Status)
	return nil
}

// payOrder charges a card for the order.
func payOrder(ctx context.Context, s *stage) error { return s.pay(ctx, cardApproved, holder, true) }

// holdTwice authorizes two cards for the order, and captures both.
func holdTwice(ctx context.Context, s *stage) error {
	var held []*client.Payment
	for range 2 {
		if err := s.pay(ctx, cardApproved, holder, false); err != nil {
			return err
		}
		held = append(held, s.payment)
	}
	for _, p := range held {
		captured, err := s.florin.Payments.Capture(ctx, p.ID, client.CapturePayment{All: true})
		if err != nil {
			return fmt.Errorf("capture %s: %w", p.ID, err)
		}
		s.say("capture", "%d %s by %s", captured.AmountCaptured, captured.Currency, captured.ID)
	}
	return nil
}
