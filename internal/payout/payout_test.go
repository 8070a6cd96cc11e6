package payout

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

func TestAPayoutIsQueuedSentAndPaid(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(10_000))
		made := u.pay(order(6_000))
		if made.Status != Queued || made.Rail != bank.SEPAInstant || made.EstimatedArrival == nil || !made.EstimatedArrival.Latest.Equal(u.now.Now().Add(10*time.Second)) {
			u.Fatalf("made %+v", made)
		}
		if available, queued := u.holds(ledger.MerchantAvailable, "EUR"), u.holds(ledger.PayoutQueued, "EUR"); available != 4_000 || queued != 6_000 {
			u.Errorf("available %d, queued %d", available, queued)
		}
		u.sweep()
		u.expect(made.ID, Sent)
		if got := u.says(made.ID, provider.Succeeded, eur(6_000)); got != payment.Applied {
			u.Errorf("paid: %s", got)
		}
		paid := u.expect(made.ID, Paid)
		if paid.ProviderReference != "bank_"+made.ID || len(u.bank.paid) != 1 || u.bank.paid[0].Payee.Number.Reveal() != "DE89370400440532013000" {
			u.Errorf("paid %+v by %+v", paid, u.bank.paid)
		}
		if u.holds(ledger.Bank, "EUR") != -6_000 || u.holds(ledger.PayoutSent, "EUR") != 0 {
			u.Errorf("bank %d, sent %d", u.holds(ledger.Bank, "EUR"), u.holds(ledger.PayoutSent, "EUR"))
		}
		if got := u.tells(made.ID); !slices.Equal(got, []string{"payout.queued", "payout.sent", "payout.paid"}) {
			u.Errorf("told %v", got)
		}
		var steps []string
		for _, e := range paid.Timeline {
			steps = append(steps, e.Event)
		}
		if !slices.Equal(steps, []string{"payout.queued", "payout.sent", "payout.paid"}) {
			u.Errorf("timeline %v", steps)
		}
	})
}

func TestAPayoutThatFailsOrComesBackIsAvailableAgain(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(provider.Payout) provider.Outcome
		then   []provider.State
		status Status
		told   []string
	}{
		"refused at once": {answer: func(provider.Payout) provider.Outcome {
			return provider.Refused(provider.InvalidAccount, "ac04", "closed")
		},
			status: Failed, told: []string{"payout.queued", "payout.failed"}},
		"failed after it was sent":   {taken, []provider.State{provider.Failed}, Failed, []string{"payout.queued", "payout.sent", "payout.failed"}},
		"returned after it was paid": {taken, []provider.State{provider.Succeeded, provider.Returned}, Returned, []string{"payout.queued", "payout.sent", "payout.paid", "payout.returned"}},
		"returned before paid is heard of": {taken, []provider.State{provider.Returned, provider.Succeeded}, Returned,
			[]string{"payout.queued", "payout.sent", "payout.paid", "payout.returned"}},
	} {
		t.Run(name, func(t *testing.T) {
			eachDesk(t, func(u *desk) {
				u.bank.pay = c.answer
				u.earn(eur(1_000))
				made := u.pay(order(1_000))
				u.sweep()
				for _, state := range c.then {
					u.says(made.ID, state, money.Money{})
				}
				o := u.expect(made.ID, c.status)
				if o.Failure == nil || o.Failure.Code != "invalid_account" {
					u.Errorf("failure %+v", o.Failure)
				}
				if (o.EstimatedArrival != nil) != slices.Contains(c.told, "payout.sent") {
					u.Errorf("it arrives within %+v", o.EstimatedArrival)
				}
				if got := u.holds(ledger.MerchantAvailable, "EUR"); got != 1_000 {
					u.Errorf("available %d", got)
				}
				if got := u.tells(made.ID); !slices.Equal(got, c.told) {
					u.Errorf("told %v", got)
				}
				u.pay(order(1_000)) // the money can be paid out again
			})
		})
	}
}

func TestPayoutsOverTheBalanceAreRefused(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		if _, err := u.Create(u.Context(), shop, order(1_001), none); code(err) != CodeBalance || !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "10.00 EUR") {
			u.Errorf("over the balance: %v", err)
		}
		u.pay(order(600))
		if _, err := u.Create(u.Context(), shop, order(401), none); code(err) != CodeBalance {
			u.Errorf("over what the first left: %v", err)
		}
		u.pay(order(400))
		in := order(1)
		in.Currency, in.To = "BRL", &DestinationInput{Type: TypePIX, Name: "Ada", Alias: "ada@example.com"}
		if _, err := u.Create(u.Context(), shop, in, none); code(err) != CodeBalance {
			u.Errorf("in a currency that nothing was earned in: %v", err)
		}
	})
}

// However many ask at once, what is paid out is never more than there is, and nobody is refused while there is enough.
func TestPayoutsAtOnceNeverOverspend(t *testing.T) {
	eachDesk(t, func(u *desk) {
		const each, room, askers = 70, 9, 24
		u.earn(eur(each*room + 69))
		ctx := context.WithoutCancel(u.Context())
		var all sync.WaitGroup
		errs := make([]error, askers)
		for i := range errs {
			all.Go(func() { _, errs[i] = u.Create(ctx, shop, order(each), none) })
		}
		all.Wait()
		made := 0
		for _, err := range errs {
			switch {
			case err == nil:
				made++
			case code(err) != CodeBalance:
				u.Errorf("refused for %v", err)
			}
		}
		if made != room || u.holds(ledger.MerchantAvailable, "EUR") != 69 {
			u.Errorf("%d payouts made, want %d; %d left", made, room, u.holds(ledger.MerchantAvailable, "EUR"))
		}
	})
}

// Whatever is done in whatever order by many at once, the balance is never negative and every amount is somewhere.
func TestNothingOverspendsWhateverTheOrder(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.rules.m.PayoutApproval = map[string]int64{"EUR": 500}
		ctx := context.WithoutCancel(u.Context())
		earned := int64(0)
		rapid.Check(t, func(r *rapid.T) {
			income := rapid.Int64Range(1, 2_000).Draw(r, "income")
			u.earn(eur(income))
			earned += income
			amounts := rapid.SliceOfN(rapid.Int64Range(1, 1_500), 1, 6).Draw(r, "amounts")
			ends := rapid.SliceOfN(rapid.SampledFrom([]string{"cancel", "approve", "leave"}), len(amounts), len(amounts)).Draw(r, "ends")
			var all sync.WaitGroup
			for i, amount := range amounts {
				all.Go(func() {
					o, err := u.Create(ctx, shop, order(amount), none)
					if err != nil {
						return // refused: the balance did not suffice
					}
					switch {
					case ends[i] == "cancel":
						_, err = u.Cancel(ctx, shop, o.ID, "", none)
					case ends[i] == "approve" && o.Status == Held:
						_, err = u.Approve(ctx, shop, o.ID, "key_checker", none)
					}
					if err != nil {
						u.Errorf("%s: %v", ends[i], err)
					}
				})
			}
			all.Wait()
			b, left, err := u.spendable(ctx, shop, eur(0).Currency())
			if err != nil || left < 0 || left+b.Reserved+u.holds(ledger.PayoutQueued, "EUR")+u.holds(ledger.MerchantPending, "EUR") != earned {
				r.Fatalf("left %d, reserved %d, queued %d of %d: %v", left, b.Reserved, u.holds(ledger.PayoutQueued, "EUR"), earned, err)
			}
		})
	})
}

func TestAPayoutCanBeCanceledUntilItIsSent(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		if o, err := u.Cancel(u.Context(), shop, made.ID, "wrong payee", none); err != nil || o.Status != Canceled || o.EstimatedArrival != nil {
			u.Fatalf("%+v, %v", o, err)
		}
		u.sweep()
		if len(u.bank.paid) != 0 || u.holds(ledger.MerchantAvailable, "EUR") != 1_000 {
			u.Errorf("sent %v, available %d", u.bank.paid, u.holds(ledger.MerchantAvailable, "EUR"))
		}
		if _, err := u.Cancel(u.Context(), shop, made.ID, "", none); code(err) != fault.CodeStateConflict {
			u.Errorf("twice: %v", err)
		}
		sent := u.pay(order(1_000))
		u.bank.pay = func(provider.Payout) provider.Outcome { return provider.Doubt("no answer in time") }
		u.sweep()
		if _, err := u.Cancel(u.Context(), shop, sent.ID, "", none); code(err) != fault.CodeStateConflict {
			u.Errorf("while nobody knows whether it was sent: %v", err)
		}
		if _, err := u.Cancel(u.Context(), shop, "po_00000000000000000000000000", "", none); !fault.Is(err, fault.NotFound) {
			u.Errorf("none: %v", err)
		}
	})
}
