package sim

import (
	"time"

	"github.com/florinpay/florin/internal/routing/adaptive"
)

// WindowedConfig tunes a Windowed router.
type WindowedConfig struct {
	Window  time.Duration // in which outcomes count
	By      Grain         // what has a rate of its own
	Enough  float64       // outcomes with which a rate is believed; with fewer the provider's own rate is taken
	Explore float64       // part of payments sent to a provider by lot
	Faults  bool          // count technical failures as refusals, too
}

// Grain is what a rate is kept for.
type Grain int

// The grains: a provider, in a country, with a BIN.
const (
	ByProvider Grain = iota
	ByCountry
	ByBIN
)

// Windowed is the usual router by success rates: each provider's approvals in a sliding window, the highest first, and a small part
// of payments by lot to keep up with what the others are like.
type Windowed struct {
	config WindowedConfig
	cells  map[windowKey]*window
	rates  []float64 // of the ranking being made
}

type windowKey struct{ provider, place string }

// panes is how many parts a window has: it slides by one at a time.
const panes = 24

type window struct {
	pane     int64 // the current one, counted from the epoch
	n, yes   [panes]float64
	sumN     float64
	approved float64
}

// NewWindowed makes a router without any outcomes.
func NewWindowed(c WindowedConfig) *Windowed {
	return &Windowed{config: c, cells: map[windowKey]*window{}}
}

func (w *window) slide(pane int64) {
	if pane-w.pane >= panes {
		*w = window{pane: pane}
		return
	}
	for w.pane < pane {
		w.pane++
		i := w.pane % panes
		w.sumN -= w.n[i]
		w.approved -= w.yes[i]
		w.n[i], w.yes[i] = 0, 0
	}
}

func (w *window) count(pane int64, approved bool) {
	w.slide(pane)
	i := w.pane % panes
	w.n[i]++
	w.sumN++
	if approved {
		w.yes[i]++
		w.approved++
	}
}

func (r *Windowed) pane(at time.Time) int64 {
	return at.UnixNano() / int64(r.config.Window/panes)
}

func (r *Windowed) place(country, bin string) string {
	switch r.config.By {
	case ByCountry:
		return country
	case ByBIN:
		return bin
	}
	return ""
}

func (r *Windowed) cell(k windowKey) *window {
	w := r.cells[k]
	if w == nil {
		w = &window{}
		r.cells[k] = w
	}
	return w
}

// rate is what is believed of a provider: 1 of one that was never tried, so that it is.
func (r *Windowed) rate(pane int64, provider, place string) float64 {
	w := r.cell(windowKey{provider, place})
	if w.slide(pane); w.sumN >= r.config.Enough && w.sumN > 0 {
		return w.approved / w.sumN
	}
	w = r.cell(windowKey{provider: provider})
	if w.slide(pane); w.sumN > 0 {
		return w.approved / w.sumN
	}
	return 1
}

// Rank ranks by rate, but for the payments that explore.
func (r *Windowed) Rank(dst []Choice, q Query) []Choice {
	start := len(dst)
	pane, place := r.pane(q.At), r.place(q.Country, q.BIN)
	r.rates = r.rates[:0]
	for _, name := range q.Candidates {
		dst, r.rates = append(dst, Choice{Provider: name}), append(r.rates, r.rate(pane, name, place))
		for i := len(r.rates) - 1; i > 0 && r.rates[i-1] < r.rates[i]; i-- {
			r.rates[i-1], r.rates[i] = r.rates[i], r.rates[i-1]
			dst[start+i-1], dst[start+i] = dst[start+i], dst[start+i-1]
		}
	}
	ranked := dst[start:]
	d := dice(q.Bits)
	if d.unit() < r.config.Explore && len(ranked) > 1 {
		i := d.bits() % uint64(len(ranked))
		ranked[0], ranked[i] = ranked[i], ranked[0]
		ranked[0].Trial = i > 0
	}
	return dst
}

// Observe counts an outcome.
func (r *Windowed) Observe(o adaptive.Outcome) {
	if o.Class == adaptive.Customer || o.Class == adaptive.Technical && !r.config.Faults {
		return
	}
	pane := r.pane(o.At)
	r.cell(windowKey{provider: o.Provider}).count(pane, o.Class == adaptive.Approved)
	if place := r.place(o.Country, o.BIN); place != "" {
		r.cell(windowKey{o.Provider, place}).count(pane, o.Class == adaptive.Approved)
	}
}

// UsualWindow is a Windowed router as it is usually set up, by country, and WindowByBIN one that is finer. Both have the windows and the
// exploration that did well on the seeds on which Standard was calibrated: see docs/routing.md.
var (
	UsualWindow = WindowedConfig{Window: 24 * time.Hour, By: ByCountry, Enough: 50, Explore: 0.02}
	WindowByBIN = WindowedConfig{Window: 24 * time.Hour, By: ByBIN, Enough: 50, Explore: 0.01}
)
