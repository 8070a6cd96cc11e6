package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/problem"
)

// pipes is a network of one listener, in memory: its deadlines go by the clock of the test's bubble.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
	dialled  int
	server   *http.Server
	once     sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.dialled++
	p.accepted <- theirs
	return ours, nil
}

// serve runs a door on a listener of its own until the test ends.
func serve(t *testing.T, d door) (*pipes, *http.Client) {
	t.Helper()
	p := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
	server := Server(d.Handler())
	server.RegisterOnShutdown(d.Release)
	p.server = server
	done := make(chan error, 1)
	go func() { done <- server.Serve(p) }()
	transport := &http.Transport{DialContext: p.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return p, &http.Client{Transport: transport}
}

// do sends a request over a client and reads the answer whole.
func do(t *testing.T, c *http.Client, method, path string, body io.Reader) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://florin.example"+path, body)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	r.Header = http.Header{"Content-Type": {jsonType}, "Authorization": {"Bearer sk_test_dev"}}
	w, err := c.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Error(err)
	}
	return w.StatusCode, string(text)
}

// A write may wait for a provider longer than any body may take to arrive. No deadline for reading may strike meanwhile: it
// would end the context of every later request on the connection.
func TestAConnectionSurvivesASlowProvider(t *testing.T) {
	for name, body := range map[string]string{"with a body": "{}", "without": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := reading(t, func(ctx context.Context) error { return ctx.Err() })
				d.payments.put(tenant, full())
				d.payments.atProvider, d.payments.answers = make(chan string), make(chan struct{})
				network, client := serve(t, d)
				go func() {
					<-d.payments.atProvider
					<-time.After(workTimeout - time.Second)
					d.payments.answers <- struct{}{}
				}()
				if status, text := do(t, client, "POST", "/v1/payments/pay_"+someID+"/capture", strings.NewReader(body)); status != 200 {
					t.Errorf("answered %d %s", status, text)
				}
				if status, text := do(t, client, "GET", "/v1/payments", nil); status != 200 || network.dialled != 1 {
					t.Errorf("after it, over %d connections: %d %s", network.dialled, status, text)
				}
			})
		})
	}
}

func TestWhoSendsTooSlowlyIsCutOff(t *testing.T) {
	const head = "POST /v1/payments HTTP/1.1\r\nHost: florin.example\r\nAuthorization: Bearer sk_test_dev\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
	for name, c := range map[string]struct {
		sends string
		says  string
		after time.Duration
	}{
		"nothing":      {"", "", readHeaderTimeout},
		"half a head":  {head[:50], "", readHeaderTimeout},
		"half a body":  {head + `{"amount":`, problem.CodeReadTimeout, bodyTimeout},
		"a webhook":    {strings.Replace(head, "/v1/payments", "/in/acct_dev/alpha", 1) + "{", problem.CodeReadTimeout, readTimeout},
		"to the wrong": {strings.Replace(head, "sk_test_dev", "sk_test_x", 1) + "{", access.CodeKeyInvalid, readTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := untouched(t)
				network, _ := serve(t, d)
				began := clock.Stopwatch()
				conn, err := network.dial(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Write([]byte(c.sends)); err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(conn) // until it is cut off
				if err != nil {
					t.Error(err)
				}
				if took := clock.Since(began); took > c.after+time.Second {
					t.Errorf("held for %v", took)
				}
				if !strings.Contains(string(text), c.says) || c.says != "" && !strings.Contains(string(text), "\r\nRequest-Id: req_") {
					t.Errorf("answered %q", text)
				}
			})
		})
	}
}

func TestAHeadHasABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client := serve(t, newDoor(t))
		if status, _ := do(t, client, "GET", "/v1/balance?x="+strings.Repeat("x", 2*maxHeader), nil); status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("answered %d", status)
		}
	})
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client := serve(t, newDoor(t))
		for _, path := range []string{"/v1/balance", "/v1/payments?limit=1", "/docs", "/openapi.yaml", "/nowhere", "/v1/payments?limit=x"} {
			get, want := do(t, client, "GET", path, nil)
			head, text := do(t, client, "HEAD", path, nil)
			if get != head || text != "" || want == "" {
				t.Errorf("%s: GET %d, HEAD %d %q", path, get, head, text)
			}
		}
	})
}
