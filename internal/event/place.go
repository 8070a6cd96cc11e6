package event

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Kept is how long events are kept online at the least. A stream cannot begin before what is kept.
const Kept = 30 * 24 * time.Hour

const (
	// settle is how long after the time in its id an event may land in the table and still be sent. Ids are in the order of
	// creation, so an event may land below one that was sent before it: nothing within settle is taken for complete.
	settle = 10 * time.Second
	// ahead is how far a clock of another process may be in front of ours.
	ahead = time.Minute
)

// TypesOf are the types that at least one of some filters takes; none without filters, or if they take all.
func TypesOf(filters []string) []Type {
	if slices.Contains(filters, "*") {
		return nil
	}
	var taken []Type
	for _, t := range askable { // one that never happens still chooses: it is not "all"
		if slices.ContainsFunc(filters, func(f string) bool { return Matches(f, t) }) {
			taken = append(taken, t)
		}
	}
	return taken
}

// listed is an event without its body.
type listed struct {
	id   string
	kind Type
}

// window is what the table held at one moment above an id.
type window struct {
	above string    // of ids up to here it says nothing
	at    time.Time // when the reading began
	all   []listed  // in the order of their ids
	full  bool      // there may be more above the last
}

// settled is the id up to which the window is complete for good.
func (w window) settled() string {
	to := id.Floor(id.Event, w.at.Add(-settle))
	if w.full {
		to = min(to, w.all[len(w.all)-1].id)
	}
	return max(to, w.above)
}

// place is how far one reader is. Whatever its filters take up to floor is done with: it was sent, or it was there before the
// reader began. Of what lies above the floor, that in sent is done with.
type place struct {
	filters []string // none: all
	floor   string
	sent    []string // in order
}

func (p *place) wants(t Type) bool {
	return len(p.filters) == 0 || slices.ContainsFunc(p.filters, func(f string) bool { return Matches(f, t) })
}

// missing are the ids in a window that the reader has yet to be sent, in order.
func (p *place) missing(w window) []string {
	var ids []string
	sent := p.sent
	for _, e := range w.all {
		if e.id <= p.floor || !p.wants(e.kind) {
			continue
		}
		for len(sent) > 0 && sent[0] < e.id {
			sent = sent[1:]
		}
		if len(sent) == 0 || sent[0] != e.id {
			ids = append(ids, e.id)
		}
	}
	return ids
}

// done notes that an event is done with. Those of a window are done with in order, so that all up to one that has settled
// are as well.
func (p *place) done(event, settled string) {
	at, _ := slices.BinarySearch(p.sent, event)
	p.sent = slices.Insert(p.sent, at, event)
	if event <= settled {
		p.raise(event)
	}
}

// raise moves the floor up and forgets what lies below it.
func (p *place) raise(floor string) {
	if floor <= p.floor {
		return
	}
	p.floor = floor
	at, found := slices.BinarySearch(p.sent, floor)
	if found {
		at++
	}
	p.sent = slices.Delete(p.sent, 0, at)
}

// cursor is where the reader is.
func (p *place) cursor() Cursor {
	c := Cursor{last: p.floor, floor: p.floor, count: len(p.sent)}
	if c.count > 0 {
		c.last = p.sent[c.count-1]
	}
	return c
}

// Cursor is a place in a tenant's events, to begin behind. The zero value is none: now.
//
// It holds no ids but three facts: the largest id that was sent, the floor below which all was, and how many were sent
// between them. If the table holds just as many there, they are those; if it holds more, some landed late, and nobody can
// tell which: then they are all sent again.
type Cursor struct {
	last, floor string
	count       int // of the reader's filters, above floor and up to last
}

// String is the cursor as a stream shows it: the id of an event, or of the moment, if all up to it has settled.
func (c Cursor) String() string {
	if c.count == 0 {
		return c.floor
	}
	_, floor, _ := strings.Cut(c.floor, "_")
	return c.last + ":" + strconv.Itoa(c.count) + ":" + strings.TrimRight(floor, "0")
}

const bodyLength = len("01jd9qk3v8m2x4r6t7w9y0a1b2")

// ParseCursor reads a cursor or the id of an event. It fails with fault.Invalid if it is neither, or is of a time to come, and
// with fault.Gone if it is older than events are kept.
func ParseCursor(text string, now time.Time, kept time.Duration) (Cursor, error) {
	last, rest, counted := strings.Cut(text, ":")
	c := Cursor{last: last, floor: last}
	if counted {
		count, floor, _ := strings.Cut(rest, ":")
		n, err := strconv.ParseUint(count, 10, 31)
		if err != nil || n == 0 || floor == "" || len(floor) > bodyLength {
			return Cursor{}, wrongCursor("must be the id of an event, or what a stream gave as id")
		}
		c.count = int(n)
		c.floor = string(id.Event) + "_" + floor + strings.Repeat("0", bodyLength-len(floor))
	}
	at, ok := id.Time(last, id.Event)
	from, also := id.Time(c.floor, id.Event)
	switch {
	case !ok || !also || c.floor > last:
		return Cursor{}, wrongCursor("must be the id of an event, or what a stream gave as id")
	case at.After(now.Add(ahead)):
		return Cursor{}, wrongCursor("is of a time to come")
	case from.Before(now.Add(-kept)):
		return Cursor{}, fault.New(fault.Gone, fault.CodeCursorExpired, fmt.Sprintf("events are kept for %d days, and this is older", kept/(24*time.Hour)))
	}
	return c, nil
}

func wrongCursor(detail string) error { return fault.New(fault.Invalid, fault.CodeInvalid, detail) }

// resume is the place behind a cursor. between is what the table holds above the cursor's floor and up to its last.
func resume(c Cursor, filters []string, between window) *place {
	p := &place{filters: filters, floor: c.floor}
	if found := p.missing(between); len(found) == c.count && !between.full {
		p.sent = found
	}
	return p
}

// begin is the place of a reader who wants what comes from now on: what there is already is done with, and what is still on
// its way is not.
func begin(filters []string, there window) *place {
	p := &place{filters: filters, floor: there.above}
	p.sent = p.missing(there)
	return p
}
