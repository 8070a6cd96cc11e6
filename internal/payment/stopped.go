package payment

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// People may switch something off while a payer is at their bank, or while a request is under way. What that stops was not sent, so nobody
// was charged and nobody has declined: its try has ended, and its payment waits for its payer. It can be confirmed again once the switch is
// lifted, with what the payer has proved. docs/kill-switches.md tells people.

// stopped is a failure because people have switched off what was to be sent. Its text has their reason, with what has not happened, and is
// for the merchant.
func stopped(o provider.Outcome, nothing string) *FailureObject {
	until := o.OffUntil
	return &FailureObject{Code: fault.CodeKillSwitch, Message: strings.TrimRight(o.Detail, ". ") + ". " + nothing, RetryAt: &until}
}

// textUncharged is what has not happened where a payment was not sent.
const textUncharged = "Nothing was charged."

// offBy is the outcome of a call that the switches keep from being made, or of which it cannot be read whether they do. It is looked at again
// soon, as a switch may be lifted before its time.
func offBy(err error, now time.Time) provider.Outcome {
	off := provider.Unable(err.Error())
	off.NotBefore = now.Add(switchedLook)
	var why *fault.Error
	if switched(err) && errors.As(err, &why) {
		off.OffUntil = now.Add(max(why.RetryAfter, switchedLook))
	}
	return off
}

// isStopped tells whether a failure by a switch is what its payment ends its request with: nothing that was met before says more.
func (d *decision) isStopped(f *FailureObject) bool {
	if r := d.attempt.Route; r != nil {
		f = telling(r.Best, f)
	}
	return f.Code == fault.CodeKillSwitch && !d.payment.Asked.OffSession
}

// keepFor has a payment wait for its payer like one that was made without a method. One that waited already has the time that it had.
func (p *Payment) keepFor(now time.Time) {
	if !p.AwaitsPayer {
		p.AwaitsPayer, p.ExpiresAt = true, now.Add(defaultExpiry)
	}
}

// stop ends a try whose payer has done their part, before it is written that its money is asked for, if people have switched that off and no
// other account can go on with it.
func (s *Service) stop(ctx context.Context, account provider.Account, d *decision, t terms) (bool, error) {
	off := s.calledOff(ctx, d.payment, control.Authorize, account.ID)
	if off == nil || off.OffUntil.IsZero() {
		return false, nil // of what cannot be read the call itself finds out
	}
	next, err := s.successor(ctx, d.payment, *d.attempt, t.tries)
	if err != nil || next != nil && t.now.Before(d.attempt.Route.Since.Add(next.budget)) {
		return false, err
	}
	a := d.attempt
	if err := a.move(AttemptNotSent); err != nil {
		return false, err
	}
	a.Detail, a.DueAt = off.Detail, time.Time{}
	t.next = nil
	return true, torn(d.fails(stopped(*off, textUncharged), *off, t))
}

// provenBefore is the try that a payment was stopped at, if its payer has proved there who they are, with the method that it is tried with
// now; nil: there is none. The issuer need not be asked again.
func (s *Service) provenBefore(ctx context.Context, p Payment) (*Attempt, error) {
	if p.Failure == nil || p.Failure.Code != fault.CodeKillSwitch || p.Attempts == 0 || !p.Method.isCard() {
		return nil, nil
	}
	a, err := s.store.attempt(ctx, p.Merchant, p.ID, p.Attempts)
	if err != nil || a.State != AttemptNotSent || a.proof() == nil || a.Token != p.Method.Token {
		return nil, err
	}
	return &a, nil
}

// matchesStopped refuses the result of a challenge for a payment whose payer is not at one, unless that is the one that it was stopped after.
func (s *Service) matchesStopped(ctx context.Context, p Payment, result string) error {
	proven, err := s.provenBefore(ctx, p)
	if err != nil {
		return err
	}
	if proven == nil || p.Status != RequiresPaymentMethod {
		return errNoChallenge
	}
	return proven.matches(result)
}

// carry gives a new try what its payer has proved at one that was stopped.
func (d *decision) carry(proven Attempt) {
	secure := *proven.Secure
	secure.Asking, secure.Challenge, secure.Ready = false, nil, time.Time{}
	d.attempt.Secure, d.payment.Proof = &secure, &Proof{ThreeDS: secure.Result, Exemption: secure.Exemption}
}
