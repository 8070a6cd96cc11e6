package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

func (s *site) event(id, event string, choice any) (int, object) {
	s.t.Helper()
	return s.post("/control/transactions/"+id+"/"+event, choice)
}

func TestEachEventIsToldAndKept(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		card, name string
		capture    bool
		events     []string // each with its webhook
		status     string
	}{
		{visa, "SCENARIO late_approval", false, []string{"authorize authorization.late_approved", "expire authorization.expired"}, "expired"},
		{visa, "SCENARIO late_approval", true, []string{"authorize authorization.late_approved", "settle settlement.paid"}, "captured"},
		{visa, "SCENARIO late_approval", true, []string{"decline authorization.declined"}, "declined"},
		{visa, "", false, []string{"void authorization.voided"}, "voided"},
		{visa, "", true, []string{"clear authorization.captured", "settle settlement.paid", "dispute dispute.opened", "win dispute.won"}, "captured"},
		{visa, "", true, []string{"dispute dispute.opened", "lose dispute.lost"}, "captured"},
	} {
		status := map[string]string{"false": "authorized", "true": "captured"}[map[bool]string{true: "true", false: "false"}[c.capture]]
		if c.name != "" {
			status = "pending"
		}
		reference := "att_" + c.status + strings.Join(c.events, "")
		o := s.authorized(reference, c.card, c.name, c.capture, status)
		if c.name == "" {
			s.hook()
		}
		for _, step := range c.events {
			name, hook, _ := strings.Cut(step, " ")
			if code, got := s.event(o.text("id"), name, nil); code != http.StatusOK {
				t.Fatalf("%s: %d %v", step, code, got)
			}
			if data := object(s.wantHook(hook)); data.text("authorization_reference") != reference {
				t.Errorf("%s: %v", step, data)
			}
			if name == "clear" || name == "resend_webhook" {
				continue
			}
			if code, got := s.event(o.text("id"), name, nil); code != http.StatusConflict || got.text("error") != "state" {
				t.Errorf("%s twice: %d %v", step, code, got)
			}
		}
		if _, now := s.get("/alpha/v1/authorizations/" + o.text("id")); now.text("status") != c.status {
			t.Errorf("%v: %v", c.events, now)
		}
	}
}

func TestRefundEvents(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", "4000000000005126", "", true, "captured")
	at := "/alpha/v1/authorizations/" + o.text("id")
	refunded := func(want int64) {
		t.Helper()
		if _, now := s.get(at); now.num("amount_refunded") != want {
			t.Fatalf("%v", now)
		}
	}
	s.post(at+"/refunds", object{"reference": "ref_1", "amount": 1000})
	s.event(o.text("id"), "succeed_refund", nil)
	refunded(1000)
	s.event(o.text("id"), "fail_refund", object{"operation": "ref_1"})
	refunded(0)
	if code, _ := s.event(o.text("id"), "fail_refund", nil); code != http.StatusConflict {
		t.Errorf("a refund failed twice: %d", code)
	}
	s.wantHooks("authorization.captured", "operation.succeeded", "operation.failed")
	s.advance(time.Hour) // the planned failure finds nothing left to fail
	s.noHook()
}

func TestWrongEvents(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", visa, "", true, "captured")
	for _, c := range []struct {
		id, event string
		choice    any
		code      int
	}{
		{"alpha_auth_none", "settle", nil, 404}, {o.text("id"), "explode", nil, 404}, {o.text("id"), "authorize", nil, 409},
		{o.text("id"), "settle", object{"amount": 9233}, 400}, {o.text("id"), "settle", object{"amount": -1}, 400},
		{o.text("id"), "settle", object{"amont": 1}, 400}, {o.text("id"), "clear", object{"amount": 1_000_000}, 400},
		{o.text("id"), "clear", object{"operation": "cap_none"}, 404},
	} {
		if code, got := s.event(c.id, c.event, c.choice); code != c.code {
			t.Errorf("%s %v: %d %v, want %d", c.event, c.choice, code, got, c.code)
		}
	}
	p := s.authorized("att_2", visa, "SCENARIO late_approval", true, "pending")
	if code, got := s.event(p.text("id"), "decline", object{"reason": "bad_mood"}); code != 400 {
		t.Errorf("%d %v", code, got)
	}
	if code, got := s.event(p.text("id"), "decline", object{"reason": "insufficient_funds"}); code != 200 || got.sub("decline").text("code") != "51" {
		t.Errorf("%d %v", code, got)
	}
}

func TestWebhookIsSentAgainUnderItsID(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", visa, "", true, "captured")
	first := s.hook()
	if code, got := s.event(o.text("id"), "resend_webhook", nil); code != http.StatusOK {
		t.Fatalf("%d %v", code, got)
	}
	if again := s.hook(); again.ID != first.ID || string(again.body) != string(first.body) {
		t.Errorf("%s", again.body)
	}
	silent := s.authorized("att_2", visa, "SCENARIO no_webhook", true, "captured")
	if code, _ := s.event(silent.text("id"), "resend_webhook", nil); code != http.StatusNotFound {
		t.Errorf("one that was never made: %d", code)
	}
}

func TestAcquirerGoesDown(t *testing.T) {
	s := newSite(t)
	body := charge("att_1", visa, "", true)
	down := func(choice object) {
		t.Helper()
		if code, o := s.post("/control/acquirers/alpha/down", choice); code != http.StatusOK || o.text("until") == "" {
			t.Fatalf("down %v: %d %v", choice, code, o)
		}
	}
	down(object{"seconds": 30})
	if code, o := s.post("/alpha/v1/authorizations", body); code != 503 || o.text("error") != "not_accepted" {
		t.Errorf("unavailable: %d %v", code, o)
	}
	if code, _ := s.get("/alpha/v1/authorizations?reference=att_1"); code != 503 {
		t.Errorf("unavailable, an inquiry: %d", code)
	}
	if code, _ := s.post("/beta/v1/authorizations", body); code != http.StatusCreated {
		t.Errorf("beta is up: %d", code)
	}
	down(object{"seconds": 30, "mode": "refuse"})
	resp, err := http.DefaultClient.Do(s.request(t.Context(), http.MethodPost, "/alpha/v1/authorizations", body))
	if err == nil {
		resp.Body.Close()
		t.Errorf("refuse: %s", resp.Status)
	}
	down(object{"seconds": 30, "mode": "hang"})
	s.abandoned("/alpha/v1/authorizations", body)
	s.clock.Advance(30 * time.Second)
	if code, _ := s.post("/alpha/v1/authorizations", body); code != http.StatusCreated {
		t.Errorf("up again, and nothing was processed: %d", code)
	}
	down(object{"seconds": 3600})
	if code, o := s.post("/control/acquirers/alpha/up", nil); code != http.StatusOK {
		t.Errorf("up: %d %v", code, o)
	}
	if code, o := s.get("/control/acquirers"); code != http.StatusOK || !strings.Contains(o.String(), `"up":true`) || strings.Contains(o.String(), "outage") {
		t.Errorf("%d %v", code, o)
	}
	for path, choice := range map[string]object{"alpha": {"seconds": 0}, "beta": {"seconds": 3601}, "alpha/": {}, "gamma": {"seconds": 1}} {
		if code, o := s.post("/control/acquirers/"+strings.TrimSuffix(path, "/")+"/down", choice); code != 400 && code != 404 {
			t.Errorf("%s %v: %d %v", path, choice, code, o)
		}
	}
	if _, err := s.world.Down("alpha", time.Second, "sulk"); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

func TestTransactionsAreFound(t *testing.T) {
	s := newSite(t)
	for _, r := range []string{"a", "b", "c"} {
		s.authorized("att_"+r, visa, "", true, "captured")
	}
	s.authorized("att_d", "4000000000000002", "", true, "declined")
	s.post("/beta/v1/authorizations", charge("att_a", visa, "", true))
	count := func(filter string) (n int, o object) {
		t.Helper()
		code, o := s.get("/control/transactions?" + filter)
		list, ok := o["data"].([]any)
		if code != http.StatusOK || !ok {
			t.Fatalf("%s: %d %v", filter, code, o)
		}
		return len(list), o
	}
	for filter, want := range map[string]struct {
		n       int
		charges int64
	}{"": {5, 4}, "acquirer=alpha": {4, 3}, "reference=att_a": {2, 2}, "reference=att_d": {1, 0}, "status=declined": {1, 0}, "q=do_not_honor": {1, 0}, "reference=none": {0, 0}} {
		if n, o := count(filter); n != want.n || o.num("charges") != want.charges {
			t.Errorf("%q: %d with %d charges, want %+v", filter, n, o.num("charges"), want)
		}
	}
	n, o := count("limit=2")
	last, _ := o["data"].([]any)[1].(map[string]any)
	if n != 2 || o["has_more"] != true || last["reference"] != "att_d" {
		t.Errorf("%v", o)
	}
	seq, err := json.Marshal(last["seq"])
	if err != nil {
		t.Fatal(err)
	}
	if n, o := count("limit=3&before=" + string(seq)); n != 3 || o["has_more"] != false {
		t.Errorf("%v", o)
	}
	for _, bad := range []string{"before=x", "limit=0", "limit=501"} {
		if code, _ := s.get("/control/transactions?" + bad); code != 400 {
			t.Errorf("%s: %d", bad, code)
		}
	}
	id, _ := last["id"].(string)
	if code, one := s.get("/control/transactions/" + id); code != 200 || one.text("reference") != "att_d" || !strings.Contains(one.String(), "resend_webhook") {
		t.Errorf("%d %v", code, one)
	}
}

func TestAccountIsRegisteredOverHTTP(t *testing.T) {
	s := newSite(t)
	code, o := s.post("/control/accounts", object{"acquirer": "alpha", "api_key": "key_alpha", "signing_key": "sign", "webhook_url": s.receiver(), "webhook_secret": "other"})
	if code != http.StatusOK || strings.Contains(o.String(), "other") {
		t.Fatalf("%d %v", code, o)
	}
	s.authorized("att_1", visa, "", true, "captured")
	h := s.hook()
	if want := stage.WebhookSignature(secret.New("other"), s.clock.Now(), string(h.body)); h.header.Get("Acquirer-Signature") != want {
		t.Error("the new secret does not sign")
	}
	if code, o := s.post("/control/accounts", object{"acquirer": "gamma"}); code != 400 || !strings.Contains(o.text("message"), "api_key") {
		t.Errorf("%d %v", code, o)
	}
}

func TestReleaseLetsHeldRequestsGo(t *testing.T) {
	s := newSite(t)
	result := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(s.request(context.Background(), "POST", "/alpha/v1/authorizations", charge("att_1", visa, "SCENARIO timeout_before", true)))
		if err == nil {
			resp.Body.Close()
		}
		result <- err
	}()
	<-s.held
	s.world.Release()
	if err := <-result; !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

// Whatever happens in whatever order, the amounts stay within each other and a final status stays.
func TestAmountsStayWithinEachOther(t *testing.T) {
	s := newSite(t)
	kinds := []Kind{Capture, Void, Refund}
	rapid.Check(t, func(t *rapid.T) {
		tr := &Transaction{Acquirer: "alpha", Capture: rapid.Bool().Draw(t, "capture")}
		tr.Reference, tr.Amount, tr.Currency = "att", rapid.Int64Range(1, 1000).Draw(t, "amount"), "EUR"
		tr.Trait = rapid.SampledFrom([]trait{"", captureFails, refundFails, isDisputed}).Draw(t, "trait")
		tr.Scenario = rapid.SampledFrom([]string{"", "late_approval"}).Draw(t, "scenario")
		s.world.turn(tr).open(nil)
		for step := range rapid.IntRange(1, 12).Draw(t, "steps") {
			before := tr.Status
			turn := s.world.turn(tr)
			if rapid.Bool().Draw(t, "event") {
				e := rapid.SampledFrom(events).Draw(t, "which")
				if e.name != "clear" { // it may clear more than was authorized: that is its point
					_ = turn.happen(e.name, Choice{}) // a refusal is as good
				}
			} else {
				o := order{kind: rapid.SampledFrom(kinds).Draw(t, "kind"), reference: string(rune('a' + step)), id: rapid.SampledFrom([]string{"", "x"}).Draw(t, "by id")}
				o.amount, o.final = rapid.Int64Range(1, 1000).Draw(t, "of"), rapid.Bool().Draw(t, "final")
				_, _ = turn.obey(o) // a refusal is as good
			}
			if tr.AmountCaptured > tr.Amount || tr.AmountRefunded > tr.AmountCaptured || tr.AmountRefunded < 0 || tr.reserved() > tr.AmountCaptured {
				t.Fatalf("%s: captured %d, refunded %d, reserved %d of %d", tr.Status, tr.AmountCaptured, tr.AmountRefunded, tr.reserved(), tr.Amount)
			}
			if ended := before == Declined || before == Voided || before == Expired; ended && tr.Status != before {
				t.Fatalf("%s became %s", before, tr.Status)
			}
		}
	})
}
