package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
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
	page, err := in.page(id.Refund)
	if err != nil {
		return answer{}, err
	}
	if err := idOrNone("payment", in.Payment, id.Payment); err != nil {
		return answer{}, err
	}
	data, more, err := a.Reader.ListRefunds(ctx, rq.principal.Tenant, page, in.Payment)
	return show(refundList{"list", orEmpty(data), more}, err)
}

func (a *API) getRefund(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Refund) {
		return answer{}, fault.Missing("refund")
	}
	return show(a.Reader.GetRefund(ctx, rq.principal.Tenant, in.ID))
}

// idOrNone refuses a filter that no id of the kind can match.
func idOrNone(param, value string, kinds ...id.Prefix) error {
	if value == "" {
		return nil
	}
	for _, kind := range kinds {
		if id.Has(value, kind) {
			return nil
		}
	}
	return fault.Wrong(param, fault.CodeInvalid, "must be an id that begins with "+string(kinds[0])+"_")
}
