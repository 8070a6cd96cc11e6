package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/payout"
)

// fakeManual is a queue of a payout and an attempt.
type fakeManual struct {
	said   payment.Resolution
	change *db.Change
}

func (*fakeManual) ManualQueue(_ context.Context, merchant, _ string, _ int) ([]payment.ManualItem, bool, error) {
	if merchant != tenant {
		return nil, false, nil
	}
	return []payment.ManualItem{{
		ID: "po_" + someID, Object: "manual_item", Payout: "po_" + someID, Operation: "payout", Amount: 1, Currency: "EUR", Provider: "payouts", Reference: "po_" + someID,
		Reason: payment.ManualNoAnswer, Inquiries: 9, Since: start, CreatedAt: start,
	}, {
		ID: "att_" + someID, Object: "manual_item", Payment: "pay_" + someID, Operation: "authorize", Amount: 9232, Currency: "EUR", Provider: "alpha", Reference: "pay_" + someID + "-1",
		ProviderReference: "p", Reason: payment.ManualNoAnswer, Detail: "d", Inquiries: 9, Since: start, NextInquiryAt: &start, CreatedAt: start,
	}}, false, nil
}

func (f *fakeManual) ResolveManual(_ context.Context, merchant, item string, r payment.Resolution, with payment.Companion) (payment.Object, error) {
	if merchant != tenant || item != "att_"+someID {
		return payment.Object{}, fault.Missing("item in the manual queue")
	}
	f.said, f.change = r, db.NewChange(merchant)
	o := payment.Object{ID: "pay_" + someID, Object: "payment", Status: payment.Captured, Amount: 9232, Currency: "EUR", Metadata: map[string]string{}, CreatedAt: start}
	return o, with.Result(f.change, o, nil)
}

func TestAPersonsWordIsTakenOnceAndRecorded(t *testing.T) {
	f := &fakeManual{}
	d := newDoor(t, func(o *Options) { o.Manual, o.ManualQueue = f, f })
	path := "/v1/manual_queue/att_" + someID + "/resolve"
	for name, c := range map[string]struct {
		path, body string
		status     int
	}{
		"what is so":        {path, `{"outcome":"charged","reference":"tx_1","reason":"seen in the portal"}`, http.StatusOK},
		"no reason":         {path, `{"outcome":"charged","reference":"tx_1"}`, http.StatusBadRequest},
		"an empty reason":   {path, `{"outcome":"charged","reason":""}`, http.StatusBadRequest},
		"no such outcome":   {path, `{"outcome":"maybe","reason":"r"}`, http.StatusBadRequest},
		"nothing of ours":   {"/v1/manual_queue/pay_" + someID + "/resolve", `{"outcome":"charged","reason":"r"}`, http.StatusNotFound},
		"a payout":          {"/v1/manual_queue/po_" + someID + "/resolve", `{"outcome":"charged","reason":"r"}`, http.StatusBadRequest},
		"not in the queue":  {"/v1/manual_queue/ref_" + someID + "/resolve", `{"outcome":"failed","reason":"r"}`, http.StatusNotFound},
		"an unknown member": {path, `{"outcome":"charged","reason":"r","amount":1}`, http.StatusBadRequest},
	} {
		if got := d.call("POST", c.path, c.body); got.Code != c.status {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	if f.said.Outcome != payment.Charged || f.said.Reference != "tx_1" || f.said.Reason != "seen in the portal" || f.change.Len() != 1 {
		t.Errorf("said %+v, %d rows", f.said, f.change.Len())
	}
	if got := written(f.change); got != `key_dev manual_item.resolved att_`+someID+` {"outcome":"charged","reason":"seen in the portal","reference":"tx_1"}` {
		t.Errorf("recorded %s", got)
	}
	if got := d.call("GET", "/v1/manual_queue", ""); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"id":"att_`+someID) {
		t.Errorf("the queue: %d %s", got.Code, got.Body)
	}
}

// heardOf remembers what a person said of a payout.
type heardOf struct {
	fakePayouts
	said *payout.Resolution
	rows *int
	told *string
}

func (h heardOf) Resolve(_ context.Context, merchant, _ string, r payout.Resolution, with payout.Result) (payout.Object, error) {
	*h.said = r
	c := db.NewChange(merchant)
	err := with(c, somePayout())
	*h.rows, *h.told = c.Len(), written(c)
	return somePayout(), err
}

func TestAPersonsWordForAPayoutIsTakenAndRecorded(t *testing.T) {
	var said payout.Resolution
	rows, told := 0, ""
	d := newDoor(t, func(o *Options) { o.Payouts = heardOf{said: &said, rows: &rows, told: &told} })
	path := "/v1/payouts/po_" + someID + "/resolve"
	for body, status := range map[string]int{
		`{"outcome":"not_paid","reference":"tx_1","reason":"seen in the portal"}`: http.StatusOK,
		`{"outcome":"paid"}`:                    http.StatusBadRequest,
		`{"outcome":"charged","reason":"r"}`:    http.StatusBadRequest,
		`{"outcome":"paid","reason":""}`:        http.StatusBadRequest,
		`{"outcome":"paid","reason":"r","x":1}`: http.StatusBadRequest,
	} {
		if got := d.call("POST", path, body); got.Code != status {
			t.Errorf("%s: %d %s", body, got.Code, got.Body)
		}
	}
	if got := d.call("POST", "/v1/payouts/att_"+someID+"/resolve", `{"outcome":"paid","reason":"r"}`); got.Code != http.StatusNotFound {
		t.Errorf("of an attempt: %d %s", got.Code, got.Body)
	}
	if said != (payout.Resolution{Outcome: payout.NotPaid, Reference: "tx_1", Reason: "seen in the portal"}) || rows != 1 {
		t.Errorf("said %+v, %d rows", said, rows)
	}
	if told != `key_dev manual_item.resolved po_`+someID+` {"outcome":"not_paid","reason":"seen in the portal","reference":"tx_1"}` {
		t.Errorf("recorded %s", told)
	}
}
