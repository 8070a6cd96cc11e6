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
	Alarm   float64       // the evidence, as a logarithm of likelihoods, that means a brown-out; 8
	Clear   float64       // the evidence that means its end; 2
	Probe   time.Duration // between probes while nothing speaks for its end; 2 min
	Longest time.Duration // after which it is no brown-out any more, but what the provider is like now; 6 h
}

func (d Detector) withDefaults() Detector {
	set(&d.Drop, 0.6)
	set(&d.Alarm, 8)
	set(&d.Clear, 2)
	set(&d.Probe, 2*time.Minute)
	set(&d.Longest, 6*time.Hour)
	return d
}

// relapse is the part of Alarm with which a scope leaves a brown-out: who falls back is found sooner.
const relapse = 0.3

// doubtful is what remains of a provider's outcomes from before a brown-out that did not end.
const doubtful = 0.05

// falseAlarm is how long a brown-out lasts at most that was none. maxDoubted is how many outcomes from before one are taken back at most.
const (
	falseAlarm = 10 * time.Minute
	maxDoubted = 64
)

// scope watches one provider, everywhere or in one country. observe is called by one goroutine at a time; what ranking needs is atomic.
type scope struct {
	config   Detector
	evidence float64   // that there is a brown-out; within one, that it is over
	since    time.Time // of the brown-out
	quiet    time.Time // until when nothing is looked for
	doubted  []counted // the latest outcomes that were counted since there is evidence

	brown atomic.Bool
	probe atomic.Int64 // unix microseconds from which a payment may be sent to see
}

// counted is an outcome in the segment that it was counted in, and how many there were then, with it.
type counted struct {
	segment *segment
	cell    cell
	among   float64
}

func newScope(d Detector) *scope { return &scope{config: d} }

// watch shows an outcome to the scopes of a provider, in a country and everywhere. An outcome is evidence for one of them only: what
// one country explains says nothing about the others. counts is false during a brown-out. lasting is the scope, if any, whose
// brown-out is given up, ended the one whose brown-out is over and was no false alarm.
func watch(local, everywhere *scope, approved bool, expected float64, at time.Time) (counts bool, lasting, ended *scope) {
	if everywhere.brown.Load() {
		local = everywhere
	}
	if local.brown.Load() {
		gaveUp := local.recovers(approved, expected, at)
		switch {
		case gaveUp:
			return false, local, nil
		case !local.brown.Load() && at.Sub(local.since) > falseAlarm:
			return false, nil, local
		}
		return false, nil, nil
	}
	own := local.suspects(approved, expected, at)
	if local.brown.Load() {
		everywhere.evidence = max(0, everywhere.evidence-own)
		return false, nil, nil
	}
	everywhere.suspects(approved, expected, at)
	return !everywhere.brown.Load(), nil, nil
}

// weigh is the evidence for a brown-out in one outcome, as a logarithm of the ratio of its likelihoods.
func (s *scope) weigh(approved bool, expected float64) float64 {
	weak := expected * s.config.Drop
	if approved {
		return math.Log(weak / expected)
	}
	return math.Log((1 - weak) / (1 - expected))
}

// suspects looks for the beginning of a brown-out, and returns the evidence.
func (s *scope) suspects(approved bool, expected float64, at time.Time) float64 {
	if at.Before(s.quiet) {
		return 0
	}
	s.evidence = max(0, s.evidence+s.weigh(approved, expected))
	evidence := s.evidence
	if evidence >= s.config.Alarm {
		s.evidence, s.since = 0, at
		s.probe.Store(at.Add(s.config.Probe).UnixMicro())
		s.brown.Store(true)
	}
	return evidence
}

// doubt notes an outcome that was counted while there is evidence: it may be of a brown-out that is not found yet.
func (s *scope) doubt(c counted) {
	switch {
	case s.evidence == 0:
		s.doubted = s.doubted[:0]
		return
	case len(s.doubted) == maxDoubted:
		s.doubted = append(s.doubted[:0], s.doubted[1:]...)
	}
	s.doubted = append(s.doubted, c)
}

// recovers looks for the end of a brown-out, and tells whether it gave up.
func (s *scope) recovers(approved bool, expected float64, at time.Time) (gaveUp bool) {
	s.evidence = max(0, s.evidence-s.weigh(approved, expected))
	switch {
	case s.evidence >= s.config.Clear:
		s.evidence = relapse * s.config.Alarm
		s.brown.Store(false)
	case at.Sub(s.since) >= s.config.Longest:
		s.evidence, s.quiet = 0, at.Add(s.config.Longest)
		s.brown.Store(false)
		return true
	case approved:
		s.probe.Store(at.UnixMicro()) // once one got through, the next may try at once
	}
	return false
}

// due tells whether a payment may be sent as a probe, and takes the turn if so.
func (s *scope) due(now time.Time) bool {
	at := s.probe.Load()
	return now.UnixMicro() >= at && s.probe.CompareAndSwap(at, now.Add(s.config.Probe).UnixMicro())
}
