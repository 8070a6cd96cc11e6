package id

import (
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

func TestIdsRiseStrictly(t *testing.T) {
	now := clock.NewManual(time.UnixMilli(1_700_000_000_000))
	s := NewSource(now, rand.Reader)
	var ids []string
	for i := range 5000 {
		ids = append(ids, s.New(Payment))
		switch {
		case i == 2000:
			now.Advance(-time.Hour) // a clock set back must not break the order
		case i%100 == 0:
			now.Advance(time.Millisecond)
		}
	}
	for i, v := range ids {
		if !Has(v, Payment) {
			t.Fatalf("%q is not a payment id", v)
		}
		if i > 0 && v <= ids[i-1] {
			t.Fatalf("%q does not sort after %q", v, ids[i-1])
		}
	}
}

func TestIdsAreUniqueAcrossGoroutines(t *testing.T) {
	s := System()
	var mu sync.Mutex
	var all []string
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var mine []string
			for range 1000 {
				mine = append(mine, s.New(Event))
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Fatalf("%d of %d ids are unique", n, len(all))
	}
}

func TestKnownBytesEncodeLikeAULID(t *testing.T) {
	// The ULID specification's example: 01ARZ3NDEKTSV4RRFFQ69G5FAV. Source: github.com/ulid/spec.
	raw := [16]byte{0x01, 0x56, 0x3e, 0x3a, 0xb5, 0xd3, 0xd6, 0x76, 0x4c, 0x61, 0xef, 0xb9, 0x93, 0x02, 0xbd, 0x5b}
	if got := string(appendBody(nil, raw)); got != "01arz3ndektsv4rrffq69g5fav" {
		t.Errorf("encoded as %s", got)
	}
}

func TestFloorBoundsATime(t *testing.T) {
	now := clock.NewManual(time.UnixMilli(1_700_000_000_000))
	s := NewSource(now, rand.Reader)
	before := s.New(Payment)
	now.Advance(time.Millisecond)
	floor := Floor(Payment, now.Now())
	after := s.New(Payment)
	if before >= floor || after < floor {
		t.Errorf("%s, %s, %s are not in order", before, floor, after)
	}
}

func TestAnIdTellsItsTime(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC))
	s := NewSource(now, rand.Reader)
	for _, made := range []string{s.New(Event), s.New(Event), Floor(Event, now.Now())} {
		at, ok := Time(made, Event)
		if want := now.Now().Truncate(time.Millisecond); !ok || !at.Equal(want) {
			t.Errorf("%s is of %v, %t; want %v", made, at, ok, want)
		}
		if _, ok := Time(made, Payment); ok {
			t.Errorf("%s passed for a payment", made)
		}
	}
}

func TestForeignTextIsNoID(t *testing.T) {
	good := System().New(Payment)
	for _, bad := range []string{"", "pay_", "pay", good + "0", good[:len(good)-1], "ref" + good[3:], "pay_8zzzzzzzzzzzzzzzzzzzzzzzzz",
		"pay_" + "0000000000000000000000000I", "pay_0000000000000000000000000\x00"} {
		if Has(bad, Payment) {
			t.Errorf("%q passed for an id", bad)
		}
	}
}
