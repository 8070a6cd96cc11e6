package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/strict"
	"github.com/florinpay/florin/internal/webhook"
)

type createEndpoint struct {
	URL               string              `json:"url" minLength:"1" maxLength:"2048" check:"printable" doc:"Where to send events: an https address on the public internet. Or mailto: and an address, where the operator lets mail be sent." example:"https://shop.example/webhooks"`
	Events            []string            `json:"events" maxItems:"50" check:"filter" doc:"Types, prefixes such as payment.*, or * for all." example:"payment.*"`
	Version           string              `json:"version,omitempty" enum:"2026-11-22" default:"2026-11-22" doc:"The data version to render its events in. There is one so far."`
	Description       string              `json:"description,omitempty" maxLength:"500" check:"printable" doc:"For you."`
	Ordering          string              `json:"ordering,omitempty" enum:"none,object" default:"none" doc:"object: a later event of a payment waits until the earlier ones are delivered."`
	Concurrency       *int64              `json:"concurrency,omitempty" minimum:"1" maximum:"64" default:"32" doc:"Webhooks that are under way at once, at most."`
	RateLimit         int64               `json:"rate_limit,omitempty" minimum:"0" maximum:"5000" doc:"Webhooks per second, at most; 0 is no limit."`
	Headers           ownHeaders          `json:"headers,omitempty" doc:"Sent with each webhook. They are not shown again."`
	ClientCertificate *certificateRequest `json:"client_certificate,omitempty" doc:"Shown to your server when it asks for one."`
	Secret            string              `json:"secret,omitempty" minLength:"1" maxLength:"100" check:"printable" doc:"Your own signing secret: whsec_ and 24 to 64 random bytes in base64. One is made if it is not given."`
	Metadata          Metadata            `json:"metadata,omitempty" doc:"Up to 50 keys of up to 40 characters, with values of up to 500."`
}

// updateEndpoint has no url: what listens elsewhere is another endpoint, with a secret of its own.
type updateEndpoint struct {
	Events            []string            `json:"events,omitempty" maxItems:"50" check:"filter" doc:"Types, prefixes such as payment.*, or * for all."`
	Status            *string             `json:"status,omitempty" enum:"enabled,disabled" doc:"As by enable and disable. What happens while it is disabled waits for it."`
	Description       *string             `json:"description,omitempty" maxLength:"500" check:"printable" doc:"For you."`
	Ordering          *string             `json:"ordering,omitempty" enum:"none,object" doc:"Of what happens from now on."`
	Concurrency       *int64              `json:"concurrency,omitempty" minimum:"1" maximum:"64" doc:"Webhooks that are under way at once, at most."`
	RateLimit         *int64              `json:"rate_limit,omitempty" minimum:"0" maximum:"5000" doc:"Webhooks per second, at most; 0 is no limit."`
	Headers           ownHeaders          `json:"headers,omitempty" null:"empty" doc:"Replaces all of them; null or {} removes them."`
	ClientCertificate *certificateRequest `json:"client_certificate,omitempty" null:"empty" doc:"Replaces it; null removes it."`
	Metadata          Metadata            `json:"metadata,omitempty" doc:"Replaces all of it."`
}

type certificateRequest struct {
	Certificate string `json:"certificate" minLength:"1" maxLength:"32768" doc:"PEM: the certificate, then those between it and its authority."`
	PrivateKey  string `json:"private_key" minLength:"1" maxLength:"32768" doc:"PEM, not encrypted: RSA, ECDSA or Ed25519. It is not shown again."`
}

func (c *certificateRequest) input() *webhook.ClientCertificate {
	if c == nil {
		return nil
	}
	return &webhook.ClientCertificate{Chain: c.Certificate, Key: secret.New(c.PrivateKey)}
}

// ownHeaders are a merchant's headers.
type ownHeaders map[string]string

// Schema describes them: the limits are on names and values, which tags cannot say.
func (ownHeaders) Schema(huma.Registry) *huma.Schema {
	count, least, values := webhook.MaxHeaders, 1, webhook.MaxHeaderValue
	return &huma.Schema{
		Type: huma.TypeObject, MaxProperties: &count,
		AdditionalProperties: &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &values},
		Extensions:           map[string]any{"propertyNames": map[string]any{"minLength": 1, "maxLength": webhook.MaxHeaderName}},
	}
}

// Limits bounds what a body may have of them.
func (ownHeaders) Limits() (keys, key, value int) {
	return webhook.MaxHeaders, webhook.MaxHeaderName, webhook.MaxHeaderValue
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
		sample: `{"url":"https://shop.example/webhooks","events":["payment.*","refund.*"],"headers":{"X-Shop":"north"}}`,
		body:   reflect.TypeFor[createEndpoint](), shows: story{"events": []string{"payment.*", "refund.*"}, "header_names": []string{"X-Shop"}, "WebhookEndpoint.secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "metadata": map[string]string{}},
	}, a.createEndpoint)
	register(a, operation{
		id: "listWebhookEndpoints", method: http.MethodGet, path: all, tag: tag, summary: "List webhook endpoints",
		doc:   "A merchant has at most 100.",
		scope: access.WebhooksRead, status: http.StatusOK, answer: reflect.TypeFor[listing[event.EndpointObject]](),
	}, a.listEndpoints)
	register(a, operation{
		id: "getWebhookEndpoint", method: http.MethodGet, path: one, tag: tag, summary: "Get a webhook endpoint",
		scope: access.WebhooksRead, status: http.StatusOK, answer: object,
	}, a.getEndpoint)
	register(a, operation{
		id: "updateWebhookEndpoint", method: http.MethodPatch, path: one, tag: tag, summary: "Change a webhook endpoint",
		doc:   "What is not given stays. To move to another address, create an endpoint there and delete this one.",
		scope: access.WebhooksWrite, status: http.StatusOK, answer: object, sample: `{"concurrency":8}`,
		body: reflect.TypeFor[updateEndpoint](), shows: story{"WebhookEndpoint.concurrency": 8},
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
		made := webhook.EndpointInput{
			URL: body.URL, Events: body.Events, Description: body.Description, Ordering: event.Ordering(body.Ordering), RateLimit: body.RateLimit,
			Headers: body.Headers, ClientCertificate: body.ClientCertificate.input(), Secret: secret.New(body.Secret), Metadata: body.Metadata,
		}
		if body.Concurrency != nil {
			made.Concurrency = *body.Concurrency
		}
		return a.Endpoints.Create(ctx, tenant, made, recorded[event.EndpointObject](o, "webhook_endpoint.created", map[string]string{"host": hostOf(body.URL)}))
	}, a.showEndpoint(tenant))
}

// hostOf is where an endpoint is, for the audit trail: a path or a query may be what only those may know who send there, and a mailbox is
// somebody's.
func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return ""
	case u.Scheme == "mailto":
		return u.Opaque[strings.LastIndexByte(u.Opaque, '@')+1:]
	}
	return u.Host
}

func (a *API) auditEndpoint(rq *request, action audit.Action, object string, detail map[string]string) db.Row {
	return rq.by().Record(a.IDs, a.Clock.Now(), rq.principal.Tenant, action, object, detail).Row()
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
		return a.Endpoints.Update(ctx, tenant, in.ID, body.change(), recorded[event.EndpointObject](o, "webhook_endpoint.updated", body.told()))
	}, a.showEndpoint(tenant))
}

func (b *updateEndpoint) change() webhook.EndpointChange {
	return webhook.EndpointChange{
		Status: (*event.EndpointStatus)(b.Status), Events: b.Events, Description: b.Description, Ordering: (*event.Ordering)(b.Ordering),
		Concurrency: b.Concurrency, RateLimit: b.RateLimit, Headers: b.Headers, ClientCertificate: b.ClientCertificate.input(), Metadata: b.Metadata,
	}
}

// told is what is changed, for the audit trail: without what is secret, or only for the merchant to read.
func (b *updateEndpoint) told() map[string]string {
	told := map[string]string{}
	note := func(field string, given bool, value any) {
		if given {
			told[field] = fmt.Sprint(value)
		}
	}
	note("events", b.Events != nil, b.Events)
	noteValue(note, "status", b.Status)
	noteValue(note, "ordering", b.Ordering)
	noteValue(note, "concurrency", b.Concurrency)
	noteValue(note, "rate_limit", b.RateLimit)
	note("description", b.Description != nil, "replaced")
	note("headers", b.Headers != nil, slices.Sorted(maps.Keys(b.Headers)))
	note("client_certificate", b.ClientCertificate != nil, "replaced")
	note("metadata", b.Metadata != nil, "replaced")
	return told
}

func noteValue[T any](note func(field string, given bool, value any), field string, value *T) {
	if value != nil {
		note(field, true, *value)
	}
}

func (a *API) showEndpoint(tenant string) view {
	return asItIs(tenant, a.Endpoints.Get)
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
	return showList(data, more, err)
}

func (a *API) deleteEndpoint(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Endpoint) {
		return answer{}, fault.Missing("webhook endpoint")
	}
	return answer{Status: http.StatusNoContent}, a.Endpoints.Delete(ctx, rq.principal.Tenant, in.ID, func(c *db.Change, e event.EndpointObject) error {
		c.Add(a.auditEndpoint(rq, "webhook_endpoint.deleted", e.ID, nil))
		return nil
	})
}

// by is who acts, for the audit trail.
func (rq *request) by() audit.By { return audit.By{Actor: rq.principal.KeyID, RequestID: rq.ID} }
