package health

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are of all merchants together: their accounts have names of their own choice, and no place in a label.
type metrics struct {
	calls    *prometheus.CounterVec
	refusals *prometheus.CounterVec
	took     *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer, h *Health) *metrics {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_provider_calls_total",
			Help: "Calls of providers that ended, by connector, operation and outcome class."}, []string{"provider", "operation", "class"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_provider_refusals_total",
			Help: "Calls of providers that were not made, by connector, operation and reason."}, []string{"provider", "operation", "reason"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "florin_provider_call_seconds",
			Help:    "How long calls of providers took, by connector and operation.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60}}, []string{"provider", "operation"}),
	}
	if r != nil {
		r.MustRegister(m.calls, m.refusals, m.took, breakers{h})
	}
	return m
}

func (m *metrics) called(c Call, r Result, took time.Duration) {
	m.calls.WithLabelValues(c.Provider, string(c.Operation), r.Class).Inc()
	m.took.WithLabelValues(c.Provider, string(c.Operation)).Observe(took.Seconds())
}

func (m *metrics) refused(c Call, reason string) {
	m.refusals.WithLabelValues(c.Provider, string(c.Operation), reason).Inc()
}

// breakers counts, when it is asked, the breakers of this process by where they stand.
type breakers struct{ of *Health }

var breakersDesc = prometheus.NewDesc("florin_provider_breakers",
	"Breakers of provider accounts that were called lately, by connector, operation and state.", []string{"provider", "operation", "state"}, nil)

func (breakers) Describe(to chan<- *prometheus.Desc) { to <- breakersDesc }

func (b breakers) Collect(to chan<- prometheus.Metric) {
	type labels struct {
		provider  string
		operation Operation
		state     state
	}
	counts := map[labels]int{}
	for _, v := range b.of.valves() {
		now := v.standing().state
		for _, s := range []state{stateClosed, stateHalfOpen, stateOpen} {
			counts[labels{v.call.Provider, v.call.Operation, s}] += 0 // what is nowhere open is 0, not absent
		}
		counts[labels{v.call.Provider, v.call.Operation, now}]++
	}
	for l, n := range counts {
		to <- prometheus.MustNewConstMetric(breakersDesc, prometheus.GaugeValue, float64(n), l.provider, string(l.operation), string(l.state))
	}
}
