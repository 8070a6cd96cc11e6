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
}

func newMetrics(r prometheus.Registerer, s *Service) *metrics {
	m := &metrics{contradictions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_payment_contradictions_total",
		Help: "What providers said that cannot be true together with what is known, by who does something about it."}, []string{"remedy"}),
		surpluses: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_payment_surpluses_total",
			Help: "Money that came in and was put into suspense, by why: it is a part, over, late, or of nothing that is known."}, []string{"reason"}),
		lateApprovals: prometheus.NewCounter(prometheus.CounterOpts{Name: "florin_payment_late_approvals_total",
			Help: "Approvals of tries that had ended, each time one is heard of. The payer's money goes back."})}
	if r != nil {
		r.MustRegister(m.contradictions, m.surpluses, m.lateApprovals, unresolved{s})
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

// unresolved counts, when it is asked, what has been open for so long that a person should look.
type unresolved struct{ of *Service }

var unresolvedDesc = prometheus.NewDesc("florin_payment_unresolved",
	"Outcomes that many inquiries could not find out, late approvals that are not reversed yet, and surpluses that many tries could not return.", []string{"what"}, nil)

// countTime bounds one count.
const countTime = 2 * time.Second

func (unresolved) Describe(to chan<- *prometheus.Desc) { to <- unresolvedDesc }

func (u unresolved) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), countTime)
	defer cancel()
	counts, err := u.of.Unresolved(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(unresolvedDesc, err)
		u.of.Logger.Error("count what is unresolved", slog.Any("error", err))
		return
	}
	for what, n := range counts {
		to <- prometheus.MustNewConstMetric(unresolvedDesc, prometheus.GaugeValue, float64(n), what)
	}
}

// Unresolved counts, over all tenants, what a person should look at: attempts and operations whose outcome many inquiries
// could not find out, late approvals that are not reversed yet, and money in suspense that many tries could not return.
func (s *Service) Unresolved(ctx context.Context) (map[string]int64, error) {
	return s.store.unresolved(ctx)
}
