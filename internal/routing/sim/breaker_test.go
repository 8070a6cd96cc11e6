package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/routing/adaptive"
)

// dead is a world in which the first provider is down for an hour.
func dead() *truth {
	w := Standard(304, 20_000)
	w.OutageEvery, w.BrownoutEvery = 0, 0
	t := newTruth(w)
	t.incidents = []incident{{provider: 0, country: -1, from: time.Hour, to: 2 * time.Hour}}
	return t
}

func TestAnOutageCostsAFewPaymentsAndTheProviderIsBackSoon(t *testing.T) {
	x := &run{truth: dead(), router: Fixed{}, lot: 1}
	x.returns.watch(x.truth.incidents, 0)
	for g := (payers{truth: x.truth}); ; {
		p := g.next()
		if p.at > 3*time.Hour {
			break
		}
		x.truth.moveTo(p.at)
		x.deliver(p.at)
		x.pay(p)
	}
	x.measured = 0
	if n := x.result.Lost; n < tripAfter || n > 60 {
		t.Errorf("%d payments went to a provider that was down for an hour", n)
	}
	back := x.returns.found(3 * time.Hour)
	if len(back) != 1 || !back[0].Outage || back[0].Never || back[0].After > maxPause+timeout+30*time.Second {
		t.Errorf("%+v", back)
	}
}

func TestABreakerHearsOfAProbeBeforeItsPayerIsDoneWithTheChallenge(t *testing.T) {
	told := &listener{}
	x := &run{truth: dead(), router: told, lot: 1}
	for range tripAfter {
		x.breakers[0].ended(0, true, false)
	}
	x.truth.moveTo(10 * time.Minute)
	const segment = 7
	x.pay(payer{at: 10 * time.Minute, segment: segment, slowness: 2, challenge: 300})
	x.deliver(10*time.Minute + 1999*time.Millisecond)
	if !x.breakers[0].probing || x.breakers[0].lets(time.Hour) {
		t.Fatal("it was no probe, or its breaker knows before the provider answers")
	}
	x.deliver(10*time.Minute + 2*time.Second)
	if x.breakers[0].opened || len(told.outcomes) > 0 {
		t.Errorf("two seconds later the breaker is %+v, and the router knows of %d outcomes", x.breakers[0], len(told.outcomes))
	}
	x.deliver(15*time.Minute + 2*time.Second)
	want := adaptive.Outcome{
		Provider: providerNames[0], Country: countryCodes[segment/binCount], BIN: binNames[segment], Class: adaptive.Approved, At: epoch.Add(15*time.Minute + 2*time.Second),
	}
	if !slices.Equal(told.outcomes, []adaptive.Outcome{want}) {
		t.Errorf("after the challenge the router knows %+v, want %+v", told.outcomes, want)
	}
}

func TestAnAttemptThatFailsHasNoChallenge(t *testing.T) {
	told := &listener{}
	x := &run{truth: dead(), router: told, lot: 1}
	x.truth.moveTo(time.Hour)
	x.pay(payer{at: time.Hour, slowness: 1, challenge: 300})
	x.deliver(time.Hour + timeout)
	if x.breakers[0].failures != 1 || len(told.outcomes) != 1 || told.outcomes[0].Class != adaptive.Technical {
		t.Errorf("once the call timed out the breaker is %+v, and the router knows %+v", x.breakers[0], told.outcomes)
	}
}

// listener is a fixed order that remembers what it is told.
type listener struct {
	Fixed
	outcomes []adaptive.Outcome
}

func (l *listener) Observe(o adaptive.Outcome) { l.outcomes = append(l.outcomes, o) }

func TestTheBreakerLetsOneProbeAtATimeThrough(t *testing.T) {
	var b breaker
	for range tripAfter {
		if !b.lets(0) || b.sent() {
			t.Fatal("a closed breaker lets everything through, and nothing is a probe")
		}
		b.ended(0, true, false)
	}
	if b.lets(firstPause - 1) {
		t.Error("an open breaker lets a payment through")
	}
	pauses := []time.Duration{firstPause}
	for now := firstPause; len(pauses) < 5; {
		if !b.lets(now) || !b.sent() || b.lets(now) {
			t.Fatal("it lets no probe through, or two")
		}
		b.ended(now, true, false) // sent before it opened: says nothing
		if b.lets(now) {
			t.Fatal("an old answer ended the probe")
		}
		b.ended(now, true, true)
		pauses = append(pauses, b.pause)
		now += b.pause
	}
	if want := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, maxPause, maxPause}; !slices.Equal(pauses, want) {
		t.Errorf("%v, want %v", pauses, want)
	}
	b.sent()
	b.ended(time.Hour, false, true)
	if !b.lets(time.Hour) || b.sent() {
		t.Error("a probe that came through did not close it")
	}
}
