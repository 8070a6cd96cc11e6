package health

import (
	"sync"
	"time"

	"github.com/florinpay/florin/internal/breaker"
	"github.com/florinpay/florin/internal/clock"
)

const (
	window    = breaker.Window   // of which the figures are
	idleAfter = 15 * time.Minute // without a call, what is well is forgotten
)

// state is where a breaker stands, by the name that the API shows.
type state string

const (
	stateClosed   state = "closed"
	stateHalfOpen state = "half_open"
	stateOpen     state = "open"
)

var stateOf = map[breaker.State]state{breaker.Closed: stateClosed, breaker.HalfOpen: stateHalfOpen, breaker.Open: stateOpen}

// valve lets an operation's calls through while they work. When it does is the breaker's to say; what is ours is that many ask at once, and
// what others are told of it.
type valve struct {
	call Call
	made time.Time // by the stopwatch: the breaker's times are since then

	mu      sync.Mutex
	breaker breaker.Breaker
	since   time.Time // when calls began to be let through, or to fail
	until   time.Time // by the clock: when the pause since it last opened is over
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
	made := clock.Stopwatch()
	return &valve{call: c, made: made, since: now, used: made}
}

// age is the time by which the breaker goes.
func (v *valve) age() time.Duration { return clock.Since(v.made) }

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

// stands is the state now.
func (v *valve) stands() state { return stateOf[v.breaker.State(v.age())] }

// pass is a call that a valve has let through. One of its ends comes, once.
type pass struct {
	valve *valve
	of    breaker.Pass
}

// enter lets a call through. If it must wait there is no pass, but how long.
func (v *valve) enter() (*pass, time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	of, wait := v.breaker.Enter(v.age())
	if wait > 0 {
		return nil, wait
	}
	v.recent.begin()
	return &pass{v, of}, 0
}

// ended says what came of the call, and tells whether that turned the breaker.
func (p *pass) ended(technical bool, took time.Duration, now time.Time) (turned bool) {
	v := p.valve
	v.mu.Lock()
	defer v.mu.Unlock()
	v.recent.end(technical, took)
	if !technical {
		v.well = now
	}
	turn := v.breaker.Ended(p.of, technical, v.age())
	switch turn {
	case breaker.Stays:
		return false
	case breaker.Closes:
		v.news = &news{false, now}
	default:
		v.news, v.until = &news{true, now}, now.Add(v.breaker.Pause())
	}
	if turn != breaker.Reopens {
		v.since = now
	}
	return true
}

// unused says that the call was not made. The breaker counts it as if it had never been let through.
func (p *pass) unused() {
	v := p.valve
	v.mu.Lock()
	defer v.mu.Unlock()
	v.recent.unbegin()
	v.breaker.Unused(p.of)
}

// failedAgain says that the call failed as it had before. It turns no breaker: one call that a provider never takes would keep it open.
func (p *pass) failedAgain(took time.Duration) {
	v := p.valve
	v.mu.Lock()
	defer v.mu.Unlock()
	v.recent.end(true, took)
	v.breaker.Unused(p.of)
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
	return standing{state: v.stands(), since: v.since, wait: v.breaker.Wait(v.age()), until: v.until, well: v.well, news: v.news}
}

// figures are how the last calls went.
func (v *valve) figures() figures {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.recent.figures()
}
