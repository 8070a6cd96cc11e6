package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/strict"
	"github.com/florinpay/florin/internal/webhook"
)

type createEndpoint struct {
	URL         string   `json:"url" minLength:"1" maxLength:"2048" check:"printable" doc:"Where to send events: an https address on the public internet." example:"https://shop.example/webhooks"`
	Events      []string `json:"events" maxItems:"50" check:"filter" doc:"Types, prefixes such as payment.*, or * for all." example:"payment.*"`
	Description string   `json:"description,omitempty" maxLength:"500" check:"printable" doc:"For you."`
	Metadata    Metadata `json:"metadata,omitempty" doc:"Up to 50 keys of up to 40 characters, with values of up to 500."`
}

// updateEndpoint has no url: what listens elsewhere is another endpoint, with a secret of its own.
type updateEndpoint struct {
	Events      []string `json:"events,omitempty" maxItems:"50" check:"filter" doc:"Types, prefixes such as payment.*, or * for all."`
	Status      *string  `json:"status,omitempty" enum:"enabled,disabled" doc:"Whether events are sent. What happens while it is disabled is not sent later."`
	Description *string  `json:"description,omitempty" maxLength:"500" check:"printable" doc:"For you."`
	Metadata    Metadata `json:"metadata,omitempty" doc:"Replaces all of it."`
}

func (b *createEndpoint) Check(f *strict.Faults, _ time.Time) { someFilter(f, b.Events, true) }
func (b *updateEndpoint) Check(f *strict.Faults, _ time.Time) {
	someFilter(f, b.Events, b.Events != nil)
}

func someFilter(f *strict.Faults, filters []string, given bool) {
	if given && len(filters) == 0 {
		f.Add("events", fault.CodeInvalid, "must have at least one item")
	}
}

type endpointList struct {
	Object  string                 `json:"object" enum:"list"`
	Data    []event.EndpointObject `json:"data"`
	HasMore bool                   `json:"has_more" doc:"Whether more follow in the direction that was asked for."`
}

type listEndpointsInput struct{ Paging }

// Resolve checks the query.
func (in *listEndpointsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) { in.check(f, id.Endpoint) })
}

func (a *API) registerEndpoints() {
	object := reflect.TypeFor[event.EndpointObject]()
	const tag, all, one = "Webhooks", "/v1/webhook_endpoints", "/v1/webhook_endpoints/{id}"
	register(a, operation{
		id: "createWebhookEndpoint", method: http.MethodPost, path: all, tag: tag, summary: "Create a webhook endpoint",
		doc:   "The answer has the signing secret, which is not shown again.",
		scope: access.WebhooksWrite, status: http.StatusCreated, answer: object,
		sample: `{"url":"https://shop.example/webhooks","events":["payment.*","refund.*"]}`,
		body:   reflect.TypeFor[createEndpoint](), shows: story{"events": []string{"payment.*", "refund.*"}, "WebhookEndpoint.secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "metadata": map[string]string{}},
	}, a.createEndpoint)
	register(a, operation{
		id: "listWebhookEndpoints", method: http.MethodGet, path: all, tag: tag, summary: "List webhook endpoints",
		doc:   "A merchant has at most 100.",
		scope: access.WebhooksRead, status: http.StatusOK, answer: reflect.TypeFor[endpointList](),
	}, a.listEndpoints)
	register(a, operation{
		id: "getWebhookEndpoint", method: http.MethodGet, path: one, tag: tag, summary: "Get a webhook endpoint",
		scope: access.WebhooksRead, status: http.StatusOK, answer: object,
	}, a.getEndpoint)
	register(a, operation{
		id: "updateWebhookEndpoint", method: http.MethodPatch, path: one, tag: tag, summary: "Change a webhook endpoint",
		doc:   "What is not given stays. To move to another address, create an endpoint there and delete this one.",
		scope: access.WebhooksWrite, status: http.StatusOK, answer: object, sample: `{"status":"disabled"}`,
		body: reflect.TypeFor[updateEndpoint](), shows: story{"WebhookEndpoint.status": "disabled"},
	}, a.updateEndpoint)
	register(a, operation{
		id: "deleteWebhookEndpoint", method: http.MethodDelete, path: one, tag: tag, summary: "Delete a webhook endpoint",
		doc:   "Deliveries that wait for it are given up.",
		scope: access.WebhooksWrite, status: http.StatusNoContent,
	}, a.deleteEndpoint)
}

func (a *API) createEndpoint(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[createEndpoint](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		o.secret = true // shown here, once, and in a repeat of this request
		return a.Endpoints.Create(ctx, tenant, webhook.EndpointInput{
			URL: body.URL, Events: body.Events, Description: body.Description, Metadata: body.Metadata,
		}, func(c *db.Change, made event.EndpointObject) error {
			c.Add(rq.by().Record(a.IDs, a.Clock.Now(), tenant, "webhook_endpoint.created", made.ID, map[string]string{"url": made.URL}).Row())
			return o.Result(c, made, nil)
		})
	}, a.showEndpoint(tenant))
}

func (a *API) updateEndpoint(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Endpoint) {
		return answer{}, fault.Missing("webhook endpoint")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[updateEndpoint](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		e, err := a.EndpointRows.Standing(ctx, tenant, in.ID)
		if err != nil {
			return nil, err
		}
		changed := body.apply(&e.Endpoint)
		row, err := a.EndpointRows.EndpointUpdate(e.Endpoint)
		if err != nil {
			return nil, err
		}
		record := rq.by().Record(a.IDs, a.Clock.Now(), tenant, "webhook_endpoint.updated", e.ID, changed)
		object := e.Object(a.Clock.Now())
		if err := o.commit(ctx, object, row, record.Row()); err != nil {
			return nil, fmt.Errorf("write endpoint %s: %w", e.ID, err)
		}
		if a.EndpointsChanged != nil {
			a.EndpointsChanged(tenant)
		}
		return object, nil
	}, a.showEndpoint(tenant))
}

// apply changes what was given and tells what that was, for the audit trail.
func (b *updateEndpoint) apply(e *event.Endpoint) map[string]string {
	changed := map[string]string{}
	if b.Events != nil {
		e.Filters, changed["events"] = b.Events, fmt.Sprint(b.Events)
	}
	if b.Status != nil {
		e.Status, changed["status"] = event.EndpointStatus(*b.Status), *b.Status
	}
	if b.Description != nil {
		e.Description, changed["description"] = *b.Description, "replaced"
	}
	if b.Metadata != nil {
		e.Metadata, changed["metadata"] = b.Metadata, "replaced"
	}
	return changed
}

func (a *API) showEndpoint(tenant string) view {
	return func(ctx context.Context, subject string) (shown, error) {
		e, err := a.Endpoints.Get(ctx, tenant, subject)
		return shown{object: e}, err
	}
}

func (a *API) getEndpoint(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Endpoint) {
		return answer{}, fault.Missing("webhook endpoint")
	}
	return show(a.Endpoints.Get(ctx, rq.principal.Tenant, in.ID))
}

func (a *API) listEndpoints(ctx context.Context, rq *request, in *listEndpointsInput) (answer, error) {
	found, err := a.Endpoints.List(ctx, rq.principal.Tenant)
	data, more := stretch(found, in.page(), func(e event.EndpointObject) (string, time.Time) { return e.ID, e.CreatedAt })
	return show(endpointList{"list", orEmpty(data), more}, err)
}

func (a *API) deleteEndpoint(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Endpoint) {
		return answer{}, fault.Missing("webhook endpoint")
	}
	return answer{Status: http.StatusNoContent}, a.Endpoints.Delete(ctx, rq.principal.Tenant, in.ID)
}

// by is who acts, for the audit trail.
func (rq *request) by() audit.By { return audit.By{Actor: rq.principal.KeyID, RequestID: rq.ID} }
