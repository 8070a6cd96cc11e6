package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/recent"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/seal"
	"github.com/florinpay/florin/internal/secret"
)

const (
	// freshness bounds how late a node sees another node's change of an account.
	freshness = time.Second
	cacheSize = 10_000
	maxID     = 32
)

// Accounts keeps merchants' contracts with providers. Credentials are sealed in the table.
type Accounts struct {
	db    *db.DB
	box   *seal.Box
	clock clock.Clock
	ids   *id.Source
	one   *recent.Cache[accountKey, Account]
	all   *recent.Cache[string, []Account] // by tenant
}

type accountKey struct{ tenant, account string }

// NewAccounts makes a store on a database that has Schema and audit.Schema.
func NewAccounts(d *db.DB, box *seal.Box, c clock.Clock, ids *id.Source) *Accounts {
	return &Accounts{
		db: d, box: box, clock: c, ids: ids,
		one: recent.New[accountKey, Account](c, freshness, cacheSize),
		all: recent.New[string, []Account](c, freshness, cacheSize),
	}
}

// Get is one account of a tenant as it was at most a second ago; at once if this store changed it. It fails with
// fault.NotFound. What it gives is shared: do not change its maps.
func (s *Accounts) Get(ctx context.Context, tenant, account string) (Account, error) {
	return s.one.Get(ctx, accountKey{tenant, account}, func(ctx context.Context) (Account, error) {
		found, err := s.read(ctx, tenant, account)
		if fault.Is(err, fault.NotFound) {
			return Account{}, fault.Missing("provider account")
		}
		if err != nil {
			return Account{}, fmt.Errorf("read provider account %s: %w", account, err)
		}
		return found.Account, nil
	})
}

// List is every account of a tenant, in the order in which they were made: the merchant's own order of preference.
// As fresh, and as shared, as what Get gives.
func (s *Accounts) List(ctx context.Context, tenant string) ([]Account, error) {
	return s.all.Get(ctx, tenant, func(ctx context.Context) ([]Account, error) {
		found, err := s.readAll(ctx, tenant)
		if err != nil {
			return nil, fmt.Errorf("list provider accounts: %w", err)
		}
		accounts := make([]Account, len(found))
		for i, a := range found {
			accounts[i] = a.Account
		}
		return accounts, nil
	})
}

// Put makes an account, or replaces the settings and credentials of the one that is there. It fails with fault.Invalid,
// naming every wrong field; with fault.Conflict if the account is of another provider, or there in the merchant's other
// mode: a webhook's address does not name the mode; with fault.Stale if somebody else changed it at the same time.
func (s *Accounts) Put(ctx context.Context, a Account, by audit.By) error {
	if err := a.check(); err != nil {
		return fmt.Errorf("put provider account: %w", err)
	}
	name, live, _ := id.SplitTenant(a.Merchant)
	if _, err := s.read(ctx, id.Tenant(name, !live), a.ID); !fault.Is(err, fault.NotFound) {
		if err == nil {
			err = fault.State("the merchant's other mode has a provider account of this name")
		}
		return fmt.Errorf("put provider account %s: %w", a.ID, err)
	}
	was, err := s.read(ctx, a.Merchant, a.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("put provider account %s: %w", a.ID, err)
	}
	rows, err := s.decide(was, a, by)
	if err != nil {
		return fmt.Errorf("put provider account %s: %w", a.ID, err)
	}
	if len(rows) > 0 {
		if err := s.db.Commit(ctx, db.NewChange(a.Merchant, rows...)); err != nil {
			return fmt.Errorf("put provider account %s: %w", a.ID, err)
		}
	}
	s.one.Forget(accountKey{a.Merchant, a.ID})
	s.all.Forget(a.Merchant)
	return nil
}

// decide is what a Put writes: nothing if it changes nothing. The audit record names what changed, never a credential.
func (s *Accounts) decide(was stored, a Account, by audit.By) ([]db.Row, error) {
	now := s.clock.Now()
	is := stored{Account: a, createdAt: now}
	action := "provider_account.created"
	if was.read > 0 {
		if was.Provider != a.Provider {
			return nil, fault.State("the account is of another provider")
		}
		if maps.Equal(was.Settings, a.Settings) && maps.EqualFunc(was.Credentials, a.Credentials, secret.Text.Equal) {
			return nil, nil
		}
		action, is.createdAt = "provider_account.changed", was.createdAt
	}
	values, err := s.values(is)
	if err != nil {
		return nil, err
	}
	row := accountTable.Insert
	if was.read > 0 {
		row = func(values ...any) db.Row { return accountTable.Update(was.read, values...) }
	}
	detail := map[string]string{"provider": a.Provider, "credentials": strings.Join(slices.Sorted(maps.Keys(a.Credentials)), " ")}
	for name, value := range a.Settings {
		detail["settings."+name] = value
	}
	return []db.Row{row(values...), by.Record(s.ids, now, a.Merchant, action, a.ID, detail).Row()}, nil
}

func (a Account) check() error {
	var wrong fault.Collect
	if _, _, ok := id.SplitTenant(a.Merchant); !ok {
		wrong.Add("merchant", fault.CodeInvalid, "a tenant is an account and a mode, such as acct_dev:test")
	}
	if !validID(a.ID) {
		wrong.Add("id", fault.CodeInvalid, "a provider account's name has 1 to 32 lower-case letters, digits, - and _")
	}
	if a.Provider == "" {
		wrong.Add("provider", fault.CodeInvalid, "the provider is missing")
	}
	return wrong.Err()
}

// validID keeps the names to what can stand in a URL's path and in a ledger account's code.
func validID(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= maxID
}
