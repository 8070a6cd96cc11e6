package api

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/idempotency"
)

const ownSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// hooks is a merchant's endpoint: it counts what it hears.
func hooks(t *testing.T) (url string, heard *atomic.Int64) {
	heard = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
	t.Cleanup(s.Close)
	return s.URL, heard
}

// endpoint makes one, and gives its id.
func (d onceDoor) endpoint(t *testing.T, url string) string {
	t.Helper()
	made, ok := accepted(t, d.call("POST", "/v1/webhook_endpoints", `{"url":"`+url+`","events":["*"]}`), 201)["id"].(string)
	if !ok {
		t.Fatal("an endpoint without an id")
	}
	return made
}

// deliver makes an event with its deliveries, and gives the id of the newest.
func (d onceDoor) deliver(t *testing.T) string {
	t.Helper()
	c := db.NewChange(tenant)
	if err := d.outbox.Emit(t.Context(), c, event.Fact{Type: event.PaymentCaptured, Subject: "pay_" + someID}, d.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := d.db.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	found, _, err := d.store.Deliveries(t.Context(), tenant, db.Page{Limit: 1}, event.DeliveryFilter{})
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	return found[0].ID
}

// clientCertificate is a certificate with its key, as the body of a request has it, and the key alone.
func clientCertificate(t *testing.T) (request, key string) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: start, NotAfter: start.Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &own.PublicKey, own)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
	text, err := json.Marshal(map[string]string{
		"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})), "private_key": key,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text), key
}

func TestARepeatOfWhatConcernsWebhooksDoesNothingAgain(t *testing.T) {
	cases := map[string]struct {
		path, body string
		status     int
		heard      int64
	}{
		"rotate":         {"/v1/webhook_endpoints/{endpoint}/rotate_secret", ``, 200, 0},
		"rotate by hand": {"/v1/webhook_endpoints/{endpoint}/rotate_secret", `{"secret":"` + ownSecret + `","expire_old_after":60}`, 200, 0},
		"enable":         {"/v1/webhook_endpoints/{endpoint}/enable", ``, 200, 0},
		"disable":        {"/v1/webhook_endpoints/{endpoint}/disable", `{}`, 200, 0},
		"recover":        {"/v1/webhook_endpoints/{endpoint}/recover", `{"since":"2026-11-22T12:00:00Z"}`, 202, 0},
		"test":           {"/v1/webhook_endpoints/{endpoint}/test", ``, 200, 1},
		"retry":          {"/v1/webhook_deliveries/{delivery}/retry", ``, 200, 0},
		"retry several":  {"/v1/webhook_deliveries/retry", `{"deliveries":["{delivery}"]}`, 200, 0},
	}
	eachOnce(t, func(t *testing.T, d onceDoor) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				url, heard := hooks(t)
				endpoint := d.endpoint(t, url)
				fill := strings.NewReplacer("{endpoint}", endpoint, "{delivery}", d.deliver(t))
				path, body := fill.Replace(c.path), fill.Replace(c.body)
				first := d.call("POST", path, body, "Idempotency-Key", name)
				if first.Code != c.status || first.Header().Get("Idempotent-Replayed") != "" {
					t.Fatalf("first %d: %s", first.Code, first.Body)
				}
				before, err := d.store.Standing(t.Context(), tenant, endpoint)
				if err != nil {
					t.Fatal(err)
				}
				d.clock.Advance(time.Minute)
				same(t, first, d.call("POST", path, body, "Idempotency-Key", name))
				after, err := d.store.Standing(t.Context(), tenant, endpoint)
				if err != nil || after.Version != before.Version || after.Lane != before.Lane {
					t.Errorf("the endpoint was changed again: %+v, then %+v, %v", before, after, err)
				}
				if heard.Load() != c.heard {
					t.Errorf("it was sent to %d times", heard.Load())
				}
				refused(t, d.call("POST", path, `{"nonsense":1}`, "Idempotency-Key", name), 422, idempotency.CodeKeyReused)
			})
		}
	})
}

// A secret is shown by the answer that made it and its repeats; otherwise nothing that is stored or shown has it, nor what the
// merchant gave in secret.
func TestWhatAnEndpointKeepsSecretLiesNowhereInTheOpen(t *testing.T) {
	certificate, key := clientCertificate(t)
	eachOnce(t, func(t *testing.T, d onceDoor) {
		const all = "/v1/webhook_endpoints"
		create := `{"url":"https://shop.example/hooks","events":["*"],"headers":{"X-Key":"hidden-value"},"client_certificate":` + certificate + `}`
		made := accepted(t, d.call("POST", all, create, "Idempotency-Key", "k"), 201)
		one := all + "/" + made["id"].(string)
		rotate := `{"secret":"` + ownSecret + `"}`
		rotated := accepted(t, d.call("POST", one+"/rotate_secret", rotate, "Idempotency-Key", "k"), 200)
		change := `{"headers":{"X-Key":"hidden-value"},"client_certificate":` + certificate + `}`
		changed := d.call("PATCH", one, change, "Idempotency-Key", "k")
		accepted(t, changed, 200)
		secret, _ := made["secret"].(string)
		if !strings.HasPrefix(secret, "whsec_") || rotated["secret"] != ownSecret {
			t.Fatalf("made %v, rotated %v", made, rotated)
		}
		texts := map[string][]byte{"the change": changed.Body.Bytes(), "the list": d.call("GET", all, "").Body.Bytes(), "the endpoint": d.call("GET", one, "").Body.Bytes()}
		for _, k := range []idempotency.Key{
			{Method: "POST", Path: all, Body: []byte(create)}, {Method: "POST", Path: one + "/rotate_secret", Body: []byte(rotate)}, {Method: "PATCH", Path: one, Body: []byte(change)},
		} {
			k.Merchant, k.Key = tenant, "k"
			record, found, err := d.keys.Find(t.Context(), k)
			if err != nil || !found || !record.Done {
				t.Fatalf("stored %+v, %t, %v", record, found, err)
			}
			texts["the answer to "+k.Method+" "+k.Path] = record.Answer
		}
		trail, _, err := audit.NewTrail(d.db).List(t.Context(), tenant, db.Page{Limit: 100}, audit.Filter{})
		if err != nil || len(trail) != 3 {
			t.Fatalf("%d records, %v", len(trail), err)
		}
		if texts["the audit trail"], err = json.Marshal(trail); err != nil {
			t.Fatal(err)
		}
		texts["the log"] = d.log.Bytes()
		line := strings.Split(key, "\n")[1]
		for what, text := range texts {
			for _, never := range []string{secret, ownSecret, "hidden-value", line} {
				if bytes.Contains(text, []byte(never)) {
					t.Errorf("%s has %q: %s", what, never, text)
				}
			}
		}
		same(t, d.call("POST", all, create, "Idempotency-Key", "k2"), d.call("POST", all, create, "Idempotency-Key", "k2"))
	})
}

func TestEveryActionOnWebhooksIsOnRecord(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		url, _ := hooks(t)
		endpoint := d.endpoint(t, url)
		delivery := d.deliver(t)
		one := "/v1/webhook_endpoints/" + endpoint
		for _, c := range []struct{ method, path, body string }{
			{"PATCH", one, `{"description":"for us","events":["refund.*"],"headers":{"X-Key":"a"},"client_certificate":null,"concurrency":3}`},
			{"POST", one + "/rotate_secret", ""}, {"POST", one + "/test", ""}, {"POST", one + "/recover", `{"since":"2026-11-22T12:00:00Z"}`},
			{"POST", one + "/disable", ""}, {"POST", one + "/enable", ""}, {"POST", "/v1/webhook_deliveries/" + delivery + "/retry", ""},
			{"POST", "/v1/webhook_deliveries/retry", `{"deliveries":["` + delivery + `"]}`}, {"DELETE", one, ""},
		} {
			d.clock.Advance(time.Second)
			if w := d.call(c.method, c.path, c.body); w.Code > 299 {
				t.Fatalf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
			}
		}
		trail, _, err := audit.NewTrail(d.db).List(t.Context(), tenant, db.Page{Limit: 100}, audit.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		var actions []string
		for _, r := range trail {
			actions = append(actions, string(r.Action))
			if r.Actor != "key_dev" || r.RequestID == "" || (r.Object != endpoint) != (r.Object == delivery) {
				t.Errorf("%+v", r)
			}
		}
		slices.Reverse(actions)
		want := []string{"webhook_endpoint.created", "webhook_endpoint.updated", "webhook_endpoint.secret_rotated", "webhook_endpoint.tested", "webhook_endpoint.recovered",
			"webhook_endpoint.disabled", "webhook_endpoint.enabled", "webhook_delivery.retried", "webhook_delivery.retried", "webhook_endpoint.deleted"}
		if !slices.Equal(actions, want) {
			t.Errorf("on record %v", actions)
		}
		told := map[string]string{"description": "replaced", "events": "[refund.*]", "headers": "[X-Key]", "client_certificate": "replaced", "concurrency": "3"}
		if got := trail[len(trail)-2].Detail; !maps.Equal(got, told) {
			t.Errorf("of the change it tells %v", got)
		}
	})
}

func TestAnEndpointTellsHowFarItIsBehind(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		endpoint := d.endpoint(t, "https://shop.example/hooks")
		standing := func() map[string]any {
			t.Helper()
			one := accepted(t, d.call("GET", "/v1/webhook_endpoints/"+endpoint, ""), 200)
			list := accepted(t, d.call("GET", "/v1/webhook_endpoints", ""), 200)["data"].([]any)[0].(map[string]any)
			for _, field := range []string{"oldest_pending_age", "health", "failing_since", "disabled_reason", "disabled_at"} {
				if one[field] != list[field] {
					t.Errorf("%s is %v alone and %v in the list", field, one[field], list[field])
				}
			}
			return one
		}
		if o := standing(); o["oldest_pending_age"] != nil || o["health"] != "healthy" || o["failing_since"] != nil || o["disabled_reason"] != nil {
			t.Errorf("at first %v", o)
		}
		d.deliver(t)
		d.clock.Advance(90 * time.Second)
		d.deliver(t)
		lane, err := d.store.Lane(t.Context(), tenant, endpoint)
		if err != nil {
			t.Fatal(err)
		}
		lane.OpenUntil, lane.FailingSince, lane.Failures = d.clock.Now().Add(time.Minute), start, 9
		if err := d.db.Commit(t.Context(), db.NewChange(tenant, event.LaneUpdate(lane))); err != nil {
			t.Fatal(err)
		}
		if o := standing(); o["oldest_pending_age"] != 90.0 || o["health"] != "slowed" || o["failing_since"] != start.Format(time.RFC3339) {
			t.Errorf("while it fails %v", o)
		}
		accepted(t, d.call("POST", "/v1/webhook_endpoints/"+endpoint+"/disable", ""), 200)
		if o := standing(); o["oldest_pending_age"] != 90.0 || o["health"] != "disabled" || o["disabled_reason"] != "merchant" || o["disabled_at"] == nil {
			t.Errorf("disabled %v", o)
		}
		accepted(t, d.call("POST", "/v1/webhook_endpoints/"+endpoint+"/enable", ""), 200)
		if o := standing(); o["oldest_pending_age"] != 90.0 || o["health"] != "healthy" || o["failing_since"] != nil || o["disabled_at"] != nil {
			t.Errorf("enabled %v", o)
		}
		recoveries := accepted(t, d.call("GET", "/v1/webhook_recoveries?endpoint="+endpoint, ""), 200)["data"].([]any)
		if len(recoveries) != 1 || recoveries[0].(map[string]any)["since"] != start.Format(time.RFC3339) {
			t.Errorf("enabling began %v", recoveries)
		}
	})
}

// A repeat of a test whose process died waits until the lane has made the try, and sends nothing itself.
func TestARepeatOfATestThatDiedIsAnsweredOnceItIsTried(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		url, heard := hooks(t)
		endpoint := d.endpoint(t, url)
		path := "/v1/webhook_endpoints/" + endpoint + "/test"
		left, err := d.store.Delivery(t.Context(), tenant, d.deliver(t))
		if err != nil {
			t.Fatal(err)
		}
		d.began(t, "k", path, "", left.ID)
		repeat := func() *httptest.ResponseRecorder { return d.call("POST", path, "", "Idempotency-Key", "k") }
		refused(t, repeat(), 409, idempotency.CodeKeyInUse)
		left.State, left.DueAt, left.Attempts, left.LastStatus = event.DeliverySucceeded, time.Time{}, 1, 200
		try, err := event.AttemptRow(event.Attempt{Merchant: tenant, Delivery: left.ID, Number: 1, URL: url, Status: 200, CreatedAt: start})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.db.Commit(t.Context(), db.NewChange(tenant, event.DeliveryRow(left), try)); err != nil {
			t.Fatal(err)
		}
		answered := repeat()
		if o := accepted(t, answered, 200); o["id"] != left.ID || o["status"] != "succeeded" || len(o["attempts"].([]any)) != 1 {
			t.Errorf("answered %v", o)
		}
		same(t, answered, repeat())
		if heard.Load() != 0 {
			t.Errorf("it was sent to %d times", heard.Load())
		}
	})
}
