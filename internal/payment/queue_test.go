package payment

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
)

// refund asks for a refund, and fails the test if that fails.
func (u *till) refund(o Object, minor int64) RefundObject {
	u.Helper()
	r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: minor}, alone{})
	if err != nil {
		u.Fatalf("refund: %v", err)
	}
	return r
}

// waiting is what a refund's row says.
func (u *till) operation(id string) Operation {
	u.Helper()
	op, err := u.store.operation(u.Context(), shop, id)
	if err != nil {
		u.Fatal(err)
	}
	return op
}

// refundsMade is our references of what the acquirer was asked to give back, in order.
func (q *acquirer) refundsMade() []string {
	var made []string
	for _, n := range q.letters() {
		if n.Operation == provider.OpRefund {
			made = append(made, n.Reference)
		}
	}
	return made
}

func TestARefundWhoseProviderIsDownWaitsAndIsMadeOnce(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		o := u.pay(true)
		sick.down(u.now.Now().Add(time.Hour), health.Refund)
		r := u.refund(o, 4_000)
		if r.Status != "pending" || u.operation(r.ID).State != OperationQueued || !u.operation(r.ID).Deadline.Equal(u.now.Now().Add(DefaultQueue)) {
			t.Fatalf("the refund is %s: %+v", r.Status, u.operation(r.ID))
		}
		u.later(30 * time.Minute)
		if made := u.q.refundsMade(); len(made) > 0 {
			t.Fatalf("the provider is down and was asked for %v", made)
		}
		sick.down(time.Time{})
		u.later(2 * time.Hour)
		if made := u.q.refundsMade(); !slices.Equal(made, []string{r.ID}) {
			t.Fatalf("the provider was asked for %v, want %s once", made, r.ID)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 4_000)
		if got := u.events(); !slices.Contains(got, event.RefundSucceeded) || slices.Contains(got, event.RefundFailed) {
			t.Errorf("told %v", got)
		}
	})
}

func TestARefundIsGivenUpWhenItsProviderStaysDown(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		o := u.pay(true)
		sick.down(u.now.Now().Add(1000*time.Hour), health.Refund)
		r := u.refund(o, 0)
		u.later(DefaultQueue + time.Hour)
		got := u.operation(r.ID)
		if got.State != OperationFailed || got.Failure == nil || got.Failure.Code != fault.CodeProviderUnavailable || len(u.q.refundsMade()) > 0 {
			t.Fatalf("past its deadline the refund is %s: %+v", got.State, got.Failure)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if got := u.events(); !slices.Contains(got, event.RefundFailed) {
			t.Errorf("told %v", got)
		}
	})
}

// waitsInTheWay tells whether an error says what keeps a request away, and blames no other request.
func waitsInTheWay(err error, words string) bool {
	return codeOf(err) == fault.CodeStateConflict && !errors.Is(err, errLost) && strings.HasPrefix(err.Error(), words)
}

func TestACaptureWaitsUntilShortlyBeforeItsAuthorizationEnds(t *testing.T) {
	for name, backInTime := range map[string]bool{"the provider comes back": true, "it stays down": false} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				sick := &outage{turns: -1}
				u.Health = sick
				o := u.pay(false)
				sick.down(u.now.Now().Add(time.Hour), health.Capture)
				now, err := u.Capture(u.Context(), shop, o.ID, 0, false, alone{})
				if err != nil || now.Status != Authorized || now.AmountCapturing != 10_000 || u.status(o.ID).AmountCapturing != 10_000 {
					t.Fatalf("capture: %v, %s with %d being captured", err, now.Status, now.AmountCapturing)
				}
				listed, _, err := u.List(u.Context(), shop, Page{Limit: 1}, Filter{})
				if err != nil || listed[0].AmountCapturing != 10_000 {
					t.Errorf("the list shows %+v, %v", listed, err)
				}
				if _, err := u.Capture(u.Context(), shop, o.ID, 0, false, alone{}); !waitsInTheWay(err, "a capture of the payment waits") {
					t.Errorf("a second capture meanwhile: %v", err)
				}
				if backInTime {
					sick.down(time.Time{})
					u.later(2 * time.Hour)
					u.expect(u.status(o.ID), Captured, 10_000, 0)
					return
				}
				sick.down(u.now.Now().Add(1000*time.Hour), health.Capture)
				u.later(o.CaptureBefore.Sub(u.now.Now()) + 8*time.Hour)
				u.expect(u.status(o.ID), Expired, 0, 0)
				if got := u.events(); !slices.Contains(got, event.PaymentCaptureFailed) {
					t.Errorf("told %v", got)
				}
				operations, err := u.store.operations(u.Context(), shop, o.ID)
				if err != nil || operations[0].State != OperationFailed || !operations[0].Deadline.Equal(o.CaptureBefore.Add(-captureMargin)) {
					t.Errorf("the capture is %+v, %v", operations[0], err)
				}
			})
		})
	}
}

func TestTheMostUrgentIsSentFirst(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{}
		u.Health = sick
		first, second, held, unwanted := u.pay(true), u.pay(true), u.pay(false), u.pay(false)
		until := u.now.Now().Add(time.Minute)
		sick.down(until, health.Refund, health.Void, health.Capture)
		if _, err := u.Capture(u.Context(), shop, held.ID, 0, true, alone{}); err != nil {
			t.Fatal(err)
		}
		u.now.Advance(time.Second)
		c := u.cancel(unwanted)
		u.now.Advance(time.Second)
		a := u.refund(first, 1_000)
		u.now.Advance(time.Second)
		b := u.refund(second, 2_000)
		u.now.Advance(5 * time.Minute)
		sick.down(time.Time{})
		// Each turn goes to what is most urgent, whichever hand has it.
		var sent []string
		for range 4 {
			sick.give(1, u.now.Now().Add(time.Second))
			u.sweepOperations()
			for _, n := range u.q.letters() {
				if n.Operation != provider.OpAuthorize && !slices.Contains(sent, n.Reference) {
					sent = append(sent, n.Reference)
				}
			}
			u.now.Advance(shortestWait)
		}
		if len(sent) != 4 || !slices.Equal(sent[:3], []string{a.ID, b.ID, c.ID}) {
			t.Errorf("sent %v, want %s, %s, %s and the capture", sent, a.ID, b.ID, c.ID)
		}
		u.expect(u.status(held.ID), Captured, 10_000, 0)
	})
}

// sweepOperations has the worker look at the operations once.
func (u *till) sweepOperations() {
	u.Helper()
	for _, sweep := range u.Sweeps() {
		if sweep.Table == operationTable {
			if _, err := u.DB.SweepOnce(u.Context(), sweep); err != nil {
				u.Fatal(err)
			}
		}
	}
}

func TestASwitchHoldsWhatWasAcceptedAndRefusesWhatIsNew(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		o := u.pay(true)
		sick.down(u.now.Now().Add(time.Minute), health.Refund)
		r := u.refund(o, 1_000)
		sick.down(time.Time{})
		u.Control = switches{"refund alpha": true}
		u.later(time.Hour)
		if op := u.operation(r.ID); op.State != OperationQueued || len(u.q.refundsMade()) > 0 {
			t.Fatalf("behind a switch the refund is %s", op.State)
		}
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 1}, alone{}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a new refund behind the switch: %v", err)
		}
		u.Control = nil
		u.later(10 * time.Minute)
		if op := u.operation(r.ID); op.State != OperationSucceeded {
			t.Errorf("once the switch is lifted the refund is %s", op.State)
		}
	})
}

func TestAProviderThatHasItAfterAllIsBelieved(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.q.mishaps = []mishap{refused}
		r := u.refund(o, 1_000)
		op := u.operation(r.ID)
		a, err := u.store.attempt(u.Context(), shop, o.ID, 1)
		if err != nil || op.State != OperationQueued {
			t.Fatalf("the refund is %s, %v", op.State, err)
		}
		u.q.Refund(u.Context(), alpha, provider.Refund{Reference: r.ID, Attempt: a.ourReference(), Amount: op.Amount})
		if verdict := u.tell(u.q.letters()[len(u.q.letters())-1]); verdict != Applied {
			t.Errorf("its message is %s", verdict)
		}
		u.later(time.Hour)
		u.expect(u.status(o.ID), Captured, 10_000, 1_000)
		if made := u.q.refundsMade(); len(made) != 1 {
			t.Errorf("made %v", made)
		}
	})
}

func TestWhatASwitchHoldsKeepsNothingElseWaiting(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		sold, held := u.pay(true), u.pay(false)
		sick.down(u.now.Now().Add(time.Minute), health.Refund, health.Capture)
		r := u.refund(sold, 1_000)
		if _, err := u.Capture(u.Context(), shop, held.ID, 0, true, alone{}); err != nil {
			t.Fatal(err)
		}
		sick.down(time.Time{})
		u.Control = switches{"refund alpha": true}
		u.later(10 * time.Minute)
		u.expect(u.status(held.ID), Captured, 10_000, 0)
		if op := u.operation(r.ID); op.State != OperationQueued {
			t.Errorf("the refund is %s", op.State)
		}
	})
}

func TestManyHandsSendEachOfWhatWaitsOnce(t *testing.T) {
	eachTill(t, func(u *till) {
		sick := &outage{turns: -1}
		u.Health = sick
		sold := make([]Object, 12)
		for i := range sold {
			sold[i] = u.pay(true)
		}
		sick.down(u.now.Now().Add(time.Minute), health.Refund)
		var want []string
		for _, o := range sold {
			want = append(want, u.refund(o, 1_000).ID)
		}
		u.now.Advance(10 * time.Minute)
		sick.down(time.Time{})
		u.sweepOperations()
		for range 3 { // those whose turn went to another, which a hand had taken up meanwhile
			u.now.Advance(2 * sweepLease)
			u.sweepOperations()
		}
		made := u.q.refundsMade()
		slices.Sort(made)
		slices.Sort(want)
		if !slices.Equal(made, want) {
			t.Errorf("sent %v, want %v", made, want)
		}
	})
}

func TestOnlyWhatWasCertainlyNotSentWaits(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	p := Payment{CaptureBefore: now.Add(time.Hour)}
	soon := Payment{CaptureBefore: now.Add(captureMargin)}
	down := provider.Outcome{Class: provider.NotSent}
	for name, c := range map[string]struct {
		op   Operation
		p    Payment
		out  provider.Outcome
		want bool
	}{
		"a refund, refused":             {Operation{Kind: KindRefund, State: OperationSending}, p, down, true},
		"a refund, breaker open":        {Operation{Kind: KindRefund, State: OperationSending}, p, provider.Shut("open", now), true},
		"a capture":                     {Operation{Kind: KindCapture, State: OperationSending}, p, down, true},
		"a capture that has no time":    {Operation{Kind: KindCapture, State: OperationSending}, soon, down, false},
		"a cancellation":                {Operation{Kind: KindVoid, Purpose: PurposeCancel, State: OperationSending}, p, down, true},
		"a cancellation to the end":     {Operation{Kind: KindVoid, Purpose: PurposeCancel, State: OperationSending}, soon, down, true},
		"a cancellation after the end":  {Operation{Kind: KindVoid, Purpose: PurposeCancel, State: OperationSending}, Payment{CaptureBefore: now}, down, false},
		"a release after the end":       {Operation{Kind: KindVoid, Purpose: PurposeExpire, State: OperationSending}, p, down, false},
		"a void of a payout":            {Operation{Kind: KindVoid, Purpose: PurposeCancel, State: OperationSending, Payout: "po_1"}, p, down, true},
		"one of a payout near the end":  {Operation{Kind: KindVoid, Purpose: PurposeCancel, State: OperationSending, Payout: "po_1"}, soon, down, false},
		"past its deadline":             {Operation{Kind: KindRefund, State: OperationSending, Deadline: now}, p, down, false},
		"sent, and nobody knows":        {Operation{Kind: KindRefund, State: OperationSending}, p, provider.Doubt("?"), false},
		"asked about, and nothing sent": {Operation{Kind: KindRefund, State: OperationUnknown}, p, down, false},
		"declined":                      {Operation{Kind: KindRefund, State: OperationSending}, p, provider.Refused(provider.ProcessingError, "x", ""), false},
		"no way to send it at all":      {Operation{Kind: KindRefund, State: OperationSending}, p, unable(errors.New("no refunds")), false},
	} {
		if got := c.op.waits(c.p, c.out, terms{now: now, queue: time.Hour}); got != c.want {
			t.Errorf("%s: it waits: %v, want %v", name, got, c.want)
		}
	}
}

// A part of a payout has no deadline while it is only on its way to be sent. One that people hold back gets that of its kind.
func TestAPartOfAPayoutDoesNotWaitBehindASwitchForEver(t *testing.T) {
	for name, reverse := range map[string]bool{"a refund": false, "a void": true} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(!reverse)
				from, err := u.SourceOf(u.Context(), shop, o.ID)
				if err != nil {
					t.Fatal(err)
				}
				c := db.NewChange(shop)
				part, err := u.Return(u.Context(), c, from, Return{Payout: "po_1", Amount: from.Payment.Authorized, Reverse: reverse})
				if err == nil {
					err = u.DB.Commit(u.Context(), c)
				}
				if err != nil {
					t.Fatal(err)
				}
				u.Control = switches{"refund alpha": true, "void alpha": true}
				until := u.now.Now().Add(DefaultQueue)
				if reverse {
					until = o.CaptureBefore.Add(-captureMargin)
				}
				u.later(8 * time.Minute)
				if op := u.operation(part); op.State != OperationQueued || !op.Deadline.Equal(until) {
					t.Fatalf("behind the switch it is %s until %s, want %s", op.State, op.Deadline, until)
				}
				u.now.Advance(until.Sub(u.now.Now()))
				u.later(8 * time.Second)
				if op := u.operation(part); op.State != OperationFailed || op.Failure == nil || op.Failure.Code != fault.CodeKillSwitch {
					t.Errorf("past its time it is %s: %+v", op.State, op.Failure)
				}
			})
		})
	}
}

func TestHandsOfOneAccountDoNotWaitForThoseOfAnother(t *testing.T) {
	var d drains
	alpha, leave := d.enter("alpha")
	alpha.mu.Lock() // a read for it takes long
	beta, gone := d.enter("beta")
	if !beta.mu.TryLock() {
		t.Fatal("another account waits for it")
	}
	beta.sending["ref_1"] = true
	beta.mu.Unlock()
	if beta.sent("ref_1"); len(beta.sending) != 0 {
		t.Errorf("%v are being sent", beta.sending)
	}
	gone()
	same, left := d.enter("alpha")
	if same.mu.TryLock() {
		t.Error("a second hand of the account did not wait for the first")
	}
	left()
	alpha.mu.Unlock()
	if leave(); len(d.of) != 0 {
		t.Errorf("%d accounts are kept that no hand is at", len(d.of))
	}
}
