package health

import (
	"time"
)

// How what has waited for a provider is sent once it is back: slowly at first, so that what was held up does not bring it down again.
const (
	rampStart  = 1                // calls a second
	rampDouble = 10 * time.Second // after which there may be twice as many
	rampMost   = 64               // calls a second, of one process at one account
	rampBurst  = time.Second      // what was not used of that time is not lost
	rampIdle   = time.Minute      // without a call, and the next one begins anew
)

// ramp hands out the moments at which an account's waiting calls may be made. Each call has one: those whose moment has come use the
// oldest, those that come too early are told theirs. The moments are the account's, how far apart they are each operation's own: one that is
// down, and is looked at again and again, neither holds the others up nor lets them through.
type ramp struct {
	next  time.Time // the next moment that nobody has used
	tail  time.Time // the next moment that nobody was told
	used  time.Time // when somebody last asked
	paces map[Operation]*pace
}

// pace is how far an operation has come since it was let through again.
type pace struct {
	since time.Time
	used  time.Time // when somebody last asked
}

func (p *pace) idle(now time.Time) bool { return now.Sub(p.used) >= rampIdle }

// every is how far apart calls are at a moment.
func (p *pace) every(at time.Time) time.Duration {
	rate := time.Duration(rampStart)
	for passed := at.Sub(p.since); passed >= rampDouble && rate < rampMost; passed -= rampDouble {
		rate *= 2
	}
	return time.Second / min(rate, rampMost)
}

// take uses a moment that has come. If none has, it tells the one to come back at.
func (r *ramp) take(o Operation, now time.Time) (at time.Time, ok bool) {
	p := r.paces[o]
	if p == nil || p.idle(now) {
		p = &pace{since: now}
		r.paces[o] = p
	}
	r.used, p.used = now, now
	if oldest := now.Add(-rampBurst); r.next.Before(oldest) {
		r.next = oldest
	}
	if !r.next.After(now) {
		r.next = r.next.Add(p.every(now))
		return now, true
	}
	if r.tail.Before(r.next) {
		r.tail = r.next
	}
	at = r.tail
	r.tail = at.Add(p.every(at))
	return at, false
}

// idle tells whether nobody has asked for a while.
func (r *ramp) idle(now time.Time) bool {
	return now.Sub(r.used) >= rampIdle
}

// Drain asks to make a call that has waited for its provider. If it may be made now, it is made at once; else wait is when to ask again.
// Calls that waited are made at a rate that begins at one a second for each account and doubles every ten seconds, up to 64. For an operation
// it begins anew each time its breaker opens or closes, after a minute without a call, and with the process.
func (h *Health) Drain(tenant, accountID string, o Operation) (wait time.Time, ok bool) {
	now := h.Clock.Now()
	if s := h.State(tenant, accountID, o); !s.Enterable() {
		return s.Until, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := accountKey{tenant, accountID}
	r := h.ramps[key]
	if r == nil || r.idle(now) {
		r = &ramp{next: now, paces: map[Operation]*pace{}}
		h.ramps[key] = r
	}
	return r.take(o, now)
}

// level forgets how far an operation's ramp had come. The moments that are used stay so: nobody gets through by that.
func (h *Health) level(c Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.ramps[accountKey{c.Tenant, c.Account}]; r != nil {
		delete(r.paces, c.Operation)
	}
}
