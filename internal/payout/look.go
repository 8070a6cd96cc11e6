package payout

import (
	"time"

	"github.com/florinpay/florin/internal/bank"
)

// What is paid may come back, days later, and the message that says so may be lost. So its provider is asked again: each day for a week, then each
// week, and a last time when the rail returns nothing any more.

const (
	lookDaily  = 24 * time.Hour
	lookWeekly = 7 * lookDaily
)

// lookAgain is how long after a look that told nothing the next one is made, and lookLonger for how long past the last look that is done.
const (
	lookAgain  = 6 * time.Hour
	lookLonger = lookWeekly
)

// nextLook is when a payout that is paid is looked at next; zero: never again.
func (p Payout) nextLook(rail bank.Rail, now time.Time) time.Time {
	passed := now.Sub(p.PaidAt)
	if p.PaidAt.IsZero() || passed >= rail.Returns {
		return time.Time{}
	}
	every := lookDaily
	if passed >= lookWeekly {
		every = lookWeekly
	}
	next := passed.Truncate(every) + every
	return p.PaidAt.Add(min(next, rail.Returns))
}

// nextTry is when a payout that is paid is looked at after a look that told nothing; zero: never again.
func (p Payout) nextTry(rail bank.Rail, now time.Time) time.Time {
	if p.PaidAt.IsZero() || !now.Before(p.PaidAt.Add(rail.Returns+lookLonger)) {
		return time.Time{}
	}
	return now.Add(lookAgain)
}

// lookedAt sets when a payout that is paid is looked at next. What was set already is not written again.
func (d decision) lookedAt(next time.Time) decision {
	if d.payout.Status == Paid && !d.payout.DueAt.Equal(next) {
		d.payout.DueAt, d.moved = next, true
	}
	return d
}
