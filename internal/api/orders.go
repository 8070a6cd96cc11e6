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
	orders "github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/strict"
)

// Orders keeps what is to be paid. See order.Service.
type Orders interface {
	Create(ctx context.Context, in orders.Create, with orders.With) (orders.Object, error)
	Get(ctx context.Context, tenant, order string, expand []string) (orders.Object, error)
	List(ctx context.Context, tenant string, p db.Page, f orders.Filter) ([]orders.Object, bool, error)
	Cancel(ctx context.Context, tenant, order, reason string, refund bool, with orders.With) (orders.Object, error)
}

type createOrder struct {
	Amount          int64       `json:"amount" minimum:"1" maximum:"999999999999" low:"amount_too_small" high:"amount_too_large" doc:"In the currency's minor unit: 9232 is 92.32 EUR. At most twelve digits. The sum of the lines, if there are any." example:"9232"`
	Currency        string      `json:"currency" check:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217, three capital letters." example:"EUR"`
	Lines           []orderLine `json:"lines,omitempty" maxItems:"100" doc:"What it is for."`
	DueAt           time.Time   `json:"due_at,omitempty" doc:"When it is to be paid. It makes the order an invoice, which does not expire by itself." example:"2026-12-06T12:00:00Z"`
	ExpiresAt       time.Time   `json:"expires_at,omitempty" doc:"From when on it cannot be paid. In 30 days if it is not given; an invoice never."`
	InvoiceNumber   string      `json:"invoice_number,omitempty" maxLength:"100" check:"printable" doc:"Your own." example:"2026-17"`
	Description     string      `json:"description,omitempty" maxLength:"500" check:"printable" doc:"The payer reads it."`
	Customer        string      `json:"customer,omitempty" maxLength:"64" check:"customer" doc:"The payer, if you keep them here." example:"cus_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	PartialPayments string      `json:"partial_payments,omitempty" enum:"none,allowed" doc:"Whether several payments may add up to the amount. none if it is not given."`
	MinimumPayment  *int64      `json:"minimum_payment,omitempty" minimum:"1" maximum:"999999999999" low:"amount_too_small" high:"amount_too_large" doc:"The least that a part may be, unless it is the last."`
	Reminders       []int64     `json:"reminders,omitempty" maxItems:"10" minimum:"-365" maximum:"365" doc:"On which days after due_at you want an order.reminder while it is not paid; negative: before." example:"[-3,7]"`
	ReturnURL       string      `json:"return_url,omitempty" maxLength:"2000" doc:"Where the payer goes in the end, on an origin of yours that is registered." example:"https://shop.example/thanks"`
	Metadata        Metadata    `json:"metadata,omitempty" doc:"Up to 50 keys of up to 40 characters, with values of up to 500. Its payments get them, too."`
}

type orderLine struct {
	Name       string `json:"name" minLength:"1" maxLength:"200" check:"printable" example:"Coffee beans, 1 kg"`
	Quantity   int64  `json:"quantity" minimum:"1" maximum:"1000000" example:"2"`
	UnitAmount int64  `json:"unit_amount" minimum:"-999999999999" maximum:"999999999999" low:"amount_too_small" high:"amount_too_large" doc:"Of one, without tax. Negative for a discount." example:"3879"`
	TaxAmount  int64  `json:"tax_amount,omitempty" minimum:"-999999999999" maximum:"999999999999" low:"amount_too_small" high:"amount_too_large" doc:"Of the whole line." example:"1474"`
	TaxRate    string `json:"tax_rate,omitempty" maxLength:"20" check:"printable" doc:"In your words, for the payer. Nothing is computed from it." example:"19 %"`
	Amount     *int64 `json:"amount,omitempty" minimum:"-999999999999" maximum:"999999999999" low:"amount_too_small" high:"amount_too_large" doc:"If it is given, it must be quantity × unit_amount + tax_amount." example:"9232"`
}

func (b *createOrder) order(tenant string) orders.Create {
	in := orders.Create{
		Merchant: tenant, Amount: b.Amount, Currency: b.Currency, Partial: b.PartialPayments == "allowed", Minimum: orZero(b.MinimumPayment),
		InvoiceNumber: b.InvoiceNumber, Description: b.Description, Customer: b.Customer, ReturnURL: b.ReturnURL, DueAt: b.DueAt, ExpiresAt: b.ExpiresAt,
		Reminders: b.Reminders, Metadata: b.Metadata,
	}
	for _, l := range b.Lines {
		in.Lines = append(in.Lines, orders.CreateLine(l))
	}
	return in
}

type cancelOrder struct {
	Reason string `json:"reason,omitempty" maxLength:"200" check:"printable" doc:"Why, for your records."`
	Refund bool   `json:"refund,omitempty" doc:"Whether to send back what was paid of it."`
}

type getOrderInput struct {
	ID     string   `path:"id"`
	Expand []string `query:"expand" enum:"payments,timeline" doc:"What to show in full, separated by commas."`
}

type listOrdersInput struct {
	Paging
	Status        string `query:"status" enum:"open,partially_paid,paid,expired,canceled" doc:"Only orders in this state."`
	Customer      string `query:"customer" doc:"Only orders of this customer."`
	InvoiceNumber string `query:"invoice_number" maxLength:"100" doc:"Only orders with exactly this number."`
}

// Resolve checks the query.
func (in *listOrdersInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Order)
		if in.Customer != "" && !id.Has(in.Customer, id.Customer) {
			f.Add("customer", fault.CodeInvalid, "must be a customer, which begins with cus_")
		}
	})
}

func (a *API) registerOrders() {
	object := reflect.TypeFor[orders.Object]()
	const tag, all, one = "Orders", "/v1/orders", "/v1/orders/{id}"
	register(a, operation{
		id: "createOrder", method: http.MethodPost, path: all, tag: tag, summary: "Create an order",
		doc: "Send the payer to checkout_url, or charge them by POST /v1/payments with order. The lines must add up to the amount. " +
			"If two payments succeed at the same moment, the order keeps one, and the other one is refunded by itself.",
		scope: access.OrdersWrite, status: http.StatusCreated, answer: object, body: reflect.TypeFor[createOrder](), refusals: []int{404},
		sample: `{"amount":9232,"currency":"EUR","invoice_number":"2026-17","due_at":"2026-12-06T12:00:00Z","lines":[{"name":"Coffee beans, 1 kg","quantity":2,"unit_amount":3879,"tax_amount":1474,"tax_rate":"19 %"}]}`,
	}, a.createOrder)
	register(a, operation{
		id: "listOrders", method: http.MethodGet, path: all, tag: tag, summary: "List orders",
		scope: access.OrdersRead, status: http.StatusOK, answer: reflect.TypeFor[listing[orders.Object]](),
	}, a.listOrders)
	register(a, operation{
		id: "getOrder", method: http.MethodGet, path: one, tag: tag, summary: "Get an order",
		scope: access.OrdersRead, status: http.StatusOK, answer: object,
	}, a.getOrder)
	register(a, operation{
		id: "cancelOrder", method: http.MethodPost, path: one + "/cancel", tag: tag, summary: "Cancel an order",
		doc:   "Ends an order that is not paid in full. Payments of it that wait for their payer are canceled. What was paid in parts stays with you, unless refund is true.",
		scope: access.OrdersWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[cancelOrder](), optional: true, sample: `{"reason":"out of stock"}`,
		shows: story{"Order.status": "canceled", "ended_at": "2026-11-22T12:00:00Z", "cancellation_reason": "out of stock"},
	}, a.cancelOrder)
}

func (a *API) createOrder(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[createOrder](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		o.secret = true // the address of its page has one
		return a.Orders.Create(ctx, body.order(tenant), recorded[orders.Object](o, "order.created", nil))
	}, a.showOrder(tenant))
}

func (a *API) showOrder(tenant string) view {
	return func(ctx context.Context, subject string) (shown, error) {
		o, err := a.Orders.Get(ctx, tenant, subject, nil)
		return shown{object: o}, err
	}
}

func (a *API) cancelOrder(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Order) {
		return answer{}, fault.Missing("order")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decodeOptional[cancelOrder](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		o.secret = true
		detail := map[string]string{"reason": body.Reason, "refund": strconv.FormatBool(body.Refund)}
		return a.Orders.Cancel(ctx, tenant, in.ID, body.Reason, body.Refund, recorded[orders.Object](o, "order.canceled", detail))
	}, a.showOrder(tenant))
}

func (a *API) getOrder(ctx context.Context, rq *request, in *getOrderInput) (answer, error) {
	if !id.Has(in.ID, id.Order) {
		return answer{}, fault.Missing("order")
	}
	return show(a.Orders.Get(ctx, rq.principal.Tenant, in.ID, in.Expand))
}

func (a *API) listOrders(ctx context.Context, rq *request, in *listOrdersInput) (answer, error) {
	data, more, err := a.Orders.List(ctx, rq.principal.Tenant, in.page(), orders.Filter{
		Status: orders.Status(in.Status), Customer: in.Customer, InvoiceNumber: in.InvoiceNumber,
	})
	return showList(data, more, err)
}
