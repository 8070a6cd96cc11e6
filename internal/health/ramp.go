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
// oldest, those that come too early are told theirs.
type ramp struct {
	since time.Time // when it began
	next  time.Time // the next moment that nobody has used
	tail  time.Time // the next moment that nobody was told
	used  time.Time // when somebody last asked
}

// every is how far apart calls are at a moment.
func (r *ramp) every(at time.Time) time.Duration {
	rate := time.Duration(rampStart)
	for passed := at.Sub(r.since); passed >= rampDouble && rate < rampMost; passed -= rampDouble {
		rate *= 2
	}
	return time.Second / min(rate, rampMost)
}

// take uses a moment that has come. If none has, it tells the one to come back at.
func (r *ramp) take(now time.Time) (at time.Time, ok bool) {
	r.used = now
	if oldest := now.Add(-rampBurst); r.next.Before(oldest) {
		r.next = oldest
	}
	if !r.next.After(now) {
		r.next = r.next.Add(r.every(now))
		return now, true
	}
	if r.tail.Before(r.next) {
		r.tail = r.next
	}
	at = r.tail
	r.tail = at.Add(r.every(at))
	return at, false
}

// Drain asks to make a call that has waited for its provider. If it may be made now, it is made at once; else wait is when to ask again.
// Calls that waited are made at a rate that begins at one a second for each account and doubles every ten seconds, up to 64. It begins
// anew when the account's breaker opens again, and with the process.
func (h *Health) Drain(tenant, accountID string, o Operation) (wait time.Time, ok bool) {
	now := h.Clock.Now()
	s := h.State(tenant, accountID, o)
	h.mu.Lock()
	defer h.mu.Unlock()
	key := accountKey{tenant, accountID}
	if !s.Enterable() {
		if s.Reason != Overloaded {
			delete(h.ramps, key)
		}
		return s.Until, false
	}
	r := h.ramps[key]
	if r == nil || now.Sub(r.used) >= rampIdle {
		r = &ramp{since: now, next: now}
		h.ramps[key] = r
	}
	return r.take(now)
}

// level forgets how far an account's ramp had come: it is down again.
func (h *Health) level(c Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.ramps, accountKey{c.Tenant, c.Account})
}
