// Package ledger keeps the books: double entry, integer minor units, append-only. Every transaction sums to zero per
// currency; a correction is a new transaction.
package ledger

import "strings"

// Class is what kind of account an account is.
type Class string

// The classes. Memo accounts stand off the balance sheet and balance among themselves.
const (
	Asset     Class = "asset"
	Liability Class = "liability"
	Income    Class = "income"
	Expense   Class = "expense"
	Control   Class = "control"
	Memo      Class = "memo"
)

// The accounts of the chart. One that ends in a colon is kept per provider account, whose name follows the colon.
const (
	PSPReceivable      = "psp_receivable:"
	InTransit          = "in_transit"
	Bank               = "bank"
	DisputeReceivable  = "dispute_receivable"
	MerchantReceivable = "merchant_receivable"
	MerchantPending    = "merchant_pending"
	MerchantAvailable  = "merchant_available"
	RefundFlight       = "refund_flight"
	PayoutQueued       = "payout_queued"
	PayoutSent         = "payout_sent"
	DisputeReserve     = "dispute_reserve"
	Suspense           = "suspense"
	FeeIncome          = "fee_income"
	PSPFee             = "psp_fee"
	FXGain             = "fx_gain"
	Writeoff           = "writeoff"
	FX                 = "fx"
	AuthReceivable     = "auth_receivable"
	AuthHold           = "auth_hold"
)

var chart = map[string]Class{
	PSPReceivable: Asset, InTransit: Asset, Bank: Asset, DisputeReceivable: Asset, MerchantReceivable: Asset,
	MerchantPending: Liability, MerchantAvailable: Liability, RefundFlight: Liability, PayoutQueued: Liability,
	PayoutSent: Liability, DisputeReserve: Liability, Suspense: Liability,
	FeeIncome: Income, FXGain: Income,
	PSPFee: Expense, Writeoff: Expense,
	FX:             Control,
	AuthReceivable: Memo, AuthHold: Memo,
}

// ClassOf is the class of an account code such as psp_receivable:alpha; false if the chart does not have it.
func ClassOf(code string) (Class, bool) {
	if i := strings.IndexByte(code, ':'); i >= 0 {
		if i+1 == len(code) {
			return "", false
		}
		code = code[:i+1]
	}
	class, ok := chart[code]
	return class, ok
}

// creditNormal tells whether an account of the class grows by credits.
func creditNormal(c Class) bool { return c == Liability || c == Income }
