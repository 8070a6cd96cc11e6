package db_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
)

// packageOf is the schema of a package that keeps no rows of its own: migrations alone.
func packageOf(name string, files ...string) db.Schema {
	s := schemaOf(files...)
	s.Package, s.Tables = name, nil
	return s
}

// migrate opens a database, migrates it, and closes it.
func migrate(t *testing.T, url string, schemas ...db.Schema) error {
	t.Helper()
	d, err := db.Open(t.Context(), url, db.Options{}, schemas...)
	must(t, err)
	defer func() { must(t, d.Close()) }()
	return d.Migrate(t.Context())
}

const (
	makeOne = "CREATE TABLE one (merchant_id TEXT NOT NULL PRIMARY KEY);"
	makeTwo = "CREATE TABLE two (merchant_id TEXT NOT NULL PRIMARY KEY);"
)

func TestMigrationsGoForwardByPackage(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			first, both := packageOf("a", "0001_one.sql", makeOne), packageOf("a", "0001_one.sql", makeOne, "0002_two.sql", makeTwo)
			other := packageOf("b", "0001_first.sql", "CREATE TABLE b (merchant_id TEXT NOT NULL PRIMARY KEY);")
			for step, schemas := range [][]db.Schema{{first}, {first}, {both, other}, {other}, {both}} {
				if err := migrate(t, url, schemas...); err != nil {
					t.Fatalf("step %d: %v", step, err)
				}
			}
			refused := map[string]db.Schema{
				"the database is ahead": first,
				"a file was edited":     packageOf("a", "0001_one.sql", makeOne+"\n", "0002_two.sql", makeTwo),
				"a file comes too late": packageOf("b", "0000_zeroth.sql", makeTwo, "0001_first.sql", "CREATE TABLE b (merchant_id TEXT NOT NULL PRIMARY KEY);"),
			}
			for why, s := range refused {
				if err := migrate(t, url, s); !errors.Is(err, db.ErrMigration) {
					t.Errorf("%s: %v", why, err)
				}
			}
			d, err := db.Open(t.Context(), url, db.Options{}, refused["a file was edited"])
			must(t, err)
			defer func() { must(t, d.Close()) }()
			if err := d.Ready(t.Context()); !errors.Is(err, db.ErrMigration) || fault.Is(err, fault.Unavailable) {
				t.Errorf("ready on a database that does not fit: %v", err)
			}
		})
	}
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			broken := packageOf("a", "0001_one.sql", makeOne, "0002_two.sql", makeTwo+" CREATE TABLE (;")
			if err := migrate(t, url, broken); err == nil || errors.Is(err, db.ErrMigration) {
				t.Errorf("a broken file: %v", err)
			}
			must(t, migrate(t, url, packageOf("a", "0001_one.sql", makeOne, "0002_two.sql", makeTwo)))
		})
	}
}

func TestMigrationsThatCannotBeReadAreRefused(t *testing.T) {
	for why, s := range map[string]db.Schema{
		"a name without a number": packageOf("a", "first.sql", makeOne),
		"a number twice":          packageOf("a", "0001_one.sql", makeOne, "0001_two.sql", makeTwo),
		"a quote without an end":  packageOf("a", "0001_one.sql", "CREATE TABLE one (a TEXT CHECK (a <> 'x));"),
		"an unknown directive":    packageOf("a", "0001_one.sql", "-- florin: append-onyl one\n"+makeOne),
	} {
		if err := migrate(t, dbtest.SQLite(t), s); err == nil {
			t.Errorf("%s passes", why)
		}
	}
	if _, err := db.Open(t.Context(), dbtest.SQLite(t), db.Options{}, schema, schema); err == nil {
		t.Error("a table that is described twice passes")
	}
}

func TestReadyWaitsForTheMigrations(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			first := packageOf("a", "0001_one.sql", makeOne)
			must(t, migrate(t, url, first))
			d, err := db.Open(t.Context(), url, db.Options{}, packageOf("a", "0001_one.sql", makeOne, "0002_two.sql", makeTwo))
			must(t, err)
			defer func() { must(t, d.Close()) }()
			if err := d.Ready(t.Context()); !errors.Is(err, db.ErrMigration) || !strings.Contains(err.Error(), "0002_two.sql") {
				t.Errorf("with one missing: %v", err)
			}
			must(t, d.Migrate(t.Context()))
			must(t, d.Ready(t.Context()))
		})
	}
}

func TestSeveralProcessesMigrateAtOnce(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			done := make(chan error, 8)
			for range cap(done) {
				go func() {
					d, err := db.Open(t.Context(), url, db.Options{}, schema, packageOf("a", "0001_one.sql", makeOne))
					if err == nil {
						err = errors.Join(d.Migrate(t.Context()), d.Ready(t.Context()), d.Close())
					}
					done <- err
				}()
			}
			for range cap(done) {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestAppendOnlyTablesRefuseChanges(t *testing.T) {
	dbtest.EachWith(t, oneWriter, func(t *testing.T, d *db.DB) {
		must(t, d.Commit(t.Context(), db.NewChange("m", entries.Insert("m", "e", int64(7)))))
		attacks := []string{"UPDATE entry SET amount = 8", "DELETE FROM entry", "UPDATE entry SET amount = 8 WHERE id = 'none'",
			"INSERT INTO entry (merchant_id, id, amount) VALUES ('m', 'e', 8) ON CONFLICT (merchant_id, id) DO UPDATE SET amount = 8"}
		if d.Engine() == "sqlite" {
			attacks = slices.Delete(attacks, 2, 3) // its triggers fire by row, and none was touched
			attacks = append(attacks, "REPLACE INTO entry (merchant_id, id, amount) VALUES ('m', 'e', 8)",
				"UPDATE OR IGNORE entry SET amount = 8")
		} else {
			attacks = append(attacks, "TRUNCATE entry", "SET session_replication_role = replica", "DELETE FROM entry")
		}
		for _, sql := range attacks {
			if err := d.OnWriter(t.Context(), sql); err == nil && !strings.HasPrefix(sql, "SET ") {
				t.Errorf("%s passes", sql)
			}
		}
		if _, err := d.Prune(t.Context(), entries, "amount", 100, 10); err == nil {
			t.Error("it is pruned")
		}
		n, err := db.Get(t.Context(), d, scanInt, "SELECT amount FROM entry WHERE merchant_id = $1", "m")
		if err != nil || n != 7 {
			t.Errorf("the entry is %d now, %v", n, err)
		}
	}, schema)
}

// A statement of a migration that holds type names in literals and comments; both dialects.
func TestTypesAreTranslatedInCodeOnly(t *testing.T) {
	const text = `CREATE TABLE x (a TEXT DEFAULT 'TEXT', /* BIGINT */ b BYTES, "TEXT" BIGINT -- BYTES
	)`
	for engine, want := range map[string][]string{
		"sqlite":   {`a TEXT DEFAULT 'TEXT'`, `/* BIGINT */`, `b BLOB`, `"TEXT" INTEGER`, `-- BYTES`, `) STRICT`},
		"postgres": {`a TEXT COLLATE "C" DEFAULT 'TEXT'`, `/* BIGINT */`, `b BYTEA`, `"TEXT" BIGINT`, `-- BYTES`},
	} {
		got, err := db.Statements(engine, text)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %q, %v", engine, got, err)
		}
		for _, part := range want {
			if !strings.Contains(got[0], part) {
				t.Errorf("%s: %q lacks %q", engine, got[0], part)
			}
		}
	}
}

// asClerk makes a role, has the owner grant it its rights, and is the URL by which it comes in.
func asClerk(t *testing.T, url string, owner *db.DB) string {
	t.Helper()
	admin := connect(t, url)
	role := "clerk_" + admin.Config().Database
	exec(t, admin, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() {
		exec(t, admin, "DROP OWNED BY "+role)
		exec(t, admin, "DROP ROLE "+role)
	})
	must(t, owner.Grant(t.Context(), role))
	return strings.Replace(url, "user=postgres", "user="+role, 1)
}

func TestARoleOfGrantCanDoItsWorkAndNoMore(t *testing.T) {
	url := dbtest.Postgres(t)
	owner := dbtest.Open(t, url, oneWriter, schema)
	d := dbtest.Open(t, asClerk(t, url, owner), oneWriter, schema) // it migrates, too
	must(t, d.Ready(t.Context()))
	x := thing{merchant: "m", id: "x", version: 1}
	must(t, d.Commit(t.Context(), db.NewChange("m", x.insert(), entries.Insert("m", "e", int64(1)))))
	must(t, d.Commit(t.Context(), db.NewChange("m", x.update())))
	must(t, d.OnWriter(t.Context(), "DELETE FROM thing"))
	for _, sql := range []string{"UPDATE entry SET amount = 2", "DELETE FROM entry", "TRUNCATE entry", "TRUNCATE thing", "DROP TABLE thing",
		"ALTER TABLE entry DISABLE TRIGGER ALL", "UPDATE florin_migration SET hash = ''"} {
		if err := d.OnWriter(t.Context(), sql); err == nil {
			t.Errorf("%s passes", sql)
		}
	}
	if err := dbtest.Open(t, dbtest.SQLite(t), oneWriter, schema).Grant(t.Context(), "clerk"); err == nil {
		t.Error("sqlite grants")
	}
}
