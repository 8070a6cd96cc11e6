package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
)

// tap is a source that a test opens and closes.
type tap struct {
	mu     sync.Mutex
	frames []frame
	at     string
	broken error
	wake   chan struct{}
	closed int
}

func (s *tap) pour(frames ...frame) { s.change(func() { s.frames = append(s.frames, frames...) }) }

func (s *tap) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

func (s *tap) next(context.Context) ([]frame, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	page := s.frames
	s.frames = nil
	if len(page) > 0 {
		s.at = page[len(page)-1].id
	}
	return page, len(page) > 0, s.broken
}

func (s *tap) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake == nil {
		s.wake = make(chan struct{})
	}
	if len(s.frames) > 0 || s.broken != nil { // since next looked
		now := make(chan struct{})
		close(now)
		return now
	}
	return s.wake
}

func (s *tap) cursor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *tap) close() { s.mu.Lock(); defer s.mu.Unlock(); s.closed++ }

const tapped = "/v1/tap"

// tapDoor is a door with one more operation: a stream of the tap.
func tapDoor(t *testing.T, s *tap, change ...func(*Options)) (door, *prometheus.Registry) {
	t.Helper()
	r := prometheus.NewRegistry()
	d := newDoor(t, append(change, func(o *Options) { o.Metrics = r })...)
	registerStream(d.API, operation{
		id: "tap", method: http.MethodGet, path: tapped, tag: "Events", scope: access.EventsRead, status: http.StatusOK, answer: seenEvent, stream: "events",
	}, func(context.Context, *request, *struct{}) (source, error) { return s, nil })
	return d, r
}

var seenEvent = reflect.TypeFor[event.Object]()

// connect opens a stream over a client.
func connect(t *testing.T, c *http.Client, method, path string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_dev")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Body.Close() }) // most are closed by then
	return w
}

// part is what comes up to the next empty line.
func part(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var text strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", text.String(), err)
		}
		if line == "\n" {
			return text.String()
		}
		text.WriteString(line)
	}
}

func metric(t *testing.T, r *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == label {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s of %s", name, label)
	return 0
}

const at = "http://florin.example"

func TestAStreamSaysWhereItIsAndBeatsInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tap{at: "c0"}
		d, r := tapDoor(t, s)
		_, client := serve(t, d)
		w := connect(t, client, "GET", at+tapped)
		if w.StatusCode != 200 || w.Header.Get("Content-Type") != "text/event-stream" || w.Header.Get("Cache-Control") != "no-store" ||
			!strings.HasPrefix(w.Header.Get("Request-Id"), "req_") {
			t.Errorf("answered %d %v", w.StatusCode, w.Header)
		}
		body := bufio.NewReader(w.Body)
		want := func(text string) {
			t.Helper()
			if got := part(t, body); got != text {
				t.Errorf("read %q, want %q", got, text)
			}
		}
		want("retry: 1000\nid: c0\n")
		s.pour(frame{"c1", "payment.captured", []byte(`{"a":1}`)}, frame{"c2", "x", []byte("two\nlines")})
		want("id: c1\nevent: payment.captured\ndata: {\"a\":1}\n")
		want("id: c2\nevent: x\ndata: two\ndata: lines\n")
		began := clock.Stopwatch()
		for range 40 { // longer than any timeout of the server's
			want(": heartbeat\n")
		}
		if took := clock.Since(began); took != 40*heartbeat {
			t.Errorf("40 heartbeats took %v", took)
		}
		s.change(func() { s.at = "c3" }) // time went by, and nothing was to be sent
		want(": heartbeat\nid: c3\n")
		want(": heartbeat\n")
		s.pour(frame{"c4", "x", nil})
		want("id: c4\nevent: x\ndata: \n")
		if metric(t, r, "florin_event_streams", "events") != 1 {
			t.Error("it is not counted")
		}
		if err := w.Body.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if s.closed != 1 || metric(t, r, "florin_event_streams", "events") != 0 || metric(t, r, "florin_event_streams_cut_total", "slow") != 0 {
			t.Errorf("after the reader has gone: closed %d times", s.closed)
		}
	})
}

func TestASlowReaderIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tap{at: "c0"}
		d, r := tapDoor(t, s)
		network, _ := serve(t, d)
		conn, err := network.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET "+tapped+" HTTP/1.1\r\nHost: florin.example\r\nAuthorization: Bearer sk_test_dev\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(conn)
		for line := ""; line != ": heartbeat\n"; {
			if line, err = reader.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		began := clock.Stopwatch()
		s.pour(frame{"c1", "x", bytes.Repeat([]byte("x"), 1<<20)})
		for metric(t, r, "florin_event_streams_cut_total", "slow") == 0 {
			if clock.Since(began) > time.Minute {
				t.Fatal("it is not cut off")
			}
			<-time.After(time.Second)
		}
		if took := clock.Since(began); took < takeTimeout || took > takeTimeout+2*time.Second {
			t.Errorf("cut off after %v", took)
		}
		synctest.Wait()
		if s.closed != 1 {
			t.Errorf("closed %d times", s.closed)
		}
	})
}

func TestStreamsEndAtOnceWhenTheServerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle, stuck := &tap{at: "c0"}, &tap{at: "c0"}
		d, r := tapDoor(t, idle)
		registerStream(d.API, operation{
			id: "stuck", method: http.MethodGet, path: "/v1/stuck", tag: "Events", scope: access.EventsRead, status: http.StatusOK, answer: seenEvent, stream: "events",
		}, func(context.Context, *request, *struct{}) (source, error) { return stuck, nil })
		network, client := serve(t, d)
		one, other := connect(t, client, "GET", at+tapped), connect(t, client, "GET", at+"/v1/stuck")
		stuck.pour(frame{"c1", "x", bytes.Repeat([]byte("x"), 1<<20)})
		synctest.Wait() // it writes, and nobody reads
		ended := make(chan error, 1)
		go func() {
			text, err := io.ReadAll(one.Body)
			if err == nil && !strings.HasPrefix(string(text), "retry:") {
				err = fmt.Errorf("read %q", text)
			}
			ended <- err
		}()
		began := clock.Stopwatch()
		if err := network.server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := clock.Since(began); took > 3*time.Second {
			t.Errorf("the server stopped after %v", took)
		}
		if err := <-ended; err != nil {
			t.Errorf("the idle one: %v", err)
		}
		if _, err := io.ReadAll(other.Body); err == nil {
			t.Error("the stuck one ends as if it were whole")
		}
		if metric(t, r, "florin_event_streams_cut_total", "shutdown") != 2 || idle.closed+stuck.closed != 2 {
			t.Error("two streams were not cut")
		}
		p := refused(t, d.call("GET", tapped, ""), 503, fault.CodeOverloaded)
		if p.RetryAfter == 0 {
			t.Error("a stream that comes too late is not told when to come again")
		}
	})
}

func TestAStreamEndsWhenItsKeyDoesNotWorkAnyMore(t *testing.T) {
	for name, refusal := range map[string]error{
		"revoked": fault.New(fault.Unauthorized, access.CodeKeyInvalid, ""), "elsewhere": fault.New(fault.Forbidden, access.CodeAddress, ""), "without its scope": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				asked := 0
				s := &tap{at: "c0"}
				d, r := tapDoor(t, s, func(o *Options) {
					o.Authenticate = func(ctx context.Context, r *http.Request) (access.Principal, error) {
						mu.Lock()
						defer mu.Unlock()
						asked++
						p, err := fakeAuthenticate(ctx, r)
						switch asked {
						case 1, 2:
							return p, err
						case 3:
							return access.Principal{}, errors.New("nobody can say just now")
						}
						p.Scopes = 0
						return p, refusal
					}
				})
				_, client := serve(t, d)
				began := clock.Stopwatch()
				w := connect(t, client, "GET", at+tapped)
				if _, err := io.ReadAll(w.Body); err != nil {
					t.Error(err)
				}
				if took := clock.Since(began); took != 3*recheck || metric(t, r, "florin_event_streams_cut_total", "refused") != 1 {
					t.Errorf("it ended after %v", took)
				}
			})
		})
	}
}

func TestAStreamEndsWhenItsSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tap{at: "c0"}
		d, r := tapDoor(t, s)
		_, client := serve(t, d)
		w := connect(t, client, "GET", at+tapped)
		s.change(func() { s.broken = errors.New(inner) })
		text, err := io.ReadAll(w.Body)
		if err != nil || strings.Contains(string(text), "10.1.2.3") {
			t.Errorf("read %q, %v", text, err)
		}
		synctest.Wait()
		if metric(t, r, "florin_event_streams_cut_total", "failed") != 1 || strings.Count(d.log.String(), "10.1.2.3") != 1 {
			t.Errorf("logged %s", d.log)
		}
	})
}

func TestATenantHasTenStreamsAndAProcessAThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r := tapDoor(t, &tap{at: "c0"})
		_, client := serve(t, d)
		open := func(key string) *http.Response {
			return connect(t, client, "GET", at+tapped, "Authorization", "Bearer "+key)
		}
		var first *http.Response
		for range streamsOfTenant {
			if w := open("sk_test_dev"); w.StatusCode != 200 {
				t.Fatalf("answered %d", w.StatusCode)
			} else if first == nil {
				first = w
			}
		}
		p := refused(t, d.call("GET", tapped, ""), 429, problem.CodeTooManyStreams)
		if p.RetryAfter != 15 || !p.Retryable {
			t.Errorf("told %+v", p)
		}
		for _, key := range []string{"sk_live_dev", "sk_test_other"} { // are others
			if w := open(key); w.StatusCode != 200 {
				t.Errorf("%s is answered %d", key, w.StatusCode)
			}
		}
		if err := first.Body.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if w := open("sk_test_dev"); w.StatusCode != 200 || metric(t, r, "florin_event_streams", "events") != streamsOfTenant+2 {
			t.Errorf("after one has gone: %d", w.StatusCode)
		}
		for i := range streamsOfProcess - streamsOfTenant - 2 {
			leave, err := d.streams.enter(fmt.Sprint(i), "events")
			if err != nil {
				t.Fatal(err)
			}
			defer leave()
		}
		if p := refused(t, d.call("GET", tapped, "", "Authorization", "Bearer sk_live_dev"), 503, fault.CodeOverloaded); p.RetryAfter != 15 {
			t.Errorf("told %+v", p)
		}
	})
}

func TestAHeadOfAStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tap{at: "c0"}
		d, _ := tapDoor(t, s)
		_, client := serve(t, d)
		if w := connect(t, client, "HEAD", at+tapped); w.StatusCode != 200 || w.Header.Get("Content-Type") != eventStream {
			t.Errorf("answered %d %v", w.StatusCode, w.Header)
		}
		synctest.Wait()
		if s.closed != 1 {
			t.Error("it goes on")
		}
	})
}
