package payment

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

//go:embed migrations/*.sql
var migrations embed.FS

var paymentTable = &db.Table{Name: "payment", Key: 2, IDs: id.Payment, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "status"}, {Name: "amount", Kind: db.Int}, {Name: "currency"},
	{Name: "amount_authorized", Kind: db.Int}, {Name: "amount_captured", Kind: db.Int}, {Name: "amount_refunded", Kind: db.Int},
	{Name: "amount_refunding", Kind: db.Int}, {Name: "amount_disputed", Kind: db.Int}, {Name: "capture", Kind: db.Int},
	{Name: "awaits_payer", Kind: db.Int}, {Name: "method"}, {Name: "attempts", Kind: db.Int}, {Name: "provider_account"},
	{Name: "provider_reference"}, {Name: "network_reference"}, {Name: "failure"}, {Name: "plan"},
	{Name: "statement_descriptor"}, {Name: "description"}, {Name: "cancellation_reason"}, {Name: "metadata"},
	{Name: "capture_before", Kind: db.Int, Null: true}, {Name: "expires_at", Kind: db.Int, Null: true},
	{Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int},
	{Name: "return_url"}, {Name: "asked"}, {Name: "proof"}, {Name: "action"}, {Name: "challenges", Kind: db.Int},
	{Name: "ended_at", Kind: db.Int, Null: true}, {Name: "order_id", Null: true}, {Name: "customer_id", Null: true}, {Name: "refundable_until", Kind: db.Int, Null: true},
	{Name: "amount_withdrawn", Kind: db.Int}, {Name: "later"},
}}

var attemptTable = &db.Table{Name: "payment_attempt", Key: 3, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "payment_id"}, {Name: "number", Kind: db.Int}, {Name: "id"}, {Name: "state"},
	{Name: "provider_account"}, {Name: "amount", Kind: db.Int}, {Name: "currency"}, {Name: "capture", Kind: db.Int}, {Name: "method"},
	{Name: "provider_reference"}, {Name: "network_reference"}, {Name: "failure"}, {Name: "detail"},
	{Name: "inquiries", Kind: db.Int}, {Name: "not_found", Kind: db.Int}, {Name: "sent_at", Kind: db.Int},
	{Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int}, {Name: "secure"}, {Name: "moved_at", Kind: db.Int},
	{Name: "routing"}, {Name: "asked_at", Kind: db.Int, Null: true}, {Name: "manual_at", Kind: db.Int, Null: true}, {Name: "manual_reason"},
	{Name: "issuer_country"}, {Name: "by_hand"}, {Name: "statement_descriptor"},
}}

var tokenTable = &db.Table{Name: "payment_token", Key: 2, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "token"}, {Name: "payment_id"}, {Name: "created_at", Kind: db.Int},
}}

// Schema is the payments' tables.
var Schema = db.Schema{Package: "payment", Migrations: migrations,
	Tables: []*db.Table{paymentTable, attemptTable, operationTable, contradictionTable, tokenTable, transferTable, retryTable, clearingTable}}

// store reads payments and turns them into rows.
type store struct{ db *db.DB }

func paymentRow(p Payment) (db.Row, error) {
	method, err := db.JSON(p.Method, !p.Method.known())
	if err != nil {
		return db.Row{}, err
	}
	failure, err := db.JSON(p.Failure, p.Failure == nil)
	if err != nil {
		return db.Row{}, err
	}
	plan, err := db.JSON(p.Plan, len(p.Plan) == 0)
	if err != nil {
		return db.Row{}, err
	}
	metadata, err := db.JSON(p.Metadata, len(p.Metadata) == 0)
	if err != nil {
		return db.Row{}, err
	}
	asked, err := db.JSON(p.Asked, p.Asked == Asked{})
	if err != nil {
		return db.Row{}, err
	}
	proof, err := db.JSON(p.Proof, p.Proof == nil)
	if err != nil {
		return db.Row{}, err
	}
	action, err := db.JSON(p.Action, p.Action == nil)
	if err != nil {
		return db.Row{}, err
	}
	later, err := db.JSON(p.Later, p.Later == nil)
	if err != nil {
		return db.Row{}, err
	}
	return paymentTable.Write(p.Version,
		p.Merchant, p.ID, string(p.Status), p.Amount.Minor(), p.Amount.Currency().Code(),
		p.Authorized.Minor(), p.Captured.Minor(), p.Refunded.Minor(), p.Refunding.Minor(), p.Disputed.Minor(),
		db.Bit(p.Capture), db.Bit(p.AwaitsPayer), method, p.Attempts, p.Account, p.Reference, p.NetworkReference, failure, plan,
		p.StatementDescriptor, p.Description, p.CancellationReason, metadata,
		db.MicrosOrNil(p.CaptureBefore), db.MicrosOrNil(p.ExpiresAt), db.MicrosOrNil(p.DueAt), db.Micros(p.CreatedAt),
		p.ReturnURL, asked, proof, action, p.Challenges, db.MicrosOrNil(p.EndedAt), db.TextOrNil(p.Order), db.TextOrNil(p.Customer), db.MicrosOrNil(p.RefundableUntil), p.Withdrawn.Minor(), later,
	), nil
}

func scanPayment(r db.Scanner) (Payment, error) {
	var p Payment
	var amounts [7]int64
	var code, method, failure, plan, metadata, asked, proof, action, later string
	var capture, awaits, created int64
	var captureBefore, expires, due, ended, refundable *int64
	var order, customer *string
	err := r.Scan(&p.Merchant, &p.ID, &p.Status, &amounts[0], &code, &amounts[1], &amounts[2], &amounts[3], &amounts[4], &amounts[5],
		&capture, &awaits, &method, &p.Attempts, &p.Account, &p.Reference, &p.NetworkReference, &failure, &plan,
		&p.StatementDescriptor, &p.Description, &p.CancellationReason, &metadata, &captureBefore, &expires, &due, &created,
		&p.ReturnURL, &asked, &proof, &action, &p.Challenges, &ended, &order, &customer, &refundable, &amounts[6], &later, &p.Version)
	if err != nil {
		return Payment{}, err
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return Payment{}, fmt.Errorf("payment %s: %w", p.ID, err)
	}
	for i, to := range []*money.Money{&p.Amount, &p.Authorized, &p.Captured, &p.Refunded, &p.Refunding, &p.Disputed, &p.Withdrawn} {
		*to = money.Of(amounts[i], currency)
	}
	p.Capture, p.AwaitsPayer = capture == 1, awaits == 1
	p.CaptureBefore, p.ExpiresAt, p.DueAt, p.CreatedAt = db.NullTime(captureBefore), db.NullTime(expires), db.NullTime(due), db.Time(created)
	p.EndedAt, p.RefundableUntil = db.NullTime(ended), db.NullTime(refundable)
	if order != nil {
		p.Order = *order
	}
	if customer != nil {
		p.Customer = *customer
	}
	err = errors.Join(db.FromJSON(method, &p.Method), db.FromJSON(failure, &p.Failure), db.FromJSON(plan, &p.Plan), db.FromJSON(metadata, &p.Metadata),
		db.FromJSON(asked, &p.Asked), db.FromJSON(proof, &p.Proof), db.FromJSON(action, &p.Action), db.FromJSON(later, &p.Later))
	if err != nil {
		return Payment{}, fmt.Errorf("payment %s: %w", p.ID, err)
	}
	return p, nil
}

func attemptRow(a Attempt) (db.Row, error) {
	failure, err := db.JSON(a.Failure, a.Failure == nil)
	if err != nil {
		return db.Row{}, err
	}
	secure, err := db.JSON(a.Secure, a.Secure == nil)
	if err != nil {
		return db.Row{}, err
	}
	route, err := db.JSON(a.Route, a.Route == nil)
	if err != nil {
		return db.Row{}, err
	}
	hand, err := db.JSON(a.ByHand, a.ByHand == nil)
	if err != nil {
		return db.Row{}, err
	}
	return attemptTable.Write(a.Version,
		a.Merchant, a.Payment, a.Number, a.ID, string(a.State), a.Account, a.Amount.Minor(), a.Amount.Currency().Code(), db.Bit(a.Capture),
		a.Token, a.Reference, a.NetworkReference, failure, a.Detail, a.Inquiries, a.NotFound,
		db.Micros(a.SentAt), db.MicrosOrNil(a.DueAt), db.Micros(a.CreatedAt), secure, db.Micros(a.MovedAt), route,
		db.MicrosOrNil(a.AskedAt), db.MicrosOrNil(a.ManualAt), string(a.ManualReason), a.Country, hand, a.Descriptor,
	), nil
}

func scanAttempt(r db.Scanner) (Attempt, error) {
	var a Attempt
	var minor, capture, sent, created, moved int64
	var due, asked, manual *int64
	var code, failure, secure, route, hand string
	err := r.Scan(&a.Merchant, &a.Payment, &a.Number, &a.ID, &a.State, &a.Account, &minor, &code, &capture, &a.Token, &a.Reference,
		&a.NetworkReference, &failure, &a.Detail, &a.Inquiries, &a.NotFound, &sent, &due, &created, &secure, &moved, &route, &asked, &manual, &a.ManualReason, &a.Country, &hand, &a.Descriptor, &a.Version)
	if err != nil {
		return Attempt{}, err
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return Attempt{}, fmt.Errorf("attempt %s: %w", a.ID, err)
	}
	a.Amount, a.Capture = money.Of(minor, currency), capture == 1
	a.SentAt, a.DueAt, a.CreatedAt, a.MovedAt = db.Time(sent), db.NullTime(due), db.Time(created), db.Time(moved)
	a.AskedAt, a.ManualAt = db.NullTime(asked), db.NullTime(manual)
	a.was = a.State
	return a, errors.Join(db.FromJSON(failure, &a.Failure), db.FromJSON(secure, &a.Secure), db.FromJSON(route, &a.Route), db.FromJSON(hand, &a.ByHand))
}

func (s store) payment(ctx context.Context, tenant, id string) (Payment, error) {
	return db.One(ctx, s.db, "payment", scanPayment, paymentTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, id)
}

func (s store) payments(ctx context.Context, tenant string, p Page, f Filter) ([]Payment, bool, error) {
	var filters []db.Filter
	for _, one := range []struct{ column, value string }{{"status", f.Status}, {"customer_id", f.Customer}, {"order_id", f.Order}} {
		if one.value != "" {
			filters = append(filters, db.Filter{Column: one.column, Value: one.value})
		}
	}
	return db.ListPage(ctx, s.db, paymentTable, scanPayment, tenant, p, filters...)
}

func (s store) attempt(ctx context.Context, tenant, payment string, number int64) (Attempt, error) {
	return db.One(ctx, s.db, "attempt", scanAttempt,
		attemptTable.Select()+" WHERE merchant_id = $1 AND payment_id = $2 AND number = $3", tenant, payment, number)
}

// attemptAt is the last attempt that a provider account knows by a reference of its own.
func (s store) attemptAt(ctx context.Context, tenant, account, reference string) (Attempt, error) {
	return db.One(ctx, s.db, "attempt", scanAttempt, attemptTable.Select()+` WHERE merchant_id = $1 AND provider_account = $2 AND provider_reference = $3
		AND provider_reference <> '' ORDER BY payment_id DESC, number DESC LIMIT 1`, tenant, account, reference)
}

func (s store) attempts(ctx context.Context, tenant, payment string) ([]Attempt, error) {
	return db.List(ctx, s.db, scanAttempt, attemptTable.Select()+" WHERE merchant_id = $1 AND payment_id = $2 ORDER BY number",
		tenant, payment)
}

// attemptsOf are the attempts of some payments.
func (s store) attemptsOf(ctx context.Context, tenant string, payments []string) ([]Attempt, error) {
	if len(payments) == 0 {
		return nil, nil
	}
	args := []any{tenant}
	for _, p := range payments {
		args = append(args, p)
	}
	return db.List(ctx, s.db, scanAttempt, attemptTable.Select()+" WHERE merchant_id = $1 AND payment_id IN "+db.In(2, len(payments)), args...)
}

func tokenRow(tenant, token, payment string, now time.Time) db.Row {
	return tokenTable.Insert(tenant, token, payment, db.Micros(now))
}

// tokenPayment is the payment that a single-use token serves; fault.NotFound if it serves none yet.
func (s store) tokenPayment(ctx context.Context, tenant, token string) (string, error) {
	return db.Get(ctx, s.db, func(r db.Scanner) (payment string, err error) {
		return payment, r.Scan(&payment)
	}, "SELECT payment_id FROM payment_token WHERE merchant_id = $1 AND token = $2", tenant, token)
}

// unresolved counts, over all tenants, what a person should look at: attempts and operations whose outcome many inquiries could not find
// out, late approvals that are not reversed yet, and money in suspense that many tries could not return. Whatever is open has a due_at, and
// few rows do.
func (s store) unresolved(ctx context.Context) (map[string]int64, error) {
	return s.counts(ctx, `SELECT 'attempt', COUNT(*) FROM payment_attempt WHERE due_at IS NOT NULL AND inquiries >= $1
		UNION ALL SELECT 'operation', COUNT(*) FROM payment_operation WHERE due_at IS NOT NULL AND inquiries >= $1
		UNION ALL SELECT 'late_approval', COUNT(*) FROM payment_contradiction WHERE due_at IS NOT NULL
		UNION ALL SELECT 'return', COUNT(*) FROM payment_transfer WHERE due_at IS NOT NULL AND tries >= $1`, int64(provider.UnresolvedAfter))
}

// counts is the numbers that a query gives, by their names.
func (s store) counts(ctx context.Context, query string, args ...any) (map[string]int64, error) {
	counts := map[string]int64{}
	_, err := db.List(ctx, s.db, func(r db.Scanner) (struct{}, error) {
		var what string
		var n int64
		err := r.Scan(&what, &n)
		counts[what] = n
		return struct{}{}, err
	}, query, args...)
	return counts, err
}

// paymentsAndBooks is every payment and every transfer and, right behind it, every transaction about it, in one snapshot. The second
// amount of a transfer is its surplus.
const paymentsAndBooks = `
	SELECT merchant_id, id, 1, status, provider_account, currency, amount_authorized, amount_captured, amount_refunded, amount_refunding, amount_disputed, NULL
	FROM payment
	UNION ALL
	SELECT merchant_id, subject, 3, '', '', '', 0, 0, 0, 0, 0, canonical FROM ledger_transaction
	UNION ALL
	SELECT merchant_id, id, 2, state, provider_account, currency, amount, surplus, 0, 0, 0, NULL FROM payment_transfer
	ORDER BY 1, 2, 3`
