// Package exchange is one request and its answer, as every edge handles them: a request id that is on every answer and in
// every log line, an answer that is written whole, and a panic that becomes a bare 500.
package exchange

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/obs"
	"github.com/florinpay/florin/internal/problem"
)

// JSON is the content type of what is no problem.
const JSON = "application/json"

// headerRequestID is in canonical form, so that it can be set without a search.
const headerRequestID = "Request-Id"

// Exchange is what is known of one request while it runs. It is also the writer of its answer, to know what was written.
type Exchange struct {
	http.ResponseWriter
	Request  *http.Request
	ID       string // req_…
	Merchant string // the tenant once it is known, for logs
	Code     string // of the refusal, once there is one

	// Done, if it is set, is called once the answer is out or has been given up, with its status (0 if there is none).
	Done func(status int, took time.Duration)

	log    *slog.Logger
	status int // 0 until the head is written
}

// Serve runs a request: its id is on the answer whatever happens inside. The handler gets the request with a context that
// carries the id; if it hands on a copy, it puts that into Request, whose pattern is told to who measures outside.
func Serve(w http.ResponseWriter, r *http.Request, id string, log *slog.Logger, handle func(*Exchange)) {
	start := clock.Stopwatch()
	x := &Exchange{ResponseWriter: w, ID: id, log: log}
	w.Header()[headerRequestID] = []string{id}
	w.Header()["Cache-Control"] = noStore
	x.Request = r.WithContext(obs.With(r.Context(), obs.RequestID, id))
	defer x.finish(r, start)
	handle(x)
}

var noStore = []string{"no-store"}

// Unwrap lets http.ResponseController reach the connection.
func (x *Exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader notes the status.
func (x *Exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *Exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	return x.ResponseWriter.Write(b)
}

// finish turns a panic into a bare 500, and logs.
func (x *Exchange) finish(outer *http.Request, start time.Time) {
	outer.Pattern = x.Request.Pattern // obs.HTTP labels by it
	defer func() {
		if x.Done != nil {
			x.Done(x.status, clock.Since(start))
		}
	}()
	if crash := recover(); crash != nil {
		if crash == http.ErrAbortHandler { //nolint:errorlint // it is a sentinel for panic, compared as net/http does
			panic(crash)
		}
		x.log.ErrorContext(x.Request.Context(), "request panicked", "panic", fmt.Sprint(crash), "stack", string(debug.Stack()))
		if x.status != 0 {
			panic(http.ErrAbortHandler) // half an answer is out: cut it off so that nobody takes it for a whole one
		}
		x.Refuse(problem.New(problem.CodeInternal, ""))
	}
	took := clock.Since(start)
	if ctx := x.Request.Context(); x.log.Enabled(ctx, slog.LevelDebug) {
		x.log.DebugContext(ctx, "request", "path", x.Request.Pattern, "status", x.status, "merchant_id", x.Merchant, "took", took)
	}
}

// Refuse writes a Problem as the answer.
func (x *Exchange) Refuse(p *problem.Problem) { x.Answer(x.Problem(p)) }

// Problem renders a Problem with the request's id.
func (x *Exchange) Problem(p *problem.Problem) Answer {
	p.RequestID, x.Code = x.ID, p.Code
	body, err := problem.Render(p)
	if err != nil { // nothing in a Problem can fail to render
		x.log.ErrorContext(x.Request.Context(), "render a problem", "error", err)
		return Answer{Status: http.StatusInternalServerError}
	}
	return Answer{Status: p.Status, ContentType: problem.ContentType, Body: body, Header: p.GetHeaders()}
}

// Failed logs an error that is ours, once: the caller is told nothing of it. p is what the caller is told.
func (x *Exchange) Failed(p *problem.Problem, err error) {
	switch {
	case p.Status < http.StatusInternalServerError || x.abandoned():
	case p.Code == fault.CodeKillSwitch: // people have switched it off, and know: each request that meets it is no news
		x.Expected("request met a kill switch", err)
	case p.Status == http.StatusServiceUnavailable:
		x.log.WarnContext(x.Request.Context(), "request refused for now", x.attributes(err)...)
	default:
		x.log.ErrorContext(x.Request.Context(), "request failed", x.attributes(err)...)
	}
}

// Expected logs, for who looks closely, a refusal that is no news: it was decided upon, or a metric counts it.
func (x *Exchange) Expected(what string, err error) {
	x.log.DebugContext(x.Request.Context(), what, x.attributes(err)...)
}

// abandoned tells whether a read failed because its caller has hung up: nobody needs to know. A write goes on without its
// caller, so its failure is one.
func (x *Exchange) abandoned() bool {
	return x.Request.Context().Err() != nil && (x.Request.Method == http.MethodGet || x.Request.Method == http.MethodHead)
}

func (x *Exchange) attributes(err error) []any {
	return []any{"merchant_id", x.Merchant, "path", x.Request.Pattern, "error", err}
}

// Answer is what is written to the caller, whole.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
	Header      http.Header
}

// Answer writes an answer.
func (x *Exchange) Answer(a Answer) {
	h := x.Header()
	for name, values := range a.Header {
		h[name] = values
	}
	if len(a.Body) > 0 {
		h["Content-Type"] = []string{a.ContentType}
		h["Content-Length"] = []string{strconv.Itoa(len(a.Body))}
	}
	x.WriteHeader(a.Status)
	if _, err := x.Write(a.Body); err != nil && x.Request.Context().Err() == nil {
		x.log.DebugContext(x.Request.Context(), "answer was not taken", "error", err)
	}
}

// Lost answers what no pattern of a mux takes but its "/": 405 if the path takes another method, else 404.
func (x *Exchange) Lost(mux *http.ServeMux) {
	var allowed []string
	for _, method := range [...]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		probe := *x.Request
		probe.Method = method
		if _, pattern := mux.Handler(&probe); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		x.Refuse(problem.New(problem.CodeMethod, "").With("Allow", strings.Join(allowed, ", ")))
		return
	}
	x.Refuse(problem.Of(fault.Missing("path")))
}
