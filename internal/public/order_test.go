package public

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/payment"
)

const (
	ord         = "ord_01jd9qk3v8m2x4r6t7w9y0a1b2"
	orderSecret = "0123456789abcdef0123456789abcdef"
	orderPage   = "/order/" + tenant + "/" + ord
)

// book is an order that is written by hand: it keeps to what order.Service promises its payers, and no more.
type book struct {
	core  *core
	seen  order.Seen
	asked []int64
	fails error
}

func (b *book) ForPayer(_ context.Context, of, id, secret string) (order.Seen, error) {
	if of != tenant || id != ord || secret != orderSecret {
		return order.Seen{}, fault.Missing("order")
	}
	return b.seen, nil
}

func (b *book) Pay(ctx context.Context, of, id, secret string, amount int64) (payment.Object, error) {
	if _, err := b.ForPayer(ctx, of, id, secret); err != nil {
		return payment.Object{}, err
	}
	b.asked = append(b.asked, amount)
	return b.core.seen(b.core.step), b.fails
}

// orders is a door with an invoice behind it.
func orders(t *testing.T, change ...func(*Options)) (*door, *book) {
	t.Helper()
	b := &book{}
	d := newDoor(t, append([]func(*Options){func(o *Options) { o.Orders = b }}, change...)...)
	number, due, back := "2026-17", noon.Add(14*24*time.Hour), page+"/thanks?cart=7"
	b.core, b.seen = d.core, order.Seen{Object: order.Object{
		ID: ord, Object: "order", Status: order.Open, Amount: 923_200, AmountLeft: 923_200, Currency: "EUR", PartialPayments: "none", InvoiceNumber: &number,
		DueAt: &due, ReturnURL: &back, CreatedAt: noon, Metadata: map[string]string{"margin": "high"}, Description: "For November",
		Lines: []order.Line{
			{Name: "Coffee <b>beans</b>", Quantity: 2, UnitAmount: 400_000, TaxAmount: 152_000, TaxRate: "19 %", Amount: 952_000},
			{Name: "Discount", Quantity: 1, UnitAmount: -28_800, Amount: -28_800},
		},
	}}
	return d, b
}

func (d *door) look(headers ...string) *httptest.ResponseRecorder {
	return d.send("GET", orderPage, "", append([]string{"Cookie", orderCookie + "=" + orderSecret}, headers...)...)
}

func (d *door) payOrderForm(amount string, headers ...string) *httptest.ResponseRecorder {
	return d.send("POST", orderPage+"/pay", url.Values{"amount": {amount}}.Encode(), append([]string{
		"Cookie", orderCookie + "=" + orderSecret, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin",
	}, headers...)...)
}

func TestAnInvoiceIsShownWithAllThatIsPaidFor(t *testing.T) {
	d, _ := orders(t)
	w := d.look()
	says(t, w, 200, "Blue Bottle", "Invoice 2026-17", "To be paid", "For November", "22 November 2026", "6 December 2026", "Coffee <b>beans</b>", "2 × €4,000.00", "tax 19 % €1,520.00",
		"€9,520.00", "Discount", "-€288.00", "€9,232.00", "Tax included", "€1,520.00", "Pay €9,232.00", ord, `action="`+orderPage+`/pay"`)
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self'") {
		t.Errorf("policy %s", csp)
	}
	for _, never := range []string{"<b>beans", "high", orderSecret} {
		if strings.Contains(w.Body.String(), never) {
			t.Errorf("the page has %q", never)
		}
	}
	for tag, parts := range map[string][]string{
		"de": {"Rechnung 2026-17", "Offen", "6. Dezember 2026", "9.232,00 €", "Steuer 19 %"}, "es": {"Factura 2026-17", "6 de diciembre de 2026", "Vence"}, "pt-BR": {"Fatura 2026-17", "6 de dezembro de 2026", "R"},
	} {
		w := d.send("GET", orderPage+"?lang="+tag, "", "Cookie", orderCookie+"="+orderSecret)
		says(t, w, 200)
		for _, part := range parts {
			if !strings.Contains(strings.ReplaceAll(text(w), noBreak, " "), part) {
				t.Errorf("%s does not say %q", tag, part)
			}
		}
	}
}

func TestAnOrdersSecretLeavesTheAddress(t *testing.T) {
	d, _ := orders(t)
	w := d.send("GET", orderPage+"?secret="+orderSecret+"&lang=de", "")
	if w.Code != 303 || w.Header().Get("Location") != orderPage+"?lang=de" {
		t.Fatalf("%d to %s", w.Code, w.Header().Get("Location"))
	}
	if kept := cookies(w, orderCookie); len(kept) != 1 || kept[0].Value != orderSecret || kept[0].Path != orderPage || !kept[0].HttpOnly || !kept[0].Secure {
		t.Errorf("kept %+v", kept)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"no secret": d.send("GET", orderPage, ""), "a wrong one": d.send("GET", orderPage+"?secret=x", ""), "a long one": d.send("GET", orderPage+"?secret="+strings.Repeat("x", 300), ""),
		"another order": d.send("GET", "/order/"+tenant+"/ord_x?secret="+orderSecret, ""), "a payment": d.send("GET", "/order/"+tenant+"/"+pay+"?secret="+orderSecret, ""),
		"another shop": d.send("GET", "/order/acct_other:test/"+ord+"?secret="+orderSecret, ""),
	} {
		t.Log(name)
		says(t, w, 404, "The link is not complete")
	}
	refused(t, d.send("GET", orderPage+"/state", ""), 404, fault.CodeNotFound)
}

func TestEveryStateOfAnOrderHasItsPage(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*door, *book)
		says   []string
		pays   bool
	}{
		"open": {func(*door, *book) {}, []string{"To be paid", "Pay €9,232.00"}, true},
		"parts": {func(_ *door, b *book) {
			b.seen.Status, b.seen.AmountPaid, b.seen.AmountLeft = order.PartiallyPaid, 3200, 920_000
		}, []string{"Partly paid", "€32.00", `name="left" value="920000"`, "Pay €9,200.00"}, true},
		"overdue":  {func(d *door, _ *book) { d.hands.Advance(15 * 24 * time.Hour) }, []string{"Overdue", "Pay €9,232.00"}, true},
		"waiting":  {func(_ *door, b *book) { b.seen.Waits = true }, []string{"Waiting for the bank", "do not pay again", `data-state="waiting"`}, false},
		"paid":     {func(_ *door, b *book) { at := noon; b.seen.Status, b.seen.PaidAt = order.Paid, &at }, []string{"Paid on", "has received your payment", page + "/thanks?cart=7&order=" + ord + "&status=paid"}, false},
		"expired":  {func(_ *door, b *book) { b.seen.Status = order.Expired }, []string{"Expired", "ask Blue Bottle for a new one"}, false},
		"canceled": {func(_ *door, b *book) { b.seen.Status = order.Canceled }, []string{"Canceled", "Blue Bottle has canceled this"}, false},
		"closed":   {func(d *door, _ *book) { *d.merchant = d.merchant.Suspend(noon) }, []string{"Not payable just now", "Please ask Blue Bottle"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d, b := orders(t)
			c.change(d, b)
			w := d.look()
			says(t, w, 200, c.says...)
			if has := strings.Contains(w.Body.String(), "<form"); has != c.pays {
				t.Errorf("it can be paid: %t", has)
			}
			state := given[standing](t, d.send("GET", orderPage+"/state", "", "Cookie", orderCookie+"="+orderSecret), 200).State
			if (state == "waiting") != (name == "waiting") {
				t.Errorf("state %s", state)
			}
		})
	}
}

func TestPayingAnOrderLeadsToThePageOfAPayment(t *testing.T) {
	d, b := orders(t)
	w := d.payOrderForm("")
	if w.Code != 303 || w.Header().Get("Location") != checkoutPath+"?client_secret="+secretAt(0) || len(b.asked) != 1 || b.asked[0] != 0 {
		t.Fatalf("%d to %s, asked %v", w.Code, w.Header().Get("Location"), b.asked)
	}
	if came := cookies(w, fromOrderCookie); len(came) != 1 || came[0].Path != checkoutPath {
		t.Errorf("kept %+v", came)
	}
	named := ord
	d.core.object.Order, d.core.object.Status = &named, payment.Captured
	if says(t, d.visit(0), 200, "Paid"); strings.Contains(d.visit(0).Body.String(), orderPage) {
		t.Error("who did not come from the order is led there")
	}
	says(t, d.send("GET", checkoutPath, "", "Cookie", secretCookie+"="+secretAt(0)+"; "+fromOrderCookie+"=1"), 200, `href="`+orderPage+`"`, "See what was ordered")
	old := d.send("POST", orderPage+"/pay", "left=1000000", "Cookie", orderCookie+"="+orderSecret, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
	if old.Code != 303 || old.Header().Get("Location") != orderPage || len(b.asked) != 1 {
		t.Errorf("a page that is out of date: %d to %s, asked %v", old.Code, old.Header().Get("Location"), b.asked)
	}
	b.fails = fault.State("the order is paid")
	if w := d.payOrderForm(""); w.Code != 303 || w.Header().Get("Location") != orderPage {
		t.Errorf("%d to %s", w.Code, w.Header().Get("Location"))
	}
}

func TestAPartIsPaidAsItIsTyped(t *testing.T) {
	least := int64(1_000)
	for typed, want := range map[string]int64{"12.50": 1250, "1,234.50": 123450, "€ 12,5": 1250, "9232": 923200, " 10 EUR ": 1000} {
		d, b := orders(t)
		b.seen.PartialPayments, b.seen.MinimumPayment = "allowed", &least
		says(t, d.look(), 200, "Amount to pay now", "From €10.00 to €9,232.00", `value="9232.00"`, "Continue to payment")
		if w := d.payOrderForm(typed); w.Code != 303 || len(b.asked) != 1 || b.asked[0] != want {
			t.Errorf("%q: %d, asked %v", typed, w.Code, b.asked)
		}
	}
	for _, typed := range []string{"0", "-5", "abc", "1.2.3", "12.345", "1e3", strings.Repeat("9", 33), "<script>", "99999999999999"} {
		d, b := orders(t)
		b.seen.PartialPayments = "allowed"
		says(t, d.payOrderForm(typed), 400, "This amount cannot be paid", "Continue to payment")
		if len(b.asked) > 0 {
			t.Errorf("%q: asked %v", typed, b.asked)
		}
	}
	d, b := orders(t)
	b.seen.PartialPayments, b.fails = "allowed", fault.Wrong("amount", fault.CodeAmountTooLarge, "too much")
	says(t, d.payOrderForm("10000"), 400, "This amount cannot be paid", `value="10000"`)
}

func TestOnlyTheOrdersOwnPagePays(t *testing.T) {
	d, b := orders(t, func(o *Options) { o.TryLimit = limit.Policy{Name: "tries", Quota: 2, Window: time.Minute} })
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	w := d.send("POST", orderPage+"/pay", "", append(form, "Cookie", orderCookie+"="+orderSecret, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")...)
	if w.Code/100 != 4 {
		t.Errorf("another site: %d", w.Code)
	}
	if w := d.send("POST", orderPage+"/pay", "", append(form, "Sec-Fetch-Site", "same-origin")...); w.Code != 404 {
		t.Errorf("without the secret: %d", w.Code)
	}
	if w := d.payOrderForm(strings.Repeat("9", maxForm)); w.Code/100 != 4 {
		t.Errorf("a large form: %d", w.Code)
	}
	says(t, d.payOrderForm(""), 429, "Too many visits")
	e, c := orders(t)
	*e.merchant = e.merchant.Suspend(noon)
	if w := e.payOrderForm(""); w.Code != 303 || w.Header().Get("Location") != orderPage {
		t.Errorf("a suspended merchant: %d", w.Code)
	}
	if len(b.asked)+len(c.asked) > 0 {
		t.Errorf("asked %v, %v", b.asked, c.asked)
	}
}

func TestAmountsAreReadAsPeopleTypeThem(t *testing.T) {
	l := mustLanguages(t)
	for _, c := range []struct {
		tag, currency, typed string
		want                 int64 // below 0: it is none
	}{
		{"en", "EUR", "1,234", 123400}, {"en", "EUR", "1.234", -1}, {"de", "EUR", "1.234", 123400}, {"de", "EUR", "1,234", -1}, {"de", "EUR", "1.234,5", 123450},
		{"en", "JPY", "1,234", 1234}, {"en", "JPY", "12.34", -1}, {"en", "KWD", "1.234", 1234}, {"en", "KWD", "1,234", 1234000}, {"de", "KWD", "1,234", 1234},
		{"en", "USD", "$5", 500}, {"en", "USD", "1,23,456", -1}, {"en", "EUR", "12,34", 1234}, {"en", "EUR", ".5", -1}, {"en", "EUR", "5.", 500}, {"en", "EUR", "", -1}, {"en", "EUR", "١٢", -1},
	} {
		currency, err := money.ParseCurrency(c.currency)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := l.named(c.tag).read(c.typed, currency)
		if ok != (c.want >= 0) || ok && got != c.want {
			t.Errorf("%s %s %q: %d, %t; want %d", c.tag, c.currency, c.typed, got, ok, c.want)
		}
	}
	for _, one := range l.all {
		for _, code := range []string{"EUR", "JPY", "KWD"} {
			currency, err := money.ParseCurrency(code)
			if err != nil {
				t.Fatal(err)
			}
			for _, minor := range []int64{1, 12, 1234, 123456789} {
				if got, ok := one.read(one.plain(money.Of(minor, currency)), currency); !ok || got != minor {
					t.Errorf("%s: %d %s comes back as %d, %t", one.Tag, minor, code, got, ok)
				}
			}
		}
	}
}
