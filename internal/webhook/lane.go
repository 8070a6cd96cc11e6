package webhook

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/limit"
)

// laneKey names a lane: an endpoint of a tenant.
type laneKey struct{ tenant, endpoint string }

// lane sends what is due to one endpoint, as long as this process has it leased. One goroutine owns it; each webhook under way
// has one more.
type lane struct {
	sender *Sender
	key    laneKey
	wake   chan struct{} // holds one while there may be something to do
	done   chan sent

	row      event.Lane // as it was last read or written
	window   window
	endpoint event.Endpoint
	rate     *limit.Limiter
	ticket   bool        // the rates allow one more
	waits    atomic.Bool // it will be nudged when they do

	letters  []event.Letter       // read, and not under way yet
	underWay map[string]time.Time // by delivery, when it began
	look     bool                 // something may be due that was not read
	from     event.End            // which end of what is due is read next
	since    time.Time            // nothing that was due before is pending, but for what landed late
	wholeAt  time.Time            // when what is due was last read from its very beginning
	busyAt   time.Time            // when something was last under way
}

// sent is what came of one try.
type sent struct {
	delivery event.Delivery // as it was written; with err not at all
	try      try
	pool     pool
	err      error
}

// slowAfter is how long a webhook may be under way until its endpoint counts as slow.
const slowAfter = time.Second

// Once all that was due is read, the next reads begin landedBy before the oldest of it: a database may have to step over each
// version that was due before. What landed later than that is found by the next read from the beginning, every wholeEvery.
const (
	landedBy   = 2 * time.Second
	wholeEvery = 5 * time.Second
)

// fairShare is how many webhooks a lane may have under way once three quarters of a pool are taken.
const fairShare = 4

// idleAfter is how long a lane without work is kept: the next event need not lease it again.
const idleAfter = 10 * time.Second

func (s *Sender) newLane(key laneKey) *lane {
	return &lane{
		sender: s, key: key, wake: make(chan struct{}, 1), done: make(chan sent, event.MaxConcurrency),
		underWay: map[string]time.Time{}, look: true, from: event.Oldest,
	}
}

// nudge has the lane look again. It never blocks.
func (l *lane) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run leases the lane, sends until nothing is left or ctx ends, and lets go. What is under way is awaited.
func (l *lane) run(ctx context.Context) {
	if !l.take(ctx) {
		return
	}
	l.busyAt = l.sender.clock.Now()
	for l.keep(ctx) {
		if !l.turn(ctx) {
			break
		}
	}
	l.drain(context.WithoutCancel(ctx))
	l.release(context.WithoutCancel(ctx))
}

// drain waits for what is under way, and keeps the lane until then: nobody else is to send it meanwhile.
func (l *lane) drain(ctx context.Context) {
	renew := time.NewTicker(l.sender.lease / 3)
	defer renew.Stop()
	for len(l.underWay) > 0 {
		select {
		case one := <-l.done:
			l.finish(ctx, one)
		case <-renew.C:
			l.write(ctx, l.window.into(l.row))
		}
	}
}

// turn does the next thing that there is to do, or waits for it. It tells whether to go on.
func (l *lane) turn(ctx context.Context) bool {
	if l.read(ctx) && !l.configure(ctx) { // what is due now may have happened after a change of the endpoint
		return false
	}
	now := l.sender.clock.Now()
	if len(l.underWay) > 0 || len(l.letters) > 0 {
		l.busyAt = now
	} else if now.Sub(l.busyAt) >= idleAfter {
		return false
	}
	var slots pool
	if l.mayStart(now) {
		if slots = l.pool(now); len(slots) > cap(slots)*3/4 && len(l.underWay) >= fairShare {
			slots = nil // what is left of the pool is for those who have little under way
		}
	}
	select {
	case <-ctx.Done():
		return false
	case slots <- struct{}{}:
		l.start(ctx, slots)
	case one := <-l.done:
		l.finish(ctx, one)
	case <-l.wake:
		l.look = true
	}
	return true
}

// read reads what is due, if there is room for it. Behind a backlog it reads from both ends in turn: what happens now need not wait
// for all that waits already. It tells whether it read.
func (l *lane) read(ctx context.Context) bool {
	now := l.sender.clock.Now()
	room := l.window.room(len(l.underWay), now)
	if !l.look || len(l.letters) > 0 || room == 0 {
		return false
	}
	l.look = false
	limit := len(l.underWay) + 2*room
	if now.Sub(l.wholeAt) >= wholeEvery {
		l.since, l.wholeAt = time.Unix(0, 0), now
	}
	due, err := l.sender.store.Due(ctx, l.key.tenant, l.key.endpoint, l.since, now, l.from, limit)
	if err != nil {
		l.sender.fail(ctx, l.key, "read due webhooks", err)
		return false
	}
	if l.from == event.Oldest && len(due) > 0 && l.endpoint.Ordering != event.ByObject { // there, the oldest may be waiting for its turn
		l.since = due[0].DueAt.Add(-landedBy)
	}
	for _, letter := range due {
		if _, under := l.underWay[letter.ID]; !under {
			l.letters = append(l.letters, letter)
		}
	}
	backlog := len(due) == limit && len(l.letters) > 0
	if l.look = backlog; backlog && l.from == event.Oldest {
		l.from = event.Newest
	} else {
		l.from = event.Oldest
	}
	return true
}

// mayStart tells whether the window and the rate let one more begin.
func (l *lane) mayStart(now time.Time) bool {
	if len(l.letters) == 0 || l.window.room(len(l.underWay), now) == 0 {
		return false
	}
	if !l.ticket {
		l.ticket = l.allowed(l.rate) && (now.Sub(l.letters[0].DueAt) < backlogAge || l.allowed(l.sender.old))
	}
	return l.ticket
}

// allowed takes one of a limiter, or has the lane nudged when there is one.
func (l *lane) allowed(by *limit.Limiter) bool {
	if by == nil {
		return true
	}
	d := by.Take("one")
	if !d.Allowed && !l.waits.Swap(true) {
		time.AfterFunc(d.Wait, func() { l.waits.Store(false); l.nudge() })
	}
	return d.Allowed
}

// pool is where the next webhook takes its slot: an endpoint that is slow, or fails, competes with its like alone.
func (l *lane) pool(now time.Time) pool {
	if l.window.failures > 0 {
		return l.sender.slow
	}
	for _, began := range l.underWay {
		if now.Sub(began) >= slowAfter {
			return l.sender.slow
		}
	}
	return l.sender.quick
}

// start sends the first letter that waits. Its slot is taken.
func (l *lane) start(ctx context.Context, slots pool) {
	letter, to := l.letters[0], l.endpoint
	l.letters, l.ticket = l.letters[1:], false
	l.underWay[letter.ID] = l.sender.clock.Now()
	l.sender.metrics.underWay.WithLabelValues(l.sender.name(slots)).Inc()
	go func() {
		// A stop does not cut off what is under way: it has its own timeout, and its outcome is wanted.
		one := l.sender.send(context.WithoutCancel(ctx), to, letter, onlyTry)
		one.pool = slots
		l.done <- one // there is room for each that may be under way
	}()
}

// finish takes up what came of a try.
func (l *lane) finish(ctx context.Context, one sent) {
	<-one.pool
	l.sender.metrics.underWay.WithLabelValues(l.sender.name(one.pool)).Dec()
	delete(l.underWay, one.delivery.ID)
	l.look = l.look || l.endpoint.Ordering == event.ByObject // its followers may go now
	if one.err != nil {
		l.sender.fail(ctx, l.key, "record a webhook", one.err)
		return // it is still due: it goes again when the lane is looked at next
	}
	now := l.sender.clock.Now()
	if one.try.delivered() {
		if l.window.succeeded() {
			l.write(ctx, l.window.into(l.row))
			l.look = true
		}
		return
	}
	opened := l.window.failed(one.try.StartedAt, now, one.try.RetryAfter)
	switch {
	case one.try.Status == http.StatusGone:
		l.disable(ctx, event.DisabledGone)
	case l.window.hopeless(now):
		l.disable(ctx, event.DisabledFailing)
	case opened:
		l.letters = nil // they are read again when it closes
		l.write(ctx, l.window.into(l.row))
	}
}

// take leases the lane. It tells whether this process has it.
func (l *lane) take(ctx context.Context) bool {
	row, err := l.sender.store.Lane(ctx, l.key.tenant, l.key.endpoint)
	if err != nil {
		if !fault.Is(err, fault.NotFound) {
			l.sender.fail(ctx, l.key, "read a lane", err)
		}
		return false
	}
	now := l.sender.clock.Now()
	if !row.Free(l.sender.owner, now) || !row.Sendable(now) || !l.configure(ctx) {
		return false
	}
	l.row = row
	l.window = newWindow(row, l.endpoint.Concurrency)
	return l.write(ctx, row)
}

// keep renews the lease in time and follows changes of the endpoint. It tells whether to go on.
func (l *lane) keep(ctx context.Context) bool {
	if !l.configure(ctx) {
		return false
	}
	now := l.sender.clock.Now()
	if l.row.LeasedUntil.Sub(now) > 2*l.sender.lease/3 {
		return true
	}
	return l.write(ctx, l.window.into(l.row))
}

// configure reads the endpoint as it was at most a second ago. It tells whether the endpoint is to be sent to.
func (l *lane) configure(ctx context.Context) bool {
	to, err := l.sender.endpoint(ctx, l.key)
	if err != nil {
		if !fault.Is(err, fault.NotFound) && ctx.Err() == nil {
			l.sender.fail(ctx, l.key, "read an endpoint", err)
		}
		return false
	}
	if to.RateLimit != l.endpoint.RateLimit {
		l.rate, l.ticket = nil, false
		if to.RateLimit > 0 {
			l.rate = limit.New(l.sender.clock, limit.Policy{Name: "webhooks", Quota: int(to.RateLimit), Window: time.Second, Burst: max(int(to.RateLimit)/20, 1)}, 1)
		}
	}
	l.endpoint, l.window.limit = to, int(to.Concurrency)
	return to.Status == event.Enabled
}

// write writes the lane's row with the lease renewed. If somebody else has written it meanwhile, their word counts: it tells
// whether this process may go on with what they wrote.
func (l *lane) write(ctx context.Context, row event.Lane) bool {
	row.Owner, row.LeasedUntil = l.sender.owner, l.sender.clock.Now().Add(l.sender.lease)
	err := l.sender.db.Commit(ctx, db.NewChange(l.key.tenant, event.LaneUpdate(row)))
	if err == nil {
		row.Version++
		l.row = row
		return true
	}
	if !fault.Is(err, fault.Stale) {
		if ctx.Err() == nil {
			l.sender.fail(ctx, l.key, "write a lane", err)
		}
		return l.sender.clock.Now().Before(l.row.LeasedUntil) && l.row.Owner == l.sender.owner
	}
	fresh, err := l.sender.store.Lane(ctx, l.key.tenant, l.key.endpoint)
	if err != nil || fresh.Owner != l.sender.owner || fresh.Paused {
		return false
	}
	l.row, l.window = fresh, newWindow(fresh, l.endpoint.Concurrency) // somebody cleared it
	l.look = true
	return true
}

// release lets another process have the lane at once. Who has written the row meanwhile has the last word on all but the lease.
func (l *lane) release(ctx context.Context) {
	row := l.window.into(l.row)
	for range recordTries {
		row.Owner, row.LeasedUntil = "", time.Time{}
		err := l.sender.db.Commit(ctx, db.NewChange(l.key.tenant, event.LaneUpdate(row)))
		if fault.Is(err, fault.Stale) {
			row, err = l.sender.store.Lane(ctx, l.key.tenant, l.key.endpoint)
			if err == nil && row.Owner == l.sender.owner {
				continue
			}
		}
		if err != nil {
			l.sender.fail(ctx, l.key, "release a lane", err) // its lease runs out
		}
		return
	}
}
