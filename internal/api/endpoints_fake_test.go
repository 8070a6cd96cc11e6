package api

import (
	"context"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/webhook"
)

type fakeEndpoints struct{ commit func(*db.Change) error }

func someEndpoint(merchant string) event.Standing {
	return event.Standing{Endpoint: event.Endpoint{
		Merchant: merchant, ID: "we_" + someID, URL: "https://shop.example/", Filters: []string{"*"}, Status: event.Enabled, Ordering: event.Unordered,
		Concurrency: event.DefaultConcurrency, CreatedAt: start, Version: 1,
	}}
}

func someDelivery() event.DeliveryObject {
	o := event.Delivery{
		Merchant: tenant, ID: "wd_" + someID, Event: "evt_" + someID, Endpoint: "we_" + someID, State: event.DeliveryPending, Attempts: 1, LastAt: start, DueAt: start, CreatedAt: start,
	}.Object()
	a := event.Attempt{Number: 1, URL: "https://shop.example/", Status: 200, ResponseBody: []byte("ok"), CreatedAt: start}
	o.Attempts = []event.AttemptObject{a.Object([]byte("{}")), event.Attempt{Number: 2, Error: "no", CreatedAt: start}.Object(nil)}
	return o
}

func someRecovery() event.RecoveryObject {
	return event.Recovery{
		Merchant: tenant, ID: "wr_" + someID, Endpoint: "we_" + someID, Kind: event.Resend, Filters: []string{"*"}, States: event.DeliveryStates,
		Since: start, Until: start, DueAt: start, CreatedAt: start,
	}.Object()
}

// write runs what the caller adds to a Change.
func (f fakeEndpoints) write(merchant string, with func(c *db.Change) error) error {
	if merchant != tenant {
		return fault.Missing("webhook endpoint")
	}
	c := db.NewChange(merchant)
	if err := with(c); err != nil || f.commit == nil {
		return err
	}
	return f.commit(c)
}

func (f fakeEndpoints) changed(merchant string, o event.EndpointObject, with webhook.With) (event.EndpointObject, error) {
	return o, f.write(merchant, func(c *db.Change) error { return with(c, o) })
}

func (f fakeEndpoints) Create(_ context.Context, merchant string, in webhook.EndpointInput, with webhook.With) (event.EndpointObject, error) {
	e := someEndpoint(merchant)
	e.URL, e.Filters, e.Description, e.Metadata = in.URL, in.Events, in.Description, in.Metadata
	o := e.Object(start)
	o.Secret = "whsec_c2VjcmV0"
	return f.changed(merchant, o, with)
}

func (fakeEndpoints) Get(_ context.Context, merchant, _ string) (event.EndpointObject, error) {
	if merchant != tenant {
		return event.EndpointObject{}, fault.Missing("webhook endpoint")
	}
	return someEndpoint(merchant).Object(start), nil
}

func (fakeEndpoints) List(_ context.Context, merchant string) ([]event.EndpointObject, error) {
	return []event.EndpointObject{someEndpoint(merchant).Object(start)}, nil
}

func (f fakeEndpoints) Update(_ context.Context, merchant, _ string, _ webhook.EndpointChange, with webhook.With) (event.EndpointObject, error) {
	return f.changed(merchant, someEndpoint(merchant).Object(start), with)
}

func (f fakeEndpoints) Enable(_ context.Context, merchant, _ string, with webhook.With) (event.EndpointObject, error) {
	return f.changed(merchant, someEndpoint(merchant).Object(start), with)
}

func (f fakeEndpoints) Disable(_ context.Context, merchant, _ string, with webhook.With) (event.EndpointObject, error) {
	e := someEndpoint(merchant)
	e.Status, e.DisabledReason, e.DisabledAt = event.Disabled, event.DisabledByMerchant, start
	return f.changed(merchant, e.Object(start), with)
}

func (f fakeEndpoints) RotateSecret(_ context.Context, merchant, _ string, _ webhook.Rotation, with webhook.With) (event.EndpointObject, error) {
	o := someEndpoint(merchant).Object(start)
	o.Secret = "whsec_c2VjcmV0"
	return f.changed(merchant, o, with)
}

func (f fakeEndpoints) Delete(_ context.Context, merchant, _ string, with webhook.With) error {
	_, err := f.changed(merchant, someEndpoint(merchant).Object(start), with)
	return err
}

func (f fakeEndpoints) Test(_ context.Context, merchant, _ string, begin, end webhook.WithDelivery) (event.DeliveryObject, error) {
	o := someDelivery()
	if err := f.write(merchant, func(c *db.Change) error { return begin(c, o) }); err != nil {
		return o, err
	}
	return o, f.write(merchant, func(c *db.Change) error { return end(c, o) })
}

func (f fakeEndpoints) Recover(_ context.Context, merchant, _ string, _ webhook.RecoveryInput, with webhook.WithRecovery) (event.RecoveryObject, error) {
	return someRecovery(), f.write(merchant, func(c *db.Change) error { return with(c, someRecovery()) })
}

func (fakeEndpoints) Delivery(_ context.Context, merchant, _ string) (event.DeliveryObject, error) {
	if merchant != tenant {
		return event.DeliveryObject{}, fault.Missing("delivery")
	}
	return someDelivery(), nil
}

func (fakeEndpoints) Deliveries(context.Context, string, db.Page, event.DeliveryFilter) ([]event.DeliveryObject, bool, error) {
	return []event.DeliveryObject{someDelivery()}, false, nil
}

func (f fakeEndpoints) Retry(_ context.Context, merchant, _ string, with webhook.WithDelivery) (event.DeliveryObject, error) {
	return someDelivery(), f.write(merchant, func(c *db.Change) error { return with(c, someDelivery()) })
}

func (f fakeEndpoints) RetryAll(_ context.Context, merchant string, _ []string, with webhook.WithDeliveries) ([]event.DeliveryObject, error) {
	all := []event.DeliveryObject{someDelivery()}
	return all, f.write(merchant, func(c *db.Change) error { return with(c, all) })
}

func (fakeEndpoints) Recovery(_ context.Context, merchant, _ string) (event.RecoveryObject, error) {
	if merchant != tenant {
		return event.RecoveryObject{}, fault.Missing("recovery")
	}
	return someRecovery(), nil
}

func (fakeEndpoints) Recoveries(context.Context, string, db.Page, string) ([]event.RecoveryObject, bool, error) {
	return []event.RecoveryObject{someRecovery()}, false, nil
}
