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
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/strict"
)

// ProviderHealth shows how provider accounts fare, and keeps their maintenance windows. See health.Health.
type ProviderHealth interface {
	Report(ctx context.Context, tenant, account string) (health.Report, error)
	Announce(ctx context.Context, w health.Window, with health.With) (health.WindowObject, error)
	Lift(ctx context.Context, tenant, account, window string, with health.With) ([]health.WindowObject, error)
	GetWindow(ctx context.Context, tenant, window string) (health.WindowObject, error)
}

// announceMaintenance is the body of a new maintenance window.
type announceMaintenance struct {
	StartsAt   time.Time          `json:"starts_at,omitempty" doc:"When the provider stops. Now if it is not given." example:"2026-11-23T01:00:00Z"`
	EndsAt     time.Time          `json:"ends_at" doc:"When it is back: at most 7 days later." example:"2026-11-23T03:00:00Z"`
	Operations []health.Operation `json:"operations,omitempty" maxItems:"7" enum:"authorize,authenticate,capture,void,refund,payout,inquiry" doc:"The calls that are not made meanwhile. All if it is not given."`
	Reason     string             `json:"reason,omitempty" maxLength:"200" doc:"For your colleagues." example:"Announced by the acquirer"`
}

type maintenanceList struct {
	Object  string                `json:"object" enum:"list"`
	Data    []health.WindowObject `json:"data"`
	HasMore bool                  `json:"has_more"`
}

type liftInput struct {
	ID     string `path:"id"`
	Window string `query:"window" maxLength:"64" doc:"The window to end. All of the account if it is not given, those to come among them."`
}

// Resolve checks the query.
func (in *liftInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) { idOrNone(f, "window", in.Window, id.Maintenance) })
}

func (a *API) registerProviderHealth() {
	const tag, one = "Routing", "/v1/provider_accounts/{id}"
	register(a, operation{
		id: "getProviderAccount", method: http.MethodGet, path: one, tag: tag, summary: "Get a provider account",
		scope: access.RoutingRead, status: http.StatusOK, answer: reflect.TypeFor[providerAccount](),
	}, a.getProviderAccount)
	register(a, operation{
		id: "getProviderHealth", method: http.MethodGet, path: one + "/health", tag: tag, summary: "Get the health of a provider account",
		doc:   "As the process that answers sees it. Where another one sees an operation fail and this one does not, elsewhere is true.",
		scope: access.RoutingRead, status: http.StatusOK, answer: reflect.TypeFor[health.Report](),
	}, a.getProviderHealth)
	register(a, operation{
		id: "announceMaintenance", method: http.MethodPost, path: one + "/maintenance", tag: tag, summary: "Announce maintenance",
		doc:   "Payments go to other accounts meanwhile; what must go to this one waits or is refused as if the provider were down. It is in force within a second or two everywhere. Calls that are under way are not cut off.",
		scope: access.RoutingWrite, status: http.StatusCreated, answer: reflect.TypeFor[health.WindowObject](), body: reflect.TypeFor[announceMaintenance](),
		sample: `{"starts_at":"2026-11-23T01:00:00Z","ends_at":"2026-11-23T03:00:00Z","reason":"Announced by the acquirer"}`,
	}, a.announceMaintenance)
	register(a, operation{
		id: "liftMaintenance", method: http.MethodDelete, path: one + "/maintenance", tag: tag, summary: "End maintenance",
		doc:   "Answers with the windows that it ended. With none that is not over, the answer is empty; a window that is named and not there is 404.",
		scope: access.RoutingWrite, status: http.StatusOK, answer: reflect.TypeFor[maintenanceList](), shows: story{"lifted_at": "2026-11-23T02:10:00Z"},
	}, a.liftMaintenance)
}

func (a *API) getProviderAccount(ctx context.Context, rq *request, in *getInput) (answer, error) {
	found, err := a.ProviderAccounts.Get(ctx, rq.principal.Tenant, in.ID)
	return show(shownAccount(found, rq.principal.Live), err)
}

func (a *API) getProviderHealth(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if _, err := a.ProviderAccounts.Get(ctx, rq.principal.Tenant, in.ID); err != nil {
		return answer{}, err
	}
	return show(a.Health.Report(ctx, rq.principal.Tenant, in.ID))
}

func (a *API) announceMaintenance(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	tenant := rq.principal.Tenant
	if _, err := a.ProviderAccounts.Get(ctx, tenant, in.ID); err != nil {
		return answer{}, err
	}
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[announceMaintenance](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.Health.Announce(ctx, health.Window{
			Tenant: tenant, Account: in.ID, Operations: body.Operations, Reason: body.Reason, StartsAt: body.StartsAt, EndsAt: body.EndsAt,
		}, func(c *db.Change, w health.WindowObject) error {
			c.Add(a.auditWindow(rq, "provider_maintenance.announced", w))
			return o.Result(c, w, nil)
		})
	}, asItIs(tenant, a.Health.GetWindow))
}

func (a *API) liftMaintenance(ctx context.Context, rq *request, in *liftInput) (answer, error) {
	if _, err := a.ProviderAccounts.Get(ctx, rq.principal.Tenant, in.ID); err != nil {
		return answer{}, err
	}
	lifted, err := a.Health.Lift(ctx, rq.principal.Tenant, in.ID, in.Window, func(c *db.Change, w health.WindowObject) error {
		c.Add(a.auditWindow(rq, "provider_maintenance.lifted", w))
		return nil
	})
	if fault.Is(err, fault.Stale) {
		err = fault.State("somebody else is ending the same maintenance")
	}
	return show(maintenanceList{"list", lifted, false}, err)
}

func (a *API) auditWindow(rq *request, did audit.Action, w health.WindowObject) db.Row {
	return rq.by().Record(a.IDs, a.Clock.Now(), rq.principal.Tenant, did, w.ID, map[string]string{
		"provider_account": w.ProviderAccount, "operations": fmt.Sprint(w.Operations), "starts_at": w.StartsAt.Format(time.RFC3339), "ends_at": w.EndsAt.Format(time.RFC3339), "reason": w.Reason,
	}).Row()
}
