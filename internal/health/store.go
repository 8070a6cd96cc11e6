package health

import (
	"context"
	"embed"
	"fmt"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

//go:embed migrations/*.sql
var migrations embed.FS

var healthTable = &db.Table{Name: "provider_health", Key: 3, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "provider_account"}, {Name: "operation"}, {Name: "state"}, {Name: "process"},
	{Name: "since", Kind: db.Int}, {Name: "until", Kind: db.Int}, {Name: "changed_at", Kind: db.Int},
}}

var windowTable = &db.Table{Name: "provider_maintenance", Key: 2, IDs: id.Maintenance, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "provider_account"}, {Name: "operations"}, {Name: "reason"},
	{Name: "starts_at", Kind: db.Int}, {Name: "ends_at", Kind: db.Int}, {Name: "lifted_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int},
}}

// Schema is the tables of providers' health.
var Schema = db.Schema{Package: "health", Migrations: migrations, Tables: []*db.Table{healthTable, windowTable}}

type store struct{ db *db.DB }

func (t tale) row() db.Row {
	return healthTable.Write(t.Version,
		t.Tenant, t.Account, string(t.Operation), string(t.State), t.Process, db.Micros(t.Since), db.Micros(t.Until), db.Micros(t.ChangedAt),
	)
}

func scanTale(r db.Scanner) (tale, error) {
	var t tale
	var since, until, changed int64
	err := r.Scan(&t.Tenant, &t.Account, &t.Operation, &t.State, &t.Process, &since, &until, &changed, &t.Version)
	t.Since, t.Until, t.ChangedAt = db.Time(since), db.Time(until), db.Time(changed)
	return t, err
}

// tale is what was told of an operation last; one that is closed and has no version if nothing was.
func (s store) tale(ctx context.Context, c Call) (tale, error) {
	t, err := db.Get(ctx, s.db, scanTale, healthTable.Select()+" WHERE merchant_id = $1 AND provider_account = $2 AND operation = $3",
		c.Tenant, c.Account, string(c.Operation))
	if fault.Is(err, fault.NotFound) {
		return tale{Tenant: c.Tenant, Account: c.Account, Operation: c.Operation, State: stateClosed}, nil
	}
	if err != nil {
		return t, fmt.Errorf("read the health of %s: %w", c.Account, err)
	}
	return t, nil
}

// openOf are the operations of an account that a process says are down.
func (s store) openOf(ctx context.Context, tenant, account string) ([]tale, error) {
	return db.List(ctx, s.db, scanTale, healthTable.Select()+" WHERE merchant_id = $1 AND provider_account = $2 AND state = 'open' ORDER BY operation",
		tenant, account)
}

// mostStale bounds one look at what no process keeps open any more.
const mostStale = 100

// stale are the operations, of all tenants, that were open and that no process has said so of since a time.
func (s store) stale(ctx context.Context, before time.Time) ([]tale, error) {
	return db.List(ctx, s.db, scanTale, fmt.Sprintf("%s WHERE state = 'open' AND until < $1 ORDER BY until LIMIT %d", healthTable.Select(), mostStale),
		db.Micros(before))
}

func (w Window) row() db.Row {
	names := make([]string, len(w.Operations))
	for i, o := range w.Operations {
		names[i] = string(o)
	}
	return windowTable.Write(w.Version,
		w.Tenant, w.ID, w.Account, strings.Join(names, " "), w.Reason, db.Micros(w.StartsAt), db.Micros(w.EndsAt), db.MicrosOrNil(w.LiftedAt), db.Micros(w.CreatedAt),
	)
}

func scanWindow(r db.Scanner) (Window, error) {
	var w Window
	var operations string
	var starts, ends, created int64
	var lifted *int64
	err := r.Scan(&w.Tenant, &w.ID, &w.Account, &operations, &w.Reason, &starts, &ends, &lifted, &created, &w.Version)
	for _, name := range strings.Fields(operations) {
		w.Operations = append(w.Operations, Operation(name))
	}
	w.StartsAt, w.EndsAt, w.LiftedAt, w.CreatedAt = db.Time(starts), db.Time(ends), db.NullTime(lifted), db.Time(created)
	return w, err
}

// windows are those of all tenants that are not over.
func (s store) windows(ctx context.Context, now time.Time) ([]Window, error) {
	return db.List(ctx, s.db, scanWindow, windowTable.Select()+" WHERE lifted_at IS NULL AND ends_at > $1 ORDER BY ends_at", db.Micros(now))
}

// windowsOf are an account's that are not over, by their beginning.
func (s store) windowsOf(ctx context.Context, tenant, account string, now time.Time) ([]Window, error) {
	return db.List(ctx, s.db, scanWindow,
		windowTable.Select()+" WHERE merchant_id = $1 AND provider_account = $2 AND ends_at > $3 AND lifted_at IS NULL ORDER BY starts_at, id",
		tenant, account, db.Micros(now))
}

func (s store) window(ctx context.Context, tenant, window string) (Window, error) {
	return db.Get(ctx, s.db, scanWindow, windowTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, window)
}
