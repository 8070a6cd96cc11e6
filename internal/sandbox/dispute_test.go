package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// disputed is a captured transaction with a dispute, as its webhook tells it.
func (s *site) disputed(reference, name string, choice object) (transaction, dispute object) {
	s.t.Helper()
	o := s.authorized(reference, visa, name, true, "captured")
	s.hook()
	if code, got := s.event(o.text("id"), "dispute", choice); code != http.StatusOK {
		s.t.Fatalf("dispute: %d %v", code, got)
	}
	return o, object(s.wantHook("dispute.opened"))
}

func TestDisputesOfATransactionAddUpToWhatWasCaptured(t *testing.T) {
	s := newSite(t)
	o, first := s.disputed("att_1", "", object{"amount": 5000, "stage": "retrieval", "reason": "not_received"})
	if first.text("stage") != "retrieval" || first.num("fee") != 0 || first.num("amount") != 5000 || first.text("reason") != "not_received" || first.text("authorization_reference") != "att_1" {
		t.Errorf("the first: %v", first)
	}
	if code, got := s.event(o.text("id"), "dispute", object{"amount": 4233}); code != 400 {
		t.Errorf("more than is left: %d %v", code, got)
	}
	s.event(o.text("id"), "dispute", nil)
	if second := object(s.wantHook("dispute.opened")); second.num("amount") != 4232 || second.num("fee") != 1500 || second.text("stage") != "chargeback" {
		t.Errorf("the second: %v", second)
	}
	if code, _ := s.event(o.text("id"), "dispute", nil); code != http.StatusConflict {
		t.Errorf("a third: %d", code)
	}
	s.event(o.text("id"), "win", object{"dispute": first.text("id")})
	if won := object(s.wantHook("dispute.won")); won.text("id") != first.text("id") {
		t.Errorf("won: %v", won)
	}
	if code, _ := s.event(o.text("id"), "dispute", nil); code != http.StatusOK {
		t.Errorf("what was won cannot be disputed again: %d", code)
	}
	for _, wrong := range []object{{"stage": "supreme_court"}, {"seconds": -1}, {"amount": -1}} {
		p := s.authorized("att_"+wrong.String(), visa, "", true, "captured")
		if code, got := s.event(p.text("id"), "dispute", wrong); code != 400 {
			t.Errorf("%v: %d %v", wrong, code, got)
		}
	}
}

func TestTheDeskOpensADisputeByItsForm(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", visa, "", true, "captured")
	s.hook()
	if !strings.Contains(s.page("/transactions/"+o.text("id")), "Open a dispute") {
		t.Error("there is no form")
	}
	form := url.Values{"back": {"/"}, "amount": {"100"}, "stage": {"retrieval"}, "seconds": {""}}
	r, err := http.PostForm(s.url+"/control/transactions/"+o.text("id")+"/dispute", form)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", r, err)
	}
	r.Body.Close()
	if d := object(s.wantHook("dispute.opened")); d.num("amount") != 100 || d.text("stage") != "retrieval" {
		t.Errorf("opened %v", d)
	}
	declined := s.authorized("att_2", "4000000000000002", "", true, "declined")
	if strings.Contains(s.page("/transactions/"+declined.text("id")), "Dispute desk") {
		t.Error("what was declined can be disputed")
	}
}

func TestADisputeGoesThroughItsStages(t *testing.T) {
	s := newSite(t)
	o, d := s.disputed("att_1", "", object{"stage": "retrieval", "seconds": 60})
	for _, want := range []string{"chargeback", "pre_arbitration", "arbitration"} {
		s.event(o.text("id"), "escalate", object{"seconds": 120})
		got := object(s.wantHook("dispute.updated"))
		if got.text("stage") != want || got.text("status") != "open" || got.num("fee") != 1500 || got.text("id") != d.text("id") {
			t.Errorf("%s: %v", want, got)
		}
	}
	if code, _ := s.event(o.text("id"), "escalate", nil); code != http.StatusConflict {
		t.Errorf("beyond arbitration: %d", code)
	}
	s.advance(time.Minute) // the first deadline, which was put off
	s.noHook()
	s.advance(time.Minute)
	if got := object(s.wantHook("dispute.expired")); got.text("status") != "expired" {
		t.Errorf("expired: %v", got)
	}
	if code, _ := s.event(o.text("id"), "win", nil); code != http.StatusConflict {
		t.Errorf("won after its end: %d", code)
	}
}

// upload sends a file in the pieces between its bars, and is the file as evidence names it.
func (s *site) upload(dispute, reference string, body []byte) object {
	s.t.Helper()
	part := 0
	for piece := range bytes.SplitSeq(body, []byte("|")) {
		code, got := s.post("/alpha/v1/disputes/"+dispute+"/files", object{"reference": reference, "name": "a.txt", "part": part, "data": base64.StdEncoding.EncodeToString(piece)})
		if code != http.StatusOK {
			s.t.Fatalf("piece %d: %d %v", part, code, got)
		}
		part++
	}
	whole := bytes.ReplaceAll(body, []byte("|"), nil)
	sum := sha256.Sum256(whole)
	return object{"name": "a.txt", "type": "text/plain", "size": len(whole), "sha256": hex.EncodeToString(sum[:])}
}

func TestEvidenceIsTakenWholeAndOnce(t *testing.T) {
	s := newSite(t)
	o, d := s.disputed("att_1", "", nil)
	at := "/alpha/v1/disputes/" + d.text("id") + "/evidence"
	file := s.upload(d.text("id"), "da_1", []byte("first |second |third"))
	wrong := object{"name": "a.txt", "type": "text/plain", "size": 18, "sha256": strings.Repeat("0", 64)}
	for name, body := range map[string]object{
		"another digest":    {"reference": "da_1", "files": []object{wrong}},
		"another reference": {"reference": "da_2", "files": []object{file}},
		"no reference":      {"files": []object{file}},
		"unknown field":     {"reference": "da_1", "excuse": "x"},
	} {
		if code, got := s.post(at, body); code != 400 {
			t.Errorf("%s: %d %v", name, code, got)
		}
	}
	s.noHook()
	body := object{"reference": "da_1", "texts": object{"explanation": "it came"}, "files": []object{file}}
	for range 2 { // a repeat is no second answer
		if code, got := s.post(at, body); code != http.StatusOK || got.text("status") != "reviewing" || got.text("id") != d.text("id") {
			t.Fatalf("%d %v", code, got)
		}
	}
	if told := object(s.wantHook("dispute.updated")); told.text("status") != "reviewing" || told.sub("evidence").sub("texts").text("explanation") != "it came" {
		t.Errorf("told %v", told)
	}
	s.noHook()
	for reference, want := range map[string]string{"da_1": "reference_reused", "da_2": "state"} {
		if code, got := s.post(at, object{"reference": reference, "texts": object{"explanation": "or not"}}); code != 409 || got.text("error") != want {
			t.Errorf("%s: %d %v", reference, code, got)
		}
	}
	if code, got := s.post("/beta/v1/disputes/"+d.text("id")+"/acceptance", object{"reference": "da_3"}); code != 404 {
		t.Errorf("at another acquirer: %d %v", code, got)
	}
	if page := s.page("/transactions/" + o.text("id")); !strings.Contains(page, "Dispute desk") || !strings.Contains(page, "it came") || !strings.Contains(page, "a.txt") {
		t.Error("the desk does not show the evidence")
	}
}

func TestAnAcceptedOrLateAnswer(t *testing.T) {
	s := newSite(t)
	_, d := s.disputed("att_1", "", nil)
	if code, got := s.post("/alpha/v1/disputes/"+d.text("id")+"/acceptance", object{"reference": "da_1"}); code != 200 || got.text("status") != "accepted" {
		t.Errorf("accepted: %d %v", code, got)
	}
	s.wantHook("dispute.accepted")
	_, late := s.disputed("att_2", "", object{"seconds": 60})
	s.clock.Advance(time.Minute)
	if code, got := s.post("/alpha/v1/disputes/"+late.text("id")+"/evidence", object{"reference": "da_2"}); code != 409 {
		t.Errorf("too late: %d %v", code, got)
	}
}

func TestScenariosOfAnswersToDisputes(t *testing.T) {
	s := newSite(t)
	_, d := s.disputed("att_1", "SCENARIO timeout_after dispute", nil)
	at := "/alpha/v1/disputes/" + d.text("id") + "/acceptance"
	s.abandoned(at, object{"reference": "da_1"})
	s.wantHook("dispute.accepted") // it was processed
	if code, got := s.post(at, object{"reference": "da_1"}); code != 200 || got.text("status") != "accepted" {
		t.Errorf("again: %d %v", code, got)
	}
	_, d = s.disputed("att_2", "SCENARIO error_500 dispute", nil)
	if code, _ := s.post("/alpha/v1/disputes/"+d.text("id")+"/acceptance", object{"reference": "da_2"}); code != 500 {
		t.Errorf("broken before: %d", code)
	}
	o := s.authorized("att_3", visa, "SCENARIO out_of_order_webhooks dispute", true, "captured")
	s.wantHook("authorization.captured")
	s.event(o.text("id"), "dispute", nil)
	s.event(o.text("id"), "win", nil)
	s.wantHook("dispute.won")
	s.advance(2 * time.Second)
	if d := object(s.wantHook("dispute.opened")); d.text("status") != "open" {
		t.Errorf("the older one: %v", d)
	}
}
