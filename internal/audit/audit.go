// Package audit is the record of who changed what. A record travels in the same Change as what it tells of: there is no
// change without its record, and no record of a change that was not made.
package audit

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
)

// Table holds the records. The engine refuses to change or delete one.
var Table = &db.Table{
	Name: "audit_record",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "id", Kind: db.Text},
		{Name: "actor", Kind: db.Text},
		{Name: "action", Kind: db.Text},
		{Name: "object", Kind: db.Text},
		{Name: "detail", Kind: db.Text},
		{Name: "request_id", Kind: db.Text},
		{Name: "created_at", Kind: db.Int},
	},
	Key: 2,
}

// By is who acts, and in which request. Every management action takes one.
type By struct {
	Actor     string // an id such as key_…, or a word for what is not a key: cli, system
	RequestID string // req_…; empty outside a request
}

// System is Florin acting by itself.
var System = By{Actor: "system"}

// Record is one action.
type Record struct {
	Merchant  string // the tenant, or the account for what concerns both of its modes
	ID        string // aud_…
	Actor     string
	Action    string            // noun.verb in the past tense, such as api_key.revoked
	Object    string            // the id of what was acted upon
	Detail    map[string]string // what changed, by field; never a secret
	RequestID string
	CreatedAt time.Time
}

// Record makes the record of an action by this actor.
func (b By) Record(ids *id.Source, now time.Time, merchant, action, object string, detail map[string]string) Record {
	return Record{
		Merchant: merchant, ID: ids.New(id.Audit), Actor: b.Actor, Action: action, Object: object,
		Detail: detail, RequestID: b.RequestID, CreatedAt: now,
	}
}

// Row is the record as a row of the Change that does what it tells of. It panics if nobody acts or nothing is done: an
// anonymous record is a mistake in the program.
func (r Record) Row() db.Row {
	if r.Actor == "" || r.Action == "" || r.Object == "" {
		panic(fmt.Sprintf("audit: actor %q, action %q, object %q: all three are needed", r.Actor, r.Action, r.Object))
	}
	if r.Detail == nil {
		r.Detail = map[string]string{}
	}
	detail, err := json.Marshal(r.Detail)
	if err != nil {
		panic(fmt.Sprintf("audit: a map of strings is not JSON: %v", err))
	}
	return Table.Insert(r.Merchant, r.ID, r.Actor, r.Action, r.Object, string(detail), r.RequestID, r.CreatedAt.UnixMicro())
}
