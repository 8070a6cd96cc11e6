package routing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

func storedHowAnExperimentStandsIsShown(t *testing.T, h harness) {
	if _, err := h.Experiments(t.Context(), h.tenant, "rp_1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("of no policy: %v", err)
	}
	o := h.create(t, must(Read([]byte(tried))))
	shows := func(when, want string) ExperimentObject {
		t.Helper()
		all, err := h.Experiments(t.Context(), h.tenant, o.ID)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		var told []string
		for _, e := range all {
			told = append(told, fmt.Sprintf("%s %s %d/%d %d/%d", e.Name, e.Status, e.Control.Approved, e.Control.Outcomes, e.Challenger.Approved, e.Challenger.Outcomes))
		}
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
		if len(all) == 0 {
			return ExperimentObject{}
		}
		return all[0]
	}
	shows("before it is published", "")
	if _, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	e := shows("before the first outcome", "beta-first running 0/0 0/0")
	if *e.Version != 1 || *e.Share != 10 || *e.MinimumSample != 100 || *e.NextLook != 100 || e.LastLook != nil || e.StoppedAt != nil || e.Control.ApprovedPPM != nil ||
		e.Control.Action != "usual" || e.Challenger.Action != "tried" {
		t.Errorf("%+v", e)
	}
	other := h.another()
	h.outcomes(h.router, o.ID, false, 300, 270)
	h.outcomes(other, o.ID, false, 300, 270)
	h.outcomes(other, o.ID, true, 120, 107)
	h.router.settle(t.Context())
	other.settle(t.Context())
	e = shows("of two processes", "beta-first running 540/600 107/120")
	if *e.NextLook != 200 || e.LastLook == nil || e.LastLook.Number != 1 || e.LastLook.Level != "1/200" || e.LastLook.Z != "0.2761" || e.LastLook.ZLimit != "2.5758" ||
		*e.Control.ApprovedPPM != 900_000 || *e.Challenger.ApprovedPPM != 891_667 {
		t.Errorf("%+v, last look %+v", e, e.LastLook)
	}
	h.outcomes(other, o.ID, true, 120, 13)
	other.settle(t.Context())
	e = shows("stopped", "beta-first stopped 540/600 120/240")
	if e.NextLook != nil || e.StoppedAt == nil || *e.StoppedReason != "approvals_significantly_worse" || e.LastLook.Number != 2 || e.LastLook.Level != "1/600" ||
		e.LastLook.Challenger.Approved != 120 || e.LastLook.At.IsZero() || e.LastLook.Z != "12.7636" {
		t.Errorf("%+v, last look %+v", e, e.LastLook)
	}
	h.outcomes(other, o.ID, true, 1, 1)
	if _, err := h.Update(t.Context(), h.tenant, o.ID, key, must(Read([]byte(strings.ReplaceAll(tried, "beta-first", "second")))), nothing); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Publish(t.Context(), h.tenant, o.ID, 2, key, nothing); err != nil {
		t.Fatal(err)
	}
	if e = shows("replaced", "second running 0/0 0/0, beta-first stopped 540/600 120/240"); *e.Version != 2 {
		t.Errorf("%+v", e)
	}
	if _, err := h.Publish(t.Context(), h.tenant, h.create(t, document("alpha")).ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	shows("by another policy", "beta-first stopped 540/600 120/240") // of the second nothing was counted
}
