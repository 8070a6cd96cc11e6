package payment

import (
	"context"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/money"
)

// Breaks keeps what a person must look at. Open adds a break to the Change that writes its cause; a cause that has one already opens none.
// See recon.Book.
type Breaks interface {
	Open(ctx context.Context, c *db.Change, b Break) error
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
		Source: k.Payment + " " + k.Subject + " " + k.Claim,
	})
}
