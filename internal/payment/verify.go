package payment

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/ledger"
)

// claim is what payments or the ledger say of one account: the raw sum, debits positive.
type claim struct {
	books                     bool
	tenant, account, currency string
	sum                       int64
}

func scanClaim(r db.Scanner) (claim, error) {
	var c claim
	var side int64
	err := r.Scan(&side, &c.tenant, &c.account, &c.currency, &c.sum)
	c.books = side == 2
	return c, err
}

// watched tells whether payments alone move an account, so that they must explain its balance.
func watched(account string) bool {
	return strings.HasPrefix(account, ledger.PSPReceivable) || account == ledger.AuthReceivable || account == ledger.RefundFlight
}

// VerifyBooks holds the payments of every tenant against the ledger, in one snapshot: what is captured and not refunded
// is what the providers owe, what is authorized and not captured is on hold, what is being refunded is in flight. It
// gives back what does not agree; the error is for a database that cannot be read.
func VerifyBooks(ctx context.Context, d *db.DB) ([]string, error) {
	type key struct{ tenant, account, currency string }
	off := map[key]int64{}
	err := db.Each(ctx, d, scanClaim, paymentsAndBooks, nil, func(c claim) error {
		k := key{c.tenant, c.account, c.currency}
		switch {
		case !c.books:
			off[k] += c.sum
		case watched(c.account):
			off[k] -= c.sum
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("hold payments against the ledger: %w", err)
	}
	var faults []string
	for _, k := range slices.SortedFunc(maps.Keys(off), func(a, b key) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		if off[k] != 0 {
			faults = append(faults, fmt.Sprintf("%s %s of %s: payments and ledger differ by %d", k.account, k.currency, k.tenant, off[k]))
		}
	}
	return faults, nil
}
