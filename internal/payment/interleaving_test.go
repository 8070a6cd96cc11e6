package payment

import (
	"errors"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

func TestAReversalThatWasRefusedIsTriedUnderAnotherReference(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.later(time.Hour)
		u.expect(u.status(o.ID), Failed, 0, 0)
	}, noArrival, declined51, refused, noAnswer)
}

func TestAPendingAttemptIsAskedAboutUntilItsEnd(t *testing.T) {
	for name, first := range map[string]mishap{"told so": leftOpen, "answer lost": noAnswer} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(true)
				u.q.word(o.ID+"-1", provider.Pending)
				u.later(time.Hour)
				u.q.blind = true
				u.later(time.Hour)
				u.q.blind = false
				u.later(6 * time.Hour)
				u.expect(u.status(o.ID), Processing, 0, 0)
				if rows, err := u.store.contradictions(u.Context(), shop, o.ID); err != nil || len(rows) != 0 {
					u.Errorf("contradicted by %+v, %v", rows, err)
				}
				a, err := u.store.attempt(u.Context(), shop, o.ID, 1)
				if err != nil || a.DueAt.IsZero() || a.Inquiries > 20 {
					u.Errorf("asked %d times, due at %v, %v", a.Inquiries, a.DueAt, err)
				}
				u.q.word(o.ID+"-1", provider.Captured)
				u.later(24 * time.Hour)
				u.expect(u.status(o.ID), Captured, 10_000, 0)
				if u.q.calls != 1 {
					u.Errorf("%d calls", u.q.calls)
				}
			}, first)
		})
	}
}

func TestAnAttemptThatWasVoidedBeforeWeHeardOfItFails(t *testing.T) {
	eachTill(t, func(u *till) {
		if _, err := u.Create(u.Context(), order(false), crash{}); !errors.Is(err, errCrash) {
			u.Fatal(err)
		}
		page, _, err := u.List(u.Context(), shop, Page{Limit: 1}, Filter{})
		if err != nil {
			u.Fatal(err)
		}
		u.q.lapse(page[0].ID + "-1")
		u.later(time.Minute)
		u.expect(u.status(page[0].ID), Failed, 0, 0)
	})
}

func TestAHoldThatEndedUnheardIsFoundOutWhenACaptureIsRefused(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		u.q.lapse(o.ID + "-1")
		var refused *DeclinedError
		if _, err := u.Capture(u.Context(), shop, o.ID, 0, false, alone{}); !errors.As(err, &refused) {
			u.Fatalf("captured: %v", err)
		}
		u.expect(u.status(o.ID), Authorized, 0, 0)
		u.later(time.Minute)
		u.expect(u.status(o.ID), Expired, 0, 0)
		if u.balance("auth_hold") != 0 {
			u.Error("the hold is still in the books")
		}
	})
}

func TestAHoldThatEndedUnheardIsFoundOutWhenItsTimeIsOver(t *testing.T) {
	for name, captured := range map[string]int64{"nothing captured": 0, "a part captured": 4_000} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(false)
				want := Expired
				if captured > 0 {
					want = Captured
					if _, err := u.Capture(u.Context(), shop, o.ID, captured, false, alone{}); err != nil {
						u.Fatal(err)
					}
				}
				u.q.lapse(o.ID + "-1")
				u.later(8 * 24 * time.Hour)
				u.later(time.Hour)
				u.expect(u.status(o.ID), want, captured, 0)
				if u.balance("auth_hold") != 0 {
					u.Error("the hold is still in the books")
				}
				if u.q.calls > 4 {
					u.Errorf("%d calls", u.q.calls)
				}
			})
		})
	}
}

func TestWhatWasCapturedStandsWhenTheProviderReleasesTheRest(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		if _, err := u.Capture(u.Context(), shop, o.ID, 4_000, false, alone{}); err != nil {
			u.Fatal(err)
		}
		if v := u.tell(says(o, "1", approved(provider.Voided, of(o, 10_000)))); v != Applied {
			u.Errorf("the release is %s", v)
		}
		o = u.status(o.ID)
		u.expect(o, Captured, 4_000, 0)
		if o.Attempts[0].Status != AttemptCaptured || u.balance("auth_hold") != 0 {
			u.Errorf("%+v, %d on hold", o.Attempts[0], u.balance("auth_hold"))
		}
		if r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{}, alone{}); err != nil || r.Amount != 4_000 {
			u.Errorf("the refund of a part: %+v, %v", r, err)
		}
	})
}

// The provider says that the hold is gone while a capture of it is open: which came first is for the capture to tell.
func TestTheEndOfAHoldWaitsForTheOperationOnIt(t *testing.T) {
	for name, c := range map[string]struct {
		m        mishap
		want     Status
		captured int64
	}{"it was captured before": {noAnswer, Captured, 10_000}, "it was not": {noArrival, Expired, 0}} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(false)
				if _, err := u.Capture(u.Context(), shop, o.ID, 0, false, alone{}); err != nil {
					u.Fatal(err)
				}
				u.q.lapse(o.ID + "-1")
				u.tell(says(o, "1", approved(provider.Voided, of(o, 10_000))))
				u.expect(u.status(o.ID), Authorized, 0, 0)
				u.later(time.Hour)
				u.expect(u.status(o.ID), c.want, c.captured, 0)
				if rows, err := u.store.contradictions(u.Context(), shop, o.ID); err != nil || len(rows) != 0 {
					u.Errorf("contradicted by %+v, %v", rows, err)
				}
			}, fine, c.m)
		})
	}
}

// The webhook of a cancellation overtakes its answer.
func TestACancellationStaysOneWhateverIsHeardFirst(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		u.q.between = func() {
			u.q.between = nil
			u.tell(says(o, "1", approved(provider.Voided, of(o, 10_000))))
		}
		o, err := u.Cancel(u.Context(), shop, o.ID, "out of stock", alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Canceled, 0, 0)
		if o.CancellationReason != "out of stock" {
			u.Errorf("canceled for %q", o.CancellationReason)
		}
	})
}

func TestAVoidOfUnknownOutcomeReleasesOnce(t *testing.T) {
	for name, m := range map[string]mishap{"answer lost": noAnswer, "request lost": noArrival, "request late": arrivesLate} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(false)
				if _, err := u.Capture(u.Context(), shop, o.ID, 1_000, false, alone{}); err != nil {
					u.Fatal(err)
				}
				o, err := u.Cancel(u.Context(), shop, o.ID, "", alone{})
				if err != nil || o.Status != Authorized {
					u.Fatalf("%+v, %v", o, err)
				}
				if _, err := u.Capture(u.Context(), shop, o.ID, 0, false, alone{}); !fault.Is(err, fault.Conflict) {
					u.Errorf("captured beside a void: %v", err)
				}
				u.later(30 * time.Second)
				u.q.arrive()
				u.later(10 * time.Minute)
				u.expect(u.status(o.ID), Captured, 1_000, 0)
				if open, _ := u.q.keeps(o.ID + "-1"); open || u.balance("auth_hold") != 0 {
					u.Errorf("held: %v at the acquirer, %d in the books", open, u.balance("auth_hold"))
				}
			}, fine, fine, m)
		})
	}
}

func TestACaptureComesBeforeItsTimeOrNotAtAll(t *testing.T) {
	eachTill(t, func(u *till) {
		in := order(false)
		in.CaptureBefore = u.now.Now().Add(time.Hour)
		last, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		late, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.now.Advance(time.Hour - time.Microsecond)
		if _, err := u.Capture(u.Context(), shop, last.ID, 0, false, alone{}); err != nil {
			u.Errorf("in time: %v", err)
		}
		u.now.Advance(time.Microsecond)
		var e *fault.Error
		if _, err := u.Capture(u.Context(), shop, late.ID, 0, false, alone{}); !errors.As(err, &e) || e.Code != fault.CodeExpired || e.Kind != fault.Conflict {
			u.Errorf("at the instant it expires: %v", err)
		}
		u.later(time.Minute)
		u.expect(u.status(last.ID), Captured, 10_000, 0)
		u.expect(u.status(late.ID), Expired, 0, 0)
	})
}

func TestARestThatTheProviderWouldReleaseIsNotLeft(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.once = true
		o := u.pay(false)
		var e *fault.Error
		if _, err := u.Capture(u.Context(), shop, o.ID, 4_000, false, alone{}); !errors.As(err, &e) || e.Param != "final" {
			u.Errorf("a part that is not final: %v", err)
		}
		o, err := u.Capture(u.Context(), shop, o.ID, 4_000, true, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 4_000, 0)
	})
}

func TestAListShowsWhatIsBeingCaptured(t *testing.T) {
	eachTill(t, func(u *till) {
		held, other := u.pay(false), u.pay(false)
		if _, err := u.Capture(u.Context(), shop, held.ID, 4_000, false, alone{}); err != nil {
			u.Fatal(err)
		}
		page, _, err := u.List(u.Context(), shop, Page{Limit: 10}, Filter{Status: string(Authorized)})
		if err != nil || len(page) != 2 || page[0].ID != other.ID || page[0].AmountCapturing != 0 || page[1].AmountCapturing != 4_000 {
			u.Errorf("%+v, %v", page, err)
		}
		u.later(time.Minute)
	}, fine, fine, noAnswer)
}

func TestCurrenciesKeepTheirUnit(t *testing.T) {
	for code, minor := range map[string]int64{"JPY": 500, "KWD": 1_234_567, "EUR": 999_999_999_999} {
		t.Run(code, func(t *testing.T) {
			eachTill(t, func(u *till) {
				in := order(false)
				in.Currency, in.Amount = code, minor
				o, err := u.Create(u.Context(), in, alone{})
				if err != nil {
					u.Fatal(err)
				}
				if o, err = u.Capture(u.Context(), shop, o.ID, minor-1, true, alone{}); err != nil || o.AmountCaptured != minor-1 || o.Currency != code {
					u.Fatalf("%+v, %v", o, err)
				}
				if r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{}, alone{}); err != nil || r.Amount != minor-1 || r.Currency != code {
					u.Errorf("%+v, %v", r, err)
				}
				if u.balance("psp_receivable:alpha") != 0 || u.balance("auth_hold") != 0 {
					u.Error("something is left in the books")
				}
			})
		})
	}
}
