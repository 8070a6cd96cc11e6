package adaptive

import (
	"math"
	"sync/atomic"
	"time"
)

// A brown-out is a provider that answers and refuses: nothing for the breaker to see. Discounted rates see it after hours. So each
// provider, and each provider in a country, has a sequential test (CUSUM) of the outcomes that come against what the estimates expect.

// Detector tunes the test. The zero value of a field means its default.
type Detector struct {
	Drop    float64       // the part of its approvals that a provider keeps in the brown-out that is looked for; 0.6
	Alarm   float64       // the evidence, as a logarithm of likelihoods, that means a brown-out; 6
	Clear   float64       // the evidence that means its end; 1.2
	Probe   time.Duration // between probes while nothing speaks for its end; 2 min
	Longest time.Duration // after which it is no brown-out any more, but what the provider is like; 6 h
}

func (d Detector) withDefaults() Detector {
	set(&d.Drop, 0.6)
	set(&d.Alarm, 6)
	set(&d.Clear, 1.2)
	set(&d.Probe, 2*time.Minute)
	set(&d.Longest, 6*time.Hour)
	return d
}

// relapse is the part of Alarm with which a scope leaves a brown-out: who falls back is found sooner.
const relapse = 0.3

// scope watches one provider, everywhere or in one country. observe is called by one goroutine at a time; what ranking needs is atomic.
type scope struct {
	config   Detector
	evidence float64 // that there is a brown-out; within one, that it is over
	since    time.Time

	brown atomic.Bool
	probe atomic.Int64 // unix microseconds from which a payment may be sent to see
}

func newScope(d Detector) *scope { return &scope{config: d} }

// observe weighs an outcome that was expected with the given rate, and tells whether the provider is browned out after it.
func (s *scope) observe(approved bool, expected float64, at time.Time) bool {
	weak := expected * s.config.Drop
	for_ := math.Log(weak / expected) // evidence for a brown-out
	if !approved {
		for_ = math.Log((1 - weak) / (1 - expected))
	}
	if !s.brown.Load() {
		s.evidence = max(0, s.evidence+for_)
		if s.evidence >= s.config.Alarm {
			s.evidence, s.since = 0, at
			s.probe.Store(at.Add(s.config.Probe).UnixMicro())
			s.brown.Store(true)
		}
		return s.brown.Load()
	}
	s.evidence = max(0, s.evidence-for_)
	switch {
	case s.evidence >= s.config.Clear || at.Sub(s.since) >= s.config.Longest:
		s.evidence = relapse * s.config.Alarm
		s.brown.Store(false)
	case approved:
		s.probe.Store(at.UnixMicro()) // once one got through, the next may try at once
	}
	return s.brown.Load()
}

// due tells whether a payment may be sent as a probe, and takes the turn if so.
func (s *scope) due(now time.Time) bool {
	at := s.probe.Load()
	return now.UnixMicro() >= at && s.probe.CompareAndSwap(at, now.Add(s.config.Probe).UnixMicro())
}
