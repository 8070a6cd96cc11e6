package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	oldSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("the old secret of this endpoint."))
	newSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("the new secret of this endpoint."))
	signedAt  = time.Unix(1795348800, 0)
)

const event = `{"id":"evt_1","object":"event","type":"payment.captured","api_version":"2026-11-22","created_at":"2026-11-22T12:00:00Z",
"livemode":false,"data":{"id":"pay_1","object":"payment","status":"captured","amount":9232,"currency":"EUR","later":true}}`

func sign(secret, id string, at time.Time, body string) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, id+"."+strconv.FormatInt(at.Unix(), 10)+"."+body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func headers(id, timestamp, signature string) http.Header {
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", timestamp)
	h.Set("webhook-signature", signature)
	return h
}

func verifier(t *testing.T, now time.Time, secrets ...string) *Webhooks {
	t.Helper()
	w, err := NewWebhooks(secrets, WithNow(func() time.Time { return now }))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// The vector is the one in the Standard Webhooks libraries' own tests.
func TestSignatureOfThePublishedVector(t *testing.T) {
	w := verifier(t, time.Unix(1614265330, 0), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	body := `{"test": 2432232314}`
	if !w.signed("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", []byte(body)) {
		t.Error("the published signature does not fit")
	}
}

func TestWebhookIsVerified(t *testing.T) {
	stamp := strconv.FormatInt(signedAt.Unix(), 10)
	good := sign(newSecret, "evt_1", signedAt, event)
	now := signedAt.Add(time.Minute)
	cases := []struct {
		name    string
		now     time.Time
		secrets []string
		header  http.Header
		body    string
		want    error
	}{
		{"good", now, []string{newSecret}, headers("evt_1", stamp, good), event, nil},
		{"one of two secrets", now, []string{oldSecret, newSecret}, headers("evt_1", stamp, good), event, nil},
		{"one of two signatures", now, []string{newSecret}, headers("evt_1", stamp, sign(oldSecret, "evt_1", signedAt, event)+" "+good), event, nil},
		{"beside another scheme", now, []string{newSecret}, headers("evt_1", stamp, "v1a,AAAA "+good), event, nil},
		{"other secret", now, []string{oldSecret}, headers("evt_1", stamp, good), event, ErrWebhookSignature},
		{"other id", now, []string{newSecret}, headers("evt_2", stamp, good), event, ErrWebhookSignature},
		{"other time", now, []string{newSecret}, headers("evt_1", strconv.FormatInt(signedAt.Unix()+1, 10), good), event, ErrWebhookSignature},
		{"other body", now, []string{newSecret}, headers("evt_1", stamp, good), event + " ", ErrWebhookSignature},
		{"other version", now, []string{newSecret}, headers("evt_1", stamp, "v2"+good[2:]), event, ErrWebhookSignature},
		{"bare", now, []string{newSecret}, headers("evt_1", stamp, good[3:]), event, ErrWebhookSignature},
		{"too old", signedAt.Add(6 * time.Minute), []string{newSecret}, headers("evt_1", stamp, good), event, ErrWebhookTimestamp},
		{"from the future", signedAt.Add(-6 * time.Minute), []string{newSecret}, headers("evt_1", stamp, good), event, ErrWebhookTimestamp},
		{"no id", now, []string{newSecret}, headers("", stamp, good), event, ErrWebhookHeaders},
		{"no signature", now, []string{newSecret}, headers("evt_1", stamp, ""), event, ErrWebhookSignature},
		{"time is a word", now, []string{newSecret}, headers("evt_1", "noon", good), event, ErrWebhookHeaders},
		{"far time", now, []string{newSecret}, headers("evt_1", "9223372036854775807", good), event, ErrWebhookTimestamp},
		{"no event", now, []string{newSecret}, headers("evt_1", stamp, sign(newSecret, "evt_1", signedAt, `{}`)), `{}`, ErrWebhookBody},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			e, err := verifier(t, k.now, k.secrets...).Event(k.header, []byte(k.body))
			if !errors.Is(err, k.want) || (err == nil) != (k.want == nil) || (e == nil) != (k.want != nil) {
				t.Fatalf("%v, want %v", err, k.want)
			}
			if e != nil && (e.ID != "evt_1" || e.Type != EventPaymentCaptured) {
				t.Errorf("event %+v", e)
			}
		})
	}
}

func TestWebhookRequestAndItsObject(t *testing.T) {
	r := httptest.NewRequest("POST", "/in", strings.NewReader(event))
	r.Header = headers("evt_1", strconv.FormatInt(signedAt.Unix(), 10), sign(newSecret, "evt_1", signedAt, event))
	e, err := verifier(t, signedAt, newSecret).Request(r)
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Payment()
	if err != nil || p.ID != "pay_1" || p.Status != PaymentCaptured || p.Amount != 9232 {
		t.Errorf("payment %+v, %v", p, err)
	}
	if _, err := e.Refund(); err == nil {
		t.Error("a payment was read as a refund")
	}
}

func TestHugeWebhookIsNotRead(t *testing.T) {
	r := httptest.NewRequest("POST", "/in", strings.NewReader(strings.Repeat("x", maxWebhook+1)))
	if _, err := verifier(t, signedAt, newSecret).Request(r); !errors.Is(err, ErrWebhookBody) {
		t.Errorf("error %v", err)
	}
}

func TestWebhookSecretsMustBeReadable(t *testing.T) {
	for _, secrets := range [][]string{nil, {""}, {"whsec_"}, {"whsec_not base64!"}} {
		if _, err := NewWebhooks(secrets); err == nil || strings.Contains(err.Error(), "base64!") {
			t.Errorf("%q: %v", secrets, err)
		}
	}
}
