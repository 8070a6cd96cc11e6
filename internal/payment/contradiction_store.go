package payment

import (
	"context"

	"github.com/florinpay/florin/internal/db"
)

var contradictionTable = &db.Table{Name: "payment_contradiction", Key: 4, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "payment_id"}, {Name: "subject"}, {Name: "claim"}, {Name: "attempt", Kind: db.Int},
	{Name: "provider_reference"}, {Name: "remedy"}, {Name: "heard", Kind: db.Int}, {Name: "tries", Kind: db.Int},
	{Name: "first_at", Kind: db.Int}, {Name: "last_at", Kind: db.Int}, {Name: "due_at", Kind: db.Int, Null: true},
	{Name: "provider_account"}, {Name: "not_found", Kind: db.Int},
}}

func contradictionRow(c Contradiction) db.Row {
	return contradictionTable.Write(c.Version,
		c.Merchant, c.Payment, c.Subject, c.Claim, c.Attempt, c.Reference, string(c.Remedy), c.Heard, c.Tries,
		db.Micros(c.FirstAt), db.Micros(c.LastAt), db.MicrosOrNil(c.DueAt), c.Account, c.NotFound,
	)
}

func scanContradiction(r db.Scanner) (Contradiction, error) {
	var c Contradiction
	var first, last int64
	var due *int64
	err := r.Scan(&c.Merchant, &c.Payment, &c.Subject, &c.Claim, &c.Attempt, &c.Reference, &c.Remedy, &c.Heard, &c.Tries,
		&first, &last, &due, &c.Account, &c.NotFound, &c.Version)
	c.FirstAt, c.LastAt, c.DueAt = db.Time(first), db.Time(last), db.NullTime(due)
	return c, err
}

func (s store) contradiction(ctx context.Context, tenant, payment, subject, claim string) (Contradiction, error) {
	return db.One(ctx, s.db, "contradiction", scanContradiction,
		contradictionTable.Select()+" WHERE merchant_id = $1 AND payment_id = $2 AND subject = $3 AND claim = $4", tenant, payment, subject, claim)
}

func (s store) contradictions(ctx context.Context, tenant, payment string) ([]Contradiction, error) {
	return db.List(ctx, s.db, scanContradiction, contradictionTable.Select()+" WHERE merchant_id = $1 AND payment_id = $2 ORDER BY first_at, subject, claim",
		tenant, payment)
}
