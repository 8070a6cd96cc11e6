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

// PruneOlder deletes rows of all tenants whose column sorts before floor, the oldest of each tenant first, until about limit
// are gone; it tells how many. The column holds time-ordered ids (see id.Floor) and stands behind merchant_id in an index,
// such as the primary key: then no index by time is needed, and a tenant who has nothing to prune costs one look. A row that
// is append-only for some days is refused before its time.
//
// It works in small transactions and leaves the writers two thirds of the time. When ctx ends it ends early, without an
// error.
func (d *DB) PruneOlder(ctx context.Context, t *Table, column, floor string, limit int64) (int64, error) {
	var total int64
	for tenant := ""; total < limit; {
		next, oldest, err := d.Oldest(ctx, t, column, tenant)
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
		n, err := d.PruneTenant(ctx, t, column, tenant, floor, limit-total)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// PruneTenant is PruneOlder for one tenant.
func (d *DB) PruneTenant(ctx context.Context, t *Table, column, tenant, floor string, limit int64) (int64, error) {
	if err := t.hasText(column); err != nil {
		return 0, err
	}
	within := fmt.Sprintf("WHERE merchant_id = $1 AND %s > $2 AND %s", column, column)
	var total int64
	for from := ""; total < limit; {
		began := clock.Stopwatch()
		// Up to here is one batch. The next one begins behind it, and so reads nothing of what was just deleted.
		to, err := Get(ctx, d, scanText, fmt.Sprintf("SELECT %s FROM %s %s < $3 ORDER BY %s LIMIT 1 OFFSET $4", column, t.Name, within, column),
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

// Oldest is the next tenant behind after, in the order of their names, who has rows in a table, with the smallest value of a
// column as PruneOlder has it. It fails with fault.NotFound behind the last one; "" is before the first.
func (d *DB) Oldest(ctx context.Context, t *Table, column, after string) (tenant, oldest string, err error) {
	if err := t.hasText(column); err != nil {
		return "", "", err
	}
	first, err := Get(ctx, d, func(s Scanner) (found [2]string, err error) {
		return found, s.Scan(&found[0], &found[1])
	}, fmt.Sprintf("SELECT merchant_id, %s FROM %s WHERE merchant_id > $1 ORDER BY merchant_id, %s LIMIT 1", column, t.Name, column), after)
	return first[0], first[1], err
}

func (t *Table) hasText(column string) error {
	if n := t.column(column); n < 0 || t.Columns[n].Kind != Text || t.Columns[n].Null {
		return fmt.Errorf("table %s has no text column %q that is never null", t.Name, column)
	}
	return nil
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
