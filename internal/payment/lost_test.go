package payment

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

// Whichever way it is found that a call for a payment off session has charged nobody, the payment waits for its provider and is made after
// all: once.
func TestAPaymentOffSessionWhoseCallWasLostIsMadeOnce(t *testing.T) {
	smart := &Smart{MaxTries: 2}
	for name, c := range map[string]struct {
		retry   *Smart
		mishaps []mishap
		before  func(u *till, payment string) // the first inquiry
	}{
		"never arrived":                        {nil, []mishap{noArrival}, nil},
		"never arrived, with smart retries":    {smart, []mishap{noArrival}, nil},
		"the answer to its reversal was lost":  {nil, []mishap{noArrival, noAnswer}, nil},
		"its reversal did not arrive either":   {nil, []mishap{noArrival, noArrival}, nil},
		"its reversal died":                    {nil, []mishap{noArrival, diesAfter}, nil},
		"the process died before it was sent":  {nil, []mishap{diesBefore}, nil},
		"three times over":                     {nil, []mishap{noArrival, fine, noArrival, fine, noArrival}, nil},
		"the provider let go of it by itself":  {nil, []mishap{noAnswer}, func(u *till, payment string) { u.q.lapse(payment + "-1") }},
		"it arrives when it was given up":      {nil, []mishap{arrivesLate}, nil},
		"the provider's books were far behind": {nil, []mishap{noAnswer}, func(u *till, _ string) { u.q.slow = 3 }},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				method := u.agreement()
				in := by(method, Asked{OffSession: true})
				in.Capture, in.Retry = c.before == nil, c.retry
				u.q.mishaps = c.mishaps
				var o Object
				if err := dies(func() (err error) { o, err = u.Create(u.Context(), in, alone{}); return err }); err != nil {
					page, _, listed := u.List(u.Context(), shop, Page{Limit: 1}, Filter{})
					if listed != nil {
						t.Fatal(err, listed)
					}
					o = page[0] // nobody was told
				}
				if c.before != nil {
					c.before(u, o.ID)
				}
				u.later(2 * time.Minute)
				if now := u.status(o.ID); now.Status == Failed {
					t.Fatalf("given up: %+v", now.Failure)
				}
				u.q.arrive()
				for _, n := range u.q.letters()[1:] {
					u.tell(n)
				}
				u.later(time.Hour)
				now := u.status(o.ID)
				want := map[bool]Status{true: Captured, false: Authorized}[in.Capture]
				if now.Status != want || now.Failure != nil || now.NextRetryAt != nil {
					t.Errorf("in the end it is %s, %+v, tried at %v", now.Status, now.Failure, now.NextRetryAt)
				}
				if c.retry != nil && now.Retry.Declined != 0 {
					t.Errorf("an issuer is said to have declined %d times", now.Retry.Declined)
				}
				tries := 0
				for _, a := range now.Attempts {
					if open, kept := u.q.keeps(a.Reference); open || kept > 0 {
						tries++
					}
				}
				if tries != 1 {
					t.Errorf("the acquirer has the money of %d of %d tries", tries, len(now.Attempts))
				}
				if told := u.events(); slices.Contains(told, event.PaymentFailed) {
					t.Errorf("told %v", told)
				}
			})
		})
	}
}

// What its merchant reads meanwhile: why it waits, and until when.
func TestAPaymentOffSessionWhoseCallWasLostSaysThatItWaits(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.agreement()
		u.q.mishaps = []mishap{noArrival}
		o := u.charge(method, &Smart{})
		for range 100 {
			if o = u.status(o.ID); o.NextRetryAt != nil {
				break
			}
			u.now.Advance(time.Second)
			u.later(8 * time.Microsecond)
		}
		if o.Status != Processing || o.NextRetryAt == nil || o.Failure == nil || o.Failure.Code != fault.CodeProviderUnavailable || o.Attempts[0].Status != AttemptVoided {
			t.Fatalf("it is %s, %+v, tried at %v", o.Status, o.Failure, o.NextRetryAt)
		}
		if wait := o.NextRetryAt.Sub(u.now.Now()); wait > longestWait {
			t.Errorf("it is tried again in %v", wait)
		}
		if _, err := u.Cancel(u.Context(), shop, o.ID, "the contract ended", alone{}); err != nil {
			t.Errorf("it cannot be canceled: %v", err)
		}
	})
}

func TestAPaymentOffSessionWhoseCallsAreLostFailsWhenItsTimeIsOver(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.agreement()
		for range 100 {
			u.q.mishaps = append(u.q.mishaps, noArrival, fine) // each call for the money, and its reversal
		}
		in := by(method, Asked{OffSession: true})
		in.QueueUntil = u.now.Now().Add(2 * time.Hour)
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			t.Fatal(err)
		}
		u.later(time.Hour)
		if now := u.status(o.ID); now.Status != Processing {
			t.Errorf("before its time is over it is %s", now.Status)
		}
		for range 12 {
			u.later(10 * time.Minute)
		}
		now := u.status(o.ID)
		if u.expect(now, Failed, 0, 0); now.Failure.Code != fault.CodeProviderUnavailable {
			t.Errorf("failed with %+v", now.Failure)
		}
	})
}

// Whoever said that nobody was charged has the payment made again themselves, or not.
func TestAPersonsWordThatNobodyWasChargedEndsAPaymentOffSession(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.agreement()
		u.q.mishaps, u.q.blind = []mishap{noArrival}, true
		o := u.charge(method, &Smart{})
		u.hours(8)
		items := u.queue()
		if len(items) != 1 {
			t.Fatalf("the queue has %+v", items)
		}
		asked := len(u.q.asked)
		if _, err := u.ResolveManual(u.Context(), shop, items[0].ID, Resolution{Outcome: NotCharged, Reason: "seen in the portal"}, alone{}); err != nil {
			t.Fatal(err)
		}
		u.later(24 * time.Hour)
		if u.expect(u.status(o.ID), Failed, 0, 0); len(u.q.asked) != asked {
			t.Error("it was asked for again")
		}
	})
}

// The same over the acquirers' own protocol: connections are reset, nothing is said of what became of the call.
func TestPaymentsOffSessionOutliveAnOutageThatResetsConnections(t *testing.T) {
	for _, mode := range []string{"refuse", "hang"} {
		t.Run(mode, func(t *testing.T) {
			eachStreet(t, func(s *street) {
				method := s.saves(s.payer(), s.card(visa, ""), true)
				s.firstPaid(method)
				for _, name := range []string{"alpha", "beta"} {
					if _, err := s.world.Down(name, time.Hour, mode); err != nil {
						t.Fatal(err)
					}
				}
				var all []Object
				for range 3 {
					all = append(all, s.charge(method, nil))
				}
				s.later(10 * time.Minute)
				for _, name := range []string{"alpha", "beta"} {
					if err := s.world.Up(name); err != nil {
						t.Fatal(err)
					}
				}
				s.passes(2 * time.Hour)
				for _, o := range all {
					o = s.status(o.ID)
					if o.Status != Captured {
						t.Errorf("it ends %s after %d attempts: %+v", o.Status, len(o.Attempts), o.Failure)
					}
					charged := 0
					for _, a := range o.Attempts {
						n, err := s.world.Charges(a.Reference)
						if err != nil {
							t.Fatal(err)
						}
						charged += n
					}
					if charged != 1 {
						t.Errorf("the acquirers have %d charges of it", charged)
					}
					if a := o.Attempts[0]; a.Status != AttemptVoided || a.Failure.Code != fault.CodeProviderUnavailable {
						t.Errorf("its first try is %s: %+v", a.Status, a.Failure)
					}
				}
			})
		})
	}
}
