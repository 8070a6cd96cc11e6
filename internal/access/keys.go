package access

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/recent"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/secret"
)

const (
	// freshness bounds how late a node learns of a revocation on another.
	freshness = time.Second
	// cacheSize is how many hashes a generation of the cache holds, those of unknown keys among them. A flood of
	// unknown keys can push a known one out only once in so many reads of its own.
	cacheSize = 16_384
)

// Options are what Keys is made with.
type Options struct {
	Clock  clock.Clock
	IDs    *id.Source
	Random io.Reader // where the texts of keys come from: crypto/rand.Reader in production

	// TrustedProxies are the networks whose X-Forwarded-For is believed. None by default: then the caller's address is
	// the connection's.
	TrustedProxies []netip.Prefix
}

// Keys makes API keys, and tells by them who calls.
type Keys struct {
	db        *db.DB
	merchants *merchant.Store
	o         Options
	cache     *recent.Cache[hash, *Key] // nil: there is no such key
}

// New makes Keys on a database that has Schema, merchant.Schema and audit.Schema.
func New(d *db.DB, merchants *merchant.Store, o Options) *Keys {
	return &Keys{db: d, merchants: merchants, o: o, cache: recent.New[hash, *Key](o.Clock, freshness, cacheSize)}
}

// Create makes a key. The text is given here and never again: what is stored is its hash. It fails with fault.Invalid,
// naming every wrong field, and with fault.NotFound if there is no such merchant. The key works on this node at once, and on
// every other within a second.
func (k *Keys) Create(ctx context.Context, s Spec, by audit.By) (Key, secret.Text, error) {
	now := k.o.Clock.Now()
	if err := s.check(now); err != nil {
		return Key{}, secret.Text{}, fmt.Errorf("create key: %w", err)
	}
	if _, err := k.merchants.Of(ctx, s.Tenant); err != nil {
		return Key{}, secret.Text{}, fmt.Errorf("create key: %w", err)
	}
	live := id.Live(s.Tenant)
	text, err := draw(k.o.Random, s.Kind, live)
	if err != nil {
		return Key{}, secret.Text{}, err
	}
	key := k.keyOf(s, text, now)
	if err := k.db.Commit(ctx, db.NewChange(s.Tenant, table.Insert(key.values()...), k.created(key, by, now))); err != nil {
		return Key{}, secret.Text{}, fmt.Errorf("create key: %w", err)
	}
	k.cache.Forget(key.hash)
	return key, text, nil
}

// EnsureDev makes the two fixed keys of florin dev for an account's test mode, if they are not there. They work from this
// machine only, whatever listens. It fails with fault.NotFound if there is no such account.
func (k *Keys) EnsureDev(ctx context.Context, account string, by audit.By) error {
	tokenizes, err := Set(VaultWrite) // so that a benchmark and a script need no browser
	if err != nil {
		return err
	}
	fixed := []struct {
		kind   Kind
		text   string
		scopes Scopes
	}{{Secret, DevSecret, tokenizes}, {Publishable, DevPublishable, Scopes(0)}}
	if _, err := k.merchants.Get(ctx, account); err != nil {
		return fmt.Errorf("make the development keys: %w", err)
	}
	now := k.o.Clock.Now()
	for _, f := range fixed {
		s := Spec{Tenant: id.Tenant(account, false), Kind: f.kind, Name: "florin dev", Scopes: f.scopes}
		key := k.keyOf(s, secret.New(f.text), now)
		key.Loopback = true
		err := k.db.Commit(ctx, db.NewChange(s.Tenant, table.Insert(key.values()...), k.created(key, by, now)))
		if err != nil && !fault.Is(err, fault.Exists) { // the unique hash: it was made before
			return fmt.Errorf("make the development keys: %w", err)
		}
		k.cache.Forget(key.hash)
	}
	return nil
}

// EnsureHosted makes the publishable key of Florin's own pages for a tenant, if it is not there. Its text is HostedKey's: the
// pages have to say it again each time, so it is derived and not drawn. One that was revoked stays so, and the pages stop
// taking cards. It fails with fault.NotFound if there is no such merchant.
func (k *Keys) EnsureHosted(ctx context.Context, tenant string, text secret.Text, by audit.By) error {
	key, err := k.find(ctx, text.Reveal())
	if err != nil {
		return fmt.Errorf("look for the key of the hosted pages: %w", err)
	}
	if key != nil {
		return nil
	}
	if _, err := k.merchants.Of(ctx, tenant); err != nil {
		return fmt.Errorf("make the key of the hosted pages: %w", err)
	}
	now := k.o.Clock.Now()
	made := k.keyOf(Spec{Tenant: tenant, Kind: Publishable, Name: "hosted pages"}, text, now)
	err = k.db.Commit(ctx, db.NewChange(tenant, table.Insert(made.values()...), k.created(made, by, now)))
	if err != nil && !fault.Is(err, fault.Exists) { // the unique hash: another process was first
		return fmt.Errorf("make the key of the hosted pages: %w", err)
	}
	k.cache.Forget(made.hash)
	return nil
}

// Revoke stops a key, at once on this node and within a second on every other. A key that is revoked stays so: revoking
// again changes nothing. It fails with fault.NotFound.
func (k *Keys) Revoke(ctx context.Context, tenant, id string, by audit.By) (Key, error) {
	return k.update(ctx, tenant, id, func(key Key, now time.Time) (Key, []db.Row, error) {
		if !key.RevokedAt.IsZero() {
			return key, nil, nil
		}
		key = key.revoked(now)
		record := by.Record(k.o.IDs, now, tenant, "api_key.revoked", id, nil)
		return key, []db.Row{record.Row()}, nil
	})
}

// Roll makes a successor with the same rights, and lets the old key live on for the overlap (at most 30 days; zero revokes
// it at once). It gives the successor and its text. It fails with fault.NotFound, with fault.Invalid for the overlap, and
// with fault.Conflict if the key does not work any more or has a successor.
func (k *Keys) Roll(ctx context.Context, tenant, old string, overlap time.Duration, by audit.By) (Key, secret.Text, error) {
	var next Key
	var text secret.Text
	_, err := k.update(ctx, tenant, old, func(key Key, now time.Time) (Key, []db.Row, error) {
		var err error
		if key.Loopback {
			return Key{}, nil, fault.State("the development keys are fixed")
		}
		live := id.Live(tenant)
		if text, err = draw(k.o.Random, key.Kind, live); err != nil {
			return Key{}, nil, err
		}
		next = k.keyOf(Spec{Tenant: tenant, Kind: key.Kind, Name: key.Name, Scopes: key.Scopes, Networks: key.Networks, ExpiresAt: key.ExpiresAt}, text, now)
		if key, err = key.rolled(next.ID, overlap, now); err != nil {
			return Key{}, nil, err
		}
		record := by.Record(k.o.IDs, now, tenant, "api_key.rolled", old, map[string]string{"to": next.ID, "overlap": overlap.String()})
		return key, []db.Row{table.Insert(next.values()...), record.Row(), k.created(next, by, now)}, nil
	})
	if err != nil {
		return Key{}, secret.Text{}, err
	}
	k.cache.Forget(next.hash)
	return next, text, nil
}

// SamePerson tells whether two keys of a tenant are one person's, as far as Florin knows: they are the same, or one came of the other by
// rolling. Keys that were made apart are different persons'.
func (k *Keys) SamePerson(ctx context.Context, tenant, one, other string) (bool, error) {
	if one == other {
		return true, nil
	}
	first, err := k.origin(ctx, tenant, one)
	if err != nil {
		return false, err
	}
	second, err := k.origin(ctx, tenant, other)
	return first == second, err
}

// maxRolls bounds how far back a key is followed.
const maxRolls = 10_000

// origin is the first of the keys that a key came of by rolling.
func (k *Keys) origin(ctx context.Context, tenant, key string) (string, error) {
	for range maxRolls {
		before, err := k.rolledInto(ctx, tenant, key)
		if err != nil || before == "" {
			return key, err
		}
		key = before
	}
	return "", fmt.Errorf("key %s was rolled too often to be followed", key)
}

// tries is how often a change of a key is decided again after somebody else's came first.
const tries = 5

// update reads a key, decides, and writes; without rows from decide it writes nothing.
func (k *Keys) update(ctx context.Context, tenant, id string, decide func(Key, time.Time) (Key, []db.Row, error)) (Key, error) {
	var stale error
	for range tries {
		was, err := k.Get(ctx, tenant, id)
		if err != nil {
			return Key{}, err
		}
		is, rows, err := decide(was, k.o.Clock.Now())
		if err != nil {
			return Key{}, fmt.Errorf("change key %s: %w", id, err)
		}
		if len(rows) == 0 {
			return was, nil
		}
		err = k.db.Commit(ctx, db.NewChange(tenant, append(rows, table.Update(was.read, is.values()...))...))
		if err == nil {
			k.cache.Forget(is.hash)
			return is, nil
		}
		if !fault.Is(err, fault.Stale) {
			// The outcome may be written all the same: what is kept of the key cannot be trusted.
			k.cache.Forget(is.hash)
			return Key{}, fmt.Errorf("change key %s: %w", id, err)
		}
		stale = err
	}
	return Key{}, fmt.Errorf("change key %s: %w", id, stale)
}

func (k *Keys) keyOf(s Spec, text secret.Text, now time.Time) Key {
	return Key{
		Tenant: s.Tenant, ID: k.o.IDs.New(id.Key), Kind: s.Kind, Name: s.Name, Hint: hintOf(text.Reveal()),
		Scopes: scopesOf(s.Kind, s.Scopes), Networks: s.Networks, ExpiresAt: s.ExpiresAt, CreatedAt: now,
		hash: hashOf(text.Reveal()), read: 1,
	}
}

func (k *Keys) created(key Key, by audit.By, now time.Time) db.Row {
	detail := map[string]string{"kind": string(key.Kind), "name": key.Name, "scopes": key.Scopes.String(), "networks": key.networkList()}
	if !key.ExpiresAt.IsZero() {
		detail["expires_at"] = key.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return by.Record(k.o.IDs, now, key.Tenant, "api_key.created", key.ID, detail).Row()
}
