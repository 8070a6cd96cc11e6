package sandbox

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

const (
	visa     = "4242424242424242"
	patience = time.Minute // how long a test waits for what must come
)

// site is a world behind a real server, with a receiver for its webhooks and a clock that the test moves.
type site struct {
	t     testing.TB
	world *World
	clock *clock.Manual
	url   string
	path  string
	hooks chan received
	held  chan time.Duration // what Options.Wait was asked for
	// answer is the status that the receiver gives to the nth webhook, from 0.
	answer func(n int) int
}

type received struct {
	header http.Header
	body   []byte
	message
}

func newSite(t testing.TB, change ...func(*Options)) *site {
	t.Helper()
	s := &site{t: t, clock: clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)), path: filepath.Join(t.TempDir(), "sandbox.db"),
		hooks: make(chan received, 1000), held: make(chan time.Duration, 100), answer: func(int) int { return 204 }}
	o := Options{Clock: s.clock, Wait: func(ctx context.Context, d time.Duration) error {
		s.held <- d
		if d == 3*time.Second { // slow
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}}
	for _, c := range change {
		c(&o)
	}
	s.world = open(t, s.path, o)
	server := httptest.NewServer(s.world.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(s.world.Release)
	s.url = server.URL
	for _, acq := range acquirers {
		s.register(Account{Acquirer: acq.name, APIKey: secret.New("key_" + acq.name), SigningKey: secret.New("sign"),
			WebhookURL: s.receiver(), WebhookSecret: secret.New("hook")})
	}
	return s
}

func open(t testing.TB, path string, o Options) *World {
	t.Helper()
	w, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-w.store.closed: // by the test itself
		default:
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return w
}

func (s *site) register(a Account) {
	s.t.Helper()
	if err := s.world.Register(a); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) receiver() string {
	n := 0
	lock := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			s.t.Error(err)
		}
		got := received{header: r.Header, body: body}
		if err := json.Unmarshal(body, &got.message); err != nil {
			s.t.Errorf("webhook %s: %v", body, err)
		}
		lock <- struct{}{}
		status := s.answer(n)
		n++
		<-lock
		rw.WriteHeader(status)
		s.hooks <- got
	}))
	s.t.Cleanup(server.Close)
	return server.URL + "/in/acct_dev/alpha"
}

// hook waits for the next webhook.
func (s *site) hook() received {
	s.t.Helper()
	select {
	case h := <-s.hooks:
		return h
	case <-time.After(patience):
		s.t.Fatal("no webhook came")
	}
	return received{}
}

func (s *site) wantHook(kind string) map[string]any {
	s.t.Helper()
	h := s.hook()
	if h.Type != kind {
		s.t.Fatalf("webhook %s came, want %s", h.Type, kind)
	}
	return h.Data.(map[string]any)
}

// noHook makes sure that no webhook was sent: the writer has handed over what there was, and nothing is on its way.
func (s *site) noHook() {
	s.t.Helper()
	if err := s.world.store.do(func(*batch) error { return nil }); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the courier is idle", func() bool { return s.world.courier.inFlight() == 0 })
	select {
	case h := <-s.hooks:
		s.t.Fatalf("webhook %s came", h.Type)
	default:
	}
}

func (s *site) eventually(what string, is func() bool) {
	s.t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			s.t.Fatalf("it never came about that %s", what)
		case <-tick.C:
		}
	}
}

// advance moves the clock and lets the world do what is due.
func (s *site) advance(d time.Duration) {
	s.t.Helper()
	s.clock.Advance(d)
	if _, err := s.world.sweep(); err != nil {
		s.t.Fatal(err)
	}
}

// object is a JSON answer.
type object map[string]any

func (o object) String() string {
	text, err := json.Marshal(map[string]any(o))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (o object) text(key string) string { s, _ := o[key].(string); return s }
func (o object) num(key string) int64   { f, _ := o[key].(float64); return int64(f) }
func (o object) sub(key string) object  { m, _ := o[key].(map[string]any); return m }
func (o object) operation(i int) object {
	list, _ := o["operations"].([]any)
	if i >= len(list) {
		return nil
	}
	m, _ := list[i].(map[string]any)
	return m
}

func (s *site) request(ctx context.Context, method, path string, body any) *http.Request {
	s.t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			s.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	acq := strings.Split(path, "/")[1]
	r.Header.Set("Authorization", "Bearer key_"+acq)
	if method == http.MethodPost {
		r.Header.Set("Acquirer-Signature", hex.EncodeToString(stage.HMAC(secret.New("sign"), string(text))))
	}
	return r
}

func (s *site) send(r *http.Request) (int, object) {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		s.t.Fatalf("%s %s answered %d %q: %v", r.Method, r.URL.Path, resp.StatusCode, body, err)
	}
	return resp.StatusCode, o
}

func (s *site) post(path string, body any) (int, object) {
	s.t.Helper()
	return s.send(s.request(context.Background(), http.MethodPost, path, body))
}

func (s *site) get(path string) (int, object) {
	s.t.Helper()
	return s.send(s.request(context.Background(), http.MethodGet, path, nil))
}

// charge is the body of an authorization.
func charge(reference, number, name string, capture bool) object {
	card := object{"number": number, "exp_month": "08", "exp_year": 2030, "cvc": "123"}
	if name != "" {
		card["name"] = name
	}
	return object{"reference": reference, "amount": 9232, "currency": "EUR", "capture": capture, "card": card, "descriptor": "SHOP", "description": "Order 1"}
}

// authorized makes an authorization and expects its status.
func (s *site) authorized(reference, number, name string, capture bool, status string) object {
	s.t.Helper()
	code, o := s.post("/alpha/v1/authorizations", charge(reference, number, name, capture))
	if code != http.StatusCreated || o.text("status") != status {
		s.t.Fatalf("authorize %s: %d %v, want %s", reference, code, o, status)
	}
	return o
}

// abandoned makes a call that is not answered, and leaves.
func (s *site) abandoned(path string, body any) {
	s.t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(s.request(ctx, http.MethodPost, path, body))
		if err == nil {
			err = fmt.Errorf("it was answered: %s", resp.Status)
			resp.Body.Close()
		}
		result <- err
	}()
	select {
	case <-s.held:
	case err := <-result:
		s.t.Fatalf("%s was not held: %v", path, err)
	case <-time.After(patience):
		s.t.Fatalf("%s was not held", path)
	}
	leave()
	if err := <-result; ctx.Err() == nil || !strings.Contains(err.Error(), "context canceled") {
		s.t.Fatalf("%s: %v", path, err)
	}
}

// wantHooks waits for webhooks of these types, in any order.
func (s *site) wantHooks(kinds ...string) {
	s.t.Helper()
	left := map[string]int{}
	for _, k := range kinds {
		left[k]++
	}
	for range kinds {
		h := s.hook()
		if left[h.Type]--; left[h.Type] < 0 {
			s.t.Fatalf("webhook %s came, want %v", h.Type, kinds)
		}
	}
}

func hexSignature(body string) string {
	return hex.EncodeToString(stage.HMAC(secret.New("sign"), body))
}
