package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/strict"
)

type refundList struct {
	Object  string                 `json:"object" enum:"list"`
	Data    []payment.RefundObject `json:"data"`
	HasMore bool                   `json:"has_more" doc:"Whether more follow in the direction that was asked for."`
}

type getInput struct {
	ID string `path:"id"`
}

type listRefundsInput struct {
	Paging
	Payment string `query:"payment" maxLength:"64" doc:"Only refunds of this payment."`
}

// Resolve checks the query.
func (in *listRefundsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Refund)
		idOrNone(f, "payment", in.Payment, id.Payment)
	})
}

func (a *API) registerRefunds() {
	const tag = "Refunds"
	register(a, operation{
		id: "listRefunds", method: http.MethodGet, path: "/v1/refunds", tag: tag, summary: "List refunds",
		scope: access.RefundsRead, status: http.StatusOK, answer: reflect.TypeFor[refundList](),
	}, a.listRefunds)
	register(a, operation{
		id: "getRefund", method: http.MethodGet, path: "/v1/refunds/{id}", tag: tag, summary: "Get a refund",
		scope: access.RefundsRead, status: http.StatusOK, answer: reflect.TypeFor[payment.RefundObject](),
	}, a.getRefund)
}

func (a *API) listRefunds(ctx context.Context, rq *request, in *listRefundsInput) (answer, error) {
	data, more, err := a.Reader.ListRefunds(ctx, rq.principal.Tenant, in.page(), in.Payment)
	return show(refundList{"list", orEmpty(data), more}, err)
}

func (a *API) getRefund(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Refund) {
		return answer{}, fault.Missing("refund")
	}
	return show(a.Reader.GetRefund(ctx, rq.principal.Tenant, in.ID))
}

// idOrNone refuses a filter that no id of the kinds can match.
func idOrNone(f *strict.Faults, param, value string, kinds ...id.Prefix) {
	if value == "" || slices.ContainsFunc(kinds, func(kind id.Prefix) bool { return id.Has(value, kind) }) {
		return
	}
	prefixes := make([]string, len(kinds))
	for i, kind := range kinds {
		prefixes[i] = string(kind) + "_"
	}
	f.Add(param, fault.CodeInvalid, "must be an id that begins with "+strings.Join(prefixes, " or "))
}
