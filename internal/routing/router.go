package routing

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/recent"
	"github.com/florinpay/florin/internal/id"
)

// How long what a payment needs is kept. A publication is seen everywhere within freshness. A version never changes, so that what was
// compiled of it is good for as long as it is used.
const (
	freshness   = time.Second
	merchants   = 4096
	compiledAge = time.Hour
	compiledMax = 1024
)

// Options are what a Router stands on.
type Options struct {
	DB      *db.DB // has Schema and audit.Schema
	Ranker  Ranker // nil: the strategy adaptive keeps the merchant's order
	Clock   clock.Clock
	IDs     *id.Source
	Logger  *slog.Logger
	Metrics prometheus.Registerer // may be nil
}

// Router decides by the merchants' policies. It is safe for concurrent use. The zero value knows no policies, and keeps every merchant's
// own order.
type Router struct {
	o       Options
	store   store
	metrics metrics

	current  *recent.Cache[string, *current] // by tenant; nil: nothing is published
	compiled *recent.Cache[editionKey, *Policy]

	process string // whose tallies these are
	mu      sync.Mutex
	tallies map[trial]*counted

	forgotten time.Time // when experiments that are over were last looked for
	folded    time.Time // when counts that are quiet were last
}

// current is what a merchant's payments are routed by.
type current struct {
	policy  string
	number  int64
	rules   *Policy
	stopped map[string]bool // experiments whose challenger fell back
}

type editionKey struct {
	tenant, policy string
	number         int64
}

// NewRouter makes a router. Its Run must run as long as it is told of outcomes.
func NewRouter(o Options) *Router {
	return &Router{
		o: o, store: store{o.DB}, metrics: newMetrics(o.Metrics), process: o.IDs.New(id.Process), tallies: map[trial]*counted{}, forgotten: o.Clock.Now(), folded: o.Clock.Now(),
		current:  recent.New[string, *current](o.Clock, freshness, merchants),
		compiled: recent.New[editionKey, *Policy](o.Clock, compiledAge, compiledMax),
	}
}

// unreadable is why a decision was made without the policy that is published.
const unreadable = "policy not readable"

// Plan orders the candidates of a request. What fails inside a policy never fails the plan: the decision says what was skipped. The error
// is the context's only.
func (r *Router) Plan(ctx context.Context, req Request) (Decision, error) {
	if r.current == nil {
		return byPriority(&req), nil
	}
	now, err := r.current.Get(ctx, req.Merchant, func(ctx context.Context) (*current, error) { return r.load(ctx, req.Merchant) })
	var d Decision
	switch {
	case ctx.Err() != nil:
		return Decision{}, ctx.Err()
	case err != nil:
		r.o.Logger.Error("read a routing policy", "merchant_id", req.Merchant, "payment_id", req.Payment, "error", err)
		r.metrics.unreadable.Inc()
		d = byPriority(&req)
		d.Skipped = []Skipped{{Reason: unreadable}}
	case now == nil:
		d = byPriority(&req)
	default:
		d = now.decide(ctx, &req, r.o.Ranker)
	}
	r.metrics.decided(d)
	return d, nil
}

func (c *current) decide(ctx context.Context, req *Request, ranker Ranker) Decision {
	d := c.rules.Decide(ctx, req, World{Ranker: ranker, Stopped: func(name string) bool { return c.stopped[name] }})
	d.Policy, d.Version = c.policy, c.number
	return d
}

// load reads what a merchant has published.
func (r *Router) load(ctx context.Context, tenant string) (*current, error) {
	p, err := r.store.published(ctx, tenant)
	if err != nil || !p.routes() {
		return nil, err
	}
	c := &current{policy: p.policy, number: p.number}
	c.rules, err = r.compiled.Get(ctx, editionKey{tenant, p.policy, p.number}, func(ctx context.Context) (*Policy, error) {
		e, err := r.store.edition(ctx, tenant, p.policy, p.number)
		if err != nil {
			return nil, err
		}
		made, err := compile(e.document, nil)
		if err != nil {
			return nil, fmt.Errorf("compile version %d of %s: %w", p.number, p.policy, err)
		}
		return made, nil
	})
	if err != nil || len(c.rules.experiments) == 0 {
		return c, err
	}
	c.stopped, err = r.store.stopped(ctx, tenant, p.policy)
	return c, err
}

// Observe hears how an attempt ended, once that is committed. It does no I/O.
func (r *Router) Observe(o Outcome) {
	if r.o.Ranker != nil {
		r.o.Ranker.Learn(o)
	}
	if r.current != nil {
		r.tally(o)
	}
}
