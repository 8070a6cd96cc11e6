package vault

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/internal/secret"
)

// peer is a server that a test plays by hand, connection by connection; n counts them from 0.
func peer(t *testing.T, play func(n int, c net.Conn, r *bufio.Reader)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var players sync.WaitGroup
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		players.Wait()
	})
	players.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return // closed by the test's end
			}
			players.Go(func() {
				defer c.Close() // a test may have closed it already
				play(n, c, bufio.NewReader(c))
			})
		}
	})
	return "http://" + l.Addr().String()
}

// request reads a whole request; false once the other side is gone.
func request(r *bufio.Reader) bool {
	q, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, q.Body)
	return err == nil
}

// untilGone takes what comes and answers nothing.
func untilGone(r *bufio.Reader) {
	_, _ = io.Copy(io.Discard, r) // it ends when the other side leaves, in whatever way
}

const good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	}
}

// reset ends a connection as a crashed host does.
func reset(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.(*net.TCPConn).SetLinger(0); err != nil {
		t.Error(err)
	}
}

func TestWhatNeverLeftIsNotSent(t *testing.T) {
	plain := newProvider(t).URL
	silent := peer(t, func(_ int, _ net.Conn, r *bufio.Reader) { untilGone(r) })
	shut := peer(t, func(int, net.Conn, *bufio.Reader) {})
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that the test wants to fail
	secure := func(url string) string { return strings.Replace(url, "http:", "https:", 1) }
	cases := []struct {
		name, url string
		timeout   time.Duration
		cause     error
	}{
		{"connection refused", "http://127.0.0.1:1", 10 * time.Second, errRefused},
		{"no such host", "https://acquirer.invalid", 2 * time.Second, nil}, // or no answer from the resolver
		{"no TLS there", secure(plain), 10 * time.Second, errNoTLS},
		{"handshake without an answer", secure(silent), 50 * time.Millisecond, errTimedOut},
		{"handshake broken off", secure(shut), 10 * time.Second, nil},
		{"certificate of a stranger", untrusted.URL, 10 * time.Second, errUntrusted},
	}
	s := onSQLite(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s.allow(c.url)
			r := charge(c.url, s.token(marked, "987"))
			r.Timeout = c.timeout
			_, err := s.Send(t.Context(), r)
			if !errors.Is(err, ErrNotSent) || c.cause != nil && !errors.Is(err, c.cause) {
				t.Errorf("%v, want %v", err, c.cause)
			}
		})
	}
	s.allow(plain)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Send(gone, charge(plain, s.token(marked, "987"))); !errors.Is(err, ErrNotSent) || !errors.Is(err, context.Canceled) {
		t.Errorf("given up before: %v", err)
	}
}

func TestWhatMayHaveLeftIsUnknown(t *testing.T) {
	cases := []struct {
		name    string
		timeout time.Duration
		play    func(t *testing.T, c net.Conn, r *bufio.Reader)
		cause   error
	}{
		{"closed after the request", 0, func(*testing.T, net.Conn, *bufio.Reader) {}, errClosed},
		{"reset after the request", 0, func(t *testing.T, c net.Conn, _ *bufio.Reader) { reset(t, c) }, errReset},
		{"no answer in time", 100 * time.Millisecond, func(_ *testing.T, _ net.Conn, r *bufio.Reader) { untilGone(r) }, errTimedOut},
		{"half a header", 0, func(t *testing.T, c net.Conn, _ *bufio.Reader) { say(t, c, "HTTP/1.1 200") }, errClosed},
		{"no HTTP", 0, func(t *testing.T, c net.Conn, _ *bufio.Reader) { say(t, c, "SSH-2.0\r\n\r\n") }, errExchange},
		{"half a body", 0, func(t *testing.T, c net.Conn, _ *bufio.Reader) {
			say(t, c, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}")
		}, errClosed},
		{"half a body, then silence", 100 * time.Millisecond, func(t *testing.T, c net.Conn, r *bufio.Reader) {
			say(t, c, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}")
			untilGone(r)
		}, errTimedOut},
		{"too long a body", 0, func(t *testing.T, c net.Conn, _ *bufio.Reader) {
			say(t, c, "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"+strings.Repeat("x", maxAnswer+1))
		}, errAnswerLong},
		{"too long a header", 0, func(_ *testing.T, c net.Conn, _ *bufio.Reader) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 2*maxResponseHeader)) // it hangs up before the end
		}, errExchange},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var requests atomic.Int64
			url := peer(t, func(_ int, conn net.Conn, r *bufio.Reader) {
				if request(r) {
					requests.Add(1)
					c.play(t, conn, r)
				}
			})
			s := onSQLite(t)
			s.allow(url)
			r := charge(url, s.token(marked, "987"))
			r.Timeout = cmp.Or(c.timeout, 10*time.Second)
			err := sendInTime(t, s.Send, r, func() int { return int(requests.Load()) })
			if err == nil || errors.Is(err, ErrNotSent) || !errors.Is(err, c.cause) {
				t.Errorf("%v, want %v", err, c.cause)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("it was sent %d times", n)
			}
		})
	}
}

// sendInTime sends a request whose time runs out. Where the machine was so slow that it was over before anything left, there is more of it.
func sendInTime(t *testing.T, send func(context.Context, Request) (Response, error), r Request, arrived func() int) error {
	t.Helper()
	for before := arrived(); ; r.Timeout *= 2 {
		_, err := send(t.Context(), r)
		if !errors.Is(err, ErrNotSent) || arrived() > before || r.Timeout > time.Minute {
			return err
		}
	}
}

// The provider processes the second request on a kept connection and closes it without an answer: the case in which net/http
// by itself sends again whatever it takes for repeatable.
func TestNothingIsSentTwice(t *testing.T) {
	body := []Segment{Literal([]byte(`{"reference":"att_1"}`))}
	for name, q := range map[string]Request{
		"with a body":              {Method: http.MethodPost, Body: body},
		"without a body":           {Method: http.MethodPost},
		"an idempotency key":       {Method: http.MethodPost, Body: body, Header: map[string]secret.Text{"Idempotency-Key": secret.New("att_1")}},
		"a key and no body":        {Method: http.MethodPost, Header: map[string]secret.Text{"Idempotency-Key": secret.New("att_1")}},
		"another key, no body":     {Method: http.MethodPost, Header: map[string]secret.Text{"x-idempotency-key": secret.New("att_1")}},
		"a deletion":               {Method: http.MethodDelete},
		"a replacement":            {Method: http.MethodPut},
		"a key signed in a header": {Method: http.MethodPost, Sign: &Signature{"hmac-sha256-hex", secret.New("k"), "Idempotency-Key"}},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			url := peer(t, func(n int, c net.Conn, r *bufio.Reader) {
				for request(r) {
					if requests.Add(1) == 2 {
						return
					}
					say(t, c, good)
				}
			})
			s := onSQLite(t)
			s.allow(url)
			q.Merchant, q.Account, q.URL = shop, "alpha", url
			if _, err := s.Send(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Send(t.Context(), q); err == nil || errors.Is(err, ErrNotSent) {
				t.Errorf("%v, want an unknown outcome", err)
			}
			if n := requests.Load(); n != 2 {
				t.Errorf("the provider processed %d requests, want 2", n)
			}
		})
	}
}

// The provider closes a kept connection while it is idle: the next request goes over another, once.
func TestAConnectionThatWasClosedMeanwhileIsReplaced(t *testing.T) {
	var requests atomic.Int64
	url := peer(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if request(r) {
			requests.Add(1)
			say(t, c, good)
		}
	})
	s := onSQLite(t)
	s.allow(url)
	for i := range int64(20) {
		_, err := s.Send(t.Context(), charge(url, s.token(marked, "987")))
		n := requests.Load()
		switch {
		case err == nil && n == i+1:
		case err != nil && !errors.Is(err, ErrNotSent): // written into a connection whose end was on its way: that may be so
			requests.Store(i + 1)
		default:
			t.Fatalf("request %d: %d arrived, %v", i+1, n, err)
		}
	}
}

// However short the time: what is said not to have been sent must never arrive.
func TestNothingArrivesThatWasSaidNotToBeSent(t *testing.T) {
	s, p := onSQLite(t), newProvider(t)
	s.allow(p.URL)
	notSent := map[string]bool{}
	sent := 0
	for i := range 400 {
		r := Request{Merchant: shop, Account: "alpha", Method: http.MethodPost, URL: p.URL + fmt.Sprintf("/%d", i), Timeout: time.Duration(i%40) * 10 * time.Microsecond}
		if r.Timeout == 0 {
			r.Timeout = 10 * time.Second
		}
		switch _, err := s.Send(t.Context(), r); {
		case errors.Is(err, ErrNotSent):
			notSent[fmt.Sprintf("/%d", i)] = true
		default:
			sent++
		}
	}
	s.client.CloseIdleConnections()
	p.Close() // waits for what is under way
	for _, a := range p.arrivals() {
		if notSent[a.uri] {
			t.Errorf("%s arrived", a.uri)
		}
	}
	if len(notSent) == 0 || sent == 0 {
		t.Errorf("%d not sent, %d sent: there was no race", len(notSent), sent)
	}
}

func TestAGateThatIsShutLetsNothingOut(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	c, err := gated(near, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := c.(*gate)
	mark := g.mark()
	if !g.shutUnsent(mark) {
		t.Error("nothing was written, and it says that something was")
	}
	if _, err := g.Write([]byte("x")); !errors.Is(err, errShut) {
		t.Errorf("it wrote: %v", err)
	}
	if _, err := gated(nil, errRefused); err != errRefused {
		t.Errorf("the dialer's error became %v", err)
	}
}

// A request that is stuck in the middle of its first write may have left.
func TestAWriteThatHangsCountsAsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe() // a write on it waits until the other end reads
		defer far.Close()
		rt := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return gated(near, nil) }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := exchange(ctx, rt, message{method: "POST", to: &url.URL{Scheme: "http", Host: "acquirer.example", Path: "/v1"}, header: http.Header{}, body: &payload{data: []byte("{}")}, bound: maxAnswer})
		if errors.Is(err, ErrNotSent) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// With a transport of somebody else it cannot be known what left.
func TestAForeignTransportLeavesDoubt(t *testing.T) {
	url := peer(t, func(int, net.Conn, *bufio.Reader) {})
	s := onSQLite(t, func(o *Options) { o.Client = &http.Client{Transport: &http.Transport{}} })
	s.allow(url)
	if _, err := s.Send(t.Context(), charge(url, s.token(marked, "987"))); err == nil || errors.Is(err, ErrNotSent) {
		t.Errorf("%v, want an unknown outcome", err)
	}
}

// A server that wants a certificate of ours ends the handshake: in TLS 1.3 only after we believe it is over.
func TestARefusedClientCertificateIsNotSent(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			var came atomic.Int64
			p := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
			p.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: version}
			p.Config.ErrorLog = log.New(io.Discard, "", 0)
			p.StartTLS()
			t.Cleanup(p.Close)
			trusting := p.Client().Transport.(*http.Transport).TLSClientConfig
			s := onSQLite(t, func(o *Options) { o.Client = NewClient(trusting) })
			s.allow(p.URL)
			_, err := s.Send(t.Context(), charge(p.URL, s.token(marked, "987")))
			if !errors.Is(err, ErrNotSent) || version == tls.VersionTLS13 && !errors.Is(err, errOurCert) || came.Load() != 0 {
				t.Errorf("%v, %d came", err, came.Load())
			}
		})
	}
}

func TestItSpeaksTLSAndHTTP1(t *testing.T) {
	var proto atomic.Value
	p := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { proto.Store(r.Proto) }))
	p.EnableHTTP2 = true
	p.StartTLS()
	t.Cleanup(p.Close)
	s := onSQLite(t, func(o *Options) { o.Client = NewClient(p.Client().Transport.(*http.Transport).TLSClientConfig) })
	s.allow(p.URL)
	for range 2 {
		if _, err := s.Send(t.Context(), charge(p.URL, s.token(marked, "987"))); err != nil || proto.Load() != "HTTP/1.1" {
			t.Errorf("%v by %v", err, proto.Load())
		}
	}
}
