package sandbox

import (
	"bytes"
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/secret"
)

const (
	challenged   = "4000002760003184"
	frictionless = "4000000000003055"
	notification = "http://127.0.0.1:8081/3ds/acct_1/pay_1/ticket/return"
)

// ask is the body of an authentication.
func ask(reference, number, name string) object {
	card := object{"number": number, "exp_month": "08", "exp_year": 2030}
	if name != "" {
		card["name"] = name
	}
	return object{"reference": reference, "amount": 9232, "currency": "EUR", "card": card, "challenge_indicator": "01", "exemption": "",
		"notification_url": notification, "browser": object{"accept_header": "text/html", "user_agent": "Mozilla/5.0", "language": "en-US", "ip": "203.0.113.7",
			"color_depth": 24, "screen_height": 1080, "screen_width": 1920, "time_zone": -60, "java_enabled": false, "javascript_enabled": true}}
}

// asked makes an authentication and expects its status.
func (s *site) asked(reference, number, status string) object {
	s.t.Helper()
	code, o := s.post("/alpha/v1/authentications", ask(reference, number, ""))
	if code != http.StatusCreated || o.text("status") != status {
		s.t.Fatalf("authenticate %s: %d %v, want %s", reference, code, o, status)
	}
	return o
}

// inquired is an authentication as the acquirer tells it now.
func (s *site) inquired(reference string) object {
	s.t.Helper()
	code, o := s.get("/alpha/v1/authentications?reference=" + reference)
	if code != http.StatusOK {
		s.t.Fatalf("inquiry about %s: %d %v", reference, code, o)
	}
	return o
}

// with is an authorization with the result of an authentication.
func with(charge object, authentication object) object {
	r, ares := authentication.sub("result"), authentication.sub("ares")
	c := maps.Clone(charge)
	c["three_ds"] = object{"version": "2.2.0", "eci": r.text("eci"), "cavv": r.text("authenticationValue"), "ds_trans_id": ares.text("dsTransID"),
		"trans_status": r.text("transStatus")}
	return c
}

// played makes a move of an open challenge through the panel.
func (s *site) played(id, move string) object {
	s.t.Helper()
	code, o := s.post("/control/authentications/"+id+"/"+move, nil)
	if code != http.StatusOK {
		s.t.Fatalf("%s %s: %d %v", move, id, code, o)
	}
	return o
}

func TestEveryCardIsAuthenticatedAsTheTableSays(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct{ number, status, trans, reason, eci string }{
		{challenged, "challenge", "C", "", ""},
		{"4000000000003220", "challenge", "C", "", ""},
		{"4000008400001629", "challenge", "C", "", ""},
		{"4000008260003178", "challenge", "C", "", ""},
		{frictionless, "frictionless", "Y", "", "05"},
		{"4000000000001018", "frictionless", "N", "01", "07"},
		{"4000000000001026", "frictionless", "A", "", "06"},
		{"4000000000001034", "frictionless", "U", "22", "07"},
		{"4000000000001042", "frictionless", "R", "11", "07"},
		{visa, "frictionless", "Y", "", "05"},
		{"5555555555554444", "frictionless", "Y", "", "02"},
		{"378282246310005", "frictionless", "Y", "", "05"},
		{"4000000000000002", "frictionless", "Y", "", "05"}, // the authorization is what is declined
		{"4242424242424241", "frictionless", "N", "06", "07"},
	} {
		for _, acq := range acquirers {
			code, o := s.post("/"+acq.name+"/v1/authentications", ask("att_"+c.number, c.number, ""))
			ares, result := o.sub("ares"), o.sub("result")
			if code != http.StatusCreated || o.text("status") != c.status || ares.text("transStatus") != c.trans || ares.text("transStatusReason") != c.reason || ares.text("eci") != c.eci {
				t.Errorf("%s at %s: %d %v", c.number, acq.name, code, o)
			}
			proof, err := base64.StdEncoding.DecodeString(ares.text("authenticationValue"))
			if proves := c.trans == "Y" || c.trans == "A"; err != nil || proves && len(proof) != 20 || !proves && len(proof) != 0 {
				t.Errorf("%s has the proof %q", c.number, ares.text("authenticationValue"))
			}
			if open := c.trans == "C"; open != (result == nil) || open != (o.text("creq") != "") || !open && result.text("transStatus") != c.trans {
				t.Errorf("%s: %v", c.number, o)
			}
		}
	}
	body := ask("att_old", visa, "")
	body["card"].(object)["exp_year"] = 2025
	if _, o := s.post("/alpha/v1/authentications", body); o.sub("result").text("transStatus") != "N" || o.sub("result").text("transStatusReason") != "05" {
		t.Errorf("an expired card: %v", o)
	}
}

func TestSameReferenceIsOneAuthentication(t *testing.T) {
	s := newSite(t)
	first := s.asked("att_1", challenged, "challenge")
	s.played(first.text("id"), "pass")
	code, again := s.post("/alpha/v1/authentications", ask("att_1", challenged, ""))
	if code != http.StatusOK || again.String() != first.String() {
		t.Errorf("a repeat is answered as the first time: %d\n%v\n%v", code, first, again)
	}
	for field, value := range map[string]any{"amount": 1, "currency": "USD", "challenge_indicator": "04", "exemption": "tra", "notification_url": notification + "x", "browser": object{"ip": "203.0.113.8"}} {
		other := ask("att_1", challenged, "")
		other[field] = value
		if code, o := s.post("/alpha/v1/authentications", other); code != http.StatusConflict || o.text("error") != "reference_reused" {
			t.Errorf("with another %s: %d %v", field, code, o)
		}
	}
	if code, _ := s.post("/alpha/v1/authentications", ask("att_1", visa, "")); code != http.StatusConflict {
		t.Errorf("with another card: %d", code)
	}
	s.register(Account{Acquirer: "alpha", APIKey: secret.New("other"), SigningKey: secret.New("sign")})
	r := s.request(t.Context(), http.MethodGet, "/alpha/v1/authentications?reference=att_1", nil)
	r.Header.Set("Authorization", "Bearer other")
	if code, _ := s.send(r); code != http.StatusNotFound {
		t.Errorf("another account sees it: %d", code)
	}
}

func TestFiftyAtOnceAreOneAuthentication(t *testing.T) {
	s := newSite(t)
	answers := make(chan string, 50)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			code, o := s.post("/alpha/v1/authentications", ask("att_1", challenged, ""))
			if code != http.StatusOK && code != http.StatusCreated {
				t.Errorf("%d %v", code, o)
			}
			answers <- o.text("creq")
		})
	}
	all.Wait()
	first := <-answers
	for range 49 {
		if other := <-answers; other != first {
			t.Fatal("two challenges were made")
		}
	}
}

func TestScenariosMeetAuthentications(t *testing.T) {
	s := newSite(t)
	made := func(reference string) bool {
		code, _ := s.get("/alpha/v1/authentications?reference=" + reference)
		return code == http.StatusOK
	}
	for name, want := range map[string]int{"error_500": 500, "down": 503, "error_500 authenticate": 500, "slow": 201, "slow authenticate": 201,
		"slow authorize": 201, "down authorize": 201, "error_500 capture": 201, "timeout_after": 201, "late_approval": 201, "no_webhook": 201} {
		code, o := s.post("/alpha/v1/authentications", ask(name, visa, "SCENARIO "+name))
		if code != want || made(strings.ReplaceAll(name, " ", "%20")) != (want == 201) {
			t.Errorf("%s: %d %v", name, code, o)
		}
	}
	for range 2 { // slow, slow authenticate
		if d := <-s.held; d != 3*time.Second {
			t.Errorf("held for %s", d)
		}
	}
	select {
	case d := <-s.held:
		t.Errorf("another was held for %s", d)
	default:
	}
	s.abandoned("/alpha/v1/authentications", ask("before", visa, "SCENARIO timeout_before"))
	s.abandoned("/alpha/v1/authentications", ask("after", visa, "SCENARIO timeout_after authenticate"))
	if made("before") || !made("after") {
		t.Error("timeout_before was processed, or timeout_after was not")
	}
	if code, _ := s.post("/beta/v1/authentications", ask("beta", visa, "SCENARIO down")); code != http.StatusCreated {
		t.Errorf("at beta: %d", code)
	}
	if _, err := s.world.Down("alpha", time.Minute, ""); err != nil {
		t.Fatal(err)
	}
	if code, o := s.post("/alpha/v1/authentications", ask("outage", visa, "")); code != 503 || o.text("error") != "not_accepted" {
		t.Errorf("an acquirer that is down: %d %v", code, o)
	}
}

func TestChallengeTimesOutByTheClock(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		reference string
		opened    bool
		cancel    string
	}{{"att_unseen", false, "05"}, {"att_seen", true, "04"}} {
		o := s.asked(c.reference, challenged, "challenge")
		if c.opened {
			s.browse(t).challenge(o.text("creq"))
		}
		s.clock.Advance(10*time.Minute - time.Microsecond)
		if now := s.inquired(c.reference); now.text("status") != "challenge" {
			t.Fatalf("before its time: %v", now)
		}
		s.clock.Advance(time.Microsecond)
		done := s.inquired(c.reference) // nobody swept: the inquiry itself looks at the clock
		if r := done.sub("result"); done.text("status") != "completed" || r.text("transStatus") != "N" || r.text("transStatusReason") != "14" ||
			r.text("challengeCancel") != c.cancel || r.text("authenticationValue") != "" {
			t.Errorf("%s: %v", c.reference, done)
		}
	}
	o := s.asked("att_swept", challenged, "challenge")
	s.advance(10 * time.Minute)
	rows, err := s.world.store.authentications(query{id: o.text("id"), limit: 1})
	if err != nil || len(rows) != 1 || rows[0].Status != ChallengeDone {
		t.Errorf("the sweep did not end it: %+v, %v", rows, err)
	}
	o = s.asked("att_late", challenged, "challenge")
	s.clock.Advance(10 * time.Minute)
	if code, got := s.post("/control/authentications/"+o.text("id")+"/pass", nil); code != http.StatusConflict {
		t.Errorf("passed when the time was over: %d %v", code, got)
	}
	if r := s.inquired("att_late").sub("result"); r.text("transStatus") != "N" {
		t.Errorf("%v", r)
	}
}

func TestSweepIsPlannedForTheEndOfAChallenge(t *testing.T) {
	s := newSite(t)
	s.asked("att_1", challenged, "challenge")
	s.clock.Advance(10*time.Minute - 20*time.Second)
	if next, err := s.world.sweep(); err != nil || next != 20*time.Second {
		t.Errorf("the next look is in %s, %v", next, err)
	}
}

// Whatever is done to a challenge in whatever order, it ends at most once, and its result then stays.
func TestResultOfAChallengeNeverChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		random := bytes.NewReader(rapid.SliceOfN(rapid.Byte(), 4096, 4096).Draw(t, "random"))
		a := &Authentication{Amount: 1, Currency: "EUR", Card: Card{Brand: "visa"}}
		if err := begin(a, ChallengeRequired, "", "http://127.0.0.1/acs/challenge", now, random); err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 240).Draw(t, "seconds")) * time.Second)
			before := a.Result
			move := rapid.SampledFrom([]string{moveCode, moveCode, moveCode, movePass, moveFail, moveCancel, moveTimeOut, "dance"}).Draw(t, "move")
			code := rapid.SampledFrom([]string{rightCode, "000000", "x"}).Draw(t, "code")
			err := a.play(move, code, now, random)
			if err == nil && move == moveCode && code != rightCode {
				wrong++
			}
			if before != nil && (err == nil || a.Result != before) {
				t.Fatalf("%s changed a result", move)
			}
			if (a.Result != nil) != (a.Status == ChallengeDone) || wrong > maxWrongCodes {
				t.Fatalf("%s after %d wrong codes: %+v", a.Status, wrong, a.Result)
			}
			if r := a.Result; r != nil && (r.TransStatus == Authenticated) != (r.AuthenticationValue != "") {
				t.Fatalf("%+v", r)
			}
		}
	})
}
