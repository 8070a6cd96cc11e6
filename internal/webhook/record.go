package webhook

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

// delivered tells whether a try succeeded: by any 2xx. A redirect is no success.
func (t try) delivered() bool { return t.Err == nil && t.Status/100 == 2 }

// send tries a delivery once and writes down how that went, together with what with adds.
func (s *Sender) send(ctx context.Context, to event.Endpoint, letter event.Letter, with withTry) sent {
	t := s.carrier.carry(ctx, to, event.Event{Merchant: letter.Merchant, ID: letter.Event, Type: letter.Type, Body: letter.Body})
	s.metrics.tried(letter, t)
	d, err := s.record(ctx, letter.Delivery, t, with)
	return sent{delivery: d, try: t, err: err}
}

// withTry adds rows to the Change that writes down a try.
type withTry func(c *db.Change, d event.Delivery, a event.Attempt) error

// onlyTry adds none.
func onlyTry(*db.Change, event.Delivery, event.Attempt) error { return nil }

// recordTries is how often a try is written down anew because somebody else changed the delivery meanwhile.
const recordTries = 5

// record writes down a try and what it means for its delivery.
func (s *Sender) record(ctx context.Context, d event.Delivery, t try, with withTry) (event.Delivery, error) {
	read := d
	for range recordTries {
		now := s.clock.Now()
		after := afterTry(read, t, now)
		attempt := attemptOf(after, t)
		row, err := event.AttemptRow(attempt)
		if err != nil {
			return d, err
		}
		c := db.NewChange(d.Merchant, event.DeliveryRow(after), row)
		if err := with(c, after, attempt); err != nil {
			return d, err
		}
		err = s.db.Commit(ctx, c)
		if err == nil {
			return after, nil
		}
		if !fault.Is(err, fault.Stale) && !fault.Is(err, fault.Exists) {
			return d, fmt.Errorf("record a try of %s: %w", d.ID, err)
		}
		// Somebody had it sent again, or another process has sent it too: both happened.
		if read, err = s.store.Delivery(ctx, d.Merchant, d.ID); fault.Is(err, fault.NotFound) {
			return d, nil // its time was over and it is gone
		} else if err != nil {
			return d, err
		}
	}
	return d, fmt.Errorf("record a try of %s: it changes all the time", d.ID)
}

// afterTry is a delivery once a try has ended. A 2xx is success, and stays it; everything else comes again until the schedule
// ends. An endpoint that is gone does not end it: it waits until the endpoint is enabled again. A test has no schedule: who asked
// for it has seen how it went.
func afterTry(d event.Delivery, t try, now time.Time) event.Delivery {
	d.Attempts++
	d.Retried++
	was := d.State
	d.LastAt, d.LastStatus, d.LastError = now, int64(t.Status), t.why()
	switch {
	case t.delivered():
		d.State, d.DueAt = event.DeliverySucceeded, time.Time{}
	case was != event.DeliveryPending:
		// It ended meanwhile: only the try is counted.
	case d.Type == event.EndpointTest:
		return d.GiveUp(d.LastError)
	default:
		if d.DueAt = nextTry(d, now, t.RetryAfter); d.DueAt.IsZero() {
			return d.GiveUp(d.LastError)
		}
	}
	return d
}

// why is why a try failed, for the merchant to read; empty if it did not.
func (t try) why() string {
	switch {
	case t.delivered():
		return ""
	case t.Err != nil:
		return explain(t.Err)
	}
	return "the endpoint answered " + strconv.Itoa(t.Status)
}

func attemptOf(d event.Delivery, t try) event.Attempt {
	return event.Attempt{
		Merchant: d.Merchant, Delivery: d.ID, Number: d.Attempts, URL: t.URL, RequestHeader: t.RequestHeader, Status: int64(t.Status), Error: t.why(),
		ResponseHeader: t.ResponseHeader, ResponseBody: t.ResponseBody, Truncated: t.Truncated, FirstByte: t.FirstByte, Duration: t.Duration,
		CreatedAt: t.StartedAt,
	}
}

// disable stops sending to an endpoint, tells the merchant's other endpoints, and leaves what waits to wait.
func (l *lane) disable(ctx context.Context, why event.DisabledReason) {
	ctx = context.WithoutCancel(ctx)
	l.letters = nil
	for range recordTries {
		change, err := l.sender.disabling(ctx, l.key, why, l.window)
		if err == nil && change != nil {
			err = l.sender.db.Commit(ctx, change)
		}
		if fault.Is(err, fault.Stale) {
			continue
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			l.sender.fail(ctx, l.key, "disable an endpoint", err)
		} else if change != nil {
			l.sender.logger.WarnContext(ctx, "endpoint disabled", "merchant_id", l.key.tenant, "endpoint_id", l.key.endpoint, "reason", why)
			l.sender.outbox.Forget(l.key.tenant)
			l.sender.outbox.Committed(change)
		}
		break
	}
	l.sender.known.Forget(l.key)
}

// disabling is the Change that disables an endpoint; nil if it is not enabled any more.
func (s *Sender) disabling(ctx context.Context, key laneKey, why event.DisabledReason, w window) (*db.Change, error) {
	now := s.clock.Now()
	standing, err := s.store.Standing(ctx, key.tenant, key.endpoint)
	if err != nil || standing.Status != event.Enabled {
		return nil, err
	}
	standing.Status, standing.DisabledReason, standing.DisabledAt = event.Disabled, why, now
	standing.Lane = w.into(standing.Lane)
	standing.Lane.Paused = true
	row, err := s.store.EndpointUpdate(standing.Endpoint)
	if err != nil {
		return nil, err
	}
	c := db.NewChange(key.tenant, row, event.LaneUpdate(standing.Lane),
		audit.System.Record(s.ids, now, key.tenant, "webhook_endpoint.disabled", key.endpoint, map[string]string{"reason": string(why)}).Row())
	notice := event.Fact{Type: event.EndpointDisabled, Subject: key.endpoint, Object: standing.Object(now)}
	return c, errors.Join(s.outbox.Emit(ctx, c, notice, now))
}
