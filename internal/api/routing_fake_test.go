package api

import (
	"context"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	policies "github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/simulation"
)

// fakePolicies answers with values in every field.
type fakePolicies struct {
	commit func(*db.Change) error
	asked  func(policies.Request)
	kept   func(policies.Document)
}

func someDocument() policies.Document {
	act := &policies.Action{
		Strategy: "experiment", Accounts: []string{"alpha"}, Weights: []policies.Weight{{Account: "alpha", Weight: 100}}, Sticky: "customer",
		Experiment: &policies.Experiment{Name: "e", Control: "c", Challenger: "d", Share: 10, MinimumSample: 200},
	}
	return policies.Document{
		Name: "n", TimeZone: "UTC", Rules: []policies.Rule{{ID: "r", When: "true", Then: act, Use: "u", Goto: "g"}}, Default: &policies.Default{Then: act, Use: "u"},
		Actions: []policies.NamedAction{{Name: "u", Then: act, Use: "v"}}, Fees: []policies.AccountFees{{Account: "alpha", Home: "DE", Tables: []string{"t"}}},
		FeeTables: []policies.FeeTable{{Name: "t", Rows: []policies.FeeRow{{Method: "card", Brand: "visa", Funding: "debit", Region: "domestic", Countries: []string{"DE"},
			BasisPoints: "12.5", Fixed: []policies.FixedFee{{Currency: "EUR", Amount: 1}}}}}},
	}
}

func somePolicy() policies.Object {
	published, document := int64(1), someDocument()
	return policies.Object{ID: "rp_" + someID, Object: "routing_policy", Name: "n", LatestVersion: 2, PublishedVersion: &published, DocumentVersion: &published, Document: &document, CreatedAt: start, UpdatedAt: start}
}

func (f fakePolicies) write(merchant string, with policies.With) (policies.Object, error) {
	if merchant != tenant {
		return policies.Object{}, fault.Missing("routing policy")
	}
	c := db.NewChange(merchant)
	if err := with(c, somePolicy()); err != nil || f.commit == nil {
		return somePolicy(), err
	}
	return somePolicy(), f.commit(c)
}

func (f fakePolicies) Create(_ context.Context, merchant, _ string, d policies.Document, with policies.With) (policies.Object, error) {
	if f.kept != nil {
		f.kept(d)
	}
	return f.write(merchant, with)
}

// Judge has something against a policy whose first rule is named default.
func (f fakePolicies) Judge(_ context.Context, _ string, d policies.Document) error {
	if len(d.Rules) > 0 && d.Rules[0].ID == "default" {
		return fault.Wrong("rules[0].id", fault.CodeInvalid, "give the rule another id")
	}
	return nil
}

func (f fakePolicies) Update(_ context.Context, merchant, _, _ string, _ policies.Document, with policies.With) (policies.Object, error) {
	return f.write(merchant, with)
}

func (f fakePolicies) Publish(_ context.Context, merchant, _ string, _ int64, _ string, with policies.With) (policies.Object, error) {
	return f.write(merchant, with)
}

func (f fakePolicies) Rollback(_ context.Context, merchant, _, _ string, with policies.With) (policies.Object, error) {
	return f.write(merchant, with)
}

func (f fakePolicies) Unpublish(_ context.Context, merchant, _, _ string, with policies.With) (policies.Object, error) {
	return f.write(merchant, with)
}

func (fakePolicies) Get(_ context.Context, merchant, _ string) (policies.Object, error) {
	if merchant != tenant {
		return policies.Object{}, fault.Missing("routing policy")
	}
	return somePolicy(), nil
}

func (fakePolicies) List(context.Context, string, db.Page) ([]policies.Object, bool, error) {
	return []policies.Object{somePolicy()}, false, nil
}

func (fakePolicies) Versions(_ context.Context, merchant, _ string, _ db.Page) ([]policies.VersionObject, bool, error) {
	if merchant != tenant {
		return nil, false, fault.Missing("routing policy")
	}
	return []policies.VersionObject{{ID: "rpv_" + someID, Object: "routing_policy_version", Policy: "rp_" + someID, Version: 1, Status: policies.Published,
		Document: someDocument(), CreatedBy: "key_" + someID, PublishedAt: &start, CreatedAt: start}}, false, nil
}

func (f fakePolicies) Validate(_ context.Context, merchant, _ string, _ int64, r policies.Request) (policies.TrialObject, error) {
	if merchant != tenant {
		return policies.TrialObject{}, fault.Missing("routing policy")
	}
	if f.asked != nil {
		f.asked(r)
	}
	return policies.TrialObject{Object: "routing_trial", Policy: "rp_" + someID, Version: 1, Valid: true, Faults: []policies.FaultObject{{Param: "p", Detail: "d"}}, Decision: &policies.Decision{
		Policy: "rp_" + someID, Version: 1, Rule: "r", Strategy: policies.Split, Experiment: &policies.Arm{Name: "e", Challenger: true, Stopped: true},
		Ranked: []policies.Ranked{{Account: "alpha", Reason: "r", Score: 1}}, Excluded: []policies.Excluded{{Account: "beta", Reason: "r"}}, Skipped: []policies.Skipped{{Rule: "r", Reason: "error"}},
	}}, nil
}

func (fakePolicies) Experiments(_ context.Context, merchant, _ string) ([]policies.ExperimentObject, error) {
	if merchant != tenant {
		return nil, fault.Missing("routing policy")
	}
	n, reason := int64(1), "approvals_significantly_worse"
	side := policies.ExperimentSide{Action: "usual", Outcomes: 1, Approved: 1, ApprovedPPM: &n}
	return []policies.ExperimentObject{{
		Object: "routing_experiment", Policy: "rp_" + someID, Version: &n, Name: "e", Status: "stopped", Share: &n, MinimumSample: &n, Control: side, Challenger: side, NextLook: &n,
		LastLook:  &policies.LookObject{Number: 1, At: start, Control: side, Challenger: side, Level: "1/200", Z: "3.0000", ZLimit: "2.5758"},
		StoppedAt: &start, StoppedReason: &reason,
	}}, nil
}

// fakeSimulations answers with values in every field.
type fakeSimulations struct {
	asked func(context.Context, simulation.Ask)
}

func (f fakeSimulations) Simulate(ctx context.Context, merchant, _ string, a simulation.Ask) (simulation.Object, error) {
	if merchant != tenant {
		return simulation.Object{}, fault.Missing("routing policy")
	}
	if f.asked != nil {
		f.asked(ctx, a)
	}
	fees := []simulation.Amount{{Amount: 1, Currency: "EUR"}}
	segments := []simulation.Segment{{Name: "DE", Matched: 1, Approved: 1, ApprovedPPM: 1, Fees: fees, Unpriced: 1}}
	return simulation.Object{
		Object: "routing_simulation", Policy: "rp_" + someID, Version: 1, Method: "card", From: start, Until: start, Truncated: true,
		Report: simulation.Report{Payments: 1, Approved: 1, ApprovedPPM: 1, Policies: []simulation.Result{{
			Name: "simulated", Policy: "rp_" + someID, Version: 1, Matched: 1, MatchedPPM: 1, Approved: 1, ApprovedPPM: 1, UsualPPM: 1, Fees: fees, Unpriced: 1, Countries: segments, Accounts: segments,
		}}},
	}, nil
}
