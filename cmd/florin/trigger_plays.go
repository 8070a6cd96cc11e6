package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/event"
)

// The sandbox's test cards that the plays are performed with, and the cardholder whose payments the bank decides later.
const (
	cardApproved    = "4242424242424242"
	cardDeclined    = "4000000000000002"
	cardChallenged  = "4000002760003184"
	cardRefundFails = "4000000000005126"

	holder     = "Ada Lovelace"
	holderLate = "SCENARIO late_approval"
	holderLess = "SCENARIO amount_shift"
)

// play is how one type of event is made to happen.
type play struct {
	of     event.Type
	tells  string // for people
	steps  []step
	cannot string // why it cannot be made to happen; there are no steps then
}

// plays has one for each type of event.
var plays = []play{
	{of: event.PaymentCreated, tells: "a card is charged", steps: []step{charge(cardApproved, holder)}},
	{of: event.PaymentPending, tells: "a card is charged, and the bank decides 5 s later", steps: []step{charge(cardApproved, holderLate)}},
	{of: event.PaymentRequiresAction, tells: "a card is charged whose bank wants to see its holder", steps: []step{charge(cardChallenged, holder)}},
	{of: event.PaymentAuthorized, tells: "a card is authorized", steps: []step{hold(cardApproved)}},
	{of: event.PaymentCaptured, tells: "a card is charged", steps: []step{charge(cardApproved, holder)}},
	{of: event.PaymentPartiallyCaptured, tells: "a card is authorized, and half of it captured", steps: []step{hold(cardApproved), captureHalf}},
	{of: event.PaymentCaptureFailed, cannot: "its provider has to be away until the authorization ends"},
	{of: event.PaymentCancelFailed, cannot: "its provider has to be away until the authorization ends"},
	{of: event.PaymentFailed, tells: "a card is declined", steps: []step{charge(cardDeclined, holder)}},
	{of: event.PaymentCanceled, tells: "a card is authorized, and the payment canceled", steps: []step{hold(cardApproved), cancel}},
	{of: event.PaymentExpired, tells: "a card is authorized, and the acquirer lets the authorization go", steps: []step{hold(cardApproved), press("expire")}},
	{of: event.PaymentAdjusted, tells: "a card is charged, and 3 s later it clears at nine tenths", steps: []step{charge(cardApproved, holderLess)}},
	{of: event.RefundPending, tells: "a payment is refunded", steps: []step{charge(cardApproved, holder), refund}},
	{of: event.RefundSucceeded, tells: "a payment is refunded", steps: []step{charge(cardApproved, holder), refund}},
	{of: event.RefundFailed, tells: "a payment is refunded, and the acquirer could not pay", steps: []step{charge(cardRefundFails, holder), refund, press("fail_refund")}},
	{of: event.PayoutHeld, cannot: "it needs a merchant whose payouts wait for a second person"},
	{of: event.PayoutQueued, tells: "a card is charged, and the money paid out", steps: []step{charge(cardApproved, holder), payOut(holder)}},
	{of: event.PayoutSent, tells: "a card is charged, and the money paid out", steps: []step{charge(cardApproved, holder), payOut(holder)}},
	{of: event.PayoutPaid, tells: "a card is charged, and the money paid out", steps: []step{charge(cardApproved, holder), payOut(holder)}},
	{of: event.PayoutFailed, tells: "the money is paid out to an account that is closed", steps: []step{charge(cardApproved, holder), payOut("SCENARIO refuse")}},
	{of: event.PayoutReturned, tells: "the money is paid out and comes back", steps: []step{charge(cardApproved, holder), payOut("SCENARIO return")}},
	{of: event.PayoutCanceled, tells: "the money is paid out while the bank is down, and the payout canceled", steps: []step{charge(cardApproved, holder), bankDown, payOut(holder), cancelPayout}},
	{of: event.MethodAttached, tells: "a customer saves a card", steps: []step{save}},
	{of: event.MethodUpdated, tells: "a customer saves a card, and withdraws the consent to charge it while they are not there", steps: []step{save, withdraw}},
	{of: event.MethodDetached, tells: "a customer saves a card, and takes it away", steps: []step{save, detach}},
	{of: event.DisputeCreated, tells: "a payment is disputed", steps: []step{charge(cardApproved, holder), press("dispute"), disputed}},
	{of: event.DisputeUpdated, tells: "a payment is disputed, and the bank asks again", steps: []step{charge(cardApproved, holder), press("dispute"), disputed, press("escalate")}},
	{of: event.DisputeWon, tells: "a payment is disputed, and the merchant wins", steps: []step{charge(cardApproved, holder), press("dispute"), disputed, press("win")}},
	{of: event.DisputeLost, tells: "a payment is disputed, and the merchant loses", steps: []step{charge(cardApproved, holder), press("dispute"), disputed, press("lose")}},
	{of: event.OrderPaid, tells: "an order is made, and a card charged for it", steps: []step{ordered(0), payOrder}},
	{of: event.OrderExpired, tells: "an order is made that expires 2 s later", steps: []step{ordered(orderLife)}},
	{of: event.OrderOverpaid, tells: "an order is made, two cards are authorized for it, and both captured", steps: []step{ordered(0), holdTwice}},
	{of: event.OrderReminder, tells: "an invoice is made that is due 2 s later, with a reminder then", steps: []step{invoiced}},
	{of: event.EndpointDisabled, tells: "a webhook endpoint answers 410", steps: []step{hearer(http.StatusGone, string(event.PaymentCreated)), charge(cardApproved, holder)}},
	{of: event.EndpointTest, tells: "a webhook endpoint is tested", steps: []step{hearer(http.StatusNoContent, string(event.EndpointTest)), testEndpoint}},
	{of: event.KillSwitchChanged, tells: "the cards of a country without banks are switched off, and on again", steps: []step{throwSwitch}},
	{of: event.BreakOpened, cannot: "a provider has to contradict what is known"},
	{of: event.BreakClosed, cannot: "it needs a break that a person has looked at"},
	{of: event.ProviderRecovered, tells: "an acquirer is down until its breaker opens, and works again", steps: []step{outage, well}},
	{of: event.ProviderDegraded, tells: "an acquirer is down until its breaker opens", steps: []step{outage}},
}

// stage is where a play is performed: a florin, its sandbox, and what was made so far.
type stage struct {
	florin   *client.Client
	once     *client.Client // the same, which tries nothing again
	sandbox  panel
	amount   int64
	currency string
	now      time.Time
	said     io.Writer // what is done, a line each
	waits    *deadline

	payment  *client.Payment
	method   *client.SavedPaymentMethod
	refund   *client.Refund
	dispute  *client.Dispute
	payout   *client.Payout
	endpoint *client.WebhookEndpoint
	order    *client.Order
	thrown   *client.KillSwitch
	heard    string // the last event before what the play does; empty: there was none, or it does not matter

	strike []func(context.Context) error // what to clear away at the end
}

// step does one thing of a play.
type step func(context.Context, *stage) error

// perform does one step after the other, and finds the event that came of it.
func (s *stage) perform(ctx context.Context, p play) (found *client.Event, err error) {
	defer func() { err = errors.Join(err, s.clear(ctx)) }()
	for _, do := range p.steps {
		if err := do(ctx, s); err != nil {
			return nil, err
		}
	}
	return s.await(ctx, p.of)
}

// subject is the object that the events of a type are about.
func (s *stage) subject(of event.Type) string {
	switch kind, _, _ := strings.Cut(string(of), "."); kind {
	case "dispute":
		return s.dispute.ID
	case "refund":
		return s.refund.ID
	case "payout":
		return s.payout.ID
	case "payment_method":
		return s.method.ID
	case "webhook_endpoint":
		return s.endpoint.ID
	case "order":
		return s.order.ID
	case "kill_switch":
		return s.thrown.ID
	case "provider":
		return "" // by their type alone: an account's name is no id
	}
	return s.payment.ID
}

// say tells what was done, as it is done.
func (s *stage) say(what, format string, args ...any) {
	fmt.Fprintf(s.said, "%-8s %s\n", what, fmt.Sprintf(format, args...))
}

// charge takes the money of a card at once.
func charge(card, holder string) step {
	return func(ctx context.Context, s *stage) error { return s.pay(ctx, card, holder, true) }
}

// hold authorizes a card's money without taking it.
func hold(card string) step {
	return func(ctx context.Context, s *stage) error { return s.pay(ctx, card, holder, false) }
}

// card puts a card into the vault, and gives its token.
func (s *stage) card(ctx context.Context, card, holder string) (string, error) {
	token, err := s.florin.Tokens.Create(ctx, client.CreateToken{Card: client.CardDetails{
		Number: card, ExpMonth: 12, ExpYear: s.now.Year() + 3, CVC: "123", Name: holder,
	}})
	if err != nil {
		return "", fmt.Errorf("put a card into the vault: %w", err)
	}
	s.say("card", "%s %s, …%s", token.ID, token.Card.Brand, token.Card.Last4)
	return token.ID, nil
}

// pay makes a payment with a card. A decline is what some plays are about.
func (s *stage) pay(ctx context.Context, card, holder string, capture bool) error {
	token, err := s.card(ctx, card, holder)
	if err != nil {
		return err
	}
	in := client.CreatePayment{Amount: s.amount, Currency: s.currency, PaymentMethodToken: token, Capture: &capture, Description: "florin trigger"}
	if s.order != nil {
		in.Order = s.order.ID
	}
	s.payment, err = s.florin.Payments.Create(ctx, in)
	if refused := (*client.Error)(nil); errors.As(err, &refused) && client.IsDeclined(err) && refused.Payment != "" {
		s.payment, err = s.florin.Payments.Get(ctx, refused.Payment)
	}
	if err != nil {
		return fmt.Errorf("make a payment: %w", err)
	}
	s.say("payment", "%s %s", s.payment.ID, s.payment.Status)
	return nil
}

func captureHalf(ctx context.Context, s *stage) (err error) {
	s.payment, err = s.florin.Payments.Capture(ctx, s.payment.ID, client.CapturePayment{Amount: s.amount / 2})
	if err != nil {
		return fmt.Errorf("capture half of it: %w", err)
	}
	s.say("capture", "%d of %d %s", s.payment.AmountCaptured, s.payment.Amount, s.payment.Currency)
	return nil
}

func cancel(ctx context.Context, s *stage) (err error) {
	s.payment, err = s.florin.Payments.Cancel(ctx, s.payment.ID, client.CancelPayment{Reason: "florin trigger"})
	if err != nil {
		return fmt.Errorf("cancel it: %w", err)
	}
	s.say("cancel", "%s", s.payment.Status)
	return nil
}

func refund(ctx context.Context, s *stage) (err error) {
	s.refund, err = s.florin.Payments.Refund(ctx, s.payment.ID, client.RefundPayment{All: true, Reason: "florin trigger"})
	if err != nil {
		return fmt.Errorf("refund it: %w", err)
	}
	s.say("refund", "%s %s", s.refund.ID, s.refund.Status)
	return nil
}

// disputed waits until the dispute of the payment is there.
func disputed(ctx context.Context, s *stage) (err error) {
	for pause := firstLook; s.dispute == nil; pause = min(2*pause, lastLook) {
		if s.dispute, err = newest(s.florin.Disputes.List(ctx, client.ListDisputes{Payment: s.payment.ID})); err != nil {
			return fmt.Errorf("look for the dispute: %w", err)
		}
		if err := rest(ctx, pause); s.dispute == nil && err != nil {
			return err
		}
	}
	s.say("dispute", "%s %s", s.dispute.ID, s.dispute.Status)
	return nil
}

// press presses a button of the sandbox for the payment.
func press(button string) step {
	return func(ctx context.Context, s *stage) error {
		if err := s.sandbox.press(ctx, s.payment.ProviderReference, button); err != nil {
			return err
		}
		s.say("sandbox", "%s", button)
		return nil
	}
}
