package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetriesKeepTheKeyAndTheBody(t *testing.T) {
	busy := refusal(409, `{"code":"idempotency_key_in_use","status":409}`, "Retry-After", "3")
	c, a, waits := serve(t, []http.HandlerFunc{hangUp, busy, refusal(503, `{"code":"overloaded"}`), refusal(502, `<html>`), object(201, captured)})
	var meta Meta
	p, err := c.Payments.Create(t.Context(), order, WithMeta(&meta))
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != "pay_1" || meta.Tries != 5 || meta.RequestID != "req_1" {
		t.Errorf("payment %+v, meta %+v", p, meta)
	}
	for i, r := range a.sent() {
		if r.key != a.sent()[0].key || r.key == "" || r.body != a.sent()[0].body {
			t.Errorf("try %d: key %q body %s", i+1, r.key, r.body)
		}
	}
	if got, want := fmt.Sprint(*waits), "[250ms 3s 1s 2s]"; got != want {
		t.Errorf("waits %s, want %s", got, want)
	}
}

func TestTwoCallsHaveTwoKeys(t *testing.T) {
	c, a, _ := serve(t, []http.HandlerFunc{object(201, captured)})
	for range 2 {
		if _, err := c.Payments.Create(t.Context(), order); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Payments.Create(t.Context(), order, WithIdempotencyKey("order-1001")); err != nil {
		t.Fatal(err)
	}
	if a.sent()[0].key == a.sent()[1].key || a.sent()[2].key != "order-1001" {
		t.Errorf("keys %q %q %q", a.sent()[0].key, a.sent()[1].key, a.sent()[2].key)
	}
}

func TestDecisionsAreNotRepeated(t *testing.T) {
	cases := []struct {
		name string
		give http.HandlerFunc
		is   func(error) bool
	}{
		{"declined", refusal(402, `{"code":"card_declined","retryable":true,"retry_after":1}`), IsDeclined},
		{"invalid", refusal(400, `{"code":"parameter_invalid"}`), IsInvalid},
		{"reused key", refusal(422, `{"code":"idempotency_key_reused"}`), IsInvalid},
		{"unauthorized", refusal(401, `{}`), IsUnauthorized},
		{"forbidden", refusal(403, `{}`), IsUnauthorized},
		{"missing", refusal(404, `{"code":"not_found"}`), IsNotFound},
		{"wrong state", refusal(409, `{"code":"state_conflict"}`, "Retry-After", "1"), IsConflict},
		{"internal", refusal(500, `{}`), func(err error) bool { return hasStatus(err, 500) }},
		{"a 503 about a payment", refusal(503, `{"code":"provider_unavailable","payment":"pay_1"}`), IsUnavailable},
		{"a stored 503", refusal(503, `{}`, "Idempotent-Replayed", "true"), IsUnavailable},
		{"a wait over patience", refusal(429, `{}`, "Retry-After", "3600"), IsRateLimited},
		{"a redirect", refusal(307, ``, "Location", "https://elsewhere.example/"), func(err error) bool { return hasStatus(err, 307) }},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			c, a, waits := serve(t, []http.HandlerFunc{k.give})
			_, err := c.Payments.Create(t.Context(), order)
			if !k.is(err) {
				t.Errorf("error %v", err)
			}
			if len(a.sent()) != 1 || len(*waits) != 0 {
				t.Errorf("%d requests, waits %v", len(a.sent()), *waits)
			}
		})
	}
}

func TestRetriesAreBounded(t *testing.T) {
	c, a, waits := serve(t, []http.HandlerFunc{refusal(429, `{"code":"rate_limited"}`)}, WithRetries(7))
	_, err := c.Payments.Create(t.Context(), order)
	if !IsRateLimited(err) || len(a.sent()) != 8 {
		t.Errorf("%d requests, %v", len(a.sent()), err)
	}
	if got, want := fmt.Sprint(*waits), "[250ms 500ms 1s 2s 4s 8s 8s]"; got != want {
		t.Errorf("waits %s, want %s", got, want)
	}
}

func TestJitterTakesOffUpToHalf(t *testing.T) {
	for range 1000 {
		if d := jitter(time.Second); d <= time.Second/2 || d > time.Second {
			t.Fatalf("jitter made %s of a second", d)
		}
	}
}

func TestRetryAfterInBothForms(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "1.5": 0, "Sun, 22 Nov 2026 12:00:20 GMT": 20 * time.Second,
		"Sun, 22 Nov 2026 11:00:00 GMT": 0, "9223372036854775807": 366 * 24 * time.Hour,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q is %s, want %s", value, got, want)
		}
	}
}

func TestLostAnswerTellsTheKey(t *testing.T) {
	c, a, _ := serve(t, []http.HandlerFunc{hangUp}, WithRetries(2))
	_, err := c.Payments.Create(t.Context(), order, WithIdempotencyKey("order-1001"))
	var lost *TransportError
	if !errors.As(err, &lost) || lost.IdempotencyKey != "order-1001" || lost.Tries != 3 || !IsUnavailable(err) {
		t.Errorf("error %+v", err)
	}
	for _, r := range a.sent() {
		if r.key != "order-1001" {
			t.Errorf("key %q", r.key)
		}
	}
}

func TestWrongCertificateIsNotRetried(t *testing.T) {
	server := httptest.NewTLSServer(object(200, captured))
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	c, _, waits := serve(t, nil, WithBaseURL(server.URL))
	_, err := c.Payments.Create(t.Context(), order)
	var certificate *tls.CertificateVerificationError
	if !errors.As(err, &certificate) || len(*waits) != 0 {
		t.Errorf("waits %v, error %v", *waits, err)
	}
}

// hanging answers no request before its context ends.
type hanging struct{ tries int }

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	h.tries++
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestSlowTryIsGivenUpAndRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{}
		c, err := New("sk_test_dev", WithHTTPClient(&http.Client{Transport: h}), WithTimeout(5*time.Second), WithRetries(2))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = c.Payments.Create(t.Context(), order)
		if !errors.Is(err, context.DeadlineExceeded) || h.tries != 3 {
			t.Errorf("%d tries, %v", h.tries, err)
		}
		if took := time.Since(start); took < 15*time.Second || took > 16*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestCanceledContextEndsTheWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
		c, err := New("sk_test_dev", WithHTTPClient(&http.Client{Transport: down}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		start := time.Now()
		_, err = c.Payments.Create(ctx, order)
		var lost *TransportError
		if !errors.As(err, &lost) || lost.Tries != 1 || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took != 10*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

func TestNoWaitBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		busy := roundTrip(func(*http.Request) (*http.Response, error) {
			tries++
			rec := httptest.NewRecorder()
			refusal(503, `{"code":"overloaded"}`, "Retry-After", "10")(rec, nil)
			return rec.Result(), nil
		})
		c, err := New("sk_test_dev", WithHTTPClient(&http.Client{Transport: busy}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		start := time.Now()
		_, err = c.Payments.Create(ctx, order)
		if !IsUnavailable(err) || tries != 2 || time.Since(start) != 10*time.Second {
			t.Errorf("%d tries in %s, %v", tries, time.Since(start), err)
		}
	})
}

func TestDeadContextSendsNothing(t *testing.T) {
	c, a, _ := serve(t, []http.HandlerFunc{object(201, captured)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Payments.Create(ctx, order)
	if !errors.Is(err, context.Canceled) || len(a.sent()) != 0 {
		t.Errorf("%d requests, %v", len(a.sent()), err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
