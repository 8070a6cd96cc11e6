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
)

// bulkhead bounds the calls that are under way at one account, so that a provider that hangs does not keep everybody waiting, and one that is
// slow is not asked for more than it can do. The limit is failsafe-go's: it compares the times that answers take now with those that
// they used to take.
type bulkhead struct {
	limiter adaptivelimiter.AdaptiveLimiter[struct{}]

	mu       sync.Mutex
	reserved int // of the reserve, in use
}

func newBulkhead() *bulkhead {
	return &bulkhead{limiter: adaptivelimiter.NewBuilder[struct{}]().
		WithLimits(leastLimit, mostLimit, firstLimit).
		WithMaxLimitFunc(func(inFlight int) float64 { return float64(max(firstLimit, 2*inFlight)) }).
		WithMaxLimitStabilizationWindow(time.Minute).
		Build()}
}

// enter takes room for a call, which leave gives back. leave is told whether the time that the call took says anything: what failed says
// nothing. Only authorizations and payouts are measured, as other operations take their own times.
func (b *bulkhead) enter(o Operation) (leave func(answered bool), ok bool) {
	if permit, ok := b.limiter.TryAcquirePermit(); ok {
		return func(answered bool) {
			if answered && (o == Authorize || o == Payout) {
				permit.Record()
			} else {
				permit.Drop()
			}
		}, true
	}
	if !o.outranks() {
		return nil, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reserved == reserve {
		return nil, false
	}
	b.reserved++
	return func(bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reserved--
	}, true
}

// room tells whether enter would succeed.
func (b *bulkhead) room(o Operation) bool {
	if b.limiter.CanAcquirePermit() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return o.outranks() && b.reserved < reserve
}

// limit is how many calls of the account may be under way for one of an operation to be among them.
func (b *bulkhead) limit(o Operation) int {
	if o.outranks() {
		return b.limiter.Limit() + reserve
	}
	return b.limiter.Limit()
}
