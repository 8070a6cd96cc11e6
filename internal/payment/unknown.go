package payment

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

// An unknown outcome is asked about by three triggers: its schedule (see resolve.go), somebody who reads the payment, and an hourly look
// for what has lost its schedule.

// askAgainAfter is how soon after an inquiry a reader may bring about the next one.
const askAgainAfter = 5 * time.Second

// wanted is an attempt that somebody waits for, with its next inquiry due now; false if it is not open, or was asked about a moment ago.
// An inquiry that a reader brings about takes nothing from the schedule.
func (a Attempt) wanted(now time.Time) (Attempt, bool) {
	last := a.SentAt
	if a.AskedAt.After(last) {
		last = a.AskedAt
	}
	if a.State != AttemptUnknown && a.State != AttemptPending || now.Before(last.Add(askAgainAfter)) || !a.DueAt.After(now) {
		return a, false
	}
	least := int64(0)
	if a.State == AttemptUnknown {
		least = 1 // it was told to be pending already
	}
	a.DueAt, a.Inquiries = now, max(least, a.Inquiries-1)
	return a, true
}

// readers has the provider asked about payments that somebody reads. Nobody who reads waits for it.
type readers struct {
	slots chan struct{} // one for each look under way: what comes when all are taken is left to the schedule
	under sync.WaitGroup

	mu     sync.Mutex
	seen   map[string]time.Time // payments that were looked at a moment ago
	closed bool
}

const (
	readerSlots = 8
	readersSeen = 1024
	readerTime  = 5 * time.Second
)

func newReaders() *readers {
	return &readers{slots: make(chan struct{}, readerSlots), seen: map[string]time.Time{}}
}

// admits tells whether a payment is to be looked at now.
func (r *readers) admits(payment string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || now.Before(r.seen[payment].Add(askAgainAfter)) {
		return false
	}
	select {
	case r.slots <- struct{}{}:
	default:
		return false
	}
	if len(r.seen) >= readersSeen {
		clear(r.seen)
	}
	r.seen[payment] = now
	r.under.Add(1)
	return true
}

// read has the provider asked about a payment that somebody reads while its outcome is open.
func (s *Service) read(p Payment) {
	if p.Status != Processing || p.Attempts == 0 || !s.readers.admits(p.ID, s.Clock.Now()) {
		return
	}
	go func() {
		defer s.readers.under.Done()
		defer func() { <-s.readers.slots }()
		ctx, cancel := context.WithTimeout(context.Background(), readerTime)
		defer cancel()
		if err := s.hasten(ctx, p); err != nil {
			s.Logger.Warn("the outcome of a payment that is read could not be asked about", "merchant_id", p.Merchant, "payment_id", p.ID, "error", err)
		}
	}()
}

func (s *Service) hasten(ctx context.Context, p Payment) error {
	a, err := s.store.attempt(ctx, p.Merchant, p.ID, p.Attempts)
	if err != nil {
		return err
	}
	a, ok := a.wanted(s.Clock.Now())
	if !ok {
		return nil
	}
	row, err := attemptRow(a)
	if err != nil {
		return err
	}
	err = s.DB.Commit(ctx, db.NewChange(a.Merchant, row))
	if fault.Is(err, fault.Stale) {
		return nil // somebody heard of it this moment
	}
	s.DB.Wake(sweepAttempts)
	return err
}

// Close ends what readers have brought about.
func (s *Service) Close() {
	s.readers.mu.Lock()
	s.readers.closed = true
	s.readers.mu.Unlock()
	s.readers.under.Wait()
}

// lostAfter is how long past its time an open outcome counts as forgotten.
const lostAfter = time.Hour

// mostLost bounds how many forgotten outcomes of a kind one look takes up.
const mostLost = 1000

// Rearm looks, over all tenants, for attempts and operations whose outcome is open and that nobody will ask about: they have no time, or
// one that is long past. They are due now. It gives back how many it found.
func (s *Service) Rearm(ctx context.Context) (int, error) {
	now := s.Clock.Now()
	attempts, err := s.store.lostAttempts(ctx, now.Add(-lostAfter))
	if err != nil {
		return 0, err
	}
	operations, err := s.store.lostOperations(ctx, now.Add(-lostAfter))
	if err != nil {
		return 0, err
	}
	found := 0
	var errs []error
	for _, a := range attempts {
		a.DueAt = now
		row, err := attemptRow(a)
		if err == nil {
			err = s.rearm(ctx, "attempt", a.Merchant, a.ID, row)
		}
		if !fault.Is(err, fault.Stale) {
			found, errs = found+1, append(errs, err)
		}
	}
	for _, o := range operations {
		o.DueAt = now
		row, err := operationRow(o)
		if err == nil {
			err = s.rearm(ctx, "operation", o.Merchant, o.ID, row)
		}
		if !fault.Is(err, fault.Stale) {
			found, errs = found+1, append(errs, err)
		}
	}
	return found, errors.Join(errs...)
}

func (s *Service) rearm(ctx context.Context, what, tenant, subject string, row db.Row) error {
	err := s.DB.Commit(ctx, db.NewChange(tenant, row))
	if err == nil {
		s.metrics.rearmed.WithLabelValues(what).Inc()
		s.Logger.Warn("an open outcome had lost its schedule", "merchant_id", tenant, "subject", subject)
	}
	return err
}
