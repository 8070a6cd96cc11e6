package obs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/obs"
)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadyNamesWhatIsWrong(t *testing.T) {
	var broken error
	health := obs.NewHealth(
		obs.Check{Name: "main database", Try: func(context.Context) error { return broken }},
		obs.Check{Name: "vault database", Try: func(context.Context) error { return nil }},
	)
	h := obs.Handler(obs.NewMetrics(), health)

	if code, body := get(t, h, "/readyz"); code != http.StatusOK || body != "ready\n" {
		t.Errorf("all well: %d %q", code, body)
	}
	broken = errors.New("disk full")
	if code, body := get(t, h, "/readyz"); code != http.StatusServiceUnavailable || body != "main database: disk full\n" {
		t.Errorf("broken: %d %q", code, body)
	}
	if code, _ := get(t, h, "/healthz"); code != http.StatusOK {
		t.Errorf("a process with a broken database is alive, not %d", code)
	}
	broken = nil
	health.Drain()
	if code, body := get(t, h, "/readyz"); code != http.StatusServiceUnavailable || body != "stopping\n" {
		t.Errorf("draining: %d %q", code, body)
	}
}

func TestMetricsTellOfTheProcess(t *testing.T) {
	code, body := get(t, obs.Handler(obs.NewMetrics(), obs.NewHealth()), "/metrics")
	if code != http.StatusOK || !strings.Contains(body, "go_goroutines") || !strings.Contains(body, "process_start_time_seconds") {
		t.Errorf("%d %.200q", code, body)
	}
}

func TestLoggerWritesAttributesAndKeepsItsLevel(t *testing.T) {
	var out bytes.Buffer
	log := obs.NewLogger(&out, true, slog.LevelInfo)
	log.Debug("hidden")
	log.Info("payment created", "payment_id", "pay_1")
	if line := out.String(); strings.Contains(line, "hidden") || !strings.Contains(line, `"payment_id":"pay_1"`) {
		t.Errorf("logged %q", line)
	}
}
