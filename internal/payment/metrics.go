package payment

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what operators are alarmed by.
type metrics struct {
	contradictions *prometheus.CounterVec
	surpluses      *prometheus.CounterVec
	lateApprovals  prometheus.Counter
	notTried       *prometheus.CounterVec
	rearmed        *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, s *Service) *metrics {
	m := &metrics{contradictions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_payment_contradictions_total",
		Help: "What providers said that cannot be true together with what is known, by who does something about it."}, []string{"remedy"}),
		surpluses: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_payment_surpluses_total",
			Help: "Money that came in and was put into suspense, by why: it is a part, over, late, or of nothing that is known."}, []string{"reason"}),
		lateApprovals: prometheus.NewCounter(prometheus.CounterOpts{Name: "florin_payment_late_approvals_total",
			Help: "Approvals of tries that had ended, each time one is heard of. The payer's money goes back."}),
		rearmed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_payment_rearmed_total",
			Help: "Open outcomes that had lost their schedule, and were found by the hourly look for them."}, []string{"what"})}
	m.notTried = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_payment_retries_refused_total",
		Help: "Cards that were not tried because their network's rules forbid it, by the rule."}, []string{"rule"})
	if r != nil {
		r.MustRegister(m.notTried, m.contradictions, m.surpluses, m.lateApprovals, m.rearmed,
			counted{s, unresolvedDesc, s.store.unresolved}, counted{s, manualDesc, s.store.manualCounts}, counted{s, waitingDesc, s.store.waitingCounts})
	}
	return m
}

// suspended counts transfers of which something was put into suspense, once that is written.
func (m *metrics) suspended(transfers ...Transfer) {
	for _, t := range transfers {
		if t.Version == 0 && t.State == TransferHeld {
			m.surpluses.WithLabelValues(string(t.Reason)).Inc()
		}
	}
}

// counted is a gauge that is counted in the database when it is asked.
type counted struct {
	of    *Service
	desc  *prometheus.Desc
	count func(context.Context) (map[string]int64, error)
}

var (
	unresolvedDesc = prometheus.NewDesc("florin_payment_unresolved",
		"Outcomes that many inquiries could not find out, late approvals that are not reversed yet, and surpluses that many tries could not return.", []string{"what"}, nil)
	waitingDesc = prometheus.NewDesc("florin_payment_waiting", "What waits until its provider is back.", []string{"what"}, nil)
	manualDesc  = prometheus.NewDesc("florin_payment_manual_queue_items", "Outcomes that wait for a person to find them out.", []string{"what"}, nil)
)

// countTime bounds one count, well within the ten seconds that a scrape usually has.
const countTime = 5 * time.Second

func (c counted) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

func (c counted) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), countTime)
	defer cancel()
	counts, err := c.count(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(c.desc, err)
		c.of.Logger.Error("count what is unresolved", slog.Any("error", err))
		return
	}
	for what, n := range counts {
		to <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(n), what)
	}
}

// unasked counts a failure by the rules of a card's network, once that is written.
func (m *metrics) unasked(f *FailureObject) {
	if f != nil && f.RetryRule != "" {
		m.notTried.WithLabelValues(f.RetryRule).Inc()
	}
}
