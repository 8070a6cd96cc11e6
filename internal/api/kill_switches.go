package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/strict"
)

// KillSwitches knows and keeps what people have switched off. See control.Control.
type KillSwitches interface {
	Throw(ctx context.Context, s control.Switch, with control.With) (control.Object, error)
	Lift(ctx context.Context, tenant, switchID, by string, with control.With) (control.Object, error)
	Get(ctx context.Context, tenant, switchID string) (control.Object, error)
	List(ctx context.Context, tenant string, p db.Page) ([]control.Object, bool, error)
	OfEveryone(ctx context.Context, tenant string) ([]control.Object, error)
}

// throwSwitch is the body of POST /v1/kill_switches.
type throwSwitch struct {
	Mode      string           `json:"mode,omitempty" enum:"block,approve" default:"block" doc:"block: what it covers is refused. approve: it waits until somebody else than who asked for it has agreed."`
	Scope     control.Scope    `json:"scope" doc:"What it covers: all that agrees with every field. {} covers everything."`
	TwoAbove  []control.Amount `json:"two_above,omitempty" maxItems:"50" doc:"For approve: above which amounts two persons must agree, each currency once; they must to any amount of a currency that is not named. None: one person."`
	Reason    string           `json:"reason" minLength:"1" maxLength:"200" doc:"Those who are refused read it." example:"The acquirer loses messages"`
	ExpiresAt time.Time        `json:"expires_at,omitempty" doc:"When it ends by itself, within a year. It stays until it is lifted if this is not given." example:"2026-11-23T03:00:00Z"`
}

type listSwitchesInput struct{ Paging }

// Resolve checks the query.
func (in *listSwitchesInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) { in.check(f, id.KillSwitch) })
}

func (a *API) registerKillSwitches() {
	object := reflect.TypeFor[control.Object]()
	const tag, all, one = "Operations", "/v1/kill_switches", "/v1/kill_switches/{id}"
	register(a, operation{
		id: "createKillSwitch", method: http.MethodPost, path: all, tag: tag, summary: "Switch something off",
		doc: "Within a second, on every node, what it covers answers 503 kill_switch_on with the reason; an account that is switched off is left out, so that payments go to others. " +
			"Refunds, voids and inquiries go on unless they are named. What waits to be paid out goes on waiting.",
		scope: access.OpsWrite, status: http.StatusCreated, answer: object, body: reflect.TypeFor[throwSwitch](),
		sample: `{"scope":{"provider_account":"alpha"},"reason":"The acquirer loses messages"}`,
	}, a.createKillSwitch)
	register(a, operation{
		id: "listKillSwitches", method: http.MethodGet, path: all, tag: tag, summary: "List what was switched off",
		doc:   "The first page begins with those of the whole installation that are on: its operator makes and lifts them, by the command line.",
		scope: access.OpsRead, status: http.StatusOK, answer: reflect.TypeFor[listing[control.Object]](),
	}, a.listKillSwitches)
	register(a, operation{
		id: "getKillSwitch", method: http.MethodGet, path: one, tag: tag, summary: "Get a kill switch",
		scope: access.OpsRead, status: http.StatusOK, answer: object,
	}, a.getKillSwitch)
	register(a, operation{
		id: "liftKillSwitch", method: http.MethodDelete, path: one, tag: tag, summary: "Lift a kill switch",
		doc:   "Within a second, on every node, what it stopped goes on. It stays in the list. One of the whole installation is lifted by its operator alone: 409.",
		scope: access.OpsWrite, status: http.StatusOK, answer: object, shows: story{"on": false, "lifted_by": "key_01jd9qk3v8m2x4r6t7w9y0a1b2", "lifted_at": "2026-11-22T06:10:00Z"},
	}, a.liftKillSwitch)
}

func (a *API) createKillSwitch(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[throwSwitch](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.Switches.Throw(ctx, control.Switch{
			Merchant: tenant, Mode: control.Mode(body.Mode), Scope: body.Scope, TwoAbove: body.TwoAbove, Reason: body.Reason, ExpiresAt: body.ExpiresAt,
			Actor: rq.principal.KeyID,
		}, func(c *db.Change, made control.Object) error {
			c.Add(a.auditSwitch(rq, "kill_switch.created", made))
			return o.Result(c, made, nil)
		})
	}, asItIs(tenant, a.Switches.Get))
}

func (a *API) auditSwitch(rq *request, did audit.Action, o control.Object) db.Row {
	return rq.by().Record(a.IDs, a.Clock.Now(), rq.principal.Tenant, did, o.ID, o.Told()).Row()
}

func (a *API) listKillSwitches(ctx context.Context, rq *request, in *listSwitchesInput) (answer, error) {
	found, more, err := a.Switches.List(ctx, rq.principal.Tenant, in.page())
	if err == nil && in.StartingAfter == "" && in.EndingBefore == "" {
		var everyones []control.Object
		everyones, err = a.Switches.OfEveryone(ctx, rq.principal.Tenant)
		found = append(everyones, found...)
	}
	return showList(found, more, err)
}

func (a *API) getKillSwitch(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.KillSwitch) {
		return answer{}, fault.Missing("kill switch")
	}
	return show(a.Switches.Get(ctx, rq.principal.Tenant, in.ID))
}

func (a *API) liftKillSwitch(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.KillSwitch) {
		return answer{}, fault.Missing("kill switch")
	}
	lifted, err := a.Switches.Lift(ctx, rq.principal.Tenant, in.ID, rq.principal.KeyID, func(c *db.Change, o control.Object) error {
		c.Add(a.auditSwitch(rq, "kill_switch.lifted", o))
		return nil
	})
	if fault.Is(err, fault.Stale) {
		err = fault.State("somebody else is lifting the same switch")
	}
	return show(lifted, err)
}
