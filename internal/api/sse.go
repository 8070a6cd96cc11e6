package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/obs"
	"github.com/florinpay/florin/internal/problem"
)

const (
	eventStream = "text/event-stream"
	// itemSchema is where the document says what the data of each event is: OpenAPI 3.1 has no word for it.
	itemSchema = "x-item-schema"
)

// The bounds of streams.
const (
	streamsOfTenant  = 10
	streamsOfProcess = 1000

	takeTimeout = 10 * time.Second // for a reader to take what is written to it
	heartbeat   = 15 * time.Second // the longest silence
	recheck     = 30 * time.Second // between two looks at the key of a stream's reader
	partTimeout = time.Second      // for the end of a stream to get out
)

// source is what a stream sends. It is for one goroutine.
type source interface {
	// next is what there is to send now, a page at most. Unless more is true there is nothing else before changed.
	next(ctx context.Context) (page []frame, more bool, err error)
	changed() <-chan struct{}
	// cursor is the place behind everything that next gave.
	cursor() string
	close()
}

// frame is one server-sent event.
type frame struct {
	id, event string
	data      []byte
}

// registerStream adds an operation whose answer is a stream of server-sent events. What open refuses is answered as any
// refusal; what it opens is sent until the reader goes.
func registerStream[I any](a *API, o operation, open func(ctx context.Context, rq *request, in *I) (source, error)) {
	a.streams.of(o.stream)
	operate(a, o, func(ctx context.Context, rq *request, in *I) (func(), error) {
		leave, err := a.streams.enter(rq.principal.Tenant, rq.operation.stream)
		if err != nil {
			return nil, err
		}
		from, err := open(ctx, rq, in)
		if err != nil {
			leave()
			return nil, err
		}
		return func() {
			defer leave()
			defer from.close()
			a.streams.cut(newSender(a, rq).run(from))
		}, nil
	})
}

// Release ends the streams that are open, at once, and lets no other open: for a server that shuts down, and waits for the
// requests under way.
func (a *API) Release() { a.streams.stop() }

// The reasons why a stream ends before its reader has gone.
const (
	cutSlow     = "slow"     // the reader did not take what was written
	cutShutdown = "shutdown" // the server stops
	cutRefused  = "refused"  // the key does not work any more
	cutFailed   = "failed"   // what is to be sent could not be read
	cutNone     = ""         // it was the reader who went
)

// streams are those that are open.
type streams struct {
	ctx  context.Context // ends with Release
	stop context.CancelFunc

	mu  sync.Mutex
	all int
	by  map[string]int // tenant

	open *prometheus.GaugeVec
	ends *prometheus.CounterVec
}

func newStreams(r prometheus.Registerer) *streams {
	s := &streams{
		by: map[string]int{},
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "florin_event_streams", Help: "Streams of server-sent events that are open, by what they send.",
		}, []string{"kind"}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "florin_event_streams_cut_total", Help: "Streams that ended before their reader had gone, by why.",
		}, []string{"reason"}),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	for _, reason := range []string{cutSlow, cutShutdown, cutRefused, cutFailed} {
		s.ends.WithLabelValues(reason)
	}
	if r != nil {
		r.MustRegister(s.open, s.ends)
	}
	return s
}

// of has a kind of stream counted from the start.
func (s *streams) of(kind string) { s.open.WithLabelValues(kind) }

// enter counts one stream more. It fails with fault.RateLimited if the tenant has as many as it may have, and with
// fault.Unavailable if the process has, or stops.
func (s *streams) enter(tenant, kind string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ctx.Err() != nil:
		return nil, &fault.Error{Kind: fault.Unavailable, Code: fault.CodeOverloaded, Detail: "the server is shutting down", RetryAfter: time.Second}
	case s.by[tenant] >= streamsOfTenant:
		return nil, &fault.Error{Kind: fault.RateLimited, Code: problem.CodeTooManyStreams, Detail: "10 streams are open already", RetryAfter: heartbeat}
	case s.all >= streamsOfProcess:
		return nil, &fault.Error{Kind: fault.Unavailable, Code: fault.CodeOverloaded, Detail: "too many streams are open", RetryAfter: heartbeat}
	}
	s.all++
	s.by[tenant]++
	open := s.open.WithLabelValues(kind)
	open.Inc()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.by[tenant]--; s.by[tenant] == 0 {
			delete(s.by, tenant)
		}
		open.Dec()
	}, nil
}

func (s *streams) cut(reason string) {
	if reason != cutNone {
		s.ends.WithLabelValues(reason).Inc()
	}
}

// sender writes one stream to its reader.
type sender struct {
	api        *API
	rq         *request
	ctx        context.Context // ends when the reader goes
	connection *http.ResponseController
	told       string // the last cursor that was written
}

func newSender(a *API, rq *request) *sender {
	return &sender{api: a, rq: rq, ctx: obs.With(rq.Request.Context(), obs.MerchantID, rq.principal.Tenant), connection: http.NewResponseController(rq)}
}

// run sends until the reader goes, or has to; it tells why.
func (s *sender) run(from source) string {
	defer s.part()
	// The server's deadline for reading the request would end the stream.
	if err := s.connection.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return cutNone
	}
	// A write that waits for its reader must not keep the server from stopping.
	defer s.hurry()()
	s.rq.Header()["Content-Type"] = []string{eventStream}
	s.rq.WriteHeader(http.StatusOK)
	if s.rq.Request.Method == http.MethodHead {
		return cutNone
	}
	if err := s.write("retry: 1000\n" + s.place(from) + "\n"); err != nil {
		return s.reason(err)
	}
	return s.feed(from)
}

// feed is the life of a stream behind its head.
func (s *sender) feed(from source) string {
	beat, check := time.NewTicker(heartbeat), time.NewTicker(recheck)
	defer beat.Stop()
	defer check.Stop()
	now := make(chan struct{})
	close(now)
	for {
		sent, more, err := s.page(from)
		if err != nil {
			return s.reason(err)
		}
		if sent {
			beat.Reset(heartbeat)
		}
		ready := (<-chan struct{})(now)
		if !more {
			ready = from.changed()
		}
		select {
		case <-s.ctx.Done():
			return cutNone
		case <-s.api.streams.ctx.Done():
			return cutShutdown
		case <-beat.C:
			if err := s.write(": heartbeat\n" + s.place(from) + "\n"); err != nil {
				return s.reason(err)
			}
		case <-check.C:
			if !s.welcome() {
				return cutRefused
			}
		case <-ready:
		}
	}
}

// page sends what there is.
func (s *sender) page(from source) (sent, more bool, err error) {
	ctx, done := context.WithTimeout(s.ctx, lookTimeout)
	frames, more, err := from.next(ctx)
	done()
	if err != nil {
		return false, false, sourceError{err}
	}
	for i, f := range frames {
		s.told = f.id
		if err := s.put(f.text(), i == len(frames)-1); err != nil {
			return false, false, err
		}
	}
	return len(frames) > 0, more, nil
}

// text is a frame as the HTML standard has it. A line break in the data begins a new line of data.
func (f frame) text() []byte {
	var b bytes.Buffer
	b.Grow(len(f.data) + len(f.id) + len(f.event) + 32)
	b.WriteString("id: " + f.id + "\nevent: " + f.event + "\n")
	for line := range bytes.SplitSeq(f.data, []byte("\n")) {
		b.WriteString("data: ")
		b.Write(line)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// place is a line with the cursor, if it has moved: who comes back with it goes on from here, even if nothing was to be sent.
func (s *sender) place(from source) string {
	at := from.cursor()
	if at == s.told {
		return ""
	}
	s.told = at
	return "id: " + at + "\n"
}

func (s *sender) write(text string) error { return s.put([]byte(text), true) }

// put writes, within a bound of time.
func (s *sender) put(text []byte, flush bool) error {
	if err := s.connection.SetWriteDeadline(clock.Stopwatch().Add(takeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if s.api.streams.ctx.Err() != nil { // before the deadline was set; who comes after it sets another
		return context.Canceled
	}
	if _, err := s.rq.Write(text); err != nil {
		return err
	}
	if !flush {
		return nil
	}
	if err := s.connection.Flush(); err != nil {
		return err
	}
	// Silence is no slowness.
	if err := s.connection.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// hurry has a write that waits fail when the streams are to end. What it returns undoes that, and waits for it if it is under way: or its
// deadline could come after the one of part.
func (s *sender) hurry() (undo func()) {
	hurried := make(chan struct{})
	stop := context.AfterFunc(s.api.streams.ctx, func() {
		defer close(hurried)
		_ = s.connection.SetWriteDeadline(clock.Stopwatch())
	})
	return func() {
		if !stop() {
			<-hurried
		}
	}
}

// part leaves a little time for the end to get out.
func (s *sender) part() {
	_ = s.connection.SetWriteDeadline(clock.Stopwatch().Add(partTimeout)) // without deadlines, it takes what it takes
}

// sourceError is a failure to read what is to be sent.
type sourceError struct{ error }

func (e sourceError) Unwrap() error { return e.error }

func (s *sender) reason(err error) string {
	var failed sourceError
	switch {
	case s.api.streams.ctx.Err() != nil:
		return cutShutdown
	case errors.As(err, &failed) && s.ctx.Err() == nil:
		s.api.Logger.ErrorContext(s.ctx, "stream failed", "path", s.rq.Request.Pattern, "error", err)
		return cutFailed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return cutSlow
	}
	return cutNone
}

// welcome tells whether the reader's key still works. If nobody can say, it does until somebody can.
func (s *sender) welcome() bool {
	ctx, done := context.WithTimeout(s.ctx, admitTimeout)
	defer done()
	p, err := s.api.Authenticate(ctx, s.rq.Request)
	if err == nil {
		err = p.Require(s.rq.operation.scope)
	}
	return !fault.Is(err, fault.Unauthorized) && !fault.Is(err, fault.Forbidden)
}
