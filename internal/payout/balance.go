package payout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
)

// Balance is what keeps a merchant's money of one currency from being spent twice: see docs/decisions on payouts. What is available stands in the
// ledger. Every Change that spends writes this row by compare-and-set, in the Change that books.
type Balance struct {
	Merchant string
	Currency money.Currency
	Reserved int64 // of payouts that are held: not booked yet, and not to be spent

	FoldedTo string // the ids of transactions before this are counted in Folded
	Folded   int64  // credits of merchant_pending before FoldedTo
	Moved    int64  // what was moved from merchant_pending to merchant_available so far
	Version  int64
}

// lateness is how much later than its id says a transaction may be written: by a process whose clock is behind, or a Change that waited. What
// is younger is counted anew each time.
const lateness = time.Minute

// foldAt is how many entries are counted anew before their sum is kept.
const foldAt = 1000

// maturing is what falls due of captured money, and the row as it shall be. Only funds_available takes from merchant_pending, so what has to be
// moved is what was credited in time less what was moved already.
func (b Balance) maturing(tail int64) (Balance, int64) {
	due := max(b.Folded+tail-b.Moved, 0)
	b.Moved += due
	return b, due
}

// Mature makes available what was captured longer ago than the merchant's settlement delay.
func (s *Service) Mature(ctx context.Context, tenant string, currency money.Currency) error {
	_, err := s.matured(ctx, tenant, currency)
	return err
}

// matured is Mature, and how many entries it had to count.
func (s *Service) matured(ctx context.Context, tenant string, currency money.Currency) (int64, error) {
	for try := 1; ; try++ {
		count, err := s.mature(ctx, tenant, currency)
		if err == nil || !overtaken(err) || try == tries {
			return count, err
		}
	}
}

func (s *Service) mature(ctx context.Context, tenant string, currency money.Currency) (int64, error) {
	m, err := s.Merchants.Of(ctx, tenant)
	if err != nil {
		return 0, err
	}
	b, err := s.store.balance(ctx, tenant, currency)
	if err != nil {
		return 0, err
	}
	now := s.Clock.Now()
	over := now.Add(-time.Duration(m.SettlementDelay) * time.Hour)
	tail, count, err := s.books.Credited(ctx, tenant, ledger.MerchantPending, currency, b.FoldedTo, id.Floor(id.Transaction, over.Add(time.Millisecond)))
	if err != nil {
		return 0, err
	}
	b, due := b.maturing(tail.Minor())
	if due == 0 && count < foldAt {
		return count, nil
	}
	if to := id.Floor(id.Transaction, over.Add(-lateness)); to > b.FoldedTo {
		sum, _, err := s.books.Credited(ctx, tenant, ledger.MerchantPending, currency, b.FoldedTo, to)
		if err != nil {
			return 0, err
		}
		b.Folded, b.FoldedTo = b.Folded+sum.Minor(), to
	}
	c := db.NewChange(tenant, balanceRow(b))
	if due > 0 {
		p := ledger.Posting{Kind: ledger.KindFundsAvailable, Subject: fundsSubject, Cause: currency.Code(), Amount: money.Of(due, currency)}
		if err := ledger.Post(c, s.IDs, p, now); err != nil {
			return 0, err
		}
	}
	if err := s.DB.Commit(ctx, c); err != nil {
		return 0, fmt.Errorf("make funds of %s available: %w", tenant, err)
	}
	return count, nil
}

// fundsSubject is what transactions are about that make funds available: they gather those of many payments.
const fundsSubject = "funds"

// overtaken tells whether a Change lost because what it was decided from has changed.
func overtaken(err error) bool {
	var lost *db.Conflict
	return fault.Is(err, fault.Stale) || errors.As(err, &lost) && lost.Kind == fault.Exists && (lost.Table == balanceTable.Name || lost.Table == payment.BreakTable || payment.Underway(lost))
}

// roundEvery is how often funds that fall due are looked for; patientRound is every how many rounds that is done for merchants whose delay is
// hours: to them a minute is nothing.
const (
	roundEvery   = time.Second
	patientRound = 60
)

// restPerSecond is how many entries may be counted for each second of rest: a merchant who captures thousands a second is looked at twice a minute or
// so, because the entries of the last minute are counted anew each time.
const restPerSecond = 10_000

func rest(count int64) time.Duration { return time.Duration(count/restPerSecond) * time.Second }

// Run makes funds available as they fall due, until ctx ends. A round that finds nothing due writes nothing.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(roundEvery)
	defer tick.Stop()
	for round := 0; ; round++ {
		if err := s.MatureAll(ctx, round%patientRound == 0); err != nil && ctx.Err() == nil {
			s.Logger.Error("make funds available", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// MatureAll goes through all merchants, in both modes; unless all is set, through those without a settlement delay.
func (s *Service) MatureAll(ctx context.Context, all bool) error {
	merchants, err := s.Merchants.List(ctx)
	if err != nil {
		return err
	}
	var wrong []error
	for _, m := range merchants {
		if m.SettlementDelay > 0 && !all {
			continue
		}
		for _, live := range []bool{false, true} {
			wrong = append(wrong, s.matureTenant(ctx, id.Tenant(m.ID, live)))
		}
	}
	return errors.Join(wrong...)
}

func (s *Service) matureTenant(ctx context.Context, tenant string) error {
	currencies, err := s.books.Currencies(ctx, tenant, ledger.MerchantPending)
	if err != nil {
		return err
	}
	for _, currency := range currencies {
		place := tenant + " " + currency.Code()
		if until, resting := s.resting.Load(place); resting && s.Clock.Now().Before(until.(time.Time)) {
			continue
		}
		count, err := s.matured(ctx, tenant, currency)
		if err != nil {
			return err
		}
		if pause := rest(count); pause > 0 {
			s.resting.Store(place, s.Clock.Now().Add(pause))
		} else {
			s.resting.Delete(place)
		}
	}
	return nil
}

// spendable is the row to be written by whoever spends, and what can be spent. The row is read first: what is booked is then at least as new, and
// whoever spends in between makes the row stale.
func (s *Service) spendable(ctx context.Context, tenant string, currency money.Currency) (Balance, int64, error) {
	b, err := s.store.balance(ctx, tenant, currency)
	if err != nil {
		return b, 0, err
	}
	available, err := s.books.Balance(ctx, tenant, ledger.MerchantAvailable, currency)
	if err != nil {
		return b, 0, err
	}
	return b, available.Minor() - b.Reserved, nil
}
