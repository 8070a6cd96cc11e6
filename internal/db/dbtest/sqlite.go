package dbtest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/florinpay/florin/internal/db"
)

// SQLite is the URL of a fresh SQLite database.
func SQLite(t testing.TB) string { return "sqlite:" + file(t) }

// file is where a test's database is to be. It is in memory if there is plenty: what a test writes need not outlive the machine, and to
// sync to a disk takes longer than all the rest of a commit.
func file(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if roomInMemory() {
		var err error
		if dir, err = os.MkdirTemp(memory, "florin-test-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				t.Errorf("remove the test's database: %v", err)
			}
		})
	}
	return filepath.Join(dir, "florin.db")
}

// files are databases that are migrated and empty, byte by byte, by their schemas' digest. To run the migrations costs more than most tests.
var (
	files   = map[string][]byte{}
	filesMu sync.Mutex
)

// migratedFile is the URL of a SQLite database that is migrated and empty.
func migratedFile(t testing.TB, schemas []db.Schema) string {
	t.Helper()
	at, key := file(t), digest(t, schemas)
	filesMu.Lock()
	defer filesMu.Unlock()
	if made, ok := files[key]; ok {
		if err := os.WriteFile(at, made, 0o600); err != nil {
			t.Fatal(err)
		}
		return "sqlite:" + at
	}
	migrate(t, "sqlite:"+at, schemas)
	made, err := os.ReadFile(at) // all of it: a database that is closed has no log
	if err != nil {
		t.Fatal(err)
	}
	files[key] = made
	return "sqlite:" + at
}
