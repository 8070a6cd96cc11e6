package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/recent"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
	"github.com/florinpay/florin/internal/vault"
)

// Cards tells what may be known of a tokenized card. It fails with fault.NotFound for another tenant's token.
type Cards interface {
	Describe(ctx context.Context, tenant, token string) (vault.Description, error)
}

// Accounts finds a tenant's contracts with providers. List is in the merchant's own order of preference.
type Accounts interface {
	Get(ctx context.Context, tenant, account string) (provider.Account, error)
	List(ctx context.Context, tenant string) ([]provider.Account, error)
}

// Merchants finds the settings of a tenant's merchant. See merchant.Store.
type Merchants interface {
	Of(ctx context.Context, tenant string) (merchant.Merchant, error)
}

// Options are what a Service stands on.
type Options struct {
	DB        *db.DB
	Cards     Cards
	Accounts  Accounts
	Providers provider.Registry
	Merchants Merchants
	Outbox    *event.Outbox
	Clock     clock.Clock
	IDs       *id.Source
	Logger    *slog.Logger
	Secret    func(data ...string) string // derives a secret, in hexadecimal: the same for the same data, another for any other
	PublicURL string                      // where payers reach the public zone, without a slash at the end; empty: they do not, so nobody is challenged
	// StepUp tells whether a risk rule wants to see the cardholder. May be nil.
	StepUp func(ctx context.Context, p Payment) (bool, error)
	// Networks are the card networks' rules for tries after a decline; those that the program was built with if it has none.
	Networks provider.Networks
	// Unrecognized counts the declines with codes that nobody knows. May be nil.
	Unrecognized *provider.Unrecognized
	// SamePerson tells whether two keys are one person's. May be nil: only a key and itself are.
	SamePerson func(ctx context.Context, tenant, one, other string) (bool, error)

	Orders   Orders                // may be nil: there are no orders then
	Router   Router                // may be nil: accounts are asked in the merchant's own order
	Control  Control               // may be nil: nothing is ever switched off
	Breaks   Breaks                // may be nil: contradictions are in the timeline alone
	Cascade  time.Duration         // how long after a request's first try another one may begin elsewhere; DefaultCascade if zero
	Payouts  Payouts               // may be nil: no payout has parts then
	Payers   *customer.Store       // may be nil: nobody is known then
	Health   Health                // may be nil: every account counts as well
	Queue    time.Duration         // how long a refund waits for a provider that is down; DefaultQueue if zero
	Metrics  prometheus.Registerer // may be nil
	Crowd    time.Duration         // how long a request waits for others of its card and amount; DefaultCrowd if zero
	Patience time.Duration         // how long after a provider's own timeout an unfinished call is taken up by the worker; 15 s if zero
}

// Service makes payments and moves them. Close ends what it does by itself.
type Service struct {
	Options
	store     store
	metrics   *metrics
	readers   *readers
	bankLists bankLists
	drains    drains
	gate      retry.Gate                            // the tries of cards that requests here are about
	hours     *recent.Cache[string, map[string]int] // the best ones of the day, by tenant and country
}

// New makes a service.
func New(o Options) *Service {
	if o.Patience == 0 {
		o.Patience = 15 * time.Second
	}
	o.Cascade = cmp.Or(o.Cascade, DefaultCascade)
	o.Queue = cmp.Or(o.Queue, DefaultQueue)
	o.Crowd = cmp.Or(o.Crowd, DefaultCrowd)
	if o.Networks.Version == 0 {
		o.Networks = provider.CardNetworks()
	}
	s := &Service{Options: o, store: store{o.DB}, readers: newReaders(),
		hours: recent.New[string, map[string]int](o.Clock, hourKept, hourCached)}
	s.metrics = newMetrics(o.Metrics, s)
	return s
}

// tries is how often a decision is made anew because the rows it was made from changed meanwhile. Each round one of those
// who meet at a payment gets through, and an operation changes it twice: this is room for some thirty at once.
const tries = 64

// apply commits what decide decides from the rows as they are, again and again while others change them. The Companion's
// rows and the object's events travel in the same Change. It gives back the decision that was written.
func (s *Service) apply(ctx context.Context, decide func() (decision, error), with func(*db.Change, decision) error) (decision, error) {
	for try := range tries {
		d, err := decide()
		if fault.Is(err, fault.Stale) && try < tries-1 {
			continue
		}
		if err != nil {
			return d, err
		}
		if err := s.closes(ctx, &d.payment); err != nil {
			return d, err
		}
		if err := s.leaves(ctx, &d); err != nil {
			return d, err
		}
		change, err := s.change(ctx, d)
		if err != nil {
			return d, err
		}
		if err := with(change, d); err != nil {
			return d, err
		}
		if change.Len() == 0 {
			return d, nil
		}
		err = s.DB.Commit(ctx, change)
		if err == nil {
			s.Outbox.Committed(change)
			s.alarm(d.contradiction)
			s.metrics.suspended(d.transfers...)
			s.observe(d)
			if d.attempt != nil && d.attempt.State == AttemptDeclined && d.attempt.was != AttemptDeclined {
				s.metrics.unasked(d.attempt.Failure)
			}
			s.Unrecognized.Heard(d.told.provider, d.told.decline)
			return d, nil
		}
		if !overtaken(err) || try == tries-1 {
			return d, fmt.Errorf("commit %s: %w", d.payment.ID, err)
		}
	}
	return decision{}, errors.New("unreachable")
}

// overtaken tells whether a Change lost because what it was decided from has changed.
func overtaken(err error) bool {
	var lost *db.Conflict
	return fault.Is(err, fault.Stale) || errors.As(err, &lost) && (lost.Table == contradictionTable.Name || lost.Table == transferTable.Name || lost.Table == retryTable.Name || lost.Table == BreakTable || customer.AttachLost(lost))
}

// nobody adds nothing to a Change: nobody waits for the decision.
func nobody(*db.Change, decision) error { return nil }

// errLost is the refusal of a request while another one about the same payment is under way.
var errLost = fault.State("another request is changing this payment at the same time")

// lost tells whether a request lost against another one about the same payment.
func lost(err error) bool { return errors.Is(err, errLost) || fault.Is(err, fault.Stale) }

// commitIntent writes an intent. fault.Stale: another request changed the payment meanwhile, and it is to be read and decided
// again. fault.Conflict: another try, or another capture or void, is under way. A key that somebody else's rows took
// first, such as an idempotency record's, stays fault.Exists.
func (s *Service) commitIntent(ctx context.Context, c *db.Change) error {
	err := s.DB.Commit(ctx, c)
	var lost *db.Conflict
	if errors.As(err, &lost) && lost.Kind == fault.Exists && (lost.Table == attemptTable.Name || lost.Table == operationTable.Name) {
		return errLost
	}
	if err != nil {
		return fmt.Errorf("commit intent: %w", err)
	}
	s.Outbox.Committed(c)
	return nil
}

// change turns a decision into the rows that it writes.
func (s *Service) change(ctx context.Context, d decision) (*db.Change, error) {
	c := db.NewChange(d.payment.Merchant)
	if err := s.put(ctx, c, d); err != nil {
		return nil, err
	}
	return c, s.returned(ctx, c, d)
}

// put adds the rows that a decision writes to a Change.
func (s *Service) put(ctx context.Context, c *db.Change, d decision) error {
	now := s.Clock.Now()
	if d.contradiction != nil {
		if err := s.contradict(ctx, c, *d.contradiction, now); err != nil {
			return err
		}
	}
	if d.nothing() && d.payment.Version > 0 && len(d.events) == 0 {
		return nil
	}
	if d.payment.EndedAt.IsZero() && len(paymentMoves[d.payment.Status]) == 0 {
		d.payment.EndedAt = now
	}
	if err := s.putRows(c, d, now); err != nil {
		return err
	}
	for _, p := range d.postings {
		if err := ledger.Post(c, s.IDs, p, now); err != nil {
			return err
		}
	}
	if err := s.settled(ctx, c, d); err != nil {
		return err
	}
	if err := s.agree(ctx, c, d); err != nil {
		return err
	}
	return s.emit(ctx, c, d, now)
}

// putRows adds the rows of the payment, and of what else of it a decision moves.
func (s *Service) putRows(c *db.Change, d decision, now time.Time) error {
	row, err := paymentRow(d.payment)
	if err != nil {
		return err
	}
	c.Add(row)
	for _, a := range []*Attempt{d.attempt, d.next} {
		if a == nil {
			continue
		}
		if a.State != a.was {
			a.MovedAt = now
		}
		if row, err = attemptRow(*a); err != nil {
			return err
		}
		c.Add(row)
	}
	if d.operation != nil {
		if d.operation.State != d.operation.was {
			d.operation.MovedAt = now
		}
		if row, err = operationRow(*d.operation); err != nil {
			return err
		}
		c.Add(row)
	}
	for _, t := range d.transfers {
		t.MovedAt = now
		c.Add(transferRow(t))
	}
	if d.clearing != nil {
		c.Add(clearingRow(d.payment, *d.clearing, now))
	}
	if d.history != nil {
		if row, err = historyRow(*d.history, s.Networks.KeepFor()); err != nil {
			return err
		}
		c.Add(row)
	}
	return nil
}

// emit adds the decision's events. An event about a refund carries the refund, every other one the payment.
func (s *Service) emit(ctx context.Context, c *db.Change, d decision, now time.Time) error {
	for i, t := range d.events {
		f := event.Fact{
			Type: t, Subject: d.payment.ID, Thread: d.payment.ID, Sequence: d.payment.Version*maxEvents + int64(i), Object: s.object(d.payment),
		}
		if refundEvents[t] {
			f.Subject, f.Object = d.operation.ID, refundObject(*d.operation)
		}
		if err := s.Outbox.Emit(ctx, c, f, now); err != nil {
			return err
		}
	}
	return nil
}

// maxEvents is more events than one decision has. Each decision writes the payment's row, so its version orders them, whichever
// process made them and whatever its clock says.
const maxEvents = 16

var refundEvents = map[event.Type]bool{event.RefundPending: true, event.RefundSucceeded: true, event.RefundFailed: true}

// audience tells whether the request that made an attempt may still wait for it, and go on with another one.
type audience bool

const (
	requestWaits audience = true
	nobodyWaits  audience = false
)

// settle decides what an outcome means for an attempt, with the facts that stand beside its rows.
func (s *Service) settle(ctx context.Context, account provider.Account, p Payment, a Attempt, o provider.Outcome, hears audience) (decision, error) {
	t, err := s.terms(ctx, p.Merchant, account)
	if err == nil && hears == requestWaits && elsewhere(o, p.Method.Brand) {
		t.next, err = s.successor(ctx, p, a, t.tries)
	}
	if err != nil {
		return decision{}, err
	}
	if o.Class == provider.Declined && p.Later != nil && p.Later.Smart != nil {
		t.hour = s.bestHour(ctx, p.Merchant, p.Method.Country)
	}
	if o.Class == provider.Declined && a.Secure == nil && s.authenticates(account) && s.answers(account) {
		t.again = s.IDs.New(id.Attempt)
	}
	if to := attemptStateOf(a, o); a.State == AttemptAuthorized && (to == AttemptCaptured || to == AttemptVoided) {
		operations, err := s.store.operations(ctx, p.Merchant, p.ID)
		if err != nil {
			return decision{}, err
		}
		again, err := s.store.payment(ctx, p.Merchant, p.ID)
		if err != nil {
			return decision{}, err
		}
		if again.Version != p.Version {
			return decision{}, errTorn // an operation may have ended before they were read
		}
		t.operating = slices.ContainsFunc(operations, func(o Operation) bool { return o.Kind != KindRefund && o.open() })
		t.restKept = slices.ContainsFunc(operations, func(o Operation) bool { return o.Purpose == PurposeExpire && o.State == OperationFailed })
	}
	d, err := s.counted(ctx, p, a, o, &t, func(t terms) (decision, error) { return settle(p, a, o, t) })
	if err == nil {
		err = s.leftOpen(ctx, &d)
	}
	if err == nil && !p.Method.isCard() && d.attempt != nil && d.attempt.State == AttemptCaptured && a.State != AttemptCaptured {
		var known []Transfer
		known, err = s.transfersOf(ctx, a)
		d.completeParts(known) // the provider has counted what we hold as parts
	}
	return d, err
}

// terms are the facts beside the payment that its settlement depends on.
func (s *Service) terms(ctx context.Context, tenant string, account provider.Account) (terms, error) {
	m, err := s.Merchants.Of(ctx, tenant)
	if err != nil {
		return terms{}, err
	}
	return terms{now: s.Clock.Now(), fee: m.FeeBasisPoints, hold: s.capabilities(account).AuthorizationTTL, patience: s.patience(account), tries: m.Tries(), blind: s.blind(account), provider: account.Provider, queue: s.Queue}, nil
}

func (s *Service) capabilities(a provider.Account) provider.Capabilities {
	if c, ok := s.Providers[a.Provider]; ok {
		return provider.CapabilitiesOf(c, a)
	}
	return provider.Capabilities{}
}

// patience is how long an intent may wait for its result before the worker takes it up.
func (s *Service) patience(a provider.Account) time.Duration {
	return s.capabilities(a).Timeout + s.Patience
}

// call runs a provider's call, unless the provider's health forbids it. The caller's patience does not end it: once it is sent, its outcome is
// wanted.
func (s *Service) call(ctx context.Context, a provider.Account, of health.Operation, do func(ctx context.Context) provider.Outcome) provider.Outcome {
	done, refused := s.enter(a, of)
	if refused != nil {
		return *refused
	}
	return s.run(ctx, a, of, done, do)
}

// run makes a call that its provider's health allows.
func (s *Service) run(ctx context.Context, a provider.Account, of health.Operation, done func(health.Result), do func(ctx context.Context) provider.Outcome) (out provider.Outcome) {
	defer func() { // of a call that panics, too: its outcome is unknown
		done(health.Result{Class: out.Class.String(), Technical: out.Technical(provider.Operation(of))})
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.capabilities(a).Timeout)
	defer cancel()
	return do(ctx)
}

// alone is the Companion of a decision that nobody waits for.
type alone struct{}

func (alone) Intent(*db.Change, string)           {}
func (alone) Result(*db.Change, any, error) error { return nil }
