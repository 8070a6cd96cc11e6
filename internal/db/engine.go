package db

import "context"

// engine is what differs between SQLite and PostgreSQL.
type engine interface {
	name() string
	writers(asked int) int
	batch() int // how many Changes one transaction takes at most, unless asked otherwise
	// connect opens a connection for a writer or a migration. One goroutine uses it.
	connect(ctx context.Context) (session, error)
	// query reads. A long one has connections of its own, so that an export does not keep others waiting.
	query(ctx context.Context, long bool, sql string, args []any) (cursor, error)
	ping(ctx context.Context) error
	cause(err error) cause
	// dialect turns a migration's statements into the engine's own.
	dialect(m statements) []string
	// guard is the statements that make a table append-only, in place of a guard that it had.
	guard(g guarded) []string
	// queue is the statements that keep a table quick of which the oldest row is asked for again and again.
	queue(table string) []string
	// migrating takes the lock on the bookkeeping of migrations, which it makes first, inside a transaction.
	migrating(ctx context.Context, s session) error
	grant(table, role, rights string) ([]string, error)
	close() error
}

// engines opens an engine by the scheme of its URL; rest is what follows the colon.
var engines = map[string]func(ctx context.Context, url, rest string, o Options) (engine, error){
	"sqlite":     openSQLite,
	"postgres":   openPostgres,
	"postgresql": openPostgres,
}

// session is a connection of a writer.
type session interface {
	begin(ctx context.Context) error
	// apply begins a transaction and writes the rows of a plan in its order. It leaves the transaction open, and tells
	// which rows did not apply. With an error the losses are those known before it.
	apply(ctx context.Context, p *plan) ([]loss, error)
	// commit ends the transaction. After an error that is not a refusal (see cause) it is not known what happened.
	commit(ctx context.Context) error
	rollback(ctx context.Context) error
	exec(ctx context.Context, sql string, args ...any) (int64, error)
	// read returns rows whose columns have these kinds: string, int64, []byte or nil.
	read(ctx context.Context, kinds []Kind, sql string, args ...any) ([][]any, error)
	// probe writes something small and commits it.
	probe(ctx context.Context, at int64) error
	close()
}

// cursor walks the rows of a read.
type cursor interface {
	Scanner
	Next() bool
	Err() error
	Close() error
}

// secondsADay are those of a day by the clock of an engine, which knows no leap seconds.
const secondsADay = 86_400

// cause is what an engine's error means to a writer.
type cause uint8

const (
	causeOther       cause = iota // a mistake in a statement, or something unheard of
	causeRefused                  // a CHECK, a foreign key or a value was refused: a Change of this batch is at fault
	causeTaken                    // a unique index was violated: a Change of this batch is at fault
	causeAgain                    // deadlock, serialization failure, lock timeout: the same may succeed at once
	causeUnavailable              // disk full, read-only, out of memory or connections: no Change is at fault
	causeGone                     // the connection is dead
)
