package payment

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/retry"
)

var retryTable = &db.Table{Name: "card_retry", Key: 4, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "fingerprint"}, {Name: "currency"}, {Name: "amount", Kind: db.Int}, {Name: "tries"}, {Name: "kept_until", Kind: db.Int},
}}

func historyRow(h retry.History, keep time.Duration) (db.Row, error) {
	tries, err := json.Marshal(h.Tries)
	if err != nil {
		return db.Row{}, err
	}
	var until int64 // one without tries is pruned next
	if n := len(h.Tries); n > 0 {
		until = db.Micros(h.Tries[n-1].At.Add(keep))
	}
	return retryTable.Write(h.Version, h.Merchant, h.Fingerprint, h.Amount.Currency().Code(), h.Amount.Minor(), string(tries), until), nil
}

// history is what is written of a card at an amount. It fails with fault.NotFound.
func (s store) history(ctx context.Context, of retry.Card) (retry.History, error) {
	h := retry.History{Card: of}
	return db.Get(ctx, s.db, func(r db.Scanner) (retry.History, error) {
		var tries string
		if err := r.Scan(&tries, &h.Version); err != nil {
			return h, err
		}
		if err := json.Unmarshal([]byte(tries), &h.Tries); err != nil {
			return h, fmt.Errorf("tries of a card of %s: %w", of.Merchant, err)
		}
		return h, nil
	}, "SELECT tries, version FROM card_retry WHERE merchant_id = $1 AND fingerprint = $2 AND currency = $3 AND amount = $4",
		of.Merchant, of.Fingerprint, of.Amount.Currency().Code(), of.Amount.Minor())
}

// prunePortion is how many histories one statement deletes.
const prunePortion = 500

// Prune deletes the histories of cards that count for nothing any more and tells how many. It works in small portions, and ends early,
// without an error, when the context ends.
func (s *Service) Prune(ctx context.Context) (int64, error) {
	var total int64
	for {
		n, err := s.DB.Prune(ctx, retryTable, "kept_until", db.Micros(s.Clock.Now()), prunePortion)
		total += n
		switch {
		case ctx.Err() != nil:
			return total, nil
		case err != nil:
			return total, fmt.Errorf("prune the histories of cards: %w", err)
		case n < prunePortion:
			return total, nil
		}
	}
}
