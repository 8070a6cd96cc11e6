package payment

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/provider"
)

// A late approval is an authorization that a provider made, or says that it made, after Florin had ended its attempt: the
// merchant was told that nothing was charged, so the payer's money goes back at once. Nothing of it is booked: what was
// never ours is not in the books.

// reverseLate sends back what a late approval took, and asks again until that is certain.
func (s *Service) reverseLate(ctx context.Context, key []string) error {
	c, err := s.store.contradiction(ctx, key[0], key[1], key[2], key[3])
	if err != nil {
		return err
	}
	a, err := s.store.attempt(ctx, c.Merchant, c.Payment, c.Attempt)
	if err != nil {
		return err
	}
	account, err := s.Accounts.Get(ctx, c.Merchant, a.Account)
	if err != nil {
		return fmt.Errorf("provider account %s: %w", a.Account, err)
	}
	if s.letGo(ctx, account, a, c) {
		c.Remedy, c.DueAt = RemedyReversed, time.Time{}
	} else {
		c.DueAt = s.Clock.Now().Add(inquiryDelay(c.Tries))
	}
	c.Tries++
	if c.Remedy == RemedyReverse && c.Tries >= unresolvedAfter {
		s.Logger.Warn("a late approval cannot be reversed", "merchant_id", c.Merchant, "payment_id", c.Payment, "attempt_id", a.ID, "tries", c.Tries)
	}
	return s.DB.Commit(ctx, db.NewChange(c.Merchant, contradictionRow(c)))
}

// letGo asks what the provider has now and gives that up: a hold is voided, taken money refunded. It tells whether the
// provider has nothing of the payer's any more. The refund keeps its reference, so that it cannot be made twice.
func (s *Service) letGo(ctx context.Context, account provider.Account, a Attempt, c Contradiction) bool {
	finding := s.inquire(ctx, account, provider.Inquiry{
		Operation: provider.OpAuthorize, Reference: a.ourReference(), Original: c.Reference, Attempt: a.ourReference(),
	})
	if !finding.Found {
		return finding.Outcome.Class != provider.Unknown
	}
	now := finding.Outcome
	switch {
	case now.Class == provider.Declined, now.State == provider.Voided:
		return true
	case now.Class != provider.Approved:
		return false
	case now.State != provider.Captured:
		return s.reversal(ctx, account, provider.Void{
			Reference: lateVoid(a, c.Tries), Original: now.Reference, Attempt: a.ourReference(),
		}).State == provider.Voided
	}
	refunder, err := provider.Lookup[provider.Refunder](s.Providers, account.Provider)
	if err != nil {
		s.Logger.Error("a late approval cannot be refunded", "merchant_id", a.Merchant, "payment_id", a.Payment, "error", err)
		return false
	}
	reference, back := s.lateRefund(ctx, account, a, now.Reference)
	if back {
		return true // a bank that takes its time has said so only now
	}
	out := s.call(ctx, account, func(ctx context.Context) provider.Outcome {
		return refunder.Refund(ctx, account, provider.Refund{
			Reference: reference, Original: now.Reference, Attempt: a.ourReference(), Amount: now.Amount,
		})
	})
	return out.Class == provider.Approved && out.State == provider.Succeeded
}

// maxLateRefunds bounds how often the refund of a late approval may be refused before it is a person's business alone.
const maxLateRefunds = 20

// lateRefund is the reference of a late approval's refund: one that the provider knows and has not refused, else a fresh one.
// Only a refusal makes room for another, so that no two can succeed. It tells whether the money is back already.
func (s *Service) lateRefund(ctx context.Context, account provider.Account, a Attempt, original string) (reference string, back bool) {
	reference = a.ourReference() + lateRefund
	for n := range maxLateRefunds {
		found := s.inquire(ctx, account, provider.Inquiry{Operation: provider.OpRefund, Reference: reference, Original: original, Attempt: a.ourReference()})
		if !found.Found || found.Outcome.Class != provider.Declined {
			return reference, found.Found && found.Outcome.Class == provider.Approved && found.Outcome.State == provider.Succeeded
		}
		reference = a.ourReference() + lateRefund + "-" + strconv.Itoa(n+1)
	}
	return reference, false
}

// reversal voids an authorization.
func (s *Service) reversal(ctx context.Context, account provider.Account, v provider.Void) provider.Outcome {
	capturer, err := provider.Lookup[provider.Capturer](s.Providers, account.Provider)
	if err != nil {
		return provider.Doubt(err.Error())
	}
	return s.call(ctx, account, func(ctx context.Context) provider.Outcome { return capturer.Void(ctx, account, v) })
}

// What follows an attempt's own reference in those of its reversals. A reversal that was refused is tried under a new
// reference, or a provider that remembers references would repeat its refusal for ever.
const (
	reversed   = "-r"
	late       = "-late-"
	lateRefund = "-late-refund"
)

func ownReversal(a Attempt) string {
	return a.ourReference() + reversed + strconv.FormatInt(a.NotFound, 10)
}

func lateVoid(a Attempt, try int64) string {
	return a.ourReference() + late + strconv.FormatInt(try, 10)
}

// isReversal tells whether a reference is of a reversal of an attempt: ours, and without a row of its own.
func isReversal(reference, attempt string) bool {
	rest, ok := strings.CutPrefix(reference, attempt)
	_, _, ours := parseAttemptReference(attempt)
	return ok && ours && (strings.HasPrefix(rest, reversed) || strings.HasPrefix(rest, late))
}
