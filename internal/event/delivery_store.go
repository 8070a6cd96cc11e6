package event

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
)

var deliveryTable = &db.Table{Name: "webhook_delivery", Key: 2, IDs: id.Delivery, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "event_id"}, {Name: "endpoint_id"}, {Name: "type"}, {Name: "thread"}, {Name: "sequence", Kind: db.Int},
	{Name: "state"}, {Name: "attempts", Kind: db.Int}, {Name: "last_status", Kind: db.Int}, {Name: "last_error"},
	{Name: "last_at", Kind: db.Int, Null: true}, {Name: "due_at", Kind: db.Int, Null: true},
	{Name: "retried", Kind: db.Int}, {Name: "since", Kind: db.Int}, {Name: "created_at", Kind: db.Int},
}}

// DeliveryRow is the insert of a delivery, or its compare-and-set if it was read.
func DeliveryRow(d Delivery) db.Row {
	return deliveryTable.Write(d.Version,
		d.Merchant, d.ID, d.Event, d.Endpoint, string(d.Type), d.Thread, d.Sequence, string(d.State), d.Attempts, d.LastStatus, d.LastError,
		db.MicrosOrNil(d.LastAt), db.MicrosOrNil(d.DueAt), d.Retried, db.Micros(d.Since), db.Micros(d.CreatedAt),
	)
}

func scanDelivery(r db.Scanner, more ...any) (Delivery, error) {
	var d Delivery
	var since, created int64
	var last, due *int64
	into := []any{&d.Merchant, &d.ID, &d.Event, &d.Endpoint, &d.Type, &d.Thread, &d.Sequence, &d.State, &d.Attempts, &d.LastStatus, &d.LastError,
		&last, &due, &d.Retried, &since, &created, &d.Version}
	err := r.Scan(append(into, more...)...)
	d.LastAt, d.DueAt, d.Since, d.CreatedAt = db.NullTime(last), db.NullTime(due), db.Time(since), db.Time(created)
	return d, err
}

func scanOneDelivery(r db.Scanner) (Delivery, error) { return scanDelivery(r) }

// Delivery is one delivery of a tenant; fault.NotFound if there is none.
func (s *Store) Delivery(ctx context.Context, tenant, delivery string) (Delivery, error) {
	return db.One(ctx, s.db, "webhook delivery", scanOneDelivery, deliveryTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, delivery)
}

// DeliveryFilter chooses deliveries; empty fields choose all.
type DeliveryFilter struct {
	Endpoint string
	Event    string
	State    DeliveryState
}

// Deliveries is a page of a tenant's deliveries, newest first.
func (s *Store) Deliveries(ctx context.Context, tenant string, p db.Page, f DeliveryFilter) ([]Delivery, bool, error) {
	var filters []db.Filter
	if f.Event != "" {
		filters = append(filters, db.Filter{Column: "event_id", Value: f.Event})
	}
	if f.Endpoint != "" {
		filters = append(filters, db.Filter{Column: "endpoint_id", Value: f.Endpoint})
	}
	if f.Endpoint != "" && f.Event == "" && f.State == "" {
		states := make([]string, len(DeliveryStates))
		for i, state := range DeliveryStates {
			states[i] = string(state)
		}
		return db.ListAny(ctx, s.db, deliveryTable, scanOneDelivery, func(d Delivery) string { return d.ID }, tenant, p, "state", states, filters...)
	}
	if f.State != "" {
		filters = append(filters, db.Filter{Column: "state", Value: string(f.State), Constant: true})
	}
	return db.ListPage(ctx, s.db, deliveryTable, scanOneDelivery, tenant, p, filters...)
}

// DeliveriesOf is what there is of the deliveries of events to an endpoint, by event; at most one each.
func (s *Store) DeliveriesOf(ctx context.Context, tenant, endpoint string, events []string) (map[string]Delivery, error) {
	if len(events) == 0 {
		return nil, nil
	}
	args := []any{tenant, endpoint}
	for _, e := range events {
		args = append(args, e)
	}
	found, err := db.List(ctx, s.db, scanOneDelivery, deliveryTable.Select()+
		" WHERE merchant_id = $1 AND endpoint_id = $2 AND event_id IN "+db.In(3, len(events)), args...)
	if err != nil {
		return nil, fmt.Errorf("deliveries to %s: %w", endpoint, err)
	}
	of := make(map[string]Delivery, len(found))
	for _, d := range found {
		of[d.Event] = d
	}
	return of, nil
}

// Retriable is a delivery, and whether its event is still kept and it could be sent again.
type Retriable struct {
	Delivery
	Kept bool
}

// Retriable is those of some deliveries that there are, by their ids.
func (s *Store) Retriable(ctx context.Context, tenant string, deliveries []string) (map[string]Retriable, error) {
	if len(deliveries) == 0 {
		return nil, nil
	}
	args := []any{tenant}
	for _, d := range deliveries {
		args = append(args, d)
	}
	found, err := db.List(ctx, s.db, func(r db.Scanner) (Retriable, error) {
		var kept int64
		d, err := scanDelivery(r, &kept)
		return Retriable{d, kept > 0}, err
	}, "SELECT "+qualified("d", deliveryTable)+`, CAST((SELECT COUNT(*) FROM event e WHERE e.merchant_id = d.merchant_id AND e.id = d.event_id) AS BIGINT)
		FROM webhook_delivery d WHERE d.merchant_id = $1 AND d.id IN `+db.In(2, len(deliveries)), args...)
	if err != nil {
		return nil, fmt.Errorf("read %d deliveries: %w", len(deliveries), err)
	}
	by := make(map[string]Retriable, len(found))
	for _, d := range found {
		by[d.ID] = d
	}
	return by, nil
}

// Waiting is deliveries to an endpoint that are pending, at most limit.
func (s *Store) Waiting(ctx context.Context, tenant, endpoint string, limit int) ([]Delivery, error) {
	return db.List(ctx, s.db, scanOneDelivery, deliveryTable.Select()+
		" WHERE merchant_id = $1 AND endpoint_id = $2 AND state = 'pending' ORDER BY id LIMIT $3", tenant, endpoint, int64(limit))
}

// Letter is a delivery with the event that it carries.
type Letter struct {
	Delivery
	Body []byte
}

// inOrder leaves out deliveries before which another one of their thread is still pending.
const inOrder = ` AND (d.thread = '' OR NOT EXISTS (SELECT 1 FROM webhook_delivery b WHERE b.merchant_id = d.merchant_id AND b.endpoint_id = d.endpoint_id
	AND b.thread = d.thread AND b.thread <> '' AND b.due_at IS NOT NULL AND b.sequence < d.sequence))`

// End is which end of a lane is read from.
type End string

// The ends.
const (
	Oldest End = "ASC"
	Newest End = "DESC"
)

// Due is what is due in a lane from one time to another, from one end of it, at most limit. Of a thread only the first that is
// pending is among it.
func (s *Store) Due(ctx context.Context, tenant, endpoint string, since, now time.Time, from End, limit int) ([]Letter, error) {
	due, err := db.List(ctx, s.db, func(r db.Scanner) (Letter, error) {
		var l Letter
		d, err := scanDelivery(r, &l.Body)
		l.Delivery = d
		return l, err
	}, "SELECT "+qualified("d", deliveryTable)+`, e.body FROM webhook_delivery d JOIN event e ON e.merchant_id = d.merchant_id AND e.id = d.event_id
		WHERE d.merchant_id = $1 AND d.endpoint_id = $2 AND d.due_at <= $3 AND d.due_at >= $5 AND d.due_at IS NOT NULL`+inOrder+
		fmt.Sprintf(" ORDER BY d.due_at %[1]s, d.id %[1]s LIMIT $4", from),
		tenant, endpoint, db.Micros(now), int64(limit), db.Micros(since))
	if err != nil {
		return nil, fmt.Errorf("due webhooks of %s: %w", endpoint, err)
	}
	return due, nil
}

var attemptTable = &db.Table{Name: "webhook_attempt", Key: 3, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "delivery_id"}, {Name: "number", Kind: db.Int}, {Name: "url"}, {Name: "request_header"},
	{Name: "status", Kind: db.Int}, {Name: "error"}, {Name: "response_header"}, {Name: "response_body", Kind: db.Bytes}, {Name: "truncated", Kind: db.Int},
	{Name: "first_byte", Kind: db.Int}, {Name: "duration", Kind: db.Int}, {Name: "created_at", Kind: db.Int},
}}

// AttemptRow is the insert of a try.
func AttemptRow(a Attempt) (db.Row, error) {
	request, err := json.Marshal(orNone(a.RequestHeader))
	if err != nil {
		return db.Row{}, fmt.Errorf("write a try of %s: %w", a.Delivery, err)
	}
	response, err := json.Marshal(orNone(a.ResponseHeader))
	if err != nil {
		return db.Row{}, fmt.Errorf("write a try of %s: %w", a.Delivery, err)
	}
	body := a.ResponseBody
	if body == nil {
		body = []byte{}
	}
	return attemptTable.Insert(a.Merchant, a.Delivery, a.Number, a.URL, string(request), a.Status, a.Error, string(response), body,
		db.Bit(a.Truncated), a.FirstByte.Microseconds(), a.Duration.Microseconds(), db.Micros(a.CreatedAt)), nil
}

// maxTries bounds how many tries of a delivery are shown: the schedule has fewer.
const maxTries = 100

// Attempts is the last tries of a delivery, the first one first.
func (s *Store) Attempts(ctx context.Context, tenant, delivery string) ([]Attempt, error) {
	found, err := db.List(ctx, s.db, scanAttempt, attemptTable.Select()+
		" WHERE merchant_id = $1 AND delivery_id = $2 ORDER BY number DESC LIMIT $3", tenant, delivery, int64(maxTries))
	if err != nil {
		return nil, fmt.Errorf("tries of %s: %w", delivery, err)
	}
	slices.Reverse(found)
	return found, nil
}

func scanAttempt(r db.Scanner) (Attempt, error) {
	var a Attempt
	var request, response string
	var truncated, first, took, created int64
	if err := r.Scan(&a.Merchant, &a.Delivery, &a.Number, &a.URL, &request, &a.Status, &a.Error, &response, &a.ResponseBody, &truncated, &first, &took, &created); err != nil {
		return Attempt{}, err
	}
	a.Truncated, a.FirstByte, a.Duration = truncated != 0, time.Duration(first)*time.Microsecond, time.Duration(took)*time.Microsecond
	a.CreatedAt = db.Time(created)
	if err := json.Unmarshal([]byte(request), &a.RequestHeader); err != nil {
		return Attempt{}, fmt.Errorf("read a try of %s: %w", a.Delivery, err)
	}
	if err := json.Unmarshal([]byte(response), &a.ResponseHeader); err != nil {
		return Attempt{}, fmt.Errorf("read a try of %s: %w", a.Delivery, err)
	}
	return a, nil
}
