package simulation

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"regexp"
	"testing"

	"github.com/florinpay/florin/internal/payment"
)

var shownSimulation = regexp.MustCompile("(?s)```json simulated\n(.*?)```")

// The simulation that docs/routing.md shows is what comes of such payments.
func TestTheSimulationOfTheDocumentationComesOutAsItSays(t *testing.T) {
	text, err := os.ReadFile("../../docs/routing.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := shownSimulation.FindSubmatch(text)
	if shown == nil {
		t.Fatal("there is none")
	}
	const betaCosts = `{"name": "p", "rules": [], "default": {"then": {"strategy": "least_cost"}},
		"fee_tables": [{"name": "b", "rows": [{"basis_points": "100", "fixed": [{"currency": "EUR", "amount": 5}]}]}], "fees": [{"account": "beta", "home": "DE", "tables": ["b"]}]}`
	h := &past{all: []payment.Past{paid(1, "alpha", true), paid(2, "beta", true), paid(3, "alpha", false), paid(4, "beta", true)}}
	made := simulator(t, h, 0, toBeta, betaCosts).try(t, Ask{Version: 2})
	made.Policy, made.Policies[0].Policy = "rp_01jd9qk3v8m2x4r6t7w9y0a1b2", "rp_01jd9qk3v8m2x4r6t7w9y0a1b2"
	body, err := json.Marshal(made)
	var got, want any
	if err := errors.Join(err, json.Unmarshal(body, &got), json.Unmarshal(shown[1], &want)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("it is %s", body)
	}
}
