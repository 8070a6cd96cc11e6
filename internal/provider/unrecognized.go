package provider

import (
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Unrecognized counts the declines whose codes nobody knows, so that somebody extends the table. A nil one counts nothing.
type Unrecognized struct {
	count  *prometheus.CounterVec
	logger *slog.Logger

	mu   sync.Mutex
	seen map[[2]string]bool
}

// maxUnknown bounds how many codes are logged: a provider may put anything there.
const maxUnknown = 1000

// NewUnrecognized makes a counter. The registry may be nil.
func NewUnrecognized(r prometheus.Registerer, logger *slog.Logger) *Unrecognized {
	u := &Unrecognized{logger: logger, seen: map[[2]string]bool{}, count: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "florin_provider_unknown_declines_total", Help: "Declines with a code that is in no table: they count as generic_decline and are not tried again.",
	}, []string{"provider"})}
	if r != nil {
		r.MustRegister(u.count)
	}
	return u
}

// Heard counts a decline by a provider if its code is not known. Each code is logged once.
func (u *Unrecognized) Heard(provider string, d Decline) {
	if u == nil || !d.Unrecognized {
		return
	}
	u.count.WithLabelValues(provider).Inc()
	code := [2]string{provider, clip(d.Raw)}
	u.mu.Lock()
	fresh := !u.seen[code] && len(u.seen) < maxUnknown
	if fresh {
		u.seen[code] = true
	}
	u.mu.Unlock()
	if fresh {
		u.logger.Warn("a decline code that no table has", "provider", provider, "code", code[1])
	}
}
