package sim

import "time"

// breaker is the platform's, in its simplest form: the same for every contender. Some technical failures in a row open it. After a pause it lets one
// real request through; if that fails, too, the pause doubles.
type breaker struct {
	failures int
	opened   bool
	until    time.Duration // opened: when the next probe may go
	pause    time.Duration
	probing  bool // a probe is on its way
}

const (
	tripAfter  = 3
	firstPause = 30 * time.Second
	maxPause   = 3 * time.Minute
)

// lets tells whether a payment may go.
func (b *breaker) lets(now time.Duration) bool { return !b.opened || !b.probing && now >= b.until }

// sent is told of every attempt, and says whether it is a probe.
func (b *breaker) sent() bool {
	b.probing = b.opened
	return b.probing
}

// ended is told of how an attempt ended. What was sent before the breaker opened says nothing new.
func (b *breaker) ended(now time.Duration, failed, probe bool) {
	switch {
	case b.opened && !probe:
	case !failed:
		*b = breaker{}
	case probe:
		b.pause = min(2*b.pause, maxPause)
		b.until, b.probing = now+b.pause, false
	default:
		if b.failures++; b.failures >= tripAfter {
			*b = breaker{opened: true, pause: firstPause, until: now + firstPause}
		}
	}
}
