package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/strict"
)

// AuditTrail tells who changed what. See audit.Trail.
type AuditTrail interface {
	Get(ctx context.Context, tenant, entry string) (audit.Record, error)
	List(ctx context.Context, tenant string, p db.Page, f audit.Filter) ([]audit.Record, bool, error)
}

type listAuditInput struct {
	Paging
	Actor   string `query:"actor" maxLength:"64" doc:"Only what this key did, or the operator, or Florin by itself (system)." example:"key_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Action  string `query:"action" maxLength:"64" doc:"Only entries of this action." example:"kill_switch.created"`
	Subject string `query:"subject" maxLength:"64" doc:"Only what was done to this object." example:"ks_01jd9qk3v8m2x4r6t7w9y0a1b2"`
}

// Resolve checks the query.
func (in *listAuditInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Audit)
		if in.Actor != "" && in.Actor != audit.Operator.Actor && in.Actor != audit.System.Actor && !id.Has(in.Actor, id.Key) {
			f.Add("actor", fault.CodeInvalid, "must be an id that begins with key_, or operator, or system")
		}
		if in.Action != "" && !audit.Action(in.Action).Known() {
			f.Add("action", fault.CodeInvalid, "must be an action of the audit trail, such as kill_switch.created")
		}
		if strings.Trim(in.Subject, nameLetters) != "" {
			f.Add("subject", fault.CodeInvalid, "must be an id, or the name of a provider account")
		}
	})
}

// nameLetters are those of ids and of provider accounts' names.
const nameLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-"

func (a *API) registerAudit() {
	const tag, all = "Operations", "/v1/audit_log"
	register(a, operation{
		id: "listAuditLog", method: http.MethodGet, path: all, tag: tag, summary: "List who changed what",
		doc:   "The audit trail: what keys did in this mode, and what the operator of this Florin did to you by the command line or to everybody. An entry is written with what it tells of, and is neither changed nor deleted.",
		scope: access.OpsRead, status: http.StatusOK, answer: reflect.TypeFor[listing[audit.Object]](),
	}, a.listAudit)
	register(a, operation{
		id: "getAuditEntry", method: http.MethodGet, path: all + "/{id}", tag: tag, summary: "Get an entry of the audit trail",
		scope: access.OpsRead, status: http.StatusOK, answer: reflect.TypeFor[audit.Object](),
	}, a.getAudit)
}

func (a *API) listAudit(ctx context.Context, rq *request, in *listAuditInput) (answer, error) {
	tenant := rq.principal.Tenant
	found, more, err := a.AuditTrail.List(ctx, tenant, in.page(), audit.Filter{Actor: in.Actor, Action: audit.Action(in.Action), Object: in.Subject})
	data := make([]audit.Object, len(found))
	for i, r := range found {
		data[i] = r.ObjectFor(tenant)
	}
	return showList(data, more, err)
}

func (a *API) getAudit(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Audit) {
		return answer{}, fault.Missing("audit entry")
	}
	found, err := a.AuditTrail.Get(ctx, rq.principal.Tenant, in.ID)
	return show(found.ObjectFor(rq.principal.Tenant), err)
}
