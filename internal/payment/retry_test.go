package payment

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
)

// three are rules with small numbers: Visa takes 3 declines in 30 days and an approval ends them, Mastercard 2 in a day and 3 in 30.
func three() provider.Networks {
	n, err := provider.ReadNetworks([]byte(`{"version": 1, "source": "a test", "never_days": 30, "never_advice": ["03"],
		"networks": [
			{"brands": ["visa"], "approval_ends": true, "categories": [{"category": 1, "codes": ["46"], "never": true}], "limits": [{"name": "visa", "declines": 3, "hours": 720}]},
			{"brands": ["mastercard"], "limits": [{"name": "day", "declines": 2, "hours": 24}, {"name": "month", "declines": 3, "hours": 720}]}]}`))
	if err != nil {
		panic(err)
	}
	return n
}

// again pays once more, and gives the rule that forbade it; empty if somebody was asked.
func (u *till) again(in Create) (Object, string) {
	u.Helper()
	before := u.q.calls
	o, err := u.Create(u.Context(), in, alone{})
	var refused *DeclinedError
	if err != nil && !errors.As(err, &refused) {
		u.Fatal(err)
	}
	if refused == nil || refused.Rule == "" {
		return o, ""
	}
	if attempts, err := u.store.attempts(u.Context(), shop, o.ID); err != nil || len(attempts) != 0 || u.q.calls != before {
		u.Errorf("refused by %s with %d attempts and %d calls, %v", refused.Rule, len(attempts), u.q.calls-before, err)
	}
	if o.Failure == nil || o.Failure.RetryRule != refused.Rule || o.Failure.DeclineCode != refused.Decline.Code {
		u.Errorf("it failed for %+v, told is %+v", o.Failure, refused)
	}
	return o, refused.Rule
}

func TestACardIsNotTriedAtAnAmountAfterItsNetworkSaidNever(t *testing.T) {
	eachTill(t, func(u *till) {
		if _, rule := u.again(order(true)); rule != "" {
			u.Fatalf("the first try is refused by %s", rule)
		}
		d := &diary{}
		o, err := u.Create(u.Context(), order(true), d)
		var refused *DeclinedError
		if !errors.As(err, &refused) || refused.Rule != retry.NeverAgain || refused.Decline.Code != provider.InsufficientFunds || refused.Meaning.Retry != provider.RetryNever ||
			refused.Meaning.After != 0 || o.Status != Failed || o.Failure.NetworkAdviceCode != "03" || o.Failure.RetryAt != nil || u.q.calls != 1 {
			u.Errorf("the second try: %+v, %+v after %d calls", o, refused, u.q.calls)
		}
		if told := u.events(); !slices.Equal(told[len(told)-2:], []event.Type{event.PaymentCreated, event.PaymentFailed}) {
			u.Errorf("told %v", told)
		}
		if n := u.measured("florin_payment_retries_refused_total"); n != 1 {
			u.Errorf("counted %v", n)
		}
		less, other := order(true), order(true)
		less.Amount--
		other.Choice.Token = tokenMaster
		for name, in := range map[string]Create{"another amount": less, "another card": other} {
			if o, rule := u.again(in); rule != "" || o.Status != Captured && o.Status != RequiresAction {
				u.Errorf("%s: %s by %q", name, o.Status, rule)
			}
		}
		u.now.Advance(30 * 24 * time.Hour)
		if o, rule := u.again(order(true)); rule != "" || o.Status != Captured {
			u.Errorf("after 30 days: %s by %q", o.Status, rule)
		}
	}, declined03)
}

func TestAPayerWhoseCardMayNotBeTriedTakesAnother(t *testing.T) {
	eachTill(t, func(u *till) {
		u.again(order(true))
		in := order(true)
		in.Confirm, in.Choice = false, Choice{}
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		var refused *DeclinedError
		o, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: token}}, alone{})
		if !errors.As(err, &refused) || refused.Rule != retry.NeverAgain || o.Status != RequiresPaymentMethod || o.ClientSecret == "" || u.q.calls != 1 {
			u.Fatalf("with the card: %+v, %v", o, err)
		}
		if o, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: tokenOther}}, alone{}); err != nil || o.Status != Captured {
			u.Errorf("with another one: %+v, %v", o, err)
		}
	}, declined03)
}

// Many at once, of a card that was declined once: as many are sent as the limit leaves, and not one more.
func TestAtTheLimitOfTriesAtOnceExactlyTheRestPasses(t *testing.T) {
	const at = 12
	mishaps := slices.Repeat([]mishap{declined51}, at+1)
	eachTill(t, func(u *till) {
		u.Networks = three()
		u.again(order(true))
		var group sync.WaitGroup
		rules := make(chan string, at)
		for range at {
			group.Go(func() {
				_, err := u.Create(u.Context(), order(true), alone{})
				var refused *DeclinedError
				if !errors.As(err, &refused) {
					u.Errorf("%v", err)
					rules <- ""
					return
				}
				rules <- refused.Rule
			})
		}
		group.Wait()
		close(rules)
		count := map[string]int{}
		for rule := range rules {
			count[rule]++
		}
		if count["visa"] != at-2 || count[""] != 2 || u.q.calls != 3 {
			u.Errorf("refused by %v after %d calls", count, u.q.calls)
		}
		h, err := u.recorded(u.Context(), u.tried1())
		if err != nil || len(h.Tries) != 3 || slices.ContainsFunc(h.Tries, retry.Try.Open) {
			u.Errorf("the history is %+v, %v", h, err)
		}
	}, mishaps...)
}

func TestATooOftenDeclinedCardIsTriedAgainWhenTheWindowEnds(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Networks = three()
		for range 3 {
			u.again(order(true))
			u.now.Advance(time.Hour)
		}
		_, err := u.Create(u.Context(), order(true), alone{})
		var refused *DeclinedError
		if want := 30*24*time.Hour - 3*time.Hour; !errors.As(err, &refused) || refused.Rule != "visa" || refused.Meaning.Retry != provider.RetryLater ||
			refused.Meaning.After != want || !refused.Payment.Failure.RetryAt.Equal(u.now.Now().Add(want)) {
			u.Fatalf("%+v", refused)
		}
		u.now.Advance(refused.Meaning.After)
		if o, rule := u.again(order(true)); rule != "" || o.Status != Captured {
			u.Errorf("after the window: %s by %q", o.Status, rule)
		}
	}, declined51, declined51, declined51)
}

func TestAnApprovalEndsTheTriesOfASaleWhereTheNetworkSaysSo(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Networks = three()
		for n := range 5 { // more than three declines, and none of them more than one after the other
			u.q.mishaps = []mishap{declined51}
			for range 2 {
				if o, rule := u.again(order(true)); rule != "" {
					u.Fatalf("sale %d: %s by %q", n, o.Status, rule)
				}
			}
		}
		in := order(true)
		in.Choice.Token, in.Asked.Exemption = tokenMaster, "low_value"
		for n, want := range []string{"", "", "", "", "month"} { // three declines, an approval between them
			u.q.mishaps = [][]mishap{{declined51}, nil, {declined51}, {declined51}, nil}[n]
			if o, rule := u.again(in); rule != want {
				u.Fatalf("try %d of the other card: %s by %q", n, o.Status, rule)
			}
			u.now.Advance(25 * time.Hour)
		}
	})
}

func TestATryWhoseEndIsNotKnownKeepsItsPlace(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Networks = three()
		for range 3 {
			u.again(order(true))
		}
		if o, rule := u.again(order(true)); rule != "visa" {
			u.Errorf("while one is not known: %s by %q", o.Status, rule)
		}
		u.later(time.Minute) // it was approved
		if o, rule := u.again(order(true)); rule != "" || o.Status != Captured {
			u.Errorf("when it is known: %s by %q", o.Status, rule)
		}
	}, declined51, declined51, noAnswer)
}

func TestTheTriesOfACascadeCount(t *testing.T) {
	for left, calls := range map[int]int{1: 1, 2: 2, 3: 3} {
		t.Run(fmt.Sprint(left), func(t *testing.T) {
			eachPair(t, func(u *till) {
				u.Networks = three()
				for range 3 - left { // what was declined before
					u.q.mishaps = append([]mishap{declined51}, u.q.mishaps...)
				}
				for range 3 - left {
					u.again(order(true))
				}
				u.q.calls = 0
				u.again(order(true))
				if left == 3 {
					u.again(order(true))
				}
				if u.q.calls != calls {
					u.Errorf("%d calls", u.q.calls)
				}
				if _, rule := u.again(order(true)); rule != "visa" {
					u.Errorf("the next one is refused by %q", rule)
				}
			}, declined91, declined91, declined91)
		})
	}
}

func TestAPayerWhoIsBackFromTheirBankIsNotChargedOnACardThatMayNotBeTried(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(false)
		p, err := u.store.payment(u.Context(), shop, o.ID)
		if err != nil {
			u.Fatal(err)
		}
		h, err := u.recorded(u.Context(), p)
		if err != nil {
			u.Fatal(err)
		}
		h = h.Counted(declinedTry(Attempt{Payment: "pay_other", Number: 1}, refusals[declined03], u.now.Now()), u.rules(p), u.now.Now())
		row, err := historyRow(h, u.Networks.KeepFor())
		if err == nil {
			err = u.DB.Commit(u.Context(), db.NewChange(shop, row))
		}
		if err != nil {
			u.Fatal(err)
		}
		calls := u.q.calls
		u.q.finish(o.ID+"-1", passes)
		o, err = u.back(o, u.ticketOf(o), o.ID+"-1")
		if err != nil || o.Status != Failed || o.Failure == nil || o.Failure.RetryRule != retry.NeverAgain || u.q.calls != calls {
			u.Errorf("%+v, %v after %d calls", o, err, u.q.calls-calls)
		}
	})
}

func TestHistoriesThatCountForNothingArePruned(t *testing.T) {
	eachTill(t, func(u *till) {
		u.again(order(true))
		u.now.Advance(30 * 24 * time.Hour)
		if n, err := u.Prune(u.Context()); n != 0 || err != nil {
			u.Errorf("pruned %d, %v", n, err)
		}
		u.now.Advance(time.Second)
		if n, err := u.Prune(u.Context()); n != 1 || err != nil {
			u.Errorf("then pruned %d, %v", n, err)
		}
	}, declined51)
}

func TestASmartRetryThatALimitForbidsIsPutOffOrEnds(t *testing.T) {
	for name, c := range map[string]struct {
		until  time.Duration
		status Status
	}{"in time": {30 * 24 * time.Hour, Processing}, "too late": {29 * 24 * time.Hour, Failed}} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				u.Networks = three()
				method := u.agreement()
				u.q.mishaps = []mishap{declined51}
				o := u.charge(method, &Smart{Until: u.now.Now().Add(c.until), MaxTries: 4})
				p, err := u.store.payment(u.Context(), shop, o.ID)
				if err != nil {
					u.Fatal(err)
				}
				h, err := u.recorded(u.Context(), p)
				if err != nil || len(h.Tries) != 1 {
					u.Fatalf("%+v, %v", h, err)
				}
				over := h.Tries[0].At.Add(30 * 24 * time.Hour)
				for n := range int64(2) {
					h = h.Counted(declinedTry(Attempt{Payment: "pay_other", Number: n}, refusals[declined51], u.now.Now()), u.rules(p), u.now.Now())
				}
				row, err := historyRow(h, u.Networks.KeepFor())
				if err == nil {
					err = u.DB.Commit(u.Context(), db.NewChange(shop, row))
				}
				if err != nil {
					u.Fatal(err)
				}
				calls := u.q.calls
				o = u.untilTried(o)
				if o.Status != c.status || u.q.calls != calls || o.Failure == nil || o.Failure.RetryRule != "visa" {
					u.Errorf("%s after %d calls: %+v", o.Status, u.q.calls-calls, o.Failure)
				}
				if c.status == Processing && (o.NextRetryAt == nil || !o.NextRetryAt.Equal(over)) {
					u.Errorf("tried next at %v", o.NextRetryAt)
				}
				if c.status == Processing {
					if o = u.untilTried(o); o.Status != Captured {
						u.Errorf("then it is %s, %+v", o.Status, o.Failure)
					}
				}
			})
		})
	}
}
