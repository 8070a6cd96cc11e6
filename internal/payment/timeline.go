package payment

import (
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/provider"
)

// triesTold is what a payment's timeline says of its attempts, and of a try that there was none for.
func triesTold(p Payment, rows related) (entries []TimelineEntry) {
	ruled := p.Failure != nil && p.Failure.RetryRule != "" && !p.EndedAt.IsZero()
	for i, a := range rows.attempts {
		entries = append(entries, a.told(p, rows)...)
		if i+1 < len(rows.attempts) {
			entries = inTurn(entries, a, rows.attempts[i+1])
		}
		ruled = ruled && (a.Failure == nil || a.Failure.RetryRule == "")
	}
	if ruled {
		entries = append(entries, TimelineEntry{At: p.EndedAt, Event: "payment.failed", Detail: "nobody was asked: the card network's rule " + p.Failure.RetryRule})
	}
	return entries
}

// told is what the timeline says of an attempt.
func (a Attempt) told(p Payment, rows related) []TimelineEntry {
	at := "at " + a.Account
	entries := []TimelineEntry{{At: a.CreatedAt, Event: "attempt.begun", Detail: a.Amount.String() + " " + at}}
	if a.wasUnknown(p, rows) {
		entries = append(entries, TimelineEntry{At: a.SentAt, Event: "attempt.unknown", Detail: at + ": sent, and no outcome came back"})
	}
	if !a.AskedAt.IsZero() {
		entries = append(entries, TimelineEntry{At: a.AskedAt, Event: "attempt.inquired", Detail: at + ", the last time"})
	}
	entries = append(entries, a.ByHand.told("attempt", at)...)
	if a.State != AttemptSending {
		entries = append(entries, TimelineEntry{At: a.MovedAt, Event: "attempt." + string(a.State), Detail: at + a.why()})
	}
	return entries
}

// told is what the timeline says of a capture, a void or a refund. Several may be of one amount: each inquiry stands before where it led to.
func (o Operation) told() []TimelineEntry {
	kind, amount := string(o.Kind), o.Amount.String()
	entries := []TimelineEntry{{At: o.CreatedAt, Event: kind + ".begun", Detail: amount}}
	for _, w := range o.Waited {
		detail := fmt.Sprintf("%s at %s, until %s: %s", amount, o.Account, o.Deadline.UTC().Format(time.RFC3339), w.Why)
		entries = append(entries, TimelineEntry{At: w.Since, Event: kind + ".queued", Detail: detail})
	}
	if !o.AskedAt.IsZero() {
		entries = append(entries, TimelineEntry{At: o.AskedAt, Event: kind + ".inquired", Detail: amount + " at " + o.Account + ", the last time"})
	}
	entries = append(entries, o.ByHand.told(kind, amount)...)
	if o.State != OperationSending && (o.State != OperationQueued || len(o.Waited) == 0) {
		entries = append(entries, TimelineEntry{At: o.MovedAt, Event: kind + "." + string(o.State), Detail: amount})
	}
	return entries
}

// Wait is since when and why an operation had to wait to be sent.
type Wait struct {
	Since time.Time `json:"since"`
	Why   string    `json:"why"`
}

// mostWaits bounds what is kept of why one operation had to wait.
const mostWaits = 20

// waitsFor notes why an operation has to wait. What it has waited for before is not noted twice.
func (o *Operation) waitsFor(why string, now time.Time) {
	for _, w := range o.Waited {
		if w.Why == why {
			return
		}
	}
	if len(o.Waited) < mostWaits {
		o.Waited = append(slices.Clip(o.Waited), Wait{now.Truncate(time.Microsecond), why})
	}
}

// asAsked is an operation with the amount that was asked for, whatever it has cleared at since: that has an entry of its own.
func (o Operation) asAsked(clearings []Clearing) Operation {
	for _, c := range clearings {
		if c.Subject == o.ID {
			o.Amount = c.Captured
			break // the first: they are in their order
		}
	}
	return o
}

// why is what the state of an attempt does not say.
func (a Attempt) why() string {
	switch {
	case a.Failure != nil && a.Failure.RetryRule != "":
		return ": the issuer was not asked, by the card network's rule " + a.Failure.RetryRule
	case a.State != AttemptVoided || a.Reference != "":
		return ""
	case a.unpaid():
		return ": no money was asked for"
	case a.NotFound >= provider.NotFoundTwice:
		return fmt.Sprintf(": it never arrived there, %s said %d times", a.Account, a.NotFound)
	}
	return ""
}

// unpaid tells whether an attempt ended while its cardholder was being authenticated, before money was asked for.
func (a Attempt) unpaid() bool {
	return a.Secure != nil && (a.Secure.Asking || a.Secure.Challenge != nil)
}

// wasUnknown tells whether the outcome of an attempt that has one was open before. Inquiries are counted from then on. They also are while a
// rail waits for its payer, and when a hold ends with an operation open: those are left out.
func (a Attempt) wasUnknown(p Payment, rows related) bool {
	resolved := a.State != AttemptSending && a.State != AttemptUnknown && a.State != AttemptNotSent
	return resolved && a.Inquiries > 0 && p.Method.isCard() && !a.unpaid() && (a.Capture || len(rows.operations) == 0)
}

// inTurn puts the end of an attempt before the begin of the next one: both are one decision, whose rows are written a moment after it.
func inTurn(entries []TimelineEntry, ended, next Attempt) []TimelineEntry {
	last := &entries[len(entries)-1]
	if holdsNothing[ended.State] && last.At.After(next.CreatedAt) && !ended.CreatedAt.After(next.CreatedAt) {
		last.At = next.CreatedAt
	}
	return entries
}
