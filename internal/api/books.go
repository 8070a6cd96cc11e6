package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/strict"
)

// balance is what a merchant has, by currency.
type balance struct {
	Object    string   `json:"object" enum:"balance"`
	Livemode  bool     `json:"livemode"`
	Available []amount `json:"available" doc:"What can be paid out. Negative if refunds went beyond it."`
	Pending   []amount `json:"pending" doc:"Captured, and not available yet."`
	Refunding []amount `json:"refunding" doc:"On its way back to payers."`
}

type amount struct {
	Currency string `json:"currency" example:"EUR"`
	Amount   int64  `json:"amount" doc:"In the currency's minor unit." example:"9232"`
}

type ledgerAccount struct {
	Object   string       `json:"object" enum:"ledger_account"`
	Livemode bool         `json:"livemode"`
	Code     string       `json:"code" doc:"The account's name in the chart." example:"merchant_pending"`
	Class    ledger.Class `json:"class" enum:"asset,liability,income,expense,control,memo"`
	Currency string       `json:"currency" example:"EUR"`
	Balance  int64        `json:"balance" doc:"In minor units and the account's natural sign: what is owed in a liability and what is there in an asset are positive."`
}

type ledgerTransaction struct {
	ID        string        `json:"id" example:"txn_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object    string        `json:"object" enum:"ledger_transaction"`
	Livemode  bool          `json:"livemode"`
	Kind      ledger.Kind   `json:"kind" doc:"What it records." example:"capture"`
	Subject   string        `json:"subject" doc:"The payment or payout it is about."`
	Cause     string        `json:"cause" doc:"The attempt, capture, refund or payout that caused it."`
	Entries   []ledgerEntry `json:"entries" doc:"They sum to zero."`
	CreatedAt time.Time     `json:"created_at"`
}

type ledgerEntry struct {
	Account  string `json:"account" doc:"The account's name in the chart." example:"psp_receivable:alpha"`
	Currency string `json:"currency" example:"EUR"`
	Amount   int64  `json:"amount" doc:"In minor units: a debit is positive, a credit negative."`
}

type listTransactionsInput struct {
	Paging
	Subject string `query:"subject" maxLength:"64" doc:"Only transactions about this payment or payout."`
}

// Resolve checks the query.
func (in *listTransactionsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Transaction)
		idOrNone(f, "subject", in.Subject, id.Payment, id.Payout)
	})
}

func (a *API) registerLedger() {
	const tag = "Balance and ledger"
	register(a, operation{
		id: "getBalance", method: http.MethodGet, path: "/v1/balance", tag: tag, summary: "Get the balance",
		scope: access.LedgerRead, status: http.StatusOK, answer: reflect.TypeFor[balance](),
	}, a.getBalance)
	register(a, operation{
		id: "listLedgerAccounts", method: http.MethodGet, path: "/v1/ledger/accounts", tag: tag, summary: "List ledger accounts",
		doc:   "Every account that was ever posted to, with its balance.",
		scope: access.LedgerRead, status: http.StatusOK, answer: reflect.TypeFor[listing[ledgerAccount]](),
	}, a.listLedgerAccounts)
	register(a, operation{
		id: "listLedgerTransactions", method: http.MethodGet, path: "/v1/ledger/transactions", tag: tag, summary: "List ledger transactions",
		doc:   "The journal, newest first. Nothing in it is ever changed.",
		scope: access.LedgerRead, status: http.StatusOK, answer: reflect.TypeFor[listing[ledgerTransaction]](),
	}, a.listLedgerTransactions)
}

func (a *API) getBalance(ctx context.Context, rq *request, _ *struct{}) (answer, error) {
	found, err := a.Ledger.Balances(ctx, rq.principal.Tenant)
	b := balance{Object: "balance", Livemode: rq.principal.Live, Available: []amount{}, Pending: []amount{}, Refunding: []amount{}}
	parts := map[string]*[]amount{ledger.MerchantAvailable: &b.Available, ledger.MerchantPending: &b.Pending, ledger.RefundFlight: &b.Refunding}
	for _, of := range found {
		if part, ok := parts[of.Account]; ok {
			*part = append(*part, amount{of.Amount.Currency().Code(), of.Amount.Minor()})
		}
	}
	return show(b, err)
}

func (a *API) listLedgerAccounts(ctx context.Context, rq *request, _ *struct{}) (answer, error) {
	found, err := a.Ledger.Balances(ctx, rq.principal.Tenant)
	data := make([]ledgerAccount, len(found))
	for i, of := range found {
		data[i] = ledgerAccount{
			Object: "ledger_account", Livemode: rq.principal.Live, Code: of.Account, Class: of.Class,
			Currency: of.Amount.Currency().Code(), Balance: of.Amount.Minor(),
		}
	}
	return showList(data, false, err)
}

func (a *API) listLedgerTransactions(ctx context.Context, rq *request, in *listTransactionsInput) (answer, error) {
	found, more, err := a.Ledger.Transactions(ctx, rq.principal.Tenant, in.page(), in.Subject)
	data := make([]ledgerTransaction, len(found))
	for i, t := range found {
		data[i] = shownTransaction(t, rq.principal.Live)
	}
	return showList(data, more, err)
}

func shownTransaction(t ledger.Transaction, live bool) ledgerTransaction {
	shown := ledgerTransaction{
		ID: t.ID, Object: "ledger_transaction", Livemode: live, Kind: t.Kind, Subject: t.Subject, Cause: t.Cause,
		Entries: make([]ledgerEntry, len(t.Lines)), CreatedAt: t.At,
	}
	for i, l := range t.Lines {
		shown.Entries[i] = ledgerEntry{l.Account, l.Amount.Currency().Code(), l.Amount.Minor()}
	}
	return shown
}
