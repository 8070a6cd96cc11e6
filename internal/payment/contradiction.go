package payment

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// Contradiction is what a provider said that cannot be true together with what is known. It is kept, in the Change with
// the message that said it, and shown in the payment's timeline; the first time it opens a break, for a person to look at.
type Contradiction struct {
	Merchant  string
	Payment   string
	Subject   string // att_…, cap_…, voi_… or ref_…
	Claim     string // what is known, and what the provider says
	Attempt   int64
	Account   string // the provider account that says it
	Reference string // the provider's, of what it speaks of
	Remedy    Remedy
	Heard     int64 // how often
	Tries     int64 // of the remedy
	NotFound  int64 // how often the provider has said since, after its settle delay, that it has no such transaction
	FirstAt   time.Time
	LastAt    time.Time
	DueAt     time.Time // of the remedy
	Version   int64

	// Of the break that the contradiction opens, and not kept with it.
	Amount   money.Money // what the provider speaks of; zero: it names no amount
	Clearing bool        // it is of a clearing, not of a state
}

// Remedy is what Florin does about a contradiction by itself.
type Remedy string

// The remedies.
const (
	RemedyNone     Remedy = ""         // a person's business
	RemedyReverse  Remedy = "reverse"  // a late approval: the payer's money goes back
	RemedyReversed Remedy = "reversed" // it was released, or there was nothing to release
	RemedyBooked   Remedy = "booked"   // it was taken: the money is booked as a transfer that came late, and goes back as one
)

// again is a contradiction that was heard before and is heard once more. What was remedied is looked at again: the
// provider says that it holds the money after all.
func (c Contradiction) again(now time.Time) Contradiction {
	c.Heard++
	c.LastAt, c.NotFound = now, 0
	if c.Remedy == RemedyReversed {
		c.Remedy, c.DueAt = RemedyReverse, now
	}
	return c
}

// contradict adds a decision's contradiction to its Change.
func (s *Service) contradict(ctx context.Context, change *db.Change, c Contradiction, now time.Time) error {
	known, err := s.store.contradiction(ctx, c.Merchant, c.Payment, c.Subject, c.Claim)
	switch {
	case fault.Is(err, fault.NotFound):
		c.Heard, c.FirstAt, c.LastAt = 1, now, now
		if c.Remedy == RemedyReverse {
			c.DueAt = now
		}
		if err := s.opens(ctx, change, c); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		c = known.again(now)
		if known.Remedy == RemedyReversed { // its break has closed by itself
			if err := s.opens(ctx, change, c); err != nil {
				return err
			}
		}
	}
	change.Add(contradictionRow(c))
	return nil
}

// alarm tells operators of a contradiction, once it is written.
func (s *Service) alarm(c *Contradiction) {
	if c == nil {
		return
	}
	s.metrics.contradictions.WithLabelValues(remedyLabel[c.Remedy]).Inc()
	if c.Remedy == RemedyReverse {
		s.metrics.lateApprovals.Inc()
	}
	s.Logger.Warn("a provider contradicts what is known", "merchant_id", c.Merchant, "payment_id", c.Payment,
		"subject", c.Subject, "claim", c.Claim)
}

var remedyLabel = map[Remedy]string{RemedyNone: "person", RemedyReverse: "reverse"}
