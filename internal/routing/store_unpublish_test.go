package routing

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

func storedAVersionThatIsNoneIsRefusedByName(t *testing.T, h harness) {
	o := h.create(t, document("gamma"))
	for name, do := range map[string]func() error{
		"publish":  func() error { _, err := h.Publish(t.Context(), h.tenant, o.ID, 2, key, nothing); return err },
		"validate": func() error { _, err := h.Validate(t.Context(), h.tenant, o.ID, 2, h.request()); return err },
		"simulate": func() error { _, err := h.Compiled(t.Context(), h.tenant, o.ID, 2); return err },
	} {
		var wrong *fault.Error
		if err := do(); !errors.As(err, &wrong) || wrong.Kind != fault.Invalid || wrong.Param != "version" || !strings.Contains(err.Error(), "there is no version 2: the latest is 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func storedAPolicyThatIsWithdrawnRoutesNothing(t *testing.T, h harness) {
	other := h.another()
	o := h.create(t, document("gamma"))
	if _, err := h.Unpublish(t.Context(), h.tenant, o.ID, key, nothing); !fault.Is(err, fault.Conflict) {
		t.Errorf("a draft was withdrawn: %v", err)
	}
	if _, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	h.plan(t, h.router)
	h.plan(t, other)
	if _, err := h.Unpublish(t.Context(), stranger, o.ID, key, nothing); !fault.Is(err, fault.NotFound) {
		t.Errorf("by a stranger: %v", err)
	}
	got, err := h.Unpublish(t.Context(), h.tenant, o.ID, key, nothing)
	if err != nil || got.PublishedVersion != nil || *got.DocumentVersion != 1 {
		t.Fatalf("withdrawn %+v, %v", got, err)
	}
	if d := h.plan(t, h.router); d.Policy != "" || accountsOf(d) != "alpha beta gamma" {
		t.Errorf("here %+v", d)
	}
	h.hands.Advance(time.Second)
	if d := h.plan(t, other); d.Policy != "" || accountsOf(d) != "alpha beta gamma" {
		t.Errorf("elsewhere, a second later, %+v", d)
	}
	if _, is, err := h.CompiledPublished(t.Context(), h.tenant); is || err != nil {
		t.Errorf("it is still published: %v", err)
	}
	versions, _, err := h.Versions(t.Context(), h.tenant, o.ID, db.Page{Limit: 5})
	if err != nil || versions[0].Status != Retired {
		t.Errorf("%+v, %v", versions, err)
	}
	for what, do := range map[string]func() (Object, error){
		"again":      func() (Object, error) { return h.Unpublish(t.Context(), h.tenant, o.ID, key, nothing) },
		"a rollback": func() (Object, error) { return h.Rollback(t.Context(), h.tenant, o.ID, key, nothing) },
	} {
		if _, err := do(); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if o, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil || *o.PublishedVersion != 1 || h.plan(t, h.router).Policy != o.ID {
		t.Errorf("published again %+v, %v", o, err)
	}
}

func storedAnAccountThatTakesNoPaymentsStandsInNoPolicy(t *testing.T, h harness) {
	h.has.takes = map[string][]string{"gamma": nil}
	d := document("gamma")
	d.Default = &Default{Then: &Action{Strategy: Split, Weights: []Weight{{"alpha", 50}, {"gamma", 50}}}}
	_, err := h.Create(t.Context(), h.tenant, key, d, nothing)
	var wrong *fault.Error
	want := []fault.Field{
		{Param: "rules[0].then.accounts[0]", Code: fault.CodeInvalid, Detail: "gamma cannot take payments"},
		{Param: "default.then.weights[1].account", Code: fault.CodeInvalid, Detail: "gamma cannot take payments"},
	}
	if !errors.As(err, &wrong) || !reflect.DeepEqual(wrong.Fields, want) {
		t.Errorf("refused by %v", err)
	}
}

func storedATrialIsAmongTheAccountsThatTakeTheMethod(t *testing.T, h harness) {
	h.has.takes = map[string][]string{"alpha": {"pix", "upi"}, "beta": nil}
	o := h.create(t, document("gamma"))
	for method, want := range map[string]string{"card": "gamma", "pix": "alpha", "fpx": ""} {
		req := h.request()
		req.Method, req.Candidates = method, nil
		trial, err := h.Validate(t.Context(), h.tenant, o.ID, 0, req)
		if err != nil || accountsOf(*trial.Decision) != want || len(trial.Decision.Excluded)+len(trial.Decision.Ranked) != 3 {
			t.Errorf("%s: %+v, %v", method, trial.Decision, err)
		}
	}
}
