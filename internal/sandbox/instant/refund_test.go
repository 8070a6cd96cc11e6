package instant_test

import (
	"maps"
	"net/http"
	"testing"
)

func TestRefundsOfChargesAndOfTransfers(t *testing.T) {
	s := newSite(t)
	o := started(t, s, "att_1", "pix", "Order")
	ask := func(body object) (int, object) { return s.Post("/instant/v1/refunds", body) }
	if status, _ := ask(object{"reference": "ref_0", "charge": o.Text("id"), "amount": 1}); status != http.StatusConflict {
		t.Errorf("before money came: %d", status)
	}
	press(t, s, o, "pay", object{"amount": 9000})
	first := transfer(t, s, "att_1", 9000).Text("end_to_end_id")
	press(t, s, o, "pay", object{"amount": 1000})
	second := transfer(t, s, "att_1", 1000).Text("end_to_end_id")
	status, made := ask(object{"reference": "ref_1", "charge": o.Text("id"), "transfer": second, "amount": 768})
	if status != http.StatusCreated || made.Text("status") != "succeeded" || made.Text("transfer") != second || made.Text("charge_reference") != "att_1" {
		t.Fatalf("the surplus: %d %v", status, made)
	}
	s.Hook("refund.succeeded")
	if status, _ := ask(object{"reference": "ref_2", "transfer": second, "amount": 233}); status != http.StatusConflict {
		t.Errorf("more than the transfer brought: %d", status)
	}
	if status, again := ask(object{"reference": "ref_1", "charge": o.Text("id"), "transfer": second, "amount": 768}); status != http.StatusCreated || !maps.EqualFunc(made, again, func(a, b any) bool { return a == b }) {
		t.Errorf("again: %d %v", status, again)
	}
	if status, said := ask(object{"reference": "ref_1", "transfer": first, "amount": 768}); status != http.StatusConflict || said.Text("error") != "reference_reused" {
		t.Errorf("another refund under it: %d %v", status, said)
	}
	if status, _ := ask(object{"reference": "ref_3", "charge": o.Text("id"), "amount": 9232}); status != http.StatusCreated {
		t.Errorf("the rest: %d", status)
	}
	s.Hook("refund.succeeded")
	if status, _ := ask(object{"reference": "ref_4", "charge": o.Text("id"), "amount": 1}); status != http.StatusConflict {
		t.Errorf("more than came: %d", status)
	}
	for name, body := range map[string]object{
		"of an unknown charge": {"reference": "ref_5", "charge": "x", "amount": 1}, "of an unknown transfer": {"reference": "ref_5", "transfer": "x", "amount": 1},
		"of another charge's transfer": {"reference": "ref_5", "charge": started(t, s, "att_2", "pix", "Order").Text("id"), "transfer": first, "amount": 1},
	} {
		if status, said := ask(body); status != http.StatusNotFound {
			t.Errorf("%s: %d %v", name, status, said)
		}
	}
	if status, found := s.Get("/instant/v1/refunds?reference=ref_1"); status != http.StatusOK || found.Num("amount") != 768 {
		t.Errorf("found %d %v", status, found)
	}
	if status, _ := s.Get("/instant/v1/refunds?reference=ref_9"); status != http.StatusNotFound {
		t.Errorf("a refund that is none: %d", status)
	}
	press(t, s, o, "fail_refund", nil)
	if h := s.Hook("refund.failed"); h.Data["reference"] != "ref_3" {
		t.Errorf("failed %v", h.Data)
	}
	if now := stands(t, s, o, "paid", 10000); now.Num("amount_refunded") != 768 {
		t.Errorf("refunded %v", now)
	}
}
