package webhook

import (
	"context"
	"fmt"
	"slices"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

// WithDelivery adds the caller's rows to a Change of a delivery; WithDeliveries, to one of several.
type (
	WithDelivery   func(c *db.Change, o event.DeliveryObject) error
	WithDeliveries func(c *db.Change, o []event.DeliveryObject) error
)

// Delivery is a delivery with its tries; fault.NotFound if there is none.
func (e *Endpoints) Delivery(ctx context.Context, tenant, delivery string) (event.DeliveryObject, error) {
	d, err := e.Store.Delivery(ctx, tenant, delivery)
	if err != nil {
		return event.DeliveryObject{}, err
	}
	tries, err := e.Store.Attempts(ctx, tenant, delivery)
	if err != nil {
		return event.DeliveryObject{}, err
	}
	sent, err := e.Store.Event(ctx, tenant, d.Event)
	if err != nil && !fault.Is(err, fault.NotFound) { // an event may be over before a delivery that a recovery made of it
		return event.DeliveryObject{}, fmt.Errorf("read the event of %s: %w", delivery, err)
	}
	o := d.Object()
	for _, t := range tries {
		o.Attempts = append(o.Attempts, t.Object(sent.Body))
	}
	return o, nil
}

// Deliveries is a page of a tenant's deliveries, newest first.
func (e *Endpoints) Deliveries(ctx context.Context, tenant string, p db.Page, f event.DeliveryFilter) ([]event.DeliveryObject, bool, error) {
	found, more, err := e.Store.Deliveries(ctx, tenant, p, f)
	objects := make([]event.DeliveryObject, len(found))
	for i, d := range found {
		objects[i] = d.Object()
	}
	return objects, more, err
}

// MaxRetries is how many deliveries may be sent again at once.
const MaxRetries = 100

// Retry has a delivery sent again, with its schedule begun anew: also one that succeeded. It fails with fault.NotFound, and with
// fault.Conflict where there is nobody, or nothing, to send to.
func (e *Endpoints) Retry(ctx context.Context, tenant, delivery string, with WithDelivery) (event.DeliveryObject, error) {
	if _, err := e.Store.Delivery(ctx, tenant, delivery); err != nil {
		return event.DeliveryObject{}, err
	}
	again, err := e.RetryAll(ctx, tenant, []string{delivery}, func(c *db.Change, o []event.DeliveryObject) error { return with(c, o[0]) })
	if err != nil {
		return event.DeliveryObject{}, err
	}
	return again[0], nil
}

// RetryAll is Retry of several, all or none. It fails with fault.Invalid, naming each that there is not.
func (e *Endpoints) RetryAll(ctx context.Context, tenant string, deliveries []string, with WithDeliveries) ([]event.DeliveryObject, error) {
	if err := checkRetry(deliveries); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		found, err := e.Store.Retriable(ctx, tenant, deliveries)
		if err != nil {
			return nil, err
		}
		again, err := e.again(ctx, tenant, deliveries, found)
		if err != nil {
			return nil, err
		}
		objects := make([]event.DeliveryObject, len(again))
		c := db.NewChange(tenant)
		for i, d := range again {
			c.Add(event.DeliveryRow(d))
			objects[i] = d.Object()
		}
		if err = with(c, objects); err == nil {
			err = e.DB.Commit(ctx, c)
		}
		if err == nil {
			e.Outbox.Committed(c)
			return objects, nil
		}
		if !fault.Is(err, fault.Stale) || try == changeTries {
			return nil, fmt.Errorf("send %d deliveries again: %w", len(again), err)
		}
	}
}

func checkRetry(deliveries []string) error {
	var wrong fault.Collect
	if len(deliveries) == 0 || len(deliveries) > MaxRetries {
		wrong.Add("deliveries", fault.CodeInvalid, fmt.Sprintf("must be 1 to %d", MaxRetries))
	}
	for i, d := range deliveries {
		if slices.Contains(deliveries[:i], d) {
			wrong.Add(fmt.Sprintf("deliveries[%d]", i), fault.CodeInvalid, "stands twice")
		}
	}
	return wrong.Err()
}

// again is the deliveries as they are sent again, in the order in which they were asked for.
func (e *Endpoints) again(ctx context.Context, tenant string, asked []string, found map[string]event.Retriable) ([]event.Delivery, error) {
	var missing fault.Collect
	for i, d := range asked {
		if _, ok := found[d]; !ok {
			missing.Add(fmt.Sprintf("deliveries[%d]", i), fault.CodeNotFound, "no such webhook delivery")
		}
	}
	if err := missing.Err(); err != nil {
		return nil, err
	}
	now := e.Clock.Now()
	again := make([]event.Delivery, len(asked))
	there := map[string]bool{}
	for i, one := range asked {
		d := found[one]
		if !d.Kept {
			return nil, fault.State("the event of " + d.ID + " is kept no longer")
		}
		if !there[d.Endpoint] {
			_, err := e.Store.Endpoint(ctx, tenant, d.Endpoint)
			if fault.Is(err, fault.NotFound) {
				return nil, fault.State("the endpoint of " + d.ID + " is deleted")
			}
			if err != nil {
				return nil, err
			}
			there[d.Endpoint] = true
		}
		again[i] = d.Again(now)
	}
	return again, nil
}
