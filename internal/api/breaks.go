package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/recon"
	"github.com/florinpay/florin/internal/strict"
)

// Breaks keeps what does not agree. See recon.Book.
type Breaks interface {
	Get(ctx context.Context, tenant, breakID string) (recon.Object, error)
	List(ctx context.Context, tenant string, p db.Page, f recon.Filter) ([]recon.Object, bool, error)
	Close(ctx context.Context, tenant, breakID, by, note string, with recon.With) (recon.Object, error)
}

// closeBreak is the body of POST /v1/recon/breaks/{id}/close.
type closeBreak struct {
	Note string `json:"note" minLength:"1" maxLength:"500" doc:"What you found, in one line." example:"The acquirer has taken it back"`
}

type listBreaksInput struct {
	Paging
	Status  string `query:"status" enum:"open,closed" doc:"Only breaks that stand so."`
	Kind    string `query:"kind" enum:"contradiction,clearing,unknown_dispute" doc:"Only breaks of this kind."`
	Subject string `query:"subject" doc:"Only breaks of this payment, payout or dispute." example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2"`
}

// Resolve checks the query.
func (in *listBreaksInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Break)
		idOrNone(f, "subject", in.Subject, id.Payment, id.Payout, id.Dispute)
	})
}

func (a *API) registerBreaks() {
	object := reflect.TypeFor[recon.Object]()
	const tag, all, one = "Reconciliation", "/v1/recon/breaks", "/v1/recon/breaks/{id}"
	register(a, operation{
		id: "listBreaks", method: http.MethodGet, path: all, tag: tag, summary: "List breaks",
		scope: access.ReconRead, status: http.StatusOK, answer: reflect.TypeFor[listing[recon.Object]](),
	}, a.listBreaks)
	register(a, operation{
		id: "getBreak", method: http.MethodGet, path: one, tag: tag, summary: "Get a break",
		scope: access.ReconRead, status: http.StatusOK, answer: object,
	}, a.getBreak)
	register(a, operation{
		id: "closeBreak", method: http.MethodPost, path: one + "/close", tag: tag, summary: "Close a break",
		doc:   "Notes that you have looked, and what you found. It moves no money and changes nothing of the payment. What you close stays closed, also if the provider says the same again.",
		scope: access.ReconWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[closeBreak](), sample: `{"note":"The acquirer has taken it back"}`,
		shows: story{
			"ReconBreak.status": "closed", "note": "The acquirer has taken it back", "closed_by": "key_01jd9qk3v8m2x4r6t7w9y0a1b2", "closed_at": "2026-11-22T14:00:00Z",
		},
	}, a.closeBreak)
}

func (a *API) listBreaks(ctx context.Context, rq *request, in *listBreaksInput) (answer, error) {
	return showList(a.Breaks.List(ctx, rq.principal.Tenant, in.page(), recon.Filter{Status: in.Status, Kind: in.Kind, Subject: in.Subject}))
}

func (a *API) getBreak(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Break) {
		return answer{}, fault.Missing("break")
	}
	return show(a.Breaks.Get(ctx, rq.principal.Tenant, in.ID))
}

func (a *API) closeBreak(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Break) {
		return answer{}, fault.Missing("break")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[closeBreak](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.Breaks.Close(ctx, tenant, in.ID, rq.principal.KeyID, body.Note, recordedAs(o, "recon_break.closed", func(closed recon.Object) map[string]string {
			return map[string]string{"kind": string(closed.Kind), "subject": closed.Subject, "note": closed.Note}
		}))
	}, asItIs(tenant, a.Breaks.Get))
}
