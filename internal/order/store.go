package order

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

//go:embed migrations/*.sql
var migrations embed.FS

var orderTable = &db.Table{Name: "orders", Key: 2, IDs: id.Order, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "status"}, {Name: "amount", Kind: db.Int}, {Name: "currency"},
	{Name: "amount_paid", Kind: db.Int}, {Name: "amount_surplus", Kind: db.Int}, {Name: "lines"}, {Name: "partial", Kind: db.Int},
	{Name: "minimum", Kind: db.Int}, {Name: "invoice_number"}, {Name: "description"}, {Name: "customer"}, {Name: "return_url"},
	{Name: "metadata"}, {Name: "reminders"}, {Name: "cancellation_reason"}, {Name: "payments", Kind: db.Int},
	{Name: "payable_by", Kind: db.Int, Null: true}, {Name: "expires_at", Kind: db.Int, Null: true}, {Name: "paid_at", Kind: db.Int, Null: true},
	{Name: "ended_at", Kind: db.Int, Null: true}, {Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int},
}}

var paymentTable = &db.Table{Name: "order_payment", Key: 3, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "order_id"}, {Name: "payment_id"}, {Name: "state"}, {Name: "amount", Kind: db.Int}, {Name: "currency"},
	{Name: "captured", Kind: db.Int}, {Name: "surplus", Kind: db.Int}, {Name: "adjusted", Kind: db.Int}, {Name: "returned", Kind: db.Int}, {Name: "tries", Kind: db.Int},
	{Name: "captured_at", Kind: db.Int, Null: true}, {Name: "returned_at", Kind: db.Int, Null: true}, {Name: "due_at", Kind: db.Int, Null: true},
	{Name: "created_at", Kind: db.Int}, {Name: "moved_at", Kind: db.Int},
}}

// Schema is the orders' tables.
var Schema = db.Schema{Package: "order", Migrations: migrations, Tables: []*db.Table{orderTable, paymentTable}}

// store reads orders and turns them into rows.
type store struct{ db *db.DB }

// texts are lists and maps as JSON, and nothing at all for empty ones.
func texts(o Order) (lines, metadata, reminders string, err error) {
	for _, one := range []struct {
		into  *string
		value any
		empty bool
	}{{&lines, o.Lines, len(o.Lines) == 0}, {&metadata, o.Metadata, len(o.Metadata) == 0}, {&reminders, o.Reminders, len(o.Reminders) == 0}} {
		if one.empty {
			continue
		}
		body, err := json.Marshal(one.value)
		if err != nil {
			return "", "", "", fmt.Errorf("write %s: %w", o.ID, err)
		}
		*one.into = string(body)
	}
	return lines, metadata, reminders, nil
}

func orderRow(o Order) (db.Row, error) {
	lines, metadata, reminders, err := texts(o)
	if err != nil {
		return db.Row{}, err
	}
	return orderTable.Write(o.Version,
		o.Merchant, o.ID, string(o.Status), o.Amount.Minor(), o.Amount.Currency().Code(), o.Paid.Minor(), o.Surplus.Minor(), lines, db.Bit(o.Partial),
		o.Minimum.Minor(), o.InvoiceNumber, o.Description, o.Customer, o.ReturnURL, metadata, reminders, o.CancellationReason, o.Payments,
		db.MicrosOrNil(o.PayableBy), db.MicrosOrNil(o.ExpiresAt), db.MicrosOrNil(o.PaidAt), db.MicrosOrNil(o.EndedAt), db.MicrosOrNil(o.DueAt),
		db.Micros(o.CreatedAt),
	), nil
}

func scanOrder(r db.Scanner) (Order, error) {
	var o Order
	var amount, paid, surplus, partial, minimum, created int64
	var code, lines, metadata, reminders string
	var payable, expires, paidAt, ended, due *int64
	err := r.Scan(&o.Merchant, &o.ID, &o.Status, &amount, &code, &paid, &surplus, &lines, &partial, &minimum, &o.InvoiceNumber, &o.Description,
		&o.Customer, &o.ReturnURL, &metadata, &reminders, &o.CancellationReason, &o.Payments, &payable, &expires, &paidAt, &ended, &due, &created, &o.Version)
	if err != nil {
		return Order{}, err
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return Order{}, fmt.Errorf("order %s: %w", o.ID, err)
	}
	o.Amount, o.Paid, o.Surplus, o.Minimum = money.Of(amount, currency), money.Of(paid, currency), money.Of(surplus, currency), money.Of(minimum, currency)
	o.Partial = partial == 1
	o.PayableBy, o.ExpiresAt, o.PaidAt, o.EndedAt = db.NullTime(payable), db.NullTime(expires), db.NullTime(paidAt), db.NullTime(ended)
	o.DueAt, o.CreatedAt = db.NullTime(due), db.Time(created)
	if err := errors.Join(db.FromJSON(lines, &o.Lines), db.FromJSON(metadata, &o.Metadata), db.FromJSON(reminders, &o.Reminders)); err != nil {
		return Order{}, fmt.Errorf("order %s: %w", o.ID, err)
	}
	return o, nil
}

// The states of a payment's row.
const (
	stateOpen = "open"
	stateOver = "over"
)

func paymentRow(p Payment) db.Row {
	state := stateOpen
	if p.Over {
		state = stateOver
	}
	return paymentTable.Write(p.Version,
		p.Merchant, p.Order, p.ID, state, p.Amount.Minor(), p.Amount.Currency().Code(), p.Captured.Minor(), p.Surplus.Minor(), p.Adjusted.Minor(), p.Returned.Minor(),
		p.Tries, db.MicrosOrNil(p.CapturedAt), db.MicrosOrNil(p.ReturnedAt), db.MicrosOrNil(p.DueAt), db.Micros(p.CreatedAt), db.Micros(p.MovedAt),
	)
}

func scanPayment(r db.Scanner) (Payment, error) {
	var p Payment
	var state, code string
	var amounts [5]int64
	var created, moved int64
	var captured, returned, due *int64
	err := r.Scan(&p.Merchant, &p.Order, &p.ID, &state, &amounts[0], &code, &amounts[1], &amounts[2], &amounts[3], &amounts[4], &p.Tries, &captured, &returned, &due,
		&created, &moved, &p.Version)
	if err != nil {
		return Payment{}, err
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return Payment{}, fmt.Errorf("payment %s of %s: %w", p.ID, p.Order, err)
	}
	for i, to := range []*money.Money{&p.Amount, &p.Captured, &p.Surplus, &p.Adjusted, &p.Returned} {
		*to = money.Of(amounts[i], currency)
	}
	p.Over = state == stateOver
	p.CapturedAt, p.ReturnedAt, p.DueAt = db.NullTime(captured), db.NullTime(returned), db.NullTime(due)
	p.CreatedAt, p.MovedAt = db.Time(created), db.Time(moved)
	return p, nil
}

// order is one order; fault.NotFound if there is none.
func (s store) order(ctx context.Context, tenant, order string) (Order, error) {
	o, err := db.Get(ctx, s.db, scanOrder, orderTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, order)
	if fault.Is(err, fault.NotFound) {
		return o, fault.Missing("order")
	}
	return o, err
}

// Filter chooses orders by what they are exactly. Empty: any.
type Filter struct {
	Status                  Status
	Customer, InvoiceNumber string
}

func (f Filter) columns() []db.Filter {
	var all []db.Filter
	for _, of := range []db.Filter{
		{Column: "invoice_number", Value: f.InvoiceNumber, Some: true}, {Column: "customer", Value: f.Customer, Some: true}, {Column: "status", Value: string(f.Status)},
	} {
		if of.Value != "" {
			all = append(all, of)
		}
	}
	return all
}

func (s store) orders(ctx context.Context, tenant string, p db.Page, f Filter) ([]Order, bool, error) {
	return db.ListPage(ctx, s.db, orderTable, scanOrder, tenant, p, f.columns()...)
}

func (s store) payment(ctx context.Context, tenant, order, payment string) (Payment, error) {
	return db.Get(ctx, s.db, scanPayment, paymentTable.Select()+" WHERE merchant_id = $1 AND order_id = $2 AND payment_id = $3", tenant, order, payment)
}

// payments are an order's, oldest first: there are MaxPayments at most.
func (s store) payments(ctx context.Context, tenant, order string) ([]Payment, error) {
	return db.List(ctx, s.db, scanPayment, paymentTable.Select()+" WHERE merchant_id = $1 AND order_id = $2 ORDER BY payment_id", tenant, order)
}

// ordersAndPayments is each order's sums, and those of what belongs to it.
const ordersAndPayments = `SELECT o.merchant_id, o.id, o.amount_paid, o.amount_surplus, CAST(COALESCE(SUM(l.captured), 0) AS BIGINT), CAST(COALESCE(SUM(l.surplus), 0) AS BIGINT),
	CAST(COALESCE(SUM(l.adjusted), 0) AS BIGINT),
	CAST(COALESCE(SUM(p.amount_captured), 0) AS BIGINT)
	FROM orders o LEFT JOIN order_payment l ON l.merchant_id = o.merchant_id AND l.order_id = o.id
	LEFT JOIN payment p ON p.merchant_id = l.merchant_id AND p.id = l.payment_id
	GROUP BY o.merchant_id, o.id, o.amount_paid, o.amount_surplus ORDER BY o.merchant_id, o.id`

func scanSums(r db.Scanner) (sums, error) {
	var s sums
	return s, r.Scan(&s.tenant, &s.order, &s.paid, &s.surplus, &s.captured, &s.over, &s.adjusted, &s.capturedOfPayments)
}
