package order

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

func TestAnOrderIsKeptAsItWasMade(t *testing.T) {
	each(t, func(d *desk) {
		in := cart()
		in.InvoiceNumber, in.Customer, in.ReturnURL, in.Metadata = "2026-17", d.glad, "https://shop.example/thanks", map[string]string{"k": "v"}
		in.DueAt, in.Reminders, in.Partial, in.Minimum = noon.Add(14*day), []int64{-3, 7}, true, 1_000
		made := d.makes(in)
		got, err := d.Get(d.Context(), shop, made.ID, nil)
		if err != nil || !reflect.DeepEqual(got, made) {
			d.Errorf("read %+v, %v\nmade %+v", got, err, made)
		}
		if got.Lines[0].Amount != 9_500 || *got.MinimumPayment != 1_000 || !got.Reminders[0].At.Equal(noon.Add(11*day)) || !strings.Contains(got.CheckoutURL, "/order/acct_shop:test/"+made.ID+"?secret=") {
			d.Errorf("read %+v", got)
		}
		d.makes(cart())
		for name, f := range map[string]Filter{"customer": {Customer: d.glad}, "number": {InvoiceNumber: "2026-17"}, "all": {Status: Open, Customer: d.glad, InvoiceNumber: "2026-17"}} {
			found, more, err := d.List(d.Context(), shop, db.Page{Limit: 10}, f)
			if err != nil || more || len(found) != 1 || found[0].ID != made.ID {
				d.Errorf("by %s: %v, %v", name, found, err)
			}
		}
		if _, err := d.Get(d.Context(), "acct_other:test", made.ID, nil); !fault.Is(err, fault.NotFound) {
			d.Errorf("another tenant reads it: %v", err)
		}
	})
}

func TestWhatAnOrderNamesMustBeThere(t *testing.T) {
	each(t, func(d *desk) {
		for name, c := range map[string]struct {
			change func(*Create)
			want   fault.Kind
		}{
			"nobody's customer":     {func(c *Create) { c.Customer = "cus_00000000000000000000000009" }, fault.NotFound},
			"an erased customer":    {func(c *Create) { c.Customer = d.gone }, fault.Conflict},
			"somebody else's page":  {func(c *Create) { c.ReturnURL = "https://evil.example/" }, fault.Invalid},
			"a total that is wrong": {func(c *Create) { c.Amount = 1 }, fault.Invalid},
		} {
			in := cart()
			c.change(&in)
			if _, err := d.Create(d.Context(), in, nothing); fault.Of(err) != c.want || err == nil {
				d.Errorf("%s: %v", name, err)
			}
		}
		no := errors.New("no")
		if _, err := d.Create(d.Context(), cart(), func(*db.Change, Object) error { return no }); !errors.Is(err, no) {
			d.Error(err)
		}
		if found, _, err := d.List(d.Context(), shop, db.Page{Limit: 10}, Filter{}); err != nil || len(found) > 0 {
			d.Errorf("left %v, %v", found, err)
		}
	})
}

func TestAnOrderIsPaidWithItsPayment(t *testing.T) {
	each(t, func(d *desk) {
		o := d.makes(cart())
		if _, err := d.charge(o.ID, 10_000, poorCard, true); err == nil {
			d.Fatal("a poor card paid")
		}
		d.stands(o.ID, Open, 0, 0)
		p, err := d.charge(o.ID, 10_000, goodCard, true)
		if err != nil || p.Order == nil || *p.Order != o.ID {
			d.Fatal(p, err)
		}
		got := d.stands(o.ID, Paid, 10_000, 0)
		if got.PaidAt == nil || !got.happened("order.paid") || !got.happened("payment.ended") || len(got.Payments) != 2 {
			d.Errorf("stands %+v", got)
		}
		if told := d.events(o.ID); !slices.Equal(told, []event.Type{event.OrderPaid}) {
			d.Errorf("told %v", told)
		}
		if _, err := d.charge(o.ID, 10_000, goodCard, true); !fault.Is(err, fault.Conflict) {
			d.Errorf("paid again: %v", err)
		}
		d.later(40 * day) // past its time: it stays paid
		d.stands(o.ID, Paid, 10_000, 0)
	})
}

// A card that its network's rules keep from being tried makes a payment without an attempt. The order stays as it is.
func TestAnOrderIsNotTriedOnACardThatWasDeclinedTooOften(t *testing.T) {
	each(t, func(d *desk) {
		rules, err := provider.ReadNetworks([]byte(`{"version": 1, "source": "a test", "never_days": 30,
			"networks": [{"brands": ["visa"], "limits": [{"name": "one", "declines": 1, "hours": 24}]}]}`))
		if err != nil {
			d.Fatal(err)
		}
		d.core.Networks = rules
		o := d.makes(cart())
		for n, rule := range []string{"", "one"} {
			var refused *payment.DeclinedError
			if _, err := d.charge(o.ID, 10_000, poorCard, true); !errors.As(err, &refused) || refused.Rule != rule {
				d.Fatalf("try %d: %v", n, err)
			}
		}
		if got := d.stands(o.ID, Open, 0, 0); len(got.Payments) != 2 {
			d.Errorf("it has the payments %+v", got.Payments)
		}
		if _, err := d.charge(o.ID, 10_000, goodCard, true); err != nil {
			d.Fatal(err)
		}
		d.stands(o.ID, Paid, 10_000, 0)
	})
}

func TestAnOrderExpiresAndWhatComesThenGoesBack(t *testing.T) {
	each(t, func(d *desk) {
		in := cart()
		in.ExpiresAt = noon.Add(time.Hour)
		o := d.makes(in)
		late, err := d.charge(o.ID, 10_000, lateCard, true)
		if err != nil || late.Status != payment.Processing {
			d.Fatal(late, err)
		}
		waiting, err := d.core.Create(d.Context(), payment.Create{Merchant: shop, Amount: 10_000, Currency: "EUR", Capture: true, Order: o.ID, ExpiresIn: 30 * day}, alone{})
		if err != nil {
			d.Fatal(err)
		}
		d.later(2 * time.Hour)
		if got := d.stands(o.ID, Expired, 0, 0); got.EndedAt == nil || !got.happened("order.expired") {
			d.Errorf("stands %+v", got)
		}
		d.pays(waiting.ID, payment.Canceled, 0, 0)
		if _, err := d.charge(o.ID, 10_000, goodCard, true); !fault.Is(err, fault.Conflict) {
			d.Errorf("paid after all: %v", err)
		}
		d.q.answers()
		d.later(day)
		d.pays(late.ID, payment.Captured, 10_000, 10_000)
		d.stands(o.ID, Expired, 0, 10_000)
		if told := d.events(o.ID); !slices.Equal(told, []event.Type{event.OrderExpired, event.OrderOverpaid}) || d.q.has() != 0 {
			d.Errorf("told %v, the acquirer has %d", told, d.q.has())
		}
	})
}

func TestACanceledOrderGivesBackWhatWasPaidOfItIfItShall(t *testing.T) {
	for _, refund := range []bool{true, false} {
		each(t, func(d *desk) {
			in := cart()
			in.Partial = true
			o := d.makes(in)
			p, err := d.charge(o.ID, 4_000, goodCard, true)
			if err != nil {
				d.Fatal(err)
			}
			got, err := d.Cancel(d.Context(), shop, o.ID, "out of stock", refund, nothing)
			if err != nil || got.Status != Canceled || got.CancellationReason != "out of stock" {
				d.Fatal(got, err)
			}
			d.later(time.Hour)
			if refund {
				d.stands(o.ID, Canceled, 0, 0)
				d.pays(p.ID, payment.Captured, 4_000, 4_000)
			} else {
				d.stands(o.ID, Canceled, 4_000, 0)
				d.pays(p.ID, payment.Captured, 4_000, 0)
			}
			if _, err := d.Cancel(d.Context(), shop, o.ID, "", refund, nothing); !fault.Is(err, fault.Conflict) {
				d.Errorf("again: %v", err)
			}
			if _, err := d.charge(o.ID, 6_000, goodCard, true); !fault.Is(err, fault.Conflict) {
				d.Errorf("paid after all: %v", err)
			}
		})
	}
}

func TestRemindersComeWhenTheirTimeComesAndOnlyWhileItIsOpen(t *testing.T) {
	each(t, func(d *desk) {
		in := cart()
		in.DueAt, in.Reminders = noon.Add(14*day), []int64{-3, 0, 7, 20}
		o := d.makes(in)
		d.later(12 * day)
		if told := d.events(o.ID); !slices.Equal(told, []event.Type{event.OrderReminder}) {
			d.Fatalf("told %v", told)
		}
		d.now.Advance(10 * day) // nobody looked: of two whose time came, one is told
		d.later(time.Minute)
		if told := d.events(o.ID); len(told) != 2 {
			d.Errorf("told %v", told)
		}
		got := d.stands(o.ID, Open, 0, 0)
		for i, sent := range []bool{true, true, true, false} {
			if (got.Reminders[i].SentAt != nil) != sent {
				d.Errorf("reminders %+v", got.Reminders)
			}
		}
		if _, err := d.charge(o.ID, 10_000, goodCard, true); err != nil {
			d.Fatal(err)
		}
		d.later(30 * day)
		if told := d.events(o.ID); len(told) != 3 || told[2] != event.OrderPaid {
			d.Errorf("told %v", told)
		}
	})
}

func TestThePayerGoesOnWithThePaymentThatWaits(t *testing.T) {
	each(t, func(d *desk) {
		o := d.makes(cart())
		secret := d.Secret("order", shop, o.ID)
		for _, wrong := range []string{"", "x", secret[1:]} {
			if _, err := d.Pay(d.Context(), shop, o.ID, wrong, 0); !fault.Is(err, fault.NotFound) {
				d.Errorf("with %q: %v", wrong, err)
			}
			if _, err := d.ForPayer(d.Context(), shop, o.ID, wrong); !fault.Is(err, fault.NotFound) {
				d.Errorf("with %q: %v", wrong, err)
			}
		}
		var all sync.WaitGroup
		made := make([]string, 6)
		for i := range made {
			all.Go(func() {
				p, err := d.Pay(d.Context(), shop, o.ID, secret, 0)
				if err != nil || p.ClientSecret == "" || p.Amount != 10_000 {
					d.Errorf("%+v, %v", p, err)
				}
				made[i] = p.ID
			})
		}
		all.Wait()
		if slices.Sort(made); made[0] != made[len(made)-1] {
			d.Errorf("windows began %v", made)
		}
		if seen, err := d.ForPayer(d.Context(), shop, o.ID, secret); err != nil || seen.Status != Open || seen.Waits || seen.CheckoutURL != "" {
			d.Errorf("seen %+v, %v", seen, err)
		}
		if _, err := d.core.Confirm(d.Context(), shop, made[0], payment.Confirmation{Choice: payment.Choice{Token: lateCard}}, alone{}); err != nil {
			d.Fatal(err)
		}
		if seen, err := d.ForPayer(d.Context(), shop, o.ID, secret); err != nil || !seen.Waits {
			d.Errorf("seen %+v, %v", seen, err)
		}
		if _, err := d.Pay(d.Context(), shop, o.ID, secret, 0); !fault.Is(err, fault.Conflict) {
			d.Errorf("beside the bank: %v", err)
		}
		d.q.answers()
		d.later(time.Hour)
		d.stands(o.ID, Paid, 10_000, 0)
	})
}

func TestAnOrderHasABoundOfTries(t *testing.T) {
	each(t, func(d *desk) {
		o := d.makes(cart())
		for range MaxPayments {
			var declined *payment.DeclinedError
			if _, err := d.charge(o.ID, 10_000, poorCard, true); !errors.As(err, &declined) {
				d.Fatal(err)
			}
		}
		if _, err := d.charge(o.ID, 10_000, goodCard, true); !fault.Is(err, fault.Conflict) {
			d.Errorf("one more: %v", err)
		}
	})
}

func TestThePaymentOfAnOrderIsOfItsCustomer(t *testing.T) {
	each(t, func(d *desk) {
		in := cart()
		in.Customer = d.glad
		for _, erased := range []bool{false, true} {
			o := d.makes(in)
			if erased {
				d.erases(d.glad)
			}
			p, err := d.Pay(d.Context(), shop, o.ID, d.Secret("order", shop, o.ID), 0)
			if err != nil || (p.Customer != nil) == erased {
				d.Errorf("erased %t: of %v, %v", erased, p.Customer, err)
			}
		}
	})
}
