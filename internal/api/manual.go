package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
)

// ManualQueue shows outcomes that nobody can find out by asking, of payments and payouts. See payout.Service, which has both.
type ManualQueue interface {
	ManualQueue(ctx context.Context, tenant, after string, limit int) ([]payment.ManualItem, bool, error)
}

// ManualResolver takes a person's word for the outcomes of payments. Those of payouts are theirs. See payment.Service.
type ManualResolver interface {
	ResolveManual(ctx context.Context, tenant, item string, r payment.Resolution, with payment.Companion) (payment.Object, error)
}

type listManualInput struct {
	Limit         int64  `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many at most."`
	StartingAfter string `query:"starting_after" maxLength:"64" doc:"An id: only what waits for less long."`
}

// resolveManual is the body of POST /v1/manual_queue/{id}/resolve.
type resolveManual struct {
	Outcome   string `json:"outcome" enum:"charged,not_charged,succeeded,failed" doc:"Of a payment's money: charged if it was taken or is held, as was asked, else not_charged. Of a capture, void or refund: succeeded or failed."`
	Reference string `json:"reference,omitempty" maxLength:"200" check:"printable" doc:"The provider's. Needed for what was charged, unless it is shown here already."`
	Reason    string `json:"reason" minLength:"1" maxLength:"500" check:"printable" doc:"How you know. For the audit trail." example:"Seen in the provider's portal, settled on Monday."`
}

func (a *API) registerManual() {
	const tag, all = "Operations", "/v1/manual_queue"
	register(a, operation{
		id: "listManualQueue", method: http.MethodGet, path: all, tag: tag, summary: "List what waits for a person",
		doc:   "Payments, captures, voids, refunds and payouts whose outcome the provider does not tell, however often it is asked. What has waited longest comes first. Look them up where the provider shows them to people, and say what is so: of a payout by resolvePayout.",
		scope: access.OpsRead, status: http.StatusOK, answer: reflect.TypeFor[listing[payment.ManualItem]](),
	}, a.listManual)
	register(a, operation{
		id: "resolveManualItem", method: http.MethodPost, path: all + "/{id}/resolve", tag: tag, summary: "Say what became of it",
		doc:   "Takes your word as it would take the provider's: the payment moves, and is booked. If the provider contradicts it later, that is shown in the payment's timeline, and money that you said was not charged goes back.",
		scope: access.OpsWrite, status: http.StatusOK, answer: reflect.TypeFor[payment.Object](), body: reflect.TypeFor[resolveManual](),
		sample: `{"outcome":"charged","reference":"tx_80144","reason":"Seen in the provider's portal, settled on Monday."}`,
	}, a.resolveManual)
}

func (a *API) listManual(ctx context.Context, rq *request, in *listManualInput) (answer, error) {
	return showList(a.ManualQueue.ManualQueue(ctx, rq.principal.Tenant, in.StartingAfter, int(in.Limit)))
}

// manualIDs are the kinds of what can be in the queue, beside payouts.
var manualIDs = []id.Prefix{id.Attempt, id.Capture, id.Void, id.Refund}

func (a *API) resolveManual(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if id.Has(in.ID, id.Payout) {
		return answer{}, fault.Wrong("id", fault.CodeInvalid, "is a payout's: say what became of it at /v1/payouts/{id}/resolve")
	}
	known := false
	for _, kind := range manualIDs {
		known = known || id.Has(in.ID, kind)
	}
	if !known {
		return answer{}, fault.Missing("item in the manual queue")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[resolveManual](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		record := func() db.Row {
			return rq.by().Record(a.IDs, a.Clock.Now(), tenant, "manual_item.resolved", in.ID,
				map[string]string{"outcome": body.Outcome, "reference": body.Reference, "reason": body.Reason}).Row()
		}
		return a.Manual.ResolveManual(ctx, tenant, in.ID, payment.Resolution{
			Outcome: payment.ManualOutcome(body.Outcome), Reference: body.Reference, Reason: body.Reason,
		}, onRecord{o, false, record})
	}, func(ctx context.Context, subject string) (shown, error) {
		p, err := a.Reader.Get(ctx, tenant, subject, nil)
		return shown{object: p}, err
	})
}
