// Package dbtest gives tests databases of their own, on both engines.
package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/pgprivate"
)

// Each runs the body as the subtests "sqlite" and "postgres", each with a database that is migrated for the schemas and
// empty. The second is skipped, by name, where PostgreSQL is missing and cannot be installed.
func Each(t *testing.T, body func(t *testing.T, d *db.DB), schemas ...db.Schema) {
	t.Helper()
	EachWith(t, db.Options{}, body, schemas...)
}

// EachWith is Each with options.
func EachWith(t *testing.T, o db.Options, body func(t *testing.T, d *db.DB), schemas ...db.Schema) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { body(t, Open(t, migratedFile(t, schemas), o, schemas...)) })
	t.Run("postgres", func(t *testing.T) { body(t, Open(t, migrated(t, schemas), o, schemas...)) })
}

// Open opens and migrates a database for a test, which closes it at its end.
func Open(t testing.TB, url string, o db.Options, schemas ...db.Schema) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, o, schemas...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// URLs is a fresh, empty database of each engine, by the engine's name; with schemas, it is migrated for them. PostgreSQL is left out where
// it is missing.
func URLs(t testing.TB, schemas ...db.Schema) map[string]string {
	t.Helper()
	urls := map[string]string{}
	if len(schemas) == 0 {
		urls["sqlite"] = SQLite(t)
	} else {
		urls["sqlite"] = migratedFile(t, schemas)
	}
	if _, err := server(); err != nil {
		t.Logf("on SQLite only: no PostgreSQL: %v", err)
		return urls
	}
	if len(schemas) == 0 {
		urls["postgres"] = Postgres(t)
	} else {
		urls["postgres"] = migrated(t, schemas)
	}
	return urls
}

// Postgres is the URL of a fresh, empty database, as superuser, on the private server of this test process. It skips
// the test where PostgreSQL is missing.
func Postgres(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", number.Add(1))
	at := create(t, name)
	t.Cleanup(func() {
		admin, err := server()
		if err == nil {
			err = run(admin, "DROP DATABASE "+name+" WITH (FORCE)")
		}
		if err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return at
}

// hasty are settings of a server whose machine does not fail: whatever is killed, what it wrote is there. To sync costs a second for each
// database that a test makes.
var hasty = []string{"fsync=off", "full_page_writes=off"}

// server starts the private server once. It lives as long as the process.
var server = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if _, err := pgprivate.Binaries(); err != nil {
		if err := pgprivate.Install(ctx); err != nil {
			return "", err
		}
	}
	url, _, err := pgprivate.StartTemporary(ctx, hasty...)
	return url, err
})

var number atomic.Int64

// create makes an empty database.
func create(t testing.TB, name string) string {
	t.Helper()
	admin, err := server()
	if err != nil {
		t.Skipf("no PostgreSQL: %v", err)
	}
	if err := run(admin, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	return with(admin, name)
}

func run(url, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	if closing := conn.Close(ctx); err == nil {
		err = closing
	}
	return err
}

// with is the URL of another database of the same server.
func with(admin, name string) string {
	u, err := url.Parse(admin)
	if err != nil {
		panic(err) // pgprivate made it
	}
	u.Path = "/" + name
	return u.String()
}

// clean are databases that are migrated and empty, by their schemas' digest: those of tests that ended. To make one costs far more than
// to empty one.
var (
	clean   = map[string][]cleaned{}
	cleanMu sync.Mutex
)

// cleaned is such a database.
type cleaned struct {
	url   string
	shape string // what its tables, columns and triggers were when it was made
}

// migrated is a database that is migrated and empty.
func migrated(t testing.TB, schemas []db.Schema) string {
	t.Helper()
	key := digest(t, schemas)
	c, ok := takeClean(key)
	if !ok {
		c = newClean(t, schemas)
	}
	t.Cleanup(func() {
		// A database that a test changed the tables of is nobody else's. It goes with the server.
		shape, err := empty(c.url)
		if err != nil {
			t.Errorf("empty the test's database: %v", err)
		}
		if err == nil && shape == c.shape {
			cleanMu.Lock()
			defer cleanMu.Unlock()
			clean[key] = append(clean[key], c)
		}
	})
	return c.url
}

func takeClean(key string) (cleaned, bool) {
	cleanMu.Lock()
	defer cleanMu.Unlock()
	free := clean[key]
	if len(free) == 0 {
		return cleaned{}, false
	}
	clean[key] = free[:len(free)-1]
	return free[len(free)-1], true
}

func newClean(t testing.TB, schemas []db.Schema) cleaned {
	t.Helper()
	c := cleaned{url: create(t, fmt.Sprintf("shared_%d", number.Add(1)))}
	migrate(t, c.url, schemas)
	var err error
	if c.shape, err = empty(c.url); err != nil {
		t.Fatal(err)
	}
	return c
}

func migrate(t testing.TB, url string, schemas []db.Schema) {
	t.Helper()
	d, err := db.Open(t.Context(), url, db.Options{}, schemas...)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Migrate(t.Context()), d.Close()); err != nil {
		t.Fatal(err)
	}
}

// shapeOf describes every table, column and trigger of a database.
const shapeOf = `SELECT coalesce(string_agg(line, ' ' ORDER BY line), '') FROM (
	SELECT c.relname || '.' || a.attname || ':' || a.atttypid AS line FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
	UNION ALL SELECT t.tgrelid::regclass || '/' || t.tgname || ':' || t.tgenabled::text FROM pg_trigger t WHERE NOT t.tgisinternal) AS lines`

// emptied deletes every row but those of the migrations. The triggers that forbid it are away meanwhile, and
// foreign keys with them.
const emptied = `SET session_replication_role = replica;
DO $$ DECLARE r record; filled boolean; BEGIN
	FOR r IN SELECT c.oid::regclass AS name, array(SELECT tgname FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) AS triggers
		FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'florin_migration' LOOP
		EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', r.name) INTO filled;
		CONTINUE WHEN NOT filled;
		FOR i IN 1 .. cardinality(r.triggers) LOOP
			EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', r.name, r.triggers[i]);
		END LOOP;
		EXECUTE format('DELETE FROM %s', r.name);
		FOR i IN 1 .. cardinality(r.triggers) LOOP
			EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', r.name, r.triggers[i]);
		END LOOP;
	END LOOP;
END $$`

// empty ends the sessions that a test has left behind, empties its database and tells what shape it has.
func empty(url string) (shape string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	if err != nil {
		return "", err
	}
	if _, err = conn.PgConn().Exec(ctx, emptied).ReadAll(); err != nil {
		return "", err
	}
	return shape, conn.QueryRow(ctx, shapeOf).Scan(&shape)
}

func digest(t testing.TB, schemas []db.Schema) string {
	hash := sha256.New()
	for _, s := range schemas {
		fmt.Fprintf(hash, "%q\n", s.Package)
		if s.Migrations == nil {
			continue
		}
		err := fs.WalkDir(s.Migrations, ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := fs.ReadFile(s.Migrations, path)
			fmt.Fprintf(hash, "%q %q\n", path, text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}
