package payment

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
)

// behind is what of the manual queue comes after a place, the longest first.
const behind = ` WHERE merchant_id = $1 AND manual_at IS NOT NULL AND manual_at >= $2 AND (manual_at > $2 OR id > $3) ORDER BY manual_at, id LIMIT $4`

// since is when a place is, as it is stored. That of the beginning is before every time.
func (p ManualPlace) since() int64 {
	if p.Since.IsZero() {
		return 0
	}
	return db.Micros(p.Since)
}

func (s store) manualAttempts(ctx context.Context, tenant string, after ManualPlace, most int) ([]Attempt, error) {
	return db.List(ctx, s.db, scanAttempt, attemptTable.Select()+behind, tenant, after.since(), after.ID, int64(most))
}

func (s store) manualOperations(ctx context.Context, tenant string, after ManualPlace, most int) ([]Operation, error) {
	return db.List(ctx, s.db, scanOperation, operationTable.Select()+behind, tenant, after.since(), after.ID, int64(most))
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
