package payout

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

func prefer(payer string, amount int64) Create {
	in := order(amount)
	in.Customer, in.ClosedLoop = payer, ModePrefer
	return in
}

func require(payer string, amount int64) Create {
	in := prefer(payer, amount)
	in.To, in.ClosedLoop = nil, ModeRequire
	return in
}

// stands are the types, amounts and states of a payout's parts.
type stands struct {
	is     PartType
	amount int64
	status PartStatus
	reason string
}

func (u *desk) parts(payout string, status Status, want ...stands) Object {
	u.Helper()
	o := u.expect(payout, status)
	var got []stands
	for _, p := range o.Parts {
		got = append(got, stands{p.Type, p.Amount, p.Status, p.Reason})
	}
	if !slices.Equal(got, want) {
		u.Fatalf("parts %v, want %v: %+v", got, want, o.Timeline)
	}
	return o
}

func TestMoneyGoesBackToTwoSourcesAndTheRestToTheDestination(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		first, second := u.paysIn(ada, 3_000, true), u.paysIn(ada, 2_000, true)
		u.paysIn(u.payer(), 5_000, true) // the merchant's other money
		made := u.pay(prefer(ada, 6_000))
		u.parts(made.ID, Queued, stands{PartRefund, 3_000, PartQueued, WhySource}, stands{PartRefund, 2_000, PartQueued, WhySource}, stands{PartPayout, 1_000, PartQueued, WhyRest})
		if made.Parts[0].Payment != first || made.Parts[1].Payment != second || made.EstimatedArrival == nil || u.left(ada) != 0 || u.holds(ledger.MerchantAvailable, "EUR") != 4_000 {
			u.Errorf("made %+v, %d left, %d available", made, u.left(ada), u.holds(ledger.MerchantAvailable, "EUR"))
		}
		u.works()
		o := u.parts(made.ID, Sent, stands{PartRefund, 3_000, PartSucceeded, WhySource}, stands{PartRefund, 2_000, PartSucceeded, WhySource}, stands{PartPayout, 1_000, PartSent, WhyRest})
		if o.AmountPaid != 5_000 || u.till.backs != 5_000 || len(u.bank.paid) != 1 || u.bank.paid[0].Amount != eur(1_000) {
			u.Errorf("arrived %d, refunded %d, paid %+v", o.AmountPaid, u.till.backs, u.bank.paid)
		}
		u.says(o.Parts[2].ID, provider.Succeeded, money.Money{})
		u.works()
		if o = u.expect(made.ID, Paid); o.AmountPaid != 6_000 {
			u.Errorf("arrived %d", o.AmountPaid)
		}
		if got := u.tells(made.ID); !slices.Equal(got, []string{"payout.queued", "payout.sent", "payout.paid"}) {
			u.Errorf("told %v", got)
		}
		if all, _, err := u.List(u.Context(), shop, db.Page{Limit: 10}, Filter{Customer: ada}); err != nil || len(all) != 1 || len(u.tells(o.Parts[2].ID)) != 0 {
			u.Errorf("a part is listed, or told of by itself: %v, %v", all, err)
		}
		if part, err := u.Get(u.Context(), shop, o.Parts[2].ID); err != nil || part.PartOf != made.ID {
			u.Errorf("the part: %+v, %v", part, err)
		}
		if _, err := u.Cancel(u.Context(), shop, o.Parts[2].ID, "", none); code(err) != fault.CodeStateConflict {
			u.Errorf("a part was canceled by itself: %v", err)
		}
	})
}

func TestTheNewestSourceComesFirstIfAskedFor(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		old, young := u.paysIn(ada, 1_000, true), u.paysIn(ada, 1_000, true)
		in := require(ada, 400)
		in.Order = NewestFirst
		if o := u.pay(in); o.Parts[0].Payment != young {
			u.Errorf("newest: %+v", o.Parts)
		}
		if o := u.pay(require(ada, 400)); o.Parts[0].Payment != old || o.Destination != "" {
			u.Errorf("oldest: %+v", o.Parts)
		}
		named := require("", 500)
		named.Source = young
		if o := u.pay(named); o.Parts[0].Payment != young || *o.Customer != ada || *o.SourcePayment != young {
			u.Errorf("named: %+v", o)
		}
		named.Amount = 101
		if _, err := u.Create(u.Context(), shop, named, none); code(err) != CodeLoopShort || !fault.Is(err, fault.Conflict) {
			u.Errorf("more than the named one has: %v", err)
		}
		u.works()
	})
}

func TestWhatMustGoBackGoesBackOrIsNotMade(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.paysIn(u.payer(), 5_000, true)
		if _, err := u.Create(u.Context(), shop, require(ada, 1_001), none); code(err) != CodeLoopShort {
			u.Fatalf("more than there is: %v", err)
		}
		u.till.refund = func(provider.Refund) provider.Outcome { return provider.Refused(provider.DoNotHonor, "05", "no") }
		made := u.pay(require(ada, 1_000))
		u.works()
		o := u.parts(made.ID, Failed, stands{PartRefund, 1_000, PartFailed, WhySource})
		if o.Failure == nil || o.Failure.Code != string(provider.DoNotHonor) || o.AmountPaid != 0 || u.left(ada) != 1_000 || u.holds(ledger.MerchantAvailable, "EUR") != 6_000 {
			u.Errorf("failed %+v, %d left, %d available", o, u.left(ada), u.holds(ledger.MerchantAvailable, "EUR"))
		}
	})
}

func TestASourceOutOfItsWindowIsPassedOverAndItsFundsAreWithdrawn(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.rules.m.Returns = map[string]merchant.Returns{"card": {Days: 30}}
		ada := u.payer()
		old := u.paysIn(ada, 1_000, true)
		u.now.Advance(31 * 24 * time.Hour)
		young := u.paysIn(ada, 1_000, true)
		made := u.pay(prefer(ada, 1_500))
		if made.Parts[0].Payment != young || made.Parts[0].Amount != 1_000 || made.Parts[1].Amount != 500 {
			u.Fatalf("parts %+v", made.Parts)
		}
		if len(made.UnusedSources) != 1 || made.UnusedSources[0].Payment != old || made.UnusedSources[0].Reason != "refund_window_closed" || made.UnusedSources[0].Until == nil {
			u.Errorf("unused %+v", made.UnusedSources)
		}
		o := u.funds(ada)
		if o.Balances[0].Withdrawn != 500 || o.Balances[0].Left != 500 || o.Sources[1].Withdrawn != 500 || o.Sources[1].Barred != payment.BarWindow || o.Sources[0].Returning != 1_000 {
			u.Errorf("funds %+v", o)
		}
		u.bank.pay = func(provider.Payout) provider.Outcome {
			return provider.Refused(provider.InvalidAccount, "ac04", "closed")
		}
		u.works()
		end := u.parts(made.ID, Failed, stands{PartRefund, 1_000, PartSucceeded, WhySource}, stands{PartPayout, 500, PartFailed, WhyRest})
		if end.Failure.Code != CodePartly || end.AmountPaid != 1_000 || u.left(ada) != 1_000 {
			u.Errorf("ended %+v, %d left", end.Failure, u.left(ada))
		}
	})
}

func TestARefundThatFailsGoesOnToTheDestination(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.till.refund = func(provider.Refund) provider.Outcome { return provider.Refused(provider.DoNotHonor, "05", "no") }
		made := u.pay(prefer(ada, 1_000))
		u.works()
		o := u.parts(made.ID, Sent, stands{PartRefund, 1_000, PartFailed, WhySource}, stands{PartPayout, 1_000, PartSent, WhyRefundFailed})
		if !o.Parts[0].Replaced || len(u.bank.paid) != 1 || u.left(ada) != 0 || u.holds(ledger.MerchantAvailable, "EUR") != 0 {
			u.Errorf("%+v, paid %d times, %d left", o.Parts, len(u.bank.paid), u.left(ada))
		}
		u.says(o.Parts[1].ID, provider.Succeeded, money.Money{})
		u.works()
		if o = u.expect(made.ID, Paid); o.AmountPaid != 1_000 {
			u.Errorf("arrived %d", o.AmountPaid)
		}
		u.says(o.Parts[1].ID, provider.Returned, money.Money{})
		u.works()
		if o = u.expect(made.ID, Returned); o.AmountPaid != 0 || u.left(ada) != 1_000 {
			u.Errorf("returned: arrived %d, %d left", o.AmountPaid, u.left(ada))
		}
	})
}

func TestAnAlternativeWithoutMoneyFailsAndSaysSo(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.till.refund = func(provider.Refund) provider.Outcome { return provider.Refused(provider.DoNotHonor, "05", "no") }
		made := u.pay(prefer(ada, 1_000))
		if _, err := u.DB.SweepOnce(u.Context(), u.Payments.Sweeps()[1]); err != nil { // the refund fails
			u.Fatal(err)
		}
		u.pay(order(600)) // and somebody else is quicker
		u.works()
		o := u.parts(made.ID, Failed, stands{PartRefund, 1_000, PartFailed, WhySource}, stands{PartPayout, 1_000, PartFailed, WhyRefundFailed})
		if o.Failure == nil || o.Failure.Code != CodeBalance || o.Parts[1].ID != "" {
			u.Errorf("%+v", o)
		}
	})
}

func TestARefundOfUnknownOutcomeBlocksItsAlternative(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.till.refund = func(provider.Refund) provider.Outcome { return provider.Doubt("no answer") }
		made := u.pay(prefer(ada, 1_000))
		for range 6 {
			u.works()
			u.now.Advance(time.Minute)
		}
		o := u.parts(made.ID, Sent, stands{PartRefund, 1_000, PartSent, WhySource})
		if len(u.bank.paid) != 0 {
			u.Fatalf("paid by both ways: %+v", u.bank.paid)
		}
		u.till.mu.Lock()
		u.till.made[o.Parts[0].ID] = provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(1_000)}
		u.till.mu.Unlock()
		u.now.Advance(time.Hour)
		u.works()
		u.expect(made.ID, Paid)
		if len(u.bank.paid) != 0 {
			u.Errorf("paid by both ways: %+v", u.bank.paid)
		}
	})
}

// An acquirer that cannot be reached is no reason to send the money elsewhere.
func TestARefundThatDidNotArriveIsSentAgain(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.till.refund = func(provider.Refund) provider.Outcome {
			return provider.Outcome{Class: provider.NotSent, Detail: "refused"}
		}
		made := u.pay(prefer(ada, 1_000))
		u.works()
		u.parts(made.ID, Queued, stands{PartRefund, 1_000, PartQueued, WhySource})
		u.till.refund = refunded
		u.now.Advance(time.Minute)
		u.works()
		u.expect(made.ID, Paid)
		if len(u.bank.paid) != 0 || u.till.backs != 1_000 {
			u.Errorf("refunded %d, paid %d times", u.till.backs, len(u.bank.paid))
		}
	})
}

func TestAnAuthorizationIsReversedAndItsFailureIsNotPaidOut(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		held := u.paysIn(ada, 700, false)
		u.paysIn(ada, 1_000, true)
		made := u.pay(prefer(ada, 1_000))
		u.works()
		u.parts(made.ID, Paid, stands{PartReversal, 700, PartSucceeded, WhySource}, stands{PartRefund, 300, PartSucceeded, WhySource})
		if o, err := u.Payments.Get(u.Context(), shop, held, nil); err != nil || o.Status != payment.Canceled || u.holds(ledger.MerchantAvailable, "EUR") != 700 {
			u.Errorf("the authorization is %s, %d available: %v", o.Status, u.holds(ledger.MerchantAvailable, "EUR"), err)
		}
		u.paysIn(ada, 500, false)
		in := prefer(ada, 1_200)
		in.Order = NewestFirst
		u.till.void = func(provider.Void) provider.Outcome { return provider.Refused(provider.DoNotHonor, "05", "no") }
		stuck := u.pay(in)
		u.works()
		o := u.parts(stuck.ID, Failed, stands{PartReversal, 500, PartFailed, WhySource}, stands{PartRefund, 700, PartSucceeded, WhySource})
		if o.Failure.Code != CodePartly || len(u.bank.paid) != 0 {
			u.Errorf("%+v, paid %+v", o.Failure, u.bank.paid)
		}
	})
}

func TestAPayoutOfPartsIsCanceledUntilOneIsSent(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.paysIn(u.payer(), 1_000, true)
		made := u.pay(prefer(ada, 1_500))
		if _, err := u.Cancel(u.Context(), shop, made.ID, "no", none); err != nil {
			u.Fatal(err)
		}
		u.works()
		o := u.parts(made.ID, Canceled, stands{PartRefund, 1_000, PartCanceled, WhySource}, stands{PartPayout, 500, PartCanceled, WhyRest})
		if made.EstimatedArrival == nil || o.EstimatedArrival != nil {
			u.Errorf("made, its rest arrives within %+v, canceled within %+v", made.EstimatedArrival, o.EstimatedArrival)
		}
		if u.left(ada) != 1_000 || u.till.backs != 0 || len(u.bank.paid) != 0 || u.holds(ledger.MerchantAvailable, "EUR") != 2_000 {
			u.Errorf("%d left, %d refunded, %d available", u.left(ada), u.till.backs, u.holds(ledger.MerchantAvailable, "EUR"))
		}
		u.till.refund = func(provider.Refund) provider.Outcome { return provider.Doubt("no answer") }
		late := u.pay(prefer(ada, 1_000))
		u.works()
		if _, err := u.Cancel(u.Context(), shop, late.ID, "", none); code(err) != fault.CodeStateConflict {
			u.Errorf("canceled while a part is on its way: %v", err)
		}
	})
}

// Two at once do not send the same money back twice, and do not spend more than there is.
func TestClosedLoopsAtOnceSendNothingBackTwice(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		for range 3 {
			u.paysIn(ada, 1_000, true)
		}
		u.paysIn(u.payer(), 500, true)
		ctx := context.WithoutCancel(u.Context())
		const askers = 6
		var all sync.WaitGroup
		errs, made := make([]error, askers), make([]Object, askers)
		for i := range askers {
			all.Go(func() { made[i], errs[i] = u.Create(ctx, shop, prefer(ada, 1_000), none) })
		}
		all.Wait()
		count := 0
		for _, err := range errs {
			switch {
			case err == nil:
				count++
			case code(err) != CodeBalance:
				u.Errorf("refused for %v", err)
			}
		}
		u.works()
		if count != 3 || u.till.backs != 3_000 || len(u.bank.paid) != 0 || u.holds(ledger.MerchantAvailable, "EUR") != 500 || u.left(ada) != 0 {
			u.Errorf("%d made, %d refunded, paid %+v, %d available, %d left", count, u.till.backs, u.bank.paid, u.holds(ledger.MerchantAvailable, "EUR"), u.left(ada))
		}
	})
}

func TestAWithdrawalCountsAgainstItsCustomersFunds(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		first, second := u.paysIn(ada, 1_000, true), u.paysIn(ada, 1_000, true)
		in := order(1_300)
		in.Customer = ada
		made := u.pay(in)
		if o := u.funds(ada); u.left(ada) != 700 || o.Sources[1].Payment != first || o.Sources[1].Left != 0 || o.Sources[0].Withdrawn != 300 || made.ClosedLoop != ModeNone {
			u.Errorf("funds %+v", o)
		}
		if _, err := u.Create(u.Context(), shop, require(ada, 701), none); code(err) != CodeLoopShort {
			u.Errorf("what was withdrawn goes back as well: %v", err)
		}
		if back := u.pay(require(ada, 700)); back.Parts[0].Payment != second {
			u.Errorf("back %+v", back.Parts)
		}
		if _, err := u.Cancel(u.Context(), shop, made.ID, "", none); err != nil || u.left(ada) != 1_300 {
			u.Errorf("canceled: %v, %d left", err, u.left(ada))
		}
		u.works()
		in.Customer = "cus_01jd9qk3v8m2x4r6t7w9y0a1b2"
		if _, err := u.Create(u.Context(), shop, in, none); !fault.Is(err, fault.NotFound) {
			u.Errorf("of nobody: %v", err)
		}
	})
}
