package payment

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// diary is a Companion that keeps what it was told in a row of its own, as an idempotency record does. The row is one of
// the tables at hand, about a payment that does not exist.
type diary struct {
	intents, results int
	object           any
	err              error
}

const diaryPayment = "pay_diary"

func (d *diary) entry(claim string) db.Row {
	return contradictionRow(Contradiction{Merchant: shop, Payment: diaryPayment, Subject: claim, Heard: 1, FirstAt: time.UnixMicro(1), LastAt: time.UnixMicro(1)})
}

func (d *diary) Intent(c *db.Change, subject string) {
	d.intents++
	c.Add(d.entry("intent of " + subject))
}

func (d *diary) Result(c *db.Change, object any, err error) error {
	d.results++
	d.object, d.err = object, err
	c.Add(d.entry("result"))
	return nil
}

// written is how many rows of the diary have landed.
func (u *till) written() int {
	u.Helper()
	rows, err := u.store.contradictions(u.Context(), shop, diaryPayment)
	if err != nil {
		u.Fatal(err)
	}
	return len(rows)
}

// A webhook that is faster than the answer leaves nothing to write but the caller's own rows. They are written, and the
// caller is answered as if nobody had been faster.
func TestAnOvertakenRequestHasItsAnswerStored(t *testing.T) {
	for name, c := range map[string]struct {
		capture bool
		do      func(u *till, o Object, d *diary) (any, error)
		right   func(any) bool
	}{
		"create": {true, func(u *till, _ Object, d *diary) (any, error) { return u.Create(u.Context(), order(true), d) },
			func(o any) bool { return o.(Object).Status == Captured }},
		"capture": {false, func(u *till, o Object, d *diary) (any, error) { return u.Capture(u.Context(), shop, o.ID, 0, false, d) },
			func(o any) bool { return o.(Object).AmountCaptured == 10_000 && o.(Object).AmountCapturing == 0 }},
		"cancel": {false, func(u *till, o Object, d *diary) (any, error) { return u.Cancel(u.Context(), shop, o.ID, "", d) },
			func(o any) bool { return o.(Object).Status == Canceled }},
		"refund": {true, func(u *till, o Object, d *diary) (any, error) {
			return u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 4_000}, d)
		}, func(o any) bool { return o.(RefundObject).Status == "succeeded" }},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o, d := u.pay(c.capture), &diary{}
				u.q.between = func() {
					letter := u.q.mail[len(u.q.mail)-1] // the acquirer's lock is held
					if v := u.tell(letter); v != Applied {
						u.Errorf("the webhook is %s", v)
					}
				}
				answer, err := c.do(u, o, d)
				u.q.between = nil
				if err != nil || !c.right(answer) || !c.right(d.object) || d.err != nil {
					u.Errorf("answered %+v, %v; kept %+v, %v", answer, err, d.object, d.err)
				}
				if d.intents != 1 || d.results == 0 || u.written() != 2 {
					u.Errorf("%d intents, %d results, %d rows", d.intents, d.results, u.written())
				}
			})
		})
	}
}

func TestAnOvertakenDeclineIsToldAndStored(t *testing.T) {
	eachTill(t, func(u *till) {
		d := &diary{}
		u.q.between = func() { u.tell(u.q.mail[len(u.q.mail)-1]) }
		_, err := u.Create(u.Context(), order(true), d)
		var refused *DeclinedError
		if !errors.As(err, &refused) || refused.Decline.Code != provider.InsufficientFunds || d.err == nil || u.written() != 2 {
			u.Errorf("%v; kept %v, %d rows", err, d.err, u.written())
		}
	}, declined51)
}

func TestTwoCapturesAtOnceCannotRacePastTheAuthorization(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		var done sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			done.Go(func() {
				_, errs[i] = u.Capture(u.Context(), shop, o.ID, 6_000, false, alone{})
			})
		}
		done.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			u.Errorf("not exactly one of two succeeded: %v", errs)
		}
		u.expect(u.status(o.ID), Authorized, 6_000, 0)
		if _, taken := u.q.keeps(o.ID + "-1"); taken != 6_000 {
			u.Errorf("the acquirer took %d", taken)
		}
	})
}

func TestRefundsTakeWhatIsCapturedWhileMoreIsBeingCaptured(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		for _, amount := range []int64{4_000, 5_000} {
			if _, err := u.Capture(u.Context(), shop, o.ID, amount, false, alone{}); err != nil {
				u.Fatal(err)
			}
		}
		if got := u.status(o.ID); got.AmountCaptured != 4_000 || got.AmountCapturing != 5_000 {
			u.Fatalf("%+v", got)
		}
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 4_001}, alone{}); !fault.Is(err, fault.Invalid) {
			u.Errorf("refunded what is only being captured: %v", err)
		}
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 4_000}, alone{}); err != nil {
			u.Errorf("refunded what is captured: %v", err)
		}
		u.later(time.Minute)
		u.expect(u.status(o.ID), Authorized, 9_000, 4_000)
	}, fine, fine, noAnswer)
}

// Whoever reads a payment in pieces while somebody else moves it must see that, and read again.
func TestRowsOfDifferentMomentsAreNotDecidedFrom(t *testing.T) {
	eachTill(t, func(u *till) {
		o, held := u.pay(true), u.pay(false)
		before, err := u.store.payment(u.Context(), shop, held.ID)
		if err != nil {
			u.Fatal(err)
		}
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 6_000}, alone{}); err != nil {
			u.Fatal(err)
		}
		if _, err := u.Capture(u.Context(), shop, held.ID, 6_000, false, alone{}); err != nil {
			u.Fatal(err)
		}
		for kind, payment := range map[Kind]string{KindRefund: o.ID, KindCapture: held.ID} {
			operations, err := u.store.operations(u.Context(), shop, payment)
			if err != nil || len(operations) != 1 {
				u.Fatalf("%v, %v", operations, err)
			}
			p, a, op, err := u.rows(u.Context(), operations[0])
			if err != nil {
				u.Fatal(err)
			}
			op.State = OperationSending // as it was read a moment ago
			state := map[Kind]provider.State{KindRefund: provider.Succeeded, KindCapture: provider.Captured}[kind]
			for name, outcome := range map[string]provider.Outcome{"succeeded": approved(state, op.Amount), "failed": declinedLate} {
				if kind == KindCapture && name == "failed" {
					continue // it moves no amount
				}
				if d, err := settleOperation(p, a, op, outcome, terms{now: u.now.Now(), fee: 100}); !fault.Is(err, fault.Stale) {
					u.Errorf("the %s %s: %+v, %v", kind, name, d.payment, err)
				}
			}
		}
		a, err := u.store.attempt(u.Context(), shop, held.ID, 1)
		if err != nil {
			u.Fatal(err)
		}
		if _, err := u.settle(u.Context(), alpha, before, a, approved(provider.Captured, of(held, 6_000)), requestWaits); !fault.Is(err, fault.Stale) {
			u.Errorf("a payment of before its capture: %v", err)
		}
	})
}

// rival is somebody who changes the payment whenever another one is about to.
type rival struct {
	*till
	payment string
	rounds  int
}

func (r *rival) Intent(*db.Change, string) {
	r.rounds++
	p, err := r.store.payment(r.Context(), shop, r.payment)
	if err != nil {
		r.Fatal(err)
	}
	row, err := paymentRow(p)
	if err == nil {
		err = r.DB.Commit(r.Context(), db.NewChange(shop, row))
	}
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rival) Result(*db.Change, any, error) error { return nil }

func TestWhoLosesEveryRoundIsNotToldThatTheStateForbidsIt(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		r := &rival{till: u, payment: o.ID}
		_, err := u.Capture(u.Context(), shop, o.ID, 0, false, r)
		if !fault.Is(err, fault.Stale) || r.rounds != tries {
			u.Errorf("after %d rounds: %v", r.rounds, err)
		}
		if operations, err := u.store.operations(u.Context(), shop, o.ID); err != nil || len(operations) != 0 {
			u.Errorf("written: %v, %v", operations, err)
		}
		if _, err := u.Capture(u.Context(), shop, o.ID, 0, false, alone{}); err != nil {
			u.Errorf("once more, undisturbed: %v", err)
		}
	})
}
