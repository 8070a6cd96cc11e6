package db

import (
	"context"
	"fmt"
)

// Commit writes a Change, whole or not at all. A read that begins after it returns sees it.
//
// Errors: *Conflict if it lost (fault.Stale: read and decide again; fault.Exists: such a row is there); what the engine
// said if a CHECK or a foreign key refuses it; fault.Unavailable if too many wait, or if the database cannot write now.
// With any error nothing of it was written, except when ErrOutcomeUnknown is in its chain.
//
// If ctx ends before a writer has taken the Change, it is withdrawn and the error wraps ctx's. Afterwards its outcome
// stands: Commit waits for it and returns it.
func (d *DB) Commit(ctx context.Context, c *Change) error {
	if len(c.rows) == 0 {
		return nil
	}
	keys, err := d.keys(c)
	if err != nil {
		return err
	}
	return d.submit(ctx, &pending{change: c, keys: keys, done: make(chan struct{})})
}

// job has a writer run something on its connection, between batches. It is run again after a deadlock, and on a new
// connection if the old one was dead, so it must stand being repeated.
func (d *DB) job(ctx context.Context, run func(ctx context.Context, s session) error) error {
	return d.submit(ctx, &pending{job: run, done: make(chan struct{})})
}

func (d *DB) submit(ctx context.Context, p *pending) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := d.queue.add(p); err != nil {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
	}
	if p.withdraw() {
		return fmt.Errorf("commit: withdrawn: %w", ctx.Err())
	}
	<-p.done
	return p.err
}
