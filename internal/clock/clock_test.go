package clock_test

import (
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

func TestTimesAreWhatTheDatabaseCanHold(t *testing.T) {
	fine := time.Date(2026, 11, 22, 13, 0, 0, 123456789, time.FixedZone("CET", 3600))
	for name, now := range map[string]time.Time{"system": clock.System{}.Now(), "manual": clock.NewManual(fine).Now()} {
		if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 || !now.Equal(time.UnixMicro(now.UnixMicro())) {
			t.Errorf("%s: %s does not come back from the database as it went", name, now.Format(time.RFC3339Nano))
		}
	}
}

func TestAManualClockStandsUntilItIsMoved(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	hands := clock.NewManual(start)
	for range 2 {
		if !hands.Now().Equal(start) {
			t.Error("it moved by itself")
		}
	}
	hands.Advance(90 * time.Second)
	if want := start.Add(90 * time.Second); !hands.Now().Equal(want) {
		t.Errorf("%s, want %s", hands.Now(), want)
	}
}

func TestAStopwatchNeverRunsBackwards(t *testing.T) {
	start := clock.Stopwatch()
	first := clock.Since(start)
	if second := clock.Since(start); first < 0 || second < first {
		t.Errorf("%s, then %s", first, second)
	}
}
