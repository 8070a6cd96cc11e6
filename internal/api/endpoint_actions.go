package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

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

type rotateSecret struct {
	ExpireOldAfter *int64 `json:"expire_old_after,omitempty" minimum:"0" maximum:"604800" default:"86400" doc:"For how many seconds older secrets sign as well; 0 ends them at once."`
	Secret         string `json:"secret,omitempty" minLength:"1" maxLength:"100" check:"printable" doc:"Your own: whsec_ and 24 to 64 random bytes in base64. One is made if it is not given."`
}

type recoverEndpoint struct {
	Since    time.Time  `json:"since" doc:"Events from here, at most 30 days ago." example:"2026-11-22T06:00:00Z"`
	Until    *time.Time `json:"until,omitempty" doc:"To here, exclusive; now if it is not given."`
	Events   []string   `json:"events,omitempty" maxItems:"50" check:"filter" doc:"Types, prefixes such as payment.*, or * for all. What the endpoint asks for if it is not given."`
	Statuses []string   `json:"statuses,omitempty" maxItems:"3" enum:"pending,succeeded,failed" doc:"Of deliveries: which are sent again. pending and failed if it is not given."`
}

func (b *recoverEndpoint) Check(f *strict.Faults, _ time.Time) {
	someFilter(f, b.Events, b.Events != nil)
	if b.Statuses != nil && len(b.Statuses) == 0 {
		f.Add("statuses", fault.CodeInvalid, "must have at least one item")
	}
}

// noParameters is the body of what takes none.
type noParameters struct{}

func (a *API) registerEndpointActions() {
	endpoint, nothing := reflect.TypeFor[event.EndpointObject](), reflect.TypeFor[noParameters]()
	const tag, one = "Webhooks", "/v1/webhook_endpoints/{id}"
	register(a, operation{
		id: "rotateWebhookSecret", method: http.MethodPost, path: one + "/rotate_secret", tag: tag, summary: "Rotate a webhook endpoint's secret",
		doc:   "The answer has the new secret, which is not shown again. It signs from now on, and older ones beside it until their time is over: three at most.",
		scope: access.WebhooksWrite, status: http.StatusOK, answer: endpoint, body: reflect.TypeFor[rotateSecret](), optional: true, sample: `{"expire_old_after":86400}`,
		shows: story{"WebhookEndpoint.secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "old_secret_expires_at": "2026-11-23T12:00:00Z"},
	}, a.rotateSecret)
	register(a, operation{
		id: "enableWebhookEndpoint", method: http.MethodPost, path: one + "/enable", tag: tag, summary: "Enable a webhook endpoint",
		doc:   "Sends what waits for it and what failed since it was disabled. One that is enabled and fails is given another chance at once.",
		scope: access.WebhooksWrite, status: http.StatusOK, answer: endpoint, body: nothing, optional: true, sample: `{}`,
	}, a.endpointAction("webhook_endpoint.enabled", a.Endpoints.Enable))
	register(a, operation{
		id: "disableWebhookEndpoint", method: http.MethodPost, path: one + "/disable", tag: tag, summary: "Disable a webhook endpoint",
		doc:   "What happens from now on waits for it.",
		scope: access.WebhooksWrite, status: http.StatusOK, answer: endpoint, body: nothing, optional: true, sample: `{}`,
		shows: story{"WebhookEndpoint.status": "disabled", "disabled_reason": "merchant", "health": "disabled", "disabled_at": "2026-11-22T12:00:00Z"},
	}, a.endpointAction("webhook_endpoint.disabled", a.Endpoints.Disable))
	register(a, operation{
		id: "testWebhookEndpoint", method: http.MethodPost, path: one + "/test", tag: tag, summary: "Test a webhook endpoint",
		doc:   "Sends it an event of the type webhook_endpoint.test at once, whatever it asks for, also if it is disabled. The answer is the delivery with what came of it; a test that failed is not tried again.",
		scope: access.WebhooksWrite, status: http.StatusOK, answer: reflect.TypeFor[event.DeliveryObject](), body: nothing, optional: true, sample: `{}`,
		shows: story{"event_type": string(event.EndpointTest), "WebhookDelivery.status": "succeeded"},
	}, a.testEndpoint)
	register(a, operation{
		id: "recoverWebhookEndpoint", method: http.MethodPost, path: one + "/recover", tag: tag, summary: "Send a webhook endpoint again what it missed",
		doc:   "Begins to send again what happened since a time, however much it is, at the pace that the endpoint takes. It goes on by itself; look at the recovery to see how far it is.",
		scope: access.WebhooksWrite, status: http.StatusAccepted, answer: reflect.TypeFor[event.RecoveryObject](), body: reflect.TypeFor[recoverEndpoint](), sample: `{"since":"2026-11-22T06:00:00Z"}`,
	}, a.recoverEndpoint)
}

func (a *API) rotateSecret(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Endpoint) {
		return answer{}, fault.Missing("webhook endpoint")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decodeOptional[rotateSecret](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		o.secret = true // shown here, once, and in a repeat of this request
		r := webhook.Rotation{Overlap: webhook.DefaultOverlap, Secret: secret.New(body.Secret)}
		if body.ExpireOldAfter != nil {
			r.Overlap = time.Duration(*body.ExpireOldAfter) * time.Second
		}
		return a.Endpoints.RotateSecret(ctx, tenant, in.ID, r,
			recorded[event.EndpointObject](o, "webhook_endpoint.secret_rotated", map[string]string{"expire_old_after": fmt.Sprint(int64(r.Overlap / time.Second))}))
	}, a.showEndpoint(tenant))
}

// endpointAction is what takes no parameters and gives the endpoint.
func (a *API) endpointAction(did audit.Action, do func(ctx context.Context, tenant, endpoint string, with webhook.With) (event.EndpointObject, error),
) func(context.Context, *request, *actionInput) (answer, error) {
	return func(ctx context.Context, rq *request, in *actionInput) (answer, error) {
		tenant := rq.principal.Tenant
		return a.act(ctx, rq, in, id.Endpoint, "webhook endpoint", func(ctx context.Context, o *once) (any, error) {
			return do(ctx, tenant, in.ID, recorded[event.EndpointObject](o, did, nil))
		}, a.showEndpoint(tenant))
	}
}

func (a *API) testEndpoint(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.act(ctx, rq, in, id.Endpoint, "webhook endpoint", func(ctx context.Context, o *once) (any, error) {
		return a.Endpoints.Test(ctx, tenant, in.ID, func(c *db.Change, d event.DeliveryObject) error {
			o.Intent(c, d.ID)
			c.Add(a.auditEndpoint(rq, "webhook_endpoint.tested", in.ID, map[string]string{"delivery": d.ID}))
			return nil
		}, func(c *db.Change, d event.DeliveryObject) error { return o.Result(c, d, nil) })
	}, func(ctx context.Context, subject string) (shown, error) {
		d, err := a.Endpoints.Delivery(ctx, tenant, subject)
		return shown{object: d, inFlight: d.Status == event.DeliveryPending}, err
	})
}

func (a *API) recoverEndpoint(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Endpoint) {
		return answer{}, fault.Missing("webhook endpoint")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusAccepted, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[recoverEndpoint](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		asked := webhook.RecoveryInput{Since: body.Since, Until: body.Until, Events: body.Events}
		for _, s := range body.Statuses {
			asked.Statuses = append(asked.Statuses, event.DeliveryState(s))
		}
		return a.Endpoints.Recover(ctx, tenant, in.ID, asked, func(c *db.Change, r event.RecoveryObject) error {
			c.Add(a.auditEndpoint(rq, "webhook_endpoint.recovered", in.ID, map[string]string{
				"recovery": r.ID, "since": r.Since.Format(time.RFC3339), "until": r.Until.Format(time.RFC3339), "events": fmt.Sprint(r.Events), "statuses": fmt.Sprint(r.Statuses),
			}))
			return o.Result(c, r, nil)
		})
	}, asItIs(tenant, a.Endpoints.Recovery))
}
