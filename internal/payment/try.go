package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
	"github.com/florinpay/florin/internal/routing"
)

// begin decides a try: the intent that is written before anybody outside is called.
func (p Payment) begin(attempt string, at lane, route Route, now time.Time) (decision, error) {
	fresh := p.Version == 0
	if !p.ExpiresAt.IsZero() && !now.Before(p.ExpiresAt) {
		return decision{}, fault.New(fault.Conflict, fault.CodeExpired, "the payment has expired")
	}
	if err := p.move(Processing); err != nil {
		return decision{}, err
	}
	p.Attempts++
	p.Account, p.Failure, p.Proof, p.DueAt = at.account, nil, nil, time.Time{}
	if p.Later != nil {
		l := p.ownLater()
		l.Waits, l.At = "", time.Time{}
	}
	next := newAttempt(p, attempt, at, now)
	route.Method, route.Country, route.BIN = p.Method.word(), p.Method.Country, p.Method.BIN
	next.Route = &route
	d := decision{payment: p, attempt: &next}
	if fresh {
		d.tell(event.PaymentCreated)
	}
	return d, nil
}

// try commits the intent and pursues it to its end. given is a try that is given up for it, if there is one: it ends in the
// same Change.
func (s *Service) try(ctx context.Context, p Payment, choice Choice, given *Attempt, with Companion) (Object, error) {
	p, err := s.pick(ctx, p, choice)
	if err == nil {
		p.proven, err = s.provenBefore(ctx, p)
	}
	if err != nil {
		return Object{}, err
	}
	pass := s.arrives(p, p.Attempts+1)
	defer pass.Leave()
	recalled := s.recall(ctx, p) // beside the plan
	accounts, decided, err := s.plan(ctx, p)
	past, unread := recalled()
	var at start
	var begins stage
	if err == nil && unread == nil {
		at, begins, err = s.launch(ctx, p, pass, past, accounts, decided, given, with)
	}
	defer at.room.giveBack() // of what is not made after all
	if p.Later != nil && p.Version == 0 && shut(err) {
		return s.enqueue(ctx, p, with)
	}
	if err == nil {
		err = unread
	}
	if err != nil {
		return begins.object, err
	}
	if given != nil {
		s.closeBehind(ctx, begins.next.attempt)
	}
	if begins.refused != nil {
		return begins.object, begins.refused
	}
	return s.pursue(ctx, at.account, at.room, begins.next.latest(), begun{with})
}

// launch waits at the gate, takes room at the first account that has some, and begins a try there. If other processes were faster with their
// tries of the card it waits on, without room. What it gives back has room only if the try was begun.
func (s *Service) launch(ctx context.Context, p Payment, pass *retry.Pass, past retry.History, accounts []provider.Account, decided routing.Decision, given *Attempt, with Companion) (start, stage, error) {
	waiting, done := context.WithTimeout(ctx, s.Crowd)
	defer done()
	for {
		let, err := s.admit(ctx, waiting, p, p.Attempts+1, pass, past)
		if err != nil {
			return start{}, stage{}, err
		}
		at, begins, err := s.launchIn(ctx, p, pass, let, accounts, decided, given, with)
		if !crowded(err) {
			return at, begins, err
		}
		pass.Read()
		if past, err = s.history(ctx, p, p.Attempts+1); err != nil {
			return start{}, stage{}, err
		}
	}
}

// launchIn takes room for a try that was let through or forbidden, and begins it.
func (s *Service) launchIn(ctx context.Context, p Payment, pass *retry.Pass, let entry, accounts []provider.Account, decided routing.Decision, given *Attempt, with Companion) (at start, begins stage, err error) {
	at, err = s.take(ctx, p, accounts, &decided)
	if err != nil {
		return start{}, stage{}, err
	}
	begun := false
	defer func() {
		if !begun {
			at.room.giveBack()
		}
	}()
	now := s.Clock.Now()
	intent, err := p.begin(s.IDs.New(id.Attempt), at.lane, Route{Decision: decided, Since: now}, now)
	if err != nil {
		return at, stage{}, err
	}
	if p.proven != nil && s.authenticates(at.account) {
		intent.carry(*p.proven)
	}
	if given != nil {
		intent.next, intent.attempt = intent.attempt, nil
		if err := intent.walkAway(*given, now); err != nil {
			return at, stage{}, err
		}
	}
	begins, err = s.begin(ctx, p, pass, let, given, intent, with)
	begun = err == nil && begins.refused == nil
	return at, begins, err
}

// begin commits a try's intent or, if the rules of the card's network forbid the try, the payment's end. Of a new payment nothing can have
// changed meanwhile but the order that it is for, and the history of its card: it is put together again then. It fails with errCrowded if it
// would have to wait for others of its card now.
func (s *Service) begin(ctx context.Context, p Payment, pass *retry.Pass, let entry, given *Attempt, intent decision, with Companion) (stage, error) {
	for try := 1; ; try++ {
		if err := s.permits(ctx, intent.payment, string(provider.OpAuthorize), intent.payment.Account); err != nil {
			return stage{}, err
		}
		now, change, err := s.opening(ctx, p, let, given, intent, with)
		if err == nil {
			err = s.commitIntent(ctx, change)
		}
		if err == nil {
			pass.Began()
			s.metrics.unasked(now.next.payment.Failure)
			return now, nil
		}
		if try == tries {
			return stage{}, s.unclaimed(ctx, p, err)
		}
		switch {
		case historyChanged(err):
			if let, err = s.askAnew(ctx, p, p.Attempts+1, pass); err != nil {
				return stage{}, err
			}
		case p.Version > 0 || !fault.Is(err, fault.Stale):
			return stage{}, s.unclaimed(ctx, p, err)
		}
	}
}

// opening is the Change that begins a try, or that ends its payment because the card may not be tried.
func (s *Service) opening(ctx context.Context, p Payment, let entry, given *Attempt, intent decision, with Companion) (stage, *db.Change, error) {
	var err error
	d, now := intent, s.Clock.Now()
	if let.ban != nil {
		d, err = p.unasked(*let.ban, given, now)
	} else {
		d.reserve(let.past, s.rules(p), now)
	}
	if err != nil {
		return stage{}, nil, err
	}
	change, err := s.change(ctx, d)
	if err == nil {
		err = s.claim(ctx, change, d.payment)
	}
	if err == nil {
		err = s.ordered(ctx, change, d.payment)
	}
	latest := written(d)
	begins := stage{next: &latest}
	if let.ban == nil {
		with.Intent(change, p.ID)
		return begins, change, err
	}
	begins.object = s.answered(d.payment)
	begins.refused = s.refusal(begins.object, d.payment.Failure)
	if err == nil {
		err = with.Result(change, begins.object, begins.refused)
	}
	return begins, change, err
}

// begun is the Companion of what goes on after its intent was written.
type begun struct{ Companion }

func (begun) Intent(*db.Change, string) {}

// approach decides how a try begins.
func (s *Service) approach(ctx context.Context, p Payment, account provider.Account) (approach, error) {
	if !p.Method.isCard() || p.Method.isWallet() {
		return approach{}, nil // whoever holds the payer's account, or made their device, sees to who they are
	}
	f := facts{asked: p.Asked, country: p.Method.Country, own: s.capabilities(account).Authenticates}
	f.wanted = p.Failure != nil && p.Failure.DeclineCode == provider.AuthenticationRequired
	if s.StepUp != nil {
		var err error
		if f.stepUp, err = s.StepUp(ctx, p); err != nil {
			return approach{}, fmt.Errorf("risk of %s: %w", p.ID, err)
		}
	}
	return f.approach(), nil
}

// pursue takes an attempt whose intent is written to its end, or to where its payer must act: it asks the issuer, then for
// the money, and goes on with the next try if there is one. held is the room that was taken for that: while the issuer is asked it is kept.
func (s *Service) pursue(ctx context.Context, account provider.Account, held *room, from decision, with Companion) (Object, error) {
	for {
		var now stage
		var err error
		if from.attempt.Account != account.ID {
			held.giveBack() // it goes on elsewhere
			if account, err = s.Accounts.Get(ctx, from.attempt.Merchant, from.attempt.Account); err != nil {
				return Object{}, fmt.Errorf("provider account %s: %w", from.attempt.Account, err)
			}
		}
		now, err = s.step(ctx, account, held, from, with)
		switch {
		case err != nil:
			return now.object, err
		case now.next == nil:
			return now.object, now.refused
		}
		from, with = *now.next, begun{with}
	}
}

// step makes a try's next call and records what came of it. The switches are looked at once more right before it: since the try began its
// payer may have been at their bank for long, or the issuer may have taken its time. What they stop was not sent, and goes on like what its
// provider could not be reached for.
func (s *Service) step(ctx context.Context, account provider.Account, held *room, from decision, with Companion) (stage, error) {
	p, a := from.payment, *from.attempt
	off := s.calledOff(ctx, p, control.Authorize, account.ID)
	switch {
	case a.asking() && off != nil:
		return s.hearIssuer(ctx, account, held, from, unput(*off), with)
	case a.asking():
		return s.hearIssuer(ctx, account, held, from, s.askIssuer(ctx, held, account, p, a), with)
	case off != nil:
		return s.record(ctx, account, from, *off, with)
	}
	outcome := s.callIn(ctx, held, account, func(ctx context.Context) provider.Outcome { return s.ask(ctx, account, p, a) })
	return s.record(ctx, account, from, outcome, with)
}

// stage is how far a payment has come: what the caller is told, or what is to be done next.
type stage struct {
	object  Object
	refused error
	next    *decision
}

// latest is a decision about the try that is to be gone on with.
func (d decision) latest() decision {
	if d.next != nil {
		d.attempt, d.next = d.next, nil
	}
	return d
}

// written is a decision's rows as they stand in the database once it is committed.
func written(d decision) decision {
	d.payment.Version++
	if d.attempt != nil {
		a := *d.attempt
		a.Version++
		a.was = a.State
		d.attempt = &a
	}
	if d.next != nil {
		a := *d.next
		a.Version++
		a.was = a.State
		d.next = &a
	}
	if d.operation != nil {
		o := *d.operation
		o.Version++
		o.was = o.State
		d.operation = &o
	}
	d.events, d.postings = nil, nil
	return d
}

// ask asks for the money, by the payment's method.
func (s *Service) ask(ctx context.Context, account provider.Account, p Payment, a Attempt) provider.Outcome {
	if p.Method.isCard() {
		return s.authorize(ctx, account, p, a)
	}
	return s.start(ctx, account, p, a)
}

// start has a provider lead the payer to a page, or show them a code.
func (s *Service) start(ctx context.Context, account provider.Account, p Payment, a Attempt) provider.Outcome {
	starter, err := provider.Lookup[provider.Starter](s.Providers, account.Provider)
	if err != nil {
		return unable(err)
	}
	return starter.Start(ctx, account, provider.Start{
		Reference: a.ourReference(), Payment: p.ID, Method: p.Method.Type, Amount: a.Amount, Bank: p.Method.Bank, ReturnURL: s.returnURL(p, a),
		Descriptor: a.Descriptor, Description: p.Description, ExpiresAt: s.closesAt(account, p, a),
	})
}

// closesAt is until when the payer may pay: as long as the payment waits for them, and as the method allows.
func (s *Service) closesAt(account provider.Account, p Payment, a Attempt) time.Time {
	until := a.CreatedAt.Add(actionTime)
	if ttl := s.capabilities(account).Methods[p.Method.Type].TTL; ttl > 0 {
		until = a.CreatedAt.Add(ttl)
	}
	if !p.ExpiresAt.IsZero() && p.ExpiresAt.Before(until) {
		until = p.ExpiresAt
	}
	return until
}

func (s *Service) authorize(ctx context.Context, account provider.Account, p Payment, a Attempt) provider.Outcome {
	authorizer, err := provider.Lookup[provider.Authorizer](s.Providers, account.Provider)
	if err != nil {
		return unable(err)
	}
	r := provider.Authorization{
		Reference: a.ourReference(), Payment: p.ID, Amount: a.Amount, Capture: a.Capture, Card: a.Token,
		Descriptor: a.Descriptor, Description: p.Description, ThreeDS: a.proof(), OffSession: p.Asked.OffSession,
		Stored: p.Asked.saves(), InitialNetworkReference: p.Method.Initial,
	}
	if w := p.Method.Wallet; w.Type != "" {
		r.NetworkToken = &provider.NetworkToken{Wallet: w.Type, ECI: w.ECI}
	} else if !p.Asked.OffSession && p.Challenges < MaxChallenges {
		r.ReturnURL = s.returnURL(p, a)
	}
	if a.Secure != nil {
		r.Indicator = a.Secure.Indicator
	}
	return authorizer.Authorize(ctx, account, r)
}
