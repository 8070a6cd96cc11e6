package payment

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
)

// maxManual bounds how much of one tenant's manual queue is read, of attempts and of operations. Nobody works through more at a time; the
// metric counts all.
const maxManual = 1000

func (s store) manualAttempts(ctx context.Context, tenant string) ([]Attempt, error) {
	return db.List(ctx, s.db, scanAttempt, attemptTable.Select()+" WHERE merchant_id = $1 AND manual_at IS NOT NULL ORDER BY manual_at LIMIT $2", tenant, int64(maxManual))
}

func (s store) manualOperations(ctx context.Context, tenant string) ([]Operation, error) {
	return db.List(ctx, s.db, scanOperation, operationTable.Select()+" WHERE merchant_id = $1 AND manual_at IS NOT NULL ORDER BY manual_at LIMIT $2", tenant, int64(maxManual))
}

// manualAttempt is an attempt in the manual queue, by its own id; fault.NotFound if it is not in it.
func (s store) manualAttempt(ctx context.Context, tenant, attempt string) (Attempt, error) {
	return db.One(ctx, s.db, "item in the manual queue", scanAttempt, attemptTable.Select()+" WHERE merchant_id = $1 AND manual_at IS NOT NULL AND id = $2", tenant, attempt)
}

// manualCounts is how long the manual queue is, over all tenants.
func (s store) manualCounts(ctx context.Context) (map[string]int64, error) {
	return s.counts(ctx, `SELECT 'attempt', COUNT(*) FROM payment_attempt WHERE manual_at IS NOT NULL
		UNION ALL SELECT 'operation', COUNT(*) FROM payment_operation WHERE manual_at IS NOT NULL`)
}

// The states stand in the text, as in the indexes that serve these queries.

func (s store) lostAttempts(ctx context.Context, before time.Time) ([]Attempt, error) {
	const open = " AND state IN ('sending', 'unknown', 'pending', 'requires_action') LIMIT $1"
	unscheduled, err := db.List(ctx, s.db, scanAttempt, attemptTable.Select()+" WHERE due_at IS NULL"+open, int64(mostLost))
	if err != nil {
		return nil, err
	}
	overdue, err := db.List(ctx, s.db, scanAttempt, attemptTable.Select()+" WHERE due_at IS NOT NULL AND due_at < $2"+open, int64(mostLost), db.Micros(before))
	return append(unscheduled, overdue...), err
}

func (s store) lostOperations(ctx context.Context, before time.Time) ([]Operation, error) {
	const open = " AND state IN ('queued', 'sending', 'pending', 'unknown') LIMIT $1"
	unscheduled, err := db.List(ctx, s.db, scanOperation, operationTable.Select()+" WHERE due_at IS NULL"+open, int64(mostLost))
	if err != nil {
		return nil, err
	}
	overdue, err := db.List(ctx, s.db, scanOperation, operationTable.Select()+" WHERE due_at IS NOT NULL AND due_at < $2"+open, int64(mostLost), db.Micros(before))
	return append(unscheduled, overdue...), err
}
