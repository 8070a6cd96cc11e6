package payment

import (
	"context"
	"fmt"
	"strings"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
)

// Verdict is what became of a provider's message.
type Verdict string

// The verdicts.
const (
	Applied      Verdict = "applied"
	Known        Verdict = "known"        // it says what was known
	Unmatched    Verdict = "unmatched"    // it speaks of nothing of ours
	Unsupported  Verdict = "unsupported"  // this version does not understand it
	Contradicted Verdict = "contradicted" // it cannot be true together with what is known
)

// Heard is what became of a provider's message.
type Heard struct {
	Verdict Verdict
	Detail  string // in words, for people
	Subject string // the payment, refund or dispute that it speaks of; empty: nothing of ours
}

// Notify applies a provider's verified message. The caller's record of it, made by with, travels in the same Change, so
// that a message is recorded and applied, or neither. Messages may come in any order and any number of times. with may be called
// again for another Change, if rows changed meanwhile.
func (s *Service) Notify(ctx context.Context, account provider.Account, n provider.Notification, with func(c *db.Change, h Heard) error) error {
	m, err := s.hear(ctx, account, n)
	if err != nil {
		return err
	}
	if m.decide == nil {
		c := db.NewChange(account.Merchant)
		if m.also != nil {
			if err := m.also(c); err != nil {
				return err
			}
		}
		if err := with(c, m.Heard); err != nil {
			return err
		}
		err := s.DB.Commit(ctx, c)
		if heardBefore(err) {
			c = db.NewChange(account.Merchant)
			if err := with(c, Heard{Verdict: Known}); err != nil {
				return err
			}
			return s.DB.Commit(ctx, c)
		}
		return err
	}
	_, err = s.apply(ctx, m.decide, func(c *db.Change, d decision) error {
		h := Heard{Verdict: Applied, Subject: m.Subject}
		switch {
		case d.contradiction != nil:
			h.Verdict, h.Detail = Contradicted, d.contradiction.Claim
		case d.nothing():
			h.Verdict = Known
		}
		return with(c, h)
	})
	return err
}

// message is a message of which it is known what it speaks of: the decision that it asks for, or its verdict if it asks for none.
type message struct {
	decide func() (decision, error) // nil: there is nothing to decide
	also   func(c *db.Change) error // what is written beside the record then; nil: nothing
	Heard
}

func verdict(v Verdict, detail string) message {
	return message{Heard: Heard{Verdict: v, Detail: detail}}
}

// hear finds what a message speaks of.
func (s *Service) hear(ctx context.Context, account provider.Account, n provider.Notification) (message, error) {
	switch n.Operation {
	case "", provider.OpDispute: // disputes are heard on the floor above
		return verdict(Unsupported, n.Type), nil
	case provider.OpAuthorize:
		return s.hearAttempt(ctx, account, n)
	case provider.OpTransfer:
		return s.hearTransfer(ctx, account, n)
	default:
		return s.hearOperation(ctx, account, n)
	}
}

func (s *Service) hearAttempt(ctx context.Context, account provider.Account, n provider.Notification) (message, error) {
	payment, number, ok := parseAttemptReference(n.Attempt)
	if !ok {
		return verdict(Unmatched, "reference "+n.Attempt), nil
	}
	read := func() (Payment, Attempt, error) {
		return s.reload(ctx, Payment{Merchant: account.Merchant, ID: payment}, Attempt{Number: number})
	}
	if _, a, err := read(); fault.Is(err, fault.NotFound) || err == nil && a.Account != account.ID {
		return verdict(Unmatched, "reference "+n.Attempt), nil
	} else if err != nil {
		return message{}, err
	}
	return message{Heard: Heard{Subject: payment}, decide: func() (decision, error) {
		p, a, err := read()
		if err != nil {
			return decision{}, err
		}
		return s.settle(ctx, account, p, a, n.Outcome, requestWaits)
	}}, nil
}

func (s *Service) hearOperation(ctx context.Context, account provider.Account, n provider.Notification) (message, error) {
	unmatched := fmt.Sprintf("%s %s", n.Operation, n.Reference)
	if n.Operation == provider.OpCapture && n.Reference == n.Attempt {
		return s.hearOwnCapture(ctx, account, n)
	}
	if transfer, _, _ := strings.Cut(n.Reference, "-"); n.Operation == provider.OpRefund && id.Has(transfer, id.Transfer) {
		return verdict(Known, "the return of "+transfer), nil // which is asked about until it is certain
	}
	if isReversal(n.Reference, n.Attempt) {
		return verdict(Known, "a reversal of "+n.Attempt), nil
	}
	if !id.Has(n.Reference, operationIDs[n.Operation]) {
		return verdict(Unmatched, unmatched), nil
	}
	op, err := s.store.operation(ctx, account.Merchant, n.Reference)
	if fault.Is(err, fault.NotFound) {
		return verdict(Unmatched, unmatched), nil
	}
	if err != nil {
		return message{}, err
	}
	a, err := s.store.attempt(ctx, op.Merchant, op.Payment, op.Attempt)
	if err != nil {
		return message{}, err
	}
	if a.Account != account.ID {
		return verdict(Unmatched, unmatched), nil
	}
	return message{Heard: Heard{Subject: op.subject()}, decide: func() (decision, error) {
		d, _, err := s.settleOperation(ctx, account, op, n.Outcome)
		return d, err
	}}, nil
}

// operationIDs are how our own references of operations begin. Whatever else a message names is nothing of ours, and is not looked
// for.
var operationIDs = map[provider.Operation]id.Prefix{
	provider.OpCapture: id.Capture, provider.OpVoid: id.Void, provider.OpRefund: id.Refund,
}

// subject is what merchants know of an operation: a refund has an id of its own to them, a capture and a void have not.
func (o Operation) subject() string {
	if o.Kind == KindRefund {
		return o.ID
	}
	return o.Payment
}

// hearOwnCapture hears of the capture that was asked for together with an authorization. If it failed, the authorization
// still stands: it can be captured again, or ends when its time is over.
func (s *Service) hearOwnCapture(ctx context.Context, account provider.Account, n provider.Notification) (message, error) {
	n.Outcome.Reference = "" // the capture's, not the authorization's
	m, err := s.hearAttempt(ctx, account, n)
	if m.decide != nil && n.Outcome.Class == provider.Declined {
		m.decide, m.Verdict, m.Detail = nil, Known, "the capture together with the authorization failed"
	}
	return m, err
}
