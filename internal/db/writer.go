package db

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
)

// Bounds of a writer's patience.
const (
	statementTime = 15 * time.Second       // for the rows of a batch, and again for its COMMIT
	connectTime   = 5 * time.Second        // for a new connection
	pause         = 250 * time.Millisecond // before a dead database is tried again; until then Changes fail at once
	patience      = 10 * time.Second       // to find out what became of a COMMIT
	maxRetries    = 5
)

// writer takes batches from the queue and writes them. It owns one connection.
type writer struct {
	db      *DB
	number  int
	session session
	failed  error     // why there is no connection
	since   time.Time // when that was found, by the stopwatch
}

func (w *writer) run() {
	defer w.drop()
	for {
		batch := w.db.queue.take(w.db.batch)
		if batch == nil {
			return
		}
		m := w.db.metrics
		m.waiting.Set(float64(w.db.queue.waiting()))
		m.wait.Observe(clock.Since(batch[0].queued).Seconds())
		if batch[0].job != nil {
			w.run1(batch[0])
			continue
		}
		if h := w.db.hooks.Load(); h != nil && h.taken != nil {
			h.taken(batch)
		}
		w.write(batch, 0)
	}
}

// outcome is what one transaction came to.
type outcome uint8

const (
	written outcome = iota
	lost            // some rows did not apply: rolled back
	refused         // some row was refused, the engine does not say which: rolled back
	again           // deadlock or serialization failure: rolled back
	cut             // the connection died before COMMIT: nothing was written
	unknown         // COMMIT went unanswered
	down            // the database cannot write: nothing was written
)

// write writes a batch and answers each of its Changes, whatever it takes. try is how often the same was tried.
func (w *writer) write(batch []*pending, try int) {
	if len(batch) == 0 {
		return
	}
	p := newPlan(batch)
	what, losses, err := w.attempt(p)
	switch what {
	case written:
		w.answer(batch, nil)
	case lost:
		w.db.metrics.losers.Inc()
		w.settle(p, losses, try)
	case refused:
		w.halve(batch, err)
	case again:
		w.retry(batch, try, err)
	case cut:
		w.db.metrics.retries.WithLabelValues("connection").Inc()
		if try >= maxRetries {
			w.unavailable(batch, err)
			return
		}
		w.sleep(time.Millisecond << try)
		w.write(batch, try+1)
	case unknown:
		w.resolve(batch, try, err)
	case down:
		w.unavailable(batch, err)
	}
}

// attempt is one transaction.
func (w *writer) attempt(p *plan) (outcome, []loss, error) {
	s, err := w.connection()
	if err != nil {
		return down, nil, err
	}
	m, start := w.db.metrics, clock.Stopwatch()
	m.batch.Observe(float64(len(p.batch)))
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	losses, err := s.apply(ctx, p)
	if len(losses) > 0 && (err == nil || isRefusal(w.db.engine.cause(err))) {
		w.rollback(s)
		return lost, losses, nil
	}
	if err != nil {
		return w.failure(s, err), nil, err
	}
	err = w.commit(s)
	m.transaction.Observe(clock.Since(start).Seconds())
	if err == nil {
		return written, nil, nil
	}
	if w.db.engine.cause(err) == causeGone {
		w.drop()
		return unknown, nil, err
	}
	return w.failure(s, err), nil, err // the engine answered: it was not committed
}

// commit sends COMMIT, as far as a test lets it.
func (w *writer) commit(s session) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	h := w.db.hooks.Load()
	if h != nil && h.commit != nil {
		err = h.commit()
	}
	if err == nil {
		err = s.commit(ctx)
	}
	if h != nil && h.answered != nil {
		err = h.answered(err)
	}
	return err
}

func isRefusal(c cause) bool { return c == causeRefused || c == causeTaken }

// failure says what an error before COMMIT means, and cleans up behind it.
func (w *writer) failure(s session, err error) outcome {
	c := w.db.engine.cause(err)
	if c == causeGone {
		w.drop()
		return cut
	}
	w.rollback(s)
	switch c {
	case causeAgain:
		return again
	case causeUnavailable:
		return down
	}
	return refused // causeOther too: one broken Change must not fail its neighbours
}

// rollback ends the transaction; a connection that cannot even do that is dropped, which ends it too.
func (w *writer) rollback(s session) {
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	if err := s.rollback(ctx); err != nil {
		w.db.logger.Warn("database rollback failed, connection dropped", "error", err)
		w.drop()
	}
}

// retry writes a batch again after a deadlock: soon, then later, then one by one.
func (w *writer) retry(batch []*pending, try int, err error) {
	w.db.metrics.retries.WithLabelValues("serialization").Inc()
	if try < maxRetries {
		w.sleep(time.Millisecond << try)
		w.write(batch, try+1)
		return
	}
	if len(batch) == 1 {
		w.giveUp(batch, err)
		return
	}
	for _, one := range batch {
		w.write([]*pending{one}, 0)
	}
}

// sleep waits up to twice d. The jitter, from the clock's nanoseconds, only spreads processes; nothing is decided by it.
func (w *writer) sleep(d time.Duration) {
	timer := time.NewTimer(d + time.Duration(clock.Stopwatch().Nanosecond())%d)
	defer timer.Stop()
	<-timer.C
}

// answer settles Changes: their keys are free before their callers wake, so that a caller's next Change finds them so.
func (w *writer) answer(batch []*pending, err error) {
	w.db.queue.release(batch)
	if err != nil {
		w.db.metrics.lost.WithLabelValues(outcomeLabel(err)).Add(float64(len(batch)))
	} else if w.db.health.Load() != nil {
		w.recovered()
	}
	for _, p := range batch {
		p.err = err
		close(p.done)
	}
}

func outcomeLabel(err error) string {
	switch fault.Of(err) {
	case fault.Stale:
		return "stale"
	case fault.Exists:
		return "exists"
	case fault.Unavailable:
		return "unavailable"
	}
	return "refused"
}

// unavailable answers Changes that were not written because the database cannot.
func (w *writer) unavailable(batch []*pending, err error) {
	w.broken(err)
	w.giveUp(batch, err)
}

// giveUp answers Changes that are not tried again. One that a COMMIT without an answer held may land even now: when it
// was looked for, the server may still have been at that COMMIT.
func (w *writer) giveUp(batch []*pending, err error) {
	var missing, uncertain []*pending
	for _, p := range batch {
		if p.uncertain {
			uncertain = append(uncertain, p)
		} else {
			missing = append(missing, p)
		}
	}
	w.answer(missing, unavailable(err))
	w.answer(uncertain, outcomeUnknown(err))
}

// broken notes, and logs once, that the database cannot write.
func (w *writer) broken(err error) {
	if w.db.health.Swap(&err) == nil {
		w.db.logger.Error("database cannot write", "error", err)
		w.db.metrics.down.Set(1)
	}
}

func (w *writer) recovered() {
	if w.db.health.Swap(nil) != nil {
		w.db.logger.Info("database writes again")
		w.db.metrics.down.Set(0)
	}
}

// run1 runs a job.
func (w *writer) run1(p *pending) {
	for try := 0; ; try++ {
		err := w.runOnce(p)
		c := causeOther
		if err != nil {
			c = w.db.engine.cause(err)
		}
		if (c == causeAgain || c == causeGone) && try < maxRetries && w.failed == nil {
			w.sleep(time.Millisecond << try)
			continue
		}
		if w.failed != nil || c == causeAgain || c == causeGone || c == causeUnavailable {
			w.unavailable([]*pending{p}, err)
			return
		}
		w.answer([]*pending{p}, err)
		return
	}
}

func (w *writer) runOnce(p *pending) error {
	s, err := w.connection()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	err = p.job(ctx, s)
	if err == nil {
		return nil
	}
	if w.db.engine.cause(err) == causeGone {
		w.drop()
		return err
	}
	w.rollback(s) // a job may have begun a transaction
	return err
}
