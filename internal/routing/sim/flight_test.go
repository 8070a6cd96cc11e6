package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/breaker"
	"github.com/florinpay/florin/internal/routing/adaptive"
)

// dead is a world in which the first provider is down for an hour, and everything else is as it should be.
func dead(perDay int) *truth {
	w := Standard(304, perDay)
	w.OutageEvery, w.BrownoutEvery, w.NotSent = 0, 0, 0
	t := newTruth(w)
	t.incidents = []incident{{provider: 0, country: -1, from: time.Hour, to: 2 * time.Hour}}
	return t
}

// began is a run that has come to a moment.
func began(r Router, now time.Duration) *run {
	x := &run{truth: dead(20_000), router: r, lot: 1}
	x.truth.moveTo(now)
	return x
}

// fail has the calls of a breaker fail until it opens.
func fail(b *breaker.Breaker, now time.Duration) {
	for {
		p, wait := b.Enter(now)
		if wait > 0 {
			return
		}
		b.Ended(p, true, now)
	}
}

// listener is a fixed order that remembers what it is told.
type listener struct {
	Fixed
	outcomes []adaptive.Outcome
}

func (l *listener) Observe(o adaptive.Outcome) { l.outcomes = append(l.outcomes, o) }

func (l *listener) classes() (all []adaptive.Class) {
	for _, o := range l.outcomes {
		all = append(all, o.Class)
	}
	return all
}

func TestAnOutageCostsAFewPaymentsAndTheProviderIsBackSoon(t *testing.T) {
	for _, perDay := range []int{5_000, 20_000, 100_000} {
		x := &run{truth: dead(perDay), router: Fixed{}, lot: 1}
		x.returns.watch(x.truth.incidents, 0)
		for g := (payers{truth: x.truth}); ; {
			p := g.next()
			if p.at > 3*time.Hour {
				break
			}
			x.deliver(p.at)
			x.truth.moveTo(p.at)
			x.pay(p)
		}
		mostAtOnce := 30 + int64(perDay)/1000 // probes; and what is under way for as long as the first hangs
		if n := x.result.Lost; n < breaker.FailuresRun || n > mostAtOnce {
			t.Errorf("at %d a day %d payments went to a provider that was down for an hour, of %d at most", perDay, n, mostAtOnce)
		}
		longest := timeout + breaker.LongestPause + time.Hour*24*time.Duration(8)/time.Duration(perDay) // and until the next payments come
		back := x.returns.found(3 * time.Hour)
		if len(back) != 1 || !back[0].Outage || back[0].Never || back[0].After > longest {
			t.Errorf("at %d a day: %+v, want it within %s", perDay, back, longest)
		}
	}
}

func TestAPayerWhoMustBeKnownIsAskedAboutFirst(t *testing.T) {
	told := &listener{}
	x := began(told, 10*time.Minute)
	const segment = 7
	x.pay(payer{at: 10 * time.Minute, segment: segment, slowness: 2, challenge: 300})
	x.deliver(15*time.Minute + 4*time.Second - 1)
	if len(told.outcomes) > 0 {
		t.Fatalf("before the challenge, and an answer each before and after it, the router knows %+v", told.outcomes)
	}
	x.deliver(15*time.Minute + 4*time.Second)
	want := adaptive.Outcome{
		Provider: providerNames[0], Country: countryCodes[segment/binCount], BIN: binNames[segment], Class: adaptive.Approved, At: epoch.Add(15*time.Minute + 4*time.Second),
	}
	if !slices.Equal(told.outcomes, []adaptive.Outcome{want}) || x.result.Total.Approved != 1 {
		t.Errorf("then the router knows %+v, want %+v", told.outcomes, want)
	}
}

// The payment's place at the breaker is free while its payer is at their bank: a probe that was not made says nothing.
func TestAChallengeIsNoProbeOfTheCallForTheMoney(t *testing.T) {
	x := began(Fixed{}, 10*time.Minute)
	fail(&x.money[0], 9*time.Minute)
	x.pay(payer{at: 10 * time.Minute, slowness: 2, challenge: 300})
	if x.money[0].Wait(10*time.Minute) == 0 {
		t.Fatal("another probe would get through while the issuer is asked")
	}
	x.deliver(10*time.Minute + 2*time.Second)
	if now := 10*time.Minute + 2*time.Second; x.money[0].Wait(now) > 0 || x.money[0].State(now) != breaker.HalfOpen {
		t.Error("once the issuer has answered the breaker waits, or has learned something")
	}
	x.deliver(forever)
	if x.result.Total.Approved != 1 {
		t.Error("the payment was not made after the challenge")
	}
}

func TestQuestionsToIssuersHaveABreakerOfTheirOwn(t *testing.T) {
	x := began(Fixed{}, time.Hour)
	at := time.Hour
	for x.issuer[0].State(at) == breaker.Closed && at < 2*time.Hour {
		x.pay(payer{at: at, slowness: 1, challenge: 60})
		at += time.Minute
		x.deliver(at)
	}
	if x.issuer[0].State(at) == breaker.Closed || x.money[0].State(at) != breaker.Closed {
		t.Fatalf("the breakers are %v and %v", x.issuer[0].State(at), x.money[0].State(at))
	}
	if want := int64(breaker.FailuresRun); x.result.Lost != want {
		t.Errorf("%d payments were lost, want %d", x.result.Lost, want)
	}
	lost := x.result.Lost
	fail(&x.issuer[0], at)
	x.pay(payer{at: at, slowness: 1, challenge: 60})
	x.pay(payer{at: at, slowness: 1})
	x.deliver(forever)
	if x.result.ByProvider[1].Payments != 1 || x.result.Lost != lost+1 {
		t.Errorf("%d payments went elsewhere, and %d were lost: only those whose payer must be authenticated keep away", x.result.ByProvider[1].Payments, x.result.Lost-lost)
	}
}

func TestAQuestionThatHungIsNotPutAgainWhileThePayerWaits(t *testing.T) {
	told := &listener{}
	x := began(told, 2*time.Hour-10*time.Second)
	x.pay(payer{at: 2*time.Hour - 10*time.Second, slowness: 1, challenge: 60}) // the provider is back when it has hung
	x.deliver(forever)
	if want := []adaptive.Class{adaptive.Technical}; !slices.Equal(told.classes(), want) || x.result.Lost != 1 {
		t.Errorf("%v, %d lost, want %v", told.classes(), x.result.Lost, want)
	}
}

func TestWhoeverIsBackGoesToAnotherProviderIfTheirOwnIsDownNow(t *testing.T) {
	told := &listener{}
	x := began(told, time.Hour-time.Minute)
	x.pay(payer{at: time.Hour - time.Minute, slowness: 1, challenge: 120})
	x.deliver(time.Hour)
	fail(&x.money[0], time.Hour+time.Minute)
	fail(&x.issuer[1], time.Hour+time.Minute) // nobody is asked again
	x.deliver(forever)
	if len(told.outcomes) != 1 || told.outcomes[0].Provider != providerNames[1] || told.outcomes[0].Class != adaptive.Approved {
		t.Errorf("%+v", told.outcomes)
	}
}

func TestWhatWasNotSentGoesOnAtOnce(t *testing.T) {
	for name, challenge := range map[string]float64{"money": 0, "question": 60} {
		told := &listener{}
		x := began(told, time.Minute)
		x.pay(payer{at: time.Minute, slowness: 1, challenge: challenge, notSent: [providerCount]bool{true, true}})
		x.deliver(forever)
		if want := []adaptive.Class{adaptive.Technical, adaptive.Technical, adaptive.Approved}; !slices.Equal(told.classes(), want) {
			t.Errorf("%s: %v, want %v", name, told.classes(), want)
		}
		last := told.outcomes[len(told.outcomes)-1]
		if took := last.At.Sub(epoch.Add(time.Minute)); last.Provider != providerNames[2] || took > 65*time.Second {
			t.Errorf("%s: it ended at %s after %s", name, last.Provider, took)
		}
	}
}
