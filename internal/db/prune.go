package db

import (
	"context"
	"fmt"
	"strings"
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
	return deleted, nil
}

// Grant gives a role of PostgreSQL what a running Florin needs, and no more: to read and to insert everywhere, to update
// and to delete only where a table is not append-only, never to truncate. Call it as the tables' owner, after Migrate.
func (d *DB) Grant(ctx context.Context, role string) error {
	files, err := d.migrations()
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	only := map[string]bool{}
	for _, m := range files {
		parsed, err := parseStatements(m.text)
		if err != nil {
			return fmt.Errorf("grant: %s/%s: %w", m.pkg, m.name, err)
		}
		for _, table := range parsed.appendOnly {
			only[table] = true
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
			all, err := d.engine.grant(table, role, only[table] || table == "florin_migration" || table == "florin_pin")
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
