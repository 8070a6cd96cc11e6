package routing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
type accounts struct {
	names []string
	takes map[string][]string // by which methods; who is not here takes cards
}

func (a *accounts) Candidates(context.Context, string) ([]Candidate, error) {
	all := make([]Candidate, len(a.names))
	for i, name := range a.names {
		all[i] = Candidate{name, "simcard"}
	}
	return all, nil
}

func (a *accounts) Methods(context.Context, string) (map[string][]string, error) {
	all := map[string][]string{}
	for _, name := range a.names {
		methods, special := a.takes[name]
		if !special {
			methods = []string{"card"}
		}
		all[name] = methods
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
			{"AVersionThatIsNoneIsRefusedByName", storedAVersionThatIsNoneIsRefusedByName},
			{"APolicyThatIsWithdrawnRoutesNothing", storedAPolicyThatIsWithdrawnRoutesNothing},
			{"AnAccountThatTakesNoPaymentsStandsInNoPolicy", storedAnAccountThatTakesNoPaymentsStandsInNoPolicy},
			{"ATrialIsAmongTheAccountsThatTakeTheMethod", storedATrialIsAmongTheAccountsThatTakeTheMethod},
			{"OneOfAMerchantsPoliciesIsPublished", storedOneOfAMerchantsPoliciesIsPublished},
			{"OfTwoWhoPublishAtOnceBothComeThroughOneAfterTheOther", storedOfTwoWhoPublishAtOnceBothComeThroughOneAfterTheOther},
			{"WhatIsWrongIsNotKept", storedWhatIsWrongIsNotKept},
			{"APolicyGoesOnWhenAnAccountOfItIsGone", storedAPolicyGoesOnWhenAnAccountOfItIsGone},
			{"ATrialDecidesWithoutPublishing", storedATrialDecidesWithoutPublishing},
			{"APolicyThatCannotBeReadFailsNoPayment", storedAPolicyThatCannotBeReadFailsNoPayment},
			{"WhatQuietProcessesCountedIsPutTogether", storedWhatQuietProcessesCountedIsPutTogether},
			{"AProcessWhoseCountWasPutAwayCountsOn", storedAProcessWhoseCountWasPutAwayCountsOn},
			{"OfTwoWhoPutTogetherOneDoes", storedOfTwoWhoPutTogetherOneDoes},
			{"AChallengerThatIsWorseFallsBackEverywhere", storedAChallengerThatIsWorseFallsBackEverywhere},
			{"AChallengerThatIsAsGoodGoesOn", storedAChallengerThatIsAsGoodGoesOn},
			{"HowAnExperimentStandsIsShown", storedHowAnExperimentStandsIsShown},
			{"AWriteWhoseAnswerWasLostIsNotCountedTwice", storedAWriteWhoseAnswerWasLostIsNotCountedTwice},
			{"RunWritesTheRestWhenItEnds", storedRunWritesTheRestWhenItEnds},
			{"WhatIsOverMakesRoomAndIsCountedOn", storedWhatIsOverMakesRoomAndIsCountedOn},
		} {
			t.Run(test.name, func(t *testing.T) { test.body(t, newHarness(d, fmt.Sprintf("acct_%d:test", i))) })
		}
	}, audit.Schema, Schema)
}

func newHarness(d *db.DB, tenant string) harness {
	h := harness{tenant: tenant, db: d, hands: clock.NewManual(sunday), metrics: prometheus.NewRegistry(), has: &accounts{names: slices.Clone(threeAccounts)}}
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
		"publish":  func() error { _, err := h.Publish(t.Context(), stranger, o.ID, 1, key, nothing); return err },
		"versions": func() error { _, _, err := h.Versions(t.Context(), stranger, o.ID, db.Page{Limit: 5}); return err },
		"validate": func() error { _, err := h.Validate(t.Context(), stranger, o.ID, 1, h.request()); return err },
	} {
		if err := do(); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
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

func TestOutcomesReachTheRanker(t *testing.T) {
	learner := &backwards{}
	r := Router{o: Options{Ranker: learner}}
	r.Observe(Outcome{Account: "alpha", Approved: true})
	if len(learner.learned) != 1 || learner.learned[0].Account != "alpha" {
		t.Errorf("heard %+v", learner.learned)
	}
}
