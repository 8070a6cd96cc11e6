package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/routing/adaptive"
	"github.com/florinpay/florin/internal/routing/sim"
)

// readPolicy reads and compiles the file of a policy.
func readPolicy(name string, accounts []string) (*routing.Policy, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the policy (built in are fixed, windowed, windowed-bin, adaptive and oracle): %w", err)
	}
	document, err := routing.Read(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	policy, err := routing.Compile(document, accounts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return policy, nil
}

// simulated are the merchant and the method of all payments of a simulation.
const simulatedMerchant, simulatedMethod = "simulated", "card"

// policyRouter decides as Florin does by a policy. What an experiment would learn is not counted: its challenger keeps its share.
type policyRouter struct {
	policy  *routing.Policy
	learned *routing.Learned
}

func newPolicyRouter(p *routing.Policy) *policyRouter {
	return &policyRouter{p, routing.NewLearned(adaptive.Config{})}
}

// Rank asks the policy. A currency that is not known leaves the payment without an amount.
func (p *policyRouter) Rank(dst []sim.Choice, q sim.Query) []sim.Choice {
	r := routing.Request{
		Merchant: simulatedMerchant, Payment: strconv.FormatUint(q.Bits, 16), Method: simulatedMethod,
		Country: q.Country, BIN: q.BIN, At: q.At,
	}
	if currency, err := money.ParseCurrency(q.Currency); err == nil {
		r.Amount = money.Of(q.Amount, currency)
	}
	for _, name := range q.Candidates {
		r.Candidates = append(r.Candidates, routing.Candidate{Account: name, Provider: name})
	}
	decision := p.policy.Decide(context.Background(), &r, routing.World{Ranker: p.learned})
	for _, x := range decision.Ranked {
		trial := x.Reason == string(adaptive.Probed) || x.Reason == string(adaptive.Explored)
		dst = append(dst, sim.Choice{Provider: x.Account, Trial: trial})
	}
	return dst
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
		Merchant: simulatedMerchant, Account: o.Provider, Method: simulatedMethod, Country: o.Country, BIN: o.BIN,
		Approved: o.Class == adaptive.Approved, Kind: kind, At: o.At,
	})
}
