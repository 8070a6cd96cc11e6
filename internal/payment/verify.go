package payment

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
)

// VerifyBooks holds every payment against the ledger's transactions about it, in one snapshot: what is captured and not
// refunded is what its provider owes, what is authorized and not captured is on hold while it is authorized, what is being
// refunded is in flight, and the merchant has the other side of each. What a transfer says that is in suspense of it is there. It gives
// back what does not agree, at most a hundred faults; the error is for a database that cannot be read.
func VerifyBooks(ctx context.Context, d *db.DB) ([]string, error) {
	var v bookCheck
	if err := db.Each(ctx, d, scanBookLine, paymentsAndBooks, nil, v.take); err != nil {
		return nil, fmt.Errorf("hold payments against the ledger: %w", err)
	}
	v.settle()
	return v.faults, nil
}

const maxFaults = 100

// bookLine is a row of paymentsAndBooks: a payment's amounts, a transfer's, or a transaction.
type bookLine struct {
	tenant, subject                           string
	side                                      int64
	status                                    Status
	account, currency                         string
	authorized, captured, refunded, refunding int64
	disputed                                  int64
	canonical                                 []byte
}

func scanBookLine(r db.Scanner) (bookLine, error) {
	var l bookLine
	err := r.Scan(&l.tenant, &l.subject, &l.side, &l.status, &l.account, &l.currency, &l.authorized, &l.captured, &l.refunded, &l.refunding, &l.disputed, &l.canonical)
	return l, err
}

// The sides of a row of paymentsAndBooks.
const (
	sidePayment  = 1
	sideTransfer = 2
)

// place is an account in a currency.
type place struct{ account, currency string }

// bookCheck goes through the lines of one subject after the other.
type bookCheck struct {
	tenant, subject string
	known           bool            // there is such a payment
	off             map[place]int64 // what the payment says less what the books say; debits are positive
	faults          []string
}

// earnings are the accounts of what a payment earned: those among which a capture is split, as the fee's rate is not the payment's to know,
// and the one from which refunds, and what cleared at less, are taken.
const earnings = ledger.MerchantPending + " + " + ledger.FeeIncome + " + " + ledger.MerchantAvailable

// disputed is no account: it is what disputes have taken and not given back.
const disputed = "what is disputed"

func (v *bookCheck) take(l bookLine) error {
	if l.tenant != v.tenant || l.subject != v.subject || v.off == nil {
		v.settle()
		v.tenant, v.subject, v.known, v.off = l.tenant, l.subject, false, map[place]int64{}
	}
	switch l.side {
	case sidePayment:
		v.known = true
		v.expect(l)
		return nil
	case sideTransfer:
		v.known = true
		v.hold(l)
		return nil
	}
	t, err := ledger.Decode(l.canonical)
	if err != nil {
		v.fault("%v", err)
		return nil
	}
	if ledger.OfDispute(t.Kind) {
		v.deny(t)
		return nil
	}
	for _, line := range t.Lines {
		account := line.Account
		if account == ledger.MerchantPending || account == ledger.FeeIncome || account == ledger.MerchantAvailable {
			account = earnings
		}
		v.off[place{account, line.Amount.Currency().Code()}] -= line.Amount.Minor()
	}
	return nil
}

// expect adds what a payment says that the books hold.
func (v *bookCheck) expect(l bookLine) {
	var held int64
	if l.status == Authorized {
		held = l.authorized - l.captured
	}
	for account, sum := range map[string]int64{
		ledger.AuthReceivable: held, ledger.AuthHold: -held,
		ledger.PSPReceivable + l.account: l.captured - l.refunded,
		earnings:                         l.refunded + l.refunding - l.captured,
		ledger.RefundFlight:              -l.refunding,
		disputed:                         l.disputed,
	} {
		v.off[place{account, l.currency}] += sum
	}
}

// hold adds what a transfer says that is in suspense.
func (v *bookCheck) hold(l bookLine) {
	if state := TransferState(l.status); state == TransferHeld || state == TransferReturning {
		surplus := l.captured
		v.off[place{ledger.PSPReceivable + l.account, l.currency}] += surplus
		v.off[place{ledger.Suspense, l.currency}] -= surplus
	}
}

// deny notes what a dispute's transaction makes of what is disputed. How it is split among its accounts is held against the
// dispute, not against the payment.
func (v *bookCheck) deny(t ledger.Transaction) {
	if t.Kind != ledger.DisputeOpened && t.Kind != ledger.DisputeWon {
		return // lost: it stays disputed
	}
	for _, line := range t.Lines {
		if line.Account == ledger.DisputeReceivable {
			v.off[place{disputed, line.Amount.Currency().Code()}] -= line.Amount.Minor()
		}
	}
}

// settle says what of the subject at hand does not agree. What is no payment's, such as a payout, is not looked at.
func (v *bookCheck) settle() {
	if !v.known && !id.Has(v.subject, id.Payment) && !id.Has(v.subject, id.Transfer) {
		return
	}
	if !v.known {
		v.fault("the books have transactions about it, and there is no such payment or transfer")
		return
	}
	for _, at := range slices.SortedFunc(maps.Keys(v.off), func(a, b place) int {
		return slices.Compare([]string{a.account, a.currency}, []string{b.account, b.currency})
	}) {
		if off := v.off[at]; off != 0 {
			v.fault("%s: it and the ledger differ by %s", at.account, amountOf(off, at.currency))
		}
	}
}

func amountOf(minor int64, code string) string {
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return fmt.Sprintf("%d %q", minor, code)
	}
	return money.Of(minor, currency).String()
}

func (v *bookCheck) fault(format string, args ...any) {
	if len(v.faults) < maxFaults {
		v.faults = append(v.faults, fmt.Sprintf("%s of %s: ", v.subject, v.tenant)+fmt.Sprintf(format, args...))
	}
}
