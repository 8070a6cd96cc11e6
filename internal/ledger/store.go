package ledger

import (
	"context"
	"embed"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

//go:embed migrations/*.sql
var migrations embed.FS

var transactionTable = &db.Table{Name: "ledger_transaction", Key: 2, IDs: id.Transaction, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "kind"}, {Name: "subject"},
	{Name: "created_at", Kind: db.Int}, {Name: "canonical", Kind: db.Bytes},
}}

var entryTable = &db.Table{Name: "ledger_entry", Key: 4, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "account"}, {Name: "currency"}, {Name: "transaction_id"}, {Name: "amount", Kind: db.Int},
}}

// Schema is the ledger's tables.
var Schema = db.Schema{Package: "ledger", Migrations: migrations, Tables: []*db.Table{transactionTable, entryTable}}

// Post adds a posting to the Change of the decision that caused it.
func Post(c *db.Change, ids *id.Source, p Posting, at time.Time) error {
	t, err := book(c.Merchant(), ids.New(id.Transaction), p, at)
	if err != nil {
		return fmt.Errorf("post to %s: %w", p.Subject, err)
	}
	body, err := t.encode()
	if err != nil {
		return fmt.Errorf("post to %s: %w", p.Subject, err)
	}
	c.Add(transactionTable.Insert(t.Merchant, t.ID, string(t.Kind), t.Subject, db.Micros(at), body))
	for _, l := range t.Lines {
		c.Add(entryTable.Insert(t.Merchant, l.Account, l.Amount.Currency().Code(), t.ID, l.Amount.Minor()))
	}
	return nil
}

// Store reads the books.
type Store struct{ db *db.DB }

// NewStore reads the books in d.
func NewStore(d *db.DB) *Store { return &Store{d} }

// Balance is what an account holds, in its natural sign: a liability that is owed is positive, as is an asset that is
// there.
type Balance struct {
	Account string
	Class   Class
	Amount  money.Money
}

// Balances is every account of a tenant that was ever posted to, by account and currency.
func (s *Store) Balances(ctx context.Context, tenant string) ([]Balance, error) {
	return db.List(ctx, s.db, scanBalance,
		`SELECT account, currency, CAST(SUM(amount) AS BIGINT) FROM ledger_entry WHERE merchant_id = $1
		 GROUP BY account, currency ORDER BY account, currency`, tenant)
}

// BalanceAt is one account's balance of everything posted before a time.
func (s *Store) BalanceAt(ctx context.Context, tenant, account string, currency money.Currency, at time.Time) (money.Money, error) {
	sum, err := db.Get(ctx, s.db, func(r db.Scanner) (int64, error) {
		var n int64
		return n, r.Scan(&n)
	}, `SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM ledger_entry
	    WHERE merchant_id = $1 AND account = $2 AND currency = $3 AND transaction_id < $4`,
		tenant, account, currency.Code(), id.Floor(id.Transaction, at))
	if err != nil {
		return money.Money{}, fmt.Errorf("balance of %s: %w", account, err)
	}
	return natural(account, money.Of(sum, currency)), nil
}

// Balance is one account's balance of everything posted so far.
func (s *Store) Balance(ctx context.Context, tenant, account string, currency money.Currency) (money.Money, error) {
	sum, err := db.Get(ctx, s.db, func(r db.Scanner) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM ledger_entry WHERE merchant_id = $1 AND account = $2 AND currency = $3`,
		tenant, account, currency.Code())
	if err != nil {
		return money.Money{}, fmt.Errorf("balance of %s: %w", account, err)
	}
	return natural(account, money.Of(sum, currency)), nil
}

// Credited is the sum of an account's credits whose transactions' ids are from one id on and before another, and how many they are.
func (s *Store) Credited(ctx context.Context, tenant, account string, currency money.Currency, from, before string) (money.Money, int64, error) {
	var count int64
	sum, err := db.Get(ctx, s.db, func(r db.Scanner) (n int64, err error) { return n, r.Scan(&n, &count) },
		`SELECT CAST(COALESCE(SUM(-amount), 0) AS BIGINT), COUNT(*) FROM ledger_entry
		 WHERE merchant_id = $1 AND account = $2 AND currency = $3 AND transaction_id >= $4 AND transaction_id < $5 AND amount < 0`,
		tenant, account, currency.Code(), from, before)
	if err != nil {
		return money.Money{}, 0, fmt.Errorf("credits of %s: %w", account, err)
	}
	return money.Of(sum, currency), count, nil
}

// Currencies are those in which something was ever posted to an account. Each is one look into the index, however many entries there are.
func (s *Store) Currencies(ctx context.Context, tenant, account string) ([]money.Currency, error) {
	var all []money.Currency
	for last := ""; ; {
		next, err := db.Get(ctx, s.db, func(r db.Scanner) (code *string, err error) { return code, r.Scan(&code) },
			`SELECT MIN(currency) FROM ledger_entry WHERE merchant_id = $1 AND account = $2 AND currency > $3`, tenant, account, last)
		if err != nil {
			return nil, fmt.Errorf("currencies of %s: %w", account, err)
		}
		if next == nil {
			return all, nil
		}
		currency, err := money.ParseCurrency(*next)
		if err != nil {
			return nil, fmt.Errorf("entry on %s: %w", account, err)
		}
		all, last = append(all, currency), *next
	}
}

func scanBalance(r db.Scanner) (Balance, error) {
	var account, code string
	var sum int64
	if err := r.Scan(&account, &code, &sum); err != nil {
		return Balance{}, err
	}
	return balanceOf(account, code, sum)
}

func balanceOf(account, code string, sum int64) (Balance, error) {
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return Balance{}, fmt.Errorf("entry on %s: %w", account, err)
	}
	class, ok := ClassOf(account)
	if !ok {
		return Balance{}, fmt.Errorf("account %q is not in the chart", account)
	}
	return Balance{account, class, natural(account, money.Of(sum, currency))}, nil
}

func natural(account string, m money.Money) money.Money {
	if class, ok := ClassOf(account); ok && creditNormal(class) {
		return money.Of(-m.Minor(), m.Currency())
	}
	return m
}

// Transactions is a page of the journal, newest first, and whether more follow. With a subject it is only those about
// that payment.
func (s *Store) Transactions(ctx context.Context, tenant string, p db.Page, subject string) ([]Transaction, bool, error) {
	var filters []db.Filter
	if subject != "" {
		filters = append(filters, db.Filter{Column: "subject", Value: subject})
	}
	return db.ListPage(ctx, s.db, transactionTable, scanTransaction, tenant, p, filters...)
}

func scanTransaction(r db.Scanner) (Transaction, error) {
	var merchant, number, kind, subject string
	var at int64
	var body []byte
	if err := r.Scan(&merchant, &number, &kind, &subject, &at, &body); err != nil {
		return Transaction{}, err
	}
	return Decode(body)
}

// bothSides is every transaction and every entry in one statement, and so in one snapshot of a database that goes on.
const bothSides = `
	SELECT 1, merchant_id, id, kind, subject, created_at, canonical FROM ledger_transaction
	UNION ALL
	SELECT 2, merchant_id, transaction_id, account, currency, amount, NULL FROM ledger_entry`
