package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

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
