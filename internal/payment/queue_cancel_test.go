package payment

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
)

// voidsMade is our references of the voids that the acquirer has carried out or refused, in order.
func (q *acquirer) voidsMade() []string {
	var made []string
	for _, n := range q.letters() {
		if n.Operation == provider.OpVoid {
			made = append(made, n.Reference)
		}
	}
	return made
}

// cancel cancels a payment whose provider is down, and gives what that left: a void that waits.
func (u *till) cancel(o Object) Operation {
	u.Helper()
	now, err := u.Cancel(u.Context(), shop, o.ID, "out of stock", alone{})
	if err != nil || now.Status != Authorized || now.AmountCanceling != o.AmountAuthorized-o.AmountCaptured || now.AmountCapturing != 0 {
		u.Fatalf("cancel: %v, %s with %d being canceled", err, now.Status, now.AmountCanceling)
	}
	operations, err := u.store.operations(u.Context(), shop, o.ID)
	if err != nil {
		u.Fatal(err)
	}
	void := operations[slices.IndexFunc(operations, func(op Operation) bool { return op.Kind == KindVoid })]
	if void.State != OperationQueued || !void.Deadline.Equal(*o.CaptureBefore) {
		u.Fatalf("the void is %s until %s", void.State, void.Deadline)
	}
	return void
}

func TestACancellationWhoseProviderIsDownWaitsAndIsMadeOnce(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		o := u.pay(false)
		sick.down(u.now.Now().Add(time.Hour), health.Void)
		void := u.cancel(o)
		now := u.status(o.ID)
		if now.AmountCanceling != 10_000 || now.CancellationReason != "" || len(u.entries(o.ID, "void.queued")) != 1 {
			t.Errorf("shown are %d, %q, %+v", now.AmountCanceling, now.CancellationReason, now.Timeline)
		}
		listed, _, err := u.List(u.Context(), shop, Page{Limit: 1}, Filter{})
		if err != nil || listed[0].AmountCanceling != 10_000 || listed[0].AmountCapturing != 0 {
			t.Errorf("the list shows %+v, %v", listed, err)
		}
		if _, err := u.Capture(u.Context(), shop, o.ID, 0, false, alone{}); !waitsInTheWay(err, "a cancellation of the payment waits") {
			t.Errorf("a capture meanwhile: %v", err)
		}
		if _, err := u.Cancel(u.Context(), shop, o.ID, "", alone{}); !waitsInTheWay(err, "a cancellation of the payment waits") {
			t.Errorf("a second cancellation meanwhile: %v", err)
		}
		if waits := u.measured("florin_payment_waiting"); waits != 1 {
			t.Errorf("%v operations wait", waits)
		}
		u.later(30 * time.Minute)
		if made := u.q.voidsMade(); len(made) > 0 {
			t.Fatalf("the provider is down and was asked for %v", made)
		}
		sick.down(time.Time{})
		u.later(2 * time.Hour)
		if made := u.q.voidsMade(); !slices.Equal(made, []string{void.ID}) {
			t.Fatalf("the provider was asked for %v, want %s once", made, void.ID)
		}
		now = u.status(o.ID)
		if u.expect(now, Canceled, 0, 0); now.AmountCanceling != 0 || now.CancellationReason != "out of stock" {
			t.Errorf("afterwards %d are being canceled, for %q", now.AmountCanceling, now.CancellationReason)
		}
		if open, _ := u.q.keeps(o.ID + "-1"); open {
			t.Error("the hold is still there")
		}
		if got := u.events(); !slices.Contains(got, event.PaymentCanceled) || slices.Contains(got, event.PaymentCancelFailed) {
			t.Errorf("told %v", got)
		}
	})
}

func TestACancellationThatWaitedInVainLeavesTheReleaseToTheEndOfTheAuthorization(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		o := u.pay(false)
		sick.down(u.now.Now().Add(1000*time.Hour), health.Void)
		void := u.cancel(o)
		u.later(o.CaptureBefore.Sub(u.now.Now()) + 4*time.Hour)
		if op := u.operation(void.ID); op.State != OperationFailed || op.Failure == nil || op.Failure.Code != fault.CodeProviderUnavailable {
			t.Fatalf("past its time the void is %s: %+v", op.State, op.Failure)
		}
		u.expect(u.status(o.ID), Authorized, 0, 0)
		if got := u.events(); !slices.Contains(got, event.PaymentCancelFailed) || slices.Contains(got, event.PaymentExpired) {
			t.Errorf("told %v", got)
		}
		operations, err := u.store.operations(u.Context(), shop, o.ID)
		if err != nil || slices.ContainsFunc(operations, func(op Operation) bool { return op.State == OperationQueued }) {
			t.Errorf("a release waits besides: %+v, %v", operations, err)
		}
		sick.down(time.Time{})
		u.later(8 * time.Hour)
		u.expect(u.status(o.ID), Expired, 0, 0)
		if made := u.q.voidsMade(); len(made) != 1 || made[0] == void.ID {
			t.Errorf("released by %v, and the void that was given up is %s", made, void.ID)
		}
		if open, _ := u.q.keeps(o.ID + "-1"); open {
			t.Error("the hold is still there")
		}
		if got := u.events(); !slices.Contains(got, event.PaymentExpired) || slices.Contains(got, event.PaymentCanceled) {
			t.Errorf("told %v", got)
		}
	})
}

func TestACancellationThatIsRefusedAfterItWaitedIsToldAndThePaymentCanBeCaptured(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		o := u.pay(false)
		sick.down(u.now.Now().Add(time.Minute), health.Void)
		u.cancel(o)
		sick.down(time.Time{})
		u.q.mishaps = []mishap{declined51}
		u.later(time.Hour)
		now := u.status(o.ID)
		if u.expect(now, Authorized, 0, 0); now.AmountCanceling != 0 || !slices.Contains(u.events(), event.PaymentCancelFailed) {
			t.Errorf("%d are being canceled, told %v", now.AmountCanceling, u.events())
		}
		if _, err := u.Capture(u.Context(), shop, o.ID, 0, true, alone{}); err != nil {
			t.Error(err)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	})
}

func TestACancellationThatIsRefusedAtOnceIsNotToldTwice(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		u.q.mishaps = []mishap{declined51}
		if _, err := u.Cancel(u.Context(), shop, o.ID, "", alone{}); !fault.Is(err, fault.Declined) {
			t.Errorf("refused: %v", err)
		}
		if got := u.events(); slices.Contains(got, event.PaymentCancelFailed) {
			t.Errorf("told %v", got)
		}
	})
}

func TestTheRestOfAPaymentIsCanceledWhenItsProviderIsBack(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		o := u.pay(false)
		part, err := u.Capture(u.Context(), shop, o.ID, 4_000, false, alone{})
		if err != nil {
			t.Fatal(err)
		}
		sick.down(u.now.Now().Add(time.Minute), health.Void)
		u.cancel(part)
		sick.down(time.Time{})
		u.later(time.Hour)
		u.expect(u.status(o.ID), Captured, 4_000, 0)
		if open, kept := u.q.keeps(o.ID + "-1"); open || kept != 4_000 {
			t.Errorf("the acquirer holds more: %v, has %d", open, kept)
		}
	})
}
