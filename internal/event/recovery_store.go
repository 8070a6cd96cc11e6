package event

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
)

var recoveryTable = &db.Table{Name: "webhook_recovery", Key: 2, IDs: id.Recovery, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "endpoint_id"}, {Name: "kind"}, {Name: "filters"}, {Name: "states"},
	{Name: "since", Kind: db.Int}, {Name: "until", Kind: db.Int}, {Name: "cursor"}, {Name: "queued", Kind: db.Int},
	{Name: "done_at", Kind: db.Int, Null: true}, {Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int},
}}

// RecoveryRow is the insert of a recovery, or its compare-and-set if it was read.
func RecoveryRow(r Recovery) db.Row {
	states := make([]string, len(r.States))
	for i, s := range r.States {
		states[i] = string(s)
	}
	return recoveryTable.Write(r.Version,
		r.Merchant, r.ID, r.Endpoint, string(r.Kind), strings.Join(r.Filters, " "), strings.Join(states, " "),
		db.Micros(r.Since), db.Micros(r.Until), r.Cursor, r.Queued, db.MicrosOrNil(r.DoneAt), db.MicrosOrNil(r.DueAt), db.Micros(r.CreatedAt),
	)
}

func scanRecovery(row db.Scanner) (Recovery, error) {
	var r Recovery
	var filters, states string
	var since, until, created int64
	var done, due *int64
	err := row.Scan(&r.Merchant, &r.ID, &r.Endpoint, &r.Kind, &filters, &states, &since, &until, &r.Cursor, &r.Queued, &done, &due, &created, &r.Version)
	r.Filters, r.Since, r.Until, r.CreatedAt = strings.Fields(filters), db.Time(since), db.Time(until), db.Time(created)
	r.DoneAt, r.DueAt = db.NullTime(done), db.NullTime(due)
	for _, s := range strings.Fields(states) {
		r.States = append(r.States, DeliveryState(s))
	}
	return r, err
}

// Recovery is one recovery of a tenant; fault.NotFound if there is none.
func (s *Store) Recovery(ctx context.Context, tenant, recovery string) (Recovery, error) {
	return db.One(ctx, s.db, "webhook recovery", scanRecovery, recoveryTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, recovery)
}

// Recoveries is a page of a tenant's recoveries, newest first; those that the merchant asked for or that enabling began.
func (s *Store) Recoveries(ctx context.Context, tenant string, p db.Page, endpoint string) ([]Recovery, bool, error) {
	filters := []db.Filter{{Column: "kind", Value: string(Resend)}}
	if endpoint != "" {
		filters = append(filters, db.Filter{Column: "endpoint_id", Value: endpoint})
	}
	return db.ListPage(ctx, s.db, recoveryTable, scanRecovery, tenant, p, filters...)
}

const recoverySweep = "webhook recoveries"

// RecoverySweep is the queue of recoveries that go on.
func RecoverySweep(handle func(ctx context.Context, key []string) error) db.Sweep {
	return db.Sweep{
		Name: recoverySweep, Table: recoveryTable, Lease: time.Minute, Every: time.Second, Limit: 16, Handle: handle,
		Group: "endpoint_id", Share: 1,
	}
}

// Backlog is how many deliveries to an endpoint are due at a time, counted up to a bound.
func (s *Store) Backlog(ctx context.Context, tenant, endpoint string, now time.Time, bound int) (int, error) {
	n, err := db.Get(ctx, s.db, func(r db.Scanner) (int64, error) {
		var n int64
		return n, r.Scan(&n)
	}, `SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT 1 AS one FROM webhook_delivery
		WHERE merchant_id = $1 AND endpoint_id = $2 AND due_at <= $3 AND due_at IS NOT NULL LIMIT $4) due`,
		tenant, endpoint, db.Micros(now), int64(bound))
	if err != nil {
		return 0, fmt.Errorf("count due webhooks of %s: %w", endpoint, err)
	}
	return int(n), nil
}
