package payment

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
)

// A capture, a void or a refund whose provider is down is not refused: it waits, until its deadline, and is sent when the provider is back.
// Only what was certainly not sent waits. What is back is not overrun: what waited is sent at a rate that grows (see health.Drain), refunds
// and voids before captures, and of each kind first what has the least time left. What was just tried in vain lets the others go before it.
// docs/degradation.md tells people.

// DefaultQueue is how long a refund waits for its provider.
const DefaultQueue = 72 * time.Hour

// captureMargin is how long before the end of its authorization a capture is given up: whoever asked for it can do something yet.
const captureMargin = 10 * time.Minute

// Between looks at what waits for something that does not say when it is over.
const (
	shortestWait  = 2 * time.Second
	longestWait   = 5 * time.Minute
	switchedLook  = 30 * time.Second
	suspendedLook = time.Minute
)

// stepBack is how long what was tried in vain lets others of its account go before it: longer than a breaker pauses, so that one operation
// that a provider never processes is not every probe.
const stepBack = 5 * time.Minute

// nextLook is when something that has waited since a time is looked at again, if nothing says when that is worth it.
func nextLook(since, now time.Time) time.Time {
	return now.Add(min(max(now.Sub(since)/4, shortestWait), longestWait))
}

// reachable tells whether what was not sent may be sent another time: the provider was down, or not to be called. What Florin itself
// cannot send it never will.
func reachable(o provider.Outcome) bool {
	return o.Class == provider.NotSent && (!o.Withheld || !o.NotBefore.IsZero())
}

// unable is the outcome of a call that a provider has no way to take.
func unable(err error) provider.Outcome {
	return provider.Unable(err.Error())
}

// waits tells whether an operation that did not reach its provider is sent again later. The release of an authorization whose time is over
// is not: it is begun anew every hour.
func (o Operation) waits(p Payment, out provider.Outcome, t terms) bool {
	return o.State == OperationSending && reachable(out) && o.Purpose != PurposeExpire && t.now.Before(o.until(p, t))
}

// until is how long an operation waits at most.
func (o Operation) until(p Payment, t terms) time.Time {
	switch {
	case !o.Deadline.IsZero():
		return o.Deadline
	case o.Kind == KindRefund:
		return t.now.Add(t.queue)
	case o.Kind == KindVoid && o.Payout == "":
		return p.CaptureBefore // then it is released in any case
	}
	return p.CaptureBefore.Add(-captureMargin)
}

// wait puts an operation off until its provider may be back. One that was withheld has not been tried.
func (o *Operation) wait(p Payment, out provider.Outcome, t terms) {
	o.Deadline = o.until(p, t)
	o.waitsFor(out.Detail, t.now)
	o.DueAt = nextLook(o.CreatedAt, t.now)
	if out.Withheld {
		o.SentAt = time.Time{}
	}
	if !out.NotBefore.IsZero() {
		o.DueAt = health.Spread(o.ID, out.NotBefore)
	}
	o.DueAt = earlier(o.DueAt, o.Deadline)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// overdue tells whether an operation has waited as long as it may.
func (o Operation) overdue(now time.Time) bool {
	return !o.Deadline.IsZero() && !now.Before(o.Deadline)
}

// drains is what this process sends of what waited, by account: several hands take the most urgent one each, and never the same. What is
// read for one account keeps no other waiting.
type drains struct {
	mu sync.Mutex
	of map[string]*drain // those that a hand is at
}

// drain is what is sent to one account.
type drain struct {
	mu      sync.Mutex
	sending map[string]bool
	hands   int // drains.mu holds it
}

// enter has a hand be at an account's, until it leaves.
func (d *drains) enter(account string) (at *drain, leave func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of == nil {
		d.of = map[string]*drain{}
	}
	at = d.of[account]
	if at == nil {
		at = &drain{sending: map[string]bool{}}
		d.of[account] = at
	}
	at.hands++
	return at, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if at.hands--; at.hands == 0 {
			delete(d.of, account)
		}
	}
}

// sent gives an operation back that a hand has sent.
func (d *drain) sent(op string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sending, op)
}

// drainOrder is which kind goes first: money that goes back before money that is taken.
var drainOrder = []Kind{KindRefund, KindVoid, KindCapture}

// sequence reads operations that wait for an account, the first of them first.
type sequence func(ctx context.Context, limit int) ([]Operation, error)

// mostUrgent are the orders in which what waits for an account is sent: of what can be called now, what has not just been tried in vain.
func (s *Service) mostUrgent(tenant, account string) []sequence {
	var all []sequence
	for _, kind := range drainOrder {
		if s.Health != nil && !s.Health.State(tenant, account, health.Operation(inquiries[kind])).Enterable() {
			continue
		}
		all = append(all, func(ctx context.Context, limit int) ([]Operation, error) {
			return s.store.waiting(ctx, tenant, account, kind, s.Clock.Now().Add(-stepBack), limit)
		})
	}
	return all
}

// longestTried is the order of what was tried in vain: each as often as the others.
func (s *Service) longestTried(tenant, account string, kind Kind) sequence {
	return func(ctx context.Context, limit int) ([]Operation, error) {
		return s.store.longestTried(ctx, tenant, account, kind, limit)
	}
}

// first is the operation of an account that is sent first, and is this hand's now; false if none waits. release gives it back.
func (s *Service) first(ctx context.Context, tenant, account string, orders ...sequence) (op Operation, release func(), ok bool, err error) {
	at, leave := s.drains.enter(tenant + " " + account)
	defer func() {
		if !ok {
			leave()
		}
	}()
	at.mu.Lock()
	defer at.mu.Unlock()
	for _, read := range orders {
		waiting, err := read(ctx, len(at.sending)+1)
		if err != nil {
			return Operation{}, nil, false, err
		}
		for _, op := range waiting {
			if at.sending[op.ID] {
				continue
			}
			at.sending[op.ID] = true
			return op, func() { at.sent(op.ID); leave() }, true, nil
		}
	}
	return Operation{}, nil, false, nil
}

// dispatch does what is due about an operation that waits: it is sent, or waits on, or is given up.
func (s *Service) dispatch(ctx context.Context, op Operation) error {
	now := s.Clock.Now()
	if op.overdue(now) {
		return s.runOut(ctx, op)
	}
	until, why, err := s.heldBack(ctx, op, now)
	if err != nil {
		return err
	}
	if !until.IsZero() {
		op.Detail = why
		op.waitsFor(why, now)
		return s.holdBack(ctx, op, until)
	}
	if op.Deadline.IsZero() { // it was queued to be sent, and has not been tried
		return s.send(ctx, op)
	}
	return s.drain(ctx, op)
}

// heldBack is until when an operation must not be sent, and why; zero: it may be. While its merchant is suspended, or people have switched it off,
// it waits.
func (s *Service) heldBack(ctx context.Context, op Operation, now time.Time) (until time.Time, why string, err error) {
	m, err := s.Merchants.Of(ctx, op.Merchant)
	if err != nil {
		return time.Time{}, "", err
	}
	if m.Suspended() {
		return now.Add(suspendedLook), "the merchant is suspended", nil
	}
	p, err := s.store.payment(ctx, op.Merchant, op.Payment)
	if err != nil {
		return time.Time{}, "", err
	}
	switch err := s.permits(ctx, p, string(inquiries[op.Kind]), op.Account); {
	case fault.Is(err, fault.Unavailable):
		return now.Add(switchedLook), err.Error(), nil
	case err != nil:
		return time.Time{}, "", err
	}
	return time.Time{}, "", nil
}

// holdBack leaves an operation that must not be sent now for later. A part of a payout, which was on its way to be sent and had no deadline,
// waits no longer than others of its kind.
func (s *Service) holdBack(ctx context.Context, op Operation, until time.Time) error {
	if op.Deadline.IsZero() {
		p, err := s.store.payment(ctx, op.Merchant, op.Payment)
		if err != nil {
			return err
		}
		op.Deadline = op.until(p, terms{now: s.Clock.Now(), queue: s.Queue})
	}
	return s.putOff(ctx, op, until)
}

// putOff leaves an operation that waits for later.
func (s *Service) putOff(ctx context.Context, op Operation, until time.Time) error {
	if op.DueAt = until; !op.Deadline.IsZero() {
		op.DueAt = earlier(until, op.Deadline)
	}
	row, err := operationRow(op)
	if err != nil {
		return err
	}
	return unlessOvertaken(s.DB.Commit(ctx, db.NewChange(op.Merchant, row)))
}

// unlessOvertaken is an error, unless it says that somebody else was at it first.
func unlessOvertaken(err error) error {
	if lost(err) || fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// drain sends the most urgent of what waits for an operation's account, if its turn has come. What gave its turn away takes the other's.
func (s *Service) drain(ctx context.Context, op Operation) error {
	if s.Health != nil {
		if wait, ok := s.turnAt(op.Merchant, op.Account, health.Operation(inquiries[op.Kind]), op.ID); !ok {
			return s.putOff(ctx, op, wait)
		}
	}
	orders := append(s.mostUrgent(op.Merchant, op.Account), s.longestTried(op.Merchant, op.Account, op.Kind))
	first, release, ok, err := s.first(ctx, op.Merchant, op.Account, orders...)
	if err != nil || !ok {
		return err // it was sent meanwhile
	}
	defer release()
	if first.ID == op.ID {
		return s.send(ctx, op)
	}
	until, _, err := s.heldBack(ctx, first, s.Clock.Now())
	switch {
	case err != nil:
		return err
	case !until.IsZero():
		return s.send(ctx, op) // what people hold back holds nobody else up
	}
	if err := s.putOff(ctx, op, first.turn(op.CreatedAt, s.Clock.Now())); err != nil {
		return err
	}
	return s.send(ctx, first)
}

// turnAt asks for the turn of what waited for an account; if it is not there, wait is when to come again. What is held up together by a
// provider that is down, or by another's probe, does not come back together.
func (s *Service) turnAt(tenant, account string, o health.Operation, id string) (wait time.Time, ok bool) {
	if now := s.Health.State(tenant, account, o); !now.Enterable() {
		return health.Spread(id, now.Until), false
	}
	return s.Health.Drain(tenant, account, o)
}

// turn is when an operation would have been looked at next: whoever sends it now gets that turn instead. One that another hand has taken
// up meanwhile has none to give. Who has waited since a time gets none that is later than it would look again by itself.
func (o Operation) turn(since, now time.Time) time.Time {
	ahead := o.DueAt.Sub(now)
	if claimed := ahead <= sweepLease && ahead > sweepLease-10*time.Second; claimed || ahead < shortestWait {
		return now.Add(shortestWait)
	}
	return earlier(o.DueAt, nextLook(since, now))
}

// send asks the provider for an operation that waited, under the reference that it always had.
func (s *Service) send(ctx context.Context, op Operation) error {
	_, err := s.operate(ctx, op.Merchant, op.Payment, alone{}, func(p Payment, a Attempt, at occasion) (decision, error) {
		now, err := s.store.operation(ctx, op.Merchant, op.ID)
		if err != nil {
			return decision{}, err
		}
		if now.State != OperationQueued {
			return decision{}, fault.State("somebody else sends it")
		}
		now.again = !now.Deadline.IsZero() && !now.SentAt.IsZero()
		now.State, now.SentAt, now.DueAt = OperationSending, at.now, at.now.Add(at.patience)
		return decision{payment: p, operation: &now}, nil
	})
	return unlessOvertaken(err)
}

// textNeverBack is why what waited was given up.
const textNeverBack = "The provider could not be reached in time. Nothing was sent."

// runOut gives up an operation whose provider did not come back in time, or that people still hold back when its time is over.
func (s *Service) runOut(ctx context.Context, op Operation) error {
	held, err := s.store.payment(ctx, op.Merchant, op.Payment)
	if err != nil {
		return err
	}
	why := provider.Outcome{Class: provider.NotSent, Detail: textNeverBack}
	switch err := s.permits(ctx, held, string(inquiries[op.Kind]), op.Account); {
	case switched(err):
		why = offBy(err, s.Clock.Now())
	case err != nil:
		return err
	}
	account, err := s.Accounts.Get(ctx, op.Merchant, op.Account)
	if err != nil {
		return fmt.Errorf("provider account %s: %w", op.Account, err)
	}
	_, err = s.apply(ctx, func() (decision, error) {
		p, a, now, err := s.rows(ctx, op)
		if err != nil {
			return decision{}, err
		}
		t, err := s.terms(ctx, p.Merchant, account)
		if err != nil {
			return decision{}, err
		}
		return p.ranOut(a, now, why, t)
	}, nobody)
	return unlessOvertaken(err)
}

// ranOut decides the end of an operation that waited in vain, and for what.
func (p Payment) ranOut(a Attempt, op Operation, why provider.Outcome, t terms) (decision, error) {
	if op.State != OperationQueued || !op.overdue(t.now) {
		return decision{}, fault.State("it does not wait any more")
	}
	if err := op.move(OperationFailed); err != nil {
		return decision{}, err
	}
	op.DueAt = time.Time{}
	d := decision{payment: p, attempt: &a, operation: &op}
	return d, torn(d.operationFailed(why, t))
}
