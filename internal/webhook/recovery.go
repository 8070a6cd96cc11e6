package webhook

import (
	"context"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

const (
	// recoveryStep is how many events, or deliveries, one Change of a recovery deals with.
	recoveryStep = 100
	// recoveryBacklog is how many deliveries of an endpoint may be due until a recovery waits. It bounds what a fresh event has to
	// wait for behind old ones.
	recoveryBacklog = 1000
	// recoveryPause is how long a recovery waits then.
	recoveryPause = time.Second
	// recoverySteps is how many steps a recovery takes before it lets others have a turn.
	recoverySteps = 50
)

// goOn takes a recovery some steps further. Each step and its place in the walk are one Change: a crash repeats nothing.
func (s *Sender) goOn(ctx context.Context, key []string) error {
	for range recoverySteps {
		if d := s.recovered.Take("one"); !d.Allowed {
			return s.pause(ctx, key, d.Wait)
		}
		r, err := s.store.Recovery(ctx, key[0], key[1])
		if err != nil || !r.DoneAt.IsZero() {
			return err
		}
		more, err := s.recoverStep(ctx, r)
		if err != nil && !fault.Is(err, fault.Stale) { // somebody sends one of them just now: the step is taken again
			return err
		}
		if err == nil && !more {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil // the lease brings it back
}

// pause has a recovery wait.
func (s *Sender) pause(ctx context.Context, key []string, wait time.Duration) error {
	r, err := s.store.Recovery(ctx, key[0], key[1])
	if err != nil || !r.DoneAt.IsZero() {
		return err
	}
	r.DueAt = s.clock.Now().Add(wait)
	return s.db.Commit(ctx, db.NewChange(r.Merchant, event.RecoveryRow(r)))
}

// recoverStep takes one step, and tells whether the next may follow at once.
func (s *Sender) recoverStep(ctx context.Context, r event.Recovery) (more bool, err error) {
	now := s.clock.Now()
	to, err := s.store.Endpoint(ctx, r.Merchant, r.Endpoint)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	c := db.NewChange(r.Merchant)
	switch {
	case r.Kind == event.GiveUp:
		more, err = s.giveUp(ctx, c, &r)
	case err != nil: // the endpoint is deleted: there is nobody to send to
	default:
		var backlog int
		if backlog, err = s.store.Backlog(ctx, r.Merchant, r.Endpoint, now, recoveryBacklog); err == nil && backlog >= recoveryBacklog {
			r.DueAt = now.Add(recoveryPause)
			return false, s.db.Commit(ctx, db.NewChange(r.Merchant, event.RecoveryRow(r)))
		}
		if err == nil {
			more, err = s.requeue(ctx, c, &r, to, now)
		}
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	if !more {
		r.DoneAt, r.DueAt = now, time.Time{}
	}
	c.Add(event.RecoveryRow(r))
	if err := s.db.Commit(ctx, c); err != nil {
		return false, err
	}
	s.outbox.Committed(c)
	return more, nil
}

// requeue adds the deliveries of the next events to a Change.
func (s *Sender) requeue(ctx context.Context, c *db.Change, r *event.Recovery, to event.Endpoint, now time.Time) (more bool, err error) {
	behind := max(r.Cursor, id.Floor(id.Event, r.Since))
	events, err := s.store.EventsBetween(ctx, r.Merchant, behind, id.Floor(id.Event, r.Until), recoveryStep)
	if err != nil || len(events) == 0 {
		return false, err
	}
	r.Cursor = events[len(events)-1].ID
	events = slices.DeleteFunc(events, func(e event.Event) bool { return !wanted(r.Filters, e.Type) })
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	known, err := s.store.DeliveriesOf(ctx, r.Merchant, r.Endpoint, ids)
	if err != nil {
		return false, err
	}
	for _, e := range events {
		d, made := known[e.ID]
		if !made {
			d = s.outbox.Delivery(e, to, now)
		} else if !slices.Contains(r.States, d.State) || d.State == event.DeliveryPending && !d.DueAt.After(now) {
			continue
		}
		c.Add(event.DeliveryRow(d.Again(now)))
		r.Queued++
	}
	return true, nil
}

// wanted tells whether filters take a type. Tests are for those who asked for them.
func wanted(filters []string, t event.Type) bool {
	return t != event.EndpointTest && slices.ContainsFunc(filters, func(f string) bool { return event.Matches(f, t) })
}

// giveUp ends deliveries that wait for a deleted endpoint.
func (s *Sender) giveUp(ctx context.Context, c *db.Change, r *event.Recovery) (more bool, err error) {
	waiting, err := s.store.Waiting(ctx, r.Merchant, r.Endpoint, recoveryStep)
	for _, d := range waiting {
		c.Add(event.DeliveryRow(d.GiveUp("the endpoint was deleted")))
		r.Queued++
	}
	return len(waiting) == recoveryStep, err
}
