package audit_test

import (
	"testing"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
)

func TestWhatWasDoneToOneObjectIsFoundByTheObject(t *testing.T) {
	for filters, index := range map[string]string{
		"object = $2":                 "audit_record_object",
		"actor = $2":                  "audit_record_actor",
		"action = $2":                 "audit_record_action",
		"object = $2 AND actor = $2":  "audit_record_object",
		"object = $2 AND action = $2": "audit_record_object",
		"object = $2 AND actor = $2 AND action = $2": "audit_record_object",
		"object = $2 AND id < $2":                    "audit_record_object",
	} {
		dbtest.ReadsBy(t, index, []db.Schema{audit.Schema},
			audit.Table.Select()+" WHERE merchant_id = $1 AND "+filters+" ORDER BY id DESC LIMIT $3", "acct_a:test", "x", int64(10))
	}
}
