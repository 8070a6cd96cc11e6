package db

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Page asks for a stretch of a list, newest first. The zero value of a bound is no bound.
type Page struct {
	Limit         int       // at least 1
	StartingAfter string    // an id: only older ones
	EndingBefore  string    // an id: only newer ones
	CreatedFrom   time.Time // inclusive
	CreatedTo     time.Time // exclusive
}

// Filter is a column that must have a value.
type Filter struct {
	Column string
	Value  any
}

// ListPage reads one page of a tenant's rows from a table whose columns include id and created_at, newest first, and
// tells whether more follow in the page's direction. It is stable under inserts because ids rise with time.
func ListPage[T any](ctx context.Context, d *DB, t *Table, scan func(Scanner) (T, error), tenant string, p Page, filters ...Filter) ([]T, bool, error) {
	where, args := []string{"merchant_id = $1"}, []any{tenant}
	add := func(condition string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf("%s $%d", condition, len(args)))
	}
	order := "DESC"
	if p.StartingAfter != "" {
		add("id <", p.StartingAfter)
	}
	if p.EndingBefore != "" {
		add("id >", p.EndingBefore)
		order = "ASC" // the nearest newer ones; turned around below
	}
	if !p.CreatedFrom.IsZero() {
		add("created_at >=", Micros(p.CreatedFrom))
	}
	if !p.CreatedTo.IsZero() {
		add("created_at <", Micros(p.CreatedTo))
	}
	for _, f := range filters {
		add(f.Column+" =", f.Value)
	}
	args = append(args, int64(p.Limit)+1)
	rows, err := List(ctx, d, scan, fmt.Sprintf("%s WHERE %s ORDER BY id %s LIMIT $%d",
		t.Select(), strings.Join(where, " AND "), order, len(args)), args...)
	if err != nil {
		return nil, false, fmt.Errorf("list %s: %w", t.Name, err)
	}
	more := len(rows) > p.Limit
	rows = rows[:min(len(rows), p.Limit)]
	if order == "ASC" {
		slices.Reverse(rows)
	}
	return rows, more, nil
}
