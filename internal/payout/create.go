package payout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// Create asks for a payout: to a destination that is kept, or to one that is given and kept by it.
type Create struct {
	Amount      int64
	Currency    string
	Destination string            // dst_…
	To          *DestinationInput // instead of Destination
	Descriptor  string
	Description string
	Metadata    map[string]string
	By          string // the key that asks
	Customer    string // cus_…, whose money it is
	ClosedLoop  Mode   // empty: none
	Order       Order  // of the sources; empty: oldest first
	Source      string // pay_…: that one only
}

// draft is a payout that was checked, but for the balance.
type draft struct {
	payout Payout
	to     Destination
	fresh  bool // the destination is made with it
	held   bool // it is above what one person may pay out
	reach  []bank.RailName
}

// Result adds to the Change of a payout, which is given as it will be.
type Result func(c *db.Change, o Object) error

// Create makes a payout: its amount is taken out of what is available at once, and it is sent by the worker. Above the merchant's threshold it is held.
// It fails with fault.Invalid if the destination or the amount is wrong, with fault.NotFound if there is no such destination, and with fault.Conflict
// if it is blocked or the amount is more than is available, or of a closed loop that must go back more than its sources take.
func (s *Service) Create(ctx context.Context, tenant string, in Create, with Result) (Object, error) {
	d, err := s.draft(ctx, tenant, in)
	if err != nil {
		return Object{}, err
	}
	if d.payout.Loop != nil {
		return s.loop(ctx, tenant, d, with)
	}
	made, faults, err := s.queue(ctx, tenant, []draft{d}, false, func(c *db.Change, made []Object) error { return with(c, made[0]) })
	if err != nil {
		return Object{}, err
	}
	return made[0], faults[0]
}

// draft checks all that can be told without the balance.
func (s *Service) draft(ctx context.Context, tenant string, in Create) (draft, error) {
	currency, err := money.ParseCurrency(in.Currency)
	if err != nil {
		return draft{}, fault.Wrong("currency", fault.CodeCurrency, "must be an ISO 4217 code")
	}
	now, amount := s.Clock.Now(), money.Of(in.Amount, currency)
	d := draft{fresh: in.To != nil}
	customer, loop, err := s.whose(ctx, tenant, in, currency)
	if err != nil {
		return d, err
	}
	if d.fresh || in.Destination != "" || loop == nil {
		if err := s.reachable(ctx, tenant, in, &d, now); err != nil {
			return d, err
		}
	}
	var account string
	var rail bank.Rail
	if loop == nil { // of one that consists of parts it is not known yet how much goes which way
		if account, rail, err = s.route(ctx, tenant, amount, d.reach); err != nil {
			return d, err
		}
	}
	m, err := s.Merchants.Of(ctx, tenant)
	if err != nil {
		return d, err
	}
	if err := s.permits(ctx, tenant, account); err != nil {
		return d, err
	}
	d.payout = Payout{
		Merchant: tenant, ID: s.IDs.New(id.Payout), Amount: amount, Destination: d.to.ID, Rail: rail.Name, Account: account, Descriptor: in.Descriptor,
		Description: in.Description, Metadata: in.Metadata, CreatedBy: in.By, CreatedAt: now,
		Customer: customer, Loop: loop,
	}
	persons, err := s.persons(ctx, d.payout)
	if err != nil {
		return d, err
	}
	d.held = persons > 0 || m.PayoutWaits(amount)
	if loop == nil {
		d.payout.Earliest, d.payout.Latest = bank.Estimate(rail, now)
	}
	return d, nil
}

// reachable finds where a payout goes, and which rails lead there.
func (s *Service) reachable(ctx context.Context, tenant string, in Create, d *draft, now time.Time) (err error) {
	if d.to, err = s.whereTo(ctx, tenant, in, now); err != nil {
		return err
	}
	if err := s.refuseBlocked(ctx, d.to); err != nil {
		return err
	}
	opened, err := s.open(d.to)
	if err != nil {
		return err
	}
	d.reach = d.to.rails(opened.Number)
	return nil
}

// whose tells whose money a payout is, and how it goes back to its sources; nil if it does not.
func (s *Service) whose(ctx context.Context, tenant string, in Create, currency money.Currency) (string, *Loop, error) {
	customer := in.Customer
	if in.Source != "" {
		source, err := s.Payments.SourceOf(ctx, tenant, in.Source)
		switch {
		case fault.Is(err, fault.NotFound):
			return "", nil, &fault.Error{Kind: fault.NotFound, Code: fault.CodeNotFound, Param: "source_payment", Detail: "no such payment"}
		case err != nil:
			return "", nil, err
		case source.Payment.Amount.Currency() != currency:
			return "", nil, fault.Wrong("currency", fault.CodeInvalid, "must be the source payment's, which is "+source.Payment.Amount.Currency().Code())
		case customer != "" && customer != source.Payment.Customer:
			return "", nil, fault.Wrong("customer", fault.CodeInvalid, "is not who made the source payment")
		}
		customer = source.Payment.Customer
	}
	if in.Customer != "" {
		if err := s.Payments.KnowsCustomer(ctx, tenant, in.Customer); err != nil {
			return "", nil, err
		}
	}
	if in.ClosedLoop == "" || in.ClosedLoop == ModeNone {
		return customer, nil, nil
	}
	order := in.Order
	if order == "" {
		order = OldestFirst
	}
	return customer, &Loop{Mode: in.ClosedLoop, Order: order, Source: in.Source}, nil
}

func (s *Service) whereTo(ctx context.Context, tenant string, in Create, now time.Time) (Destination, error) {
	if in.To == nil {
		return s.store.destination(ctx, tenant, in.Destination)
	}
	p, err := s.readDestination(ctx, tenant, *in.To)
	if err != nil {
		return Destination{}, err
	}
	return s.seal(tenant, p, now)
}

// route chooses the first provider account, in the merchant's order, that pays out by one of the rails, and of these the quickest that carries the
// amount. If none does, what the last rail had against the amount is said.
func (s *Service) route(ctx context.Context, tenant string, amount money.Money, reach []bank.RailName) (string, bank.Rail, error) {
	accounts, err := s.Accounts.List(ctx, tenant)
	if err != nil {
		return "", bank.Rail{}, err
	}
	refusal := error(fault.Wrong("destination", CodeUnsupported, "no provider account pays to a destination of this kind"))
	for _, a := range accounts {
		if _, err := provider.Lookup[provider.Payer](s.Providers, a.Provider); err != nil {
			continue
		}
		can := s.capabilities(a).Rails
		for _, name := range reach {
			rail, known := bank.RailNamed(name)
			if !known || !slices.Contains(can, name) {
				continue
			}
			if refusal = rail.Check(amount); refusal == nil {
				return a.ID, rail, nil
			}
		}
	}
	return "", bank.Rail{}, refusal
}

// queue takes the amounts of drafts out of what is available and writes them, all in one Change: either all are made or none. The faults are those of
// each draft, nil where there is none; if one has a fault, or only a rehearsal is wanted, nothing is written, and the objects show what would be.
func (s *Service) queue(ctx context.Context, tenant string, drafts []draft, rehearsal bool, with func(*db.Change, []Object) error) ([]Object, []error, error) {
	currencies := map[money.Currency]bool{}
	for _, d := range drafts {
		if c := d.payout.Amount.Currency(); !currencies[c] {
			currencies[c] = true
			if err := s.Mature(ctx, tenant, c); err != nil {
				return nil, nil, err
			}
		}
	}
	for try := 1; ; try++ {
		made, faults, c, err := s.decideAll(ctx, tenant, drafts)
		if err != nil {
			return nil, nil, err
		}
		objects := make([]Object, len(made))
		for i, d := range made {
			objects[i] = s.show(d.payout)
		}
		if rehearsal || errors.Join(faults...) != nil {
			return objects, faults, nil
		}
		if err := with(c, objects); err != nil {
			return nil, nil, err
		}
		err = s.DB.Commit(ctx, c)
		if err == nil {
			for _, d := range made {
				s.landed(c, d)
			}
			s.DB.Wake(sweepName)
			return objects, faults, nil
		}
		if !overtaken(err) || try == tries {
			return nil, nil, fmt.Errorf("queue payouts: %w", err)
		}
	}
}

// decideAll decides drafts one after the other against the balances as they are.
func (s *Service) decideAll(ctx context.Context, tenant string, drafts []draft) ([]decision, []error, *db.Change, error) {
	now, c := s.Clock.Now(), db.NewChange(tenant)
	balances, left := map[money.Currency]*Balance{}, map[money.Currency]int64{}
	made, faults := make([]decision, len(drafts)), make([]error, len(drafts))
	for i, d := range drafts {
		currency := d.payout.Amount.Currency()
		if balances[currency] == nil {
			b, spendable, err := s.spendable(ctx, tenant, currency)
			if err != nil {
				return nil, nil, nil, err
			}
			balances[currency], left[currency] = &b, spendable
		}
		made[i], left[currency], faults[i] = begin(d.payout, d.held, balances[currency], left[currency], now)
		if faults[i] != nil {
			made[i].payout = d.payout
			continue
		}
		if d.fresh {
			row, err := destinationRow(d.to)
			if err != nil {
				return nil, nil, nil, err
			}
			c.Add(row)
		}
		if d.payout.Customer != "" {
			f, err := s.facts(ctx, d.payout, currency)
			if err == nil {
				made[i].payout.Draws, err = s.takeFrom(c, f, d.payout.Amount.Minor(), currency, nil)
			}
			if err != nil {
				return nil, nil, nil, err
			}
		}
		if err := s.rows(ctx, c, made[i], now); err != nil {
			return nil, nil, nil, err
		}
	}
	for _, b := range balances {
		c.Add(balanceRow(*b))
	}
	return made, faults, c, nil
}

// Approve lets a held payout go, by somebody else than who asked for it. It fails with fault.NotFound, with fault.Conflict if it is not held, or its money
// is not there any more, or its destination is blocked, and with fault.Forbidden for a key of who asked for it, or has agreed while another person is needed.
func (s *Service) Approve(ctx context.Context, tenant, payout, by string, with Result) (Object, error) {
	asked, err := s.whole(ctx, tenant, payout)
	if err != nil {
		return Object{}, err
	}
	if asked.Loop != nil {
		return s.moveLoop(ctx, tenant, payout, with, func(c *db.Change, p Payout) ([]decision, error) { return s.approveLoop(ctx, c, p, by) })
	}
	d, err := s.apply(ctx, tenant, payout, func(p Payout) (decision, error) {
		to, err := s.store.destination(ctx, tenant, p.Destination)
		if err == nil {
			err = s.refuseBlocked(ctx, to)
		}
		if err != nil {
			return decision{}, err
		}
		b, left, err := s.spendable(ctx, tenant, p.Amount.Currency())
		if err != nil {
			return decision{}, err
		}
		who, persons, err := s.agreeing(ctx, p, by)
		if err != nil {
			return decision{}, err
		}
		return p.approve(by, who, persons, b, left, s.Clock.Now())
	}, func(c *db.Change, d decision) error { return with(c, s.show(d.payout)) })
	if err != nil {
		return Object{}, err
	}
	s.DB.Wake(sweepName)
	return s.show(d.payout), nil
}

// whole is a payout that is decided about as a whole. It fails with fault.NotFound, and with errPart if it is a part of another one.
func (s *Service) whole(ctx context.Context, tenant, payout string) (Payout, error) {
	p, err := s.store.payout(ctx, tenant, payout)
	if err == nil && p.PartOf != "" {
		err = errPart
	}
	return p, err
}

// Cancel ends a payout that was not sent yet. It fails with fault.NotFound, and with fault.Conflict if it is too late.
func (s *Service) Cancel(ctx context.Context, tenant, payout, reason string, with Result) (Object, error) {
	asked, err := s.whole(ctx, tenant, payout)
	if err != nil {
		return Object{}, err
	}
	if asked.Loop != nil {
		return s.moveLoop(ctx, tenant, payout, with, func(c *db.Change, p Payout) ([]decision, error) { return s.cancelLoop(ctx, c, p, reason) })
	}
	d, err := s.apply(ctx, tenant, payout, func(p Payout) (decision, error) {
		b, err := s.store.balance(ctx, tenant, p.Amount.Currency())
		if err != nil {
			return decision{}, err
		}
		return p.cancel(b, reason, s.Clock.Now())
	}, func(c *db.Change, d decision) error { return with(c, s.show(d.payout)) })
	if err != nil {
		return Object{}, err
	}
	return s.show(d.payout), nil
}

var errPart = fault.State("it is a part of another payout, and is approved or canceled with it")

// samePerson tells whether two keys are one person's.
func (s *Service) samePerson(ctx context.Context, tenant, one, other string) (bool, error) {
	if one == other || s.SamePerson == nil {
		return one == other, nil
	}
	return s.SamePerson(ctx, tenant, one, other)
}

// moveLoop moves a payout that consists of parts, with all of them.
func (s *Service) moveLoop(ctx context.Context, tenant, payout string, with Result, decide func(*db.Change, Payout) ([]decision, error)) (Object, error) {
	var made Object
	err := s.changed(ctx, tenant, func(c *db.Change) ([]decision, error) {
		p, err := s.store.payout(ctx, tenant, payout)
		if err != nil {
			return nil, err
		}
		decisions, err := decide(c, p)
		if err != nil {
			return nil, err
		}
		made = s.show(decisions[0].payout)
		return decisions, with(c, made)
	})
	s.DB.Wake(sweepName)
	return made, err
}
