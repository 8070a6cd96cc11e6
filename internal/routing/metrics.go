package routing

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	decisions  *prometheus.CounterVec
	errors     *prometheus.CounterVec
	unreadable prometheus.Counter
	stopped    prometheus.Counter
	uncounted  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_routing_decisions_total",
			Help: "Orders of provider accounts that payments were given, by the strategy that made them."}, []string{"strategy"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_routing_rule_errors_total",
			Help: "Rules of routing policies that were skipped because their condition failed, by why: error, deadline or cost."}, []string{"reason"}),
		unreadable: prometheus.NewCounter(prometheus.CounterOpts{Name: "florin_routing_unreadable_total",
			Help: "Decisions that kept the merchant's own order because the published policy could not be read."}),
		stopped: prometheus.NewCounter(prometheus.CounterOpts{Name: "florin_routing_challengers_stopped_total",
			Help: "Experiments whose challenger was stopped because its approvals were significantly worse."}),
		uncounted: prometheus.NewCounter(prometheus.CounterOpts{Name: "florin_routing_uncounted_outcomes_total",
			Help: "Outcomes of experiments that were not counted, because this process counts too many experiments already."}),
	}
	if r != nil {
		r.MustRegister(m.decisions, m.errors, m.unreadable, m.stopped, m.uncounted)
	}
	return m
}

func (m metrics) decided(d Decision) {
	m.decisions.WithLabelValues(d.Strategy).Inc()
	for _, s := range d.Skipped {
		if s.Rule != "" {
			m.errors.WithLabelValues(s.Reason).Inc()
		}
	}
}
