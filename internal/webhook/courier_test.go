package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/secret"
)

// The keys of the standard's own examples, and one more.
const (
	oneSecret     = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	anotherSecret = "whsec_plJ3nmyCDGBKInavdOK15jsl"
)

var captured = event.Event{
	Merchant: shop, ID: "evt_1", Type: event.PaymentCaptured, Subject: "pay_1", CreatedAt: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	Body: []byte(`{"id":"evt_1","object":"event","type":"payment.captured","created_at":"2026-11-22T12:00:00Z","livemode":false,"data":{"id":"pay_1","description":"Zwölf Äpfel"}}`),
}

func courierFor(t *testing.T, o courierOptions) *courier {
	t.Helper()
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	c := newCourier(o)
	t.Cleanup(c.lines.close)
	return c
}

func endpointAt(url string) event.Endpoint {
	return event.Endpoint{Merchant: shop, ID: "we_1", URL: url, Secrets: []event.SigningSecret{{Secret: secret.New(oneSecret)}}}
}

// listener is a merchant's server that keeps what it hears.
type listener struct {
	*httptest.Server
	mu    sync.Mutex
	heard []heard
}

// listenAt starts a server; prepare may change it before and start it otherwise, answer answers.
func listenAt(t *testing.T, prepare func(*httptest.Server), answer http.HandlerFunc) *listener {
	t.Helper()
	l := &listener{}
	l.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read a webhook: %v", err)
		}
		l.mu.Lock()
		l.heard = append(l.heard, heard{r.Header, body})
		l.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	l.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what the tests are about
	if prepare == nil {
		l.Start()
	} else {
		prepare(l.Server)
	}
	t.Cleanup(l.Close)
	return l
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.heard)
}

// sendOnce sends one webhook in the clear to a server that answers so.
func sendOnce(t *testing.T, answer http.HandlerFunc) try {
	t.Helper()
	l := listenAt(t, nil, answer)
	return courierFor(t, courierOptions{AllowPrivate: true}).carry(t.Context(), endpointAt(l.URL), captured)
}

func TestATryRecordsWhatWasSentAndAnswered(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	l := listenAt(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Trace", "abc")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "thanks")
	})
	to := endpointAt(l.URL + "/hooks?shop=1")
	to.Headers = map[string]secret.Text{"authorization": secret.New("Bearer hunter2"), "X-Shop": secret.New("north")}
	got := courierFor(t, courierOptions{Clock: now, AllowPrivate: true}).carry(t.Context(), to, captured)
	if got.Err != nil || got.Status != 202 || string(got.ResponseBody) != "thanks" || got.Truncated || got.URL != to.URL || !got.StartedAt.Equal(now.Now()) {
		t.Fatalf("%+v", got)
	}
	if got.FirstByte <= 0 || got.Duration < got.FirstByte || got.ResponseHeader["X-Trace"][0] != "abc" {
		t.Errorf("%+v", got)
	}
	sent := l.heard[0].header
	if sent.Get("Authorization") != "Bearer hunter2" || sent.Get("X-Shop") != "north" || !bytes.Equal(l.heard[0].body, captured.Body) {
		t.Errorf("sent %v", sent)
	}
	for name, want := range map[string]string{
		"Authorization": "[hidden]", "X-Shop": "[hidden]", "Webhook-Id": "evt_1", "Webhook-Timestamp": strconv.FormatInt(now.Now().Unix(), 10),
		"Webhook-Signature": sent.Get("Webhook-Signature"), "Content-Type": "application/json", "User-Agent": "Florin-Webhooks/1.0", "Accept-Encoding": "identity",
	} {
		if values := got.RequestHeader[name]; !slices.Equal(values, []string{want}) {
			t.Errorf("recorded %s: %q, want %q", name, values, want)
		}
		if want != hiddenHeader && sent.Get(name) != want {
			t.Errorf("sent %s: %q, want %q", name, sent.Get(name), want)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v", got), "hunter2") {
		t.Error("a merchant's password is in the record")
	}
}

func TestARedirectIsAnAnswerAndIsNotFollowed(t *testing.T) {
	elsewhere := listenAt(t, nil, nil)
	for _, status := range []int{301, 302, 303, 307, 308} {
		got := sendOnce(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
		if got.Status != status || got.Err != nil || elsewhere.count() != 0 {
			t.Errorf("%d: %+v, %d followed", status, got, elsewhere.count())
		}
	}
}

func TestNobodyIsSentToWithoutALiveSecret(t *testing.T) {
	l := listenAt(t, nil, nil)
	now := clock.NewManual(captured.CreatedAt)
	c := courierFor(t, courierOptions{Clock: now, AllowPrivate: true})
	to := endpointAt(l.URL)
	to.Secrets[0].ExpiresAt = now.Now()
	if got := c.carry(t.Context(), to, captured); !errors.Is(got.Err, errNoSecret) || l.count() != 0 {
		t.Errorf("%+v, heard %d", got, l.count())
	}
}

func TestAnEndpointMayAskToBeLeftAlone(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, " 120 ": 2 * time.Minute, "0": 0, "-1": 0, "1.5": 0, "soon": 0, "+5": 0,
		"Sun, 22 Nov 2026 13:00:00 GMT":      time.Hour,
		"Sunday, 22-Nov-26 13:00:00 GMT":     time.Hour, // RFC 850
		"Sun Nov 22 13:00:00 2026":           time.Hour, // asctime
		"Sun, 22 Nov 2026 11:00:00 GMT":      0,
		"Sun, 22 Nov 2026 25:00:00 GMT":      0,
		"99999999999999999999999999999999":   (1<<31 - 1) * time.Second,
		"Fri, 31 Dec 9999 23:59:59 GMT":      1<<63 - 1,
		"Sun, 22 Nov 2026 13:00:00 GMT, 120": 0,
	} {
		if got := askedDelay(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	got := sendOnce(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if got.Status != 503 || got.RetryAfter != 7*time.Second {
		t.Errorf("%+v", got)
	}
}

func FuzzAskedDelay(f *testing.F) {
	for _, seed := range []string{"", "120", "-1", "99999999999999999999", "Sun, 22 Nov 2026 13:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "0x10", "1e9"} {
		f.Add(seed, int64(1795348800))
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		got := askedDelay(http.Header{"Retry-After": {value}}, time.Unix(unix, 0))
		if got < 0 {
			t.Fatalf("%q: %s", value, got)
		}
		if seconds, err := strconv.ParseUint(value, 10, 31); err == nil && value[0] != '+' && got != time.Duration(seconds)*time.Second {
			t.Fatalf("%q: %s", value, got)
		}
	})
}

func TestFailuresAreToldInSentences(t *testing.T) {
	for name, c := range map[string]struct {
		written string
		want    string
	}{
		"nothing":          {"", "the endpoint closed the connection without an answer"},
		"half a line":      {"HTTP/1.1 20", "what the endpoint answered is not HTTP"},
		"half a header":    {"HTTP/1.1 200 OK\r\nX-A: b\r\n", "the endpoint closed the connection without an answer"},
		"another protocol": {"220 mail.shop.example ESMTP\r\n", "what the endpoint answered is not HTTP"},
		"a wrong status":   {"HTTP/1.1 99999 OK\r\n\r\n", "what the endpoint answered is not HTTP"},
		"a wrong header":   {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "what the endpoint answered is not HTTP"},
		"no end":           {"HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", "the answer has more than 64 KiB of headers"},
	} {
		got := sendOnce(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, c.written)
			conn.Close()
		})
		if why := explain(got.Err); why != c.want {
			t.Errorf("%s: %q, of %v", name, why, got.Err)
		}
	}
	gone := listenAt(t, nil, nil)
	gone.Close()
	got := courierFor(t, courierOptions{AllowPrivate: true}).carry(t.Context(), endpointAt(gone.URL), captured)
	if why := explain(got.Err); why != "the endpoint refused the connection" {
		t.Errorf("nobody listens: %q", why)
	}
}

// Else a merchant could find out which names our own name server knows.
func TestANameOfTheInsideIsToldLikeOneThatThereIsNot(t *testing.T) {
	told := map[string]bool{}
	for _, found := range [][]netip.Addr{{netip.MustParseAddr("10.0.0.1")}, nil} {
		c := courierFor(t, courierOptions{Resolver: resolverOf(func(int) []netip.Addr { return found })})
		told[explain(c.carry(t.Context(), endpointAt("https://db.internal.example/"), captured).Err)] = true
	}
	if len(told) != 1 || !told["no address was found for the host that webhooks may go to"] {
		t.Errorf("told %v", told)
	}
}

// What a merchant is told of a failure says nothing of the network that Florin runs in, and can always be stored.
func TestExplanationsTellNothingOfTheInside(t *testing.T) {
	inside := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 53}
	for name, err := range map[string]error{
		"reset":     &net.OpError{Op: "read", Net: "tcp", Source: inside, Addr: inside, Err: errors.New("connection reset by peer")},
		"forbidden": &net.OpError{Op: "dial", Net: "tcp", Addr: inside, Err: errForbiddenAddress},
		"lookup":    &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "shop.example", Server: "10.1.2.3:53"}},
		"odd text":  errors.New("malformed \x00 \xff " + strings.Repeat("ü", 400)),
		"card":      errors.New("malformed 4242424242424242"),
		"secret":    errors.New("malformed " + oneSecret),
		"bad URL": func() error {
			_, err := newRequest(t.Context(), endpointAt("https://shop.example:x/?key=hunter2"), captured, time.Now())
			return err
		}(),
	} {
		got := explain(err)
		if got == "" || len(got) > maxWhyBytes || strings.ContainsRune(got, 0) || !utf8.ValidString(got) {
			t.Errorf("%s: %q", name, got)
		}
		for _, hidden := range []string{"10.1.2.3", "hunter2", "4242424242424242", oneSecret} {
			if strings.Contains(got, hidden) {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
	var outer *url.Error
	if errors.As(sendOnce(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }).Err, &outer) {
		t.Error("the URL is within the error")
	}
}
