package payment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/provider"
)

// Sweeps are the worker's queues: what time has to bring about.
func (s *Service) Sweeps() []db.Sweep {
	lease := time.Minute
	return []db.Sweep{
		{Name: "attempts", Table: attemptTable, Lease: lease, Every: 500 * time.Millisecond, Limit: 64, Handle: s.resolveAttempt},
		{Name: "operations", Table: operationTable, Lease: lease, Every: 500 * time.Millisecond, Limit: 64, Handle: s.resolveOperation},
		{Name: "expiry", Table: paymentTable, Lease: lease, Every: time.Second, Limit: 64, Handle: s.expire},
	}
}

// resolveAttempt finds out what became of an authorization whose outcome is open: never by asking for the money again.
func (s *Service) resolveAttempt(ctx context.Context, key []string) error {
	number, err := strconv.ParseInt(key[2], 10, 64)
	if err != nil {
		return fmt.Errorf("attempt %v: %w", key, err)
	}
	a, err := s.store.attempt(ctx, key[0], key[1], number)
	if err != nil {
		return err
	}
	if !inquirable[a.State] {
		return s.forget(ctx, a)
	}
	p, err := s.store.payment(ctx, a.Merchant, a.Payment)
	if err != nil {
		return err
	}
	account, err := s.Accounts.Get(ctx, a.Merchant, a.Account)
	if err != nil {
		return fmt.Errorf("provider account %s: %w", a.Account, err)
	}
	finding := s.inquire(ctx, account, provider.Inquiry{
		Operation: provider.OpAuthorize, Reference: a.ourReference(), Original: a.Reference, Attempt: a.ourReference(),
	})
	outcome := finding.Outcome
	if !finding.Found && outcome.Class != provider.Unknown {
		if outcome, err = s.missing(ctx, account, &a); err != nil {
			return err
		}
	}
	_, err = s.record(ctx, account, decision{payment: p, attempt: &a}, outcome, alone{})
	if refused := new(DeclinedError); errors.As(err, &refused) {
		return nil // that it was refused is what we wanted to know
	}
	return err
}

// inquirable are the attempt's states in which its outcome is open.
var inquirable = map[AttemptState]bool{AttemptSending: true, AttemptUnknown: true, AttemptPending: true}

// forget clears the due time of an attempt that needs no more looking after.
func (s *Service) forget(ctx context.Context, a Attempt) error {
	a.DueAt = time.Time{}
	row, err := attemptRow(a)
	if err != nil {
		return err
	}
	return s.DB.Commit(ctx, db.NewChange(a.Merchant, row))
}

// missing counts a provider's word that it has no such authorization. Believed, it leads to a reversal by our own
// reference, so that a late approval finds nothing to hold; until then the outcome stays unknown.
func (s *Service) missing(ctx context.Context, account provider.Account, a *Attempt) (provider.Outcome, error) {
	doubt := provider.Outcome{Class: provider.Unknown, Detail: "the provider has no such transaction yet"}
	if s.Clock.Now().Sub(a.SentAt) < s.capabilities(account).SettleDelay {
		return doubt, nil
	}
	a.NotFound++
	if a.NotFound < notFoundTwice {
		return doubt, nil
	}
	capturer, err := provider.Lookup[provider.Capturer](s.Providers, account.Provider)
	if err != nil {
		return doubt, err
	}
	outcome := s.call(ctx, account, func(ctx context.Context) provider.Outcome {
		return capturer.Void(ctx, account, provider.Void{Reference: a.ourReference() + "-r", Attempt: a.ourReference()})
	})
	if outcome.Class == provider.Approved || outcome.Class == provider.Declined && outcome.State == provider.Missing {
		return provider.Outcome{Class: provider.Approved, State: provider.Voided, Detail: "reversed by our own reference: " + outcome.Detail}, nil
	}
	return provider.Outcome{Class: provider.Unknown, Detail: "the reversal's own outcome is not known"}, nil
}

// resolveOperation finds out what became of a capture, a void or a refund. If the provider never saw it, it is sent
// again under the same reference: that it shall happen was decided, and the reference keeps it from happening twice.
func (s *Service) resolveOperation(ctx context.Context, key []string) error {
	op, err := s.store.operation(ctx, key[0], key[1])
	if err != nil || !op.open() {
		return err
	}
	a, err := s.store.attempt(ctx, op.Merchant, op.Payment, op.Attempt)
	if err != nil {
		return err
	}
	account, err := s.Accounts.Get(ctx, op.Merchant, a.Account)
	if err != nil {
		return fmt.Errorf("provider account %s: %w", a.Account, err)
	}
	finding := s.inquire(ctx, account, provider.Inquiry{
		Operation: inquiries[op.Kind], Reference: op.ID, Original: a.Reference, Attempt: a.ourReference(),
	})
	outcome := finding.Outcome
	if !finding.Found && outcome.Class != provider.Unknown {
		return s.resend(ctx, account, a, op)
	}
	_, err = s.recordOperation(ctx, account, op, outcome, alone{})
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
	again := op.NotFound >= notFoundTwice
	if again {
		op.SentAt, op.NotFound = now, 0
	}
	op.State, op.DueAt = OperationUnknown, now.Add(inquiryDelay(op.Inquiries))
	op.Inquiries++
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

// inquire asks a provider what became of a call.
func (s *Service) inquire(ctx context.Context, account provider.Account, q provider.Inquiry) provider.Finding {
	inquirer, err := provider.Lookup[provider.Inquirer](s.Providers, account.Provider)
	if err != nil {
		return provider.Unanswered(provider.Outcome{Detail: err.Error()})
	}
	ctx, cancel := context.WithTimeout(ctx, s.capabilities(account).Timeout)
	defer cancel()
	return inquirer.Inquire(ctx, account, q)
}
