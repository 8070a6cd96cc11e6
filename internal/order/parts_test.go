package order

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

func TestAnOrderIsPaidInParts(t *testing.T) {
	each(t, func(d *desk) {
		in := cart()
		in.Partial, in.Minimum = true, 2_000
		o := d.makes(in)
		for _, wrong := range []int64{1_999, 10_001} {
			if _, err := d.charge(o.ID, wrong, goodCard, true); !fault.Is(err, fault.Invalid) {
				d.Errorf("%d: %v", wrong, err)
			}
		}
		for _, part := range []int64{6_000, 3_500} {
			if _, err := d.charge(o.ID, part, goodCard, true); err != nil {
				d.Fatal(err)
			}
		}
		d.stands(o.ID, PartiallyPaid, 9_500, 0)
		if _, err := d.charge(o.ID, 501, goodCard, true); !fault.Is(err, fault.Invalid) {
			d.Errorf("too much: %v", err)
		}
		if _, err := d.charge(o.ID, 500, goodCard, true); err != nil {
			d.Fatal(err)
		}
		d.stands(o.ID, Paid, 10_000, 0)
		if told := d.events(o.ID); !slices.Equal(told, []event.Type{event.OrderPaid}) {
			d.Errorf("told %v", told)
		}
	})
}

// Parts that fit one by one may be too much together: what is over goes back.
func TestOfPartsThatMeetTheRestOfTheLastGoesBack(t *testing.T) {
	each(t, func(d *desk) {
		in := cart()
		in.Partial = true
		o := d.makes(in)
		d.q.meeting = meetingOf(2)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if _, err := d.charge(o.ID, 6_000, goodCard, true); err != nil {
					d.Error(err)
				}
			})
		}
		all.Wait()
		d.stands(o.ID, Paid, 10_000, 2_000)
		d.later(time.Hour)
		if d.q.has() != 10_000 {
			d.Errorf("the acquirer has %d", d.q.has())
		}
	})
}
