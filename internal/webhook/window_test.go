package webhook

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/event"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestAWindowGrowsWithSuccessesAndHalvesWithFailures(t *testing.T) {
	w := newWindow(event.Lane{}, 10)
	for _, want := range []int{5, 6, 7, 8, 9, 10, 10} {
		if w.succeeded(); w.room(0, noon) != want {
			t.Fatalf("room for %d, want %d", w.room(0, noon), want)
		}
	}
	if w.room(4, noon) != 6 || w.room(12, noon) != 0 {
		t.Errorf("with 4 under way room for %d, with 12 for %d", w.room(4, noon), w.room(12, noon))
	}
	for _, want := range []int{5, 2, 1, 1} {
		if w.failed(noon, noon, 0); w.room(0, noon) != want {
			t.Fatalf("room for %d after a failure, want %d", w.room(0, noon), want)
		}
	}
}

func TestABreakerOpensAfterFailuresInARowAndClosesAfterOneSuccess(t *testing.T) {
	w := newWindow(event.Lane{}, 32)
	now := noon
	for i := range failuresToOpen {
		if opened := w.failed(now, now, 0); opened != (i == failuresToOpen-1) {
			t.Fatalf("failure %d opened it: %t", i+1, opened)
		}
	}
	if !w.failingSince.Equal(noon) {
		t.Errorf("failing since %s", w.failingSince)
	}
	if w.failed(now.Add(-time.Second), now, 0) { // it was sent before the breaker opened
		t.Error("what was under way opens it again")
	}
	for _, pause := range append(breakerPauses, maxPause, maxPause)[1:] {
		if w.room(0, w.openUntil.Add(-1)) != 0 || w.room(0, w.openUntil) != 1 || w.room(1, w.openUntil) != 0 {
			t.Fatal("more or fewer than one probe after the pause")
		}
		now = w.openUntil
		if !w.failed(now, now, 0) || w.openUntil.Sub(now) != pause {
			t.Errorf("the next pause is %s, want %s", w.openUntil.Sub(now), pause)
		}
	}
	if !w.succeeded() || w.room(0, now) != 1 || !w.failingSince.IsZero() || w.succeeded() {
		t.Errorf("after a success %+v", w)
	}
}

func TestAnAnswerThatAsksToWaitHoldsTheOthersToo(t *testing.T) {
	w := newWindow(event.Lane{}, 32)
	if !w.failed(noon, noon, time.Minute) || w.openUntil.Sub(noon) != time.Minute || w.pauses != 0 {
		t.Errorf("%+v", w)
	}
	if !w.failed(noon.Add(time.Hour), noon.Add(time.Hour), 24*time.Hour) || w.openUntil.Sub(noon.Add(time.Hour)) != maxPause {
		t.Errorf("an endless wait: %+v", w)
	}
}

func TestAnEndpointIsHopelessAfterThreeDaysOfFailureOnly(t *testing.T) {
	w := newWindow(event.Lane{}, 32)
	w.failed(noon, noon, 0)
	if w.hopeless(noon.Add(failingFor - 1)) {
		t.Error("too early")
	}
	if !w.hopeless(noon.Add(failingFor)) {
		t.Error("too late")
	}
	if w.succeeded(); w.hopeless(noon.Add(failingFor)) {
		t.Error("one success does not count")
	}
}

func TestAnotherProcessTakesUpTheWindow(t *testing.T) {
	w := newWindow(event.Lane{}, 32)
	for range failuresToOpen {
		w.failed(noon, noon, 0)
	}
	taken := newWindow(w.into(event.Lane{Merchant: shop}), 32)
	if taken.room(0, noon) != 0 || taken.room(0, taken.openUntil) != 1 || !taken.failingSince.Equal(noon) || taken.failures != failuresToOpen || taken.pauses != 1 {
		t.Errorf("%+v", taken)
	}
}

func TestAWindowNeverGoesOverItsLimitNorStopsForGood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 64).Draw(t, "limit")
		w, now := newWindow(event.Lane{}, int64(limit)), noon
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "seconds")) * time.Second)
			if rapid.Bool().Draw(t, "success") {
				w.succeeded()
			} else {
				w.failed(now, now, time.Duration(rapid.IntRange(0, 5000).Draw(t, "wait"))*time.Second)
			}
			if n := w.room(0, now); n < 0 || n > limit {
				t.Fatalf("room for %d of %d", n, limit)
			}
			if w.room(0, now.Add(maxPause)) == 0 {
				t.Fatalf("nothing can be sent after the longest pause: %+v", w)
			}
		}
	})
}
