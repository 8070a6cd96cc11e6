package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
)

// readers are fakePayments whose reads do as told.
type readers struct {
	*fakePayments
	list func(ctx context.Context) error
}

func (r readers) List(ctx context.Context, merchant string, p payment.Page, f payment.Filter) ([]payment.Object, bool, error) {
	if err := r.list(ctx); err != nil {
		return nil, false, err
	}
	return r.fakePayments.List(ctx, merchant, p, f)
}

// reading is a door whose list of payments does as told.
func reading(t *testing.T, list func(ctx context.Context) error) door {
	t.Helper()
	return newDoor(t, func(o *Options) { o.Reader = readers{o.Payments.(*fakePayments), list} })
}

const inner = "dial tcp 10.1.2.3:5432: password rejected for florin"

func TestAFailureOfOursTellsNothingAndIsLoggedOnce(t *testing.T) {
	for name, list := range map[string]func(context.Context) error{
		"an error": func(context.Context) error { return errors.New(inner) },
		"an error of ours": func(context.Context) error {
			return fmt.Errorf("list: %w", &fault.Error{Kind: fault.Internal, Code: "x", Param: "y", Detail: inner})
		},
		"a panic":             func(context.Context) error { panic(inner) },
		"a panic by an error": func(context.Context) error { panic(errors.New(inner)) },
		"a broken pointer":    func(context.Context) error { var p *problem.Problem; _ = inner; p.Code = "x"; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			d := reading(t, list)
			w := d.call("GET", "/v1/payments", "")
			p := refused(t, w, 500, problem.CodeInternal)
			if p.Detail != "" || p.Param != "" || len(p.Errors) > 0 || !p.Retryable || strings.Contains(w.Body.String(), "10.1.2.3") {
				t.Errorf("told %s", w.Body)
			}
			log := d.log.String()
			if n := strings.Count(log, "level="); n != 1 || !strings.Contains(log, "level=ERROR") {
				t.Errorf("logged %d times: %s", n, log)
			}
			if name != "a broken pointer" && !strings.Contains(log, "10.1.2.3") {
				t.Errorf("the log does not say what it was: %s", log)
			}
		})
	}
}

func TestAPanicInTheMiddleOfAnAnswerCutsItOff(t *testing.T) {
	d := newDoor(t)
	d.mux.HandleFunc("GET /half", func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte("half")); err != nil {
			t.Error(err)
		}
		panic(inner)
	})
	defer func() {
		if crash := recover(); crash != http.ErrAbortHandler || strings.Count(d.log.String(), "level=ERROR") != 1 {
			t.Errorf("panicked with %v, logged %s", crash, d.log)
		}
	}()
	d.call("GET", "/half", "")
}

func TestAReadIsBoundedAndEndsWithItsCaller(t *testing.T) {
	d := reading(t, func(ctx context.Context) error {
		if until, ok := ctx.Deadline(); !ok || clock.Since(until) < -lookTimeout {
			t.Errorf("deadline %v, %t", until, ok)
		}
		<-ctx.Done()
		return fmt.Errorf("read: %w", ctx.Err())
	})
	gone, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(gone, "GET", "/v1/payments", nil)
	r.Header.Set("Authorization", "Bearer sk_test_dev")
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	refused(t, w, 503, fault.CodeOverloaded)
	if d.log.Len() > 0 {
		t.Errorf("a caller that left is logged: %s", d.log)
	}
}

// A caller that hangs up does not stop a write, and what becomes of it is logged if it fails.
func TestAWriteOutlivesItsCaller(t *testing.T) {
	for name, failure := range map[string]error{"done": nil, "failed": errors.New(inner)} {
		t.Run(name, func(t *testing.T) {
			gone, leave := context.WithCancel(t.Context())
			d := newDoor(t)
			d.payments.commit = func(ctx context.Context, _ *db.Change) error {
				leave()
				until, ok := ctx.Deadline()
				if ctx.Err() != nil || !ok || clock.Since(until) < -workTimeout {
					t.Errorf("the work: %v, until %v", ctx.Err(), until)
				}
				return failure
			}
			r := httptest.NewRequestWithContext(gone, "POST", "/v1/payments", strings.NewReader(order))
			r.Header = http.Header{"Content-Type": {jsonType}, "Authorization": {"Bearer sk_test_dev"}, "Idempotency-Key": {"k"}}
			w := httptest.NewRecorder()
			d.Handler().ServeHTTP(w, r)
			if failure == nil {
				accepted(t, w, 201)
				return
			}
			refused(t, w, 500, problem.CodeInternal)
			if !strings.Contains(d.log.String(), "10.1.2.3") {
				t.Errorf("logged %q", d.log)
			}
		})
	}
}

func TestWhoCallsIsAskedWithinABound(t *testing.T) {
	d := newDoor(t, func(o *Options) {
		o.Authenticate = func(ctx context.Context, r *http.Request) (access.Principal, error) {
			if until, ok := ctx.Deadline(); !ok || clock.Since(until) < -admitTimeout {
				t.Errorf("deadline %v, %t", until, ok)
			}
			return fakeAuthenticate(ctx, r)
		}
	})
	accepted(t, d.call("GET", "/v1/payments", ""), 200)
}

func TestEveryAnswerHasARequestIdOfItsOwn(t *testing.T) {
	d := reading(t, func(context.Context) error { return errors.New(inner) })
	seen := map[string]bool{}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/v1/balance", "", 200}, {"HEAD", "/v1/balance", "", 200}, {"POST", "/v1/payments", order, 201}, {"DELETE", "/v1/webhook_endpoints/we_" + someID, "", 204},
		{"GET", "/", "", 302}, {"GET", "//v1//payments", "", 307}, {"POST", "/v1/payments", "{", 400}, {"GET", "/v1/payments?limit=0", "", 400}, {"GET", "/nowhere", "", 404},
		{"PUT", "/v1/payments", "", 405}, {"OPTIONS", "/v1/payments", "", 405}, {"POST", "/v1/payments", strings.Repeat(" ", maxBody+1), 413}, {"GET", "/v1/payments", "", 500},
		{"GET", "/docs", "", 200}, {"GET", "/openapi.json", "", 200}, {"POST", "/in/acct_dev/alpha", "{}", 200},
	} {
		w := d.call(c.method, c.path, c.body)
		id := w.Header().Get("Request-Id")
		if w.Code != c.status || !strings.HasPrefix(id, "req_") || seen[id] {
			t.Errorf("%s %s: %d, Request-Id %q", c.method, c.path, w.Code, id)
		}
		if got := w.Header().Get("Cache-Control"); got != "no-store" && got != "no-cache" {
			t.Errorf("%s %s: Cache-Control %q", c.method, c.path, got)
		}
		seen[id] = true
	}
}

func TestTheTimeoutsLeaveTimeForTheAnswer(t *testing.T) {
	s := Server(http.NotFoundHandler())
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= s.ReadHeaderTimeout || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("a bound is missing: %+v", s)
	}
	if longest := max(admitTimeout+bodyTimeout, readTimeout) + workTimeout; longest >= s.WriteTimeout {
		t.Errorf("a request may take %v, its answer must be out after %v", longest, s.WriteTimeout)
	}
	if DefaultKeyLease <= workTimeout {
		t.Errorf("a key is given up after %v, its request may work for %v", DefaultKeyLease, workTimeout)
	}
}

func TestAProvidersWebhookIsHandedOnAsItCame(t *testing.T) {
	const body = "{\"a\": 1}\n\x00\xff"
	for name, c := range map[string]struct {
		err    error
		status int
	}{
		"taken": {nil, 200}, "unsigned": {fault.New(fault.Unauthorized, "signature_invalid", "the signature does not fit"), 401},
		"of nobody": {fault.Missing("provider account"), 404}, "not now": {fault.New(fault.Unavailable, fault.CodeOverloaded, "full"), 503}, "broken": {errors.New(inner), 500},
	} {
		t.Run(name, func(t *testing.T) {
			heard := ""
			d := newDoor(t, func(o *Options) {
				o.Receiver = fakeReceiver{heard: func(account, provider string, got []byte) error {
					heard = account + " " + provider + " " + string(got)
					return c.err
				}}
			})
			w := d.call("POST", "/in/acct_dev/alpha", body, "Authorization", "", "Content-Type", "text/plain")
			if w.Code != c.status || heard != "acct_dev alpha "+body {
				t.Errorf("answered %d %s, heard %q", w.Code, w.Body, heard)
			}
			if c.status == 200 && w.Body.String() != "{\"received\":true}\n" || strings.Contains(w.Body.String(), "10.1.2.3") {
				t.Errorf("answered %s", w.Body)
			}
		})
	}
}

func TestWhoLostEveryRoundIsToldToTryAgainAndWhatTheStateForbidsIsNot(t *testing.T) {
	d := newDoor(t)
	d.payments.put(tenant, full())
	capture := func() *httptest.ResponseRecorder {
		return d.call("POST", "/v1/payments/pay_"+someID+"/capture", "{}", "Idempotency-Key", "capture-1")
	}
	d.payments.refuse = fmt.Errorf("commit intent: %w", &db.Conflict{Table: "payment", Kind: fault.Stale})
	w := capture()
	if p := refused(t, w, 503, fault.CodeOverloaded); !p.Retryable || w.Header().Get("Retry-After") != "1" {
		t.Errorf("told %s, Retry-After %q", w.Body, w.Header().Get("Retry-After"))
	}
	d.payments.refuse = fault.State("the payment is canceled")
	w = capture()
	if p := refused(t, w, 409, fault.CodeStateConflict); p.Retryable || w.Header().Get("Retry-After") != "" {
		t.Errorf("told %s, Retry-After %q", w.Body, w.Header().Get("Retry-After"))
	}
}
