package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
)

// A provider bears so many calls at once. A payment that no provider has room for is refused before anything of it is written, so room for
// the first call is taken before the intent is, and kept until the call is made.

// room is the place of a try's first call for its money. A nil one is none, which is as good where nobody counts.
type room struct {
	place health.Place
	held  bool
}

// use makes the call in its place; nil if there is none any more.
func (r *room) use() func(health.Result) {
	if r == nil || !r.held {
		return nil
	}
	r.held = false
	return r.place.Begin()
}

// giveBack lets somebody else have the place, unless it was used or given back before.
func (r *room) giveBack() {
	if r != nil && r.held {
		r.held = false
		r.place.Leave()
	}
}

// take takes a place at the first account that has one. Those before it are left out of what was decided, with the reason. It fails with
// fault.Unavailable, see shut, if there is none anywhere. Whoever takes a place gives it back.
func (s *Service) take(accounts []provider.Account, d *routing.Decision) (*room, []provider.Account, error) {
	if s.Health == nil {
		return nil, accounts, nil
	}
	var first error
	for i, a := range accounts {
		place, err := s.Health.Reserve(callTo(a, health.Authorize))
		var full *health.Closed
		switch {
		case err == nil:
			return &room{place, true}, accounts[i:], nil
		case !errors.As(err, &full):
			return nil, nil, fmt.Errorf("room at provider account %s: %w", a.ID, err)
		case first == nil:
			first = shutFor(full.Reason)
		}
		leaveOut(d, a.ID, full.Reason)
	}
	return nil, nil, first
}

// leaveOut moves an account from those that are asked to those that are not.
func leaveOut(d *routing.Decision, account, reason string) {
	d.Ranked = slices.DeleteFunc(slices.Clone(d.Ranked), func(r routing.Ranked) bool { return r.Account == account })
	d.Excluded = append(slices.Clip(d.Excluded), routing.Excluded{Account: account, Reason: reason})
}

// callIn makes a call in the place that was taken for it; if there is none any more, like call.
func (s *Service) callIn(ctx context.Context, held *room, a provider.Account, do func(ctx context.Context) provider.Outcome) provider.Outcome {
	if done := held.use(); done != nil {
		return s.run(ctx, a, health.Authorize, done, do)
	}
	return s.call(ctx, a, health.Authorize, do)
}

// errShut is the refusal of a payment that some account could take, if it could be called; errFull of one that comes when too many others
// are under way.
var (
	errShut = &fault.Error{
		Kind: fault.Unavailable, Code: fault.CodeProviderUnavailable, Detail: "no provider account can take this payment now", RetryAfter: retryShut,
	}
	errFull = &fault.Error{
		Kind: fault.Unavailable, Code: fault.CodeProviderUnavailable, Detail: "the provider has as many calls under way as it can bear", RetryAfter: retryFull,
	}
)

// After how long a merchant may try again.
const (
	retryShut = 5 * time.Second
	retryFull = time.Second
)

// shutFor is the refusal for a reason of Health's.
func shutFor(reason string) error {
	if reason == health.Overloaded {
		return errFull
	}
	return errShut
}

// shut tells whether a payment was refused because no account could be called.
func shut(err error) bool { return errors.Is(err, errShut) || errors.Is(err, errFull) }
