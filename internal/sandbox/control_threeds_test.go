package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestPanelPlaysChallenges(t *testing.T) {
	s := newSite(t)
	for move, want := range map[string][3]string{"pass": {"Y", "", ""}, "fail": {"N", "01", ""}, "cancel": {"N", "01", "01"}, "time_out": {"N", "14", "05"}} {
		o := s.asked("att_"+move, challenged, "challenge")
		if _, e := s.get("/control/authentications/" + o.text("id")); !strings.Contains(e.String(), `"events":["pass","fail","cancel","time_out"]`) {
			t.Errorf("%v", e)
		}
		r := s.played(o.text("id"), move).sub("result")
		if got := [3]string{r.text("transStatus"), r.text("transStatusReason"), r.text("challengeCancel")}; got != want {
			t.Errorf("%s: %v, want %v", move, got, want)
		}
		before := s.inquired("att_" + move)
		for _, other := range challengeEvents {
			if code, got := s.post("/control/authentications/"+o.text("id")+"/"+other.Event, nil); code != http.StatusConflict || got.text("error") != "state" {
				t.Errorf("%s after %s: %d %v", other.Event, move, code, got)
			}
		}
		if after := s.inquired("att_" + move); after.String() != before.String() {
			t.Errorf("a result changed: %v, %v", before, after)
		}
	}
	o := s.asked("att_x", challenged, "challenge")
	for path, want := range map[string]int{"/control/authentications/none/pass": 404, "/control/authentications/" + o.text("id") + "/code": 404} {
		if code, got := s.post(path, nil); code != want {
			t.Errorf("%s: %d %v", path, code, got)
		}
	}
	f := s.asked("att_f", frictionless, "frictionless")
	if code, _ := s.post("/control/authentications/"+f.text("id")+"/pass", nil); code != http.StatusConflict {
		t.Errorf("no challenge was open: %d", code)
	}
	for filter, want := range map[string]int{"": 6, "status=challenge": 1, "status=completed": 4, "reference=att_pass": 1, "q=3055": 1, "acquirer=beta": 0, "limit=2": 2} {
		_, list := s.get("/control/authentications?" + filter)
		if data, _ := list["data"].([]any); len(data) != want || list["has_more"] != (filter == "limit=2") {
			t.Errorf("%q: %d %v", filter, len(data), list["has_more"])
		}
	}
	if code, _ := s.get("/control/authentications?limit=x"); code != http.StatusBadRequest {
		t.Errorf("limit=x: %d", code)
	}
	if code, _ := s.get("/control/authentications/none"); code != http.StatusNotFound {
		t.Errorf("none: %d", code)
	}
}

func TestPanelShowsAuthentications(t *testing.T) {
	s := newSite(t)
	b := s.browse(t)
	visit := func(path string) {
		t.Helper()
		b.load(b.client.Get(s.url + path))
		if b.status != http.StatusOK || b.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d", path, b.status)
		}
	}
	visit("/authentications")
	b.shows("No authentications yet")
	o := s.asked("att_1", challenged, "challenge")
	visit("/authentications")
	b.shows(o.text("id"), "•••• 3184", "ends in 10 min", "/pass", "/time_out")
	visit("/authentications/" + o.text("id"))
	b.shows("AReq", "ARes", "CReq", "challengeWindowSize", "no transaction", `<button>Pass</button>`)
	if strings.Contains(b.page, "RReq") {
		t.Error("an RReq of an open challenge is shown")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/control/authentications/"+o.text("id")+"/pass",
		strings.NewReader(url.Values{"back": {"/authentications/" + o.text("id")}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {s.originOfForms()}, "Sec-Fetch-Site": {"same-origin"}}
	b.load(http.DefaultClient.Do(r))
	b.shows("RReq", "RRes", "CRes", "interactionCounter", "ECI <span class=\"id\">05</span>")
	_, txn := s.post("/alpha/v1/authorizations", with(charge("att_1", challenged, "", true), s.inquired("att_1")))
	visit("/transactions/" + txn.text("id"))
	b.shows("<h2>3-D Secure</h2>", `href="/authentications/`+o.text("id"), "with a proof")
	visit("/authentications/" + o.text("id"))
	b.shows(`href="/transactions/` + txn.text("id"))
	visit("/")
	b.shows(`3-D Secure <span class="id">Y</span>`)
	visit("/authentications?status=challenge")
	b.shows("Nothing fits")
	for _, path := range []string{"/authentications/none", "/authentications?limit=x"} {
		b.load(b.client.Get(s.url + path))
		if b.status != http.StatusNotFound && b.status != http.StatusBadRequest {
			t.Errorf("%s: %d", path, b.status)
		}
	}
	// A transaction with 3-D Secure data of somewhere else has no authentication to show.
	body := charge("att_2", visa, "", true)
	body["three_ds"] = object{"cavv": "x", "eci": "05", "ds_trans_id": "x", "trans_status": "Y"}
	_, foreign := s.post("/alpha/v1/authorizations", body)
	visit("/transactions/" + foreign.text("id"))
	b.shows("of no authentication that is known here", "authentication failed")
}
