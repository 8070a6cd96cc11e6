package payment

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

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
