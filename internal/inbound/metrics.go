package inbound

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/payment"
)

// What is counted of messages that get no verdict: they are refused, or were heard before.
const (
	duplicate      = "duplicate"
	badSignature   = "bad_signature"
	tooOld         = "too_old"
	incomplete     = "incomplete" // the body did not come, or is too large
	unknownAccount = "unknown_account"
	rateLimited    = "rate_limited"
	overloaded     = "overloaded"
	failed         = "failed" // not even recorded
)

// nobody is the provider of what is refused before it is known.
const nobody = "unknown"

// metrics are what operators see of inbound messages. The labels are closed: connectors, and the words above or verdicts.
type metrics struct {
	received *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(r *Receiver) *metrics {
	m := &metrics{
		received: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_inbound_webhooks_total",
			Help: "Providers' messages that came in, by provider and what became of them at once."}, []string{"provider", "verdict"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "florin_inbound_webhook_seconds",
			Help:    "Time from a message that is there whole to its answer, of those that verify, by provider.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"provider"}),
	}
	if r.Metrics != nil {
		r.Metrics.MustRegister(m.received, m.seconds, waitingMessages{r})
	}
	return m
}

func (m *metrics) count(connector, verdict string) {
	m.received.WithLabelValues(connector, verdict).Inc()
}

func (m *metrics) settled(connector string, v payment.Verdict) { m.count(connector, string(v)) }

// waitingMessages counts, when it is asked, the messages that wait.
type waitingMessages struct{ of *Receiver }

var waitingDesc = prometheus.NewDesc("florin_inbound_webhooks_waiting",
	"Providers' messages that are recorded and not applied yet; stuck are those that could not be applied many times.", []string{"state"}, nil)

// countTime bounds one count, well within the ten seconds that a scrape usually has.
const countTime = 5 * time.Second

func (waitingMessages) Describe(to chan<- *prometheus.Desc) { to <- waitingDesc }

func (w waitingMessages) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), countTime)
	defer cancel()
	all, stuck, err := w.of.waiting(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(waitingDesc, err)
		w.of.Logger.Error("count the messages that wait", "error", err)
		return
	}
	to <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(all-stuck), "waiting")
	to <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(stuck), "stuck")
}
