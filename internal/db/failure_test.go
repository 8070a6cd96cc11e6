package db_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
)

// errDead is what a writer hears from a connection that died, on either engine.
var errDead = driver.ErrBadConn

// togetherAt commits Changes in one batch; commit is asked at each COMMIT after the holder's, counted from 1, and answers
// in its place if it gives an error.
func togetherAt(t *testing.T, d *db.DB, commit func(n int64) error, changes ...*db.Change) []error {
	t.Helper()
	free := hold(t, d)
	answers := make(chan []error, 1)
	go func() { answers <- commits(t.Context(), d, changes...) }()
	d.AwaitWaiting(t, len(changes))
	var asked atomic.Int64
	d.SetHooks(&db.Hooks{Commit: func() error {
		if n := asked.Add(1); n > 1 {
			return commit(n - 1)
		}
		return nil
	}})
	free()
	return <-answers
}

// loseAnswer lets the first COMMIT happen and loses its answer; then is called before the writer hears of that.
func loseAnswer(then func()) func(error) error {
	var asked atomic.Bool
	return func(err error) error {
		if asked.Swap(true) {
			return err
		}
		if then != nil {
			then()
		}
		return errDead
	}
}

func TestACommitWhoseAnswerWasLostIsNotRepeated(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		old := thing{merchant: "m", id: "old", version: 1}
		must(t, d.Commit(t.Context(), db.NewChange("m", old.insert())))
		moved := old
		moved.amount = 5
		d.SetHooks(&db.Hooks{Answered: loseAnswer(nil)})
		for i, err := range commits(t.Context(), d,
			insertOne("new"),
			db.NewChange("m", moved.update()),
			db.NewChange("n", entries.Insert("n", "e", int64(1)))) {
			if err != nil {
				t.Errorf("change %d: %v", i, err)
			}
		}
		if got := getThing(t, d, "m", "old"); got.version != 2 || got.amount != 5 {
			t.Errorf("the update landed as %+v", got)
		}
		if a, b, c := count(t, d, things), count(t, d, notes), count(t, d, entries); a != 2 || b != 1 || c != 1 {
			t.Errorf("%d things, %d notes, %d entries", a, b, c)
		}
	}, schema)
}

func TestACommitThatDidNotHappenIsWrittenAgain(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		old := thing{merchant: "m", id: "old", version: 1}
		must(t, d.Commit(t.Context(), db.NewChange("m", old.insert())))
		stale := thing{merchant: "m", id: "old", version: 9}
		dies := func(n int64) error {
			if n == 1 {
				return errDead
			}
			return nil
		}
		got := togetherAt(t, d, dies, insertOne("a"), db.NewChange("m", stale.update()), insertOne("b"), db.NewChange("m", old.insert()))
		if got[0] != nil || got[2] != nil {
			t.Errorf("neighbours: %v, %v", got[0], got[2])
		}
		isConflict(t, got[1], fault.Stale, "thing")
		isConflict(t, got[3], fault.Exists, "thing")
		if a, b := count(t, d, things), count(t, d, notes); a != 3 || b != 2 {
			t.Errorf("%d things, %d notes", a, b)
		}
	}, schema)
}

// Only rows of its own tell a Change that it landed. One that updated a row which has moved on since cannot know.
func TestAnUpdateOvertakenAfterALostAnswerIsUnknown(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			d, other := dbtest.Open(t, url, oneWriter, schema), dbtest.Open(t, url, oneWriter, schema)
			x := thing{merchant: "m", id: "x", version: 1}
			must(t, d.Commit(t.Context(), db.NewChange("m", x.insert())))
			overtake := func() {
				x := x
				x.version = 2
				must(t, other.Commit(context.Background(), db.NewChange("m", x.update())))
			}
			d.SetHooks(&db.Hooks{Answered: loseAnswer(overtake)})
			err := d.Commit(t.Context(), db.NewChange("m", x.update()))
			if !errors.Is(err, db.ErrOutcomeUnknown) || !fault.Is(err, fault.Unavailable) {
				t.Errorf("told %v", err)
			}
			// With a row of its own, it knows.
			x.version = 3
			d.SetHooks(&db.Hooks{Answered: loseAnswer(func() {
				x := x
				x.version = 4
				must(t, other.Commit(context.Background(), db.NewChange("m", x.update())))
			})})
			must(t, d.Commit(t.Context(), db.NewChange("m", x.update(), entries.Insert("m", "own", int64(1)))))
			if got := getThing(t, d, "m", "x"); got.version != 5 || count(t, d, entries) != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestALostAnswerFromADatabaseThatStaysAwayIsUnknown(t *testing.T) {
	d := dbtest.Open(t, dbtest.Postgres(t), oneWriter, schema)
	var asked atomic.Int64
	full := &pgconn.PgError{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "53100", Message: "no space left"}
	d.SetHooks(&db.Hooks{Commit: func() error {
		if asked.Add(1) == 1 {
			return errDead
		}
		return full
	}})
	if err := d.Commit(t.Context(), insertOne("a")); !errors.Is(err, db.ErrOutcomeUnknown) {
		t.Errorf("told %v: the first COMMIT may have landed after it was looked for", err)
	}
	if err := d.Commit(t.Context(), insertOne("b")); errors.Is(err, db.ErrOutcomeUnknown) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("told %v", err)
	}
}

func TestAfterADeadlockTheSameIsWrittenAgain(t *testing.T) {
	d := dbtest.Open(t, dbtest.Postgres(t), oneWriter, schema)
	again := &pgconn.PgError{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "40001", Message: "could not serialize"}
	for name, failures := range map[string]int64{"at once": 2, "one by one": 7} {
		t.Run(name, func(t *testing.T) {
			var changes []*db.Change
			for i := range 5 {
				changes = append(changes, insertOne(fmt.Sprintf("%s %d", name, i)))
			}
			fails := func(n int64) error {
				if n <= failures {
					return again
				}
				return nil
			}
			for _, err := range togetherAt(t, d, fails, changes...) {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	if n := count(t, d, notes); n != 10 {
		t.Errorf("%d landed", n)
	}
	d.SetHooks(&db.Hooks{Commit: func() error { return again }})
	if err := d.Commit(t.Context(), insertOne("never")); !fault.Is(err, fault.Unavailable) || errors.Is(err, db.ErrOutcomeUnknown) {
		t.Errorf("told %v", err)
	}
}

func TestNothingIsHalfWrittenWhenTheDiskIsFull(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t), oneWriter, schema)
	large := func(id string) *db.Change {
		return db.NewChange("m", entries.Insert("m", id, int64(1)), thing{merchant: "m", id: id, body: make([]byte, 1<<20)}.insert())
	}
	must(t, d.OnWriter(t.Context(), "PRAGMA max_page_count(1)")) // that is, what it has
	for _, err := range together(t, d, large("a"), large("b"), large("c")) {
		if !fault.Is(err, fault.Unavailable) || errors.Is(err, db.ErrOutcomeUnknown) {
			t.Errorf("told %v", err)
		}
	}
	if err := d.Ready(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("ready: %v", err)
	}
	if n := count(t, d, things); n != 0 {
		t.Errorf("%d things landed", n)
	}
	must(t, d.OnWriter(t.Context(), "PRAGMA max_page_count(1000000)"))
	for _, err := range together(t, d, large("a"), large("b")) {
		if err != nil {
			t.Error(err)
		}
	}
	must(t, d.Ready(t.Context()))
}

func TestAReadOnlyDatabaseIsSaidSoAndLeftByItself(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			d := dbtest.Open(t, url, oneWriter, schema)
			freeze, thaw := readOnly(t, d, url)
			freeze()
			for _, err := range commits(t.Context(), d, insertOne("a"), insertOne("b")) {
				if !fault.Is(err, fault.Unavailable) {
					t.Errorf("told %v", err)
				}
			}
			if err := d.Ready(t.Context()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("ready: %v", err)
			}
			thaw()
			must(t, d.Commit(t.Context(), insertOne("c")))
			must(t, d.Ready(t.Context()))
			if n := count(t, d, things); n != 1 {
				t.Errorf("%d things", n)
			}
		})
	}
}

// readOnly makes a database refuse writes, and take them again.
func readOnly(t *testing.T, d *db.DB, url string) (freeze, thaw func()) {
	if strings.HasPrefix(url, "sqlite:") {
		return func() { must(t, d.OnWriter(t.Context(), "PRAGMA query_only(1)")) },
			func() { must(t, d.OnWriter(t.Context(), "PRAGMA query_only(0)")) }
	}
	admin := connect(t, url)
	set := func(value string) func() {
		return func() {
			exec(t, admin, "ALTER DATABASE "+admin.Config().Database+" SET default_transaction_read_only = "+value)
		}
	}
	exec(t, admin, "SET default_transaction_read_only = off")
	return func() {
		set("on")()
		exec(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'florin' AND datname = current_database()")
	}, set("off")
}

// connect opens a connection beside Florin's.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
