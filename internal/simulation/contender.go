// Package simulation tries routing policies on a merchant's own payments, or on recorded ones, for the API and the command line: what stands
// on payments and on routing. The world that is generated, and what counts in a replay, are in routing/sim.
package simulation

import (
	"context"
	"strconv"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/routing/adaptive"
	"github.com/florinpay/florin/internal/routing/sim"
)

// Contender is a policy to try: each world or history gets a new router.
type Contender struct {
	Name    string
	Policy  string // its id, if it is a stored one
	Version int64  // likewise
	Rules   *routing.Policy
	Make    func() sim.Router
}

// The contenders that need no policy.
const (
	Fixed       = "fixed"
	Windowed    = "windowed"
	WindowedBIN = "windowed-bin"
	Adaptive    = "adaptive"
	Oracle      = "oracle" // in a generated world only
)

var builtIn = map[string]func() sim.Router{
	Fixed:       func() sim.Router { return sim.Fixed{} },
	Windowed:    func() sim.Router { return sim.NewWindowed(sim.UsualWindow) },
	WindowedBIN: func() sim.Router { return sim.NewWindowed(sim.WindowByBIN) },
	Adaptive:    func() sim.Router { return sim.NewAdaptive(adaptive.Config{}) },
	Oracle:      sim.NewOracle,
}

// BuiltIn is the contender of a name; false if there is none.
func BuiltIn(name string) (Contender, bool) {
	c := Contender{Name: name, Make: builtIn[name]}
	return c, c.Make != nil
}

// Subject is whose payments are tried, and by which method they are paid.
type Subject struct{ Tenant, Method string }

// OfPolicy is a policy as a contender.
func OfPolicy(name string, p *routing.Policy, s Subject) Contender {
	return Contender{Name: name, Rules: p, Make: func() sim.Router {
		return &policyRouter{p, s, routing.NewLearned(adaptive.Config{})}
	}}
}

// policyRouter decides as Florin does by a policy. What an experiment would learn is not counted: its challenger keeps its share.
type policyRouter struct {
	policy  *routing.Policy
	subject Subject
	learned *routing.Learned
}

// Rank asks the policy.
func (p *policyRouter) Rank(dst []sim.Choice, q sim.Query) []sim.Choice {
	r := p.subject.request(q)
	decision := p.policy.Decide(context.Background(), &r, routing.World{Ranker: p.learned})
	for _, x := range decision.Ranked {
		trial := x.Reason == string(adaptive.Probed) || x.Reason == string(adaptive.Explored)
		dst = append(dst, sim.Choice{Provider: x.Account, Trial: trial})
	}
	return dst
}

// request is a payment as a policy sees it. A currency that is not known leaves it without an amount. One without an id draws by lot.
func (s Subject) request(q sim.Query) routing.Request {
	r := routing.Request{
		Merchant: s.Tenant, Payment: q.Payment, Customer: q.Customer, Method: s.Method, OffSession: q.OffSession,
		BIN: q.BIN, Brand: q.Brand, Funding: q.Funding, Country: q.Country, Metadata: q.Metadata, At: q.At,
	}
	if r.Payment == "" {
		r.Payment = strconv.FormatUint(q.Bits, 16)
	}
	if currency, err := money.ParseCurrency(q.Currency); err == nil {
		r.Amount = money.Of(q.Amount, currency)
	}
	for _, name := range q.Candidates {
		r.Candidates = append(r.Candidates, routing.Candidate{Account: name, Provider: name})
	}
	return r
}

// Observe teaches what the policy's adaptive rules rank by.
func (p *policyRouter) Observe(o adaptive.Outcome) {
	kind := routing.ByIssuer
	switch o.Class {
	case adaptive.Customer:
		kind = routing.ByCustomer
	case adaptive.Technical:
		kind = routing.ByTechnique
	}
	p.learned.Learn(routing.Outcome{
		Merchant: p.subject.Tenant, Account: o.Provider, Method: p.subject.Method, Country: o.Country, BIN: o.BIN,
		Approved: o.Class == adaptive.Approved, Kind: kind, At: o.At,
	})
}

// classOf is whose doing a decline is.
func classOf(code string) adaptive.Class {
	return adaptive.ClassOf(code, provider.Explain(provider.DeclineCode(code)).Category)
}
