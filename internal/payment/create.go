package payment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// defaultExpiry is how long a payment waits for its payer if the merchant does not say.
const defaultExpiry = 24 * time.Hour

// Create makes a payment and, unless Confirm is false, asks for the money.
//
// It fails with fault.Invalid for a currency that does not exist, with fault.NotFound for a token that is not this
// tenant's, with fault.Unavailable if no provider account could take the payment, and with *DeclinedError if the try did
// not succeed: the payment is there then, and failed.
func (s *Service) Create(ctx context.Context, in Create, with Companion) (Object, error) {
	p, err := s.draft(in)
	if err != nil {
		return Object{}, err
	}
	if !in.Confirm {
		return s.createUnconfirmed(ctx, p, in, with)
	}
	return s.try(ctx, p, in.Token, with)
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
	return Payment{
		Merchant: in.Merchant, ID: s.IDs.New(id.Payment), Status: RequiresPaymentMethod, Amount: money.Of(in.Amount, currency),
		Authorized: zero, Captured: zero, Refunded: zero, Refunding: zero, Disputed: zero,
		Capture: in.Capture, AwaitsPayer: !in.Confirm, Plan: in.ProviderAccounts, StatementDescriptor: in.StatementDescriptor,
		Description: in.Description, Metadata: in.Metadata, CaptureBefore: in.CaptureBefore, CreatedAt: now,
	}, nil
}

func (s *Service) createUnconfirmed(ctx context.Context, p Payment, in Create, with Companion) (Object, error) {
	if in.ExpiresIn == 0 {
		in.ExpiresIn = defaultExpiry
	}
	p.ExpiresAt = p.CreatedAt.Add(in.ExpiresIn)
	p.DueAt = p.ExpiresAt
	if in.Token != "" {
		method, err := s.describe(ctx, p.Merchant, in.Token)
		if err != nil {
			return Object{}, err
		}
		p.Method = method
	}
	d, err := s.apply(ctx, func() (decision, error) {
		return decision{payment: p, events: []event.Type{event.PaymentCreated}}, nil
	}, func(c *db.Change, d decision) error {
		return with.Result(c, s.answered(d.payment), nil)
	})
	return s.answered(d.payment), err
}

// Confirm asks for the money of a payment that waits for its payer, with a token or with the method it has.
// It fails with fault.NotFound, with fault.Conflict if the payment does not wait, and like Create.
func (s *Service) Confirm(ctx context.Context, tenant, payment, token string, with Companion) (Object, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return Object{}, err
	}
	if p.Status != RequiresPaymentMethod {
		return Object{}, fault.State(fmt.Sprintf("the payment is %s; only one that requires a payment method can be confirmed", p.Status))
	}
	if token == "" {
		token = p.Method.Token
	}
	if token == "" {
		return Object{}, fault.Wrong("payment_method_token", "parameter_missing", "the payment has no method yet: give a token")
	}
	return s.try(ctx, p, token, with)
}

// begin decides a try: the intent that is written before the provider is called.
func (p Payment) begin(attempt, account string, now time.Time, patience time.Duration) (decision, error) {
	fresh := p.Version == 0
	if !p.ExpiresAt.IsZero() && !now.Before(p.ExpiresAt) {
		return decision{}, fault.New(fault.Conflict, fault.CodeExpired, "the payment has expired")
	}
	if err := p.move(Processing); err != nil {
		return decision{}, err
	}
	p.Attempts++
	p.Account, p.Failure, p.DueAt = account, nil, time.Time{}
	d := decision{payment: p, attempt: &Attempt{
		Merchant: p.Merchant, Payment: p.ID, Number: p.Attempts, ID: attempt, State: AttemptSending, Account: account,
		Amount: p.Amount, Capture: p.Capture, Token: p.Method.Token, SentAt: now, DueAt: now.Add(patience), CreatedAt: now,
	}}
	if fresh {
		d.tell(event.PaymentCreated)
	}
	return d, nil
}

// try commits the intent, calls the provider and commits the result.
func (s *Service) try(ctx context.Context, p Payment, token string, with Companion) (Object, error) {
	var err error
	if p.Method, err = s.describe(ctx, p.Merchant, token); err != nil {
		return Object{}, err
	}
	plan, err := s.plan(ctx, p.Merchant, p.Plan)
	if err != nil {
		return Object{}, err
	}
	intent, err := p.begin(s.IDs.New(id.Attempt), plan[0].ID, s.Clock.Now(), s.patience(plan[0]))
	if err != nil {
		return Object{}, err
	}
	change, err := s.change(ctx, intent)
	if err != nil {
		return Object{}, err
	}
	with.Intent(change, intent.payment.ID)
	err = s.commitIntent(ctx, change)
	if fault.Is(err, fault.Stale) { // what another request made of the payment, the next look at it tells
		return Object{}, fault.State("another request is changing this payment at the same time")
	}
	if err != nil {
		return Object{}, err
	}
	outcome := s.call(ctx, plan[0], func(ctx context.Context) provider.Outcome {
		return s.authorize(ctx, plan[0], intent.payment, *intent.attempt)
	})
	return s.record(ctx, plan[0], written(intent), outcome, with)
}

// written is a decision's rows as they stand in the database once it is committed.
func written(d decision) decision {
	d.payment.Version++
	if d.attempt != nil {
		a := *d.attempt
		a.Version++
		d.attempt = &a
	}
	if d.operation != nil {
		o := *d.operation
		o.Version++
		d.operation = &o
	}
	d.events, d.postings = nil, nil
	return d
}

func (s *Service) authorize(ctx context.Context, account provider.Account, p Payment, a Attempt) provider.Outcome {
	authorizer, err := provider.Lookup[provider.Authorizer](s.Providers, account.Provider)
	if err != nil {
		return provider.Outcome{Class: provider.NotSent, Detail: err.Error()}
	}
	return authorizer.Authorize(ctx, account, provider.Authorization{
		Reference: a.ourReference(), Payment: p.ID, Amount: a.Amount, Capture: a.Capture, Card: a.Token,
		Descriptor: p.StatementDescriptor, Description: p.Description,
	})
}

// record commits an authorization's outcome. It starts from the rows of the intent and reads them again only if somebody
// else, a webhook or the worker, was faster.
func (s *Service) record(ctx context.Context, account provider.Account, from decision, o provider.Outcome, with Companion) (Object, error) {
	ctx = context.WithoutCancel(ctx)
	p, a := from.payment, *from.attempt
	first := true
	var object Object
	var refused error
	_, err := s.apply(ctx, func() (decision, error) {
		if !first {
			var err error
			if p, a, err = s.reload(ctx, p, a); err != nil {
				return decision{}, err
			}
		}
		first = false
		return s.settle(ctx, account, p, a, o)
	}, func(c *db.Change, d decision) error {
		if d.attempt != nil {
			a = *d.attempt
		}
		object = s.answered(d.payment)
		refused = refusal(object, a.Failure)
		return with.Result(c, object, refused)
	})
	if err != nil {
		return object, err
	}
	return object, refused
}

// reload reads an attempt and then its payment: see rows for why in that order.
func (s *Service) reload(ctx context.Context, p Payment, a Attempt) (Payment, Attempt, error) {
	a, err := s.store.attempt(ctx, p.Merchant, p.ID, a.Number)
	if err != nil {
		return p, a, err
	}
	p, err = s.store.payment(ctx, p.Merchant, p.ID)
	return p, a, err
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

// plan is the provider accounts that may take a card payment, best first.
func (s *Service) plan(ctx context.Context, tenant string, asked []string) ([]provider.Account, error) {
	all, err := s.Accounts.List(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("list the provider accounts of %s: %w", tenant, err)
	}
	able := slices.DeleteFunc(slices.Clone(all), func(a provider.Account) bool {
		_, err := provider.Lookup[provider.Authorizer](s.Providers, a.Provider)
		return err != nil
	})
	if len(asked) == 0 {
		if len(able) == 0 {
			return nil, fault.New(fault.Unavailable, fault.CodeProviderUnavailable, "no provider account can take this payment")
		}
		return able, nil
	}
	plan := make([]provider.Account, 0, len(asked))
	for i, name := range asked {
		at := slices.IndexFunc(able, func(a provider.Account) bool { return a.ID == name })
		if at < 0 {
			return nil, fault.Wrong(fmt.Sprintf("routing.provider_accounts[%d]", i), fault.CodeInvalid, "no such provider account")
		}
		plan = append(plan, able[at])
	}
	return plan, nil
}
