package inbound

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
)

var table = &db.Table{Name: "inbound_webhook", Key: 2, Versioned: true, Columns: append(head,
	db.Column{Name: "body", Kind: db.Bytes})}

// head is what lists show: a page of a hundred bodies could be 100 MiB.
var head = []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "provider_account"}, {Name: "event_id"}, {Name: "type"}, {Name: "verdict"},
	{Name: "detail"}, {Name: "subject"}, {Name: "duplicates", Kind: db.Int}, {Name: "tries", Kind: db.Int},
	{Name: "applied_at", Kind: db.Int, Null: true}, {Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int},
}

// headTable is the table without the bodies. Nothing is written through it.
var headTable = &db.Table{Name: table.Name, Key: 2, IDs: id.InboundWebhook, Versioned: true, Columns: head}

func (m Webhook) row() db.Row {
	return table.Write(m.Version,
		m.Merchant, m.ID, m.Account, m.Event, m.Type, string(m.Verdict), m.Detail, m.Subject, m.Duplicates, m.Tries,
		db.MicrosOrNil(m.AppliedAt), db.MicrosOrNil(m.DueAt), db.Micros(m.CreatedAt), m.Body,
	)
}

func scanWhole(r db.Scanner) (Webhook, error) { return scanHead(r, true) }

func scanListed(r db.Scanner) (Webhook, error) { return scanHead(r, false) }

func scanHead(r db.Scanner, body bool) (Webhook, error) {
	var m Webhook
	var applied, due *int64
	var created int64
	into := []any{
		&m.Merchant, &m.ID, &m.Account, &m.Event, &m.Type, &m.Verdict, &m.Detail, &m.Subject, &m.Duplicates, &m.Tries,
		&applied, &due, &created,
	}
	if body {
		into = append(into, &m.Body)
	}
	err := r.Scan(append(into, &m.Version)...)
	if body && m.Body == nil {
		m.Body = []byte{} // an engine may give nil for no bytes
	}
	m.AppliedAt, m.DueAt, m.CreatedAt = db.NullTime(applied), db.NullTime(due), db.Time(created)
	return m, err
}

// Get is a recorded message, with its body. It fails with fault.NotFound.
func (r *Receiver) Get(ctx context.Context, tenant, inbound string) (Webhook, error) {
	m, err := db.Get(ctx, r.DB, scanWhole, table.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, inbound)
	if err != nil {
		return m, fmt.Errorf("inbound webhook %s: %w", inbound, err)
	}
	return m, nil
}

// List is recorded messages without their bodies, newest first, and whether more follow.
func (r *Receiver) List(ctx context.Context, tenant string, p db.Page, f Filter) ([]Webhook, bool, error) {
	var filters []db.Filter
	if f.Account != "" {
		filters = append(filters, db.Filter{Column: "provider_account", Value: f.Account})
	}
	if f.Verdict != "" {
		filters = append(filters, db.Filter{Column: "verdict", Value: string(f.Verdict)})
	}
	return db.ListPage(ctx, r.DB, headTable, scanListed, tenant, p, filters...)
}

// known finds the record of a message that was heard before.
func (r *Receiver) known(ctx context.Context, m Webhook) (Webhook, error) {
	return db.Get(ctx, r.DB, scanWhole, table.Select()+" WHERE merchant_id = $1 AND provider_account = $2 AND event_id = $3",
		m.Merchant, m.Account, m.Event)
}

// waiting counts, over all tenants, the messages that wait to be applied, and those of them that were tried too often.
func (r *Receiver) waiting(ctx context.Context) (all, stuck int64, err error) {
	counts, err := db.Get(ctx, r.DB, func(s db.Scanner) (n [2]int64, err error) { return n, s.Scan(&n[0], &n[1]) },
		"SELECT count(*), count(CASE WHEN tries >= $1 THEN 1 END) FROM inbound_webhook WHERE due_at IS NOT NULL", int64(stuckAfter))
	return counts[0], counts[1], err
}

// prunePortion is how many messages one Prune deletes at most.
const prunePortion = 200_000

// Prune deletes the messages that came before a time, and tells how many. It ends early, without an error, when the context
// ends. What has waited to be applied until then is deleted too: nobody has mended it for as long as messages are kept.
func (r *Receiver) Prune(ctx context.Context, before time.Time) (int64, error) {
	return r.DB.PruneOlder(ctx, table, "id", id.Floor(id.InboundWebhook, before), prunePortion)
}
