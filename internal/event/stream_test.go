package event

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

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
