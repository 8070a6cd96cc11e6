package main

import (
	"context"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/routing/adaptive"
)

// openRouting makes what orders the accounts that a payment is asked of. Its Run must run: see process.
func (a *parts) openRouting() {
	a.router = routing.NewRouter(routing.Options{
		DB: a.main, Ranker: routing.NewLearned(adaptive.Config{}), Clock: a.clock, IDs: a.ids, Logger: a.log, Metrics: a.registry,
	})
	a.policies = &routing.Policies{DB: a.main, Accounts: candidates{a.accounts}, Router: a.router, Clock: a.clock, IDs: a.ids}
}

// candidates are a merchant's provider accounts as routing knows them.
type candidates struct{ accounts *provider.Accounts }

// Candidates are all the accounts, in the merchant's own order.
func (c candidates) Candidates(ctx context.Context, tenant string) ([]routing.Candidate, error) {
	found, err := c.accounts.List(ctx, tenant)
	all := make([]routing.Candidate, len(found))
	for i, a := range found {
		all[i] = routing.Candidate{Account: a.ID, Provider: a.Provider}
	}
	return all, err
}
