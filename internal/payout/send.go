package payout

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

const sweepName = "payouts"

// Sweeps is the worker's queue: payouts to be sent, and those to be asked about. A provider that hangs keeps no more than half the hands.
func (s *Service) Sweeps() []db.Sweep {
	return []db.Sweep{{
		Name: sweepName, Table: payoutTable, Lease: time.Minute, Every: 500 * time.Millisecond, Limit: 64, Handle: s.work,
		Group: "provider_account", Share: 32,
	}}
}

// work does what is due about a payout.
func (s *Service) work(ctx context.Context, key []string) error {
	p, err := s.store.payout(ctx, key[0], key[1])
	if err != nil {
		return err
	}
	if p.Loop != nil {
		return s.gather(ctx, p.Merchant, p.ID)
	}
	account, err := s.Accounts.Get(ctx, p.Merchant, p.Account)
	if err != nil {
		return fmt.Errorf("provider account %s: %w", p.Account, err)
	}
	payer, err := provider.Lookup[provider.Payer](s.Providers, account.Provider)
	if err != nil {
		return fmt.Errorf("pay %s: %w", p.ID, err)
	}
	switch {
	case p.Status == Queued && p.Call == NoCall:
		return s.sendOrWait(ctx, account, payer, p)
	case p.Status == Queued, p.Status == Sent, p.Status == Paid:
		return s.ask(ctx, account, payer, p)
	}
	_, err = s.apply(ctx, p.Merchant, p.ID, func(p Payout) (decision, error) {
		if p.Status == Queued || p.Status == Sent || p.Status == Paid {
			return decision{payout: p}, nil // it went on meanwhile
		}
		p.DueAt = time.Time{} // nothing has to be done about it
		return decision{payout: p, moved: true}, nil
	}, nobody)
	return err
}

// sendOrWait sends a payout of which nothing was sent yet, unless it has to wait. What has waited as long as it may fails, whatever it waited for.
func (s *Service) sendOrWait(ctx context.Context, account provider.Account, payer provider.Payer, p Payout) error {
	if p.overdue(s.Clock.Now()) {
		return s.runOut(ctx, p)
	}
	if shut := s.shut(p); !shut.Until.IsZero() {
		return s.waitForProvider(ctx, p, health.Spread(p.ID, shut.Until), shut.Words())
	}
	why, bounded, err := s.mustWait(ctx, p)
	if err != nil {
		return err
	}
	if why != "" {
		return s.wait(ctx, p, s.Clock.Now().Add(waitFor), why, bounded)
	}
	if turn := s.turn(p); !turn.IsZero() {
		return s.waitForProvider(ctx, p, turn, whyTurn)
	}
	return s.send(ctx, account, payer, p)
}

// waitFor is how long a payout that must not be sent now is left alone.
const waitFor = time.Minute

// mustWait is why a payout must not be sent now; empty if it may. What was asked for before its merchant was suspended stays until that is lifted. A
// refund or a dispute may have taken money that the payout had been given: while the balance is below zero, what is queued is what covers it. Only behind
// a switch does it wait until a deadline, as for its provider.
func (s *Service) mustWait(ctx context.Context, p Payout) (why string, bounded bool, err error) {
	m, err := s.Merchants.Of(ctx, p.Merchant)
	if err != nil {
		return "", false, err
	}
	if m.Suspended() {
		return "the merchant is suspended", false, nil
	}
	if err := s.permits(ctx, p.Merchant, p.Account); fault.Is(err, fault.Unavailable) {
		return err.Error(), true, nil
	} else if err != nil {
		return "", false, err
	}
	available, err := s.books.Balance(ctx, p.Merchant, ledger.MerchantAvailable, p.Amount.Currency())
	if err != nil {
		return "", false, err
	}
	if available.Minor() < 0 {
		return "refunds or disputes have taken the balance below zero", false, nil
	}
	return "", false, nil
}

// wait leaves a payout for later, bounded until a deadline. why is for its timeline.
func (s *Service) wait(ctx context.Context, p Payout, until time.Time, why string, bounded bool) error {
	_, err := s.apply(ctx, p.Merchant, p.ID, func(p Payout) (decision, error) {
		d := decision{payout: p}
		if p.Status == Queued && p.Call == NoCall {
			d.moved, d.payout.DueAt = true, until
			d.payout.note(s.Clock.Now(), noteWaiting, why)
		}
		if bounded {
			d = d.bounded(s.Queue, s.Clock.Now())
		}
		return d, nil
	}, nobody)
	return err
}

// shut is until when a payout's provider is not to be called, and why; without a time it may be.
func (s *Service) shut(p Payout) health.State {
	if s.Health == nil {
		return health.State{}
	}
	return s.Health.State(p.Merchant, p.Account, health.Payout)
}

// turn is when a payout that has waited for its provider is to come again; zero: it is its turn. A provider that is back is not overrun.
func (s *Service) turn(p Payout) time.Time {
	if s.Health == nil || p.Deadline.IsZero() {
		return time.Time{}
	}
	wait, ok := s.Health.Drain(p.Merchant, p.Account, health.Payout)
	if ok {
		return time.Time{}
	}
	return wait
}

// waitForProvider leaves a payout until its provider may be back. why is for its timeline.
func (s *Service) waitForProvider(ctx context.Context, p Payout, until time.Time, why string) error {
	_, err := s.apply(ctx, p.Merchant, p.ID, func(p Payout) (decision, error) {
		d, now := decision{payout: p}, s.Clock.Now()
		if p.Status != Queued || p.Call != NoCall {
			return d, nil // it went on meanwhile
		}
		d.moved, d.payout.DueAt = true, until
		d.payout.note(now, noteWaiting, why)
		return d.bounded(s.Queue, now), nil
	}, nobody)
	return err
}

// runOut has a payout fail that has waited as long as it may: by the switch that holds it back, if one does.
func (s *Service) runOut(ctx context.Context, p Payout) error {
	why := FailureObject{fault.CodeProviderUnavailable, textUnsent}
	switch err := s.permits(ctx, p.Merchant, p.Account); {
	case fault.Is(err, fault.Unavailable):
		why = FailureObject{fault.CodeKillSwitch, strings.TrimRight(err.Error(), ". ") + ". Nothing has reached the provider."}
	case err != nil:
		return err
	}
	_, err := s.apply(ctx, p.Merchant, p.ID, func(p Payout) (decision, error) {
		d, now := decision{payout: p}, s.Clock.Now()
		if p.Status != Queued || p.Call != NoCall || !p.overdue(now) {
			return d, nil // it went on meanwhile
		}
		return d.giveUp(why, now)
	}, nobody)
	return err
}

// send commits that the call is about to be made, makes it, and commits what came of it. Nobody else can be at it: the intent is written by
// compare-and-set, and a payout that has one is asked about, never sent.
func (s *Service) send(ctx context.Context, account provider.Account, payer provider.Payer, p Payout) error {
	to, refused, err := s.ready(ctx, p)
	if err != nil {
		return err
	}
	var intended bool
	d, err := s.apply(ctx, p.Merchant, p.ID, func(p Payout) (decision, error) {
		if intended = p.Status == Queued && p.Call == NoCall; !intended {
			return decision{payout: p}, nil // canceled, or another process was quicker
		}
		now := s.Clock.Now()
		d := decision{payout: p, moved: true}
		if refused != nil {
			d.payout.Failure, d.payout.DueAt = refused, time.Time{}
			return d, d.move(Failed, now, refused.Code)
		}
		d.payout.Call, d.payout.SentAt, d.payout.DueAt = CallSending, now, now.Add(s.patience(account))
		d.payout.Tries++
		return d, nil
	}, nobody)
	if err != nil || !intended || refused != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	return s.learn(ctx, p, s.pay(ctx, account, payer, d.payout, to))
}

// pay makes the call, unless the provider's health forbids it.
func (s *Service) pay(ctx context.Context, account provider.Account, payer provider.Payer, p Payout, to provider.Payee) (out provider.Outcome) {
	ended, refused := s.enter(account, health.Payout)
	if refused != nil {
		return *refused
	}
	defer func() { ended(out.Class.String(), out.Technical(provider.OpPayout)) }() // of a call that panics, too: its outcome is unknown
	ctx, cancel := context.WithTimeout(ctx, s.capabilities(account).Timeout)
	defer cancel()
	return payer.Pay(ctx, account, provider.Payout{Reference: p.ID, Amount: p.Amount, Rail: p.Rail, Payee: to, Descriptor: p.Descriptor})
}

// ready is who gets the money, and why they may not: a destination can be blocked while a payout waits.
func (s *Service) ready(ctx context.Context, p Payout) (provider.Payee, *FailureObject, error) {
	to, err := s.store.destination(ctx, p.Merchant, p.Destination)
	if err != nil {
		return provider.Payee{}, nil, err
	}
	err = s.refuseBlocked(ctx, to)
	if fault.Is(err, fault.Conflict) {
		return provider.Payee{}, &FailureObject{CodeBlocked, "The destination was blocked before it was sent."}, nil
	}
	if err != nil {
		return provider.Payee{}, nil, err
	}
	payee, err := s.payeeOf(to)
	return payee, nil, err
}

func (s *Service) patience(a provider.Account) time.Duration {
	return s.capabilities(a).Timeout + s.Patience
}

// learn commits what an outcome means.
func (s *Service) learn(ctx context.Context, p Payout, o provider.Outcome) error {
	d, err := s.apply(ctx, p.Merchant, p.ID, func(p Payout) (decision, error) { return s.settle(p, o) }, nobody)
	if err == nil && o.Decline.Unrecognized && len(d.told) > 0 {
		account, err := s.Accounts.Get(ctx, p.Merchant, p.Account)
		if err != nil {
			return fmt.Errorf("provider account %s: %w", p.Account, err)
		}
		s.Unrecognized.Heard(account.Provider, o.Decline)
	}
	return err
}

func (s *Service) settle(p Payout, o provider.Outcome) (decision, error) {
	rail, _ := bank.RailNamed(p.Rail)
	now := s.Clock.Now()
	d, err := p.settle(o, rail, now)
	return d.bounded(s.Queue, now), err
}

// ask finds out what became of a payout: never by sending it again, unless its provider says that it never had it.
func (s *Service) ask(ctx context.Context, account provider.Account, payer provider.Payer, p Payout) error {
	limits := s.capabilities(account)
	finding := s.inquire(ctx, account, payer, p)
	ctx = context.WithoutCancel(ctx)
	if finding.Found || finding.Outcome.Class == provider.Unknown {
		return s.learn(ctx, p, finding.Outcome)
	}
	_, err := s.apply(ctx, p.Merchant, p.ID, func(now Payout) (decision, error) {
		if now.Status != p.Status || now.Call != p.Call || now.Tries != p.Tries {
			return decision{payout: now}, nil // it went on meanwhile
		}
		at := s.Clock.Now()
		rail, _ := bank.RailNamed(now.Rail)
		return now.missing(at.Sub(now.SentAt) >= limits.SettleDelay, rail, at), nil
	}, nobody)
	return err
}

// inquire asks what became of a payout, unless the provider's health forbids it.
func (s *Service) inquire(ctx context.Context, account provider.Account, payer provider.Payer, p Payout) (found provider.Finding) {
	if off := s.silenced(ctx, p); off != nil {
		return provider.Unanswered(*off)
	}
	ended, refused := s.enter(account, health.Inquiry)
	if refused != nil {
		return provider.Unanswered(*refused)
	}
	defer func() { ended(found.Class(), found.Technical()) }()
	ctx, cancel := context.WithTimeout(ctx, s.capabilities(account).Timeout)
	defer cancel()
	return payer.InquirePayout(ctx, account, provider.PayoutInquiry{Reference: p.ID, Original: p.Reference})
}

// enter asks to make a call. A call that must not be made has an outcome already; else ended is told what came of it.
func (s *Service) enter(a provider.Account, o health.Operation) (ended func(class string, technical bool), refused *provider.Outcome) {
	if s.Health == nil {
		return func(string, bool) {}, nil
	}
	done, err := s.Health.Enter(health.Call{Tenant: a.Merchant, Account: a.ID, Provider: a.Provider, Operation: o})
	if err != nil {
		shut := provider.Shut(health.Words(err), health.Until(err))
		return nil, &shut
	}
	return func(class string, technical bool) { done(health.Result{Class: class, Technical: technical}) }, nil
}

// Notify applies a provider's verified message about a payout. The caller's record of it travels in the same Change.
func (s *Service) Notify(ctx context.Context, account provider.Account, n provider.Notification, with func(c *db.Change, h payment.Heard) error) error {
	alone := func(h payment.Heard) error {
		c := db.NewChange(account.Merchant)
		if err := with(c, h); err != nil {
			return err
		}
		return s.DB.Commit(ctx, c)
	}
	p, err := s.store.payout(ctx, account.Merchant, n.Reference)
	if fault.Is(err, fault.NotFound) || err == nil && p.Account != account.ID {
		return alone(payment.Heard{Verdict: payment.Unmatched, Detail: "payout " + n.Reference})
	}
	if err != nil {
		return err
	}
	d, err := s.apply(ctx, account.Merchant, p.ID, func(p Payout) (decision, error) { return s.settle(p, n.Outcome) },
		func(c *db.Change, d decision) error {
			h := payment.Heard{Verdict: payment.Known, Subject: p.ID}
			switch {
			case d.claim != "":
				h.Verdict, h.Detail = payment.Contradicted, d.claim
			case len(d.told) > 0:
				h.Verdict = payment.Applied
			}
			return with(c, h)
		})
	if err == nil && len(d.told) > 0 {
		s.Unrecognized.Heard(account.Provider, n.Outcome.Decline)
	}
	return err
}
