package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/strict"
)

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
		scope: access.RefundsRead, status: http.StatusOK, answer: reflect.TypeFor[listing[payment.RefundObject]](),
	}, a.listRefunds)
	register(a, operation{
		id: "getRefund", method: http.MethodGet, path: "/v1/refunds/{id}", tag: tag, summary: "Get a refund",
		scope: access.RefundsRead, status: http.StatusOK, answer: reflect.TypeFor[payment.RefundObject](),
	}, a.getRefund)
}

func (a *API) registerRefundActions() {
	const tag, one = "Refunds", "/v1/refunds/{id}"
	object, nothing := reflect.TypeFor[payment.RefundObject](), reflect.TypeFor[noParameters]()
	register(a, operation{
		id: "approveRefund", method: http.MethodPost, path: one + "/approve", tag: tag, summary: "Approve a refund",
		doc:   "Makes a refund that was held by your returns policy. It takes another key than the one that asked for it.",
		scope: access.RefundsWrite, status: http.StatusOK, answer: object, body: nothing, optional: true, sample: `{}`,
		shows: story{"approved_by": []string{"key_01jd9qk3v8m2x4r6t7w9y0a1b2"}},
	}, a.refundAction("refund.approved", true, func(ctx context.Context, rq *request, refund string, with payment.Companion) (payment.RefundObject, error) {
		return a.Payments.ApproveRefund(ctx, rq.principal.Tenant, refund, rq.principal.KeyID, with)
	}))
	register(a, operation{
		id: "cancelRefund", method: http.MethodPost, path: one + "/cancel", tag: tag, summary: "Cancel a refund",
		doc:   "Gives up a refund that was held by your returns policy. The provider has not heard of it.",
		scope: access.RefundsWrite, status: http.StatusOK, answer: object, body: nothing, optional: true, sample: `{}`,
		shows: story{"Refund.status": "failed"},
	}, a.refundAction("refund.canceled", false, func(ctx context.Context, rq *request, refund string, with payment.Companion) (payment.RefundObject, error) {
		return a.Payments.CancelRefund(ctx, rq.principal.Tenant, refund, with)
	}))
}

// refundAction is what is done to a refund that waits for people. calls says that the provider is called if it does not wait on, so that
// there is an intent: the audit record goes with the first Change that there is.
func (a *API) refundAction(did audit.Action, calls bool, do func(ctx context.Context, rq *request, refund string, with payment.Companion) (payment.RefundObject, error),
) func(context.Context, *request, *actionInput) (answer, error) {
	return func(ctx context.Context, rq *request, in *actionInput) (answer, error) {
		return a.act(ctx, rq, in, id.Refund, "refund", func(ctx context.Context, o *once) (any, error) {
			return do(ctx, rq, in.ID, onRecord{o, calls, func() db.Row {
				return rq.by().Record(a.IDs, a.Clock.Now(), rq.principal.Tenant, did, in.ID, nil).Row()
			}})
		}, func(ctx context.Context, subject string) (shown, error) {
			r, err := a.Reader.GetRefund(ctx, rq.principal.Tenant, subject)
			return shown{object: r, inFlight: r.Status == refundPending}, err
		})
	}
}

// onRecord adds to the first Change of an action who did it.
type onRecord struct {
	*once
	calls  bool
	record func() db.Row
}

// Intent adds the record, and takes the key.
func (c onRecord) Intent(change *db.Change, subject string) {
	change.Add(c.record())
	c.once.Intent(change, subject)
}

// Result adds the record if there was no intent, and the answer. A refund that waits on had none: it takes another person's approval, too.
func (c onRecord) Result(change *db.Change, object any, err error) error {
	if r, ok := object.(payment.RefundObject); !c.calls || ok && r.Status == refundHeld {
		change.Add(c.record())
	}
	return c.once.Result(change, object, err)
}

func (a *API) listRefunds(ctx context.Context, rq *request, in *listRefundsInput) (answer, error) {
	return showList(a.Reader.ListRefunds(ctx, rq.principal.Tenant, in.page(), in.Payment))
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
