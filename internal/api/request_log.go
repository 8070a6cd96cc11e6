package api

import (
	"container/list"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"sort"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/obs"
)

const (
	// requestsKept bounds what is remembered of requests, over all tenants.
	requestsKept = 10_000
	// requestPage is how many are sent at once.
	requestPage = 100
	// longestPath bounds a path that is remembered.
	longestPath = 256
)

// loggedRequest is what is remembered of a request: no body, and nothing of its query.
type loggedRequest struct {
	ID             string    `json:"id" doc:"The Request-Id of its answer." example:"req_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object         string    `json:"object" enum:"request_log"`
	Livemode       bool      `json:"livemode"`
	Method         string    `json:"method" example:"POST"`
	Route          string    `json:"route" doc:"The path as the contract has it." example:"/v1/payments/{id}/capture"`
	Path           string    `json:"path" example:"/v1/payments/pay_01jd9qk3v8m2x4r6t7w9y0a1b2/capture"`
	Status         int       `json:"status" example:"409"`
	ErrorCode      string    `json:"error_code,omitempty" doc:"The code of the refusal, if it was one." example:"state_conflict"`
	DurationMS     int64     `json:"duration_ms" example:"12"`
	Key            string    `json:"key" doc:"The id of the API key." example:"key_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	IdempotencyKey string    `json:"idempotency_key,omitempty" example:"order-1001-capture"`
	CreatedAt      time.Time `json:"created_at" doc:"When it came in."`
}

// log remembers a request of the contract whose caller is known, once it is over.
func (rq *request) log(status int, took time.Duration) {
	if rq.principal.Tenant == "" || rq.operation == nil {
		return
	}
	path := rq.Request.URL.Path
	rq.api.requests.add(rq.principal.Tenant, loggedRequest{
		ID: rq.ID, Object: "request_log", Livemode: rq.principal.Live, Method: rq.Request.Method, Route: rq.operation.path,
		Path: obs.Mask(path[:min(len(path), longestPath)]), Status: status, ErrorCode: rq.Code, DurationMS: took.Milliseconds(),
		Key: rq.principal.KeyID, IdempotencyKey: obs.Mask(keyTold(rq.Request)), CreatedAt: rq.at,
	})
}

// keyTold is the idempotency key of a request, as it was sent; nothing if no such key can be.
func keyTold(r *http.Request) string {
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 257 { // 255 in quotes
		return ""
	}
	return key
}

// requestLog remembers the last requests that this process answered. A tenant that asks much pushes out its own first: who has
// more than an equal share makes room for what it adds; who has less takes the place of the oldest of all.
type requestLog struct {
	size int

	mu      sync.Mutex
	number  uint64    // of the last that was added
	all     list.List // of *remembered, oldest first
	tenants map[string]*tenantRequests
}

type remembered struct {
	loggedRequest
	tenant string
	number uint64
	place  *list.Element
}

// tenantRequests are a tenant's, oldest first.
type tenantRequests struct {
	kept    []*remembered
	readers int
	changed chan struct{} // closed at the next one; nil if nobody waits
}

func newRequestLog(size int) *requestLog {
	return &requestLog{size: size, tenants: map[string]*tenantRequests{}}
}

func (l *requestLog) add(tenant string, r loggedRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.of(tenant)
	if l.all.Len() >= l.size {
		oldest := l.all.Front().Value.(*remembered)
		if len(t.kept) > 0 && len(t.kept) >= l.size/len(l.tenants) {
			oldest = t.kept[0]
		}
		l.forget(oldest)
		t = l.of(tenant) // it may have been its only one
	}
	l.number++
	one := &remembered{loggedRequest: r, tenant: tenant, number: l.number}
	one.place = l.all.PushBack(one)
	t.kept = append(t.kept, one)
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

func (l *requestLog) of(tenant string) *tenantRequests {
	t := l.tenants[tenant]
	if t == nil {
		t = &tenantRequests{}
		l.tenants[tenant] = t
	}
	return t
}

// forget drops the oldest of a tenant.
func (l *requestLog) forget(r *remembered) {
	l.all.Remove(r.place)
	t := l.tenants[r.tenant]
	t.kept[0] = nil
	t.kept = t.kept[1:]
	l.tidy(r.tenant, t)
}

func (l *requestLog) tidy(tenant string, t *tenantRequests) {
	if len(t.kept) == 0 && t.readers == 0 {
		delete(l.tenants, tenant)
	}
}

// open begins to read behind a request; without one, now. Of a request that is not remembered the time is known: what is
// remembered of later ones follows.
func (l *requestLog) open(tenant, after string, now time.Time) *requestSource {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.of(tenant)
	t.readers++
	s := &requestSource{log: l, tenant: tenant, behind: l.number, last: after}
	if after == "" {
		s.last = id.Floor(id.Request, now)
		return s
	}
	for _, r := range t.kept {
		if r.ID == after {
			s.behind = r.number
			return s
		}
	}
	s.behind, s.younger = 0, after
	return s
}

// requestSource sends a tenant's requests as they end.
type requestSource struct {
	log     *requestLog
	tenant  string
	behind  uint64
	younger string // only requests with larger ids, among those that are there already
	last    string
	wait    <-chan struct{}
}

func (s *requestSource) next(context.Context) ([]frame, bool, error) {
	found := s.found()
	page := make([]frame, 0, len(found))
	for _, r := range found {
		text, err := json.Marshal(r.loggedRequest)
		if err != nil {
			return nil, false, err
		}
		page = append(page, frame{r.ID, r.Object, text})
		s.last = r.ID
	}
	return page, len(found) > 0, nil
}

// found is a page of what has been added, and if there is none, what to wait for.
func (s *requestSource) found() []*remembered {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	t := s.log.tenants[s.tenant]
	from := sort.Search(len(t.kept), func(i int) bool { return t.kept[i].number > s.behind })
	var page []*remembered
	for _, r := range t.kept[from:] {
		if len(page) == requestPage {
			break
		}
		s.behind = r.number
		if r.ID > s.younger {
			page = append(page, r)
		}
	}
	if len(page) == 0 {
		s.younger = ""
		if t.changed == nil {
			t.changed = make(chan struct{})
		}
		s.wait = t.changed
	}
	return page
}

func (s *requestSource) changed() <-chan struct{} { return s.wait }
func (s *requestSource) cursor() string           { return s.last }

func (s *requestSource) close() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	t := s.log.tenants[s.tenant]
	t.readers--
	s.log.tidy(s.tenant, t)
}

type streamRequestLogsInput struct{ Resuming }

const requestLogDoc = `The requests of your keys, each when it is over, as server-sent events: without their bodies and queries. They are those that the process remembers that answers you, up to 10,000 of all merchants: what another process answers is not among them, and a restart forgets them.`

const requestLogSample = `id: req_01jd9qk3v8m2x4r6t7w9y0a1b2
event: request_log
data: {"id":"req_01jd9qk3v8m2x4r6t7w9y0a1b2","object":"request_log","livemode":false,"method":"POST","route":"/v1/payments","path":"/v1/payments","status":201,"duration_ms":12,"key":"key_01jd9qk3v8m2x4r6t7w9y0a1b2","idempotency_key":"order-1001-charge","created_at":"2026-11-22T12:00:00Z"}
`

func (a *API) registerRequestLog() {
	registerStream(a, operation{
		id: "streamRequestLogs", method: http.MethodGet, path: "/v1/request_logs/stream", tag: "Request logs", summary: "Stream request logs",
		doc: requestLogDoc, scope: access.OpsRead, status: http.StatusOK, answer: reflect.TypeFor[loggedRequest](), stream: "request_logs", sample: requestLogSample,
		refusals: []int{http.StatusTooManyRequests},
	}, a.streamRequestLogs)
}

func (a *API) streamRequestLogs(_ context.Context, rq *request, in *streamRequestLogsInput) (source, error) {
	after, param := in.place()
	if after != "" && !id.Has(after, id.Request) {
		return nil, fault.Wrong(param, fault.CodeInvalid, "must be the id of a request, or what a stream gave as id")
	}
	return a.requests.open(rq.principal.Tenant, after, a.Clock.Now()), nil
}
