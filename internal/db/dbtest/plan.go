package dbtest

import (
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/db"
)

// ReadsBy fails a test unless SQLite reads a statement's rows by an index, without a walk through others and without sorting. What SQLite
// does, which knows nothing of how many rows there are, is how the indexes were made: it is the engine for which that has to be seen to.
func ReadsBy(t testing.TB, index string, schemas []db.Schema, text string, args ...any) {
	t.Helper()
	d := Open(t, migratedFile(t, schemas), db.Options{}, schemas...)
	plan, err := db.List(t.Context(), d, func(r db.Scanner) (string, error) {
		var step string
		var skip int64
		return step, r.Scan(&skip, &skip, &skip, &step)
	}, "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil || len(plan) != 1 || !strings.HasPrefix(plan[0], "SEARCH ") || !strings.Contains(plan[0], " "+index+" ") {
		t.Errorf("%s\nis read by %q, %v; want the index %s and no more", text, plan, err, index)
	}
}
