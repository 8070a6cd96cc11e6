package health_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/internal/breaker"
	"github.com/florinpay/florin/internal/health"
)

// reserve takes a place that must be there.
func reserve(t *testing.T, h *health.Health, o health.Operation) health.Place {
	t.Helper()
	p, err := h.Reserve(callOf(o))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPlaceTakesRoomUntilItIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		var places []health.Place
		for {
			p, err := h.Reserve(callOf(health.Authorize))
			var shut *health.Closed
			if errors.As(err, &shut) {
				if shut.Reason != health.Overloaded || shut.Until.IsZero() {
					t.Fatal(err)
				}
				break
			}
			places = append(places, p)
		}
		if len(places) != h.Limit(shop, alpha) {
			t.Fatalf("%d places, the limit is %d", len(places), h.Limit(shop, alpha))
		}
		if s := h.State(shop, alpha, health.Authorize); s.Reason != health.Overloaded {
			t.Errorf("all are taken: %+v", s)
		}
		for _, p := range places {
			p.Leave()
			if shut := try(t, h, health.Authorize, false); shut != nil {
				t.Fatal(shut)
			}
		}
		if again := hang(t, h, health.Authorize); len(again) != len(places) {
			t.Errorf("there was room for %d, and now for %d", len(places), len(again))
		}
	})
}

// One call comes after the other, so both have one room. Each has its own breaker.
func TestACallBeforeAnotherIsInTheSameRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		place := reserve(t, h, health.Authorize)
		rest := hang(t, h, health.Authorize)
		for range 2 { // as the first question may have to be put again
			question, err := place.Before(health.Authenticate)
			if err != nil {
				t.Fatalf("all the room is taken: %v", err)
			}
			if o := h.Reported(callOf(health.Authenticate)); o.InFlight != 1 {
				t.Errorf("%d are under way", o.InFlight)
			}
			question.Begin()(health.Result{Class: "approved"})
		}
		if more := hang(t, h, health.Authorize); len(more) != 0 {
			t.Errorf("the question gave the room back: there is some for %d more", len(more))
		}
		unused, err := place.Before(health.Authenticate)
		if err != nil {
			t.Fatal(err)
		}
		unused.Leave()
		place.Begin()(health.Result{Class: "approved"})
		if more := hang(t, h, health.Authorize); len(more) != 1 {
			t.Errorf("afterwards there is room for %d more", len(more))
		}
		if o := h.Reported(callOf(health.Authenticate)); o.Calls != 2 || o.InFlight != 0 {
			t.Errorf("reported %+v", o)
		}
		for _, done := range rest {
			done(health.Result{Class: "approved"})
		}
	})
}

func TestACallBeforeAnotherIsRefusedByItsOwnBreakerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		place := reserve(t, h, health.Authorize)
		for range 5 {
			question, err := place.Before(health.Authenticate)
			if err != nil {
				t.Fatal(err)
			}
			question.Begin()(health.Result{Class: "unknown", Technical: true})
		}
		var shut *health.Closed
		if _, err := place.Before(health.Authenticate); !errors.As(err, &shut) || shut.Reason != health.Open {
			t.Errorf("after five failures: %v", err)
		}
		place.Begin()(health.Result{Class: "approved"})
		if s := h.State(shop, alpha, health.Authorize); !s.Enterable() || s.Probe {
			t.Errorf("authorizations: %+v", s)
		}
		if s := h.State(shop, alpha, health.Inquiry); !s.Enterable() {
			t.Errorf("inquiries: %+v", s)
		}
	})
}

func TestPaymentsThatAreUnderWayGoBeforeNewOnesAndLeaveRoomForRefunds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		stuck := hang(t, h, health.Authorize)
		under := callOf(health.Authorize)
		under.Begun = true
		var begun []health.Place
		for {
			place, err := h.Reserve(under)
			if err != nil {
				break
			}
			begun = append(begun, place)
		}
		refunds := hang(t, h, health.Refund)
		if len(begun) != 16 || len(refunds) != 16 {
			t.Errorf("room for %d payments that are under way, and %d refunds", len(begun), len(refunds))
		}
		refunds[0](health.Result{Class: "approved"})
		if _, err := h.Reserve(under); err == nil {
			t.Error("a payment took the room that is kept for refunds")
		}
		begun[0].Begin()(health.Result{Class: "approved"})
		for _, p := range begun[1:] {
			p.Leave()
		}
		for _, done := range append(stuck, refunds[1:]...) {
			done(health.Result{Class: "approved"})
		}
		if again := hang(t, h, health.Authorize); len(again) != h.Limit(shop, alpha) {
			t.Errorf("afterwards there is room for %d", len(again))
		}
	})
}

func TestAPlaceThatIsUsedIsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		for range 5 {
			reserve(t, h, health.Authorize).Begin()(health.Result{Class: "unknown", Technical: true})
		}
		if _, err := h.Reserve(callOf(health.Authorize)); err == nil {
			t.Error("five failed, and there is a place for the sixth")
		}
	})
}

func TestAPlaceThatIsGivenBackIsNeitherSuccessNorFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		for n := range 5 {
			if shut := try(t, h, health.Authorize, true); shut != nil {
				t.Fatalf("after %d failures: %v", n, shut)
			}
			for range 10 {
				if n < 4 {
					reserve(t, h, health.Authorize).Leave()
				}
			}
		}
		if shut := try(t, h, health.Authorize, false); shut == nil {
			t.Error("five calls in a row failed, and it is called still")
		}
		if o := h.Reported(callOf(health.Authorize)); o.Calls != 5 || o.Failures != 5 || o.InFlight != 0 {
			t.Errorf("reported %+v", o)
		}
	})
}

func TestAProbeThatIsNotMadeIsFreeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		early := reserve(t, h, health.Authorize)
		fail(t, h, health.Authorize)
		pass(10 * time.Second)
		early.Leave() // it was taken before the breaker opened, and is no probe
		for made := range breaker.Probes {
			for range 5 { // more often than there are probes
				p := reserve(t, h, health.Authorize)
				if shut := try(t, h, health.Authorize, false); shut == nil || shut.Reason != health.Open {
					t.Fatalf("beside a probe that is about to be made: %v", shut)
				}
				p.Leave()
				if s := h.State(shop, alpha, health.Authorize); !s.Enterable() || !s.Probe {
					t.Fatalf("after %d probes, and one that was not made: %+v", made, s)
				}
			}
			reserve(t, h, health.Authorize).Begin()(health.Result{Class: "approved"})
		}
		if s := h.State(shop, alpha, health.Authorize); !s.Enterable() || s.Probe {
			t.Errorf("all probes succeeded: %+v", s)
		}
	})
}

func TestAProbeThatFailsAfterOneThatWasNotMadeOpensTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		fail(t, h, health.Authorize)
		pass(10 * time.Second)
		reserve(t, h, health.Authorize).Leave()
		reserve(t, h, health.Authorize).Begin()(health.Result{Technical: true})
		if s := h.State(shop, alpha, health.Authorize); s.Reason != health.Open || time.Until(s.Until).Round(time.Second) != 20*time.Second {
			t.Errorf("state %+v", s)
		}
	})
}

// Before the call its payment is written down. If that takes long the database is slow, and not the provider.
func TestACallIsMeasuredFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		rounds := func(held func(round int) time.Duration) {
			for round := range 60 {
				var places []health.Place
				for range 100 {
					places = append(places, reserve(t, h, health.Authorize))
				}
				pass(held(round))
				var done []func(health.Result)
				for _, p := range places {
					done = append(done, p.Begin())
				}
				pass(100 * time.Millisecond)
				for _, end := range done {
					end(health.Result{Class: "approved"})
				}
				pass(time.Second)
			}
		}
		rounds(func(int) time.Duration { return 0 })
		before := h.Limit(shop, alpha)
		rounds(func(round int) time.Duration { return time.Duration(round) * 200 * time.Millisecond })
		if after := h.Limit(shop, alpha); after < before {
			t.Errorf("the limit was %d, and is %d", before, after)
		}
		if o := h.Reported(callOf(health.Authorize)); o.LatencyP95 == nil || *o.LatencyP95 != 100 {
			t.Errorf("it takes %v ms", o.LatencyP95)
		}
	})
}
