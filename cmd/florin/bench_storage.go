package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/secret"
)

// storageAlone measures the recorded payment through the database layer alone: over many merchants, then with one.
func (b benchCommand) storageAlone(ctx context.Context, c *console, where secret.Text, template *recording, r *benchReport) (err error) {
	s := newStores(c.log, nil)
	defer func() { err = errors.Join(err, s.close()) }()
	if s.main, err = s.open(ctx, "storage", where, mainSchemas...); err != nil {
		return err
	}
	if err = s.migrate(ctx); err != nil {
		return err
	}
	report := &storageReport{Clients: b.StorageClients, Tenants: b.StorageMerchants}
	report.Rows, report.Bytes = template.size()
	tenants := make([]string, b.StorageMerchants)
	for i := range tenants {
		tenants[i] = id.Tenant(fmt.Sprintf("acct_rows%d", i), false)
	}
	run := runName()
	spread := b.storage(s.main, template, s.ids, tenants)
	hot := b.storage(s.main, template, s.ids, []string{id.Tenant("acct_hot"+run, false)})
	if err = spread.drive(ctx); err == nil {
		err = hot.drive(ctx)
	}
	if err != nil {
		return err
	}
	report.Spread, report.Hot = measured(&spread.latency, spread.measure), measured(&hot.latency, hot.measure)
	r.Storage = report
	return checkStorage(context.WithoutCancel(ctx), s.main, r, spread, hot)
}

// storageLoad is a number of clients, each of which commits the two Changes of one payment after the other.
type storageLoad struct {
	db       *db.DB
	template *recording
	ids      *id.Source
	tenants  []string
	clients  int
	warmup   time.Duration
	measure  time.Duration

	latency latencies
	all     latencies
}

func (b benchCommand) storage(d *db.DB, template *recording, ids *id.Source, tenants []string) *storageLoad {
	return &storageLoad{
		db: d, template: template, ids: ids, tenants: tenants, clients: b.StorageClients,
		warmup: time.Duration(b.Warmup) * time.Second, measure: time.Duration(b.Seconds) * time.Second,
	}
}

func (l *storageLoad) drive(ctx context.Context) error {
	start := clock.Stopwatch()
	faults := make([]error, l.clients)
	var clients sync.WaitGroup
	for n := range l.clients {
		clients.Go(func() { faults[n] = l.client(ctx, n, start) })
	}
	clients.Wait()
	return errors.Join(faults...)
}

func (l *storageLoad) client(ctx context.Context, n int, start time.Time) error {
	for made := n; clock.Since(start) < l.warmup+l.measure; made++ {
		began := clock.Stopwatch()
		both, err := l.template.changes(l.tenants[made%len(l.tenants)], l.ids)
		if err != nil {
			return err
		}
		for _, change := range both {
			if err := l.db.Commit(ctx, change); err != nil {
				return fmt.Errorf("storage alone: %w", err)
			}
		}
		took, ended := clock.Since(began), clock.Since(start)
		l.all.add(took)
		if ended >= l.warmup && ended < l.warmup+l.measure {
			l.latency.add(took)
		}
	}
	return nil
}

// checkStorage holds the rows against the answers, and the books against themselves.
func checkStorage(ctx context.Context, d *db.DB, r *benchReport, loads ...*storageLoad) error {
	var tenants []string
	var committed int64
	for _, l := range loads {
		tenants = append(tenants, l.tenants...)
		committed += int64(l.all.count.Load())
	}
	found, err := countPayments(ctx, d, tenants)
	if err != nil {
		return err
	}
	r.check("storage alone", found.Captured == committed, "%d payments committed, %d in the database", committed, found.Captured)
	return checkBooks(ctx, d, r)
}

func checkBooks(ctx context.Context, d *db.DB, r *benchReport) error {
	books, err := ledger.Verify(ctx, d)
	if err != nil {
		return err
	}
	why := fmt.Sprintf("%d transactions, %d entries, %d faults", books.Transactions, books.Entries, len(books.Faults))
	if len(books.Faults) > 0 {
		why += ", the first: " + books.Faults[0]
	}
	r.check("the books", len(books.Faults) == 0, "%s", why)
	return nil
}
