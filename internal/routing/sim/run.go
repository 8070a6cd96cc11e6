package sim

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/breaker"
)

// How long a call to a provider that is down waits, and one that does not reach it. After the first its outcome is unknown: the payment is not sent
// anywhere else, and the payer is gone.
const (
	timeout  = 30 * time.Second
	unsentIn = 200 * time.Millisecond
)

// currency is the world's only one.
const currency = "EUR"

var (
	providerNames = [providerCount]string{"pa_north", "pa_east", "pa_south", "pa_west"}
	countryCodes  = [countryCount]string{"DE", "FR", "GB", "ES", "IT", "NL", "PL", "SE", "BR", "US", "MX", "TR"}
	binNames      = names()
)

func names() (bins [segmentCount]string) {
	for s := range bins {
		bins[s] = fmt.Sprintf("4%05d", s)
	}
	return bins
}

func providerOf(name string) int {
	for p, n := range providerNames {
		if n == name {
			return p
		}
	}
	return -1
}

// segmentOf reads a BIN of binNames.
func segmentOf(bin string) int { return int(bin[4]-'0')*10 + int(bin[5]-'0') }

// run is one contender in one world, as one process has it.
type run struct {
	truth    *truth
	router   Router
	money    [providerCount]breaker.Breaker // the platform's, of authorize
	issuer   [providerCount]breaker.Breaker // … and of authenticate
	events   events
	sent     uint64
	spare    []*flight
	lot      dice
	names    []string
	choices  []Choice
	measured time.Duration // from when on
	result   Result
	returns  returns
}

// forever is after all that happens in a world.
const forever = time.Duration(1<<63 - 1)

// Run sends all payments of a world through a router.
func Run(w World, r Router) Result {
	x := &run{truth: newTruth(w), router: r, lot: roll(w.Seed, streamRouter), measured: days(float64(w.WarmUp))}
	if seer, ok := r.(interface{ see(*truth) }); ok {
		seer.see(x.truth)
	}
	x.returns.watch(x.truth.incidents, x.measured)
	end := x.measured + days(float64(w.Days))
	for g := (payers{truth: x.truth}); ; {
		p := g.next()
		if p.at >= end {
			break
		}
		x.deliver(p.at)
		x.truth.moveTo(p.at)
		x.pay(p)
	}
	x.result.Returns = x.returns.found(end)
	x.deliver(forever) // what is under way ends
	return x.result
}

// deliver brings the world to what happened until now, one after the other.
func (x *run) deliver(now time.Duration) {
	for len(x.events) > 0 && x.events[0].at <= now {
		e := x.events.pop()
		x.truth.moveTo(e.at)
		switch e.step {
		case answered:
			x.answered(e.flight, e.at)
		case asked:
			x.asked(e.flight, e.at)
		case isBack:
			e.flight.proven = true
			x.send(e.flight, e.at)
		}
	}
}

// pay sends one payment to the router's first choice that can be asked, and to the next as long as nothing was sent.
func (x *run) pay(p payer) {
	x.names = x.names[:0]
	for i := range x.money {
		if x.money[i].Wait(p.at) == 0 {
			x.names = append(x.names, providerNames[i])
		}
	}
	x.choices = x.router.Rank(x.choices[:0], Query{
		At: epoch.Add(p.at), Country: countryCodes[p.segment/binCount], BIN: binNames[p.segment], Amount: p.sum, Currency: currency,
		Candidates: x.names, Bits: x.lot.bits(),
	})
	f := x.take(p)
	for _, c := range x.choices {
		f.order[f.choices] = providerOf(c.Provider)
		f.choices++
	}
	tally{x, f}.begin()
	if x.send(f, p.at) {
		probe := f.pass.Probe || f.question.Probe
		x.returns.chosen(p.at, f.provider(), p.segment/binCount, x.choices[f.place].Trial || probe)
	}
}
