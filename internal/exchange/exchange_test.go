package exchange_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/exchange"
	"github.com/florinpay/florin/internal/obs"
	"github.com/florinpay/florin/internal/problem"
)

func serve(r *http.Request, log io.Writer, handle func(*exchange.Exchange)) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	exchange.Serve(w, r, "req_1", slog.New(slog.NewTextHandler(log, nil)), handle)
	return w
}

func TestEveryAnswerHasTheRequestsID(t *testing.T) {
	var inside string
	w := serve(httptest.NewRequest("GET", "/", nil), io.Discard, func(x *exchange.Exchange) {
		inside = obs.Value(x.Request.Context(), obs.RequestID)
		x.Answer(exchange.Answer{Status: 201, ContentType: exchange.JSON, Body: []byte("{}\n")})
	})
	if w.Header().Get("Request-Id") != "req_1" || inside != "req_1" || w.Code != 201 || w.Header().Get("Content-Length") != "3" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v, inside %q", w.Code, w.Header(), inside)
	}
	w = serve(httptest.NewRequest("GET", "/", nil), io.Discard, func(x *exchange.Exchange) { x.Refuse(problem.New(problem.CodeMediaType, "")) })
	var p problem.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.RequestID != "req_1" || w.Code != 415 || w.Header().Get("Content-Type") != problem.ContentType {
		t.Errorf("%d %s %v", w.Code, w.Body, err)
	}
}

func TestAPanicIsABare500AndALogLine(t *testing.T) {
	var log strings.Builder
	w := serve(httptest.NewRequest("GET", "/", nil), &log, func(*exchange.Exchange) { panic("the inside") })
	if w.Code != 500 || strings.Contains(w.Body.String(), "inside") || !strings.Contains(w.Body.String(), "req_1") || !strings.Contains(log.String(), "the inside") {
		t.Errorf("%d %s\n%s", w.Code, w.Body, log.String())
	}
}

func TestHalfAnAnswerIsCutOff(t *testing.T) {
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the answer goes on")
		}
	}()
	serve(httptest.NewRequest("GET", "/", nil), io.Discard, func(x *exchange.Exchange) {
		x.WriteHeader(200)
		panic("late")
	})
}

func TestOnlyFailuresOfOursAreLogged(t *testing.T) {
	for code, logged := range map[string]bool{problem.CodeInternal: true, "overloaded": true, problem.CodeMalformed: false, "kill_switch_on": false} {
		var log strings.Builder
		serve(httptest.NewRequest("POST", "/", nil), &log, func(x *exchange.Exchange) {
			x.Merchant = "acct_shop:test"
			x.Failed(problem.New(code, ""), errors.New("the cause"))
		})
		if strings.Contains(log.String(), "the cause") != logged || logged && !strings.Contains(log.String(), "acct_shop:test") {
			t.Errorf("%s: logged %q", code, log.String())
		}
	}
}

func TestWhatIsNoNewsIsLoggedForWhoLooksClosely(t *testing.T) {
	for level, logged := range map[slog.Level]bool{slog.LevelInfo: false, slog.LevelDebug: true} {
		var log strings.Builder
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
		exchange.Serve(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), "req_1", logger, func(x *exchange.Exchange) {
			x.Expected("request shed", errors.New("the cause"))
		})
		if strings.Contains(log.String(), "the cause") != logged {
			t.Errorf("at %v: logged %q", level, log.String())
		}
	}
}

func TestAWrongMethodIsToldTheRightOnes(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /thing", func(http.ResponseWriter, *http.Request) {})
	for path, want := range map[string]int{"/thing": 405, "/nothing": 404} {
		w := serve(httptest.NewRequest("DELETE", path, nil), io.Discard, func(x *exchange.Exchange) { x.Lost(mux) })
		if w.Code != want || want == 405 && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, allowed %q", path, w.Code, w.Header().Get("Allow"))
		}
	}
}
