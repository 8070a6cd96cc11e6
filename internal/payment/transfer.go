package payment

import (
	"time"

	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// Whoever scans a code types the amount themselves, may pay it twice, and may pay it when its time is over. So what comes in on a code is
// counted transfer by transfer. What a payment needs of it is its money. What comes short waits for the rest; what comes over, again or
// late does not belong to the payment. Both are booked to suspense, and what still lies there when nobody can need it any more goes back to
// whoever sent it.
//
// What a bank or an acquirer takes after the payment's end, with no code and in one piece, is counted as one such transfer: see late.go.

// Transfer is money that came in on a code, or after the end of the payment that it was for.
type Transfer struct {
	Merchant  string
	ID        string // trf_…, which is also our reference of its return
	Account   string // the provider account
	Reference string // the scheme's; our reference of the attempt, if all of its money came in one piece
	Original  string // the provider's reference of the attempt then; empty: the attempt has it
	Payment   string // empty: it names none of ours
	Attempt   int64
	Amount    money.Money
	Surplus   money.Money // what of it is in suspense
	Reason    TransferReason
	State     TransferState
	Payer     string // masked
	Detail    string // for operators
	Tries     int64  // of its return
	DueAt     time.Time
	CreatedAt time.Time
	MovedAt   time.Time
	Version   int64
}

// told is what is not the payment's of a transfer, in words.
func (t Transfer) told() string {
	if t.State == TransferSettled {
		return "the rest came"
	}
	return t.Surplus.String() + " " + string(t.Reason)
}

// TransferReason is why a transfer, or a part of it, is in suspense.
type TransferReason string

// The reasons.
const (
	TransferFits    TransferReason = ""        // all of it is the payment's
	TransferPart    TransferReason = "part"    // the payment needs more
	TransferOver    TransferReason = "over"    // the payment needed less, or nothing any more
	TransferLate    TransferReason = "late"    // the payment had ended without it
	TransferUnknown TransferReason = "unknown" // it names no payment, or is of another currency: a person's business
)

// TransferState is where a transfer's money is.
type TransferState string

// The states of a transfer.
const (
	TransferSettled   TransferState = "settled"   // nothing of it is in suspense
	TransferHeld      TransferState = "held"      // its surplus waits: for the rest, for its return, or for a person
	TransferReturning TransferState = "returning" // the provider is asked to send its surplus back
	TransferReturned  TransferState = "returned"
)

// partSlack is how long after the end of the payer's time a part of the money waits for the rest: the last transfer may be on its way.
const partSlack = time.Minute

// receive decides what a transfer means for an attempt. known are the attempt's earlier ones. A transfer that is known changes nothing.
func receive(p Payment, a Attempt, in Transfer, known []Transfer, t terms) (decision, error) {
	d := decision{payment: p}
	before := money.Of(0, a.Amount.Currency())
	for _, one := range known {
		if one.Reference == in.Reference {
			return d, nil
		}
		if sum, err := before.Add(one.Amount); err == nil { // those in another currency count for nothing
			before = sum
		}
	}
	after, err := before.Add(in.Amount)
	if err != nil {
		d.hold(in, in.Amount, TransferUnknown, time.Time{})
		return d, nil
	}
	switch enough := after.Minor() >= a.Amount.Minor(); {
	case holdsNothing[a.State]:
		d.hold(in, in.Amount, TransferLate, t.now)
		return d, nil
	case a.State != AttemptCaptured && !enough:
		d.hold(in, in.Amount, TransferPart, p.payableUntil(t.now).Add(partSlack))
		return d, nil
	}
	over := min(after.Minor()-a.Amount.Minor(), in.Amount.Minor())
	if over > 0 {
		d.hold(in, money.Of(over, in.Amount.Currency()), TransferOver, t.now)
	} else {
		d.keep(in)
	}
	if a.State == AttemptCaptured {
		return d, nil
	}
	d.completeParts(known)
	return d, torn(d.adopt(a, AttemptCaptured, provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: a.Amount}, t))
}

// payableUntil is how long the payer still has.
func (p Payment) payableUntil(now time.Time) time.Time {
	if p.Action == nil {
		return now.Add(actionTime)
	}
	return p.Action.ExpiresAt
}

// keep notes a transfer of which the payment needs everything.
func (d *decision) keep(in Transfer) {
	in.State = TransferSettled
	d.transfers = append(d.transfers, in)
}

// hold puts of a transfer what the payment does not need, or not yet, into suspense. due is when it goes back; zero: a person decides.
func (d *decision) hold(in Transfer, surplus money.Money, why TransferReason, due time.Time) {
	in.Surplus, in.Reason, in.State, in.DueAt = surplus, why, TransferHeld, due
	d.transfers = append(d.transfers, in)
	d.suspend(ledger.SuspenseReceived, in)
}

// completeParts takes the parts of a payment that has all its money now out of suspense.
func (d *decision) completeParts(known []Transfer) {
	for _, one := range known {
		if one.Reason != TransferPart || one.State != TransferHeld {
			continue
		}
		d.suspend(ledger.SuspenseIdentified, one)
		one.Surplus, one.State, one.DueAt = money.Of(0, one.Surplus.Currency()), TransferSettled, time.Time{}
		d.transfers = append(d.transfers, one)
	}
}

// suspend books what a transfer has in suspense.
func (d *decision) suspend(kind ledger.Kind, t Transfer) {
	d.postings = append(d.postings, t.posting(kind))
}

// posting books what a transfer has in suspense.
func (t Transfer) posting(kind ledger.Kind) ledger.Posting {
	return ledger.Posting{Kind: kind, Subject: t.ID, Cause: t.ID, Provider: t.Account, Amount: t.Surplus}
}
