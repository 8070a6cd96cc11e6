package db

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// Hooks lets tests hold a writer or change what it hears.
type Hooks struct {
	Taken    func(merchants []string)
	Commit   func() error
	Answered func(error) error
}

// SetHooks installs hooks; nil removes them.
func (d *DB) SetHooks(h *Hooks) {
	if h == nil {
		d.hooks.Store(nil)
		return
	}
	inner := &hooks{commit: h.Commit, answered: h.Answered}
	if h.Taken != nil {
		inner.taken = func(batch []*pending) {
			var merchants []string
			for _, p := range batch {
				merchants = append(merchants, p.change.merchant)
			}
			h.Taken(merchants)
		}
	}
	d.hooks.Store(inner)
}

// OnWriter runs SQL on a writer's connection.
func (d *DB) OnWriter(ctx context.Context, sql string) error {
	return d.job(ctx, func(ctx context.Context, s session) error {
		_, err := s.exec(ctx, sql)
		return err
	})
}

// AwaitWaiting waits until n Changes wait.
func (d *DB) AwaitWaiting(t testing.TB, n int) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for d.queue.waiting() != n {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d Changes wait, not %d", d.queue.waiting(), n)
		}
	}
}

// AwaitClosed waits until Changes are refused because the database is closing.
func (d *DB) AwaitClosed(t testing.TB) {
	t.Helper()
	d.queue.mu.Lock()
	defer d.queue.mu.Unlock()
	stop := time.AfterFunc(time.Minute, func() { panic("the queue stays open") })
	defer stop.Stop()
	for !d.queue.closed {
		d.queue.some.Wait()
	}
}

// WriterSetting is the one value that a query on a writer's connection gives.
func (d *DB) WriterSetting(t testing.TB, sql string) string {
	t.Helper()
	var said [][]any
	err := d.job(context.Background(), func(ctx context.Context, s session) (err error) {
		said, err = s.read(ctx, []Kind{Text}, sql)
		return err
	})
	if err != nil || len(said) != 1 {
		t.Fatalf("%s: %v, %v", sql, said, err)
	}
	return fmt.Sprint(said[0][0])
}

// Statements is how an engine would run a migration's text.
func Statements(engine, text string) ([]string, error) {
	m, err := parseStatements(text)
	if err != nil {
		return nil, err
	}
	if engine == "sqlite" {
		return (&sqliteEngine{}).dialect(m), nil
	}
	return (&postgresEngine{}).dialect(m), nil
}
