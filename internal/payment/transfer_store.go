package payment

import (
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

var transferTable = &db.Table{Name: "payment_transfer", Key: 2, IDs: id.Transfer, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "provider_account"}, {Name: "reference"}, {Name: "payment_id"}, {Name: "attempt", Kind: db.Int},
	{Name: "amount", Kind: db.Int}, {Name: "currency"}, {Name: "surplus", Kind: db.Int}, {Name: "reason"}, {Name: "state"}, {Name: "payer"}, {Name: "detail"},
	{Name: "tries", Kind: db.Int}, {Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int}, {Name: "moved_at", Kind: db.Int},
	{Name: "original"},
}}

func transferRow(t Transfer) db.Row {
	return transferTable.Write(t.Version,
		t.Merchant, t.ID, t.Account, t.Reference, t.Payment, t.Attempt, t.Amount.Minor(), t.Amount.Currency().Code(), t.Surplus.Minor(),
		string(t.Reason), string(t.State), t.Payer, t.Detail, t.Tries, db.MicrosOrNil(t.DueAt), db.Micros(t.CreatedAt), db.Micros(t.MovedAt),
		t.Original,
	)
}

func scanTransfer(r db.Scanner) (Transfer, error) {
	var t Transfer
	var amount, surplus, created, moved int64
	var due *int64
	var code string
	err := r.Scan(&t.Merchant, &t.ID, &t.Account, &t.Reference, &t.Payment, &t.Attempt, &amount, &code, &surplus,
		&t.Reason, &t.State, &t.Payer, &t.Detail, &t.Tries, &due, &created, &moved, &t.Original, &t.Version)
	if err != nil {
		return Transfer{}, err
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return Transfer{}, fmt.Errorf("transfer %s: %w", t.ID, err)
	}
	t.Amount, t.Surplus = money.Of(amount, currency), money.Of(surplus, currency)
	t.DueAt, t.CreatedAt, t.MovedAt = db.NullTime(due), db.Time(created), db.Time(moved)
	return t, nil
}

func (s store) transfer(ctx context.Context, tenant, transfer string) (Transfer, error) {
	return db.One(ctx, s.db, "transfer", scanTransfer, transferTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, transfer)
}

// maxTransfers bounds how many transfers of one payment are looked at. A code that is paid more often is a person's business.
const maxTransfers = 1000

// transfers is what came in on a payment's codes, in the order in which it was heard of.
func (s store) transfers(ctx context.Context, tenant, payment string) ([]Transfer, error) {
	found, err := db.List(ctx, s.db, scanTransfer, transferTable.Select()+" WHERE merchant_id = $1 AND payment_id = $2 ORDER BY id LIMIT $3",
		tenant, payment, int64(maxTransfers))
	if err != nil {
		return nil, fmt.Errorf("transfers of %s: %w", payment, err)
	}
	return found, nil
}
