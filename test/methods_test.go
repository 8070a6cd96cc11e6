package test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every method beside cards, the same way: what is peculiar to a rail is in rails_test.go. Each test ends with the books verified.

// rail is a way to pay, with what its payer and its bank may do.
type rail struct {
	method, currency string
	world            string // where its buttons are
	code             bool   // it is scanned; else the payer goes to a page
}

var rails = []rail{
	{"bank_redirect", "EUR", "bank/payments", false},
	{"pix", "BRL", "instant/charges", true},
	{"sepa_qr", "EUR", "instant/charges", true},
	{"upi", "INR", "instant/charges", true},
	{"payid", "AUD", "instant/charges", true},
	{"ideal", "EUR", "instant/charges", false},
	{"fpx", "MYR", "instant/charges", false},
}

const railAmount = 5_000

// begin makes a payment whose payer must act.
func (f *florin) begin(r rail, once string) answer {
	f.t.Helper()
	a := f.post("/v1/payments", once, map[string]any{
		"amount": railAmount, "currency": r.currency, "payment_method": map[string]string{"type": r.method},
	}).want(f.t, http.StatusCreated, "pay by "+r.method)
	next, _ := a.object["next_action"].(map[string]any)
	kind, _ := next["type"].(string)
	if a.text("status") != "requires_action" || kind == "redirect" == r.code || next["expires_at"] == nil {
		f.t.Fatalf("pay by %s: %s", r.method, a)
	}
	return a
}

// happens presses a button of the simulated bank or scheme.
func (f *florin) happens(r rail, payment answer, event string) {
	f.t.Helper()
	at := fmt.Sprintf("%s/control/%s/%s/%s", f.sandbox, r.world, payment.text("provider_reference"), event)
	if a := f.do(request{method: "POST", url: at}); a.err != nil || a.status/100 != 2 {
		f.t.Fatalf("%s of %s: %s", event, payment.text("id"), a)
	}
}

// comesTo waits until a payment has a status, and checks what is captured and refunded.
func (f *florin) comesTo(payment answer, status string, captured, refunded int64) answer {
	f.t.Helper()
	var now answer
	eventually(f.t, payment.text("id")+" becomes "+status, func() bool {
		now = f.get("/v1/payments/" + payment.text("id") + "?expand=timeline")
		return now.text("status") == status && now.number("amount_captured") == captured && now.number("amount_refunded") == refunded
	})
	return now
}

// paid has the payer pay, and the bank or the scheme say so.
func (f *florin) paid(r rail, payment answer) {
	f.t.Helper()
	if r.code {
		f.happens(r, payment, "pay")
		return
	}
	f.happens(r, payment, "approve")
}

// settles has the money arrive where a bank takes its time.
func (f *florin) settles(r rail, payment answer) {
	f.t.Helper()
	if r.method != "bank_redirect" {
		return
	}
	eventually(f.t, "the bank is waited for", func() bool {
		status := f.get("/v1/payments/" + payment.text("id")).text("status")
		return status == "processing" || status == "captured"
	})
	f.completes(payment)
}

// completes has the bank send the money. It does so by itself after two seconds: where the machine was too slow, the money is there already.
func (f *florin) completes(payment answer) {
	f.t.Helper()
	at := f.sandbox + "/control/" + bankPayments + "/" + payment.text("provider_reference") + "/complete"
	if a := f.do(request{method: "POST", url: at}); a.err != nil || a.status/100 != 2 && a.status != http.StatusConflict {
		f.t.Fatalf("complete %s: %s", payment.text("id"), a)
	}
}

func TestEveryRailIsPaidTheSameWayAndRefunded(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	hooks := f.listen()
	for _, r := range rails {
		p := f.begin(r, "pay-"+r.method)
		f.paid(r, p)
		f.settles(r, p)
		f.comesTo(p, "captured", railAmount, 0)
		f.happens(r, p, "resend_webhook") // told again, it is known
		f.post("/v1/payments/"+p.text("id")+"/refund", "refund-"+r.method, map[string]any{"amount": 2_000}).want(t, http.StatusCreated, "refund "+r.method)
		f.comesTo(p, "captured", railAmount, 2_000)
		hooks.wait(p.text("id"), "payment.created", "payment.requires_action", "payment.captured")
	}
	f.messages()
}

// messages are those that providers sent, once all of them are applied: one that takes long waits, and comes a second later.
func (f *florin) messages() (all []map[string]any) {
	f.t.Helper()
	eventually(f.t, "no message waits", func() bool {
		all = f.list("/v1/inbound_webhooks")
		return !slices.ContainsFunc(all, func(one map[string]any) bool { return one["verdict"] == "waiting" })
	})
	for _, one := range all {
		if v := one["verdict"]; v != "applied" && v != "known" {
			f.t.Errorf("a message was %v: %v", v, one)
		}
	}
	return all
}

func TestAPayerWhoSaysNoOrNothing(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	for _, r := range rails {
		if !r.code {
			for event, code := range map[string]string{"decline": "consent_declined", "unavailable": "bank_unavailable"} {
				p := f.begin(r, event+r.method)
				f.happens(r, p, event)
				now := f.comesTo(p, "failed", 0, 0)
				if failure, _ := now.object["failure"].(map[string]any); failure["code"] != "payment_declined" || failure["decline_code"] != code {
					t.Errorf("%s of %s: %v", event, r.method, failure)
				}
			}
		}
		p := f.begin(r, "expire-"+r.method)
		if !r.code {
			f.leaves(p)
		}
		f.happens(r, p, "expire")
		f.comesTo(p, "expired", 0, 0)
	}
}

// leaves has the payer look at the page, and go back to the shop undecided: the payment still waits for them, and so does the page.
func (f *florin) leaves(payment answer) {
	f.t.Helper()
	page, _ := dig(payment.object, "next_action", "url").(string)
	back, err := client.PostForm(page, url.Values{"do": {"leave"}})
	must(f.t, err)
	must(f.t, back.Body.Close())
	now := f.get("/v1/payments/" + payment.text("id"))
	again := f.do(request{method: "GET", url: page})
	if now.text("status") != "requires_action" || again.status != http.StatusOK || strings.Contains(string(again.body), "is over") {
		f.t.Errorf("the payer left: %s; the page says %s", now, again)
	}
}

// Messages that come twice, or out of order, make one payment of every method.
func TestMessagesOfEveryRailMayComeTwiceAndOutOfOrder(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	var all []answer
	for _, scenario := range []string{"duplicate_webhook", "out_of_order_webhooks"} {
		for _, r := range rails {
			p := f.started(t, r.method, r.currency, "SCENARIO "+scenario)
			if r.code {
				f.happens(r, p, "pay_part")
			}
			f.paid(r, p)
			all = append(all, p)
		}
	}
	for _, p := range all {
		f.comesTo(p, "captured", 9_232, 0)
	}
	eventually(t, "the repeats are heard of", func() bool {
		repeats := 0
		for _, one := range f.messages() {
			if one["duplicates"] != 0.0 {
				repeats++
			}
		}
		return repeats >= len(rails)
	})
	for _, p := range all {
		f.comesTo(p, "captured", 9_232, 0)
	}
}

// The picture of a code shows the code, in the eyes of another program.
func TestThePictureOfACodeIsScanned(t *testing.T) {
	t.Parallel()
	zbarimg, err := exec.LookPath("zbarimg")
	if err != nil {
		t.Skip("pictures of payment codes are not decoded: there is no zbarimg (Debian: zbar-tools)")
	}
	f := installDev(t)
	for _, r := range rails {
		next, _ := f.begin(r, "scan-"+r.method).object["next_action"].(map[string]any)
		if next["type"] != "display_qr" {
			continue
		}
		image, _ := next["qr_image_url"].(string)
		drawn := f.do(request{method: "GET", url: image}).want(t, http.StatusOK, "the picture")
		vector := f.do(request{method: "GET", url: strings.TrimSuffix(image, ".png") + ".svg"}).want(t, http.StatusOK, "the other picture")
		if drawn.header.Get("Content-Type") != "image/png" || vector.header.Get("Content-Type") != "image/svg+xml" {
			t.Errorf("%s: %v, %v", r.method, drawn.header, vector.header)
		}
		file := filepath.Join(t.TempDir(), "code.png")
		must(t, os.WriteFile(file, drawn.body, 0o600))
		read, err := exec.CommandContext(t.Context(), zbarimg, "--quiet", "--nodbus", "--raw", "--oneshot", "-Sbinary", file).Output()
		if err != nil || string(read) != next["qr_code"] {
			t.Errorf("%s is read as %q, want %q: %v", r.method, read, next["qr_code"], err)
		}
	}
}

// What is canceled here cannot be paid there: the page says that it is over.
func TestWhatIsCanceledIsClosedAtTheProvider(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	for _, r := range rails {
		p := f.begin(r, "close-"+r.method)
		f.post("/v1/payments/"+p.text("id")+"/cancel", "", nil).want(t, http.StatusOK, "cancel")
		if now := f.worldStands(t, r.world, p); now.text("status") != "canceled" {
			t.Errorf("%s is %s there", r.method, now.text("status"))
		}
		if !r.code {
			page, _ := dig(p.object, "next_action", "url").(string)
			closed := f.do(request{method: "GET", url: page}).want(t, http.StatusOK, "the bank's page")
			if !strings.Contains(string(closed.body), "gave this payment up") {
				t.Errorf("the page of %s: %s", r.method, closed.body)
			}
		}
	}
}

func TestMoneyThatComesWhenItIsOverGoesBack(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	for _, end := range []string{"canceled", "expired"} {
		late := map[string]answer{}
		for _, r := range rails {
			p := f.begin(r, end+r.method)
			if end == "canceled" {
				f.post("/v1/payments/"+p.text("id")+"/cancel", "cancel-"+r.method, nil).want(t, http.StatusOK, "cancel")
			} else {
				f.happens(r, p, "expire")
				f.comesTo(p, "expired", 0, 0)
			}
			if r.code {
				f.happens(r, p, "pay") // whoever has the code can pay it
			} else {
				f.happens(r, p, "complete") // the page was closed a moment too late
			}
			late[r.method] = p
		}
		for _, r := range rails {
			heard := map[bool]string{true: "transfer.received", false: "late_approval.booked"}[r.code]
			eventually(t, r.method+" goes back", func() bool {
				now := f.get("/v1/payments/" + late[r.method].text("id") + "?expand=timeline")
				return now.text("status") == end && now.number("amount_captured") == 0 &&
					strings.Contains(string(now.body), heard) && strings.Contains(string(now.body), "transfer.returned")
			})
		}
	}
}

func TestLimitsOfMethodsAreSaid(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	for name, c := range map[string]struct {
		body  map[string]any
		param string
		code  string
	}{
		"currency":   {map[string]any{"amount": 5000, "currency": "EUR", "payment_method": map[string]any{"type": "pix"}}, "currency", "currency_not_supported"},
		"too little": {map[string]any{"amount": 1, "currency": "INR", "payment_method": map[string]any{"type": "upi"}}, "amount", "amount_too_small"},
		"too much":   {map[string]any{"amount": 999_999_999_999, "currency": "BRL", "payment_method": map[string]any{"type": "pix"}}, "amount", "amount_too_large"},
		"no capture": {map[string]any{"amount": 5000, "currency": "BRL", "capture": false, "payment_method": map[string]any{"type": "pix"}}, "capture", "parameter_invalid"},
		"two":        {map[string]any{"amount": 5000, "currency": "BRL", "payment_method": map[string]any{"type": "pix"}, "payment_method_token": f.token(approved, "")}, "payment_method", "parameter_invalid"},
	} {
		a := f.post("/v1/payments", name, c.body)
		if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), `"param":"`+c.param+`"`) || !strings.Contains(string(a.body), c.code) {
			t.Errorf("%s: %s", name, a)
		}
	}
}
