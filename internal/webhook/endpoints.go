package webhook

import (
	"context"
	"fmt"
	"io"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/secret"
)

// Endpoints are the addresses that merchants want to hear at.
type Endpoints struct {
	DB           *db.DB
	Store        *event.Store
	Outbox       *event.Outbox
	Clock        clock.Clock
	IDs          *id.Source
	Random       io.Reader
	AllowPrivate bool // loopback and private networks: for development
}

// EndpointInput is what a merchant says of an endpoint.
type EndpointInput struct {
	URL         string
	Events      []string // types, prefixes such as payment.*, or *
	Description string
	Metadata    map[string]string
}

// With adds the caller's rows, such as an idempotency record with the answer, to the Change that makes or changes an
// endpoint.
type With func(c *db.Change, o event.EndpointObject) error

// Create makes an endpoint, enabled, and gives it back with its secret, which is never shown again.
// It fails with fault.Invalid, naming every wrong field, and with fault.Conflict at a hundred endpoints.
func (e *Endpoints) Create(ctx context.Context, tenant string, in EndpointInput, with With) (event.EndpointObject, error) {
	if err := e.check(in); err != nil {
		return event.EndpointObject{}, err
	}
	existing, err := e.Store.Endpoints(ctx, tenant)
	if err != nil {
		return event.EndpointObject{}, fmt.Errorf("list endpoints: %w", err)
	}
	if len(existing) >= event.MaxEndpoints {
		return event.EndpointObject{}, event.ErrTooManyEndpoints
	}
	signing, err := newSecret(e.Random)
	if err != nil {
		return event.EndpointObject{}, err
	}
	endpoint := event.Endpoint{
		Merchant: tenant, ID: e.IDs.New(id.Endpoint), URL: in.URL, Filters: in.Events, Status: event.Enabled,
		Description: in.Description, Secrets: []secret.Text{signing}, Metadata: in.Metadata, CreatedAt: e.Clock.Now(),
	}
	row, err := e.Store.EndpointRow(endpoint)
	if err != nil {
		return event.EndpointObject{}, err
	}
	object := endpoint.Object()
	object.Secret = signing.Reveal()
	return object, e.commit(ctx, db.NewChange(tenant, row), object, with)
}

// Get is an endpoint; fault.NotFound if there is none.
func (e *Endpoints) Get(ctx context.Context, tenant, endpoint string) (event.EndpointObject, error) {
	found, err := e.Store.Endpoint(ctx, tenant, endpoint)
	return found.Object(), err
}

// List is every endpoint of a tenant, newest first.
func (e *Endpoints) List(ctx context.Context, tenant string) ([]event.EndpointObject, error) {
	found, err := e.Store.Endpoints(ctx, tenant)
	if err != nil {
		return nil, err
	}
	objects := make([]event.EndpointObject, 0, len(found))
	for i := len(found) - 1; i >= 0; i-- {
		objects = append(objects, found[i].Object())
	}
	return objects, nil
}

// Delete takes an endpoint away. Deliveries that wait for it are given up.
func (e *Endpoints) Delete(ctx context.Context, tenant, endpoint string) error {
	found, err := e.Store.Endpoint(ctx, tenant, endpoint)
	if err != nil {
		return err
	}
	found.Status = event.Deleted
	row, err := e.Store.EndpointUpdate(found)
	if err != nil {
		return err
	}
	return e.commit(ctx, db.NewChange(tenant, row), found.Object(), func(*db.Change, event.EndpointObject) error { return nil })
}

func (e *Endpoints) commit(ctx context.Context, c *db.Change, o event.EndpointObject, with With) error {
	if err := with(c, o); err != nil {
		return err
	}
	if err := e.DB.Commit(ctx, c); err != nil {
		return fmt.Errorf("write endpoint %s: %w", o.ID, err)
	}
	e.Outbox.Forget(c.Merchant())
	return nil
}

func (e *Endpoints) check(in EndpointInput) error {
	var wrong fault.Collect
	if wrongURL := checkURL(in.URL, e.AllowPrivate); wrongURL != "" {
		wrong.Add("url", fault.CodeInvalid, wrongURL)
	}
	if len(in.Events) == 0 || len(in.Events) > len(event.Types)+1 {
		wrong.Add("events", fault.CodeInvalid, "name the event types, or * for all")
	}
	for i, filter := range in.Events {
		if err := event.CheckFilter(filter); err != nil {
			wrong.Add(fmt.Sprintf("events[%d]", i), fault.CodeInvalid, err.Error())
		}
	}
	return wrong.Err()
}
