package access

import (
	"context"
	"embed"
	"fmt"
	"net/netip"
	"strings"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

//go:embed migrations
var migrations embed.FS

var table = &db.Table{
	Name: "api_key",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "id", Kind: db.Text},
		{Name: "kind", Kind: db.Text},
		{Name: "name", Kind: db.Text},
		{Name: "hint", Kind: db.Text},
		{Name: "hash", Kind: db.Bytes},
		{Name: "scopes", Kind: db.Text},
		{Name: "loopback", Kind: db.Int},
		{Name: "networks", Kind: db.Text},
		{Name: "expires_at", Kind: db.Int, Null: true},
		{Name: "revoked_at", Kind: db.Int, Null: true},
		{Name: "rolled_to", Kind: db.Text},
		{Name: "created_at", Kind: db.Int},
	},
	Key:       2,
	Versioned: true,
}

// Schema is the package's tables.
var Schema = db.Schema{Package: "access", Migrations: migrations, Tables: []*db.Table{table}}

// Get is one key of a tenant. It fails with fault.NotFound.
func (k *Keys) Get(ctx context.Context, tenant, id string) (Key, error) {
	return db.One(ctx, k.db, "API key", scan, table.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, id)
}

// List gives a stretch of a tenant's keys, newest first, and whether there are more. Revoked and expired ones are among
// them.
func (k *Keys) List(ctx context.Context, tenant string, p db.Page) ([]Key, bool, error) {
	return db.ListPage(ctx, k.db, table, scan, tenant, p)
}

// rolledInto is the key that was rolled to another one; empty if none was.
func (k *Keys) rolledInto(ctx context.Context, tenant, id string) (string, error) {
	before, err := db.Get(ctx, k.db, func(r db.Scanner) (before string, err error) { return before, r.Scan(&before) },
		"SELECT id FROM api_key WHERE merchant_id = $1 AND rolled_to = $2", tenant, id)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return before, err
}

// byHash is the key with a hash, or nil. This is the one read that cannot name its merchant: it finds out who calls.
// Two merchants with one hash can only come from a fixed text that was given to both, and then nobody knows who calls:
// the key opens nothing.
func (k *Keys) byHash(ctx context.Context, h hash) (*Key, error) {
	found, err := db.List(ctx, k.db, scan, table.Select()+" WHERE hash = $1 LIMIT 2", h[:])
	if err != nil {
		return nil, fmt.Errorf("look a key up: %w", err)
	}
	if len(found) != 1 {
		return nil, nil
	}
	return &found[0], nil
}

func scan(row db.Scanner) (Key, error) {
	var (
		k                Key
		kind, scopes     string
		networks         string
		hashed           []byte
		loopback, made   int64
		expires, revoked *int64
	)
	err := row.Scan(&k.Tenant, &k.ID, &kind, &k.Name, &k.Hint, &hashed, &scopes, &loopback, &networks,
		&expires, &revoked, &k.RolledTo, &made, &k.read)
	if err != nil {
		return Key{}, err
	}
	if k.Scopes, err = ParseScopes(scopes); err != nil {
		return Key{}, fmt.Errorf("read key %s: %w", k.ID, err)
	}
	for _, text := range strings.Fields(networks) {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return Key{}, fmt.Errorf("read key %s: %w", k.ID, err)
		}
		k.Networks = append(k.Networks, network)
	}
	if copy(k.hash[:], hashed) != len(k.hash) {
		return Key{}, fmt.Errorf("read key %s: its hash has %d bytes", k.ID, len(hashed))
	}
	k.Kind, k.Loopback = Kind(kind), loopback != 0
	k.Scopes = scopesOf(k.Kind, k.Scopes) // a secret key also has the scopes that came after it was made
	k.ExpiresAt, k.RevokedAt, k.CreatedAt = db.NullTime(expires), db.NullTime(revoked), db.Time(made)
	return k, nil
}

func (k Key) values() []any {
	loopback := int64(0)
	if k.Loopback {
		loopback = 1
	}
	return []any{
		k.Tenant, k.ID, string(k.Kind), k.Name, k.Hint, k.hash[:], k.Scopes.String(), loopback, k.networkList(),
		db.MicrosOrNil(k.ExpiresAt), db.MicrosOrNil(k.RevokedAt), k.RolledTo, db.Micros(k.CreatedAt),
	}
}

func (k Key) networkList() string {
	words := make([]string, len(k.Networks))
	for i, n := range k.Networks {
		words[i] = n.String()
	}
	return strings.Join(words, " ")
}
