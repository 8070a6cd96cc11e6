package payment

import (
	"errors"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

func TestARefusedOperationIsToldInWordsOfItsOwn(t *testing.T) {
	capture := func(u *till, o Object) error {
		_, err := u.Capture(u.Context(), shop, o.ID, 0, false, alone{})
		return err
	}
	void := func(u *till, o Object) error {
		_, err := u.Cancel(u.Context(), shop, o.ID, "", alone{})
		return err
	}
	tooLate := func(do func(*till, Object) error) func(*till, Object) error { // to wait for a provider that is down
		return func(u *till, o Object) error {
			u.now.Advance(o.CaptureBefore.Sub(u.now.Now()))
			return do(u, o)
		}
	}
	refund := func(u *till, o Object) error {
		r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{}, alone{})
		if err != nil || r.Failure == nil {
			u.Fatalf("refunded: %+v, %v", r, err)
		}
		return &DeclinedError{Code: r.Failure.Code, Decline: r.Failure.decline(), Meaning: r.Failure.Meaning("visa")}
	}
	for name, c := range map[string]struct {
		captured bool
		kind     Kind
		goes     mishap
		do       func(*till, Object) error
		code     string
		text     string
	}{
		"a capture is refused": {false, KindCapture, declined51, capture, fault.CodeCardDeclined, "The capture failed. Nothing was captured."},
		"a void is refused":    {false, KindVoid, declined51, void, fault.CodeCardDeclined, "The authorization could not be released."},
		"a void is not sent":   {false, KindVoid, refused, tooLate(void), fault.CodeProviderUnavailable, "The provider could not be reached. Nothing was released."},
		"a refund is refused":  {true, KindRefund, declined51, refund, fault.CodeCardDeclined, "The refund failed. Nothing was refunded."},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(c.captured)
				u.q.mishaps = []mishap{c.goes}
				var e *DeclinedError
				if err := c.do(u, o); !errors.As(err, &e) || e.Code != c.code {
					u.Fatalf("refused with %v", err)
				}
				if !c.captured && e.Refused != c.kind {
					u.Errorf("what was refused is a %q", e.Refused)
				}
				if e.Decline.Message != c.text {
					u.Errorf("it says %q", e.Decline.Message)
				}
				if told := e.Meaning.Text; !c.captured && told != c.text {
					u.Errorf("its caller is told %q", told)
				}
			})
		})
	}
}
