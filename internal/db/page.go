package db

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/id"
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
	// Constant writes the value into the statement, where an index over just the rows that have it counts. It is for words of the
	// program, of lower-case letters.
	Constant bool
	// Some says in the statement, too, that the value is not empty, where an index over just the rows that have one counts.
	Some bool
}

// boundSlack is how far a row's created_at may be from the time in its id: both come from clocks, not always the same.
const boundSlack = time.Hour

// ListPage reads one page of a tenant's rows from a table whose columns include id and created_at, newest first, and
// tells whether more follow in the page's direction. It is stable under inserts because ids rise with time.
func ListPage[T any](ctx context.Context, d *DB, t *Table, scan func(Scanner) (T, error), tenant string, p Page, filters ...Filter) ([]T, bool, error) {
	text, args := PageStatement(t, tenant, p, filters...)
	rows, err := List(ctx, d, scan, text, args...)
	if err != nil {
		return nil, false, fmt.Errorf("list %s: %w", t.Name, err)
	}
	more := len(rows) > p.Limit
	rows = rows[:min(len(rows), p.Limit)]
	if p.EndingBefore != "" {
		slices.Reverse(rows) // the nearest newer ones came first
	}
	return rows, more, nil
}

// PageStatement is what ListPage asks, for one row more than a page has. It is here for tests of how that is read: see dbtest.ReadsBy.
func PageStatement(t *Table, tenant string, p Page, filters ...Filter) (text string, args []any) {
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
		order = "ASC"
	}
	// Ids rise with time, and the index is by id: with their bounds a search for a time does not walk through all the others.
	bound := func(condition string, at, slack time.Time) {
		if at.IsZero() {
			return
		}
		add("created_at "+condition, Micros(at))
		if t.IDs != "" {
			add("id "+condition, id.Floor(t.IDs, slack))
		}
	}
	bound(">=", p.CreatedFrom, p.CreatedFrom.Add(-boundSlack))
	bound("<", p.CreatedTo, p.CreatedTo.Add(boundSlack))
	for _, f := range filters {
		if f.Constant {
			where = append(where, constant(f))
		} else {
			add(f.Column+" =", f.Value)
		}
		if f.Some {
			where = append(where, f.Column+" <> ''")
		}
	}
	args = append(args, int64(p.Limit)+1)
	return fmt.Sprintf("%s WHERE %s ORDER BY id %s LIMIT $%d", t.Select(), strings.Join(where, " AND "), order, len(args)), args
}

func constant(f Filter) string {
	word, ok := f.Value.(string)
	if !ok || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
		panic(fmt.Sprintf("db: %v is no constant of a statement", f.Value))
	}
	return fmt.Sprintf("%s = '%s'", f.Column, word)
}

// ListAny is ListPage of the rows whose column has one of some values: a page of each value, by an index that begins with the
// column, of which the foremost are kept. key is the id of a row.
func ListAny[T any](ctx context.Context, d *DB, t *Table, scan func(Scanner) (T, error), key func(T) string, tenant string, p Page,
	column string, values []string, filters ...Filter) ([]T, bool, error) {
	var all []T
	anyMore := false
	for _, value := range values {
		some, more, err := ListPage(ctx, d, t, scan, tenant, p, append(slices.Clip(filters), Filter{Column: column, Value: value})...)
		if err != nil {
			return nil, false, err
		}
		all, anyMore = append(all, some...), anyMore || more
	}
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(key(b), key(a)) })
	if len(all) <= p.Limit {
		return all, anyMore, nil
	}
	if p.EndingBefore != "" {
		return all[len(all)-p.Limit:], true, nil // the nearest newer ones
	}
	return all[:p.Limit], true, nil
}
