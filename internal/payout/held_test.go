package payout

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/payment"
)

func TestAPayoutAboveTheThresholdNeedsASecondPerson(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.rules.m.PayoutApproval = map[string]int64{"EUR": 500}
		u.earn(eur(2_000))
		if at := u.pay(order(500)); at.Status != Queued {
			u.Errorf("at the threshold: %s", at.Status)
		}
		held := u.pay(order(501))
		if held.Status != Held || u.holds(ledger.MerchantAvailable, "EUR") != 1_500 {
			u.Fatalf("held %+v", held)
		}
		u.sweep()
		u.expect(held.ID, Held)
		if _, err := u.Create(u.Context(), shop, order(1_000), none); code(err) != CodeBalance {
			u.Errorf("what is held can be spent: %v", err)
		}
		if _, err := u.Approve(u.Context(), shop, held.ID, "key_maker", none); code(err) != CodeTwoPersons || !fault.Is(err, fault.Forbidden) {
			u.Errorf("approved by its maker: %v", err)
		}
		if o, err := u.Approve(u.Context(), shop, held.ID, "key_checker", none); err != nil || o.Status != Queued || !slices.Equal(o.ApprovedBy, []string{"key_checker"}) {
			u.Fatalf("approved: %+v, %v", o, err)
		}
		if _, err := u.Approve(u.Context(), shop, held.ID, "key_third", none); code(err) != fault.CodeStateConflict {
			u.Errorf("approved twice: %v", err)
		}
		u.sweep()
		u.expect(held.ID, Sent)
		if got := u.tells(held.ID); !slices.Equal(got, []string{"payout.held", "payout.queued", "payout.sent"}) {
			u.Errorf("told %v", got)
		}
		again := u.pay(order(600))
		if _, err := u.Cancel(u.Context(), shop, again.ID, "not now", none); err != nil {
			u.Fatal(err)
		}
		u.pay(order(400)) // what was held for it can be spent again
	})
}

func TestAPayoutInACurrencyWithoutAThresholdNeedsASecondPersonOnceThereIsAny(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.rules.m.PayoutApproval = map[string]int64{"USD": 100_000}
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		held := u.pay(order(1))
		if held.Status != Held {
			u.Fatalf("one cent: %s", held.Status)
		}
		if _, err := u.Approve(u.Context(), shop, held.ID, "key_maker", none); code(err) != CodeTwoPersons {
			u.Errorf("approved by its maker: %v", err)
		}
		if o, err := u.Approve(u.Context(), shop, held.ID, "key_checker", none); err != nil || o.Status != Queued {
			u.Errorf("approved: %+v, %v", o, err)
		}
		if back := u.pay(prefer(ada, 10)); back.Status != Held {
			u.Errorf("one that goes back to its source: %s", back.Status)
		}
		if lines, err := u.batch("amount,currency,iban,name\n1,EUR,DE89370400440532013000,Ada\n", true); err != nil || !lines.Lines[0].Held {
			u.Errorf("one of a batch: %+v, %v", lines, err)
		}
		u.rules.m.PayoutApproval = nil
		if at := u.pay(order(1)); at.Status != Queued {
			u.Errorf("of a merchant without thresholds: %s", at.Status)
		}
	})
}

func TestASecondPersonAgreesToAllPartsAtOnce(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.rules.m.PayoutApproval = map[string]int64{"EUR": 1_200}
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.paysIn(u.payer(), 5_000, true)
		held := u.pay(prefer(ada, 1_500)) // neither part is above the threshold; together they are
		u.works()
		o := u.parts(held.ID, Held, stands{PartRefund, 1_000, PartHeld, WhySource}, stands{PartPayout, 500, PartHeld, WhyRest})
		if _, err := u.Payments.ApproveRefund(u.Context(), shop, o.Parts[0].ID, "key_checker", silent{}); code(err) != fault.CodeStateConflict {
			u.Errorf("a part was approved by itself: %v", err)
		}
		if _, err := u.Create(u.Context(), shop, require(ada, 1), none); code(err) != CodeLoopShort {
			u.Errorf("what is held goes back twice: %v", err)
		}
		if _, err := u.Approve(u.Context(), shop, held.ID, "key_maker", none); code(err) != CodeTwoPersons {
			u.Errorf("approved by its maker: %v", err)
		}
		if o, err := u.Approve(u.Context(), shop, held.ID, "key_checker", none); err != nil || o.Status != Queued || o.Parts[0].Status != PartQueued {
			u.Fatalf("approved: %+v, %v", o, err)
		}
		u.works()
		u.parts(held.ID, Sent, stands{PartRefund, 1_000, PartSucceeded, WhySource}, stands{PartPayout, 500, PartSent, WhyRest})

		again := u.pay(prefer(u.payer(), 1_300)) // of somebody who paid nothing in
		if _, err := u.Cancel(u.Context(), shop, again.ID, "not now", none); err != nil {
			u.Fatal(err)
		}
		u.parts(again.ID, Canceled, stands{PartPayout, 1_300, PartCanceled, WhyRest})

		u.rules.m.PayoutApproval = nil
		u.rules.m.Returns = map[string]merchant.Returns{"card": {Alone: map[string]int64{"EUR": 10}}}
		bob := u.payer()
		u.paysIn(bob, 100, true)
		careful := u.pay(require(bob, 50))
		u.parts(careful.ID, Held, stands{PartRefund, 50, PartHeld, WhySource}) // by the returns policy
		if _, err := u.Cancel(u.Context(), shop, careful.ID, "", none); err != nil || u.left(bob) != 100 {
			u.Errorf("canceled: %v, %d left", err, u.left(bob))
		}
	})
}

func TestNothingGoesOutWhileTheMerchantIsSuspended(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 2_000, true)
		u.paysIn(u.payer(), 1_000, true)
		plain, back := u.pay(order(500)), u.pay(require(ada, 2_000))
		u.rules.m = u.rules.m.Suspend(u.now.Now())
		for range 3 {
			u.works()
			u.now.Advance(time.Minute)
		}
		o := u.expect(plain.ID, Queued)
		u.expect(back.ID, Queued)
		if len(u.bank.paid) != 0 || u.till.backs != 0 || o.Timeline[len(o.Timeline)-1].Event != "waiting" {
			u.Fatalf("paid %v, refunded %d, %+v", u.bank.paid, u.till.backs, o.Timeline)
		}
		u.rules.m = u.rules.m.Resume()
		u.works()
		u.expect(plain.ID, Sent)
		u.expect(back.ID, Paid)
	})
}

// A refund between the look at the balance and the payout can take it below zero. What is queued then stays, until it is covered again.
func TestNothingGoesOutWhileTheBalanceIsBelowZero(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		paid := u.paysIn(ada, 1_000, true)
		made := u.pay(order(800))
		if _, err := u.Payments.Refund(u.Context(), shop, paid, payment.RefundRequest{}, silent{}); err != nil {
			u.Fatal(err)
		}
		u.works()
		if o := u.expect(made.ID, Queued); len(u.bank.paid) != 0 || o.Timeline[len(o.Timeline)-1].Event != "waiting" {
			u.Fatalf("paid %v: %+v", u.bank.paid, o.Timeline)
		}
		u.paysIn(ada, 800, true)
		if err := u.MatureAll(u.Context(), true); err != nil {
			u.Fatal(err)
		}
		u.now.Advance(time.Minute)
		u.works()
		u.expect(made.ID, Sent)
	})
}

func TestAKeyAndThoseItWasRolledToAreOnePerson(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.rules.m.PayoutApproval = map[string]int64{"EUR": 0}
		u.SamePerson = func(_ context.Context, _, one, other string) (bool, error) {
			return one == "key_maker" && other == "key_maker_rolled", nil
		}
		u.earn(eur(1_000))
		held := u.pay(order(500))
		if _, err := u.Approve(u.Context(), shop, held.ID, "key_maker_rolled", none); code(err) != CodeTwoPersons {
			u.Errorf("approved by its maker's next key: %v", err)
		}
		if _, err := u.Approve(u.Context(), shop, held.ID, "key_checker", none); err != nil {
			u.Error(err)
		}
	})
}
