package db

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// Sweep is work that falls due: rows of Table whose due_at (Int, Null) has passed. Table is Versioned.
//
// A row is claimed by moving its due_at forward by Lease, by compare-and-set, so that of several processes one has it.
// Handle does the work, given the row's key (key[0] is merchant_id; an Int or Bytes column is printed), and commits the
// next due_at or none. It must be idempotent: if it fails, or the process dies, the row comes again after the lease.
type Sweep struct {
	Name   string
	Table  *Table
	Lease  time.Duration // how long Handle may take: its context ends then
	Every  time.Duration // how often to look
	Limit  int           // most rows handled at once
	Handle func(ctx context.Context, key []string) error

	// Rows of one value of Group, a Text column, take at most Share of the Limit at once: what hangs leaves room for the
	// others. Empty: no such bound.
	Group string
	Share int
}

// wakers are the sweeps that run, by name.
type wakers struct {
	mu   sync.Mutex
	each map[string][]chan struct{}
}

// Wake has the sweeps of a name look now instead of at their next turn. It is a hint, cheap, and may be lost.
func (d *DB) Wake(name string) {
	d.sweeps.mu.Lock()
	defer d.sweeps.mu.Unlock()
	for _, c := range d.sweeps.each[name] {
		select {
		case c <- struct{}{}:
		default: // it will look already
		}
	}
}

func (w *wakers) add(name string) (wake <-chan struct{}, remove func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.each == nil {
		w.each = map[string][]chan struct{}{}
	}
	w.each[name] = append(w.each[name], c)
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i, other := range w.each[name] {
			if other == c {
				w.each[name] = append(w.each[name][:i], w.each[name][i+1:]...)
				return
			}
		}
	}
}

// Sweep runs sweeps until ctx ends, and then until their handlers have returned, which have their leases for that. Its
// error is nil, unless a sweep cannot work at all.
func (d *DB) Sweep(ctx context.Context, sweeps ...Sweep) error {
	for _, s := range sweeps {
		if err := s.check(); err != nil {
			return err
		}
	}
	var running sync.WaitGroup
	for _, s := range sweeps {
		running.Go(func() { d.sweep(ctx, s) })
	}
	running.Wait()
	return nil
}

func (s Sweep) check() error {
	due := s.Table.column("due_at")
	if due < s.Table.Key || s.Table.Columns[due].Kind != Int || !s.Table.Columns[due].Null || !s.Table.Versioned {
		return fmt.Errorf("sweep %s: table %s is not versioned with a nullable due_at", s.Name, s.Table.Name)
	}
	if s.Lease <= 0 || s.Every <= 0 || s.Limit <= 0 || s.Handle == nil {
		return fmt.Errorf("sweep %s: lease, every, limit and handle are needed", s.Name)
	}
	if group := s.Table.column(s.Group); s.Group != "" && (group < 0 || s.Table.Columns[group].Kind != Text || s.Table.Columns[group].Null || s.Share <= 0) {
		return fmt.Errorf("sweep %s: group %q is not a text column, never null, of table %s, or has no share", s.Name, s.Group, s.Table.Name)
	}
	return nil
}

// sweep looks when its time comes, when woken, and as long as it finds as much as it can handle.
func (d *DB) sweep(ctx context.Context, s Sweep) {
	hands := newCrew(s)
	defer hands.running.Wait()
	wake, remove := d.sweeps.add(s.Name)
	defer remove()
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	for {
		_, then, err := d.round(ctx, hands)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			d.logger.Error("sweep failed", "sweep", s.Name, "error", err)
		} else if then == lookAgain && hands.free() > 0 {
			continue
		}
		left := hands.left
		if then == awaitTime {
			left = nil // whoever leaves makes room for nobody
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
		case <-left:
		}
	}
}

// next is what to do after a round.
type next uint8

const (
	awaitTime next = iota // nothing more is due
	awaitRoom             // more may be due, of groups that have their share, or for want of hands
	lookAgain             // more may be due
)

// round claims as many due rows as there are free hands and starts their handlers. It tells how many.
func (d *DB) round(ctx context.Context, hands *crew) (claimed int, then next, err error) {
	free := hands.free()
	if free == 0 {
		return 0, awaitRoom, nil
	}
	full := hands.full()
	rows, err := d.due(ctx, hands.sweep, full, free)
	if err != nil {
		return 0, awaitTime, err
	}
	fair := hands.fair(rows)
	switch {
	case len(rows) == free:
		then = lookAgain
	case len(full) > 0 || len(fair) < len(rows):
		then = awaitRoom
	}
	fair, err = d.claim(ctx, hands.sweep, fair)
	for _, values := range fair {
		hands.start(values, func() { d.handle(ctx, hands.sweep, printKey(values[:hands.sweep.Table.Key])) })
	}
	return len(fair), then, err
}

// SweepOnce claims what is due, at most Limit rows, handles it and waits for that. It tells how many were claimed.
// An error of a handler is logged, not returned.
func (d *DB) SweepOnce(ctx context.Context, s Sweep) (int, error) {
	if err := s.check(); err != nil {
		return 0, err
	}
	hands := newCrew(s)
	claimed, _, err := d.round(ctx, hands)
	hands.running.Wait()
	return claimed, err
}

// handle runs a handler for as long as the lease lasts, also when the process is asked to stop meanwhile.
func (d *DB) handle(ctx context.Context, s Sweep, key []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Lease)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			d.logger.Error("sweep handler panicked", "sweep", s.Name, "key", key, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if err := s.Handle(ctx, key); err != nil {
		d.logger.Error("sweep handler failed, the row comes again after its lease", "sweep", s.Name, "key", key, "error", err)
	}
}

// due reads rows that are due and not of one of these groups, with their versions.
func (d *DB) due(ctx context.Context, s Sweep, without []any, limit int) ([][]any, error) {
	where, args := "due_at <= $1", []any{Micros(d.clock.Now()), int64(limit)}
	if len(without) > 0 {
		where += fmt.Sprintf(" AND %s NOT IN %s", s.Group, In(3, len(without)))
		args = append(args, without...)
	}
	rows, err := List(ctx, d, s.Table.scan, s.Table.Select()+" WHERE "+where+" ORDER BY due_at LIMIT $2", args...)
	if err != nil {
		return nil, fmt.Errorf("sweep %s: %w", s.Name, err)
	}
	return rows, nil
}

// claim takes due rows, each by a Change of its own. Those that another took first are left out.
func (d *DB) claim(ctx context.Context, s Sweep, rows [][]any) (claimed [][]any, err error) {
	now, due := d.clock.Now(), s.Table.column("due_at")
	lost := make([]error, len(rows))
	var commits sync.WaitGroup
	for i, values := range rows {
		read := values[len(values)-1].(int64)
		values = values[:len(values)-1]
		values[due] = Micros(now.Add(s.Lease))
		commits.Go(func() {
			lost[i] = d.Commit(ctx, NewChange(values[0].(string), s.Table.Update(read, values...)))
		})
	}
	commits.Wait()
	for i, values := range rows {
		if lost[i] == nil {
			claimed = append(claimed, values)
		} else if !fault.Is(lost[i], fault.Stale) {
			err = errors.Join(err, fmt.Errorf("sweep %s: claim: %w", s.Name, lost[i]))
		}
	}
	return claimed, err
}

// scan reads a row of Select as it would be written, with its version behind it.
func (t *Table) scan(row Scanner) ([]any, error) {
	kinds := t.kinds()
	dest := make([]any, len(kinds))
	for i, k := range kinds {
		switch k {
		case Text:
			dest[i] = new(*string)
		case Int:
			dest[i] = new(*int64)
		case Bytes:
			dest[i] = new([]byte)
		}
	}
	if err := row.Scan(dest...); err != nil {
		return nil, err
	}
	values := make([]any, len(kinds))
	for i, d := range dest {
		switch d := d.(type) {
		case **string:
			if *d != nil {
				values[i] = **d
			}
		case **int64:
			if *d != nil {
				values[i] = **d
			}
		case *[]byte:
			if *d != nil {
				values[i] = *d
			} else if !t.Columns[i].Null {
				values[i] = []byte{} // an engine may give nil for no bytes
			}
		}
	}
	return values, nil
}

func printKey(values []any) []string {
	key := make([]string, len(values))
	for i, v := range values {
		if s, is := v.(string); is {
			key[i] = s
		} else {
			key[i] = strings.TrimSpace(fmt.Sprint(v))
		}
	}
	return key
}
