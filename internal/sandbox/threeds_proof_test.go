package sandbox

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"
)

func TestProofIsGoodForItsCardAmountAndCurrencyOnce(t *testing.T) {
	s := newSite(t)
	n := 0
	for name, c := range map[string]struct {
		spoil func(charge, proof object)
		want  string
	}{
		"as issued":         {func(_, _ object) {}, "captured"},
		"no status, no ECI": {func(_, p object) { delete(p, "trans_status"); delete(p, "eci") }, "captured"},
		"another CAVV": {func(_, p object) { p["cavv"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 20)) },
			"authentication_failed"},
		"no CAVV":            {func(_, p object) { p["cavv"] = "" }, "authentication_failed"},
		"a better ECI":       {func(_, p object) { p["eci"] = "02" }, "authentication_failed"},
		"another status":     {func(_, p object) { p["trans_status"] = "A" }, "authentication_failed"},
		"an unknown dsTrans": {func(_, p object) { p["ds_trans_id"] = "00000000-0000-4000-8000-000000000000" }, "authentication_failed"},
		"no dsTransID":       {func(_, p object) { p["ds_trans_id"] = "" }, "authentication_failed"},
		"another amount":     {func(c, _ object) { c["amount"] = 9233 }, "authentication_failed"},
		"another currency":   {func(c, _ object) { c["currency"] = "USD" }, "authentication_failed"},
		"another card":       {func(c, _ object) { c["card"].(object)["number"] = challenged }, "authentication_failed"},
		"another that needs no proof": {func(c, _ object) { c["card"].(object)["number"] = visa },
			"authentication_failed"},
		"nothing at all": {func(c, _ object) { delete(c, "three_ds") }, "authentication_required"},
		"an empty one":   {func(c, _ object) { c["three_ds"] = object{} }, "authentication_required"},
	} {
		n++
		reference := fmt.Sprint("att_", n)
		body := with(charge(reference, frictionless, "", true), s.asked(reference, frictionless, "frictionless"))
		c.spoil(body, body["three_ds"].(object))
		if got := s.outcome("alpha", body); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// outcome charges and tells the status, or the reason of a decline.
func (s *site) outcome(acq string, body object) string {
	s.t.Helper()
	code, o := s.post("/"+acq+"/v1/authorizations", body)
	if code != http.StatusCreated {
		s.t.Fatalf("authorize %v: %d %v", body, code, o)
	}
	if d := o.sub("decline"); d != nil {
		return d.text("reason")
	}
	return o.text("status")
}

func TestEveryResultMeetsItsAuthorization(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct{ number, move, want string }{
		{frictionless, "", "captured"},
		{"4000000000001026", "", "captured"}, // A: attempted
		{"4000000000001034", "", "captured"}, // U: this issuer cannot, so it takes the risk
		{"4000000000001018", "", "authentication_failed"},
		{"4000000000001042", "", "authentication_failed"},
		{challenged, "pass", "captured"},
		{"4000000000003220", "pass", "captured"},
		{challenged, "fail", "authentication_failed"},
		{challenged, "cancel", "authentication_failed"},
		{challenged, "time_out", "authentication_failed"},
		{challenged, "", "authentication_failed"}, // not finished
		{"4000008400001629", "pass", "do_not_honor"},
		{"4000008260003178", "pass", "insufficient_funds"},
	} {
		reference := "att_" + c.number + c.move
		_, o := s.post("/alpha/v1/authentications", ask(reference, c.number, ""))
		if c.move != "" {
			s.played(o.text("id"), c.move)
		}
		if got := s.outcome("alpha", with(charge(reference, c.number, "", true), s.inquired(reference))); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.number, c.move, got, c.want)
		}
	}
}

func TestUsedProofIsWorthNothing(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", frictionless, "frictionless")
	body := with(charge("att_1", frictionless, "", true), o)
	_, first := s.post("/alpha/v1/authorizations", body)
	if first.text("status") != "captured" {
		t.Fatalf("%v", first)
	}
	if code, again := s.post("/alpha/v1/authorizations", body); code != http.StatusOK || again.String() != first.String() {
		t.Errorf("a repeat is no second use: %d %v", code, again)
	}
	other := maps.Clone(body)
	other["three_ds"] = object{"cavv": "x"}
	if code, o := s.post("/alpha/v1/authorizations", other); code != http.StatusConflict || o.text("error") != "reference_reused" {
		t.Errorf("a repeat with another proof: %d %v", code, o)
	}
	for _, acq := range []string{"alpha", "beta"} {
		second := maps.Clone(body)
		second["reference"] = "att_2"
		if got := s.outcome(acq, second); got != "authentication_failed" {
			t.Errorf("a second use at %s: %s", acq, got)
		}
	}
	if _, e := s.get("/control/authentications/" + o.text("id")); e.text("used_by") != first.text("id") {
		t.Errorf("%v", e)
	}
	// A declined authorization did not take the money: the proof serves a try at another acquirer.
	o = s.asked("att_3", "4000000000000077", "frictionless")
	body = with(charge("att_3", "4000000000000077", "", true), o)
	if got := s.outcome("alpha", body); got != "bank_unavailable" {
		t.Errorf("at alpha: %s", got)
	}
	if got := s.outcome("beta", body); got != "captured" {
		t.Errorf("at beta: %s", got)
	}
}

func TestProofUsedByManyAtOnceServesOne(t *testing.T) {
	s := newSite(t)
	proof := s.asked("att_0", frictionless, "frictionless")
	var all sync.WaitGroup
	outcomes := make(chan string, 20)
	for i := range 20 {
		all.Go(func() {
			outcomes <- s.outcome("alpha", with(charge(fmt.Sprint("att_", i), frictionless, "", true), proof))
		})
	}
	all.Wait()
	won := 0
	for range 20 {
		switch got := <-outcomes; got {
		case "captured":
			won++
		case "authentication_failed":
		default:
			t.Error(got)
		}
	}
	if won != 1 {
		t.Errorf("%d authorizations used one proof", won)
	}
}
