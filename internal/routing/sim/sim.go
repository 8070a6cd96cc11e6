// Package sim tries routers: in a generated world that does not stand still, where every contender meets the same payers with the same
// luck, the same outages and the same breaker; or on what was recorded.
//
//	w := sim.Standard(101, 100_000)
//	ours, best := sim.Run(w, sim.NewAdaptive(adaptive.Config{})), sim.Run(w, sim.NewOracle())
//
// A world is a function of its description: the same seed gives the same figures on every machine. Rates are floats; money is counted
// in integers, and the two do not meet.
package sim

import (
	"slices"
	"time"
)

// Countries are the codes of the countries of generated worlds, in the order of Result.ByCountry.
func Countries() []string { return slices.Clone(countryCodes[:]) }

// Accounts are the names of the provider accounts of generated worlds, in the order of Result.ByProvider.
func Accounts() []string { return slices.Clone(providerNames[:]) }

// Captured is the part of the gap between two routers that a third one closes: 0 is no better than the first, 1 as good as the
// second. It is 0 if there is no gap.
func Captured(fixed, oracle, router Result) float64 {
	gap := oracle.Total.Approved - fixed.Total.Approved
	if gap == 0 {
		return 0
	}
	return float64(router.Total.Approved-fixed.Total.Approved) / float64(gap)
}

// PerMille is the outage loss in thousandths of all payments.
func (r Result) PerMille() float64 {
	if r.Total.Payments == 0 {
		return 0
	}
	return 1000 * r.OutageLoss / float64(r.Total.Payments)
}

// Back is how long returns took, sorted: from outages, or from brown-outs.
func (r Result) Back(outage bool) []time.Duration {
	var all []time.Duration
	for _, x := range r.Returns {
		if x.Outage == outage {
			all = append(all, x.After)
		}
	}
	slices.Sort(all)
	return all
}

// Quantile is the smallest of sorted durations that at least the part q of them does not exceed; 0 if there are none.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// Add adds the figures of another world.
func (r *Result) Add(s Result) {
	r.Total.add(s.Total)
	for i := range s.ByCountry {
		r.ByCountry[i].add(s.ByCountry[i])
	}
	for i := range s.ByProvider {
		r.ByProvider[i].add(s.ByProvider[i])
	}
	r.Regret += s.Regret
	r.Lost += s.Lost
	r.OutageLoss += s.OutageLoss
	r.Returns = append(r.Returns, s.Returns...)
}
