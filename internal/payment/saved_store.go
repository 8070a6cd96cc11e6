package payment

import (
	"context"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

// tokenBusy looks for a try with a token whose end is not known, or whose payer is away to the bank. Each of those has a due_at, and
// few rows do.
func (s store) tokenBusy(ctx context.Context, tenant, token string) (bool, error) {
	_, err := db.Get(ctx, s.db, func(r db.Scanner) (id string, err error) { return id, r.Scan(&id) },
		"SELECT id FROM payment_attempt WHERE due_at IS NOT NULL AND merchant_id = $1 AND method = $2 AND state IN ($3, $4, $5, $6) LIMIT 1",
		tenant, token, string(AttemptSending), string(AttemptUnknown), string(AttemptPending), string(AttemptAction))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
