package payout

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what operators watch.
type metrics struct {
	payouts        *prometheus.CounterVec
	contradictions prometheus.Counter
}

func newMetrics(r prometheus.Registerer, s *Service) *metrics {
	m := &metrics{
		payouts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_payouts_total",
			Help: "Payouts that came to a state, by state and rail."}, []string{"status", "rail"}),
		contradictions: prometheus.NewCounter(prometheus.CounterOpts{Name: "florin_payout_contradictions_total",
			Help: "What providers said of payouts that cannot be true together with what is known."}),
	}
	if r != nil {
		r.MustRegister(m.payouts, m.contradictions, waiting{s})
	}
	return m
}

// ofParts is the rail of a payout that consists of parts.
const ofParts = "parts"

func (m *metrics) moved(p Payout) {
	rail := string(p.Rail)
	if p.Loop != nil {
		rail = ofParts
	}
	m.payouts.WithLabelValues(string(p.Status), rail).Inc()
}

// waiting counts, when it is asked, the payouts that a person should look at.
type waiting struct{ of *Service }

var manualDesc = prometheus.NewDesc("florin_payout_manual_queue_items", "Payouts whose outcome waits for a person to find it out.", nil, nil)

// countTime bounds one count, well within the ten seconds that a scrape usually has.
const countTime = 5 * time.Second

func (waiting) Describe(to chan<- *prometheus.Desc) { to <- manualDesc }

func (w waiting) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), countTime)
	defer cancel()
	n, err := w.of.store.manualCount(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(manualDesc, err)
		w.of.Logger.Error("count what waits for a person", "error", err)
		return
	}
	to <- prometheus.MustNewConstMetric(manualDesc, prometheus.GaugeValue, float64(n))
}
