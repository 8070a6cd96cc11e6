package order

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
)

func TestAnOrderThatDoesNotAddUpIsRefusedByName(t *testing.T) {
	seven := int64(7)
	for name, c := range map[string]struct {
		change func(*Create)
		want   []string // the wrong fields
	}{
		"as it should be": {func(*Create) {}, nil},
		"without lines":   {func(c *Create) { c.Lines = nil }, nil},
		"a discount": {func(c *Create) {
			c.Lines = append(c.Lines, CreateLine{Name: "Off", Quantity: 1, UnitAmount: -1_000})
			c.Amount = 9_000
		}, nil},
		"a total that is too small":   {func(c *Create) { c.Amount = 9_999 }, []string{"amount"}},
		"a total that is too large":   {func(c *Create) { c.Amount = 10_001 }, []string{"amount"}},
		"a tax that is not in it":     {func(c *Create) { c.Lines[0].TaxAmount = 0 }, []string{"amount"}},
		"a line that does not add up": {func(c *Create) { c.Lines[1].Amount = &seven }, []string{"lines[1].amount"}},
		"nothing":                     {func(c *Create) { c.Amount, c.Lines = 0, nil }, []string{"amount"}},
		"below nothing":               {func(c *Create) { c.Amount, c.Lines = -1, nil }, []string{"amount"}},
		"thirteen digits":             {func(c *Create) { c.Amount, c.Lines = MaxAmount+1, nil }, []string{"amount"}},
		"a line of thirteen digits":   {func(c *Create) { c.Lines[0].Quantity, c.Lines[0].UnitAmount = MaxQuantity, MaxAmount }, []string{"lines[0].amount"}},
		"no quantity":                 {func(c *Create) { c.Lines[1].Quantity = 0 }, []string{"lines[1].quantity"}},
		"too many lines":              {func(c *Create) { c.Lines = make([]CreateLine, MaxLines+1) }, []string{"lines"}},
		"a currency that is none":     {func(c *Create) { c.Currency = "EUX" }, []string{"currency"}},
		"a minimum without parts":     {func(c *Create) { c.Minimum = 100 }, []string{"minimum_payment"}},
		"a minimum over the amount":   {func(c *Create) { c.Partial, c.Minimum = true, 10_001 }, []string{"minimum_payment"}},
		"due in the past":             {func(c *Create) { c.DueAt = noon }, []string{"due_at"}},
		"expired already":             {func(c *Create) { c.ExpiresAt = noon.Add(-1) }, []string{"expires_at"}},
		"expired before it is due":    {func(c *Create) { c.DueAt, c.ExpiresAt = noon.Add(day), noon.Add(time.Hour) }, []string{"expires_at"}},
		"reminders of no invoice":     {func(c *Create) { c.Reminders = []int64{0} }, []string{"reminders"}},
		"a reminder whose time is over": {func(c *Create) {
			c.DueAt, c.Reminders = noon.Add(2*day), []int64{-3, 0}
		}, []string{"reminders[0]"}},
		"a reminder twice": {func(c *Create) {
			c.DueAt, c.Reminders = noon.Add(2*day), []int64{0, 0}
		}, []string{"reminders[1]"}},
		"a reminder behind the end": {func(c *Create) {
			c.DueAt, c.ExpiresAt, c.Reminders = noon.Add(2*day), noon.Add(3*day), []int64{1}
		}, []string{"reminders[0]"}},
		"all at once": {func(c *Create) {
			c.Amount, c.DueAt, c.Lines[0].Amount = 1, noon, &seven
		}, []string{"lines[0].amount", "amount", "due_at"}},
	} {
		in := cart()
		c.change(&in)
		_, err := draft(in, "ord_1", noon)
		var got []string
		var refused *fault.Error
		if errors.As(err, &refused) {
			for _, f := range refused.Fields {
				got = append(got, f.Param)
			}
		}
		if !slices.Equal(got, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: wrong are %v (%v), want %v", name, got, err, c.want)
		}
	}
}

func TestAnOrderExpiresAndAnInvoiceDoesNot(t *testing.T) {
	plain, err := draft(cart(), "ord_1", noon)
	if err != nil || !plain.ExpiresAt.Equal(noon.Add(30*day)) || !plain.DueAt.Equal(plain.ExpiresAt) {
		t.Errorf("%+v, %v", plain, err)
	}
	in := cart()
	in.DueAt, in.Reminders = noon.Add(14*day), []int64{7, -3}
	invoice, err := draft(in, "ord_2", noon)
	if err != nil || !invoice.ExpiresAt.IsZero() || !invoice.DueAt.Equal(noon.Add(11*day)) || len(invoice.Reminders) != 2 || invoice.Reminders[0].Days != -3 {
		t.Errorf("%+v, %v", invoice, err)
	}
}

// What comes in is either kept or goes back, whatever comes in which order; an order is never paid more than it is, and never twice.
func TestEveryCentIsKeptOrGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(1, 1_000).Draw(t, "amount")
		o := Order{Merchant: shop, ID: "ord_1", Status: Open, Amount: euros(amount), Paid: euros(0), Surplus: euros(0), Version: 1}
		all := map[string]*Payment{}
		captured := map[string]int64{}
		told := map[string]int{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"pay_1", "pay_2", "pay_3"}).Draw(t, "payment")
			if all[id] == nil {
				all[id] = &Payment{Merchant: shop, Order: o.ID, ID: id, Amount: euros(amount), Captured: euros(0), Surplus: euros(0), Adjusted: euros(0), Returned: euros(0)}
			}
			p := all[id]
			var d decision
			var err error
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				d, err = o.cancel("", rapid.Bool().Draw(t, "refund"), values(all), noon)
				if err != nil {
					continue // it was at its end
				}
			case 4:
				clears := rapid.Int64Range(p.Returned.Minor(), 2*p.Captured.Minor()).Draw(t, "clears at")
				kept := p.kept()
				d, err = o.settle(*p, standing{clears, p.Returned.Minor(), p.Over, clears - p.Captured.Minor()}, nil, noon)
				if now := d.of(*p); now.kept() != kept || now.Surplus.Minor() > now.Captured.Minor() {
					t.Fatalf("cleared as %+v, %d were kept", now, kept)
				}
				captured[id] = clears
			case 1:
				d, err = o.settle(*p, standing{p.Captured.Minor(), rapid.Int64Range(0, p.Captured.Minor()).Draw(t, "refunded"), true, 0}, nil, noon)
			default:
				more := rapid.Int64Range(0, amount).Draw(t, "more")
				shift := rapid.Int64Range(-more, more).Draw(t, "cleared already")
				captured[id] += more + shift
				d, err = o.settle(*p, standing{p.Captured.Minor() + more + shift, p.Returned.Minor(), false, shift}, nil, noon)
			}
			if err != nil {
				t.Fatal(err)
			}
			o = d.standing(o)
			for _, changed := range d.payments {
				*all[changed.ID] = changed
			}
			for _, e := range d.events {
				told[string(e)]++
			}
			var kept, over int64
			for id, p := range all {
				if p.Captured.Minor() != captured[id] {
					t.Fatalf("%d came, and it is %+v", captured[id], *p)
				}
				kept += p.kept()
				over += p.Surplus.Minor()
				if p.owes() && p.DueAt.IsZero() && p.Tries < maxReturns {
					t.Fatalf("nobody sees to %+v", *p)
				}
			}
			if o.Paid.Minor() != kept || kept > amount || o.Surplus.Minor() > over || told["order.paid"] > 1 {
				t.Fatalf("%d are kept, %d go back of an order of %d: %+v", kept, over, amount, o)
			}
			if (o.Status == Paid) != (kept == amount && o.Status != Canceled) {
				t.Fatalf("%d of %d are paid, and the order is %s", kept, amount, o.Status)
			}
		}
	})
}

// of is a payment as a decision leaves it.
func (d decision) of(p Payment) Payment {
	for _, changed := range d.payments {
		if changed.ID == p.ID {
			return changed
		}
	}
	return p
}

func values(all map[string]*Payment) []Payment {
	var list []Payment
	for _, id := range []string{"pay_1", "pay_2", "pay_3"} {
		if all[id] != nil {
			list = append(list, *all[id])
		}
	}
	return list
}

func TestWhatAnOrderTakes(t *testing.T) {
	order := func(status Status, paid int64, partial bool) Order {
		return Order{Status: status, Amount: euros(10_000), Paid: euros(paid), Partial: partial, Minimum: euros(2_000), ExpiresAt: noon.Add(day)}
	}
	for name, c := range map[string]struct {
		o      Order
		amount int64
		want   fault.Kind // Internal: it is taken
	}{
		"all of it":                     {order(Open, 0, false), 10_000, fault.Internal},
		"less at once":                  {order(Open, 0, false), 9_999, fault.Invalid},
		"more":                          {order(Open, 0, true), 10_001, fault.Invalid},
		"a part":                        {order(Open, 0, true), 2_000, fault.Internal},
		"a part below the least":        {order(Open, 0, true), 1_999, fault.Invalid},
		"the last part below the least": {order(PartiallyPaid, 9_000, true), 1_000, fault.Internal},
		"more than the last part":       {order(PartiallyPaid, 9_000, true), 1_001, fault.Invalid},
		"paid":                          {order(Paid, 10_000, true), 1_000, fault.Conflict},
		"expired":                       {order(Expired, 0, true), 10_000, fault.Conflict},
		"canceled":                      {order(Canceled, 0, true), 10_000, fault.Conflict},
	} {
		err := c.o.takes(euros(0), noon)
		if err == nil {
			err = c.o.fits(euros(c.amount))
		}
		if got := fault.Of(err); (err == nil) != (c.want == fault.Internal) || err != nil && got != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := order(Open, 0, false).takes(euros(0), noon.Add(day)); !fault.Is(err, fault.Conflict) {
		t.Errorf("past its time: %v", err)
	}
}
