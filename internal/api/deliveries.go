package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/strict"
)

type listDeliveriesInput struct {
	Paging
	Endpoint string `query:"endpoint" maxLength:"64" doc:"Only deliveries to this endpoint."`
	Event    string `query:"event" maxLength:"64" doc:"Only deliveries of this event."`
	Status   string `query:"status" enum:"pending,succeeded,failed" doc:"Only deliveries that are so far."`
}

type listRecoveriesInput struct {
	Paging
	Endpoint string `query:"endpoint" maxLength:"64" doc:"Only recoveries of this endpoint."`
}

// Resolve checks the query.
func (in *listDeliveriesInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Delivery)
		idOrNone(f, "endpoint", in.Endpoint, id.Endpoint)
		idOrNone(f, "event", in.Event, id.Event)
	})
}

// Resolve checks the query.
func (in *listRecoveriesInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Recovery)
		idOrNone(f, "endpoint", in.Endpoint, id.Endpoint)
	})
}

type retryDeliveries struct {
	Deliveries []string `json:"deliveries" maxItems:"100" doc:"Their ids: 1 to 100." example:"wd_01jd9qk3v8m2x4r6t7w9y0a1b2"`
}

func (b *retryDeliveries) Check(f *strict.Faults, _ time.Time) {
	if b.Deliveries != nil && len(b.Deliveries) == 0 {
		f.Add("deliveries", fault.CodeInvalid, "must have at least one item")
	}
	for i, d := range b.Deliveries {
		if !id.Has(d, id.Delivery) {
			f.Add(fmt.Sprintf("deliveries[%d]", i), fault.CodeInvalid, "must be an id that begins with wd_")
		}
	}
}

func (a *API) registerDeliveries() {
	object, recovery := reflect.TypeFor[event.DeliveryObject](), reflect.TypeFor[event.RecoveryObject]()
	const tag, all, one = "Webhooks", "/v1/webhook_deliveries", "/v1/webhook_deliveries/{id}"
	register(a, operation{
		id: "listWebhookDeliveries", method: http.MethodGet, path: all, tag: tag, summary: "List webhook deliveries",
		scope: access.WebhooksRead, status: http.StatusOK, answer: reflect.TypeFor[listing[event.DeliveryObject]](),
	}, a.listDeliveries)
	register(a, operation{
		id: "getWebhookDelivery", method: http.MethodGet, path: one, tag: tag, summary: "Get a webhook delivery",
		doc:   "With each try of it: what was sent, what came back, and how long it took.",
		scope: access.WebhooksRead, status: http.StatusOK, answer: object,
	}, a.getDelivery)
	register(a, operation{
		id: "retryWebhookDelivery", method: http.MethodPost, path: one + "/retry", tag: tag, summary: "Send a webhook again",
		doc:   "At once, and by the schedule from its beginning if that fails. Also one that succeeded. If its endpoint is disabled it waits.",
		scope: access.WebhooksWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[noParameters](), optional: true, sample: `{}`,
		shows: story{"WebhookDelivery.status": "pending", "next_attempt_at": "2026-11-22T12:00:00Z"},
	}, a.retryDelivery)
	register(a, operation{
		id: "retryWebhookDeliveries", method: http.MethodPost, path: all + "/retry", tag: tag, summary: "Send webhooks again",
		doc:   "All of them, or none if one cannot be sent.",
		scope: access.WebhooksWrite, status: http.StatusOK, answer: reflect.TypeFor[listing[event.DeliveryObject]](), body: reflect.TypeFor[retryDeliveries](),
		sample: `{"deliveries":["wd_01jd9qk3v8m2x4r6t7w9y0a1b2"]}`, shows: story{"WebhookDelivery.status": "pending", "next_attempt_at": "2026-11-22T12:00:00Z"},
	}, a.retryDeliveries)
	register(a, operation{
		id: "listWebhookRecoveries", method: http.MethodGet, path: "/v1/webhook_recoveries", tag: tag, summary: "List webhook recoveries",
		doc:   "Those that were asked for, and those that began when an endpoint was enabled.",
		scope: access.WebhooksRead, status: http.StatusOK, answer: reflect.TypeFor[listing[event.RecoveryObject]](),
	}, a.listRecoveries)
	register(a, operation{
		id: "getWebhookRecovery", method: http.MethodGet, path: "/v1/webhook_recoveries/{id}", tag: tag, summary: "Get a webhook recovery",
		scope: access.WebhooksRead, status: http.StatusOK, answer: recovery,
	}, a.getRecovery)
}

func (a *API) listDeliveries(ctx context.Context, rq *request, in *listDeliveriesInput) (answer, error) {
	found, more, err := a.Endpoints.Deliveries(ctx, rq.principal.Tenant, in.page(), event.DeliveryFilter{
		Endpoint: in.Endpoint, Event: in.Event, State: event.DeliveryState(in.Status),
	})
	return showList(found, more, err)
}

func (a *API) getDelivery(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Delivery) {
		return answer{}, fault.Missing("webhook delivery")
	}
	return show(a.Endpoints.Delivery(ctx, rq.principal.Tenant, in.ID))
}

func (a *API) retryDelivery(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.act(ctx, rq, in, id.Delivery, "webhook delivery", func(ctx context.Context, o *once) (any, error) {
		return a.Endpoints.Retry(ctx, tenant, in.ID, func(c *db.Change, d event.DeliveryObject) error {
			c.Add(a.auditRetry(rq, d))
			return o.Result(c, d, nil)
		})
	}, asItIs(tenant, a.Endpoints.Delivery))
}

func (a *API) retryDeliveries(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[retryDeliveries](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		list := listing[event.DeliveryObject]{Object: "list"}
		_, err = a.Endpoints.RetryAll(ctx, rq.principal.Tenant, body.Deliveries, func(c *db.Change, all []event.DeliveryObject) error {
			list.Data = all
			for _, d := range all {
				c.Add(a.auditRetry(rq, d))
			}
			return o.Result(c, list, nil)
		})
		return list, err
	}, nil) // no intent goes before it, so a key that is known has its answer
}

func (a *API) auditRetry(rq *request, d event.DeliveryObject) db.Row {
	return a.auditEndpoint(rq, "webhook_delivery.retried", d.ID, map[string]string{"endpoint": d.Endpoint, "event": d.Event})
}

func (a *API) listRecoveries(ctx context.Context, rq *request, in *listRecoveriesInput) (answer, error) {
	return showList(a.Endpoints.Recoveries(ctx, rq.principal.Tenant, in.page(), in.Endpoint))
}

func (a *API) getRecovery(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Recovery) {
		return answer{}, fault.Missing("webhook recovery")
	}
	return show(a.Endpoints.Recovery(ctx, rq.principal.Tenant, in.ID))
}
