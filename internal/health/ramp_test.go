package health_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/health"
)

// drained is how many calls get through within each of so many seconds, of more than can.
func drained(h *health.Health, now *clock.Manual, seconds int) []int {
	sent := make([]int, seconds)
	for second := range seconds {
		for range 10 { // ten looks a second
			for {
				if _, ok := h.Drain(shop, alpha, health.Refund); !ok {
					break
				}
				sent[second]++
			}
			now.Advance(100 * time.Millisecond)
		}
	}
	return sent
}

func TestWhatWaitedIsSentAtARateThatDoubles(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	h := health.New(health.Options{Clock: now})
	sent := drained(h, now, 80)
	for second, want := range map[int]int{2: 1, 8: 1, 15: 2, 25: 4, 35: 8, 45: 16, 55: 32, 65: 64, 79: 64} {
		if got := sent[second]; got < want-1 || got > want+1 {
			t.Errorf("in second %d %d calls were made, want %d", second, got, want)
		}
	}
}

func TestWhatComesTooEarlyIsToldATurnOfItsOwn(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	h := health.New(health.Options{Clock: now})
	if _, ok := h.Drain(shop, alpha, health.Refund); !ok {
		t.Fatal("the first call has no turn")
	}
	told := map[time.Time]bool{}
	for range 20 {
		at, ok := h.Drain(shop, alpha, health.Refund)
		if ok || !at.After(now.Now()) || told[at] {
			t.Fatalf("it may be made: %v, at %v, which was told before: %v", ok, at, told[at])
		}
		told[at] = true
	}
	// Whoever comes back at their turn has it.
	for at := range told {
		if at.Sub(now.Now()) > 16*time.Second {
			t.Errorf("twenty calls at one a second, then two, take until %v", at)
		}
	}
	if _, ok := h.Drain(shop, "beta", health.Refund); !ok {
		t.Error("another account has no turn")
	}
}

func TestTheRampBeginsAnewAfterAnotherOutage(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	h := health.New(health.Options{Clock: now})
	drained(h, now, 60)
	fail(t, h, health.Refund)
	if wait, ok := h.Drain(shop, alpha, health.Refund); ok || !wait.After(now.Now()) {
		t.Errorf("a call may be made at %v although the breaker is open", wait)
	}
	h.EndPause(callOf(health.Refund))
	for range 3 {
		if shut := try(t, h, health.Refund, false); shut != nil {
			t.Fatal(shut)
		}
	}
	if sent := drained(h, now, 9); sent[5] != 1 {
		t.Errorf("after the outage %d calls a second are made, want 1", sent[5])
	}
}

// A refund that is looked at while its breaker is open, or while a probe is under way, lets no capture through.
func TestWhatIsDownLetsNothingElseThrough(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	h := health.New(health.Options{Clock: now})
	fail(t, h, health.Refund)
	sent := 0
	for range 100 {
		if _, ok := h.Drain(shop, alpha, health.Refund); ok {
			t.Fatal("a refund may be made although its breaker is open")
		}
		if _, ok := h.Drain(shop, alpha, health.Capture); ok {
			sent++
		}
	}
	if sent != 1 {
		t.Errorf("%d captures were sent at one moment, want 1", sent)
	}
}

// Nor does it take the speed of what is well.
func TestWhatIsDownLeavesTheOthersTheirRate(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	h := health.New(health.Options{Clock: now})
	fail(t, h, health.Capture)
	sent := make([]int, 40)
	for second := range sent {
		for range 10 {
			h.Drain(shop, alpha, health.Capture)
			for {
				if _, ok := h.Drain(shop, alpha, health.Refund); !ok {
					break
				}
				sent[second]++
			}
			now.Advance(100 * time.Millisecond)
		}
	}
	if sent[35] < 7 || sent[35] > 9 {
		t.Errorf("after 35 seconds %d refunds a second are sent, want 8: %v", sent[35], sent)
	}
}

// A probe that fails, and those that succeed, leave what waits no more than a call a second at first.
func TestWhatWaitedIsNotSentAtOnceAfterAProbe(t *testing.T) {
	for name, fails := range map[string]bool{"that fails": true, "that succeeds": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := fresh()
				fail(t, h, health.Refund)
				pass(11 * time.Second)
				begun := time.Now()
				calls, down := 0, fails
				for time.Since(begun) < 65*time.Second {
					for range 50 { // as many hands
						if _, ok := h.Drain(shop, alpha, health.Refund); !ok {
							continue
						}
						if done, err := h.Enter(callOf(health.Refund)); err == nil {
							calls++
							for range 20 { // the others look while it is under way
								if _, ok := h.Drain(shop, alpha, health.Refund); ok {
									t.Fatal("two have their turn at one moment")
								}
							}
							done(health.Result{Class: "any", Technical: down})
							down = false
						}
					}
					if calls > 3 && !down && h.State(shop, alpha, health.Refund) == (health.State{}) {
						break
					}
					pass(100 * time.Millisecond)
				}
				took := time.Since(begun)
				if calls < 4 || calls-1 > int(took/time.Second)+1 {
					t.Errorf("%d calls within %s of the first probe", calls, took)
				}
				before := calls
				for range 50 { // and once it is closed it is no other
					if _, ok := h.Drain(shop, alpha, health.Refund); ok {
						calls++
					}
				}
				if calls-before > 1 {
					t.Errorf("%d calls at once after it closed", calls-before)
				}
			})
		})
	}
}
