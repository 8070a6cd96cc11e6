package sim

import (
	"time"

	"github.com/florinpay/florin/internal/routing/adaptive"
)

// Router is a contender: what decides where a payment goes first, and next.
type Router interface {
	// Rank appends the candidates to dst, the one to try first first.
	Rank(dst []Choice, q Query) []Choice
	// Observe tells how an attempt ended, once that is known, in the order in which it becomes known.
	Observe(adaptive.Outcome)
}

// Query is a payment to be routed.
type Query struct {
	At         time.Time
	Country    string
	BIN        string
	Amount     int64 // minor units
	Currency   string
	Candidates []string // providers whose breaker lets a payment through
	Bits       uint64   // random
	Facts               // of recorded payments
}

// Choice is a candidate in its place.
type Choice struct {
	Provider string
	Trial    bool // put there to learn, not because it seems best
}

// Fixed is a fixed order of priority: that in which the candidates come.
type Fixed struct{}

// Rank keeps the order.
func (Fixed) Rank(dst []Choice, q Query) []Choice {
	for _, name := range q.Candidates {
		dst = append(dst, Choice{Provider: name})
	}
	return dst
}

// Observe learns nothing.
func (Fixed) Observe(adaptive.Outcome) {}

// Adaptive is the strategy of package adaptive.
type Adaptive struct {
	strategy *adaptive.Strategy
	ranked   []adaptive.Ranked
}

// NewAdaptive makes a contender of a strategy that knows nothing yet.
func NewAdaptive(c adaptive.Config) *Adaptive { return &Adaptive{strategy: adaptive.New(c)} }

// Rank ranks by the strategy.
func (a *Adaptive) Rank(dst []Choice, q Query) []Choice {
	a.ranked = a.strategy.Rank(a.ranked[:0], q.Candidates, adaptive.Facts{Country: q.Country, BIN: q.BIN}, q.At, q.Bits)
	for _, r := range a.ranked {
		dst = append(dst, Choice{r.Provider, r.Reason == adaptive.Probed || r.Reason == adaptive.Explored})
	}
	return dst
}

// Observe teaches the strategy.
func (a *Adaptive) Observe(o adaptive.Outcome) { a.strategy.Observe(o) }

// oracle knows the world as it is at this moment, though not how a payment will end.
type oracle struct{ truth *truth }

// NewOracle makes the contender that nobody can beat in the long run. It works in a generated world only.
func NewOracle() Router { return &oracle{} }

func (o *oracle) see(t *truth) { o.truth = t }

func (o *oracle) Rank(dst []Choice, q Query) []Choice {
	now := q.At.Sub(epoch)
	segment := segmentOf(q.BIN)
	start := len(dst)
	for _, name := range q.Candidates {
		dst = append(dst, Choice{Provider: name})
		rate := o.truth.approval(now, providerOf(name), segment)
		for i := len(dst) - 1; i > start && o.truth.approval(now, providerOf(dst[i-1].Provider), segment) < rate; i-- {
			dst[i], dst[i-1] = dst[i-1], dst[i]
		}
	}
	return dst
}

func (o *oracle) Observe(adaptive.Outcome) {}
