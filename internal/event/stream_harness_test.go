package event

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
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
