// Package adaptive ranks providers by how likely the issuer is to approve through each of them, as learnt from outcomes.
//
//	s := adaptive.New(adaptive.Config{})
//	s.Warm(history)
//	ranked := s.Rank(nil, []string{"pa_1", "pa_2"}, adaptive.Facts{Country: "DE", BIN: "424242"}, now, bits)
//	s.Observe(adaptive.Outcome{Provider: "pa_1", Country: "DE", BIN: "424242", Class: adaptive.Approved, At: now})
//
// It is made of three things. A discounted count of approvals for each provider and BIN, from which the effects of provider,
// provider in a country, and provider with a BIN are estimated together, each shrunk by as much as the data say (estimate.go).
// A detector of sudden drops of one provider, or of one provider in one country (brownout.go). And a draw: a provider of which
// little is known may go first now and then, the rarer the more is known (rank.go).
//
// Rates are floats; money does not occur here.
package adaptive

import (
	"iter"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Config tunes a Strategy. The zero value of a field means its default.
type Config struct {
	HalfLife    time.Duration // after which one of few outcomes counts half; 24 h
	Temperature float64       // of the draw, as a part of the standard error: 0 takes the default, Greedy none at all
	Segments    int           // how many pairs of country and BIN are told apart at most; 4,096
	Providers   int           // how many providers at most; 64
	Refresh     time.Duration // how long outcomes may wait until estimates follow; 30 s
	Detector    Detector
}

// Greedy is the Temperature of a strategy that always takes the highest estimate.
const Greedy = -1

// maxCountries is how many countries are told apart at most: there are about 250.
const maxCountries = 300

func (c Config) withDefaults() Config {
	set(&c.HalfLife, 24*time.Hour)
	set(&c.Temperature, 0.25)
	set(&c.Segments, 4096)
	set(&c.Providers, 64)
	set(&c.Refresh, 30*time.Second)
	if c.Temperature == Greedy {
		c.Temperature = 0
	}
	c.Detector = c.Detector.withDefaults()
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Outcome is how one attempt ended.
type Outcome struct {
	Provider string // provider account
	Country  string // of the issuer, ISO 3166-1 alpha-2; may be empty
	BIN      string // may be empty
	Class    Class
	At       time.Time // when it was known
}

// Facts are what is known of a payment before it is sent.
type Facts struct {
	Country string
	BIN     string
}

// Strategy learns from outcomes and ranks candidates. It is safe for concurrent use: Rank takes no lock.
type Strategy struct {
	config Config

	mu    sync.Mutex // guards model
	model model

	table atomic.Pointer[table]
}

// New makes a strategy that knows nothing yet.
func New(c Config) *Strategy {
	c = c.withDefaults()
	s := &Strategy{config: c, model: newModel(c)}
	s.table.Store(s.model.publish())
	return s
}

// Observe learns from an outcome. Technical failures and declines that are the customer's own fault teach nothing: the first are the
// breaker's business, the second would have come from any provider. An outcome that is late counts as little as its age says.
func (s *Strategy) Observe(o Outcome) {
	if o.Class != Approved && o.Class != Issuer {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.model.observe(o)
	if s.model.stale(o.At) {
		s.model.refresh(o.At)
		s.table.Store(s.model.publish())
	}
}

// Warm learns from outcomes of the past, oldest first, before the first decision.
func (s *Strategy) Warm(history iter.Seq[Outcome]) {
	for o := range history {
		s.Observe(o)
	}
	s.Settle()
}

// Settle brings the estimates to where many refreshes would: after a warm start.
func (s *Strategy) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range settlingSweeps {
		s.model.refresh(s.model.at)
	}
	s.table.Store(s.model.publish())
}

// Strengths are the prior strengths as learnt so far: how many outcomes of its own weigh as much as what the level above says.
type Strengths struct{ Provider, Country, BIN float64 }

// Strengths tells what was learnt about how much levels differ.
func (s *Strategy) Strengths() Strengths {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Strengths{s.model.strength(perProvider), s.model.strength(perCountry), s.model.strength(perBIN)}
}

// decay is what remains of a weight after d.
func decay(d, halfLife time.Duration) float64 {
	return math.Exp2(-float64(d) / float64(halfLife))
}
