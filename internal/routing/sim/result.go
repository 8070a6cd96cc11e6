package sim

import (
	"slices"
	"time"

	"github.com/florinpay/florin/internal/routing/adaptive"
)

// Result is what a router made of the payments that were measured.
type Result struct {
	Total      Line
	ByCountry  [countryCount]Line
	ByProvider [providerCount]Line // of attempts: a payment may have several
	Regret     float64             // approvals fewer than the best choice had to expect
	Lost       int64               // payments to a provider that was down: nobody knows what became of them
	OutageLoss float64             // approvals that those had to expect through the best provider
	Returns    []Return
}

// Line counts payments. Fees and Cost are in cents.
type Line struct {
	Payments int64
	Approved int64
	Fees     int64 // of approved payments
	Cost     int64 // Fees, and what every attempt costs
}

// price is what a provider takes.
type price struct{ bps, fixed, attempt int64 } // of the amount in 1/10,000, and cents

var priceOf = [providerCount]price{{140, 25, 4}, {120, 30, 5}, {175, 10, 2}, {150, 20, 3}}

func (p price) fee(amount int64) int64 { return (amount*p.bps+5000)/10_000 + p.fixed }

// tally books one payment.
type tally struct {
	run *run
	*flight
}

// counted tells whether the payment came when payments are measured.
func (t tally) counted() bool { return t.at >= t.run.measured }

func (t tally) begin() {
	if t.counted() {
		t.run.result.Total.Payments++
		t.run.result.ByCountry[t.segment/binCount].Payments++
	}
}

func (t tally) attempt() {
	if !t.counted() {
		return
	}
	r, provider := &t.run.result, t.provider()
	line := Line{Cost: priceOf[provider].attempt}
	if t.class == adaptive.Approved {
		line.Approved = 1
		line.Fees = priceOf[provider].fee(t.sum)
		line.Cost += line.Fees
	}
	r.Total.add(line)
	r.ByCountry[t.segment/binCount].add(line)
	line.Payments = 1
	r.ByProvider[provider].add(line)
	if t.class == adaptive.Technical && !t.hung {
		return // the payment goes on to another provider, and has its regret there
	}
	regret := t.regret(provider)
	r.Regret += regret
	if t.hung {
		r.Lost++
		r.OutageLoss += regret
	}
}

// regret is by the rates of the moment, not by luck.
func (t tally) regret(provider int) float64 {
	truth, now := t.run.truth, t.run.truth.now
	best, own := 0.0, 0.0
	for p := range providerCount {
		best = max(best, truth.approval(now, p, t.segment))
	}
	if !t.hung {
		own = truth.approval(now, provider, t.segment)
	}
	return (best - own) * (1 - truth.world.CustomerFault)
}

func (l *Line) add(m Line) {
	l.Payments += m.Payments
	l.Approved += m.Approved
	l.Fees += m.Fees
	l.Cost += m.Cost
}

// Return is how long a router took to use a provider again after an incident.
type Return struct {
	Outage bool // else a brown-out in one country
	After  time.Duration
	Never  bool // not until the next incident or the end: After is how long that was
}

// busy is the share of a scope's payments that a provider must have had before an incident for its return to be measured.
const busy = 0.2

// returns watches when providers come back.
type returns struct {
	from     time.Duration
	waiting  []incident
	next     int
	open     []incident
	share    [providerCount][countryCount + 1]float64 // of the last payments; the last column is everywhere
	measured []Return
}

func (r *returns) watch(all []incident, from time.Duration) { r.waiting, r.from = all, from }

// chosen is told where each payment goes first.
func (r *returns) chosen(now time.Duration, provider, country int, trial bool) {
	for ; r.next < len(r.waiting) && r.waiting[r.next].from <= now; r.next++ {
		r.begin(r.waiting[r.next])
	}
	r.open = slices.DeleteFunc(r.open, func(i incident) bool {
		back := now >= i.to && !trial && i.provider == provider && (i.country < 0 || i.country == country)
		if back {
			r.measured = append(r.measured, Return{Outage: i.country < 0, After: now - i.to})
		}
		return back
	})
	const memory = 0.005 // about the last 200 payments
	for p := range r.share {
		for _, scope := range [2]int{country, countryCount} {
			x := 0.0
			if p == provider {
				x = 1
			}
			r.share[p][scope] += memory * (x - r.share[p][scope])
		}
	}
}

// begin starts to watch an incident, unless its provider had hardly any payments. One that covers an open one ends the watch on that.
func (r *returns) begin(i incident) {
	scope := i.country
	if scope < 0 {
		scope = countryCount
	}
	r.open = slices.DeleteFunc(r.open, func(o incident) bool {
		over := o.provider == i.provider && (i.country < 0 || o.country < 0 || o.country == i.country)
		if over && i.from > o.to {
			r.measured = append(r.measured, Return{o.country < 0, i.from - o.to, true})
		}
		return over
	})
	if i.from >= r.from && r.share[i.provider][scope] >= busy {
		r.open = append(r.open, i)
	}
}

func (r *returns) found(end time.Duration) []Return {
	for _, o := range r.open {
		if end > o.to {
			r.measured = append(r.measured, Return{o.country < 0, end - o.to, true})
		}
	}
	return r.measured
}
