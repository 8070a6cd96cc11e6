package db_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
)

// letters are kept for a time; tries are about them, several of one.
var (
	letters = &db.Table{Name: "letter", Key: 2, Columns: []db.Column{{Name: "merchant_id"}, {Name: "id"}, {Name: "created_at", Kind: db.Int}}}
	tries   = &db.Table{Name: "try", Key: 3, Columns: []db.Column{{Name: "merchant_id"}, {Name: "letter_id"}, {Name: "number", Kind: db.Int}}}
)

const makeLetter = `CREATE TABLE letter (merchant_id TEXT NOT NULL, id TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (merchant_id, id));
	CREATE TABLE try (merchant_id TEXT NOT NULL, letter_id TEXT NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (merchant_id, letter_id, number));
	`

func letterSchema(directives ...string) db.Schema {
	files := []string{"0001_letter.sql", makeLetter}
	for i, d := range directives {
		files = append(files, fmt.Sprintf("%04d_guard.sql", i+2), d)
	}
	s := schemaOf(files...)
	s.Tables = []*db.Table{letters, tries}
	return s
}

const (
	forEver = "-- florin: append-only letter"
	forDays = "-- florin: append-only letter for 30 days"
)

// letter is one of an age, by the clock of this machine, which is the engine's too.
func letter(merchant, id string, age time.Duration) *db.Change {
	return db.NewChange(merchant, letters.Insert(merchant, id, db.Micros(clock.System{}.Now().Add(-age))))
}

const day = 24 * time.Hour

func TestAnAppendOnlyTableForSomeDaysLetsGoOfOldRowsOnly(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		for id, age := range map[string]time.Duration{"old": 30*day + time.Minute, "young": 30*day - time.Minute, "new": 0, "from the future": -day} {
			must(t, d.Commit(t.Context(), letter("m", id, age)))
		}
		attacks := []string{"UPDATE letter SET created_at = 0", "UPDATE letter SET created_at = 0 WHERE id = 'old'", "DELETE FROM letter",
			"DELETE FROM letter WHERE id = 'young'", "DELETE FROM letter WHERE id = 'new'", "DELETE FROM letter WHERE id = 'from the future'",
			"INSERT INTO letter (merchant_id, id, created_at) VALUES ('m', 'young', 0) ON CONFLICT (merchant_id, id) DO UPDATE SET created_at = 0"}
		if d.Engine() == "sqlite" {
			attacks = append(attacks, "REPLACE INTO letter (merchant_id, id, created_at) VALUES ('m', 'young', 0)", "UPDATE OR IGNORE letter SET created_at = 0")
		} else {
			attacks = append(attacks, "TRUNCATE letter", "SET session_replication_role = replica", "UPDATE letter SET created_at = 0",
				"DELETE FROM letter WHERE id = 'young'", "SET session_replication_role = origin")
		}
		for _, sql := range attacks {
			if err := d.OnWriter(t.Context(), sql); err == nil && !strings.HasPrefix(sql, "SET ") {
				t.Errorf("%s passes", sql)
			}
		}
		if n := count(t, d, letters); n != 4 {
			t.Fatalf("%d letters are left", n)
		}
		must(t, d.OnWriter(t.Context(), "DELETE FROM letter WHERE id = 'old'"))
		if n := count(t, d, letters); n != 3 {
			t.Errorf("%d letters are left, the old one among them", n)
		}
	}, letterSchema(forEver, forDays))
}

func TestTheLastGuardOfATableCounts(t *testing.T) {
	for name, c := range map[string]struct {
		directives []string
		refused    bool
	}{
		"for ever after days":     {[]string{forDays, forEver}, true},
		"days after more days":    {[]string{"-- florin: append-only letter for 90 days", forDays}, false},
		"more days after days":    {[]string{forDays, "-- florin: append-only letter for 90 days"}, true},
		"twice in one migration":  {[]string{forEver + "\n" + forDays}, false},
		"the same guard, renewed": {[]string{forEver, forEver}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
				must(t, d.Commit(t.Context(), letter("m", "old", 31*day)))
				if err := d.OnWriter(t.Context(), "UPDATE letter SET created_at = 0"); err == nil {
					t.Error("it changes")
				}
				if err := d.OnWriter(t.Context(), "DELETE FROM letter"); (err != nil) != c.refused {
					t.Errorf("deleted: %v", err)
				}
			}, letterSchema(c.directives...))
		})
	}
}

func TestDaysThatNobodyMeansAreRefused(t *testing.T) {
	for _, directive := range []string{"-- florin: append-only letter for 0 days", "-- florin: append-only letter for -1 days",
		"-- florin: append-only letter for days", "-- florin: append-only letter for 999999 days", "-- florin: append-only letter for 30 hours"} {
		if err := migrate(t, dbtest.SQLite(t), letterSchema(directive)); err == nil {
			t.Errorf("%s passes", directive)
		}
	}
}

func TestARoleOfGrantDeletesFromTablesWithARetention(t *testing.T) {
	url := dbtest.Postgres(t)
	owner := dbtest.Open(t, url, oneWriter, letterSchema(forEver, forDays))
	d := dbtest.Open(t, asClerk(t, url, owner), oneWriter, letterSchema(forEver, forDays))
	must(t, d.Commit(t.Context(), letter("m", "a", 31*day)))
	must(t, d.Commit(t.Context(), letter("m", "b", 29*day)))
	if n, err := d.PruneOlder(t.Context(), letters, "id", "b", 10); n != 1 || err != nil {
		t.Errorf("%d deleted, %v", n, err)
	}
	for _, sql := range []string{"DELETE FROM letter", "UPDATE letter SET created_at = 0", "TRUNCATE letter", "DROP TRIGGER florin_too_young ON letter",
		"ALTER TABLE letter DISABLE TRIGGER ALL", "SET session_replication_role = replica"} {
		if err := d.OnWriter(t.Context(), sql); err == nil {
			t.Errorf("%s passes", sql)
		}
	}
}

func TestPruningByIDTakesOldRowsOfEveryTenant(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const each = 7
		for _, merchant := range []string{"a", "b", "none old", "z"} {
			c := db.NewChange(merchant)
			for n := range each {
				id := fmt.Sprintf("l%d", n)
				if merchant == "none old" {
					id = fmt.Sprintf("l9%d", n)
				}
				c.Add(letters.Insert(merchant, id, int64(0)), tries.Insert(merchant, id, int64(1)), tries.Insert(merchant, id, int64(2)))
			}
			must(t, d.Commit(t.Context(), c))
		}
		for step, c := range []struct {
			table      *db.Table
			floor      string
			limit      int64
			want, left int64
		}{
			{letters, "l0", 100, 0, 4 * each},
			{letters, "l4", 100, 12, 4*each - 12},
			{letters, "l4", 100, 0, 4*each - 12},
			{letters, "l6", 3, 3, 4*each - 15}, // the limit ends it amid the tenants
			{letters, "l6", 100, 3, 4*each - 18},
			{tries, "l2", 100, 12, 8*each - 12}, // both of each
		} {
			if n, err := d.PruneOlder(t.Context(), c.table, c.table.Columns[1].Name, c.floor, c.limit); n != c.want || err != nil {
				t.Errorf("step %d: %d deleted, %v", step, n, err)
			}
			if n := count(t, d, c.table); n != c.left {
				t.Errorf("step %d: %d left", step, n)
			}
		}
		oldest := map[string]string{}
		for tenant := ""; ; {
			next, id, err := d.Oldest(t.Context(), letters, "id", tenant)
			if fault.Is(err, fault.NotFound) {
				break
			}
			must(t, err)
			oldest[next], tenant = id, next
		}
		if fmt.Sprint(oldest) != "map[a:l6 b:l6 none old:l90 z:l6]" {
			t.Errorf("oldest: %v", oldest)
		}
		if n, err := d.PruneTenant(t.Context(), letters, "id", "b", "l9", 100); n != 1 || err != nil {
			t.Errorf("of one tenant %d, %v", n, err)
		}
		for _, column := range []string{"none", "created_at"} {
			if _, err := d.PruneOlder(t.Context(), letters, column, "l9", 100); err == nil {
				t.Errorf("by %s", column)
			}
			if _, err := d.PruneTenant(t.Context(), letters, column, "b", "l9", 100); err == nil {
				t.Errorf("by %s", column)
			}
		}
	}, letterSchema())
}

func TestPruningByIDWorksInBatchesAndIsCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	dbtest.EachWith(t, db.Options{Metrics: registry}, func(t *testing.T, d *db.DB) {
		const all = 1203
		for from := 0; from < all; from += 401 {
			c := db.NewChange("m")
			for n := range 401 {
				c.Add(letters.Insert("m", fmt.Sprintf("l%05d", from+n), int64(0)))
			}
			must(t, d.Commit(t.Context(), c))
		}
		if n, err := d.PruneOlder(t.Context(), letters, "id", "l01100", 5000); n != 1100 || err != nil {
			t.Errorf("%d deleted, %v", n, err)
		}
		if n := count(t, d, letters); n != all-1100 {
			t.Errorf("%d left", n)
		}
		if n, err := d.Prune(t.Context(), letters, "created_at", 1, 3); n != 3 || err != nil {
			t.Errorf("%d deleted, %v", n, err)
		}
		if n := counted(t, registry, "florin_pruned_rows_total", "letter"); n != 1103 {
			t.Errorf("%v counted", n)
		}
	}, letterSchema())
}

func TestPruningByIDEndsWithItsContextAndTellsWhatWasRefused(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		must(t, d.Commit(t.Context(), letter("a", "1", 31*day)))
		must(t, d.Commit(t.Context(), letter("b", "2", 29*day)))
		ended, end := context.WithCancel(t.Context())
		end()
		if n, err := d.PruneOlder(ended, letters, "id", "9", 10); n != 0 || err != nil {
			t.Errorf("after the end %d, %v", n, err)
		}
		n, err := d.PruneOlder(t.Context(), letters, "id", "9", 10)
		if n != 1 || err == nil || !strings.Contains(err.Error(), "letter of b") {
			t.Errorf("%d deleted, %v", n, err)
		}
		if n := count(t, d, letters); n != 1 {
			t.Errorf("%d left", n)
		}
	}, letterSchema(forDays))
}

// counted is a counter with one label.
func counted(t *testing.T, registry *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := registry.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
