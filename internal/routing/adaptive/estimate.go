package adaptive

import (
	"slices"
	"time"
)

// The approval rate through provider p in a segment (country c, BIN b) is taken as
//
//	rate = base(b) + effect(p) + effect(p,c) + effect(p,b)
//
// where base is what the segment has through any provider, itself shrunk towards its country's, and each effect is shrunk towards
// zero. So a provider that was hardly tried with a BIN has there the estimate that it has in the country, and a provider that
// happens to get the better countries is not taken for the better provider. Each level has a strength K = noise/variance of its
// effects: n outcomes of its own weigh n/(n+K).
//
// Effects change. So the variance of a rate of which n outcomes are known, noise/(n+K) with K of all levels together, grows back to
// noise/K, half of the way in each half-life: a few outcomes count half by then, and where there are many, old ones count less. And the
// base follows what the effects leave of the outcomes with the same half-life. If it followed at once, the fall of a provider that has
// nearly all payments of a BIN would in part be taken for the BIN's, and for the other providers'.

// level is a level of effects.
type level int

const (
	perProvider level = iota
	perCountry
	perBIN
	levels
)

const (
	// priorRate is what is believed before the first outcome.
	priorRate = 0.85
	// baseStrength shrinks the base of a BIN to that of its country, and of a country to that of all.
	baseStrength = 30
	// youth makes the base of a BIN that is new follow sooner: with a half-life of this part of the time since it was first seen.
	youth = 4
	// priorSD is the standard deviation of effects before any were seen, and priorCells how many effects that belief counts for.
	priorSD, priorCells = 0.02, 4
	// minVariance and maxVariance bound what is learnt: effects between a quarter of a point and fifteen points.
	minVariance, maxVariance = 0.0025 * 0.0025, 0.15 * 0.15
	// learningRate is how far one refresh moves the variances.
	learningRate = 0.05
	// settlingSweeps is how many refreshes settle the effects after a warm start.
	settlingSweeps = 50
	// early is the part of all weight that, once it is new, makes estimates stale before their time.
	early = 0.125
)

// observe counts an outcome. What came while its provider was browned out is not what the provider is like, and is not counted.
func (m *model) observe(o Outcome) {
	if m.at.IsZero() {
		m.at = o.At
	}
	p := m.provider(o.Provider)
	s := m.segment(o.Country, o.BIN)
	approved := o.Class == Approved
	expected := m.expect(p, s)
	weight := 1.0
	if o.At.Before(m.at) {
		weight = decay(m.at.Sub(o.At), m.config.HalfLife)
	}
	m.fresh += weight
	local, everywhere := s.country.scopes[p], m.scopes[p]
	counts, lasting, ended := watch(local, everywhere, approved, expected, o.At)
	switch lasting {
	case local:
		s.country.doubt(p)
	case everywhere:
		for _, c := range m.countries {
			c.doubt(p)
		}
	}
	if ended != nil {
		m.takeBack(p, ended, decay(o.At.Sub(ended.since), m.config.HalfLife))
	}
	if !counts || weight == 0 {
		return
	}
	x := cell{n: weight}
	if approved {
		x.approved = weight
	}
	s.cells[p].add(x)
	c := counted{s, x, s.cells[p].n}
	local.doubt(c)
	everywhere.doubt(c)
}

// takeBack takes the outcomes by which a brown-out was found out of the estimates, once it is over: they were no more what the provider
// is like than those that followed. f is what is left of their weight, unless they were among so many that less is.
func (m *model) takeBack(p int, ended *scope, f float64) {
	for _, c := range ended.doubted {
		left := &c.segment.cells[p]
		c.cell.scale(min(f, left.n/c.among))
		left.remove(c.cell)
	}
	ended.doubted = nil
	everywhere := m.scopes[p]
	if ended != everywhere { // no outcome is taken back twice
		everywhere.doubted = slices.DeleteFunc(everywhere.doubted, func(c counted) bool { return c.segment.country.scopes[p] == ended })
		return
	}
	for _, c := range m.countries {
		c.scopes[p].doubted = nil
	}
}

// doubt takes most of the weight from what is known of a provider in a country: it is like that no more.
func (c *country) doubt(p int) {
	for _, s := range c.segments {
		s.cells[p].scale(doubtful)
	}
}

func (m *model) expect(p int, s *segment) float64 {
	return rate(s.base + m.effects[p] + s.country.effects[p] + s.effects[p])
}

// rate keeps an estimate away from certainty.
func rate(x float64) float64 { return min(max(x, 0.001), 0.999) }

func (m *model) stale(now time.Time) bool {
	return now.Sub(m.at) >= m.config.Refresh || m.fresh > early*m.weight
}

// noise is the variance of one outcome.
func (m *model) noise() float64 {
	q := min(max(m.base, 0.05), 0.95)
	return q * (1 - q)
}

func (m *model) strength(l level) float64 { return m.noise() / m.variance[l] }

// refresh discounts all outcomes to now, moves every effect to where the others leave it, and learns how large effects are.
// One sweep is enough: the next refresh goes on from there.
func (m *model) refresh(now time.Time) {
	passed := max(0, now.Sub(m.at))
	m.at = m.at.Add(passed)
	m.fresh = 0
	m.sum(decay(passed, m.config.HalfLife))
	m.solveProviders()
	for _, c := range m.countries {
		m.solveCountry(c)
	}
	m.solveBases(passed)
	m.inform()
	m.learn()
}

// sum discounts the cells and adds them up. f is what remains of the weight of few outcomes.
func (m *model) sum(f float64) {
	m.weight = 0
	k := m.noise() / sum(m.variance[:])
	clear(m.total)
	for _, c := range m.countries {
		clear(c.total)
		for _, s := range c.segments {
			for p := range s.cells {
				s.cells[p].scale(f / (1 + (1-f)*s.cells[p].n/k))
				c.total[p].add(s.cells[p])
			}
		}
		for p := range c.total {
			m.total[p].add(c.total[p])
			m.weight += c.total[p].n
		}
	}
}

func (m *model) solveProviders() {
	left := make([]float64, len(m.effects))
	for _, c := range m.countries {
		for _, s := range c.segments {
			for p, x := range s.cells {
				left[p] += x.approved - x.n*(s.base+c.effects[p]+s.effects[p])
			}
		}
	}
	k := m.strength(perProvider)
	for p := range m.effects {
		m.effects[p] = left[p] / (m.total[p].n + k)
	}
}

func (m *model) solveCountry(c *country) {
	left := make([]float64, len(m.effects))
	for _, s := range c.segments {
		for p, x := range s.cells {
			left[p] += x.approved - x.n*(s.base+m.effects[p]+s.effects[p])
		}
	}
	k := m.strength(perCountry)
	for p := range c.effects {
		c.effects[p] = left[p] / (c.total[p].n + k)
	}
	k = m.strength(perBIN)
	for _, s := range c.segments {
		for p, x := range s.cells {
			s.effects[p] = (x.approved - x.n*(s.base+m.effects[p]+c.effects[p])) / (x.n + k)
		}
	}
}

// solveBases moves the bases towards what the effects leave of the outcomes.
func (m *model) solveBases(passed time.Duration) {
	var all, allN float64
	for _, c := range m.countries {
		var sum, sumN float64
		for _, s := range c.segments {
			var left, n float64
			for p, x := range s.cells {
				left += x.approved - x.n*(m.effects[p]+c.effects[p]+s.effects[p])
				n += x.n
			}
			s.base += m.follows(s, passed) * ((left+baseStrength*c.base)/(n+baseStrength) - s.base)
			sum += left
			sumN += n
		}
		c.base = (sum + baseStrength*m.base) / (sumN + baseStrength)
		all += sum
		allN += sumN
	}
	m.base = rate((all + baseStrength*priorRate) / (allN + baseStrength))
}

// follows is how far a segment's base moves in the time that passed.
func (m *model) follows(s *segment, passed time.Duration) float64 {
	if memory := min(m.at.Sub(s.since)/youth, m.config.HalfLife); memory > 0 {
		return 1 - decay(passed, memory)
	}
	return 1
}

// inform tells how many outcomes' worth is known of the effects of each level, once the levels below have taken what may be
// theirs: n outcomes with one BIN are worth no more than n·K/(n+K) to the country, however many they are.
func (m *model) inform() {
	kCountry, kBIN := m.strength(perCountry), m.strength(perBIN)
	for p := range m.effects {
		m.known[p] = 0
		for _, c := range m.countries {
			c.known[p] = 0
			for _, s := range c.segments {
				c.known[p] += worth(s.cells[p].n, kBIN)
			}
			m.known[p] += worth(c.known[p], kCountry)
		}
	}
}

func worth(n, k float64) float64 { return n * k / (n + k) }

// learn is one step of empirical Bayes: the variance of a level is what its effects show of it, each with its own uncertainty
// added, and weighted by how much is known of it. Only differences between providers show: where one has nearly all
// outcomes, its effect cannot be told from the base, and says nothing.
func (m *model) learn() {
	var seen [levels]struct{ sum, weight float64 }
	add := func(l level, effect, known, all float64) {
		if known <= 0 {
			return
		}
		known *= 1 - known/all
		k := m.strength(l)
		w := known / (known + k)
		seen[l].sum += w * (effect*effect + m.noise()/(known+k))
		seen[l].weight += w
	}
	all := sum(m.known)
	for p := range m.effects {
		add(perProvider, m.effects[p], m.known[p], all)
	}
	for _, c := range m.countries {
		all = sum(c.known)
		for p := range c.effects {
			add(perCountry, c.effects[p], c.known[p], all)
		}
		for _, s := range c.segments {
			all = s.weight()
			for p := range s.effects {
				add(perBIN, s.effects[p], s.cells[p].n, all)
			}
		}
	}
	for l := range m.variance {
		v := (seen[l].sum + priorCells*priorSD*priorSD) / (seen[l].weight + priorCells)
		m.variance[l] += learningRate * (min(max(v, minVariance), maxVariance) - m.variance[l])
	}
}

func sum(xs []float64) (total float64) {
	for _, x := range xs {
		total += x
	}
	return total
}

// spread is the variance of an estimate at level l of which that many outcomes' worth is known, given that of the level above.
func (m *model) spread(l level, known, above float64) float64 {
	k := m.strength(l)
	rest := k / (known + k)
	return m.noise()/(known+k) + rest*rest*above
}
