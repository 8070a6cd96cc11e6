package payment

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// fakeBreaks remembers what was opened, and by which Change.
type fakeBreaks struct {
	opened  []Break
	settled []string // why, by what opened it
	changes []*db.Change
	err     error
}

func (f *fakeBreaks) Open(_ context.Context, c *db.Change, b Break) error {
	f.opened, f.changes = append(f.opened, b), append(f.changes, c)
	return f.err
}

func (f *fakeBreaks) Settle(_ context.Context, c *db.Change, source, why string) error {
	f.settled, f.changes = append(f.settled, source+": "+why), append(f.changes, c)
	return f.err
}

func TestTheBreakOfALateApprovalClosesWhenItIsBack(t *testing.T) {
	for name, c := range map[string]struct {
		capture bool
		table   *db.Table // of the Change that closes it
		why     string
	}{"a hold": {false, contradictionTable, whyReleased}, "taken money": {true, transferTable, whyReturned}} {
		t.Run(name, func(t *testing.T) {
			eachPair(t, func(u *till) {
				f := &fakeBreaks{}
				u.Breaks = f
				o := u.pay(c.capture)
				u.later(2 * time.Hour)
				u.expect(u.status(o.ID), Failed, 0, 0)
				told := len(u.q.letters())
				u.q.arrive()
				for _, n := range u.q.letters()[told:] {
					if err := u.Notify(u.Context(), beta, n, func(*db.Change, Heard) error { return nil }); err != nil {
						u.Fatal(err)
					}
				}
				if len(f.opened) != 1 || len(f.settled) != 0 {
					u.Fatalf("opened %+v, settled %q", f.opened, f.settled)
				}
				u.later(24 * time.Hour)
				if len(f.settled) != 1 || f.settled[0] != f.opened[0].Source+": "+c.why {
					u.Fatalf("settled %q of %+v", f.settled, f.opened)
				}
				if !f.changes[len(f.changes)-1].Touches(c.table) {
					u.Error("it closes outside the Change that resolves it")
				}
			}, refused, arrivesLate, noAnswer)
		})
	}
}

func TestALateApprovalThatIsHeardOfAgainOpensItsBreakAgain(t *testing.T) {
	eachTill(t, func(u *till) {
		f := &fakeBreaks{}
		u.Breaks = f
		k := Contradiction{Merchant: shop, Payment: "pay_1", Subject: "att_1", Claim: "it is voided, the provider says authorized", Remedy: RemedyReverse}
		hear := func() {
			u.Helper()
			c := db.NewChange(shop)
			if err := u.contradict(u.Context(), c, k, u.now.Now()); err != nil {
				u.Fatal(err)
			}
			if err := u.DB.Commit(u.Context(), c); err != nil {
				u.Fatal(err)
			}
		}
		hear()
		hear()
		if len(f.opened) != 1 {
			u.Fatalf("opened %+v", f.opened)
		}
		known, err := u.store.contradiction(u.Context(), shop, k.Payment, k.Subject, k.Claim)
		if err != nil {
			u.Fatal(err)
		}
		known.Remedy, known.DueAt = RemedyReversed, time.Time{}
		if err := u.remedied(u.Context(), known); err != nil || len(f.settled) != 1 {
			u.Fatalf("settled %q, %v", f.settled, err)
		}
		hear()
		if len(f.opened) != 2 || f.opened[1].Source != f.opened[0].Source {
			u.Errorf("opened %+v", f.opened)
		}
	})
}

func TestAContradictionOpensOneBreakInItsChange(t *testing.T) {
	eachTill(t, func(u *till) {
		f := &fakeBreaks{}
		u.Breaks = f
		o := u.pay(true)
		for range 2 {
			if v := u.tell(says(o, "1", approved(provider.Voided, of(o, 10_000)))); v != Contradicted {
				u.Fatalf("verdict %s", v)
			}
		}
		if len(f.opened) != 1 {
			u.Fatalf("opened %+v", f.opened)
		}
		if b := f.opened[0]; b.Kind != BreakContradiction || b.Subject != o.ID || b.Account != "alpha" || b.Amount != of(o, 10_000) || b.Detail == "" || b.Source == "" {
			u.Errorf("opened %+v", b)
		}
		if !f.changes[0].Touches(contradictionTable) {
			u.Error("the break is not in the Change of its contradiction")
		}
	})
}

func TestAClearingBeyondTheToleranceOpensABreak(t *testing.T) {
	eachTill(t, func(u *till) {
		f := &fakeBreaks{}
		u.Breaks = f
		near, far := u.pay(true), u.pay(true)
		u.tell(says(near, "1", approved(provider.Captured, of(near, 12_000))))
		if len(f.opened) != 0 {
			u.Errorf("within the tolerance: %+v", f.opened)
		}
		u.tell(says(far, "1", approved(provider.Captured, of(far, 12_001))))
		if len(f.opened) != 1 || f.opened[0].Kind != BreakClearing || f.opened[0].Subject != far.ID || f.opened[0].Amount != of(far, 12_001) {
			u.Errorf("opened %+v", f.opened)
		}
	})
}

func TestAContradictionIsNotWrittenWithoutItsBreak(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.Breaks = &fakeBreaks{err: errors.New("the disk is full")}
		if err := u.Notify(u.Context(), alpha, says(o, "1", approved(provider.Voided, of(o, 10_000))), func(*db.Change, Heard) error { return nil }); err == nil {
			u.Error("applied")
		}
		if entries := u.entries(o.ID, "contradiction"); len(entries) != 0 {
			u.Errorf("written: %v", entries)
		}
	})
}

func TestWhoOpensABreakAtTheSameTimeDecidesAgain(t *testing.T) {
	if !overtaken(&db.Conflict{Table: BreakTable, Kind: fault.Exists}) {
		t.Error("it fails")
	}
}
