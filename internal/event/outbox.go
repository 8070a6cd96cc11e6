package event

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
)

// endpointsAge is how long an outbox may go by the endpoints it read: another process's new endpoint hears of events
// at most this much later.
const endpointsAge = time.Second

// Outbox adds events to Changes.
type Outbox struct {
	store *Store
	ids   *id.Source
	clock clock.Clock

	mu     sync.Mutex
	cached map[string]cachedEndpoints
}

type cachedEndpoints struct {
	endpoints []Endpoint
	readAt    time.Time
}

// NewOutbox makes an outbox over the endpoints in s.
func NewOutbox(s *Store, ids *id.Source, c clock.Clock) *Outbox {
	return &Outbox{store: s, ids: ids, clock: c, cached: map[string]cachedEndpoints{}}
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
	now := o.clock.Now()
	o.mu.Lock()
	hit, ok := o.cached[tenant]
	o.mu.Unlock()
	if ok && now.Sub(hit.readAt) < endpointsAge {
		return hit.endpoints, nil
	}
	endpoints, err := o.store.Endpoints(ctx, tenant)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	o.cached[tenant] = cachedEndpoints{endpoints, now}
	o.mu.Unlock()
	return endpoints, nil
}

// Forget drops what was read of a tenant's endpoints: this process just changed them.
func (o *Outbox) Forget(tenant string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.cached, tenant)
}
