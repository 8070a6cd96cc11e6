package payout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

func TestAnUnknownOutcomeIsAskedAboutAndNotSentAgain(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.bank.pay = func(provider.Payout) provider.Outcome { return provider.Doubt("no answer in time") }
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		u.sweep()
		u.expect(made.ID, Queued)
		for range 3 {
			u.later(time.Minute)
		}
		if len(u.bank.paid) != 1 || u.bank.asked != 3 {
			u.Fatalf("sent %d times, asked %d times", len(u.bank.paid), u.bank.asked)
		}
		u.bank.find = func(provider.PayoutInquiry) provider.Finding {
			return provider.Found(provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(1_000), Reference: "bank_1"})
		}
		u.later(5 * time.Minute)
		u.expect(made.ID, Paid)
		if got := u.tells(made.ID); !slices.Equal(got, []string{"payout.queued", "payout.sent", "payout.paid"}) {
			u.Errorf("told %v", got)
		}
	})
}

// The provider's word that it has nothing is believed only twice and after its settle delay; then the payout is sent again by the same reference.
func TestAPayoutThatNeverArrivedIsSentAgain(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.bank.pay = func(provider.Payout) provider.Outcome { return provider.Doubt("no answer in time") }
		u.bank.find = func(provider.PayoutInquiry) provider.Finding { return provider.NotFound() }
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		u.sweep()
		u.later(2 * time.Second)
		u.later(10 * time.Second)
		if len(u.bank.paid) != 1 {
			u.Fatalf("sent again too early: %d times", len(u.bank.paid))
		}
		u.bank.pay = taken
		u.later(30 * time.Second)
		u.sweep()
		u.expect(made.ID, Sent)
		if len(u.bank.paid) != 2 || u.bank.paid[0].Reference != u.bank.paid[1].Reference {
			u.Errorf("sent %+v", u.bank.paid)
		}
	})
}

// A process that dies between the intent and the result leaves a payout that is asked about.
func TestAPayoutWhoseSenderDiedIsAskedAbout(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		u.bank.pay = func(provider.Payout) provider.Outcome { panic("the process dies") }
		u.sweep()
		u.bank.find = func(provider.PayoutInquiry) provider.Finding {
			return provider.Found(provider.Outcome{Class: provider.Approved, State: provider.Pending, Amount: eur(1_000)})
		}
		u.later(time.Hour)
		u.expect(made.ID, Sent)
		if len(u.bank.paid) != 1 {
			u.Errorf("sent %d times", len(u.bank.paid))
		}
	})
}

func TestAProviderThatCannotBeReachedIsTriedAgainAndThenGivenUp(t *testing.T) {
	eachDesk(t, func(u *desk) {
		down := provider.Outcome{Class: provider.NotSent, Detail: "connection refused"}
		u.bank.pay = func(provider.Payout) provider.Outcome { return down }
		u.earn(eur(2_000))
		made := u.pay(order(1_000))
		u.sweep()
		u.later(4 * time.Second)
		if len(u.bank.paid) != 1 {
			u.Fatalf("tried %d times before the pause was over", len(u.bank.paid))
		}
		u.bank.pay = taken
		u.later(time.Second)
		u.expect(made.ID, Sent)

		u.bank.pay = func(provider.Payout) provider.Outcome { return down }
		other := u.pay(order(1_000))
		u.sweep()
		u.later(payment.DefaultQueue - time.Hour)
		u.expect(other.ID, Queued)
		u.later(2 * time.Hour)
		if o := u.expect(other.ID, Failed); o.Failure.Code != fault.CodeProviderUnavailable || u.holds(ledger.MerchantAvailable, "EUR") != 1_000 {
			u.Errorf("given up: %+v, available %d", o.Failure, u.holds(ledger.MerchantAvailable, "EUR"))
		}
	})
}

// A payout that is tried for days is tried often enough to be sent soon after its provider is back, and its timeline has room for that.
func TestAPayoutThatIsTriedForDaysIsSentSoonAfterItsProviderIsBackAndTellsOfIt(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.bank.pay = func(provider.Payout) provider.Outcome {
			return provider.Outcome{Class: provider.NotSent, Detail: "connection refused"}
		}
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		for range 2 * maxTimeline {
			u.later(15 * time.Minute)
		}
		tried := len(u.bank.paid)
		if tried < 2*maxTimeline {
			u.Fatalf("tried %d times", tried)
		}
		u.bank.pay = taken
		u.later(15 * time.Minute)
		o := u.expect(made.ID, Sent)
		if last := o.Timeline[len(o.Timeline)-1]; last.Event != "payout.sent" || len(o.Timeline) >= maxTimeline {
			u.Errorf("%d entries, the last is %+v", len(o.Timeline), last)
		}
	})
}

func TestMessagesTwiceAndOutOfOrderChangeNothingMore(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		u.sweep()
		for _, m := range []struct {
			state provider.State
			want  payment.Verdict
		}{
			{provider.Succeeded, payment.Applied}, {provider.Succeeded, payment.Known}, {provider.Pending, payment.Known},
			{provider.Failed, payment.Contradicted}, {provider.Returned, payment.Applied}, {provider.Returned, payment.Known},
			{provider.Succeeded, payment.Known}, {provider.Failed, payment.Contradicted},
		} {
			if got := u.says(made.ID, m.state, eur(1_000)); got != m.want {
				u.Errorf("%s: %s, want %s", m.state, got, m.want)
			}
		}
		u.expect(made.ID, Returned)
		if got := u.tells(made.ID); !slices.Equal(got, []string{"payout.queued", "payout.sent", "payout.paid", "payout.returned"}) {
			u.Errorf("told %v", got)
		}
		if got := u.says("po_00000000000000000000000000", provider.Succeeded, eur(1)); got != payment.Unmatched {
			u.Errorf("of nothing of ours: %s", got)
		}
	})
}

func TestAnotherAmountIsNotAdopted(t *testing.T) {
	eachDesk(t, func(u *desk) {
		breaks := &fakeBreaks{}
		u.Breaks = breaks
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		u.sweep()
		if got := u.says(made.ID, provider.Succeeded, eur(999)); got != payment.Contradicted {
			u.Errorf("verdict %s", got)
		}
		if len(breaks.opened) != 1 || breaks.opened[0].Kind != payment.BreakContradiction || breaks.opened[0].Subject != made.ID || !breaks.change.Touches(payoutTable) {
			u.Errorf("breaks %+v", breaks.opened)
		}
		o := u.expect(made.ID, Sent)
		if last := o.Timeline[len(o.Timeline)-1]; last.Event != "contradiction" || !strings.Contains(last.Detail, "9.99 EUR") {
			u.Errorf("timeline %+v", o.Timeline)
		}
	})
}
