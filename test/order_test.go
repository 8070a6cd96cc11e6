package test

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// order makes an order of 92.32 EUR; fields replace or add to what it is made of.
func (f *florin) order(t *testing.T, fields map[string]any) answer {
	t.Helper()
	body := map[string]any{"amount": 9232, "currency": "EUR", "lines": []map[string]any{
		{"name": "Coffee beans, 1 kg", "quantity": 2, "unit_amount": 3879, "tax_amount": 1474, "tax_rate": "19 %"},
	}}
	for name, value := range fields {
		body[name] = value
	}
	return f.post("/v1/orders", "", body).want(t, http.StatusCreated, "make an order")
}

// payFor charges a card for an order.
func (f *florin) payFor(order answer, token string, amount int64, capture bool) answer {
	return f.post("/v1/payments", "", map[string]any{
		"amount": amount, "currency": "EUR", "payment_method_token": token, "capture": capture, "order": order.text("id"),
	})
}

// orderShown is what a test looks at of an order.
type orderShown struct {
	Status        string
	AmountPaid    int64 `json:"amount_paid"`
	AmountSurplus int64 `json:"amount_surplus"`
	Payments      []orderPayment
	Timeline      []struct{ Event string }
}

type orderPayment struct {
	Payment  string
	Captured int64 `json:"amount_captured"`
	Surplus  int64 `json:"amount_surplus"`
	Returned int64 `json:"amount_returned"`
	Open     bool
}

func (f *florin) lookAt(t *testing.T, order answer) orderShown {
	t.Helper()
	var o orderShown
	must(t, json.Unmarshal(f.get("/v1/orders/"+order.text("id")+"?expand=payments,timeline").want(t, http.StatusOK, "look at the order").body, &o))
	return o
}

// orderSettles waits until nothing of an order is on its way any more, and it has the status and the sums; the surplus is one of those given.
func (f *florin) orderSettles(t *testing.T, order answer, status string, paid int64, surplus ...int64) orderShown {
	t.Helper()
	var o orderShown
	eventually(t, "the order settles", func() bool {
		o = f.lookAt(t, order)
		return o.Status == status && !slices.ContainsFunc(o.Payments, func(p orderPayment) bool { return p.Open || p.Surplus != p.Returned })
	})
	if o.AmountPaid != paid || !slices.Contains(surplus, o.AmountSurplus) {
		t.Fatalf("the order is %s with %d paid and %d over, want %d and one of %d", o.Status, o.AmountPaid, o.AmountSurplus, paid, surplus)
	}
	return o
}

// holds waits until the acquirers have so much of everybody's money.
func (f *florin) holds(t *testing.T, want int64) {
	t.Helper()
	eventually(t, "the acquirers have what they shall", func() bool {
		var sum int64
		for _, x := range f.transactions() {
			sum += x.Captured - x.Refunded
		}
		return sum == want
	})
}

// toldOf waits until there are so many events of a type about an order.
func (f *florin) toldOf(t *testing.T, order answer, kind string, want int) {
	t.Helper()
	eventually(t, kind+" is told", func() bool {
		data, _ := f.get("/v1/events?type=" + kind + "&subject=" + order.text("id")).object["data"].([]any)
		return len(data) == want
	})
}

// paidAtOnce has two cards pay for an order before either bank has answered. Where the machine was too slow for that, the second is refused, and
// another order is made.
func (f *florin) paidAtOnce(t *testing.T) (made answer, orders int64) {
	t.Helper()
	slow := f.token(approved, "SCENARIO slow")
	for orders = 1; ; orders++ {
		made = f.order(t, nil)
		both := together(2, func(int) answer { return f.payFor(made, slow, 9232, true) })
		if orders < 10 && slices.ContainsFunc(both, func(a answer) bool { return a.status == http.StatusConflict }) {
			continue
		}
		for _, a := range both {
			a.want(t, http.StatusCreated, "pay")
		}
		return made, orders
	}
}

func TestAnOrderIsPaidOnceByTwoCardsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		made, orders := f.paidAtOnce(t)
		o := f.orderSettles(t, made, "paid", 9232, 9232)
		f.holds(t, orders*9232)
		f.toldOf(t, made, "order.paid", 1)
		f.toldOf(t, made, "order.overpaid", 1)
		for _, what := range []string{"order.paid", "order.overpaid", "surplus.returning"} {
			if !slices.ContainsFunc(o.Timeline, func(e struct{ Event string }) bool { return e.Event == what }) {
				t.Errorf("the timeline does not say %s: %+v", what, o.Timeline)
			}
		}
		for _, p := range o.Payments {
			shown := f.get("/v1/payments/"+p.Payment+"?expand=order,refunds").want(t, http.StatusOK, "look at the payment")
			if inside, _ := shown.object["order"].(map[string]any); inside["id"] != made.text("id") || shown.number("amount_captured") != 9232 || shown.number("amount_refunded") != p.Returned {
				t.Errorf("payment %s", shown)
			}
		}
		f.payFor(made, f.token(approved, ""), 9232, true).want(t, http.StatusConflict, "pay once more")
		f.verify()
	})
}

func TestAnOrderThatIsDeclinedIsPaidByTheNextCard(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		made := f.order(t, nil)
		f.payFor(made, f.token(emptyCard, ""), 9232, true).want(t, http.StatusPaymentRequired, "pay with an empty card")
		if o := f.lookAt(t, made); o.Status != "open" || o.AmountPaid != 0 {
			t.Errorf("after a decline: %+v", o)
		}
		f.payFor(made, f.token(approved, ""), 9232, true).want(t, http.StatusCreated, "pay with another")
		f.orderSettles(t, made, "paid", 9232, 0)
		f.holds(t, 9232)
		f.verify()
	})
}

func TestTwoAuthorizationsOfAnOrderAreCapturedAndOneGoesBack(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		made := f.order(t, nil)
		token := f.token(approved, "")
		var held []string
		for range 2 {
			held = append(held, f.payFor(made, token, 9232, false).want(t, http.StatusCreated, "authorize").text("id"))
		}
		var both sync.WaitGroup
		for _, id := range held {
			both.Go(func() {
				if a := f.post("/v1/payments/"+id+"/capture", "", map[string]any{}); a.status/100 != 2 && a.status != http.StatusConflict {
					t.Errorf("capture: %s", a) // the other one may be canceled already
				}
			})
		}
		both.Wait()
		f.orderSettles(t, made, "paid", 9232, 0, 9232)
		f.holds(t, 9232)
		f.verify()
	})
}

func TestAnOrderExpiresAndTakesNothingAnyMore(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		made, waiting := f.brief(t)
		f.toldOf(t, made, "order.expired", 1)
		f.orderSettles(t, made, "expired", 0, 0)
		if p := f.get("/v1/payments/" + waiting.text("id")); p.text("status") != "canceled" {
			t.Errorf("the payment that waited is %s", p)
		}
		if a := f.payFor(made, f.token(approved, ""), 9232, true).want(t, http.StatusConflict, "pay too late"); a.text("code") != "expired" {
			t.Errorf("refused with %s", a)
		}
		f.holds(t, 0)
		f.verify()
	})
}

// brief makes an order that expires soon, and a payment for it that waits. Where the machine was too slow for that, another one lives longer.
func (f *florin) brief(t *testing.T) (order, waiting answer) {
	t.Helper()
	for life := 3 * time.Second; ; life *= 2 {
		order = f.post("/v1/orders", "", map[string]any{"amount": 9232, "currency": "EUR", "expires_at": time.Now().Add(life).UTC().Format(time.RFC3339Nano)})
		if order.text("param") == "expires_at" && life < patience {
			continue
		}
		order.want(t, http.StatusCreated, "make an order")
		waiting = f.post("/v1/payments", "", map[string]any{"amount": 9232, "currency": "EUR", "confirm": false, "order": order.text("id")})
		if waiting.text("code") == "expired" && life < patience {
			continue
		}
		return order, waiting.want(t, http.StatusCreated, "let a payment wait")
	}
}

func TestACanceledOrderGivesBackWhatWasPaid(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		made := f.order(t, map[string]any{"partial_payments": "allowed", "minimum_payment": 1000})
		token := f.token(approved, "")
		f.payFor(made, token, 4000, true).want(t, http.StatusCreated, "pay a part")
		f.payFor(made, token, 999, true).want(t, http.StatusBadRequest, "pay too small a part")
		f.payFor(made, token, 5233, true).want(t, http.StatusBadRequest, "pay more than is left")
		f.orderSettles(t, made, "partially_paid", 4000, 0)
		cancel := func() answer {
			return f.post("/v1/orders/"+made.text("id")+"/cancel", "cancel-1", map[string]any{"reason": "out of stock", "refund": true})
		}
		first := cancel().want(t, http.StatusOK, "cancel")
		if again := cancel(); string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("again: %s", again)
		}
		f.orderSettles(t, made, "canceled", 0, 0)
		f.holds(t, 0)
		f.payFor(made, token, 5232, true).want(t, http.StatusConflict, "pay a canceled order")
		f.verify()
	})
}

func TestAnOrderIsPaidInParts(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		made := f.order(t, map[string]any{"partial_payments": "allowed"})
		token := f.token(approved, "")
		for _, part := range []int64{4000, 5000, 232} {
			f.payFor(made, token, part, true).want(t, http.StatusCreated, "pay a part")
		}
		f.orderSettles(t, made, "paid", 9232, 0)
		f.toldOf(t, made, "order.paid", 1)
		f.holds(t, 9232)
		f.verify()
	})
}

func TestAnOrderThatDoesNotAddUpIsRefused(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	for name, fields := range map[string]map[string]any{
		"amount":          {"amount": 9231},
		"lines[0].amount": {"lines": []map[string]any{{"name": "Coffee", "quantity": 2, "unit_amount": 4616, "amount": 9000}}},
		"due_at":          {"due_at": "2020-01-01T00:00:00Z"},
	} {
		body := map[string]any{"amount": 9232, "currency": "EUR", "lines": []map[string]any{{"name": "Coffee", "quantity": 2, "unit_amount": 4616}}}
		for field, value := range fields {
			body[field] = value
		}
		if a := f.post("/v1/orders", "", body).want(t, http.StatusBadRequest, name); a.text("param") != name {
			t.Errorf("%s: refused with %s", name, a)
		}
	}
}

// The document's own lines, run by a shell.
func TestTheExampleOfTheOrdersDocumentRuns(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	f.runsExample(t, "orders.md", `"status":"paid"`)
	f.holds(t, 9232)
}
