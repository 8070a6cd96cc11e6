package order

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
)

// Two cards at the very same moment: both banks say yes.
func TestOfTwoThatSucceedAtOnceOnePaysAndTheOtherGoesBack(t *testing.T) {
	each(t, func(d *desk) {
		o := d.makes(cart())
		const cards = 4
		d.q.meeting = meetingOf(cards)
		var all sync.WaitGroup
		made := make([]payment.Object, cards)
		for i := range cards {
			all.Go(func() {
				var err error
				if made[i], err = d.charge(o.ID, 10_000, goodCard, true); err != nil {
					d.Error(err)
				}
			})
		}
		all.Wait()
		d.stands(o.ID, Paid, 10_000, 30_000)
		d.later(time.Hour)
		got := d.stands(o.ID, Paid, 10_000, 30_000)
		var returned int
		for _, p := range got.Payments {
			if p.AmountReturned == 10_000 {
				returned++
				d.pays(p.Payment, payment.Captured, 10_000, 10_000)
			} else {
				d.pays(p.Payment, payment.Captured, 10_000, 0)
			}
		}
		if returned != cards-1 || d.q.has() != 10_000 || !got.happened("order.overpaid") || !got.happened("surplus.returning") {
			d.Errorf("%d went back, the acquirer has %d: %+v", returned, d.q.has(), got)
		}
		told := d.events(o.ID)
		slices.Sort(told)
		if !slices.Equal(told, []event.Type{event.OrderOverpaid, event.OrderOverpaid, event.OrderOverpaid, event.OrderPaid}) {
			d.Errorf("told %v", told)
		}
	})
}

func TestWhatIsRefusedToGoBackIsTriedAgain(t *testing.T) {
	each(t, func(d *desk) {
		o := d.makes(cart())
		first, err := d.charge(o.ID, 10_000, goodCard, false)
		if err != nil {
			d.Fatal(err)
		}
		second, err := d.charge(o.ID, 10_000, goodCard, false)
		if err != nil {
			d.Fatal(err)
		}
		for _, p := range []payment.Object{first, second} {
			if _, err := d.core.Capture(d.Context(), shop, p.ID, 0, true, alone{}); err != nil {
				d.Fatal(err)
			}
		}
		d.stands(o.ID, Paid, 10_000, 10_000)
		d.q.refuses = 2
		d.later(2 * day)
		d.pays(first.ID, payment.Captured, 10_000, 0)
		d.pays(second.ID, payment.Captured, 10_000, 10_000)
		if p, err := d.core.Get(d.Context(), shop, second.ID, []string{"refunds"}); err != nil || len(p.Refunds) != 3 || p.Refunds[2].Reason != reasonSurplus {
			d.Errorf("refunds %+v, %v", p.Refunds, err)
		}
		if d.q.has() != 10_000 {
			d.Errorf("the acquirer has %d", d.q.has())
		}
	})
}

func TestWhatForEverCannotGoBackIsGivenUpAndShown(t *testing.T) {
	each(t, func(d *desk) {
		o := d.makes(cart())
		for range 2 {
			if _, err := d.charge(o.ID, 10_000, goodCard, false); err != nil {
				d.Fatal(err)
			}
		}
		for _, p := range d.stands(o.ID, Open, 0, 0).Payments {
			if _, err := d.core.Capture(d.Context(), shop, p.Payment, 0, true, alone{}); err != nil {
				d.Fatal(err)
			}
		}
		d.q.refuses = 1_000
		for range 4 {
			d.later(20 * day)
		}
		if tried := 1_000 - d.q.refuses; tried != maxReturns {
			d.Errorf("tried %d times, want %d", tried, maxReturns)
		}
		got := d.stands(o.ID, Paid, 10_000, 10_000)
		if p := got.Payments[1]; p.AmountSurplus != 10_000 || p.AmountReturned != 0 {
			d.Errorf("shown %+v", p)
		}
	})
}

func TestAnOrderThatIsPaidLetsItsOtherPaymentsGo(t *testing.T) {
	each(t, func(d *desk) {
		o := d.makes(cart())
		held, err := d.charge(o.ID, 10_000, goodCard, false)
		if err != nil {
			d.Fatal(err)
		}
		waiting, err := d.Pay(d.Context(), shop, o.ID, d.Secret("order", shop, o.ID), 0)
		if !fault.Is(err, fault.Conflict) {
			d.Fatalf("one is held already: %+v, %v", waiting, err)
		}
		waiting, err = d.core.Create(d.Context(), payment.Create{Merchant: shop, Amount: 10_000, Currency: "EUR", Capture: true, Order: o.ID}, alone{})
		if err != nil {
			d.Fatal(err)
		}
		if _, err := d.charge(o.ID, 10_000, goodCard, true); err != nil {
			d.Fatal(err)
		}
		if _, err := d.core.Confirm(d.Context(), shop, waiting.ID, payment.Confirmation{Choice: payment.Choice{Token: goodCard}}, alone{}); !fault.Is(err, fault.Conflict) {
			d.Errorf("confirmed: %v", err)
		}
		d.later(time.Hour)
		d.pays(held.ID, payment.Canceled, 0, 0)
		d.pays(waiting.ID, payment.Canceled, 0, 0)
		for _, p := range d.stands(o.ID, Paid, 10_000, 0).Payments {
			if p.Open {
				d.Errorf("%+v is open", p)
			}
		}
	})
}

// A tip on top is not sent back, and what a pump gave less opens no order again.
func TestAnOrderStaysPaidAtWhateverItsPaymentClears(t *testing.T) {
	each(t, func(d *desk) {
		for _, cleared := range []int64{9_000, 11_500} {
			o := d.makes(cart())
			p, err := d.charge(o.ID, 10_000, goodCard, true)
			if err != nil {
				d.Fatal(err)
			}
			d.clears(p.ID, cleared)
			got := d.stands(o.ID, Paid, 10_000, 0)
			if got.Payments[0].AmountCaptured != cleared {
				d.Errorf("cleared at %d, and is %+v", cleared, got.Payments[0])
			}
			if _, err := d.core.Refund(d.Context(), shop, p.ID, payment.RefundRequest{Amount: 500}, alone{}); err != nil {
				d.Fatal(err)
			}
			d.later(time.Hour)
			d.pays(p.ID, payment.Captured, cleared, 500)
			d.stands(o.ID, Paid, 10_000, 0)
		}
	})
}

// What has cleared at another amount before it was heard of pays the order by what was asked for, and the rest is the clearing's. What comes when
// the order is paid goes back as it cleared.
func TestAnOrderIsPaidByWhatHadClearedBeforeItWasHeardOf(t *testing.T) {
	each(t, func(d *desk) {
		for _, cleared := range []int64{9_000, 11_500} {
			o := d.makes(cart())
			p, err := d.charge(o.ID, 10_000, muteCard, true)
			if err != nil || p.Status != payment.Processing {
				d.Fatalf("%+v, %v", p, err)
			}
			d.clears(p.ID, cleared)
			d.pays(p.ID, payment.Captured, cleared, 0)
			if got := d.stands(o.ID, Paid, 10_000, 0); got.Payments[0].AmountCaptured != cleared {
				d.Errorf("cleared at %d, and is %+v", cleared, got.Payments[0])
			}
		}
	})
}

func TestWhatHadClearedAndIsNotNeededGoesBackWhole(t *testing.T) {
	each(t, func(d *desk) {
		o := d.makes(cart())
		second, err := d.charge(o.ID, 10_000, muteCard, true)
		if err != nil {
			d.Fatal(err)
		}
		first, err := d.charge(o.ID, 10_000, goodCard, true)
		if err != nil || first.Status != payment.Captured {
			d.Fatalf("%+v, %v", first, err)
		}
		d.clears(second.ID, 11_500)
		d.later(time.Hour)
		d.pays(second.ID, payment.Captured, 11_500, 11_500)
		d.stands(o.ID, Paid, 10_000, 11_500)
	})
}
