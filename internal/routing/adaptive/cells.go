package adaptive

import (
	"cmp"
	"slices"
	"time"
)

// cell counts outcomes, discounted.
type cell struct{ n, approved float64 }

func (c *cell) add(d cell) { c.n += d.n; c.approved += d.approved }

// remove takes out what was added, as far as it is still there.
func (c *cell) remove(d cell) {
	c.n = max(0, c.n-d.n)
	c.approved = min(max(0, c.approved-d.approved), c.n)
}

func (c *cell) scale(f float64) { c.n *= f; c.approved *= f }

type segmentKey struct{ country, bin string }

// segment is a country and a BIN. Its slices have an element for each provider.
type segment struct {
	key     segmentKey
	country *country
	since   time.Time // when it was first seen
	base    float64
	cells   []cell
	effects []float64
}

func (s *segment) weight() float64 {
	var n float64
	for _, c := range s.cells {
		n += c.n
	}
	return n
}

// country has what its segments share. Its slices have an element for each provider, but for segments.
type country struct {
	code     string
	base     float64
	effects  []float64
	total    []cell    // of its segments, as of the last refresh
	known    []float64 // how many outcomes' worth is known of each effect
	scopes   []*scope
	segments []*segment
}

// model is what was learnt. It is not safe for concurrent use. Sums go over slices, never over maps: the same outcomes
// give the same estimates to the last bit.
type model struct {
	config   Config
	at       time.Time // of the last refresh
	fresh    float64   // outcomes since then
	weight   float64   // of all outcomes as of then
	base     float64
	variance [levels]float64

	names   []string // of providers
	index   map[string]int
	effects []float64
	total   []cell
	known   []float64
	scopes  []*scope

	countries []*country
	byCode    map[string]*country
	segments  map[segmentKey]*segment
	bins      int // segments that have a BIN

	layout *layout // of the tables; nil when the next needs a new one
}

func newModel(c Config) model {
	m := model{config: c, base: priorRate, index: map[string]int{}, byCode: map[string]*country{}, segments: map[segmentKey]*segment{}}
	for l := range m.variance {
		m.variance[l] = priorSD * priorSD
	}
	return m
}

// provider is the provider's place in all slices. When there are as many as may be, a new one takes the place of the one that is used least.
func (m *model) provider(name string) int {
	if p, ok := m.index[name]; ok {
		return p
	}
	if len(m.names) < m.config.Providers {
		m.names = append(m.names, name)
		m.effects = append(m.effects, 0)
		m.total = append(m.total, cell{})
		m.known = append(m.known, 0)
		m.scopes = append(m.scopes, newScope(m.config.Detector))
		for _, c := range m.countries {
			c.grow(m)
			for _, s := range c.segments {
				s.grow(m)
			}
		}
		m.index[name], m.layout = len(m.names)-1, nil
		return len(m.names) - 1
	}
	p := 0
	for i := range m.total {
		if m.total[i].n < m.total[p].n {
			p = i
		}
	}
	m.forget(p)
	delete(m.index, m.names[p])
	m.names[p], m.index[name], m.layout = name, p, nil
	return p
}

// forget empties the place of a provider.
func (m *model) forget(p int) {
	m.effects[p], m.total[p], m.known[p], m.scopes[p] = 0, cell{}, 0, newScope(m.config.Detector)
	for _, c := range m.countries {
		c.effects[p], c.total[p], c.known[p], c.scopes[p] = 0, cell{}, 0, newScope(m.config.Detector)
		for _, s := range c.segments {
			s.effects[p], s.cells[p] = 0, cell{}
		}
	}
}

func (c *country) grow(m *model) {
	for len(c.effects) < len(m.names) {
		c.effects = append(c.effects, 0)
		c.total = append(c.total, cell{})
		c.known = append(c.known, 0)
		c.scopes = append(c.scopes, newScope(m.config.Detector))
	}
}

func (s *segment) grow(m *model) {
	for len(s.cells) < len(m.names) {
		s.cells = append(s.cells, cell{})
		s.effects = append(s.effects, 0)
	}
}

// segment finds or makes a segment. A country beyond what may be told apart is taken for the unknown one.
func (m *model) segment(code, bin string) *segment {
	if s, ok := m.segments[segmentKey{code, bin}]; ok {
		return s
	}
	c, ok := m.byCode[code]
	if !ok {
		if code != "" && len(m.countries) >= maxCountries {
			return m.segment("", bin)
		}
		c = &country{code: code, base: m.base}
		c.grow(m)
		m.countries = append(m.countries, c)
		m.byCode[code] = c
	}
	if bin != "" && m.bins >= m.config.Segments {
		m.prune()
	}
	return m.addSegment(c, bin)
}

func (m *model) addSegment(c *country, bin string) *segment {
	s := &segment{key: segmentKey{c.code, bin}, country: c, since: m.at, base: c.base}
	s.grow(m)
	c.segments = append(c.segments, s)
	m.segments[s.key], m.layout = s, nil
	if bin != "" {
		m.bins++
	}
	return s
}

// prune keeps the heavier half of all BINs. What is known of the others stays with their country, as of a payment without a BIN.
func (m *model) prune() {
	all := make([]*segment, 0, m.bins)
	for _, c := range m.countries {
		for _, s := range c.segments {
			if s.key.bin != "" {
				all = append(all, s)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *segment) int { return cmp.Compare(b.weight(), a.weight()) })
	for _, s := range all[len(all)/2:] {
		rest, ok := m.segments[segmentKey{s.key.country, ""}]
		if !ok {
			rest = m.addSegment(s.country, "")
		}
		for p, c := range s.cells {
			rest.cells[p].add(c)
		}
		delete(m.segments, s.key)
		m.bins--
	}
	m.layout = nil
	for _, c := range m.countries {
		c.segments = slices.DeleteFunc(c.segments, func(s *segment) bool { return m.segments[s.key] != s })
	}
}
