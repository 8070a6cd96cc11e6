// Package dbtest gives tests databases of their own, on both engines.
package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
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
	t.Run("sqlite", func(t *testing.T) { body(t, Open(t, SQLite(t), o, schemas...)) })
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

// URLs is a fresh, empty database of each engine, by the engine's name. PostgreSQL is left out where it is missing.
func URLs(t testing.TB) map[string]string {
	t.Helper()
	urls := map[string]string{"sqlite": SQLite(t)}
	if _, err := server(); err != nil {
		t.Logf("on SQLite only: no PostgreSQL: %v", err)
		return urls
	}
	urls["postgres"] = Postgres(t)
	return urls
}

// SQLite is the URL of a fresh SQLite database.
func SQLite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "florin.db") }

// Postgres is the URL of a fresh, empty database, as superuser, on the private server of this test process. It skips
// the test where PostgreSQL is missing.
func Postgres(t testing.TB) string {
	t.Helper()
	return fresh(t, "template0")
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

// fresh makes a database from a template and drops it when the test ends.
func fresh(t testing.TB, template string) string {
	t.Helper()
	admin, err := server()
	if err != nil {
		t.Skipf("no PostgreSQL: %v", err)
	}
	name := fmt.Sprintf("test_%d", number.Add(1))
	if err := run(admin, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run(admin, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
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

var (
	templates   = map[string]string{}
	templatesMu sync.Mutex
)

// migrated is a fresh database that is migrated already: one template for each set of schemas.
func migrated(t *testing.T, schemas []db.Schema) string {
	t.Helper()
	admin, err := server()
	if err != nil {
		t.Skipf("no PostgreSQL: %v", err)
	}
	templatesMu.Lock()
	defer templatesMu.Unlock()
	key := digest(t, schemas)
	name, made := templates[key]
	if !made {
		name = fmt.Sprintf("template_%d", number.Add(1))
		if err := run(admin, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
			t.Fatal(err)
		}
		d, err := db.Open(t.Context(), with(admin, name), db.Options{}, schemas...)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		templates[key] = name
	}
	return fresh(t, name)
}

func digest(t *testing.T, schemas []db.Schema) string {
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
