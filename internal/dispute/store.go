package dispute

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
)

//go:embed migrations/*.sql
var migrations embed.FS

var table = &db.Table{Name: "dispute", Key: 2, IDs: id.Dispute, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "payment_id"}, {Name: "provider_account"}, {Name: "provider_reference"},
	{Name: "transaction_ref"}, {Name: "stage"}, {Name: "status"}, {Name: "money"}, {Name: "amount", Kind: db.Int},
	{Name: "fee", Kind: db.Int}, {Name: "currency"}, {Name: "reason_code"}, {Name: "reason"}, {Name: "evidence"}, {Name: "answer"},
	{Name: "reminded", Kind: db.Int}, {Name: "evidence_due_at", Kind: db.Int, Null: true}, {Name: "ended_at", Kind: db.Int, Null: true},
	{Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int}, {Name: "evidence_erased_at", Kind: db.Int, Null: true},
}}

var evidenceTable = &db.Table{Name: "dispute_evidence", Key: 3, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "dispute_id"}, {Name: "name"}, {Name: "sealed", Kind: db.Bytes}, {Name: "emptied_at", Kind: db.Int, Null: true},
}}

var erasureTable = &db.Table{Name: "dispute_erasure", Key: 2, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "customer_id"}, {Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int},
}}

// Schema is the disputes' tables.
var Schema = db.Schema{Package: "dispute", Migrations: migrations, Tables: []*db.Table{table, evidenceTable, erasureTable}}

func (d Dispute) row() (db.Row, error) {
	evidence, err := json.Marshal(d.Evidence)
	if err != nil {
		return db.Row{}, err
	}
	answer, err := json.Marshal(d.Answer)
	if err != nil {
		return db.Row{}, err
	}
	return table.Write(d.Version,
		d.Merchant, d.ID, d.Payment, d.Account, d.Reference, d.Transaction, string(d.Stage), string(d.Status), string(d.Money),
		d.Amount.Minor(), d.Fee.Minor(), d.Amount.Currency().Code(), d.ReasonCode, d.Reason, string(evidence), string(answer), d.Reminded,
		db.MicrosOrNil(d.EvidenceDueAt), db.MicrosOrNil(d.EndedAt), db.MicrosOrNil(d.DueAt), db.Micros(d.CreatedAt), db.MicrosOrNil(d.ErasedAt),
	), nil
}

func scan(r db.Scanner) (Dispute, error) {
	var d Dispute
	var amount, fee, created int64
	var evidenceDue, endedAt, due, erased *int64
	var code, evidence, answer string
	err := r.Scan(&d.Merchant, &d.ID, &d.Payment, &d.Account, &d.Reference, &d.Transaction, &d.Stage, &d.Status, &d.Money,
		&amount, &fee, &code, &d.ReasonCode, &d.Reason, &evidence, &answer, &d.Reminded, &evidenceDue, &endedAt, &due, &created, &erased, &d.Version)
	if err != nil {
		return d, err
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return d, fmt.Errorf("dispute %s: %w", d.ID, err)
	}
	d.Amount, d.Fee = money.Of(amount, currency), money.Of(fee, currency)
	d.EvidenceDueAt, d.EndedAt, d.DueAt, d.CreatedAt = db.NullTime(evidenceDue), db.NullTime(endedAt), db.NullTime(due), db.Time(created)
	d.ErasedAt = db.NullTime(erased)
	if err := errors.Join(json.Unmarshal([]byte(evidence), &d.Evidence), json.Unmarshal([]byte(answer), &d.Answer)); err != nil {
		return d, fmt.Errorf("dispute %s: %w", d.ID, err)
	}
	return d, nil
}

type store struct{ db *db.DB }

func (s store) dispute(ctx context.Context, tenant, dispute string) (Dispute, error) {
	return db.One(ctx, s.db, "dispute", scan, table.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, dispute)
}

func (s store) byReference(ctx context.Context, tenant, account, reference string) (Dispute, error) {
	return db.One(ctx, s.db, "dispute", scan, table.Select()+" WHERE merchant_id = $1 AND provider_account = $2 AND provider_reference = $3",
		tenant, account, reference)
}

// Filter chooses disputes. An empty field chooses all.
type Filter struct {
	Payment   string
	Status    string
	Unmatched bool // of payments that are not known
}

func (s store) list(ctx context.Context, tenant string, p db.Page, f Filter) ([]Dispute, bool, error) {
	var filters []db.Filter
	if f.Payment != "" || f.Unmatched {
		filters = append(filters, db.Filter{Column: "payment_id", Value: f.Payment})
	}
	if f.Status != "" {
		filters = append(filters, db.Filter{Column: "status", Value: f.Status})
	}
	return db.ListPage(ctx, s.db, table, scan, tenant, p, filters...)
}

// content is a piece of evidence as it is stored.
type content struct {
	sealed  []byte
	version int64
}

func scanContent(r db.Scanner) (c content, err error) {
	var merchant, dispute, name string
	var emptied *int64
	return c, r.Scan(&merchant, &dispute, &name, &c.sealed, &emptied, &c.version)
}

// content is a piece of evidence, of version 0 if there was never one of the name.
func (s store) content(ctx context.Context, tenant, dispute, name string) (content, error) {
	c, err := db.Get(ctx, s.db, scanContent, evidenceTable.Select()+" WHERE merchant_id = $1 AND dispute_id = $2 AND name = $3",
		tenant, dispute, name)
	if fault.Is(err, fault.NotFound) {
		return content{}, nil
	}
	return c, err
}

func (c content) row(d Dispute, name string, sealed []byte, now time.Time) db.Row {
	var emptied any
	if len(sealed) == 0 {
		emptied = db.Micros(now)
	}
	return evidenceTable.Write(c.version, d.Merchant, d.ID, name, sealed, emptied)
}

// piece is a name under which evidence is stored, and the version of its row.
type piece struct {
	name    string
	version int64
}

// pieces are those of a dispute that have content. What is in them is not read.
func (s store) pieces(ctx context.Context, tenant, dispute string) ([]piece, error) {
	return db.List(ctx, s.db, func(r db.Scanner) (p piece, err error) {
		return p, r.Scan(&p.name, &p.version)
	}, "SELECT name, version FROM dispute_evidence WHERE merchant_id = $1 AND dispute_id = $2 AND emptied_at IS NULL", tenant, dispute)
}

// kept is the key of a dispute.
type kept struct{ tenant, dispute string }

func scanKept(r db.Scanner) (k kept, err error) { return k, r.Scan(&k.tenant, &k.dispute) }

// over are disputes of all tenants that ended before a time and still have evidence, the oldest first.
func (s store) over(ctx context.Context, before time.Time, limit int64) ([]kept, error) {
	return db.List(ctx, s.db, scanKept, `SELECT merchant_id, id FROM dispute
		WHERE ended_at IS NOT NULL AND ended_at < $1 AND evidence <> '{}' ORDER BY ended_at LIMIT $2`, db.Micros(before), limit)
}

// of are the disputes of some payments.
func (s store) of(ctx context.Context, tenant string, payments []string) ([]kept, error) {
	args := []any{tenant}
	for _, p := range payments {
		args = append(args, p)
	}
	return db.List(ctx, s.db, scanKept, "SELECT merchant_id, id FROM dispute WHERE merchant_id = $1 AND payment_id IN "+db.In(2, len(payments)), args...)
}

// erasure is a customer whose evidence is to be destroyed.
type erasure struct {
	merchant, customer string
	dueAt, createdAt   time.Time
	version            int64
}

func (e erasure) row() db.Row {
	return erasureTable.Write(e.version, e.merchant, e.customer, db.MicrosOrNil(e.dueAt), db.Micros(e.createdAt))
}

func (s store) erasure(ctx context.Context, tenant, customer string) (erasure, error) {
	return db.Get(ctx, s.db, func(r db.Scanner) (e erasure, err error) {
		var due *int64
		var created int64
		err = r.Scan(&e.merchant, &e.customer, &due, &created, &e.version)
		e.dueAt, e.createdAt = db.NullTime(due), db.Time(created)
		return e, err
	}, erasureTable.Select()+" WHERE merchant_id = $1 AND customer_id = $2", tenant, customer)
}

// line is a dispute, or a transaction that one made.
type line struct {
	tenant, payment, id string
	money               Money
	status              string
	amount, fee         int64
	currency, account   string
	canonical           []byte
}

func scanLine(r db.Scanner) (l line, err error) {
	var side int64
	return l, r.Scan(&l.tenant, &l.payment, &side, &l.id, &l.money, &l.status, &l.amount, &l.fee, &l.currency, &l.account, &l.canonical)
}

// disputesAndBooks is every dispute of a payment and every transaction that a dispute made, payment by payment, in one snapshot.
const disputesAndBooks = `
	SELECT merchant_id, payment_id, 1, id, money, status, amount, fee, currency, provider_account, NULL FROM dispute WHERE payment_id <> ''
	UNION ALL
	SELECT merchant_id, subject, 2, '', '', '', 0, 0, '', '', canonical FROM ledger_transaction WHERE kind IN ($1, $2, $3, $4, $5)
	ORDER BY 1, 2, 3`

var bookKinds = []any{
	string(ledger.DisputeOpened), string(ledger.DisputeWon), string(ledger.DisputeLost), string(ledger.DisputeAccepted), string(ledger.DisputeExpired),
}
