package event

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
)

var laneTable = &db.Table{Name: "webhook_lane", Key: 2, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "endpoint_id"}, {Name: "paused", Kind: db.Int}, {Name: "failures", Kind: db.Int},
	{Name: "failing_since", Kind: db.Int, Null: true}, {Name: "pauses", Kind: db.Int}, {Name: "open_until", Kind: db.Int, Null: true},
	{Name: "owner"}, {Name: "leased_until", Kind: db.Int, Null: true},
}}

func laneValues(l Lane) []any {
	return []any{
		l.Merchant, l.Endpoint, db.Bit(l.Paused), l.Failures, db.MicrosOrNil(l.FailingSince), l.Pauses, db.MicrosOrNil(l.OpenUntil),
		l.Owner, db.MicrosOrNil(l.LeasedUntil),
	}
}

// LaneUpdate is the compare-and-set of a lane that was read.
func LaneUpdate(l Lane) db.Row { return laneTable.Update(l.Version, laneValues(l)...) }

// LanesIn tells which endpoints' lanes a Change writes.
func LanesIn(c *db.Change) []string { return column(c, laneTable, 1) }

// EndpointsIn tells which endpoints a Change writes.
func EndpointsIn(c *db.Change) []string { return column(c, endpointTable, 1) }

// DueIn tells to which endpoints a Change brings deliveries.
func DueIn(c *db.Change) []string { return column(c, deliveryTable, 3) }

func column(c *db.Change, t *db.Table, n int) []string {
	var all []string
	for _, row := range c.Rows(t) {
		all = append(all, row[n].(string))
	}
	return all
}

// laneScan is where the columns of a lane are read into.
type laneScan struct {
	Lane
	paused                int64
	failing, open, leased *int64
}

func (l *laneScan) into() []any {
	return []any{&l.Merchant, &l.Endpoint, &l.paused, &l.Failures, &l.failing, &l.Pauses, &l.open, &l.Owner, &l.leased, &l.Version}
}

func (l *laneScan) lane() Lane {
	l.Paused = l.paused != 0
	l.FailingSince, l.OpenUntil, l.LeasedUntil = db.NullTime(l.failing), db.NullTime(l.open), db.NullTime(l.leased)
	return l.Lane
}

// Lane is an endpoint's lane; fault.NotFound if there is no such endpoint.
func (s *Store) Lane(ctx context.Context, tenant, endpoint string) (Lane, error) {
	return db.Get(ctx, s.db, func(r db.Scanner) (Lane, error) {
		var l laneScan
		err := r.Scan(l.into()...)
		return l.lane(), err
	}, laneTable.Select()+" WHERE merchant_id = $1 AND endpoint_id = $2", tenant, endpoint)
}

// DueLanes calls do with each lane of every tenant that is neither paused nor leased and in which a delivery is due at a time. It
// looks at the head of each lane alone: what waits behind it costs nothing.
func (s *Store) DueLanes(ctx context.Context, now time.Time, do func(DueLane)) error {
	err := db.Each(ctx, s.db, func(r db.Scanner) (DueLane, error) {
		var l laneScan
		var next *int64
		err := r.Scan(append(l.into(), &next)...)
		return DueLane{l.lane(), db.NullTime(next)}, err
	}, "SELECT "+qualified("l", laneTable)+`,
		(SELECT d.due_at FROM webhook_delivery d WHERE d.merchant_id = l.merchant_id AND d.endpoint_id = l.endpoint_id
			AND d.due_at IS NOT NULL ORDER BY d.due_at LIMIT 1)
		FROM webhook_lane l WHERE l.paused = 0 AND (l.leased_until IS NULL OR l.leased_until <= $1)`, []any{db.Micros(now)}, func(l DueLane) error {
		if !l.NextDue.IsZero() && !l.NextDue.After(now) {
			do(l)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for due webhooks: %w", err)
	}
	return nil
}

// Pending is how many deliveries to an endpoint are pending.
func (s *Store) Pending(ctx context.Context, tenant, endpoint string) (int64, error) {
	return db.Get(ctx, s.db, func(r db.Scanner) (int64, error) {
		var n int64
		err := r.Scan(&n)
		return n, err
	},
		"SELECT CAST(COUNT(*) AS BIGINT) FROM webhook_delivery WHERE merchant_id = $1 AND endpoint_id = $2 AND state = 'pending'", tenant, endpoint)
}

// Lag is how far sending to a class of endpoints is behind.
type Lag struct {
	Endpoints int
	Oldest    time.Time // when the oldest delivery that waits was made; zero: none waits
}

// Lags is how far sending is behind, by class, over all tenants.
func (s *Store) Lags(ctx context.Context) (map[Health]Lag, error) {
	lags := map[Health]Lag{}
	err := db.Each(ctx, s.db, func(r db.Scanner) (Standing, error) {
		var one Standing
		var open, oldest *int64
		err := r.Scan(&one.Status, &open, &oldest)
		one.Lane.OpenUntil, one.OldestPending = db.NullTime(open), db.NullTime(oldest)
		return one, err
	}, `SELECT e.status, l.open_until,
		(SELECT d.created_at FROM webhook_delivery d WHERE d.merchant_id = e.merchant_id AND d.endpoint_id = e.id AND d.state = 'pending' ORDER BY d.id LIMIT 1)
		FROM webhook_endpoint e JOIN webhook_lane l ON l.merchant_id = e.merchant_id AND l.endpoint_id = e.id WHERE e.status <> 'deleted'`, nil, func(one Standing) error {
		lag := lags[one.Health()]
		lag.Endpoints++
		if !one.OldestPending.IsZero() && (lag.Oldest.IsZero() || one.OldestPending.Before(lag.Oldest)) {
			lag.Oldest = one.OldestPending
		}
		lags[one.Health()] = lag
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("measure the lag of webhooks: %w", err)
	}
	return lags, nil
}
