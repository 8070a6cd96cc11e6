package payout

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/fault"
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
			return &fault.Error{Kind: fault.Unavailable, Code: fault.CodeKillSwitch, Detail: "inquiry is switched off: their desk is on fire", RetryAfter: time.Minute}
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
		if o, err := u.Approve(u.Context(), shop, held.ID, "key_checker", none); err != nil || o.Status != Held || o.ApprovedBy != "key_checker" {
			u.Fatalf("the first of two: %+v, %v", o, err)
		}
		for _, key := range []string{"key_maker", "key_checker"} {
			if _, err := u.Approve(u.Context(), shop, held.ID, key, none); code(err) != CodeTwoPersons {
				u.Errorf("%s again: %v", key, err)
			}
		}
		if o, err := u.Approve(u.Context(), shop, held.ID, "key_third", none); err != nil || o.Status != Queued || o.ApprovedBy != "key_checker key_third" {
			u.Fatalf("the second of two: %+v, %v", o, err)
		}
		u.sweep()
		u.expect(held.ID, Sent)
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
