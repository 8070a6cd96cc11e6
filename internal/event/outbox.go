package event

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/recent"
	"github.com/florinpay/florin/internal/id"
)

const (
	// endpointsAge is how long an outbox may go by the endpoints it read: another process's new endpoint hears of events
	// at most this much later.
	endpointsAge = time.Second
	cacheSize    = 10_000
)

// Outbox adds events to Changes.
type Outbox struct {
	store *Store
	ids   *id.Source
	known *recent.Cache[string, []Endpoint]
}

// NewOutbox makes an outbox over the endpoints in s.
func NewOutbox(s *Store, ids *id.Source, c clock.Clock) *Outbox {
	return &Outbox{store: s, ids: ids, known: recent.New[string, []Endpoint](c, endpointsAge, cacheSize)}
}

// Committed tells the sender that a Change has landed, so that its deliveries need not wait for the next sweep.
func (o *Outbox) Committed(c *db.Change) {
	if c.Touches(deliveryTable) {
		o.store.db.Wake(deliverySweep)
	}
}

// Emit adds an event about an object, and its deliveries, to a Change.
func (o *Outbox) Emit(ctx context.Context, c *db.Change, t Type, subject string, object any, now time.Time) error {
	endpoints, err := o.endpoints(ctx, c.Merchant())
	if err != nil {
		return fmt.Errorf("emit %s of %s: %w", t, subject, err)
	}
	data, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("emit %s of %s: %w", t, subject, err)
	}
	e := Event{Merchant: c.Merchant(), ID: o.ids.New(id.Event), Type: t, Subject: subject, CreatedAt: now}
	e.Body, err = json.Marshal(Object{
		ID: e.ID, Object: "event", Type: t, APIVersion: Version, CreatedAt: now,
		Livemode: id.Live(e.Merchant), Data: data,
	})
	if err != nil {
		return fmt.Errorf("emit %s of %s: %w", t, subject, err)
	}
	c.Add(eventRow(e))
	for _, to := range endpoints {
		if to.Wants(t) {
			d := Delivery{
				Merchant: e.Merchant, ID: o.ids.New(id.Delivery), Event: e.ID, Endpoint: to.ID,
				State: DeliveryPending, DueAt: now, CreatedAt: now,
			}
			c.Add(deliveryTable.Insert(deliveryValues(d)...))
		}
	}
	return nil
}

// endpoints is the tenant's endpoints, read at most a second ago.
func (o *Outbox) endpoints(ctx context.Context, tenant string) ([]Endpoint, error) {
	return o.known.Get(ctx, tenant, func(ctx context.Context) ([]Endpoint, error) { return o.store.Endpoints(ctx, tenant) })
}

// Forget drops what was read of a tenant's endpoints: this process just changed them.
func (o *Outbox) Forget(tenant string) { o.known.Forget(tenant) }
