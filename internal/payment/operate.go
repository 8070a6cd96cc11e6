package payment

import (
	"context"
	"errors"
	"fmt"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
)

// Capture takes authorized money: an amount in minor units, or with 0 all that is left. Unless final is set, what is left
// can be captured later; the last capture releases the rest.
//
// It fails with fault.NotFound, with fault.Conflict if the payment is not authorized, its capture_before has passed or
// another capture is under way, with fault.Invalid if the amount exceeds what is left or leaves a rest that the provider
// would release unasked, and with *DeclinedError if the provider refuses. If the provider does not answer, the payment
// comes back authorized with amount_capturing: the worker finds out.
func (s *Service) Capture(ctx context.Context, tenant, payment string, amount int64, final bool, with Companion) (Object, error) {
	d, err := s.operate(ctx, tenant, payment, with, func(p Payment, a Attempt, at occasion) (decision, error) {
		return p.capture(a, s.IDs.New(id.Capture), amount, final, at)
	})
	return s.answer(d, s.inTheWay(ctx, tenant, payment, err))
}

// Cancel releases what is authorized and not captured, or gives up a payment that still waits for its payer.
// It fails like Capture. If the provider does not answer, or is down, the payment comes back authorized with amount_canceling.
func (s *Service) Cancel(ctx context.Context, tenant, payment, reason string, with Companion) (Object, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return Object{}, err
	}
	if p.Status == RequiresPaymentMethod || p.Status == RequiresAction || p.waits() {
		return s.giveUp(ctx, p, reason, with)
	}
	d, err := s.operate(ctx, tenant, payment, with, func(p Payment, a Attempt, at occasion) (decision, error) {
		return p.void(a, s.IDs.New(id.Void), PurposeCancel, reason, at)
	})
	return s.answer(d, s.inTheWay(ctx, tenant, payment, err))
}

// openWords say what keeps a capture or a cancellation from being made, other than a request that is under way.
var openWords = map[OperationState]string{
	OperationQueued:  "waits until it can be sent to its provider",
	OperationPending: "is with its provider, who has not said yet what became of it",
	OperationUnknown: "was sent, and nobody knows yet what became of it",
}

// inTheWay is an error; errLost as what keeps the request away, if that is no other request.
func (s *Service) inTheWay(ctx context.Context, tenant, payment string, err error) error {
	if !errors.Is(err, errLost) {
		return err
	}
	open, readErr := s.store.openOf(ctx, tenant, []string{payment})
	if readErr != nil {
		return readErr
	}
	for _, op := range open {
		if words := openWords[op.State]; words != "" {
			what := map[Kind]string{KindCapture: "capture", KindVoid: "cancellation"}[op.Kind]
			return fault.State(fmt.Sprintf("a %s of the payment %s: see amount_capturing and amount_canceling", what, words))
		}
	}
	return err
}

// Refund gives captured money back: an amount in minor units, or with 0 all that is left.
//
// It fails with fault.NotFound, with fault.Conflict if there is nothing to refund, and with fault.Invalid if the amount
// exceeds what is left. A refund that the provider refuses is a refund that failed, not an error. One that the merchant's returns
// policy does not allow is refused or held: see returned.
func (s *Service) Refund(ctx context.Context, tenant, payment string, r RefundRequest, with Companion) (RefundObject, error) {
	d, err := s.operate(ctx, tenant, payment, with, func(p Payment, a Attempt, at occasion) (decision, error) {
		policy, err := s.returns(ctx, p)
		if err != nil {
			return decision{}, err
		}
		d, err := p.returned(a, s.IDs.New(id.Refund), r, policy, at)
		if err != nil {
			return d, err
		}
		can, err := s.abilities(ctx, p)
		switch {
		case err != nil:
			return decision{}, err
		case !can.refunds:
			return decision{}, errNotRefundable
		case r.By == "":
			return d, nil
		}
		persons, err := s.persons(ctx, p, *d.operation)
		if persons > 0 {
			d.awaitPeople()
		}
		return d, err
	})
	if d.operation == nil {
		return RefundObject{}, err
	}
	return refundObject(*d.operation), err
}

// answer is the payment after a capture or a void, and the refusal if there was one.
func (s *Service) answer(d decision, err error) (Object, error) {
	if err != nil || d.operation == nil {
		return Object{}, err
	}
	object := s.showing(d)
	return object, s.refused(object, *d.operation)
}

// operating decides an operation of an attempt.
type operating func(Payment, Attempt, occasion) (decision, error)

// operate commits an operation's intent, calls the provider and commits the result. An intent that lost against another
// request's is decided again: of many refunds at once, all that fit get through.
func (s *Service) operate(ctx context.Context, tenant, payment string, with Companion, decide operating) (decision, error) {
	for try := 1; ; try++ {
		intent, account, err := s.intend(ctx, tenant, payment, decide)
		if err != nil {
			return decision{}, err
		}
		attempt := intent.attempt
		intent.attempt = nil // it does not change yet
		change, err := s.change(ctx, intent)
		if err != nil {
			return decision{}, err
		}
		held := intent.operation.State == OperationHeld
		if err := s.permits(ctx, intent.payment, string(inquiries[intent.operation.Kind]), intent.operation.Account); err != nil {
			return decision{}, err
		}
		if held { // nobody is called: this is all for now
			err = s.tellCompanion(change, intent, with)
		} else {
			with.Intent(change, subjectOf(intent))
		}
		if err != nil {
			return decision{}, err
		}
		err = s.commitIntent(ctx, change)
		switch {
		case err == nil && held:
			return written(intent), nil
		case err == nil:
			intent.attempt = attempt
			return s.perform(ctx, account, written(intent), with)
		case !fault.Is(err, fault.Stale) || try == tries:
			return decision{}, err
		}
	}
}

// intend decides an operation from the rows as they are now. It gives the attempt beside the intent.
func (s *Service) intend(ctx context.Context, tenant, payment string, decide operating) (decision, provider.Account, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return decision{}, provider.Account{}, err
	}
	if p.Attempts == 0 {
		return decision{}, provider.Account{}, fault.State(fmt.Sprintf("the payment is %s; no money was asked for yet", p.Status))
	}
	a, err := s.store.attempt(ctx, tenant, payment, p.Attempts)
	if err != nil {
		return decision{}, provider.Account{}, err
	}
	account, err := s.Accounts.Get(ctx, tenant, a.Account)
	if err != nil {
		return decision{}, provider.Account{}, fmt.Errorf("provider account %s: %w", a.Account, err)
	}
	intent, err := decide(p, a, occasion{s.Clock.Now(), s.patience(account), s.capabilities(account).PartialCaptures})
	intent.attempt = &a
	return intent, account, err
}

// subjectOf is what an operation makes or changes, for the idempotency record: a refund is an object of its own.
func subjectOf(d decision) string {
	if d.operation.Kind == KindRefund {
		return d.operation.ID
	}
	return d.payment.ID
}

// perform calls the provider for an operation whose intent is written, and commits the result.
func (s *Service) perform(ctx context.Context, account provider.Account, from decision, with Companion) (decision, error) {
	return s.recordOperation(ctx, account, *from.operation, s.callFor(ctx, account, *from.attempt, *from.operation), with)
}

// callFor makes an operation's call. One that was not sent before either tells health nothing new.
func (s *Service) callFor(ctx context.Context, account provider.Account, a Attempt, op Operation) provider.Outcome {
	of := health.Operation(inquiries[op.Kind])
	done, refused := s.enter(account, of)
	if refused != nil {
		return *refused
	}
	ended := func(r health.Result) {
		r.Again = op.again && r.Class == provider.NotSent.String()
		done(r)
	}
	return s.run(ctx, account, of, ended, func(ctx context.Context) provider.Outcome {
		return callers[op.Kind](ctx, s.Providers, account, a, op)
	})
}

// recordOperation commits an operation's outcome, from the rows as they are now.
func (s *Service) recordOperation(ctx context.Context, account provider.Account, op Operation, o provider.Outcome, with Companion) (decision, error) {
	ctx = context.WithoutCancel(ctx)
	var current Operation
	d, err := s.apply(ctx, func() (decision, error) {
		var d decision
		var err error
		d, current, err = s.settleOperation(ctx, account, op, o)
		return d, err
	}, func(c *db.Change, d decision) error {
		if d.operation == nil {
			d.operation = &current
		}
		return s.tellCompanion(c, d, with)
	})
	if err == nil && d.operation == nil {
		d.operation = &current
	}
	return d, err
}

// settleOperation decides what an outcome means for an operation, from the rows as they are now, and gives the operation as it was read.
func (s *Service) settleOperation(ctx context.Context, account provider.Account, op Operation, o provider.Outcome) (decision, Operation, error) {
	asked := op.AskedAt
	p, a, op, err := s.rows(ctx, op)
	if err != nil {
		return decision{}, op, err
	}
	if asked.After(op.AskedAt) {
		op.AskedAt = asked
	}
	t, err := s.terms(ctx, p.Merchant, account)
	if err != nil {
		return decision{}, op, err
	}
	d, err := settleOperation(p, a, op, o, t)
	if !errors.Is(err, errTorn) {
		return d, op, err
	}
	again, readErr := s.store.operation(ctx, op.Merchant, op.ID)
	if t.whole = readErr == nil && again.Version == op.Version; t.whole { // it did not move while its payment was read
		d, err = settleOperation(p, a, op, o, t)
	}
	return d, op, errors.Join(err, readErr)
}

func (s *Service) tellCompanion(c *db.Change, d decision, with Companion) error {
	if d.operation.Kind == KindRefund {
		return with.Result(c, refundObject(*d.operation), nil)
	}
	object := s.showing(d)
	return with.Result(c, object, s.refused(object, *d.operation))
}

// rows reads an operation, its attempt and their payment, in that order: whatever moves an operation moves its payment in
// the same Change, so the payment is at least as new as what was read before it. The other way round, a webhook between
// the reads would leave an operation that succeeded beside a payment that has not heard of it.
func (s *Service) rows(ctx context.Context, op Operation) (Payment, Attempt, Operation, error) {
	op, err := s.store.operation(ctx, op.Merchant, op.ID)
	if err != nil {
		return Payment{}, Attempt{}, op, err
	}
	a, err := s.store.attempt(ctx, op.Merchant, op.Payment, op.Attempt)
	if err != nil {
		return Payment{}, a, op, err
	}
	p, err := s.store.payment(ctx, op.Merchant, op.Payment)
	return p, a, op, err
}

// callers say how each kind of operation is asked of a provider.
var callers = map[Kind]func(context.Context, provider.Registry, provider.Account, Attempt, Operation) provider.Outcome{
	KindCapture: func(ctx context.Context, r provider.Registry, account provider.Account, a Attempt, o Operation) provider.Outcome {
		capturer, err := provider.Lookup[provider.Capturer](r, account.Provider)
		if err != nil {
			return unable(err)
		}
		return capturer.Capture(ctx, account, provider.Capture{
			Reference: o.ID, Original: a.Reference, Attempt: a.ourReference(), Amount: o.Amount, Final: o.Final,
		})
	},
	KindVoid: func(ctx context.Context, r provider.Registry, account provider.Account, a Attempt, o Operation) provider.Outcome {
		capturer, err := provider.Lookup[provider.Capturer](r, account.Provider)
		if err != nil {
			return unable(err)
		}
		return capturer.Void(ctx, account, provider.Void{Reference: o.ID, Original: a.Reference, Attempt: a.ourReference()})
	},
	KindRefund: func(ctx context.Context, r provider.Registry, account provider.Account, a Attempt, o Operation) provider.Outcome {
		refunder, err := provider.Lookup[provider.Refunder](r, account.Provider)
		if err != nil {
			return unable(err)
		}
		return refunder.Refund(ctx, account, provider.Refund{
			Reference: o.ID, Original: a.Reference, Attempt: a.ourReference(), Amount: o.Amount, Reason: o.Reason,
		})
	},
}
