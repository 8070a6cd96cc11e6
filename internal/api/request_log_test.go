package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
)

// logged reads the next request of a stream.
func logged(t *testing.T, r *bufio.Reader) loggedRequest {
	t.Helper()
	text := part(t, r)
	head, data, ok := strings.Cut(text, "data: ")
	var one loggedRequest
	if err := json.Unmarshal([]byte(data), &one); !ok || err != nil || head != "id: "+one.ID+"\nevent: request_log\n" {
		t.Fatalf("read %q: %v", text, err)
	}
	return one
}

func TestRequestsAreStreamedAsTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		_, client := serve(t, d)
		r := bufio.NewReader(connect(t, client, "GET", at+"/v1/request_logs/stream").Body)
		if head := part(t, r); head != "retry: 1000\nid: "+id.Floor(id.Request, start)+"\n" {
			t.Errorf("begins with %q", head)
		}
		d.payments.refuse = &payment.DeclinedError{Code: "card_declined", Payment: full()}
		for _, c := range []struct {
			method, path, body string
			headers            []string
			want               loggedRequest
		}{
			{"GET", "/v1/payments?status=captured", "", nil, loggedRequest{Method: "GET", Route: "/v1/payments", Path: "/v1/payments", Status: 200}},
			{"POST", "/v1/payments", order, []string{"Idempotency-Key", `order-1`}, loggedRequest{Method: "POST", Route: "/v1/payments", Path: "/v1/payments", Status: 402, ErrorCode: "card_declined", IdempotencyKey: "order-1"}},
			{"POST", "/v1/payments", "{", []string{"Idempotency-Key", strings.Repeat("x", 300)}, loggedRequest{Method: "POST", Route: "/v1/payments", Path: "/v1/payments", Status: 400, ErrorCode: "idempotency_key_invalid"}},
			{"GET", "/v1/payments?limit=0", "", nil, loggedRequest{Method: "GET", Route: "/v1/payments", Path: "/v1/payments", Status: 400, ErrorCode: "parameter_invalid"}},
			{"GET", "/v1/payments/4242424242424242", "", nil, loggedRequest{Method: "GET", Route: "/v1/payments/{id}", Path: "/v1/payments/[card number]", Status: 404, ErrorCode: "not_found"}},
			{"GET", "/v1/balance", "", []string{"Authorization", "Bearer rk_test_read"}, loggedRequest{Method: "GET", Route: "/v1/balance", Path: "/v1/balance", Status: 403, ErrorCode: "scope_missing", Key: "key_read"}},
			{"GET", "/v1/events/evt_" + strings.Repeat("a", 400), "", nil, loggedRequest{Method: "GET", Route: "/v1/events/{id}", Path: ("/v1/events/evt_" + strings.Repeat("a", 400))[:longestPath], Status: 404, ErrorCode: "not_found"}},
		} {
			w := d.call(c.method, c.path, c.body, c.headers...)
			if c.want.Key == "" {
				c.want.Key = "key_dev"
			}
			c.want.ID, c.want.Object, c.want.CreatedAt = w.Header().Get("Request-Id"), "request_log", start
			if got := logged(t, r); got != c.want {
				t.Errorf("%s %s: %+v, want %+v", c.method, c.path, got, c.want)
			}
		}
		// Nobody's, another tenant's, another mode's, and what is no part of the contract.
		for _, other := range [][]string{{"/v1/payments", "Bearer sk_test_unknown"}, {"/v1/payments", "Bearer sk_test_other"}, {"/v1/payments", "Bearer sk_live_dev"}, {"/docs", ""}, {"/nowhere", "Bearer sk_test_dev"}} {
			d.call("GET", other[0], "", "Authorization", other[1])
		}
		last := d.call("GET", "/v1/balance", "")
		if got := logged(t, r); got.ID != last.Header().Get("Request-Id") {
			t.Errorf("read %+v", got)
		}
	})
}

func TestAPanicIsLoggedAsTheAnswerItBecomes(t *testing.T) {
	d := newDoor(t, func(o *Options) { o.Ledger = nil })
	refused(t, d.call("GET", "/v1/balance", ""), 500, problem.CodeInternal)
	s := d.requests.open(tenant, id.Floor(id.Request, start.Add(-time.Second)), start)
	defer s.close()
	if found := s.found(); len(found) != 1 || found[0].Status != 500 || found[0].ErrorCode != problem.CodeInternal {
		t.Errorf("logged %+v", found)
	}
}

// givenBefore knows one key, whose request was declined.
type givenBefore struct{}

func (givenBefore) Find(context.Context, idempotency.Key) (idempotency.Record, bool, error) {
	return idempotency.Record{Done: true, Status: 402, ContentType: problem.ContentType, Answer: []byte(`{"code":"card_declined"}`)}, true, nil
}

func TestARefusalThatIsGivenAgainIsLoggedWithItsCode(t *testing.T) {
	d := newDoor(t, func(o *Options) { o.Idempotency = givenBefore{} })
	d.payments.refuse = fault.New(fault.Exists, "", "the key is taken")
	if w := d.call("POST", "/v1/payments", order, "Idempotency-Key", "k"); w.Code != 402 {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	s := d.requests.open(tenant, id.Floor(id.Request, start.Add(-time.Second)), start)
	defer s.close()
	if found := s.found(); len(found) != 1 || found[0].Status != 402 || found[0].ErrorCode != "card_declined" {
		t.Errorf("logged %+v", found)
	}
}

// numbered is a request that a test tells from others.
func numbered(i int) loggedRequest {
	return loggedRequest{ID: id.Floor(id.Request, start.Add(time.Duration(i)*time.Second)), Object: "request_log", Status: i}
}

// heard is what a reader finds.
func heard(t *testing.T, s *requestSource) (statuses []int) {
	t.Helper()
	for {
		page, more, err := s.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page {
			var one loggedRequest
			if err := json.Unmarshal(f.data, &one); err != nil {
				t.Fatal(err)
			}
			statuses = append(statuses, one.Status)
		}
		if !more {
			return statuses
		}
	}
}

func wantStatuses(t *testing.T, s *requestSource, want ...int) {
	t.Helper()
	if got := heard(t, s); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("heard %v, want %v", got, want)
	}
}

func TestALogGoesOnBehindARequest(t *testing.T) {
	l := newRequestLog(100)
	l.add(tenant, numbered(1))
	now := l.open(tenant, "", start)
	l.add(tenant, numbered(3))
	l.add(tenant, numbered(2)) // began before and took longer
	l.add(tenant, numbered(4))
	wantStatuses(t, now, 3, 2, 4)
	wantStatuses(t, now)
	wantStatuses(t, l.open(tenant, numbered(3).ID, start), 2, 4)
	wantStatuses(t, l.open(tenant, numbered(4).ID, start))
	elsewhere := l.open(tenant, id.Floor(id.Request, start.Add(2500*time.Millisecond)), start) // another process knew it
	wantStatuses(t, elsewhere, 3, 4)
	l.add(tenant, numbered(0))
	wantStatuses(t, elsewhere, 0)
	wantStatuses(t, l.open("acct_other:test", numbered(0).ID, start))
}

func TestALogWakesItsReaders(t *testing.T) {
	l := newRequestLog(100)
	one, two, other := l.open(tenant, "", start), l.open(tenant, "", start), l.open("acct_other:test", "", start)
	for _, s := range []*requestSource{one, two, other} {
		wantStatuses(t, s)
	}
	l.add(tenant, numbered(1))
	for _, s := range []*requestSource{one, two} {
		<-s.changed()
		wantStatuses(t, s, 1)
	}
	select {
	case <-other.changed():
		t.Error("another tenant's reader is woken")
	default:
	}
}

func TestALogIsBoundedAndFair(t *testing.T) {
	l := newRequestLog(100)
	for i := range 1000 {
		l.add("loud", numbered(i))
	}
	counts := func() map[string]int {
		kept := map[string]int{}
		for tenant, of := range l.tenants {
			kept[tenant] = len(of.kept)
		}
		if l.all.Len() > 100 {
			t.Errorf("%d are kept", l.all.Len())
		}
		return kept
	}
	if got := counts(); got["loud"] != 100 {
		t.Errorf("kept %v", got)
	}
	for i := range 30 {
		l.add("quiet", numbered(i))
	}
	for i := range 1000 { // pushes out its own only
		l.add("loud", numbered(i))
	}
	if got := counts(); got["quiet"] != 30 || got["loud"] != 70 {
		t.Errorf("kept %v", got)
	}
	wantStatuses(t, l.open("quiet", id.Floor(id.Request, start.Add(27500*time.Millisecond)), start), 28, 29)
	for i := range 500 { // each once: none may fill memory with its name
		l.add(fmt.Sprint("once ", i), numbered(i))
	}
	if got := counts(); len(got) > 102 {
		t.Errorf("%d tenants are remembered", len(got))
	}
	l.open("nobody", "", start).close()
	if _, ok := l.tenants["nobody"]; ok {
		t.Error("a tenant without requests and readers is remembered")
	}
}

func TestAReaderWhoIsOvertakenGoesOnWithWhatIsLeft(t *testing.T) {
	l := newRequestLog(5)
	s := l.open(tenant, "", start)
	for i := range 20 {
		l.add(tenant, numbered(i))
	}
	wantStatuses(t, s, 15, 16, 17, 18, 19)
}
