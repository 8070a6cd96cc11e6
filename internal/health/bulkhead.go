package health

import (
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
)

// The limits of calls under way at one account. The limit begins high, as to refuse a payment at a provider that is well costs the merchant
// its customer, and comes down as answers take longer than they used to.
const (
	leastLimit = 16
	firstLimit = 256
	mostLimit  = 4096
	reserve    = 32 // beyond the limit: for what outranks authorizations

	reserveBegun = reserve / 2 // of it, for payments that are under way: the rest is there for money that goes back, however many payers come back at once
)

// bulkhead bounds the calls that are under way at one account, so that a provider that hangs does not keep everybody waiting, and one that is
// slow is not asked for more than it can do. The limit is failsafe-go's: it compares the times that answers take now with those that
// they used to take.
type bulkhead struct {
	limiter adaptivelimiter.AdaptiveLimiter[struct{}]

	mu       sync.Mutex // held while room is taken, so that a seat that restarts does not lose its own
	reserved int        // of the reserve, in use
}

func newBulkhead() *bulkhead {
	return &bulkhead{limiter: adaptivelimiter.NewBuilder[struct{}]().
		WithLimits(leastLimit, mostLimit, firstLimit).
		WithMaxLimitFunc(func(inFlight int) float64 { return float64(max(firstLimit, 2*inFlight)) }).
		WithMaxLimitStabilizationWindow(time.Minute).
		Build()}
}

// enter takes room for a call, which seat.leave gives back; nil if there is none.
func (b *bulkhead) enter(c Call) *seat {
	b.mu.Lock()
	defer b.mu.Unlock()
	if permit, ok := b.limiter.TryAcquirePermit(); ok {
		return &seat{in: b, permit: permit, measured: c.Operation == Authorize || c.Operation == Payout}
	}
	if b.reserved >= c.reserve() {
		return nil
	}
	b.reserved++
	return &seat{in: b, reserved: true}
}

// seat is the room of one call.
type seat struct {
	in       *bulkhead
	permit   adaptivelimiter.Permit // nil: it is of the reserve, or beyond a limit that came down, or another call's
	reserved bool                   // it is of the reserve
	measured bool                   // the time that the call takes says something: only of authorizations and payouts, as other operations take their own times
}

// restart measures the call from now on: what its caller did before says nothing of the provider.
func (s *seat) restart() {
	if !s.measured {
		return
	}
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.permit.Drop()
	s.permit, _ = s.in.limiter.TryAcquirePermit() // none if the limit has come down meanwhile: the call is made all the same
}

// leave gives the room back. answered tells whether the time that the call took says anything: what failed says nothing.
func (s *seat) leave(answered bool) {
	switch {
	case s.permit != nil && answered && s.measured:
		s.permit.Record()
	case s.permit != nil:
		s.permit.Drop()
	case s.reserved:
		s.in.mu.Lock()
		defer s.in.mu.Unlock()
		s.in.reserved--
	}
}

// room tells whether enter would succeed.
func (b *bulkhead) room(c Call) bool {
	if b.limiter.CanAcquirePermit() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reserved < c.reserve()
}

// limit is how many calls of the account may be under way for one of an operation to be among them.
func (b *bulkhead) limit(o Operation) int {
	if o.outranks() {
		return b.limiter.Limit() + reserve
	}
	return b.limiter.Limit()
}
