package payment

import (
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
)

func TestWhatOfAPaymentCanGoBack(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	currency, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	eur := func(n int64) money.Money { return money.Of(n, currency) }
	paid := Payment{Status: Captured, Amount: eur(100), Authorized: eur(100), Captured: eur(100), Refunded: eur(0), Refunding: eur(0), Disputed: eur(0), Withdrawn: eur(0),
		EndedAt: now.Add(-10 * day), CreatedAt: now.Add(-12 * day)}
	can := abilities{refunds: true, voids: true}
	with := func(change func(*Payment, *abilities)) (Payment, abilities) {
		p, a := paid, can
		change(&p, &a)
		return p, a
	}
	for name, c := range map[string]struct {
		change           func(*Payment, *abilities)
		left, reversible int64
		bar              Bar
		until            time.Time
	}{
		"captured": {func(*Payment, *abilities) {}, 100, 0, BarNone, time.Time{}},
		"gone in four ways": {func(p *Payment, _ *abilities) {
			p.Refunded, p.Refunding, p.Disputed, p.Withdrawn = eur(10), eur(20), eur(30), eur(39)
		}, 1, 0, BarNone, time.Time{}},
		"refunded":           {func(p *Payment, _ *abilities) { p.Refunded = eur(100) }, 0, 0, BarNothingLeft, time.Time{}},
		"withdrawn":          {func(p *Payment, _ *abilities) { p.Withdrawn = eur(100) }, 0, 0, BarNothingLeft, time.Time{}},
		"disputed":           {func(p *Payment, _ *abilities) { p.Disputed = eur(100) }, 0, 0, BarDisputed, time.Time{}},
		"refunded and taken": {func(p *Payment, _ *abilities) { p.Refunded, p.Disputed = eur(50), eur(100) }, 0, 0, BarDisputed, time.Time{}},
		"not refundable":     {func(_ *Payment, a *abilities) { a.refunds = false }, 100, 0, BarNotRefundable, time.Time{}},
		"policy":             {func(p *Payment, _ *abilities) { p.RefundableUntil = now }, 100, 0, BarWindow, now},
		"method's window":    {func(p *Payment, a *abilities) { a.window, p.RefundableUntil = 10*day, now.Add(day) }, 100, 0, BarWindow, now},
		"in both windows":    {func(p *Payment, a *abilities) { a.window, p.RefundableUntil = 11*day, now.Add(2*day) }, 100, 0, BarNone, now.Add(day)},
		"authorized":         {func(p *Payment, _ *abilities) { p.Status, p.Captured = Authorized, eur(0) }, 0, 100, BarNone, time.Time{}},
		"being captured":     {func(p *Payment, a *abilities) { p.Status, p.Captured, a.busy = Authorized, eur(0), true }, 0, 0, BarBusy, time.Time{}},
		"captured in part":   {func(p *Payment, _ *abilities) { p.Status, p.Captured = Authorized, eur(40) }, 40, 0, BarNone, time.Time{}},
		"failed":             {func(p *Payment, _ *abilities) { p.Status, p.Captured = Failed, eur(0) }, 0, 0, BarNothingLeft, time.Time{}},
	} {
		p, a := with(c.change)
		s := p.source(a, merchant.Returns{}, now)
		if s.Left != c.left || s.Reversible != c.reversible || s.Bar != c.bar || !s.RefundableUntil.Equal(c.until) || s.Alone != -1 {
			t.Errorf("%s: %d left, %d reversible, %q, until %s, alone %d", name, s.Left, s.Reversible, s.Bar, s.RefundableUntil, s.Alone)
		}
	}
	if s := paid.source(can, merchant.Returns{Alone: map[string]int64{"EUR": 60}}, now); s.Alone != 60 {
		t.Errorf("alone %d", s.Alone)
	}
}

// While a reversal waits to be sent, its authorization can be neither captured nor voided.
func TestAnAuthorizationThatIsToBeReversedIsNotCaptured(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		from, err := u.SourceOf(u.Context(), shop, o.ID)
		if err != nil || from.Reversible != 10_000 {
			u.Fatalf("source %+v, %v", from, err)
		}
		c := db.NewChange(shop)
		voided, err := u.Return(u.Context(), c, from, Return{Payout: "po_1", Amount: from.Payment.Authorized, Reverse: true})
		if err == nil {
			err = u.DB.Commit(u.Context(), c)
		}
		if err != nil {
			u.Fatal(err)
		}
		if _, err := u.Capture(u.Context(), shop, o.ID, 0, true, alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("captured: %v", err)
		}
		if again, err := u.SourceOf(u.Context(), shop, o.ID); err != nil || again.Bar != BarBusy {
			u.Errorf("source %+v, %v", again, err)
		}
		u.later(time.Second)
		u.expect(u.status(o.ID), Canceled, 0, 0)
		if op, err := u.ReturnOf(u.Context(), shop, voided); err != nil || op.State != OperationSucceeded || op.Payout != "po_1" {
			u.Errorf("reversal %+v, %v", op, err)
		}
	})
}
