package vault

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"syscall"
)

// maxAnswer is how long a provider's answer may be.
const maxAnswer = 1 << 20

// staleTries is how often a request moves to another connection when the one it got had been closed by the other side
// before anything was written.
const staleTries = 3

// What can go wrong on the way, in words of ours: a library's error may quote the URL or what the other side sent.
var (
	errTimedOut    = fmt.Errorf("timed out: %w", context.DeadlineExceeded)
	errCanceled    = fmt.Errorf("given up by the caller: %w", context.Canceled)
	errRefused     = errors.New("connection refused")
	errReset       = errors.New("connection reset")
	errClosed      = errors.New("connection closed before the answer")
	errNoHost      = errors.New("host not found")
	errUntrusted   = errors.New("the other side's certificate is not trusted")
	errOurCert     = errors.New("the other side does not accept our certificate")
	errNoTLS       = errors.New("the other side does not speak TLS")
	errExchange    = errors.New("exchange failed")
	errAnswerLong  = errors.New("the answer is too long")
	errAnswerCoded = errors.New("the answer has an encoding that was not asked for")
)

// causes are asked from the top.
var causes = []struct {
	is  func(error) bool
	say error
}{
	{isOurCert, errOurCert},
	{func(err error) bool { return errors.Is(err, context.Canceled) }, errCanceled},
	{isTimeout, errTimedOut},
	{func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }, errRefused},
	{func(err error) bool { return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) }, errReset},
	{func(err error) bool { return errors.As(err, new(*net.DNSError)) }, errNoHost},
	{func(err error) bool { return errors.As(err, new(*tls.CertificateVerificationError)) }, errUntrusted},
	{func(err error) bool { return errors.As(err, new(tls.RecordHeaderError)) }, errNoTLS},
	{func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }, errClosed},
}

func causeOf(err error) error {
	for _, c := range causes {
		if c.is(err) {
			return c.say
		}
	}
	return errExchange
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// certificateAlerts end a handshake because of the client's certificate. Source: RFC 8446, section 6.2.
var certificateAlerts = map[string]bool{
	"42": true, "43": true, "44": true, "45": true, "46": true, "48": true, "116": true,
}

// isOurCert tells whether the other side ended the handshake because of our certificate. In TLS 1.3 the client hears of it
// only when it reads the answer; the request it wrote meanwhile was never opened.
func isOurCert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" && certificateAlerts[fmt.Sprintf("%d", op.Err)]
}

// message is a request that is ready to go.
type message struct {
	method string
	to     *url.URL
	header http.Header
	body   *payload
	bound  int64 // how long the answer may be
}

// exchange sends a message once and reads the whole answer. Its error is ErrNotSent if surely nothing left; it carries
// neither the URL nor the body. It ends with the context, which must have a deadline.
func exchange(ctx context.Context, rt http.RoundTripper, m message) (Response, error) {
	for try := 1; ; try++ {
		w := &way{payload: m.body}
		traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: w.got, WroteRequest: w.wrote})
		answer, err := rt.RoundTrip(newRequest(traced, m))
		if err == nil {
			return readAnswer(answer, m.bound)
		}
		cause := causeOf(err)
		switch {
		case !w.unsent() && !(cause == errOurCert && !w.kept()):
			return Response{}, cause
		case w.kept() && try < staleTries && ctx.Err() == nil:
		default:
			return Response{}, fmt.Errorf("%w: %w", ErrNotSent, cause)
		}
	}
}

// newRequest has a body that net/http cannot rewind, and headers that it does not take for a promise (see plainHeader):
// it would send again by itself what was already written.
func newRequest(ctx context.Context, m message) *http.Request {
	r := &http.Request{
		Method: m.method, URL: m.to, Host: m.to.Host, Header: m.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: m.body.body(), ContentLength: int64(len(m.body.data)),
	}
	return r.WithContext(ctx)
}

// plainHeader is the key under which a header is kept. net/http takes a request whose Idempotency-Key it sees for one that may be
// sent twice; in lower case it is the same header to the other side, and none to net/http.
func plainHeader(name string) string {
	name = http.CanonicalHeaderKey(name)
	if name == "Idempotency-Key" || name == "X-Idempotency-Key" {
		return strings.ToLower(name)
	}
	return name
}

func readAnswer(answer *http.Response, bound int64) (Response, error) {
	defer answer.Body.Close()
	if coding := answer.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return Response{}, errAnswerCoded
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, bound+1))
	switch {
	case err != nil:
		clear(body)
		return Response{}, causeOf(err)
	case int64(len(body)) > bound:
		clear(body)
		return Response{}, errAnswerLong
	}
	return Response{Status: answer.StatusCode, Header: answer.Header, Body: body}, nil
}

// way is the connections that one request was given.
type way struct {
	payload *payload

	mu    sync.Mutex
	gates []passed
	open  bool // a connection that is no gate: it cannot be known what left through it
	stale bool
}

type passed struct {
	gate *gate
	mark uint64
}

func (w *way) got(info httptrace.GotConnInfo) {
	w.payload.handed()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stale = info.Reused
	if g, ok := info.Conn.(*gate); ok {
		w.gates = append(w.gates, passed{g, g.mark()})
		return
	}
	w.open = true
}

func (w *way) wrote(httptrace.WroteRequestInfo) { w.payload.written() }

// unsent tells whether nothing of the request left, and that nothing will.
func (w *way) unsent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := !w.open
	for _, p := range w.gates {
		all = p.gate.shutUnsent(p.mark) && all
	}
	return all
}

// kept tells whether the last connection had served another request before.
func (w *way) kept() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stale
}
