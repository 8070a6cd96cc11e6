package event

import (
	"context"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
)

var eventTable = &db.Table{Name: "event", Key: 2, IDs: id.Event, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "type"}, {Name: "subject"},
	{Name: "body", Kind: db.Bytes}, {Name: "created_at", Kind: db.Int}, {Name: "thread"}, {Name: "sequence", Kind: db.Int},
}}

func eventRow(e Event) db.Row {
	return eventTable.Insert(e.Merchant, e.ID, string(e.Type), e.Subject, e.Body, db.Micros(e.CreatedAt), e.Thread, e.Sequence)
}

func scanEvent(r db.Scanner) (Event, error) {
	var e Event
	var at int64
	err := r.Scan(&e.Merchant, &e.ID, &e.Type, &e.Subject, &e.Body, &at, &e.Thread, &e.Sequence)
	e.CreatedAt = db.Time(at)
	return e, err
}

// Event is one event of a tenant; fault.NotFound if there is none.
func (s *Store) Event(ctx context.Context, tenant, event string) (Event, error) {
	return db.One(ctx, s.db, "event", scanEvent, eventTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, event)
}

// Events is a page of a tenant's events, newest first; of one type or about one object if they are given.
func (s *Store) Events(ctx context.Context, tenant string, p db.Page, t Type, subject string) ([]Event, bool, error) {
	var filters []db.Filter
	if t != "" {
		filters = append(filters, db.Filter{Column: "type", Value: string(t)})
	}
	if subject != "" {
		filters = append(filters, db.Filter{Column: "subject", Value: subject})
	}
	return db.ListPage(ctx, s.db, eventTable, scanEvent, tenant, p, filters...)
}

// EventsBetween is events of a tenant behind one id and before another, the oldest first, at most limit, without their bodies.
func (s *Store) EventsBetween(ctx context.Context, tenant, behind, before string, limit int) ([]Event, error) {
	return db.List(ctx, s.db, func(r db.Scanner) (Event, error) {
		e := Event{Merchant: tenant}
		return e, r.Scan(&e.ID, &e.Type, &e.Thread, &e.Sequence)
	}, "SELECT id, type, thread, sequence FROM event WHERE merchant_id = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4",
		tenant, behind, before, int64(limit))
}
