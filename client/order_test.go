package client

import (
	"encoding/json"
	"testing"
)

func TestAPaymentsOrderIsAnIdOrAllOfIt(t *testing.T) {
	for text, want := range map[string]struct {
		id    string
		whole bool
	}{
		`{"order":"ord_1"}`: {"ord_1", false}, `{"order":{"id":"ord_2","status":"paid"}}`: {"ord_2", true}, `{"order": {"id":"ord_3"}}`: {"ord_3", true},
	} {
		var p Payment
		if err := json.Unmarshal([]byte(text), &p); err != nil || p.Order == nil || p.Order.ID != want.id || (p.Order.Order != nil) != want.whole {
			t.Errorf("%s became %+v, %v", text, p.Order, err)
		}
		again, err := json.Marshal(p)
		var back Payment
		if err != nil || json.Unmarshal(again, &back) != nil || back.Order.ID != want.id || (back.Order.Order != nil) != want.whole {
			t.Errorf("%s was written as %s, %v", text, again, err)
		}
	}
	var none Payment
	if err := json.Unmarshal([]byte(`{"order":null}`), &none); err != nil || none.Order != nil {
		t.Errorf("null became %+v, %v", none.Order, err)
	}
	if err := json.Unmarshal([]byte(`{"order":7}`), &none); err == nil {
		t.Error("a number was taken for an order")
	}
}
