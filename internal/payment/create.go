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
	if err == nil {
		err = s.checkReturn(ctx, in.Merchant, in.ReturnURL)
	}
	if err != nil {
		return Object{}, err
	}
	if !in.Confirm {
		return s.createUnconfirmed(ctx, p, in, with)
	}
	return s.try(ctx, p, in.Token, nil, with)
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
	return Payment{
		Merchant: in.Merchant, ID: s.IDs.New(id.Payment), Status: RequiresPaymentMethod, Amount: money.Of(in.Amount, currency),
		Authorized: zero, Captured: zero, Refunded: zero, Refunding: zero, Disputed: zero,
		Capture: in.Capture, AwaitsPayer: !in.Confirm, Plan: in.ProviderAccounts, StatementDescriptor: in.StatementDescriptor,
		Description: in.Description, Metadata: in.Metadata, CaptureBefore: in.CaptureBefore, ReturnURL: in.ReturnURL, Asked: in.Asked, CreatedAt: now,
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
		if err := s.claim(ctx, c, p); err != nil {
			return err
		}
		return with.Result(c, s.answered(d.payment), nil)
	})
	return s.answered(d.payment), s.unclaimed(ctx, p, err)
}

// Confirm goes on with a payment that waits. One that has no try under way is charged, with a token or with the method it
// has. Of one whose payer had to act, the provider is asked what came of it; in.Result, the CRes that the bank's page gave
// the payer's browser, is only looked at to see that it belongs to the challenge that is open. Another token than the one
// that is being tried gives that try up and begins the next.
//
// It fails with fault.NotFound, with fault.Conflict if the payment does not wait or the result is not of the open challenge,
// and like Create.
func (s *Service) Confirm(ctx context.Context, tenant, payment string, in Confirmation, with Companion) (Object, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return Object{}, err
	}
	return s.confirm(ctx, p, in, with)
}

func (s *Service) confirm(ctx context.Context, p Payment, in Confirmation, with Companion) (Object, error) {
	if err := s.checkReturn(ctx, p.Merchant, in.ReturnURL); err != nil {
		return Object{}, err
	}
	switch {
	case p.Status == RequiresAction && (in.Result != "" || in.Token == "" || in.Token == p.Method.Token):
		return s.resume(ctx, p, in, with)
	case in.Result != "":
		return Object{}, errNoChallenge
	case p.Status == RequiresAction:
		return s.replace(ctx, p, in, with)
	case p.Status == Expired:
		return Object{}, fault.New(fault.Conflict, fault.CodeExpired, "the payment has expired")
	case p.Status != RequiresPaymentMethod:
		return Object{}, fault.State(fmt.Sprintf("the payment is %s; only one that waits for its payer can be confirmed", p.Status))
	}
	token := in.Token
	if token == "" {
		token = p.Method.Token
	}
	if token == "" {
		return Object{}, fault.Wrong("payment_method_token", "parameter_missing", "the payment has no method yet: give a token")
	}
	return s.try(ctx, p.met(in), token, nil, with)
}

// met is a payment with what its payer brought along.
func (p Payment) met(in Confirmation) Payment {
	if in.ReturnURL != "" {
		p.ReturnURL = in.ReturnURL
	}
	if in.DeviceSession != "" {
		p.Asked.Device = in.DeviceSession
	}
	if in.Browser != (provider.Browser{}) {
		p.Asked.Browser = &in.Browser
	}
	return p
}

// checkReturn refuses an address that the payer may not be sent to.
func (s *Service) checkReturn(ctx context.Context, tenant, address string) error {
	if address == "" {
		return nil
	}
	name, live, _ := id.SplitTenant(tenant)
	m, err := s.Merchants.Get(ctx, name)
	if err != nil {
		return fmt.Errorf("merchant of %s: %w", tenant, err)
	}
	return m.CheckReturn(address, live)
}

// begin decides a try: the intent that is written before anybody outside is called.
func (p Payment) begin(attempt, account string, how approach, able bool, now time.Time, patience time.Duration) (decision, error) {
	fresh := p.Version == 0
	if !p.ExpiresAt.IsZero() && !now.Before(p.ExpiresAt) {
		return decision{}, fault.New(fault.Conflict, fault.CodeExpired, "the payment has expired")
	}
	if err := p.move(Processing); err != nil {
		return decision{}, err
	}
	p.Attempts++
	p.Account, p.Failure, p.Proof, p.DueAt = account, nil, nil, time.Time{}
	next := newAttempt(p, attempt, account, how, able, now, patience)
	d := decision{payment: p, attempt: &next}
	if fresh {
		d.tell(event.PaymentCreated)
	}
	return d, nil
}

// try commits the intent and pursues it to its end. given is a try that is given up for it, if there is one: it ends in the
// same Change.
func (s *Service) try(ctx context.Context, p Payment, token string, given *Attempt, with Companion) (Object, error) {
	var err error
	if p.Method, err = s.describe(ctx, p.Merchant, token); err != nil {
		return Object{}, err
	}
	plan, err := s.plan(ctx, p)
	if err != nil {
		return Object{}, err
	}
	how, err := s.approach(ctx, p)
	if err != nil {
		return Object{}, err
	}
	intent, err := p.begin(s.IDs.New(id.Attempt), plan[0].ID, how, s.authenticates(plan[0]), s.Clock.Now(), s.patience(plan[0]))
	if err != nil {
		return Object{}, err
	}
	if given != nil {
		intent.next, intent.attempt = intent.attempt, nil
		if err := intent.walkAway(*given, s.Clock.Now()); err != nil {
			return Object{}, err
		}
	}
	if err := s.begin(ctx, intent, with); err != nil {
		return Object{}, err
	}
	if given != nil {
		s.closeBehind(ctx, written(intent).attempt)
	}
	return s.pursue(ctx, plan[0], written(intent).latest(), begun{with})
}

// begin commits a try's intent.
func (s *Service) begin(ctx context.Context, intent decision, with Companion) error {
	change, err := s.change(ctx, intent)
	if err != nil {
		return err
	}
	if err := s.claim(ctx, change, intent.payment); err != nil {
		return err
	}
	with.Intent(change, intent.payment.ID)
	return s.unclaimed(ctx, intent.payment, s.commitIntent(ctx, change))
}

// begun is the Companion of what goes on after its intent was written.
type begun struct{ Companion }

func (begun) Intent(*db.Change, string) {}

// approach decides how a try begins.
func (s *Service) approach(ctx context.Context, p Payment) (approach, error) {
	f := facts{asked: p.Asked, country: p.Method.Country}
	f.wanted = p.Failure != nil && p.Failure.DeclineCode == provider.AuthenticationRequired
	if s.StepUp != nil {
		var err error
		if f.stepUp, err = s.StepUp(ctx, p); err != nil {
			return approach{}, fmt.Errorf("risk of %s: %w", p.ID, err)
		}
	}
	return f.approach(), nil
}

// pursue takes an attempt whose intent is written to its end, or to where its payer must act: it asks the issuer, then for
// the money, and goes on with the next try if there is one.
func (s *Service) pursue(ctx context.Context, account provider.Account, from decision, with Companion) (Object, error) {
	for {
		var now stage
		var err error
		if from.attempt.asking() {
			now, err = s.hearIssuer(ctx, account, from, s.askIssuer(ctx, account, from.payment, *from.attempt), with)
		} else {
			outcome := s.call(ctx, account, func(ctx context.Context) provider.Outcome {
				return s.authorize(ctx, account, from.payment, *from.attempt)
			})
			now, err = s.record(ctx, account, from, outcome, with)
		}
		switch {
		case err != nil:
			return now.object, err
		case now.next == nil:
			return now.object, now.refused
		}
		from, with = *now.next, begun{with}
	}
}

// stage is how far a payment has come: what the caller is told, or what is to be done next.
type stage struct {
	object  Object
	refused error
	next    *decision
}

// latest is a decision about the try that is to be gone on with.
func (d decision) latest() decision {
	if d.next != nil {
		d.attempt, d.next = d.next, nil
	}
	return d
}

// written is a decision's rows as they stand in the database once it is committed.
func written(d decision) decision {
	d.payment.Version++
	if d.attempt != nil {
		a := *d.attempt
		a.Version++
		d.attempt = &a
	}
	if d.next != nil {
		a := *d.next
		a.Version++
		d.next = &a
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
	r := provider.Authorization{
		Reference: a.ourReference(), Payment: p.ID, Amount: a.Amount, Capture: a.Capture, Card: a.Token,
		Descriptor: p.StatementDescriptor, Description: p.Description, ThreeDS: a.proof(), OffSession: p.Asked.OffSession,
	}
	if !p.Asked.OffSession && p.Challenges < MaxChallenges {
		r.ReturnURL = s.returnURL(p, a)
	}
	if a.Secure != nil {
		r.Indicator = a.Secure.Indicator
	}
	return authorizer.Authorize(ctx, account, r)
}

// record commits an authorization's outcome. It starts from the rows of the intent and reads them again only if somebody
// else, a webhook or the worker, was faster.
func (s *Service) record(ctx context.Context, account provider.Account, from decision, o provider.Outcome, with Companion) (stage, error) {
	ctx = context.WithoutCancel(ctx)
	p, a := from.payment, *from.attempt
	first := true
	var now stage
	d, err := s.apply(ctx, func() (decision, error) {
		if !first {
			var err error
			if p, a, err = s.reload(ctx, p, a); err != nil {
				return decision{}, err
			}
		}
		first = false
		d, err := s.settle(ctx, account, p, a, o)
		if err != nil {
			return d, err
		}
		now.next, err = s.follows(ctx, d, a)
		return d, err
	}, func(c *db.Change, d decision) error {
		if now.next != nil || d.next != nil {
			return nil // there is no answer yet
		}
		if d.attempt != nil {
			a = *d.attempt
		}
		now.object = s.answered(d.payment)
		now.refused = refusal(now.object, a.Failure)
		return with.Result(c, now.object, now.refused)
	})
	if err == nil && d.next != nil {
		latest := written(d).latest()
		now.next = &latest
	}
	return now, err
}

// follows is the try with authentication that somebody else, who heard of the decline first, has put behind an attempt. Whoever
// waits for the answer goes on with it.
func (s *Service) follows(ctx context.Context, d decision, a Attempt) (*decision, error) {
	if d.attempt != nil || d.payment.Attempts != a.Number+1 {
		return nil, nil
	}
	next, err := s.store.attempt(ctx, a.Merchant, a.Payment, a.Number+1)
	if err != nil || !next.asking() {
		return nil, err
	}
	return &decision{payment: d.payment, attempt: &next}, nil
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
func (s *Service) plan(ctx context.Context, p Payment) ([]provider.Account, error) {
	asked := p.Plan
	all, err := s.Accounts.List(ctx, p.Merchant)
	if err != nil {
		return nil, fmt.Errorf("list the provider accounts of %s: %w", p.Merchant, err)
	}
	able := slices.DeleteFunc(slices.Clone(all), func(a provider.Account) bool {
		_, err := provider.Lookup[provider.Authorizer](s.Providers, a.Provider)
		return err != nil || p.Asked.Challenge == ChallengeMandate && !s.authenticates(a) && !s.capabilities(a).Authenticates
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
