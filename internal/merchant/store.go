package merchant

import (
	"context"
	"embed"
	"fmt"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/recent"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

//go:embed migrations
var migrations embed.FS

// table holds one row an account. Its merchant_id is the account, without a mode: the settings hold for both.
var table = &db.Table{
	Name: "merchant",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "name", Kind: db.Text},
		{Name: "api_version", Kind: db.Text},
		{Name: "fee_basis_points", Kind: db.Int},
		{Name: "suspended_at", Kind: db.Int, Null: true},
		{Name: "created_at", Kind: db.Int},
		{Name: "origins", Kind: db.Text},
		{Name: "color", Kind: db.Text},
		{Name: "settlement_delay", Kind: db.Int},
		{Name: "payout_approval", Kind: db.Text},
		{Name: "returns", Kind: db.Text},
		{Name: "cascade_tries", Kind: db.Int},
		{Name: "statement_descriptor", Kind: db.Text},
	},
	Key:       1,
	Versioned: true,
}

// Schema is the package's tables.
var Schema = db.Schema{Package: "merchant", Migrations: migrations, Tables: []*db.Table{table}}

const (
	// freshness bounds how late a node sees another node's change of settings.
	freshness = time.Second
	cacheSize = 10_000
)

// Store keeps the merchants.
type Store struct {
	db    *db.DB
	clock clock.Clock
	ids   *id.Source
	cache *recent.Cache[string, Merchant]
}

// New makes a store on a database that has Schema and audit.Schema.
func New(d *db.DB, c clock.Clock, ids *id.Source) *Store {
	return &Store{db: d, clock: c, ids: ids, cache: recent.New[string, Merchant](c, freshness, cacheSize)}
}

// Get is an account's merchant as it was at most a second ago; at once if this store changed it. It fails with
// fault.NotFound if there is none.
func (s *Store) Get(ctx context.Context, account string) (Merchant, error) {
	return s.cache.Get(ctx, account, func(ctx context.Context) (Merchant, error) { return s.read(ctx, account) })
}

// Of is the merchant of a tenant. See Get.
func (s *Store) Of(ctx context.Context, tenant string) (Merchant, error) {
	account, _, _ := id.SplitTenant(tenant)
	m, err := s.Get(ctx, account)
	if err != nil {
		return m, fmt.Errorf("merchant of %s: %w", tenant, err)
	}
	return m, nil
}

// List gives all merchants, oldest first. It is for the operator's command: the one read here that is not about one
// merchant.
func (s *Store) List(ctx context.Context) ([]Merchant, error) {
	all, err := db.List(ctx, s.db, scan, table.Select()+" ORDER BY created_at, merchant_id")
	if err != nil {
		return nil, fmt.Errorf("list merchants: %w", err)
	}
	return all, nil
}

func (s *Store) read(ctx context.Context, account string) (Merchant, error) {
	m, err := db.Get(ctx, s.db, scan, table.Select()+" WHERE merchant_id = $1", account)
	switch {
	case fault.Is(err, fault.NotFound):
		return Merchant{}, fault.Missing("merchant")
	case err != nil:
		return Merchant{}, fmt.Errorf("read merchant: %w", err)
	}
	return m, nil
}

func scan(row db.Scanner) (Merchant, error) {
	var m Merchant
	var created int64
	var suspended *int64
	var origins, approval, returns string
	if err := row.Scan(&m.ID, &m.Name, &m.Version, &m.FeeBasisPoints, &suspended, &created, &origins, &m.Color, &m.SettlementDelay, &approval, &returns, &m.CascadeTries, &m.StatementDescriptor, &m.read); err != nil {
		return Merchant{}, err
	}
	m.CreatedAt = db.Time(created)
	m.SuspendedAt = db.NullTime(suspended)
	if origins != "" {
		m.Origins = strings.Fields(origins)
	}
	var err error
	if m.PayoutApproval, err = parseApproval(approval); err != nil {
		return m, err
	}
	m.Returns, err = ParseReturns(returns)
	return m, err
}

func (m Merchant) values() []any {
	return []any{
		m.ID, m.Name, m.Version, m.FeeBasisPoints, db.MicrosOrNil(m.SuspendedAt), db.Micros(m.CreatedAt), strings.Join(m.Origins, " "), m.Color,
		m.SettlementDelay, approvalText(m.PayoutApproval), returnsText(m.Returns), m.CascadeTries, m.StatementDescriptor,
	}
}
