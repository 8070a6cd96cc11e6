package dispute

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// VerifyBooks holds every dispute against the transactions that it made, in one snapshot: what it says of its money is booked, no more
// and no less. It gives back what does not agree, at most a hundred faults; the error is for a database that cannot be read.
func VerifyBooks(ctx context.Context, d *db.DB) ([]string, error) {
	var v bookCheck
	if err := db.Each(ctx, d, scanLine, disputesAndBooks, bookKinds, v.take); err != nil {
		return nil, fmt.Errorf("hold disputes against the ledger: %w", err)
	}
	v.settle()
	return v.faults, nil
}

const maxFaults = 100

// bookPlace is an account in a currency, for one dispute.
type bookPlace struct{ dispute, account, currency string }

// bookCheck goes through the lines of one payment after the other.
type bookCheck struct {
	tenant, payment string
	off             map[bookPlace]int64 // what the disputes say less what the books say; debits are positive
	faults          []string
}

func (v *bookCheck) take(l line) error {
	if l.tenant != v.tenant || l.payment != v.payment || v.off == nil {
		v.settle()
		v.tenant, v.payment, v.off = l.tenant, l.payment, map[bookPlace]int64{}
	}
	if l.id != "" {
		v.expect(l)
		return nil
	}
	t, err := ledger.Decode(l.canonical)
	if err != nil {
		v.fault(l.payment, "%v", err)
		return nil
	}
	v.add(t.Cause, t.Lines, -1)
	return nil
}

func (v *bookCheck) add(dispute string, lines []ledger.Line, sign int64) {
	for _, l := range lines {
		v.off[bookPlace{dispute, l.Account, l.Amount.Currency().Code()}] += sign * l.Amount.Minor()
	}
}

// booked are the kinds of transaction that a dispute has made.
func (l line) booked() []ledger.Kind {
	switch l.money {
	case MoneyHeld:
		return []ledger.Kind{ledger.DisputeOpened}
	case MoneyReturned, MoneyGone:
		return []ledger.Kind{ledger.DisputeOpened, ends[provider.DisputeStatus(l.status)].kind}
	}
	return nil
}

func (v *bookCheck) expect(l line) {
	currency, err := money.ParseCurrency(l.currency)
	if err != nil {
		v.fault(l.id, "%v", err)
		return
	}
	for _, kind := range l.booked() {
		lines, err := ledger.Posting{Kind: kind, Provider: l.account, Amount: money.Of(l.amount, currency), Fee: money.Of(l.fee, currency)}.Lines()
		if err != nil {
			v.fault(l.id, "%v", err)
			return
		}
		v.add(l.id, lines, 1)
	}
}

// settle says what does not agree of the payment at hand.
func (v *bookCheck) settle() {
	for _, at := range slices.SortedFunc(maps.Keys(v.off), func(a, b bookPlace) int {
		return slices.Compare([]string{a.dispute, a.account, a.currency}, []string{b.dispute, b.account, b.currency})
	}) {
		if off := v.off[at]; off != 0 {
			v.fault(at.dispute, "%s: dispute and ledger differ by %d minor units of %s", at.account, off, at.currency)
		}
	}
}

func (v *bookCheck) fault(subject, format string, args ...any) {
	if len(v.faults) < maxFaults {
		v.faults = append(v.faults, fmt.Sprintf("%s of %s: ", subject, v.tenant)+fmt.Sprintf(format, args...))
	}
}
