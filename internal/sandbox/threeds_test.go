package sandbox

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
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

// Mastercard counts its ECI the other way round.
func TestMastercardsHaveIndicatorsOfTheirOwn(t *testing.T) {
	for s, want := range map[TransStatus][2]string{Authenticated: {"05", "02"}, Attempted: {"06", "01"}, Unavailable: {"07", "00"},
		NotAuthenticated: {"07", "00"}, Rejected: {"07", "00"}, ChallengeRequired: {"", ""}} {
		if got := [2]string{eci(s, "visa"), eci(s, "mastercard")}; got != want {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
}

var uuidShape = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestMessagesHaveTheSpecificationsShape(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", challenged, "challenge")
	ares := o.sub("ares")
	want := map[string]string{"messageType": "ARes", "messageVersion": "2.2.0", "transStatus": "C", "authenticationType": "02", "acsChallengeMandated": "Y",
		"acsURL": s.url + "/acs/challenge", "acsReferenceNumber": "florin-sandbox-acs", "acsOperatorID": "florin-sandbox-acs", "dsReferenceNumber": "florin-sandbox-ds"}
	for field, value := range want {
		if ares.text(field) != value {
			t.Errorf("ARes %s is %q, want %q", field, ares.text(field), value)
		}
	}
	ids := []string{"threeDSServerTransID", "dsTransID", "acsTransID"}
	for _, field := range ids {
		if !uuidShape.MatchString(ares.text(field)) {
			t.Errorf("ARes %s is %q", field, ares.text(field))
		}
	}
	if len(ares) != len(want)+len(ids) {
		t.Errorf("ARes has other fields: %v", ares)
	}
	creq := unpacked(t, o.text("creq"))
	if wantC := (object{"messageType": "CReq", "messageVersion": "2.2.0", "threeDSServerTransID": ares.text("threeDSServerTransID"),
		"acsTransID": ares.text("acsTransID"), "challengeWindowSize": "05"}); creq.String() != wantC.String() {
		t.Errorf("CReq %v", creq)
	}
	if ends := s.clock.Now().Add(10 * time.Minute).Format(time.RFC3339); o.text("challenge_expires_at") != ends {
		t.Errorf("it ends %s, want %s", o.text("challenge_expires_at"), ends)
	}
	s.played(o.text("id"), "pass")
	done := s.inquired("att_1")
	rreq, rres, result := done.sub("rreq"), done.sub("rres"), done.sub("result")
	for _, m := range []object{rreq, rres} {
		for _, field := range ids {
			if m.text(field) != ares.text(field) {
				t.Errorf("%s of %v", field, m)
			}
		}
	}
	if rreq.text("messageType") != "RReq" || rreq.text("messageCategory") != "01" || rreq.text("transStatus") != "Y" || rreq.text("eci") != "05" ||
		rreq.text("interactionCounter") != "00" || rreq.text("authenticationValue") != result.text("authenticationValue") || len(result.text("authenticationValue")) != 28 {
		t.Errorf("RReq %v, result %v", rreq, result)
	}
	if rres.text("messageType") != "RRes" || rres.text("resultsStatus") != "01" {
		t.Errorf("RRes %v", rres)
	}
	if done.text("status") != "completed" || done.text("creq") != "" || done.text("challenge_expires_at") != "" {
		t.Errorf("a challenge that is over: %v", done)
	}
	_, entry := s.get("/control/authentications/" + o.text("id"))
	areq := entry.sub("areq")
	for field, value := range map[string]string{"messageType": "AReq", "messageVersion": "2.2.0", "deviceChannel": "02", "messageCategory": "01", "acctNumber": "400000******3184",
		"cardExpiryDate": "3008", "purchaseAmount": "9232", "purchaseCurrency": "978", "purchaseExponent": "2", "purchaseDate": "20261122120000", "merchantName": "Test merchant",
		"notificationURL": notification, "browserTZ": "-60", "browserColorDepth": "24", "threeDSRequestorChallengeInd": "01", "threeDSServerTransID": ares.text("threeDSServerTransID")} {
		if areq.text(field) != value {
			t.Errorf("AReq %s is %q, want %q", field, areq.text(field), value)
		}
	}
}

// unpacked reads a message in base64url.
func unpacked(t testing.TB, encoded string) object {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatalf("%q: %v", encoded, err)
	}
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

func TestBadAuthenticationsNameTheField(t *testing.T) {
	s := newSite(t)
	for field, bad := range map[string][]any{
		"amount": {0, -1}, "currency": {"eur"}, "reference": {""}, "challenge_indicator": {"00", "11", "x"}, "exemption": {strings.Repeat("x", 33)},
		"notification_url": {"", "/relative", "javascript:alert(1)", "ftp://h/", "https://u:p@h/", "https://", "https://h/" + strings.Repeat("x", 2048)},
	} {
		for _, value := range bad {
			body := ask("att_1", visa, "")
			body[field] = value
			if code, o := s.post("/alpha/v1/authentications", body); code != http.StatusBadRequest || !strings.Contains(o.text("message"), field) {
				t.Errorf("%s %v: %d %v", field, value, code, o)
			}
		}
	}
	for _, spoil := range []func(object){
		func(o object) { o["card"].(object)["number"] = "4242" },
		func(o object) { o["card"].(object)["cvc"] = "123" }, // no 3-D Secure message carries one
		func(o object) { o["browser"].(object)["user_agent"] = strings.Repeat("x", 2049) },
		func(o object) { o["browser"].(object)["colour"] = 1 },
		func(o object) { o["card"].(object)["name"] = "SCENARIO fast" },
	} {
		body := ask("att_1", visa, "")
		spoil(body)
		if code, o := s.post("/alpha/v1/authentications", body); code != http.StatusBadRequest {
			t.Errorf("%v: %d %v", body, code, o)
		}
	}
	long := charge("att_1", visa, "", true)
	long["three_ds"] = object{"cavv": strings.Repeat("x", 65)}
	if code, o := s.post("/alpha/v1/authorizations", long); code != http.StatusBadRequest || !strings.Contains(o.text("message"), "three_ds") {
		t.Errorf("a CAVV of 65 characters: %d %v", code, o)
	}
	r := s.request(t.Context(), http.MethodPost, "/alpha/v1/authentications", ask("att_1", visa, ""))
	r.Header.Set("Acquirer-Signature", strings.Repeat("00", 32))
	if code, _ := s.send(r); code != http.StatusUnauthorized {
		t.Errorf("a wrong signature: %d", code)
	}
	if code, _ := s.get("/alpha/v1/authentications"); code != http.StatusBadRequest {
		t.Errorf("an inquiry without a reference: %d", code)
	}
	if code, o := s.get("/alpha/v1/authentications?reference=att_1"); code != http.StatusNotFound || o.text("error") != "not_found" {
		t.Errorf("nothing was made: %d %v", code, o)
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

func TestChallengeOutlivesARestart(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", challenged, "challenge")
	if err := s.world.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, s.path, Options{Clock: s.clock})
	a, err := again.Challenge(o.text("id"), "pass")
	if err != nil || a.Result.TransStatus != Authenticated {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestFileOfTheFirstVersionIsBroughtUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.db")
	if err := open(t, path, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	// Made old behind a closed world's back: an open one writes on the same connection whenever it likes.
	file, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.Exec(`DROP TABLE authentication; DROP TABLE evidence_part; DROP TABLE cryptogram; PRAGMA user_version = 1`)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if rows, err := open(t, path, Options{}).store.authentications(query{limit: 1}); err != nil || len(rows) != 0 {
		t.Errorf("%v, %v", rows, err)
	}
}

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

func TestNoNumberOfAnAuthenticationIsStored(t *testing.T) {
	s := newSite(t)
	body := ask("att_1", challenged, "Ada Marked Lovelace")
	if code, _ := s.post("/alpha/v1/authentications", body); code != http.StatusCreated {
		t.Fatal(code)
	}
	if err := s.world.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(s.path + "*")
	if err != nil {
		t.Fatal(err)
	}
	kept := false
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		kept = kept || bytes.Contains(raw, []byte("400000******3184"))
		if bytes.Contains(raw, []byte(challenged)) || bytes.Contains(raw, []byte("Lovelace")) {
			t.Errorf("%s holds the number or the name", filepath.Base(f))
		}
	}
	if !kept {
		t.Error("the masked number was not found: the test looks in the wrong place")
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
