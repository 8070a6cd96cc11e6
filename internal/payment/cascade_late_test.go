package payment

import (
	"testing"
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
)

// The webhook of the decline is faster than the answer: it begins the next try, and whoever waits for the answer goes on with that.
func TestWhoeverHearsOfADeclineFirstBeginsTheNextTry(t *testing.T) {
	eachPair(t, func(u *till) {
		u.q.between = func() {
			u.q.between = nil
			if v := u.tell(u.q.mail[len(u.q.mail)-1]); v != Applied {
				u.Errorf("the webhook is %s", v)
			}
		}
		d := &diary{}
		o, err := u.Create(u.Context(), order(true), d)
		if err != nil || d.intents != 1 || u.written() != 2 {
			u.Fatalf("%v, %d intents, %d rows", err, d.intents, u.written())
		}
		u.expect(o, Captured, 10_000, 0)
		u.tried(o, "alpha declined", "beta captured")
		if len(u.q.asked) != 2 {
			u.Errorf("the money was asked for %d times", len(u.q.asked))
		}
	}, declined91)
}

// intent writes what goes before a call, and dies.
func (u *till) intent(in Create) (Payment, Attempt) {
	u.Helper()
	p, err := u.draft(in)
	if err != nil {
		u.Fatal(err)
	}
	if p, err = u.pick(u.Context(), p, in.Choice); err != nil {
		u.Fatal(err)
	}
	accounts, decided, err := u.plan(u.Context(), p)
	if err != nil {
		u.Fatal(err)
	}
	first, err := u.lane(u.Context(), p, accounts[0])
	if err != nil {
		u.Fatal(err)
	}
	d, err := p.begin(u.IDs.New(id.Attempt), first, Route{Decision: decided, Since: u.now.Now()}, u.now.Now())
	if err != nil {
		u.Fatal(err)
	}
	begun, err := u.begin(u.Context(), p, nil, entry{}, nil, d, alone{})
	if err != nil {
		u.Fatal(err)
	}
	d = *begun.next
	return d.payment, *d.attempt
}

var bankGone = provider.Outcome{Class: provider.Declined, Decline: provider.Decline{Code: provider.BankUnavailable}}

// Between two tries the process dies. The next one was written and never sent: it is asked about, not found twice, reversed and ended, and
// never sent by whoever finds it.
func TestATryThatACrashLeftBehindIsNeverSent(t *testing.T) {
	eachPair(t, func(u *till) {
		p, a := u.intent(order(true))
		o := Object{ID: p.ID, Currency: "EUR"}
		if v := u.tell(says(o, "1", bankGone)); v != Applied {
			u.Fatalf("the decline is %s", v)
		}
		u.tried(o, "alpha declined", "beta sending")
		u.later(10 * time.Minute)
		now := u.tried(o, "alpha declined", "beta voided")
		if now.Status != Failed || now.Failure.DeclineCode != provider.BankUnavailable || len(u.q.asked) != 0 {
			u.Errorf("ended as %+v, the money was asked for %d times", now, len(u.q.asked))
		}
		// Its request was not dead, only slow: what it hears now begins nothing.
		step, err := u.record(u.Context(), alpha, decision{payment: p, attempt: &a}, bankGone, alone{})
		if err != nil || step.next != nil {
			u.Errorf("the slow request goes on with %+v, %v", step.next, err)
		}
	})
}

// An inquiry hears of a decline that nobody waits for: it begins nothing.
func TestNobodyBeginsATryThatNobodyWaitsFor(t *testing.T) {
	eachPair(t, func(u *till) {
		p, a := u.intent(order(true))
		if err := u.learn(u.Context(), alpha, a, bankGone); err != nil {
			u.Fatal(err)
		}
		u.tried(Object{ID: p.ID}, "alpha declined")
	})
}

// A payer has begun the next try meanwhile: it is theirs, and the request that hears of the first one's end leaves it alone.
func TestARequestDoesNotGoOnWithAnothersTry(t *testing.T) {
	eachPair(t, func(u *till) {
		in := order(true)
		in.Confirm = false
		p, a := u.intent(in)
		if v := u.tell(says(Object{ID: p.ID}, "1", declinedLate)); v != Applied {
			u.Fatalf("the decline is %s", v)
		}
		before, _, err := u.reload(u.Context(), p, a)
		if err != nil || before.Status != RequiresPaymentMethod {
			u.Fatalf("%s, %v", before.Status, err)
		}
		next, err := before.begin(u.IDs.New(id.Attempt), lane{account: "alpha", patience: time.Minute}, Route{Since: u.now.Now()}, u.now.Now())
		if err != nil {
			u.Fatal(err)
		}
		if _, err := u.begin(u.Context(), before, nil, entry{}, nil, next, alone{}); err != nil {
			u.Fatal(err)
		}
		step, err := u.record(u.Context(), alpha, decision{payment: p, attempt: &a}, declinedLate, alone{})
		if err != nil || step.next != nil {
			u.Errorf("goes on with %+v, %v", step.next, err)
		}
	})
}

func TestWhatIsHeardLateOfAnEarlierTryChangesNothing(t *testing.T) {
	eachPair(t, func(u *till) {
		o := u.pay(true)
		if v := u.tell(says(o, "1", bankGone)); v != Known {
			u.Errorf("the decline once more is %s", v)
		}
		u.q.auths[o.ID+"-1"] = &authorization{amount: of(o, 10_000), captured: of(o, 10_000), refunded: of(o, 0)}
		u.q.outcomes[o.ID+"-1"] = u.q.shown(o.ID + "-1")
		if v := u.tell(says(o, "1", u.q.shown(o.ID+"-1"))); v != Contradicted {
			u.Errorf("its late approval is %s", v)
		}
		if n := u.measured("florin_payment_late_approvals_total"); n != 1 {
			u.Errorf("%v late approvals are counted", n)
		}
		u.later(time.Minute)
		if _, taken := u.q.keeps(o.ID + "-1"); taken != 0 {
			u.Errorf("alpha keeps %d", taken)
		}
		u.expect(u.tried(o, "alpha declined", "beta captured"), Captured, 10_000, 0)
	}, declined91)
}
