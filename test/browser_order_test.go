package test

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// media has the page look as it does on paper, or on a screen.
func (p *tab) media(media string) {
	p.t.Helper()
	p.do("look as in "+media, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media})
		return err
	}))
}

// prints gives the page as a PDF.
func (p *tab) prints() []byte {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	pdf, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		yes := true
		r, err := cdp.Call(ctx, t, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: &yes})
		return r.Data, err
	})
	must(p.t, err)
	return pdf
}

// pages are the pages of a PDF.
var pages = regexp.MustCompile(`/Type ?/Page[^s]`)

func (f *florin) invoice(t *testing.T, fields map[string]any) answer {
	t.Helper()
	all := map[string]any{"invoice_number": "2026-17", "description": "Delivered on 20 November", "due_at": time.Now().Add(14 * 24 * time.Hour).UTC().Format(time.RFC3339)}
	for name, value := range fields {
		all[name] = value
	}
	return f.order(t, all)
}

func TestBrowserPaysAnInvoiceAndPrintsIt(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.invoice(t, nil)
	p := f.payer(t)
	p.open(made.text("checkout_url")).shows("Invoice 2026-17", "To be paid", "Coffee beans, 1 kg", "2 × €38.79", "tax 19 % €14.74", "Pay "+euro9232).picture("order-invoice").accessible("invoice")
	if strings.Contains(p.location(), "secret") {
		t.Errorf("the order's secret stayed in the address: %s", p.location())
	}
	p.leave("button.main", "/pay/")
	for _, kind := range []string{"card-number", "card-expiry", "card-cvc"} {
		p.field(kind).ready()
	}
	p.pay(approved).shows("Paid", "Visa card ending in 4242")
	p.leave("a[href^='/order/']", "/order/").shows("Invoice 2026-17", "Paid on", "has received your payment").accessible("a paid invoice")
	f.orderSettles(t, made, "paid", 9232, 0)
	p.media("print")
	for selector, shown := range map[string]bool{".lines": true, ".facts": true, ".merchant": true, "nav": false, ".keep": false} {
		if is := ask[bool](p, "document.querySelector('"+selector+"').getClientRects().length > 0"); is != shown {
			t.Errorf("on paper %s is shown: %t", selector, is)
		}
	}
	if ground := ask[string](p, "getComputedStyle(document.body).backgroundColor"); ground != "rgb(255, 255, 255)" {
		t.Errorf("the paper is %s", ground)
	}
	p.picture("order-printed")
	p.media("")
	pdf := p.prints()
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pages.FindAll(pdf, -1)) != 1 {
		t.Errorf("printed %d bytes on %d pages", len(pdf), len(pages.FindAll(pdf, -1)))
	}
	p.open(made.text("checkout_url")).shows("Paid on") // the link of the mail works for ever
}

func TestBrowserShowsAnInvoiceOnAPhoneInTheDarkInGerman(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.invoice(t, map[string]any{"partial_payments": "allowed", "minimum_payment": 1000})
	p := f.payer(t).phone().dark().languages("de-DE,de")
	p.open(made.text("checkout_url")).shows("Rechnung 2026-17", "Offen", "Jetzt zu zahlender Betrag").picture("order-phone-de").accessible("invoice on a phone")
	if wide := ask[float64](p, "document.documentElement.scrollWidth"); wide > 360 {
		t.Errorf("the page is %v wide", wide)
	}
	p.allowed = append(p.allowed, "400")
	p.write("#amount", "5,00")
	p.click("button.main")
	p.shows("Dieser Betrag kann nicht gezahlt werden").accessible("a part that is too small")
	p.write("#amount", "40,00")
	p.leave("button.main", "/pay/").shows("40,00")
	for _, kind := range []string{"card-number", "card-expiry", "card-cvc"} {
		p.field(kind).ready()
	}
	p.pay(approved).shows("Bezahlt")
	f.orderSettles(t, made, "partially_paid", 4000, 0)
	p.leave("a[href^='/order/']", "/order/").shows("Teilweise bezahlt", "52,32")
}

func TestBrowserPaysAnOrderOnceInTwoWindows(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.order(t, nil)
	one := f.payer(t)
	other := one.another()
	for _, window := range []*tab{one, other} {
		window.open(made.text("checkout_url")).shows("Pay " + euro9232)
		window.leave("button.main", "/pay/")
		for _, kind := range []string{"card-number", "card-expiry", "card-cvc"} {
			window.field(kind).ready()
		}
	}
	one.pay(approved).shows("Paid")
	other.pay(approved).shows("Paid")
	o := f.orderSettles(t, made, "paid", 9232, 0)
	if len(o.Payments) != 1 {
		t.Errorf("%d payments were begun", len(o.Payments))
	}
	f.holds(t, 9232)
}
