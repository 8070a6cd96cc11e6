package payment

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
)

// recounted is a payment's timeline, in short.
func (u *till) recounted(o Object) (lines []string) {
	u.Helper()
	for _, e := range u.status(o.ID).Timeline {
		lines = append(lines, e.Event+" "+e.Detail)
	}
	return lines
}

func TestTheTimelineTellsThatAnOutcomeWasUnknown(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.later(time.Minute)
		want := []string{
			"payment.created 100.00 EUR", "attempt.begun 100.00 EUR at alpha", "attempt.unknown at alpha: sent, and no outcome came back",
			"attempt.inquired at alpha, the last time", "attempt.captured at alpha",
		}
		if got := u.recounted(o); !slices.Equal(got, want) {
			u.Errorf("told %q", got)
		}
	}, noAnswer)
}

func TestTheTimelineTellsThatATryNeverArrived(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.later(10 * time.Minute)
		got := u.recounted(o)
		if last := got[len(got)-1]; !strings.HasPrefix(last, "attempt.voided at alpha: it never arrived there, alpha said 2 times") {
			u.Errorf("told %q", got)
		}
	}, noArrival)
}

func TestTheTimelineTellsThatAnOperationWasInquiredAbout(t *testing.T) {
	for name, c := range map[string]struct {
		capture bool // at once
		operate func(u *till, o Object) error
		told    []string
	}{
		"a capture": {false, func(u *till, o Object) error {
			_, err := u.Capture(u.Context(), shop, o.ID, 0, true, alone{})
			return err
		},
			[]string{"capture.begun 100.00 EUR", "capture.inquired 100.00 EUR at alpha, the last time", "capture.succeeded 100.00 EUR"}},
		"a void": {false, func(u *till, o Object) error { _, err := u.Cancel(u.Context(), shop, o.ID, "", alone{}); return err },
			[]string{"void.begun 100.00 EUR", "void.inquired 100.00 EUR at alpha, the last time", "void.succeeded 100.00 EUR"}},
		"a refund": {true, func(u *till, o Object) error {
			_, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 4_000}, alone{})
			return err
		},
			[]string{"refund.begun 40.00 EUR", "refund.inquired 40.00 EUR at alpha, the last time", "refund.succeeded 40.00 EUR"}},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(c.capture)
				if err := c.operate(u, o); err != nil {
					u.Fatal(err)
				}
				u.later(time.Minute)
				kind, _, _ := strings.Cut(c.told[0], ".")
				got := slices.DeleteFunc(u.recounted(o), func(line string) bool { return !strings.HasPrefix(line, kind) })
				if !slices.Equal(got, c.told) {
					u.Errorf("told %q", got)
				}
			}, fine, noAnswer)
		})
	}
}

// Nor does a reader, who has it asked about, change that nobody was.
func TestTheTimelineTellsOfNoInquiryAboutAnAttemptThatWasNotMade(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		on := silence(true)
		u.Control = &on
		for range 3 {
			u.later(5 * time.Minute)
			u.status(o.ID)
			u.readers.under.Wait()
		}
		for range 2 { // before and after what the last reader has brought about
			if got := u.recounted(o); !slices.Equal(got, []string{"payment.created 100.00 EUR", "attempt.begun 100.00 EUR at alpha", "attempt.unknown at alpha"}) {
				u.Errorf("told %q", got)
			}
			if err := u.resolveAttempt(u.Context(), []string{shop, o.ID, "1"}); err != nil {
				u.Fatal(err)
			}
		}
		on = false
		if err := u.resolveAttempt(u.Context(), []string{shop, o.ID, "1"}); err != nil {
			u.Fatal(err)
		}
		if got := u.recounted(o); !slices.Contains(got, "attempt.inquired at alpha, the last time") {
			u.Errorf("once it was asked about, told %q", got)
		}
	}, noAnswer)
}

// What a switch holds back was not asked.
func TestTheTimelineTellsOfNoInquiryThatWasNotMade(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		on := silence(true)
		u.Control = &on
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 4_000}, alone{}); err != nil {
			u.Fatal(err)
		}
		u.later(5 * time.Minute)
		want := []string{"refund.begun 40.00 EUR", "refund.unknown 40.00 EUR"}
		if got := u.recounted(o); !slices.Equal(got[len(got)-2:], want) {
			u.Errorf("told %q", got)
		}
	}, fine, noAnswer)
}

func TestTheTimelineTellsWhatAPersonSaid(t *testing.T) {
	for outcome, ended := range map[ManualOutcome]string{Charged: "attempt.captured at alpha", NotCharged: "attempt.voided at alpha"} {
		t.Run(string(outcome), func(t *testing.T) {
			eachTill(t, func(u *till) {
				o := u.pay(true)
				u.q.blind = true
				u.hours(8)
				_, err := u.ResolveManual(u.Context(), shop, u.queue()[0].ID, Resolution{Outcome: outcome, Reference: "q-1", Reason: "Seen in the portal."}, alone{})
				if err != nil {
					u.Fatal(err)
				}
				var got []string
				for _, line := range u.recounted(o) {
					if !strings.HasPrefix(line, "attempt.inquired") && !strings.HasPrefix(line, "attempt.unknown") {
						got = append(got, line)
					}
				}
				want := []string{"payment.created 100.00 EUR", "attempt.begun 100.00 EUR at alpha", "attempt.manual at alpha: no_answer",
					"attempt.resolved at alpha: a person says: " + string(outcome) + ". Seen in the portal.", ended}
				if !slices.Equal(got, want) {
					u.Errorf("told %q", got)
				}
			}, noArrival)
		})
	}
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.q.mishaps, u.q.blind = []mishap{noArrival}, true
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 4_000}, alone{}); err != nil {
			u.Fatal(err)
		}
		u.hours(8)
		if _, err := u.ResolveManual(u.Context(), shop, u.queue()[0].ID, Resolution{Outcome: NotDone, Reason: "Seen in the portal."}, alone{}); err != nil {
			u.Fatal(err)
		}
		got := slices.DeleteFunc(u.recounted(o), func(line string) bool {
			return !strings.HasPrefix(line, "refund.") || strings.HasPrefix(line, "refund.inquired")
		})
		want := []string{"refund.begun 40.00 EUR", "refund.manual 40.00 EUR: no_answer", "refund.resolved 40.00 EUR: a person says: failed. Seen in the portal.", "refund.failed 40.00 EUR"}
		if !slices.Equal(got, want) {
			u.Errorf("told %q", got)
		}
	})
}

// What a capture has cleared at since does not change what was asked for.
func TestTheTimelineTellsOfAClearingAndNotAsIfItHadBeenAskedFor(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		if _, err := u.Capture(u.Context(), shop, o.ID, 8_498, true, alone{}); err != nil {
			u.Fatal(err)
		}
		operations, err := u.store.operations(u.Context(), shop, o.ID)
		if err != nil {
			u.Fatal(err)
		}
		for _, minor := range []int64{7_649, 7_900} {
			u.tell(provider.Notification{Operation: provider.OpCapture, Reference: operations[0].ID, Attempt: o.ID + "-1",
				Outcome: provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: euros(minor)}})
		}
		var got []string
		for _, line := range u.recounted(o) {
			if strings.HasPrefix(line, "capture.") || strings.HasPrefix(line, "payment.adjusted") {
				got = append(got, strings.ReplaceAll(line, operations[0].ID, "it"))
			}
		}
		want := []string{"capture.begun 84.98 EUR", "capture.succeeded 84.98 EUR", "payment.adjusted it: captured 84.98 EUR, cleared at 76.49 EUR",
			"payment.adjusted it: captured 76.49 EUR, cleared at 79.00 EUR"}
		if !slices.Equal(got, want) {
			u.Errorf("told %q", got)
		}
		u.expect(u.status(o.ID), Captured, 7_900, 0)
	})
}

func TestTheTimelineTellsTriesInTheirTurn(t *testing.T) {
	eachPair(t, func(u *till) {
		u.q.between = func() { u.now.Advance(time.Millisecond) }
		o, err := u.Create(u.Context(), order(true), alone{})
		if err != nil {
			u.Fatal(err)
		}
		want := []string{"payment.created", "attempt.begun", "attempt.declined", "attempt.begun", "attempt.captured"}
		var got []string
		for _, e := range u.status(o.ID).Timeline {
			got = append(got, e.Event)
		}
		if !slices.Equal(got, want) {
			u.Errorf("told %q", got)
		}
	}, declined91)
	// The rows of a decision are written after it was made.
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	rows := related{attempts: []Attempt{
		{Number: 1, State: AttemptDeclined, Account: alpha.ID, CreatedAt: now, MovedAt: now.Add(20 * time.Microsecond)},
		{Number: 2, State: AttemptSending, Account: "beta", CreatedAt: now.Add(10 * time.Microsecond)},
	}}
	got := timeline(Payment{CreatedAt: now}, rows)
	if len(got) != 4 || got[2].Event != "attempt.declined" || got[3].Event != "attempt.begun" || got[2].At.After(got[3].At) {
		t.Errorf("told %+v", got)
	}
}

func TestTheTimelineTellsByWhichRuleNobodyWasAsked(t *testing.T) {
	eachTill(t, func(u *till) {
		u.again(order(true))
		o, err := u.Create(u.Context(), order(true), alone{})
		var refused *DeclinedError
		if !errors.As(err, &refused) {
			u.Fatal(err)
		}
		if got := u.recounted(o); !slices.Equal(got, []string{"payment.created 100.00 EUR", "payment.failed nobody was asked: the card network's rule " + retry.NeverAgain}) {
			u.Errorf("told %q", got)
		}
	}, declined03)
}

func TestAnAttemptShowsByWhatItsProviderKnowsIt(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.status(u.pay(true).ID)
		if got := o.Attempts[0].Reference; got != o.ID+"-1" {
			u.Errorf("it is known by %s", got)
		}
	})
}
