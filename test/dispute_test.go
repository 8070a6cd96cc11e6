package test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

const cardDisputed = "4000000000000259"

// await asks again and again until an answer is as it should be.
func (f *florin) await(t *testing.T, what, path string, is func(answer) bool) answer {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		a := f.get(path)
		if a.status == 200 && is(a) {
			return a
		}
		select {
		case <-deadline:
			t.Fatalf("%s never came: %s", what, a)
		case <-tick.C:
		}
	}
}

// captured is a payment of 92.32 EUR whose money is taken.
func (f *florin) captured(t *testing.T, number, name string) answer {
	t.Helper()
	p := f.post("/v1/payments", "", map[string]any{"amount": 9232, "currency": "EUR", "payment_method_token": f.token(number, name)})
	if p.status != 201 || p.text("status") != "captured" {
		t.Fatalf("charge: %s", p)
	}
	return p
}

// press presses a button of the sandbox for a payment.
func (f *florin) press(t *testing.T, p answer, button string, choice map[string]any) map[string]any {
	t.Helper()
	a := f.do(request{method: "POST", url: f.sandbox + "/control/transactions/" + p.text("provider_reference") + "/" + button, body: choice})
	if a.status != 200 {
		t.Fatalf("%s: %s", button, a)
	}
	return a.object
}

// dispute waits for the one dispute of a payment, and reads it.
func (f *florin) dispute(t *testing.T, p answer) answer {
	t.Helper()
	all := f.await(t, "the dispute", "/v1/disputes?payment="+p.text("id"), func(a answer) bool { return len(a.object["data"].([]any)) > 0 })
	return f.get("/v1/disputes/" + all.object["data"].([]any)[0].(map[string]any)["id"].(string))
}

// denied waits until a dispute has a status, and expects its money and what is disputed of its payment.
func (f *florin) denied(t *testing.T, d answer, status, money string, disputed int64) answer {
	t.Helper()
	d = f.await(t, "a dispute that is "+status, "/v1/disputes/"+d.text("id"), func(a answer) bool { return a.text("status") == status })
	if d.text("money") != money {
		t.Errorf("the money is %s, want %s: %s", d.text("money"), money, d)
	}
	if p := f.get("/v1/payments/" + d.text("payment")); p.number("amount_disputed") != disputed {
		t.Errorf("%d is disputed, want %d: %s", p.number("amount_disputed"), disputed, p)
	}
	return d
}

// upload sends a file of evidence.
func (f *florin) upload(t *testing.T, dispute, name, kind string, body []byte) answer {
	t.Helper()
	q, err := http.NewRequest("POST", f.api+"/v1/disputes/"+dispute+"/evidence/"+name, bytes.NewReader(body))
	must(t, err)
	q.Header.Set("Authorization", "Bearer "+f.secret)
	q.Header.Set("Content-Type", kind)
	response, err := client.Do(q)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	a := answer{status: response.StatusCode, body: text}
	must(t, json.Unmarshal(text, &a.object))
	return a
}

// told is the types of the events of a dispute, oldest first.
func (f *florin) told(t *testing.T, d answer) string {
	t.Helper()
	a := f.get("/v1/events?limit=100&subject=" + d.text("id"))
	if a.status != 200 {
		t.Fatal(a)
	}
	var types []string
	for _, e := range a.object["data"].([]any) {
		types = append([]string{strings.TrimPrefix(e.(map[string]any)["type"].(string), "dispute.")}, types...)
	}
	return strings.Join(types, " ")
}

// The books are held against their rules when each installation stops, disputes and payments among them.
func TestADisputeFromItsOpeningToItsEnd(t *testing.T) {
	onBothEngines(t, func(t *testing.T, f *florin) {
		for name, test := range map[string]func(*testing.T, *florin){
			"won": wonDispute, "lost": lostDispute, "accepted": acceptedDispute, "expired": expiredDispute, "partial, twice": twoDisputes,
			"inquiry": inquiredDispute, "out of order": disorderedDispute, "twice told": doubledDispute, "no answer": unansweredDispute, "by the card": disputedCard,
			"unknown payment": unknownDispute, "of somebody who is erased": erasedDispute,
		} {
			t.Run(name, func(t *testing.T) { test(t, f) })
		}
	})
}

func wonDispute(t *testing.T, f *florin) {
	p := f.captured(t, "4242424242424242", "")
	f.press(t, p, "dispute", nil)
	d := f.dispute(t, p)
	if d.text("status") != "needs_response" || d.number("amount") != 9232 || d.number("fee") != 1500 || d.text("stage") != "chargeback" || d.text("reason_code") != "10.4" {
		t.Errorf("opened: %s", d)
	}
	if r := f.post("/v1/payments/"+p.text("id")+"/refund", "", map[string]any{}); r.status != 409 || r.text("code") != "state_conflict" {
		t.Errorf("refunded while disputed: %s", r)
	}
	large := append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("evidence "), 300_000)...) // goes in three pieces
	if u := f.upload(t, d.text("id"), "large.pdf", "application/pdf", append(large, "\n%%EOF\n"...)); u.status != 200 {
		t.Fatalf("upload: %s", u)
	}
	if u := f.upload(t, d.text("id"), "disguised.png", "image/png", large); u.status != 400 || u.text("param") != "file" {
		t.Errorf("a PDF as a PNG: %s", u)
	}
	if u := f.upload(t, d.text("id"), "page.html", "text/html", []byte("<html>")); u.status != 415 {
		t.Errorf("a page: %s", u)
	}
	if e := f.post("/v1/disputes/"+d.text("id")+"/evidence", "", map[string]any{"explanation": "Delivered.", "customer_name": "Zoë"}); e.status != 200 {
		t.Fatalf("texts: %s", e)
	}
	first := f.post("/v1/disputes/"+d.text("id")+"/submit", "submit-"+d.text("id"), map[string]any{})
	if again := f.post("/v1/disputes/"+d.text("id")+"/submit", "submit-"+d.text("id"), map[string]any{}); first.status != 200 || !bytes.Equal(again.body, first.body) {
		t.Errorf("submitted: %s, again %s", first, again)
	}
	f.denied(t, d, "under_review", "held", 9232)
	desk := fmt.Sprint(f.press(t, p, "resend_webhook", nil)["disputes"])
	if !strings.Contains(desk, "large.pdf") || !strings.Contains(desk, "Delivered.") || strings.Contains(desk, "disguised") {
		t.Errorf("the acquirer has %s", desk)
	}
	f.press(t, p, "win", nil)
	d = f.denied(t, d, "won", "returned", 0)
	if got := f.told(t, d); got != "created updated won" {
		t.Errorf("told %s", got)
	}
	if r := f.post("/v1/payments/"+p.text("id")+"/refund", "", map[string]any{}); r.status != 201 {
		t.Errorf("refunded after a win: %s", r)
	}
}

func lostDispute(t *testing.T, f *florin) {
	p := f.captured(t, "4242424242424242", "")
	f.press(t, p, "dispute", nil)
	d := f.dispute(t, p)
	f.press(t, p, "lose", nil)
	d = f.denied(t, d, "lost", "gone", 9232)
	if s := f.post("/v1/disputes/"+d.text("id")+"/accept", "", map[string]any{}); s.status != 409 {
		t.Errorf("accepted after it was lost: %s", s)
	}
	if got := f.told(t, d); got != "created lost" {
		t.Errorf("told %s", got)
	}
}

func acceptedDispute(t *testing.T, f *florin) {
	p := f.captured(t, "4242424242424242", "")
	f.press(t, p, "dispute", nil)
	d := f.dispute(t, p)
	if a := f.post("/v1/disputes/"+d.text("id")+"/submit", "", map[string]any{}); a.status != 409 {
		t.Errorf("submitted nothing: %s", a)
	}
	if a := f.post("/v1/disputes/"+d.text("id")+"/accept", "", map[string]any{}); a.status != 200 || a.text("status") != "accepted" {
		t.Fatalf("accept: %s", a)
	}
	f.denied(t, d, "accepted", "gone", 9232)
}

func expiredDispute(t *testing.T, f *florin) {
	p := f.captured(t, "4242424242424242", "")
	f.press(t, p, "dispute", map[string]any{"seconds": 1})
	f.denied(t, f.dispute(t, p), "expired", "gone", 9232)
}

func twoDisputes(t *testing.T, f *florin) {
	p := f.captured(t, "4242424242424242", "")
	if r := f.post("/v1/payments/"+p.text("id")+"/refund", "", map[string]any{"amount": 1000}); r.status != 201 {
		t.Fatalf("refund: %s", r)
	}
	f.press(t, p, "dispute", map[string]any{"amount": 4000})
	first := f.dispute(t, p)
	f.press(t, p, "dispute", map[string]any{"amount": 2000})
	f.await(t, "the second", "/v1/payments/"+p.text("id"), func(a answer) bool { return a.number("amount_disputed") == 6000 })
	if r := f.post("/v1/payments/"+p.text("id")+"/refund", "", map[string]any{"amount": 2233}); r.status != 400 || r.text("code") != "amount_too_large" {
		t.Errorf("more than is left: %s", r)
	}
	if r := f.post("/v1/payments/"+p.text("id")+"/refund", "", map[string]any{"amount": 2232}); r.status != 201 {
		t.Errorf("what is left: %s", r)
	}
	f.press(t, p, "win", map[string]any{"dispute": first.text("provider_reference")})
	f.denied(t, first, "won", "returned", 2000)
}

func inquiredDispute(t *testing.T, f *florin) {
	p := f.captured(t, "4242424242424242", "")
	f.press(t, p, "dispute", map[string]any{"stage": "retrieval"})
	d := f.dispute(t, p)
	f.denied(t, d, "needs_response", "none", 0)
	f.press(t, p, "escalate", nil)
	f.await(t, "the chargeback", "/v1/disputes/"+d.text("id"), func(a answer) bool { return a.text("stage") == "chargeback" })
	f.denied(t, d, "needs_response", "held", 9232)
	f.press(t, p, "lose", nil)
	f.denied(t, d, "lost", "gone", 9232)
}

func disorderedDispute(t *testing.T, f *florin) {
	p := f.captured(t, "4242424242424242", "SCENARIO out_of_order_webhooks dispute")
	f.press(t, p, "dispute", nil)
	f.press(t, p, "win", nil) // its webhook comes first
	d := f.denied(t, f.dispute(t, p), "won", "returned", 0)
	f.await(t, "the opening", "/v1/inbound_webhooks?verdict=known&limit=100", func(a answer) bool { return strings.Contains(string(a.body), d.text("id")) })
	f.denied(t, d, "won", "returned", 0)
}

func doubledDispute(t *testing.T, f *florin) {
	p := f.captured(t, "4242424242424242", "SCENARIO duplicate_webhook")
	f.press(t, p, "dispute", nil)
	d := f.dispute(t, p)
	f.press(t, p, "lose", nil)
	d = f.denied(t, d, "lost", "gone", 9232)
	if got := f.told(t, d); got != "created lost" {
		t.Errorf("told %s", got)
	}
}

// The acquirer takes the answer and does not say so. Whoever is first tells: its webhook, or the worker that gives the answer again.
func unansweredDispute(t *testing.T, f *florin) {
	p := f.captured(t, "4242424242424242", "SCENARIO timeout_after dispute")
	f.press(t, p, "dispute", nil)
	d := f.dispute(t, p)
	a := f.post("/v1/disputes/"+d.text("id")+"/accept", "", map[string]any{})
	if a.status != 200 {
		t.Errorf("accept: %s", a)
	}
	f.denied(t, d, "accepted", "gone", 9232)
}

func disputedCard(t *testing.T, f *florin) {
	f.denied(t, f.dispute(t, f.captured(t, cardDisputed, "")), "needs_response", "held", 9232)
}

// Somebody else's authorization at the same account: the acquirer says that money was taken for it.
func unknownDispute(t *testing.T, f *florin) {
	body := []byte(`{"id":"alpha_evt_unknown","type":"dispute.opened","created_at":"2026-11-22T12:00:00Z","data":{"id":"alpha_dp_unknown","authorization_reference":"till-4711",
		"stage":"chargeback","status":"open","amount":500,"fee":1500,"currency":"EUR","reason":"fraudulent","network_code":"10.4","evidence_due_at":"2126-12-02T12:00:00Z"}}`)
	f.fromAcquirer(t, body)
	all := f.await(t, "the dispute", "/v1/disputes?unmatched=true", func(a answer) bool { return len(a.object["data"].([]any)) == 1 })
	d := all.object["data"].([]any)[0].(map[string]any)
	if d["payment"] != nil || d["money"] != "none" || d["amount"] != 500.0 {
		t.Errorf("kept as %v", d)
	}
	if heard := f.get("/v1/inbound_webhooks?verdict=unmatched"); !strings.Contains(string(heard.body), d["id"].(string)) {
		t.Errorf("the message is %s", heard)
	}
	f.fromAcquirer(t, bytes.Replace(body, []byte("alpha_evt_unknown"), []byte("alpha_evt_again"), 1))
	listed := func(status string) []any {
		t.Helper()
		return f.get("/v1/recon/breaks?kind=unknown_dispute&status="+status+"&subject="+d["id"].(string)).want(t, 200, "list the breaks").object["data"].([]any)
	}
	open := listed("open")
	if len(open) != 1 {
		t.Fatalf("the breaks are %v", open)
	}
	b := open[0].(map[string]any)
	if b["amount"] != 500.0 || b["currency"] != "EUR" || b["provider_account"] != "alpha" || !strings.Contains(b["detail"].(string), "till-4711") {
		t.Errorf("the break is %v", b)
	}
	path := "/v1/recon/breaks/" + b["id"].(string) + "/close"
	if closed := f.post(path, "", map[string]any{"note": "Sold at the till"}); closed.status != 200 || closed.text("status") != "closed" || closed.text("note") != "Sold at the till" {
		t.Errorf("closed: %s", closed)
	}
	if again := f.post(path, "", map[string]any{"note": "Once more"}); again.status != 409 {
		t.Errorf("closed again: %s", again)
	}
	if all := f.get("/v1/audit_log?action=recon_break.closed&subject=" + b["id"].(string)); len(all.object["data"].([]any)) != 1 {
		t.Errorf("the audit trail has %s", all)
	}
	for _, told := range []string{"recon.break_opened", "recon.break_closed"} {
		if all := f.get("/v1/events?type=" + told + "&subject=" + b["id"].(string)); len(all.object["data"].([]any)) != 1 {
			t.Errorf("told %s", all)
		}
	}
	if len(listed("open")) != 0 || len(listed("closed")) != 1 {
		t.Error("it is not listed as closed")
	}
}

// fromAcquirer brings a message as alpha signs it.
func (f *florin) fromAcquirer(t *testing.T, body []byte) {
	t.Helper()
	at := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte("alpha-webhook_secret-of-a-test"))
	mac.Write([]byte(at + "." + string(body)))
	q, err := http.NewRequest("POST", f.api+"/in/"+f.account+"/alpha", bytes.NewReader(body))
	must(t, err)
	q.Header.Set("Acquirer-Signature", "t="+at+",v1="+hex.EncodeToString(mac.Sum(nil)))
	response, err := client.Do(q)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != 200 {
		t.Fatalf("the message is answered with %d", response.StatusCode)
	}
}

// Evidence is read back by those who may, and goes when its customer does, by the worker and while the dispute is open.
func erasedDispute(t *testing.T, f *florin) {
	who := f.post("/v1/customers", "", map[string]any{"name": "Ada"}).want(t, 201, "make a customer").text("id")
	p := f.post("/v1/payments", "", map[string]any{
		"amount": 9232, "currency": "EUR", "payment_method_token": f.token("4242424242424242", ""), "customer": who,
	}).want(t, 201, "pay")
	f.press(t, p, "dispute", nil)
	path := "/v1/disputes/" + f.dispute(t, p).text("id")
	proof := []byte("%PDF-1.7\nsigned by Ada\n%%EOF\n")
	if u := f.upload(t, strings.TrimPrefix(path, "/v1/disputes/"), "receipt.pdf", "application/pdf", proof); u.status != 200 {
		t.Fatalf("upload: %s", u)
	}
	file := f.get(path + "/evidence/receipt.pdf")
	if file.status != 200 || !bytes.Equal(file.body, proof) || file.header.Get("Content-Disposition") != `attachment; filename="receipt.pdf"` {
		t.Errorf("read back %d %q %v", file.status, file.body, file.header)
	}
	f.post("/v1/customers/"+who+"/erase", "", map[string]any{}).want(t, 200, "erase")
	d := f.await(t, "the evidence to go", path, func(a answer) bool { return a.object["evidence_erased_at"] != nil })
	if files := d.object["evidence_files"].([]any); len(files) != 0 || d.text("status") != "needs_response" || d.text("money") != "held" {
		t.Errorf("it is left as %s", d)
	}
	f.get(path+"/evidence/receipt.pdf").want(t, 404, "read it back")
}
