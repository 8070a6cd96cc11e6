package obs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyTimeout bounds one look at what a process depends on: an orchestrator's own patience is about as long.
const readyTimeout = 2 * time.Second

// Check is one thing that must work for the process to serve, such as a database. It returns nil if it does.
type Check struct {
	Name string
	Try  func(context.Context) error
}

// Health is whether a process should be sent work.
type Health struct {
	checks   []Check
	draining atomic.Bool
}

// NewHealth is ready while every check passes.
func NewHealth(checks ...Check) *Health { return &Health{checks: checks} }

// Drain makes the process not ready for good: it finishes what it has and wants nothing new.
func (h *Health) Drain() { h.draining.Store(true) }

// Ready is nil, or what is wrong, by the checks' names.
func (h *Health) Ready(ctx context.Context) error {
	if h.draining.Load() {
		return errors.New("stopping")
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	var wrong []error
	for _, c := range h.checks {
		if err := c.Try(ctx); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", c.Name, err))
		}
	}
	return errors.Join(wrong...)
}

// NewMetrics is a registry that already has what Go and the operating system say of the process.
func NewMetrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Handler serves /metrics, /healthz (the process runs) and /readyz (it should be sent work; else 503 and why). It is for the
// ops zone: the reasons name databases and are not for the public.
func Handler(metrics *prometheus.Registry, health *Health) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := health.Ready(r.Context()); err != nil {
			answer(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	return mux
}

// answer writes a line of text. A caller that is gone does not read it, and nobody else would.
func answer(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, line)
}
