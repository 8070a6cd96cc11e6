package client

import (
	"context"
	"iter"
	"time"
)

// LedgerAccount is one account of the books with its balance, in the account's natural sign: what is owed to the merchant is
// positive on a liability, what is there is positive on an asset.
type LedgerAccount struct {
	Code     string `json:"account"` // such as merchant_pending, psp_receivable:alpha
	Class    string `json:"class"`
	Currency string `json:"currency"`
	Balance  int64  `json:"balance"` // in the currency's minor unit
}

// Balance is every account of the books that was ever posted to.
type Balance struct {
	Livemode bool            `json:"livemode"`
	Accounts []LedgerAccount `json:"accounts"`
}

// BalanceService calls /v1/balance.
type BalanceService struct{ core *core }

// Get reads the balances as they are now.
func (s *BalanceService) Get(ctx context.Context, options ...CallOption) (*Balance, error) {
	return get[Balance](ctx, s.core, "/v1/balance", nil, options)
}

// LedgerTransaction is one booking. It is never changed, and its entries sum to zero in each currency.
type LedgerTransaction struct {
	ID        string        `json:"id"`
	Livemode  bool          `json:"livemode"`
	Kind      string        `json:"kind"`
	Subject   string        `json:"subject"` // what it is about, such as pay_…
	Entries   []LedgerEntry `json:"entries"`
	CreatedAt time.Time     `json:"created_at"`
}

// LedgerEntry is one line of a booking: a debit is positive, a credit negative.
type LedgerEntry struct {
	Account  string `json:"account"`
	Currency string `json:"currency"`
	Amount   int64  `json:"amount"` // in the currency's minor unit
}

// ListLedgerTransactions chooses bookings.
type ListLedgerTransactions struct {
	Page
	Subject string // about one thing, such as pay_…
}

// LedgerService calls /v1/ledger.
type LedgerService struct{ core *core }

// Transactions walks the journal, newest first.
func (s *LedgerService) Transactions(ctx context.Context, p ListLedgerTransactions, options ...CallOption) iter.Seq2[*LedgerTransaction, error] {
	query := p.values()
	set(query, "subject", p.Subject)
	return all(ctx, s.core, "/v1/ledger/transactions", query, func(t *LedgerTransaction) string { return t.ID }, options)
}
