package routing

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// trial is an experiment of a merchant's policy.
type trial struct{ merchant, policy, name string }

// counted is what this process counted of an experiment.
type counted struct {
	sum     Tally
	written portion // as far as is known: whose row it is, and what it holds
	dirty   bool
	whole   bool // it has what this process wrote before it last forgot the experiment
}

// The bounds of counting.
const (
	maxTrials  = 10_000
	writeEvery = time.Second
	writeTime  = 10 * time.Second // for one round of writes
	// forgetEvery is how often experiments are looked for that are not published any more.
	forgetEvery = 5 * time.Minute
)

// tally counts an outcome in memory.
func (r *Router) tally(o Outcome) {
	arm := o.Decision.Experiment
	if arm == nil {
		return
	}
	k := trial{o.Merchant, o.Decision.Policy, arm.Name}
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.tallies[k]
	if !ok {
		if len(r.tallies) >= maxTrials {
			r.metrics.uncounted.Inc()
			return
		}
		c = &counted{}
		r.tallies[k] = c
	}
	if c.sum.count(o) {
		c.dirty = true
	}
}

// Run writes what was counted, and judges experiments by it, until ctx ends; then it writes the rest.
func (r *Router) Run(ctx context.Context) error {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.settle(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
			r.settle(ctx)
		}
	}
}

// settle writes and judges every experiment of which something was counted since the last time. What cannot be written waits for the
// next round.
func (r *Router) settle(ctx context.Context) {
	ctx, done := context.WithTimeout(ctx, writeTime)
	defer done()
	r.mu.Lock()
	waiting := map[trial]counted{}
	for k, c := range r.tallies {
		if c.dirty {
			c.dirty = false
			waiting[k] = *c
		}
	}
	r.mu.Unlock()
	for k, c := range waiting {
		if err := r.judge(ctx, k, c); err != nil {
			r.o.Logger.Error("count an experiment", "merchant_id", k.merchant, "policy", k.policy, "experiment", k.name, "error", err)
		}
	}
	r.forget(ctx)
	r.fold(ctx)
}

// forget drops the counts of experiments that are not published any more, once they are written: those that run need the room. Of one whose last
// outcomes come later the count begins anew, and is put together with what was written.
func (r *Router) forget(ctx context.Context) {
	now := r.o.Clock.Now()
	var written []trial
	r.mu.Lock()
	if !now.Before(r.forgotten.Add(forgetEvery)) {
		r.forgotten = now
		for k, c := range r.tallies {
			if !c.dirty {
				written = append(written, k)
			}
		}
	}
	r.mu.Unlock()
	for _, k := range written {
		e, err := r.experiment(ctx, k)
		if err != nil {
			r.o.Logger.Error("look for experiments that are over", "merchant_id", k.merchant, "error", err)
			return // the next time
		}
		if e != nil {
			continue
		}
		r.mu.Lock()
		if c := r.tallies[k]; !c.dirty {
			delete(r.tallies, k)
		}
		r.mu.Unlock()
	}
}

// judge writes what this process counted of an experiment, and looks whether its challenger must fall back.
func (r *Router) judge(ctx context.Context, k trial, c counted) error {
	now := r.o.Clock.Now()
	if err := r.write(ctx, k, c, now); err != nil {
		return err
	}
	e, err := r.experiment(ctx, k)
	if err != nil || e == nil {
		return err
	}
	was, err := r.store.verdict(ctx, k)
	if err != nil || !was.stopped.IsZero() {
		return err
	}
	all, err := r.store.tally(ctx, k)
	if err != nil {
		return err
	}
	return r.look(ctx, was, all, e.sample, now)
}

// write writes this process's row. Nobody else writes to it but to fold it: if it changed otherwise, a write whose answer was lost came through
// after all, and this one is written over it by the next round.
func (r *Router) write(ctx context.Context, k trial, c counted, now time.Time) error {
	c, err := r.takeUp(ctx, k, c)
	if err != nil {
		return err
	}
	is := c.written
	is.tally, is.updated = c.sum, now
	err = r.o.DB.Commit(ctx, db.NewChange(k.merchant, is.row()))
	changed := fault.Is(err, fault.Exists) || fault.Is(err, fault.Stale)
	var there portion
	var reading error
	if changed {
		there, reading = r.store.portion(ctx, k, is.process)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	mine := r.tallies[k]
	switch mine.dirty = mine.dirty || err != nil; {
	case err == nil:
		is.version++
		mine.written = is
	case changed && reading == nil:
		r.found(mine, there)
	}
	if err != nil {
		return fmt.Errorf("write a tally: %w", err)
	}
	return nil
}

// found makes a count begin from the row that is there. One that was folded holds nothing any more: what was written is in the total, and what
// came since goes into a row of a new name, as the old one is going to be deleted.
func (r *Router) found(c *counted, there portion) {
	if there.version == 0 || !there.folded.IsZero() {
		c.sum = c.sum.minus(c.written.tally)
		there = portion{trial: there.trial, process: r.o.IDs.New(id.Process)}
	}
	c.written = there
}

// takeUp puts a count that has begun anew together with what this process wrote of the experiment before.
func (r *Router) takeUp(ctx context.Context, k trial, c counted) (counted, error) {
	if c.whole {
		return c, nil
	}
	before, err := r.store.portion(ctx, k, r.process)
	r.mu.Lock()
	defer r.mu.Unlock()
	mine := r.tallies[k]
	if err != nil {
		mine.dirty = true
		return c, fmt.Errorf("read a tally: %w", err)
	}
	if before.version > 0 {
		r.found(mine, before)
		mine.sum.add(mine.written.tally)
	} else {
		mine.written = before
	}
	mine.whole = true
	return *mine, nil
}

// experiment is the one of a name in what the merchant has published; nil if there is none any more.
func (r *Router) experiment(ctx context.Context, k trial) (*experiment, error) {
	c, err := r.current.Get(ctx, k.merchant, func(ctx context.Context) (*current, error) { return r.load(ctx, k.merchant) })
	if err != nil || c == nil || c.policy != k.policy {
		return nil, err
	}
	for _, e := range c.rules.experiments {
		if e.name == k.name {
			return e, nil
		}
	}
	return nil, nil
}

// look judges an experiment once for each full sample. Of several processes the one whose row is written first has looked.
func (r *Router) look(ctx context.Context, was verdict, all Tally, sample int64, now time.Time) error {
	look := all.looks(sample)
	if look <= was.looks {
		return nil
	}
	is := was
	is.looks, is.tally, is.at = look, all, now
	worse := all.worse(sample)
	c := db.NewChange(was.merchant)
	if worse {
		is.stopped = now
		c.Add(audit.System.Record(r.o.IDs, now, was.merchant, "routing_experiment.stopped", was.policy, map[string]string{
			"experiment": was.name, "control": fmt.Sprintf("%d of %d", all.ControlApproved, all.Control),
			"challenger": fmt.Sprintf("%d of %d", all.ChallengerApproved, all.Challenger), "look": fmt.Sprint(look),
		}).Row())
	}
	c.Add(is.row())
	err := r.o.DB.Commit(ctx, c)
	switch {
	case fault.Is(err, fault.Stale), fault.Is(err, fault.Exists):
		return nil // somebody else has looked
	case err != nil:
		return fmt.Errorf("write a verdict: %w", err)
	case worse:
		r.metrics.stopped.Inc()
		r.current.Forget(was.merchant)
		r.o.Logger.Warn("an experiment's challenger falls back: its approvals are significantly worse", "merchant_id", was.merchant, "policy", was.policy,
			"experiment", was.name, "control", all.Control, "control_approved", all.ControlApproved, "challenger", all.Challenger, "challenger_approved", all.ChallengerApproved)
	}
	return nil
}
