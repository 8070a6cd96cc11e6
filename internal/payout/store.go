package payout

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
)

//go:embed migrations/*.sql
var migrations embed.FS

var balanceTable = &db.Table{Name: "payout_balance", Key: 2, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "currency"}, {Name: "reserved", Kind: db.Int}, {Name: "folded_to"}, {Name: "folded", Kind: db.Int},
	{Name: "moved", Kind: db.Int},
}}

var destinationTable = &db.Table{Name: "payout_destination", Key: 2, IDs: id.Destination, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "type"}, {Name: "country"}, {Name: "bank_code"}, {Name: "branch_code"}, {Name: "alias"},
	{Name: "last4"}, {Name: "brand"}, {Name: "funding"}, {Name: "sealed", Kind: db.Bytes}, {Name: "fingerprint"},
	{Name: "blocked", Kind: db.Int}, {Name: "blocked_reason"}, {Name: "metadata"}, {Name: "created_at", Kind: db.Int},
	{Name: "card_token"},
}}

var payoutTable = &db.Table{Name: "payout", Key: 2, IDs: id.Payout, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "status"}, {Name: "call"}, {Name: "amount", Kind: db.Int}, {Name: "currency"},
	{Name: "destination"}, {Name: "rail"}, {Name: "provider_account"}, {Name: "provider_reference"}, {Name: "failure"},
	{Name: "descriptor"}, {Name: "description"}, {Name: "batch"}, {Name: "created_by"}, {Name: "approved_by"},
	{Name: "earliest", Kind: db.Int, Null: true}, {Name: "latest", Kind: db.Int, Null: true}, {Name: "timeline"}, {Name: "metadata"},
	{Name: "tries", Kind: db.Int}, {Name: "inquiries", Kind: db.Int}, {Name: "not_found", Kind: db.Int},
	{Name: "sent_at", Kind: db.Int, Null: true}, {Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int},
	{Name: "customer_id", Null: true}, {Name: "part_of"}, {Name: "loop"}, {Name: "draws"}, {Name: "deadline", Kind: db.Int, Null: true},
	{Name: "paid_at", Kind: db.Int, Null: true}, {Name: "unanswered", Kind: db.Int}, {Name: "manual_at", Kind: db.Int, Null: true},
}}

// Schema is the payouts' tables.
var Schema = db.Schema{Package: "payout", Migrations: migrations, Tables: []*db.Table{balanceTable, destinationTable, payoutTable}}

// store reads rows and turns them into what they are.
type store struct{ db *db.DB }

func balanceRow(b Balance) db.Row {
	return balanceTable.Write(b.Version, b.Merchant, b.Currency.Code(), b.Reserved, b.FoldedTo, b.Folded, b.Moved)
}

// balance is the row of a currency, or a new one.
func (s store) balance(ctx context.Context, tenant string, currency money.Currency) (Balance, error) {
	b, err := db.Get(ctx, s.db, func(r db.Scanner) (Balance, error) {
		b := Balance{Currency: currency}
		return b, r.Scan(&b.Merchant, new(string), &b.Reserved, &b.FoldedTo, &b.Folded, &b.Moved, &b.Version)
	}, balanceTable.Select()+" WHERE merchant_id = $1 AND currency = $2", tenant, currency.Code())
	if fault.Is(err, fault.NotFound) {
		return Balance{Merchant: tenant, Currency: currency}, nil
	}
	return b, err
}

func destinationRow(d Destination) (db.Row, error) {
	metadata, err := db.JSON(d.Metadata, len(d.Metadata) == 0)
	return destinationTable.Write(d.Version, d.Merchant, d.ID, string(d.Type), d.Country, d.BankCode, d.Branch, string(d.Alias), d.Last4, d.Brand,
		d.Funding, d.Sealed, d.Fingerprint, db.Bit(d.Blocked), d.BlockedReason, metadata, db.Micros(d.CreatedAt), d.Card), err
}

func scanDestination(r db.Scanner) (Destination, error) {
	var d Destination
	var blocked, created int64
	var metadata string
	err := r.Scan(&d.Merchant, &d.ID, &d.Type, &d.Country, &d.BankCode, &d.Branch, &d.Alias, &d.Last4, &d.Brand, &d.Funding, &d.Sealed,
		&d.Fingerprint, &blocked, &d.BlockedReason, &metadata, &created, &d.Card, &d.Version)
	d.Blocked, d.CreatedAt = blocked == 1, db.Time(created)
	return d, errors.Join(err, db.FromJSON(metadata, &d.Metadata))
}

func (s store) destination(ctx context.Context, tenant, destination string) (Destination, error) {
	return db.One(ctx, s.db, "destination", scanDestination, destinationTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, destination)
}

func (s store) destinations(ctx context.Context, tenant string, p db.Page) ([]Destination, bool, error) {
	return db.ListPage(ctx, s.db, destinationTable, scanDestination, tenant, p)
}

// blocked tells whether an account is blocked, by whichever of its destinations.
func (s store) blocked(ctx context.Context, tenant, fingerprint string) (bool, error) {
	n, err := db.Get(ctx, s.db, func(r db.Scanner) (n int64, err error) { return n, r.Scan(&n) },
		"SELECT COUNT(*) FROM payout_destination WHERE merchant_id = $1 AND fingerprint = $2 AND blocked = 1", tenant, fingerprint)
	return n > 0, err
}

func payoutRow(p Payout) (db.Row, error) {
	failure, err := db.JSON(p.Failure, p.Failure == nil)
	timeline, err2 := db.JSON(p.Timeline, len(p.Timeline) == 0)
	metadata, err3 := db.JSON(p.Metadata, len(p.Metadata) == 0)
	loop, err4 := db.JSON(p.Loop, p.Loop == nil)
	draws, err5 := db.JSON(p.Draws, len(p.Draws) == 0)
	var customer any
	if p.Customer != "" {
		customer = p.Customer
	}
	return payoutTable.Write(p.Version, p.Merchant, p.ID, string(p.Status), string(p.Call), p.Amount.Minor(), p.Amount.Currency().Code(),
			p.Destination, string(p.Rail), p.Account, p.Reference, failure, p.Descriptor, p.Description, p.Batch, p.CreatedBy, p.ApprovedBy,
			db.MicrosOrNil(p.Earliest), db.MicrosOrNil(p.Latest), timeline, metadata, p.Tries, p.Inquiries, p.NotFound,
			db.MicrosOrNil(p.SentAt), db.MicrosOrNil(p.DueAt), db.Micros(p.CreatedAt), customer, p.PartOf, loop, draws, db.MicrosOrNil(p.Deadline), db.MicrosOrNil(p.PaidAt),
			p.Unanswered, db.MicrosOrNil(p.ManualAt)),
		errors.Join(err, err2, err3, err4, err5)
}

func scanPayout(r db.Scanner) (Payout, error) {
	var p Payout
	var minor, created int64
	var earliest, latest, sent, due, deadline, paid, manual *int64
	var code, failure, timeline, metadata, loop, draws string
	var customer *string
	err := r.Scan(&p.Merchant, &p.ID, &p.Status, &p.Call, &minor, &code, &p.Destination, &p.Rail, &p.Account, &p.Reference, &failure,
		&p.Descriptor, &p.Description, &p.Batch, &p.CreatedBy, &p.ApprovedBy, &earliest, &latest, &timeline, &metadata,
		&p.Tries, &p.Inquiries, &p.NotFound, &sent, &due, &created, &customer, &p.PartOf, &loop, &draws, &deadline, &paid, &p.Unanswered, &manual, &p.Version)
	if err != nil {
		return Payout{}, err
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return Payout{}, fmt.Errorf("payout %s: %w", p.ID, err)
	}
	p.Amount = money.Of(minor, currency)
	p.Earliest, p.Latest, p.SentAt, p.DueAt, p.CreatedAt = db.NullTime(earliest), db.NullTime(latest), db.NullTime(sent), db.NullTime(due), db.Time(created)
	p.Deadline, p.PaidAt, p.ManualAt = db.NullTime(deadline), db.NullTime(paid), db.NullTime(manual)
	err = errors.Join(db.FromJSON(failure, &p.Failure), db.FromJSON(timeline, &p.Timeline), db.FromJSON(metadata, &p.Metadata), db.FromJSON(loop, &p.Loop), db.FromJSON(draws, &p.Draws))
	if customer != nil {
		p.Customer = *customer
	}
	if err != nil {
		return Payout{}, fmt.Errorf("payout %s: %w", p.ID, err)
	}
	return p, nil
}

func (s store) payout(ctx context.Context, tenant, payout string) (Payout, error) {
	return db.One(ctx, s.db, "payout", scanPayout, payoutTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, payout)
}

func (f Filter) columns() []db.Filter {
	all := []db.Filter{{Column: "part_of", Value: ""}} // parts stand in what they are parts of
	for _, of := range []db.Filter{
		{Column: "status", Value: f.Status}, {Column: "destination", Value: f.Destination}, {Column: "batch", Value: f.Batch, Some: true}, {Column: "customer_id", Value: f.Customer},
	} {
		if of.Value != "" {
			all = append(all, of)
		}
	}
	return all
}

func (s store) payouts(ctx context.Context, tenant string, p db.Page, f Filter) ([]Payout, bool, error) {
	return db.ListPage(ctx, s.db, payoutTable, scanPayout, tenant, p, f.columns()...)
}

// manual is what waits for a person, the longest first, behind a place.
func (s store) manual(ctx context.Context, tenant string, after payment.ManualPlace, most int) ([]Payout, error) {
	since := int64(0)
	if !after.Since.IsZero() {
		since = db.Micros(after.Since)
	}
	return db.List(ctx, s.db, scanPayout, payoutTable.Select()+` WHERE merchant_id = $1 AND manual_at IS NOT NULL AND manual_at >= $2 AND (manual_at > $2 OR id > $3)
		ORDER BY manual_at, id LIMIT $4`, tenant, since, after.ID, int64(most))
}

// manualCount is how many wait for a person, over all tenants.
func (s store) manualCount(ctx context.Context) (int64, error) {
	return db.Get(ctx, s.db, func(r db.Scanner) (n int64, err error) { return n, r.Scan(&n) }, "SELECT COUNT(*) FROM payout WHERE manual_at IS NOT NULL")
}

// cardBusy counts what money may yet be paid to with the card of a token: destinations that are not blocked, and payouts on their way.
func (s store) cardBusy(ctx context.Context, tenant, token string) (bool, error) {
	n, err := db.Get(ctx, s.db, func(r db.Scanner) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT COUNT(*) FROM payout_destination d WHERE d.merchant_id = $1 AND d.card_token = $2 AND d.card_token <> '' AND (d.blocked = 0 OR EXISTS (
			SELECT 1 FROM payout p WHERE p.merchant_id = $1 AND p.destination = d.id AND p.status IN ($3, $4, $5)))`,
		tenant, token, string(Held), string(Queued), string(Sent))
	return n > 0, err
}

// payoutsAndBooks is every payout and, right behind it, every transaction about it, of which one that consists of parts has none of its
// own; and every balance row with the entries of merchant_pending that took from it. All in one snapshot.
const payoutsAndBooks = `
	SELECT merchant_id, id, 1, CASE WHEN loop = '' THEN status ELSE '' END, currency, amount, NULL FROM payout
	UNION ALL
	SELECT merchant_id, subject, 2, kind, '', 0, canonical FROM ledger_transaction WHERE kind LIKE 'payout%'
	UNION ALL
	SELECT merchant_id, currency, 3, '', currency, reserved, NULL FROM payout_balance
	UNION ALL
	SELECT merchant_id, currency, 4, '', currency, moved, NULL FROM payout_balance
	UNION ALL
	SELECT merchant_id, currency, 5, '', currency, amount, NULL FROM ledger_entry WHERE account = 'merchant_pending' AND amount > 0
	ORDER BY 1, 2, 3`

// drawsAndPayments is every payout that drew on payments, and every payment that was drawn on. All in one snapshot.
const drawsAndPayments = `
	SELECT merchant_id, id, 1, status, draws, 0 FROM payout WHERE draws <> ''
	UNION ALL
	SELECT merchant_id, id, 2, '', '', amount_withdrawn FROM payment WHERE amount_withdrawn <> 0`
