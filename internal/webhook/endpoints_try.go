package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

const (
	// testHold is how long a test's delivery is kept from its lane: longer than its try may take. If the process dies meanwhile, the
	// lane makes the try.
	testHold = time.Minute
	// testsOfTenant is how many tests of a tenant may be under way in a process: each holds a request for as long as its try.
	testsOfTenant = 8
)

// Test tells an endpoint of an event made for it alone, at once, whatever it wants, and also where it is disabled or its breaker
// is open: so one finds out whether it is mended. It gives the delivery with its try. A test that failed does not come again by
// itself, and the endpoint's standing stays as it is. begin goes with the Change before the try, end with the one behind it.
func (e *Endpoints) Test(ctx context.Context, tenant, endpoint string, begin, end WithDelivery) (event.DeliveryObject, error) {
	if !e.Sender.tests.Enter(tenant) {
		return event.DeliveryObject{}, errTests
	}
	defer e.Sender.tests.Leave(tenant)
	to, err := e.Store.Standing(ctx, tenant, endpoint)
	if err != nil {
		return event.DeliveryObject{}, err
	}
	now := e.Clock.Now()
	c := db.NewChange(tenant)
	letter, err := e.Outbox.EmitTo(c, to.Endpoint, event.Fact{Type: event.EndpointTest, Subject: to.ID, Object: to.Object(now)}, now, now.Add(testHold))
	if err != nil {
		return event.DeliveryObject{}, err
	}
	if err := begin(c, letter.Object()); err != nil {
		return event.DeliveryObject{}, err
	}
	if err := e.DB.Commit(ctx, c); err != nil {
		return event.DeliveryObject{}, fmt.Errorf("begin a test of %s: %w", endpoint, err)
	}
	e.Outbox.Committed(c)
	var tested event.DeliveryObject
	done := e.Sender.send(ctx, to.Endpoint, letter, func(c *db.Change, d event.Delivery, a event.Attempt) error {
		tested = d.Object()
		tested.Attempts = []event.AttemptObject{a.Object(letter.Body)}
		return end(c, tested)
	})
	return tested, done.err
}

var errTests = &fault.Error{
	Kind: fault.Unavailable, Code: fault.CodeOverloaded, Detail: "too many tests of your endpoints are under way", RetryAfter: time.Second,
}
