package payment

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/vault"
)

// defaultExpiry is how long a payment waits for its payer if the merchant does not say.
const defaultExpiry = 24 * time.Hour

// Create makes a payment and, unless Confirm is false, asks for the money.
//
// It fails with fault.Invalid for a currency that does not exist, with fault.NotFound for a token that is not this
// tenant's, with fault.Unavailable if no provider account could take the payment, or others of its card and amount have kept it waiting for
// too long, and with *DeclinedError if the try did not succeed: the payment is there then, and failed.
func (s *Service) Create(ctx context.Context, in Create, with Companion) (Object, error) {
	p, err := s.draft(in)
	if err == nil {
		err = s.checkReturn(ctx, in.Merchant, in.ReturnURL)
	}
	if err == nil {
		err = s.name(ctx, &p, in.StatementSuffix)
	}
	if err == nil {
		err = s.knows(ctx, p)
	}
	if err == nil && in.Asked.Setup && in.Customer == "" && !id.Has(in.Choice.Token, id.PaymentMethod) {
		err = errSetupUnsaved
	}
	if err != nil {
		return Object{}, err
	}
	if !in.Confirm {
		return s.createUnconfirmed(ctx, p, in, with)
	}
	return s.try(ctx, p, in.Choice, nil, with)
}

// draft is the payment as it was asked for.
func (s *Service) draft(in Create) (Payment, error) {
	currency, err := money.ParseCurrency(in.Currency)
	if err != nil {
		return Payment{}, fault.Wrong("currency", fault.CodeCurrency, "must be an ISO 4217 code in capital letters")
	}
	if in.Amount < 1 {
		return Payment{}, fault.Wrong("amount", fault.CodeAmountTooSmall, "must be at least 1")
	}
	zero, now := money.Of(0, currency), s.Clock.Now()
	if !in.CaptureBefore.IsZero() && !in.CaptureBefore.After(now) {
		return Payment{}, fault.Wrong("capture_before", fault.CodeInvalid, "must be in the future")
	}
	if err := in.Asked.check(); err != nil {
		return Payment{}, err
	}
	later, err := in.later(now)
	if err != nil {
		return Payment{}, err
	}
	return Payment{
		Merchant: in.Merchant, ID: s.IDs.New(id.Payment), Status: RequiresPaymentMethod, Amount: money.Of(in.Amount, currency),
		Authorized: zero, Captured: zero, Refunded: zero, Refunding: zero, Disputed: zero,
		Capture: in.Capture, AwaitsPayer: !in.Confirm, Order: in.Order, Customer: in.Customer, Plan: in.ProviderAccounts, StatementDescriptor: in.StatementDescriptor,
		Description: in.Description, Metadata: in.Metadata, CaptureBefore: in.CaptureBefore, ReturnURL: in.ReturnURL, Asked: in.Asked, Later: later, CreatedAt: now,
	}, nil
}

func (s *Service) createUnconfirmed(ctx context.Context, p Payment, in Create, with Companion) (Object, error) {
	if in.ExpiresIn == 0 {
		in.ExpiresIn = defaultExpiry
	}
	p.ExpiresAt = p.CreatedAt.Add(in.ExpiresIn)
	p.DueAt = p.ExpiresAt
	if in.Choice.made() {
		var err error
		if p, err = s.pick(ctx, p, in.Choice); err != nil {
			return Object{}, err
		}
	}
	return s.open(ctx, p, with, event.PaymentCreated)
}

// open writes a new payment of which no provider is asked yet, and answers with it.
func (s *Service) open(ctx context.Context, p Payment, with Companion, events ...event.Type) (Object, error) {
	d, err := s.apply(ctx, func() (decision, error) {
		return decision{payment: p, events: events}, nil
	}, func(c *db.Change, d decision) error {
		if err := s.claim(ctx, c, p); err != nil {
			return err
		}
		if err := s.ordered(ctx, c, p); err != nil {
			return err
		}
		return with.Result(c, s.answered(d.payment), nil)
	})
	return s.answered(d.payment), s.unclaimed(ctx, p, err)
}

func (s *Service) describe(ctx context.Context, tenant, token string) (vault.Description, error) {
	d, err := s.Cards.Describe(ctx, tenant, token)
	if fault.Is(err, fault.NotFound) {
		return d, &fault.Error{
			Kind: fault.NotFound, Code: fault.CodeNotFound, Param: "payment_method_token", Detail: "no such payment method token",
		}
	}
	return d, err
}
