package db

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
)

// Prune deletes at most limit rows whose column, a time in unix microseconds, is before a time; the oldest first. It
// tells how many: fewer than limit means that none are left. It goes through a writer, so keep limit at a few thousand.
// An append-only table refuses.
func (d *DB) Prune(ctx context.Context, t *Table, column string, before int64, limit int) (int64, error) {
	if t.column(column) < 0 {
		return 0, fmt.Errorf("prune %s: no column %q", t.Name, column)
	}
	key := strings.Join(t.names()[:t.Key], ", ")
	sql := fmt.Sprintf("DELETE FROM %s WHERE (%s) IN (SELECT %s FROM %s WHERE %s < $1 ORDER BY %s LIMIT $2)",
		t.Name, key, key, t.Name, column, column)
	var deleted int64
	err := d.job(ctx, func(ctx context.Context, s session) error {
		var err error
		deleted, err = s.exec(ctx, sql, before, int64(limit))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("prune %s: %w", t.Name, err)
	}
	d.metrics.pruned.WithLabelValues(t.Name).Add(float64(deleted))
	return deleted, nil
}

// pruneBatch is how many rows one transaction of PruneOlder deletes: a payment that comes meanwhile waits that long.
const pruneBatch = 500

// PruneOlder deletes rows of all tenants whose id sorts before floor (see id.Floor), the oldest of each tenant first, until
// about limit are gone; it tells how many. The ids are those of the second key column, and they are time-ordered: no other
// index is needed, and a tenant who has nothing to prune costs one look. A row that is append-only for some days is refused
// before its time.
//
// It works in small transactions and leaves the writers two thirds of the time. When ctx ends it ends early, without an
// error.
func (d *DB) PruneOlder(ctx context.Context, t *Table, floor string, limit int64) (int64, error) {
	var total int64
	for tenant := ""; total < limit; {
		next, oldest, err := d.Oldest(ctx, t, tenant)
		switch {
		case ctx.Err() != nil || fault.Is(err, fault.NotFound):
			return total, nil
		case err != nil:
			return total, fmt.Errorf("prune %s: %w", t.Name, err)
		}
		tenant = next
		if oldest >= floor {
			continue
		}
		n, err := d.PruneTenant(ctx, t, tenant, floor, limit-total)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// PruneTenant is PruneOlder for one tenant.
func (d *DB) PruneTenant(ctx context.Context, t *Table, tenant, floor string, limit int64) (int64, error) {
	id := t.Columns[1].Name
	within := fmt.Sprintf("WHERE merchant_id = $1 AND %s > $2 AND %s", id, id)
	var total int64
	for from := ""; total < limit; {
		began := clock.Stopwatch()
		// Up to here is one batch. The next one begins behind it, and so reads nothing of what was just deleted.
		to, err := Get(ctx, d, scanText, fmt.Sprintf("SELECT %s FROM %s %s < $3 ORDER BY %s LIMIT 1 OFFSET $4", id, t.Name, within, id),
			tenant, from, floor, min(limit-total, pruneBatch)-1)
		last := fault.Is(err, fault.NotFound)
		sql, bound := fmt.Sprintf("DELETE FROM %s %s <= $3", t.Name, within), to
		if last {
			sql, bound, err = fmt.Sprintf("DELETE FROM %s %s < $3", t.Name, within), floor, nil
		}
		var deleted int64
		if err == nil {
			err = d.job(ctx, func(ctx context.Context, s session) (err error) {
				deleted, err = s.exec(ctx, sql, tenant, from, bound)
				return err
			})
		}
		if err != nil && ctx.Err() == nil {
			return total, fmt.Errorf("prune %s of %s: %w", t.Name, tenant, err)
		}
		total += deleted
		d.metrics.pruned.WithLabelValues(t.Name).Add(float64(deleted))
		if !rest(ctx, 2*clock.Since(began)) || last {
			return total, nil
		}
		from = to
	}
	return total, nil
}

// Oldest is the next tenant behind after, in the order of their names, who has rows in a table, with the smallest id of its
// second key column. It fails with fault.NotFound behind the last one; "" is before the first.
func (d *DB) Oldest(ctx context.Context, t *Table, after string) (tenant, id string, err error) {
	first, err := Get(ctx, d, func(s Scanner) (found [2]string, err error) {
		return found, s.Scan(&found[0], &found[1])
	}, fmt.Sprintf("SELECT merchant_id, %s FROM %s WHERE merchant_id > $1 ORDER BY merchant_id, %s LIMIT 1",
		t.Columns[1].Name, t.Name, t.Columns[1].Name), after)
	return first[0], first[1], err
}

func scanText(s Scanner) (text string, err error) { return text, s.Scan(&text) }

// rest waits, and tells whether ctx lets it go on.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

const insertOnly = "SELECT, INSERT"

// Grant gives a role of PostgreSQL what a running Florin needs, and no more: to read and to insert everywhere, to update
// only where a table is not append-only, to delete only where it is not so for ever, never to truncate. Call it as the
// tables' owner, after Migrate.
func (d *DB) Grant(ctx context.Context, role string) error {
	files, err := d.migrations()
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	rights := map[string]string{"florin_migration": insertOnly, "florin_pin": insertOnly}
	for _, m := range files {
		parsed, err := parseStatements(m.text)
		if err != nil {
			return fmt.Errorf("grant: %s/%s: %w", m.pkg, m.name, err)
		}
		for _, g := range parsed.guarded {
			rights[g.table] = insertOnly
			if g.days > 0 {
				rights[g.table] = insertOnly + ", DELETE"
			}
		}
	}
	tables := []string{"florin_migration", "florin_probe", "florin_pin"}
	for _, s := range d.schemas {
		for _, t := range s.Tables {
			tables = append(tables, t.Name)
		}
	}
	return d.job(ctx, func(ctx context.Context, s session) error {
		for _, table := range tables {
			all, err := d.engine.grant(table, role, cmp.Or(rights[table], insertOnly+", UPDATE, DELETE"))
			if err != nil {
				return err
			}
			for _, sql := range all {
				if _, err := s.exec(ctx, sql); err != nil {
					return fmt.Errorf("grant on %s: %w", table, err)
				}
			}
		}
		return nil
	})
}
