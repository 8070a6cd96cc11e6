package webhook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

// RecoveryInput chooses what is sent to an endpoint again.
type RecoveryInput struct {
	Since    time.Time             // at most event.Kept ago
	Until    *time.Time            // exclusive; nil: now
	Events   []string              // filters; nil: those of the endpoint
	Statuses []event.DeliveryState // of deliveries; nil: pending and failed
}

// maxRecoveries is how many recoveries of an endpoint may be under way. They run one after the other.
const maxRecoveries = 10

// WithRecovery adds the caller's rows to the Change that begins a recovery.
type WithRecovery func(c *db.Change, o event.RecoveryObject) error

// Recover begins to send an endpoint again what happened since a time, and closes its breaker: the caller has mended it. It fails
// with fault.Invalid, naming every wrong field, and with fault.Conflict where the endpoint is disabled or has too many recoveries.
func (e *Endpoints) Recover(ctx context.Context, tenant, endpoint string, in RecoveryInput, with WithRecovery) (event.RecoveryObject, error) {
	if err := in.check(e.Clock.Now()); err != nil {
		return event.RecoveryObject{}, err
	}
	latest, _, err := e.Store.Recoveries(ctx, tenant, db.Page{Limit: maxRecoveries}, endpoint)
	if err != nil {
		return event.RecoveryObject{}, fmt.Errorf("list the recoveries of %s: %w", endpoint, err)
	}
	if len(latest) == maxRecoveries && !slices.ContainsFunc(latest, func(r event.Recovery) bool { return !r.DoneAt.IsZero() }) {
		return event.RecoveryObject{}, fault.State("ten recoveries of this endpoint are under way: wait until one is done")
	}
	var begun event.RecoveryObject
	_, err = e.change(ctx, tenant, endpoint, func(c *db.Change, _ event.EndpointObject) error { return with(c, begun) },
		func(s *event.Standing, c *db.Change, now time.Time) error {
			if s.Status != event.Enabled {
				return fault.State("the endpoint is disabled: enable it, which sends what waits for it")
			}
			r := in.recovery(e.recovery(s.Endpoint, event.Resend, in.Since.Truncate(time.Microsecond), now))
			c.Add(event.RecoveryRow(r))
			s.Lane = s.Lane.Cleared()
			begun = r.Object()
			return nil
		})
	return begun, err
}

func (in RecoveryInput) check(now time.Time) error {
	var wrong fault.Collect
	switch {
	case in.Since.After(now):
		wrong.Add("since", fault.CodeInvalid, "must not be in the future")
	case now.Sub(in.Since) > event.Kept:
		wrong.Add("since", fault.CodeInvalid, "must be within the last 30 days, for which events are kept")
	}
	switch {
	case in.Until == nil:
	case in.Until.After(now):
		wrong.Add("until", fault.CodeInvalid, "must not be in the future")
	case !in.Until.After(in.Since):
		wrong.Add("until", fault.CodeInvalid, "must be later than since")
	}
	if in.Events != nil {
		checkFilters(&wrong, in.Events)
	}
	if in.Statuses != nil && len(in.Statuses) == 0 {
		wrong.Add("statuses", fault.CodeInvalid, "must have at least one item")
	}
	for i, state := range in.Statuses {
		if !slices.Contains(event.DeliveryStates, state) {
			wrong.Add(fmt.Sprintf("statuses[%d]", i), fault.CodeInvalid, "must be pending, succeeded or failed")
		}
	}
	return wrong.Err()
}

// recovery is one with what was chosen in the place of what goes without saying.
func (in RecoveryInput) recovery(r event.Recovery) event.Recovery {
	if in.Until != nil {
		r.Until = in.Until.Truncate(time.Microsecond) // as it is kept
	}
	if in.Events != nil {
		r.Filters = in.Events
	}
	if in.Statuses != nil {
		r.States = in.Statuses
	}
	return r
}

// Recovery is one that sends again; fault.NotFound if there is none.
func (e *Endpoints) Recovery(ctx context.Context, tenant, recovery string) (event.RecoveryObject, error) {
	r, err := e.Store.Recovery(ctx, tenant, recovery)
	if err == nil && r.Kind != event.Resend {
		err = fault.Missing("webhook recovery") // it belongs to a deleted endpoint, of which nobody asked to hear
	}
	return r.Object(), err
}

// Recoveries is a page of a tenant's recoveries that send again, newest first; of one endpoint if it is given.
func (e *Endpoints) Recoveries(ctx context.Context, tenant string, p db.Page, endpoint string) ([]event.RecoveryObject, bool, error) {
	found, more, err := e.Store.Recoveries(ctx, tenant, p, endpoint)
	objects := make([]event.RecoveryObject, len(found))
	for i, r := range found {
		objects[i] = r.Object()
	}
	return objects, more, err
}
