package audit_test

import (
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
)

// SQLite knows nothing of how many records an actor or an action has: which index it takes is how the indexes were made.
func TestWhatWasDoneToOneObjectIsFoundByTheObjectOnSQLite(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t), db.Options{}, audit.Schema)
	for filters, index := range map[string]string{
		"object = $2":                 "audit_record_object",
		"actor = $2":                  "audit_record_actor",
		"action = $2":                 "audit_record_action",
		"object = $2 AND actor = $2":  "audit_record_object",
		"object = $2 AND action = $2": "audit_record_object",
		"object = $2 AND actor = $2 AND action = $2": "audit_record_object",
		"object = $2 AND id < $2":                    "audit_record_object",
	} {
		plan, err := db.List(t.Context(), d, func(r db.Scanner) (string, error) {
			var step string
			var skip int64
			return step, r.Scan(&skip, &skip, &skip, &step)
		}, "EXPLAIN QUERY PLAN "+audit.Table.Select()+" WHERE merchant_id = $1 AND "+filters+" ORDER BY id DESC LIMIT $3", "acct_a:test", "x", int64(10))
		if err != nil || len(plan) != 1 || !strings.Contains(plan[0], " "+index+" ") {
			t.Errorf("%s: %q, %v; want the index %s and no more", filters, plan, err, index)
		}
	}
}
