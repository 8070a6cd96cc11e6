package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/florinpay/florin/internal/fault"
)

// Scanner is the current row of a read: Scan copies its columns, in their order, into what the pointers point at.
// A column that can be null goes into a pointer to a pointer.
type Scanner interface {
	Scan(dest ...any) error
}

// Get reads one row. It fails with fault.NotFound if there is none.
func Get[T any](ctx context.Context, d *DB, scan func(Scanner) (T, error), sql string, args ...any) (T, error) {
	var found T
	none := true
	err := d.each(ctx, false, sql, args, func(s Scanner) (more bool, err error) {
		none = false
		found, err = scan(s)
		return false, err
	})
	if err == nil && none {
		err = fault.Missing("row")
	}
	return found, err
}

// One is Get of a row that has a name: the error of its absence says "no such" and what.
func One[T any](ctx context.Context, d *DB, what string, scan func(Scanner) (T, error), sql string, args ...any) (T, error) {
	found, err := Get(ctx, d, scan, sql, args...)
	if fault.Is(err, fault.NotFound) {
		err = fault.Missing(what)
	}
	return found, err
}

// List reads all rows of a query that bounds itself by LIMIT. There is no error if there are none.
func List[T any](ctx context.Context, d *DB, scan func(Scanner) (T, error), sql string, args ...any) ([]T, error) {
	var list []T
	err := d.each(ctx, false, sql, args, func(s Scanner) (bool, error) {
		one, err := scan(s)
		list = append(list, one)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Each reads as many rows as there are, from one snapshot, and calls do with one after the other. It has connections
// of its own, so it may take long; do may read, but must not call Each. It ends with the first error of do.
func Each[T any](ctx context.Context, d *DB, scan func(Scanner) (T, error), sql string, args []any, do func(T) error) error {
	return d.each(ctx, true, sql, args, func(s Scanner) (bool, error) {
		one, err := scan(s)
		if err != nil {
			return false, err
		}
		return true, do(one)
	})
}

func (d *DB) each(ctx context.Context, long bool, sql string, args []any, do func(Scanner) (bool, error)) error {
	rows, err := d.engine.query(ctx, long, sql, args)
	if err != nil {
		return d.readError(err)
	}
	for rows.Next() {
		more, err := do(rows)
		if err != nil || !more {
			closing := rows.Close()
			if err == nil && closing != nil {
				return d.readError(closing)
			}
			return err
		}
	}
	if err := rows.Err(); err != nil {
		_ = rows.Close() // the read failed; that is the error to tell
		return d.readError(err)
	}
	if err := rows.Close(); err != nil {
		return d.readError(err)
	}
	return nil
}

// Select is "SELECT merchant_id, id, … FROM payment": every column in the table's order, and version behind them if the
// table is Versioned. A WHERE may follow.
func (t *Table) Select() string { return "SELECT " + strings.Join(t.names(), ", ") + " FROM " + t.Name }

// names is all columns, version too.
func (t *Table) names() []string {
	names := make([]string, 0, len(t.Columns)+1)
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	if t.Versioned {
		names = append(names, "version")
	}
	return names
}

// kinds is the kinds of names.
func (t *Table) kinds() []Kind {
	kinds := make([]Kind, 0, len(t.Columns)+1)
	for _, c := range t.Columns {
		kinds = append(kinds, c.Kind)
	}
	if t.Versioned {
		kinds = append(kinds, Int)
	}
	return kinds
}

// column is the place of a column; -1 if there is none.
func (t *Table) column(name string) int {
	for i, c := range t.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// whereKey is "merchant_id = $1 AND id = $2".
func (t *Table) whereKey() string {
	parts := make([]string, t.Key)
	for i := range parts {
		parts[i] = fmt.Sprintf("%s = $%d", t.Columns[i].Name, i+1)
	}
	return strings.Join(parts, " AND ")
}

// In is "($3, $4, $5)" for In(3, 3): n parameters counted from from, for a list behind IN. It panics if n is below 1.
func In(from, n int) string {
	if n < 1 {
		panic("db: IN needs a parameter")
	}
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("$%d", from+i)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
