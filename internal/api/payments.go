package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	orders "github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/strict"
)

// bodyInput is the input of an operation on a collection.
type bodyInput struct {
	RawBody []byte
}

// actionInput is the input of an operation on one object.
type actionInput struct {
	ID      string `path:"id"`
	RawBody []byte
}

type getPaymentInput struct {
	ID     string   `path:"id"`
	Expand []string `query:"expand" enum:"attempts,refunds,order,timeline" doc:"What to show in full, separated by commas."`
}

type listPaymentsInput struct {
	Paging
	Status string `query:"status" enum:"requires_payment_method,requires_action,processing,in_review,authorized,captured,canceled,expired,failed" doc:"Only payments in this state."`

	Customer string `query:"customer" maxLength:"64" doc:"Only payments of this customer."`
	Order    string `query:"order" maxLength:"64" doc:"Only payments of this order."`
}

// Resolve checks the query.
func (in *listPaymentsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Payment)
		idOrNone(f, "customer", in.Customer, id.Customer)
		idOrNone(f, "order", in.Order, id.Order)
	})
}

func (a *API) registerPayments() {
	object := reflect.TypeFor[payment.Object]()
	const tag, one = "Payments", "/v1/payments/{id}"
	register(a, operation{
		id: "createPayment", method: http.MethodPost, path: "/v1/payments", tag: tag, summary: "Create a payment",
		doc: "Charges a card that the vault has made a token of. A decline is answered with 402 and leaves a failed payment, whose id is in the problem. " +
			"If the payer's bank wants to see its customer, the payment comes back as requires_action: send the payer's browser to next_action.url.",
		scope: access.PaymentsWrite, status: http.StatusCreated, answer: object, sample: `{"amount":9232,"currency":"EUR","payment_method_token":"pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2","metadata":{"order_id":"ORD-1001"}}`,
		body: reflect.TypeFor[createPayment](), refusals: []int{402, 404}, shows: story{"amount_refunded": 0},
	}, a.createPayment)
	register(a, operation{
		id: "listPayments", method: http.MethodGet, path: "/v1/payments", tag: tag, summary: "List payments",
		scope: access.PaymentsRead, status: http.StatusOK, answer: reflect.TypeFor[listing[payment.Object]](),
	}, a.listPayments)
	register(a, operation{
		id: "getPayment", method: http.MethodGet, path: one, tag: tag, summary: "Get a payment",
		scope: access.PaymentsRead, status: http.StatusOK, answer: object,
	}, a.getPayment)
	register(a, operation{
		id: "confirmPayment", method: http.MethodPost, path: one + "/confirm", tag: tag, summary: "Confirm a payment",
		doc: "Charges a payment that was made with confirm false. Of one that requires action, the provider is asked what the payer did; " +
			"with another token that try is given up, and the next one begins. Where somebody has switched off what it needs now, it is answered 503 kill_switch_on: " +
			"the payment waits as requires_payment_method, and goes on with what its payer has proved when it is confirmed again.",
		scope: access.PaymentsWrite, status: http.StatusOK, answer: object, sample: `{"payment_method_token":"pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"}`,
		body: reflect.TypeFor[confirmPayment](), optional: true, refusals: []int{402}, shows: story{"amount_refunded": 0},
	}, a.confirmPayment)
	register(a, operation{
		id: "capturePayment", method: http.MethodPost, path: one + "/capture", tag: tag, summary: "Capture a payment",
		doc:   "Takes authorized money, in whole or in part, as often as the provider allows. The last capture, or final, releases the rest. If the provider does not answer or is down, the payment comes back authorized with amount_capturing: payment.captured or payment.capture_failed tells the end.",
		scope: access.PaymentsWrite, status: http.StatusOK, answer: object, sample: `{"amount":5000,"final":false}`,
		body: reflect.TypeFor[capturePayment](), optional: true, refusals: []int{402},
		shows: story{"Payment.status": "authorized", "amount_captured": 5000, "amount_refunded": 0, "capture": false, "capture_before": "2026-11-29T12:00:00Z"},
	}, a.capturePayment)
	register(a, operation{
		id: "cancelPayment", method: http.MethodPost, path: one + "/cancel", tag: tag, summary: "Cancel a payment",
		doc:   "Ends a payment of which nothing is captured. An authorization is released at the provider. If that does not answer or is down, the payment comes back authorized with amount_canceling: payment.canceled, payment.expired or payment.cancel_failed tells the end.",
		scope: access.PaymentsWrite, status: http.StatusOK, answer: object, sample: `{"reason":"out of stock"}`,
		body: reflect.TypeFor[cancelPayment](), optional: true, refusals: []int{402},
		shows: story{
			"Payment.status": "canceled", "amount_captured": 0, "amount_refunded": 0, "capture": false, "capture_before": "2026-11-29T12:00:00Z",
			"cancellation_reason": "out of stock",
		},
	}, a.cancelPayment)
	register(a, operation{
		id: "refundPayment", method: http.MethodPost, path: one + "/refund", tag: tag, summary: "Refund a payment",
		doc:   "Gives captured money back, in whole or in parts, up to what was captured. A refund may stay pending; its webhook tells the end. Your returns policy may refuse it, or hold it until another key approves it.",
		scope: access.RefundsWrite, status: http.StatusCreated, answer: reflect.TypeFor[payment.RefundObject](), sample: `{"amount":1000,"reason":"one item came back"}`,
		body: reflect.TypeFor[refundPayment](), optional: true, refusals: []int{402},
	}, a.refundPayment)
}

func (a *API) createPayment(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[createPayment](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.Payments.Create(ctx, body.order(tenant), o)
	}, a.showPayment(tenant, charging))
}

// flight tells whether an operation on a payment is still under way.
type flight func(payment.Object) bool

func charging(p payment.Object) bool { return p.Status == payment.Processing }

func capturing(p payment.Object) bool { return charging(p) || p.AmountCapturing > 0 }

func canceling(p payment.Object) bool { return charging(p) || p.AmountCanceling > 0 }

// showPayment shows the payment that a request made or moved. A charge that failed is refused, as it was or would have
// been the first time.
func (a *API) showPayment(tenant string, underWay flight) view {
	return func(ctx context.Context, subject string) (shown, error) {
		p, err := a.Reader.Get(ctx, tenant, subject, nil)
		s := shown{object: p, inFlight: underWay(p)}
		if p.Failure != nil && (p.Status == payment.Failed || p.Status == payment.RequiresPaymentMethod) {
			s.refusal = declineOf(p, a.Clock.Now())
		}
		return s, err
	}
}

// declineOf is the refusal that left a payment as it is.
func declineOf(p payment.Object, now time.Time) *payment.DeclinedError {
	return payment.Refusal(p, p.Failure, now)
}

// act runs an operation on one payment.
func act[B any](ctx context.Context, a *API, rq *request, in *actionInput, underWay flight, do func(ctx context.Context, tenant string, b *B, o *once) (payment.Object, error)) (answer, error) {
	if !id.Has(in.ID, id.Payment) {
		return answer{}, fault.Missing("payment")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decodeOptional[B](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return do(ctx, tenant, body, o)
	}, a.showPayment(tenant, underWay))
}

func (a *API) confirmPayment(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	return act(ctx, a, rq, in, charging, func(ctx context.Context, tenant string, b *confirmPayment, o *once) (payment.Object, error) {
		return a.Payments.Confirm(ctx, tenant, in.ID, payment.Confirmation{
			Choice: chosen(b.PaymentMethodToken, b.PaymentMethod), ReturnURL: b.ReturnURL, Result: b.Result, DeviceSession: b.Device.of(),
		}, o)
	})
}

func (a *API) capturePayment(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	return act(ctx, a, rq, in, capturing, func(ctx context.Context, tenant string, b *capturePayment, o *once) (payment.Object, error) {
		return a.Payments.Capture(ctx, tenant, in.ID, orZero(b.Amount), b.Final, o)
	})
}

func (a *API) cancelPayment(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	return act(ctx, a, rq, in, canceling, func(ctx context.Context, tenant string, b *cancelPayment, o *once) (payment.Object, error) {
		return a.Payments.Cancel(ctx, tenant, in.ID, b.Reason, o)
	})
}

func (a *API) refundPayment(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Payment) {
		return answer{}, fault.Missing("payment")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decodeOptional[refundPayment](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.Payments.Refund(ctx, tenant, in.ID, payment.RefundRequest{
			Amount: orZero(body.Amount), Reason: body.Reason, Metadata: body.Metadata, By: rq.principal.KeyID,
		}, o)
	}, func(ctx context.Context, subject string) (shown, error) {
		r, err := a.Reader.GetRefund(ctx, tenant, subject)
		return shown{object: r, inFlight: r.Status == refundPending}, err
	})
}

// The statuses of a refund that waits for people, and of one whose outcome is not known.
const (
	refundHeld    = "held"
	refundPending = "pending"
)

func (a *API) getPayment(ctx context.Context, rq *request, in *getPaymentInput) (answer, error) {
	if !id.Has(in.ID, id.Payment) {
		return answer{}, fault.Missing("payment")
	}
	p, err := a.Reader.Get(ctx, rq.principal.Tenant, in.ID, in.Expand)
	if err != nil || p.Order == nil || !slices.Contains(in.Expand, "order") {
		return show(p, err)
	}
	o, err := a.Orders.Get(ctx, rq.principal.Tenant, *p.Order, nil)
	return show(paymentAndOrder{p, o}, err)
}

// paymentAndOrder is a payment that shows its order in full, with expand=order.
type paymentAndOrder struct {
	payment.Object
	Order orders.Object `json:"order"`
}

func (a *API) listPayments(ctx context.Context, rq *request, in *listPaymentsInput) (answer, error) {
	return showList(a.Reader.List(ctx, rq.principal.Tenant, in.page(), payment.Filter{Status: in.Status, Customer: in.Customer, Order: in.Order}))
}

func orZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}
