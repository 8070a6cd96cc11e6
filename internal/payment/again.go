package payment

import (
	"context"
	"errors"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
)

// A payment whose payer is not there can wait: nobody looks at a page meanwhile. While no provider can be called it waits until one can
// be, also when a call was lost and has since been found to have charged nobody; if its merchant asked for smart retries, what an issuer
// declined for now is asked for again when that may go better. Between its tries it is processing, has no try under way, and can be
// canceled. A payment whose payer is there never waits.

// Bounds of what a merchant may ask for, and what they get if they do not say.
const (
	defaultQueueUntil = 24 * time.Hour
	defaultRetryUntil = 14 * 24 * time.Hour
	longestLater      = 30 * 24 * time.Hour
	defaultMaxTries   = 4
	lateSlack         = 10 * time.Minute // after its time, what is due is still begun
)

// Later is how long a payment may be asked for by itself, and what it waits for.
type Later struct {
	QueueUntil time.Time   `json:"queue_until"`     // for a provider that can be called
	Smart      *Smart      `json:"smart,omitempty"` // nil: a decline is the end
	Waits      LaterReason `json:"waits,omitempty"` // empty: a try is under way, or it has ended
	At         time.Time   `json:"at,omitzero"`     // when it is tried next
}

// LaterReason is what a payment waits for.
type LaterReason string

// The reasons.
const (
	LaterProvider LaterReason = "provider" // no provider could be called
	LaterIssuer   LaterReason = "issuer"   // the issuer declined it for now
)

// Smart is what a merchant asked of smart retries.
type Smart = retry.Smart

// until is the end of all waiting.
func (l Later) until() time.Time {
	if l.Smart != nil && l.Smart.Until.After(l.QueueUntil) {
		return l.Smart.Until
	}
	return l.QueueUntil
}

// waits tells whether the payment has no try under way and will be tried again.
func (p Payment) waits() bool {
	return p.Later != nil && p.Later.Waits != "" && p.Status == Processing
}

// ownLater gives the payment a Later that no other copy of it has.
func (p *Payment) ownLater() *Later {
	own := *p.Later
	if own.Smart != nil {
		smart := *own.Smart
		own.Smart = &smart
	}
	p.Later = &own
	return p.Later
}

// later is what a request asks for. It fails with fault.Invalid.
func (in Create) later(now time.Time) (*Later, error) {
	mayWait := in.Asked.OffSession && in.Confirm
	switch {
	case in.Retry != nil && !mayWait:
		return nil, fault.Wrong("retry", fault.CodeInvalid, "is for payments with off_session that are confirmed at once")
	case !in.QueueUntil.IsZero() && !mayWait:
		return nil, fault.Wrong("queue_until", fault.CodeInvalid, "is for payments with off_session that are confirmed at once")
	case !mayWait:
		return nil, nil
	}
	l := &Later{QueueUntil: in.QueueUntil}
	if l.QueueUntil.IsZero() {
		l.QueueUntil = now.Add(defaultQueueUntil)
	}
	if !l.QueueUntil.After(now) || l.QueueUntil.After(now.Add(longestLater)) {
		return nil, fault.Wrong("queue_until", fault.CodeInvalid, "must be in the future, within 30 days")
	}
	if in.Retry == nil {
		return l, nil
	}
	smart := *in.Retry
	if smart.Until.IsZero() {
		smart.Until = now.Add(defaultRetryUntil)
	}
	if smart.MaxTries == 0 {
		smart.MaxTries = defaultMaxTries
	}
	if !smart.Until.After(now) || smart.Until.After(now.Add(longestLater)) {
		return nil, fault.Wrong("retry.until", fault.CodeInvalid, "must be in the future, within 30 days")
	}
	l.Smart = &smart
	return l, nil
}

// retried is what a decline of a card of a brand says about another try of it.
func retried(d provider.Decline, brand string) retry.Decline {
	m := d.Meaning(brand)
	return retry.Decline{Category: m.Category, Again: m.Retry == provider.RetryLater || m.Retry == provider.RetryOtherProvider,
		After: m.After, Advised: m.Advised}
}

// again decides whether a try that did not succeed is followed by another one later, and then why and when.
func (d *decision) again(o provider.Outcome, t terms) (LaterReason, time.Time, bool) {
	p, a := &d.payment, d.attempt
	if p.Later == nil || p.Status != Processing || a.Number != p.Attempts {
		return "", time.Time{}, false
	}
	if reachable(o) {
		at := providerBack(*p, o.NotBefore, t.now)
		return LaterProvider, at, at.Before(p.Later.until())
	}
	if o.Class != provider.Declined || p.Later.Smart == nil {
		return "", time.Time{}, false
	}
	smart := p.ownLater().Smart
	smart.Declined++
	at, ok := smart.Next(retried(o.Decline, p.Method.Brand), t.hour, t.now)
	return LaterIssuer, health.Spread(p.ID, at), ok
}

// chargedNobody decides whether a try whose outcome was unknown, and that has charged nobody, is followed by another one later, and then
// when: its call was lost while its provider was down. A person's word that it has not ends the payment: they have it made again, or not.
func (d *decision) chargedNobody(t terms) (time.Time, bool) {
	p, a := d.payment, d.attempt
	if p.Later == nil || p.Status != Processing || a.Number != p.Attempts || a.ByHand.said() || a.was != AttemptSending && a.was != AttemptUnknown {
		return time.Time{}, false
	}
	at := providerBack(p, time.Time{}, t.now)
	return at, at.Before(p.Later.until())
}

// providerBack is when a provider may be callable again.
func providerBack(p Payment, notBefore, now time.Time) time.Time {
	at := nextLook(p.CreatedAt, now)
	if notBefore.After(at) {
		at = health.Spread(p.ID, notBefore)
	}
	return at
}

// postpone has a payment wait for its next try.
func (p *Payment) postpone(why LaterReason, at time.Time) error {
	l := p.ownLater()
	at = at.Truncate(time.Microsecond) // as times are kept and shown
	l.Waits, l.At = why, at
	p.DueAt = at
	return p.move(Processing)
}

// putOff ends a try that did not succeed, and has its payment wait for the next.
func (d *decision) putOff(f *FailureObject, why LaterReason, at time.Time) error {
	d.attempt.Failure, d.payment.Failure = f, f
	if d.attempt.Route != nil {
		d.payment.Failure = telling(d.attempt.Route.Best, f)
	}
	d.tell(event.PaymentPending)
	return d.payment.postpone(why, at)
}

// enqueue makes a payment that waits until a provider can be called. Nothing was sent.
func (s *Service) enqueue(ctx context.Context, p Payment, with Companion) (Object, error) {
	now := s.Clock.Now()
	if err := p.postpone(LaterProvider, earlier(providerBack(p, time.Time{}, now), p.Later.QueueUntil)); err != nil {
		return Object{}, err
	}
	return s.open(ctx, p, with, event.PaymentCreated, event.PaymentPending)
}

// tryAgain does what is due about a payment that waits: it is tried, or waits on, or has failed.
func (s *Service) tryAgain(ctx context.Context, p Payment) error {
	now := s.Clock.Now()
	if now.After(p.Later.until().Add(lateSlack)) {
		return s.giveUpWaiting(ctx, p, nil)
	}
	m, err := s.Merchants.Of(ctx, p.Merchant)
	if err != nil {
		return err
	}
	if m.Suspended() {
		return s.waitOn(ctx, p, p.Later.Waits, now.Add(suspendedLook))
	}
	picked, err := s.pickSaved(ctx, p, p.Method.Saved)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
		return s.giveUpWaiting(ctx, p, err) // the customer has taken the method, or their consent, away
	}
	if err != nil {
		return err
	}
	accounts, decided, err := s.plan(ctx, picked)
	switch {
	case fault.Is(err, fault.Unavailable) && !errors.Is(err, errNoAccount):
		return s.waitOn(ctx, p, LaterProvider, providerBack(p, time.Time{}, now))
	case fault.Is(err, fault.Unavailable), fault.Is(err, fault.Invalid):
		return s.giveUpWaiting(ctx, p, err)
	case err != nil:
		return err
	}
	if p.Later.Waits == LaterProvider && s.Health != nil {
		turn, err := s.turnOf(ctx, p, accounts[0].ID)
		switch {
		case !turn.IsZero(): // also if what it gave its turn to could not be sent
			return errors.Join(err, s.waitOn(ctx, p, LaterProvider, turn))
		case err != nil:
			return err
		}
		accounts = accounts[:1] // its turn is there: it has none at others
	}
	return s.beginAgain(ctx, picked, accounts, Route{Decision: decided, Since: now})
}

// turnOf is when a payment that waited for a provider is to come again; zero: it is its turn. Where money waits to go back, or to be taken,
// that goes first.
func (s *Service) turnOf(ctx context.Context, p Payment, account string) (time.Time, error) {
	wait, ok := s.turnAt(p.Merchant, account, health.Authorize, p.ID)
	if !ok {
		return wait, nil
	}
	first, release, ok, err := s.first(ctx, p.Merchant, account, s.mostUrgent(p.Merchant, account)...)
	if err != nil || !ok {
		return time.Time{}, err
	}
	defer release()
	if until, _, err := s.heldBack(ctx, first, s.Clock.Now()); err != nil || !until.IsZero() {
		return time.Time{}, err // what people hold back holds nobody else up
	}
	return first.turn(p.CreatedAt, s.Clock.Now()), s.send(ctx, first)
}

// beginAgain begins the next try of a payment that waited, at the first account that has room for it.
func (s *Service) beginAgain(ctx context.Context, p Payment, accounts []provider.Account, route Route) error {
	pass := s.arrives(p, p.Attempts+1)
	defer pass.Leave()
	let, err := s.entersAgain(ctx, p, pass)
	switch {
	case crowded(err): // no hand waits for it
		return s.waitOn(ctx, p, p.Later.Waits, s.Clock.Now().Add(shortestWait))
	case err != nil:
		return err
	}
	at, err := s.take(ctx, p, accounts, &route.Decision)
	switch {
	case shut(err) && len(route.Decision.Ranked) > 0: // others were not asked: they may have room
		return s.waitOn(ctx, p, LaterProvider, s.Clock.Now().Add(shortestWait))
	case shut(err):
		return s.waitOn(ctx, p, LaterProvider, providerBack(p, time.Time{}, route.Since))
	case err != nil:
		return err
	}
	defer at.room.giveBack() // of what is not made after all
	intent, err := p.begin(s.IDs.New(id.Attempt), at.lane, route, route.Since)
	if err != nil {
		return err
	}
	begins, err := s.begin(ctx, p, pass, let, nil, intent, alone{})
	switch {
	case lost(err):
		return nil // it was canceled, or another process is at it
	case crowded(err): // by other processes
		return s.waitOn(ctx, p, p.Later.Waits, s.Clock.Now().Add(shortestWait))
	case fault.Is(err, fault.Unavailable): // switched off this moment
		return s.waitOn(ctx, p, LaterProvider, route.Since.Add(switchedLook))
	case err != nil || begins.refused != nil: // or the rules of the card's network forbid it, which is recorded
		return err
	}
	_, err = s.pursue(ctx, at.account, at.room, begins.next.latest(), alone{})
	var refused *DeclinedError
	if errors.As(err, &refused) || lost(err) {
		return nil // it is recorded
	}
	return err
}

// waitOn leaves a payment that waits for later. Nobody is told: it waits as before. It is given up if its own time is over.
func (s *Service) waitOn(ctx context.Context, p Payment, why LaterReason, at time.Time) error {
	if !s.Clock.Now().Before(p.Later.until()) {
		return s.giveUpWaiting(ctx, p, nil)
	}
	if err := p.postpone(why, earlier(at, p.Later.until())); err != nil {
		return err
	}
	row, err := paymentRow(p)
	if err != nil {
		return err
	}
	return unlessOvertaken(s.DB.Commit(ctx, db.NewChange(p.Merchant, row)))
}

// giveUpWaiting ends a payment that waited in vain. why is what it cannot be tried for any more; nil: its time is over.
func (s *Service) giveUpWaiting(ctx context.Context, p Payment, why error) error {
	now := s.Clock.Now()
	if why == nil && p.Later.Waits == LaterProvider {
		var err error
		if why, err = s.stillOff(ctx, p); err != nil {
			return err
		}
	}
	_, err := s.apply(ctx, func() (decision, error) {
		p, err := s.store.payment(ctx, p.Merchant, p.ID)
		if err != nil {
			return decision{}, err
		}
		return p.waitedInVain(why, now)
	}, nobody)
	return unlessOvertaken(err)
}

// stillOff is that people have switched off what a payment waits for; nil: they have not.
func (s *Service) stillOff(ctx context.Context, p Payment) (off, err error) {
	picked, err := s.pickSaved(ctx, p, p.Method.Saved)
	if err == nil {
		_, _, err = s.plan(ctx, picked)
	}
	var known *fault.Error
	switch {
	case switched(err):
		return err, nil
	case errors.As(err, &known): // something else is in its way, which its time has outrun
		return nil, nil
	}
	return nil, err
}

// waitedInVain decides the end of a payment that waited. What an issuer said of it tells more than that it could not be sent.
func (p Payment) waitedInVain(why error, now time.Time) (decision, error) {
	if !p.waits() {
		return decision{}, fault.State("it does not wait any more")
	}
	var told *fault.Error
	switch {
	case switched(why):
		p.Failure = telling(p.Failure, stopped(offBy(why, now), textUncharged))
	case errors.As(why, &told):
		p.Failure = &FailureObject{Code: told.Code, Message: told.Detail}
	case p.Failure == nil, p.Failure.Code == fault.CodeKillSwitch: // that has been lifted
		p.Failure = &FailureObject{Code: fault.CodeProviderUnavailable, Message: textNeverBack}
	}
	p.ownLater().Waits = ""
	p.DueAt = time.Time{}
	d := decision{payment: p, events: []event.Type{event.PaymentFailed}}
	return d, d.payment.move(Failed)
}
