package client

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// Amount is an amount of one currency, in its minor unit.
type Amount struct {
	Currency string `json:"currency"`
	Amount   int64  `json:"amount"`
}

// Balance is what a merchant has, by currency.
type Balance struct {
	Livemode  bool     `json:"livemode"`
	Available []Amount `json:"available"` // can be paid out; negative if refunds went beyond it
	Pending   []Amount `json:"pending"`   // captured, and not available yet
	Refunding []Amount `json:"refunding"` // on its way back to payers
}

// BalanceService calls /v1/balance.
type BalanceService struct{ core *core }

// Get reads the balance as it is now.
func (s *BalanceService) Get(ctx context.Context, options ...CallOption) (*Balance, error) {
	return get[Balance](ctx, s.core, "/v1/balance", nil, options)
}

// LedgerAccount is one account of the books with its balance, in the account's natural sign: what is owed in a liability and what
// is there in an asset are positive.
type LedgerAccount struct {
	Code     string `json:"code"`  // such as merchant_pending, psp_receivable:alpha
	Class    string `json:"class"` // such as asset, liability
	Livemode bool   `json:"livemode"`
	Currency string `json:"currency"`
	Balance  int64  `json:"balance"` // in the currency's minor unit
}

// LedgerTransaction is one booking. It is never changed, and its entries sum to zero in each currency.
type LedgerTransaction struct {
	ID        string        `json:"id"`
	Livemode  bool          `json:"livemode"`
	Kind      string        `json:"kind"`    // what it records, such as capture
	Subject   string        `json:"subject"` // the payment it is about
	Cause     string        `json:"cause"`   // the attempt, capture or refund that caused it
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
	Subject string // about one payment
}

// LedgerService calls /v1/ledger.
type LedgerService struct{ core *core }

// Accounts walks every account that was ever posted to.
func (s *LedgerService) Accounts(ctx context.Context, options ...CallOption) iter.Seq2[*LedgerAccount, error] {
	return all(ctx, s.core, "/v1/ledger/accounts", url.Values{}, func(a *LedgerAccount) string { return a.Code }, options)
}

// Transactions walks the journal, newest first.
func (s *LedgerService) Transactions(ctx context.Context, p ListLedgerTransactions, options ...CallOption) iter.Seq2[*LedgerTransaction, error] {
	query := p.values()
	set(query, "subject", p.Subject)
	return all(ctx, s.core, "/v1/ledger/transactions", query, func(t *LedgerTransaction) string { return t.ID }, options)
}
