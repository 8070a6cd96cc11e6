package payout

import (
	"context"
	"fmt"
	"strings"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/ledger"
)

// VerifyBooks holds every payout against the ledger's transactions about it, every balance row against the payouts that are held and what left
// merchant_pending, and what was drawn on payments against the payments. It gives back what does not agree, at most a hundred faults; the
// error is for a database that cannot be read.
func VerifyBooks(ctx context.Context, d *db.DB) ([]string, error) {
	v := check{held: map[[2]string]int64{}, moved: map[[2]string]int64{}}
	if err := db.Each(ctx, d, scanLine, payoutsAndBooks, nil, v.take); err != nil {
		return nil, fmt.Errorf("hold payouts against the ledger: %w", err)
	}
	v.settle()
	for at, off := range v.held {
		if off != 0 {
			v.fault(at, "payouts that are held and the amount that is reserved differ by %d", off)
		}
	}
	for at, off := range v.moved {
		if off != 0 {
			v.fault(at, "what was made available and what left merchant_pending differ by %d", off)
		}
	}
	return v.faults, v.draws(ctx, d)
}

// draws holds what payouts drew on payments, and did not give back, against what the payments say was withdrawn of them.
func (v *check) draws(ctx context.Context, d *db.DB) error {
	type row struct {
		tenant, id   string
		side, amount int64
		status, text string
	}
	off := map[[2]string]int64{}
	err := db.Each(ctx, d, func(r db.Scanner) (l row, err error) {
		return l, r.Scan(&l.tenant, &l.id, &l.side, &l.status, &l.text, &l.amount)
	}, drawsAndPayments, nil, func(l row) error {
		if l.side == 2 {
			off[[2]string{l.tenant, l.id}] -= l.amount
			return nil
		}
		var draws []Draw
		if err := db.FromJSON(l.text, &draws); err != nil {
			v.fault([2]string{l.tenant, l.id}, "what it drew on cannot be read: %v", err)
		}
		for _, one := range draws {
			if !gone[Status(l.status)] {
				off[[2]string{l.tenant, one.Payment}] += one.Amount
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("hold payouts against payments: %w", err)
	}
	for at, by := range off {
		if by != 0 {
			v.fault(at, "what payouts drew on it and what was withdrawn of it differ by %d", by)
		}
	}
	return nil
}

const maxFaults = 100

// line is a row of payoutsAndBooks. side: 1 a payout, 2 a transaction, 3 what is reserved, 4 what was moved, 5 an entry that took from
// merchant_pending.
type line struct {
	tenant, subject  string
	side             int64
	status, currency string
	amount           int64
	canonical        []byte
}

func scanLine(r db.Scanner) (line, error) {
	var l line
	return l, r.Scan(&l.tenant, &l.subject, &l.side, &l.status, &l.currency, &l.amount, &l.canonical)
}

// check goes through the lines of one payout after the other.
type check struct {
	tenant, subject string
	known           bool
	off             map[string]int64 // by account: what the payout says less what the books say; debits are positive
	held, moved     map[[2]string]int64
	faults          []string
}

// standing is where the money of a payout is, by its state: what it took from merchant_available is the other side.
var standing = map[Status]string{Queued: ledger.PayoutQueued, Sent: ledger.PayoutSent, Paid: ledger.Bank}

func (v *check) take(l line) error {
	at := [2]string{l.tenant, l.currency}
	switch l.side {
	case 3:
		v.held[at] -= l.amount
		return nil
	case 4:
		v.moved[at] += l.amount
		return nil
	case 5:
		v.moved[at] -= l.amount
		return nil
	}
	if l.tenant != v.tenant || l.subject != v.subject || v.off == nil {
		v.settle()
		v.tenant, v.subject, v.known, v.off = l.tenant, l.subject, false, map[string]int64{}
	}
	if l.side == 1 {
		v.known = true
		if Status(l.status) == Held {
			v.held[at] += l.amount
		}
		if account, ok := standing[Status(l.status)]; ok {
			v.off[account] -= l.amount
			v.off[ledger.MerchantAvailable] += l.amount
		}
		return nil
	}
	t, err := ledger.Decode(l.canonical)
	if err != nil {
		v.fault([2]string{l.tenant, l.subject}, "%v", err)
		return nil
	}
	for _, entry := range t.Lines {
		v.off[entry.Account] -= entry.Amount.Minor()
	}
	return nil
}

func (v *check) settle() {
	at := [2]string{v.tenant, v.subject}
	if v.off != nil && !v.known {
		v.fault(at, "the books have transactions about it, and there is no such payout")
		return
	}
	for account, off := range v.off {
		if off != 0 {
			v.fault(at, "%s: payout and ledger differ by %d", account, off)
		}
	}
}

func (v *check) fault(at [2]string, format string, args ...any) {
	if len(v.faults) < maxFaults {
		v.faults = append(v.faults, strings.TrimSpace(at[1]+" of "+at[0])+": "+fmt.Sprintf(format, args...))
	}
}
