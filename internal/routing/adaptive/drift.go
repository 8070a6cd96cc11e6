package adaptive

import "math"

// Discounting alone follows a change with the delay of its half-life. So recent outcomes, discounted faster, are held against the
// estimates: for each provider, each of its countries, each of its BINs. Where they contradict by more than chance explains, what is
// older is moved to where the recent ones are.

const (
	// recentLives is how many times faster recent outcomes lose their weight than all outcomes.
	recentLives = 6
	// contradiction is by how many standard errors recent outcomes must differ.
	contradiction = 3.5
	// recentEnough is how many recent outcomes may contradict.
	recentEnough = 25
)

// drift is what recent outcomes say beyond the estimates: how many more were approved than expected, among how many.
type drift struct{ excess, n float64 }

// significant tells whether a drift contradicts estimates that stand on n outcomes.
func (d drift) significant(noise, n float64) bool {
	if d.n < recentEnough {
		return false
	}
	return math.Abs(d.excess) > contradiction*math.Sqrt(noise*d.n*(1+d.n/max(n, d.n)))
}

// follow looks for drifts, from the widest to the narrowest: what explains a provider everywhere is no news of one of its BINs.
func (m *model) follow() {
	for p := range m.effects {
		var wide drift
		for _, c := range m.countries {
			d := c.drift(m, p)
			wide.excess += d.excess
			wide.n += d.n
		}
		if wide.significant(m.noise(), m.total[p].n) {
			by := wide.excess / wide.n
			m.effects[p] += by
			for _, c := range m.countries {
				c.shift(p, by)
			}
		}
		for _, c := range m.countries {
			if d := c.drift(m, p); d.significant(m.noise(), c.total[p].n) {
				by := d.excess / d.n
				c.effects[p] += by
				c.shift(p, by)
			}
			for _, s := range c.segments {
				if d := s.drift(m, p); d.significant(m.noise(), s.cells[p].n) {
					s.effects[p] += d.excess / d.n
					s.cells[p] = s.recent[p]
				}
			}
		}
	}
}

func (s *segment) drift(m *model, p int) drift {
	r := s.recent[p]
	return drift{r.approved - r.n*m.expect(p, s), r.n}
}

func (c *country) drift(m *model, p int) (d drift) {
	for _, s := range c.segments {
		x := s.drift(m, p)
		d.excess += x.excess
		d.n += x.n
	}
	return d
}

// shift moves what is known of a provider in a country as if it had always been so much better.
func (c *country) shift(p int, by float64) {
	for _, s := range c.segments {
		x := &s.cells[p]
		x.approved = min(max(x.approved+x.n*by, 0), x.n)
	}
}
