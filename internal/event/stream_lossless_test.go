package event

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever lands in whatever order, and however often a reader is cut off and comes back, nothing that landed within the time
// to settle is lost, nothing is sent that was not asked for, and nothing is sent twice over one connection.
func TestNothingIsLostHoweverEventsLandAndReadersAreCutOff(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		r.streams.most, r.streams.scan = 12, 5 // so that windows overflow and pages end
		story := 0
		rapid.Check(t, func(rt *rapid.T) {
			story++
			r.teller = rt
			defer func() { r.teller = t }()
			r.flowsFor(fmt.Sprintf("acct_%d:test", story))
			l := &listener{river: r, rt: rt, got: map[string]bool{}}
			if rapid.Bool().Draw(rt, "filters") {
				l.filters = []string{"payment.*"}
			}
			l.setOut()
			for range rapid.IntRange(1, 40).Draw(rt, "steps") {
				l.step(rapid.SampledFrom([]string{"make", "make", "make", "land", "land", "wait", "wait", "look", "read", "read", "leave", "come back"}).Draw(rt, "step"))
			}
			l.end()
		})
	})
}

// listener is one reader in a story of the property above.
type listener struct {
	*river
	rt      *rapid.T
	filters []string
	stream  *Stream
	cursor  string
	here    map[string]bool // what came over this connection
	got     map[string]bool
	coming  []Event // made, and not landed
	wanted  []Event // to be sent, once landed
}

func (l *listener) setOut() {
	for range rapid.IntRange(0, 3).Draw(l.rt, "made before") {
		l.step("make")
	}
	l.lands(l.made(PaymentCreated)) // there before
	l.open("")
	l.comeBack()
}

func (l *listener) comeBack() {
	l.stream, l.here = l.open(l.cursor, l.filters...), map[string]bool{}
	if l.cursor == "" {
		l.cursor = l.stream.Cursor().String()
	}
}

func (l *listener) step(what string) {
	switch what {
	case "make":
		e := l.made(rapid.SampledFrom([]Type{PaymentCreated, RefundFailed}).Draw(l.rt, "type"))
		l.coming = append(l.coming, e)
		if len(l.filters) == 0 || e.Type == PaymentCreated {
			l.wanted = append(l.wanted, e)
		}
	case "land":
		if n := len(l.coming); n > 0 {
			l.land(rapid.IntRange(0, n-1).Draw(l.rt, "which"))
		}
	case "wait":
		l.wait(time.Duration(rapid.Int64Range(1, int64(settle)).Draw(l.rt, "long")))
	case "look":
		l.look()
	case "read":
		l.read(rapid.IntRange(0, streamPage).Draw(l.rt, "cut off behind"))
	case "leave": // idle, as a heartbeat finds it
		l.cursor = l.stream.Cursor().String()
		l.comeBack()
	case "come back":
		l.comeBack()
	}
}

func (l *listener) land(i int) {
	l.lands(l.coming[i])
	l.coming = slices.Delete(l.coming, i, i+1)
}

// wait moves time on. Nothing takes longer to land than it may.
func (l *listener) wait(d time.Duration) {
	until := l.now.Now().Add(d)
	for i := 0; i < len(l.coming); {
		if due := l.coming[i].CreatedAt.Add(settle); due.Before(until) {
			if now := l.now.Now(); due.After(now) {
				l.now.Advance(due.Sub(now))
			}
			l.land(i)
			continue
		}
		i++
	}
	l.now.Advance(until.Sub(l.now.Now()))
}

// read reads once, and is cut off within the page.
func (l *listener) read(most int) bool {
	page, more, err := l.stream.Read(l.Context())
	if errors.Is(err, ErrTooMany) {
		l.comeBack()
		return true
	}
	if err != nil {
		l.Fatal(err)
	}
	for i, e := range page {
		if i == most {
			l.comeBack()
			return true
		}
		if l.here[e.ID] {
			l.Fatalf("%s came twice over one connection", e.ID)
		}
		if e.Merchant != l.tenant || string(e.Body) != `{"id":"`+e.ID+`"}` || len(l.filters) > 0 && e.Type != PaymentCreated {
			l.Fatalf("was sent %+v", e)
		}
		l.here[e.ID], l.got[e.ID], l.cursor = true, true, e.Cursor.String()
	}
	return more
}

func (l *listener) end() {
	for len(l.coming) > 0 {
		l.land(0)
	}
	for range 4 { // a window that overflows lets the rest through as it settles
		l.look()
		for l.read(streamPage) {
		}
		l.wait(settle)
	}
	for _, e := range l.wanted {
		if !l.got[e.ID] {
			l.Errorf("%s was lost", e.ID)
		}
	}
}
