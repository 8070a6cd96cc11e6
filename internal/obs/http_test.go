package obs_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/obs"
)

func watched(t testing.TB) (http.Handler, *prometheus.Registry) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/payments/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "lost" {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	mux.HandleFunc("/v1/any", func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /v1/stream", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/event-stream") })
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("oh") })
	registry := prometheus.NewRegistry()
	return obs.NewHTTP(registry).Watch(mux), registry
}

func ask(t testing.TB, h http.Handler, method, path string) {
	t.Helper()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, path, nil))
}

func TestRequestsAreCountedByRouteNotByPath(t *testing.T) {
	h, registry := watched(t)
	ask(t, h, "GET", "/v1/payments/pay_1")
	ask(t, h, "GET", "/v1/payments/pay_2")
	ask(t, h, "GET", "/v1/payments/lost")
	ask(t, h, "GET", "/wp-login.php")
	ask(t, h, "GET", "/another-scan")
	ask(t, h, "FROBNICATE", "/v1/any")
	ask(t, h, "PROPFIND", "/v1/any")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		ask(t, h, "GET", "/panic")
	}()
	_, body := get(t, obs.Handler(registry, obs.NewHealth()), "/metrics")
	for _, want := range []string{
		`florin_http_requests_total{method="GET",route="/v1/payments/{id}",status="200"} 2`,
		`florin_http_requests_total{method="GET",route="/v1/payments/{id}",status="404"} 1`,
		`florin_http_requests_total{method="GET",route="unmatched",status="404"} 2`,
		`florin_http_requests_total{method="other",route="/v1/any",status="200"} 2`,
		`florin_http_requests_total{method="GET",route="/panic",status="500"} 1`,
		`florin_http_request_duration_seconds_count{method="GET",route="/v1/payments/{id}"} 3`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	for _, leak := range []string{"pay_1", "wp-login", "FROBNICATE"} {
		if strings.Contains(body, leak) {
			t.Errorf("%s became a label", leak)
		}
	}
}

func TestHintsAreNotTheAnswer(t *testing.T) {
	registry := prometheus.NewRegistry()
	server := httptest.NewServer(obs.NewHTTP(registry).Watch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	})))
	answer, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	server.Close() // waits for the handler, and so for its count
	_, body := get(t, obs.Handler(registry, obs.NewHealth()), "/metrics")
	if want := `{method="GET",route="unmatched",status="418"} 1`; !strings.Contains(body, want) {
		t.Errorf("no %s in\n%s", want, body)
	}
}

func BenchmarkWatch(b *testing.B) {
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	h := obs.NewHTTP(prometheus.NewRegistry()).Watch(next)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/payments", nil)
	r.Pattern = "POST /v1/payments"
	w := discard{}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

type discard struct{}

func (discard) Header() http.Header         { return nil }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func TestStreamsAreCountedAndNotMeasured(t *testing.T) {
	h, registry := watched(t)
	ask(t, h, "GET", "/v1/stream")
	_, body := get(t, obs.Handler(registry, obs.NewHealth()), "/metrics")
	if !strings.Contains(body, `florin_http_requests_total{method="GET",route="/v1/stream",status="200"} 1`) {
		t.Error("it is not counted")
	}
	if strings.Contains(body, `florin_http_request_duration_seconds_count{method="GET",route="/v1/stream"} 1`) {
		t.Error("how long its reader stayed is taken for our slowness")
	}
}
