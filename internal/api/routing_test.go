package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
	policies "github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/simulation"
)

const aPolicy = "/v1/routing/policies/rp_" + someID

func TestAWrongFieldOfAPolicyIsRefusedByName(t *testing.T) {
	d := untouched(t)
	for _, c := range []struct {
		body string
		want wrong
	}{
		{`{}`, wrong{"name": missing, "rules": missing}},
		{`{"name":"","rules":{}}`, wrong{"name": invalid, "rules": invalid}},
		{`{"name":"p","rules":[1]}`, wrong{"rules[0]": invalid}},
		{`{"name":"p","rules":[{"id":"A b","when":""}]}`, wrong{"rules[0].id": invalid, "rules[0].when": invalid}},
		{`{"name":"p","rules":[{"id":"a","if":"true"}]}`, wrong{"rules[0].when": missing, "rules[0].if": unknown}},
		{`{"name":"p","rules":[{"id":"a","when":"true","then":{"strategy":"cheapest"}}]}`, wrong{"rules[0].then.strategy": invalid}},
		{`{"name":"p","rules":[{"id":"a","when":"bin == '4242424242424242'","then":{"strategy":"priority"}}]}`, wrong{"rules[0].when": problem.CodeCardNumber}},
		{`{"name":"p","rules":[],"actions":[{"name":"x","then":{"strategy":"split","weights":[{"account":"alpha","weight":0.5}]}}]}`, wrong{"actions[0].then.weights[0].weight": invalid}},
		{`{"name":"p","rules":[],"fee_tables":[{"name":"t","rows":[{"basis_points":12.5,"region":"moon"}]}]}`, wrong{"fee_tables[0].rows[0].basis_points": invalid, "fee_tables[0].rows[0].region": invalid}},
		{`{"name":"p","rules":[],"fees":[{"account":"alpha","home":"Germany","tables":[]}]}`, wrong{"fees[0].home": invalid}},
	} {
		faulty(t, d.call("POST", "/v1/routing/policies", c.body), c.want)
		faulty(t, d.call("POST", aPolicy+"/versions", c.body), c.want)
	}
	faulty(t, d.call("POST", aPolicy+"/publish", `{}`), wrong{"version": missing})
	faulty(t, d.call("POST", aPolicy+"/publish", `{"version":0}`), wrong{"version": invalid})
	faulty(t, d.call("POST", aPolicy+"/rollback", `{"version":1}`), wrong{"version": unknown})
	faulty(t, d.call("POST", aPolicy+"/unpublish", `{"version":1}`), wrong{"version": unknown})
	faulty(t, d.call("POST", aPolicy+"/validate", `{"facts":{"amount":1,"currency":"EUR","method":"cash"}}`), wrong{"facts.method": invalid})
	faulty(t, d.call("POST", aPolicy+"/validate", `{"version":"1","facts":{"amount":0,"currency":"eur","bin":"x","country":"de","customer":"ada","at":"now","candidates":[1]}}`), wrong{
		"version": invalid, "facts.amount": tooSmall, "facts.currency": fault.CodeCurrency, "facts.bin": invalid, "facts.country": invalid,
		"facts.customer": invalid, "facts.at": invalid, "facts.candidates[0]": invalid,
	})
}

func TestWhatAPolicySaysIsJudgedEvenIfItsShapeIsWrong(t *testing.T) {
	d := newDoor(t)
	const both = `{"name":"","rules":[{"id":"default","when":"true","then":{"strategy":"priority"}}]}`
	faulty(t, d.call("POST", "/v1/routing/policies", both), wrong{"name": invalid, "rules[0].id": invalid})
	faulty(t, d.call("POST", aPolicy+"/versions", both), wrong{"name": invalid, "rules[0].id": invalid})
}

func TestASimulationIsAskedForInNamedBounds(t *testing.T) {
	d := untouched(t)
	for body, want := range map[string]wrong{
		`{"version":0,"days":0,"method":"cash","against":"fixed"}`:      {"version": invalid, "days": invalid, "method": invalid, "against": invalid},
		`{"version":"1","days":367,"against":["fixed","oracle",1]}`:     {"version": invalid, "days": invalid, "against[1]": invalid, "against[2]": invalid},
		`{"days":2.5,"history":{"generated":{}}}`:                       {"days": invalid, "history": unknown},
		`{"against":["fixed","fixed","fixed","fixed","fixed","fixed"]}`: {"against": invalid},
	} {
		faulty(t, d.call("POST", aPolicy+"/simulate", body), want)
	}
	var got simulation.Ask
	d = newDoor(t, func(o *Options) {
		o.Simulations = fakeSimulations{asked: func(_ context.Context, a simulation.Ask) { got = a }}
	})
	for body, want := range map[string]simulation.Ask{
		``:               {Days: 28, Method: "card"},
		`{}`:             {Days: 28, Method: "card"},
		`{"against":[]}`: {Days: 28, Method: "card", Against: []string{}},
		`{"version":2,"days":366,"method":"pix","against":["published","windowed-bin"]}`: {Version: 2, Days: 366, Method: "pix", Against: []string{"published", "windowed-bin"}},
	} {
		accepted(t, d.call("POST", aPolicy+"/simulate", body), http.StatusOK)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s asks for %+v, want %+v", body, got, want)
		}
	}
}

func TestTheSimulationOfTheDocumentationIsAsked(t *testing.T) {
	text, err := os.ReadFile("../../docs/routing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```json simulate\n")
	body, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatal("there is none")
	}
	var got simulation.Ask
	d := newDoor(t, func(o *Options) {
		o.Simulations = fakeSimulations{asked: func(_ context.Context, a simulation.Ask) { got = a }}
	})
	accepted(t, d.call("POST", aPolicy+"/simulate", body), http.StatusOK)
	if want := (simulation.Ask{Version: 2, Days: 28, Method: "card", Against: []string{"published", "fixed", "adaptive"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("it asks for %+v, want %+v", got, want)
	}
}

func TestASimulationEndsWhenItsCallerHangsUp(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	d := newDoor(t, func(o *Options) {
		o.Simulations = fakeSimulations{asked: func(ctx context.Context, _ simulation.Ask) {
			close(began)
			<-ctx.Done()
			close(ended)
		}}
	})
	served := httptest.NewServer(d.Handler())
	t.Cleanup(served.Close)
	ctx, hangUp := context.WithCancel(t.Context())
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, served.URL+aPolicy+"/simulate", strings.NewReader(`{"days":3}`))
	if err != nil {
		t.Fatal(err)
	}
	rq.Header.Set("Content-Type", jsonType)
	rq.Header.Set("Authorization", "Bearer sk_test_dev")
	answered := make(chan error)
	go func() {
		answer, err := http.DefaultClient.Do(rq)
		if err == nil {
			answer.Body.Close()
		}
		answered <- err
	}()
	<-began
	hangUp()
	if err := <-answered; err == nil {
		t.Error("it was answered")
	}
	<-ended
}

func TestAPolicyThatIsNoneIsNotFound(t *testing.T) {
	d := untouched(t)
	for path, method := range map[string]string{
		"": "GET", "/versions": "GET", "/experiments": "GET", "/publish": "POST", "/rollback": "POST", "/unpublish": "POST", "/validate": "POST", "/simulate": "POST",
	} {
		refused(t, d.call(method, "/v1/routing/policies/pay_"+someID+path, map[string]string{"POST": `{}`}[method]), 404, fault.CodeNotFound)
	}
	faulty(t, d.call("GET", "/v1/routing/policies?starting_after=pay_"+someID, ""), wrong{"starting_after": invalid})
	faulty(t, d.call("GET", aPolicy+"/versions?starting_after=rp_"+someID, ""), wrong{"starting_after": invalid})
}

func TestWhoChangesAPolicyIsAudited(t *testing.T) {
	for path, c := range map[string]struct{ body, action string }{
		"/v1/routing/policies": {samplePolicy, "routing_policy.created"},
		aPolicy + "/versions":  {samplePolicy, "routing_policy.changed"},
		aPolicy + "/publish":   {`{"version":1}`, "routing_policy.published"},
		aPolicy + "/rollback":  {"", "routing_policy.rolled_back"},
		aPolicy + "/unpublish": {"", "routing_policy.unpublished"},
	} {
		var rows [][]any
		d := newDoor(t, func(o *Options) {
			o.Policies = fakePolicies{commit: func(c *db.Change) error { rows = c.Rows(audit.Table); return nil }}
		})
		if w := d.call("POST", path, c.body); w.Code > 299 {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		if len(rows) != 1 || rows[0][3] != c.action || rows[0][4] != "rp_"+someID || rows[0][2] == "" || !strings.Contains(rows[0][5].(string), `"published_version":"1"`) {
			t.Errorf("%s wrote %v", path, rows)
		}
	}
}

func TestATrialSeesTheFactsThatAreGiven(t *testing.T) {
	var got policies.Request
	d := newDoor(t, func(o *Options) { o.Policies = fakePolicies{asked: func(r policies.Request) { got = r }} })
	accepted(t, d.call("POST", aPolicy+"/validate", `{"facts":{"amount":9232,"currency":"EUR"}}`), http.StatusOK)
	if want := (policies.Request{Merchant: tenant, Amount: eur(9232), Method: "card", At: start}); !reflect.DeepEqual(got, want) {
		t.Errorf("little was given: %+v", got)
	}
	accepted(t, d.call("POST", aPolicy+"/validate", `{"version":3,"facts":{"amount":1,"currency":"EUR","method":"pix","bin":"424242","brand":"visa","funding":"debit","country":"DE","off_session":true,
		"customer":"cus_`+someID+`","payment":"pay_1","metadata":{"k":"v"},"at":"2026-11-22T13:00:00Z","candidates":["beta","alpha"]}}`), http.StatusOK)
	want := policies.Request{
		Merchant: tenant, Amount: eur(1), Method: "pix", BIN: "424242", Brand: "visa", Funding: "debit", Country: "DE", OffSession: true, Customer: "cus_" + someID, Payment: "pay_1",
		Metadata: map[string]string{"k": "v"}, At: start.Add(time.Hour), Candidates: []policies.Candidate{{Account: "beta"}, {Account: "alpha"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("all was given: %+v, want %+v", got, want)
	}
}

func TestAPolicyIsKeptAsItIsWritten(t *testing.T) {
	var got policies.Document
	d := newDoor(t, func(o *Options) { o.Policies = fakePolicies{kept: func(d policies.Document) { got = d }} })
	accepted(t, d.call("POST", "/v1/routing/policies", samplePolicy), http.StatusCreated)
	want, err := policies.Read([]byte(samplePolicy))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("kept %+v, want %+v (%v)", got, want, err)
	}
}
