package payment

import (
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
)

func TestWhatPeopleHoldBackUntilItsDeadlineEndsWithTheirReason(t *testing.T) {
	for name, lifted := range map[string]bool{"not lifted": false, "lifted too late": true} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				sick := &outage{turns: -1}
				u.Health = sick
				sold, held := u.pay(true), u.pay(false)
				sick.down(u.now.Now().Add(time.Hour), health.Refund, health.Capture)
				r := u.refund(sold, 4_000)
				if _, err := u.Capture(u.Context(), shop, held.ID, 0, false, alone{}); err != nil {
					t.Fatal(err)
				}
				sick.down(time.Time{})
				u.Control = switches{"refund alpha": true, "capture alpha": true}
				if lifted {
					u.later(time.Hour)
					u.now.Advance(held.CaptureBefore.Sub(u.now.Now()) - time.Minute) // the worker was down
					u.Control = switches{}
				}
				u.later(held.CaptureBefore.Sub(u.now.Now()) + time.Hour)
				operations, err := u.store.operations(u.Context(), shop, held.ID)
				if err != nil || operations[0].Kind != KindCapture || operations[0].State != OperationFailed {
					t.Fatalf("the capture is %+v, %v", operations, err)
				}
				refund, capture := u.operation(r.ID).Failure, operations[0].Failure
				if len(u.q.refundsMade()) > 0 {
					t.Errorf("the provider was asked for %v", u.q.refundsMade())
				}
				if lifted {
					if refund.Code != fault.CodeProviderUnavailable || capture.Code != fault.CodeProviderUnavailable {
						t.Errorf("the refund failed with %+v, the capture with %+v", refund, capture)
					}
					return
				}
				for f, want := range map[*FailureObject]string{refund: "a fraud wave. Nothing was refunded.", capture: "a fraud wave. Nothing was captured."} {
					if f == nil || f.Code != fault.CodeKillSwitch || f.Message != want || f.RetryAt == nil {
						t.Errorf("it failed with %+v, want %q", f, want)
					}
				}
			})
		})
	}
}

func TestAPaymentOffSessionThatPeopleHoldBackEndsWithTheirReason(t *testing.T) {
	for name, c := range map[string]struct {
		sent, lifted bool
		want         FailureObject
	}{
		"off until its time is over":         {want: FailureObject{Code: fault.CodeKillSwitch, Message: "a fraud wave. Nothing was charged."}},
		"tried before in vain":               {sent: true, want: FailureObject{Code: fault.CodeKillSwitch, Message: "a fraud wave. Nothing was charged."}},
		"lifted, and then the provider gone": {lifted: true, want: FailureObject{Code: fault.CodeProviderUnavailable, Message: textNeverBack}},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				method := u.agreement()
				sick := &outage{turns: -1}
				u.Health = sick
				if c.sent {
					u.q.mishaps = []mishap{refused}
				} else {
					sick.down(u.now.Now().Add(time.Hour), health.Authorize)
				}
				in := by(method, Asked{OffSession: true})
				in.QueueUntil = u.now.Now().Add(2 * time.Hour)
				o, err := u.Create(u.Context(), in, alone{})
				if err != nil || o.Status != Processing {
					t.Fatalf("it is %s, %v", o.Status, err)
				}
				sick.down(time.Time{})
				u.Control = switches{"authorize alpha": true}
				if c.lifted {
					u.later(time.Hour)
					u.Control = switches{}
					sick.down(u.now.Now().Add(1000*time.Hour), health.Authorize)
				}
				u.later(3 * time.Hour)
				now := u.status(o.ID)
				if u.expect(now, Failed, 0, 0); now.Failure.Code != c.want.Code || now.Failure.Message != c.want.Message {
					t.Errorf("failed with %+v, want %+v", now.Failure, c.want)
				}
				if (now.Failure.RetryAt != nil) != (c.want.Code == fault.CodeKillSwitch) {
					t.Errorf("it may be on again at %v", now.Failure.RetryAt)
				}
			})
		})
	}
}
