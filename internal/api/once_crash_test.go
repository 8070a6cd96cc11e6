package api

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// began leaves what a request leaves whose process died between its two commits: the key, and the subject as it is given.
func (d onceDoor) began(t *testing.T, key, path, body, subject string) {
	t.Helper()
	k := idempotency.Key{Merchant: tenant, Method: "POST", Path: path, Key: key, Body: []byte(body)}
	if err := d.db.Commit(t.Context(), db.NewChange(tenant, k.Started(d.clock.Now(), subject))); err != nil {
		t.Fatal(err)
	}
}

// crashes are requests that died, with their object while nobody knows how they end, and with the ends they can have.
var crashes = map[string]struct {
	path, body string
	during     payment.Object
	after      payment.Object
	status     int    // of the answer to a repeat after it
	says       string // in that answer
	unresolved int    // the answer when the lease is over and still nobody knows
}{
	"create": {
		"/v1/payments", order, payment.Object{Status: payment.Processing}, payment.Object{Status: payment.Captured}, 201, `"status":"captured"`, 201,
	},
	"create that is declined": {
		"/v1/payments", order, payment.Object{Status: payment.Processing}, payment.Object{Status: payment.Failed, Failure: &payment.FailureObject{
			Code: fault.CodeCardDeclined, DeclineCode: provider.InsufficientFunds, NetworkDeclineCode: "51",
		}}, 402, `"decline_code":"insufficient_funds"`, 201,
	},
	"create that reached nobody": {
		"/v1/payments", order, payment.Object{Status: payment.Processing}, payment.Object{Status: payment.Failed, Failure: &payment.FailureObject{
			Code: fault.CodeProviderUnavailable, Message: "The provider did not answer in time. Nothing was charged.",
		}}, 402, `"detail":"The provider did not answer in time. Nothing was charged."`, 201,
	},
	"confirm": {
		"/v1/payments/" + crashedPayment + "/confirm", "{}", payment.Object{Status: payment.Processing}, payment.Object{Status: payment.Authorized}, 200, `"status":"authorized"`, 200,
	},
	"confirm that is declined": {
		"/v1/payments/" + crashedPayment + "/confirm", "{}", payment.Object{Status: payment.Processing},
		payment.Object{Status: payment.RequiresPaymentMethod, Failure: &payment.FailureObject{Code: fault.CodeCardDeclined, DeclineCode: provider.DoNotHonor}},
		402, `"payment":"` + crashedPayment, 200,
	},
	"capture": {
		"/v1/payments/" + crashedPayment + "/capture", "", payment.Object{Status: payment.Authorized, AmountCapturing: 5000},
		payment.Object{Status: payment.Authorized, AmountCaptured: 5000}, 200, `"amount_captured":5000`, 200,
	},
	"cancel": {
		"/v1/payments/" + crashedPayment + "/cancel", "", payment.Object{Status: payment.Authorized, AmountCanceling: 9232},
		payment.Object{Status: payment.Canceled}, 200, `"status":"canceled"`, 200,
	},
	"cancel that comes to nothing": {
		"/v1/payments/" + crashedPayment + "/cancel", "", payment.Object{Status: payment.Authorized, AmountCanceling: 9232},
		payment.Object{Status: payment.Authorized}, 200, `"amount_canceling":0`, 200,
	},
}

func TestARepeatAfterACrashIsAnsweredAsSoonAsTheEndIsKnown(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		for name, c := range crashes {
			t.Run(name, func(t *testing.T) {
				during, after := c.during, c.after
				during.ID, after.ID = crashedPayment, crashedPayment
				d.payments.put(tenant, during)
				d.began(t, name, c.path, c.body, crashedPayment)
				d.payments.refuseAgain()
				repeat := func() *httptest.ResponseRecorder { return d.call("POST", c.path, c.body, "Idempotency-Key", name) }

				d.clock.Advance(time.Second)
				p := refused(t, repeat(), 409, idempotency.CodeKeyInUse)
				if !p.Retryable || p.RetryAfter != 1 || p.Param != "Idempotency-Key" {
					t.Errorf("told %+v", p)
				}
				d.payments.put(tenant, after)
				answered := repeat()
				if answered.Code != c.status || !strings.Contains(answered.Body.String(), c.says) {
					t.Errorf("answered %d %s, want %d with %s", answered.Code, answered.Body, c.status, c.says)
				}
				d.payments.put(tenant, during) // what happens to it later does not change the answer
				same(t, answered, repeat())
				if d.payments.charged != 0 {
					t.Error("a provider was called")
				}
			})
		}
	})
}

func TestARepeatAfterACrashWaitsNoLongerThanTheLease(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		for name, c := range crashes {
			t.Run(name, func(t *testing.T) {
				during := c.during
				during.ID = crashedPayment
				d.payments.put(tenant, during)
				d.began(t, name, c.path, c.body, crashedPayment)
				d.payments.refuseAgain()
				repeat := func() *httptest.ResponseRecorder { return d.call("POST", c.path, c.body, "Idempotency-Key", name) }
				d.clock.Advance(DefaultKeyLease - time.Microsecond)
				refused(t, repeat(), 409, idempotency.CodeKeyInUse)
				d.clock.Advance(time.Microsecond)
				answered := repeat()
				if o := accepted(t, answered, c.unresolved); o["id"] != crashedPayment || o["status"] != string(during.Status) {
					t.Errorf("answered %v", o)
				}
				same(t, answered, repeat())
			})
		}
	})
}

// refuseAgain makes the fake lose the key as the real one does: it belongs to another request's intent.
func (f *fakePayments) refuseAgain() {
	f.refuse = &db.Conflict{Kind: fault.Exists, Table: idempotency.Table.Name}
}

func TestARefundAfterACrashIsAnsweredWhenItEnds(t *testing.T) {
	path := "/v1/payments/" + crashedPayment + "/refund"
	eachOnce(t, func(t *testing.T, d onceDoor) {
		for _, end := range []string{"succeeded", "failed", "pending"} {
			t.Run(end, func(t *testing.T) {
				d.payments.putRefund(tenant, payment.RefundObject{ID: crashedRefund, Status: "pending"})
				d.began(t, end, path, `{"amount":1}`, crashedRefund)
				d.payments.refuseAgain()
				repeat := func() *httptest.ResponseRecorder { return d.call("POST", path, `{"amount":1}`, "Idempotency-Key", end) }
				refused(t, repeat(), 409, idempotency.CodeKeyInUse)
				if d.payments.putRefund(tenant, payment.RefundObject{ID: crashedRefund, Status: end}); end == "pending" {
					d.clock.Advance(DefaultKeyLease)
				}
				answered := repeat()
				if o := accepted(t, answered, 201); o["id"] != crashedRefund || o["status"] != end {
					t.Errorf("answered %v", o)
				}
				same(t, answered, repeat())
			})
		}
	})
}

const (
	crashedPayment = "pay_" + someID
	crashedRefund  = "ref_" + someID
)
