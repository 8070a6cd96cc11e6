package health

import (
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/florinpay/florin/internal/clock"
)

// When a breaker opens, and how it closes again.
const (
	window       = time.Minute      // in which failures are counted
	windowSlice  = 10 * time.Second // by which the window moves on
	failuresRun  = 5                // in a row open it
	failuresOf   = 20               // calls and more: then half of them open it
	probes       = 3                // that succeed, one after the other, close it
	firstPause   = 10 * time.Second // after it opens, until the first probe
	longestPause = 2 * time.Minute  // the pause doubles up to this, each time a probe fails
	calmAfter    = 5 * time.Minute  // that long closed, and the next pause is the first again
	probePause   = time.Second      // what a call is told to wait while a probe is under way
	idleAfter    = 15 * time.Minute // without a call, what is well is forgotten
)

// state is where a breaker stands, by the name that the API shows.
type state string

const (
	stateClosed   state = "closed"
	stateHalfOpen state = "half_open"
	stateOpen     state = "open"
)

// errTechnical is what the breaker counts.
var errTechnical = errors.New("technical failure")

// errUnused is what it does not count: the call was not made, or failed as it had before.
var errUnused = errors.New("not made")

// valve lets an operation's calls through while they work. The counting and the states are gobreaker's, which ignores what calls of an
// earlier state come back with; what is ours is that a half-open breaker lets one call through at a time, and that the pause grows: a probe of
// a provider that hangs is somebody's payment with an open end.
type valve struct {
	call Call

	mu      sync.Mutex
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	state   state     // as the breaker last said
	since   time.Time // when calls began to be let through, or to fail
	turns   int       // how often it opened
	opened  time.Time // by the stopwatch: when it last opened
	closed  time.Time // by the stopwatch: when it last closed; zero: it never opened
	pause   time.Duration
	until   time.Time // by the clock: when the pause since it last opened is over
	probing bool
	held    int       // calls that are being made, or asked for
	used    time.Time // by the stopwatch: when a call was last asked for
	well    time.Time // by the clock: when a call last succeeded
	recent  recent
	news    *news // what nobody has been told yet
}

// news is the last turn of a breaker, by the clock. A probe that fails is one too: it says that the provider is still down.
type news struct {
	open bool
	at   time.Time
}

func newValve(c Call, now time.Time) *valve {
	v := &valve{call: c, state: stateClosed, since: now, used: clock.Stopwatch()}
	v.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: probes, Interval: window, BucketPeriod: windowSlice, Timeout: time.Nanosecond, ReadyToTrip: tooMany, // the pause is ours
		IsExcluded:    func(err error) bool { return errors.Is(err, errUnused) },
		OnStateChange: func(_ string, from, to gobreaker.State) { v.moved(from, to) },
	})
	return v
}

// tooMany decides from what came back: calls that are under way say nothing yet.
func tooMany(c gobreaker.Counts) bool {
	ended := c.TotalSuccesses + c.TotalFailures
	return c.ConsecutiveFailures >= failuresRun || ended >= failuresOf && 2*c.TotalFailures >= ended
}

// moved hears of the breaker's moves. It runs inside the breaker, which is only touched under mu.
func (v *valve) moved(from, to gobreaker.State) {
	switch to {
	case gobreaker.StateOpen:
		calm := v.closed.IsZero() || clock.Since(v.closed) >= calmAfter
		switch {
		case from == gobreaker.StateClosed && calm:
			v.pause = firstPause
		default:
			v.pause = min(2*v.pause, longestPause)
		}
		v.state, v.opened = stateOpen, clock.Stopwatch()
		v.turns++
	case gobreaker.StateHalfOpen:
		v.state = stateHalfOpen
	case gobreaker.StateClosed:
		v.state, v.closed = stateClosed, clock.Stopwatch()
	}
}

// hold keeps a valve from being forgotten.
func (v *valve) hold() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held++
	v.used = clock.Stopwatch()
}

func (v *valve) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held--
}

// idle tells whether a valve may be forgotten.
func (v *valve) idle() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.held == 0 && v.news == nil && v.stands() == stateClosed && clock.Since(v.used) >= idleAfter
}

// stands is the state now. An open breaker is half open once its pause is over, whether or not somebody calls.
func (v *valve) stands() state {
	if v.breaker.State(); v.state == stateHalfOpen && v.pausing() > 0 {
		return stateOpen
	}
	return v.state
}

// pausing is how long an open breaker still lets nothing through.
func (v *valve) pausing() time.Duration { return max(0, v.pause-clock.Since(v.opened)) }

// wait is how long a call has to wait: not at all if it would get through.
func (v *valve) wait() time.Duration {
	switch v.stands() {
	case stateOpen:
		return max(v.pausing(), time.Millisecond)
	case stateHalfOpen:
		if v.probing {
			return probePause
		}
	}
	return 0
}

// pass is a call that a valve has let through. One of its ends comes, once.
type pass struct {
	valve *valve
	tell  func(error)
	probe bool
}

// enter lets a call through. If it must wait there is no pass, but how long.
func (v *valve) enter() (*pass, time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if wait := v.wait(); wait > 0 {
		return nil, wait
	}
	tell, err := v.breaker.Allow()
	if err != nil {
		return nil, probePause // all probes are made, and the last one's result is on its way
	}
	p := &pass{valve: v, tell: tell, probe: v.state == stateHalfOpen}
	if p.probe {
		v.probing = true
	}
	v.recent.begin()
	return p, 0
}

// ended says what came of the call, and tells whether that turned the breaker.
func (p *pass) ended(technical bool, took time.Duration, now time.Time) (turned bool) {
	v := p.valve
	v.mu.Lock()
	defer v.mu.Unlock()
	p.free()
	v.recent.end(technical, took)
	return v.learn(p.tell, technical, now)
}

// unused says that the call was not made. The breaker counts it as if it had never been let through.
func (p *pass) unused() {
	v := p.valve
	v.mu.Lock()
	defer v.mu.Unlock()
	p.free()
	v.recent.unbegin()
	p.tell(errUnused)
}

// failedAgain says that the call failed as it had before. It turns no breaker: one call that a provider never takes would keep it open.
func (p *pass) failedAgain(took time.Duration) {
	v := p.valve
	v.mu.Lock()
	defer v.mu.Unlock()
	p.free()
	v.recent.end(true, took)
	p.tell(errUnused)
}

// free lets the next probe through.
func (p *pass) free() {
	if p.probe {
		p.valve.probing = false
	}
}

// learn tells the breaker what came of a call, and notes whether that turned it.
func (v *valve) learn(tell func(error), technical bool, now time.Time) (turned bool) {
	before, turns := v.state, v.turns
	var result error
	if technical {
		result = errTechnical
	} else {
		v.well = now
	}
	tell(result)
	switch {
	case v.turns != turns:
		v.until = now.Add(v.pause)
		if v.news = (&news{true, now}); before == stateClosed {
			v.since = now
		}
	case v.state == stateClosed && before != stateClosed:
		v.news, v.since = &news{false, now}, now
	default:
		return false
	}
	return true
}

// told drops news that everybody knows.
func (v *valve) told(n *news) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.news == n {
		v.news = nil
	}
}

// standing is a valve as it is now.
type standing struct {
	state state
	since time.Time
	wait  time.Duration // until a call gets through; 0: one would now
	until time.Time     // of an open one: when that is, by the clock
	well  time.Time     // when a call last succeeded
	news  *news
}

func (v *valve) standing() standing {
	v.mu.Lock()
	defer v.mu.Unlock()
	return standing{state: v.stands(), since: v.since, wait: v.wait(), until: v.until, well: v.well, news: v.news}
}

// figures are how the last calls went.
func (v *valve) figures() figures {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.recent.figures()
}
