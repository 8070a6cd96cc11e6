package control

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
)

//go:embed migrations/*.sql
var migrations embed.FS

var table = &db.Table{Name: "kill_switch", Key: 2, IDs: id.KillSwitch, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "mode"}, {Name: "operation"}, {Name: "provider_account"}, {Name: "method"}, {Name: "country"},
	{Name: "two_above"}, {Name: "reason"}, {Name: "actor"}, {Name: "created_at", Kind: db.Int}, {Name: "expires_at", Kind: db.Int, Null: true},
	{Name: "lifted_at", Kind: db.Int, Null: true}, {Name: "lifted_by"},
}}

// Schema is the table of switches.
var Schema = db.Schema{Package: "control", Migrations: migrations, Tables: []*db.Table{table}}

func (s Switch) row() (db.Row, error) {
	amounts, err := json.Marshal(s.TwoAbove)
	if err != nil {
		return db.Row{}, fmt.Errorf("write the amounts of %s: %w", s.ID, err)
	}
	return table.Write(s.Version,
		s.Merchant, s.ID, string(s.Mode), string(s.Scope.Operation), s.Scope.Account, s.Scope.Method, s.Scope.Country, string(amounts), s.Reason, s.Actor,
		db.Micros(s.CreatedAt), db.MicrosOrNil(s.ExpiresAt), db.MicrosOrNil(s.LiftedAt), s.LiftedBy,
	), nil
}

func scan(r db.Scanner) (Switch, error) {
	var s Switch
	var amounts string
	var created int64
	var expires, lifted *int64
	err := r.Scan(&s.Merchant, &s.ID, &s.Mode, &s.Scope.Operation, &s.Scope.Account, &s.Scope.Method, &s.Scope.Country, &amounts, &s.Reason, &s.Actor,
		&created, &expires, &lifted, &s.LiftedBy, &s.Version)
	if err != nil {
		return s, err
	}
	s.CreatedAt, s.ExpiresAt, s.LiftedAt = db.Time(created), db.NullTime(expires), db.NullTime(lifted)
	if err := json.Unmarshal([]byte(amounts), &s.TwoAbove); err != nil {
		return s, fmt.Errorf("amounts of %s: %w", s.ID, err)
	}
	return s, nil
}

// open are a tenant's switches that work, oldest first. They are few, and sorted here: an order in the query would have a database walk all
// that there ever were.
func (c *Control) open(ctx context.Context, tenant string) ([]Switch, error) {
	all, err := db.List(ctx, c.DB, scan, table.Select()+" WHERE merchant_id = $1 AND lifted_at IS NULL AND COALESCE(expires_at, 9223372036854775807) > $2",
		tenant, db.Micros(c.Clock.Now()))
	if err != nil {
		return nil, fmt.Errorf("read the kill switches of %s: %w", tenant, err)
	}
	slices.SortFunc(all, func(a, b Switch) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func (c *Control) one(ctx context.Context, tenant, switchID string) (Switch, error) {
	return db.One(ctx, c.DB, "kill switch", scan, table.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, switchID)
}
