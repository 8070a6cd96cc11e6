package api

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// busy is a door at which so many of so many payments are at the provider, until done lets them be answered.
func busy(t *testing.T, under, most int, change ...func(*Options)) (d door, done func()) {
	d = newDoor(t, append(change, func(o *Options) { o.MaxRequests = most })...)
	d.payments.atProvider, d.payments.answers = make(chan string, most), make(chan struct{})
	for range under {
		go d.call("POST", "/v1/payments", `{"amount":100,"currency":"EUR","payment_method_token":"`+someToken+`"}`)
	}
	synctest.Wait()
	return d, func() {
		close(d.payments.answers)
		synctest.Wait()
	}
}

func TestUnderOverloadRefundsGetThroughAndReadsDoNot(t *testing.T) {
	const create = `{"amount":100,"currency":"EUR","payment_method_token":"` + someToken + `"}`
	calls := []struct{ priority, method, path, body string }{
		{"read", "GET", "/v1/payments", ""},
		{"write", "POST", "/v1/customers", `{"name":"Ada"}`},
		{"payment", "POST", "/v1/payments", create},
		{"refund", "POST", "/v1/payments/pay_" + someID + "/refund", `{}`},
		{"refund", "POST", "/v1/payouts/po_" + someID + "/cancel", ""},
		{"ops", "GET", "/v1/kill_switches", ""},
		{"ops", "GET", "/v1/provider_accounts/alpha/health", ""},
		{"ops", "DELETE", "/v1/provider_accounts/alpha/maintenance", ""},
		{"ops", "POST", aPolicy + "/rollback", ""},
	}
	for under, shed := range map[int][]string{
		9: nil, 10: {"read"}, 14: {"read", "write"}, 17: {"read", "write", "payment"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, done := busy(t, under, 20)
			defer done()
			for _, c := range calls {
				if c.priority == "payment" && !slices.Contains(shed, c.priority) {
					continue // it would stay under way
				}
				w := d.call(c.method, c.path, c.body)
				if !slices.Contains(shed, c.priority) {
					if w.Code == 503 {
						t.Errorf("with %d of 20 under way a %s is refused: %s", under, c.priority, w.Body)
					}
					continue
				}
				p := refused(t, w, 503, "overloaded")
				if w.Header().Get("Retry-After") != "1" || !p.Retryable {
					t.Errorf("a %s is refused with Retry-After %q, retryable: %v", c.priority, w.Header().Get("Retry-After"), p.Retryable)
				}
			}
		})
	}
}

func TestAFullProcessRefusesEverythingUntilThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		d, done := busy(t, 17, 20, func(o *Options) { o.Metrics = registry })
		for range 5 {
			refused(t, d.call("GET", "/v1/payments", ""), 503, "overloaded")
		}
		if d.log.Len() > 0 {
			t.Errorf("what a metric counts is logged one by one: %s", d.log)
		}
		want := `# HELP florin_api_shed_total Requests that were refused because there was too much to do.
# TYPE florin_api_shed_total counter
florin_api_shed_total{priority="ops"} 0
florin_api_shed_total{priority="payment"} 0
florin_api_shed_total{priority="read"} 5
florin_api_shed_total{priority="refund"} 0
florin_api_shed_total{priority="write"} 0
`
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "florin_api_shed_total"); err != nil {
			t.Error(err)
		}
		done()
		if w := d.call("GET", "/v1/payments", ""); w.Code != 200 {
			t.Errorf("once there is room a read is answered %d: %s", w.Code, w.Body)
		}
		if under := d.valve.under.Load(); under != 0 {
			t.Errorf("%d requests are said to be under way", under)
		}
	})
}

// However many refunds hang at a provider, whoever wants to switch it off is let in.
func TestRefundsLeaveRoomForKillSwitches(t *testing.T) {
	v := newValve(20, nil)
	for range 19 {
		if _, err := v.enter(prioRefund); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.enter(prioRefund); err == nil {
		t.Error("refunds take all the room")
	}
	if _, err := v.enter(prioOps); err != nil {
		t.Errorf("there is no room for people: %v", err)
	}
}

func TestWhoIsRefusedIsNotAskedWhoTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, done := busy(t, 17, 20)
		defer done()
		if w := d.call("GET", "/v1/payments", "", "Authorization", "Bearer nobody"); w.Code != 503 {
			t.Errorf("answered %d", w.Code)
		}
	})
}

func TestRankedOperationsExist(t *testing.T) {
	d := newDoor(t)
	for id, want := range ranked {
		if !slices.ContainsFunc(d.operations, func(o *operation) bool { return o.id == id && o.priority == want }) {
			t.Errorf("there is no operation %s of priority %s", id, priorityNames[want])
		}
	}
}
