package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/routing/sim"
)

// stored is a history that is read from the database.
const stored = "stored"

// storedMost is how many attempts are read from there.
const storedMost = 1_000_000

// storedSpec is what follows stored:.
type storedSpec struct {
	days   int
	method string
}

// isStored tells whether a history is to be read from the database, and what follows.
func isStored(history string) (spec string, ok bool) {
	spec, ok = strings.CutPrefix(history, stored)
	if ok && spec != "" {
		spec, ok = strings.CutPrefix(spec, ":")
	}
	return spec, ok
}

func parseStored(spec string) (storedSpec, error) {
	s := storedSpec{28, string(provider.MethodCard)}
	for part := range strings.SplitSeq(spec, ",") {
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		switch {
		case !ok || value == "":
			return s, fmt.Errorf("--history %s:%s: %s has no value", stored, spec, part)
		case name == "method":
			s.method = value
		case name == "days":
			var err error
			if s.days, err = strconv.Atoi(value); err != nil || s.days < 1 || s.days > 366 {
				return s, fmt.Errorf("--history %s:%s: days must be from 1 to 366", stored, spec)
			}
		default:
			return s, fmt.Errorf("--history %s:%s: there is no %s; there are days and method", stored, spec, name)
		}
	}
	return s, nil
}

// replayStored tries the policies on the merchant's own payments.
func (s routingSimulate) replayStored(ctx context.Context, c *console, spec storedSpec) (shown replayShown, err error) {
	err = withMain(ctx, c, s.Storage, func(opened *stores, where storage) error {
		if err := opened.openMainBox(ctx, where); err != nil {
			return err
		}
		tenant := s.Of.tenant()
		own, err := candidates{provider.NewAccounts(opened.main, opened.mainBox, opened.clock)}.Candidates(ctx, tenant)
		if err != nil {
			return err
		}
		now := opened.clock.Now()
		span := payment.Span{From: now.AddDate(0, 0, -spec.days), Before: now, Most: storedMost}
		payments, err := recordedOf(payment.NewHistory(opened.main).Read(ctx, tenant, span), spec.method, places(own))
		if err != nil {
			return err
		}
		shown, err = s.try(func() iter.Seq2[sim.Recorded, error] { return until(ctx, recordedPayments(payments)) }, tenant)
		return err
	})
	return shown, err
}

// places are where accounts stand in the merchant's own order.
func places(own []routing.Candidate) map[string]int {
	at := map[string]int{}
	for i, c := range own {
		at[c.Account] = i - len(own) // those that are gone stand at 0: behind
	}
	return at
}

// recordedOf is the first attempts among what is stored, oldest first, with the candidates in the merchant's own order.
func recordedOf(history iter.Seq2[payment.Past, error], method string, place map[string]int) ([]sim.Recorded, error) {
	var all []sim.Recorded
	for p, err := range history {
		if err != nil {
			return nil, err
		}
		if !p.First || p.Method != method {
			continue
		}
		slices.SortFunc(p.Candidates, func(a, b string) int { return cmp.Or(cmp.Compare(place[a], place[b]), cmp.Compare(a, b)) })
		all = append(all, sim.Recorded{
			At: p.At, Country: p.Country, BIN: p.BIN, Provider: p.Account, Outcome: outcomeOf(p), DeclineCode: string(p.Code),
			Amount: p.Amount.Minor(), Currency: p.Amount.Currency().Code(), Candidates: p.Candidates,
		})
	}
	slices.SortStableFunc(all, func(a, b sim.Recorded) int { return a.At.Compare(b.At) })
	return all, nil
}

func outcomeOf(p payment.Past) string {
	switch {
	case p.Approved:
		return sim.ApprovedOutcome
	case p.Code != "":
		return sim.DeclinedOutcome
	}
	return sim.TechnicalOutcome
}

func recordedPayments(all []sim.Recorded) iter.Seq2[sim.Recorded, error] {
	return func(yield func(sim.Recorded, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}
