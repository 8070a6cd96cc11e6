package provider

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/recent"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/seal"
	"github.com/florinpay/florin/internal/secret"
)

//go:embed migrations
var migrations embed.FS

var accountTable = &db.Table{
	Name: "provider_account",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "id", Kind: db.Text},
		{Name: "provider", Kind: db.Text},
		{Name: "settings", Kind: db.Text},
		{Name: "credentials", Kind: db.Bytes},
		{Name: "priority", Kind: db.Int},
		{Name: "created_at", Kind: db.Int},
	},
	Key:       2,
	Versioned: true,
}

// nameTable holds which mode of a merchant an account's id belongs to. It is written before the account, in a Change of
// its own: the two belong to different merchant_ids.
var nameTable = &db.Table{
	Name: "provider_account_name",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "id", Kind: db.Text},
		{Name: "tenant", Kind: db.Text},
		{Name: "created_at", Kind: db.Int},
	},
	Key: 2,
}

// Schema is the package's tables.
var Schema = db.Schema{Package: "provider", Migrations: migrations, Tables: []*db.Table{nameTable, accountTable}}

const (
	// freshness bounds how late a node sees a change that another one made.
	freshness = time.Second
	cacheSize = 10_000
	// tries bounds how often Put decides again because somebody else changed the row.
	tries = 5
)

// Accounts keeps the contracts with providers, their credentials sealed. What it gives out is shared by all callers:
// its maps must not be changed.
type Accounts struct {
	db    *db.DB
	box   *seal.Box
	clock clock.Clock
	cache *recent.Cache[string, []Account]
}

// NewAccounts makes a store on a database that has Schema.
func NewAccounts(d *db.DB, box *seal.Box, c clock.Clock) *Accounts {
	return &Accounts{db: d, box: box, clock: c, cache: recent.New[string, []Account](c, freshness, cacheSize)}
}

// Create stores a new account and the rows that belong to it, such as the audit trail's. What a connector needs is
// checked by CheckAccount. It fails with fault.Invalid, and with fault.Exists if the id is taken in either mode.
func (s *Accounts) Create(ctx context.Context, a Account, rows ...db.Row) (Account, error) {
	if err := a.valid(); err != nil {
		return Account{}, err
	}
	a.CreatedAt, a.Version = s.clock.Now(), 1
	if err := s.reserve(ctx, a); err != nil {
		return Account{}, fmt.Errorf("create provider account %s: %w", a.ID, err)
	}
	values, err := s.values(a)
	if err != nil {
		return Account{}, err
	}
	return a, s.write(ctx, a, append([]db.Row{accountTable.Insert(values...)}, rows...))
}

// Put stores an account whether or not it is there: what is there gets these settings, credentials and priority. also makes
// the rows that belong to that, such as the audit trail's, of the account as it was; it was none if its Version is 0. It
// fails with fault.Invalid, with fault.Exists if the other mode has the id, and with fault.Conflict if the account is
// one with another provider: its payments would be asked about at the wrong one.
func (s *Accounts) Put(ctx context.Context, a Account, also func(was Account) []db.Row) error {
	var err error
	for range tries {
		if err = s.put(ctx, a, also); !fault.Is(err, fault.Stale) && !lostInsert(err) {
			return err
		}
	}
	return err
}

func (s *Accounts) put(ctx context.Context, a Account, also func(was Account) []db.Row) error {
	if err := a.valid(); err != nil {
		return err
	}
	before, err := s.read(ctx, a.Merchant, a.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		_, err = s.Create(ctx, a, also(Account{})...)
		return err
	case err != nil:
		return err
	case before.Provider != a.Provider:
		return fmt.Errorf("put provider account %s: %w", a.ID, fault.State("it is an account with "+before.Provider))
	}
	a.CreatedAt = before.CreatedAt
	values, err := s.values(a)
	if err != nil {
		return err
	}
	return s.write(ctx, a, append([]db.Row{accountTable.Update(before.Version, values...)}, also(before)...))
}

// lostInsert tells whether somebody else made the account between the read and the write.
func lostInsert(err error) bool {
	var conflict *db.Conflict
	return errors.As(err, &conflict) && conflict.Kind == fault.Exists && conflict.Table == accountTable.Name
}

func (s *Accounts) write(ctx context.Context, a Account, rows []db.Row) error {
	defer s.cache.Forget(a.Merchant)
	if err := s.db.Commit(ctx, db.NewChange(a.Merchant, rows...)); err != nil {
		return fmt.Errorf("write provider account %s: %w", a.ID, err)
	}
	return nil
}

// reserve takes the id for the account's mode. One that this mode reserved before, and then could not use, is its own.
func (s *Accounts) reserve(ctx context.Context, a Account) error {
	account, _, _ := id.SplitTenant(a.Merchant)
	err := s.db.Commit(ctx, db.NewChange(account, nameTable.Insert(account, a.ID, a.Merchant, db.Micros(a.CreatedAt))))
	if !fault.Is(err, fault.Exists) {
		return err
	}
	tenant, err := s.owner(ctx, account, a.ID)
	if err == nil && tenant != a.Merchant {
		err = fault.New(fault.Exists, "provider_account_exists", "the merchant's other mode has an account of this name")
	}
	return err
}

// Tenant is the mode of a merchant, as a tenant, that an account's id belongs to. It fails with fault.NotFound.
func (s *Accounts) Tenant(ctx context.Context, account, accountID string) (string, error) {
	tenant, err := s.owner(ctx, account, accountID)
	if err != nil {
		return "", fmt.Errorf("find provider account: %w", err)
	}
	return tenant, nil
}

func (s *Accounts) owner(ctx context.Context, account, accountID string) (string, error) {
	return db.Get(ctx, s.db, func(row db.Scanner) (tenant string, err error) {
		return tenant, row.Scan(new(string), new(string), &tenant, new(int64))
	}, nameTable.Select()+" WHERE merchant_id = $1 AND id = $2", account, accountID)
}

// Get is an account as it was at most a second ago; at once if this store changed it. It fails with fault.NotFound.
func (s *Accounts) Get(ctx context.Context, tenant, accountID string) (Account, error) {
	all, err := s.List(ctx, tenant)
	if err != nil {
		return Account{}, err
	}
	for _, a := range all {
		if a.ID == accountID {
			return a, nil
		}
	}
	return Account{}, fault.Missing("provider account")
}

// List gives a tenant's accounts in the merchant's order: by priority, then by age. See Get.
func (s *Accounts) List(ctx context.Context, tenant string) ([]Account, error) {
	return s.cache.Get(ctx, tenant, func(ctx context.Context) ([]Account, error) {
		all, err := db.List(ctx, s.db, s.scan, accountTable.Select()+" WHERE merchant_id = $1 ORDER BY priority, created_at, id", tenant)
		if err != nil {
			return nil, fmt.Errorf("list provider accounts of %s: %w", tenant, err)
		}
		return all, nil
	})
}

// Everybodys are the accounts of all tenants by name and provider, each pair once: nothing else is in them.
func (s *Accounts) Everybodys(ctx context.Context) ([]Account, error) {
	all, err := db.List(ctx, s.db, func(row db.Scanner) (a Account, err error) { return a, row.Scan(&a.ID, &a.Provider) },
		"SELECT DISTINCT id, provider FROM provider_account ORDER BY id, provider")
	if err != nil {
		return nil, fmt.Errorf("list everybody's provider accounts: %w", err)
	}
	return all, nil
}

// read is an account as it is now.
func (s *Accounts) read(ctx context.Context, tenant, accountID string) (Account, error) {
	a, err := db.Get(ctx, s.db, s.scan, accountTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, accountID)
	if err != nil {
		return Account{}, fmt.Errorf("read provider account: %w", err)
	}
	return a, nil
}

// sealedFor ties credentials to their row: moved to another one they do not open.
func sealedFor(tenant, accountID string) []byte {
	return []byte("provider_account\x00" + tenant + "\x00" + accountID)
}

func (s *Accounts) values(a Account) ([]any, error) {
	open := make(map[string]string, len(a.Credentials))
	for name, value := range a.Credentials {
		open[name] = value.Reveal()
	}
	settings := a.Settings
	if settings == nil {
		settings = map[string]string{}
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return nil, fmt.Errorf("write settings: %w", err)
	}
	credentials, err := json.Marshal(open)
	if err != nil {
		return nil, fmt.Errorf("write credentials: %w", err)
	}
	sealed, err := s.box.Seal(credentials, sealedFor(a.Merchant, a.ID))
	if err != nil {
		return nil, err
	}
	return []any{a.Merchant, a.ID, a.Provider, string(text), sealed, a.Priority, db.Micros(a.CreatedAt)}, nil
}

func (s *Accounts) scan(row db.Scanner) (Account, error) {
	var a Account
	var settings string
	var sealed []byte
	var created int64
	if err := row.Scan(&a.Merchant, &a.ID, &a.Provider, &settings, &sealed, &a.Priority, &created, &a.Version); err != nil {
		return Account{}, err
	}
	a.CreatedAt = db.Time(created)
	if err := json.Unmarshal([]byte(settings), &a.Settings); err != nil {
		return Account{}, fmt.Errorf("settings of %s: %w", a.ID, err)
	}
	text, err := s.box.Open(sealed, sealedFor(a.Merchant, a.ID))
	if err != nil {
		return Account{}, fmt.Errorf("credentials of %s: %w", a.ID, err)
	}
	var open map[string]string
	if err := json.Unmarshal(text, &open); err != nil {
		return Account{}, fmt.Errorf("credentials of %s cannot be read", a.ID) // the cause would quote them
	}
	a.Credentials = make(map[string]secret.Text, len(open))
	for name, value := range open {
		a.Credentials[name] = secret.New(value)
	}
	return a, nil
}
