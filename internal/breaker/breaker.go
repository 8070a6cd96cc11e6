// Package breaker decides when calls are kept from what fails: without a clock, a lock or a call of its own, so that payments and the
// simulation of payments go by the same rules.
//
//	pass, wait := b.Enter(now)
//	if wait > 0 {
//		return // not called
//	}
//	turn := b.Ended(pass, call() != nil, now)
//
// Times are since a moment that its owner chose, and do not run backwards.
package breaker

import "time"

// When a breaker opens, and how it closes again.
const (
	FailuresRun  = 5  // in a row open it, however far apart: of a provider that hangs few calls end within any window
	FailuresOf   = 20 // calls and more, that began within Window: then half of them open it
	Window       = time.Minute
	sliceTime    = 10 * time.Second // by which the window moves on
	Probes       = 2                // that succeed, one after the other, close it
	FirstPause   = 10 * time.Second // after it opens, until the first probe
	LongestPause = 2 * time.Minute  // the pause doubles up to this, each time a probe fails
	CalmAfter    = 5 * time.Minute  // that long closed, and the next pause is the first again
	ProbePause   = time.Second      // what a call is told to wait while a probe is under way
	leastWait    = time.Millisecond // of what must wait at all
)

// State is where a breaker stands.
type State int

// The states. A breaker that is half open lets one call through at a time: a probe.
const (
	Closed State = iota
	HalfOpen
	Open
)

// Turn is what the end of a call made of a breaker.
type Turn int

// The turns.
const (
	Stays   Turn = iota
	Opens        // from closed
	Reopens      // a probe failed
	Closes
)

// Breaker lets calls through while they work. The zero value is closed. It is not safe for concurrent use.
type Breaker struct {
	open    bool // or half open, once the pause is over
	turns   uint64
	pause   time.Duration // the last one; 0: it never opened
	opened  time.Duration // when it last did
	closed  time.Duration // when it last did, after it was open
	probing bool          // open: a probe is under way
	passed  int           // open: probes that succeeded
	run     int           // closed: calls that failed since one last succeeded
	newest  int64         // closed: the newest slice, counted from time 0
	slices  [Window / sliceTime]slice
}

// slice is what came of the calls that began in a part of the window.
type slice struct{ ended, failed int }

// Pass is a call that was let through. It ends once: by Ended or by Unused.
type Pass struct {
	Probe bool
	turns uint64 // the breaker's then: what comes back after another turn says nothing new
	slice int64
}

// State is where it stands now. One that is open is half open once its pause is over, whether or not somebody calls.
func (b *Breaker) State(now time.Duration) State {
	switch {
	case !b.open:
		return Closed
	case now-b.opened < b.pause:
		return Open
	}
	return HalfOpen
}

// Pause is how long nothing is let through after it last opened; 0 if it never did.
func (b *Breaker) Pause() time.Duration { return b.pause }

// Wait is how long a call has to wait: not at all if it would get through now.
func (b *Breaker) Wait(now time.Duration) time.Duration {
	switch b.State(now) {
	case Open:
		return max(b.opened+b.pause-now, leastWait)
	case HalfOpen:
		if b.probing {
			return ProbePause
		}
	}
	return 0
}

// Enter lets a call through. If it must wait there is no pass, but how long.
func (b *Breaker) Enter(now time.Duration) (Pass, time.Duration) {
	if wait := b.Wait(now); wait > 0 {
		return Pass{}, wait
	}
	b.probing = b.open
	return Pass{Probe: b.open, turns: b.turns, slice: int64(now / sliceTime)}, 0
}

// Ended is told whether a call failed.
func (b *Breaker) Ended(p Pass, failed bool, now time.Duration) Turn {
	switch {
	case p.turns != b.turns:
		return Stays
	case b.open:
		return b.probed(failed, now)
	}
	b.count(p.slice, failed, now)
	if !failed || !b.tooMany() {
		return Stays
	}
	b.trip(now)
	return Opens
}

// Unused is told that a call was not made, or says nothing: it counts as if it had never been let through.
func (b *Breaker) Unused(p Pass) {
	if p.turns == b.turns {
		b.probing = false
	}
}

func (b *Breaker) probed(failed bool, now time.Duration) Turn {
	b.probing = false
	if failed {
		b.trip(now)
		return Reopens
	}
	if b.passed++; b.passed < Probes {
		return Stays
	}
	b.turns++
	b.open, b.closed, b.run, b.slices = false, now, 0, [len(b.slices)]slice{}
	return Closes
}

// trip opens it.
func (b *Breaker) trip(now time.Duration) {
	calm := !b.open && (b.pause == 0 || now-b.closed >= CalmAfter)
	b.pause = min(2*b.pause, LongestPause)
	if calm {
		b.pause = FirstPause
	}
	b.turns++
	b.open, b.opened, b.probing, b.passed = true, now, false, 0
}

// count adds what came of a call to the row, and to the slice in which it began, unless that is gone.
func (b *Breaker) count(began int64, failed bool, now time.Duration) {
	if b.run++; !failed {
		b.run = 0
	}
	for newest := int64(now / sliceTime); b.newest < newest; {
		b.newest = max(b.newest+1, newest-int64(len(b.slices))+1)
		b.slices[b.newest%int64(len(b.slices))] = slice{}
	}
	if b.newest-began >= int64(len(b.slices)) {
		return
	}
	s := &b.slices[began%int64(len(b.slices))]
	if s.ended++; failed {
		s.failed++
	}
}

// tooMany decides from what came back: calls that are under way say nothing yet.
func (b *Breaker) tooMany() bool {
	var all slice
	for _, s := range b.slices {
		all.ended += s.ended
		all.failed += s.failed
	}
	return b.run >= FailuresRun || all.ended >= FailuresOf && 2*all.failed >= all.ended
}
