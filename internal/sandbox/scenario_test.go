package sandbox

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestNamesThatAreNoScenario(t *testing.T) {
	for name, ok := range map[string]bool{
		"": true, "Ada Lovelace": true, "SCENARIO slow": true, "scenario Slow Capture": true, "SCENARIO down void": true,
		"SCENARIO fast": false, "SCENARIO slow swiftly": false, "SCENARIO slow capture now": false, "SCENARIO  ": true,
	} {
		if _, err := parseScenario(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	s := newSite(t)
	code, o := s.post("/alpha/v1/authorizations", charge("att_1", visa, "SCENARIO fast", true))
	if code != http.StatusBadRequest || !strings.Contains(o.text("message"), "fast") {
		t.Errorf("a scenario that does not exist: %d %v", code, o)
	}
}

func TestScenariosApplyAtAlphaOnly(t *testing.T) {
	s := newSite(t)
	for _, sc := range scenarios {
		code, o := s.post("/beta/v1/authorizations", charge("att_"+sc.name, visa, "SCENARIO "+sc.name, true))
		if code != http.StatusCreated || o.text("status") != "captured" {
			t.Errorf("%s at beta: %d %v", sc.name, code, o)
		}
	}
}

func TestTimeoutBeforeIsNeverProcessed(t *testing.T) {
	s := newSite(t)
	s.abandoned("/alpha/v1/authorizations", charge("att_1", visa, "SCENARIO timeout_before", true))
	if code, o := s.get("/alpha/v1/authorizations?reference=att_1"); code != http.StatusNotFound || o.text("error") != "not_found" {
		t.Fatalf("inquiry: %d %v", code, o)
	}
	s.noHook()
}

func TestHeldRequestIsDroppedInTheEnd(t *testing.T) {
	s := newSite(t, func(o *Options) {
		o.Wait = nil
		o.Delays.Hold = time.Millisecond
	})
	resp, err := http.DefaultClient.Do(s.request(t.Context(), "POST", "/alpha/v1/authorizations", charge("att_1", visa, "SCENARIO timeout_before", true)))
	if err == nil {
		resp.Body.Close()
		t.Fatalf("it was answered: %s", resp.Status)
	}
}

func TestTimeoutAfterIsProcessedOnce(t *testing.T) {
	s := newSite(t)
	body := charge("att_1", visa, "SCENARIO timeout_after", true)
	s.abandoned("/alpha/v1/authorizations", body)
	if _, o := s.get("/alpha/v1/authorizations?reference=att_1"); o.text("status") != "captured" {
		t.Fatalf("inquiry: %v", o)
	}
	if code, o := s.post("/alpha/v1/authorizations", body); code != http.StatusOK || o.text("status") != "captured" {
		t.Fatalf("a repeat is answered: %d %v", code, o)
	}
	s.wantHook("authorization.captured")
	s.noHook()
	if n, err := s.world.Charges("att_1"); n != 1 || err != nil {
		t.Fatalf("%d charges, %v", n, err)
	}
}

func TestFaultsThatKeepACallFromBeingProcessed(t *testing.T) {
	s := newSite(t)
	for name, want := range map[string]struct {
		code int
		word string
	}{"error_500": {500, "internal"}, "down": {503, "not_accepted"}} {
		code, o := s.post("/alpha/v1/authorizations", charge("att_"+name, visa, "SCENARIO "+name, true))
		if code != want.code || o.text("error") != want.word {
			t.Errorf("%s: %d %v", name, code, o)
		}
		if code, _ := s.get("/alpha/v1/authorizations?reference=att_" + name); code != http.StatusNotFound {
			t.Errorf("%s was processed", name)
		}
	}
}

func TestSlowIsAnsweredLate(t *testing.T) {
	s := newSite(t)
	s.authorized("att_1", visa, "SCENARIO slow", true, "captured")
	if d := <-s.held; d != 3*time.Second {
		t.Errorf("answered after %s", d)
	}
}

func TestScenarioOfALaterOperation(t *testing.T) {
	s := newSite(t)
	paths := map[string]string{"capture": "captures", "void": "voids", "refund": "refunds"}
	for op, path := range paths {
		for name, processed := range map[string]bool{"timeout_before": false, "timeout_after": true, "error_500": false, "down": false} {
			reference := name + "_" + op
			o := s.authorized("att_"+reference, visa, "SCENARIO "+name+" "+op, op == "refund", map[bool]string{true: "captured", false: "authorized"}[op == "refund"])
			at, body := "/alpha/v1/authorizations/"+o.text("id")+"/"+path, object{"reference": reference}
			if op != "void" {
				body["amount"] = 100
			}
			switch name {
			case "error_500", "down":
				if code, _ := s.post(at, body); code != map[string]int{"error_500": 500, "down": 503}[name] {
					t.Errorf("%s: %d", reference, code)
				}
			default:
				s.abandoned(at, body)
			}
			code, found := s.get("/alpha/v1/operations?reference=" + reference)
			if (code == http.StatusOK) != processed {
				t.Errorf("%s: inquiry %d %v", reference, code, found)
			}
			if processed {
				if code, again := s.post(at, body); code != http.StatusOK || again.text("id") != found.text("id") {
					t.Errorf("%s again: %d %v", reference, code, again)
				}
			}
		}
	}
}

func TestDuplicateWebhook(t *testing.T) {
	s := newSite(t)
	s.authorized("att_1", visa, "SCENARIO duplicate_webhook", true, "captured")
	a, b := s.hook(), s.hook()
	if a.ID != b.ID || a.ID == "" || string(a.body) != string(b.body) {
		t.Errorf("%s and %s", a.body, b.body)
	}
	s.noHook()
}

func TestLateWebhook(t *testing.T) {
	s := newSite(t)
	s.authorized("att_1", visa, "SCENARIO late_webhook", true, "captured")
	s.advance(9 * time.Second)
	s.noHook()
	s.advance(time.Second)
	s.wantHook("authorization.captured")
}

func TestOutOfOrderWebhooks(t *testing.T) {
	s := newSite(t)
	s.authorized("att_1", visa, "SCENARIO out_of_order_webhooks", true, "captured")
	captured := s.hook()
	if captured.Type != "authorization.captured" {
		t.Fatalf("first came %s", captured.Type)
	}
	s.noHook()
	s.advance(2 * time.Second)
	authorized := s.hook()
	if data := authorized.Data.(map[string]any); authorized.Type != "authorization.authorized" || data["status"] != "authorized" || data["amount_captured"] != 0.0 {
		t.Fatalf("then came %s", authorized.body)
	}
	if !authorized.CreatedAt.Before(captured.CreatedAt) {
		t.Error("the older message is not older")
	}
	o := s.authorized("att_2", visa, "SCENARIO out_of_order_webhooks", false, "authorized")
	s.post("/alpha/v1/authorizations/"+o.text("id")+"/captures", object{"reference": "cap_2", "amount": 9232, "final": true})
	s.wantHook("operation.succeeded")
	s.noHook()
	s.advance(2 * time.Second)
	s.wantHook("authorization.authorized")
}

func TestNoWebhook(t *testing.T) {
	s := newSite(t)
	s.authorized("att_1", visa, "SCENARIO no_webhook", true, "captured")
	s.advance(time.Hour)
	s.noHook()
}

func TestAmountShift(t *testing.T) {
	s := newSite(t)
	body := charge("att_1", visa, "SCENARIO amount_shift", true)
	_, first := s.post("/alpha/v1/authorizations", body)
	if first.num("amount_captured") != 9232 {
		t.Fatalf("answer: %v", first)
	}
	s.noHook()
	s.advance(3 * time.Second)
	if data := s.wantHook("authorization.captured"); data["amount_captured"] != 8309.0 {
		t.Fatalf("webhook: %v", data)
	}
	if _, o := s.get("/alpha/v1/authorizations?reference=att_1"); o.num("amount_captured") != 8309 || o.operation(0).num("amount") != 8309 {
		t.Fatalf("inquiry: %v", o)
	}
	if _, o := s.post("/alpha/v1/authorizations", body); o.String() != first.String() {
		t.Fatalf("a repeat is answered as the first time: %v", o)
	}
	o := s.authorized("att_2", visa, "SCENARIO amount_shift", false, "authorized")
	s.wantHook("authorization.authorized")
	for _, reference := range []string{"cap_1", "cap_2"} {
		s.post("/alpha/v1/authorizations/"+o.text("id")+"/captures", object{"reference": reference, "amount": 1000, "final": false})
	}
	s.advance(3 * time.Second)
	for range 2 {
		if data := s.wantHook("operation.succeeded"); data["amount"] != 900.0 {
			t.Fatalf("webhook: %v", data)
		}
	}
}

func TestLateApproval(t *testing.T) {
	s := newSite(t)
	body := charge("att_1", visa, "SCENARIO late_approval", true)
	first := s.authorized("att_1", visa, "SCENARIO late_approval", true, "pending")
	s.advance(4 * time.Second)
	s.noHook()
	s.advance(time.Second)
	if data := s.wantHook("authorization.late_approved"); data["status"] != "captured" || data["amount_captured"] != 9232.0 {
		t.Fatalf("webhook: %v", data)
	}
	if _, o := s.post("/alpha/v1/authorizations", body); o.String() != first.String() {
		t.Fatalf("a repeat is answered as the first time: %v", o)
	}
	// One that is reversed before it is approved stays reversed.
	s.authorized("att_2", visa, "SCENARIO late_approval", true, "pending")
	if code, o := s.post("/alpha/v1/reversals", object{"reference": "voi_2", "original_reference": "att_2"}); code != http.StatusCreated || o.text("status") != "succeeded" {
		t.Fatalf("reversal: %d %v", code, o)
	}
	s.wantHook("operation.succeeded")
	s.advance(time.Hour)
	s.noHook()
	if _, o := s.get("/alpha/v1/authorizations?reference=att_2"); o.text("status") != "voided" {
		t.Fatalf("after the reversal: %v", o)
	}
}
