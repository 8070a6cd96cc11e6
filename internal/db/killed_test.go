package db_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/db/pgprivate"
	"github.com/florinpay/florin/internal/fault"
)

// Florin's backends in this database that are in the midst of something: waiting for a lock, for a standby, or for COMMIT.
const (
	backends     = "FROM pg_stat_activity WHERE application_name = 'florin' AND datname = current_database() AND "
	atALock      = backends + "wait_event_type = 'Lock'"
	beforeCommit = backends + "state = 'idle in transaction'"
	inCommit     = backends + "wait_event = 'SyncRep'"
)

func awaitBackend(t *testing.T, admin *pgx.Conn, which string) {
	t.Helper()
	await(t, func() bool {
		var n int
		must(t, admin.QueryRow(context.Background(), "SELECT count(*) "+which).Scan(&n))
		return n > 0
	})
}

func kill(t *testing.T, admin *pgx.Conn, which string) {
	t.Helper()
	var n int
	must(t, admin.QueryRow(context.Background(), "SELECT count(pg_terminate_backend(pid)) "+which).Scan(&n))
	if n != 1 {
		t.Errorf("%d backends killed", n)
	}
}

// crowd is a batch of winners and losers around the Changes that are given.
func crowd(more ...*db.Change) []*db.Change {
	stale := thing{merchant: "m", id: "old", version: 9}
	taken := thing{merchant: "m", id: "old", version: 1}
	all := []*db.Change{db.NewChange("m", stale.update()), db.NewChange("m", taken.insert())}
	for i := range 20 {
		all = append(all, insertOne(fmt.Sprintf("win%02d", i)))
	}
	return append(all, more...)
}

// crowdIsRight checks that the losers of a crowd got their own errors, and that everybody else landed, once.
func crowdIsRight(t *testing.T, d *db.DB, got []error) {
	t.Helper()
	isConflict(t, got[0], fault.Stale, "thing")
	isConflict(t, got[1], fault.Exists, "thing")
	for i, err := range got[2:] {
		if err != nil {
			t.Errorf("neighbour %d: %v", i, err)
		}
	}
	if n := count(t, d, notes); n != 20 {
		t.Errorf("%d of 20 neighbours landed", n)
	}
}

// crowded opens a database for a crowd.
func crowded(t *testing.T, url string) *db.DB {
	t.Helper()
	d := dbtest.Open(t, url, oneWriter, schema)
	must(t, d.Commit(t.Context(), db.NewChange("m", thing{merchant: "m", id: "old"}.insert(), thing{merchant: "m", id: "held"}.insert())))
	return d
}

var held = thing{merchant: "m", id: "held", version: 1}

func TestAConnectionKilledAmidABatchHurtsNobody(t *testing.T) {
	url := dbtest.Postgres(t)
	d, admin, other := crowded(t, url), connect(t, url), connect(t, url)
	exec(t, other, "BEGIN")
	exec(t, other, "SELECT 1 FROM thing WHERE id = 'held' FOR UPDATE")
	answers := make(chan []error, 1)
	go func() { answers <- together(t, d, crowd(db.NewChange("m", held.update()))...) }()
	awaitBackend(t, admin, atALock)
	kill(t, admin, atALock)
	exec(t, other, "ROLLBACK")
	crowdIsRight(t, d, <-answers)
}

func TestAConnectionKilledBeforeCommitHurtsNobody(t *testing.T) {
	url := dbtest.Postgres(t)
	d, admin := crowded(t, url), connect(t, url)
	crowdIsRight(t, d, togetherAt(t, d, func(n int64) error {
		if n == 1 {
			kill(t, admin, beforeCommit)
		}
		return nil
	}, crowd()...))
}

// A server that waits for its standby at COMMIT, and is told to end the session, has committed: only the answer is lost.
func TestAConnectionKilledDuringCommitHurtsNobody(t *testing.T) {
	url, stop, err := pgprivate.StartTemporary(t.Context())
	if err != nil {
		t.Skipf("no PostgreSQL: %v", err)
	}
	t.Cleanup(func() { must(t, stop()) })
	d, admin, probe := crowded(t, url), connect(t, url), connect(t, url)
	exec(t, admin, "SET synchronous_commit = local") // the administrator does not wait
	answers := make(chan []error, 1)
	go func() {
		answers <- togetherAt(t, d, func(n int64) error {
			if n == 1 {
				exec(t, admin, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
				exec(t, admin, "SELECT pg_reload_conf()")
				awaitStandby(t, admin, probe)
			}
			return nil
		}, crowd()...)
	}()
	watcher := connect(t, url)
	awaitBackend(t, watcher, inCommit)
	exec(t, watcher, "SET synchronous_commit = local")
	exec(t, watcher, "ALTER SYSTEM RESET synchronous_standby_names")
	kill(t, watcher, inCommit)
	exec(t, watcher, "SELECT pg_reload_conf()")
	crowdIsRight(t, d, <-answers)
}

// awaitStandby waits until a COMMIT waits for the standby: the server's checkpointer sees to that in its own time, whatever a session reads of
// the setting. The probe is one that waits.
func awaitStandby(t *testing.T, admin, probe *pgx.Conn) {
	t.Helper()
	probed := make(chan error, 1)
	commit := func() {
		_, err := probe.Exec(context.Background(), "SELECT pg_logical_emit_message(true, 'probe', 'is a standby waited for?')")
		probed <- err
	}
	go commit()
	await(t, func() bool {
		select {
		case err := <-probed:
			must(t, err)
			go commit() // it did not wait
		default:
		}
		var n int
		must(t, admin.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'", probe.PgConn().PID()).Scan(&n))
		return n > 0
	})
	exec(t, admin, fmt.Sprintf("SELECT pg_cancel_backend(%d)", probe.PgConn().PID()))
	must(t, <-probed) // it is told by a warning
}

// The connection died while the server was at COMMIT, and Florin looks before the server is done.
func TestACommitStillUnderWayIsNotTakenForAnothersRow(t *testing.T) {
	url := dbtest.Postgres(t)
	d, admin, server := crowded(t, url), connect(t, url), connect(t, url)
	answers := make(chan []error, 1)
	go func() {
		answers <- togetherAt(t, d, func(n int64) error {
			if n == 1 {
				kill(t, server, beforeCommit)
				exec(t, server, "BEGIN")
				exec(t, server, "INSERT INTO entry (merchant_id, id, amount) VALUES ('m', 'slow', 1)")
				return errDead
			}
			return nil
		}, crowd(db.NewChange("m", entries.Insert("m", "slow", int64(1))))...)
	}()
	awaitBackend(t, admin, atALock)
	exec(t, server, "COMMIT")
	crowdIsRight(t, d, <-answers)
}

func TestARowHeldBySomebodyElseFailsItsOwnChangeOnly(t *testing.T) {
	url := dbtest.Postgres(t)
	d, other := crowded(t, url), connect(t, url)
	exec(t, other, "BEGIN")
	exec(t, other, "SELECT 1 FROM thing WHERE id = 'held' FOR UPDATE")
	got := together(t, d, crowd(db.NewChange("m", held.update()))...)
	if err := got[len(got)-1]; !fault.Is(err, fault.Unavailable) {
		t.Errorf("told %v", err)
	}
	crowdIsRight(t, d, got[:len(got)-1])
	exec(t, other, "ROLLBACK")
	must(t, d.Commit(t.Context(), db.NewChange("m", held.update())))
}

func TestADeadlockWithAnotherProcessIsResolved(t *testing.T) {
	url := dbtest.Postgres(t)
	d, admin, other := crowded(t, url), connect(t, url), connect(t, url)
	old := thing{merchant: "m", id: "old", version: 1}
	exec(t, other, "SET deadlock_timeout = '10s'") // Florin shall be the one that gives way
	exec(t, other, "BEGIN")
	exec(t, other, "SELECT 1 FROM thing WHERE id = 'old' FOR UPDATE")
	answers := make(chan []error, 1)
	go func() {
		answers <- together(t, d, db.NewChange("m", old.update()), db.NewChange("m", held.update()), insertOne("a"))
	}()
	awaitBackend(t, admin, atALock)
	exec(t, other, "SELECT 1 FROM thing WHERE id = 'held' FOR UPDATE")
	exec(t, other, "ROLLBACK")
	for _, err := range <-answers {
		if err != nil {
			t.Error(err)
		}
	}
}

// Whichever writer found the server first: what Ready says holds for all of them.
func TestServiceResumesWhenTheServerIsBack(t *testing.T) {
	dir, err := os.MkdirTemp("", "florin-test-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	url, stop, err := pgprivate.Start(t.Context(), dir)
	if err != nil {
		t.Skipf("no PostgreSQL: %v", err)
	}
	d := dbtest.Open(t, url, db.Options{}, schema)
	must(t, d.Commit(t.Context(), insertOne("before")))
	must(t, stop())
	var changes []*db.Change
	for i := range 40 {
		changes = append(changes, insertOne(fmt.Sprintf("while %d", i)))
	}
	for _, err := range commits(t.Context(), d, changes...) {
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("told %v", err)
		}
	}
	if err := d.Ready(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("ready: %v", err)
	}
	_, stop, err = pgprivate.Start(t.Context(), dir)
	must(t, err)
	t.Cleanup(func() { must(t, stop()) })
	await(t, func() bool { return d.Ready(t.Context()) == nil })
	changes = nil
	for i := range 40 {
		changes = append(changes, insertOne(fmt.Sprintf("after %d", i)))
	}
	for _, err := range commits(t.Context(), d, changes...) {
		must(t, err)
	}
	if n := count(t, d, things); n != 1+40 {
		t.Errorf("%d things", n)
	}
}
