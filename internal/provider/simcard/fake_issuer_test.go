package simcard_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
)

// The fake acquirer's issuers: what an authentication is answered with, and a challenge page without the page.

const (
	frictionless = "4000000000003055"
	challenged   = "4000002760003184"
)

// askedIssuer is the body of an authentication. Unknown fields are refused.
type askedIssuer struct {
	Reference string `json:"reference"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Card      struct {
		Number   string `json:"number"`
		ExpMonth string `json:"exp_month"`
		ExpYear  string `json:"exp_year"`
		Name     string `json:"name"`
	} `json:"card"`
	ChallengeIndicator string         `json:"challenge_indicator"`
	Exemption          string         `json:"exemption"`
	NotificationURL    string         `json:"notification_url"`
	Browser            map[string]any `json:"browser"`
}

type threeDS struct {
	Version     string `json:"version"`
	ECI         string `json:"eci"`
	CAVV        string `json:"cavv"`
	DSTransID   string `json:"ds_trans_id"`
	TransStatus string `json:"trans_status"`
}

const cavv = "AAABBEg0VhI0VniQEjRWAAAAAAA="

func (q *acquirer) authenticate(r *http.Request, body []byte) (int, any) {
	var p askedIssuer
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil || p.Card.Name != `Zoë "Q" O'Neil & Co` || p.Card.ExpMonth != "08" || p.ChallengeIndicator != "01" ||
		p.NotificationURL != "https://pay.example/3ds/back?a=1&b=2" || p.Browser["time_zone"] != -60.0 || p.Browser["user_agent"] != `Mozilla/5.0 "x"` ||
		p.Browser["javascript_enabled"] != true || p.Browser["java_enabled"] != false {
		return 400, map[string]string{"error": "invalid"}
	}
	id := q.id("3ds")
	ares := map[string]any{"messageType": "ARes", "messageVersion": "2.2.0", "transStatus": "Y", "eci": "05", "authenticationValue": cavv,
		"threeDSServerTransID": "server-" + id, "dsTransID": "ds-" + id, "acsTransID": "acs-" + id}
	a := map[string]any{"id": id, "reference": p.Reference, "status": "frictionless", "ares": ares}
	if p.Card.Number == challenged {
		delete(ares, "authenticationValue")
		ares["transStatus"], ares["eci"], ares["acsURL"] = "C", "", "http://"+r.Host+"/acs"
		a["status"], a["challenge_expires_at"] = "challenge", "2026-11-22T12:10:00Z"
		a["creq"] = base64.RawURLEncoding.EncodeToString([]byte(`{"acsTransID":"acs-` + id + `"}`))
	}
	q.authentications[p.Reference] = a
	return 201, a
}

// finish is the challenge page: the form has the CReq and how the payer ends it.
func (q *acquirer) finish(w http.ResponseWriter, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		refuse(w, 400, "invalid")
		return
	}
	for _, a := range q.authentications {
		if a["creq"] != form.Get("creq") {
			continue
		}
		result := map[string]any{"transStatus": "N", "eci": "07", "transStatusReason": "01"}
		switch providertest.Ending(form.Get("do")) {
		case providertest.Passed:
			result = map[string]any{"transStatus": "Y", "eci": "05", "authenticationValue": cavv}
		case providertest.Canceled:
			result["challengeCancel"] = "01"
		case providertest.TimedOut:
			result["challengeCancel"] = "04"
		}
		a["status"], a["result"] = "completed", result
		delete(a, "creq")
	}
}

// proved tells whether an authorization's 3-D Secure data is what this issuer gave.
func (q *acquirer) proved(d *threeDS) bool {
	if d == nil {
		return true
	}
	for _, a := range q.authentications {
		if a["ares"].(map[string]any)["dsTransID"] == d.DSTransID {
			return *d == threeDS{"2.2.0", "05", cavv, d.DSTransID, "Y"}
		}
	}
	return false
}

func issuer() providertest.Issuer {
	return providertest.Issuer{Frictionless: frictionless, Challenged: challenged,
		Finish: func(t *testing.T, client *http.Client, c provider.Challenge, how providertest.Ending) {
			r, err := client.PostForm(c.ACSURL, url.Values{"creq": {c.CReq}, "do": {string(how)}})
			if err != nil || r.StatusCode != 200 {
				t.Fatalf("finish the challenge: %v %v", r, err)
			}
			r.Body.Close()
		}}
}
