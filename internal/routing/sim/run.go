package sim

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/routing/adaptive"
)

// timeout is how long a payment to a provider that is down waits. Then its outcome is unknown: it is not sent anywhere else, and the payer is gone.
const timeout = 30 * time.Second

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

// answer is what a provider says, or how a payment ended, on its way to who asked.
type answer struct {
	at       time.Duration
	order    uint64
	provider int
	segment  int
	class    adaptive.Class
	probe    bool
}

// answers are a heap: the one that comes first is the first.
type answers []answer

func (a answer) before(b answer) bool { return a.at < b.at || a.at == b.at && a.order < b.order }

func (a *answers) push(x answer) {
	h := append(*a, x)
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h[i].before(h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
	*a = h
}

func (a *answers) pop() answer {
	h := *a
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(h[i]) {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	*a = h
	return top
}

// run is one contender in one world.
type run struct {
	truth    *truth
	router   Router
	breakers [providerCount]breaker
	calls    answers // to the breakers: the provider has answered the call
	outcomes answers // to the router: what became of the payment is known
	sent     uint64
	lot      dice
	names    []string
	choices  []Choice
	measured time.Duration // from when on
	result   Result
	returns  returns
}

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
			x.result.Returns = x.returns.found(end)
			return x.result
		}
		x.truth.moveTo(p.at)
		x.deliver(p.at)
		x.pay(p)
	}
}

// deliver tells the breakers and the router what became known until now. A provider that has the payer challenged has answered: its breaker
// hears so at once, and how the payment ends is the router's news.
func (x *run) deliver(now time.Duration) {
	for len(x.calls) > 0 && x.calls[0].at <= now {
		a := x.calls.pop()
		x.breakers[a.provider].ended(a.at, a.class == adaptive.Technical, a.probe)
	}
	for len(x.outcomes) > 0 && x.outcomes[0].at <= now {
		a := x.outcomes.pop()
		x.router.Observe(adaptive.Outcome{
			Provider: providerNames[a.provider], Country: countryCodes[a.segment/binCount], BIN: binNames[a.segment], Class: a.class, At: epoch.Add(a.at),
		})
	}
}

// pay sends one payment: to the first choice, and to the next as long as nothing was sent.
func (x *run) pay(p payer) {
	x.names = x.names[:0]
	for i := range x.breakers {
		if x.breakers[i].lets(p.at) {
			x.names = append(x.names, providerNames[i])
		}
	}
	x.choices = x.router.Rank(x.choices[:0], Query{
		At: epoch.Add(p.at), Country: countryCodes[p.segment/binCount], BIN: binNames[p.segment], Amount: p.sum, Currency: currency,
		Candidates: x.names, Bits: x.lot.bits(),
	})
	counted := p.at >= x.measured
	t := tally{run: x, payer: p, counted: counted}
	t.begin()
	for i, c := range x.choices {
		provider := providerOf(c.Provider)
		probe := x.breakers[provider].sent()
		if i == 0 {
			x.returns.chosen(p.at, provider, p.segment/binCount, c.Trial || probe)
		}
		class, after := x.attempt(p, provider)
		known := after
		if class != adaptive.Technical {
			known += seconds(p.challenge)
		}
		x.sent++
		x.calls.push(answer{p.at + after, x.sent, provider, p.segment, class, probe})
		x.outcomes.push(answer{p.at + known, x.sent, provider, p.segment, class, probe})
		t.attempt(provider, class, after)
		if class != adaptive.Technical || after == timeout {
			return
		}
	}
}

// attempt is how an attempt ends, and after how long the provider answers.
func (x *run) attempt(p payer, provider int) (adaptive.Class, time.Duration) {
	after := seconds(p.slowness)
	switch {
	case x.truth.isDown(p.at, provider):
		return adaptive.Technical, timeout
	case p.notSent[provider]:
		return adaptive.Technical, 200 * time.Millisecond
	case p.fault:
		return adaptive.Customer, after
	case p.luck < x.truth.approval(p.at, provider, p.segment):
		return adaptive.Approved, after
	}
	return adaptive.Issuer, after
}
