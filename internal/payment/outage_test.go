package payment

import (
	"sync"
	"time"

	"github.com/florinpay/florin/internal/health"
)

// outage is a health whose operations are down as the test says, and that lets as much of what waited through as it has turns.
type outage struct {
	mu    sync.Mutex
	until map[health.Operation]time.Time // of what is down
	turns int                            // of what waited; negative: without end
	back  time.Time                      // when to come again without a turn
}

func (o *outage) Enter(c health.Call) (func(health.Result), error) {
	if s := o.State(c.Tenant, c.Account, c.Operation); !s.Enterable() {
		return nil, &health.Closed{Reason: s.Reason, Until: s.Until}
	}
	return func(health.Result) {}, nil
}

func (o *outage) Reserve(c health.Call) (health.Place, error) { return reserved(o, c) }

func (o *outage) State(_, _ string, of health.Operation) health.State {
	o.mu.Lock()
	defer o.mu.Unlock()
	if until, down := o.until[of]; down {
		return health.State{Reason: health.Open, Until: until}
	}
	return health.State{}
}

func (o *outage) Drain(_, _ string, of health.Operation) (time.Time, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if until, down := o.until[of]; down {
		return until, false
	}
	if o.turns == 0 {
		return o.back, false
	}
	o.turns--
	return time.Time{}, true
}

// down has operations be down until a time, and up again if it is zero.
func (o *outage) down(until time.Time, of ...health.Operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.until = map[health.Operation]time.Time{}
	for _, one := range of {
		if !until.IsZero() {
			o.until[one] = until
		}
	}
}

// give lets so much through of what waited.
func (o *outage) give(turns int, back time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.turns, o.back = turns, back
}
