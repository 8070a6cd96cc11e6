package routing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

const (
	key      = "key_1"
	stranger = "acct_b:test"
)

// harness is routing on a database of its own.
type harness struct {
	tenant string
	*Policies
	db      *db.DB
	hands   *clock.Manual
	router  *Router
	metrics *prometheus.Registry
	has     *accounts
}

// accounts are a merchant's, which a test may take away.
type accounts struct{ names []string }

func (a *accounts) Candidates(context.Context, string) ([]Candidate, error) {
	all := make([]Candidate, len(a.names))
	for i, name := range a.names {
		all[i] = Candidate{name, "simcard"}
	}
	return all, nil
}

// TestPolicies runs what needs a database on one of each engine, because to make one takes its time. Every test has a merchant of its own.
func TestPolicies(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for i, test := range []struct {
			name string
			body func(t *testing.T, h harness)
		}{
			{"ADraftRoutesNothing", storedADraftRoutesNothing},
			{"APublishedVersionRoutesEverywhereWithinASecond", storedAPublishedVersionRoutesEverywhereWithinASecond},
			{"AnotherMerchantsPolicyIsNotSeen", storedAnotherMerchantsPolicyIsNotSeen},
			{"VersionsAreKeptAndTellWhatBecameOfThem", storedVersionsAreKeptAndTellWhatBecameOfThem},
			{"APolicyIsShownAsItIsPublished", storedAPolicyIsShownAsItIsPublished},
			{"AVersionIsCompiledWhicheverAccountsAreLeft", storedAVersionIsCompiledWhicheverAccountsAreLeft},
			{"ARollbackPublishesWhatWasPublishedBefore", storedARollbackPublishesWhatWasPublishedBefore},
			{"OneOfAMerchantsPoliciesIsPublished", storedOneOfAMerchantsPoliciesIsPublished},
			{"OfTwoWhoPublishAtOnceBothComeThroughOneAfterTheOther", storedOfTwoWhoPublishAtOnceBothComeThroughOneAfterTheOther},
			{"WhatIsWrongIsNotKept", storedWhatIsWrongIsNotKept},
			{"APolicyGoesOnWhenAnAccountOfItIsGone", storedAPolicyGoesOnWhenAnAccountOfItIsGone},
			{"ATrialDecidesWithoutPublishing", storedATrialDecidesWithoutPublishing},
			{"APolicyThatCannotBeReadFailsNoPayment", storedAPolicyThatCannotBeReadFailsNoPayment},
			{"AChallengerThatIsWorseFallsBackEverywhere", storedAChallengerThatIsWorseFallsBackEverywhere},
			{"AChallengerThatIsAsGoodGoesOn", storedAChallengerThatIsAsGoodGoesOn},
			{"HowAnExperimentStandsIsShown", storedHowAnExperimentStandsIsShown},
			{"AWriteWhoseAnswerWasLostIsNotCountedTwice", storedAWriteWhoseAnswerWasLostIsNotCountedTwice},
			{"RunWritesTheRestWhenItEnds", storedRunWritesTheRestWhenItEnds},
		} {
			t.Run(test.name, func(t *testing.T) { test.body(t, newHarness(d, fmt.Sprintf("acct_%d:test", i))) })
		}
	}, audit.Schema, Schema)
}

func newHarness(d *db.DB, tenant string) harness {
	h := harness{tenant: tenant, db: d, hands: clock.NewManual(sunday), metrics: prometheus.NewRegistry(), has: &accounts{slices.Clone(threeAccounts)}}
	ids := id.NewSource(h.hands, rand.Reader)
	h.router = NewRouter(Options{DB: d, Clock: h.hands, IDs: ids, Logger: slog.New(slog.DiscardHandler), Metrics: h.metrics})
	h.Policies = &Policies{DB: d, Accounts: h.has, Router: h.router, Clock: h.hands, IDs: ids}
	return h
}

// request is a payment of the merchant's.
func (h harness) request() Request {
	r := germanDebit()
	r.Merchant = h.tenant
	return r
}

// another is a router of another process on the same database.
func (h harness) another() *Router {
	return NewRouter(Options{DB: h.db, Clock: h.hands, IDs: h.IDs, Logger: slog.New(slog.DiscardHandler)})
}

func nothing(*db.Change, Object) error { return nil }

func document(account string) Document {
	return Document{Name: "to " + account, Rules: []Rule{{ID: "all", When: "true", Then: &Action{Strategy: Ordered, Accounts: []string{account}}}}}
}

func (h harness) create(t *testing.T, d Document) Object {
	t.Helper()
	h.hands.Advance(time.Millisecond)
	o, err := h.Create(t.Context(), h.tenant, key, d, nothing)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (h harness) plan(t *testing.T, r *Router) Decision {
	t.Helper()
	d, err := r.Plan(t.Context(), h.request())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func storedADraftRoutesNothing(t *testing.T, h harness) {
	o := h.create(t, document("gamma"))
	if o.LatestVersion != 1 || o.PublishedVersion != nil || o.Livemode || o.Name != "to gamma" {
		t.Errorf("made %+v", o)
	}
	if d := h.plan(t, h.router); d.Policy != "" || d.Strategy != Priority || accountsOf(d) != "alpha beta gamma" {
		t.Errorf("decided %+v", d)
	}
}

func storedAPublishedVersionRoutesEverywhereWithinASecond(t *testing.T, h harness) {
	other := h.another()
	h.plan(t, h.router)
	h.plan(t, other)
	o := h.create(t, document("gamma"))
	if o, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil || o.PublishedVersion == nil || *o.PublishedVersion != 1 {
		t.Fatalf("published %+v, %v", o, err)
	}
	if d := h.plan(t, h.router); d.Policy != o.ID || d.Version != 1 || d.Rule != "all" || accountsOf(d) != "gamma alpha beta" {
		t.Errorf("here %+v", d)
	}
	h.hands.Advance(time.Second)
	if d := h.plan(t, other); d.Policy != o.ID || accountsOf(d) != "gamma alpha beta" {
		t.Errorf("elsewhere, a second later, %+v", d)
	}
	if n := testutil.ToFloat64(h.router.metrics.decisions.WithLabelValues(Ordered)); n != 1 {
		t.Errorf("counted %v", n)
	}
}

func storedAnotherMerchantsPolicyIsNotSeen(t *testing.T, h harness) {
	o := h.create(t, document("gamma"))
	for name, do := range map[string]func() error{
		"get": func() error { _, err := h.Get(t.Context(), stranger, o.ID); return err },
		"update": func() error {
			_, err := h.Update(t.Context(), stranger, o.ID, key, document("beta"), nothing)
			return err
		},
		"publish":                func() error { _, err := h.Publish(t.Context(), stranger, o.ID, 1, key, nothing); return err },
		"versions":               func() error { _, _, err := h.Versions(t.Context(), stranger, o.ID, db.Page{Limit: 5}); return err },
		"validate":               func() error { _, err := h.Validate(t.Context(), stranger, o.ID, 1, h.request()); return err },
		"a version that is none": func() error { _, err := h.Publish(t.Context(), h.tenant, o.ID, 2, key, nothing); return err },
	} {
		if err := do(); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func storedVersionsAreKeptAndTellWhatBecameOfThem(t *testing.T, h harness) {
	o := h.create(t, document("alpha"))
	for _, account := range []string{"beta", "gamma"} {
		h.hands.Advance(time.Millisecond)
		if _, err := h.Update(t.Context(), h.tenant, o.ID, "key_2", document(account), nothing); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []int64{1, 3} {
		if _, err := h.Publish(t.Context(), h.tenant, o.ID, number, key, nothing); err != nil {
			t.Fatal(err)
		}
	}
	versions, more, err := h.Versions(t.Context(), h.tenant, o.ID, db.Page{Limit: 2})
	if err != nil || !more || len(versions) != 2 || versions[0].Version != 3 || versions[0].Status != Published || versions[0].PublishedAt == nil ||
		versions[0].CreatedBy != "key_2" || versions[0].Document.Name != "to gamma" || versions[1].Status != Draft || versions[1].PublishedAt != nil {
		t.Errorf("%+v, %t, %v", versions, more, err)
	}
	versions, more, err = h.Versions(t.Context(), h.tenant, o.ID, db.Page{Limit: 2, StartingAfter: versions[1].ID})
	if err != nil || more || len(versions) != 1 || versions[0].Status != Retired || versions[0].Document.Name != "to alpha" {
		t.Errorf("%+v, %t, %v", versions, more, err)
	}
	h.shows(t, o.ID, 3, "to gamma")
}

// shows holds which version of a policy is shown, and what that says.
func (h harness) shows(t *testing.T, policy string, version int64, name string) {
	t.Helper()
	got, err := h.Get(t.Context(), h.tenant, policy)
	if err != nil || got.DocumentVersion == nil || *got.DocumentVersion != version || got.Document.Name != name {
		t.Errorf("shown is %+v, %v, want version %d", got, err, version)
	}
}

func storedAPolicyIsShownAsItIsPublished(t *testing.T, h harness) {
	o := h.create(t, document("alpha"))
	h.shows(t, o.ID, 1, "to alpha")
	made, err := h.Update(t.Context(), h.tenant, o.ID, key, document("beta"), nothing)
	if err != nil || *made.DocumentVersion != 2 || made.Document.Name != "to beta" {
		t.Errorf("the answer to a new version shows %+v, %v", made, err)
	}
	h.shows(t, o.ID, 2, "to beta") // nothing is published: the latest
	for _, number := range []int64{1, 2} {
		if _, err := h.Publish(t.Context(), h.tenant, o.ID, number, key, nothing); err != nil {
			t.Fatal(err)
		}
		h.shows(t, o.ID, number, []string{"to alpha", "to beta"}[number-1])
	}
	back, err := h.Rollback(t.Context(), h.tenant, o.ID, key, nothing)
	if err != nil || *back.DocumentVersion != 1 || back.Document.Name != "to alpha" {
		t.Errorf("the answer to a rollback shows %+v, %v", back, err)
	}
	h.shows(t, o.ID, 1, "to alpha")
	if _, err := h.Publish(t.Context(), h.tenant, h.create(t, document("gamma")).ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	h.shows(t, o.ID, 2, "to beta") // another policy is published
}

func storedAVersionIsCompiledWhicheverAccountsAreLeft(t *testing.T, h harness) {
	o := h.create(t, document("gamma"))
	if _, is, err := h.CompiledPublished(t.Context(), h.tenant); is || err != nil {
		t.Errorf("nothing is published: %t, %v", is, err)
	}
	if _, err := h.Update(t.Context(), h.tenant, o.ID, key, document("beta"), nothing); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	h.has.names = []string{"alpha", "beta"}
	for number, want := range map[int64]int64{0: 2, 1: 1, 2: 2} {
		e, err := h.Compiled(t.Context(), h.tenant, o.ID, number)
		if err != nil || e.Version != want || e.Policy != o.ID {
			t.Errorf("version %d is %+v, %v", number, e, err)
			continue
		}
		req := h.request()
		if got, first := accountsOf(e.Rules.Decide(t.Context(), &req, World{})), []string{"gamma", "beta"}[want-1]; !strings.HasPrefix(got, first) {
			t.Errorf("version %d decides %s", want, got)
		}
	}
	if e, is, err := h.CompiledPublished(t.Context(), h.tenant); !is || err != nil || e.Version != 1 || e.Policy != o.ID {
		t.Errorf("published is %+v, %t, %v", e, is, err)
	}
	if _, err := h.Compiled(t.Context(), h.tenant, o.ID, 3); !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "version: there is no version 3") {
		t.Errorf("no such version: %v", err)
	}
	if _, err := h.Compiled(t.Context(), stranger, o.ID, 1); !fault.Is(err, fault.NotFound) {
		t.Errorf("a stranger's: %v", err)
	}
}

func storedARollbackPublishesWhatWasPublishedBefore(t *testing.T, h harness) {
	o := h.create(t, document("alpha"))
	conflict := func(what string, err error) {
		t.Helper()
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := h.Rollback(t.Context(), h.tenant, o.ID, key, nothing)
	conflict("a rollback of a draft", err)
	for _, account := range []string{"beta", "gamma", "alpha"} {
		if _, err := h.Update(t.Context(), h.tenant, o.ID, key, document(account), nothing); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []int64{1, 2, 4} { // 3 never was
		if _, err := h.Publish(t.Context(), h.tenant, o.ID, number, key, nothing); err != nil {
			t.Fatal(err)
		}
	}
	_, err = h.Publish(t.Context(), h.tenant, o.ID, 4, key, nothing)
	conflict("the same again", err)
	for _, want := range []int64{2, 1} {
		back, err := h.Rollback(t.Context(), h.tenant, o.ID, key, nothing)
		if err != nil || *back.PublishedVersion != want {
			t.Fatalf("rolled back to %+v (%v), want %d", back, err, want)
		}
		if d := h.plan(t, h.router); d.Version != want {
			t.Errorf("decided by version %d, want %d", d.Version, want)
		}
	}
	_, err = h.Rollback(t.Context(), h.tenant, o.ID, key, nothing)
	conflict("a rollback of the first", err)
}

func storedOneOfAMerchantsPoliciesIsPublished(t *testing.T, h harness) {
	one, two := h.create(t, document("beta")), h.create(t, document("gamma"))
	for _, o := range []Object{one, two} {
		if _, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil {
			t.Fatal(err)
		}
	}
	list, more, err := h.List(t.Context(), h.tenant, db.Page{Limit: 5})
	if err != nil || more || len(list) != 2 || list[0].ID != two.ID || *list[0].PublishedVersion != 1 || list[1].PublishedVersion != nil || list[0].Document != nil || list[0].DocumentVersion != nil {
		t.Errorf("%+v, %t, %v", list, more, err)
	}
	versions, _, err := h.Versions(t.Context(), h.tenant, one.ID, db.Page{Limit: 5})
	if err != nil || versions[0].Status != Retired {
		t.Errorf("%+v, %v", versions, err)
	}
}

func storedOfTwoWhoPublishAtOnceBothComeThroughOneAfterTheOther(t *testing.T, h harness) {
	o := h.create(t, document("alpha"))
	const writers = 6
	for range writers {
		if _, err := h.Update(t.Context(), h.tenant, o.ID, key, document("beta"), nothing); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			if _, err := h.Publish(t.Context(), h.tenant, o.ID, int64(i+1), key, nothing); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() {
			if _, err := h.Update(t.Context(), h.tenant, o.ID, key, document("gamma"), nothing); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	versions, _, err := h.Versions(t.Context(), h.tenant, o.ID, db.Page{Limit: 50})
	if err != nil || len(versions) != 1+2*writers {
		t.Fatalf("%d versions, %v", len(versions), err)
	}
	count := map[Status]int{}
	for _, v := range versions {
		count[v.Status]++
	}
	if count[Published] != 1 || count[Retired] != writers-1 {
		t.Errorf("statuses %v", count)
	}
}

func storedWhatIsWrongIsNotKept(t *testing.T, h harness) {
	if _, err := h.Create(t.Context(), h.tenant, key, document("delta"), nothing); !fault.Is(err, fault.Invalid) {
		t.Errorf("created: %v", err)
	}
	o := h.create(t, document("gamma"))
	if _, err := h.Update(t.Context(), h.tenant, o.ID, key, document("delta"), nothing); !fault.Is(err, fault.Invalid) {
		t.Errorf("updated: %v", err)
	}
	h.has.names = threeAccounts[:2]
	_, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing)
	var wrong *fault.Error
	if !errors.As(err, &wrong) || wrong.Kind != fault.Invalid || wrong.Param != "document.rules[0].then.accounts[0]" {
		t.Errorf("published with an account that is gone: %v", err)
	}
	trial, err := h.Validate(t.Context(), h.tenant, o.ID, 0, h.request())
	if err != nil || trial.Valid || trial.Decision != nil || len(trial.Faults) != 1 || trial.Faults[0].Param != "rules[0].then.accounts[0]" {
		t.Errorf("validated: %+v, %v", trial, err)
	}
}

func storedAPolicyGoesOnWhenAnAccountOfItIsGone(t *testing.T, h harness) {
	o := h.create(t, document("gamma"))
	if _, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	h.has.names = threeAccounts[:2]
	req := h.request()
	req.Candidates = req.Candidates[:2]
	if d, err := h.another().Plan(t.Context(), req); err != nil || d.Rule != "all" || accountsOf(d) != "alpha beta" {
		t.Errorf("decided %+v, %v", d, err)
	}
}

func storedATrialDecidesWithoutPublishing(t *testing.T, h harness) {
	o := h.create(t, document("gamma"))
	req := h.request()
	req.Candidates = nil
	trial, err := h.Validate(t.Context(), h.tenant, o.ID, 0, req)
	if err != nil || !trial.Valid || trial.Version != 1 || accountsOf(*trial.Decision) != "gamma alpha beta" || trial.Decision.Policy != o.ID {
		t.Errorf("%+v, %v", trial, err)
	}
	req.Candidates = []Candidate{{Account: "beta"}, {Account: "gamma"}}
	if trial, err = h.Validate(t.Context(), h.tenant, o.ID, 1, req); err != nil || accountsOf(*trial.Decision) != "gamma beta" {
		t.Errorf("%+v, %v", trial, err)
	}
	req.Candidates = []Candidate{{Account: "delta"}}
	if _, err = h.Validate(t.Context(), h.tenant, o.ID, 1, req); !fault.Is(err, fault.Invalid) {
		t.Errorf("with an account that is none: %v", err)
	}
	if d := h.plan(t, h.router); d.Policy != "" {
		t.Errorf("it was published: %+v", d)
	}
}

func storedAPolicyThatCannotBeReadFailsNoPayment(t *testing.T, h harness) {
	o := h.create(t, document("gamma"))
	p := pointer{merchant: h.tenant, policy: o.ID, number: 7, by: key, at: sunday}
	if err := h.db.Commit(t.Context(), db.NewChange(h.tenant, p.row())); err != nil {
		t.Fatal(err)
	}
	d := h.plan(t, h.router)
	if d.Strategy != Priority || accountsOf(d) != "alpha beta gamma" || len(d.Skipped) != 1 || d.Skipped[0].Reason != unreadable {
		t.Errorf("decided %+v", d)
	}
	if n := testutil.ToFloat64(h.router.metrics.unreadable); n != 1 {
		t.Errorf("counted %v", n)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.router.Plan(gone, h.request()); !errors.Is(err, context.Canceled) {
		t.Errorf("for a caller who hung up: %v", err)
	}
}

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
	records, _, err := audit.About(t.Context(), h.db, h.tenant, o.ID, db.Page{Limit: 5})
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
	h.router.tallies[k].version = 0 // as if the answer of the write had been lost
	h.outcomes(h.router, k.policy, true, 2, 1)
	for range 2 {
		h.router.settle(t.Context())
	}
	if got, err := h.store().tally(t.Context(), k); err != nil || got != (Tally{5, 4, 2, 1}) {
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

func TestOutcomesReachTheRanker(t *testing.T) {
	learner := &backwards{}
	r := Router{o: Options{Ranker: learner}}
	r.Observe(Outcome{Account: "alpha", Approved: true})
	if len(learner.learned) != 1 || learner.learned[0].Account != "alpha" {
		t.Errorf("heard %+v", learner.learned)
	}
}
