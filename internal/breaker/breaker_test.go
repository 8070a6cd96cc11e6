package breaker_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/breaker"
)

// try makes a call that takes no time, and tells whether it was let through.
func try(b *breaker.Breaker, failed bool, now time.Duration) (breaker.Turn, bool) {
	p, wait := b.Enter(now)
	if wait > 0 {
		return breaker.Stays, false
	}
	return b.Ended(p, failed, now), true
}

// opened is a breaker that has just opened.
func opened(t *testing.T, now time.Duration) *breaker.Breaker {
	t.Helper()
	b := &breaker.Breaker{}
	for n := range breaker.FailuresRun {
		turn, through := try(b, true, now)
		if want := n == breaker.FailuresRun-1; !through || (turn == breaker.Opens) != want {
			t.Fatalf("failure %d turned it: %v, through %v", n+1, turn, through)
		}
	}
	return b
}

func TestFailuresInARowOpenIt(t *testing.T) {
	b := opened(t, time.Hour)
	if b.State(time.Hour) != breaker.Open || b.Wait(time.Hour) != breaker.FirstPause {
		t.Errorf("state %v, wait %s", b.State(time.Hour), b.Wait(time.Hour))
	}
	if _, through := try(b, false, time.Hour+breaker.FirstPause-1); through {
		t.Error("a call got through before the pause was over")
	}
	if got := b.State(time.Hour + breaker.FirstPause); got != breaker.HalfOpen {
		t.Errorf("after the pause it stands at %v", got)
	}
}

func TestASuccessBeginsTheRowAnew(t *testing.T) {
	b := &breaker.Breaker{}
	for n := range 4 * (breaker.FailuresRun - 1) {
		if n%(breaker.FailuresRun-1) == 0 {
			for range breaker.FailuresRun { // so many that half of all do not fail
				try(b, false, 0)
			}
		}
		if turn, _ := try(b, true, 0); turn != breaker.Stays {
			t.Fatalf("failure %d turned it", n+1)
		}
	}
}

func TestHalfOfManyCallsOpenIt(t *testing.T) {
	b := &breaker.Breaker{}
	for n := range breaker.FailuresOf - 1 {
		if turn, _ := try(b, n%2 == 0, 0); turn != breaker.Stays {
			t.Fatalf("call %d turned it", n+1)
		}
	}
	if turn, _ := try(b, true, 0); turn != breaker.Opens {
		t.Error("more than half failed, and it is closed")
	}
}

// Calls to a provider that hangs for half a minute end half a minute after they began: of one that has few calls, never five of one minute.
func TestAFewCallsThatHangOpenIt(t *testing.T) {
	b := &breaker.Breaker{}
	for n := range breaker.FailuresRun {
		began := time.Duration(n) * 20 * time.Second
		p, wait := b.Enter(began)
		if wait > 0 {
			t.Fatalf("call %d waits for %s", n+1, wait)
		}
		if turn := b.Ended(p, true, began+30*time.Second); (turn == breaker.Opens) != (n == breaker.FailuresRun-1) {
			t.Errorf("failure %d turned it: %v", n+1, turn)
		}
	}
}

// Half of many calls is half of those that began within the last minute, by parts of ten seconds.
func TestItCountsCallsOfTheWindowAndAnyRow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const part = 10 * time.Second
		b := &breaker.Breaker{}
		type call struct {
			part   int64
			failed bool
		}
		var all []call // as they ended
		var now time.Duration
		run := 0
		for range rapid.IntRange(1, 80).Draw(rt, "calls") {
			now += time.Duration(rapid.IntRange(0, 30).Draw(rt, "seconds")) * time.Second
			p, wait := b.Enter(now)
			if wait > 0 {
				rt.Fatalf("at %s it is open", now)
			}
			c := call{int64(now / part), rapid.Bool().Draw(rt, "failed")}
			all = append(all, c)
			now += time.Duration(rapid.SampledFrom([]int{0, 1, 30, 70}).Draw(rt, "takes")) * time.Second
			if run++; !c.failed {
				run = 0
			}
			ended, failed := 0, 0
			for _, c := range all {
				if int64(now/part)-c.part < int64(breaker.Window/part) {
					if ended++; c.failed {
						failed++
					}
				}
			}
			want := c.failed && (run >= breaker.FailuresRun || ended >= breaker.FailuresOf && 2*failed >= ended)
			if got := b.Ended(p, c.failed, now) == breaker.Opens; got != want {
				rt.Fatalf("%d of %d failed, %d in a row: opened %v", failed, ended, run, got)
			}
			if want {
				return
			}
		}
	})
}

func TestPausesDoubleUpToTheLongestAndAreShortAgainAfterCalm(t *testing.T) {
	b := opened(t, 0)
	now := time.Duration(0)
	var pauses []time.Duration
	for range 6 {
		pauses = append(pauses, b.Pause())
		now += b.Pause()
		if turn, through := try(b, true, now); !through || turn != breaker.Reopens {
			t.Fatalf("the probe: through %v, turn %v", through, turn)
		}
	}
	if want := []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 2 * time.Minute, 2 * time.Minute}; !slices.Equal(pauses, want) {
		t.Errorf("%v, want %v", pauses, want)
	}
	for _, c := range []struct{ closed, want time.Duration }{{breaker.CalmAfter - time.Second, breaker.LongestPause}, {breaker.CalmAfter, breaker.FirstPause}} {
		now += b.Pause()
		for range breaker.Probes {
			try(b, false, now)
		}
		now += c.closed
		for range breaker.FailuresRun {
			try(b, true, now)
		}
		if b.State(now) != breaker.Open || b.Pause() != c.want {
			t.Errorf("closed for %s it pauses for %s, want %s", c.closed, b.Pause(), c.want)
		}
	}
}

func TestAHalfOpenBreakerLetsOneProbeAtATimeThrough(t *testing.T) {
	b := opened(t, 0)
	now := breaker.FirstPause
	for n := range breaker.Probes {
		p, wait := b.Enter(now)
		if wait > 0 || !p.Probe {
			t.Fatalf("probe %d: %+v, wait %s", n+1, p, wait)
		}
		if _, wait := b.Enter(now); wait != breaker.ProbePause {
			t.Errorf("beside probe %d a call waits for %s", n+1, wait)
		}
		unused, turn := b.Wait(now), b.Ended(p, false, now)
		if unused == 0 || (turn == breaker.Closes) != (n == breaker.Probes-1) {
			t.Errorf("probe %d: turn %v", n+1, turn)
		}
	}
	if p, wait := b.Enter(now); wait > 0 || p.Probe {
		t.Errorf("after that a call is %+v, and waits for %s", p, wait)
	}
}

func TestAProbeThatWasNotMadeMakesRoomForAnother(t *testing.T) {
	b := opened(t, 0)
	p, _ := b.Enter(breaker.FirstPause)
	b.Unused(p)
	if b.Wait(breaker.FirstPause) != 0 || b.State(breaker.FirstPause) != breaker.HalfOpen {
		t.Error("it waits for a probe that was not made, or learned from it")
	}
}

func TestWhatComesBackAfterATurnSaysNothingNew(t *testing.T) {
	b := &breaker.Breaker{}
	var late []breaker.Pass
	for range 10 {
		p, _ := b.Enter(0)
		late = append(late, p)
	}
	for range breaker.FailuresRun {
		try(b, true, 0)
	}
	now := breaker.FirstPause
	probe, _ := b.Enter(now)
	for i, p := range late {
		if i%2 == 0 {
			b.Unused(p)
		}
		if b.Ended(p, true, now) != breaker.Stays || b.Wait(now) != breaker.ProbePause {
			t.Fatal("an old call turned it, or ended the probe")
		}
	}
	if b.Ended(probe, false, now); b.State(now) != breaker.HalfOpen || b.Wait(now) != 0 {
		t.Error("one probe closed it, or another has to wait")
	}
}
