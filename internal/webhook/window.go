package webhook

import (
	"time"

	"github.com/florinpay/florin/internal/event"
)

// window decides how many webhooks may be under way to one endpoint: few at first, more as they succeed, and half as many
// after each that fails. After a row of failures its breaker opens: nothing is sent for a while, then one at a time until one
// succeeds. It is a value without I/O; the times are given to it.
type window struct {
	limit        int // the endpoint's concurrency
	size         int
	failures     int64 // in a row
	failingSince time.Time
	pauses       int64 // of the breaker, in a row
	openUntil    time.Time
	openedAt     time.Time // by this process; what was sent before does not open it again
}

const (
	firstWindow = 4
	// failuresToOpen is how many failures in a row open the breaker.
	failuresToOpen = 10
	// failingFor is how long an endpoint may do nothing but fail before it is disabled.
	failingFor = 3 * 24 * time.Hour
	// maxPause bounds what an endpoint may ask for by Retry-After as long as others of its webhooks wait for that.
	maxPause = 10 * time.Minute
)

// breakerPauses is how long nothing is sent, after each time that the breaker opened in a row.
var breakerPauses = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, maxPause}

// newWindow takes up where a lane's row says that another process, or an earlier one, has left off.
func newWindow(l event.Lane, concurrency int64) window {
	w := window{limit: int(concurrency), failures: l.Failures, failingSince: l.FailingSince, pauses: l.Pauses, openUntil: l.OpenUntil}
	w.size = min(firstWindow, w.limit)
	if w.failures > 0 {
		w.size = 1
	}
	return w
}

// into writes down what outlives the process.
func (w window) into(l event.Lane) event.Lane {
	l.Failures, l.FailingSince, l.Pauses, l.OpenUntil = w.failures, w.failingSince, w.pauses, w.openUntil
	return l
}

// room tells how many more may be sent while some are under way.
func (w window) room(underWay int, now time.Time) int {
	switch {
	case w.openUntil.IsZero():
		return max(min(w.size, w.limit)-underWay, 0)
	case now.Before(w.openUntil) || underWay > 0:
		return 0
	}
	return 1 // a probe
}

// succeeded notes a success. It tells whether that closed the breaker.
func (w *window) succeeded() (closed bool) {
	closed = !w.openUntil.IsZero()
	if closed {
		w.size = 0
	}
	w.size = min(w.size+1, w.limit)
	w.failures, w.pauses, w.failingSince, w.openUntil = 0, 0, time.Time{}, time.Time{}
	return closed
}

// failed notes the failure of a try that began at a time. It tells whether that opened the breaker. An answer that asks to wait
// opens it for as long.
func (w *window) failed(began, now time.Time, wait time.Duration) (opened bool) {
	if w.failingSince.IsZero() {
		w.failingSince = began
	}
	w.failures++
	w.size = max(w.size/2, 1)
	if began.Before(w.openedAt) || w.failures < failuresToOpen && wait == 0 {
		return false
	}
	pause := breakerPauses[min(w.pauses, int64(len(breakerPauses)-1))]
	if w.failures < failuresToOpen {
		pause = 0 // it does not fail, it only asks to wait
	} else {
		w.pauses++
	}
	w.openedAt, w.openUntil = now, now.Add(max(pause, min(wait, maxPause)))
	return true
}

// hopeless tells whether the endpoint has done nothing but fail for so long that it is to be disabled.
func (w window) hopeless(now time.Time) bool {
	return !w.failingSince.IsZero() && now.Sub(w.failingSince) >= failingFor
}
