package event

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

const (
	// clockSlack is by how much the clocks of this machine and of the database may differ before the table refuses.
	clockSlack = time.Hour
	// pruneLimit is how many rows of a table one Prune deletes at most, so that each table has its turn.
	pruneLimit = 200_000
	// archivePage is how many events are read at once. A single read of a busy day would be a snapshot of minutes, for which
	// SQLite could not fold its log back, nor PostgreSQL clean up.
	archivePage = 500
	// maxWrong is after how many files that are not as they should be a walk gives up.
	maxWrong = 10
)

// Prune deletes what was made an hour before a time or earlier, tries first and events last, and tells how many rows. With an
// archive, events leave by whole days and only when they are in it. It ends early, without an error, when the context ends.
func (s *Store) Prune(ctx context.Context, before time.Time, archive *Archive) (int64, error) {
	before = before.Add(-clockSlack)
	var total int64
	for _, of := range []struct {
		table  *db.Table
		column string
		prefix id.Prefix
	}{
		{attemptTable, "delivery_id", id.Delivery},
		// A delivery leaves with its event, however late it was made: without it there is nothing to send.
		{deliveryTable, "event_id", id.Event},
		{recoveryTable, "id", id.Recovery},
	} {
		n, err := s.db.PruneOlder(ctx, of.table, of.column, id.Floor(of.prefix, before), pruneLimit)
		total += n
		if err != nil {
			return total, err
		}
	}
	var n int64
	var err error
	if archive == nil {
		n, err = s.db.PruneOlder(ctx, eventTable, "id", id.Floor(id.Event, before), pruneLimit)
	} else {
		n, err = s.pruneArchived(ctx, before, archive)
	}
	return total + n, err
}

func (s *Store) pruneArchived(ctx context.Context, before time.Time, archive *Archive) (total int64, err error) {
	err = s.eachDay(ctx, dayOf(before), func(tenant string, of time.Time) error {
		if total >= pruneLimit {
			return errEnough
		}
		if _, _, err := archive.keep(ctx, tenant, of); err != nil {
			return err
		}
		n, err := s.db.PruneTenant(ctx, eventTable, "id", tenant, id.Floor(id.Event, of.Add(day)), pruneLimit-total)
		total += n
		return err
	})
	if errors.Is(err, errEnough) || ctx.Err() != nil {
		err = nil
	}
	return total, err
}

// errEnough ends a walk.
var errEnough = errors.New("enough for now")

// eachDay calls do for each tenant and day, before until, that has events; the oldest day of a tenant first. Where do fails
// with ErrArchiveDiffers it goes on with the next tenant, so that one broken file holds up one tenant, and fails at its end.
func (s *Store) eachDay(ctx context.Context, until time.Time, do func(tenant string, of time.Time) error) error {
	var wrong []error
	for tenant := ""; len(wrong) < maxWrong; {
		next, oldest, err := s.db.Oldest(ctx, eventTable, "id", tenant)
		if fault.Is(err, fault.NotFound) {
			break
		}
		if err != nil {
			return errors.Join(append(wrong, err)...)
		}
		tenant = next
		err = s.eachDayOf(ctx, tenant, oldest, until, do)
		if err != nil && !errors.Is(err, ErrArchiveDiffers) {
			return errors.Join(append(wrong, err)...)
		}
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

func (s *Store) eachDayOf(ctx context.Context, tenant, oldest string, until time.Time, do func(tenant string, of time.Time) error) error {
	for {
		made, ok := id.Time(oldest, id.Event)
		if !ok {
			return fmt.Errorf("%q of %s is no id of an event", oldest, tenant)
		}
		of := dayOf(made)
		if !of.Before(until) {
			return nil
		}
		if err := do(tenant, of); err != nil {
			return err
		}
		page, err := s.eventsFrom(ctx, tenant, id.Floor(id.Event, of.Add(day)), id.Floor(id.Event, until), 1)
		if err != nil || len(page) == 0 {
			return err
		}
		oldest = page[0].ID
	}
}

// eachOfDay calls do for each event of a tenant's day, in the order of their ids.
func (s *Store) eachOfDay(ctx context.Context, tenant string, of time.Time, do func(Event) error) error {
	from, end := id.Floor(id.Event, of), id.Floor(id.Event, of.Add(day))
	for {
		page, err := s.eventsFrom(ctx, tenant, from, end, archivePage)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := do(e); err != nil {
				return err
			}
		}
		if len(page) < archivePage {
			return nil
		}
		from = page[len(page)-1].ID + "0" // ids are of one length, so the next one is behind this
	}
}

// eventsFrom is a tenant's events from an id on, to another, exclusive.
func (s *Store) eventsFrom(ctx context.Context, tenant, from, end string, limit int64) ([]Event, error) {
	events, err := db.List(ctx, s.db, scanEvent, eventTable.Select()+" WHERE merchant_id = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT $4",
		tenant, from, end, limit)
	if err != nil {
		return nil, fmt.Errorf("read events of %s: %w", tenant, err)
	}
	return events, nil
}
