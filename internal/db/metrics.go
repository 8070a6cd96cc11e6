package db

import "github.com/prometheus/client_golang/prometheus"

// metrics is what the writers measure.
type metrics struct {
	registry prometheus.Registerer
	all      []prometheus.Collector

	batch       prometheus.Histogram
	wait        prometheus.Histogram
	transaction prometheus.Histogram
	waiting     prometheus.Gauge
	refused     prometheus.Counter
	losers      prometheus.Counter
	lost        *prometheus.CounterVec
	retries     *prometheus.CounterVec
	down        prometheus.Gauge
	pruned      *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	seconds := prometheus.ExponentialBuckets(0.0001, 2, 16) // 0.1 ms to 3.3 s
	m := &metrics{
		registry: r,
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "florin_db_batch_changes",
			Help: "Changes in one transaction.", Buckets: []float64{1, 2, 4, 8, 16, 32, 48, 64, 128}}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "florin_db_queue_wait_seconds",
			Help: "How long the first Change of a batch waited to be taken.", Buckets: seconds}),
		transaction: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "florin_db_transaction_seconds",
			Help: "How long one transaction took, commit included.", Buckets: seconds}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "florin_db_queue_changes",
			Help: "Changes that wait for a writer."}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "florin_db_queue_refused_total",
			Help: "Changes refused because the queue was full."}),
		losers: prometheus.NewCounter(prometheus.CounterOpts{Name: "florin_db_loser_rounds_total",
			Help: "Transactions rolled back and written again without those that lost."}),
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_db_lost_total",
			Help: "Changes that were answered with an error."}, []string{"outcome"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_db_retries_total",
			Help: "Transactions written again."}, []string{"cause"}),
		down: prometheus.NewGauge(prometheus.GaugeOpts{Name: "florin_db_unavailable",
			Help: "1 while the last transaction could not be written."}),
		pruned: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_pruned_rows_total",
			Help: "Rows deleted because their time was over."}, []string{"table"}),
	}
	m.all = []prometheus.Collector{m.batch, m.wait, m.transaction, m.waiting, m.refused, m.losers, m.lost, m.retries, m.down, m.pruned}
	if r == nil {
		return m, nil
	}
	for i, c := range m.all {
		if err := r.Register(c); err != nil {
			m.all = m.all[:i]
			m.unregister()
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) unregister() {
	if m.registry == nil {
		return
	}
	for _, c := range m.all {
		m.registry.Unregister(c)
	}
}
