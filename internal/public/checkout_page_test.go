package public

import (
	"crypto/sha512"
	"encoding/base64"
	"html"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// directives reads a Content-Security-Policy.
func directives(w *httptest.ResponseRecorder) map[string]string {
	all := map[string]string{}
	for part := range strings.SplitSeq(w.Header().Get("Content-Security-Policy"), "; ") {
		name, sources, _ := strings.Cut(part, " ")
		all[name] = sources
	}
	return all
}

func TestEveryPageHasTheHeadersThatKeepItSafe(t *testing.T) {
	d := newDoor(t)
	d.core.challenge = provider.Challenge{ACSURL: "https://acs.bank.example/challenge", CReq: "Y3JlcQ"}
	d.merchant.Color = "#2f5fd0"
	for name, c := range map[string]struct {
		w               *httptest.ResponseRecorder
		forms, ancestor string
	}{
		"checkout":  {d.visit(0), "'none'", page + " http://localhost:* http://127.0.0.1:*"},
		"challenge": {d.send("GET", leavePath+"/"+ticket, ""), "https://acs.bank.example", page + " http://localhost:* http://127.0.0.1:*"},
		"message":   {d.send("GET", "/pay/acct_nobody:test/"+pay, ""), "'none'", "'none'"},
	} {
		t.Run(name, func(t *testing.T) {
			h, csp := c.w.Header(), directives(c.w)
			for directive, want := range map[string]string{
				"default-src": "'none'", "script-src": "'self'", "base-uri": "'none'", "frame-src": "https://vault.example", "connect-src": "'self' https://pay.example",
				"form-action": c.forms, "frame-ancestors": c.ancestor,
			} {
				if csp[directive] != want {
					t.Errorf("%s is %q, want %q", directive, csp[directive], want)
				}
			}
			nonce := regexp.MustCompile(`^'self' 'nonce-([\w-]{22})'$`).FindStringSubmatch(csp["style-src"])
			if nonce == nil || !strings.Contains(c.w.Body.String(), `<style nonce="`+nonce[1]+`">`) {
				t.Errorf("style-src %q does not let in the page's own", csp["style-src"])
			}
			for header, want := range map[string]string{
				"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000",
				"Cross-Origin-Resource-Policy": "same-origin",
			} {
				if h.Get(header) != want {
					t.Errorf("%s is %q", header, h.Get(header))
				}
			}
			if p := h.Get("Permissions-Policy"); !strings.Contains(p, "camera=()") || !strings.Contains(p, `payment=(self "https://vault.example")`) {
				t.Errorf("Permissions-Policy is %q", p)
			}
			body := c.w.Body.String()
			if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || regexp.MustCompile(`\son\w+=|\sstyle=|<script(?: [^>]*)?>[^<]`).MatchString(body) {
				t.Errorf("something is inline:\n%s", body)
			}
			for _, m := range regexp.MustCompile(`(?:src|href)="(/js/[^"]+)" integrity="([^"]+)"`).FindAllStringSubmatch(body, -1) {
				sum := sha512.Sum384(d.send("GET", m[1], "").Body.Bytes())
				if html.UnescapeString(m[2]) != "sha384-"+base64.StdEncoding.EncodeToString(sum[:]) {
					t.Errorf("the integrity of %s is another", m[1])
				}
			}
			if scripts := strings.Count(body, "<script"); scripts != strings.Count(body, ".js\" integrity=") {
				t.Errorf("%d scripts, not all with their integrity", scripts)
			}
		})
	}
	if a, b := directives(d.visit(0))["style-src"], directives(d.visit(0))["style-src"]; a == b {
		t.Error("the nonce is used twice")
	}
	live := newDoor(t)
	live.merchant.Origins = nil
	if got := directives(live.visit(0))["frame-ancestors"]; strings.Contains(got, "https://") {
		t.Errorf("a merchant without origins is framed by %s", got)
	}
}

func TestHTMLInAMerchantsWordsIsOnlyText(t *testing.T) {
	d := newDoor(t)
	evil := `<script>alert(1)</script>"onload='x`
	d.merchant.Name = evil
	for _, status := range []payment.Status{payment.RequiresPaymentMethod, payment.Captured, payment.Failed} {
		d.core.object.Status = status
		w := d.visit(0)
		says(t, w, 200, evil)
		if strings.Contains(w.Body.String(), "<script>alert") || strings.Contains(w.Body.String(), `"onload`) {
			t.Errorf("%s: the merchant's words are markup", status)
		}
	}
}

func TestAMerchantsColourIsWornWhereItCanBeRead(t *testing.T) {
	d := newDoor(t)
	says(t, d.visit(0), 200, ":root{--brand:#ffd75e;--ink:#3d2c00")
	d.merchant.Color = "#ffff00"
	says(t, d.visit(0), 200, ":root{--brand:#ffff00;--ink:#000000;--edge:var(--muted)}")
}

func TestTestModeIsSaid(t *testing.T) {
	d := newDoor(t)
	says(t, d.visit(0), 200, "Test mode: no money moves")
	e := d.send("GET", "/pay/acct_shop:live/"+pay, "", "Cookie", secretCookie+"="+secretAt(0))
	if strings.Contains(text(e), "Test mode") {
		t.Error("live mode is called a test")
	}
}

func TestThePageSpeaksThePayersLanguage(t *testing.T) {
	for header, parts := range map[string][]string{
		"de-AT": {`<html lang="de">`, "92,32\u00a0€ zahlen", "Kartennummer", "Blue Bottle sieht die Nummer nie"},
		"pt":    {`<html lang="pt-BR">`, "Pagar €\u00a092,32", "Número do cartão"},
		"es":    {`<html lang="es">`, "Pagar 92,32\u00a0€", "Caducidad"},
		"fr":    {`<html lang="en">`, "Pay €92.32"},
	} {
		says(t, newDoor(t).visit(0, "Accept-Language", header), 200, parts...)
	}
	d := newDoor(t)
	w := d.send("GET", checkoutPath+"?lang=es", "", "Cookie", secretCookie+"="+secretAt(0), "Accept-Language", "de")
	says(t, w, 200, "Pagar", `href="?lang=de" lang="de"`)
	kept := cookies(w, languageCookie)
	if len(kept) != 2 || kept[0].Value != "es" || !kept[0].HttpOnly {
		t.Errorf("the choice is not kept: %+v", kept)
	}
}

func TestEveryStateHasItsPage(t *testing.T) {
	for status, words := range map[payment.Status]string{
		payment.RequiresPaymentMethod: "pay", payment.Processing: "waiting_title", payment.InReview: "review_title", payment.Authorized: "paid_title",
		payment.Captured: "paid_title", payment.Failed: "failed_title", payment.Expired: "expired_title", payment.Canceled: "canceled_title",
		payment.RequiresAction: "waiting_title", // without anything that the payer can do
	} {
		d := newDoor(t)
		d.core.object.Status = status
		for _, l := range d.langs.all {
			w := d.visit(0, "Accept-Language", l.Tag)
			says(t, w, 200, l.say(words, "merchant", "Blue Bottle", "amount", l.amount(mustSum(t, d))))
			if payable := strings.Contains(w.Body.String(), `id="pay"`); payable != (status == payment.RequiresPaymentMethod) {
				t.Errorf("%s: it can be paid: %t", status, payable)
			}
		}
	}
}

func TestASuccessShowsWithWhatWasPaid(t *testing.T) {
	d := newDoor(t)
	if err := d.core.capture(payment.Confirmation{}); err != nil {
		t.Fatal(err)
	}
	says(t, d.visit(0), 200, "Paid", "€92.32", "Visa card ending in 4242", "You can close this page")
}

func TestAPageThatWaitsIsToldWhenItIsOver(t *testing.T) {
	d := newDoor(t)
	d.core.object.Status = payment.Processing
	says(t, d.visit(0), 200, "Waiting for the bank", `id="watch"`, `data-state="waiting"`)
	state := func() standing {
		return given[standing](t, d.send("GET", checkoutPath+"/state", "", "Cookie", secretCookie+"="+secretAt(0)), 200)
	}
	if got := state(); got.State != CheckoutWaiting {
		t.Errorf("state %s", got.State)
	}
	d.core.object.Status = payment.Captured
	if got := state(); got.State != CheckoutPaid {
		t.Errorf("state %s", got.State)
	}
	refused(t, d.send("GET", checkoutPath+"/state", ""), 404, fault.CodeNotFound)
}
