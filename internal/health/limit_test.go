package health_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/internal/health"
)

// hang has authorizations take all the room there is for them.
func hang(t *testing.T, h *health.Health, o health.Operation) (done []func(health.Result)) {
	t.Helper()
	for range 100_000 {
		end, err := h.Enter(callOf(o))
		var shut *health.Closed
		if errors.As(err, &shut) {
			if shut.Reason != health.Overloaded {
				t.Fatal(err)
			}
			return done
		}
		done = append(done, end)
	}
	t.Fatal("there is no bound")
	return nil
}

func TestAuthorizationsThatHangLeaveRoomForRefundsVoidsAndInquiries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		stuck := hang(t, h, health.Authorize)
		for _, o := range health.Operations {
			wanted := o == health.Refund || o == health.Void || o == health.Inquiry
			if s := h.State(shop, alpha, o); s.Enterable() != wanted {
				t.Errorf("%s: state %+v", o, s)
			}
			shut := try(t, h, o, false)
			if (shut == nil) != wanted {
				t.Errorf("%s: %v", o, shut)
			}
		}
		asked := hang(t, h, health.Inquiry)
		if len(asked) < 16 {
			t.Errorf("room for %d inquiries", len(asked))
		}
		if shut := try(t, h, health.Authorize, false); shut == nil {
			t.Error("an authorization took room that is kept")
		}
		for _, done := range append(stuck, asked...) {
			done(health.Result{Class: "approved"})
		}
		if shut := try(t, h, health.Authorize, false); shut != nil {
			t.Error(shut)
		}
	})
}

func TestARefusedCallIsNoFailureAndTakesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		fail(t, h, health.Authorize)
		for range 10_000 {
			if try(t, h, health.Authorize, true) == nil {
				t.Fatal("it was let through")
			}
		}
		pass(10 * time.Second)
		for range 3 {
			if shut := try(t, h, health.Authorize, false); shut != nil {
				t.Fatal(shut)
			}
		}
		stuck := hang(t, h, health.Authorize)
		if len(stuck) < 200 {
			t.Errorf("room for %d calls is left", len(stuck))
		}
		for _, done := range stuck {
			done(health.Result{})
		}
	})
}

func TestTheLimitComesDownAsAnswersTakeLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		work := func(rounds int, takes func(round int) time.Duration) {
			for round := range rounds {
				var under sync.WaitGroup
				for range 100 {
					done, err := h.Enter(callOf(health.Authorize))
					if err != nil {
						continue
					}
					under.Go(func() {
						pass(takes(round))
						done(health.Result{Class: "approved"})
					})
				}
				under.Wait()
				pass(time.Second)
			}
		}
		work(30, func(int) time.Duration { return 100 * time.Millisecond })
		before := h.Limit(shop, alpha)
		work(30, func(round int) time.Duration { return 100*time.Millisecond + time.Duration(round)*200*time.Millisecond })
		if after := h.Limit(shop, alpha); after >= before {
			t.Errorf("the limit was %d, and is %d", before, after)
		}
	})
}
