package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
)

func TestAWrongQueryIsRefusedByName(t *testing.T) {
	d := untouched(t)
	for query, want := range map[string]wrong{
		"/v1/payments?limit=0":                                   {"limit": invalid},
		"/v1/payments?limit=101":                                 {"limit": invalid},
		"/v1/payments?limit=-1":                                  {"limit": invalid},
		"/v1/payments?limit=abc":                                 {"limit": invalid},
		"/v1/payments?limit=1.0":                                 {"limit": invalid},
		"/v1/payments?limit=1e1":                                 {"limit": invalid},
		"/v1/payments?limit=99999999999999999999":                {"limit": invalid},
		"/v1/payments?limit=1&limit=2":                           {"limit": duplicate},
		"/v1/payments?page=2":                                    {"page": unknown},
		"/v1/payments?Limit=2":                                   {"Limit": unknown},
		"/v1/payments?created_at=2026-01-01":                     {"created_at": unknown},
		"/v1/payments?starting_after=x":                          {"starting_after": invalid},
		"/v1/payments?starting_after=ref_" + someID:              {"starting_after": invalid},
		"/v1/payments?ending_before=" + strings.Repeat("p", 100): {"ending_before": invalid},
		"/v1/payments?starting_after=pay_" + someID + "&ending_before=pay_" + someID:                   {"ending_before": invalid},
		"/v1/banks?method=card&currency=EUX":                                                           {"method": invalid, "currency": fault.CodeCurrency},
		"/v1/payments?order=pay_" + someID:                                                             {"order": invalid},
		"/v1/payments?customer=pay_" + someID:                                                          {"customer": invalid},
		"/v1/payments?status=paid":                                                                     {"status": invalid},
		"/v1/payments?created_at[gte]=yesterday":                                                       {"created_at[gte]": invalid},
		"/v1/payments?created_at[gte]=2026-11-22":                                                      {"created_at[gte]": invalid},
		"/v1/payments?created_at[gte]=2026-11-22T12:00:00Z&created_at[gt]=2026-11-22T12:00:00Z":        {"created_at[gt]": invalid},
		"/v1/payments?created_at[lte]=2026-11-22T12:00:00Z&created_at[lt]=2026-11-22T12:00:00Z":        {"created_at[lt]": invalid},
		"/v1/payments?created_at[eq]=2026-11-22T12:00:00Z":                                             {"created_at[eq]": unknown},
		"/v1/payments/pay_" + someID + "?expand=customer":                                              {"expand[0]": invalid},
		"/v1/payments/pay_" + someID + "?expand=attempts,x":                                            {"expand[1]": invalid},
		"/v1/refunds?payment=ref_" + someID:                                                            {"payment": invalid},
		"/v1/refunds?limit=x&payment=x&starting_after=x&y=1&y=2":                                       {"limit": invalid, "payment": invalid, "starting_after": invalid, "y": unknown},
		"/v1/events?type=payment.exploded&subject=cus_1&limit=0":                                       {"type": invalid, "subject": invalid, "limit": invalid},
		"/v1/webhook_deliveries?endpoint=evt_" + someID + "&event=we_" + someID + "&ending_before=x":   {"endpoint": invalid, "event": invalid, "ending_before": invalid},
		"/v1/webhook_deliveries?status=lost":                                                           {"status": invalid},
		"/v1/webhook_recoveries?endpoint=wd_" + someID + "&starting_after=x&status=done":               {"endpoint": invalid, "starting_after": invalid, "status": unknown},
		"/v1/inbound_webhooks?provider_account=a%00b&verdict=lost&starting_after=evt_" + someID:        {"provider_account": invalid, "verdict": invalid, "starting_after": invalid},
		"/v1/ledger/transactions?subject=x&starting_after=x&z=":                                        {"subject": invalid, "starting_after": invalid, "z": unknown},
		"/v1/api_keys?starting_after=x&limit=1000":                                                     {"starting_after": invalid, "limit": invalid},
		"/v1/webhook_endpoints?starting_after=x&limit=1000&status=enabled":                             {"starting_after": invalid, "limit": invalid, "status": unknown},
		"/v1/customers?email=ada&starting_after=pay_" + someID + "&name=ada":                           {"email": invalid, "starting_after": invalid, "name": unknown},
		"/v1/customers?email=Ada%20%3Cada@shop.example%3E&limit=0":                                     {"email": invalid, "limit": invalid},
		"/v1/orders?status=late&customer=Ada&starting_after=pay_" + someID + "&number=1":               {"status": invalid, "customer": invalid, "starting_after": invalid, "number": unknown},
		"/v1/orders/ord_" + someID + "?expand=refunds":                                                 {"expand[0]": invalid},
		"/v1/customers?reference=" + strings.Repeat("r", 201):                                          {"reference": invalid},
		"/v1/customers/cus_" + someID + "/payment_methods?starting_after=" + someToken + "&customer=x": {"starting_after": invalid, "customer": unknown},
		"/v1/balance?currency=EUR":                                                                     {"currency": unknown},
	} {
		t.Run(query, func(t *testing.T) {
			w := d.call("GET", query, "")
			faulty(t, w, want)
			if text := w.Body.String(); strings.Contains(text, "expected") || strings.Contains(text, "2006") {
				t.Errorf("in the words of a library: %s", text)
			}
		})
	}
	refused(t, d.call("GET", "/v1/payments?limit=%zz", ""), 400, problem.CodeMalformed)
	refused(t, d.call("GET", "/v1/payments?limit=1;status=failed", ""), 400, problem.CodeMalformed)
	faulty(t, d.call("DELETE", "/v1/webhook_endpoints/we_"+someID+"?force=true", ""), wrong{"force": unknown})
	faulty(t, d.call("DELETE", "/v1/api_keys/key_"+someID+"?force=true", ""), wrong{"force": unknown})
}

// onObjects are the operations on one object, with the prefix of its id.
var onObjects = []struct{ method, path, body, prefix string }{
	{"GET", "/v1/payments/{id}", "", "pay"}, {"POST", "/v1/payments/{id}/confirm", "{}", "pay"}, {"POST", "/v1/payments/{id}/capture", "", "pay"},
	{"POST", "/v1/payments/{id}/cancel", "", "pay"}, {"POST", "/v1/payments/{id}/refund", "{}", "pay"}, {"GET", "/v1/refunds/{id}", "", "ref"}, {"POST", "/v1/refunds/{id}/approve", "", "ref"}, {"POST", "/v1/refunds/{id}/cancel", "", "ref"},
	{"GET", "/v1/events/{id}", "", "evt"}, {"GET", "/v1/webhook_deliveries/{id}", "", "wd"}, {"GET", "/v1/webhook_endpoints/{id}", "", "we"},
	{"PATCH", "/v1/webhook_endpoints/{id}", "{}", "we"}, {"DELETE", "/v1/webhook_endpoints/{id}", "", "we"},
	{"GET", "/v1/inbound_webhooks/{id}", "", "iw"}, {"POST", "/v1/inbound_webhooks/{id}/replay", "", "iw"},
	{"POST", "/v1/webhook_endpoints/{id}/rotate_secret", "", "we"}, {"POST", "/v1/webhook_endpoints/{id}/enable", "", "we"}, {"POST", "/v1/webhook_endpoints/{id}/disable", "", "we"},
	{"POST", "/v1/webhook_endpoints/{id}/test", "", "we"}, {"POST", "/v1/webhook_endpoints/{id}/recover", `{"since":"2026-11-22T00:00:00Z"}`, "we"},
	{"POST", "/v1/webhook_deliveries/{id}/retry", "", "wd"}, {"GET", "/v1/webhook_recoveries/{id}", "", "wr"},
	{"GET", "/v1/orders/{id}", "", "ord"}, {"POST", "/v1/orders/{id}/cancel", "", "ord"},
	{"GET", "/v1/customers/{id}", "", "cus"}, {"GET", "/v1/customers/{id}/payment_methods", "", "cus"}, {"GET", "/v1/payment_methods/{id}", "", "pm"},
	{"PATCH", "/v1/payment_methods/{id}", "{}", "pm"}, {"DELETE", "/v1/payment_methods/{id}", "", "pm"}, {"POST", "/v1/payment_methods/{id}/withdraw_consent", "", "pm"},
	{"PATCH", "/v1/customers/{id}", "{}", "cus"}, {"DELETE", "/v1/customers/{id}", "", "cus"}, {"POST", "/v1/customers/{id}/erase", "", "cus"},
	{"GET", "/v1/disputes/{id}", "", "dp"}, {"GET", "/v1/disputes/{id}/evidence", "", "dp"}, {"POST", "/v1/disputes/{id}/evidence", "{}", "dp"},
	{"POST", "/v1/disputes/{id}/submit", "", "dp"}, {"POST", "/v1/disputes/{id}/accept", "", "dp"}, {"DELETE", "/v1/disputes/{id}/evidence/a.txt", "", "dp"},
	{"GET", "/v1/api_keys/{id}", "", "key"}, {"DELETE", "/v1/api_keys/{id}", "", "key"},
}

func TestAnIdThatIsNoneIsNotFound(t *testing.T) {
	d := untouched(t)
	for _, o := range onObjects {
		for _, id := range []string{"x", o.prefix, o.prefix + "_", "req_" + someID, o.prefix + "_" + someID + "0", o.prefix + "_" + someID[1:], o.prefix + "_%00", strings.Repeat("a", 3000), "%2e%2e", "*"} {
			refused(t, d.call(o.method, strings.Replace(o.path, "{id}", id, 1), o.body), 404, fault.CodeNotFound)
		}
	}
}

func TestAnotherMerchantsObjectsAreNotFoundRatherThanForbidden(t *testing.T) {
	d := newDoor(t)
	pay := accepted(t, d.call("POST", "/v1/payments", order), 201)["id"].(string)
	refund := accepted(t, d.call("POST", "/v1/payments/"+pay+"/refund", `{"amount":1}`), 201)["id"].(string)
	ids := map[string]string{"pay": pay, "ref": refund, "evt": "evt_" + someID, "wd": "wd_" + someID, "we": "we_" + someID, "key": "key_" + someID, "iw": "iw_" + someID, "wr": "wr_" + someID, "cus": "cus_" + someID, "ord": "ord_" + someID, "pm": "pm_" + someID, "dp": "dp_" + someID}
	for _, o := range onObjects {
		path := strings.Replace(o.path, "{id}", ids[o.prefix], 1)
		for _, key := range []string{"sk_test_other", "sk_live_dev"} {
			refused(t, d.call(o.method, path, o.body, "Authorization", "Bearer "+key), 404, fault.CodeNotFound)
		}
		if w := d.call(o.method, path, o.body); w.Code > 299 {
			t.Errorf("%s %s is refused to its own merchant: %d %s", o.method, path, w.Code, w.Body)
		}
	}
}

func TestWhoMayNotIsTurnedAwayBeforeAnythingIsRead(t *testing.T) {
	d := untouched(t)
	const nonsense = `{"amount":"x"`
	for _, c := range []struct {
		header string
		status int
		code   string
	}{
		{"", 401, access.CodeKeyInvalid}, {"Bearer ", 401, access.CodeKeyInvalid}, {"Bearer sk_test_wrong", 401, access.CodeKeyInvalid}, {"sk_test_dev", 401, access.CodeKeyInvalid},
		{"Bearer rk_test_read", 403, access.CodeScope}, {"Bearer pk_test_dev", 403, access.CodeKeyKind},
	} {
		for _, path := range []string{"/v1/payments", "/v1/payments/x/capture?y=1", "/v1/webhook_endpoints"} {
			w := d.call("POST", path, nonsense, "Authorization", c.header, "Content-Type", "text/plain")
			p := refused(t, w, c.status, c.code)
			if got := w.Header().Get("WWW-Authenticate"); (c.status == 401) != strings.HasPrefix(got, "Bearer ") {
				t.Errorf("%d with WWW-Authenticate %q", c.status, got)
			}
			if len(p.Errors) > 0 || p.Retryable {
				t.Errorf("told %+v", p)
			}
		}
	}
	p := refused(t, newDoor(t).call("POST", "/v1/payments", order, "Authorization", "Bearer rk_test_read"), 403, access.CodeScope)
	if !strings.Contains(p.Detail, "payments:write") {
		t.Errorf("the scope is not named: %q", p.Detail)
	}
	accepted(t, newDoor(t).call("GET", "/v1/payments", "", "Authorization", "Bearer rk_test_read"), 200)
}

// Each operation asks for a scope of its own kind: reading never asks for one that writes, and a publishable key opens none.
func TestEveryOperationIsClosedWithoutItsScope(t *testing.T) {
	d := newDoor(t, func(o *Options) {
		o.Authenticate = func(context.Context, *http.Request) (access.Principal, error) {
			return access.Principal{Tenant: tenant, KeyID: "key_none", Kind: access.Restricted}, nil
		}
	})
	open := newDoor(t)
	for _, o := range d.operations {
		path := strings.Replace(o.path, "{id}", "x", 1)
		p := refused(t, d.call(o.method, path, ""), 403, access.CodeScope)
		if !strings.HasSuffix(p.Detail, string(o.scope)) {
			t.Errorf("%s tells of %q, needs %s", o.id, p.Detail, o.scope)
		}
		if reads := strings.HasSuffix(string(o.scope), ":read"); reads == (o.writes() && !o.looks) {
			t.Errorf("%s %s needs %s", o.method, o.path, o.scope)
		}
		refused(t, open.call(o.method, path, "", "Authorization", "Bearer pk_test_dev"), 403, access.CodeKeyKind)
		refused(t, open.call(o.method, path, "", "Authorization", ""), 401, access.CodeKeyInvalid)
	}
}

func TestAMethodThatAPathDoesNotTakeIsRefusedWithThoseItTakes(t *testing.T) {
	d := untouched(t)
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/v1/payments", "GET, HEAD, POST"}, {"DELETE", "/v1/payments", "GET, HEAD, POST"}, {"PATCH", "/v1/payments", "GET, HEAD, POST"},
		{"OPTIONS", "/v1/payments", "GET, HEAD, POST"}, {"TRACE", "/v1/payments", "GET, HEAD, POST"}, {"BREW", "/v1/payments", "GET, HEAD, POST"},
		{"get", "/v1/payments", "GET, HEAD, POST"},
		{"POST", "/v1/payments/pay_" + someID, "GET, HEAD"}, {"GET", "/v1/payments/pay_" + someID + "/capture", "POST"},
		{"PUT", "/v1/webhook_endpoints/we_" + someID, "GET, HEAD, PATCH, DELETE"}, {"POST", "/v1/balance", "GET, HEAD"},
		{"GET", "/in/acct_dev/alpha", "POST"}, {"POST", "/docs", "GET, HEAD"}, {"POST", "/", "GET, HEAD"}, {"DELETE", "/openapi.yaml", "GET, HEAD"},
	} {
		w := d.call(c.method, c.path, "")
		refused(t, w, 405, problem.CodeMethod)
		if got := w.Header().Get("Allow"); got != c.allow {
			t.Errorf("%s %s: Allow %q, want %q", c.method, c.path, got, c.allow)
		}
	}
}

func TestAPathThatIsNoneIsNotFound(t *testing.T) {
	d := untouched(t)
	for _, path := range []string{"/v1", "/v1/", "/v2/payments", "/v1/payment", "/v1/payments/", "/v1/payments/x/y", "/v1/Payments", "/v1/shops", "/in", "/in/acct_dev", "/in/a/b/c", "/docs/", "/favicon.ico", "/metrics", "/v1/tokens"} {
		for _, method := range []string{"GET", "POST", "DELETE", "OPTIONS"} {
			w := d.call(method, path, "", "Authorization", "")
			if p := refused(t, w, 404, fault.CodeNotFound); p.Detail != "no such path" {
				t.Errorf("%s %s: %q", method, path, p.Detail)
			}
		}
	}
}

func TestOnlyAKnownVersionIsSpoken(t *testing.T) {
	d := newDoor(t)
	accepted(t, d.call("GET", "/v1/payments", "", "Florin-Version", Version), 200)
	for _, v := range []string{"2020-01-01", "latest", " ", "2026-11-22 "} {
		p := refused(t, d.call("GET", "/v1/payments", "", "Florin-Version", v), 400, problem.CodeVersion)
		if len(p.Errors) != 1 || p.Errors[0].Param != "Florin-Version" || !strings.Contains(p.Detail, Version) {
			t.Errorf("told %+v", p)
		}
	}
	r := httptest.NewRequest("POST", "/v1/payments", strings.NewReader(order))
	r.Header = http.Header{"Content-Type": {jsonType}, "Authorization": {"Bearer sk_test_dev"}, "Florin-Version": {Version, Version}}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	refused(t, w, 400, problem.CodeVersion)
	if d.payments.asked > 0 {
		t.Error("a payment was asked for")
	}
}

func TestAWrongFilterOfEventsIsToldWhatThereIs(t *testing.T) {
	w := untouched(t).call("GET", "/v1/events?subject=foo&types=refund.lost", "")
	for _, want := range []string{"begins with pay_ or ref_ or ", " or we_", "refund.pending, refund.succeeded, refund.failed"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is not in %s", want, w.Body)
		}
	}
}
