package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
)

// A provider bears so many calls at once. A payment that no provider has room for is refused before anything of it is written, so room for
// the first call is taken before the intent is, and kept until the call is made. Whoever must be authenticated first needs one room for both
// calls, as one comes after the other, and each operation's leave.

// room is the place of a try's first call for its money, and of the question to its issuer that goes before it. A nil one is none, which is
// as good where nobody counts.
type room struct {
	issuer, money spot
}

// spot is the place of one call.
type spot struct {
	place health.Place
	held  bool // it was neither used nor given back
}

func (s *spot) use() func(health.Result) {
	if !s.held {
		return nil
	}
	s.held = false
	return s.place.Begin()
}

func (s *spot) giveBack() {
	if s.held {
		s.held = false
		s.place.Leave()
	}
}

// use makes the call for the money in its place; nil if there is none any more.
func (r *room) use() func(health.Result) {
	if r == nil {
		return nil
	}
	r.issuer.giveBack()
	return r.money.use()
}

// ask asks the issuer in the place for it, or in that of the money, before it; nil if there is neither. It fails with *health.Closed.
func (r *room) ask() (done func(health.Result), err error) {
	switch {
	case r == nil:
	case r.issuer.held:
		return r.issuer.use(), nil
	case r.money.held:
		place, err := r.money.place.Before(health.Authenticate)
		if err != nil {
			return nil, err
		}
		return place.Begin(), nil
	}
	return nil, nil
}

// giveBack lets somebody else have what was taken, unless it was used or given back before.
func (r *room) giveBack() {
	if r != nil {
		r.issuer.giveBack()
		r.money.giveBack()
	}
}

// start is where a try begins: at which account, how, and in which room.
type start struct {
	account provider.Account
	lane    lane
	room    *room
}

// take takes room at the first account that has some. Those before it are left out of what was decided, with the reason. It fails with
// fault.Unavailable, see shut, if there is none anywhere. Whoever takes room gives it back.
//
// Where the payer must be authenticated first an account is left out, too, if its issuers cannot be asked now; one that could never ask them
// does not stand in for it.
func (s *Service) take(ctx context.Context, p Payment, accounts []provider.Account, d *routing.Decision) (start, error) {
	var first error
	unasked := false
	for _, a := range accounts {
		at, err := s.lane(ctx, p, a)
		if err != nil {
			return start{}, err
		}
		if unasked && at.how.required && !s.proves(a) {
			leaveOut(d, a.ID, reasonCapability)
			continue
		}
		here, err := s.roomAt(a, at)
		var full *health.Closed
		switch {
		case err == nil:
			return here, nil
		case !errors.As(err, &full):
			return start{}, fmt.Errorf("room at provider account %s: %w", a.ID, err)
		}
		first = nearer(first, s.shutFor(full.Reason, full.Ends))
		unasked = unasked || errors.Is(err, errUnasked)
		leaveOut(d, a.ID, full.Reason)
	}
	return start{}, first
}

// errUnasked is beside the refusal of an account whose issuers must be asked, and cannot be now.
var errUnasked = errors.New("the issuer cannot be asked")

// roomAt takes room for a new payment at an account. Without a proof the money is asked for where none is required. It fails with
// *health.Closed.
func (s *Service) roomAt(a provider.Account, at lane) (start, error) {
	here := start{a, at, &room{}}
	if s.Health == nil {
		return here, nil
	}
	place, err := s.Health.Reserve(callTo(a, health.Authorize))
	if err != nil {
		return start{}, err
	}
	here.room.money = spot{place, true}
	if !at.asks() {
		return here, nil
	}
	question, err := place.Before(health.Authenticate)
	var shut *health.Closed
	switch {
	case err == nil:
		here.room.issuer = spot{question, true}
	case !at.how.required && errors.As(err, &shut):
		here.lane.able = false
	default:
		here.room.giveBack()
		return start{}, fmt.Errorf("%w: %w", errUnasked, err)
	}
	return here, nil
}

// How long a payer who has done their part is kept waiting for room, at most, and how often somebody looks, at first.
const (
	roomPatience = 10 * time.Minute
	roomLook     = 2 * time.Second
)

// readmit takes room for the call for the money of a payer who has done their part, unless it is held. If there is none the try waits for
// some, as was decided: what they did is not lost to a burst. It does not wait if another account can go on with it, or if it has waited too
// long: then it goes on without.
func (s *Service) readmit(ctx context.Context, account provider.Account, held *room, was Attempt, d *decision, t terms) (waits bool, err error) {
	if s.Health == nil || held.money.held {
		return false, nil
	}
	place, err := s.Health.Reserve(goingOn(account, health.Authorize))
	var full *health.Closed
	switch {
	case err == nil:
		held.money = spot{place, true}
		return false, nil
	case !errors.As(err, &full):
		return false, fmt.Errorf("room at provider account %s: %w", account.ID, err)
	case was.waitsForRoom() && !t.now.Before(was.Secure.Ready.Add(roomPatience)):
		return false, nil
	}
	if next, err := s.successor(ctx, d.payment, *d.attempt, t.tries); err != nil || next != nil && t.now.Before(d.attempt.Route.Since.Add(next.budget)) {
		return false, err
	}
	d.awaitRoom(was, full.Until, t.now)
	return true, nil
}

// awaitRoom has a try wait for room until a time at least. Its payer has done their part.
func (d *decision) awaitRoom(was Attempt, until, now time.Time) {
	a := d.attempt
	if a.Secure.Ready.IsZero() {
		a.Secure.Ready = now
		if was.challenged() || was.Inquiries == 0 {
			d.tell(event.PaymentPending)
		}
	}
	a.Secure.Asking = true
	a.DueAt = now.Add(max(roomLook, now.Sub(a.Secure.Ready)/4))
	if a.DueAt.Before(until) {
		a.DueAt = until
	}
}

// leaveOut moves an account from those that are asked to those that are not.
func leaveOut(d *routing.Decision, account, reason string) {
	d.Ranked = slices.DeleteFunc(slices.Clone(d.Ranked), func(r routing.Ranked) bool { return r.Account == account })
	d.Excluded = append(slices.Clip(d.Excluded), routing.Excluded{Account: account, Reason: reason})
}

// callIn makes the call for the money in the place that was taken for it; if there is none any more, like call.
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

// shutFor is the refusal for a reason of Health's. What is under maintenance is known to be shut until that ends.
func (s *Service) shutFor(reason string, ends time.Time) error {
	switch {
	case reason == health.Overloaded:
		return errFull
	case ends.IsZero():
		return errShut
	}
	shut := *errShut
	shut.RetryAfter = max(time.Second, ends.Sub(s.Clock.Now()))
	return shutUntil{&shut}
}

// shutUntil is errShut with a time of its own.
type shutUntil struct{ why *fault.Error }

func (e shutUntil) Error() string        { return e.why.Error() }
func (e shutUntil) Unwrap() error        { return e.why }
func (e shutUntil) Is(target error) bool { return target == error(errShut) }

// nearer is of two refusals that which may be over first; of equal ones the one that was there before. nil is none.
func nearer(before, now error) error {
	var one, other *fault.Error
	if before == nil || errors.As(before, &one) && errors.As(now, &other) && other.RetryAfter < one.RetryAfter {
		return now
	}
	return before
}

// shut tells whether a payment was refused because no account could be called.
func shut(err error) bool { return errors.Is(err, errShut) || errors.Is(err, errFull) }
