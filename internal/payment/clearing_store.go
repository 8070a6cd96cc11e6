package payment

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/money"
)

// Clearing is a clearing of what was captured at another amount, which a payment has followed.
type Clearing struct {
	Subject  string // att_… or cap_…
	Captured money.Money
	Cleared  money.Money
	At       time.Time
}

var clearingTable = &db.Table{Name: "payment_clearing", Key: 3, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "payment_id"}, {Name: "sequence", Kind: db.Int}, {Name: "subject"}, {Name: "currency"},
	{Name: "captured", Kind: db.Int}, {Name: "cleared", Kind: db.Int}, {Name: "created_at", Kind: db.Int},
}}

// clearingRow is the row of a clearing that a payment follows with this Change.
func clearingRow(p Payment, c Clearing, now time.Time) db.Row {
	return clearingTable.Insert(p.Merchant, p.ID, p.Version, c.Subject, c.Cleared.Currency().Code(), c.Captured.Minor(), c.Cleared.Minor(), db.Micros(now))
}

func scanClearing(r db.Scanner) (Clearing, error) {
	var c Clearing
	var code string
	var captured, cleared, at int64
	if err := r.Scan(new(string), new(string), new(int64), &c.Subject, &code, &captured, &cleared, &at); err != nil {
		return c, err
	}
	currency, err := money.ParseCurrency(code)
	c.Captured, c.Cleared, c.At = money.Of(captured, currency), money.Of(cleared, currency), db.Time(at)
	return c, err
}

func (s store) clearings(ctx context.Context, tenant, payment string) ([]Clearing, error) {
	return db.List(ctx, s.db, scanClearing, clearingTable.Select()+" WHERE merchant_id = $1 AND payment_id = $2 ORDER BY sequence", tenant, payment)
}
