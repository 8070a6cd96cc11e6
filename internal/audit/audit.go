// Package audit is the record of who changed what. A record travels in the same Change as what it tells of: there is no
// change without its record, and no record of a change that was not made.
package audit

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/obs"
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
	IDs: id.Audit,
}

// Installation stands in place of a merchant in what concerns all of them.
const Installation = "*"

// By is who acts, and in which request. Every management action takes one.
type By struct {
	Actor     string // key_…, or who has no key: operator, system
	RequestID string // req_…; empty outside a request
}

// Who acts without a key.
var (
	System   = By{Actor: "system"}   // Florin, by itself
	Operator = By{Actor: "operator"} // who runs this Florin, by the command line
)

// Record is one action.
type Record struct {
	Merchant  string // the tenant, the account for what concerns both of its modes, or Installation
	ID        string // aud_…
	Actor     string
	Action    Action
	Object    string            // the id of what was acted upon
	Detail    map[string]string // what changed, by field; never a secret, or who somebody is
	RequestID string
	CreatedAt time.Time
}

// Record makes the record of an action by this actor.
func (b By) Record(ids *id.Source, now time.Time, merchant string, action Action, object string, detail map[string]string) Record {
	return Record{
		Merchant: merchant, ID: ids.New(id.Audit), Actor: b.Actor, Action: action, Object: object,
		Detail: detail, RequestID: b.RequestID, CreatedAt: now,
	}
}

// Row is the record as a row of the Change that does what it tells of. What looks like a card number or a key in a detail is masked: some
// are what people wrote. It panics if nobody acts, nothing is done, or something of which no document tells: that is a mistake in the program.
func (r Record) Row() db.Row {
	if r.Actor == "" || !r.Action.Known() || r.Object == "" {
		panic(fmt.Sprintf("audit: actor %q, action %q, object %q: all three are needed, and the action must be one of Actions", r.Actor, r.Action, r.Object))
	}
	masked := make(map[string]string, len(r.Detail))
	for name, value := range r.Detail {
		masked[name] = obs.Mask(value)
	}
	detail, err := json.Marshal(masked)
	if err != nil {
		panic(fmt.Sprintf("audit: a map of strings is not JSON: %v", err))
	}
	return Table.Insert(r.Merchant, r.ID, r.Actor, string(r.Action), r.Object, string(detail), r.RequestID, r.CreatedAt.UnixMicro())
}
