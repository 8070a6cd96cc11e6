package dispute

import (
	"context"
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// fakeBreaks remembers what was opened, and by which Change.
type fakeBreaks struct {
	opened  []payment.Break
	settled []string
	changes []*db.Change
}

func (f *fakeBreaks) Open(_ context.Context, c *db.Change, b payment.Break) error {
	f.opened, f.changes = append(f.opened, b), append(f.changes, c)
	return nil
}

func (f *fakeBreaks) Settle(_ context.Context, c *db.Change, source, _ string) error {
	f.settled, f.changes = append(f.settled, source), append(f.changes, c)
	return nil
}

func TestTheBreakOfADisputeThatFindsItsPaymentCloses(t *testing.T) {
	eachDesk(t, func(k *desk) {
		f := &fakeBreaks{}
		k.Breaks = f
		p := k.pay()
		k.tell(chargeback(p, 1_000, named("known")), payment.Applied)
		n := chargeback(p, 9_000)
		n.Attempt = "till-4711"
		id := k.tell(n, payment.Unmatched)
		if len(f.settled) != 0 {
			k.Fatalf("settled %v", f.settled)
		}
		n.Attempt = p.ID + "-1"
		for _, v := range []payment.Verdict{payment.Applied, payment.Known} {
			k.tell(n, v)
			if len(f.settled) != 1 || f.settled[0] != f.opened[0].Source || f.opened[0].Subject != id {
				k.Fatalf("settled %v of %+v", f.settled, f.opened)
			}
		}
		if !f.changes[len(f.changes)-1].Touches(table) {
			k.Error("it closes outside the Change that finds it")
		}
	})
}

func TestADisputeOfAnUnknownPaymentOpensOneBreak(t *testing.T) {
	eachDesk(t, func(k *desk) {
		f := &fakeBreaks{}
		k.Breaks = f
		p := k.pay()
		n := chargeback(p, 10_000)
		k.tell(n, payment.Applied)
		if len(f.opened) != 0 {
			k.Fatalf("of a payment that is known: %+v", f.opened)
		}
		n = chargeback(p, 10_000, named("nobodys"))
		n.Attempt = "till-4711"
		id := k.tell(n, payment.Unmatched)
		k.tell(n, payment.Unmatched)
		n.Dispute.Status = provider.DisputeLost
		k.tell(n, payment.Unmatched)
		if len(f.opened) != 1 {
			k.Fatalf("opened %+v", f.opened)
		}
		if b := f.opened[0]; b.Kind != payment.BreakUnknownDispute || b.Subject != id || b.Account != "alpha" || b.Amount.Minor() != 10_000 || b.Detail == "" {
			k.Errorf("opened %+v", b)
		}
		if !f.changes[0].Touches(table) {
			k.Error("the break is not in the Change of its dispute")
		}
		n.Dispute.Status = provider.DisputeWon
		k.tell(n, payment.Contradicted)
		if b := f.opened[len(f.opened)-1]; len(f.opened) != 2 || b.Kind != payment.BreakContradiction || b.Subject != id || b.Source == f.opened[0].Source {
			k.Errorf("a contradiction opens %+v", f.opened)
		}
	})
}

func TestWhoOpensABreakAtTheSameTimeDecidesAgain(t *testing.T) {
	if !overtaken(&db.Conflict{Table: payment.BreakTable, Kind: fault.Exists}) {
		t.Error("it fails")
	}
}
