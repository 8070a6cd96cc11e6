package payout

import (
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
)

// shut refuses an operation's calls until a time, by the desk's clock.
type shut struct {
	now       func() time.Time
	operation health.Operation
	until     time.Time
	sudden    bool // it shuts between the look and the call
	turns     int  // how much of what waited must wait on, although it is open
	technical int
}

func (s *shut) closed(o health.Operation) bool { return o == s.operation && s.now().Before(s.until) }

func (s *shut) State(_, _ string, o health.Operation) health.State {
	if s.closed(o) && !s.sudden {
		return health.State{Reason: health.Open, Until: s.until}
	}
	return health.State{}
}

func (s *shut) Drain(tenant, account string, o health.Operation) (time.Time, bool) {
	if s.turns > 0 {
		s.turns--
		return s.now().Add(time.Minute), false
	}
	now := s.State(tenant, account, o)
	return now.Until, now.Enterable()
}

func (s *shut) Enter(c health.Call) (func(health.Result), error) {
	if s.closed(c.Operation) {
		return nil, &health.Closed{Reason: health.Open, Until: s.until}
	}
	return func(r health.Result) {
		if r.Technical {
			s.technical++
		}
	}, nil
}

func TestAPayoutWaitsForItsProviderAndThatIsNoTry(t *testing.T) {
	for name, sudden := range map[string]bool{"known before": false, "known at the call": true} {
		t.Run(name, func(t *testing.T) {
			eachDesk(t, func(u *desk) {
				s := &shut{now: u.now.Now, operation: health.Payout, until: u.now.Now().Add(60 * time.Hour), sudden: sudden}
				u.Health, u.bank.pay = s, taken
				u.earn(eur(1_000))
				made := u.pay(order(1_000))
				for range 9 {
					u.later(6 * time.Hour)
				}
				u.expect(made.ID, Queued)
				p, err := u.store.payout(u.Context(), shop, made.ID)
				if err != nil || p.Tries != 0 || p.DueAt.Before(s.until) || p.DueAt.After(s.until.Add(30*time.Second)) {
					u.Errorf("after %d tries, due at %s, %v", p.Tries, p.DueAt, err)
				}
				u.later(7 * time.Hour)
				u.expect(made.ID, Sent)
				if len(u.bank.paid) != 1 || s.technical != 0 {
					u.Errorf("sent %d times, %d failures", len(u.bank.paid), s.technical)
				}
			})
		})
	}
}

func TestAPayoutThatWaitedTakesItsTurnAndANewOneDoesNotNeedTo(t *testing.T) {
	eachDesk(t, func(u *desk) {
		s := &shut{now: u.now.Now, operation: health.Payout, until: u.now.Now().Add(time.Hour), turns: 1}
		u.Health, u.bank.pay = s, taken
		u.earn(eur(2_000))
		waited := u.pay(order(1_000))
		u.sweep()
		u.later(2 * time.Hour)
		u.expect(waited.ID, Queued)
		fresh := u.pay(order(1_000))
		u.sweep()
		u.expect(fresh.ID, Sent)
		u.expect(waited.ID, Queued)
		u.later(2 * time.Minute)
		u.expect(waited.ID, Sent)
	})
}

func TestAPayoutWhoseProviderStaysDownIsGivenUp(t *testing.T) {
	for name, sudden := range map[string]bool{"known before": false, "known at the call": true} {
		t.Run(name, func(t *testing.T) {
			eachDesk(t, func(u *desk) {
				s := &shut{now: u.now.Now, operation: health.Payout, until: u.now.Now().Add(100 * 24 * time.Hour), sudden: sudden}
				u.Health, u.bank.pay = s, taken
				u.earn(eur(1_000))
				made := u.pay(order(1_000))
				u.sweep()
				for range 11 {
					u.later(6 * time.Hour)
					u.expect(made.ID, Queued)
				}
				u.later(6 * time.Hour)
				if o := u.expect(made.ID, Failed); o.Failure.Code != fault.CodeProviderUnavailable || u.holds(ledger.MerchantAvailable, "EUR") != 1_000 || len(u.bank.paid) > 0 {
					u.Errorf("given up: %+v, available %d, sent %d times", o.Failure, u.holds(ledger.MerchantAvailable, "EUR"), len(u.bank.paid))
				}
			})
		})
	}
}

func TestAPayoutIsAskedAboutWhenItsProviderIsBack(t *testing.T) {
	eachDesk(t, func(u *desk) {
		s := &shut{now: u.now.Now, operation: health.Inquiry, until: u.now.Now().Add(3 * time.Hour)}
		u.Health = s
		u.bank.pay = func(provider.Payout) provider.Outcome { return provider.Doubt("no answer") }
		u.bank.find = func(q provider.PayoutInquiry) provider.Finding {
			return provider.Found(provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(1_000), Reference: "bank_" + q.Reference})
		}
		u.earn(eur(1_000))
		made := u.pay(order(1_000))
		u.sweep()
		for range 8 {
			u.later(20 * time.Minute)
		}
		p, err := u.store.payout(u.Context(), shop, made.ID)
		if err != nil || u.bank.asked != 0 || p.Inquiries != 1 || p.DueAt.Before(s.until) || p.DueAt.After(s.until.Add(30*time.Second)) {
			u.Errorf("asked %d times, counted %d, due at %s, %v", u.bank.asked, p.Inquiries, p.DueAt, err)
		}
		u.later(time.Hour)
		u.expect(made.ID, Paid)
		if s.technical != 1 {
			u.Errorf("%d failures", s.technical)
		}
	})
}
