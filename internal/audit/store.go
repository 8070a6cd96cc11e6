package audit

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"

	"github.com/florinpay/florin/internal/db"
)

//go:embed migrations
var migrations embed.FS

// Schema is the package's tables.
var Schema = db.Schema{Package: "audit", Migrations: migrations, Tables: []*db.Table{Table}}

// List gives a stretch of a merchant's records, newest first, and whether there are more.
func List(ctx context.Context, d *db.DB, merchant string, p db.Page) ([]Record, bool, error) {
	return db.ListPage(ctx, d, Table, scan, merchant, p)
}

// About gives a stretch of the records of one object, newest first, and whether there are more.
func About(ctx context.Context, d *db.DB, merchant, object string, p db.Page) ([]Record, bool, error) {
	return db.ListPage(ctx, d, Table, scan, merchant, p, db.Filter{Column: "object", Value: object})
}

func scan(s db.Scanner) (Record, error) {
	var r Record
	var detail string
	var created int64
	if err := s.Scan(&r.Merchant, &r.ID, &r.Actor, &r.Action, &r.Object, &detail, &r.RequestID, &created); err != nil {
		return Record{}, err
	}
	if err := json.Unmarshal([]byte(detail), &r.Detail); err != nil {
		return Record{}, fmt.Errorf("read the detail of %s: %w", r.ID, err)
	}
	r.CreatedAt = db.Time(created)
	return r, nil
}
