package event

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// teller is what a test and a property have in common.
type teller interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// river is a tenant's events on one engine, with a clock moved by hand, and the one look that all of its streams share.
type river struct {
	teller
	db      *db.DB
	now     *clock.Manual
	ids     *id.Source
	streams *Streams
	tenant  string
	feed    *feed
}

func newRiver(t *testing.T, d *db.DB, now *clock.Manual) *river {
	streams := NewStreams(NewStore(d, nil), StreamOptions{Clock: now, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(streams.Close)
	r := &river{teller: t, db: d, now: now, ids: id.NewSource(now, rand.Reader), streams: streams}
	r.flowsFor("acct_shop:test")
	return r
}

// flowsFor turns to another tenant, whose looks are made by hand.
func (r *river) flowsFor(tenant string) {
	r.tenant, r.feed = tenant, &feed{tenant: tenant, streams: 1 << 30}
	r.feed.latest.Store(&look{window: window{above: "~"}, next: make(chan struct{})})
}

func eachRiver(t *testing.T, body func(t *testing.T, r *river)) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) { body(t, newRiver(t, d, now)) }, Schema)
}

// made is an event that is not there yet.
func (r *river) made(t Type) Event {
	e := Event{Merchant: r.tenant, ID: r.ids.New(id.Event), Type: t, Subject: "pay_1", CreatedAt: r.now.Now()}
	e.Body = []byte(`{"id":"` + e.ID + `"}`)
	return e
}

// lands commits events.
func (r *river) lands(events ...Event) {
	r.Helper()
	for _, e := range events {
		if err := r.db.Commit(r.Context(), db.NewChange(e.Merchant, eventRow(e))); err != nil {
			r.Fatal(err)
		}
	}
}

func (r *river) happens(t Type) Event {
	r.Helper()
	e := r.made(t)
	r.lands(e)
	return e
}

// look is one look for all streams.
func (r *river) look() {
	r.Helper()
	w, err := r.streams.look(r.Context(), r.tenant, r.now.Now().Add(-settle-slack), r.streams.most)
	if err != nil {
		r.Fatal(err)
	}
	close(r.feed.latest.Swap(&look{w, make(chan struct{})}).next)
}

// open begins a stream behind a cursor.
func (r *river) open(cursor string, filters ...string) *Stream {
	r.Helper()
	var from Cursor
	if cursor != "" {
		var err error
		if from, err = ParseCursor(cursor, r.now.Now(), Kept); err != nil {
			r.Fatalf("%q: %v", cursor, err)
		}
	}
	p, err := r.streams.place(r.Context(), r.tenant, filters, from)
	if err != nil {
		r.Fatal(err)
	}
	return &Stream{streams: r.streams, feed: r.feed, place: p}
}

// reads is all that there is to read now, by a new look.
func (r *river) reads(s *Stream) (ids []string, cursor string) {
	r.Helper()
	r.look()
	for {
		page, more, err := s.Read(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		for _, e := range page {
			ids, cursor = append(ids, e.ID), e.Cursor.String()
		}
		if !more {
			return ids, cursor
		}
	}
}

func wantIDs(t testing.TB, got []string, want ...Event) {
	t.Helper()
	var ids []string
	for _, e := range want {
		ids = append(ids, e.ID)
	}
	if !slices.Equal(got, ids) {
		t.Errorf("sent %v, want %v", got, ids)
	}
}

func TestAnEventThatLandsLateIsSentBehindLargerOnes(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		s := r.open("")
		late, early := r.made(PaymentCreated), r.happens(PaymentCaptured)
		got, _ := r.reads(s)
		wantIDs(t, got, early)
		r.now.Advance(settle)
		r.lands(late)
		got, _ = r.reads(s)
		wantIDs(t, got, late)
		got, _ = r.reads(s)
		wantIDs(t, got)
	})
}

func TestAStreamFromNowOnSendsWhatWasStillOnItsWay(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		r.happens(PaymentCreated)
		underway := r.made(PaymentCaptured)
		r.happens(PaymentCreated)
		s := r.open("")
		first := s.Cursor().String()
		got, _ := r.reads(s)
		wantIDs(t, got)
		r.lands(underway)
		got, _ = r.reads(s)
		wantIDs(t, got, underway)
		// Who is cut off before the first event comes back with the first cursor. What landed since is among what is sent.
		if got, _ = r.reads(r.open(first)); !slices.Contains(got, underway.ID) {
			t.Errorf("behind %s: %v", first, got)
		}
	})
}

func TestAStreamGoesOnRightBehindItsCursor(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		s := r.open("", "payment.*")
		a := r.happens(PaymentCreated)
		r.happens(RefundFailed)
		r.now.Advance(time.Second)
		b := r.happens(PaymentCaptured)
		got, cursor := r.reads(s)
		wantIDs(t, got, a, b)
		if !strings.HasPrefix(cursor, b.ID+":2:") {
			t.Errorf("cursor %s", cursor)
		}
		c := r.happens(PaymentFailed)
		got, cursor = r.reads(r.open(cursor, "payment.*"))
		wantIDs(t, got, c)
		for range 3 { // also after it has settled, and again
			r.now.Advance(settle)
			s = r.open(cursor, "payment.*")
			got, _ = r.reads(s)
			wantIDs(t, got)
			cursor = s.Cursor().String()
		}
		if !id.Has(cursor, id.Event) {
			t.Errorf("all has settled, and the cursor is %s", cursor)
		}
	})
}

func TestWhatLandedLateWhileAReaderWasAwayIsSentWithItsNeighbours(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		settled := r.happens(PaymentCreated)
		r.now.Advance(2 * settle)
		s := r.open(settled.ID)
		a, late, b := r.happens(PaymentCreated), r.made(PaymentCaptured), r.happens(PaymentFailed)
		got, cursor := r.reads(s)
		wantIDs(t, got, a, b)
		r.lands(late)
		got, cursor = r.reads(r.open(cursor))
		wantIDs(t, got, a, late, b)
		got, _ = r.reads(r.open(cursor)) // and then no more
		wantIDs(t, got)
	})
}

func TestWhatIsMoreThanCanBeKeptInMindIsSentAgain(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		s := r.open("")
		late, a, b := r.made(PaymentCreated), r.happens(PaymentCaptured), r.happens(PaymentCaptured)
		got, cursor := r.reads(s)
		wantIDs(t, got, a, b)
		r.lands(late)
		r.streams.most = 2 // as many as the cursor counts, and not all that there are
		got, _ = r.reads(r.open(cursor))
		wantIDs(t, got, late, a)
		r.streams.most = 1
		r.flowsFor(r.tenant) // without a look, it reads on its own
		if _, _, err := r.open(id.Floor(id.Event, r.now.Now().Add(-time.Second))).Read(t.Context()); !errors.Is(err, ErrTooMany) {
			t.Errorf("three in mind where two may be: %v", err)
		}
	})
}

func TestAnIdOfAnEventIsACursorToo(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		a, before, b, behind, c := r.happens(PaymentCreated), r.made(PaymentPending), r.happens(PaymentCreated), r.made(PaymentPending), r.happens(PaymentCreated)
		s := r.open(b.ID)
		got, _ := r.reads(s)
		wantIDs(t, got, c)
		r.lands(before, behind)
		got, _ = r.reads(s)
		wantIDs(t, got, behind)
		got, _ = r.reads(r.open(a.ID))
		wantIDs(t, got, before, b, behind, c)
	})
}

func TestAReaderWhoWasAwayForLongCatchesUpPageByPage(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		r.streams.scan = 7
		first := r.happens(RefundFailed)
		var want []Event
		for i := range 150 {
			r.now.Advance(time.Second)
			if i%10 == 0 {
				want = append(want, r.happens(PaymentCreated))
			} else {
				r.happens(RefundFailed)
			}
		}
		s := r.open(first.ID, "payment.created")
		got, _ := r.reads(s)
		wantIDs(t, got, want...)
		// What has settled on the way leaves nothing to keep in mind, and its cursors are ids.
		if len(s.place.sent) != 1 {
			t.Errorf("keeps %v", s.place.sent)
		}
		all := r.open(first.ID)
		r.look()
		page, more, err := all.Read(t.Context())
		if err != nil || !more || len(page) != 7 || page[6].Cursor.String() != page[6].ID {
			t.Errorf("page of %d, more %t, %v", len(page), more, err)
		}
	})
}

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

func TestAWrongCursorIsRefused(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	at := func(d time.Duration) string { return id.Floor(id.Event, now.Now().Add(d)) }
	good := id.NewSource(now, rand.Reader).New(id.Event)
	floor := strings.TrimPrefix(at(-time.Second), "evt_")
	for text, want := range map[string]fault.Kind{
		"": fault.Invalid, "x": fault.Invalid, "evt_1": fault.Invalid, "pay" + good[3:]: fault.Invalid, good + ":": fault.Invalid, good + ":1": fault.Invalid,
		good + ":1:": fault.Invalid, good + ":0:" + floor: fault.Invalid, good + ":-1:" + floor: fault.Invalid, good + ":1:" + floor + "0": fault.Invalid,
		good + ":1:zzz": fault.Invalid, good + ":1:I": fault.Invalid, good + ":99999999999999:" + floor: fault.Invalid, good + ":1:" + floor + ":1": fault.Invalid,
		at(2 * ahead): fault.Invalid, at(-Kept - time.Second): fault.Gone, good + ":1:0": fault.Gone, good + "\n": fault.Invalid, strings.Repeat("x", 1000): fault.Invalid,
	} {
		if c, err := ParseCursor(text, now.Now(), Kept); fault.Of(err) != want || err == nil || c != (Cursor{}) {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
	if _, err := ParseCursor(at(-Kept-time.Hour), now.Now(), 2*Kept); err != nil {
		t.Errorf("where events are kept for longer: %v", err)
	}
	for _, text := range []string{good, at(-Kept), at(ahead), good + ":12:" + strings.TrimRight(floor, "0"), good + ":1:" + floor} {
		c, err := ParseCursor(text, now.Now(), Kept)
		if again, other := ParseCursor(c.String(), now.Now(), Kept); err != nil || other != nil || again != c {
			t.Errorf("%q is %v, %v; again %v, %v", text, c, err, again, other)
		}
	}
}

func TestStreamsOfATenantShareOneLookAndAreWokenByWhatLandsHere(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		r.streams.every = time.Hour // only a hint can wake it
		one, err := r.streams.Open(t.Context(), r.tenant, nil, Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		two, err := r.streams.Open(t.Context(), r.tenant, []string{"refund.*"}, Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		other, err := r.streams.Open(t.Context(), "acct_shop:live", nil, Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		if one.feed != two.feed || one.feed == other.feed || len(r.streams.feeds) != 2 {
			t.Error("a tenant has one feed, and no other has it")
		}
		next := func(s *Stream) []Streamed {
			t.Helper()
			for {
				page, more, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(page) > 0 {
					return page
				}
				if !more {
					select {
					case <-s.Changed():
					case <-t.Context().Done():
						t.Fatal(t.Context().Err())
					}
				}
			}
		}
		e := r.made(RefundFailed)
		c := db.NewChange(r.tenant, eventRow(e))
		if err := r.db.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		r.streams.Landed(c)
		for _, s := range []*Stream{one, two} {
			if page := next(s); len(page) != 1 || page[0].ID != e.ID {
				t.Errorf("read %v", page)
			}
		}
		one.Close()
		two.Close()
		if len(r.streams.feeds) != 1 {
			t.Error("a feed without streams goes on")
		}
		other.Close()
		r.streams.Close()
		if _, err := r.streams.Open(t.Context(), r.tenant, nil, Cursor{}); err == nil {
			t.Error("a stream opens after the end")
		}
	})
}

func TestWhatLandsTooLateForStreamsIsCounted(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		registry := prometheus.NewRegistry()
		streams := NewStreams(r.streams.store, StreamOptions{Clock: r.now, Logger: slog.New(slog.DiscardHandler), Metrics: registry})
		defer streams.Close()
		counted := func() float64 {
			t.Helper()
			families, err := registry.Gather()
			if err != nil || len(families) != 1 || families[0].GetName() != "florin_events_late_total" {
				t.Fatalf("%v, %v", families, err)
			}
			return families[0].GetMetric()[0].GetCounter().GetValue()
		}
		c := db.NewChange(r.tenant, eventRow(r.made(PaymentCreated)))
		r.now.Advance(settle)
		streams.Landed(c)
		if counted() != 0 {
			t.Error("it was in time")
		}
		r.now.Advance(time.Millisecond)
		streams.Landed(c)
		streams.Landed(db.NewChange(r.tenant)) // without an event
		if counted() != 1 {
			t.Errorf("counted %v", counted())
		}
	})
}

func TestEventsAreListedBySeveralTypes(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		kinds := []Type{PaymentCreated, PaymentCaptured, RefundFailed}
		var all []Event // newest first
		for i := range 20 {
			r.now.Advance(time.Second)
			all = append([]Event{r.happens(kinds[i%3])}, all...)
		}
		asked := []Type{PaymentCreated, RefundFailed}
		wanted := slices.DeleteFunc(slices.Clone(all), func(e Event) bool { return !slices.Contains(asked, e.Type) })
		list := func(p db.Page, types []Type, subject string) ([]string, bool) {
			t.Helper()
			found, more, err := r.streams.store.EventsOf(t.Context(), r.tenant, p, types, subject)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, e := range found {
				ids = append(ids, e.ID)
			}
			return ids, more
		}
		for _, limit := range []int{1, 3, 5, len(wanted), len(wanted) + 1} {
			at, from := db.Page{Limit: limit}, 0
			for more := true; more; from += limit {
				var got []string
				got, more = list(at, asked, "")
				to := min(from+limit, len(wanted))
				wantIDs(t, got, wanted[from:to]...)
				if more != (to < len(wanted)) {
					t.Errorf("behind %d of %d: more %t", to, len(wanted), more)
				}
				at.StartingAfter = got[len(got)-1]
			}
			got, more := list(db.Page{Limit: limit, EndingBefore: all[len(all)-1].ID}, asked, "pay_1")
			newer := wanted[:len(wanted)-1]
			wantIDs(t, got, newer[max(0, len(newer)-limit):]...)
			if more != (limit < len(newer)) {
				t.Errorf("before the oldest, %d: more %t", limit, more)
			}
		}
		if got, _ := list(db.Page{Limit: 100}, asked, "pay_2"); len(got) != 0 {
			t.Errorf("of another object: %v", got)
		}
		got, _ := list(db.Page{Limit: 100}, nil, "")
		wantIDs(t, got, all...)
	})
}
