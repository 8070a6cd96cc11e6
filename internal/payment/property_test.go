package payment

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
)

// Whatever goes wrong with whichever call, once the worker has had its time Florin and the acquirer agree on what was
// captured and what was given back, each order was charged at most once, and the books balance.
func TestFlorinAndTheAcquirerAgreeInTheEnd(t *testing.T) {
	eachTill(t, func(u *till) {
		rapid.Check(u.T, func(r *rapid.T) {
			u.q.mishaps = rapid.SliceOfN(rapid.SampledFrom([]mishap{fine, fine, noArrival, noAnswer, refused, declined51}), 0, 6).Draw(r, "mishaps")
			in := order(rapid.Bool().Draw(r, "capture"))
			o, err := u.Create(u.Context(), in, alone{})
			tolerable(r, err)
			for range rapid.IntRange(0, 6).Draw(r, "steps") {
				tolerable(r, u.step(r, o.ID))
			}
			u.q.mishaps = nil
			u.later(20 * time.Minute)
			agree(r, u, o.ID)
		})
	})
}

// step does something that an application might do, sensible or not.
func (u *till) step(r *rapid.T, payment string) error {
	amount := rapid.Int64Range(0, 10_001).Draw(r, "amount")
	switch rapid.SampledFrom([]string{"capture", "final", "refund", "refund", "cancel", "wait"}).Draw(r, "step") {
	case "capture":
		_, err := u.Capture(u.Context(), shop, payment, amount, false, alone{})
		return err
	case "final":
		_, err := u.Capture(u.Context(), shop, payment, amount, true, alone{})
		return err
	case "refund":
		_, err := u.Refund(u.Context(), shop, payment, RefundRequest{Amount: amount}, alone{})
		return err
	case "cancel":
		_, err := u.Cancel(u.Context(), shop, payment, "", alone{})
		return err
	}
	u.later(30 * time.Second)
	return nil
}

// tolerable fails on an error that an application would not know what to do with.
func tolerable(r *rapid.T, err error) {
	var refused *DeclinedError
	if err != nil && !errors.As(err, &refused) && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Invalid) {
		r.Fatalf("an error of kind %d: %v", fault.Of(err), err)
	}
}

func agree(r *rapid.T, u *till, payment string) {
	o := u.status(payment)
	theirs := u.q.auths[payment+"-1"]
	if o.Status == Processing || o.AmountCapturing != 0 {
		r.Fatalf("still open: %+v", o)
	}
	for _, refund := range o.Refunds {
		if refund.Status == "pending" {
			r.Fatalf("still open: %+v", refund)
		}
	}
	if theirs == nil {
		if o.AmountAuthorized != 0 || o.AmountCaptured != 0 {
			r.Fatalf("the acquirer knows nothing of %+v", o)
		}
		return
	}
	if o.AmountCaptured != theirs.captured.Minor() || o.AmountRefunded != theirs.refunded.Minor() {
		r.Fatalf("Florin has %d captured and %d refunded, the acquirer %s and %s", o.AmountCaptured, o.AmountRefunded, theirs.captured, theirs.refunded)
	}
	if held := o.Status == Authorized; held != theirs.open {
		r.Fatalf("the payment is %s, the acquirer holds money: %v", o.Status, theirs.open)
	}
}
