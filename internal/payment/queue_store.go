package payment

import (
	"context"

	"github.com/florinpay/florin/internal/db"
)

// waiting is what of a kind waits for an account, the most urgent first. The state stands in the text, as in the index.
func (s store) waiting(ctx context.Context, tenant, account string, kind Kind, limit int) ([]Operation, error) {
	return db.List(ctx, s.db, scanOperation, operationTable.Select()+` WHERE merchant_id = $1 AND provider_account = $2 AND kind = $3
		AND state = 'queued' AND deadline IS NOT NULL ORDER BY deadline, id LIMIT $4`, tenant, account, string(kind), int64(limit))
}

// waitingCounts is how much waits for providers, over all tenants.
func (s store) waitingCounts(ctx context.Context) (map[string]int64, error) {
	return s.counts(ctx, "SELECT kind, COUNT(*) FROM payment_operation WHERE state = 'queued' AND deadline IS NOT NULL GROUP BY kind")
}
