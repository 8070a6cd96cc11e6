package routing

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
)

// outcomes tells a router of n payments of an experiment's side, some of them approved.
func (h harness) outcomes(r *Router, policy string, challenger bool, n, approved int) {
	account := map[bool]string{false: "alpha", true: "beta"}[challenger]
	for i := range n {
		r.Observe(Outcome{Merchant: h.tenant, Account: account, Approved: i < approved, Kind: ByIssuer, At: sunday, Decision: Decision{
			Policy: policy, Version: 1, Experiment: &Arm{Name: "beta-first", Challenger: challenger}, Ranked: []Ranked{{Account: account}}}})
	}
}

func storedAChallengerThatIsWorseFallsBackEverywhere(t *testing.T, h harness) {
	d, err := Read([]byte(tried))
	if err != nil {
		t.Fatal(err)
	}
	o := h.create(t, d)
	if _, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	other := h.another()
	challenged := func(r *Router) int {
		t.Helper()
		n := 0
		for i := range 100 {
			req := h.request()
			req.Customer = fmt.Sprint("cus_", i)
			d, err := r.Plan(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if d.Experiment.Challenger {
				n++
			}
		}
		return n
	}
	if challenged(h.router) == 0 {
		t.Fatal("the challenger gets nothing")
	}
	// Neither process has a full sample of the challenger. Together they have.
	h.outcomes(h.router, o.ID, false, 500, 450)
	h.outcomes(h.router, o.ID, true, 60, 30)
	h.outcomes(other, o.ID, true, 60, 30)
	h.router.settle(t.Context())
	if challenged(h.router) == 0 {
		t.Error("it fell back before its sample was full")
	}
	other.settle(t.Context())
	h.hands.Advance(time.Second)
	if n := challenged(h.router) + challenged(other); n != 0 {
		t.Errorf("the challenger still gets %d", n)
	}
	v, err := h.store().verdict(t.Context(), trial{h.tenant, o.ID, "beta-first"})
	if err != nil || v.stopped.IsZero() || v.looks != 1 || v.tally != (Tally{500, 450, 120, 60}) {
		t.Errorf("verdict %+v, %v", v, err)
	}
	records, _, err := audit.NewTrail(h.db).List(t.Context(), h.tenant, db.Page{Limit: 5}, audit.Filter{Object: o.ID})
	if err != nil || len(records) != 1 || records[0].Action != "routing_experiment.stopped" || records[0].Actor != "system" || records[0].Detail["challenger"] != "60 of 120" {
		t.Errorf("audited %+v, %v", records, err)
	}
}

func storedAChallengerThatIsAsGoodGoesOn(t *testing.T, h harness) {
	o := h.create(t, must(Read([]byte(tried))))
	if _, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		h.outcomes(h.router, o.ID, false, 200, 180)
		h.outcomes(h.router, o.ID, true, 100, 90)
		h.router.settle(t.Context())
	}
	v, err := h.store().verdict(t.Context(), trial{h.tenant, o.ID, "beta-first"})
	if err != nil || !v.stopped.IsZero() || v.looks != 3 || v.tally != (Tally{600, 540, 300, 270}) {
		t.Errorf("verdict %+v, %v", v, err)
	}
}

func storedAWriteWhoseAnswerWasLostIsNotCountedTwice(t *testing.T, h harness) {
	k := trial{h.tenant, "rp_1", "beta-first"}
	h.outcomes(h.router, k.policy, false, 5, 4)
	h.router.settle(t.Context())
	h.router.tallies[k].written.version = 0 // as if the answer of the write had been lost
	h.outcomes(h.router, k.policy, true, 2, 1)
	for range 2 {
		h.router.settle(t.Context())
	}
	if got, err := h.store().tally(t.Context(), k); err != nil || got != (Tally{5, 4, 2, 1}) {
		t.Errorf("tally %+v, %v", got, err)
	}
}

func storedWhatIsOverMakesRoomAndIsCountedOn(t *testing.T, h harness) {
	o := h.create(t, must(Read([]byte(tried))))
	if _, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	running, over := trial{h.tenant, o.ID, "beta-first"}, trial{h.tenant, "rp_over", "beta-first"}
	h.outcomes(h.router, running.policy, false, 5, 4)
	h.outcomes(h.router, over.policy, false, 5, 4)
	h.router.settle(t.Context())
	for i := len(h.router.tallies); i < maxTrials; i++ {
		h.router.tallies[trial{h.tenant, "rp_over", fmt.Sprint("old-", i)}] = &counted{whole: true}
	}
	h.outcomes(h.router, "rp_late", true, 1, 1)
	if h.router.tallies[trial{h.tenant, "rp_late", "beta-first"}] != nil {
		t.Fatal("there was room")
	}
	h.hands.Advance(forgetEvery)
	h.router.settle(t.Context())
	if len(h.router.tallies) != 1 || h.router.tallies[running] == nil {
		t.Errorf("%d are kept", len(h.router.tallies))
	}
	for range 2 { // what comes late adds to what was written
		h.outcomes(h.router, over.policy, true, 2, 1)
		h.router.settle(t.Context())
		h.hands.Advance(forgetEvery)
		h.router.settle(t.Context())
	}
	if got, err := h.store().tally(t.Context(), over); err != nil || got != (Tally{5, 4, 4, 2}) || h.router.tallies[over] != nil {
		t.Errorf("tally %+v, %v", got, err)
	}
	h.outcomes(h.router, running.policy, true, 1, 1)
	h.router.settle(t.Context())
	if got, err := h.store().tally(t.Context(), running); err != nil || got != (Tally{5, 4, 1, 1}) {
		t.Errorf("tally %+v, %v", got, err)
	}
}

func storedRunWritesTheRestWhenItEnds(t *testing.T, h harness) {
	k := trial{h.tenant, "rp_1", "beta-first"}
	ctx, cancel := context.WithCancel(t.Context())
	h.outcomes(h.router, k.policy, true, 3, 2)
	cancel()
	if err := h.router.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := h.store().tally(t.Context(), k); err != nil || got != (Tally{0, 0, 3, 2}) {
		t.Errorf("tally %+v, %v", got, err)
	}
}
