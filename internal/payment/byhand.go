package payment

import "time"

// ByHand is that an outcome was a person's business, and what they said of it: it stays when the outcome has left the queue. nil: it never
// was.
type ByHand struct {
	Since  time.Time    `json:"since"`
	Reason ManualReason `json:"reason"`
	At     time.Time    `json:"at,omitzero"` // when a person said what became of it; zero: nobody did
	Words  string       `json:"words,omitempty"`
}

// said tells whether a person said what became of the outcome.
func (h *ByHand) said() bool { return h != nil && !h.At.IsZero() }

// since notes that an outcome is in the queue since a time; zero: it is not.
func (h *ByHand) since(at time.Time, why ManualReason) *ByHand {
	if at.IsZero() || h != nil && h.Since.Equal(at) {
		return h
	}
	return &ByHand{Since: at, Reason: why}
}

// resolved notes what a person said of an outcome that is in the queue since a time.
func (h *ByHand) resolved(since time.Time, why ManualReason, r Resolution, now time.Time) *ByHand {
	noted := *h.since(since, why)
	noted.At, noted.Words = now, r.words()
	return &noted
}

// told is what the timeline says of it; of is the attempt or the kind of operation.
func (h *ByHand) told(of, what string) (entries []TimelineEntry) {
	if h == nil {
		return nil
	}
	entries = append(entries, TimelineEntry{At: h.Since, Event: of + ".manual", Detail: what + ": " + string(h.Reason)})
	if h.said() {
		entries = append(entries, TimelineEntry{At: h.At, Event: of + ".resolved", Detail: what + ": " + h.Words})
	}
	return entries
}
