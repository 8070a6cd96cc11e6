package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"time"
)

// RoutingDecision is in which order provider accounts are asked for a payment's money, and why.
type RoutingDecision struct {
	Policy     string             `json:"policy,omitempty"` // rp_…; empty: the merchant's own order
	Version    int64              `json:"version,omitempty"`
	Rule       string             `json:"rule,omitempty"` // empty: the policy's default
	Strategy   string             `json:"strategy"`
	Experiment *RoutingExperiment `json:"experiment,omitempty"`
	Ranked     []RoutingRanked    `json:"ranked"` // best first
	Excluded   []RoutingExcluded  `json:"excluded,omitempty"`
	Skipped    []RoutingSkipped   `json:"skipped,omitempty"`
}

// RoutingExperiment is the side of an experiment that a payment is on.
type RoutingExperiment struct {
	Name       string `json:"name"`
	Challenger bool   `json:"challenger"`
	Stopped    bool   `json:"stopped,omitempty"` // the challenger fell back: everybody gets the control
}

// RoutingRanked is a provider account in its place.
type RoutingRanked struct {
	Account string `json:"account"`
	Reason  string `json:"reason"`
	Score   int64  `json:"score,omitempty"` // in millionths
}

// RoutingExcluded is a provider account that could not be asked.
type RoutingExcluded struct {
	Account string `json:"account"`
	Reason  string `json:"reason"`
}

// RoutingSkipped is a rule that failed, and counted as not matching.
type RoutingSkipped struct {
	Rule   string `json:"rule"`
	Reason string `json:"reason"` // error, deadline or cost
}

// AttemptRouting is how an attempt came to its provider account.
type AttemptRouting struct {
	RoutingDecision
	Place int64 `json:"place"` // of the account among the ranked ones, from 0
}

// RoutingPolicy orders the provider accounts that payments are asked of.
type RoutingPolicy struct {
	ID               string          `json:"id"` // rp_…
	Livemode         bool            `json:"livemode"`
	Name             string          `json:"name"`
	LatestVersion    int64           `json:"latest_version"`
	PublishedVersion *int64          `json:"published_version"`          // nil: payments are not routed by it
	DocumentVersion  *int64          `json:"document_version,omitempty"` // which one the document is; not in lists
	Document         json.RawMessage `json:"document,omitempty"`         // of the published version, or the latest if there is none; not in lists
	CreatedAt        time.Time       `json:"created_at"`
	UpdatedAt        time.Time       `json:"updated_at"`
}

// RoutingPolicyVersion is a version of a policy. What it says never changes.
type RoutingPolicyVersion struct {
	ID          string          `json:"id"` // rpv_…
	Livemode    bool            `json:"livemode"`
	Policy      string          `json:"policy"`
	Version     int64           `json:"version"`
	Status      string          `json:"status"` // draft, published or retired
	Document    json.RawMessage `json:"document"`
	CreatedBy   string          `json:"created_by"` // a key
	PublishedAt *time.Time      `json:"published_at"`
	CreatedAt   time.Time       `json:"created_at"`
}

// ValidateRoutingPolicy tries a version of a policy.
type ValidateRoutingPolicy struct {
	Version int64        `json:"version,omitempty"` // 0: the latest
	Facts   RoutingFacts `json:"facts"`
}

// RoutingFacts is the payment to decide about. What is not given is not known.
type RoutingFacts struct {
	Amount     int64             `json:"amount"`
	Currency   string            `json:"currency"`
	Method     string            `json:"method,omitempty"`
	BIN        string            `json:"bin,omitempty"`
	Brand      string            `json:"brand,omitempty"`
	Funding    string            `json:"funding,omitempty"`
	Country    string            `json:"country,omitempty"`
	Customer   string            `json:"customer,omitempty"`
	Payment    string            `json:"payment,omitempty"` // splits and experiments draw by it
	OffSession bool              `json:"off_session,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	At         *time.Time        `json:"at,omitempty"`         // nil: now
	Candidates []string          `json:"candidates,omitempty"` // empty: all accounts
}

// RoutingTrial is what became of trying a policy.
type RoutingTrial struct {
	Livemode bool             `json:"livemode"`
	Policy   string           `json:"policy"`
	Version  int64            `json:"version"`
	Valid    bool             `json:"valid"` // it could be published now
	Faults   []RoutingFault   `json:"faults"`
	Decision *RoutingDecision `json:"decision"` // nil if it is not valid
}

// RoutingFault is what is wrong with a policy, and where.
type RoutingFault struct {
	Param  string `json:"param"`
	Detail string `json:"detail"`
}

// RoutingExperimentResult is how an experiment of a policy stands.
type RoutingExperimentResult struct {
	Livemode      bool                   `json:"livemode"`
	Policy        string                 `json:"policy"`
	Version       *int64                 `json:"version"` // nil: it is not in what is published; so are share and minimum sample
	Name          string                 `json:"name"`
	Status        string                 `json:"status"` // running, stopped or ended
	Share         *int64                 `json:"share"`  // percent
	MinimumSample *int64                 `json:"minimum_sample"`
	Control       RoutingExperimentSide  `json:"control"`
	Challenger    RoutingExperimentSide  `json:"challenger"`
	LastLook      *RoutingExperimentLook `json:"last_look"` // nil: the sides were not compared yet
	NextLook      *int64                 `json:"next_look"` // when each side has so many outcomes; nil if it is not running
	StoppedAt     *time.Time             `json:"stopped_at"`
	StoppedReason *string                `json:"stopped_reason"`
}

// RoutingExperimentSide is what one side of an experiment came to.
type RoutingExperimentSide struct {
	Action      string `json:"action,omitempty"`
	Outcomes    int64  `json:"outcomes"`
	Approved    int64  `json:"approved"`
	ApprovedPPM *int64 `json:"approved_ppm"` // nil: there are no outcomes
}

// RoutingExperimentLook is a comparison of an experiment's sides, with the figures that it was made by. Above its limit, the z of the test
// stops the challenger.
type RoutingExperimentLook struct {
	Number     int64                 `json:"number"`
	At         time.Time             `json:"at"`
	Control    RoutingExperimentSide `json:"control"`
	Challenger RoutingExperimentSide `json:"challenger"`
	Level      string                `json:"level"` // an exact fraction, such as 1/200
	Z          string                `json:"z"`     // four decimals
	ZLimit     string                `json:"z_limit"`
}

// SimulateRoutingPolicy replays payments of the past under a version of a policy.
type SimulateRoutingPolicy struct {
	Version int64  `json:"version,omitempty"` // 0: the latest
	Days    int64  `json:"days,omitempty"`    // 0: 28
	Method  string `json:"method,omitempty"`  // empty: card
	// Against is what it is compared with: published, fixed, windowed, windowed-bin, adaptive. Nil: fixed, and what is published if that is
	// another version.
	Against []string `json:"against,omitzero"`
}

// RoutingSimulation is what policies would have made of payments.
type RoutingSimulation struct {
	Livemode    bool                      `json:"livemode"`
	Policy      string                    `json:"policy"`
	Version     int64                     `json:"version"`
	Method      string                    `json:"method"`
	From        time.Time                 `json:"from"`
	Until       time.Time                 `json:"until"`
	Truncated   bool                      `json:"truncated"` // older payments were left out
	Payments    int64                     `json:"payments"`
	Approved    int64                     `json:"approved"`
	ApprovedPPM int64                     `json:"approved_ppm"` // parts per million
	Policies    []RoutingSimulationResult `json:"policies"`     // the version, then what it is compared with
}

// RoutingSimulationResult is one policy's. Only payments count that it would have sent where they went.
type RoutingSimulationResult struct {
	Name             string                     `json:"name"` // simulated, or as in Against
	Policy           string                     `json:"policy,omitempty"`
	Version          int64                      `json:"version,omitempty"`
	Matched          int64                      `json:"matched"`
	MatchedPPM       int64                      `json:"matched_ppm"` // of all payments
	Approved         int64                      `json:"approved"`    // of the matched ones
	ApprovedPPM      int64                      `json:"approved_ppm"`
	UsualPPM         int64                      `json:"usual_ppm"` // what the matched ones' countries and BINs had among all payments
	Fees             []Amount                   `json:"fees"`
	Unpriced         int64                      `json:"unpriced"` // approved ones of which no fee is known
	Countries        []RoutingSimulationSegment `json:"countries"`
	ProviderAccounts []RoutingSimulationSegment `json:"provider_accounts"`
}

// RoutingSimulationSegment is the matched payments of a country, or of a provider account.
type RoutingSimulationSegment struct {
	Name        string   `json:"name"` // empty: a country that is not known
	Matched     int64    `json:"matched"`
	Approved    int64    `json:"approved"`
	ApprovedPPM int64    `json:"approved_ppm"`
	Fees        []Amount `json:"fees"`
	Unpriced    int64    `json:"unpriced"`
}

// RoutingPolicyService calls /v1/routing/policies. A document is a policy as docs/routing.md describes it.
type RoutingPolicyService struct{ core *core }

const policies = "/v1/routing/policies"

// Create makes a policy, whose first version is a draft.
func (s *RoutingPolicyService) Create(ctx context.Context, document json.RawMessage, options ...CallOption) (*RoutingPolicy, error) {
	return post[RoutingPolicy](ctx, s.core, policies, document, options)
}

// Get reads a policy.
func (s *RoutingPolicyService) Get(ctx context.Context, id string, options ...CallOption) (*RoutingPolicy, error) {
	path, err := under(policies, id)
	if err != nil {
		return nil, err
	}
	return get[RoutingPolicy](ctx, s.core, path, nil, options)
}

// List walks policies, newest first.
func (s *RoutingPolicyService) List(ctx context.Context, p Page, options ...CallOption) iter.Seq2[*RoutingPolicy, error] {
	return all(ctx, s.core, policies, p.values(), func(p *RoutingPolicy) string { return p.ID }, options)
}

// Update makes the next version of a policy, a draft. The document is the whole policy.
func (s *RoutingPolicyService) Update(ctx context.Context, id string, document json.RawMessage, options ...CallOption) (*RoutingPolicy, error) {
	path, err := under(policies, id, "versions")
	if err != nil {
		return nil, err
	}
	return post[RoutingPolicy](ctx, s.core, path, document, options)
}

// Versions walks a policy's versions, newest first.
func (s *RoutingPolicyService) Versions(ctx context.Context, id string, p Page, options ...CallOption) iter.Seq2[*RoutingPolicyVersion, error] {
	path, err := under(policies, id, "versions")
	if err != nil {
		return func(yield func(*RoutingPolicyVersion, error) bool) { yield(nil, err) }
	}
	return all(ctx, s.core, path, p.values(), func(v *RoutingPolicyVersion) string { return v.ID }, options)
}

// Publish has payments routed by a version.
func (s *RoutingPolicyService) Publish(ctx context.Context, id string, version int64, options ...CallOption) (*RoutingPolicy, error) {
	path, err := under(policies, id, "publish")
	if err != nil {
		return nil, err
	}
	return post[RoutingPolicy](ctx, s.core, path, struct {
		Version int64 `json:"version"`
	}{version}, options)
}

// Rollback publishes the newest version below the published one that was ever published.
func (s *RoutingPolicyService) Rollback(ctx context.Context, id string, options ...CallOption) (*RoutingPolicy, error) {
	path, err := under(policies, id, "rollback")
	if err != nil {
		return nil, err
	}
	return post[RoutingPolicy](ctx, s.core, path, nil, options)
}

// Unpublish has payments routed by no policy any more: they have the merchant's own order of the accounts again.
func (s *RoutingPolicyService) Unpublish(ctx context.Context, id string, options ...CallOption) (*RoutingPolicy, error) {
	path, err := under(policies, id, "unpublish")
	if err != nil {
		return nil, err
	}
	return post[RoutingPolicy](ctx, s.core, path, nil, options)
}

// Validate tells whether a version could be published now, and how it would decide. Nothing is written.
func (s *RoutingPolicyService) Validate(ctx context.Context, id string, p ValidateRoutingPolicy, options ...CallOption) (*RoutingTrial, error) {
	path, err := under(policies, id, "validate")
	if err != nil {
		return nil, err
	}
	return post[RoutingTrial](ctx, s.core, path, p, options)
}

// Experiments walks the experiments of a policy: those of its published version, then others that something was counted of.
func (s *RoutingPolicyService) Experiments(ctx context.Context, id string, options ...CallOption) iter.Seq2[*RoutingExperimentResult, error] {
	path, err := under(policies, id, "experiments")
	if err != nil {
		return func(yield func(*RoutingExperimentResult, error) bool) { yield(nil, err) }
	}
	return all(ctx, s.core, path, url.Values{}, func(e *RoutingExperimentResult) string { return e.Name }, options)
}

// Simulate replays your own payments under a version, and under what that is compared with. It may take a minute; one simulation runs at a
// time.
func (s *RoutingPolicyService) Simulate(ctx context.Context, id string, p SimulateRoutingPolicy, options ...CallOption) (*RoutingSimulation, error) {
	path, err := under(policies, id, "simulate")
	if err != nil {
		return nil, err
	}
	return post[RoutingSimulation](ctx, s.core, path, p, options)
}
