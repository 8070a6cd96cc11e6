package main

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/routing/adaptive"
	"github.com/florinpay/florin/internal/simulation"
)

// openRouting makes what orders the accounts that a payment is asked of. Its Run must run: see process.
func (a *parts) openRouting(providers provider.Registry) {
	a.learned = routing.NewLearned(adaptive.Config{})
	a.router = routing.NewRouter(routing.Options{
		DB: a.main, Ranker: a.learned, Clock: a.clock, IDs: a.ids, Logger: a.log, Metrics: a.registry,
	})
	a.policies = &routing.Policies{DB: a.main, Accounts: takers{candidates{a.accounts}, providers}, Router: a.router, Clock: a.clock, IDs: a.ids}
	a.simulator = &simulation.Simulator{Attempts: payment.NewHistory(a.main), Policies: a.policies, Accounts: candidates{a.accounts}, Clock: a.clock}
	a.learning = a.clock.Now()
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

// takers are the candidates with what they take.
type takers struct {
	candidates
	providers provider.Registry
}

// Methods are the words of the methods by which each account takes payments.
func (t takers) Methods(ctx context.Context, tenant string) (map[string][]string, error) {
	found, err := t.accounts.List(ctx, tenant)
	all := make(map[string][]string, len(found))
	for _, a := range found {
		all[a.ID] = nil
		for _, method := range t.providers.Methods(a) {
			all[a.ID] = append(all[a.ID], string(method))
		}
	}
	return all, err
}

// The bounds of what a new process learns from: an outcome counts half after a day.
const (
	rememberedAge   = 7 * 24 * time.Hour
	rememberedMost  = 200_000 // attempts
	rememberingTime = time.Minute
)

// remember teaches a new process what is stored, beside the payments that it makes already. What cannot be read is not learned: payments
// do not wait for it.
func (a *parts) remember(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, rememberingTime)
	defer done()
	began := clock.Stopwatch()
	span := payment.Span{From: a.learning.Add(-rememberedAge), Before: a.learning, Most: rememberedMost}
	n, err := payment.NewHistory(a.main).Teach(ctx, span, a.learned.Warm)
	if err != nil {
		a.log.Warn("not all stored attempts were learned from", "attempts", n, "error", err)
	} else if n > 0 {
		a.log.Info("learned from stored attempts", "attempts", n, "milliseconds", clock.Since(began).Milliseconds())
	}
	return nil
}
