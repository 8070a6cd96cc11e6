package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/obs"
)

// The headers of the contract, in canonical form so that they can be set without a search.
const (
	headerRequestID  = "Request-Id"
	headerVersion    = "Florin-Version"
	headerRetryAfter = "Retry-After"
	headerChallenge  = "WWW-Authenticate"
)

// request is what is known of one request while it runs. It is also the writer of its answer, to know what was written.
type request struct {
	http.ResponseWriter
	api       *API
	http      *http.Request
	id        string
	principal access.Principal
	operation *operation // nil outside the contract: webhooks, documentation
	query     faults     // what is wrong with the query beside its values
	status    int        // 0 until the head is written
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	rq, _ := ctx.Value(requestKey{}).(*request)
	return rq
}

// Unwrap lets http.ResponseController reach the connection.
func (rq *request) Unwrap() http.ResponseWriter { return rq.ResponseWriter }

// WriteHeader notes the status.
func (rq *request) WriteHeader(status int) {
	if rq.status == 0 {
		rq.status = status
	}
	rq.ResponseWriter.WriteHeader(status)
}

func (rq *request) Write(b []byte) (int, error) {
	if rq.status == 0 {
		rq.status = http.StatusOK
	}
	return rq.ResponseWriter.Write(b)
}

// ServeHTTP gives every request an id and every answer a Request-Id, whatever happens inside.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := clock.Stopwatch()
	rq := &request{ResponseWriter: w, api: a, id: a.IDs.New(id.Request)}
	w.Header()[headerRequestID] = []string{rq.id}
	w.Header()["Cache-Control"] = noStore
	outer := r
	r = r.WithContext(context.WithValue(obs.With(r.Context(), obs.RequestID, rq.id), requestKey{}, rq))
	rq.http = r
	defer rq.finish(outer, start)
	if v := r.Header[headerVersion]; len(v) > 0 && (len(v) > 1 || v[0] != Version) {
		rq.refuse(refuse(codeVersion, "the only version is "+Version).at(headerVersion))
		return
	}
	a.mux.ServeHTTP(rq, r)
}

// finish turns a panic into a bare 500, and logs.
func (rq *request) finish(outer *http.Request, start time.Time) {
	outer.Pattern = rq.http.Pattern // obs.HTTP labels by it
	if crash := recover(); crash != nil {
		if crash == http.ErrAbortHandler { //nolint:errorlint // it is a sentinel for panic, compared as net/http does
			panic(crash)
		}
		rq.api.Logger.ErrorContext(rq.http.Context(), "request panicked", "panic", fmt.Sprint(crash), "stack", string(debug.Stack()))
		if rq.status != 0 {
			panic(http.ErrAbortHandler) // half an answer is out: cut it off so that nobody takes it for a whole one
		}
		rq.refuse(refuse(codeInternal, ""))
	}
	took := clock.Since(start)
	if log, ctx := rq.api.Logger, rq.http.Context(); log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, "request", "path", rq.http.Pattern, "status", rq.status, "merchant_id", rq.principal.Tenant, "took", took)
	}
}

// refuse writes a Problem as the answer.
func (rq *request) refuse(p *Problem) {
	rq.write(rq.problem(p))
}

// problem renders a Problem with the request's id.
func (rq *request) problem(p *Problem) answer {
	p.RequestID = rq.id
	body, err := render(p)
	if err != nil { // nothing in a Problem can fail to render
		rq.api.Logger.ErrorContext(rq.http.Context(), "render a problem", "error", err)
		return answer{status: http.StatusInternalServerError}
	}
	return answer{status: p.Status, contentType: problemType, body: body, header: p.header}
}

// fail answers an error, and logs it if it is ours.
func (rq *request) fail(err error) answer {
	p := problemOf(err)
	rq.failed(p, err)
	return rq.problem(p)
}

// failed logs an error that is ours, once: the caller is told nothing of it.
func (rq *request) failed(p *Problem, err error) {
	switch {
	case p.Status < http.StatusInternalServerError || rq.abandoned():
	case p.Status == http.StatusServiceUnavailable:
		rq.api.Logger.WarnContext(rq.http.Context(), "request refused for now", rq.attributes(err)...)
	default:
		rq.api.Logger.ErrorContext(rq.http.Context(), "request failed", rq.attributes(err)...)
	}
}

// abandoned tells whether a read failed because its caller has hung up: nobody needs to know. A write goes on without its
// caller, so its failure is one.
func (rq *request) abandoned() bool {
	return rq.http.Context().Err() != nil && (rq.http.Method == http.MethodGet || rq.http.Method == http.MethodHead)
}

func (rq *request) attributes(err error) []any {
	return []any{"merchant_id", rq.principal.Tenant, "path", rq.http.Pattern, "error", err}
}

// answer is what is written to the caller, whole.
type answer struct {
	status      int
	contentType string
	body        []byte
	header      http.Header
}

func (rq *request) write(a answer) {
	h := rq.Header()
	for name, values := range a.header {
		h[name] = values
	}
	if len(a.body) > 0 {
		h["Content-Type"] = []string{a.contentType}
		h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	}
	rq.WriteHeader(a.status)
	if _, err := rq.Write(a.body); err != nil && rq.http.Context().Err() == nil {
		rq.api.Logger.DebugContext(rq.http.Context(), "answer was not taken", "error", err)
	}
}

var noStore = []string{"no-store"}

// lost answers what no operation does: 405 if the path takes another method, else 404.
func (a *API) lost(w http.ResponseWriter, r *http.Request) {
	rq := requestOf(r.Context())
	var allowed []string
	for _, method := range [...]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		probe := *r
		probe.Method = method
		if _, pattern := a.mux.Handler(&probe); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		p := refuse(codeMethod, "")
		p.header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
		rq.refuse(p)
		return
	}
	rq.refuse(problemOf(fault.Missing("path")))
}
