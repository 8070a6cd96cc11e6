package dispute

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/payment"
)

// Evidence is personal data: what was bought, where it was brought, how somebody signs. It stays for as long as it may be needed and no
// longer, and it goes when its customer does.

const (
	// Kept is how long evidence stays after its dispute has ended, unless the operator says otherwise: half a year, in which a network
	// may still take up a dispute that was won.
	Kept = 180 * 24 * time.Hour

	erasureSweep = "dispute evidence of erased customers"
	erasurePage  = 100         // payments looked through at a time
	erasureAgain = time.Minute // when an erasure is taken up again that had to wait for an answer on its way
	pruneBatch   = 100
)

// EraseEvidence adds to a Change, the one that erases a customer, that the evidence of the disputes of their payments is destroyed. The
// worker does it as soon as the Change has landed.
func (s *Service) EraseEvidence(c *db.Change, customer string) {
	now := s.Clock.Now()
	c.Add(erasure{merchant: c.Merchant(), customer: customer, dueAt: now, createdAt: now}.row())
}

// erase destroys the evidence of an erased customer. What an answer on its way needs waits for that.
func (s *Service) erase(ctx context.Context, key []string) error {
	tenant, customer := key[0], key[1]
	waits := false
	for page, more := (payment.Page{Limit: erasurePage}), true; more; {
		var payments []payment.Object
		var err error
		if payments, more, err = s.Payments.List(ctx, tenant, page, payment.Filter{Customer: customer}); err != nil {
			return fmt.Errorf("payments of %s: %w", customer, err)
		}
		if len(payments) == 0 {
			break
		}
		held, err := s.eraseOf(ctx, tenant, payments)
		if err != nil {
			return err
		}
		waits, page.StartingAfter = waits || held, payments[len(payments)-1].ID
	}
	e, err := s.store.erasure(ctx, tenant, customer)
	if err != nil {
		return fmt.Errorf("erasure of %s: %w", customer, err)
	}
	if e.dueAt = (time.Time{}); waits {
		e.dueAt = s.Clock.Now().Add(erasureAgain)
	}
	return s.DB.Commit(ctx, db.NewChange(tenant, e.row()))
}

// eraseOf destroys the evidence of some payments' disputes, and tells whether some is still needed.
func (s *Service) eraseOf(ctx context.Context, tenant string, payments []payment.Object) (waits bool, err error) {
	ids := make([]string, len(payments))
	for i, p := range payments {
		ids[i] = p.ID
	}
	disputes, err := s.store.of(ctx, tenant, ids)
	if err != nil {
		return false, fmt.Errorf("disputes of %s: %w", tenant, err)
	}
	for _, k := range disputes {
		gone, err := s.destroy(ctx, k)
		if err != nil {
			return waits, err
		}
		waits = waits || !gone
	}
	return waits, nil
}

// destroy empties all evidence of a dispute, and tells whether that could be: an answer on its way needs it.
func (s *Service) destroy(ctx context.Context, k kept) (gone bool, err error) {
	var rows []db.Row
	_, err = s.apply(ctx, func() (decision, error) {
		d, err := s.store.dispute(ctx, k.tenant, k.dispute)
		if err != nil {
			return decision{}, err
		}
		out := decide(d, nil)
		if gone, rows = !d.pending(), nil; !gone {
			return out, nil
		}
		pieces, err := s.store.pieces(ctx, k.tenant, k.dispute)
		if err != nil || d.Evidence.empty() && len(pieces) == 0 {
			return out, err
		}
		now := s.Clock.Now()
		for _, p := range pieces {
			rows = append(rows, content{version: p.version}.row(d, p.name, []byte{}, now))
		}
		out.dispute.Evidence, out.dispute.ErasedAt, out.changed = Evidence{}, now, true
		return out, nil
	}, func(c *db.Change, _ decision) error { c.Add(rows...); return nil })
	if err != nil {
		return false, fmt.Errorf("destroy the evidence of %s: %w", k.dispute, err)
	}
	return gone, nil
}

// Prune destroys the evidence of disputes that ended longer ago than evidence is kept, and then deletes the rows of all that has no content
// any more. It tells how many pieces of evidence that were.
func (s *Service) Prune(ctx context.Context) (int64, error) {
	for {
		over, err := s.store.over(ctx, s.Clock.Now().Add(-s.Keep), pruneBatch)
		if err != nil {
			return 0, fmt.Errorf("evidence that is over: %w", err)
		}
		destroyed := 0
		for _, k := range over {
			gone, err := s.destroy(ctx, k)
			if err != nil {
				return 0, err
			}
			if gone {
				destroyed++
			}
		}
		if destroyed < pruneBatch { // nothing more is over, or what is left must wait
			break
		}
	}
	return s.DB.Prune(ctx, evidenceTable, "emptied_at", db.Micros(s.Clock.Now())+1, 1000)
}
