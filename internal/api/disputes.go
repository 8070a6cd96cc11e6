package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/dispute"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/strict"
)

// Disputes shows what payers deny, and tells providers what the merchant says to it. See dispute.Service.
type Disputes interface {
	Get(ctx context.Context, tenant, dispute string) (dispute.Object, error)
	List(ctx context.Context, tenant string, p db.Page, f dispute.Filter) ([]dispute.Object, bool, error)
	Answer(ctx context.Context, tenant, dispute string, kind dispute.AnswerKind, with payment.Companion) (dispute.Object, error)
	DisputeEvidence
}

// DisputeEvidence keeps what is to be said to a dispute. See dispute.Service.
type DisputeEvidence interface {
	Texts(ctx context.Context, tenant, dispute string) (map[string]string, []dispute.File, error)
	File(ctx context.Context, tenant, dispute, name string) (dispute.File, []byte, error)
	SetTexts(ctx context.Context, tenant, dispute string, texts map[string]string, with dispute.With) (dispute.Object, error)
	PutFile(ctx context.Context, tenant, dispute, name, kind string, body []byte, with dispute.With) (dispute.Object, error)
	RemoveFile(ctx context.Context, tenant, dispute, name string, with dispute.With) (dispute.Object, error)
}

// disputeTexts are the texts of evidence, in a body and in an answer.
type disputeTexts struct {
	Explanation             *string `json:"explanation,omitempty" maxLength:"5000" doc:"Your own words." example:"Delivered to the cardholder on Monday."`
	ProductDescription      *string `json:"product_description,omitempty" maxLength:"2000"`
	CustomerName            *string `json:"customer_name,omitempty" maxLength:"200"`
	CustomerEmail           *string `json:"customer_email,omitempty" maxLength:"254"`
	CustomerIP              *string `json:"customer_ip,omitempty" maxLength:"45" doc:"From which the payment was made."`
	CustomerCommunication   *string `json:"customer_communication,omitempty" maxLength:"5000" doc:"What you and the customer wrote to each other."`
	BillingAddress          *string `json:"billing_address,omitempty" maxLength:"500"`
	ShippingAddress         *string `json:"shipping_address,omitempty" maxLength:"500"`
	ShippingCarrier         *string `json:"shipping_carrier,omitempty" maxLength:"100"`
	ShippingTrackingNumber  *string `json:"shipping_tracking_number,omitempty" maxLength:"100"`
	ShippingDate            *string `json:"shipping_date,omitempty" maxLength:"40"`
	ServiceDate             *string `json:"service_date,omitempty" maxLength:"40"`
	RefundPolicy            *string `json:"refund_policy,omitempty" maxLength:"5000" doc:"As the customer was shown it."`
	RefundRefusal           *string `json:"refund_refusal,omitempty" maxLength:"5000" doc:"Why there was no refund."`
	DuplicateExplanation    *string `json:"duplicate_explanation,omitempty" maxLength:"2000" doc:"How this payment differs from one that it is taken for."`
	CancellationPolicy      *string `json:"cancellation_policy,omitempty" maxLength:"5000"`
	CancellationExplanation *string `json:"cancellation_explanation,omitempty" maxLength:"2000"`
}

// byField is the texts that are there, by their names in JSON.
func (t disputeTexts) byField() (map[string]string, error) {
	texts := map[string]string{}
	body, err := json.Marshal(t)
	if err == nil {
		err = json.Unmarshal(body, &texts)
	}
	return texts, err
}

// disputeEvidence is all evidence of a dispute.
type disputeEvidence struct {
	Object   string            `json:"object" enum:"dispute_evidence"`
	Dispute  string            `json:"dispute" example:"dp_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Livemode bool              `json:"livemode"`
	Texts    map[string]string `json:"texts" doc:"By field."`
	Files    []dispute.File    `json:"files"`
}

type listDisputesInput struct {
	Paging
	Payment   string `query:"payment" maxLength:"64" doc:"Only disputes of this payment."`
	Status    string `query:"status" enum:"needs_response,under_review,won,lost,accepted,expired" doc:"Only disputes that stand there."`
	Unmatched bool   `query:"unmatched" doc:"Only disputes of payments that are not known here: somebody must look."`
}

// Resolve checks the query.
func (in *listDisputesInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Dispute)
		idOrNone(f, "payment", in.Payment, id.Payment)
		if in.Payment != "" && in.Unmatched {
			f.Add("unmatched", fault.CodeInvalid, "cannot stand beside payment")
		}
	})
}

// fileInput is a file of the evidence, by its name.
type fileInput struct {
	ID   string `path:"id"`
	Name string `path:"name"`
}

// uploadInput is a file as it is sent.
type uploadInput struct {
	ID      string `path:"id"`
	Name    string `path:"name"`
	RawBody []byte
}

func (a *API) registerDisputes() {
	object, nothing := reflect.TypeFor[dispute.Object](), reflect.TypeFor[noParameters]()
	const tag, all, one = "Disputes", "/v1/disputes", "/v1/disputes/{id}"
	register(a, operation{
		id: "listDisputes", method: http.MethodGet, path: all, tag: tag, summary: "List disputes",
		scope: access.DisputesRead, status: http.StatusOK, answer: reflect.TypeFor[listing[dispute.Object]](),
	}, a.listDisputes)
	register(a, operation{
		id: "getDispute", method: http.MethodGet, path: one, tag: tag, summary: "Get a dispute",
		scope: access.DisputesRead, status: http.StatusOK, answer: object,
	}, a.getDispute)
	register(a, operation{
		id: "getDisputeEvidence", method: http.MethodGet, path: one + "/evidence", tag: tag, summary: "Get the evidence of a dispute",
		doc:   "The texts as they are, and of each file what it is.",
		scope: access.DisputesRead, status: http.StatusOK, answer: reflect.TypeFor[disputeEvidence](),
	}, a.getDisputeEvidence)
	register(a, operation{
		id: "setDisputeEvidence", method: http.MethodPost, path: one + "/evidence", tag: tag, summary: "Give evidence in words",
		doc:   "Changes the texts that are given and leaves the others. An empty text takes one back. Nothing goes to the provider before you submit.",
		scope: access.DisputesWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[disputeTexts](), sample: `{"explanation":"Delivered to the cardholder on Monday."}`,
	}, a.setDisputeEvidence)
	register(a, operation{
		id: "getDisputeFile", method: http.MethodGet, path: one + "/evidence/{name}", tag: tag, summary: "Get a file of the evidence",
		doc:   "The file as it was given, of the type that it was given as. Who read it is recorded in the audit trail.",
		scope: access.DisputesRead, status: http.StatusOK, files: dispute.Types,
	}, a.getDisputeFile)
	register(a, operation{
		id: "uploadDisputeFile", method: http.MethodPost, path: one + "/evidence/{name}", tag: tag, summary: "Add a file to the evidence",
		doc:   "The body is the file: a PDF, a PNG, a JPEG or plain text in UTF-8, of at most 10 MiB, and of the type that Content-Type says. One of the same name is replaced. At most ten. It is stored sealed.",
		scope: access.DisputesWrite, status: http.StatusOK, answer: object, raw: dispute.Types, most: dispute.MaxFile,
	}, a.uploadDisputeFile)
	register(a, operation{
		id: "removeDisputeFile", method: http.MethodDelete, path: one + "/evidence/{name}", tag: tag, summary: "Take a file out of the evidence",
		scope: access.DisputesWrite, status: http.StatusOK, answer: object,
	}, a.removeDisputeFile)
	register(a, operation{
		id: "submitDispute", method: http.MethodPost, path: one + "/submit", tag: tag, summary: "Submit the evidence",
		doc:   "Sends all evidence to the provider, once and for all. Where the provider does not answer, response is pending and it is sent again by itself; where it refuses, response says why and the dispute stays as it was.",
		scope: access.DisputesWrite, status: http.StatusOK, answer: object, body: nothing, optional: true, sample: `{}`,
		shows: story{"Dispute.status": "under_review"},
	}, a.answerDispute(dispute.Submit, "dispute.submitted"))
	register(a, operation{
		id: "acceptDispute", method: http.MethodPost, path: one + "/accept", tag: tag, summary: "Accept a dispute",
		doc:   "Tells the provider that the payer is right. The money is gone then.",
		scope: access.DisputesWrite, status: http.StatusOK, answer: object, body: nothing, optional: true, sample: `{}`,
		shows: story{"Dispute.status": "accepted", "money": "gone", "ended_at": "2026-11-22T12:00:00Z"},
	}, a.answerDispute(dispute.Accept, "dispute.accepted"))
}

func (a *API) listDisputes(ctx context.Context, rq *request, in *listDisputesInput) (answer, error) {
	return showList(a.Disputes.List(ctx, rq.principal.Tenant, in.page(), dispute.Filter{Payment: in.Payment, Status: in.Status, Unmatched: in.Unmatched}))
}

var errNoDispute = fault.Missing("dispute")

func (a *API) getDispute(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Dispute) {
		return answer{}, errNoDispute
	}
	return show(a.Disputes.Get(ctx, rq.principal.Tenant, in.ID))
}

func (a *API) getDisputeEvidence(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Dispute) {
		return answer{}, errNoDispute
	}
	texts, files, err := a.Disputes.Texts(ctx, rq.principal.Tenant, in.ID)
	return show(disputeEvidence{"dispute_evidence", in.ID, rq.principal.Live, texts, orEmpty(files)}, err)
}

func (a *API) setDisputeEvidence(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Dispute) {
		return answer{}, errNoDispute
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[disputeTexts](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		texts, err := body.byField()
		if err != nil {
			return nil, err
		}
		return a.Disputes.SetTexts(ctx, tenant, in.ID, texts, a.auditDispute(rq, o, "dispute.evidence_changed", nil))
	}, a.showDispute(tenant))
}

func (a *API) uploadDisputeFile(ctx context.Context, rq *request, in *uploadInput) (answer, error) {
	if !id.Has(in.ID, id.Dispute) {
		return answer{}, errNoDispute
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		kind := mediaType(rq.Request.Header["Content-Type"])
		return a.Disputes.PutFile(ctx, tenant, in.ID, in.Name, kind, in.RawBody, a.auditDispute(rq, o, "dispute.file_added", map[string]string{
			"name": in.Name, "type": kind, "size": strconv.Itoa(len(in.RawBody)),
		}))
	}, a.showDispute(tenant))
}

// getDisputeFile gives a file back. That it was read is on record before the first byte of it is out.
func (a *API) getDisputeFile(ctx context.Context, rq *request, in *fileInput) (answer, error) {
	if !id.Has(in.ID, id.Dispute) {
		return answer{}, errNoDispute
	}
	tenant := rq.principal.Tenant
	file, body, err := a.Disputes.File(ctx, tenant, in.ID, in.Name)
	if err != nil {
		return answer{}, err
	}
	read := rq.by().Record(a.IDs, a.Clock.Now(), tenant, "dispute.file_read", in.ID, map[string]string{"name": file.Name})
	if err := a.DB.Commit(ctx, db.NewChange(tenant, read.Row())); err != nil {
		return answer{}, fmt.Errorf("record that %s of %s is read: %w", file.Name, in.ID, err)
	}
	return answer{Status: http.StatusOK, ContentType: file.Type, Body: body, Header: http.Header{
		// A browser that is led here keeps it, and neither shows nor runs it. A name has no character that would need quoting.
		"Content-Disposition": {`attachment; filename="` + file.Name + `"`}, "X-Content-Type-Options": {"nosniff"},
		"Content-Security-Policy": {"sandbox; default-src 'none'"},
	}}, nil
}

func (a *API) removeDisputeFile(ctx context.Context, rq *request, in *fileInput) (answer, error) {
	if !id.Has(in.ID, id.Dispute) {
		return answer{}, errNoDispute
	}
	with := a.auditDispute(rq, nil, "dispute.file_removed", map[string]string{"name": in.Name})
	return show(a.Disputes.RemoveFile(ctx, rq.principal.Tenant, in.ID, in.Name, with))
}

// auditDispute adds the record of who did it, and the answer if o waits for it, to the Change that does it.
func (a *API) auditDispute(rq *request, o *once, did audit.Action, detail map[string]string) dispute.With {
	return func(c *db.Change, d dispute.Object) error {
		c.Add(rq.by().Record(a.IDs, a.Clock.Now(), c.Merchant(), did, d.ID, detail).Row())
		if o == nil {
			return nil
		}
		return o.Result(c, d, nil)
	}
}

func (a *API) answerDispute(kind dispute.AnswerKind, did audit.Action) func(context.Context, *request, *actionInput) (answer, error) {
	return func(ctx context.Context, rq *request, in *actionInput) (answer, error) {
		tenant := rq.principal.Tenant
		return a.act(ctx, rq, in, id.Dispute, "dispute", func(ctx context.Context, o *once) (any, error) {
			return a.Disputes.Answer(ctx, tenant, in.ID, kind, onRecord{o, true, func() db.Row {
				return rq.by().Record(a.IDs, a.Clock.Now(), tenant, did, in.ID, nil).Row()
			}})
		}, a.showDispute(tenant))
	}
}

func (a *API) showDispute(tenant string) view {
	return func(ctx context.Context, subject string) (shown, error) {
		d, err := a.Disputes.Get(ctx, tenant, subject)
		return shown{object: d, inFlight: d.Response != nil && d.Response.Status == dispute.AnswerPending}, err
	}
}
