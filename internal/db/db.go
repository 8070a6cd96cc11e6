// Package db keeps Florin's rows, on SQLite or on PostgreSQL.
//
// What is decided is written as a Change: all rows of one decision for one merchant, whole or not at all. Commit does
// not own a transaction: a few writers collect the Changes that wait and write them together (group commit). Reads go
// beside it. Only the files engine_*.go know which engine runs.
package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
)

// Schema is what one package keeps: its migrations and the tables they make.
type Schema struct {
	Package    string
	Migrations fs.FS    // files migrations/NNNN_name.sql
	Tables     []*Table // parents first: rows are written in this order
}

// Options are the settings of a database. The zero value of each is its default.
type Options struct {
	Clock   clock.Clock           // the machine's
	Logger  *slog.Logger          // slog.Default()
	Writers int                   // writers side by side: 2 on PostgreSQL; SQLite has always 1
	Batch   int                   // most Changes in one transaction: 64 on PostgreSQL, 256 on SQLite
	Queue   int                   // most Changes that wait: 4096
	Metrics prometheus.Registerer // nil: measured, not shown. Two databases of one process need a label each
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine  engine
	clock   clock.Clock
	logger  *slog.Logger
	schemas []Schema
	rank    map[*Table]uint16 // the place of a table in the order of writing
	queue   *queue
	batch   int
	metrics *metrics

	writers  sync.WaitGroup
	migrated atomic.Bool
	health   atomic.Pointer[error] // why the last transaction could not be written; nil after one that was
	sweeps   wakers
	pins     sync.Map              // what Pin found to be as asked, by name
	hooks    atomic.Pointer[hooks] // tests only

	closing  sync.Once
	closeErr error
}

// hooks are where a test looks in, or holds a writer.
type hooks struct {
	taken    func(batch []*pending) // before a batch is written
	commit   func() error           // between the rows and COMMIT, which is not sent if it gives an answer
	answered func(err error) error  // what COMMIT answered, and what the writer shall believe
}

// Open opens the database at url, "sqlite:PATH" or "postgres://…", for the tables of the schemas, in that order. It
// does not migrate. PostgreSQL that is down is no error here: Ready says so.
func Open(ctx context.Context, url string, o Options, schemas ...Schema) (*DB, error) {
	o = o.withDefaults()
	d := &DB{clock: o.Clock, logger: o.Logger, schemas: schemas, rank: map[*Table]uint16{}}
	for _, s := range schemas {
		for _, t := range s.Tables {
			if _, twice := d.rank[t]; twice {
				return nil, fmt.Errorf("open database: table %s is described twice", t.Name)
			}
			d.rank[t] = uint16(len(d.rank))
		}
	}
	var err error
	if d.metrics, err = newMetrics(o.Metrics); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if d.engine, err = openEngine(ctx, url, o); err != nil {
		d.metrics.unregister()
		return nil, fmt.Errorf("open database: %w", err)
	}
	if d.batch = o.Batch; d.batch <= 0 {
		d.batch = d.engine.batch()
	}
	d.queue = newQueue(o.Queue, d.metrics)
	for i := range d.engine.writers(o.Writers) {
		w := &writer{db: d, number: i}
		d.writers.Go(w.run)
	}
	return d, nil
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Queue <= 0 {
		o.Queue = 4096
	}
	return o
}

func openEngine(ctx context.Context, url string, o Options) (engine, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	open, known := engines[scheme]
	if !known {
		return nil, fmt.Errorf("unknown kind of database %q: want sqlite:PATH or postgres://…", scheme)
	}
	return open(ctx, url, rest, o)
}

// Engine is which engine runs: "sqlite" or "postgres". It is for reports, not for decisions.
func (d *DB) Engine() string { return d.engine.name() }

// Close stops accepting Changes, writes those that wait, and closes the database. Reads under way may fail.
func (d *DB) Close() error {
	d.closing.Do(func() {
		d.queue.close()
		d.writers.Wait()
		d.metrics.unregister()
		d.closeErr = d.engine.close()
	})
	return d.closeErr
}

// Ready is nil if the database is migrated, can be read, and can be written: it writes. An error says what is wrong;
// its kind is fault.Unavailable unless the migrations do not fit.
func (d *DB) Ready(ctx context.Context) error {
	if err := d.checkMigrated(ctx); err != nil {
		return fmt.Errorf("database is not ready: %w", err)
	}
	if err := d.engine.ping(ctx); err != nil {
		return fmt.Errorf("database is not ready: %w", d.readError(err))
	}
	at := Micros(d.clock.Now())
	err := d.job(ctx, func(ctx context.Context, s session) error { return s.probe(ctx, at) })
	if err != nil {
		return fmt.Errorf("database is not ready: %w", err)
	}
	return nil
}

// unavailable wraps the reason why the database could not do it. The reason is for the log: fault.Error shows none.
func unavailable(reason error) error {
	return fmt.Errorf("%w: %w", &fault.Error{Kind: fault.Unavailable, Code: fault.CodeOverloaded,
		Detail: "the database is not available", RetryAfter: time.Second}, reason)
}

// readError gives an error of a read its kind.
func (d *DB) readError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	switch d.engine.cause(err) {
	case causeGone, causeUnavailable, causeAgain:
		return unavailable(err)
	}
	return err
}
