package health

import (
	"testing"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
)

// narrow is a limiter with as much room as the test gives it.
type narrow struct {
	adaptivelimiter.AdaptiveLimiter[struct{}]
	room, used, recorded int
}

func (n *narrow) TryAcquirePermit() (adaptivelimiter.Permit, bool) {
	if n.used >= n.room {
		return nil, false
	}
	n.used++
	return permit{n}, true
}

type permit struct{ of *narrow }

func (p permit) Drop() { p.of.used-- }

func (p permit) Record() { p.of.used, p.of.recorded = p.of.used-1, p.of.recorded+1 }

func TestACallIsMadeThoughTheLimitCameDownBeforeIt(t *testing.T) {
	n := &narrow{room: 2}
	b := &bulkhead{limiter: n}
	call := Call{Operation: Authorize}
	first, second := b.enter(call), b.enter(call)
	if b.enter(call) != nil {
		t.Fatal("there is room for a third")
	}
	n.room = 1
	first.restart()
	second.restart()
	if n.used != 1 {
		t.Errorf("%d are under way by the limiter's count, which has room for one", n.used)
	}
	first.leave(true)
	second.leave(true)
	if n.used != 0 || b.reserved != 0 || n.recorded != 1 {
		t.Errorf("afterwards %d and %d are under way, and %d times are known", n.used, b.reserved, n.recorded)
	}
}
