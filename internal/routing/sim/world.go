package sim

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// World describes a world that does not stand still. Start from Standard.
type World struct {
	Seed   uint64
	PerDay int // payments
	Days   int // that are measured
	WarmUp int // days before, during which everybody learns and nobody is measured

	ProviderEffect float64 // effects of providers are uniform within ± this, and redrawn weekly
	CountryEffect  float64 // of providers in a country
	BINEffect      float64 // of providers with a BIN

	CustomerFault float64 // part of payments that fail for the customer's own fault, wherever they go
	NotSent       float64 // part of attempts that fail at once, before anything was sent

	OutageEvery   float64 // days between outages of one provider, on average
	BrownoutEvery float64 // days between brown-outs of one provider, each in one country, on average
}

// The size of the world.
const (
	providerCount = 4
	countryCount  = 12
	binCount      = 5 // in each country
	segmentCount  = countryCount * binCount
)

// Standard is the world that docs/routing.md reports on.
func Standard(seed uint64, perDay int) World {
	return World{
		Seed: seed, PerDay: perDay, Days: 28, WarmUp: 7,
		ProviderEffect: 0.03, CountryEffect: 0.03, BINEffect: 0.04,
		CustomerFault: 0.05, NotSent: 0.001,
		OutageEvery: 21, BrownoutEvery: 1,
	}
}

// Check says what is wrong with a description.
func (w World) Check() error {
	switch {
	case w.PerDay < 1 || w.PerDay > 10_000_000:
		return fmt.Errorf("payments a day must be from 1 to 10,000,000, not %d", w.PerDay)
	case w.Days < 1 || w.Days > 366:
		return fmt.Errorf("days must be from 1 to 366, not %d", w.Days)
	case w.WarmUp < 0 || w.WarmUp > 366:
		return fmt.Errorf("days of warm-up must be from 0 to 366, not %d", w.WarmUp)
	}
	return nil
}

// epoch is when every world begins: a Monday.
var epoch = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

const week = 7 * 24 * time.Hour

// The streams of a seed. Payments have their own, so two routers meet the same payers with the same luck.
const (
	streamBase = iota + 1
	streamEffect
	streamPhase
	streamOutage
	streamBrownout
	streamArrival
	streamPayment
	streamRouter
)

// incident is an outage, or a brown-out in one country. Times are since epoch.
type incident struct {
	provider int
	country  int // -1: everywhere, an outage
	from, to time.Duration
	keeps    float64 // the part of approvals that is left
}

// truth is what the world is like at one moment. It moves forward only.
type truth struct {
	world     World
	now       time.Duration
	base      [segmentCount]float64
	weight    [segmentCount]float64 // of traffic, cumulative, up to 1
	redraws   []redraw              // to come, by time
	effect    [providerCount]float64
	inCountry [providerCount][countryCount]float64
	withBIN   [providerCount][segmentCount]float64
	rate      [segmentCount][providerCount]float64 // without incidents
	incidents []incident                           // by start
	next      int                                  // of incidents, not begun
	down      [providerCount]time.Duration         // until when
	brown     [providerCount][countryCount]incident
}

// redraw is the moment at which an effect gets another value.
type redraw struct {
	at       time.Duration
	level    int // 0 provider, 1 country, 2 BIN
	provider int
	place    int // country or segment
	week     int
}

func newTruth(w World) *truth {
	t := &truth{world: w}
	t.drawBases()
	t.drawEffects()
	t.drawIncidents()
	return t
}

// drawBases: countries and BINs differ far more than providers do, and a few countries have most of the traffic.
func (t *truth) drawBases() {
	d := roll(t.world.Seed, streamBase)
	var sum float64
	for c := range countryCount {
		base := 0.86 + d.within(0.06)
		share := 1 / (1.5 + float64(c))
		for b := range binCount {
			s := c*binCount + b
			t.base[s] = base + d.within(0.03)
			sum += share * (0.5 + d.unit())
			t.weight[s] = sum
		}
	}
	for s := range t.weight {
		t.weight[s] /= sum
	}
}

// drawEffects plans every redraw until the end. Each effect has an hour of the week of its own: a change is one acquirer's, or one
// issuer's view of it, never the whole world's at once.
func (t *truth) drawEffects() {
	weeks := (t.world.WarmUp+t.world.Days)/7 + 2
	plan := func(level, provider, place int) {
		d := roll(t.world.Seed, streamPhase, uint64(level), uint64(provider), uint64(place))
		phase := time.Duration(d.unit() * float64(week))
		for n := range weeks {
			t.redraws = append(t.redraws, redraw{time.Duration(n)*week - phase, level, provider, place, n})
		}
	}
	for p := range providerCount {
		plan(0, p, 0)
		for c := range countryCount {
			plan(1, p, c)
		}
		for s := range segmentCount {
			plan(2, p, s)
		}
	}
	slices.SortStableFunc(t.redraws, func(a, b redraw) int { return cmp.Compare(a.at, b.at) })
}

func (t *truth) drawIncidents() {
	end := time.Duration(t.world.WarmUp+t.world.Days) * 24 * time.Hour
	draw := func(stream uint64, p int, every float64, each func(d *dice, from time.Duration) incident) {
		if every <= 0 {
			return
		}
		d := roll(t.world.Seed, stream, uint64(p))
		for at := days(d.exponential(every)); at < end; at += days(d.exponential(every)) {
			i := each(&d, at)
			i.provider, i.from = p, at
			t.incidents = append(t.incidents, i)
			at = i.to
		}
	}
	for p := range providerCount {
		draw(streamOutage, p, t.world.OutageEvery, func(d *dice, from time.Duration) incident {
			return incident{country: -1, to: from + minutes(10+80*d.unit())}
		})
		draw(streamBrownout, p, t.world.BrownoutEvery, func(d *dice, from time.Duration) incident {
			return incident{country: int(d.unit() * countryCount), to: from + minutes(30+150*d.unit()), keeps: 0.3 + 0.4*d.unit()}
		})
	}
	slices.SortStableFunc(t.incidents, func(a, b incident) int { return cmp.Compare(a.from, b.from) })
}

func days(x float64) time.Duration    { return time.Duration(x * 24 * float64(time.Hour)) }
func minutes(x float64) time.Duration { return time.Duration(x * float64(time.Minute)) }
func seconds(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }

// moveTo brings the world to a later moment.
func (t *truth) moveTo(now time.Duration) {
	t.now = now
	for len(t.redraws) > 0 && t.redraws[0].at <= now {
		t.draw(t.redraws[0])
		t.redraws = t.redraws[1:]
	}
	for t.next < len(t.incidents) && t.incidents[t.next].from <= now {
		if i := t.incidents[t.next]; i.country < 0 {
			t.down[i.provider] = i.to
		} else {
			t.brown[i.provider][i.country] = i
		}
		t.next++
	}
}

func (t *truth) draw(r redraw) {
	d := roll(t.world.Seed, streamEffect, uint64(r.level), uint64(r.provider), uint64(r.place), uint64(r.week))
	first, last := 0, segmentCount
	switch r.level {
	case 0:
		t.effect[r.provider] = d.within(t.world.ProviderEffect)
	case 1:
		t.inCountry[r.provider][r.place] = d.within(t.world.CountryEffect)
		first, last = r.place*binCount, (r.place+1)*binCount
	default:
		t.withBIN[r.provider][r.place] = d.within(t.world.BINEffect)
		first, last = r.place, r.place+1
	}
	for s := first; s < last; s++ {
		p := r.provider
		t.rate[s][p] = min(max(t.base[s]+t.effect[p]+t.inCountry[p][s/binCount]+t.withBIN[p][s], 0.02), 0.99)
	}
}

// approval is the chance of an attempt: 0 while the provider is down.
func (t *truth) approval(now time.Duration, p, segment int) float64 {
	if t.isDown(now, p) {
		return 0
	}
	rate := t.rate[segment][p]
	if b := t.brown[p][segment/binCount]; now < b.to {
		rate *= b.keeps
	}
	return rate
}

func (t *truth) isDown(now time.Duration, p int) bool { return now < t.down[p] }

// payer is one payment as the world made it: what it is, and the luck that meets whichever provider it goes to.
type payer struct {
	at        time.Duration
	segment   int
	sum       int64   // to be paid, in cents
	luck      float64 // approved where the rate is higher
	fault     bool    // the customer's own
	notSent   [providerCount]bool
	slowness  float64 // how many seconds the provider takes to answer
	challenge float64 // how many seconds the payer takes after that, before the outcome is known
}

// prices are what things cost, in cents.
var prices = [...]int64{499, 990, 1499, 1999, 2490, 2999, 3999, 4900, 5990, 7900, 9900, 14900, 24900, 49900}

// payers makes the payments of the world, one after the other.
type payers struct {
	truth *truth
	now   float64 // seconds
	count uint64
}

// next is the next payment. There are more by day than by night.
func (g *payers) next() payer {
	d := roll(g.truth.world.Seed, streamPayment, g.count)
	g.count++
	daily := 1 - 0.6*math.Cos(2*math.Pi*g.now/86400)
	g.now += d.exponential(86400 / (float64(g.truth.world.PerDay) * daily))
	p := payer{at: time.Duration(g.now * float64(time.Second))}
	p.segment, _ = slices.BinarySearch(g.truth.weight[:], d.unit())
	p.segment = min(p.segment, segmentCount-1)
	p.sum = prices[d.bits()%uint64(len(prices))]
	p.luck = d.unit()
	p.fault = d.unit() < g.truth.world.CustomerFault
	for i := range p.notSent {
		p.notSent[i] = d.unit() < g.truth.world.NotSent
	}
	p.slowness = 0.5 + d.exponential(1)
	if d.unit() < 0.3 { // 3-D Secure: the payer has to do something first
		p.challenge = d.exponential(90)
	}
	return p
}
