package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	policies "github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/strict"
)

// Policies keeps by what payments are routed. See routing.Policies.
type Policies interface {
	Create(ctx context.Context, tenant, by string, d policies.Document, with policies.With) (policies.Object, error)
	Judge(ctx context.Context, tenant string, d policies.Document) error
	Update(ctx context.Context, tenant, policy, by string, d policies.Document, with policies.With) (policies.Object, error)
	Publish(ctx context.Context, tenant, policy string, version int64, by string, with policies.With) (policies.Object, error)
	Rollback(ctx context.Context, tenant, policy, by string, with policies.With) (policies.Object, error)
	Unpublish(ctx context.Context, tenant, policy, by string, with policies.With) (policies.Object, error)
	PolicyReader
}

// PolicyReader shows policies, and tries them. See routing.Policies.
type PolicyReader interface {
	Get(ctx context.Context, tenant, policy string) (policies.Object, error)
	List(ctx context.Context, tenant string, p db.Page) ([]policies.Object, bool, error)
	Versions(ctx context.Context, tenant, policy string, p db.Page) ([]policies.VersionObject, bool, error)
	Validate(ctx context.Context, tenant, policy string, version int64, r policies.Request) (policies.TrialObject, error)
	Experiments(ctx context.Context, tenant, policy string) ([]policies.ExperimentObject, error)
}

type publishPolicy struct {
	Version int64 `json:"version" minimum:"1" maximum:"1000000000" doc:"Which one: that you have looked at, not whatever is the latest." example:"2"`
}

type validatePolicy struct {
	Version *int64       `json:"version,omitempty" minimum:"1" maximum:"1000000000" doc:"The latest if it is not given."`
	Facts   routingFacts `json:"facts" doc:"The payment to decide about. What is not given is not known."`
}

// routingFacts is a payment that is not made.
type routingFacts struct {
	Amount     int64     `json:"amount" minimum:"1" maximum:"999999999999" low:"amount_too_small" high:"amount_too_large" doc:"In the currency's minor unit." example:"9232"`
	Currency   string    `json:"currency" check:"currency" pattern:"^[A-Z]{3}$" example:"EUR"`
	Method     string    `json:"method,omitempty" enum:"card,bank_redirect,pix,ideal,payid,fpx,upi,sepa_qr,wallet" doc:"card if it is not given." example:"card"`
	BIN        string    `json:"bin,omitempty" maxLength:"8" pattern:"^[0-9]*$" example:"424242"`
	Brand      string    `json:"brand,omitempty" maxLength:"40" pattern:"^[a-z_]*$" example:"visa"`
	Funding    string    `json:"funding,omitempty" maxLength:"40" pattern:"^[a-z_]*$" example:"debit"`
	Country    string    `json:"country,omitempty" maxLength:"2" pattern:"^([A-Z]{2})?$" doc:"Of the issuer." example:"DE"`
	OffSession bool      `json:"off_session,omitempty"`
	Customer   string    `json:"customer,omitempty" maxLength:"64" check:"customer" example:"cus_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Payment    string    `json:"payment,omitempty" maxLength:"64" check:"printable" doc:"Splits and experiments draw by it: vary it to see them all." example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Metadata   Metadata  `json:"metadata,omitempty"`
	At         time.Time `json:"at,omitempty" doc:"Now if it is not given."`
	Candidates []string  `json:"candidates,omitempty" maxItems:"100" doc:"The accounts that can take it, in your own order. If it is not given: those of your accounts that take the method. Of accounts that are named it is not looked at whether they do." example:"[\"alpha\",\"beta\"]"`
}

// request is the facts as routing sees them.
func (f *routingFacts) request(tenant string, now time.Time) (policies.Request, error) {
	currency, err := money.ParseCurrency(f.Currency)
	if err != nil {
		return policies.Request{}, fault.Wrong("facts.currency", fault.CodeCurrency, err.Error())
	}
	r := policies.Request{
		Merchant: tenant, Payment: f.Payment, Customer: f.Customer, Amount: money.Of(f.Amount, currency), Method: f.Method, OffSession: f.OffSession,
		BIN: f.BIN, Brand: f.Brand, Funding: f.Funding, Country: f.Country, Metadata: f.Metadata, At: f.At,
	}
	if r.Method == "" {
		r.Method = "card"
	}
	if r.At.IsZero() {
		r.At = now
	}
	for _, account := range f.Candidates {
		r.Candidates = append(r.Candidates, policies.Candidate{Account: account})
	}
	return r, nil
}

type listPoliciesInput struct{ Paging }

// Resolve checks the query.
func (in *listPoliciesInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) { in.check(f, id.Policy) })
}

type listPolicyVersionsInput struct {
	ID string `path:"id"`
	Paging
}

// Resolve checks the query.
func (in *listPolicyVersionsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) { in.check(f, id.PolicyVersion) })
}

// samplePolicy is the policy of the documentation's story.
const samplePolicy = `{"name":"Cards in Europe","time_zone":"Europe/Berlin","rules":[{"id":"german-debit","when":"country == 'DE' && funding == 'debit'","then":{"strategy":"ordered","accounts":["beta","alpha"]}}]}`

func (a *API) registerRouting() {
	object, document := reflect.TypeFor[policies.Object](), reflect.TypeFor[policies.Document]()
	const tag, all, one = "Routing", "/v1/routing/policies", "/v1/routing/policies/{id}"
	register(a, operation{
		id: "createRoutingPolicy", method: http.MethodPost, path: all, tag: tag, summary: "Create a routing policy",
		doc: "The body is the policy. Its first version is a draft: payments are routed by it once it is published. A policy that could go wrong is refused, each fault with its place: " +
			"a rule by its index, and in a condition the line and the column.",
		scope: access.RoutingWrite, status: http.StatusCreated, answer: object, body: document, sample: samplePolicy,
	}, a.createPolicy)
	register(a, operation{
		id: "listRoutingPolicies", method: http.MethodGet, path: all, tag: tag, summary: "List routing policies",
		doc:   "One of them at most is published.",
		scope: access.RoutingRead, status: http.StatusOK, answer: reflect.TypeFor[listing[policies.Object]](),
	}, a.listPolicies)
	register(a, operation{
		id: "getRoutingPolicy", method: http.MethodGet, path: one, tag: tag, summary: "Get a routing policy",
		doc:   "With what its published version says, or its latest if it is not published: document_version tells which. The others are in its versions.",
		scope: access.RoutingRead, status: http.StatusOK, answer: object,
	}, a.getPolicy)
	register(a, operation{
		id: "createRoutingPolicyVersion", method: http.MethodPost, path: one + "/versions", tag: tag, summary: "Change a routing policy",
		doc:   "The body is the whole policy. It becomes the latest version, a draft. What is published stays.",
		scope: access.RoutingWrite, status: http.StatusCreated, answer: object, body: document, sample: samplePolicy, shows: story{"latest_version": 2, "published_version": 1, "document_version": 2},
	}, a.updatePolicy)
	register(a, operation{
		id: "listRoutingPolicyVersions", method: http.MethodGet, path: one + "/versions", tag: tag, summary: "List the versions of a routing policy",
		doc:   "What a version says never changes.",
		scope: access.RoutingRead, status: http.StatusOK, answer: reflect.TypeFor[listing[policies.VersionObject]](),
	}, a.listPolicyVersions)
	register(a, operation{
		id: "listRoutingExperiments", method: http.MethodGet, path: one + "/experiments", tag: tag, summary: "List the experiments of a routing policy",
		doc: "Those of its published version, and behind them up to 100 others that something was counted of. Every process writes what it counted each second: " +
			"shown is the sum of what is written.",
		scope: access.RoutingRead, status: http.StatusOK, answer: reflect.TypeFor[listing[policies.ExperimentObject]](),
	}, a.listExperiments)
	a.registerRoutingActions()
}

func (a *API) registerRoutingActions() {
	object := reflect.TypeFor[policies.Object]()
	const tag, one = "Routing", "/v1/routing/policies/{id}"
	register(a, operation{
		id: "publishRoutingPolicy", method: http.MethodPost, path: one + "/publish", tag: tag, summary: "Publish a version of a routing policy",
		doc:   "Payments are routed by it from now on, within a second on every node, whichever policy they were routed by before.",
		scope: access.RoutingWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[publishPolicy](), sample: `{"version":2}`,
		shows: story{"latest_version": 2, "published_version": 2, "document_version": 2},
	}, a.publishPolicy)
	register(a, operation{
		id: "rollbackRoutingPolicy", method: http.MethodPost, path: one + "/rollback", tag: tag, summary: "Go back to the version before",
		doc:   "Publishes the newest version below the published one that was ever published. Do it again to go further back.",
		scope: access.RoutingWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[noParameters](), optional: true, sample: `{}`,
		shows: story{"latest_version": 2, "published_version": 1},
	}, a.rollbackPolicy)
	register(a, operation{
		id: "unpublishRoutingPolicy", method: http.MethodPost, path: one + "/unpublish", tag: tag, summary: "Withdraw a routing policy",
		doc:   "Payments have your own order of the accounts again, within a second on every node. What was published is retired, and can be published again. 409 if the policy is not published.",
		scope: access.RoutingWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[noParameters](), optional: true, sample: `{}`,
		shows: story{"latest_version": 2, "published_version": nil, "document_version": 2},
	}, a.unpublishPolicy)
	register(a, operation{
		id: "validateRoutingPolicy", method: http.MethodPost, path: one + "/validate", tag: tag, summary: "Try a routing policy",
		doc:   "Tells whether a version could be published now, and how it would decide about a payment. Nothing is written, and nobody is asked for money.",
		scope: access.RoutingRead, status: http.StatusOK, answer: reflect.TypeFor[policies.TrialObject](), body: reflect.TypeFor[validatePolicy](), looks: true,
		sample: `{"facts":{"amount":9232,"currency":"EUR","brand":"visa","funding":"debit","country":"DE"}}`,
	}, a.validatePolicy)
	a.registerSimulation()
}

func (a *API) createPolicy(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := a.decodePolicy(ctx, rq, in.RawBody)
		if err != nil {
			return nil, err
		}
		return a.Policies.Create(ctx, tenant, rq.principal.KeyID, *body, recordedPolicy(o, "routing_policy.created"))
	}, a.showPolicy(tenant))
}

// decodePolicy reads a policy. Of one without a policy's shape it is told what else is wrong with it, too.
func (a *API) decodePolicy(ctx context.Context, rq *request, data []byte) (*policies.Document, error) {
	body, err := decode[policies.Document](rq, data, a.Clock.Now())
	if body == nil || err == nil {
		return body, err
	}
	return nil, policies.Together(err, a.Policies.Judge(ctx, rq.principal.Tenant, *body))
}

func (a *API) updatePolicy(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	return a.changePolicy(ctx, rq, in, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := a.decodePolicy(ctx, rq, in.RawBody)
		if err != nil {
			return nil, err
		}
		return a.Policies.Update(ctx, rq.principal.Tenant, in.ID, rq.principal.KeyID, *body, recordedPolicy(o, "routing_policy.changed"))
	})
}

func (a *API) publishPolicy(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	return a.changePolicy(ctx, rq, in, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[publishPolicy](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.Policies.Publish(ctx, rq.principal.Tenant, in.ID, body.Version, rq.principal.KeyID, recordedPolicy(o, "routing_policy.published"))
	})
}

func (a *API) rollbackPolicy(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	return a.changePolicy(ctx, rq, in, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		if _, err := decodeOptional[noParameters](rq, in.RawBody, a.Clock.Now()); err != nil {
			return nil, err
		}
		return a.Policies.Rollback(ctx, rq.principal.Tenant, in.ID, rq.principal.KeyID, recordedPolicy(o, "routing_policy.rolled_back"))
	})
}

func (a *API) unpublishPolicy(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	return a.changePolicy(ctx, rq, in, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		if _, err := decodeOptional[noParameters](rq, in.RawBody, a.Clock.Now()); err != nil {
			return nil, err
		}
		return a.Policies.Unpublish(ctx, rq.principal.Tenant, in.ID, rq.principal.KeyID, recordedPolicy(o, "routing_policy.unpublished"))
	})
}

// changePolicy does something to one policy, once.
func (a *API) changePolicy(ctx context.Context, rq *request, in *actionInput, status int, do work) (answer, error) {
	if !id.Has(in.ID, id.Policy) {
		return answer{}, fault.Missing("routing policy")
	}
	return a.once(ctx, rq, in.RawBody, status, do, a.showPolicy(rq.principal.Tenant))
}

// recordedPolicy is recorded for a policy, with its versions.
func recordedPolicy(o *once, did audit.Action) policies.With {
	return recordedAs(o, did, func(made policies.Object) map[string]string {
		detail := map[string]string{"latest_version": strconv.FormatInt(made.LatestVersion, 10)}
		if made.PublishedVersion != nil {
			detail["published_version"] = strconv.FormatInt(*made.PublishedVersion, 10)
		}
		return detail
	})
}

func (a *API) showPolicy(tenant string) view {
	return asItIs(tenant, a.Policies.Get)
}

func (a *API) getPolicy(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Policy) {
		return answer{}, fault.Missing("routing policy")
	}
	return show(a.Policies.Get(ctx, rq.principal.Tenant, in.ID))
}

func (a *API) listPolicies(ctx context.Context, rq *request, in *listPoliciesInput) (answer, error) {
	data, more, err := a.Policies.List(ctx, rq.principal.Tenant, in.page())
	return showList(data, more, err)
}

func (a *API) listPolicyVersions(ctx context.Context, rq *request, in *listPolicyVersionsInput) (answer, error) {
	if !id.Has(in.ID, id.Policy) {
		return answer{}, fault.Missing("routing policy")
	}
	data, more, err := a.Policies.Versions(ctx, rq.principal.Tenant, in.ID, in.page())
	return showList(data, more, err)
}

func (a *API) listExperiments(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Policy) {
		return answer{}, fault.Missing("routing policy")
	}
	data, err := a.Policies.Experiments(ctx, rq.principal.Tenant, in.ID)
	return showList(data, false, err)
}

// validatePolicy writes nothing, so that a repeat needs no record of the first.
func (a *API) validatePolicy(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Policy) {
		return answer{}, fault.Missing("routing policy")
	}
	body, err := decode[validatePolicy](rq, in.RawBody, a.Clock.Now())
	if err != nil {
		return answer{}, err
	}
	facts, err := body.Facts.request(rq.principal.Tenant, a.Clock.Now())
	if err != nil {
		return answer{}, err
	}
	return show(a.Policies.Validate(ctx, rq.principal.Tenant, in.ID, orZero(body.Version), facts))
}

// policyParts are the types that a policy consists of: requests have them as answers do.
var policyParts = map[reflect.Type]bool{
	reflect.TypeFor[policies.Rule](): true, reflect.TypeFor[policies.Default](): true, reflect.TypeFor[policies.NamedAction](): true, reflect.TypeFor[policies.Action](): true,
	reflect.TypeFor[policies.Weight](): true, reflect.TypeFor[policies.Experiment](): true, reflect.TypeFor[policies.FeeTable](): true, reflect.TypeFor[policies.FeeRow](): true,
	reflect.TypeFor[policies.FixedFee](): true, reflect.TypeFor[policies.AccountFees](): true,
}
