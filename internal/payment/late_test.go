package payment

import (
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/provider"
)

// The request to the second account is under way for hours. Twice it is said not to be there, and its reversal, whose first answer is lost,
// finds nothing. It arrives after all, takes the money, and that goes back.
func TestWhatASecondAccountTakesHoursLateGoesBack(t *testing.T) {
	eachPair(t, func(u *till) {
		o := u.pay(true)
		u.later(2 * time.Hour)
		o = u.status(o.ID)
		u.expect(o, Failed, 0, 0)
		u.tried(o, "alpha not_sent", "beta voided")
		told := len(u.q.letters())
		u.q.arrive()
		for range 2 { // the provider's webhook, twice
			for _, n := range u.q.letters()[told:] {
				if err := u.Notify(u.Context(), beta, n, func(*db.Change, Heard) error { return nil }); err != nil {
					u.Fatal(err)
				}
			}
			u.later(24 * time.Hour)
			u.expect(u.status(o.ID), Failed, 0, 0)
			if open, kept := u.q.keeps(attemptReference(o.ID, 2)); open || kept != 0 {
				u.Errorf("the acquirer holds: %t, keeps %d", open, kept)
			}
		}
		rows, err := u.store.contradictions(u.Context(), shop, o.ID)
		if err != nil || len(rows) != 1 || rows[0].Remedy != RemedyBooked || rows[0].Heard != 2 {
			u.Errorf("%+v, %v", rows, err)
		}
		if u.balance("suspense") != 0 || u.measured("florin_payment_late_approvals_total") == 0 {
			u.Errorf("%d are in suspense, %v late approvals were counted", u.balance("suspense"), u.measured("florin_payment_late_approvals_total"))
		}
	}, refused, arrivesLate, noAnswer)
}

// lateHold is a payment that has failed, because nobody found its authorization, which has come to hold money since. Its webhook tells of that.
func (u *till) lateHold() Object {
	u.Helper()
	o := u.pay(false)
	u.later(2 * time.Hour)
	o = u.status(o.ID)
	u.expect(o, Failed, 0, 0)
	u.q.arrive()
	if open, _ := u.q.keeps(attemptReference(o.ID, 1)); !open {
		u.Fatal("nothing is held")
	}
	return o
}

// hears tells of what came late.
func (u *till) hears(o Object) {
	u.Helper()
	u.tell(says(o, "1", u.q.shown(attemptReference(o.ID, 1))))
}

func TestALateApprovalThatIsNotFoundOnceIsNotTakenForGone(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.lateHold()
		u.q.slow = 2 // the first within the settle delay
		u.hears(o)
		u.later(8 * time.Second)
		rows, err := u.store.contradictions(u.Context(), shop, o.ID)
		if err != nil || len(rows) != 1 || rows[0].Remedy != RemedyReverse || rows[0].DueAt.IsZero() {
			u.Fatalf("after it was not found: %+v, %v", rows, err)
		}
		u.later(time.Hour)
		if open, _ := u.q.keeps(attemptReference(o.ID, 1)); open {
			u.Error("the hold is still there")
		}
		if rows, err = u.store.contradictions(u.Context(), shop, o.ID); err != nil || rows[0].Remedy != RemedyReversed {
			u.Errorf("in the end: %+v, %v", rows, err)
		}
	}, arrivesLate)
}

// A provider that never finds what its own webhook told of is believed in the end, after a reversal by our own reference.
func TestALateApprovalThatIsNotFoundTwiceIsReversedByOurReference(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.lateHold()
		u.q.slow = 1_000
		calls := u.q.calls
		u.hears(o)
		u.later(time.Hour)
		rows, err := u.store.contradictions(u.Context(), shop, o.ID)
		if err != nil || rows[0].Remedy != RemedyReversed || rows[0].NotFound != provider.NotFoundTwice || u.q.calls != calls+1 {
			u.Errorf("%+v after %d calls, %v", rows, u.q.calls-calls, err)
		}
		if open, _ := u.q.keeps(attemptReference(o.ID, 1)); open {
			u.Error("the hold is still there")
		}
	}, arrivesLate)
}
