package payout

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// room is what people have said of payouts: how many must agree, and whether they are off.
type room struct {
	persons int
	off     bool
	silent  bool // nobody is to be asked what became of one
}

func (r *room) Blocked(_ context.Context, _ string, a control.Ask) error {
	if a.Operation == control.Inquiry && a.Account != "" {
		if r.silent {
			return &fault.Error{Kind: fault.Unavailable, Code: fault.CodeKillSwitch, Detail: "inquiry is switched off: their desk is on fire", RetryAfter: 7 * 24 * time.Hour}
		}
		return nil
	}
	if a.Operation != control.Payout || a.Account == "" {
		return errors.New("asked of something else")
	}
	if r.off {
		return fault.New(fault.Unavailable, fault.CodeKillSwitch, "payout is switched off: a fraud wave")
	}
	return nil
}

func (r *room) Persons(context.Context, string, control.Ask, money.Money) (int, error) {
	return r.persons, nil
}

func TestAPayoutUnderWatchWaitsUntilEnoughHaveAgreed(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.Control = &room{persons: 2}
		u.earn(eur(2_000))
		held := u.pay(order(500))
		if held.Status != Held {
			u.Fatalf("%+v", held)
		}
		if o, err := u.Approve(u.Context(), shop, held.ID, "key_checker", none); err != nil || o.Status != Held || !slices.Equal(o.ApprovedBy, []string{"key_checker"}) {
			u.Fatalf("the first of two: %+v, %v", o, err)
		}
		for _, key := range []string{"key_maker", "key_checker"} {
			if _, err := u.Approve(u.Context(), shop, held.ID, key, none); code(err) != CodeTwoPersons || !strings.Contains(err.Error(), "and than one that has agreed") {
				u.Errorf("%s again: %v", key, err)
			}
		}
		if o, err := u.Approve(u.Context(), shop, held.ID, "key_third", none); err != nil || o.Status != Queued || !slices.Equal(o.ApprovedBy, []string{"key_checker", "key_third"}) {
			u.Fatalf("the second of two: %+v, %v", o, err)
		}
		u.sweep()
		u.expect(held.ID, Sent)
	})
}

func TestWhoHasAgreedLetsAPayoutGoOnceNobodyElseIsNeeded(t *testing.T) {
	eachDesk(t, func(u *desk) {
		persons := 2
		u.watches(func(control.Ask, money.Money) int { return persons })
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.paysIn(u.payer(), 5_000, true)
		plain, parts := u.pay(order(500)), u.pay(prefer(ada, 1_500))
		for _, held := range []Object{plain, parts} {
			persons = 2
			if o, err := u.Approve(u.Context(), shop, held.ID, "key_checker", none); err != nil || o.Status != Held {
				u.Fatalf("the first of two: %+v, %v", o, err)
			}
			persons = 0 // the switch was lifted
			if _, err := u.Approve(u.Context(), shop, held.ID, "key_maker", none); code(err) != CodeTwoPersons {
				u.Errorf("let go by its maker: %v", err)
			}
			if o, err := u.Approve(u.Context(), shop, held.ID, "key_checker", none); err != nil || o.Status != Queued || !slices.Equal(o.ApprovedBy, []string{"key_checker"}) {
				u.Errorf("let go by who has agreed: %+v, %v", o, err)
			}
		}
		u.works()
		u.expect(plain.ID, Sent)
		o := u.parts(parts.ID, Sent, stands{PartRefund, 1_000, PartSucceeded, WhySource}, stands{PartPayout, 500, PartSent, WhyRest})
		if r, err := u.Payments.GetRefund(u.Context(), shop, o.Parts[0].ID); err != nil || !slices.Equal(r.ApprovedBy, []string{"key_checker"}) {
			u.Errorf("the part: %+v, %v", r, err)
		}
	})
}

func TestPayoutsThatAreSwitchedOffWaitAndNewOnesAreRefused(t *testing.T) {
	eachDesk(t, func(u *desk) {
		of := &room{}
		u.Control = of
		u.earn(eur(2_000))
		queued := u.pay(order(500))
		of.off = true
		u.sweep()
		u.expect(queued.ID, Queued)
		if _, err := u.Create(u.Context(), shop, order(100), none); code(err) != fault.CodeKillSwitch || !fault.Is(err, fault.Unavailable) {
			u.Errorf("a new one: %v", err)
		}
		of.off = false
		u.now.Advance(time.Hour)
		u.sweep()
		u.expect(queued.ID, Sent)
	})
}

func TestASwitchOfInquiriesHoldsThemBack(t *testing.T) {
	eachDesk(t, func(u *desk) {
		of := &room{silent: true}
		u.Control = of
		u.earn(eur(2_000))
		u.bank.pay = func(provider.Payout) provider.Outcome { return provider.Doubt("no answer in time") }
		made := u.pay(order(500))
		u.sweep()
		for range 30 {
			u.later(5 * time.Minute)
		}
		if p, err := u.store.payout(u.Context(), shop, made.ID); err != nil || u.bank.asked != 0 || p.Inquiries > 1 {
			u.Fatalf("asked %d times, counted %d, %v", u.bank.asked, p.Inquiries, err)
		}
		of.silent = false
		u.answers(provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(500)})
		u.later(5 * time.Minute)
		u.expect(made.ID, Paid)
	})
}

// watch is how many people must agree to what.
type watch func(a control.Ask, amount money.Money) int

func (watch) Blocked(context.Context, string, control.Ask) error { return nil }

func (w watch) Persons(_ context.Context, _ string, a control.Ask, amount money.Money) (int, error) {
	return w(a, amount), nil
}

// watches puts payments and payouts under people's eyes.
func (u *desk) watches(w watch) { u.Control, u.Payments.Control = w, w }

// byAccount asks for people where a payout goes by an account.
func byAccount(account string, persons int) watch {
	return func(a control.Ask, _ money.Money) int {
		if a.Operation == control.Payout && a.Account == account {
			return persons
		}
		return 0
	}
}

// byRefund asks for people where a card's refund is above an amount.
func byRefund(above int64, persons int) watch {
	return func(a control.Ask, amount money.Money) int {
		if a.Operation == control.Refund && a.Account == tillAccount.ID && a.Method == "card" && amount.Minor() > above {
			return persons
		}
		return 0
	}
}

func TestAPayoutOfPartsWaitsForThoseWhoWatchTheAccountOfItsRest(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.paysIn(u.payer(), 5_000, true)
		u.watches(byAccount(alpha.ID, 2))
		made := u.pay(prefer(ada, 1_500))
		u.parts(made.ID, Held, stands{PartRefund, 1_000, PartHeld, WhySource}, stands{PartPayout, 500, PartHeld, WhyRest})
		for i, key := range []string{"key_checker", "key_third"} {
			o, err := u.Approve(u.Context(), shop, made.ID, key, none)
			if want := []Status{Held, Queued}[i]; err != nil || o.Status != want {
				u.Fatalf("approved by %d: %s, want %s, %v", i+1, o.Status, want, err)
			}
		}
		if o := u.pay(prefer(ada, 100)); o.Status != Held {
			u.Errorf("nothing is left to go back, and the destination is under watch: %+v", o)
		}
	})
}

func TestARefundThatNeedsPeopleHoldsThePayoutThatItIsAPartOf(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 1_000, true)
		u.paysIn(ada, 2_000, true)
		u.watches(byRefund(1_000, 2))
		if o := u.pay(require(ada, 500)); o.Status != Queued {
			u.Fatalf("a refund that nobody watches: %+v", o)
		}
		made := u.pay(require(ada, 2_000))
		u.parts(made.ID, Held, stands{PartRefund, 500, PartHeld, WhySource}, stands{PartRefund, 1_500, PartHeld, WhySource})
		u.works()
		if u.till.backs != 500 {
			u.Errorf("%d were refunded", u.till.backs)
		}
		for i, key := range []string{"key_checker", "key_third"} {
			o, err := u.Approve(u.Context(), shop, made.ID, key, none)
			if want := []Status{Held, Queued}[i]; err != nil || o.Status != want {
				u.Fatalf("approved by %d: %s, want %s, %v", i+1, o.Status, want, err)
			}
		}
		u.works()
		if u.expect(made.ID, Paid); u.till.backs != 2_500 {
			u.Errorf("%d were refunded", u.till.backs)
		}
	})
}

// What is held reverses nothing, so the way that people watch may come about only by that.
func TestAnAuthorizationIsNotReversedByAPayoutThatPeopleHold(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 700, false)
		u.paysIn(ada, 1_000, true)
		u.paysIn(u.payer(), 5_000, true)
		u.watches(byRefund(100, 1))
		made := u.pay(prefer(ada, 1_000))
		u.parts(made.ID, Held, stands{PartRefund, 1_000, PartHeld, WhySource})
		if len(made.UnusedSources) != 1 || made.UnusedSources[0].Reason != unusedHeld {
			u.Errorf("unused %+v", made.UnusedSources)
		}
	})
}

func TestARefundThatFailsDoesNotGoOnByAnAccountThatPeopleWatch(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada := u.payer()
		u.paysIn(ada, 3_000, true)
		u.till.refund = func(provider.Refund) provider.Outcome { return provider.Refused(provider.DoNotHonor, "05", "no") }
		u.watches(byAccount(alpha.ID, 1))
		alone := u.pay(prefer(ada, 1_000))
		u.works()
		o := u.parts(alone.ID, Failed, stands{PartRefund, 1_000, PartFailed, WhySource}, stands{PartPayout, 1_000, PartFailed, WhyRefundFailed})
		if o.Failure == nil || o.Failure.Code != CodeTwoPersons || len(u.bank.paid) != 0 || u.left(ada) != 3_000 || u.holds(ledger.MerchantAvailable, "EUR") != 3_000 {
			u.Errorf("%+v, paid %d times, %d left", o.Failure, len(u.bank.paid), u.left(ada))
		}
		u.rules.m.PayoutApproval = map[string]int64{"EUR": 100}
		agreed := u.pay(prefer(ada, 1_000))
		if _, err := u.Approve(u.Context(), shop, agreed.ID, "key_checker", none); err != nil {
			u.Fatal(err)
		}
		u.works()
		u.parts(agreed.ID, Sent, stands{PartRefund, 1_000, PartFailed, WhySource}, stands{PartPayout, 1_000, PartSent, WhyRefundFailed})
	})
}

// closedFor is what people have switched off at a provider account.
type closedFor struct {
	operation control.Operation
	account   string
}

func (c closedFor) Blocked(_ context.Context, _ string, a control.Ask) error {
	if a.Operation == c.operation && a.Account == c.account {
		return fault.New(fault.Unavailable, fault.CodeKillSwitch, "it is switched off: it loses messages")
	}
	return nil
}

func (closedFor) Persons(context.Context, string, control.Ask, money.Money) (int, error) {
	return 0, nil
}

func TestAPayoutOfPartsIsRefusedIfAPartIsSwitchedOff(t *testing.T) {
	eachDesk(t, func(u *desk) {
		ada, bob := u.payer(), u.payer()
		u.paysIn(ada, 1_000, true)
		u.paysIn(bob, 700, false)
		u.paysIn(u.payer(), 5_000, true)
		off := func(o control.Operation, account string) {
			u.Control, u.Payments.Control = closedFor{o, account}, closedFor{o, account}
		}
		refused := func(in Create) bool {
			_, err := u.Create(u.Context(), shop, in, none)
			if err != nil && code(err) != fault.CodeKillSwitch {
				u.Fatal(err)
			}
			return err != nil
		}
		off(control.Payout, alpha.ID)
		if !refused(prefer(ada, 1_500)) {
			u.Error("a part goes to the destination by what is switched off")
		}
		off(control.Refund, tillAccount.ID)
		if !refused(prefer(ada, 500)) {
			u.Error("a part is a refund, which is switched off")
		}
		off(control.Void, tillAccount.ID)
		if !refused(require(bob, 700)) {
			u.Error("a part is a reversal, which is switched off")
		}
		if refused(prefer(ada, 500)) {
			u.Error("a refund is a void")
		}
		off(control.Payout, alpha.ID)
		if refused(prefer(ada, 500)) {
			u.Error("nothing goes to the destination")
		}
	})
}

func TestAPayoutBehindASwitchIsNotSentAfterItsDeadline(t *testing.T) {
	for name, lifted := range map[string]bool{"lifted too late": true, "not lifted": false} {
		t.Run(name, func(t *testing.T) {
			eachDesk(t, func(u *desk) {
				of := &room{}
				u.Control = of
				u.earn(eur(1_000))
				made := u.pay(order(1_000))
				of.off = true
				u.sweep()
				u.later(71 * time.Hour)
				u.expect(made.ID, Queued)
				if of.off = !lifted; lifted {
					u.now.Advance(3 * 24 * time.Hour) // the worker was down
				}
				u.later(time.Hour)
				o := u.expect(made.ID, Failed)
				want := FailureObject{fault.CodeKillSwitch, "payout is switched off: a fraud wave. Nothing has reached the provider."}
				if lifted {
					want = FailureObject{fault.CodeProviderUnavailable, textUnsent}
				}
				if *o.Failure != want || o.Timeline[len(o.Timeline)-1].Detail != want.Code || len(u.bank.paid) != 0 || u.holds(ledger.MerchantAvailable, "EUR") != 1_000 {
					u.Errorf("%+v, sent %d times, %d available", o.Failure, len(u.bank.paid), u.holds(ledger.MerchantAvailable, "EUR"))
				}
			})
		})
	}
}

func TestAPayoutThatIsNotCoveredWaitsWithoutADeadline(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		u.rules.m.SuspendedAt = u.now.Now()
		u.sweep()
		u.later(10 * 24 * time.Hour)
		u.expect(made.ID, Queued)
		u.rules.m.SuspendedAt = time.Time{}
		u.later(time.Hour)
		u.expect(made.ID, Sent)
	})
}
