package idempotency

import (
	"context"
	"crypto/subtle"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

//go:embed migrations
var migrations embed.FS

// Schema is the package's tables.
var Schema = db.Schema{Package: "idempotency", Migrations: migrations, Tables: []*db.Table{Table}}

// DefaultKeep is how long an answer is kept.
const DefaultKeep = 24 * time.Hour

// prunePortion is how many rows one statement deletes, so that a writer never waits long behind it.
const prunePortion = 500

// Options are the store's settings.
type Options struct {
	Clock clock.Clock
	Keep  time.Duration // how long an answer is kept; DefaultKeep if zero
}

// Store finds and prunes keys. It does not write them: their rows travel in the Changes of what they protect.
type Store struct {
	db    *db.DB
	clock clock.Clock
	keep  time.Duration
}

// New makes a store on a database that has Schema.
func New(d *db.DB, o Options) *Store {
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	return &Store{db: d, clock: o.Clock, keep: o.Keep}
}

// Find gives what is known of a key; false means that it was never seen, or was pruned. It fails with fault.Reused if
// the key was seen with another body or query. A key counts until it is pruned, which is a little after its time.
func (s *Store) Find(ctx context.Context, k Key) (Record, bool, error) {
	r, err := db.Get(ctx, s.db, scan, Table.Select()+" WHERE merchant_id = $1 AND key_hash = $2", k.Merchant, k.scope())
	switch {
	case fault.Is(err, fault.NotFound):
		return Record{}, false, nil
	case err != nil:
		return Record{}, false, fmt.Errorf("find idempotency key: %w", err)
	case subtle.ConstantTimeCompare(r.request, k.request()) != 1:
		return Record{}, false, &fault.Error{
			Kind: fault.Reused, Code: CodeKeyReused, Param: Header,
			Detail: "the Idempotency-Key came before with another request",
		}
	}
	return r, true, nil
}

// Prune deletes the keys whose time is over and tells how many. It works in small portions and ends early, without an
// error, when the context ends.
func (s *Store) Prune(ctx context.Context) (int64, error) {
	before := db.Micros(s.clock.Now().Add(-s.keep))
	var total int64
	for {
		n, err := s.db.Prune(ctx, Table, "created_at", before, prunePortion)
		total += n
		switch {
		case ctx.Err() != nil:
			return total, nil
		case err != nil:
			return total, fmt.Errorf("prune idempotency keys: %w", err)
		case n < prunePortion:
			return total, nil
		}
	}
}

// Taken tells whether a Change was refused because its idempotency key is taken or was answered meanwhile: then Find
// says by what, and nothing of the Change was written.
func Taken(err error) bool {
	var conflict *db.Conflict
	return errors.As(err, &conflict) && conflict.Table == Table.Name
}

func scan(row db.Scanner) (Record, error) {
	var r Record
	var status, created int64
	err := row.Scan(&r.Merchant, &r.key, &r.request, &r.Subject, &status, &r.ContentType, &r.Answer, &created, &r.version)
	if err != nil {
		return Record{}, err
	}
	r.Status, r.Done = int(status), status != 0
	r.StartedAt = db.Time(created)
	return r, nil
}
