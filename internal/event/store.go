package event

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/seal"
	"github.com/florinpay/florin/internal/secret"
)

//go:embed migrations/*.sql
var migrations embed.FS

var eventTable = &db.Table{Name: "event", Key: 2, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "type"}, {Name: "subject"},
	{Name: "body", Kind: db.Bytes}, {Name: "created_at", Kind: db.Int},
}}

var endpointTable = &db.Table{Name: "webhook_endpoint", Key: 2, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "url"}, {Name: "filters"}, {Name: "status"}, {Name: "description"},
	{Name: "secret", Kind: db.Bytes}, {Name: "metadata"}, {Name: "created_at", Kind: db.Int},
}}

var deliveryTable = &db.Table{Name: "webhook_delivery", Key: 2, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "event_id"}, {Name: "endpoint_id"}, {Name: "state"},
	{Name: "attempts", Kind: db.Int}, {Name: "last_status", Kind: db.Int}, {Name: "last_error"},
	{Name: "last_at", Kind: db.Int, Null: true}, {Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int},
}}

// Schema is the outbox's tables.
var Schema = db.Schema{Package: "event", Migrations: migrations, Tables: []*db.Table{eventTable, endpointTable, deliveryTable}}

// Store reads events, endpoints and deliveries. Endpoint secrets are sealed in the table.
type Store struct {
	db  *db.DB
	box *seal.Box
}

// NewStore reads the outbox in d and opens secrets with box.
func NewStore(d *db.DB, box *seal.Box) *Store { return &Store{d, box} }

func eventRow(e Event) db.Row {
	return eventTable.Insert(e.Merchant, e.ID, string(e.Type), e.Subject, e.Body, db.Micros(e.CreatedAt))
}

func scanEvent(r db.Scanner) (Event, error) {
	var e Event
	var at int64
	err := r.Scan(&e.Merchant, &e.ID, &e.Type, &e.Subject, &e.Body, &at)
	e.CreatedAt = db.Time(at)
	return e, err
}

// Event is one event of a tenant; fault.NotFound if there is none.
func (s *Store) Event(ctx context.Context, tenant, event string) (Event, error) {
	return db.Get(ctx, s.db, scanEvent, eventTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, event)
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

// EndpointRow is the insert of a new endpoint, its secret sealed.
func (s *Store) EndpointRow(e Endpoint) (db.Row, error) {
	values, err := s.endpointValues(e)
	if err != nil {
		return db.Row{}, err
	}
	return endpointTable.Insert(values...), nil
}

// EndpointUpdate is the compare-and-set of an endpoint that was read.
func (s *Store) EndpointUpdate(e Endpoint) (db.Row, error) {
	values, err := s.endpointValues(e)
	if err != nil {
		return db.Row{}, err
	}
	return endpointTable.Update(e.Version, values...), nil
}

func (s *Store) endpointValues(e Endpoint) ([]any, error) {
	plain := make([]string, len(e.Secrets))
	for i, one := range e.Secrets {
		plain[i] = one.Reveal()
	}
	sealed, err := s.box.Seal([]byte(strings.Join(plain, " ")), secretContext(e.Merchant, e.ID))
	if err != nil {
		return nil, fmt.Errorf("seal the secrets of %s: %w", e.ID, err)
	}
	metadata, err := json.Marshal(e.Metadata)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", e.ID, err)
	}
	return []any{
		e.Merchant, e.ID, e.URL, strings.Join(e.Filters, " "), string(e.Status), e.Description,
		sealed, string(metadata), db.Micros(e.CreatedAt),
	}, nil
}

func secretContext(merchant, endpoint string) []byte { return []byte(merchant + " " + endpoint) }

func (s *Store) scanEndpoint(r db.Scanner) (Endpoint, error) {
	var e Endpoint
	var at int64
	var filters, metadata string
	var sealed []byte
	if err := r.Scan(&e.Merchant, &e.ID, &e.URL, &filters, &e.Status, &e.Description, &sealed, &metadata, &at, &e.Version); err != nil {
		return Endpoint{}, err
	}
	plain, err := s.box.Open(sealed, secretContext(e.Merchant, e.ID))
	if err != nil {
		return Endpoint{}, fmt.Errorf("open the secrets of %s: %w", e.ID, err)
	}
	for _, one := range strings.Fields(string(plain)) {
		e.Secrets = append(e.Secrets, secret.New(one))
	}
	e.Filters, e.CreatedAt = strings.Fields(filters), db.Time(at)
	return e, json.Unmarshal([]byte(metadata), &e.Metadata)
}

// MaxEndpoints is how many endpoints a tenant may have.
const MaxEndpoints = 100

// ErrTooManyEndpoints refuses one more.
var ErrTooManyEndpoints = fault.New(fault.Conflict, "too_many_endpoints", "a merchant may have 100 webhook endpoints")

// Endpoints is every endpoint of a tenant, oldest first.
func (s *Store) Endpoints(ctx context.Context, tenant string) ([]Endpoint, error) {
	return db.List(ctx, s.db, s.scanEndpoint, endpointTable.Select()+" WHERE merchant_id = $1 AND status <> $2 ORDER BY id LIMIT $3",
		tenant, string(Deleted), int64(MaxEndpoints))
}

// Endpoint is one endpoint of a tenant; fault.NotFound if there is none.
func (s *Store) Endpoint(ctx context.Context, tenant, endpoint string) (Endpoint, error) {
	return db.Get(ctx, s.db, s.scanEndpoint, endpointTable.Select()+" WHERE merchant_id = $1 AND id = $2 AND status <> $3",
		tenant, endpoint, string(Deleted))
}

func deliveryValues(d Delivery) []any {
	return []any{
		d.Merchant, d.ID, d.Event, d.Endpoint, string(d.State), d.Attempts, d.LastStatus, d.LastError,
		db.MicrosOrNil(d.LastAt), db.MicrosOrNil(d.DueAt), db.Micros(d.CreatedAt),
	}
}

// DeliveryUpdate is the compare-and-set of a delivery that was read.
func DeliveryUpdate(d Delivery) db.Row { return deliveryTable.Update(d.Version, deliveryValues(d)...) }

func scanDelivery(r db.Scanner) (Delivery, error) {
	var d Delivery
	var created int64
	var last, due *int64
	err := r.Scan(&d.Merchant, &d.ID, &d.Event, &d.Endpoint, &d.State, &d.Attempts, &d.LastStatus, &d.LastError,
		&last, &due, &created, &d.Version)
	d.LastAt, d.DueAt, d.CreatedAt = db.NullTime(last), db.NullTime(due), db.Time(created)
	return d, err
}

// Delivery is one delivery of a tenant; fault.NotFound if there is none.
func (s *Store) Delivery(ctx context.Context, tenant, delivery string) (Delivery, error) {
	return db.Get(ctx, s.db, scanDelivery, deliveryTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, delivery)
}

// Deliveries is a page of a tenant's deliveries, newest first; to one endpoint or of one event if they are given.
func (s *Store) Deliveries(ctx context.Context, tenant string, p db.Page, endpoint, event string) ([]Delivery, bool, error) {
	var filters []db.Filter
	if endpoint != "" {
		filters = append(filters, db.Filter{Column: "endpoint_id", Value: endpoint})
	}
	if event != "" {
		filters = append(filters, db.Filter{Column: "event_id", Value: event})
	}
	return db.ListPage(ctx, s.db, deliveryTable, scanDelivery, tenant, p, filters...)
}

const deliverySweep = "webhook deliveries"

// DeliverySweep is the queue of deliveries that are due. An endpoint that hangs takes a quarter of it.
func DeliverySweep(handle func(ctx context.Context, key []string) error) db.Sweep {
	return db.Sweep{
		Name: deliverySweep, Table: deliveryTable, Lease: time.Minute, Every: 500 * time.Millisecond, Limit: 256, Handle: handle,
		Group: "endpoint_id", Share: 64,
	}
}
