package health

import (
	"slices"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// recentCalls bounds the calls that are remembered one by one, of the last window.
const recentCalls = 256

// recent is an operation's last calls. It grows to its bound as it is used.
type recent struct {
	inFlight int
	ended    []ended // a ring once it is full
	next     int
}

type ended struct {
	at        time.Time // by the stopwatch
	took      time.Duration
	technical bool
}

func (r *recent) begin() { r.inFlight++ }

// unbegin takes back a call that was not made.
func (r *recent) unbegin() { r.inFlight-- }

func (r *recent) end(technical bool, took time.Duration) {
	r.inFlight--
	e := ended{clock.Stopwatch(), took, technical}
	if len(r.ended) < recentCalls {
		r.ended = append(r.ended, e)
		return
	}
	r.ended[r.next] = e
	r.next = (r.next + 1) % recentCalls
}

// figures say how the calls of the last window went.
type figures struct {
	calls, failures, inFlight int
	median, p95               time.Duration // of those that did not fail; 0 if there are none
}

func (r *recent) figures() figures {
	f := figures{inFlight: r.inFlight}
	var took []time.Duration
	for _, e := range r.ended {
		if clock.Since(e.at) > window {
			continue
		}
		if f.calls++; e.technical {
			f.failures++
			continue
		}
		took = append(took, e.took)
	}
	if len(took) == 0 {
		return f
	}
	slices.Sort(took)
	f.median, f.p95 = took[rank(len(took), 50)], took[rank(len(took), 95)]
	return f
}

// rank is the index, in n sorted values, of the smallest that so many percent do not exceed.
func rank(n, percent int) int { return max((n*percent+99)/100-1, 0) }
