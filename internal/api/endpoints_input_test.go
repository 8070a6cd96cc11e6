package api

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

func TestAWrongFieldOfAWebhookRequestIsRefusedByName(t *testing.T) {
	d := untouched(t)
	all, one := "/v1/webhook_endpoints", "/v1/webhook_endpoints/we_"+someID
	long := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	fields := map[string]wrong{
		`"url":""`:                   {"url": invalid},
		`"url":` + long(2049):        {"url": invalid},
		`"url":"https://a\n"`:        {"url": invalid},
		`"url":1`:                    {"url": invalid},
		`"events":"*"`:               {"events": invalid},
		`"events":[]`:                {"events": invalid},
		`"events":["*",1,"pay*"]`:    {"events[1]": invalid, "events[2]": invalid},
		`"events":null`:              {"events": invalid},
		`"description":` + long(501): {"description": invalid},
		`"ordering":"time"`:          {"ordering": invalid},
		`"ordering":null`:            {"ordering": invalid},
		`"concurrency":0`:            {"concurrency": invalid},
		`"concurrency":65`:           {"concurrency": invalid},
		`"concurrency":"8"`:          {"concurrency": invalid},
		`"concurrency":1.0`:          {"concurrency": invalid},
		`"concurrency":null`:         {"concurrency": invalid},
		`"rate_limit":-1`:            {"rate_limit": invalid},
		`"rate_limit":5001`:          {"rate_limit": invalid},
		`"rate_limit":null`:          {"rate_limit": invalid},
		`"headers":[]`:               {"headers": invalid},
		`"headers":"a"`:              {"headers": invalid},
		`"headers":{"X":1}`:          {"headers.X": invalid},
		`"headers":{"X":null}`:       {"headers.X": invalid},
		`"headers":{"":"a"}`:         {"headers.": invalid},
		`"headers":{"X":"a","X":"b"}`: {
			"headers.X": duplicate},
		`"headers":{"X":` + long(1001) + `}`:                                            {"headers.X": invalid},
		`"headers":` + entries(21):                                                      {"headers": invalid},
		`"client_certificate":{}`:                                                       {"client_certificate.certificate": missing, "client_certificate.private_key": missing},
		`"client_certificate":{"certificate":"","private_key":""}`:                      {"client_certificate.certificate": invalid, "client_certificate.private_key": invalid},
		`"client_certificate":{"certificate":` + long(32769) + `,"private_key":"k"}`:    {"client_certificate.certificate": invalid},
		`"client_certificate":{"certificate":"c","private_key":"k","passphrase":"abc"}`: {"client_certificate.passphrase": unknown},
		`"client_certificate":"pem"`:                                                    {"client_certificate": invalid},
		`"metadata":{"k":1}`:                                                            {"metadata.k": invalid},
	}
	for field, want := range fields {
		if !strings.HasPrefix(field, `"url"`) {
			faulty(t, d.call("PATCH", one, `{`+field+`}`), want)
		}
		base := map[string]string{"url": `"url":"https://shop.example"`, "events": `"events":["*"]`}
		name, _, _ := strings.Cut(field[1:], `"`)
		delete(base, name)
		body := strings.Join(append(slices.Collect(maps.Values(base)), field), ",")
		faulty(t, d.call("POST", all, `{`+body+`}`), want)
	}
	faulty(t, d.call("POST", all, `{"url":"https://shop.example","events":["*"],"headers":null,"client_certificate":null,"secret":""}`), wrong{
		"headers": invalid, "client_certificate": invalid, "secret": invalid, // null is for what can be taken away
	})
	faulty(t, d.call("PATCH", one, `{"status":"deleted","secret":"`+ownSecret+`"}`), wrong{"status": invalid, "secret": unknown})
	for path, bodies := range map[string]map[string]wrong{
		one + "/rotate_secret": {
			`{"expire_old_after":-1,"secret":""}`: {"expire_old_after": invalid, "secret": invalid}, `{"expire_old_after":604801}`: {"expire_old_after": invalid},
			`{"expire_old_after":null}`: {"expire_old_after": invalid}, `{"overlap":1}`: {"overlap": unknown}, `{"secret":` + long(101) + `}`: {"secret": invalid},
		},
		one + "/enable": {`{"at":"now"}`: {"at": unknown}}, one + "/disable": {`{"reason":"x"}`: {"reason": unknown}}, one + "/test": {`{"type":"payment.captured"}`: {"type": unknown}},
		one + "/recover": {
			`{}`: {"since": missing}, `{"since":"yesterday","until":1}`: {"since": invalid, "until": invalid}, `{"since":"2026-11-22T12:00:00Z","until":null}`: {"until": invalid},
			`{"since":"2026-11-22T12:00:00Z","events":[],"statuses":[]}`:              {"events": invalid, "statuses": invalid},
			`{"since":"2026-11-22T12:00:00Z","events":["x"],"statuses":["lost"]}`:     {"events[0]": invalid, "statuses[0]": invalid},
			`{"since":"2026-11-22T12:00:00Z","statuses":"failed"}`:                    {"statuses": invalid},
			`{"since":"2026-11-22T12:00:00Z","statuses":["failed","failed","a","a"]}`: {"statuses[2]": invalid, "statuses": invalid},
		},
		"/v1/webhook_deliveries/wd_" + someID + "/retry": {`{"endpoint":"we_1"}`: {"endpoint": unknown}},
		"/v1/webhook_deliveries/retry": {
			`{}`: {"deliveries": missing}, `{"deliveries":[]}`: {"deliveries": invalid}, `{"deliveries":"wd_` + someID + `"}`: {"deliveries": invalid},
			`{"deliveries":["wd_` + someID + `","evt_` + someID + `",7]}`:            {"deliveries[1]": invalid, "deliveries[2]": invalid},
			`{"deliveries":[` + strings.Repeat(`"wd_`+someID+`",`, 100) + `"wd_1"]}`: {"deliveries": invalid},
		},
	} {
		for body, want := range bodies {
			t.Run(path+" "+body[:min(len(body), 60)], func(t *testing.T) { faulty(t, d.call("POST", path, body), want) })
		}
	}
}

func TestAnEndpointIsMadeForTheVersionThatThereIs(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		const rest = `"url":"https://shop.example/hooks","events":["recon.*","kill_switch.changed","payment.*"]}`
		if made := accepted(t, d.call("POST", "/v1/webhook_endpoints", `{"version":"`+event.Version+`",`+rest), 201); made["version"] != event.Version {
			t.Errorf("made %v", made)
		}
		for _, version := range []string{"2027-01-01", "", "latest"} {
			w := d.call("POST", "/v1/webhook_endpoints", `{"version":"`+version+`",`+rest)
			faulty(t, w, wrong{"version": invalid})
			if version != "" && !strings.Contains(w.Body.String(), event.Version) {
				t.Errorf("it is not told which there is: %s", w.Body)
			}
		}
	})
}

func TestWhatEndpointsCannotTakeIsRefusedByTheirRules(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		one := "/v1/webhook_endpoints/" + d.endpoint(t, "https://shop.example/hooks")
		faulty(t, d.call("POST", "/v1/webhook_endpoints", `{"url":"mailto:ops@shop.example","events":["*"],"headers":{"Host":"a"},"secret":"whsec_x","client_certificate":{"certificate":"c","private_key":"k"}}`), wrong{
			"url": invalid, "headers": invalid, "secret": invalid, "client_certificate": invalid,
		})
		faulty(t, d.call("PATCH", one, `{"headers":{"webhook-id":"a","X-A":" b"},"client_certificate":{"certificate":"c","private_key":"k"}}`), wrong{
			"headers.webhook-id": invalid, "headers.X-A": invalid, "client_certificate.certificate": invalid,
		})
		faulty(t, d.call("POST", one+"/rotate_secret", `{"secret":"whsec_c2hvcnQ="}`), wrong{"secret": invalid})
		faulty(t, d.call("POST", one+"/recover", `{"since":"2026-10-01T00:00:00Z","until":"2027-01-01T00:00:00Z"}`), wrong{"since": invalid, "until": invalid})
		faulty(t, d.call("POST", "/v1/webhook_deliveries/retry", `{"deliveries":["wd_`+someID+`"]}`), wrong{"deliveries[0]": fault.CodeNotFound})
		delivery := d.deliver(t)
		accepted(t, d.call("POST", one+"/disable", ""), 200)
		refused(t, d.call("POST", one+"/recover", `{"since":"2026-11-22T12:00:00Z"}`), 409, fault.CodeStateConflict)
		if w := d.call("DELETE", one, ""); w.Code != 204 {
			t.Fatalf("deleted: %d %s", w.Code, w.Body)
		}
		refused(t, d.call("POST", "/v1/webhook_deliveries/"+delivery+"/retry", ""), 409, fault.CodeStateConflict)
		for _, action := range []string{"/rotate_secret", "/enable", "/disable", "/test"} {
			refused(t, d.call("POST", one+action, ""), 404, fault.CodeNotFound)
		}
	})
}

func TestNullTakesAwayWhatAnEndpointHas(t *testing.T) {
	certificate, _ := clientCertificate(t)
	eachOnce(t, func(t *testing.T, d onceDoor) {
		made := accepted(t, d.call("POST", "/v1/webhook_endpoints", `{"url":"https://shop.example","events":["*"],"headers":{"X-Shop":"a"},"client_certificate":`+certificate+`}`), 201)
		one := "/v1/webhook_endpoints/" + made["id"].(string)
		has := func(o map[string]any) (headers int, certificate bool) {
			return len(o["header_names"].([]any)), o["client_certificate"] != nil
		}
		if headers, certificate := has(made); headers != 1 || !certificate {
			t.Fatalf("made %v", made)
		}
		for _, c := range []struct {
			body        string
			headers     int
			certificate bool
		}{
			{`{"description":"x"}`, 1, true}, {`{"headers":null}`, 0, true}, {`{"headers":{"A":"1","B":"2"}}`, 2, true}, {`{"client_certificate":null}`, 2, false},
			{`{"headers":{},"client_certificate":` + certificate + `}`, 0, true}, {`{"headers":null,"client_certificate":null}`, 0, false},
		} {
			if headers, certificate := has(accepted(t, d.call("PATCH", one, c.body), 200)); headers != c.headers || certificate != c.certificate {
				t.Errorf("after %s: %d headers, certificate %t", c.body, headers, certificate)
			}
		}
	})
}
