package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/florinpay/florin/internal/db"
)

// Report is what a verification found.
type Report struct {
	Tenants      int
	Transactions int64
	Entries      int64
	Accounts     []AccountReport
	Faults       []string // empty if the books are right; bounded to the first hundred
}

// AccountReport is one account's balance, recomputed from its entries.
type AccountReport struct {
	Tenant string
	Balance
}

const maxFaults = 100

// tally is the content of one account from one side: how many lines, their sum, and a hash over the set of them that
// does not depend on their order. Two sides with equal tallies hold the same lines.
type tally struct {
	lines int64
	sum   int64
	set   [4]uint64
}

type accountKey struct{ tenant, account, currency string }

func (t *tally) add(transaction string, amount int64) {
	t.lines++
	t.sum += amount
	digest := sha256.Sum256(fmt.Appendf(nil, "%s %d", transaction, amount))
	for i := range t.set {
		t.set[i] += binary.BigEndian.Uint64(digest[8*i:])
	}
}

type tallies map[accountKey]*tally

func (m tallies) add(tenant, account, currency, transaction string, amount int64) {
	key := accountKey{tenant, account, currency}
	if m[key] == nil {
		m[key] = &tally{}
	}
	m[key].add(transaction, amount)
}

// Verify recomputes the books of every tenant from the canonical transactions and from the entries, and compares the
// two. It holds each transaction against the rules of double entry. What is wrong is in the report; the error is only
// for a database that cannot be read.
func Verify(ctx context.Context, d *db.DB) (Report, error) {
	v := verification{journal: tallies{}, entries: tallies{}, tenants: map[string]bool{}}
	if err := db.Each(ctx, d, scanStored, bothSides, nil, v.take); err != nil {
		return Report{}, fmt.Errorf("verify the ledger: %w", err)
	}
	v.compare()
	v.report.Tenants = len(v.tenants)
	return v.report, nil
}

type verification struct {
	report           Report
	journal, entries tallies
	tenants          map[string]bool
}

func (v *verification) fault(format string, args ...any) {
	if len(v.report.Faults) < maxFaults {
		v.report.Faults = append(v.report.Faults, fmt.Sprintf(format, args...))
	}
}

// stored is a row of either side: a transaction with its canonical bytes as they were stored, or an entry.
type stored struct {
	entry                       bool
	merchant, id, kind, subject string // an entry's kind is its account, its subject its currency
	number                      int64  // a transaction's time, an entry's amount
	body                        []byte
}

func scanStored(r db.Scanner) (stored, error) {
	var s stored
	var side int64
	err := r.Scan(&side, &s.merchant, &s.id, &s.kind, &s.subject, &s.number, &s.body)
	s.entry = side == 2
	return s, err
}

func (v *verification) take(s stored) error {
	v.tenants[s.merchant] = true
	if s.entry {
		v.report.Entries++
		v.entries.add(s.merchant, s.kind, s.subject, s.id, s.number)
		return nil
	}
	v.report.Transactions++
	t, err := Decode(s.body)
	if err != nil {
		v.fault("%s of %s: %v", s.id, s.merchant, err)
		return nil
	}
	if t.Merchant != s.merchant || t.ID != s.id || string(t.Kind) != s.kind || t.Subject != s.subject || t.At.UnixMicro() != s.number {
		v.fault("%s of %s: its columns are not what its canonical bytes say", s.id, s.merchant)
	}
	if err := t.check(); err != nil {
		v.fault("%v", err)
	}
	for _, l := range t.Lines {
		v.journal.add(s.merchant, l.Account, l.Amount.Currency().Code(), s.id, l.Amount.Minor())
	}
	return nil
}

// compare sets both sides against each other and sums every tenant's books.
func (v *verification) compare() {
	keys := maps.Clone(v.journal)
	maps.Copy(keys, v.entries)
	sorted := slices.SortedFunc(maps.Keys(keys), func(a, b accountKey) int {
		return slices.Compare([]string{a.tenant, a.account, a.currency}, []string{b.tenant, b.account, b.currency})
	})
	sums := map[[2]string]int64{}
	for _, key := range sorted {
		journal, entries := v.journal[key], v.entries[key]
		if journal == nil {
			journal = &tally{}
		}
		if entries == nil {
			entries = &tally{}
		}
		if *journal != *entries {
			v.fault("%s %s of %s: the journal has %d lines that sum to %d, the entries %d that sum to %d",
				key.account, key.currency, key.tenant, journal.lines, journal.sum, entries.lines, entries.sum)
		}
		sums[[2]string{key.tenant, key.currency}] += entries.sum
		v.account(key, entries.sum)
	}
	for of, sum := range sums {
		if sum != 0 {
			v.fault("the books of %s in %s are off by %d", of[0], of[1], sum)
		}
	}
}

func (v *verification) account(key accountKey, sum int64) {
	balance, err := balanceOf(key.account, key.currency, sum)
	if err != nil {
		v.fault("%s: %v", key.tenant, err)
		return
	}
	v.report.Accounts = append(v.report.Accounts, AccountReport{key.tenant, balance})
}
