// Package limit says who asks too often: a token bucket for each key, in bounded memory, and the headers that tell callers how
// much is left.
//
//	perAddress := limit.New(clock, limit.Policy{Name: "tokens", Quota: 60, Window: time.Minute, Burst: 120}, 0)
//	handler = perAddress.Handler(addressOf, refuse, handler)
//
// The buckets are this process's own: behind a balancer with n processes a key has up to n times as much.
package limit

import (
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// defaultKeys is how many keys a generation of buckets holds: about 10 MB of addresses.
const defaultKeys = 100_000

// Policy is how much each key may ask. The zero Policy limits nothing.
type Policy struct {
	Name   string // in the headers; printable ASCII without quotes and backslashes
	Quota  int    // in the long run, per Window
	Window time.Duration
	Burst  int // at once, after a pause; 0: Quota
}

// Off tells whether the policy limits nothing.
func (p Policy) Off() bool { return p.Quota <= 0 || p.Window <= 0 }

// capacity is how much a full bucket holds.
func (p Policy) capacity() int64 {
	if p.Burst > 0 {
		return int64(p.Burst)
	}
	return int64(p.Quota)
}

// interval is how long one unit takes to come back.
func (p Policy) interval() time.Duration {
	return max(p.Window/time.Duration(p.Quota), 1)
}

// refill is how long an empty bucket takes to fill.
func (p Policy) refill() time.Duration { return time.Duration(p.capacity()) * p.interval() }

// Limiter holds the buckets of one policy. It is safe for concurrent use.
//
// A bucket is one number: when it will be full again. One that is full need not be kept, so buckets live in two generations, and
// the older is dropped when everything in it must be full, or when the younger has as many keys as it may: then the bucket
// of a key that did not ask while that many others did is full before its time. The number of keys that ask never makes memory grow.
type Limiter struct {
	policy Policy
	clock  clock.Clock
	keys   int

	mu         sync.Mutex
	young, old map[string]time.Time // by key, when its bucket is full
	born       time.Time            // when the young generation began
}

// New makes full buckets for everybody; keys bounds how many a generation holds, 0 is 100,000. It panics if the policy would
// hold a bucket that no clock can measure.
func New(c clock.Clock, p Policy, keys int) *Limiter {
	if !p.Off() && p.refill()/p.interval() != time.Duration(p.capacity()) {
		panic("limit: the policy " + p.Name + " overflows")
	}
	if keys <= 0 {
		keys = defaultKeys
	}
	return &Limiter{policy: p, clock: c, keys: keys, young: map[string]time.Time{}, born: c.Now()}
}

// Take asks for one unit for a key. The empty key is not limited.
func (l *Limiter) Take(key string) Decision {
	if l.policy.Off() || key == "" {
		return Decision{Allowed: true}
	}
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	d, full := decide(l.policy, l.full(key), now)
	if _, known := l.young[key]; !known && len(l.young) >= l.keys {
		l.old, l.young, l.born = l.young, make(map[string]time.Time), now
	}
	l.young[key] = full
	return d
}

// Look says what Take would say, and takes nothing.
func (l *Limiter) Look(key string) Decision {
	if l.policy.Off() || key == "" {
		return Decision{Allowed: true}
	}
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	d, _ := decide(l.policy, l.full(key), now)
	return d
}

// full is when the bucket of a key is full; long ago if it is not kept.
func (l *Limiter) full(key string) time.Time {
	if full, known := l.young[key]; known {
		return full
	}
	return l.old[key]
}

// turn drops the generation in which every bucket must be full: nothing in the old one was touched for a whole refill.
func (l *Limiter) turn(now time.Time) {
	if now.Sub(l.born) < l.policy.refill() {
		return
	}
	l.old, l.young, l.born = l.young, make(map[string]time.Time), now
}

// Len is how many buckets are kept.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.young) + len(l.old)
}

// decide takes one unit from the bucket that is full at the given time, if there is one, and tells when it is full then.
//
// A clock that went back is not held against the caller: nobody waits longer than an empty bucket takes to fill.
func decide(p Policy, full, now time.Time) (Decision, time.Time) {
	step, all := p.interval(), p.refill()
	debt := min(max(full.Sub(now), 0), all)
	d := Decision{policy: p}
	if debt+step <= all {
		debt += step
		d.Allowed = true
	}
	spent := (debt + step - 1) / step
	d.Remaining = int(p.capacity() - int64(spent))
	d.Wait = debt - (spent-1)*step
	return d, now.Add(debt)
}
