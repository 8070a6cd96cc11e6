package api

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
	orders "github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/problem"
)

const invoice = `{"amount":9232,"currency":"EUR","invoice_number":"2026-17","due_at":"2026-12-06T12:00:00Z","reminders":[-3,7],"partial_payments":"allowed","minimum_payment":1000,
	"lines":[{"name":"Coffee","quantity":2,"unit_amount":4879,"tax_amount":1474,"tax_rate":"19 %","amount":11232},{"name":"Discount","quantity":1,"unit_amount":-2000}]}`

func TestAWrongFieldOfAnOrderIsRefusedByName(t *testing.T) {
	d := untouched(t)
	text := func(n int) string { return `"` + strings.Repeat("ä", n) + `"` }
	for _, c := range []struct{ field, value, param, code string }{
		{"amount", "0", "", tooSmall}, {"amount", "1000000000000", "", tooLarge}, {"amount", "1.5", "", invalid}, {"amount", `"1"`, "", invalid},
		{"currency", `"eur"`, "", fault.CodeCurrency}, {"currency", `null`, "", invalid},
		{"due_at", `"tomorrow"`, "", invalid}, {"expires_at", `"2026-12-06"`, "", invalid}, {"due_at", `null`, "", invalid},
		{"invoice_number", text(101), "", invalid}, {"invoice_number", `"a\nb"`, "", invalid}, {"description", text(501), "", invalid},
		{"customer", `"Ada"`, "", invalid}, {"customer", `"pay_` + someID + `"`, "", invalid},
		{"partial_payments", `"some"`, "", invalid}, {"partial_payments", `true`, "", invalid},
		{"minimum_payment", "0", "", tooSmall}, {"minimum_payment", "null", "", invalid},
		{"reminders", "7", "", invalid}, {"reminders", "[366]", "reminders[0]", invalid}, {"reminders", "[0,-366]", "reminders[1]", invalid}, {"reminders", `["7"]`, "reminders[0]", invalid},
		{"reminders", "[1,2,3,4,5,6,7,8,9,10,11]", "", invalid}, {"return_url", text(2001), "", invalid},
		{"metadata", `{"k":1}`, "metadata.k", invalid}, {"metadata", entries(51), "", invalid},
		{"lines", `{}`, "", invalid}, {"lines", `[1]`, "lines[0]", invalid}, {"lines", "[" + strings.Repeat(`{"name":"x","quantity":1,"unit_amount":1},`, 100) + `{"name":"x","quantity":1,"unit_amount":1}]`, "", invalid},
		{"lines", `[{"name":"x","quantity":1}]`, "lines[0].unit_amount", missing}, {"lines", `[{"quantity":1,"unit_amount":1}]`, "lines[0].name", missing},
		{"lines", `[{"name":"","quantity":1,"unit_amount":1}]`, "lines[0].name", invalid}, {"lines", `[{"name":"x","quantity":0,"unit_amount":1}]`, "lines[0].quantity", invalid},
		{"lines", `[{"name":"x","quantity":1.5,"unit_amount":1}]`, "lines[0].quantity", invalid}, {"lines", `[{"name":"x","quantity":1,"unit_amount":0.5}]`, "lines[0].unit_amount", invalid},
		{"lines", `[{"name":"x","quantity":1,"unit_amount":1,"tax_amount":1000000000000}]`, "lines[0].tax_amount", tooLarge},
		{"lines", `[{"name":"x","quantity":1,"unit_amount":1,"tax_rate":19}]`, "lines[0].tax_rate", invalid}, {"lines", `[{"name":"x","quantity":1,"unit_amount":1,"sku":"7"}]`, "lines[0].sku", unknown},
		{"lines", `[{"name":"4242 4242 4242 4242","quantity":1,"unit_amount":1}]`, "lines[0].name", problem.CodeCardNumber},
		{"status", `"paid"`, "", unknown}, {"id", `"ord_1"`, "", unknown},
	} {
		if c.param == "" {
			c.param = c.field
		}
		fields := map[string]json.RawMessage{"amount": json.RawMessage("1"), "currency": json.RawMessage(`"EUR"`)}
		fields[c.field] = json.RawMessage(c.value)
		body, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(c.field, c.value, err)
		}
		faulty(t, d.call("POST", "/v1/orders", string(body)), wrong{c.param: c.code})
	}
	faulty(t, d.call("POST", "/v1/orders", `{}`), wrong{"amount": missing, "currency": missing})
	faulty(t, d.call("POST", "/v1/orders/ord_"+someID+"/cancel", `{"refund":"yes"}`), wrong{"refund": invalid})
	faulty(t, d.call("POST", "/v1/payments", with("order", `"ORD-1001"`)), wrong{"order": invalid})
}

// ordersKept keeps what an order was asked for as.
type ordersKept struct {
	fakeOrders
	in *orders.Create
}

func (k ordersKept) Create(ctx context.Context, in orders.Create, with orders.With) (orders.Object, error) {
	*k.in = in
	return k.fakeOrders.Create(ctx, in, with)
}

func TestAnOrderArrivesAsItWasSent(t *testing.T) {
	var in orders.Create
	d := newDoor(t, func(o *Options) { o.Orders = ordersKept{in: &in} })
	accepted(t, d.call("POST", "/v1/orders", invoice), 201)
	if in.Merchant != tenant || in.Amount != 9232 || !in.Partial || in.Minimum != 1000 || len(in.Lines) != 2 || *in.Lines[0].Amount != 11232 || in.Lines[1].UnitAmount != -2000 ||
		in.Lines[1].Amount != nil || in.InvoiceNumber != "2026-17" || in.DueAt.IsZero() || len(in.Reminders) != 2 || in.Reminders[0] != -3 {
		t.Errorf("arrived as %+v", in)
	}
}

func TestARefusalOfAnOrderIsWhatTheDocumentSays(t *testing.T) {
	for name, err := range map[string]error{
		"a total that is wrong": fault.Wrong("amount", fault.CodeInvalid, "must be the sum of the lines, which is 1"),
		"no such customer":      fault.Missing("customer"), "paid": fault.State("the order is paid"),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, func(o *Options) { o.Orders = fakeOrders{refuse: err} })
			doc := described(t)
			agrees(t, doc, "/v1/orders", "POST", d.call("POST", "/v1/orders", invoice))
			agrees(t, doc, "/v1/orders/{id}/cancel", "POST", d.call("POST", "/v1/orders/ord_"+someID+"/cancel", ""))
		})
	}
}

func TestAPaymentShowsItsOrderInFullIfAsked(t *testing.T) {
	d := newDoor(t)
	p := full()
	named := "ord_" + someID
	p.Order = &named
	d.payments.put(tenant, p)
	doc := described(t)
	plain := d.call("GET", "/v1/payments/"+p.ID, "")
	agrees(t, doc, "/v1/payments/{id}", "GET", plain)
	if got := accepted(t, plain, 200); got["order"] != named {
		t.Errorf("order %v", got["order"])
	}
	whole := d.call("GET", "/v1/payments/"+p.ID+"?expand=order", "")
	agrees(t, doc, "/v1/payments/{id}", "GET", whole)
	if o, ok := accepted(t, whole, 200)["order"].(map[string]any); !ok || o["id"] != named || o["object"] != "order" {
		t.Errorf("order %s", whole.Body)
	}
}
