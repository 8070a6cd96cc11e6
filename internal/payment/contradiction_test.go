package payment

import (
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

func of(o Object, minor int64) money.Money {
	currency, err := money.ParseCurrency(o.Currency)
	if err != nil {
		panic(err)
	}
	return money.Of(minor, currency)
}

func approved(state provider.State, amount money.Money) provider.Outcome {
	return provider.Outcome{Class: provider.Approved, State: state, Amount: amount, Reference: "q-1", NetworkReference: "net-1"}
}

var declinedLate = provider.Outcome{Class: provider.Declined, Decline: provider.Decline{Code: provider.DoNotHonor}}

func TestATakenAmountThatWasNotAskedForIsNotAdopted(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.q.shift(o.ID+"-1", 7_999)
		u.later(time.Hour)
		u.expect(u.status(o.ID), Processing, 0, 0)
		entries := u.entries(o.ID, "contradiction")
		if len(entries) != 1 || !strings.Contains(entries[0].Detail, "100.00 EUR") || !strings.Contains(entries[0].Detail, "captured 79.99 EUR") {
			t.Errorf("the timeline has %v", entries)
		}
		if n := u.measured("florin_payment_unresolved"); n != 1 {
			u.Errorf("%v are unresolved", n)
		}
		u.q.shift(o.ID+"-1", 10_000)
		u.later(24 * time.Hour)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if counts, err := u.store.unresolved(u.Context()); err != nil || counts["attempt"] != 0 {
			u.Errorf("still unresolved: %v, %v", counts, err)
		}
	}, noAnswer)
}

// What a closed operation is said to have been after all is kept, and moves nothing.
func TestOperationsThatEndedAreNotReopened(t *testing.T) {
	eachTill(t, func(u *till) {
		sale, held := u.pay(true), u.pay(false)
		refund, err := u.Refund(u.Context(), shop, sale.ID, RefundRequest{Amount: 4_000}, alone{})
		if err != nil {
			u.Fatal(err)
		}
		if _, err := u.Capture(u.Context(), shop, held.ID, 6_000, false, alone{}); err != nil {
			u.Fatal(err)
		}
		operations, err := u.store.operations(u.Context(), shop, held.ID)
		if err != nil || len(operations) != 1 {
			u.Fatalf("%v, %v", operations, err)
		}
		say := func(op provider.Operation, reference string, attempt Object, o provider.Outcome) Verdict {
			return u.tell(provider.Notification{Operation: op, Reference: reference, Attempt: attempt.ID + "-1", Outcome: o})
		}
		for name, c := range map[string]struct {
			got, want Verdict
		}{
			"refund failed":             {say(provider.OpRefund, refund.ID, sale, declinedLate), Contradicted},
			"refund of less":            {say(provider.OpRefund, refund.ID, sale, approved(provider.Succeeded, of(sale, 3_999))), Contradicted},
			"refund pending":            {say(provider.OpRefund, refund.ID, sale, approved(provider.Pending, of(sale, 4_000))), Known},
			"refund again":              {say(provider.OpRefund, refund.ID, sale, approved(provider.Succeeded, of(sale, 4_000))), Known},
			"capture failed":            {say(provider.OpCapture, operations[0].ID, held, declinedLate), Contradicted},
			"a capture as a refund":     {say(provider.OpRefund, operations[0].ID, held, declinedLate), Unmatched},
			"sale voided":               {u.tell(says(sale, "1", approved(provider.Voided, of(sale, 10_000)))), Contradicted},
			"hold declined":             {u.tell(says(held, "1", declinedLate)), Contradicted},
			"hold in another currency":  {u.tell(says(held, "1", approved(provider.Captured, of(Object{Currency: "USD"}, 6_000)))), Contradicted},
			"the captures of the hold":  {u.tell(says(held, "1", approved(provider.Captured, of(held, 6_000)))), Known},
			"an earlier of them":        {u.tell(says(held, "1", approved(provider.Captured, of(held, 2_000)))), Known},
			"more than was captured":    {u.tell(says(held, "1", approved(provider.Captured, of(held, 6_001)))), Contradicted},
			"the hold, late":            {u.tell(says(held, "1", approved(provider.Authorized, of(held, 10_000)))), Known},
			"an unknown state":          {u.tell(says(held, "1", approved("melted", of(held, 1)))), Known},
			"a doubt about the capture": {say(provider.OpCapture, operations[0].ID, held, provider.Doubt("?")), Known},
		} {
			if c.got != c.want {
				u.Errorf("%s: %s, want %s", name, c.got, c.want)
			}
		}
		u.later(time.Minute)
		u.expect(u.status(sale.ID), Captured, 10_000, 4_000)
		u.expect(u.status(held.ID), Authorized, 6_000, 0)
	})
}

// At first nothing is found, so the attempt is reversed; then the request arrives after all.
func TestALateApprovalIsSentBack(t *testing.T) {
	for name, capture := range map[string]bool{"held": false, "taken": true} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(capture)
				u.later(10 * time.Minute)
				u.expect(u.status(o.ID), Failed, 0, 0)
				u.q.arrive()
				if open, taken := u.q.keeps(o.ID + "-1"); open == capture || (taken == 10_000) != capture {
					u.Fatalf("the acquirer has %v, %d", open, taken)
				}
				letters := u.q.letters()
				if v := u.tell(letters[len(letters)-1]); v != Contradicted {
					u.Errorf("the late approval is %s", v)
				}
				if counts, err := u.store.unresolved(u.Context()); err != nil || counts["late_approval"] != 1 {
					u.Errorf("unresolved: %v, %v", counts, err)
				}
				u.later(time.Minute)
				if open, taken := u.q.keeps(o.ID + "-1"); open || taken != 0 {
					u.Errorf("the acquirer keeps %v, %d", open, taken)
				}
				u.expect(u.status(o.ID), Failed, 0, 0)
				told := map[bool]string{false: "late_approval.reversed", true: "late_approval.booked"}[capture]
				if len(u.entries(o.ID, told)) != 1 || (len(u.entries(o.ID, "transfer.returned")) == 1) != capture {
					u.Errorf("the timeline has %+v", u.status(o.ID).Timeline)
				}
				u.nothingHeld()
				for _, letter := range u.q.letters()[1:] {
					if v := u.tell(letter); v != Known && v != Contradicted {
						u.Errorf("%s %s is %s", letter.Operation, letter.Reference, v)
					}
				}
				u.later(time.Minute)
				if _, taken := u.q.keeps(o.ID + "-1"); taken != 0 {
					u.Errorf("heard again, %d was sent back", taken)
				}
			}, arrivesLate)
		})
	}
}

// nothingHeld checks that what was taken late has gone back in the books as well: it was there, and the acquirer owes nothing.
func (u *till) nothingHeld() {
	u.Helper()
	if held, owed := u.balance(ledger.Suspense), u.balance(ledger.PSPReceivable+"alpha"); held != 0 || owed != 0 {
		u.Errorf("%d is in suspense, the acquirer owes %d", held, owed)
	}
}

func TestALateApprovalIsSentBackHoweverOftenThatFails(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		u.later(10 * time.Minute)
		u.q.arrive()
		u.q.blind = true
		u.tell(says(o, "1", approved(provider.Authorized, of(o, 10_000))))
		u.later(time.Minute)
		u.q.blind = false
		u.q.mishaps = []mishap{noArrival, declined51, refused, noAnswer}
		u.later(72 * time.Hour)
		if open, _ := u.q.keeps(o.ID + "-1"); open {
			u.Error("the acquirer still holds money")
		}
		if entries := u.entries(o.ID, "late_approval.reversed"); len(entries) != 1 {
			u.Errorf("the timeline has %+v", u.status(o.ID).Timeline)
		}
	}, arrivesLate)
}

// The answer to the refund is lost, and what the acquirer says of the authorization is the same before and after it.
func TestALateApprovalIsRefundedOnce(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.later(10 * time.Minute)
		u.q.arrive()
		u.tell(says(o, "1", approved(provider.Captured, of(o, 10_000))))
		u.q.mishaps = []mishap{noAnswer}
		u.later(time.Hour)
		references := map[string]bool{}
		for _, letter := range u.q.letters() {
			if letter.Operation == provider.OpRefund {
				references[letter.Reference] = true
			}
		}
		if _, taken := u.q.keeps(o.ID + "-1"); len(references) != 1 || taken != 0 || len(u.q.mishaps) != 0 {
			u.Errorf("refunds %v after %d calls, %d is kept", references, u.q.calls, taken)
		}
		if entries := u.entries(o.ID, "late_approval.booked"); len(entries) != 1 {
			u.Errorf("the timeline has %+v", u.status(o.ID).Timeline)
		}
	}, arrivesLate)
}

// The payer has paid with another card meanwhile.
func TestALateApprovalOfAnEarlierTryLeavesTheLaterAlone(t *testing.T) {
	eachTill(t, func(u *till) {
		in := order(true)
		in.Confirm, in.Choice.Token = false, ""
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		if _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: token}}, alone{}); err != nil {
			u.Fatal(err)
		}
		u.later(10 * time.Minute)
		if o, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: token}}, alone{}); err != nil || o.Status != Captured {
			u.Fatalf("%+v, %v", o, err)
		}
		u.q.arrive()
		u.tell(says(o, "1", approved(provider.Captured, of(o, 10_000))))
		u.later(time.Minute)
		if _, taken := u.q.keeps(o.ID + "-1"); taken != 0 {
			u.Errorf("%d is kept of the first try", taken)
		}
		if _, taken := u.q.keeps(o.ID + "-2"); taken != 10_000 {
			u.Errorf("%d is kept of the second try", taken)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	}, arrivesLate)
}

func TestAnEndedAttemptIsNotContradictedByAnotherEnd(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		if _, err := u.Cancel(u.Context(), shop, o.ID, "", alone{}); err != nil {
			u.Fatal(err)
		}
		for name, outcome := range map[string]provider.Outcome{
			"voided": approved(provider.Voided, of(o, 10_000)), "declined": declinedLate, "the hold itself": approved(provider.Authorized, of(o, 10_000)),
			"pending": approved(provider.Pending, of(o, 10_000)),
		} {
			if v := u.tell(says(o, "1", outcome)); v != Known {
				u.Errorf("%s: %s", name, v)
			}
		}
		u.expect(u.status(o.ID), Canceled, 0, 0)
	})
}

func TestMessagesComeByTheAccountThatWasAsked(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 1}, alone{})
		if err != nil {
			u.Fatal(err)
		}
		for _, n := range []provider.Notification{
			says(o, "1", declinedLate),
			{Operation: provider.OpRefund, Reference: r.ID, Attempt: o.ID + "-1", Outcome: declinedLate},
		} {
			var verdict Verdict
			err := u.Notify(u.Context(), provider.Account{Merchant: shop, ID: "beta", Provider: "fake"}, n, func(_ *db.Change, h Heard) error { verdict = h.Verdict; return nil })
			if err != nil || verdict != Unmatched {
				u.Errorf("%s: %s, %v", n.Operation, verdict, err)
			}
		}
	})
}

// Two copies of a contradiction find that it is new, and one of them is written first.
func TestAContradictionHeardTwiceAtOnceIsKeptOnce(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		contradiction := says(o, "1", declinedLate)
		tries := 0
		err := u.Notify(u.Context(), alpha, contradiction, func(_ *db.Change, h Heard) error {
			if tries++; tries == 1 {
				if v := u.tell(contradiction); v != Contradicted {
					u.Errorf("the copy between is %s", v)
				}
			}
			if h.Verdict != Contradicted || h.Subject != o.ID || h.Detail == "" {
				u.Errorf("heard as %+v", h)
			}
			return nil
		})
		rows, reading := u.store.contradictions(u.Context(), shop, o.ID)
		if err != nil || reading != nil || len(rows) != 1 || rows[0].Heard != 2 || tries != 2 {
			u.Errorf("kept %+v after %d tries, %v, %v", rows, tries, err, reading)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	})
}
