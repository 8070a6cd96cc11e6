package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
)

// oneWriter makes batches foreseeable.
var oneWriter = db.Options{Writers: 1}

// together commits Changes in one batch and returns their outcomes in order.
func together(t *testing.T, d *db.DB, changes ...*db.Change) []error {
	t.Helper()
	free := hold(t, d)
	answers := make(chan []error, 1)
	go func() { answers <- commits(t.Context(), d, changes...) }()
	d.AwaitWaiting(t, len(changes))
	free()
	return <-answers
}

// hold occupies the only writer with a Change of its own until free is called.
func hold(t *testing.T, d *db.DB) (free func()) {
	t.Helper()
	taken, gate := make(chan struct{}, 1), make(chan struct{})
	first := true
	d.SetHooks(&db.Hooks{Taken: func([]string) {
		if first {
			first = false
			taken <- struct{}{}
			<-gate
		}
	}})
	held := make(chan error, 1)
	holds++
	id := fmt.Sprintf("hold_%d", holds)
	go func() {
		held <- d.Commit(context.Background(), db.NewChange("holder", entries.Insert("holder", id, int64(0))))
	}()
	<-taken
	return func() {
		close(gate)
		if err := <-held; err != nil {
			t.Error(err)
		}
	}
}

var holds int

func insertOne(id string) *db.Change {
	return db.NewChange("m", thing{merchant: "m", id: id, amount: 1}.insert(), note("m", id, 1))
}

func TestOneRefusedRowInAFullBatchHurtsNoNeighbour(t *testing.T) {
	bad := map[string]func(id string) *db.Change{
		"check": func(id string) *db.Change {
			return db.NewChange("m", thing{merchant: "m", id: id, amount: -1}.insert())
		},
		"foreign key": func(id string) *db.Change { return db.NewChange("m", note("m", "nothing", 1)) },
	}
	for name, make := range bad {
		t.Run(name, func(t *testing.T) {
			dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
				var changes []*db.Change
				for i := range 64 {
					changes = append(changes, insertOne(fmt.Sprintf("t%02d", i)))
				}
				changes[37] = make("t37")
				for i, err := range together(t, d, changes...) {
					if i == 37 && (err == nil || fault.Of(err) != fault.Internal) {
						t.Errorf("the culprit was told %v", err)
					} else if i != 37 && err != nil {
						t.Errorf("neighbour %d: %v", i, err)
					}
				}
				if n := count(t, d, things); n != 63 {
					t.Errorf("%d things landed", n)
				}
			}, schema)
		})
	}
}

func TestLosersInABatchAreToldAndWinnersLand(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		old := thing{merchant: "m", id: "old", slot: "taken", version: 1}
		must(t, d.Commit(t.Context(), db.NewChange("m", old.insert())))
		stale := old
		stale.version = 7
		mover := thing{merchant: "m", id: "mover", version: 1}
		must(t, d.Commit(t.Context(), db.NewChange("m", mover.insert())))
		mover.slot = "taken"
		changes := []*db.Change{
			db.NewChange("m", stale.update(), entries.Insert("m", "lost1", int64(1))),
			db.NewChange("m", thing{merchant: "m", id: "new", slot: "taken"}.insert(), entries.Insert("m", "lost2", int64(1))),
			db.NewChange("m", mover.update(), entries.Insert("m", "lost3", int64(1))),
		}
		for i := range 60 {
			changes = append(changes, insertOne(fmt.Sprintf("win%02d", i)))
		}
		got := together(t, d, changes...)
		isConflict(t, got[0], fault.Stale, "thing")
		isConflict(t, got[1], fault.Exists, "thing")
		isConflict(t, got[2], fault.Exists, "thing")
		for i, err := range got[3:] {
			if err != nil {
				t.Errorf("winner %d: %v", i, err)
			}
		}
		if n := count(t, d, notes); n != 60 {
			t.Errorf("%d winners landed", n)
		}
		if n := count(t, d, entries); n != 1 { // the holder's
			t.Errorf("%d entries", n)
		}
	}, schema)
}

func TestAFloodOfLosersLeavesTheWinnersAlone(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		var changes []*db.Change
		for i := range 32 {
			x := thing{merchant: "m", id: fmt.Sprintf("dup%02d", i), version: 1}
			must(t, d.Commit(t.Context(), db.NewChange("m", x.insert())))
			changes = append(changes, db.NewChange("m", x.insert(), entries.Insert("m", "of_"+x.id, int64(1))),
				insertOne(fmt.Sprintf("win%02d", i)))
		}
		for i, err := range together(t, d, changes...) {
			if i%2 == 0 {
				isConflict(t, err, fault.Exists, "thing")
			} else if err != nil {
				t.Errorf("winner: %v", err)
			}
		}
		if n := count(t, d, things); n != 64 {
			t.Errorf("%d things", n)
		}
	}, schema)
}

func TestNobodyLosesAgainstALoser(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		stale := thing{merchant: "m", id: "gone", version: 3}
		got := together(t, d,
			db.NewChange("m", stale.update(), thing{merchant: "m", id: "a", slot: "s"}.insert()),
			db.NewChange("m", thing{merchant: "m", id: "b", slot: "s"}.insert()))
		isConflict(t, got[0], fault.Stale, "thing")
		if got[1] != nil {
			t.Errorf("lost against a row that never landed: %v", got[1])
		}
		// Each of two takes a slot that the other wants.
		got = together(t, d,
			db.NewChange("m", thing{merchant: "m", id: "c1", slot: "p"}.insert(), thing{merchant: "m", id: "c4", slot: "q"}.insert()),
			db.NewChange("m", thing{merchant: "m", id: "c2", slot: "q"}.insert(), thing{merchant: "m", id: "c3", slot: "p"}.insert()))
		if (got[0] == nil) == (got[1] == nil) {
			t.Errorf("of two rivals one must win: %v", got)
		}
	}, schema)
}

// Two Changes of one batch want the same slot under different keys. Who is told that it exists can read it.
func TestARowThatIsSaidToExistCanBeRead(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		free := hold(t, d)
		lost := make(chan int64, 2)
		for _, id := range []string{"first", "second"} {
			go func() {
				err := d.Commit(context.Background(), db.NewChange("m", thing{merchant: "m", id: id, slot: "s"}.insert()))
				if err == nil {
					return
				}
				isConflict(t, err, fault.Exists, "thing")
				lost <- count(t, d, things)
			}()
		}
		d.AwaitWaiting(t, 2)
		free()
		if n := <-lost; n != 1 {
			t.Errorf("the loser finds %d rows", n)
		}
	}, schema)
}

func TestASlotIsFreedBeforeItIsTakenInOneBatch(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		x := thing{merchant: "m", id: "z", slot: "s", version: 1}
		must(t, d.Commit(t.Context(), db.NewChange("m", x.insert())))
		x.slot = ""
		must(t, d.Commit(t.Context(), db.NewChange("m", thing{merchant: "m", id: "a", slot: "s"}.insert(), x.update())))
	}, schema)
}

func TestChangesOfOneKeyNeverShareABatch(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		x := thing{merchant: "m", id: "hot", version: 1}
		must(t, d.Commit(t.Context(), db.NewChange("m", x.insert())))
		var changes []*db.Change
		for i := range 40 {
			x.amount = int64(i)
			changes = append(changes, db.NewChange("m", x.update(), entries.Insert("m", fmt.Sprint(i), int64(i))))
		}
		won := 0
		for _, err := range together(t, d, changes...) {
			if err == nil {
				won++
			} else {
				isConflict(t, err, fault.Stale, "thing")
			}
		}
		if got := getThing(t, d, "m", "hot"); won != 1 || got.version != 2 || count(t, d, entries) != 2 {
			t.Errorf("%d won, version %d", won, got.version)
		}
	}, schema)
}

func TestACallerThatGivesUpWithdrawsOrLearnsTheOutcome(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		free := hold(t, d)
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error, 1)
		go func() { gaveUp <- d.Commit(ctx, insertOne("withdrawn")) }()
		d.AwaitWaiting(t, 1)
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("withdrawn: %v", err)
		}
		free()

		taken, gate := make(chan struct{}), make(chan struct{})
		d.SetHooks(&db.Hooks{Taken: func([]string) { close(taken); <-gate }})
		ctx, cancel = context.WithCancel(t.Context())
		go func() { gaveUp <- d.Commit(ctx, insertOne("stands")) }()
		<-taken
		cancel()
		d.SetHooks(nil)
		close(gate)
		if err := <-gaveUp; err != nil {
			t.Errorf("taken before its caller gave up: %v", err)
		}
		getThing(t, d, "m", "stands")
		if err := d.Commit(ctx, insertOne("late")); !errors.Is(err, context.Canceled) {
			t.Errorf("given up before it began: %v", err)
		}
		if n := count(t, d, things); n != 1 {
			t.Errorf("%d things", n)
		}
	}, schema)
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	dbtest.EachWith(t, db.Options{Writers: 1, Queue: 3}, func(t *testing.T, d *db.DB) {
		free := hold(t, d)
		done := make(chan error, 3)
		for i := range 3 {
			go func() { done <- d.Commit(t.Context(), insertOne(fmt.Sprint(i))) }()
		}
		d.AwaitWaiting(t, 3)
		var f *fault.Error
		if err := d.Commit(t.Context(), insertOne("more")); !errors.As(err, &f) || f.Kind != fault.Unavailable || f.RetryAfter <= 0 {
			t.Errorf("over the bound: %v", err)
		}
		free()
		for range 3 {
			must(t, <-done)
		}
	}, schema)
}

func TestAFloodOfOneMerchantDoesNotStarveAnother(t *testing.T) {
	dbtest.EachWith(t, db.Options{Writers: 1, Batch: 8}, func(t *testing.T, d *db.DB) {
		free := hold(t, d)
		done := make(chan error, 201)
		for i := range 200 {
			go func() { done <- d.Commit(t.Context(), insertOne(fmt.Sprint(i))) }()
		}
		d.AwaitWaiting(t, 200)
		go func() { done <- d.Commit(t.Context(), db.NewChange("small", entries.Insert("small", "e", int64(1)))) }()
		d.AwaitWaiting(t, 201)
		var batches [][]string
		seen := make(chan []string, 300)
		d.SetHooks(&db.Hooks{Taken: func(merchants []string) { seen <- merchants }})
		free()
		for range 201 {
			must(t, <-done)
		}
		close(seen)
		for b := range seen {
			batches = append(batches, b)
		}
		if at := slices.IndexFunc(batches, func(b []string) bool { return slices.Contains(b, "small") }); at != 0 {
			t.Errorf("the small merchant came in batch %d of %d", at, len(batches))
		}
	}, schema)
}

func TestClosingWritesWhatWaits(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			d, err := db.Open(t.Context(), url, oneWriter, schema)
			must(t, err)
			must(t, d.Migrate(t.Context()))
			free := hold(t, d)
			done := make(chan error, 150)
			for i := range 150 {
				go func() { done <- d.Commit(t.Context(), insertOne(fmt.Sprint(i))) }()
			}
			d.AwaitWaiting(t, 150)
			closed := make(chan error, 1)
			go func() { closed <- d.Close() }()
			d.AwaitClosed(t)
			if err := d.Commit(t.Context(), insertOne("late")); !fault.Is(err, fault.Unavailable) {
				t.Errorf("while it closes: %v", err)
			}
			free()
			for range 150 {
				must(t, <-done)
			}
			must(t, <-closed)
			again := dbtest.Open(t, url, oneWriter, schema)
			if n := count(t, again, things); n != 150 {
				t.Errorf("%d things landed", n)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await polls until it is so.
func await(t testing.TB, so func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not come to pass")
		}
	}
}

func TestJobsDoNotBreakUpBatches(t *testing.T) {
	dbtest.EachWith(t, db.Options{Writers: 1, Batch: 10}, func(t *testing.T, d *db.DB) {
		free := hold(t, d)
		done := make(chan error, 105)
		for i := range 100 {
			go func() { done <- d.Commit(t.Context(), insertOne(fmt.Sprint(i))) }()
		}
		for range 5 {
			go func() { done <- d.OnWriter(t.Context(), "SELECT 1") }()
		}
		d.AwaitWaiting(t, 105)
		seen := make(chan []string, 105)
		d.SetHooks(&db.Hooks{Taken: func(merchants []string) { seen <- merchants }})
		free()
		for range 105 {
			must(t, <-done)
		}
		close(seen)
		for b := range seen {
			if len(b) != 10 {
				t.Errorf("a batch of %d", len(b))
			}
		}
	}, schema)
}
