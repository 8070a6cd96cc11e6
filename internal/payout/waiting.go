package payout

import (
	"time"

	"github.com/florinpay/florin/internal/bank"
)

// noteWaiting is what the timeline calls it that a payout which could be sent has to wait. The detail says why.
const noteWaiting = "waiting"

// whyTurn is why a payout waits whose provider is back.
const whyTurn = "its provider is back, and what waited is sent one after the other"

// waits tells whether a payout had to be left for later, and nothing of it is at its provider. One that is new waits for the worker alone.
func (p Payout) waits() bool {
	if p.Loop != nil { // as its parts do
		return !p.Deadline.IsZero() && (p.Status == Queued || p.Status == Sent)
	}
	if p.Status != Queued || p.Call != NoCall {
		return false
	}
	return !p.Deadline.IsZero() || len(p.Timeline) > 0 && p.Timeline[len(p.Timeline)-1].Event == noteWaiting
}

// whyWaits is the last reason for which a payout waits, and until when it may; empty if it does not wait.
func (p Payout) whyWaits() (why string, until time.Time) {
	if !p.waits() {
		return "", time.Time{}
	}
	return p.Timeline[len(p.Timeline)-1].Detail, p.Deadline
}

// arrives is when the payee has a payout that was not sent yet; zero: nobody knows, because what it waits for has no end. One that waits is sent when
// it is tried next at the earliest, and at its deadline at the latest.
func (p Payout) arrives(rail bank.Rail, now time.Time) (earliest, latest time.Time) {
	if !p.waits() {
		return bank.Estimate(rail, now)
	}
	if p.Deadline.IsZero() {
		return time.Time{}, time.Time{}
	}
	earliest, _ = bank.Estimate(rail, later(now, p.DueAt))
	_, latest = bank.Estimate(rail, later(now, p.Deadline))
	return earliest, latest
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
