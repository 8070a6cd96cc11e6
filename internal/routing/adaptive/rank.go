package adaptive

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/splitmix"
)

// Reason is why a candidate stands where it stands.
type Reason string

// The reasons.
const (
	Best     Reason = "highest_estimate" // first, with the highest estimate
	Explored Reason = "explored"         // first by the draw: another has a higher estimate, but is not known to be better
	Probed   Reason = "probe"            // first, to see whether a brown-out is over
	Lower    Reason = "lower_estimate"
	Brownout Reason = "brownout"   // put behind: far fewer approvals than expected, just now
	Unknown  Reason = "no_history" // not first, and nothing is known of it
)

// Ranked is a candidate in its place.
type Ranked struct {
	Provider string
	Estimate float64 // of the approval rate, 0 to 1
	Error    float64 // standard error of the estimate against the others'
	Reason   Reason
	score    float64
}

// belief is what is known of a provider in a segment.
type belief struct{ mean, error float64 }

// layout says where a table has what. It is made anew only when a provider, country or BIN comes or goes.
type layout struct {
	index     map[string]int // of providers
	scopes    []*scope       // of providers, everywhere
	segments  map[segmentKey]int
	countries map[string]int
	local     [][]*scope // of each row: of providers in its country; nil where no country is known
}

// table is what ranking reads: a copy that nobody changes, but for the scopes, which are atomic. It has a row for each segment, one
// for each country with a BIN that is new, and the first for a country that is new.
type table struct {
	*layout
	providers int
	beliefs   []belief // row after row, one for each provider
	unknown   []belief // one for each row: of a provider without any outcome
}

func (m *model) lay() *layout {
	l := &layout{
		index: maps.Clone(m.index), scopes: slices.Clone(m.scopes),
		segments: make(map[segmentKey]int, len(m.segments)), countries: make(map[string]int, len(m.countries)), local: [][]*scope{nil},
	}
	for _, c := range m.countries {
		local := slices.Clone(c.scopes)
		l.countries[c.code] = len(l.local)
		l.local = append(l.local, local)
		for _, s := range c.segments {
			l.segments[s.key] = len(l.local)
			l.local = append(l.local, local)
		}
	}
	return l
}

// publish copies what is known to a new table, in the order of its layout.
func (m *model) publish() *table {
	if m.layout == nil {
		m.layout = m.lay()
	}
	n, rows := len(m.names), len(m.layout.local)
	t := &table{m.layout, n, make([]belief, 0, n*rows), make([]belief, 0, rows)}
	untried := m.spread(perBIN, 0, m.spread(perCountry, 0, m.spread(perProvider, 0, 0)))
	above := make([]float64, n)
	row := func(base float64, c *country, s *segment) {
		t.unknown = append(t.unknown, belief{rate(base), math.Sqrt(untried)})
		for p := range n {
			mean, inCountry, withBIN := base+m.effects[p], 0.0, 0.0
			if c != nil {
				mean, inCountry = mean+c.effects[p], c.known[p]
			}
			if s != nil {
				mean, withBIN = mean+s.effects[p], s.cells[p].n
			}
			v := m.spread(perBIN, withBIN, m.spread(perCountry, inCountry, above[p]))
			t.beliefs = append(t.beliefs, belief{rate(mean), math.Sqrt(v)})
		}
	}
	for p := range above {
		above[p] = m.spread(perProvider, m.known[p], 0)
	}
	row(m.base, nil, nil)
	for _, c := range m.countries {
		row(c.base, c, nil)
		for _, s := range c.segments {
			row(s.base, c, s)
		}
	}
	return t
}

func (t *table) row(f Facts) int {
	if r, ok := t.segments[segmentKey{f.Country, f.BIN}]; ok {
		return r
	}
	return t.countries[f.Country] // 0 if there is none: the first row
}

// Rank appends the candidates to dst, the one to try first first. bits are 64 random bits: with the same knowledge, the same bits
// give the same ranking. A candidate that is browned out goes last, but for one payment now and then, which looks whether it is over.
func (s *Strategy) Rank(dst []Ranked, candidates []string, f Facts, now time.Time, bits uint64) []Ranked {
	t := s.table.Load()
	r := t.row(f)
	start := len(dst)
	probing := false
	for _, name := range candidates {
		b, state := t.unknown[r], Unknown
		if p, ok := t.index[name]; ok {
			b, state = t.beliefs[r*t.providers+p], Lower
			if t.scopes[p].brown.Load() {
				state = t.scopes[p].look(now, &probing)
			} else if local := t.local[r]; local != nil && local[p].brown.Load() {
				state = local[p].look(now, &probing)
			}
		}
		bits = splitmix.Mix(bits)
		x := Ranked{name, b.mean, b.error, state, b.mean + s.config.Temperature*b.error*normal(bits)}
		switch state {
		case Probed:
			x.score += 2
		case Brownout:
			x.Estimate *= s.config.Detector.Drop
			x.score -= 2
		}
		dst = insert(dst, start, x)
	}
	explain(dst[start:])
	return dst
}

// look decides what a browned-out candidate is to this payment: at most one of them is probed.
func (s *scope) look(now time.Time, probing *bool) Reason {
	if !*probing && s.due(now) {
		*probing = true
		return Probed
	}
	return Brownout
}

// insert keeps the ranking in order; of equals, the earlier candidate stays ahead.
func insert(dst []Ranked, start int, x Ranked) []Ranked {
	dst = append(dst, x)
	i := len(dst) - 1
	for ; i > start && dst[i-1].score < x.score; i-- {
		dst[i] = dst[i-1]
	}
	dst[i] = x
	return dst
}

// explain says why the first is first.
func explain(ranked []Ranked) {
	if len(ranked) == 0 || ranked[0].Reason == Probed || ranked[0].Reason == Brownout {
		return
	}
	ranked[0].Reason = Best
	for _, x := range ranked[1:] {
		if x.Reason != Brownout && x.Estimate > ranked[0].Estimate {
			ranked[0].Reason = Explored
		}
	}
}

// normal makes a number that is nearly normal, with mean 0 and variance 1, and never beyond 3.5: a sum of four uniform ones.
func normal(bits uint64) float64 {
	const mean, scale = 2 * 65535, 65536 * 0.5773502691896258 // the sum's mean, and its standard deviation: √(4/12)
	sum := bits&0xffff + bits>>16&0xffff + bits>>32&0xffff + bits>>48
	return (float64(sum) - mean) / scale
}
