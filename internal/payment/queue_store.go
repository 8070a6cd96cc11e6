package payment

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/retry"
)

// waiting is what of a kind waits for an account and has not been tried since a time, the most urgent first. The state stands in the text, as
// in the index.
func (s store) waiting(ctx context.Context, tenant, account string, kind Kind, tried time.Time, limit int) ([]Operation, error) {
	return db.List(ctx, s.db, scanOperation, operationTable.Select()+` WHERE merchant_id = $1 AND provider_account = $2 AND kind = $3
		AND state = 'queued' AND deadline IS NOT NULL AND sent_at <= $4 ORDER BY deadline, id LIMIT $5`,
		tenant, account, string(kind), db.Micros(tried), int64(limit))
}

// longestTried is what of a kind waits for an account, first what has not been tried for the longest time.
func (s store) longestTried(ctx context.Context, tenant, account string, kind Kind, limit int) ([]Operation, error) {
	return db.List(ctx, s.db, scanOperation, operationTable.Select()+` WHERE merchant_id = $1 AND provider_account = $2 AND kind = $3
		AND state = 'queued' AND deadline IS NOT NULL ORDER BY sent_at, deadline, id LIMIT $4`, tenant, account, string(kind), int64(limit))
}

// waitingCounts is how much waits for providers, over all tenants.
func (s store) waitingCounts(ctx context.Context) (map[string]int64, error) {
	return s.counts(ctx, "SELECT kind, COUNT(*) FROM payment_operation WHERE state = 'queued' AND deadline IS NOT NULL GROUP BY kind")
}

// hourCounts is how a tenant's tries without their payers went since a time, by country and hour of the day. Counted are those that the issuer
// declined, and those that it agreed to, whatever became of them since. What ended without its word is not: the try that Florin reversed
// because nobody knew its outcome is voided as well, and its route does not tell when it was approved.
func (s store) hourCounts(ctx context.Context, tenant string, since time.Time) ([]retry.HourCount, error) {
	return db.List(ctx, s.db, func(r db.Scanner) (retry.HourCount, error) {
		var c retry.HourCount
		var hour int64
		err := r.Scan(&c.Country, &hour, &c.Asked, &c.Approved)
		c.Hour = int(hour)
		return c, err
	}, `SELECT issuer_country, hour, COUNT(*), CAST(SUM(yes) AS BIGINT) FROM (
			SELECT issuer_country, (created_at / 3600000000) % 24 AS hour, CASE WHEN state = 'declined' THEN 0 ELSE 1 END AS yes
			FROM payment_attempt WHERE merchant_id = $1 AND created_at >= $2 AND issuer_country <> ''
			AND (state IN ('declined', 'authorized', 'captured') OR state IN ('voided', 'expired') AND routing LIKE '%"approved_at":%')
			ORDER BY created_at DESC LIMIT $3
		) AS tries GROUP BY issuer_country, hour`, tenant, db.Micros(since), int64(hourMost))
}
