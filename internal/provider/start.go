package provider

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// Method is a way to pay. The words are the contract's.
type Method string

// The methods.
const (
	MethodCard         Method = "card"
	MethodBankRedirect Method = "bank_redirect"
	MethodPIX          Method = "pix"
	MethodIDEAL        Method = "ideal"
	MethodPayID        Method = "payid"
	MethodFPX          Method = "fpx"
	MethodUPI          Method = "upi"
	MethodSEPAQR       Method = "sepa_qr"
	MethodWallet       Method = "wallet"
)

// MethodTerms are a method's limits at a provider, as data.
type MethodTerms struct {
	Currencies   []string      // ISO 4217 codes
	Min, Max     int64         // of a payment, in minor units of its currency; 0: no limit
	TTL          time.Duration // how long the payer has, unless Start.ExpiresAt says less; 0: the provider does not say
	Refundable   bool
	RefundWindow time.Duration // how long after the payment; 0: no end
	Instant      bool          // the payer's bank is told at once whether the money moved; else that may take days
	Banks        bool          // the payer's bank may be named at the start: see BankLister
}

// Takes tells whether a payment of this amount can be made. It fails with fault.Invalid on the parameter currency or amount.
func (t MethodTerms) Takes(amount money.Money) error {
	code := amount.Currency().Code()
	limit := func(minor int64) money.Money { return money.Of(minor, amount.Currency()) }
	switch {
	case !slices.Contains(t.Currencies, code):
		return fault.Wrong("currency", fault.CodeCurrency, fmt.Sprintf("must be one of %v for this method", t.Currencies))
	case amount.Minor() < max(t.Min, 1):
		return fault.Wrong("amount", fault.CodeAmountTooSmall, fmt.Sprintf("must be at least %s for this method", limit(max(t.Min, 1))))
	case t.Max != 0 && amount.Minor() > t.Max:
		return fault.Wrong("amount", fault.CodeAmountTooLarge, fmt.Sprintf("must be at most %s for this method", limit(t.Max)))
	}
	return nil
}

// Starter can start a payment that the payer finishes at their bank: by going to a page, or by scanning a code. The outcome
// is ActionRequired with what the payer must do, Pending if there is nothing to show, or a refusal. What becomes of it comes
// by webhook and by inquiry, as OpAuthorize with Start.Reference: Captured, Declined, or Voided if it expired or was given up.
// Of a code that can be paid in parts or twice each transfer comes by itself: see OpTransfer.
type Starter interface {
	Start(ctx context.Context, a Account, r Start) Outcome
}

// Closer can give up a start whose payer has not paid: its page leads nowhere then, and its code is not to be paid. The outcome is
// Voided, also if it had ended before, or a refusal: the payer has done their part, or, with state Missing, there is no such start. What
// comes in on a code all the same is a transfer that comes late.
type Closer interface {
	Close(ctx context.Context, a Account, r Void) Outcome
}

// Start asks for money by a method other than a card.
type Start struct {
	Reference   string // ours: unique for this try, and the key by which the provider recognizes a repeat
	Payment     string // pay_…, for the provider's records
	Method      Method
	Amount      money.Money
	Bank        string // the id of a Bank that the payer chose; empty: they choose at the provider's
	ReturnURL   string // where the payer comes back to from a page
	Descriptor  string
	Description string
	ExpiresAt   time.Time // zero: after the method's TTL
}

// Bank is a bank that payers may choose.
type Bank struct {
	ID        string
	Name      string
	Available bool // false: payments from it fail now, says the scheme
}

// BankLister can tell which banks a method's payers may choose. It fails if the provider does not answer; the list is then
// unknown, and the payment may be started without a bank.
type BankLister interface {
	Banks(ctx context.Context, a Account, m Method) ([]Bank, error)
}

// ActionKind is what the payer must do. The words are the contract's.
type ActionKind string

// The kinds of actions.
const (
	ActionRedirect ActionKind = "redirect"           // go to Action.URL
	ActionQR       ActionKind = "display_qr"         // scan or copy Action.Code
	ActionAwait    ActionKind = "await_notification" // send the money from the bank's own app: to Action.CopyCode, or as the app asks by itself
)

// KindOf is the action's kind: a redirect if it does not say.
func (a Action) KindOf() ActionKind {
	if a.Kind == "" {
		return ActionRedirect
	}
	return a.Kind
}

// OpTransfer is the operation of a Notification about money that came in on a code: see Notification.Transfer. It is no call,
// so nothing inquires about it; an inquiry about the start finds it among Finding.Transfers.
const OpTransfer Operation = "transfer"

// Transfer is money that arrived: on a code, in part, in full, over, twice or late, or without any code that the provider knows.
type Transfer struct {
	Reference string // the scheme's end-to-end id, by which it is counted once and can be returned
	Amount    money.Money
	Payer     string // who sent it, masked, for operators
	At        time.Time
}
