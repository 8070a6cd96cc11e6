package payment

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
)

// agreement is a saved method that may be charged while its customer is not there.
func (u *till) agreement() string {
	u.Helper()
	method := u.saves(u.payer(), tokenBrowser, true)
	if _, err := u.Create(u.Context(), by(method, Asked{}), alone{}); err != nil {
		u.Fatal(err)
	}
	return method
}

// charge charges a method whose customer is not there.
func (u *till) charge(method string, retry *Smart) Object {
	u.Helper()
	in := by(method, Asked{OffSession: true})
	in.Retry = retry
	o, err := u.Create(u.Context(), in, alone{})
	if err != nil {
		u.Fatalf("charge: %v", err)
	}
	return o
}

// untilTried lets time pass until a payment that waits is tried.
func (u *till) untilTried(o Object) Object {
	u.Helper()
	if o.NextRetryAt == nil {
		u.Fatalf("the payment is %s and does not wait", o.Status)
	}
	u.now.Advance(o.NextRetryAt.Sub(u.now.Now()) + time.Second)
	u.later(8 * time.Microsecond)
	return u.status(o.ID)
}

func TestAPaymentOffSessionWaitsForAProvider(t *testing.T) {
	for name, early := range map[string]bool{"known before": true, "known at the call": false} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				method := u.agreement()
				sick := &outage{turns: -1}
				u.Health = sick
				if early {
					sick.down(u.now.Now().Add(time.Hour), health.Authorize)
				} else {
					u.q.mishaps = []mishap{refused}
				}
				o := u.charge(method, nil)
				if o.Status != Processing || o.NextRetryAt == nil || !o.QueueUntil.Equal(u.now.Now().Add(defaultQueueUntil)) || o.Retry != nil {
					t.Fatalf("it is %s, tried again at %v until %v", o.Status, o.NextRetryAt, o.QueueUntil)
				}
				asked := len(u.q.asked)
				if early {
					u.later(30 * time.Minute)
					if u.expect(u.status(o.ID), Processing, 0, 0); len(u.q.asked) != asked {
						t.Fatal("a provider that is down was asked")
					}
				}
				sick.down(time.Time{})
				u.later(time.Hour)
				u.expect(u.status(o.ID), Captured, 10_000, 0)
				if n, captured := u.q.charged(); n != 2 || captured != 20_000 {
					t.Errorf("%d authorizations of %d in all", n, captured)
				}
				if got := u.events(); !slices.Contains(got, event.PaymentPending) || slices.Contains(got, event.PaymentFailed) {
					t.Errorf("told %v", got)
				}
			})
		})
	}
}

func TestAPaymentWhosePayerIsThereNeverWaits(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		sick.down(u.now.Now().Add(time.Hour), health.Authorize)
		if _, err := u.Create(u.Context(), order(true), alone{}); !errors.Is(err, errShut) {
			t.Errorf("with every provider down: %v", err)
		}
		sick.down(time.Time{})
		u.q.mishaps = []mishap{refused}
		if _, err := u.Create(u.Context(), order(true), alone{}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("with the connection refused: %v", err)
		}
	})
}

func TestAPaymentOffSessionFailsWhenNoProviderComesBack(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.agreement()
		sick := &outage{turns: -1}
		u.Health = sick
		sick.down(u.now.Now().Add(1000*time.Hour), health.Authorize)
		in := by(method, Asked{OffSession: true})
		in.QueueUntil = u.now.Now().Add(2 * time.Hour)
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			t.Fatal(err)
		}
		u.later(3 * time.Hour)
		now := u.status(o.ID)
		if u.expect(now, Failed, 0, 0); now.Failure.Code != fault.CodeProviderUnavailable || now.NextRetryAt != nil || len(now.Attempts) > 0 {
			t.Errorf("failed with %+v after %d attempts", now.Failure, len(now.Attempts))
		}
		if !slices.Contains(u.events(), event.PaymentFailed) {
			t.Errorf("told %v", u.events())
		}
	})
}

func TestRefundsThatWaitGoBeforePaymentsThatWait(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.agreement()
		sold := u.pay(true)
		sick := &outage{}
		u.Health = sick
		sick.down(u.now.Now().Add(time.Minute), health.Authorize, health.Refund)
		waits := u.charge(method, nil)
		r := u.refund(sold, 1_000)
		u.now.Advance(10 * time.Minute)
		sick.down(time.Time{})
		sick.give(1, u.now.Now().Add(time.Second))
		for _, sweep := range u.Sweeps() {
			if sweep.Table == paymentTable { // the payment has the turn, and gives it away
				if _, err := u.DB.SweepOnce(u.Context(), sweep); err != nil {
					t.Fatal(err)
				}
			}
		}
		u.expect(u.status(waits.ID), Processing, 0, 0)
		if op := u.operation(r.ID); op.State != OperationSucceeded {
			t.Errorf("the refund is %s", op.State)
		}
		sick.give(-1, time.Time{})
		u.later(10 * time.Minute)
		u.expect(u.status(waits.ID), Captured, 10_000, 0)
	})
}

func TestADeclineForNowIsTriedAgainAtTheBestHour(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.agreement()
		u.q.mishaps = []mishap{declined51, declined51}
		o := u.charge(method, &Smart{Until: u.now.Now().Add(20 * 24 * time.Hour)})
		if o.Status != Processing || o.Failure.DeclineCode != provider.InsufficientFunds || o.Retry.MaxTries != defaultMaxTries || o.Retry.Declined != 1 {
			t.Fatalf("%s, %+v, %+v", o.Status, o.Failure, o.Retry)
		}
		if at := o.NextRetryAt; !at.Equal(at.Truncate(time.Microsecond)) {
			t.Errorf("a time finer than the database keeps: %v", at)
		}
		if at := o.NextRetryAt; at.Before(u.now.Now().Add(24*time.Hour)) || at.After(u.now.Now().Add(48*time.Hour)) || at.UTC().Hour() != retry.UsualHour {
			t.Errorf("tried again at %v", at)
		}
		second := u.untilTried(o)
		if second.Status != Processing || second.Retry.Declined != 2 || len(second.Attempts) != 2 || second.NextRetryAt.Before(o.NextRetryAt.Add(2*24*time.Hour)) {
			t.Fatalf("%s after %d attempts, %+v, again at %v", second.Status, len(second.Attempts), second.Retry, second.NextRetryAt)
		}
		third := u.untilTried(second)
		u.expect(third, Captured, 10_000, 0)
		if third.NextRetryAt != nil || third.Failure != nil {
			t.Errorf("again at %v, %+v", third.NextRetryAt, third.Failure)
		}
		pending := 0
		for _, told := range u.events() {
			if told == event.PaymentPending {
				pending++
			}
		}
		if pending != 2 || slices.Contains(u.events(), event.PaymentFailed) {
			t.Errorf("told %v", u.events())
		}
	})
}

func TestSmartRetriesEnd(t *testing.T) {
	for name, c := range map[string]struct {
		within   time.Duration // zero: as long as it likes
		tries    int64
		mishaps  []mishap
		before   func(u *till, method string)
		attempts int
		code     string
	}{
		"after as many tries as were asked for": {0, 2, []mishap{declined51, declined51}, nil, 2, fault.CodeCardDeclined},
		"when the time is over":                 {30 * time.Hour, 9, []mishap{declined51, declined51}, nil, 2, fault.CodeCardDeclined},
		"when the consent is withdrawn": {0, 9, []mishap{declined51}, func(u *till, method string) {
			if _, err := u.wallets.Withdraw(u.Context(), shop, method, func(*db.Change, customer.MethodObject) error { return nil }); err != nil {
				u.Fatal(err)
			}
		}, 1, CodeConsentMissing},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				method := u.agreement()
				u.q.mishaps = c.mishaps
				retry := &Smart{MaxTries: c.tries}
				if c.within > 0 {
					retry.Until = u.now.Now().Add(c.within)
				}
				o := u.charge(method, retry)
				if c.before != nil {
					c.before(u, method)
				}
				for range c.attempts {
					if o = u.status(o.ID); o.Status == Processing {
						o = u.untilTried(o)
					}
				}
				if u.expect(o, Failed, 0, 0); len(o.Attempts) != c.attempts || o.Failure.Code != c.code {
					t.Errorf("failed with %+v after %d attempts", o.Failure, len(o.Attempts))
				}
			})
		})
	}
}

func TestAPaymentThatWaitsCanBeCanceled(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.agreement()
		u.q.mishaps = []mishap{declined51}
		o := u.charge(method, &Smart{})
		asked := len(u.q.asked)
		canceled, err := u.Cancel(u.Context(), shop, o.ID, "the contract ended", alone{})
		if err != nil || canceled.Status != Canceled || canceled.NextRetryAt != nil {
			t.Fatalf("%s, %v", canceled.Status, err)
		}
		u.later(10 * 24 * time.Hour)
		if u.expect(u.status(o.ID), Canceled, 0, 0); len(u.q.asked) != asked {
			t.Error("it was asked for again")
		}
	})
}

func TestOnlyPaymentsOffSessionMayAskForRetries(t *testing.T) {
	now := noon
	for name, c := range map[string]struct {
		in    Create
		param string
	}{
		"on session":     {Create{Confirm: true, Retry: &Smart{}}, "retry"},
		"unconfirmed":    {Create{Asked: Asked{OffSession: true}, Retry: &Smart{}}, "retry"},
		"a queue":        {Create{Confirm: true, QueueUntil: now.Add(time.Hour)}, "queue_until"},
		"in the past":    {Create{Confirm: true, Asked: Asked{OffSession: true}, Retry: &Smart{Until: now}}, "retry.until"},
		"too far":        {Create{Confirm: true, Asked: Asked{OffSession: true}, Retry: &Smart{Until: now.Add(31 * 24 * time.Hour)}}, "retry.until"},
		"queue too far":  {Create{Confirm: true, Asked: Asked{OffSession: true}, QueueUntil: now.Add(31 * 24 * time.Hour)}, "queue_until"},
		"queue too late": {Create{Confirm: true, Asked: Asked{OffSession: true}, QueueUntil: now}, "queue_until"},
	} {
		var refused *fault.Error
		if _, err := c.in.later(now); !errors.As(err, &refused) || refused.Param != c.param {
			t.Errorf("%s: %v", name, err)
		}
	}
	if l, err := (Create{Confirm: true}).later(now); l != nil || err != nil {
		t.Errorf("with the payer there: %+v, %v", l, err)
	}
}

func TestWhenADeclineIsTriedAgain(t *testing.T) {
	const day = 24 * time.Hour
	far := noon.Add(30 * day)
	for name, c := range map[string]struct {
		decline provider.Decline
		tries   int64
		until   time.Time
		want    time.Duration // negative: never
	}{
		"funds":                         {provider.Decline{Code: provider.InsufficientFunds}, 1, far, 44 * time.Hour},
		"funds, again":                  {provider.Decline{Code: provider.InsufficientFunds}, 2, far, 3*day + 20*time.Hour},
		"funds, the network knows":      {provider.Decline{Code: provider.InsufficientFunds, NetworkAdvice: "24"}, 1, far, time.Hour},
		"funds, the network says wait":  {provider.Decline{Code: provider.InsufficientFunds, NetworkAdvice: "30"}, 1, far, 10*day + 20*time.Hour},
		"funds, no time for the hour":   {provider.Decline{Code: provider.InsufficientFunds}, 1, noon.Add(25 * time.Hour), day},
		"funds, no time":                {provider.Decline{Code: provider.InsufficientFunds}, 1, noon.Add(23 * time.Hour), -1},
		"the issuer cannot be reached":  {provider.Decline{Code: provider.IssuerUnavailable}, 1, far, time.Hour},
		"not to the end":                {provider.Decline{Code: provider.IssuerUnavailable}, 4, far, -1},
		"do not honor":                  {provider.Decline{Code: provider.DoNotHonor}, 1, far, 2*day + 20*time.Hour},
		"the network says as the table": {provider.Decline{Code: provider.DoNotHonor, NetworkAdvice: "25"}, 1, far, 44 * time.Hour},
		"do not honor, thrice":          {provider.Decline{Code: provider.DoNotHonor}, 3, far, -1},
		"the network says never":        {provider.Decline{Code: provider.DoNotHonor, NetworkAdvice: "03"}, 1, far, -1},
		"stolen":                        {provider.Decline{Code: provider.StolenCard}, 1, far, -1},
		"expired":                       {provider.Decline{Code: provider.ExpiredCard}, 1, far, -1},
		"authenticate":                  {provider.Decline{Code: provider.AuthenticationRequired}, 1, far, -1},
		"nobody knows why":              {provider.Decline{Code: "x"}, 1, far, -1},
		"as often as asked for":         {provider.Decline{Code: provider.InsufficientFunds}, 9, far, -1},
	} {
		at, ok := Smart{Until: c.until, MaxTries: 9, Declined: c.tries}.Next(retried(c.decline, "mastercard"), retry.UsualHour, noon)
		if ok != (c.want >= 0) || ok && at.Sub(noon) != c.want {
			t.Errorf("%s: %v, %v; want %v", name, at.Sub(noon), ok, c.want)
		}
	}
}

func TestHoursAreCountedFromTriesWhosePayersWereNotThere(t *testing.T) {
	eachTill(t, func(u *till) {
		card := u.saves(u.payer(), tokenGerman, true)
		if _, err := u.Create(u.Context(), by(card, Asked{}), alone{}); err != nil {
			t.Fatal(err)
		}
		u.charge(card, nil)
		u.q.mishaps = []mishap{declined51}
		u.charge(card, &Smart{})
		hour := u.now.Now().UTC().Hour()
		u.now.Advance(2 * time.Hour)
		u.charge(card, nil)
		counts, err := u.store.hourCounts(u.Context(), shop, u.now.Now().Add(-hourSpan))
		slices.SortFunc(counts, func(a, b retry.HourCount) int { return a.Hour - b.Hour })
		if err != nil || !slices.Equal(counts, []retry.HourCount{{Country: "DE", Hour: hour, Asked: 2, Approved: 1}, {Country: "DE", Hour: hour + 2, Asked: 1, Approved: 1}}) {
			t.Errorf("counted %+v, %v", counts, err)
		}
	})
}

// Voided is what its merchant let go of after the issuer had agreed, and what Florin reversed because nobody knew what the issuer had said.
func TestATryThatOnlyOurReversalEndedTellsNothingOfItsHour(t *testing.T) {
	eachTill(t, func(u *till) {
		card := u.saves(u.payer(), tokenGerman, true)
		if _, err := u.Create(u.Context(), by(card, Asked{}), alone{}); err != nil {
			t.Fatal(err)
		}
		hour := u.now.Now().UTC().Hour()
		in := by(card, Asked{OffSession: true})
		in.Capture = false
		agreed, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Cancel(u.Context(), shop, agreed.ID, "", alone{}); err != nil {
			t.Fatal(err)
		}
		u.q.mishaps = []mishap{noArrival}
		in.QueueUntil = u.now.Now().Add(time.Second) // so that no other try follows
		lost, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			t.Fatal(err)
		}
		u.later(time.Hour)
		u.tried(u.status(lost.ID), "alpha voided")
		counts, err := u.store.hourCounts(u.Context(), shop, u.now.Now().Add(-hourSpan))
		if err != nil || !slices.Equal(counts, []retry.HourCount{{Country: "DE", Hour: hour, Asked: 1, Approved: 1}}) {
			t.Errorf("counted %+v, %v", counts, err)
		}
	})
}

func TestAPaymentThatWaitsOutlivesAReadThatFails(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.agreement()
		sold := u.pay(true)
		sick := &outage{}
		u.Health = sick
		sick.down(u.now.Now().Add(time.Minute), health.Authorize, health.Refund)
		waits := u.charge(method, nil)
		u.refund(sold, 1_000)
		u.now.Advance(10 * time.Minute)
		sick.down(time.Time{})
		sick.give(-1, time.Time{})
		u.Control = unread{"refund alpha"}
		u.later(10 * time.Minute)
		u.expect(u.status(waits.ID), Processing, 0, 0)
		u.Control = nil
		u.later(10 * time.Minute)
		u.expect(u.status(waits.ID), Captured, 10_000, 0)
	})
}
