package routing

import (
	"reflect"
	"testing"
)

func TestWithoutAPolicyTheMerchantsOrderStands(t *testing.T) {
	excluded := []Excluded{{"gamma", "currency"}}
	d, err := new(Router).Plan(t.Context(), Request{Candidates: []Candidate{{"beta", "simcard"}, {"alpha", "simcard"}}, Excluded: excluded})
	want := Decision{Strategy: Priority, Ranked: []Ranked{{Account: "beta", Reason: "priority"}, {Account: "alpha", Reason: "priority"}}, Excluded: excluded}
	if err != nil || !reflect.DeepEqual(d, want) {
		t.Errorf("decision %+v (%v), want %+v", d, err, want)
	}
}
