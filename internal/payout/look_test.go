package payout

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// answers has the bank answer each inquiry so.
func (u *desk) answers(o provider.Outcome) {
	u.bank.mu.Lock()
	defer u.bank.mu.Unlock()
	u.bank.find = func(provider.PayoutInquiry) provider.Finding { return provider.Found(o) }
}

// paidOut is a payout that is paid, by SEPA Instant.
func (u *desk) paidOut() Object {
	u.Helper()
	u.earn(eur(1_000))
	made := u.pay(order(1_000))
	u.sweep()
	u.says(made.ID, provider.Succeeded, money.Money{})
	return u.expect(made.ID, Paid)
}

func TestAReturnWhoseMessageIsLostIsFoundOut(t *testing.T) {
	eachDesk(t, func(u *desk) {
		made := u.paidOut()
		u.answers(provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(1_000)})
		u.later(23 * time.Hour)
		if u.bank.asked != 0 {
			u.Fatalf("asked %d times within a day", u.bank.asked)
		}
		u.later(time.Hour)
		u.expect(made.ID, Paid)
		u.answers(provider.Outcome{Class: provider.Approved, State: provider.Returned, Amount: eur(1_000), Decline: provider.Decline{Code: provider.InvalidAccount}})
		u.later(24 * time.Hour)
		o := u.expect(made.ID, Returned)
		if o.Failure == nil || o.Failure.Code != "invalid_account" || u.holds(ledger.MerchantAvailable, "EUR") != 1_000 || u.bank.asked != 2 {
			u.Errorf("failure %+v, available %d, asked %d times", o.Failure, u.holds(ledger.MerchantAvailable, "EUR"), u.bank.asked)
		}
		if got := u.tells(made.ID); !slices.Equal(got, []string{"payout.queued", "payout.sent", "payout.paid", "payout.returned"}) {
			u.Errorf("told %v", got)
		}
		for range 10 {
			u.later(24 * time.Hour)
		}
		if u.bank.asked != 2 {
			u.Errorf("one that is back was asked about: %d", u.bank.asked)
		}
	})
}

func TestWhatIsPaidIsLookedAtAsLongAsItsRailReturns(t *testing.T) {
	rail, _ := bank.RailNamed(bank.SEPAInstant)
	p, days := Payout{Status: Paid, PaidAt: noon}, []int{}
	for at := p.nextLook(rail, noon); !at.IsZero(); at = p.nextLook(rail, at) {
		days = append(days, int(at.Sub(noon)/lookDaily))
	}
	if want := []int{1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 35}; !slices.Equal(days, want) {
		t.Errorf("looked at after %v days, want %v", days, want)
	}
	for _, r := range bank.Rails() {
		last := noon.Add(r.Returns)
		if r.Returns <= 0 || p.nextLook(r, last.Add(-1)) != last || !p.nextLook(r, last).IsZero() {
			t.Errorf("%s is looked at until %s, then %s", r.Name, p.nextLook(r, last.Add(-1)), p.nextLook(r, last))
		}
	}
}

func TestALookAtWhatIsPaidEnds(t *testing.T) {
	paid := provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(1_000)}
	for name, c := range map[string]struct {
		found provider.Finding
		asked int // in half a year of days
		noted bool
	}{
		"it is still paid":           {provider.Found(paid), 11, false},
		"the bank says nothing":      {provider.Found(provider.Doubt("not now")), 42, false}, // each day, as late as the worker is here, and a week more
		"the bank has no such thing": {provider.NotFound(), 11, true},
		"the bank says it failed":    {provider.Found(provider.Refused(provider.InvalidAccount, "ac04", "closed")), 11, true},
		"the bank says more":         {provider.Found(provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(1_001)}), 11, true},
	} {
		t.Run(name, func(t *testing.T) {
			eachDesk(t, func(u *desk) {
				made := u.paidOut()
				u.bank.find = func(provider.PayoutInquiry) provider.Finding { return c.found }
				for range 180 {
					u.later(24 * time.Hour)
				}
				o := u.expect(made.ID, Paid)
				noted := slices.ContainsFunc(o.Timeline, func(e TimelineEntry) bool { return e.Event == "contradiction" })
				if u.bank.asked != c.asked || noted != c.noted {
					u.Errorf("asked %d times, want %d; %+v", u.bank.asked, c.asked, o.Timeline)
				}
				if p, err := u.store.payout(u.Context(), shop, made.ID); err != nil || !p.DueAt.IsZero() {
					u.Errorf("it is due at %s, %v", p.DueAt, err)
				}
			})
		})
	}
}

func TestALookThatToldNothingIsMadeAgainSoon(t *testing.T) {
	eachDesk(t, func(u *desk) {
		made := u.paidOut()
		u.later(24 * time.Hour)
		u.answers(provider.Outcome{Class: provider.Approved, State: provider.Returned, Amount: eur(1_000)})
		u.later(lookAgain - time.Minute)
		u.expect(made.ID, Paid)
		u.later(time.Minute)
		u.expect(made.ID, Returned)
	})
}
