package payment

import (
	"context"
	"errors"
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// fakeBreaks remembers what was opened, and by which Change.
type fakeBreaks struct {
	opened  []Break
	changes []*db.Change
	err     error
}

func (f *fakeBreaks) Open(_ context.Context, c *db.Change, b Break) error {
	f.opened, f.changes = append(f.opened, b), append(f.changes, c)
	return f.err
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
