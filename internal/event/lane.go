package event

import "time"

// Lane is how sending to an endpoint goes: who does it, and whether it is held back. Deliveries are not claimed one by one:
// the process that has leased the lane sends what is due in it.
type Lane struct {
	Merchant     string
	Endpoint     string
	Paused       bool      // the endpoint is disabled or deleted
	Failures     int64     // in a row
	FailingSince time.Time // zero: the last try succeeded
	Pauses       int64     // of the breaker, in a row
	OpenUntil    time.Time // the breaker's: nothing is sent before, and one at a time until one succeeds. Zero: it is closed
	Owner        string    // the process that sends; empty: none
	LeasedUntil  time.Time
	Version      int64
}

// Free tells whether another process than me may take the lane.
func (l Lane) Free(me string, now time.Time) bool {
	return l.Owner == "" || l.Owner == me || !now.Before(l.LeasedUntil)
}

// Sendable tells whether something may be sent at a time.
func (l Lane) Sendable(now time.Time) bool { return !l.Paused && !now.Before(l.OpenUntil) }

// Cleared is the lane with a clean record: somebody has mended the endpoint.
func (l Lane) Cleared() Lane {
	l.Paused, l.Failures, l.Pauses, l.FailingSince, l.OpenUntil = false, 0, 0, time.Time{}, time.Time{}
	return l
}

// DueLane is a lane with the time at which its next delivery is due; zero if none is.
type DueLane struct {
	Lane
	NextDue time.Time
}
