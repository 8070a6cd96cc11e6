package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
)

// dueThings commits n things of a merchant that are due now.
func dueThings(t *testing.T, d *db.DB, merchant string, n int) {
	t.Helper()
	var all []*db.Change
	for i := range n {
		all = append(all, db.NewChange(merchant, thing{merchant: merchant, id: fmt.Sprintf("t%03d", i), due: noon}.insert()))
	}
	for _, err := range commits(t.Context(), d, all...) {
		must(t, err)
	}
}

// finish clears a thing's due_at, as a handler does that is done with it.
func finish(ctx context.Context, d *db.DB, key []string) error {
	x, err := db.Get(ctx, d, scanThing, things.Select()+" WHERE merchant_id = $1 AND id = $2", key[0], key[1])
	if err != nil {
		return err
	}
	x.due, x.amount = time.Time{}, x.amount+1
	return d.Commit(ctx, db.NewChange(x.merchant, x.update()))
}

// sweepOf looks once an hour only: in a test, something else must make it look.
func sweepOf(handle func(context.Context, []string) error) db.Sweep {
	return db.Sweep{Name: "things", Table: things, Lease: time.Minute, Every: time.Hour, Limit: 16, Handle: handle}
}

func TestADueRowIsClaimedByOneOfSeveralProcesses(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			o := db.Options{Clock: clock.NewManual(noon)}
			workers := []*db.DB{dbtest.Open(t, url, o, schema), dbtest.Open(t, url, o, schema), dbtest.Open(t, url, o, schema)}
			dueThings(t, workers[0], "m", 40)
			var all sync.WaitGroup
			for _, d := range workers {
				all.Go(func() {
					for {
						n, err := d.SweepOnce(t.Context(), sweepOf(func(ctx context.Context, key []string) error { return finish(ctx, d, key) }))
						if err != nil {
							t.Error(err)
						}
						if n == 0 && leftDue(t, d) == 0 {
							return
						}
					}
				})
			}
			all.Wait()
			n, err := db.Get(t.Context(), workers[0], scanInt, "SELECT count(*) FROM thing WHERE amount = 1")
			if err != nil || n != 40 {
				t.Errorf("%d of 40 were handled once, %v", n, err)
			}
		})
	}
}

func leftDue(t testing.TB, d *db.DB) int64 {
	n, err := db.Get(t.Context(), d, scanInt, "SELECT count(*) FROM thing WHERE due_at <= $1", db.Micros(noon))
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestWhatAWorkerDidNotFinishComesAgainAfterItsLease(t *testing.T) {
	now := clock.NewManual(noon)
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		dueThings(t, d, "m", 1)
		for _, fails := range []func(context.Context, []string) error{
			func(context.Context, []string) error { return errors.New("no") },
			func(context.Context, []string) error { panic("oh") },
			func(context.Context, []string) error { return nil }, // it forgot to clear due_at
		} {
			if n, err := d.SweepOnce(t.Context(), sweepOf(fails)); n != 1 || err != nil {
				t.Fatalf("%d claimed, %v", n, err)
			}
			now.Advance(time.Minute - time.Microsecond)
			if n, err := d.SweepOnce(t.Context(), sweepOf(fails)); n != 0 || err != nil {
				t.Errorf("within the lease %d were claimed, %v", n, err)
			}
			now.Advance(time.Microsecond)
		}
		if n, err := d.SweepOnce(t.Context(), sweepOf(func(ctx context.Context, key []string) error { return finish(ctx, d, key) })); n != 1 || err != nil {
			t.Errorf("%d claimed, %v", n, err)
		}
		now.Advance(time.Hour)
		if n, err := d.SweepOnce(t.Context(), sweepOf(func(context.Context, []string) error { return nil })); n != 0 || err != nil {
			t.Errorf("after all was done %d were claimed, %v", n, err)
		}
	}, schema)
}

// running starts a sweep and stops it when the test ends.
func running(t *testing.T, d *db.DB, s db.Sweep) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Sweep(ctx, s) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func TestASweepLooksWhenItIsWoken(t *testing.T) {
	dbtest.EachWith(t, db.Options{Clock: clock.NewManual(noon)}, func(t *testing.T, d *db.DB) {
		handled := make(chan string)
		running(t, d, sweepOf(func(ctx context.Context, key []string) error {
			handled <- key[1]
			return finish(ctx, d, key)
		}))
		for i := range 3 {
			id := fmt.Sprint(i)
			must(t, d.Commit(t.Context(), db.NewChange("m", thing{merchant: "m", id: id, due: noon}.insert())))
			d.Wake("something else")
			d.Wake("things")
			if got := <-handled; got != id {
				t.Errorf("handled %s, want %s", got, id)
			}
		}
	}, schema)
}

func TestASweepGoesOnAsLongAsThereIsMore(t *testing.T) {
	dbtest.EachWith(t, db.Options{Clock: clock.NewManual(noon)}, func(t *testing.T, d *db.DB) {
		dueThings(t, d, "m", 100)
		handled := make(chan struct{}, 100)
		var busy, most atomic.Int64
		running(t, d, sweepOf(func(ctx context.Context, key []string) error {
			for now := busy.Add(1); now > most.Load(); {
				most.Store(now)
			}
			defer busy.Add(-1)
			defer func() { handled <- struct{}{} }()
			return finish(ctx, d, key)
		}))
		for range 100 {
			<-handled
		}
		if n := most.Load(); n > 16 {
			t.Errorf("%d were handled at once", n)
		}
	}, schema)
}

func TestStoppingASweepWaitsForItsHandlers(t *testing.T) {
	dbtest.EachWith(t, db.Options{Clock: clock.NewManual(noon)}, func(t *testing.T, d *db.DB) {
		dueThings(t, d, "m", 3)
		begun, release := make(chan struct{}, 3), make(chan struct{})
		var finished atomic.Int64
		stop := running(t, d, sweepOf(func(ctx context.Context, key []string) error {
			begun <- struct{}{}
			<-release
			defer finished.Add(1)
			return finish(ctx, d, key) // its context outlives the sweep's
		}))
		for range 3 {
			<-begun
		}
		stopped := make(chan struct{})
		go func() { stop(); close(stopped) }()
		select {
		case <-stopped:
			t.Error("stopped while handlers ran")
		default:
		}
		close(release)
		<-stopped
		if n := finished.Load(); n != 3 || leftDue(t, d) != 0 {
			t.Errorf("%d of 3 handlers had returned", n)
		}
	}, schema)
}

func TestAGroupThatHangsLeavesRoomForTheOthers(t *testing.T) {
	dbtest.EachWith(t, db.Options{Clock: clock.NewManual(noon)}, func(t *testing.T, d *db.DB) {
		dueThings(t, d, "hangs", 40) // first in the queue, and more than there are hands
		dueThings(t, d, "quick", 10)
		release, quick, late := make(chan struct{}), make(chan struct{}, 10), make(chan struct{}, 40)
		var hanging, most atomic.Int64
		s := sweepOf(func(ctx context.Context, key []string) error {
			if key[0] == "quick" {
				defer func() { quick <- struct{}{} }()
				return finish(ctx, d, key)
			}
			for now := hanging.Add(1); now > most.Load(); {
				most.Store(now)
			}
			<-release
			hanging.Add(-1)
			defer func() { late <- struct{}{} }()
			return finish(ctx, d, key)
		})
		s.Limit, s.Group, s.Share = 8, "merchant_id", 4
		running(t, d, s)
		for range 10 {
			<-quick
		}
		if n := hanging.Load(); n > 4 {
			t.Errorf("%d of a group are handled at once", n)
		}
		close(release)
		for range 40 { // whoever leaves lets the next one of his group in, without waiting for the next turn
			<-late
		}
		if n := most.Load(); n > 4 {
			t.Errorf("%d of a group were handled at once", n)
		}
	}, schema)
}

func TestASweepThatCannotWorkIsRefused(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t), db.Options{}, schema)
	handle := func(context.Context, []string) error { return nil }
	for name, change := range map[string]func(*db.Sweep){
		"no due_at":        func(s *db.Sweep) { s.Table = entries },
		"no handler":       func(s *db.Sweep) { s.Handle = nil },
		"no lease":         func(s *db.Sweep) { s.Lease = 0 },
		"no such group":    func(s *db.Sweep) { s.Group, s.Share = "none", 1 },
		"a group of none":  func(s *db.Sweep) { s.Group, s.Share = "slot", 1 },
		"a group's no one": func(s *db.Sweep) { s.Group = "merchant_id" },
	} {
		s := sweepOf(handle)
		change(&s)
		if err := d.Sweep(t.Context(), s); err == nil {
			t.Errorf("%s: it runs", name)
		}
	}
}
