package event

import (
	"context"

	"github.com/florinpay/florin/internal/db"
)

func scanListed(r db.Scanner) (listed, error) {
	var one listed
	err := r.Scan(&one.id, &one.kind)
	return one, err
}

// above are the tenant's events with ids above one, in order, without their bodies.
func (s *Store) above(ctx context.Context, tenant, event string, limit int) ([]listed, error) {
	return db.List(ctx, s.db, scanListed, "SELECT id, type FROM event WHERE merchant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
		tenant, event, int64(limit))
}

// between is above, up to and with another id.
func (s *Store) between(ctx context.Context, tenant, event, last string, limit int) ([]listed, error) {
	return db.List(ctx, s.db, scanListed, "SELECT id, type FROM event WHERE merchant_id = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4",
		tenant, event, last, int64(limit))
}

// these are events of a tenant by their ids, in order; at least one id, and not more than streamPage. Those that are not there
// any more are left out.
func (s *Store) these(ctx context.Context, tenant string, ids []string) ([]Event, error) {
	args := []any{tenant}
	for _, one := range ids {
		args = append(args, one)
	}
	for size := len(args) - 1; size != 1 && size != streamPage; size++ { // two statements to prepare, not a hundred
		args = append(args, ids[0])
	}
	return db.List(ctx, s.db, scanEvent, eventTable.Select()+" WHERE merchant_id = $1 AND id IN "+db.In(2, len(args)-1)+" ORDER BY id", args...)
}

// EventsOf is a page of a tenant's events, newest first: of some types, or of all without any; about one object if it is
// given. It reads no more than a page of each type.
func (s *Store) EventsOf(ctx context.Context, tenant string, p db.Page, types []Type, subject string) ([]Event, bool, error) {
	if len(types) == 0 {
		return s.Events(ctx, tenant, p, "", subject)
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	var about []db.Filter
	if subject != "" {
		about = []db.Filter{{Column: "subject", Value: subject}}
	}
	return db.ListAny(ctx, s.db, eventTable, scanEvent, func(e Event) string { return e.ID }, tenant, p, "type", names, about...)
}
