package db_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
)

func TestSQLiteWritesDurablyAndStrictly(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t), db.Options{}, schema)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "recursive_triggers": "1", "wal_autocheckpoint": "8000", "busy_timeout": "5000", "secure_delete": "1",
	} {
		if got := d.WriterSetting(t, "PRAGMA "+pragma); got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
	if got := d.WriterSetting(t, "SELECT sql FROM sqlite_schema WHERE name = 'note'"); !strings.HasSuffix(got, "STRICT, WITHOUT ROWID") {
		t.Errorf("a table was made as %q", got)
	}
	for _, sql := range []string{
		`INSERT INTO entry (merchant_id, id, amount) VALUES ('m', 'e', 'seven')`,
		`INSERT INTO entry (merchant_id, id, amount) VALUES ('m', 'e', 1.5)`,
		`SELECT "not a column"`,
	} {
		if err := d.OnWriter(t.Context(), sql); err == nil {
			t.Errorf("%s passes", sql)
		}
	}
	if _, err := db.Get(t.Context(), d, scanInt, "DELETE FROM thing RETURNING amount"); err == nil {
		t.Error("a reader deletes")
	}
}

// A stopped Florin's database is one file: whoever copies it has all of it. And only its owner may.
func TestAClosedSQLiteDatabaseIsOneFile(t *testing.T) {
	url := dbtest.SQLite(t)
	path := strings.TrimPrefix(url, "sqlite:")
	d, err := db.Open(t.Context(), url, db.Options{}, schema)
	must(t, err)
	must(t, d.Migrate(t.Context()))
	must(t, d.Commit(t.Context(), insertOne("a")))
	if n := count(t, d, things); n != 1 {
		t.Fatalf("%d things", n)
	}
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	must(t, d.Close())
	if _, err := os.Stat(path + "-wal"); !os.IsNotExist(err) {
		t.Errorf("the log is left: %v", err)
	}
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path+".copy", text, 0o600))
	copied := dbtest.Open(t, url+".copy", db.Options{}, schema)
	if n := count(t, copied, things); n != 1 {
		t.Errorf("%d things in the copy", n)
	}
}

// Nothing of a row that was deleted or emptied is in the file, once the log is folded into it: not in the gaps of its pages, and not in pages
// that became free.
func TestWhatIsErasedLeavesTheSQLiteFile(t *testing.T) {
	url := dbtest.SQLite(t)
	d, err := db.Open(t.Context(), url, db.Options{}, schema)
	must(t, err)
	must(t, d.Migrate(t.Context()))
	const rows = 240
	content := func(n int) []byte {
		size := []int{40, 700, 3000, 9000}[n%4] // in a page with others, alone in one, in pages of its own
		return bytes.Repeat(fmt.Appendf(nil, "<content %03d>", n), size/13)
	}
	write := func(n int, version int64, body []byte) {
		t.Helper()
		x := thing{merchant: "m", id: fmt.Sprintf("%03d", n), amount: int64(n), body: body, version: version}
		row := x.insert
		if version > 0 {
			row = x.update
		}
		must(t, d.Commit(t.Context(), db.NewChange("m", row())))
	}
	for n := range rows {
		write(n, 0, content(n))
	}
	fate := func(n int) int { return n / 4 % 3 } // of each size: it is emptied, deleted, or kept
	for n := range rows {
		if fate(n) == 0 {
			write(n, 1, []byte{})
		}
	}
	for from := 4; from < rows; from += 12 {
		must(t, d.OnWriter(t.Context(), fmt.Sprintf("DELETE FROM thing WHERE amount >= %d AND amount < %d", from, from+4)))
	}
	must(t, d.Close())
	file, err := os.ReadFile(strings.TrimPrefix(url, "sqlite:"))
	must(t, err)
	for n := range rows {
		if kept := fate(n) == 2; bytes.Contains(file, content(n)[:13]) != kept {
			t.Errorf("%s is kept: %t, and in the file: %t", content(n)[:13], kept, !kept)
		}
	}
}

func TestPostgresWritesDurablyWhateverTheDefaultIs(t *testing.T) {
	url := dbtest.Postgres(t)
	for given, want := range map[string]string{"off": "on", "on": "on", "remote_apply": "remote_apply"} {
		d := dbtest.Open(t, url+"&synchronous_commit="+given, db.Options{}, schema)
		if got := d.WriterSetting(t, "SHOW synchronous_commit"); got != want {
			t.Errorf("given %s, it writes with %s", given, got)
		}
	}
	d := dbtest.Open(t, url, db.Options{}, schema)
	for setting, want := range map[string]string{"lock_timeout": "500ms", "idle_in_transaction_session_timeout": "10s", "TimeZone": "UTC"} {
		if got := d.WriterSetting(t, "SHOW "+setting); got != want {
			t.Errorf("%s is %s, want %s", setting, got, want)
		}
	}
}

func TestUnknownDatabasesAreRefused(t *testing.T) {
	for _, url := range []string{"", "mysql://db", "sqlite:", "sqlite:/no/such/folder/florin.db", "postgres://host:port/"} {
		if d, err := db.Open(t.Context(), url, db.Options{}); err == nil {
			t.Errorf("%q opens", url)
			_ = d.Close()
		}
	}
	// The password of a URL that cannot be read stays out of the error.
	if _, err := db.Open(t.Context(), "postgres://florin:hunter2@host:port/", db.Options{}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("told %v", err)
	}
}
