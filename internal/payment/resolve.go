package payment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
)

const (
	sweepAttempts = "attempts"
	sweepLease    = time.Minute
)

// Sweeps are the worker's queues: what time has to bring about. Each handler may wait for a provider, and one provider that hangs
// keeps no more than half the hands waiting: the rest is for the others. Accounts of one name count together, whoever's they are,
// as they are mostly of one provider.
func (s *Service) Sweeps() []db.Sweep {
	sweeps := []db.Sweep{
		{Name: sweepAttempts, Table: attemptTable, Every: 500 * time.Millisecond, Handle: s.resolveAttempt},
		{Name: "operations", Table: operationTable, Every: 500 * time.Millisecond, Handle: s.resolveOperation},
		{Name: "expiry", Table: paymentTable, Every: time.Second, Handle: s.expire},
		{Name: "transfers", Table: transferTable, Every: time.Second, Handle: s.returnTransfer},
		{Name: "late approvals", Table: contradictionTable, Every: time.Second, Handle: s.reverseLate},
	}
	for i := range sweeps {
		sweeps[i].Lease, sweeps[i].Limit = sweepLease, 64
		sweeps[i].Group, sweeps[i].Share = "provider_account", 32
	}
	return sweeps
}

// resolveAttempt finds out what became of an authorization whose outcome is open: never by asking for the money again. An
// authorization is also asked about when an operation on it was refused, as it may have ended at the provider.
func (s *Service) resolveAttempt(ctx context.Context, key []string) error {
	number, err := strconv.ParseInt(key[2], 10, 64)
	if err != nil {
		return fmt.Errorf("attempt %v: %w", key, err)
	}
	a, err := s.store.attempt(ctx, key[0], key[1], number)
	if err != nil {
		return err
	}
	account, err := s.Accounts.Get(ctx, a.Merchant, a.Account)
	if err != nil {
		return fmt.Errorf("provider account %s: %w", a.Account, err)
	}
	switch {
	case a.asking() || a.State == AttemptAction:
		return s.resolveWaiting(ctx, account, a)
	case a.leftOpen():
		return s.closePage(ctx, account, a)
	}
	if !inquirable[a.State] && a.State != AttemptAuthorized {
		return s.learn(ctx, account, a, provider.Outcome{}) // nothing to ask: it needs no more looking after
	}
	finding := s.inquireAuthorization(ctx, account, a)
	outcome := finding.Outcome
	if s.asked(account, outcome) {
		a.AskedAt = s.Clock.Now()
	}
	if inquirable[a.State] && !finding.Found && outcome.Class != provider.Unknown {
		outcome = s.missing(ctx, account, &a)
	}
	return s.learn(ctx, account, a, outcome)
}

// resolveWaiting goes on with an attempt whose issuer was being asked, or whose payer had to act and has not come back. What the
// payer proved in time counts, whoever hears of it.
func (s *Service) resolveWaiting(ctx context.Context, account provider.Account, a Attempt) error {
	p, a, err := s.reload(ctx, Payment{Merchant: a.Merchant, ID: a.Payment}, a)
	if err != nil {
		return err
	}
	from := decision{payment: p, attempt: &a}
	switch {
	case a.asking():
		err = s.askAgain(ctx, account, from)
	case a.challenged():
		_, err = s.goOn(ctx, account, from, alone{})
	case a.State == AttemptAction:
		err = s.resolveAction(ctx, account, from)
	}
	var refused *DeclinedError
	if errors.As(err, &refused) || lost(err) || crowded(err) {
		return nil // it is recorded, or somebody else is at it, or it comes again when its lease is over
	}
	return err
}

// askAgain finds out what the issuer said to a question whose answer nobody waits for any more. If it was never asked, it is
// asked now: no money has been asked for yet, and the attempt's reference keeps it one question.
func (s *Service) askAgain(ctx context.Context, account provider.Account, from decision) error {
	pass, err := s.comesBack(ctx, from.payment, *from.attempt, 0)
	defer pass.Leave()
	if err != nil {
		return err
	}
	out := s.whatIssuerSaid(ctx, account, from)
	held := &room{}
	defer held.giveBack() // of what is not made after all
	now, err := s.hearIssuer(ctx, account, held, from, out, alone{})
	pass.Step()
	if err == nil && now.next != nil {
		_, err = s.pursue(ctx, account, held, *now.next, alone{})
	}
	return err
}

// whatIssuerSaid finds an answer out, if it is not known already. What cannot be asked now may have been heard of before: it is in doubt.
func (s *Service) whatIssuerSaid(ctx context.Context, account provider.Account, from decision) provider.AuthenticationOutcome {
	if from.attempt.waitsForRoom() {
		return provider.AuthenticationOutcome{Class: provider.Approved, ThreeDS: from.attempt.Secure.Result, Detail: from.attempt.Detail}
	}
	out := s.inquireIssuer(ctx, account, *from.attempt)
	if out.Class != provider.Approved {
		out = s.askIssuer(ctx, nil, account, from.payment, *from.attempt)
	}
	if !out.NotBefore.IsZero() {
		out.Class = provider.Unknown
	}
	return out
}

// resolveAction asks what the payer did on a page of the provider's. When their time is over, the attempt ends, and the page is
// closed behind it.
func (s *Service) resolveAction(ctx context.Context, account provider.Account, from decision) error {
	a := *from.attempt
	outcome := s.inquireAuthorization(ctx, account, a).Outcome
	now := s.Clock.Now()
	if to := attemptStateOf(a, outcome); to != AttemptAction && to != AttemptUnknown {
		a.AskedAt = now
		return s.learn(ctx, account, a, outcome)
	}
	unknown := outcome.Class == provider.Unknown && a.Inquiries < provider.UnresolvedAfter // then the page may have been left in time
	d, err := s.apply(ctx, func() (decision, error) {
		p, a, err := s.reload(ctx, from.payment, a)
		if err != nil || a.State != AttemptAction || p.Action == nil {
			return decision{payment: p}, err
		}
		d := decision{payment: p, attempt: &a}
		switch over := d.over(now); {
		case over && !unknown:
			return d, torn(d.ranOut(provider.AuthenticationOutcome{}, terms{now: now}))
		case over:
			a.DueAt, a.Inquiries = askedAgain(a.ID, a.Inquiries, outcome, now)
		default:
			a.DueAt = p.Action.ExpiresAt
		}
		return d, nil
	}, nobody)
	if err == nil {
		s.closeBehind(ctx, d.attempt)
	}
	return err
}

// inquireAuthorization asks what became of an attempt's authorization.
func (s *Service) inquireAuthorization(ctx context.Context, account provider.Account, a Attempt) provider.Finding {
	finding := s.inquire(ctx, account, a, provider.Inquiry{
		Operation: provider.OpAuthorize, Reference: a.ourReference(), Original: a.Reference, Attempt: a.ourReference(),
	})
	if len(finding.Transfers) == 0 {
		return finding
	}
	return s.hearTransfers(ctx, account, a, finding)
}

// learn commits what an inquiry found and, if that leaves the outcome open, when to ask again.
func (s *Service) learn(ctx context.Context, account provider.Account, asked Attempt, o provider.Outcome) error {
	ctx = context.WithoutCancel(ctx)
	d, err := s.apply(ctx, func() (decision, error) {
		p, a, err := s.reload(ctx, Payment{Merchant: asked.Merchant, ID: asked.Payment}, asked)
		if err != nil {
			return decision{}, err
		}
		a.NotFound = max(a.NotFound, asked.NotFound)
		d, err := s.settle(ctx, account, p, a, o, nobodyWaits)
		if err != nil {
			return d, err
		}
		now := s.Clock.Now()
		if d.attempt == nil {
			again := a.postponed(o, now)
			d.attempt = &again
		}
		if asked.AskedAt.After(d.attempt.AskedAt) {
			d.attempt.AskedAt = asked.AskedAt
		}
		d.attempt.handOver(o, terms{now: now, blind: s.blind(account)})
		return d, nil
	}, nobody)
	if err == nil && asked.Inquiries+1 >= provider.UnresolvedAfter && o.Class == provider.Unknown && o.NotBefore.IsZero() {
		s.Logger.Warn("an outcome is not known after many inquiries", "merchant_id", asked.Merchant, "payment_id", asked.Payment,
			"attempt_id", asked.ID, "inquiries", asked.Inquiries+1, "detail", o.Detail)
	}
	if err == nil && asked.ManualAt.IsZero() && !d.attempt.ManualAt.IsZero() {
		s.Logger.Error("an outcome needs a person", "merchant_id", asked.Merchant, "payment_id", asked.Payment, "attempt_id", asked.ID, "reason", string(d.attempt.ManualReason))
	}
	return err
}

// postponed is an attempt of which an inquiry taught nothing: asked about again later if something is open, else left alone.
func (a Attempt) postponed(o provider.Outcome, now time.Time) Attempt {
	a.DueAt = time.Time{}
	if inquirable[a.State] || a.State == AttemptAuthorized && o.Class == provider.Unknown {
		a.DueAt, a.Inquiries = askedAgain(a.ID, a.Inquiries, o, now)
	}
	return a
}

// missing counts a provider's word that it has no such authorization. Believed, it leads to a reversal by our own
// reference, so that a late approval finds nothing to hold; until then the outcome stays unknown.
func (s *Service) missing(ctx context.Context, account provider.Account, a *Attempt) provider.Outcome {
	doubt := provider.Doubt("the provider has no such transaction yet")
	if s.Clock.Now().Sub(a.SentAt) < s.capabilities(account).SettleDelay {
		return doubt
	}
	a.NotFound++
	if a.NotFound < provider.NotFoundTwice {
		return doubt
	}
	outcome := s.reversal(ctx, account, *a, provider.Void{Reference: ownReversal(*a)})
	if outcome.State == provider.Voided || outcome.Class == provider.Declined && outcome.State == provider.Missing {
		return provider.Outcome{Class: provider.Approved, State: provider.Voided, Detail: "reversed by our own reference: " + outcome.Detail}
	}
	doubt = provider.Doubt("the reversal's own outcome is not known: " + outcome.Detail)
	doubt.NotBefore = outcome.NotBefore // it may have been held back
	return doubt
}

// resolveOperation finds out what became of a capture, a void or a refund. If the provider never saw it, it is sent
// again under the same reference: that it shall happen was decided, and the reference keeps it from happening twice.
func (s *Service) resolveOperation(ctx context.Context, key []string) error {
	op, err := s.store.operation(ctx, key[0], key[1])
	if err != nil || !op.open() {
		return err
	}
	if op.State == OperationQueued {
		return s.dispatch(ctx, op)
	}
	a, err := s.store.attempt(ctx, op.Merchant, op.Payment, op.Attempt)
	if err != nil {
		return err
	}
	account, err := s.Accounts.Get(ctx, op.Merchant, a.Account)
	if err != nil {
		return fmt.Errorf("provider account %s: %w", a.Account, err)
	}
	finding := s.inquire(ctx, account, a, provider.Inquiry{
		Operation: inquiries[op.Kind], Reference: op.ID, Original: a.Reference, Attempt: a.ourReference(),
	})
	outcome := finding.Outcome
	if s.asked(account, outcome) {
		op.AskedAt = s.Clock.Now()
	}
	if !finding.Found && outcome.Class != provider.Unknown {
		return s.resend(ctx, account, a, op)
	}
	if op.Inquiries+1 >= provider.UnresolvedAfter && outcome.Class == provider.Unknown && outcome.NotBefore.IsZero() {
		s.Logger.Warn("an outcome is not known after many inquiries", "merchant_id", op.Merchant, "payment_id", op.Payment,
			"operation_id", op.ID, "inquiries", op.Inquiries+1, "detail", outcome.Detail)
	}
	d, err := s.recordOperation(ctx, account, op, outcome, alone{})
	if err == nil && op.ManualAt.IsZero() && d.operation != nil && !d.operation.ManualAt.IsZero() {
		s.Logger.Error("an outcome needs a person", "merchant_id", op.Merchant, "payment_id", op.Payment, "operation_id", op.ID, "reason", string(d.operation.ManualReason))
	}
	return err
}

var inquiries = map[Kind]provider.Operation{
	KindCapture: provider.OpCapture, KindVoid: provider.OpVoid, KindRefund: provider.OpRefund,
}

// resend repeats an operation that the provider says it never saw, once that can be believed.
func (s *Service) resend(ctx context.Context, account provider.Account, a Attempt, op Operation) error {
	now := s.Clock.Now()
	if now.Sub(op.SentAt) >= s.capabilities(account).SettleDelay {
		op.NotFound++
	}
	again := op.NotFound >= provider.NotFoundTwice && s.mayResend(ctx, a, op)
	if again {
		op.SentAt, op.NotFound = now, 0
	}
	if op.State != OperationUnknown {
		op.State, op.MovedAt = OperationUnknown, now
	}
	op.DueAt = now.Add(provider.InquiryDelay(op.Inquiries))
	op.Inquiries++
	op.handOver(provider.Outcome{}, terms{now: now})
	row, err := operationRow(op)
	if err != nil {
		return err
	}
	if err := s.DB.Commit(ctx, db.NewChange(op.Merchant, row)); err != nil || !again {
		return err
	}
	op.Version++
	_, err = s.perform(ctx, account, decision{attempt: &a, operation: &op}, alone{})
	return err
}

// mayResend tells whether people let an operation be asked for now. What they have switched off waits: it is inquired about meanwhile.
func (s *Service) mayResend(ctx context.Context, a Attempt, op Operation) bool {
	p, err := s.store.payment(ctx, op.Merchant, op.Payment)
	return err == nil && s.permits(ctx, p, string(inquiries[op.Kind]), a.Account) == nil
}

// blind tells whether a provider cannot be asked what became of a call.
func (s *Service) blind(account provider.Account) bool {
	_, err := provider.Lookup[provider.Inquirer](s.Providers, account.Provider)
	return err != nil
}

// asked tells whether a provider was asked for what an inquiry found: it can be, and nobody held the question back.
func (s *Service) asked(account provider.Account, found provider.Outcome) bool {
	return !found.Withheld && !s.blind(account)
}

// inquire asks a provider what became of a call.
func (s *Service) inquire(ctx context.Context, account provider.Account, a Attempt, q provider.Inquiry) (found provider.Finding) {
	inquirer, err := provider.Lookup[provider.Inquirer](s.Providers, account.Provider)
	if err != nil {
		return provider.Unanswered(provider.Outcome{Detail: err.Error()})
	}
	if off := s.withheld(ctx, a, control.Inquiry); off != nil {
		return provider.Unanswered(*off)
	}
	done, refused := s.enter(account, health.Inquiry)
	if refused != nil {
		return provider.Unanswered(*refused)
	}
	defer func() { done(health.Result{Class: found.Class(), Technical: found.Technical()}) }()
	ctx, cancel := context.WithTimeout(ctx, s.capabilities(account).Timeout)
	defer cancel()
	return inquirer.Inquire(ctx, account, q)
}

// withheld is the outcome of a call about an attempt that people have switched off, or of which it cannot be read whether they have; nil if
// they have not. Nothing was sent.
func (s *Service) withheld(ctx context.Context, a Attempt, of control.Operation) *provider.Outcome {
	if s.Control == nil {
		return nil
	}
	p, err := s.store.payment(ctx, a.Merchant, a.Payment)
	if err == nil {
		return s.calledOff(ctx, p, of, a.Account)
	}
	off := offBy(err, s.Clock.Now())
	return &off
}

// calledOff is the same of a payment that is there.
func (s *Service) calledOff(ctx context.Context, p Payment, of control.Operation, account string) *provider.Outcome {
	err := s.permits(ctx, p, string(of), account)
	if err == nil {
		return nil
	}
	off := offBy(err, s.Clock.Now())
	return &off
}
