package payment

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/health"
)

// toldOf are the details of a payment's timeline under an event.
func (u *till) toldOf(payment, what string) (details []string) {
	u.Helper()
	o, err := u.Get(u.Context(), shop, payment, []string{"timeline"})
	if err != nil {
		u.Fatal(err)
	}
	for _, e := range o.Timeline {
		if e.Event == what {
			details = append(details, e.Detail)
		}
	}
	return details
}

func TestARefundSaysThatItWaitsWhyAndUntilWhen(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		o := u.pay(true)
		sick.down(u.now.Now().Add(time.Hour), health.Refund)
		asked := u.refund(o, 4_000)
		until := u.now.Now().Add(DefaultQueue)
		for range 2 {
			r, err := u.GetRefund(u.Context(), shop, asked.ID)
			if err != nil || r.Status != "pending" || r.QueueUntil == nil || !r.QueueUntil.Equal(until) {
				t.Fatalf("it is %s until %v, want %s: %v", r.Status, r.QueueUntil, until, err)
			}
			want := []string{"40.00 EUR at alpha, until " + until.Format(time.RFC3339) + ": its provider is down"}
			if got := u.toldOf(o.ID, "refund.queued"); !slices.Equal(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
			u.later(20 * time.Minute)
		}
		sick.down(time.Time{})
		u.later(2 * time.Hour)
		if r, err := u.GetRefund(u.Context(), shop, asked.ID); err != nil || r.Status != "succeeded" || r.QueueUntil != nil {
			t.Errorf("made, it is %s until %v: %v", r.Status, r.QueueUntil, err)
		}
		told := slices.DeleteFunc(u.recounted(o), func(line string) bool { return !strings.HasPrefix(line, "refund.") })
		want := []string{"refund.begun 40.00 EUR", "refund.queued 40.00 EUR at alpha, until " + until.Format(time.RFC3339) + ": its provider is down", "refund.succeeded 40.00 EUR"}
		if !slices.Equal(told, want) {
			t.Errorf("made, it told %q, want %q", told, want)
		}
	})
}

func TestARefundThatPeopleHoldBackSaysWhy(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		o := u.pay(true)
		sick.down(u.now.Now().Add(time.Hour), health.Refund)
		u.refund(o, 4_000)
		until := u.now.Now().Add(DefaultQueue)
		sick.down(time.Time{})
		u.Control = switches{"refund alpha": true}
		u.later(2 * time.Hour)
		want := []string{"40.00 EUR at alpha, until " + until.Format(time.RFC3339) + ": its provider is down", "40.00 EUR at alpha, until " + until.Format(time.RFC3339) + ": a fraud wave"}
		if got := u.toldOf(o.ID, "refund.queued"); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestWhyAnOperationWaitedIsKeptOnceAndWithinBounds(t *testing.T) {
	var op Operation
	for n := range 3 * mostWaits {
		before := op
		op.waitsFor("reason "+strconv.Itoa(n/2), noon.Add(time.Duration(n)*time.Hour))
		if len(before.Waited) > 0 && before.Waited[len(before.Waited)-1] != op.Waited[len(before.Waited)-1] {
			t.Fatal("what was kept has changed")
		}
	}
	if len(op.Waited) != mostWaits || op.Waited[1] != (Wait{noon.Add(2 * time.Hour), "reason 1"}) {
		t.Errorf("kept %v", op.Waited)
	}
}
