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
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
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

func TestAPayoutAboveTheThresholdNeedsASecondPerson(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.rules.m.PayoutApproval = map[string]int64{"EUR": 500}
		u.earn(eur(2_000))
		if at := u.pay(order(500)); at.Status != Queued {
			u.Errorf("at the threshold: %s", at.Status)
		}
		held := u.pay(order(501))
		if held.Status != Held || u.holds(ledger.MerchantAvailable, "EUR") != 1_500 {
			u.Fatalf("held %+v", held)
		}
		u.sweep()
		u.expect(held.ID, Held)
		if _, err := u.Create(u.Context(), shop, order(1_000), none); code(err) != CodeBalance {
			u.Errorf("what is held can be spent: %v", err)
		}
		if _, err := u.Approve(u.Context(), shop, held.ID, "key_maker", none); code(err) != CodeTwoPersons || !fault.Is(err, fault.Forbidden) {
			u.Errorf("approved by its maker: %v", err)
		}
		if o, err := u.Approve(u.Context(), shop, held.ID, "key_checker", none); err != nil || o.Status != Queued || o.ApprovedBy != "key_checker" {
			u.Fatalf("approved: %+v, %v", o, err)
		}
		if _, err := u.Approve(u.Context(), shop, held.ID, "key_third", none); code(err) != fault.CodeStateConflict {
			u.Errorf("approved twice: %v", err)
		}
		u.sweep()
		u.expect(held.ID, Sent)
		if got := u.tells(held.ID); !slices.Equal(got, []string{"payout.held", "payout.queued", "payout.sent"}) {
			u.Errorf("told %v", got)
		}
		again := u.pay(order(600))
		if _, err := u.Cancel(u.Context(), shop, again.ID, "not now", none); err != nil {
			u.Fatal(err)
		}
		u.pay(order(400)) // what was held for it can be spent again
	})
}

func TestAPayoutCanBeCanceledUntilItIsSent(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		if o, err := u.Cancel(u.Context(), shop, made.ID, "wrong payee", none); err != nil || o.Status != Canceled {
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

func TestABlockedDestinationGetsNothing(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		to, err := u.CreateDestination(u.Context(), shop, *iban(), func(*db.Change, DestinationObject) error { return nil })
		if err != nil || to.Last4 != "3000" || to.Country != "DE" || to.Blocked {
			u.Fatalf("%+v, %v", to, err)
		}
		in := order(100)
		in.To, in.Destination = nil, to.ID
		waiting := u.pay(in)
		set := func(blocked bool) {
			reason := "fraud"
			o, err := u.UpdateDestination(u.Context(), shop, to.ID, DestinationChange{Blocked: &blocked, Reason: &reason}, func(*db.Change, DestinationObject) error { return nil })
			if err != nil || o.Blocked != blocked || (o.BlockedReason == "fraud") != blocked {
				u.Fatalf("%+v, %v", o, err)
			}
		}
		set(true)
		u.sweep()
		if o := u.expect(waiting.ID, Failed); o.Failure.Code != CodeBlocked || len(u.bank.paid) != 0 || u.holds(ledger.MerchantAvailable, "EUR") != 1_000 {
			u.Errorf("a payout that waited: %+v", o)
		}
		if _, err := u.Create(u.Context(), shop, in, none); code(err) != CodeBlocked {
			u.Errorf("a new payout: %v", err)
		}
		if _, err := u.Create(u.Context(), shop, order(100), none); code(err) != CodeBlocked {
			u.Errorf("the same account, given anew: %v", err)
		}
		if _, err := u.CreateDestination(u.Context(), shop, *iban(), func(*db.Change, DestinationObject) error { return nil }); code(err) != CodeBlocked {
			u.Errorf("the same account, kept anew: %v", err)
		}
		set(false)
		u.pay(in)
	})
}

func TestWrongDestinationsAreRefused(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		for name, c := range map[string]struct {
			to    DestinationInput
			money string
			code  string
			param string
		}{
			"check digits":          {DestinationInput{Type: TypeIBAN, Name: "A", IBAN: "DE88370400440532013000"}, "EUR", fault.CodeInvalid, "iban"},
			"a rail of no provider": {DestinationInput{Type: TypePayID, Name: "A", Alias: "ada@example.com"}, "AUD", CodeUnsupported, "destination"},
			"out of reach":          {DestinationInput{Type: TypeIBAN, Name: "A", IBAN: "SA0380000000608010167519"}, "EUR", CodeUnsupported, "iban"},
			"no name":               {DestinationInput{Type: TypeIBAN, IBAN: goodIBAN}, "EUR", fault.CodeInvalid, "name"},
			"another currency":      {*iban(), "USD", fault.CodeCurrency, "currency"},
			"no such currency":      {*iban(), "XXL", fault.CodeCurrency, "currency"},
			"routing number":        {DestinationInput{Type: TypeDomestic, Name: "A", Country: "US", BankCode: "021000020", AccountNumber: "12345678"}, "USD", fault.CodeInvalid, "bank_code"},
			"pix key":               {DestinationInput{Type: TypePIX, Name: "A", Alias: "111.222.333-44"}, "BRL", fault.CodeInvalid, "pix_key"},
			"upi":                   {DestinationInput{Type: TypeUPI, Name: "A", Alias: "ada"}, "INR", fault.CodeInvalid, "vpa"},
			"no such card":          {DestinationInput{Type: TypeCard, Card: "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b9"}, "EUR", fault.CodeInvalid, "card_token"},
			"no token":              {DestinationInput{Type: TypeCard, Card: "4242"}, "EUR", fault.CodeInvalid, "card_token"},
			"a browser's token":     {DestinationInput{Type: TypeCard, Card: onceCard}, "EUR", fault.CodeInvalid, "card_token"},
			"no Fast Funds":         {DestinationInput{Type: TypeCard, Card: credit}, "EUR", CodeUnsupported, "destination"},
			"no type":               {DestinationInput{Type: "cash", Name: "A"}, "EUR", fault.CodeInvalid, "type"},
		} {
			in := order(100)
			in.To, in.Currency = &c.to, c.money
			_, err := u.Create(u.Context(), shop, in, none)
			var e *fault.Error
			if code(err) != c.code || !asFault(err, &e) || e.Param != c.param {
				u.Errorf("%s: %v", name, err)
			}
			if err != nil && strings.Contains(err.Error(), "0532013000") {
				u.Errorf("%s: the refusal shows the number", name)
			}
		}
		large := Create{Amount: 5_000_001, Currency: "USD", To: &DestinationInput{Type: TypeCard, Card: debitCard}, By: "key_maker"}
		if _, err := u.Create(u.Context(), shop, large, none); code(err) != fault.CodeAmountTooLarge {
			u.Errorf("more than the rail carries: %v", err)
		}
		in := order(100)
		in.To, in.Destination = nil, "dst_00000000000000000000000000"
		if _, err := u.Create(u.Context(), shop, in, none); !fault.Is(err, fault.NotFound) {
			u.Errorf("none: %v", err)
		}
		if left := u.holds(ledger.MerchantAvailable, "EUR") + u.holds(ledger.MerchantPending, "EUR"); left != 1_000 {
			u.Errorf("refusals left %d", left)
		}
	})
}

func TestMoneyIsPushedToADebitCardByItsToken(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(of(5_000, "USD"))
		in := Create{Amount: 5_000, Currency: "USD", To: &DestinationInput{Type: TypeCard, Card: debitCard}, By: "key_maker"}
		made := u.pay(in)
		u.sweep()
		u.expect(made.ID, Sent)
		if p := u.bank.paid[0]; made.Rail != bank.CardPush || p.Payee.Card != debitCard || !p.Payee.Number.Empty() {
			u.Errorf("sent %+v", p)
		}
	})
}

func TestNumbersAreSealed(t *testing.T) {
	eachDesk(t, func(u *desk) {
		to, err := u.CreateDestination(u.Context(), shop, *iban(), func(*db.Change, DestinationObject) error { return nil })
		if err != nil {
			u.Fatal(err)
		}
		d, err := u.store.destination(u.Context(), shop, to.ID)
		if err != nil || strings.Contains(string(d.Sealed), "0532013000") || strings.Contains(string(d.Sealed), "Lovelace") {
			u.Errorf("stored %q, %v", d.Sealed, err)
		}
		d.ID = "dst_00000000000000000000000000"
		if _, err := u.open(d); err == nil {
			u.Error("a sealed number opens in another row")
		}
	})
}
