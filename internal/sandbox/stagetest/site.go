// Package stagetest puts a simulated world behind a real server for its tests, with a receiver of its webhooks and a clock that the test
// moves.
package stagetest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// World is one under test.
type World interface {
	Register(stage.Account) error
	Handler() http.Handler
	Release()
	Close() error
	Wake()
	Idle() bool
}

// Site is a world behind a server.
type Site struct {
	t     testing.TB
	World World
	Clock *clock.Manual
	URL   string
	Held  chan time.Duration // what Options.Wait was asked for

	header string
	hooks  chan Hook
	status chan int // of the next answers of the receiver; 204 if there is none
}

// Hook is a webhook that came.
type Hook struct {
	Header http.Header
	Body   []byte
	ID     string         `json:"id"`
	Type   string         `json:"type"`
	Data   map[string]any `json:"data"`
}

// New opens a world and an account in it. header is that of its signatures.
func New(t testing.TB, header string, open func(stage.Options) (World, error)) *Site {
	t.Helper()
	s := &Site{t: t, Clock: clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)), Held: make(chan time.Duration, 100),
		header: header, hooks: make(chan Hook, 1000), status: make(chan int, 100)}
	world, err := open(stage.Options{Clock: s.Clock, Wait: func(ctx context.Context, d time.Duration) error {
		s.Held <- d
		if d < time.Minute { // slow, not a timeout
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.World = world
	t.Cleanup(func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(world.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(world.Release)
	s.URL = server.URL
	s.Register("key")
	return s
}

// Register makes an account with this key.
func (s *Site) Register(key string) {
	s.t.Helper()
	err := s.World.Register(stage.Account{Merchant: "Shoe shop", APIKey: secret.New(key), SigningKey: secret.New("sign"), WebhookURL: s.receiver(), WebhookSecret: secret.New("hook")})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *Site) receiver() string {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := Hook{Header: r.Header}
		var err error
		if h.Body, err = io.ReadAll(r.Body); err == nil {
			err = json.Unmarshal(h.Body, &h)
		}
		if err != nil {
			s.t.Errorf("webhook %s: %v", h.Body, err)
		}
		select {
		case status := <-s.status:
			rw.WriteHeader(status)
		default:
			rw.WriteHeader(http.StatusNoContent)
		}
		s.hooks <- h
	}))
	s.t.Cleanup(server.Close)
	return server.URL + "/in/acct_dev/world"
}

// FailNext has the receiver answer the next webhook with this status.
func (s *Site) FailNext(status int) { s.status <- status }

// Hook waits for the next webhook, which must be of this type.
func (s *Site) Hook(kind string) Hook {
	s.t.Helper()
	select {
	case h := <-s.hooks:
		if h.Type != kind {
			s.t.Fatalf("webhook %s came, want %s: %s", h.Type, kind, h.Body)
		}
		stamp, signature, _ := strings.Cut(h.Header.Get(s.header), ",v1=")
		if want := sum("hook", strings.TrimPrefix(stamp, "t=")+"."+string(h.Body)); signature != want {
			s.t.Fatalf("webhook %s is signed %q, want %q", h.Type, signature, want)
		}
		return h
	case <-time.After(patience):
		s.t.Fatalf("no webhook %s came", kind)
	}
	return Hook{}
}

// NoHook makes sure that no webhook is on its way.
func (s *Site) NoHook() {
	s.t.Helper()
	for deadline, tick := time.After(patience), time.NewTicker(time.Millisecond); !s.World.Idle(); {
		select {
		case <-deadline:
			s.t.Fatal("the courier is never idle")
		case <-tick.C:
		}
	}
	select {
	case h := <-s.hooks:
		s.t.Fatalf("webhook %s came", h.Type)
	default:
	}
}

// Advance moves the clock and has the world look at it.
func (s *Site) Advance(d time.Duration) {
	s.Clock.Advance(d)
	s.World.Wake()
}

func sum(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text)) // never fails, by hash.Hash
	return hex.EncodeToString(mac.Sum(nil))
}

// Object is a JSON object.
type Object map[string]any

// Text is a member that is a text, else empty.
func (o Object) Text(key string) string { s, _ := o[key].(string); return s }

// Num is a member that is a number, else zero.
func (o Object) Num(key string) int64 { f, _ := o[key].(float64); return int64(f) }

// Sub is a member that is an object, else nil.
func (o Object) Sub(key string) Object { m, _ := o[key].(map[string]any); return m }

// Request makes a call, signed.
func (s *Site) Request(ctx context.Context, method, path string, body any) *http.Request {
	s.t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			s.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer key")
	r.Header.Set(s.header, sum("sign", string(text)))
	return r
}

// Send sends a request and reads the answer.
func (s *Site) Send(r *http.Request) (int, Object) {
	s.t.Helper()
	status, body := s.send(http.DefaultClient, r)
	var o Object
	if err := json.Unmarshal(body, &o); err != nil {
		s.t.Fatalf("%s %s answered %d %q: %v", r.Method, r.URL.Path, status, body, err)
	}
	return status, o
}

func (s *Site) send(client *http.Client, r *http.Request) (int, []byte) {
	s.t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close() // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if to := resp.Header.Get("Location"); to != "" {
		body = []byte(to)
	}
	return resp.StatusCode, body
}

// Post and Get make a call.
func (s *Site) Post(path string, body any) (int, Object) {
	s.t.Helper()
	return s.Send(s.Request(s.t.Context(), http.MethodPost, path, body))
}

// Get asks.
func (s *Site) Get(path string) (int, Object) {
	s.t.Helper()
	return s.Send(s.Request(s.t.Context(), http.MethodGet, path, nil))
}

// Page gets a page's HTML.
func (s *Site) Page(path string) (int, string) {
	s.t.Helper()
	status, body := s.send(http.DefaultClient, s.Request(s.t.Context(), http.MethodGet, path, nil))
	return status, string(body)
}

// Submit sends a form and tells where it leads to, or what the page says.
func (s *Site) Submit(path string, form url.Values) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	status, body := s.send(stay, r)
	return status, string(body)
}

// Abandoned makes a call that is held, and leaves.
func (s *Site) Abandoned(path string, body any) {
	s.t.Helper()
	ctx, leave := context.WithCancel(s.t.Context())
	defer leave()
	left := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(s.Request(ctx, http.MethodPost, path, body))
		if err == nil {
			err = resp.Body.Close()
		}
		left <- err
	}()
	select {
	case <-s.Held:
	case <-time.After(patience):
		s.t.Fatal("the call was not held")
	}
	leave()
	if err := <-left; err == nil {
		s.t.Fatal("the call was answered")
	}
}
