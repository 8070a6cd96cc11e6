package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// streamed is a stream that says something and breaks off.
func streamed(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, text)
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
	}
}

const (
	bodyOne = `{"id":"evt_1","object":"event","type":"payment.captured","data":{"id":"pay_1"},"new":"\u003c"}`
	bodyTwo = `{"id":"evt_2","object":"event","type":"refund.failed","data":{"id":"ref_1"}}`
)

// follows reads a stream until it has some events or ends.
func follows(ctx context.Context, c *Client, p StreamEvents, most int) (got []*Event, err error) {
	for e, err := range c.Events.Stream(ctx, p) {
		if err != nil {
			return got, err
		}
		if got = append(got, e); len(got) == most {
			break
		}
	}
	return got, nil
}

func TestAStreamGoesOnWhereItBroke(t *testing.T) {
	c, a, waits := serve(t, []http.HandlerFunc{
		streamed("retry: 500\nid: c0\n\nid: c1\nevent: payment.captured\ndata: " + bodyOne + "\n\n: heartbeat\n\nid: half\nevent: x\ndata: {"),
		hangUp,
		refusal(503, `{}`, "Retry-After", "7"),
		refusal(500, `{}`),
		refusal(429, `{}`, "Retry-After", "3600"),
		streamed(": heartbeat\nid: c2\n\n"),
		streamed("id:c3\r\nevent: refund.failed\r\ndata: " + bodyTwo[:14] + "\r\ndata:" + bodyTwo[14:] + "\r\n\r\n"),
	}, WithHTTPClient(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}})) // else it asks again by itself after a hang-up
	got, err := follows(t.Context(), c, StreamEvents{Types: []string{"payment.*", "refund.failed"}, After: "evt_0"}, 2)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	if e := got[0]; e.ID != "evt_1" || e.Cursor != "c1" || string(e.Raw) != bodyOne || string(e.Data) != `{"id":"pay_1"}` {
		t.Errorf("the first is %+v", e)
	}
	if e := got[1]; e.ID != "evt_2" || e.Cursor != "c3" || string(e.Raw) != bodyTwo[:14]+"\n"+bodyTwo[14:] {
		t.Errorf("the second is %+v, %s", e, e.Raw)
	}
	var places []string
	for _, r := range a.sent() {
		places = append(places, r.header.Get("Last-Event-ID"))
		if r.method != "GET" || r.path != "/v1/events/stream" || r.query != "types=payment.%2A%2Crefund.failed" || r.header.Get("Accept") != "text/event-stream" {
			t.Errorf("asked %+v", r)
		}
	}
	if want := []string{"evt_0", "c1", "c1", "c1", "c1", "c1", "c2"}; !slices.Equal(places, want) {
		t.Errorf("came back behind %v, want %v", places, want)
	}
	const ms = time.Millisecond
	if want := []time.Duration{500 * ms, 1000 * ms, 7000 * ms, 4000 * ms, longestReopen, 500 * ms}; !slices.Equal(*waits, want) {
		t.Errorf("waited %v, want %v", *waits, want)
	}
}

func TestAStreamTellsWhenItIsOpen(t *testing.T) {
	opened := 0
	c, _, _ := serve(t, []http.HandlerFunc{refusal(503, `{}`), streamed("id: c1\n\n"), streamed("id: c2\ndata: " + bodyOne + "\n\n")})
	if got, err := follows(t.Context(), c, StreamEvents{Opened: func() { opened++ }}, 1); err != nil || len(got) != 1 || opened != 2 {
		t.Errorf("%v, %v; opened %d times", got, err, opened)
	}
	c, _, _ = serve(t, []http.HandlerFunc{refusal(400, `{}`)})
	if _, err := follows(t.Context(), c, StreamEvents{Opened: func() { opened++ }}, 1); err == nil || opened != 2 {
		t.Errorf("refused: %v; opened %d times", err, opened)
	}
}

func TestAStreamEndsWhenItIsRefused(t *testing.T) {
	for status, code := range map[int]string{400: "parameter_invalid", 401: "api_key_invalid", 403: "scope_missing", 404: "not_found", 410: "cursor_expired"} {
		body := fmt.Sprintf(`{"code":%q,"status":%d}`, code, status)
		for name, give := range map[string][]http.HandlerFunc{
			"at first": {refusal(status, body)}, "later": {streamed("id: c1\ndata: {}\n\n"), refusal(status, body)},
		} {
			c, a, _ := serve(t, give)
			_, err := follows(t.Context(), c, StreamEvents{}, -1)
			var refused *Error
			if !errors.As(err, &refused) || refused.Status != status || refused.Code != code || len(a.sent()) != len(give) {
				t.Errorf("%d %s: %v after %d requests", status, name, err, len(a.sent()))
			}
		}
	}
}

func TestAStreamThatNeverOpensIsGivenUpAsACallIs(t *testing.T) {
	for name, give := range map[string]http.HandlerFunc{
		"overloaded": refusal(503, `{}`), "too many": refusal(429, `{"code":"too_many_streams"}`, "Retry-After", "15"), "nobody there": hangUp,
	} {
		c, a, _ := serve(t, []http.HandlerFunc{give}, WithRetries(2))
		if _, err := follows(t.Context(), c, StreamEvents{}, -1); err == nil || len(a.sent()) != 3 {
			t.Errorf("%s: %v after %d requests", name, err, len(a.sent()))
		}
	}
	c, a, _ := serve(t, []http.HandlerFunc{object(200, `{}`)})
	if _, err := follows(t.Context(), c, StreamEvents{}, -1); err == nil || !strings.Contains(err.Error(), "no stream") || len(a.sent()) != 1 {
		t.Errorf("what is no stream: %v", err)
	}
	c, _, _ = serve(t, []http.HandlerFunc{streamed("data: nonsense\n\n")})
	if _, err := follows(t.Context(), c, StreamEvents{}, -1); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("what is no event: %v", err)
	}
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	stopped := errors.New("stopped")
	for name, give := range map[string]http.HandlerFunc{
		"while it waits": hangUp,
		"while it reads": func(w http.ResponseWriter, r *http.Request) { streamed("data: {}\n\n")(w, r); <-r.Context().Done() },
	} {
		ctx, stop := context.WithCancelCause(t.Context())
		defer stop(nil)
		c, _, _ := serve(t, []http.HandlerFunc{streamed("data: {}\n\n"), give}, func(c *core) error {
			c.wait = func(context.Context, time.Duration) error { return nil }
			return nil
		})
		n := 0
		for _, err := range c.Events.Stream(ctx, StreamEvents{}) {
			n++
			if n == 1 && name == "while it waits" || n == 2 {
				stop(stopped)
			}
			if err != nil && !errors.Is(err, stopped) || n > 3 {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
	}
}

func TestACallerWhoLeavesAStreamClosesIt(t *testing.T) {
	gone := make(chan struct{})
	c, a, _ := serve(t, []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
		streamed("data: {}\n\n")(w, r)
		<-r.Context().Done()
		close(gone)
	}})
	if got, err := follows(t.Context(), c, StreamEvents{}, 1); len(got) != 1 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	select {
	case <-gone:
	case <-t.Context().Done():
	}
	if len(a.sent()) != 1 {
		t.Errorf("%d requests", len(a.sent()))
	}
}

// A connection may die without a word. Silence tells it, and the time that the caller takes is no silence.
func TestASilentStreamIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			opened++
			streamed(fmt.Sprintf("id: c%d\ndata: {\"id\":\"evt_%d\"}\n\n", opened, opened))(w, r)
			<-r.Context().Done()
		})}
		lines := &oneListener{conns: make(chan net.Conn)}
		done := make(chan error, 1)
		go func() { done <- server.Serve(lines) }()
		c, err := New("sk_test_x", WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: lines.dial}}))
		if err != nil {
			t.Fatal(err)
		}
		began, n := time.Now(), 0
		for _, err := range c.Events.Stream(t.Context(), StreamEvents{}) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 2 {
				<-time.After(2 * silence)
			}
			if n == 3 {
				break
			}
		}
		if took := time.Since(began); opened != 3 || took < 4*silence || took > 4*silence+2*reopenWait {
			t.Errorf("%d connections in %v", opened, took)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
}

// oneListener is a network in memory.
type oneListener struct{ conns chan net.Conn }

func (l *oneListener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l *oneListener) Close() error   { close(l.conns); return nil }
func (l *oneListener) Addr() net.Addr { return &net.IPAddr{} }

func (l *oneListener) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	l.conns <- theirs
	return ours, nil
}

func TestRequestLogsAreStreamed(t *testing.T) {
	c, a, _ := serve(t, []http.HandlerFunc{streamed("id: req_2\nevent: request_log\ndata: {\"id\":\"req_2\",\"method\":\"POST\",\"route\":\"/v1/payments\",\"path\":\"/v1/payments\",\"status\":402,\"duration_ms\":12,\"error_code\":\"card_declined\",\"key\":\"key_1\"}\n\n")})
	r, err := first(c.RequestLogs.Stream(t.Context(), StreamRequestLogs{After: "req_1"}))
	if want := (RequestLog{ID: "req_2", Method: "POST", Route: "/v1/payments", Path: "/v1/payments", Status: 402, DurationMS: 12, ErrorCode: "card_declined", Key: "key_1"}); err != nil || *r != want {
		t.Errorf("%+v, %v", r, err)
	}
	if sent := a.sent()[0]; sent.path != "/v1/request_logs/stream" || sent.header.Get("Last-Event-ID") != "req_1" {
		t.Errorf("asked %+v", sent)
	}
}

func TestAnEventKeepsItsBytes(t *testing.T) {
	c, _, _ := serve(t, []http.HandlerFunc{object(200, bodyOne+"\n"), object(200, `{"data":[`+bodyOne+`,`+bodyTwo+`],"has_more":false}`)})
	e, err := c.Events.Get(t.Context(), "evt_1")
	if err != nil || string(e.Raw) != bodyOne {
		t.Errorf("%s, %v", e.Raw, err)
	}
	raw := ""
	for e, err := range c.Events.List(t.Context(), ListEvents{Types: []string{"payment.*"}}) {
		if err != nil {
			t.Fatal(err)
		}
		raw += string(e.Raw)
	}
	if raw != bodyOne+bodyTwo {
		t.Errorf("listed %s", raw)
	}
}
