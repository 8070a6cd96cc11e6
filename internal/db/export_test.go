package db

import (
	"context"
	"testing"
	"time"
)

// Hooks lets tests hold a writer or change what it hears.
type Hooks struct {
	Taken    func(merchants []string)
	Commit   func()
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
	deadline := time.After(10 * time.Second)
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
