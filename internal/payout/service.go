package payout

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
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
	List(ctx context.Context) ([]merchant.Merchant, error)
}

// Box seals what is personal, and tells the same account again. See seal.Box.
type Box interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Open(ciphertext, associated []byte) ([]byte, error)
	Derive(label string, data ...string) []byte
}

// Health keeps calls from providers that are down, and hears of those that are made. See health.Health.
type Health interface {
	Enter(c health.Call) (done func(health.Result), err error)
	State(tenant, account string, o health.Operation) health.State
	Drain(tenant, account string, o health.Operation) (wait time.Time, ok bool)
}

// Options are what a Service stands on.
type Options struct {
	DB        *db.DB
	Cards     Cards
	Accounts  Accounts
	Providers provider.Registry
	Merchants Merchants
	Payments  *payment.Service // where customers' money came from, and how it goes back there
	// SamePerson tells whether two keys are one person's. Nil: only a key and itself.
	SamePerson func(ctx context.Context, tenant, one, other string) (bool, error)
	Outbox     *event.Outbox
	Box        Box
	Clock      clock.Clock
	IDs        *id.Source
	Logger     *slog.Logger
	Health     Health                // may be nil: every call is made
	Queue      time.Duration         // how long a payout waits for a provider that is down; payment.DefaultQueue if zero
	Control    Control               // may be nil: nothing is switched off
	Breaks     payment.Breaks        // may be nil: contradictions are in the timeline alone
	Metrics    prometheus.Registerer // may be nil
	// Unrecognized counts the declines with codes that nobody knows. May be nil.
	Unrecognized *provider.Unrecognized
	Patience     time.Duration // how long after a provider's own timeout an unfinished call is taken up again; 15 s if zero
}

// Service keeps destinations, makes payouts and sends them.
type Service struct {
	Options
	store   store
	books   *ledger.Store
	metrics *metrics
	resting sync.Map // of busy balances: until when rounds leave them alone
}

// New makes a service.
func New(o Options) *Service {
	if o.Patience == 0 {
		o.Patience = 15 * time.Second
	}
	if o.Queue == 0 {
		o.Queue = payment.DefaultQueue
	}
	s := &Service{Options: o, store: store{o.DB}, books: ledger.NewStore(o.DB)}
	s.metrics = newMetrics(o.Metrics, s)
	return s
}

// tries is how often a decision is made anew because the rows it was made from changed meanwhile. Each round one of those who meet at a balance
// gets through.
const tries = 256

// rows adds a decision to a Change.
func (s *Service) rows(ctx context.Context, c *db.Change, d decision, now time.Time) error {
	if !d.moved {
		return nil
	}
	row, err := payoutRow(d.payout)
	if err != nil {
		return err
	}
	c.Add(row)
	if d.claim != "" && s.Breaks != nil {
		err := s.Breaks.Open(ctx, c, payment.Break{
			Kind: payment.BreakContradiction, Subject: d.payout.ID, Account: d.payout.Account, Detail: d.claim, Source: d.payout.ID + " " + d.claim,
		})
		if err != nil {
			return err
		}
	}
	if d.balance != nil {
		c.Add(balanceRow(*d.balance))
	}
	if d.givesBack() {
		for _, drawn := range d.payout.Draws {
			if err := s.Payments.Restore(ctx, c, drawn.Payment, drawn.Amount); err != nil {
				return err
			}
		}
	}
	if d.payout.Loop != nil {
		d.postings = nil // its parts are booked
	}
	for _, kind := range d.postings {
		p := ledger.Posting{Kind: kind, Subject: d.payout.ID, Cause: d.payout.ID, Amount: d.payout.Amount}
		if err := ledger.Post(c, s.IDs, p, now); err != nil {
			return err
		}
	}
	if d.payout.PartOf != "" {
		return nil // its events are those of what it is a part of
	}
	for i, t := range d.told {
		f := event.Fact{Type: t.of, Subject: d.payout.ID, Thread: d.payout.ID, Sequence: d.payout.Version*maxEvents + int64(i), Object: t.then.object()}
		if err := s.Outbox.Emit(ctx, c, f, now); err != nil {
			return err
		}
	}
	return nil
}

// maxEvents is more events than one decision has. Each decision writes the payout's row, so its version orders them.
const maxEvents = 16

// apply commits what decide decides from a payout as it is, again and again while others change it. with adds to the Change; it is called also
// if nothing changes.
func (s *Service) apply(ctx context.Context, tenant, payout string, decide func(Payout) (decision, error), with func(*db.Change, decision) error) (decision, error) {
	for try := 1; ; try++ {
		p, err := s.store.payout(ctx, tenant, payout)
		if err != nil {
			return decision{}, err
		}
		d, err := decide(p)
		if err != nil {
			return d, err
		}
		c := db.NewChange(tenant)
		if err := s.rows(ctx, c, d, s.Clock.Now()); err != nil {
			return d, err
		}
		if d.payout.PartOf != "" && (len(d.told) > 0 || d.payout.waits() && !p.waits()) {
			if err := s.Returned(ctx, c, d.payout.PartOf); err != nil {
				return d, err
			}
		}
		if err := with(c, d); err != nil {
			return d, err
		}
		if c.Len() == 0 {
			return d, nil
		}
		err = s.DB.Commit(ctx, c)
		if err == nil {
			s.landed(c, d)
			return d, nil
		}
		if !overtaken(err) || try == tries {
			return d, fmt.Errorf("commit %s: %w", payout, err)
		}
	}
}

// landed tells who listens of what was written, and operators of what cannot be true.
func (s *Service) landed(c *db.Change, d decision) {
	s.Outbox.Committed(c)
	for _, t := range d.told {
		s.metrics.moved(t.then)
	}
	if d.handed {
		s.Logger.Warn("what became of a payout waits for a person to find out", "merchant_id", d.payout.Merchant, "payout_id", d.payout.ID, "inquiries", d.payout.Inquiries)
	}
	if d.claim != "" {
		s.metrics.contradictions.Inc()
		s.Logger.Warn("a provider contradicts what is known", "merchant_id", d.payout.Merchant, "payout_id", d.payout.ID, "claim", d.claim)
	}
}

// nobody adds nothing to a Change: nobody waits for the decision.
func nobody(*db.Change, decision) error { return nil }

func (s *Service) capabilities(a provider.Account) provider.Capabilities {
	if c, ok := s.Providers[a.Provider]; ok {
		return provider.CapabilitiesOf(c, a)
	}
	return provider.Capabilities{}
}

// Get is a payout; fault.NotFound if there is none.
func (s *Service) Get(ctx context.Context, tenant, payout string) (Object, error) {
	p, err := s.store.payout(ctx, tenant, payout)
	if err != nil {
		return Object{}, err
	}
	return s.show(p), nil
}

// show is a payout as it is answered: until it is sent, its arrival is counted from now, or from when it can be sent.
func (s *Service) show(p Payout) Object { return s.counted(p).object() }

// counted is a payout with its arrival as show has it.
func (s *Service) counted(p Payout) Payout {
	if p.Loop == nil && (p.Status == Held || p.Status == Queued) {
		if rail, ok := bank.RailNamed(p.Rail); ok {
			p.Earliest, p.Latest = p.arrives(rail, s.Clock.Now())
		}
	}
	return p
}

// Filter narrows a list. What is empty narrows nothing.
type Filter struct{ Status, Destination, Batch, Customer string }

// List is a page of a tenant's payouts, newest first.
func (s *Service) List(ctx context.Context, tenant string, p db.Page, f Filter) ([]Object, bool, error) {
	found, more, err := s.store.payouts(ctx, tenant, p, f)
	all := make([]Object, len(found))
	for i, p := range found {
		all[i] = s.show(p)
	}
	return all, more, err
}
