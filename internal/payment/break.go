package payment

import (
	"context"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/money"
)

// Breaks keeps what a person must look at. Open adds a break to the Change that writes its cause; a cause that has one already opens none.
// Settle adds to the Change that resolves a cause that its break is closed, if it has one that is open. See recon.Book.
type Breaks interface {
	Open(ctx context.Context, c *db.Change, b Break) error
	Settle(ctx context.Context, c *db.Change, source, why string) error
}

// BreakTable is where breaks lie: a Change that loses there was decided while another one opened the same, and is decided again.
const BreakTable = "recon_break"

// BreakKind is what does not agree.
type BreakKind string

// The kinds of breaks.
const (
	BreakContradiction  BreakKind = "contradiction"   // what cannot be true together with what is known
	BreakClearing       BreakKind = "clearing"        // what was captured cleared at an amount that somebody must look at
	BreakUnknownDispute BreakKind = "unknown_dispute" // a dispute of a payment that is not known
)

// Break is something that does not agree, as its cause tells of it.
type Break struct {
	Kind    BreakKind
	Subject string      // pay_…, po_…, or the dp_… that has no payment
	Account string      // the provider account that says it
	Amount  money.Money // what it speaks of; zero: it names no amount
	Detail  string      // for people
	Source  string      // names the cause within the merchant: it opens one break, once
}

// opens adds the break of a contradiction that is heard for the first time.
func (s *Service) opens(ctx context.Context, c *db.Change, k Contradiction) error {
	if s.Breaks == nil {
		return nil
	}
	kind := BreakContradiction
	if k.Clearing {
		kind = BreakClearing
	}
	return s.Breaks.Open(ctx, c, Break{
		Kind: kind, Subject: k.Payment, Account: k.Account, Amount: k.Amount, Detail: k.Subject + ": " + k.Claim,
		Source: k.source(),
	})
}

// source names a contradiction as the cause of its break.
func (c Contradiction) source() string { return c.Payment + " " + c.Subject + " " + c.Claim }

// Why the break of a late approval closes by itself.
const (
	whyReleased = "It holds nothing any more: what a late approval held was released."
	whyReturned = "What a late approval took has gone back to the payer."
)

// closesBreak adds to the Change that remedies a contradiction that its break is closed.
func (s *Service) closesBreak(ctx context.Context, c *db.Change, k Contradiction, why string) error {
	if s.Breaks == nil {
		return nil
	}
	return s.Breaks.Settle(ctx, c, k.source(), why)
}

// givenBack adds to the Change by which a transfer has gone back that the breaks of its attempt's late approvals are closed, if it was the last.
func (s *Service) givenBack(ctx context.Context, c *db.Change, t Transfer) error {
	if s.Breaks == nil {
		return nil
	}
	back, err := s.allBack(ctx, t.Merchant, t.Payment, t.Attempt, t.ID)
	if err != nil || !back {
		return err
	}
	known, err := s.store.contradictions(ctx, t.Merchant, t.Payment)
	for _, k := range known {
		if err == nil && k.Attempt == t.Attempt && k.Remedy == RemedyBooked {
			err = s.closesBreak(ctx, c, k, whyReturned)
		}
	}
	return err
}

// allBack tells whether all that came in on an attempt and was over has gone back. last is a transfer that is known to have.
func (s *Service) allBack(ctx context.Context, tenant, payment string, attempt int64, last string) (bool, error) {
	all, err := s.store.transfers(ctx, tenant, payment)
	came := false
	for _, t := range all {
		if t.Attempt != attempt {
			continue
		}
		came = true
		if t.ID != last && t.State != TransferReturned && t.State != TransferSettled {
			return false, err
		}
	}
	return came, err
}
