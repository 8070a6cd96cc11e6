package sandbox

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

func TestEveryCardDoesWhatTheTableSays(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct{ number, alpha, beta, network, advice string }{
		{"4242424242424242", "captured", "captured", "", ""},
		{"5555555555554444", "captured", "captured", "", ""},
		{"378282246310005", "captured", "captured", "", ""},
		{"4000000000000002", "do_not_honor", "do_not_honor", "05", ""},
		{"4000000000009995", "insufficient_funds", "insufficient_funds", "51", "02"},
		{"4000000000009979", "stolen_card", "stolen_card", "43", "03"},
		{"4000000000000069", "expired_card", "expired_card", "54", "01"},
		{"4000000000000127", "incorrect_cvc", "incorrect_cvc", "N7", "01"},
		{"4000000000000119", "processing_error", "processing_error", "96", "24"},
		{"4100000000000019", "risk_decline", "risk_decline", "59", "03"},
		{"4000002760003184", "authentication_required", "authentication_required", "1A", "01"},
		{"4000000000003220", "authentication_required", "authentication_required", "1A", "01"},
		{"4000000000003055", "authentication_required", "authentication_required", "1A", "01"},
		{"4000008400001629", "authentication_required", "authentication_required", "1A", "01"},
		{"4000008260003178", "authentication_required", "authentication_required", "1A", "01"},
		{"4000000000001018", "authentication_required", "authentication_required", "1A", "01"},
		{"4000000000001026", "authentication_required", "authentication_required", "1A", "01"},
		{"4000000000001034", "authentication_required", "authentication_required", "1A", "01"},
		{"4000000000001042", "authentication_required", "authentication_required", "1A", "01"},
		{"4000000000000259", "captured", "captured", "", ""},
		{"4000000000005126", "captured", "captured", "", ""},
		{"4000000000000341", "authorized", "authorized", "", ""},
		{"4000000000000077", "bank_unavailable", "captured", "91", "24"},
		{"4111111111111111", "captured", "captured", "", ""},                     // not in the table
		{"4242424242424241", "incorrect_number", "incorrect_number", "14", "01"}, // wrong check digit
	} {
		for acq, want := range map[string]string{"alpha": c.alpha, "beta": c.beta} {
			code, o := s.post("/"+acq+"/v1/authorizations", charge("att_"+c.number, c.number, "", true))
			got := o.text("status")
			if d := o.sub("decline"); d != nil {
				got = d.text("reason")
				if o.text("status") != "declined" || d.text("network_code") != c.network || d.text("code") != c.network || d.text("advice") != c.advice {
					t.Errorf("%s at %s declines as %v", c.number, acq, o)
				}
			}
			if code != http.StatusCreated || got != want {
				t.Errorf("%s at %s: %d %s, want %s", c.number, acq, code, got, want)
			}
		}
	}
	for _, c := range cards {
		if !id.Luhn(c.number) {
			t.Errorf("%s has a wrong check digit", c.number)
		}
	}
}

func TestCardIsGoodThroughTheEndOfItsMonth(t *testing.T) {
	for _, c := range []struct {
		now  string
		want string
	}{{"2026-11-30T23:59:59Z", ""}, {"2026-12-01T00:00:00Z", "expired_card"}} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if d, _ := issuer(visa, 11, 2026, "alpha", now, noProof); d != nil {
			got = d.Reason
		}
		if got != c.want {
			t.Errorf("11/2026 at %s: %q, want %q", c.now, got, c.want)
		}
	}
}

func TestMastercardsCallAWrongCVCEightyTwo(t *testing.T) {
	if d := declined("incorrect_cvc", "mastercard"); d.NetworkCode != "82" {
		t.Errorf("%+v", d)
	}
	if d := declined("incorrect_cvc", "visa"); d.NetworkCode != "N7" {
		t.Errorf("%+v", d)
	}
}

func TestNumbersPrintMasked(t *testing.T) {
	for _, verb := range []string{"%s", "%v", "%+v", "%#v"} {
		if got := fmt.Sprintf(verb, pan(visa)); got != "424242******4242" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func TestCaptureFailsOnItsCard(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", "4000000000000341", "", true, "authorized")
	if op := o.operation(0); op.text("kind") != "capture" || op.text("status") != "failed" || o.num("amount_captured") != 0 {
		t.Fatalf("direct capture: %v", o)
	}
	s.wantHooks("authorization.authorized", "operation.failed")
	o = s.authorized("att_2", "4000000000000341", "", false, "authorized")
	s.wantHook("authorization.authorized")
	code, op := s.post("/alpha/v1/authorizations/"+o.text("id")+"/captures", object{"reference": "cap_1", "amount": 100, "final": true})
	if code != http.StatusCreated || op.text("status") != "failed" || op.sub("decline").text("reason") == "" {
		t.Fatalf("capture: %d %v", code, op)
	}
	if data := s.wantHook("operation.failed"); data["authorization_reference"] != "att_2" || data["reference"] != "cap_1" {
		t.Fatalf("webhook: %v", data)
	}
	if code, again := s.post("/alpha/v1/authorizations/"+o.text("id")+"/captures", object{"reference": "cap_1", "amount": 100, "final": true}); code != 200 || again.String() != op.String() {
		t.Fatalf("again: %d %v", code, again)
	}
}

func TestDisputedCardIsDisputedAfterItsCapture(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", "4000000000000259", "", true, "captured")
	s.wantHook("authorization.captured")
	s.noHook()
	s.advance(3 * time.Second)
	data := s.wantHook("dispute.opened")
	if data["authorization_reference"] != "att_1" || data["authorization"] != o.text("id") || data["status"] != "open" || data["amount"] != 9232.0 {
		t.Fatalf("dispute: %v", data)
	}
}

func TestRefundFailsLaterOnItsCard(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", "4000000000005126", "", true, "captured")
	s.wantHook("authorization.captured")
	order := object{"reference": "ref_1", "amount": 232, "reason": "goods_returned"}
	_, op := s.post("/alpha/v1/authorizations/"+o.text("id")+"/refunds", order)
	if op.text("status") != "pending" {
		t.Fatalf("refund: %v", op)
	}
	s.noHook()
	if code, _ := s.post("/alpha/v1/authorizations/"+o.text("id")+"/refunds", object{"reference": "ref_2", "amount": 9001, "reason": ""}); code != http.StatusConflict {
		t.Fatalf("a refund over what a pending one left: %d", code)
	}
	s.advance(3 * time.Second)
	if data := s.wantHook("operation.failed"); data["reference"] != "ref_1" || data["kind"] != "refund" {
		t.Fatalf("webhook: %v", data)
	}
	if _, now := s.get("/alpha/v1/operations?reference=ref_1"); now.text("status") != "failed" || now.sub("decline") == nil {
		t.Fatalf("inquiry: %v", now)
	}
	if _, now := s.get("/alpha/v1/authorizations?reference=att_1"); now.num("amount_refunded") != 0 {
		t.Fatalf("authorization: %v", now)
	}
	if code, again := s.post("/alpha/v1/authorizations/"+o.text("id")+"/refunds", order); code != 200 || again.String() != op.String() {
		t.Fatalf("a repeat is answered as the first time: %d %v", code, again)
	}
}

// The document is what testers read: a card, a scenario or an event that it does not name does not exist for them.
func TestTheDocumentNamesEveryCardScenarioAndEvent(t *testing.T) {
	text, err := os.ReadFile("../../docs/sandbox.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range cards {
		names = append(names, c.number)
		if c.decline != "" {
			names = append(names, "`"+c.decline+"`")
		}
	}
	for _, s := range scenarios {
		names = append(names, "`"+scenarioPrefix+s.name+"`")
	}
	for _, e := range events {
		names = append(names, "`"+e.name+"`")
	}
	for _, e := range challengeEvents {
		names = append(names, "`"+e.Event+"`")
	}
	for _, m := range stage.OutageModes {
		names = append(names, "`"+m+"`")
	}
	for _, name := range names {
		if !strings.Contains(string(text), name) {
			t.Errorf("docs/sandbox.md does not name %s", name)
		}
	}
}
