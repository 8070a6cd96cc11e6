// Package clock is where the time comes from. No other package may ask the machine for it.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time in UTC, to the microsecond: what the database can hold.
type Clock interface {
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now is the machine's time.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Since is the monotonic time passed since start, which came from Stopwatch. It is for measuring, never for recording.
func Since(start time.Time) time.Duration { return time.Since(start) }

// Stopwatch starts a measurement by the monotonic clock.
func Stopwatch() time.Time { return time.Now() }

// Manual is a clock that a test or a simulation moves by hand. It is safe for concurrent use.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual makes a clock that stands at now.
func NewManual(now time.Time) *Manual { return &Manual{now: now.UTC().Truncate(time.Microsecond)} }

// Now is where the clock was last set.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance moves the clock forward.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}
