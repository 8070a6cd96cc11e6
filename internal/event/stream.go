package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
)

const (
	// streamPage is how many bodies a stream holds at once.
	streamPage = 100
	// mostListed bounds what is read and kept of the events that have not settled. A busier tenant's newest events wait until
	// older ones have.
	mostListed = 50_000
	// scanPage is how many events a stream looks at in one go while it catches up.
	scanPage = 1000
	// scans is how many pages it looks at before its caller is asked whether there is something else to do.
	scans = 10
	// slack is how far behind a stream may be and still be served by what is read for all streams of its tenant.
	slack = 5 * time.Second
	// lookEvery is how often the table is looked at without a hint; another process's events come that much later.
	lookEvery = 500 * time.Millisecond
	// lookGap is the least time between two looks, and lookGapEach what each event that was found adds: a busy tenant's
	// streams wait a little longer, and its looks cost no more than a share of the time.
	lookGap     = 20 * time.Millisecond
	lookGapEach = 5 * time.Microsecond
)

// ErrTooMany is why a stream ends whose events come in faster than their order can settle.
var ErrTooMany = errors.New("more events than a stream can keep in mind while they settle")

// errClosed is why a stream cannot be opened any more.
var errClosed = errors.New("the streams are closed")

// StreamOptions are what Streams are made with.
type StreamOptions struct {
	Clock   clock.Clock
	Logger  *slog.Logger
	Metrics prometheus.Registerer // may be nil
}

// Streams lets readers follow the events of their tenants as they land. However many streams a tenant has, the table is
// asked for it by one.
type Streams struct {
	store *Store
	o     StreamOptions
	late  prometheus.Counter
	every time.Duration // lookEvery, mostListed and scanPage, but in tests
	most  int
	scan  int

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	feeds map[string]*feed
}

// feed looks at a tenant's events for all of its streams.
type feed struct {
	tenant  string
	wake    chan struct{}
	latest  atomic.Pointer[look]
	stop    context.CancelFunc
	streams int // under Streams.mu
}

// look is one look at the table. next is closed when there is a newer one.
type look struct {
	window
	next chan struct{}
}

// NewStreams makes streams of the events in s.
func NewStreams(s *Store, o StreamOptions) *Streams {
	x := &Streams{store: s, o: o, feeds: map[string]*feed{}, every: lookEvery, most: mostListed, scan: scanPage, late: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "florin_events_late_total",
		Help: "Events of this process that landed so long after they were made that open streams may have missed them. Webhooks have not.",
	})}
	x.ctx, x.stop = context.WithCancel(context.Background())
	if o.Metrics != nil {
		o.Metrics.MustRegister(x.late)
	}
	return x
}

// Close ends the looking and waits for it. Streams that are open hear of nothing new.
func (x *Streams) Close() {
	x.mu.Lock()
	x.stop()
	x.mu.Unlock()
	x.running.Wait()
}

// Landed has a tenant's streams look at once: a Change of this process has landed. It is for Outbox.Listen.
func (x *Streams) Landed(c *db.Change) {
	rows := c.Rows(eventTable)
	if len(rows) == 0 {
		return
	}
	settled := id.Floor(id.Event, x.o.Clock.Now().Add(-settle))
	for _, r := range rows {
		if event, ok := r[1].(string); ok && event < settled {
			x.late.Inc()
			x.o.Logger.Warn("event landed late", "merchant_id", c.Merchant(), "event", event)
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if f := x.feeds[c.Merchant()]; f != nil {
		select {
		case f.wake <- struct{}{}:
		default: // it will look already
		}
	}
}

// join is the tenant's feed, with one stream more.
func (x *Streams) join(tenant string) (*feed, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ctx.Err() != nil {
		return nil, errClosed
	}
	f := x.feeds[tenant]
	if f == nil {
		ctx, stop := context.WithCancel(x.ctx)
		f = &feed{tenant: tenant, wake: make(chan struct{}, 1), stop: stop}
		f.latest.Store(&look{window: window{above: "~"}, next: make(chan struct{})}) // of nothing: above every id
		x.feeds[tenant] = f
		x.running.Go(func() { x.follow(ctx, f) })
	}
	f.streams++
	return f, nil
}

// leave takes a stream from a feed, which ends with its last.
func (x *Streams) leave(f *feed) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f.streams--; f.streams == 0 {
		f.stop()
		delete(x.feeds, f.tenant)
	}
}

// follow looks for a feed: when woken, and every so often.
func (x *Streams) follow(ctx context.Context, f *feed) {
	tick := time.NewTicker(x.every)
	defer tick.Stop()
	failing := false
	for {
		seen, err := x.look(ctx, f.tenant, x.o.Clock.Now().Add(-settle-slack), x.most)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failing = false
			was := f.latest.Swap(&look{seen, make(chan struct{})})
			close(was.next)
		case !failing: // told once, until it works again
			failing = true
			x.o.Logger.Error("look for events to stream", "merchant_id", f.tenant, "error", err)
		}
		rest := time.NewTimer(lookGap + time.Duration(len(seen.all))*lookGapEach)
		select {
		case <-ctx.Done():
			rest.Stop()
			return
		case <-rest.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-f.wake:
		}
	}
}

// look reads what a tenant has since a time.
func (x *Streams) look(ctx context.Context, tenant string, since time.Time, limit int) (window, error) {
	return x.lookAbove(ctx, tenant, id.Floor(id.Event, since), limit)
}

func (x *Streams) lookAbove(ctx context.Context, tenant, above string, limit int) (window, error) {
	w := window{above: above, at: x.o.Clock.Now()} // before the reading: what is there by then is seen
	var err error
	w.all, err = x.store.above(ctx, tenant, above, limit)
	w.full = len(w.all) >= limit
	return w, err
}

// Stream is one reader of a tenant's events. It is for one goroutine.
type Stream struct {
	streams *Streams
	feed    *feed
	place   *place
	seen    *look    // the last look that was made use of
	now     window   // what is being sent
	queue   []string // what is left of it
}

// Streamed is an event on its way to a reader, with the place behind it.
type Streamed struct {
	Event
	Cursor Cursor
}

// Open begins to read a tenant's events behind a cursor: those that a filter takes, or all without filters. The reader must
// Close it.
func (x *Streams) Open(ctx context.Context, tenant string, filters []string, from Cursor) (*Stream, error) {
	p, err := x.place(ctx, tenant, filters, from)
	if err != nil {
		return nil, fmt.Errorf("open a stream of events: %w", err)
	}
	f, err := x.join(tenant)
	if err != nil {
		return nil, fmt.Errorf("open a stream of events: %w", err)
	}
	return &Stream{streams: x, feed: f, place: p}, nil
}

func (x *Streams) place(ctx context.Context, tenant string, filters []string, from Cursor) (*place, error) {
	if from == (Cursor{}) {
		there, err := x.look(ctx, tenant, x.o.Clock.Now().Add(-settle), x.most)
		if err != nil {
			return nil, err
		}
		return begin(filters, there), nil
	}
	var there window
	if from.count > 0 {
		var err error
		if there.all, err = x.store.between(ctx, tenant, from.floor, from.last, x.most); err != nil {
			return nil, err
		}
		there.full = len(there.all) >= x.most
	}
	return resume(from, filters, there), nil
}

// Close ends the stream.
func (s *Stream) Close() { s.streams.leave(s.feed) }

// Cursor is the place behind everything that was read so far. It moves on with time, also where nothing is to be read.
func (s *Stream) Cursor() Cursor { return s.place.cursor() }

// Changed is closed when there may be more to read.
func (s *Stream) Changed() <-chan struct{} { return s.seen.next }

// Read is what there is to send now, at most streamPage events, each of which then counts as sent. Unless more is true there
// is nothing else before Changed. Events come in the order of their ids, but for those that landed late.
func (s *Stream) Read(ctx context.Context) (page []Streamed, more bool, err error) {
	for range scans {
		if len(s.queue) > 0 {
			page, err = s.take(ctx)
			return page, err == nil, err
		}
		latest := s.feed.latest.Load()
		if latest == s.seen {
			return nil, false, nil
		}
		if latest.above <= s.place.floor {
			s.seen = latest
			s.turn(latest.window)
			continue
		}
		w, err := s.streams.lookAbove(ctx, s.feed.tenant, s.place.floor, s.streams.scan)
		if err != nil {
			return nil, false, fmt.Errorf("read a stream of events: %w", err)
		}
		if !w.full {
			s.seen = latest
		}
		s.turn(w)
	}
	return nil, true, nil
}

// turn begins with another window.
func (s *Stream) turn(w window) {
	s.now, s.queue = w, s.place.missing(w)
	if len(s.queue) == 0 {
		s.place.raise(w.settled())
	}
}

// take is the next page of what is queued.
func (s *Stream) take(ctx context.Context) ([]Streamed, error) {
	ids := s.queue[:min(len(s.queue), streamPage)]
	events, err := s.streams.store.these(ctx, s.feed.tenant, ids)
	if err != nil {
		return nil, fmt.Errorf("read a stream of events: %w", err)
	}
	page := make([]Streamed, 0, len(events))
	settled := s.now.settled()
	for _, one := range ids {
		s.place.done(one, settled)
		if i := len(page); i < len(events) && events[i].ID == one { // else its time was over before it was read
			page = append(page, Streamed{events[i], s.place.cursor()})
		}
	}
	if s.queue = s.queue[len(ids):]; len(s.queue) == 0 {
		s.place.raise(settled)
		s.now, s.queue = window{}, nil
	}
	if len(s.place.sent) > 2*s.streams.most {
		return nil, ErrTooMany
	}
	return page, nil
}
