package audit

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

//go:embed migrations
var migrations embed.FS

// Schema is the package's tables.
var Schema = db.Schema{Package: "audit", Migrations: migrations, Tables: []*db.Table{Table}}

// Trail reads the records.
type Trail struct{ db *db.DB }

// NewTrail makes a trail of a database that has Schema.
func NewTrail(d *db.DB) *Trail { return &Trail{d} }

// Filter chooses records. An empty field chooses all.
type Filter struct {
	Actor  string
	Action Action
	Object string
}

func (f Filter) filters() []db.Filter {
	var all []db.Filter
	for _, one := range []db.Filter{{Column: "object", Value: f.Object}, {Column: "actor", Value: f.Actor}, {Column: "action", Value: string(f.Action)}} {
		if one.Value != "" {
			all = append(all, one)
		}
	}
	return all
}

// seen is whose records a tenant sees: those of its mode, those of its account, which concern both modes, and those that concern everybody.
func seen(tenant string) []string {
	if account, _, ok := id.SplitTenant(tenant); ok {
		return []string{tenant, account, Installation}
	}
	return []string{tenant, Installation}
}

// List gives a stretch of what a tenant sees, newest first, and whether there are more.
func (t *Trail) List(ctx context.Context, tenant string, p db.Page, f Filter) ([]Record, bool, error) {
	return t.of(ctx, seen(tenant), p, f)
}

// OfAccount is List for a merchant in both of its modes.
func (t *Trail) OfAccount(ctx context.Context, account string, p db.Page, f Filter) ([]Record, bool, error) {
	return t.of(ctx, []string{id.Tenant(account, false), id.Tenant(account, true), account, Installation}, p, f)
}

func (t *Trail) of(ctx context.Context, merchants []string, p db.Page, f Filter) ([]Record, bool, error) {
	var all []Record
	anyMore := false
	for _, merchant := range merchants {
		some, more, err := db.ListPage(ctx, t.db, Table, scan, merchant, p, f.filters()...)
		if err != nil {
			return nil, false, err
		}
		all, more = foremost(append(all, some...), p, more)
		anyMore = anyMore || more
	}
	return all, anyMore, nil
}

// foremost is the page of what was found for several, and whether more follow.
func foremost(all []Record, p db.Page, more bool) ([]Record, bool) {
	slices.SortFunc(all, func(a, b Record) int { return strings.Compare(b.ID, a.ID) })
	if len(all) <= p.Limit {
		return all, more
	}
	if p.EndingBefore != "" {
		return all[len(all)-p.Limit:], true // the nearest newer ones
	}
	return all[:p.Limit], true
}

// Everybodys is List over all merchants, for the operator. It asks for one after the other, each by its index: records need no index by
// time alone, which every write would pay for.
func (t *Trail) Everybodys(ctx context.Context, p db.Page, f Filter) ([]Record, bool, error) {
	var all []Record
	anyMore := false
	for merchant := ""; ; {
		next, _, err := t.db.Oldest(ctx, Table, "id", merchant)
		if fault.Is(err, fault.NotFound) {
			return all, anyMore, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("list everybody's audit records: %w", err)
		}
		merchant = next
		some, more, err := db.ListPage(ctx, t.db, Table, scan, merchant, p, f.filters()...)
		if err != nil {
			return nil, false, err
		}
		all, more = foremost(append(all, some...), p, more)
		anyMore = anyMore || more
	}
}

// Get is one record that a tenant sees. It fails with fault.NotFound.
func (t *Trail) Get(ctx context.Context, tenant, recordID string) (Record, error) {
	for _, merchant := range seen(tenant) {
		r, err := db.Get(ctx, t.db, scan, Table.Select()+" WHERE merchant_id = $1 AND id = $2", merchant, recordID)
		if !fault.Is(err, fault.NotFound) {
			return r, err
		}
	}
	return Record{}, fault.Missing("audit entry")
}

func scan(s db.Scanner) (Record, error) {
	var r Record
	var detail string
	var created int64
	if err := s.Scan(&r.Merchant, &r.ID, &r.Actor, &r.Action, &r.Object, &detail, &r.RequestID, &created); err != nil {
		return Record{}, err
	}
	if err := json.Unmarshal([]byte(detail), &r.Detail); err != nil {
		return Record{}, fmt.Errorf("read the detail of %s: %w", r.ID, err)
	}
	r.CreatedAt = db.Time(created)
	return r, nil
}
