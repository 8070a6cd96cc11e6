package event

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
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

// Outbox adds events to Changes, and tells those who listen in this process what has landed.
type Outbox struct {
	store *Store
	ids   *id.Source
	known *recent.Cache[string, []Endpoint]

	mu        sync.RWMutex
	listeners []*ear
}

type ear struct{ hear func(c *db.Change) }

// NewOutbox makes an outbox over the endpoints in s.
func NewOutbox(s *Store, ids *id.Source, c clock.Clock) *Outbox {
	return &Outbox{store: s, ids: ids, known: recent.New[string, []Endpoint](c, endpointsAge, cacheSize)}
}

// Listen has hear called with every Change that has landed, until stop is called. It is a hint, for what landed in this process:
// who must miss nothing looks at the tables too. hear runs in the way of a payment: it must be quick and must not block.
func (o *Outbox) Listen(hear func(c *db.Change)) (stop func()) {
	l := &ear{hear}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listeners = append(slices.Clone(o.listeners), l)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.listeners = slices.DeleteFunc(slices.Clone(o.listeners), func(other *ear) bool { return other == l })
	}
}

// Committed tells those who listen that a Change has landed.
func (o *Outbox) Committed(c *db.Change) {
	o.mu.RLock()
	all := o.listeners
	o.mu.RUnlock()
	for _, l := range all {
		l.hear(c)
	}
}

// Happened tells whether a Change brings events.
func Happened(c *db.Change) bool { return c.Touches(eventTable) }

// EventIn is the id of the first event that a Change brings; empty if it brings none.
func EventIn(c *db.Change) string {
	for _, row := range c.Rows(eventTable) {
		return row[1].(string)
	}
	return ""
}

// Emit adds an event about a fact, and its deliveries, to a Change.
func (o *Outbox) Emit(ctx context.Context, c *db.Change, f Fact, now time.Time) error {
	endpoints, err := o.endpoints(ctx, c.Merchant())
	if err != nil {
		return fmt.Errorf("emit %s of %s: %w", f.Type, f.Subject, err)
	}
	e, err := o.Event(c.Merchant(), f, now)
	if err != nil {
		return err
	}
	c.Add(eventRow(e))
	for _, to := range endpoints {
		if to.Wants(f.Type) {
			c.Add(DeliveryRow(o.Delivery(e, to, now)))
		}
	}
	return nil
}

// EmitTo adds an event and its delivery to one endpoint alone, whatever that wants, to a Change. Before due the caller may send it
// itself.
func (o *Outbox) EmitTo(c *db.Change, to Endpoint, f Fact, now, due time.Time) (Letter, error) {
	e, err := o.Event(c.Merchant(), f, now)
	if err != nil {
		return Letter{}, err
	}
	d := o.Delivery(e, to, now)
	d.DueAt = due
	c.Add(eventRow(e), DeliveryRow(d))
	d.Version = 1
	return Letter{d, e.Body}, nil
}

// Event renders a fact.
func (o *Outbox) Event(tenant string, f Fact, now time.Time) (Event, error) {
	data, err := json.Marshal(f.Object)
	if err != nil {
		return Event{}, fmt.Errorf("emit %s of %s: %w", f.Type, f.Subject, err)
	}
	e := Event{
		Merchant: tenant, ID: o.ids.New(id.Event), Type: f.Type, Subject: f.Subject, CreatedAt: now, Thread: f.Thread, Sequence: f.Sequence,
	}
	e.Body, err = Object{
		ID: e.ID, Object: "event", Type: f.Type, APIVersion: Version, CreatedAt: now, Livemode: id.Live(tenant), Data: data,
	}.render()
	if err != nil {
		return Event{}, fmt.Errorf("emit %s of %s: %w", f.Type, f.Subject, err)
	}
	return e, nil
}

// Delivery is a new delivery of an event to an endpoint, due now.
func (o *Outbox) Delivery(e Event, to Endpoint, now time.Time) Delivery {
	d := Delivery{
		Merchant: e.Merchant, ID: o.ids.New(id.Delivery), Event: e.ID, Endpoint: to.ID, Type: e.Type,
		State: DeliveryPending, DueAt: now, Since: now, CreatedAt: now,
	}
	if to.Ordering == ByObject {
		d.Thread, d.Sequence = e.Thread, e.Sequence
	}
	return d
}

// endpoints is the tenant's endpoints, read at most a second ago.
func (o *Outbox) endpoints(ctx context.Context, tenant string) ([]Endpoint, error) {
	return o.known.Get(ctx, tenant, func(ctx context.Context) ([]Endpoint, error) { return o.store.Endpoints(ctx, tenant) })
}

// Forget drops what was read of a tenant's endpoints: this process just changed them.
func (o *Outbox) Forget(tenant string) { o.known.Forget(tenant) }
