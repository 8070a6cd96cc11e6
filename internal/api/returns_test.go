package api

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/payment"
)

func TestWhoAsksForARefundIsTold(t *testing.T) {
	d := newDoor(t)
	pay := accepted(t, d.call("POST", "/v1/payments", order), 201)["id"].(string)
	accepted(t, d.call("POST", "/v1/payments/"+pay+"/refund", `{"amount":1}`), 201)
	if d.payments.refunded.By == "" {
		t.Error("a refund is asked for by nobody: no policy would bind it")
	}
	d.payments.putRefund(tenant, payment.RefundObject{ID: "ref_" + someID, Object: "refund", Status: "held", Currency: "EUR", CreatedAt: start})
	path := "/v1/refunds/ref_" + someID
	if got := accepted(t, d.call("POST", path+"/approve", ""), 200); !reflect.DeepEqual(got["approved_by"], []any{d.payments.refunded.By}) {
		t.Errorf("approved by %v, the caller is %s", got["approved_by"], d.payments.refunded.By)
	}
	for _, action := range []string{"/approve", "/cancel"} {
		faulty(t, d.call("POST", path+action, `{"amount":1}`), wrong{"amount": unknown})
	}
}

func TestEveryApprovalOfARefundIsOnTheRecordOnce(t *testing.T) {
	d := newDoor(t)
	var did []string
	d.payments.persons, d.payments.commit = 2, func(_ context.Context, c *db.Change) error {
		for _, row := range c.Rows(audit.Table) {
			did = append(did, row[3].(string))
		}
		return nil
	}
	d.payments.putRefund(tenant, payment.RefundObject{ID: "ref_" + someID, Object: "refund", Status: "held", Currency: "EUR", CreatedAt: start})
	for i, status := range []string{"held", "succeeded"} {
		if got := accepted(t, d.call("POST", "/v1/refunds/ref_"+someID+"/approve", ""), 200); got["status"] != status {
			t.Errorf("approved by %d: %v", i+1, got["status"])
		}
	}
	if !slices.Equal(did, []string{"refund.approved", "refund.approved"}) {
		t.Errorf("recorded %q", did)
	}
}
