package main

import (
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/db"
)

// tally is what a tenant's payments in the database come to.
type tally struct {
	Captured      int64 // payments
	CapturedMinor int64 // the sum of their captured amounts
	Open          int64 // payments whose outcome is not known yet
}

// countPayments adds up the payments of the tenants.
func countPayments(ctx context.Context, d *db.DB, tenants []string) (tally, error) {
	var sum tally
	for _, tenant := range tenants {
		one, err := db.Get(ctx, d, func(r db.Scanner) (tally, error) {
			var t tally
			return t, r.Scan(&t.Captured, &t.CapturedMinor, &t.Open)
		}, `SELECT CAST(COALESCE(SUM(CASE status WHEN 'captured' THEN 1 ELSE 0 END), 0) AS BIGINT),
			CAST(COALESCE(SUM(amount_captured), 0) AS BIGINT),
			CAST(COALESCE(SUM(CASE status WHEN 'processing' THEN 1 ELSE 0 END), 0) AS BIGINT)
			FROM payment WHERE merchant_id = $1`, tenant)
		if err != nil {
			return tally{}, fmt.Errorf("count the payments of %s: %w", tenant, err)
		}
		sum.Captured += one.Captured
		sum.CapturedMinor += one.CapturedMinor
		sum.Open += one.Open
	}
	return sum, nil
}

// savedRow is a row as it stands in the database.
type savedRow struct {
	table   *db.Table
	values  []any // string, int64, []byte or nil, by column
	version int64 // 0 if the table has none
}

// savedRows reads every row that a tenant has in the tables of the schemas.
func savedRows(ctx context.Context, d *db.DB, tenant string, schemas ...db.Schema) ([]savedRow, error) {
	var all []savedRow
	for _, schema := range schemas {
		for _, table := range schema.Tables {
			rows, err := db.List(ctx, d, func(r db.Scanner) (savedRow, error) { return scanSaved(r, table) },
				table.Select()+" WHERE merchant_id = $1", tenant)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", table.Name, err)
			}
			all = append(all, rows...)
		}
	}
	return all, nil
}

func scanSaved(r db.Scanner, t *db.Table) (savedRow, error) {
	texts, numbers, bytes := make([]*string, len(t.Columns)), make([]*int64, len(t.Columns)), make([][]byte, len(t.Columns))
	saved := savedRow{table: t, values: make([]any, len(t.Columns))}
	into := make([]any, 0, len(t.Columns)+1)
	for i, c := range t.Columns {
		into = append(into, map[db.Kind]any{db.Text: &texts[i], db.Int: &numbers[i], db.Bytes: &bytes[i]}[c.Kind])
	}
	if t.Versioned {
		into = append(into, &saved.version)
	}
	if err := r.Scan(into...); err != nil {
		return savedRow{}, err
	}
	for i := range t.Columns {
		switch {
		case texts[i] != nil:
			saved.values[i] = *texts[i]
		case numbers[i] != nil:
			saved.values[i] = *numbers[i]
		case bytes[i] != nil:
			saved.values[i] = bytes[i]
		}
	}
	return saved, nil
}
