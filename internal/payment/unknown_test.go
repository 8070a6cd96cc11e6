package payment

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

func TestALostAnswerIsFoundByInquiry(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.expect(o, Processing, 0, 0)
		u.later(time.Minute)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if u.q.calls != 1 {
			u.Errorf("the money was asked for %d times", u.q.calls)
		}
	}, noAnswer)
}

func TestALostRequestIsReversedAndFails(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.later(10 * time.Minute)
		o = u.status(o.ID)
		u.expect(o, Failed, 0, 0)
		if o.Failure.Code != fault.CodeProviderUnavailable || o.Attempts[0].Status != AttemptVoided {
			u.Errorf("%+v, %+v", o.Failure, o.Attempts[0])
		}
		if count, _ := u.q.charged(); count != 0 {
			u.Error("the acquirer charged")
		}
	}, noArrival)
}

// However often the provider is asked, "not found" counts only after its settle delay, and only twice is it believed.
func TestNotFoundIsBelievedTwiceAndNotTooEarly(t *testing.T) {
	eachTill(t, func(u *till) {
		o, held := u.pay(true), u.pay(false)
		if _, err := u.Capture(u.Context(), shop, held.ID, 0, false, alone{}); err != nil {
			u.Fatal(err)
		}
		operations, err := u.store.operations(u.Context(), shop, held.ID)
		if err != nil {
			u.Fatal(err)
		}
		ask := func(wantCalls int, status Status, captured int64) {
			u.Helper()
			if err := errors.Join(u.resolveAttempt(u.Context(), []string{shop, o.ID, "1"}),
				u.resolveOperation(u.Context(), []string{shop, operations[0].ID})); err != nil {
				u.Fatal(err)
			}
			if u.q.calls != wantCalls {
				u.Fatalf("%d calls, want %d", u.q.calls, wantCalls)
			}
			u.expect(u.status(o.ID), status, 0, 0)
			if got := u.status(held.ID).AmountCaptured; got != captured {
				u.Fatalf("%d is captured, want %d", got, captured)
			}
		}
		u.now.Advance(5*time.Second - time.Microsecond)
		for range 3 {
			ask(3, Processing, 0)
		}
		u.now.Advance(time.Microsecond)
		ask(3, Processing, 0)
		ask(5, Failed, 10_000)
	}, noArrival, fine, noArrival)
}

func TestABlindProviderLeavesThePaymentUnknown(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.q.blind = true
		u.later(24 * time.Hour)
		u.expect(u.status(o.ID), Processing, 0, 0)
		if _, err := u.Cancel(u.Context(), shop, o.ID, "", alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("an unknown payment was canceled: %v", err)
		}
		u.q.blind = false
		u.later(24 * time.Hour)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	}, noAnswer)
}

func TestARefusedConnectionFailsAtOnce(t *testing.T) {
	eachTill(t, func(u *till) {
		o, err := u.Create(u.Context(), order(true), alone{})
		var declined *DeclinedError
		if !errors.As(err, &declined) || declined.Code != fault.CodeProviderUnavailable || !fault.Is(err, fault.Unavailable) {
			u.Fatalf("%v", err)
		}
		u.expect(o, Failed, 0, 0)
	}, refused)
}

func TestAnUnknownCaptureIsFoundByInquiry(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		o, err := u.Capture(u.Context(), shop, o.ID, 4_000, true, alone{})
		if err != nil || o.AmountCapturing != 4_000 || o.Status != Authorized {
			u.Fatalf("%+v, %v", o, err)
		}
		if _, err := u.Capture(u.Context(), shop, o.ID, 1_000, true, alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("captured beside an unknown capture: %v", err)
		}
		if _, err := u.Cancel(u.Context(), shop, o.ID, "", alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("canceled beside an unknown capture: %v", err)
		}
		u.later(time.Minute)
		u.expect(u.status(o.ID), Captured, 4_000, 0)
	}, fine, noAnswer)
}

func TestALostCaptureIsSentAgainUnderItsReference(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		if _, err := u.Capture(u.Context(), shop, o.ID, 4_000, true, alone{}); err != nil {
			u.Fatal(err)
		}
		u.later(10 * time.Minute)
		u.expect(u.status(o.ID), Captured, 4_000, 0)
		if _, captured := u.q.charged(); captured != 4_000 {
			u.Errorf("the acquirer took %d", captured)
		}
	}, fine, noArrival)
}

func TestAnUnknownRefundIsNeverPaidTwice(t *testing.T) {
	for name, m := range map[string]mishap{"answer lost": noAnswer, "request lost": noArrival, "left open": leftOpen} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(true)
				r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 7_000}, alone{})
				if err != nil || r.Status != "pending" {
					u.Fatalf("%+v, %v", r, err)
				}
				if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 7_000}, alone{}); !fault.Is(err, fault.Invalid) {
					u.Errorf("refunded beside an unknown refund: %v", err)
				}
				if m == leftOpen {
					u.q.word(r.ID, provider.Succeeded)
				}
				u.later(10 * time.Minute)
				r, err = u.GetRefund(u.Context(), shop, r.ID)
				if err != nil || r.Status != "succeeded" || u.q.auths[o.ID+"-1"].refunded.Minor() != 7_000 {
					u.Errorf("%+v, %v; the acquirer gave back %s", r, err, u.q.auths[o.ID+"-1"].refunded)
				}
			}, fine, m)
		})
	}
}

// crash is a Companion whose result cannot be written: the process dies between the provider's answer and the commit.
type crash struct{ alone }

var errCrash = errors.New("the process died")

func (crash) Result(*db.Change, any, error) error { return errCrash }

func TestACrashBetweenTheCommitsIsCleanedUp(t *testing.T) {
	eachTill(t, func(u *till) {
		if _, err := u.Create(u.Context(), order(true), crash{}); !errors.Is(err, errCrash) {
			u.Fatal(err)
		}
		page, _, err := u.List(u.Context(), shop, Page{Limit: 10}, Filter{})
		if err != nil || len(page) != 1 || page[0].Status != Processing {
			u.Fatalf("%+v, %v", page, err)
		}
		u.later(time.Minute)
		u.expect(u.status(page[0].ID), Captured, 10_000, 0)
		if count, captured := u.q.charged(); count != 1 || captured != 10_000 || u.q.calls != 1 {
			u.Errorf("the acquirer has %d charges of %d in %d calls", count, captured, u.q.calls)
		}
	})
}

func TestWebhooksApplyInAnyOrderAndOnce(t *testing.T) {
	say := func(u *till, o Object, state provider.State) Verdict {
		u.Helper()
		var verdict Verdict
		err := u.Notify(u.Context(), alpha, provider.Notification{
			EventID: "e", Type: "t", Operation: provider.OpAuthorize, Reference: o.ID + "-1", Attempt: o.ID + "-1",
			Outcome: u.q.word(o.ID+"-1", state),
		}, func(_ *db.Change, h Heard) error { verdict = h.Verdict; return nil })
		if err != nil {
			u.Fatal(err)
		}
		return verdict
	}
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.expect(o, Processing, 0, 0)
		for i, want := range []Verdict{Applied, Known, Known} {
			if got := say(u, o, provider.Captured); got != want {
				u.Errorf("message %d: %s, want %s", i, got, want)
			}
		}
		if got := say(u, o, provider.Pending); got != Known {
			u.Errorf("older news: %s", got)
		}
		if got := say(u, o, provider.Failed); got != Contradicted {
			u.Errorf("a failure after the success: %s", got)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		want := []event.Type{event.PaymentCreated, event.PaymentPending, event.PaymentCaptured}
		if !slices.Equal(u.events(), want) {
			u.Errorf("told %v", u.events())
		}
	}, leftOpen)
}

func TestAWebhookFasterThanTheAnswerIsNoConflict(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.between = func() {
			page, _, err := u.List(u.Context(), shop, Page{Limit: 1}, Filter{})
			if err != nil || len(page) != 1 {
				u.Fatalf("%v, %v", page, err)
			}
			reference := page[0].ID + "-1"
			outcome := u.q.outcomes[reference]
			err = u.Notify(u.Context(), alpha, provider.Notification{
				Operation: provider.OpAuthorize, Attempt: reference, Reference: reference, Outcome: outcome,
			}, func(*db.Change, Heard) error { return nil })
			if err != nil {
				u.Fatal(err)
			}
		}
		o := u.pay(true)
		u.expect(o, Captured, 10_000, 0)
		if n := len(u.events()); n != 2 {
			u.Errorf("%d events were told", n)
		}
	})
}

func TestMessagesAboutNothingOfOursAreKeptApart(t *testing.T) {
	eachTill(t, func(u *till) {
		for name, c := range map[string]struct {
			n    provider.Notification
			want Verdict
		}{
			"not understood":   {provider.Notification{Type: "dispute.opened"}, Unsupported},
			"foreign text":     {provider.Notification{Operation: provider.OpAuthorize, Attempt: "order-77"}, Unmatched},
			"unknown payment":  {provider.Notification{Operation: provider.OpAuthorize, Attempt: "pay_00000000000000000000000000-1"}, Unmatched},
			"unknown refund":   {provider.Notification{Operation: provider.OpRefund, Reference: "ref_00000000000000000000000000"}, Unmatched},
			"no reference":     {provider.Notification{Operation: provider.OpRefund}, Unmatched},
			"attempt number 0": {provider.Notification{Operation: provider.OpAuthorize, Attempt: "pay_00000000000000000000000000-0"}, Unmatched},
		} {
			var got Verdict
			if err := u.Notify(u.Context(), alpha, c.n, func(_ *db.Change, h Heard) error { got = h.Verdict; return nil }); err != nil || got != c.want {
				u.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
			}
		}
	})
}
