package health_test

import (
	"testing"
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
				if _, ok := h.Drain("acct_a:test", "alpha", health.Refund); !ok {
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
	if _, ok := h.Drain("acct_a:test", "alpha", health.Refund); !ok {
		t.Fatal("the first call has no turn")
	}
	told := map[time.Time]bool{}
	for range 20 {
		at, ok := h.Drain("acct_a:test", "alpha", health.Refund)
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
	if _, ok := h.Drain("acct_a:test", "beta", health.Refund); !ok {
		t.Error("another account has no turn")
	}
}

func TestTheRampBeginsAnewAfterAnotherOutage(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	h := health.New(health.Options{Clock: now})
	drained(h, now, 60)
	for range 5 {
		done, err := h.Enter(health.Call{Tenant: "acct_a:test", Account: "alpha", Provider: "fake", Operation: health.Capture})
		if err != nil {
			t.Fatal(err)
		}
		done(health.Result{Class: "unknown", Technical: true})
	}
	if wait, ok := h.Drain("acct_a:test", "alpha", health.Capture); ok || !wait.After(now.Now()) {
		t.Errorf("a call may be made at %v although the breaker is open", wait)
	}
	if sent := drained(h, now, 9); sent[5] != 1 {
		t.Errorf("after the outage %d calls a second are made, want 1", sent[5])
	}
}
