package sim

import (
	"cmp"
	"errors"
	"iter"
	"math/bits"
	"slices"

	"github.com/florinpay/florin/internal/ppm"
	"github.com/florinpay/florin/internal/routing/adaptive"
)

// Providers are the provider accounts of a history, in the order in which they first come. It reads all of it, and fails where it is wrong.
func Providers(history iter.Seq2[Recorded, error]) ([]string, error) {
	var names []string
	seen := map[string]bool{}
	for r, err := range history {
		if err != nil {
			return nil, err
		}
		for _, name := range append([]string{r.Provider}, r.Candidates...) {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return nil, errors.New("the history has no payments")
	}
	return names, nil
}

// Replayed is what a history says about a router. How a payment would have ended elsewhere is not known, so only those count that the
// router would have sent where they went: Matched. Learning, it has all outcomes, as it would have had.
type Replayed struct {
	Payments int64 // all
	Approved int64 // of them, as recorded
	Matched  Counted
	// Usual is how many of the matched would have been approved at the rates that their countries and BINs had in all of the history:
	// what there is above it is the router's, not the mix's. In millionths of a payment.
	Usual      int64
	ByCountry  []Named
	ByProvider []Named
}

// Counted counts matched payments. Fees are in minor units by currency, of those that were approved; Unpriced are those of them that have
// none.
type Counted struct {
	Payments int64
	Approved int64
	Fees     map[string]int64
	Unpriced int64
}

// Named are the matched payments of a country or provider.
type Named struct {
	Name string
	Counted
}

func (c *Counted) add(r Recorded) {
	c.Payments++
	if r.Outcome != ApprovedOutcome {
		return
	}
	c.Approved++
	if r.Fee == 0 && !r.FeeKnown {
		c.Unpriced++
		return
	}
	if c.Fees == nil {
		c.Fees = map[string]int64{}
	}
	c.Fees[r.Currency] += r.Fee
}

// usual is what is counted of a country and BIN.
type usual struct{ payments, approved, matched int64 }

// expected is how many of the matched are approved as usually, in millionths. The product for a few million payments is more than 64 bits hold.
func (u usual) expected() int64 {
	if u.payments == 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(ppm.Whole*u.matched), uint64(u.approved))
	expected, _ := bits.Div64(high, low, uint64(u.payments)) // no more are approved than there are payments, so it fits
	return int64(expected)
}

// Replay asks a router about every payment of a history. providers are the candidates of those that name none, and classify tells what a
// decline code says about a provider. seed is that of the router's random bits.
func Replay(history iter.Seq2[Recorded, error], providers []string, r Router, classify func(code string) adaptive.Class, seed uint64) (Replayed, error) {
	var out Replayed
	segments := map[[2]string]*usual{}
	countries, accounts := map[string]*Counted{}, map[string]*Counted{}
	lot := roll(seed, streamRouter)
	var choices []Choice
	for rec, err := range history {
		if err != nil {
			return Replayed{}, err
		}
		q := Query{At: rec.At, Country: rec.Country, BIN: rec.BIN, Amount: rec.Amount, Currency: rec.Currency, Candidates: rec.Candidates, Bits: lot.bits(), Facts: rec.Facts}
		if len(q.Candidates) == 0 {
			q.Candidates = providers
		}
		choices = r.Rank(choices[:0], q)
		s := of(segments, [2]string{rec.Country, rec.BIN})
		out.Payments++
		s.payments++
		if rec.Outcome == ApprovedOutcome {
			out.Approved++
			s.approved++
		}
		if len(choices) > 0 && choices[0].Provider == rec.Provider {
			s.matched++
			out.Matched.add(rec)
			of(countries, rec.Country).add(rec)
			of(accounts, rec.Provider).add(rec)
		}
		r.Observe(adaptive.Outcome{Provider: rec.Provider, Country: rec.Country, BIN: rec.BIN, Class: rec.class(classify), At: rec.At})
	}
	for _, s := range segments {
		out.Usual += s.expected()
	}
	out.ByCountry, out.ByProvider = named(countries), named(accounts)
	return out, nil
}

func of[K comparable, V any](m map[K]*V, key K) *V {
	v := m[key]
	if v == nil {
		v = new(V)
		m[key] = v
	}
	return v
}

func named(m map[string]*Counted) []Named {
	all := make([]Named, 0, len(m))
	for name, c := range m {
		all = append(all, Named{name, *c})
	}
	slices.SortFunc(all, func(a, b Named) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (r Recorded) class(classify func(code string) adaptive.Class) adaptive.Class {
	switch r.Outcome {
	case ApprovedOutcome:
		return adaptive.Approved
	case TechnicalOutcome:
		return adaptive.Technical
	}
	return classify(r.DeclineCode)
}
