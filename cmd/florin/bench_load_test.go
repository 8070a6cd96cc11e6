package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// till is a server that captures payments in every way that HTTP/1.1 can say so, and keeps what it was asked.
type till struct {
	mu    sync.Mutex
	keys  map[string]string // idempotency key → order number
	cards map[string]int
	auth  map[string]int
	sums  map[int64]int
	bad   []string
	seen  int
}

func (s *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Amount             int64
		Currency           string
		PaymentMethodToken string `json:"payment_method_token"`
		Metadata           map[string]string
	}
	text, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	if err := json.Unmarshal(text, &body); err != nil || r.URL.Path != "/v1/payments" || r.Method != "POST" || body.Metadata["bench"] != "r1" || body.Amount < 1_000 || body.Amount > 9_999 {
		s.bad = append(s.bad, r.Method+" "+r.URL.Path+" "+string(text))
	}
	key := r.Header.Get("Idempotency-Key")
	again := s.keys[key]
	s.keys[key] = body.Metadata["order_id"]
	s.cards[body.PaymentMethodToken]++
	s.sums[body.Amount]++
	s.auth[r.Header.Get("Authorization")]++
	switch {
	case again != "" && again != body.Metadata["order_id"]:
		s.bad = append(s.bad, "key "+key+" came twice")
	case again == "" && s.seen%50 == 7:
		panic(http.ErrAbortHandler) // the same key comes again
	case s.seen%50 == 9:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusPaymentRequired)
		fmt.Fprint(w, `{"status":402,"code":"card_declined"}`)
		return
	case s.seen%50 == 11:
		w.Header().Set("Connection", "close")
	case s.seen%50 < 25:
		w.(http.Flusher).Flush() // chunks
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":"pay_1","object":"payment","status":"captured","description":"%s"}`, strings.Repeat("x", s.seen%3000))
}

func TestLoadCountsWhatTheServerDid(t *testing.T) {
	s := &till{keys: map[string]string{}, cards: map[string]int{}, auth: map[string]int{}, sums: map[int64]int{}}
	server := httptest.NewServer(s)
	defer server.Close()
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	l := &load{
		to: to, clients: 5, run: "r1", warmup: 50 * time.Millisecond, measure: 200 * time.Millisecond,
		shops: []shop{{"sk_test_a", []string{"pm_tok_aaaa", "pm_tok_bbbb"}}, {"sk_test_b", []string{"pm_tok_cccc"}}},
	}
	var marks []bool
	l.drive(t.Context(), func(begins bool) { marks = append(marks, begins) })
	if len(s.bad) > 0 {
		t.Fatalf("%d bad requests, the first: %s", len(s.bad), s.bad[0])
	}
	if len(marks) != 2 || !marks[0] || marks[1] {
		t.Errorf("marks %v", marks)
	}
	captured, declined := l.all.Load(), l.errors["402 card_declined"]
	if captured == 0 || declined == 0 || len(l.errors) != 1 || l.lost.Load() != 0 {
		t.Errorf("captured %d, lost %d, errors %v", captured, l.lost.Load(), l.errors)
	}
	if int(captured+declined) != len(s.keys) {
		t.Errorf("%d answers to %d keys", captured+declined, len(s.keys))
	}
	if in := l.inTime.Load(); in > captured || in != l.latency.count.Load() {
		t.Errorf("%d of %d in time, %d measured", in, captured, l.latency.count.Load())
	}
	if len(s.cards) != 3 || len(s.auth) != 2 {
		t.Errorf("cards %v, keys %v", s.cards, s.auth)
	}
	if few := min(len(s.keys), benchAmounts) / 4; len(s.sums) < few {
		t.Errorf("%d payments have %d amounts", len(s.keys), len(s.sums))
	}
}

func TestLoadSaysWhatGoesWrong(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	l := &load{to: to, clients: 1, measure: 50 * time.Millisecond, shops: []shop{{"sk_test_a", []string{"pm_tok_a"}}}}
	l.drive(t.Context(), func(bool) {})
	if l.errors["no answer"] == 0 || l.errors["no answer"] != l.lost.Load() || l.all.Load() != 0 {
		t.Errorf("errors %v, lost %d", l.errors, l.lost.Load())
	}
	for _, k := range []struct {
		status     int
		body, want string
	}{
		{201, `{"status":"captured"}`, ""},
		{201, `{"status":"processing"}`, "201, payment is processing"},
		{503, `{"code":"overloaded"}`, "503 overloaded"},
		{502, `<html>`, "502 unreadable"},
	} {
		if got := outcome(k.status, []byte(k.body), nil); got != k.want {
			t.Errorf("%d %s: %q", k.status, k.body, got)
		}
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	begun := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
		for range begun {
		}
	}()
	l := &load{to: to, clients: 2, measure: time.Hour, shops: []shop{{"sk_test_a", []string{"pm_tok_a"}}}}
	l.drive(ctx, func(bool) {})
	close(begun)
}
