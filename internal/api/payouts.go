package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payout"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/strict"
)

// Payouts makes payouts and moves them. See payout.Service.
type Payouts interface {
	Create(ctx context.Context, tenant string, in payout.Create, with payout.Result) (payout.Object, error)
	Approve(ctx context.Context, tenant, payout, by string, with payout.Result) (payout.Object, error)
	Cancel(ctx context.Context, tenant, payout, reason string, with payout.Result) (payout.Object, error)
	Resolve(ctx context.Context, tenant, payout string, r payout.Resolution, with payout.Result) (payout.Object, error)
	Batch(ctx context.Context, tenant, by, file string, dryRun bool, with func(*db.Change, payout.BatchObject) error) (payout.BatchObject, error)
}

// PayoutReader looks at payouts. See payout.Service.
type PayoutReader interface {
	Get(ctx context.Context, tenant, payout string) (payout.Object, error)
	List(ctx context.Context, tenant string, p db.Page, f payout.Filter) ([]payout.Object, bool, error)
}

type createPayout struct {
	Amount              int64      `json:"amount" minimum:"1" maximum:"999999999999" low:"amount_too_small" high:"amount_too_large" doc:"In the currency's minor unit: 9232 is 92.32 EUR. At most twelve digits." example:"9232"`
	Currency            string     `json:"currency" check:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217, three capital letters." example:"EUR"`
	DestinationToken    string     `json:"destination_token,omitempty" maxLength:"64" check:"destination" doc:"A destination that is kept." example:"dst_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	CardToken           string     `json:"card_token,omitempty" maxLength:"64" check:"token" doc:"Instead of destination_token: a card that money is pushed to."`
	BankAlias           *bankAlias `json:"bank_alias,omitempty" doc:"Instead of destination_token: an alias of an instant scheme."`
	Customer            string     `json:"customer,omitempty" maxLength:"64" check:"customer" doc:"Whose money it is. What is paid out is counted against what they paid in: see the customer's funds." example:"cus_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	ClosedLoop          string     `json:"closed_loop,omitempty" enum:"none,prefer,require" doc:"prefer: the customer's money goes back to where it came from as far as it can, and the rest to the destination. require: all of it goes back, or nothing is made; there is no destination then. If it is not given: prefer with source_payment and a destination, require with source_payment alone, else none."`
	ClosedLoopOrder     string     `json:"closed_loop_order,omitempty" enum:"oldest,newest" doc:"Which of the customer's payments come first: oldest if it is not given."`
	SourcePayment       string     `json:"source_payment,omitempty" maxLength:"64" check:"payment" doc:"A payment that the money goes back to, in place of all of the customer's."`
	StatementDescriptor string     `json:"statement_descriptor,omitempty" minLength:"1" maxLength:"35" check:"printable" doc:"What the payee reads on the statement." example:"FLORIN SHOP 1001"`
	Description         string     `json:"description,omitempty" maxLength:"500" check:"printable" doc:"For you and your support."`
	Metadata            Metadata   `json:"metadata,omitempty" doc:"Up to 50 keys of up to 40 characters, with values of up to 500."`
}

type bankAlias struct {
	Type  string `json:"type" enum:"pix,payid,upi"`
	Value string `json:"value" minLength:"1" maxLength:"300" example:"ada@example.com"`
	Name  string `json:"name" minLength:"1" maxLength:"140" check:"printable" doc:"Whose it is." example:"Ada Lovelace"`
}

func (b *createPayout) Check(f *strict.Faults, _ time.Time) {
	ways := 0
	for _, given := range []bool{b.DestinationToken != "", b.CardToken != "", b.BankAlias != nil} {
		if given {
			ways++
		}
	}
	switch mode := b.mode(); {
	case mode == payout.ModeRequire && ways > 0:
		f.Add("closed_loop", fault.CodeInvalid, "must not be require with a destination: then nothing would go there")
	case mode != payout.ModeRequire && ways != 1:
		f.Add("destination_token", fault.CodeInvalid, "exactly one of destination_token, card_token and bank_alias must be given")
	}
	switch mode := b.mode(); {
	case mode == payout.ModeNone && b.SourcePayment != "":
		f.Add("closed_loop", fault.CodeInvalid, "must not be none with source_payment")
	case mode == payout.ModeNone && b.ClosedLoopOrder != "":
		f.Add("closed_loop_order", fault.CodeInvalid, "is for a closed_loop")
	case mode != payout.ModeNone && b.SourcePayment == "" && b.Customer == "":
		f.Add("customer", problem.CodeMissing, "is required for a closed_loop, or source_payment in its place")
	}
}

// mode is whether the money goes back to its sources.
func (b *createPayout) mode() payout.Mode {
	switch {
	case b.ClosedLoop != "":
		return payout.Mode(b.ClosedLoop)
	case b.SourcePayment == "":
		return payout.ModeNone
	case b.DestinationToken != "" || b.CardToken != "" || b.BankAlias != nil:
		return payout.ModePrefer
	}
	return payout.ModeRequire
}

func (b *createPayout) order(by string) payout.Create {
	c := payout.Create{
		Amount: b.Amount, Currency: b.Currency, Destination: b.DestinationToken, Descriptor: b.StatementDescriptor, Description: b.Description,
		Metadata: b.Metadata, By: by, Customer: b.Customer, ClosedLoop: b.mode(), Order: payout.Order(b.ClosedLoopOrder), Source: b.SourcePayment,
	}
	if b.CardToken != "" {
		c.To = &payout.DestinationInput{Type: payout.TypeCard, Card: b.CardToken}
	}
	if b.BankAlias != nil {
		c.To = &payout.DestinationInput{Type: payout.Type(b.BankAlias.Type), Name: b.BankAlias.Name, Alias: b.BankAlias.Value}
	}
	return c
}

// names are where what payout.Service finds wrong stands in the body.
func (b *createPayout) names() map[string]string {
	names := map[string]string{"destination": "destination_token", "pix_key": "bank_alias.value", "payid": "bank_alias.value", "vpa": "bank_alias.value", "name": "bank_alias.name"}
	switch {
	case b.CardToken != "":
		names["destination"] = "card_token"
	case b.BankAlias != nil:
		names["destination"] = "bank_alias"
	}
	return names
}

type cancelPayout struct {
	Reason string `json:"reason,omitempty" maxLength:"200" check:"printable" doc:"Why, for your records."`
}

// resolvePayout is the body of POST /v1/payouts/{id}/resolve.
type resolvePayout struct {
	Outcome   string `json:"outcome" enum:"paid,not_paid" doc:"paid: the payee has it. not_paid: they have not, and will not get it."`
	Reference string `json:"reference,omitempty" maxLength:"200" check:"printable" doc:"The provider's, if you know it."`
	Reason    string `json:"reason" minLength:"1" maxLength:"500" check:"printable" doc:"How you know. For the audit trail." example:"Seen in the bank's portal, executed on Monday."`
}

type createPayoutBatch struct {
	CSV    string `json:"csv" minLength:"1" maxLength:"900000" doc:"A file with a heading and up to 500 payouts. Columns: amount, currency, one of destination_token, iban, pix_key, payid and vpa, with name beside a number or an alias, description, statement_descriptor." example:"amount,currency,iban,name\n9232,EUR,DE89370400440532013000,Ada Lovelace\n"`
	DryRun bool   `json:"dry_run,omitempty" doc:"Only tell what would become of it."`
}

type listPayoutsInput struct {
	Paging
	Status      string `query:"status" enum:"held,queued,sent,paid,failed,returned,canceled" doc:"Only payouts in this state."`
	Destination string `query:"destination" maxLength:"64" doc:"Only payouts to this destination."`
	Batch       string `query:"batch" maxLength:"64" doc:"Only payouts of this batch."`
	Customer    string `query:"customer" maxLength:"64" doc:"Only payouts of this customer's money."`
}

// Resolve checks the query.
func (in *listPayoutsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Payout)
		idOrNone(f, "destination", in.Destination, id.Destination)
		idOrNone(f, "batch", in.Batch, id.PayoutBatch)
		idOrNone(f, "customer", in.Customer, id.Customer)
	})
}

func (a *API) registerPayouts() {
	object := reflect.TypeFor[payout.Object]()
	const tag, all, one = "Payouts", "/v1/payouts", "/v1/payouts/{id}"
	queued := story{"Payout.status": "queued", "Payout.amount_paid": 0}
	register(a, operation{
		id: "createPayout", method: http.MethodPost, path: all, tag: tag, summary: "Create a payout",
		doc: "Takes the amount out of the available balance at once; it is sent in the background, and its events tell the rest. " +
			"Above the amount that one person may pay out, and where other currencies have such an amount and this one has none, it is held until another key approves it. With closed_loop the money goes back to where it " +
			"came from first: parts tells how it is divided, and unused_sources why a source was passed over.",
		scope: access.PayoutsWrite, status: http.StatusCreated, answer: object, body: reflect.TypeFor[createPayout](), refusals: []int{404},
		sample: `{"amount":9232,"currency":"EUR","destination_token":"dst_01jd9qk3v8m2x4r6t7w9y0a1b2","statement_descriptor":"FLORIN SHOP 1001"}`, shows: queued,
	}, a.createPayout)
	register(a, operation{
		id: "createPayoutBatch", method: http.MethodPost, path: all + "/batch", tag: tag, summary: "Create payouts from a CSV file",
		doc: "Makes a payout of every line, or of none: if a line is wrong, or the balance does not suffice for all, nothing is made. " +
			"The report says of every line what is wrong with it, or what was made. A dry run makes nothing.",
		scope: access.PayoutsWrite, status: http.StatusOK, answer: reflect.TypeFor[payout.BatchObject](), body: reflect.TypeFor[createPayoutBatch](),
		sample: `{"csv":"amount,currency,iban,name\n9232,EUR,DE89370400440532013000,Ada Lovelace\n","dry_run":false}`,
		shows:  story{"PayoutBatchLine.status": "created", "PayoutBatchLine.errors": []string{}, "PayoutBatchLine.payout": "po_01jd9qk3v8m2x4r6t7w9y0a1b2", "invalid": 0, "created": 1, "totals": map[string]int64{"EUR": 9232}},
	}, a.createPayoutBatch)
	register(a, operation{
		id: "listPayouts", method: http.MethodGet, path: all, tag: tag, summary: "List payouts",
		scope: access.PayoutsRead, status: http.StatusOK, answer: reflect.TypeFor[listing[payout.Object]](),
	}, a.listPayouts)
	register(a, operation{
		id: "getPayout", method: http.MethodGet, path: one, tag: tag, summary: "Get a payout",
		scope: access.PayoutsRead, status: http.StatusOK, answer: object,
	}, a.getPayout)
	register(a, operation{
		id: "approvePayout", method: http.MethodPost, path: one + "/approve", tag: tag, summary: "Approve a payout",
		doc:   "Lets a payout go that is held. The key must be another one than that which asked for it.",
		scope: access.PayoutsWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[noParameters](), optional: true, sample: `{}`, shows: queued,
	}, a.approvePayout)
	register(a, operation{
		id: "cancelPayout", method: http.MethodPost, path: one + "/cancel", tag: tag, summary: "Cancel a payout",
		doc:   "Ends a payout that is held or queued, and makes its amount available again. Once it is being sent it is too late.",
		scope: access.PayoutsWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[cancelPayout](), optional: true,
		sample: `{"reason":"wrong payee"}`, shows: story{"Payout.status": "canceled", "Payout.amount_paid": 0},
	}, a.cancelPayout)
	register(a, operation{
		id: "resolvePayout", method: http.MethodPost, path: one + "/resolve", tag: tag, summary: "Say what became of a payout",
		doc: "Takes your word for a payout that is in the manual queue, as it would take the provider's: it moves, and is booked. Of one that was not paid the amount is available again, so be sure: " +
			"if the provider says later that it paid, nothing is undone, and it stands in the timeline as a contradiction.",
		scope: access.OpsWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[resolvePayout](),
		sample: `{"outcome":"paid","reference":"tx_80144","reason":"Seen in the bank's portal, executed on Monday."}`,
	}, a.resolvePayout)
}

func (a *API) showPayout(tenant string) view {
	return asItIs(tenant, a.PayoutReader.Get)
}

func (a *API) createPayout(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[createPayout](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		detail := map[string]string{"amount": strconv.FormatInt(body.Amount, 10), "currency": body.Currency}
		made, err := a.Payouts.Create(ctx, tenant, body.order(rq.principal.KeyID), recorded[payout.Object](o, "payout.created", detail))
		return made, renamed(err, body.names())
	}, a.showPayout(tenant))
}

func (a *API) createPayoutBatch(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[createPayoutBatch](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.Payouts.Batch(ctx, tenant, rq.principal.KeyID, body.CSV, body.DryRun, recordedAs(o, "payout_batch.created", func(b payout.BatchObject) map[string]string {
			return map[string]string{"payouts": strconv.FormatInt(b.Created, 10)}
		}))
	}, func(context.Context, string) (shown, error) {
		return shown{}, fault.Missing("batch") // its answer is always stored with it
	})
}

func (a *API) approvePayout(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	return payoutAction(ctx, a, rq, in, func(ctx context.Context, tenant string, _ *noParameters, o *once) (payout.Object, error) {
		return a.Payouts.Approve(ctx, tenant, in.ID, rq.principal.KeyID, recorded[payout.Object](o, "payout.approved", nil))
	})
}

func (a *API) cancelPayout(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	return payoutAction(ctx, a, rq, in, func(ctx context.Context, tenant string, b *cancelPayout, o *once) (payout.Object, error) {
		detail := map[string]string{}
		if b.Reason != "" {
			detail["reason"] = b.Reason
		}
		return a.Payouts.Cancel(ctx, tenant, in.ID, b.Reason, recorded[payout.Object](o, "payout.canceled", detail))
	})
}

func (a *API) resolvePayout(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Payout) {
		return answer{}, fault.Missing("payout")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[resolvePayout](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		said := map[string]string{"outcome": body.Outcome, "reference": body.Reference, "reason": body.Reason}
		return a.Payouts.Resolve(ctx, tenant, in.ID, payout.Resolution{Outcome: payout.ManualOutcome(body.Outcome), Reference: body.Reference, Reason: body.Reason},
			recorded[payout.Object](o, "manual_item.resolved", said))
	}, a.showPayout(tenant))
}

// payoutAction runs an operation on one payout.
func payoutAction[B any](ctx context.Context, a *API, rq *request, in *actionInput, do func(ctx context.Context, tenant string, b *B, o *once) (payout.Object, error)) (answer, error) {
	if !id.Has(in.ID, id.Payout) {
		return answer{}, fault.Missing("payout")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decodeOptional[B](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return do(ctx, tenant, body, o)
	}, a.showPayout(tenant))
}

func (a *API) getPayout(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Payout) {
		return answer{}, fault.Missing("payout")
	}
	return show(a.PayoutReader.Get(ctx, rq.principal.Tenant, in.ID))
}

func (a *API) listPayouts(ctx context.Context, rq *request, in *listPayoutsInput) (answer, error) {
	return showList(a.PayoutReader.List(ctx, rq.principal.Tenant, in.page(), payout.Filter{Status: in.Status, Destination: in.Destination, Batch: in.Batch, Customer: in.Customer}))
}
