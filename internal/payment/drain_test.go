package payment

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
)

// captured asks for all of a payment's money, and fails the test if that is refused. It may wait.
func (u *till) captured(o Object) {
	u.Helper()
	if _, err := u.Capture(u.Context(), shop, o.ID, 0, true, alone{}); err != nil {
		u.Fatalf("capture: %v", err)
	}
}

// turns has so many of what waited be sent, one at a time.
func (u *till) turns(sick *outage, n int) {
	u.Helper()
	for range n {
		sick.give(1, u.now.Now().Add(time.Second))
		u.sweepOperations()
		u.now.Advance(shortestWait)
	}
}

// One capture is never processed, although the account takes others. Its deadline is the nearest.
func TestWhatIsAlwaysTriedInVainKeepsNothingElseWaiting(t *testing.T) {
	for name, c := range map[string]struct {
		tried bool          // the others were tried in vain, too
		since time.Duration // the last try
	}{
		"the others have not been tried":               {},
		"it was tried some time ago":                   {since: 10 * time.Minute},
		"the others were tried in vain after it":       {tried: true},
		"all of them were tried in vain some time ago": {tried: true, since: 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				sick := &outage{turns: -1}
				u.Health = sick
				bad := u.pay(false)
				u.q.deaf = map[string]int{bad.ID + "-1": 0}
				u.now.Advance(time.Second)
				others := []Object{u.pay(false), u.pay(false), u.pay(false)}
				u.captured(bad)
				u.now.Advance(time.Second)
				if !c.tried {
					sick.down(u.now.Now().Add(time.Minute), health.Capture)
				}
				for _, o := range others {
					u.q.mishaps = []mishap{refused}
					u.captured(o)
				}
				u.q.mishaps = nil
				sick.down(time.Time{})
				u.now.Advance(max(c.since, 2*time.Minute))
				u.turns(sick, 6)
				for _, o := range others {
					u.expect(u.status(o.ID), Captured, 10_000, 0)
				}
				u.expect(u.status(bad.ID), Authorized, 0, 0)
				if n := u.q.deaf[bad.ID+"-1"]; n > 4 {
					t.Errorf("it was tried %d times while others waited", n)
				}
				u.turns(sick, 1)
				u.now.Advance(longestWait)
				before := u.q.deaf[bad.ID+"-1"]
				if u.turns(sick, 1); u.q.deaf[bad.ID+"-1"] != before+1 {
					t.Error("alone, it was not tried again")
				}
			})
		})
	}
}

func TestAKindThatIsDownTakesNoTurnsOfOthers(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		sold, held := u.pay(true), u.pay(false)
		sick.down(u.now.Now().Add(time.Hour), health.Refund, health.Capture)
		r := u.refund(sold, 1_000)
		u.captured(held)
		u.now.Advance(61 * time.Minute)
		sick.down(u.now.Now().Add(time.Hour), health.Refund)
		u.later(4 * time.Minute)
		u.expect(u.status(held.ID), Captured, 10_000, 0)
		if op := u.operation(r.ID); op.State != OperationQueued {
			t.Errorf("the refund is %s", op.State)
		}
	})
}

func TestWhoeverGivesATurnAwayWaitsNoLongerThanByItself(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct{ due, since, want time.Duration }{
		"the other's is near":           {3 * time.Second, time.Hour, 3 * time.Second},
		"it has waited a minute":        {6 * time.Hour, time.Minute, 15 * time.Second},
		"it has waited long":            {6 * time.Hour, 24 * time.Hour, longestWait},
		"the other's is there":          {-time.Minute, time.Hour, shortestWait},
		"a hand has just taken it up":   {sweepLease, time.Hour, shortestWait},
		"it has only begun to wait":     {time.Minute - 20*time.Second, 0, shortestWait},
		"it is of another one's moment": {time.Minute, 20 * time.Minute, shortestWait},
	} {
		other := Operation{DueAt: now.Add(c.due)}
		if got := other.turn(now.Add(-c.since), now).Sub(now); got != c.want {
			t.Errorf("%s: it waits %s, want %s", name, got, c.want)
		}
	}
}

func TestAPaymentThatGivesItsTurnAwayIsNotPutOffForHours(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.agreement()
		sold := u.pay(true)
		sick := &outage{turns: -1}
		u.Health = sick
		sick.down(u.now.Now().Add(6*time.Hour), health.Refund)
		u.refund(sold, 1_000)
		sick.down(u.now.Now().Add(20*time.Second), health.Authorize)
		waits := u.charge(method, nil)
		u.now.Advance(20 * time.Second)
		sick.down(time.Time{})
		sick.give(1, u.now.Now().Add(time.Second))
		for _, sweep := range u.Sweeps() {
			if sweep.Table == paymentTable {
				if _, err := u.DB.SweepOnce(u.Context(), sweep); err != nil {
					t.Fatal(err)
				}
			}
		}
		if made := u.q.refundsMade(); len(made) != 1 {
			t.Fatalf("the refund that waited did not go first: %v", made)
		}
		if next := u.status(waits.ID).NextRetryAt; next == nil || next.Sub(u.now.Now()) > longestWait {
			t.Errorf("the payment is tried again at %v, and it is %v", next, u.now.Now())
		}
	})
}

// A window of days is lifted after minutes. Nothing that waited stays until its end.
func TestWhatWaitedForAMaintenanceWindowIsSentSoonAfterItIsLifted(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		q := newAcquirer()
		q.now = now.Now
		u := newTill(t, d, now, Options{Cards: cards{}, Accounts: contracts{}, Providers: provider.Registry{"fake": q}})
		u.q = q
		h := health.New(health.Options{DB: d, Clock: now, IDs: u.IDs})
		u.Health = h
		method := u.agreement()
		sold, held, unwanted, lost := u.pay(true), u.pay(false), u.pay(false), u.pay(true)
		u.q.mishaps = []mishap{noAnswer}
		unknown := u.refund(lost, 2_000)
		noted := func(*db.Change, health.WindowObject) error { return nil }
		if _, err := h.Announce(t.Context(), health.Window{Tenant: shop, Account: alpha.ID, EndsAt: now.Now().Add(7 * 24 * time.Hour)}, noted); err != nil {
			t.Fatal(err)
		}
		asked, calls := u.q.inquiries, u.q.calls
		u.captured(held)
		u.cancel(unwanted)
		refund, waits := u.refund(sold, 1_000), u.charge(method, nil)
		if u.later(20 * time.Minute); u.q.inquiries != asked || u.q.calls != calls {
			t.Fatal("the account was called in its window")
		}
		if _, err := h.Lift(t.Context(), shop, alpha.ID, "", noted); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			u.later(time.Minute)
		}
		u.expect(u.status(held.ID), Captured, 10_000, 0)
		u.expect(u.status(unwanted.ID), Canceled, 0, 0)
		u.expect(u.status(waits.ID), Captured, 10_000, 0)
		for _, id := range []string{refund.ID, unknown.ID} {
			if op := u.operation(id); op.State != OperationSucceeded {
				t.Errorf("the refund is %s, looked at again at %s", op.State, op.DueAt)
			}
		}
		u.audit()
	}, customer.Schema, event.Schema, ledger.Schema, health.Schema, Schema)
}

// The first account has a turn for the payment, and then no room.
func TestAPaymentWhoseTurnFindsNoRoomSoonGoesElsewhere(t *testing.T) {
	eachPair(t, func(u *till) {
		method := u.agreement()
		back := u.now.Now().Add(20 * time.Minute)
		g := shutting(u, map[string]time.Time{"alpha authorize": back, "beta authorize": back})
		waits := u.charge(method, nil)
		u.now.Advance(21 * time.Minute)
		g.sudden = true
		g.fill("alpha")
		u.later(8 * time.Microsecond)
		if next := u.status(waits.ID).NextRetryAt; next == nil || next.Sub(u.now.Now()) > shortestWait {
			t.Fatalf("it is looked at again at %v, and it is %v", next, u.now.Now())
		}
		g.sudden = false // the room is seen to be taken
		u.now.Advance(shortestWait)
		u.later(8 * time.Microsecond)
		u.expect(u.status(waits.ID), Captured, 10_000, 0)
		if a, err := u.store.attempt(t.Context(), shop, waits.ID, 1); err != nil || a.Account != "beta" {
			t.Errorf("it was tried at %q, %v", a.Account, err)
		}
		g.settled(t.Errorf)
	})
}

// repeats is an outage that notes which captures failed as they had before.
type repeats struct {
	*outage
	again []bool
}

func (r *repeats) Enter(c health.Call) (func(health.Result), error) {
	done, err := r.outage.Enter(c)
	if err != nil || c.Operation != health.Capture {
		return done, err
	}
	return func(result health.Result) { r.again = append(r.again, result.Again) }, nil
}

func TestHealthIsToldWhatFailedAsItHadBefore(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &repeats{outage: &outage{turns: -1}}
		u.Health = sick
		bad, shut := u.pay(false), u.pay(false)
		u.q.deaf = map[string]int{bad.ID + "-1": 0}
		u.captured(bad)
		u.later(20 * time.Second)
		if n := len(sick.again); n < 2 || sick.again[0] || slices.Contains(sick.again[1:], false) {
			t.Errorf("of its tries these failed as before: %v", sick.again)
		}
		u.q.deaf, sick.again = nil, nil
		u.q.mishaps = []mishap{noArrival} // no answer is something else than not sent
		u.now.Advance(time.Minute)
		if u.turns(sick.outage, 1); !slices.Equal(sick.again, []bool{false}) {
			t.Errorf("without an answer: %v", sick.again)
		}
		sick.again = nil
		sick.down(u.now.Now().Add(time.Second), health.Capture)
		u.captured(shut) // health holds it back: it has not been tried
		u.q.mishaps = []mishap{refused}
		u.now.Advance(time.Minute)
		sick.down(time.Time{})
		if u.turns(sick.outage, 1); !slices.Equal(sick.again, []bool{false}) {
			t.Errorf("what had not been tried: %v", sick.again)
		}
	})
}
