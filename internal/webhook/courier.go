package webhook

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/obs"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

// The bounds of one try.
const (
	tryTimeout  = 15 * time.Second // in all, until the answer's body was read
	dialTimeout = 5 * time.Second  // to resolve the name and to connect; as much again for TLS

	keptBody    = 16 << 10 // bytes
	keptHeader  = 8 << 10  // bytes of names and values
	readHeader  = 64 << 10 // bytes; an answer with more is none
	beyondKept  = 128      // bytes that are read past the kept ones, so that a card number across their end is seen whole
	maxWhyBytes = 300
)

// hiddenHeader stands for a merchant's own header value in what is recorded.
const hiddenHeader = "[hidden]"

// try is one try as it went: what is recorded as an attempt.
type try struct {
	StartedAt      time.Time
	Duration       time.Duration // until the answer's body was read, or the failure
	FirstByte      time.Duration // 0: no answer
	URL            string
	RequestHeader  map[string][]string // the merchant's own values as [hidden]
	Status         int                 // HTTP's, or SMTP's for mail; 0: no answer
	ResponseHeader map[string][]string // 8 KiB in all: what does not fit is left out
	ResponseBody   []byte              // the first 16 KiB as they came, never unpacked; card numbers masked
	Truncated      bool                // the body went on, or broke off
	RetryAfter     time.Duration       // 0: not asked for
	Err            error               // why there was no answer; explain says it to the merchant
}

// courierOptions make a courier.
type courierOptions struct {
	Clock        clock.Clock
	AllowPrivate bool           // loopback and private networks: for development
	Resolver     *net.Resolver  // nil: the system's
	Roots        *x509.CertPool // nil: the system's
	Mail         *MailOptions   // nil: no mail is sent
}

// courier carries one event to one endpoint, once. When, how often and how many at a time is for others to say.
type courier struct {
	clock    clock.Clock
	lines    *lines
	mail     *MailOptions
	dialMail func(ctx context.Context, network, address string) (net.Conn, error)
}

func newCourier(o courierOptions) *courier {
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: o.Resolver} // the operator's own server may be anywhere
	return &courier{clock: o.Clock, lines: newLines(o), mail: o.Mail, dialMail: dialer.DialContext}
}

// carry sends an event to an endpoint and tells how it went. A status is an answer even if its body broke off: whoever
// said 200 has the event. It takes 15 seconds at most.
func (c *courier) carry(ctx context.Context, to event.Endpoint, e event.Event) try {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	t := try{StartedAt: c.clock.Now(), URL: to.URL}
	start := clock.Stopwatch()
	if isMail(to.URL) {
		t.Err = c.sendMail(ctx, &t, to, e, start)
	} else {
		t.Err = c.post(ctx, &t, to, e, start)
	}
	t.Duration = clock.Since(start)
	return t
}

func (c *courier) post(ctx context.Context, t *try, to event.Endpoint, e event.Event, start time.Time) error {
	var firstByte atomic.Int64 // the connection's reader may still report it when the try is over
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotFirstResponseByte: func() { firstByte.Store(int64(clock.Since(start))) },
	})
	request, err := newRequest(ctx, to, e, t.StartedAt)
	if err != nil {
		return err
	}
	t.RequestHeader = shownHeader(request.Header, to.Headers)
	line, err := c.lines.to(to)
	if err != nil {
		return err
	}
	response, err := line.RoundTrip(request) // no client around it: none follows a redirect or keeps a cookie
	t.FirstByte = time.Duration(firstByte.Load())
	if err != nil {
		return err
	}
	defer response.Body.Close() // the answer is judged by its status, and what was read is kept: nothing can fail here
	t.Status, t.RetryAfter = response.StatusCode, askedDelay(response.Header, c.clock.Now())
	if t.Status >= http.StatusOK { // what follows a 101 is no body, and would not end with the try
		t.ResponseBody, t.Truncated = readAnswer(response.Body)
	}
	vault.MaskNumbers(t.ResponseBody)
	t.ResponseBody = t.ResponseBody[:min(len(t.ResponseBody), keptBody)]
	t.ResponseHeader = boundHeader(response.Header)
	return nil
}

// newRequest is the webhook, signed. What the merchant added takes the place of nothing that is ours.
func newRequest(ctx context.Context, to event.Endpoint, e event.Event, now time.Time) (*http.Request, error) {
	secrets := to.Signing(now)
	if len(secrets) == 0 {
		return nil, errNoSecret
	}
	signature, err := Sign(secrets, e.ID, now, e.Body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(e.Body))
	if err != nil {
		return nil, errBadURL // it may hold a key, and the error names it
	}
	for name, value := range to.Headers {
		if !reservedHeader(http.CanonicalHeaderKey(name)) {
			request.Header.Set(name, value.Reveal())
		}
	}
	for name, value := range map[string]string{
		"Accept-Encoding": "identity", "Content-Type": "application/json", "User-Agent": userAgent,
		"Webhook-Id": e.ID, "Webhook-Timestamp": strconv.FormatInt(now.Unix(), 10), "Webhook-Signature": signature,
	} {
		request.Header.Set(name, value)
	}
	return request, nil
}

const userAgent = "Florin-Webhooks/1.0"

var (
	errNoSecret = errors.New("the endpoint has no secret that could sign")
	errBadURL   = errors.New("the URL cannot be read")
)

// shownHeader is a request's header as it is recorded: what the merchant added may be a password.
func shownHeader(h http.Header, own map[string]secret.Text) map[string][]string {
	shown := h.Clone()
	for name := range own {
		if name = http.CanonicalHeaderKey(name); !reservedHeader(name) {
			shown[name] = []string{hiddenHeader}
		}
	}
	return shown
}

// readAnswer reads what is kept of an answer, and a little more.
func readAnswer(body io.Reader) (read []byte, truncated bool) {
	read, err := io.ReadAll(io.LimitReader(body, keptBody+beyondKept))
	return read, err != nil || len(read) > keptBody
}

// boundHeader is as much of a header as is kept, by name, fit to be stored as text. A card number cannot be covered in a name, so
// such a line goes.
func boundHeader(h http.Header) map[string][]string {
	kept := map[string][]string{}
	left := keptHeader
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if vault.MaskNumbers([]byte(name)) {
			continue
		}
		for _, raw := range h[name] {
			masked := []byte(raw)
			vault.MaskNumbers(masked)
			value := strings.ToValidUTF8(strings.ReplaceAll(string(masked), "\x00", ""), "\ufffd")
			if size := len(name) + len(value); size <= left {
				kept[name] = append(kept[name], value)
				left -= size
			}
		}
	}
	return kept
}

// askedDelay is how long an answer asks to be left alone: by seconds, or until a date; 0 if it does not, or if the date is past.
// Source: RFC 9110, section 10.2.3.
func askedDelay(h http.Header, now time.Time) time.Duration {
	asked := strings.TrimSpace(h.Get("Retry-After"))
	if asked != "" && strings.Trim(asked, "0123456789") == "" {
		seconds, err := strconv.ParseUint(asked, 10, 31)
		if err != nil { // more than 31 bits
			seconds = 1<<31 - 1
		}
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(asked)
	if err != nil {
		return 0
	}
	return max(0, until.Sub(now))
}

// explain is why there was no answer, for the merchant to read. It leaves out what the errors say of our own network: our
// resolver, our addresses, and what a name means to us.
func explain(err error) string {
	var lookup *net.DNSError
	var operation *net.OpError
	var late net.Error
	switch {
	case errors.Is(err, errForbiddenAddress) || errors.As(err, &lookup): // alike: else our resolver could be asked which names are known inside
		return "no address was found for the host that webhooks may go to"
	case errors.Is(err, context.Canceled):
		return "the try was broken off"
	case errors.As(err, &late) && late.Timeout():
		return "the endpoint did not answer in time"
	case errors.Is(err, errMail):
		return err.Error()
	case errors.As(err, &operation):
		err = operation.Err
	}
	if plain := plainly(err); plain != "" {
		return plain
	}
	text := obs.Mask(strings.ReplaceAll(err.Error(), "\x00", "")) // it may quote what was no answer
	return strings.ToValidUTF8(text[:min(len(text), maxWhyBytes)], "")
}

// plainly says in a sentence what net and net/http say in words of their own, most of which have no error to compare with; empty for
// what is none of that.
func plainly(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the endpoint refused the connection"
	case strings.Contains(text, "malformed HTTP"), strings.Contains(text, "malformed MIME"):
		return "what the endpoint answered is not HTTP"
	case strings.Contains(text, "HTTP response to HTTPS client"):
		return "the endpoint speaks no TLS"
	case strings.Contains(text, "response headers exceeded"):
		return "the answer has more than 64 KiB of headers"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), strings.HasSuffix(text, "EOF"),
		strings.Contains(text, "server closed idle connection"):
		return "the endpoint closed the connection without an answer"
	}
	if _, broken, ok := strings.Cut(text, "transport connection broken: "); ok {
		return "the answer of the endpoint cannot be read: " + obs.Mask(strings.ToValidUTF8(strings.ReplaceAll(broken[:min(len(broken), maxWhyBytes/2)], "\x00", ""), ""))
	}
	return ""
}
