package bank_test

import (
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/sandbox/bank"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/sandbox/stagetest"
)

type object = stagetest.Object

func newSite(t *testing.T) *stagetest.Site {
	t.Helper()
	return stagetest.New(t, "Bank-Signature", func(o stage.Options) (stagetest.World, error) {
		return bank.Open(filepath.Join(t.TempDir(), "bank.db"), o)
	})
}

func request(reference, description string) object {
	return object{"reference": reference, "payment": "pay_1", "amount": 9232, "currency": "EUR", "return_url": "https://shop.example/back?a=b", "description": description}
}

// started makes a payment.
func started(t *testing.T, s *stagetest.Site, reference, description string) object {
	t.Helper()
	status, o := s.Post("/bank/v1/payments", request(reference, description))
	if status != http.StatusCreated || o.Text("status") != "awaiting_authorisation" {
		t.Fatalf("start %s: %d %v", reference, status, o)
	}
	return o
}

func press(t *testing.T, s *stagetest.Site, o object, event string) {
	t.Helper()
	if status, said := s.Post("/control/bank/payments/"+o.Text("id")+"/"+event, nil); status != http.StatusOK {
		t.Fatalf("%s: %d %v", event, status, said)
	}
}

func stands(t *testing.T, s *stagetest.Site, o object, want string) object {
	t.Helper()
	status, now := s.Get("/bank/v1/payments?reference=" + o.Text("reference"))
	if status != http.StatusOK || now.Text("status") != want {
		t.Fatalf("the payment stands %d %v, want %s", status, now, want)
	}
	return now
}

func TestAPaymentExpiresUnlessThePayerConsents(t *testing.T) {
	s := newSite(t)
	o := started(t, s, "att_1", "Order")
	left := started(t, s, "att_2", "Order")
	press(t, s, o, "approve")
	s.Hook("payment.pending")
	s.Advance(2 * time.Second)
	s.Hook("payment.paid")
	s.Advance(15 * time.Minute)
	if h := s.Hook("payment.expired"); h.Data["reference"] != "att_2" {
		t.Errorf("expired: %v", h.Data)
	}
	stands(t, s, left, "expired")
	stands(t, s, o, "paid")
	// The money comes all the same.
	press(t, s, left, "complete")
	s.Hook("payment.paid")
	stands(t, s, left, "paid")
	if status, said := s.Post("/control/bank/payments/"+left.Text("id")+"/complete", nil); status != http.StatusConflict {
		t.Errorf("paid twice: %d %v", status, said)
	}
	// A page that was left open is too late before anybody swept.
	soon := request("att_3", "Order")
	soon["expires_at"] = s.Clock.Now().Add(time.Minute)
	_, late := s.Post("/bank/v1/payments", soon)
	s.Clock.Advance(time.Minute)
	s.Submit(pagePath(t, late), form("do", "choose", "bank", "harbour"))
	s.Hook("payment.expired")
	stands(t, s, late, "expired")
}

func TestScenariosArePlayed(t *testing.T) {
	s := newSite(t)
	consent := func(reference, scenario string) object {
		o := started(t, s, reference, "SCENARIO "+scenario)
		press(t, s, o, "approve")
		return o
	}
	stands(t, s, consent("att_1", "consent_declined"), "rejected")
	s.Hook("payment.rejected")
	stands(t, s, consent("att_2", "bank_unavailable"), "rejected")
	s.Hook("payment.rejected")
	stands(t, s, consent("att_3", "expired"), "expired")
	s.Hook("payment.expired")

	late := consent("att_4", "late_success")
	s.Hook("payment.pending")
	s.Advance(2 * time.Second)
	s.Hook("payment.expired")
	stands(t, s, late, "expired")
	s.Advance(2 * time.Second)
	s.Hook("payment.paid")
	stands(t, s, late, "paid")

	consent("att_5", "duplicate_webhook")
	if a, b := s.Hook("payment.pending"), s.Hook("payment.pending"); a.ID != b.ID {
		t.Errorf("a duplicate has ids %s and %s", a.ID, b.ID)
	}
	s.Advance(2 * time.Second)
	s.Hook("payment.paid")
	s.Hook("payment.paid")

	consent("att_6", "out_of_order_webhooks")
	s.NoHook()
	s.Advance(2 * time.Second)
	s.Hook("payment.paid")
	s.Advance(2 * time.Second)
	if older := s.Hook("payment.pending"); older.Data["status"] != "pending" {
		t.Errorf("the older webhook tells what came later: %v", older.Data)
	}

	silent := consent("att_7", "no_webhook")
	press(t, s, silent, "complete")
	stands(t, s, silent, "paid")
	s.NoHook()
}

func TestCallsGoWrongAsTheScenarioSays(t *testing.T) {
	s := newSite(t)
	for scenario, want := range map[string]int{"error_500": 500, "down": 503} {
		if status, _ := s.Post("/bank/v1/payments", request("att_"+scenario, "SCENARIO "+scenario)); status != want {
			t.Errorf("%s answers %d", scenario, status)
		}
		if status, _ := s.Get("/bank/v1/payments?reference=att_" + scenario); status != http.StatusNotFound {
			t.Errorf("%s was processed: %d", scenario, status)
		}
	}
	s.Abandoned("/bank/v1/payments", request("att_before", "SCENARIO timeout_before"))
	if status, _ := s.Get("/bank/v1/payments?reference=att_before"); status != http.StatusNotFound {
		t.Errorf("timeout_before was processed: %d", status)
	}
	s.Abandoned("/bank/v1/payments", request("att_after", "SCENARIO timeout_after"))
	stands(t, s, object{"reference": "att_after"}, "awaiting_authorisation")
	started(t, s, "att_slow", "SCENARIO slow")
	if d := <-s.Held; d != 3*time.Second {
		t.Errorf("slow took %s", d)
	}
	if status, o := s.Post("/bank/v1/payments", request("att_x", "SCENARIO of_my_own")); status != http.StatusBadRequest || !strings.Contains(o.Text("message"), "description") {
		t.Errorf("a scenario that is none: %d %v", status, o)
	}
	if status, _ := s.Post("/control/bank/down", object{"seconds": 30}); status != http.StatusOK {
		t.Fatal(status)
	}
	if status, o := s.Post("/bank/v1/payments", request("att_down", "Order")); status != 503 || o.Text("error") != "not_accepted" {
		t.Errorf("down answers %d %v", status, o)
	}
	s.Clock.Advance(30 * time.Second)
	started(t, s, "att_down", "Order")
}

func TestARepeatIsAnsweredAsAtFirst(t *testing.T) {
	s := newSite(t)
	o := started(t, s, "att_1", "Order")
	press(t, s, o, "decline")
	status, again := s.Post("/bank/v1/payments", request("att_1", "Order"))
	if status != http.StatusCreated || !maps.EqualFunc(o, again, func(a, b any) bool { return a == b }) {
		t.Errorf("again: %d %v, at first %v", status, again, o)
	}
	other := request("att_1", "Order")
	other["amount"] = 1
	if status, said := s.Post("/bank/v1/payments", other); status != http.StatusConflict || said.Text("error") != "reference_reused" {
		t.Errorf("another request under it: %d %v", status, said)
	}
	s.Register("other")
	r := s.Request(t.Context(), http.MethodGet, "/bank/v1/payments/"+o.Text("id"), nil)
	r.Header.Set("Authorization", "Bearer other")
	if status, _ := s.Send(r); status != http.StatusNotFound {
		t.Errorf("another account sees it: %d", status)
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	s := newSite(t)
	for field, bad := range map[string]any{"amount": 0, "currency": "eur", "reference": "", "bank": "moon", "return_url": "javascript:alert(1)", "expires_at": "2020-01-01T00:00:00Z", "surprise": 1} {
		body := request("att_1", "Order")
		body[field] = bad
		if status, o := s.Post("/bank/v1/payments", body); status != http.StatusBadRequest || !strings.Contains(o.Text("message"), field) {
			t.Errorf("%s %v: %d %v", field, bad, status, o)
		}
	}
	for name, spoil := range map[string]func(*http.Request){
		"no key":            func(r *http.Request) { r.Header.Del("Authorization") },
		"another key":       func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") },
		"no signature":      func(r *http.Request) { r.Header.Del("Bank-Signature") },
		"a wrong signature": func(r *http.Request) { r.Header.Set("Bank-Signature", strings.Repeat("00", 32)) },
	} {
		r := s.Request(t.Context(), http.MethodPost, "/bank/v1/payments", request("att_1", "Order"))
		spoil(r)
		if status, o := s.Send(r); status != http.StatusUnauthorized || o.Text("error") != "unauthorized" {
			t.Errorf("%s: %d %v", name, status, o)
		}
	}
	if status, _ := s.Get("/bank/v1/moon"); status != http.StatusNotFound {
		t.Errorf("a path that is none: %d", status)
	}
	if status, _ := s.Page("/bank/pay/bank_consent_x"); status != http.StatusNotFound {
		t.Errorf("a page that is none: %d", status)
	}
	r := s.Request(t.Context(), http.MethodPost, "/control/bank/down", object{"seconds": 1})
	r.Header.Set("Origin", "https://evil.example")
	if status, _ := s.Send(r); status != http.StatusForbidden {
		t.Errorf("a page from elsewhere presses buttons: %d", status)
	}
}

func TestRefundsTakeTheirTimeAndMayComeBack(t *testing.T) {
	s := newSite(t)
	o := started(t, s, "att_1", "SCENARIO refund_fails")
	path := "/bank/v1/payments/" + o.Text("id") + "/refunds"
	ask := func(reference string, amount int64) (int, object) {
		return s.Post(path, object{"reference": reference, "amount": amount, "reason": "requested"})
	}
	if status, said := ask("ref_0", 1); status != http.StatusConflict || said.Text("error") != "state" {
		t.Errorf("before it is paid: %d %v", status, said)
	}
	press(t, s, o, "approve")
	s.Hook("payment.pending")
	press(t, s, o, "complete")
	s.Hook("payment.paid")
	status, first := ask("ref_1", 9000)
	if status != http.StatusCreated || first.Text("status") != "pending" {
		t.Fatalf("refund: %d %v", status, first)
	}
	if status, said := ask("ref_2", 233); status != http.StatusConflict {
		t.Errorf("more than is left: %d %v", status, said)
	}
	s.Advance(2 * time.Second)
	if h := s.Hook("refund.failed"); h.Data["reference"] != "ref_1" || h.Data["payment_reference"] != "att_1" {
		t.Errorf("failed: %v", h.Data)
	}
	if status, again := ask("ref_1", 9000); status != http.StatusCreated || again.Text("status") != "pending" || again.Text("id") != first.Text("id") {
		t.Errorf("again: %d %v", status, again)
	}
	if status, said := ask("ref_1", 1); status != http.StatusConflict || said.Text("error") != "reference_reused" {
		t.Errorf("another refund under it: %d %v", status, said)
	}
	status, found := s.Get("/bank/v1/refunds?reference=ref_1&payment_reference=att_1")
	if status != http.StatusOK || found.Text("status") != "failed" || found.Sub("failure").Text("code") != "account_closed" {
		t.Errorf("found %d %v", status, found)
	}
	if status, _ := s.Get("/bank/v1/refunds?reference=ref_9&payment_reference=att_1"); status != http.StatusNotFound {
		t.Errorf("a refund that is none: %d", status)
	}
	// What came back may be refunded again.
	ask("ref_3", 9232)
	press(t, s, o, "succeed_refund")
	if h := s.Hook("refund.succeeded"); h.Data["amount"] != 9232.0 {
		t.Errorf("succeeded: %v", h.Data)
	}
	if now := stands(t, s, o, "paid"); now.Num("amount_refunded") != 9232 {
		t.Errorf("refunded %v", now)
	}
	s.Advance(2 * time.Second) // the failure that was planned comes even now, as banks do
	s.Hook("refund.failed")
}

func TestAWebhookThatFailsIsSentAgain(t *testing.T) {
	s := newSite(t)
	o := started(t, s, "att_1", "Order")
	s.FailNext(500)
	press(t, s, o, "decline")
	first := s.Hook("payment.rejected")
	s.NoHook()
	s.Advance(time.Second)
	if again := s.Hook("payment.rejected"); again.ID != first.ID {
		t.Errorf("sent again as %s, at first %s", again.ID, first.ID)
	}
	press(t, s, o, "resend_webhook")
	if again := s.Hook("payment.rejected"); again.ID != first.ID {
		t.Errorf("resent as %s, at first %s", again.ID, first.ID)
	}
	s.NoHook()
	_, seen := s.Get("/control/bank/payments/" + o.Text("id"))
	hooks, _ := seen["webhooks"].([]any)
	if len(hooks) != 2 {
		t.Fatalf("webhooks %v", hooks)
	}
	if tried := object(hooks[0].(map[string]any)); tried.Num("attempts") != 2 || tried.Num("status") != 204 {
		t.Errorf("the first shows %v", tried)
	}
}
