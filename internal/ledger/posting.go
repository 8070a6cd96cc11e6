package ledger

import (
	"fmt"
	"slices"

	"github.com/florinpay/florin/internal/money"
)

// Kind is what a transaction records.
type Kind string

// The kinds of transaction.
const (
	Authorize       Kind = "authorize"
	Capture         Kind = "capture"
	Sale            Kind = "sale" // authorized and captured in one step: the hold would open and close at once, so it is not booked
	Release         Kind = "release"
	RefundPending   Kind = "refund_pending"
	RefundSucceeded Kind = "refund_succeeded"
	RefundFailed    Kind = "refund_failed"

	KindFundsAvailable Kind = "funds_available" // the settlement delay is over: what was captured can be paid out
	KindPayoutQueued   Kind = "payout_queued"
	KindPayoutSent     Kind = "payout_sent"
	KindPayoutPaid     Kind = "payout_paid"
	KindPayoutCanceled Kind = "payout_canceled"
	KindPayoutRefused  Kind = "payout_refused" // it failed before the provider had taken it
	KindPayoutFailed   Kind = "payout_failed"  // it failed after that
	KindPayoutReturned Kind = "payout_returned"

	ClearedMore Kind = "cleared_more" // a capture cleared at more than was asked for
	ClearedLess Kind = "cleared_less"

	SuspenseReceived   Kind = "suspense_received"   // money is at the provider that is not known to be anybody's
	SuspenseIdentified Kind = "suspense_identified" // it turned out to be a payment's, which books it as its own
	SuspenseReturned   Kind = "suspense_returned"   // it went back to whoever it came from

	DisputeOpened   Kind = "dispute_opened"
	DisputeWon      Kind = "dispute_won"
	DisputeLost     Kind = "dispute_lost"
	DisputeAccepted Kind = "dispute_accepted" // lost without a fight
	DisputeExpired  Kind = "dispute_expired"  // lost because nobody answered in time
)

// disputes are the kinds of transaction that a dispute makes.
var disputes = map[Kind]bool{DisputeOpened: true, DisputeWon: true, DisputeLost: true, DisputeAccepted: true, DisputeExpired: true}

// OfDispute tells whether a dispute makes transactions of this kind. They are about its payment, and their Cause is the dispute.
func OfDispute(k Kind) bool { return disputes[k] }

// Posting is a business event to be booked.
type Posting struct {
	Kind     Kind
	Subject  string      // what it is about: pay_…, po_…
	Cause    string      // which step of it: att_…, cap_…, ref_…, dp_…
	Provider string      // the provider account, for the kinds that touch its receivable
	Amount   money.Money // positive
	Fee      money.Money // Florin's own fee on a capture, the provider's on a dispute; the zero value is none
}

// Line is one side of a transaction: a debit is positive, a credit negative.
type Line struct {
	Account string
	Amount  money.Money
}

// share is which part of a posting a leg carries.
type share uint8

const (
	whole share = iota // the amount
	fee                // the fee
	net                // the amount without the fee
	gross              // the amount and the fee: a fee on top may be more than the amount
)

type leg struct {
	account string
	sign    int64 // +1 debit, -1 credit
	share   share
}

const debit, credit = 1, -1

// recipes are the chart's postings. Source: the table in docs/ledger.md.
var recipes = map[Kind][]leg{
	Authorize: {{AuthReceivable, debit, whole}, {AuthHold, credit, whole}},
	Capture: {
		{AuthHold, debit, whole}, {AuthReceivable, credit, whole},
		{PSPReceivable, debit, whole}, {MerchantPending, credit, net}, {FeeIncome, credit, fee},
	},
	Sale:            {{PSPReceivable, debit, whole}, {MerchantPending, credit, net}, {FeeIncome, credit, fee}},
	Release:         {{AuthHold, debit, whole}, {AuthReceivable, credit, whole}},
	RefundPending:   {{MerchantAvailable, debit, whole}, {RefundFlight, credit, whole}},
	RefundSucceeded: {{RefundFlight, debit, whole}, {PSPReceivable, credit, whole}},
	RefundFailed:    {{RefundFlight, debit, whole}, {MerchantAvailable, credit, whole}},

	KindFundsAvailable: {{MerchantPending, debit, whole}, {MerchantAvailable, credit, whole}},
	KindPayoutQueued:   {{MerchantAvailable, debit, whole}, {PayoutQueued, credit, whole}},
	KindPayoutSent:     {{PayoutQueued, debit, whole}, {PayoutSent, credit, whole}},
	KindPayoutPaid:     {{PayoutSent, debit, whole}, {Bank, credit, whole}},
	KindPayoutCanceled: {{PayoutQueued, debit, whole}, {MerchantAvailable, credit, whole}},
	KindPayoutRefused:  {{PayoutQueued, debit, whole}, {MerchantAvailable, credit, whole}},
	KindPayoutFailed:   {{PayoutSent, debit, whole}, {MerchantAvailable, credit, whole}},
	KindPayoutReturned: {{Bank, debit, whole}, {MerchantAvailable, credit, whole}},

	ClearedMore: {{PSPReceivable, debit, whole}, {MerchantPending, credit, whole}},
	ClearedLess: {{MerchantAvailable, debit, whole}, {PSPReceivable, credit, whole}},

	SuspenseReceived:   {{PSPReceivable, debit, whole}, {Suspense, credit, whole}},
	SuspenseIdentified: {{Suspense, debit, whole}, {PSPReceivable, credit, whole}},
	SuspenseReturned:   {{Suspense, debit, whole}, {PSPReceivable, credit, whole}},

	DisputeOpened: {
		{MerchantAvailable, debit, gross}, {DisputeReserve, credit, gross},
		{DisputeReceivable, debit, whole}, {PSPFee, debit, fee}, {PSPReceivable, credit, gross},
	},
	DisputeWon: {
		{PSPReceivable, debit, whole}, {DisputeReceivable, credit, whole},
		{DisputeReserve, debit, gross}, {MerchantAvailable, credit, whole}, {FeeIncome, credit, fee},
	},
	DisputeLost:     disputeLost,
	DisputeAccepted: disputeLost,
	DisputeExpired:  disputeLost,
}

// disputeLost: the payer keeps the money, and the merchant has paid for it and for the fee.
var disputeLost = []leg{{DisputeReserve, debit, gross}, {DisputeReceivable, credit, whole}, {FeeIncome, credit, fee}}

// Lines is the posting in double entry; legs of nothing are left out. It fails on an amount that is not positive, a fee
// that is negative, in another currency or, where it is taken out of the amount, over it, and on a missing provider.
func (p Posting) Lines() ([]Line, error) {
	legs, ok := recipes[p.Kind]
	if !ok {
		return nil, fmt.Errorf("post %s: no such kind", p.Kind)
	}
	if p.Amount.Minor() <= 0 {
		return nil, fmt.Errorf("post %s of %s: the amount is not positive", p.Kind, p.Amount)
	}
	own := p.Fee
	if own == (money.Money{}) {
		own = money.Of(0, p.Amount.Currency())
	}
	rest, err := p.Amount.Sub(own)
	if err != nil {
		return nil, fmt.Errorf("post %s: %w", p.Kind, err)
	}
	within := slices.ContainsFunc(legs, func(l leg) bool { return l.share == net })
	if own.Minor() < 0 || within && rest.Minor() < 0 {
		return nil, fmt.Errorf("post %s of %s: a fee of %s", p.Kind, p.Amount, own)
	}
	all, err := p.Amount.Add(own)
	if err != nil {
		return nil, fmt.Errorf("post %s: %w", p.Kind, err)
	}
	parts := [...]money.Money{whole: p.Amount, fee: own, net: rest, gross: all}
	lines := make([]Line, 0, len(legs))
	for _, l := range legs {
		part := parts[l.share]
		if part.IsZero() {
			continue
		}
		account := l.account
		if account == PSPReceivable {
			if p.Provider == "" {
				return nil, fmt.Errorf("post %s: no provider account", p.Kind)
			}
			account += p.Provider
		}
		lines = append(lines, Line{account, money.Of(l.sign*part.Minor(), part.Currency())})
	}
	return lines, nil
}
