package webhook

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/recent"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/limit"
)

// The bounds of a sender.
const (
	slotsOfPool = 1024 // webhooks under way, of quick endpoints and of slow ones each
	maxLanes    = 8192 // endpoints sent to at a time; the others wait for their turn
	maxHints    = 8192
	endpointAge = time.Second      // how old what is known of an endpoint may be
	awayFor     = time.Second      // how long a lane that could not be had is left alone by hints
	backlogAge  = 30 * time.Second // from when on a delivery is one of a backlog
	lagEvery    = 10 * time.Second
)

// pool is a number of slots: one is taken by sending to it and given back by receiving from it.
type pool chan struct{}

// SenderOptions are what a sender needs. The zero value of each setting is its default.
type SenderOptions struct {
	DB           *db.DB
	Store        *event.Store
	Outbox       *event.Outbox
	Clock        clock.Clock
	IDs          *id.Source
	Logger       *slog.Logger
	Metrics      prometheus.Registerer
	AllowPrivate bool          // reach loopback and private networks: for development
	Mail         *MailOptions  // nil: no endpoint is told by mail
	Lease        time.Duration // how long a lane stays with a process that died: 10 s
	Poll         time.Duration // how often to look for what is due: 200 ms
	BacklogRate  int           // old deliveries a second over all endpoints, and as many that recoveries put in line: 500. Payments and new events come first
}

// carrier makes one try.
type carrier interface {
	carry(ctx context.Context, to event.Endpoint, e event.Event) try
}

// Sender delivers events to endpoints, at least once.
//
// Each endpoint has a lane of its own. A process that finds something due in a lane leases it, and sends what is due there through a
// window of its own, so that endpoints do not wait for each other. Deliveries are not claimed one by one: a million that wait in a
// lane cost their rows and nothing else.
type Sender struct {
	db      *db.DB
	store   *event.Store
	outbox  *event.Outbox
	clock   clock.Clock
	ids     *id.Source
	logger  *slog.Logger
	metrics *metrics
	carrier carrier
	known   *recent.Cache[laneKey, event.Endpoint]
	owner   string
	lease   time.Duration
	poll    time.Duration

	quick, slow pool
	old         *limit.Limiter // of deliveries that have waited for long
	recovered   *limit.Limiter // of steps of recoveries
	tests       *limit.Tally

	mu      sync.Mutex
	lanes   map[laneKey]*lane
	away    map[laneKey]time.Time // lanes that could not be had, and when
	hints   map[laneKey]struct{}
	hinted  chan struct{} // holds one while there are hints
	running sync.WaitGroup
}

// NewSender makes a sender.
func NewSender(o SenderOptions) *Sender {
	if o.Lease == 0 {
		o.Lease = 10 * time.Second
	}
	if o.Poll == 0 {
		o.Poll = 200 * time.Millisecond
	}
	if o.BacklogRate == 0 {
		o.BacklogRate = 500
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Sender{
		db: o.DB, store: o.Store, outbox: o.Outbox, clock: o.Clock, ids: o.IDs, logger: o.Logger,
		metrics: newMetrics(o.Metrics),
		carrier: newCourier(courierOptions{Clock: o.Clock, AllowPrivate: o.AllowPrivate, Mail: o.Mail}),
		known:   recent.New[laneKey, event.Endpoint](o.Clock, endpointAge, maxLanes),
		owner:   o.IDs.New(id.Process), lease: o.Lease, poll: o.Poll,
		quick: make(pool, slotsOfPool), slow: make(pool, slotsOfPool),
		old:       limit.New(o.Clock, limit.Policy{Name: "old webhooks", Quota: o.BacklogRate, Window: time.Second, Burst: max(o.BacklogRate/10, 1)}, 1),
		recovered: limit.New(o.Clock, limit.Policy{Name: "recoveries", Quota: max(o.BacklogRate/recoveryStep, 1), Window: time.Second}, 1),
		tests:     limit.NewTally(testsOfTenant),
		lanes:     map[laneKey]*lane{}, away: map[laneKey]time.Time{}, hints: map[laneKey]struct{}{}, hinted: make(chan struct{}, 1),
	}
	return s
}

// Sweeps is the sender's other work: recoveries.
func (s *Sender) Sweeps() []db.Sweep { return []db.Sweep{event.RecoverySweep(s.goOn)} }

// Run sends until ctx ends, and then waits for what is under way.
func (s *Sender) Run(ctx context.Context) error {
	defer s.outbox.Listen(s.hear)()
	defer s.running.Wait()
	wait := time.NewTimer(0)
	defer wait.Stop()
	lag := time.NewTicker(lagEvery)
	defer lag.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
			wait.Reset(s.look(ctx))
		case <-s.hinted:
			s.follow(ctx)
		case <-lag.C:
			s.measure(ctx)
		}
	}
}

// look begins a lane for each endpoint to which something is due, nudges those that run, and tells when to look again: the longer
// it takes, the less often.
func (s *Sender) look(ctx context.Context) time.Duration {
	began := clock.Stopwatch()
	now := s.clock.Now()
	err := s.store.DueLanes(ctx, now, func(due event.DueLane) {
		if due.Free(s.owner, now) && due.Sendable(now) {
			s.begin(ctx, laneKey{due.Merchant, due.Endpoint})
		}
	})
	if err != nil && ctx.Err() == nil {
		s.logger.Error("look for due webhooks", "error", err)
	}
	s.mu.Lock()
	for _, l := range s.lanes {
		l.nudge()
	}
	s.mu.Unlock()
	return max(s.poll, 10*clock.Since(began))
}

// begin runs a lane, unless it runs already or too many do.
func (s *Sender) begin(ctx context.Context, key laneKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lanes[key] != nil || len(s.lanes) >= maxLanes || ctx.Err() != nil {
		return
	}
	l := s.newLane(key)
	s.lanes[key] = l
	s.metrics.lanes.Inc()
	s.running.Go(func() {
		l.run(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.lanes, key)
		s.metrics.lanes.Dec()
		if l.row.Version == 0 { // it could not be had
			if len(s.away) >= maxLanes {
				clear(s.away)
			}
			s.away[key] = s.clock.Now()
		}
	})
}

// hear notes which lanes a Change of this process touches, so that they need not wait for the next look, and forgets what is known
// of endpoints that it changes.
func (s *Sender) hear(c *db.Change) {
	for _, endpoint := range event.EndpointsIn(c) {
		s.known.Forget(laneKey{c.Merchant(), endpoint})
	}
	due := append(event.DueIn(c), event.LanesIn(c)...)
	if len(due) == 0 {
		return
	}
	s.mu.Lock()
	fresh := false
	for _, endpoint := range due {
		key := laneKey{c.Merchant(), endpoint}
		if l := s.lanes[key]; l != nil {
			l.nudge()
		} else if len(s.hints) < maxHints {
			s.hints[key] = struct{}{}
			fresh = true
		}
	}
	s.mu.Unlock()
	if fresh {
		select {
		case s.hinted <- struct{}{}:
		default:
		}
	}
}

// follow begins the lanes that were heard of.
func (s *Sender) follow(ctx context.Context) {
	s.mu.Lock()
	now := s.clock.Now()
	var keys []laneKey
	for key := range s.hints {
		if at, ok := s.away[key]; !ok || now.Sub(at) >= awayFor {
			delete(s.away, key)
			keys = append(keys, key)
		}
	}
	clear(s.hints)
	s.mu.Unlock()
	for _, key := range keys {
		s.begin(ctx, key)
	}
}

// endpoint is an endpoint as it was at most a second ago.
func (s *Sender) endpoint(ctx context.Context, key laneKey) (event.Endpoint, error) {
	return s.known.Get(ctx, key, func(ctx context.Context) (event.Endpoint, error) {
		return s.store.Endpoint(ctx, key.tenant, key.endpoint)
	})
}

func (s *Sender) fail(ctx context.Context, key laneKey, what string, err error) {
	if ctx.Err() != nil {
		return // it was told to stop
	}
	s.logger.ErrorContext(ctx, what, "merchant_id", key.tenant, "endpoint_id", key.endpoint, "error", err)
}

func (s *Sender) name(p pool) string {
	if p == s.slow {
		return "slow"
	}
	return "quick"
}
