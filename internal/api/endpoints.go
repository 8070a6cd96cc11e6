package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/secret"
)

type createEndpoint struct {
	URL         string   `json:"url" minLength:"1" maxLength:"500" check:"address" doc:"Where to send events: an https address." example:"https://shop.example/webhooks"`
	Events      []string `json:"events" maxItems:"50" check:"filter" doc:"Types, prefixes such as payment.*, or * for all." example:"payment.*"`
	Description string   `json:"description,omitempty" maxLength:"500" check:"printable" doc:"For you."`
	Metadata    Metadata `json:"metadata,omitempty" doc:"Up to 50 keys of up to 40 characters, with values of up to 500."`
}

type updateEndpoint struct {
	URL         *string  `json:"url,omitempty" minLength:"1" maxLength:"500" check:"address" doc:"Where to send events: an https address."`
	Events      []string `json:"events,omitempty" maxItems:"50" check:"filter" doc:"Types, prefixes such as payment.*, or * for all."`
	Status      *string  `json:"status,omitempty" enum:"enabled,disabled" doc:"Whether events are sent. What happens while it is disabled is not sent later."`
	Description *string  `json:"description,omitempty" maxLength:"500" check:"printable" doc:"For you."`
	Metadata    Metadata `json:"metadata,omitempty" doc:"Replaces all of it."`
}

func (b *createEndpoint) check(f *faults, _ time.Time) { someFilter(f, b.Events, true) }
func (b *updateEndpoint) check(f *faults, _ time.Time) { someFilter(f, b.Events, b.Events != nil) }

func someFilter(f *faults, filters []string, given bool) {
	if given && len(filters) == 0 {
		f.add("events", fault.CodeInvalid, "must have at least one item")
	}
}

type endpointList struct {
	Object  string           `json:"object" enum:"list"`
	Data    []endpointObject `json:"data" nullable:"false"`
	HasMore bool             `json:"has_more"`
}

// endpointObject is an event.EndpointObject with its id at hand for the idempotency record.
type endpointObject struct{ event.EndpointObject }

func (o endpointObject) subjectID() string { return o.ID }

func (a *API) registerEndpoints() {
	object := reflect.TypeFor[event.EndpointObject]()
	const tag, all, one = "Webhooks", "/v1/webhook_endpoints", "/v1/webhook_endpoints/{id}"
	register(a, operation{
		id: "createWebhookEndpoint", method: http.MethodPost, path: all, tag: tag, summary: "Create a webhook endpoint",
		doc:   "The answer has the signing secret, which is not shown again.",
		scope: access.WebhooksWrite, status: http.StatusCreated, answer: object, sample: `{"url":"https://shop.example/webhooks","events":["payment.*","refund.*"]}`,
		body: reflect.TypeFor[createEndpoint](),
	}, a.createEndpoint)
	register(a, operation{
		id: "listWebhookEndpoints", method: http.MethodGet, path: all, tag: tag, summary: "List webhook endpoints",
		doc:   "All of them, oldest first: a merchant has at most 100.",
		scope: access.WebhooksRead, status: http.StatusOK, answer: reflect.TypeFor[endpointList](),
	}, a.listEndpoints)
	register(a, operation{
		id: "getWebhookEndpoint", method: http.MethodGet, path: one, tag: tag, summary: "Get a webhook endpoint",
		scope: access.WebhooksRead, status: http.StatusOK, answer: object,
	}, a.getEndpoint)
	register(a, operation{
		id: "updateWebhookEndpoint", method: http.MethodPatch, path: one, tag: tag, summary: "Change a webhook endpoint",
		doc:   "What is not given stays.",
		scope: access.WebhooksWrite, status: http.StatusOK, answer: object, sample: `{"status":"disabled"}`,
		body: reflect.TypeFor[updateEndpoint](),
	}, a.updateEndpoint)
}

func shownEndpoint(e event.Endpoint, live bool) endpointObject {
	metadata := e.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	return endpointObject{event.EndpointObject{
		ID: e.ID, Object: "webhook_endpoint", Livemode: live, URL: e.URL, Events: e.Filters, Status: e.Status,
		Description: e.Description, Version: Version, Metadata: metadata, CreatedAt: e.CreatedAt,
	}}
}

// maxEndpoints is how many endpoints a merchant may have in one mode.
const maxEndpoints = 100

func (a *API) createEndpoint(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[createEndpoint](in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		if err := a.addressAllowed(body.URL); err != nil {
			return nil, err
		}
		there, err := a.Endpoints.Endpoints(ctx, rq.principal.Tenant)
		if err != nil {
			return nil, err
		}
		if len(there) >= maxEndpoints {
			return nil, event.ErrTooManyEndpoints
		}
		return a.addEndpoint(ctx, o, body)
	}, a.showEndpoint(rq))
}

func (a *API) addEndpoint(ctx context.Context, o *once, body *createEndpoint) (any, error) {
	signing, err := a.drawSigningSecret()
	if err != nil {
		return nil, err
	}
	now := a.Clock.Now()
	e := event.Endpoint{
		Merchant: o.rq.principal.Tenant, ID: a.IDs.New(id.Endpoint), URL: body.URL, Filters: body.Events, Status: event.Enabled,
		Description: body.Description, Secret: signing, Metadata: body.Metadata, CreatedAt: now,
	}
	row, err := a.Endpoints.EndpointRow(e)
	if err != nil {
		return nil, err
	}
	object := shownEndpoint(e, o.rq.principal.Live)
	object.Secret = signing.Reveal() // the one time it is shown
	o.secret = true
	record := o.rq.by().Record(a.IDs, now, e.Merchant, "webhook_endpoint.created", e.ID, map[string]string{"url": e.URL})
	return a.commitEndpoint(ctx, o, object, row, record.Row())
}

func (a *API) commitEndpoint(ctx context.Context, o *once, object endpointObject, rows ...db.Row) (any, error) {
	if err := o.commit(ctx, object, rows...); err != nil {
		return nil, fmt.Errorf("write endpoint %s: %w", object.ID, err)
	}
	if a.EndpointsChanged != nil {
		a.EndpointsChanged(o.rq.principal.Tenant)
	}
	return object, nil
}

// signingKeySize is that of the hash: a shorter key would be the weakest part, a longer one adds nothing.
const signingKeySize = 32

func (a *API) drawSigningSecret() (secret.Text, error) {
	raw := make([]byte, signingKeySize)
	if _, err := io.ReadFull(a.Random, raw); err != nil {
		return secret.Text{}, fmt.Errorf("draw a signing secret: %w", err)
	}
	return secret.New("whsec_" + base64.StdEncoding.EncodeToString(raw)), nil
}

func (a *API) updateEndpoint(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Endpoint) {
		return answer{}, fault.Missing("webhook endpoint")
	}
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[updateEndpoint](in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		if body.URL != nil {
			if err := a.addressAllowed(*body.URL); err != nil {
				return nil, err
			}
		}
		e, err := a.Endpoints.Endpoint(ctx, rq.principal.Tenant, in.ID)
		if err != nil {
			return nil, err
		}
		changed := body.apply(&e)
		row, err := a.Endpoints.EndpointUpdate(e)
		if err != nil {
			return nil, err
		}
		record := rq.by().Record(a.IDs, a.Clock.Now(), e.Merchant, "webhook_endpoint.updated", e.ID, changed)
		return a.commitEndpoint(ctx, o, shownEndpoint(e, rq.principal.Live), row, record.Row())
	}, a.showEndpoint(rq))
}

// apply changes what was given and tells what that was, for the audit trail.
func (b *updateEndpoint) apply(e *event.Endpoint) map[string]string {
	changed := map[string]string{}
	if b.URL != nil {
		e.URL, changed["url"] = *b.URL, *b.URL
	}
	if b.Events != nil {
		e.Filters, changed["events"] = b.Events, fmt.Sprint(b.Events)
	}
	if b.Status != nil {
		e.Status, changed["status"] = event.EndpointStatus(*b.Status), *b.Status
	}
	if b.Description != nil {
		e.Description, changed["description"] = *b.Description, *b.Description
	}
	if b.Metadata != nil {
		e.Metadata, changed["metadata"] = b.Metadata, "replaced"
	}
	return changed
}

func (a *API) showEndpoint(rq *request) view {
	return func(ctx context.Context, subject string) (any, error) {
		e, err := a.Endpoints.Endpoint(ctx, rq.principal.Tenant, subject)
		return shownEndpoint(e, rq.principal.Live), err
	}
}

func (a *API) getEndpoint(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Endpoint) {
		return answer{}, fault.Missing("webhook endpoint")
	}
	return show(a.showEndpoint(rq)(ctx, in.ID))
}

func (a *API) listEndpoints(ctx context.Context, rq *request, _ *struct{}) (answer, error) {
	found, err := a.Endpoints.Endpoints(ctx, rq.principal.Tenant)
	data := make([]endpointObject, len(found))
	for i, e := range found {
		data[i] = shownEndpoint(e, rq.principal.Live)
	}
	return show(endpointList{"list", data, false}, err)
}

// by is who acts, for the audit trail.
func (rq *request) by() audit.By { return audit.By{Actor: rq.principal.KeyID, RequestID: rq.id} }

// addressFault is why an address cannot be sent to; empty if it can. Whether its host is one that may be reached is the
// sender's to know, at the moment it connects.
func addressFault(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return "must be an absolute address, such as https://shop.example/webhooks"
	case u.Scheme != "https" && u.Scheme != "http":
		return "must be https"
	case u.User != nil:
		return "must not have a user name or password"
	case u.Fragment != "":
		return "must not have a fragment"
	}
	return ""
}

// addressAllowed refuses plain HTTP, except to this machine where that is allowed.
func (a *API) addressAllowed(address string) error {
	u, err := url.Parse(address)
	if err == nil && (u.Scheme == "https" || a.AllowHTTP && loopback(u.Hostname())) {
		return nil
	}
	return fault.Wrong("url", fault.CodeInvalid, "must be https")
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
