package obs

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
)

// Unmatched is the route label of a request that no pattern matched.
const Unmatched = "unmatched"

// other is the label of what is not of a closed set.
const other = "other"

// eventStream is the content type of an answer without an end.
const eventStream = "text/event-stream"

// methods are the methods that get a label of their own: a caller can send any word.
var methods = map[string]string{
	http.MethodGet: "GET", http.MethodHead: "HEAD", http.MethodPost: "POST", http.MethodPut: "PUT", http.MethodPatch: "PATCH",
	http.MethodDelete: "DELETE", http.MethodOptions: "OPTIONS",
}

// durations are the bounds of the histogram, in seconds: from a cached read to the longest wait for a provider.
var durations = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// HTTP counts requests, by route pattern, method and status, and measures them, by route pattern and method. It is one
// for all zones of a process.
type HTTP struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec

	// known are the series by what a request looks like. It is copied when one is added, so that a request takes no lock:
	// there are few, because every part of the key is of a closed set.
	known atomic.Pointer[map[look]series]
	mu    sync.Mutex
}

type look struct {
	pattern, method string
	status          int
}

type series struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

// NewHTTP registers florin_http_requests_total and florin_http_request_duration_seconds. It panics if they are
// registered already.
func NewHTTP(r prometheus.Registerer) *HTTP {
	h := &HTTP{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "florin_http_requests_total", Help: "Requests answered, by route pattern, method and status.",
		}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "florin_http_request_duration_seconds", Help: "Time to answer a request, by route pattern and method.", Buckets: durations,
		}, []string{"route", "method"}),
	}
	h.known.Store(&map[look]series{})
	r.MustRegister(h.requests, h.seconds)
	return h
}

// Watch measures what next answers. The route is the pattern that http.ServeMux leaves in the request, so every handler
// between this one and the mux must hand on the same *http.Request: a copy (WithContext, Clone) hides the pattern, and the
// request counts as unmatched. Handlers that copy go inside the mux, or Watch goes inside them.
//
// A panic in next counts as a 500 and goes on.
func (h *HTTP) Watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := clock.Stopwatch()
		answer := &statusWriter{ResponseWriter: w}
		panicked := true
		defer func() {
			status := answer.status
			switch {
			case status != 0:
			case panicked:
				status = http.StatusInternalServerError
			default:
				status = http.StatusOK // what net/http answers for a handler that says nothing
			}
			s := h.series(look{r.Pattern, r.Method, status})
			s.requests.Inc()
			if w.Header().Get("Content-Type") != eventStream { // it ends when its reader leaves: that says nothing of us
				s.seconds.Observe(clock.Since(start).Seconds())
			}
		}()
		next.ServeHTTP(answer, r)
		panicked = false
	})
}

func (h *HTTP) series(l look) series {
	if s, ok := (*h.known.Load())[l]; ok {
		return s
	}
	method, ok := methods[l.method]
	if !ok {
		method = other
	}
	status := other
	if l.status >= 100 && l.status <= 599 {
		status = strconv.Itoa(l.status)
	}
	s := series{h.requests.WithLabelValues(routeOf(l.pattern), method, status), h.seconds.WithLabelValues(routeOf(l.pattern), method)}
	if method == other || status == other {
		return s // not kept: what a caller invents must not fill memory
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	grown := make(map[look]series, len(*h.known.Load())+1)
	for k, v := range *h.known.Load() {
		grown[k] = v
	}
	grown[l] = s
	h.known.Store(&grown)
	return s
}

// routeOf is the path of a mux pattern: "POST /v1/payments" is /v1/payments.
func routeOf(pattern string) string {
	if pattern == "" {
		return Unmatched
	}
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return strings.TrimLeft(path, " ")
	}
	return pattern
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the first status that ends the answer: those below 200 come before another, except for 101.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write answers 200 if nothing was said before, as net/http does.
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Flush sends what is buffered, for streams that ask for an http.Flusher.
func (w *statusWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap lets http.ResponseController reach what is behind.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
