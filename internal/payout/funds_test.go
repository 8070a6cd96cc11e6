package payout

import (
	"testing"
	"time"

	"github.com/florinpay/florin/internal/ledger"
)

func TestFundsBecomeAvailableAfterTheSettlementDelay(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.rules.m.SettlementDelay = 48
		u.earn(eur(10_000))
		u.now.Advance(47 * time.Hour)
		u.earn(eur(500))
		if err := u.MatureAll(u.Context(), true); err != nil {
			u.Fatal(err)
		}
		if got := u.holds(ledger.MerchantAvailable, "EUR"); got != 0 {
			u.Errorf("available an hour early: %d", got)
		}
		u.now.Advance(time.Hour)
		for range 3 { // what was made available is not made available again
			if err := u.MatureAll(u.Context(), true); err != nil {
				u.Fatal(err)
			}
		}
		if available, pending := u.holds(ledger.MerchantAvailable, "EUR"), u.holds(ledger.MerchantPending, "EUR"); available != 10_000 || pending != 500 {
			u.Errorf("available %d, pending %d", available, pending)
		}
		u.now.Advance(48 * time.Hour)
		if err := u.MatureAll(u.Context(), false); err != nil || u.holds(ledger.MerchantAvailable, "EUR") != 10_000 {
			u.Errorf("a merchant whose delay is hours was looked at in a round for those without: %v", err)
		}
		if err := u.MatureAll(u.Context(), true); err != nil || u.holds(ledger.MerchantPending, "EUR") != 0 {
			u.Errorf("pending %d, %v", u.holds(ledger.MerchantPending, "EUR"), err)
		}
	})
}

// A transaction may be written later than its id says. It counts when it is there, and only once.
func TestACaptureThatIsWrittenLateBecomesAvailableToo(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(100))
		if err := u.Mature(u.Context(), shop, eur(0).Currency()); err != nil {
			u.Fatal(err)
		}
		u.now.Advance(time.Minute)
		u.earn(eur(200))
		if err := u.Mature(u.Context(), shop, eur(0).Currency()); err != nil {
			u.Fatal(err)
		}
		u.now.Advance(-50 * time.Second) // another process, whose clock is behind, within what is allowed for
		u.earn(eur(1))
		u.now.Advance(10 * time.Minute)
		for range 2 {
			if err := u.Mature(u.Context(), shop, eur(0).Currency()); err != nil {
				u.Fatal(err)
			}
			u.now.Advance(time.Hour)
		}
		if got := u.holds(ledger.MerchantAvailable, "EUR"); got != 301 {
			u.Errorf("available %d, want 301", got)
		}
	})
}

func TestABusyBalanceIsLookedAtLessOften(t *testing.T) {
	for count, want := range map[int64]time.Duration{0: 0, restPerSecond - 1: 0, restPerSecond: time.Second, 30 * restPerSecond: 30 * time.Second} {
		if got := rest(count); got != want {
			t.Errorf("after %d entries: %s, want %s", count, got, want)
		}
	}
	eachDesk(t, func(u *desk) {
		u.earn(eur(100))
		u.resting.Store(shop+" EUR", u.now.Now().Add(time.Minute))
		if err := u.MatureAll(u.Context(), true); err != nil || u.holds(ledger.MerchantAvailable, "EUR") != 0 {
			u.Errorf("it was not left alone: %v", err)
		}
		u.pay(order(60)) // who pays out does not wait for a round
		u.earn(eur(10))
		u.now.Advance(time.Minute)
		if err := u.MatureAll(u.Context(), true); err != nil || u.holds(ledger.MerchantAvailable, "EUR") != 50 {
			u.Errorf("after its rest: %d, %v", u.holds(ledger.MerchantAvailable, "EUR"), err)
		}
	})
}
