package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
)

const (
	tenant    = "acct_dev:test"
	someToken = "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"
	someID    = "01jd9qk3v8m2x4r6t7w9y0a1b2"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// door is an API with fakes behind its ports.
type door struct {
	*API
	clock    *clock.Manual
	payments *fakePayments
	log      *bytes.Buffer
}

// newDoor opens the API over fakes; change may replace some of them.
func newDoor(t testing.TB, change ...func(*Options)) door {
	t.Helper()
	now := clock.NewManual(start)
	ids := id.NewSource(now, &counter{})
	payments := &fakePayments{ids: ids, clock: now, made: map[string]payment.Object{}, refunds: map[string]payment.RefundObject{}}
	log := &bytes.Buffer{}
	o := Options{
		Authenticate: fakeAuthenticate, Payments: payments, Reader: payments, Ledger: fakeBooks{}, Events: fakeEvents{}, Endpoints: fakeEndpoints{}, Customers: fakeCustomers{}, Funds: fakeFunds{}, Orders: fakeOrders{}, PaymentMethods: fakeMethods{}, Destinations: fakePayouts{}, Payouts: fakePayouts{}, PayoutReader: fakePayouts{},
		ProviderAccounts: fakeAccounts{}, Banks: fakeAccounts{}, Policies: fakePolicies{}, Simulations: fakeSimulations{}, ManualQueue: &fakeManual{}, Manual: &fakeManual{}, Health: &fakeHealth{}, Switches: &fakeSwitches{}, Breaks: &fakeBreaks{}, Keys: fakeKeys{}, AuditTrail: &fakeTrail{}, Receiver: fakeReceiver{}, Disputes: &fakeDisputes{}, Idempotency: noKeys{},
		DB: payments, Sealer: plainSealer{}, Clock: now, IDs: ids,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	for _, c := range change {
		c(&o)
	}
	return door{New(o), now, payments, log}
}

// counter is randomness that a test can repeat.
type counter struct {
	mu sync.Mutex
	n  byte
}

func (c *counter) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range p {
		c.n = c.n*73 + 41
		p[i] = c.n
	}
	return len(p), nil
}

// call sends a request; headers are pairs of name and value, and may replace the defaults.
func (d door) call(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, path, nil)
	} else {
		r = httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer sk_test_dev")
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	return w
}

// refused reads an answer as a Problem and checks what every refusal promises.
func refused(t *testing.T, w *httptest.ResponseRecorder, status int, code string) problem.Problem {
	t.Helper()
	var p problem.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
	}
	if w.Code != status || p.Status != status || p.Code != code {
		t.Fatalf("answered %d %s, want %d %s: %s", w.Code, p.Code, status, code, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != problem.ContentType {
		t.Errorf("content type %q", got)
	}
	if p.RequestID == "" || p.RequestID != w.Header().Get("Request-Id") {
		t.Errorf("request id %q in the body, %q in the head", p.RequestID, w.Header().Get("Request-Id"))
	}
	if p.Type != problem.Base+code || p.Title == "" {
		t.Errorf("type %q, title %q", p.Type, p.Title)
	}
	return p
}

func accepted(t *testing.T, w *httptest.ResponseRecorder, status int) map[string]any {
	t.Helper()
	if w.Code != status {
		t.Fatalf("answered %d, want %d: %s", w.Code, status, w.Body)
	}
	var object map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &object); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	return object
}

// fakeAuthenticate knows three merchants' keys and one that lacks scopes.
func fakeAuthenticate(_ context.Context, r *http.Request) (access.Principal, error) {
	all, err := access.Set(access.AllScopes()...)
	if err != nil {
		return access.Principal{}, err
	}
	reading, err := access.Set(access.PaymentsRead)
	if err != nil {
		return access.Principal{}, err
	}
	known := map[string]access.Principal{
		"Bearer sk_test_dev":   {Tenant: tenant, Account: "acct_dev", KeyID: "key_dev", Kind: access.Secret, Scopes: all},
		"Bearer sk_live_dev":   {Tenant: "acct_dev:live", Account: "acct_dev", Live: true, KeyID: "key_live", Kind: access.Secret, Scopes: all},
		"Bearer sk_test_other": {Tenant: "acct_other:test", Account: "acct_other", KeyID: "key_other", Kind: access.Secret, Scopes: all},
		"Bearer rk_test_read":  {Tenant: tenant, Account: "acct_dev", KeyID: "key_read", Kind: access.Restricted, Scopes: reading},
		"Bearer pk_test_dev":   {Tenant: tenant, Account: "acct_dev", KeyID: "key_pub", Kind: access.Publishable},
	}
	p, ok := known[r.Header.Get("Authorization")]
	if !ok {
		return p, fault.New(fault.Unauthorized, access.CodeKeyInvalid, "the API key is not valid")
	}
	return p, nil
}

func TestDoorAnswers(t *testing.T) {
	d := newDoor(t)
	w := d.call("POST", "/v1/payments", `{"amount":9232,"currency":"EUR","payment_method_token":"`+someToken+`","metadata":{"order_id":"ORD-1001"}}`)
	o := accepted(t, w, 201)
	if o["status"] != "captured" || o["metadata"].(map[string]any)["order_id"] != "ORD-1001" {
		t.Errorf("answered %s", w.Body)
	}
	got := accepted(t, d.call("GET", "/v1/payments/"+o["id"].(string), ""), 200)
	if got["id"] != o["id"] {
		t.Errorf("got %v", got)
	}
	if body, err := io.ReadAll(d.call("GET", "/v1/payments", "").Body); err != nil || !strings.HasPrefix(string(body), `{"object":"list","data":[{"id":"pay_`) {
		t.Errorf("list %s %v", body, err)
	}
}
