package recon

import (
	"context"
	"embed"
	"fmt"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
)

//go:embed migrations/*.sql
var migrations embed.FS

var table = &db.Table{Name: payment.BreakTable, Key: 2, IDs: id.Break, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "kind"}, {Name: "status"}, {Name: "subject"}, {Name: "provider_account"},
	{Name: "amount", Kind: db.Int, Null: true}, {Name: "currency"}, {Name: "detail"}, {Name: "source"}, {Name: "created_at", Kind: db.Int},
	{Name: "closed_at", Kind: db.Int, Null: true}, {Name: "closed_by"}, {Name: "note"},
}}

// Schema is the table of breaks.
var Schema = db.Schema{Package: "recon", Migrations: migrations, Tables: []*db.Table{table}}

func (b Break) row() db.Row {
	var amount any
	var currency string
	if b.Amount != (money.Money{}) {
		amount, currency = b.Amount.Minor(), b.Amount.Currency().Code()
	}
	return table.Write(b.Version,
		b.Merchant, b.ID, string(b.Kind), string(b.Status), b.Subject, b.Account, amount, currency, b.Detail, b.Source,
		db.Micros(b.CreatedAt), db.MicrosOrNil(b.ClosedAt), b.ClosedBy, b.Note,
	)
}

func scan(r db.Scanner) (Break, error) {
	var b Break
	var amount, closed *int64
	var created int64
	var code string
	err := r.Scan(&b.Merchant, &b.ID, &b.Kind, &b.Status, &b.Subject, &b.Account, &amount, &code, &b.Detail, &b.Source,
		&created, &closed, &b.ClosedBy, &b.Note, &b.Version)
	if err != nil {
		return b, err
	}
	b.CreatedAt, b.ClosedAt = db.Time(created), db.NullTime(closed)
	if amount == nil {
		return b, nil
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return b, fmt.Errorf("break %s: %w", b.ID, err)
	}
	b.Amount = money.Of(*amount, currency)
	return b, nil
}

func (k *Book) one(ctx context.Context, tenant, breakID string) (Break, error) {
	return db.One(ctx, k.DB, "break", scan, table.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, breakID)
}

// of is the break that a cause has opened. It fails with fault.NotFound.
func (k *Book) of(ctx context.Context, tenant, source string) (Break, error) {
	return db.One(ctx, k.DB, "break", scan, table.Select()+" WHERE merchant_id = $1 AND source = $2", tenant, source)
}
