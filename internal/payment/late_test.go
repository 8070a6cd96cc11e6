package payment

import (
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
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
