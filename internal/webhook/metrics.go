package webhook

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/event"
)

// metrics is what a sender measures.
type metrics struct {
	tries     *prometheus.CounterVec
	duration  prometheus.Histogram
	delay     prometheus.Histogram
	underWay  *prometheus.GaugeVec
	lanes     prometheus.Gauge
	lag       *prometheus.GaugeVec
	endpoints *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	seconds := prometheus.ExponentialBuckets(0.001, 2, 15) // 1 ms to 16 s
	m := &metrics{
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_webhook_attempts_total",
			Help: "Tries to deliver a webhook, by what came of them."}, []string{"outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "florin_webhook_attempt_seconds",
			Help: "How long a try took.", Buckets: seconds}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "florin_webhook_delay_seconds",
			Help: "From the event to the end of its first try, where that succeeded.", Buckets: seconds}),
		underWay: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "florin_webhook_attempts_under_way",
			Help: "Webhooks under way, to quick endpoints and to slow or failing ones."}, []string{"pool"}),
		lanes: prometheus.NewGauge(prometheus.GaugeOpts{Name: "florin_webhook_lanes",
			Help: "Endpoints that this process sends to at the moment."}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "florin_webhook_lag_seconds",
			Help: "The age of the oldest delivery that waits for an endpoint of a class."}, []string{"class"}),
		endpoints: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "florin_webhook_endpoints",
			Help: "Endpoints of a class."}, []string{"class"}),
	}
	if r != nil {
		r.MustRegister(m.tries, m.duration, m.delay, m.underWay, m.lanes, m.lag, m.endpoints)
	}
	return m
}

// tried counts a try.
func (m *metrics) tried(letter event.Letter, t try) {
	outcome := "refused"
	switch {
	case t.delivered():
		outcome = "delivered"
		if letter.Attempts == 0 {
			m.delay.Observe(max(t.StartedAt.Sub(letter.CreatedAt)+t.Duration, 0).Seconds())
		}
	case t.Err != nil:
		outcome = "unanswered"
	}
	m.tries.WithLabelValues(outcome).Inc()
	m.duration.Observe(t.Duration.Seconds())
}

// measure tells how far sending is behind.
func (s *Sender) measure(ctx context.Context) {
	lags, err := s.store.Lags(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.logger.Error("measure the lag of webhooks", "error", err)
		}
		return
	}
	now := s.clock.Now()
	for _, class := range []event.Health{event.Healthy, event.Slowed, event.Stopped} {
		lag, age := lags[class], 0.0
		if !lag.Oldest.IsZero() {
			age = max(now.Sub(lag.Oldest), 0).Seconds()
		}
		s.metrics.lag.WithLabelValues(string(class)).Set(age)
		s.metrics.endpoints.WithLabelValues(string(class)).Set(float64(lag.Endpoints))
	}
}
