package health_test

import (
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/breaker"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
)

const (
	shop  = "acct_shop:test"
	alpha = "alpha"
)

func fresh() *health.Health { return health.New(health.Options{Clock: clock.System{}}) }

func callOf(o health.Operation) health.Call {
	return health.Call{Tenant: shop, Account: alpha, Provider: "simcard", Operation: o}
}

// try makes one call that takes no time. It tells whether it was let through.
func try(t *testing.T, h *health.Health, o health.Operation, technical bool) *health.Closed {
	t.Helper()
	done, err := h.Enter(callOf(o))
	var shut *health.Closed
	if errors.As(err, &shut) {
		return shut
	}
	if err != nil {
		t.Fatal(err)
	}
	done(health.Result{Class: "any", Technical: technical})
	return nil
}

// pass lets the bubble's time pass.
func pass(d time.Duration) { <-time.After(d) }

// fail has calls fail until the breaker is open.
func fail(t *testing.T, h *health.Health, o health.Operation) {
	t.Helper()
	for range 100 {
		if try(t, h, o, true) != nil {
			return
		}
	}
	t.Fatal("the breaker does not open")
}

// One capture that a provider never takes says nothing of it but the first time.
func TestACallThatFailsAsItHadBeforeTurnsNoBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		again := func() *health.Closed {
			done, err := h.Enter(callOf(health.Capture))
			var shut *health.Closed
			if !errors.As(err, &shut) {
				done(health.Result{Class: "any", Technical: true, Again: true})
			}
			return shut
		}
		for range 30 {
			if shut := again(); shut != nil {
				t.Fatalf("it opened the breaker: %v", shut)
			}
		}
		fail(t, h, health.Capture)
		if again() == nil {
			t.Error("it got through an open breaker")
		}
		pass(11 * time.Second)
		for range breaker.Probes { // it is a probe, and neither opens nor closes it
			if shut := again(); shut != nil {
				t.Fatalf("half open, it was refused: %v", shut)
			}
			if s := h.State(shop, alpha, health.Capture); !s.Probe {
				t.Fatalf("after it the breaker is %+v", s)
			}
			if shut := try(t, h, health.Capture, false); shut != nil {
				t.Fatalf("another was refused: %v", shut)
			}
		}
		if s := h.State(shop, alpha, health.Capture); s.Probe || !s.Enterable() {
			t.Errorf("after all that succeeded it is %+v", s)
		}
	})
}

func TestFiveTechnicalFailuresInARowOpenABreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		for n := range 5 {
			if shut := try(t, h, health.Authorize, true); shut != nil {
				t.Fatalf("call %d was refused: %v", n+1, shut)
			}
		}
		shut := try(t, h, health.Authorize, false)
		if shut == nil || shut.Reason != health.Open {
			t.Fatalf("the sixth call: %v", shut)
		}
		if wait := time.Until(shut.Until); wait <= 0 || wait > 10*time.Second {
			t.Errorf("it is to wait %s", wait)
		}
		if s := h.State(shop, alpha, health.Authorize); s.Enterable() || s.Reason != health.Open {
			t.Errorf("state %+v", s)
		}
	})
}

func TestDeclinesNeverOpenABreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		for range 500 {
			if shut := try(t, h, health.Authorize, false); shut != nil {
				t.Fatal(shut)
			}
		}
	})
}

func TestHalfOfManyCallsFailingOpensABreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		for n := range 19 {
			if shut := try(t, h, health.Capture, n%2 == 0); shut != nil {
				t.Fatalf("call %d was refused: %v", n+1, shut)
			}
		}
		try(t, h, health.Capture, true)
		if shut := try(t, h, health.Capture, false); shut == nil {
			t.Error("eleven of twenty failed, and it is called still")
		}
	})
}

func TestOldFailuresAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		for range 12 {
			try(t, h, health.Authorize, true)
			try(t, h, health.Authorize, false)
			pass(2 * time.Minute)
		}
		if shut := try(t, h, health.Authorize, false); shut != nil {
			t.Error(shut)
		}
	})
}

func TestOperationsAndAccountsHaveBreakersOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		fail(t, h, health.Authorize)
		for _, o := range health.Operations {
			if shut := try(t, h, o, false); (shut != nil) != (o == health.Authorize) {
				t.Errorf("%s: %v", o, shut)
			}
		}
		other := callOf(health.Authorize)
		other.Account = "beta"
		stranger := callOf(health.Authorize)
		stranger.Tenant = "acct_shop:live"
		for _, c := range []health.Call{other, stranger} {
			if done, err := h.Enter(c); err != nil {
				t.Errorf("%+v: %v", c, err)
			} else {
				done(health.Result{})
			}
		}
	})
}

func TestAHalfOpenBreakerLetsOneCallThroughAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		fail(t, h, health.Authorize)
		pass(10 * time.Second)
		for probe := range breaker.Probes {
			if s := h.State(shop, alpha, health.Authorize); !s.Enterable() || !s.Probe {
				t.Fatalf("before probe %d: %+v", probe+1, s)
			}
			done, err := h.Enter(callOf(health.Authorize))
			if err != nil {
				t.Fatalf("probe %d: %v", probe+1, err)
			}
			if shut := try(t, h, health.Authorize, false); shut == nil || shut.Reason != health.Open {
				t.Errorf("a call beside probe %d: %v", probe+1, shut)
			}
			if s := h.State(shop, alpha, health.Authorize); s.Enterable() {
				t.Errorf("beside probe %d: %+v", probe+1, s)
			}
			pass(300 * time.Millisecond)
			done(health.Result{Class: "approved"})
		}
		if s := h.State(shop, alpha, health.Authorize); !s.Enterable() || s.Probe {
			t.Errorf("after all probes: %+v", s)
		}
	})
}

func TestOfManyWhoWaitOneIsTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		fail(t, h, health.Refund)
		pass(10 * time.Second)
		var crowd sync.WaitGroup
		through := make(chan func(health.Result), 50)
		for range cap(through) {
			crowd.Go(func() {
				if done, err := h.Enter(callOf(health.Refund)); err == nil {
					through <- done
				}
			})
		}
		crowd.Wait()
		if n := len(through); n != 1 {
			t.Errorf("%d calls got through", n)
		}
		for range len(through) {
			(<-through)(health.Result{})
		}
	})
}

func TestPausesGrowWhileProbesFailAndAreShortAgainAfterCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		fail(t, h, health.Authorize)
		pause := func() time.Duration {
			return time.Until(h.State(shop, alpha, health.Authorize).Until).Round(time.Second)
		}
		for _, want := range []time.Duration{10, 20, 40, 80, 120, 120} {
			if got := pause(); got != want*time.Second {
				t.Fatalf("the pause is %s, want %s", got, want*time.Second)
			}
			pass(want * time.Second)
			if shut := try(t, h, health.Authorize, true); shut != nil {
				t.Fatalf("the probe: %v", shut)
			}
		}
		pass(2 * time.Minute)
		for range 3 {
			try(t, h, health.Authorize, false)
		}
		fail(t, h, health.Authorize)
		if got := pause(); got != 2*time.Minute {
			t.Errorf("down again at once: the pause is %s", got)
		}
		pass(2 * time.Minute)
		for range 3 {
			try(t, h, health.Authorize, false)
		}
		pass(6 * time.Minute)
		fail(t, h, health.Authorize)
		if got := pause(); got != 10*time.Second {
			t.Errorf("down after calm: the pause is %s", got)
		}
	})
}

func TestCallsThatBeganBeforeABreakerOpenedAreNoProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		var late []func(health.Result)
		for range 10 {
			done, err := h.Enter(callOf(health.Authorize))
			if err != nil {
				t.Fatal(err)
			}
			late = append(late, done)
		}
		fail(t, h, health.Authorize)
		pass(10 * time.Second)
		for _, done := range late {
			done(health.Result{Class: "unknown", Technical: true}) // their timeouts come when it is half open
		}
		for n := range 3 {
			if shut := try(t, h, health.Authorize, false); shut != nil {
				t.Fatalf("probe %d: %v", n+1, shut)
			}
		}
		if s := h.State(shop, alpha, health.Authorize); !s.Enterable() || s.Probe {
			t.Errorf("state %+v", s)
		}
	})
}

func TestWhatWasHeldUpTogetherComesBackApart(t *testing.T) {
	until := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	seconds := map[int]int{}
	ids := id.System()
	for range 3000 {
		name := ids.New(id.Attempt)
		due := health.Spread(name, until)
		if !due.Equal(health.Spread(name, until)) {
			t.Fatalf("%s has two times", name)
		}
		seconds[int(due.Sub(until)/time.Second)]++
	}
	for s := range 30 {
		if n := seconds[s]; n < 50 || n > 200 {
			t.Errorf("%d of 3000 in second %d", n, s)
		}
		delete(seconds, s)
	}
	if len(seconds) > 0 {
		t.Errorf("outside: %v", seconds)
	}
}

func TestWhatIsNotUsedIsForgottenUnlessItIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fresh()
		try(t, h, health.Authorize, false)
		stuck, err := h.Enter(health.Call{Tenant: shop, Account: "beta", Operation: health.Authorize})
		if err != nil {
			t.Fatal(err)
		}
		down := health.Call{Tenant: shop, Account: "gamma", Operation: health.Authorize}
		for range 5 {
			done, err := h.Enter(down)
			if err != nil {
				t.Fatal(err)
			}
			done(health.Result{Technical: true})
		}
		if n := h.Forget(); n != 3 {
			t.Errorf("%d accounts are left at once", n)
		}
		pass(time.Hour)
		if n := h.Forget(); n != 2 {
			t.Errorf("%d accounts are left", n)
		}
		stuck(health.Result{})
		if s := h.State(shop, "gamma", health.Authorize); !s.Probe {
			t.Errorf("it is well again by itself: %+v", s)
		}
	})
}

func TestMetricsCountByConnectorAndNeverByMerchant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		h := health.New(health.Options{Clock: clock.System{}, Metrics: registry})
		fail(t, h, health.Authorize)
		try(t, h, health.Authorize, false)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				name := f.GetName()
				for _, l := range m.GetLabel() {
					name += " " + l.GetValue()
				}
				got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
		want := map[string]float64{
			"florin_provider_calls_total any authorize simcard": 5, "florin_provider_call_seconds authorize simcard": 5,
			"florin_provider_refusals_total authorize simcard breaker_open": 2,
			"florin_provider_breakers authorize simcard open":               1, "florin_provider_breakers authorize simcard closed": 0, "florin_provider_breakers authorize simcard half_open": 0,
		}
		if !maps.Equal(got, want) {
			t.Errorf("measured %v, want %v", got, want)
		}
	})
}
