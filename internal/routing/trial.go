package routing

import (
	"context"
	"fmt"
	"slices"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Validate judges a version of a policy, 0 the latest, by the accounts that the merchant has now, and tells how it would decide a
// request. If that names no candidates, those of the merchant's accounts are that take its method. It fails with fault.Invalid, naming version,
// if there is no such version. Nothing is written.
func (s *Policies) Validate(ctx context.Context, tenant, policy string, number int64, req Request) (TrialObject, error) {
	p, err := s.store().policy(ctx, tenant, policy)
	if err != nil {
		return TrialObject{}, err
	}
	e, err := s.version(ctx, p, number)
	if err != nil {
		return TrialObject{}, err
	}
	o := TrialObject{Object: "routing_trial", Livemode: id.Live(tenant), Policy: policy, Version: e.number, Faults: []FaultObject{}}
	rules, err := s.compile(ctx, tenant, e.document)
	if fault.Is(err, fault.Invalid) {
		o.Faults = faultObjects(err)
		return o, nil
	}
	if err != nil {
		return TrialObject{}, err
	}
	if err = s.choose(ctx, tenant, &req); err != nil {
		return TrialObject{}, err
	}
	o.Valid = true
	now := current{policy: policy, number: e.number, rules: rules}
	if now.stopped, err = s.store().stopped(ctx, tenant, policy); err != nil {
		return TrialObject{}, err
	}
	d := now.decide(ctx, &req, s.ranker())
	o.Decision = &d
	return o, nil
}

// choose gives a trial its candidates: the accounts that were asked for, as the merchant has them, or those that take the method.
func (s *Policies) choose(ctx context.Context, tenant string, req *Request) error {
	has, err := s.Accounts.Candidates(ctx, tenant)
	if err != nil {
		return fmt.Errorf("list the provider accounts of %s: %w", tenant, err)
	}
	for i, a := range req.Candidates {
		at := slices.IndexFunc(has, func(c Candidate) bool { return c.Account == a.Account })
		if at < 0 {
			return fault.Wrong(fmt.Sprintf("facts.candidates[%d]", i), fault.CodeInvalid, "no such provider account")
		}
		req.Candidates[i] = has[at]
	}
	if len(req.Candidates) > 0 {
		return nil
	}
	takes, err := s.Accounts.Methods(ctx, tenant)
	if err != nil {
		return fmt.Errorf("list what the provider accounts of %s take: %w", tenant, err)
	}
	for _, c := range has {
		if slices.Contains(takes[c.Account], req.Method) {
			req.Candidates = append(req.Candidates, c)
		} else {
			req.Excluded = append(req.Excluded, Excluded{c.Account, incapable})
		}
	}
	return nil
}

// incapable is why an account is no candidate that does not take a payment's method.
const incapable = "capability"
