package payment

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

func TestASaleIsCapturedAndBooked(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.expect(o, Captured, 10_000, 0)
		if o.PaymentMethod == nil || o.PaymentMethod.Card.Last4 != "4242" || o.Provider != "alpha" || o.NetworkReference == "" {
			u.Errorf("the payment shows %+v", o)
		}
		for account, want := range map[string]int64{"psp_receivable:alpha": 10_000, "merchant_pending": 9_900, "fee_income": 100, "auth_hold": 0} {
			if got := u.balance(account); got != want {
				u.Errorf("%s holds %d, want %d", account, got, want)
			}
		}
		if want := []event.Type{event.PaymentCreated, event.PaymentCaptured}; !slices.Equal(u.events(), want) {
			u.Errorf("told %v, want %v", u.events(), want)
		}
	})
}

func TestPartialCapturesReleaseTheRest(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		u.expect(o, Authorized, 0, 0)
		if got := u.balance("auth_hold"); got != -10_000 {
			u.Errorf("auth_hold holds %d", got)
		}
		o, err := u.Capture(u.Context(), shop, o.ID, 4_000, false, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Authorized, 4_000, 0)
		o, err = u.Capture(u.Context(), shop, o.ID, 1_000, true, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 5_000, 0)
		if got := u.balance("auth_hold"); got != 0 {
			u.Errorf("auth_hold still holds %d", got)
		}
		if _, err := u.Capture(u.Context(), shop, o.ID, 1, false, alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("a capture after the last: %v", err)
		}
	})
}

func TestCapturesNeverExceedTheAuthorization(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		var e *fault.Error
		if _, err := u.Capture(u.Context(), shop, o.ID, 10_001, false, alone{}); !errors.As(err, &e) || e.Code != fault.CodeAmountTooLarge {
			u.Errorf("capture of too much: %v", err)
		}
		if _, err := u.Capture(u.Context(), shop, o.ID, 0, false, alone{}); err != nil {
			u.Errorf("capture of all: %v", err)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	})
}

func TestCancelReleasesTheHold(t *testing.T) {
	eachTill(t, func(u *till) {
		o, err := u.Cancel(u.Context(), shop, u.pay(false).ID, "out of stock", alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Canceled, 0, 0)
		if o.CancellationReason != "out of stock" || u.balance("auth_receivable") != 0 {
			u.Errorf("%+v, %d on hold", o, u.balance("auth_receivable"))
		}
		if _, err := u.Cancel(u.Context(), shop, o.ID, "", alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("canceled twice: %v", err)
		}
	})
}

func TestADeclineAtCreationFailsThePayment(t *testing.T) {
	eachTill(t, func(u *till) {
		o, err := u.Create(u.Context(), order(true), alone{})
		var declined *DeclinedError
		if !errors.As(err, &declined) || declined.Decline.Code != provider.InsufficientFunds || declined.Meaning.Retry != provider.RetryLater {
			u.Fatalf("declined as %v", err)
		}
		u.expect(o, Failed, 0, 0)
		if !fault.Is(err, fault.Declined) || o.Failure.NetworkDeclineCode != "51" {
			u.Errorf("failure %+v, kind %v", o.Failure, fault.Of(err))
		}
	}, declined51)
}

func TestADeclineAtConfirmationLeavesAnotherTry(t *testing.T) {
	eachTill(t, func(u *till) {
		in := order(true)
		in.Confirm, in.Choice.Token = false, ""
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil || o.Status != RequiresPaymentMethod || o.ClientSecret == "" || o.ExpiresAt == nil {
			u.Fatalf("%+v, %v", o, err)
		}
		if _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); !fault.Is(err, fault.Invalid) {
			u.Errorf("confirmed without a method: %v", err)
		}
		if _, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: token}}, alone{}); !fault.Is(err, fault.Declined) {
			u.Fatalf("first card: %v", err)
		}
		if o = u.status(o.ID); o.Status != RequiresPaymentMethod || o.Failure == nil {
			u.Fatalf("after the decline %+v", o)
		}
		if o, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: token}}, alone{}); err != nil {
			u.Fatalf("second card: %v", err)
		}
		u.expect(o, Captured, 10_000, 0)
		if o.Failure != nil || len(u.status(o.ID).Attempts) != 2 {
			u.Errorf("after success %+v", o)
		}
	}, declined51)
}

func TestAPaymentThatWaitsTooLongExpires(t *testing.T) {
	eachTill(t, func(u *till) {
		in := order(true)
		in.Confirm, in.ExpiresIn = false, time.Hour
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.later(2 * time.Hour)
		u.expect(u.status(o.ID), Expired, 0, 0)
		if _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: token}}, alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("an expired payment was confirmed: %v", err)
		}
	})
}

func TestAnAuthorizationThatIsNotCapturedIsReleased(t *testing.T) {
	eachTill(t, func(u *till) {
		in := order(false)
		in.CaptureBefore = u.now.Now().Add(time.Hour)
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.later(2 * time.Hour)
		u.expect(u.status(o.ID), Expired, 0, 0)
		if count, _ := u.q.charged(); count != 0 {
			u.Errorf("the acquirer still holds money")
		}
	})
}

func TestRefundsInPartsStopAtWhatWasCaptured(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		for _, amount := range []int64{3_000, 6_999} {
			r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: amount, Reason: "damaged"}, alone{})
			if err != nil || r.Status != "succeeded" || r.Amount != amount {
				u.Fatalf("refund: %+v, %v", r, err)
			}
		}
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 2}, alone{}); !fault.Is(err, fault.Invalid) {
			u.Errorf("more than was captured: %v", err)
		}
		if r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{}, alone{}); err != nil || r.Amount != 1 {
			u.Errorf("the rest: %+v, %v", r, err)
		}
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{}, alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("a refund of nothing: %v", err)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 10_000)
		if u.balance("psp_receivable:alpha") != 0 || len(u.status(o.ID).Refunds) != 3 {
			u.Errorf("the provider owes %d", u.balance("psp_receivable:alpha"))
		}
	})
}

func TestTwoRefundsAtOnceCannotRacePastTheCapture(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		var done sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			done.Go(func() {
				_, errs[i] = u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 6_000}, alone{})
			})
		}
		done.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			u.Errorf("not exactly one of two succeeded: %v", errs)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 6_000)
	})
}

func TestTheTimelineTellsWhenThingsHappened(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		authorized := u.now.Now()
		u.later(time.Hour)
		captured := u.now.Now()
		if _, err := u.Capture(u.Context(), shop, o.ID, 4_000, true, alone{}); err != nil {
			u.Fatal(err)
		}
		for event, at := range map[string]time.Time{
			"payment.created": o.CreatedAt, "attempt.begun": o.CreatedAt, "attempt.captured": captured, "capture.begun": captured, "capture.succeeded": captured,
		} {
			if found := u.entries(o.ID, event); len(found) != 1 || found[0].At.Sub(at).Abs() > time.Minute {
				u.Errorf("%s: %+v, want one at %s", event, found, at)
			}
		}
		if captured.Sub(authorized) < time.Hour {
			u.Fatal("no time has passed")
		}
	})
}

func TestRefundsAtOnceThatFitAllGetThrough(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		var done sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			done.Go(func() {
				_, errs[i] = u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 1_250}, alone{})
			})
		}
		done.Wait()
		if err := errors.Join(errs...); err != nil {
			u.Errorf("a refund that fits: %v", err)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 10_000)
	})
}

func TestARefusedRefundFrees(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 9_000}, alone{})
		if err != nil || r.Status != "failed" || r.Failure == nil {
			u.Fatalf("%+v, %v", r, err)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if got := u.balance("refund_flight"); got != 0 {
			u.Errorf("%d in flight", got)
		}
		if r, err = u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 9_000}, alone{}); err != nil || r.Status != "succeeded" {
			u.Errorf("the next refund: %+v, %v", r, err)
		}
	}, fine, declined51)
}

func TestForeignThingsAreNotFound(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		in := order(true)
		in.Choice.Token = "pm_tok_00000000000000000000000002"
		_, create := u.Create(u.Context(), in, alone{})
		_, get := u.Get(u.Context(), "acct_shop:live", o.ID, nil)
		_, capture := u.Capture(u.Context(), "acct_other:test", o.ID, 0, false, alone{})
		_, refund := u.Refund(u.Context(), "acct_other:test", o.ID, RefundRequest{}, alone{})
		for name, err := range map[string]error{"create": create, "get": get, "capture": capture, "refund": refund} {
			if !fault.Is(err, fault.NotFound) {
				u.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestWhatIsExpandedIsThereWhenThereIsNoneOfIt(t *testing.T) {
	eachTill(t, func(u *till) {
		c := order(true)
		c.Confirm = false
		made, err := u.Create(u.Context(), c, alone{})
		if err != nil {
			u.Fatal(err)
		}
		for _, expand := range [][]string{nil, {"attempts", "refunds"}} {
			o, err := u.Get(u.Context(), shop, made.ID, expand)
			if err != nil {
				u.Fatal(err)
			}
			text, err := json.Marshal(o)
			if err != nil {
				u.Fatal(err)
			}
			for _, list := range []string{`"attempts":[]`, `"refunds":[]`} {
				if strings.Contains(string(text), list) != (expand != nil) {
					u.Errorf("expanded by %q: %s", expand, text)
				}
			}
		}
	})
}
