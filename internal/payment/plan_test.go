package payment

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
)

// switches are what people have switched off: operation and account, such as "authorize alpha".
type switches map[string]bool

func (w switches) Blocked(_ context.Context, _ string, a control.Ask) error {
	if a.Method != "card" {
		return errors.New("the method is " + a.Method)
	}
	if operation := string(a.Operation); w[operation+" "+a.Account] || w[operation+" "+a.Country] {
		return fault.New(fault.Unavailable, "kill_switch_on", "a fraud wave")
	}
	return nil
}

func (switches) Persons(context.Context, string, control.Ask, money.Money) (int, error) {
	return 0, nil
}

// illness is which accounts are shut, and why.
type illness map[string]string

func (i illness) State(_, account string, _ health.Operation) health.State {
	return health.State{Reason: i[account]}
}

func (i illness) Drain(_, account string, _ health.Operation) (time.Time, bool) {
	return time.Time{}, i[account] == ""
}

func (i illness) Enter(health.Call) (func(health.Result), error) { return func(health.Result) {}, nil }

func (i illness) Reserve(c health.Call) (health.Place, error) { return reserved(i, c) }

// backwards asks accounts the other way round, and remembers what it heard.
type backwards struct {
	fails bool
	asked []routing.Request
	heard []routing.Outcome
}

func (b *backwards) Plan(_ context.Context, r routing.Request) (routing.Decision, error) {
	b.asked = append(b.asked, r)
	if b.fails {
		return routing.Decision{}, errors.New("the policy cannot be read")
	}
	d := routing.Decision{Policy: "pol_1", Version: 3, Strategy: routing.Ordered, Excluded: r.Excluded}
	for _, c := range slices.Backward(r.Candidates) {
		d.Ranked = append(d.Ranked, routing.Ranked{Account: c.Account, Reason: "backwards"})
	}
	return d, nil
}

func (b *backwards) Observe(o routing.Outcome) { b.heard = append(b.heard, o) }

func TestWhatIsSwitchedOffOrShutIsLeftOutWithItsReason(t *testing.T) {
	for reason, prepare := range map[string]func(u *till){
		"kill_switch":  func(u *till) { u.Control = switches{"authorize alpha": true} },
		"breaker_open": func(u *till) { u.Health = illness{"alpha": "breaker_open"} },
		"maintenance":  func(u *till) { u.Health = illness{"alpha": "maintenance"} },
	} {
		t.Run(reason, func(t *testing.T) {
			eachPair(t, func(u *till) {
				prepare(u)
				o := u.pay(true)
				now := u.tried(o, "beta captured")
				r := now.Attempts[0].Routing
				if len(r.Excluded) != 1 || r.Excluded[0] != (routing.Excluded{Account: "alpha", Reason: reason}) || len(r.Ranked) != 1 {
					u.Errorf("routed by %+v", r)
				}
				in := order(true)
				in.ProviderAccounts = []string{"alpha", "beta"}
				if o, err := u.Create(u.Context(), in, alone{}); err != nil || o.Provider != "beta" {
					u.Errorf("with both named: %+v, %v", o, err)
				}
				in.ProviderAccounts = []string{"alpha"}
				if _, err := u.Create(u.Context(), in, alone{}); !fault.Is(err, fault.Unavailable) {
					u.Errorf("with it alone: %v", err)
				}
			})
		})
	}
}

func TestAPaymentThatIsSwitchedOffEverywhereSaysSo(t *testing.T) {
	eachPair(t, func(u *till) {
		u.Control, u.Health = switches{"authorize beta": true}, illness{"alpha": "breaker_open"}
		var refused *fault.Error
		if _, err := u.Create(u.Context(), order(true), alone{}); !errors.As(err, &refused) || refused.Code != fault.CodeProviderUnavailable || refused.RetryAfter == 0 {
			u.Errorf("one is ill: %v", err)
		}
		u.Control = switches{"authorize alpha": true, "authorize beta": true}
		if _, err := u.Create(u.Context(), order(true), alone{}); !errors.As(err, &refused) || refused.Code != "kill_switch_on" || refused.Detail != "a fraud wave" {
			u.Errorf("all is switched off: %v", err)
		}
		if page, _, err := u.List(u.Context(), shop, Page{Limit: 1}, Filter{}); err != nil || len(page) != 0 {
			u.Errorf("%+v is left behind, %v", page, err)
		}
	})
}

// tardy are switches that somebody turns after so many looks.
type tardy struct {
	switches
	looks int
}

func (l *tardy) Blocked(ctx context.Context, tenant string, a control.Ask) error {
	if l.looks--; l.looks >= 0 {
		return nil
	}
	return l.switches.Blocked(ctx, tenant, a)
}

func TestASwitchIsLookedAtAgainWhenTheIntentIsWritten(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Control = &tardy{switches{"authorize alpha": true}, 1} // the plan has looked already
		if _, err := u.Create(u.Context(), order(true), alone{}); !fault.Is(err, fault.Unavailable) {
			u.Errorf("%v", err)
		}
		if u.q.calls != 0 {
			u.Errorf("%d calls", u.q.calls)
		}
	})
}

func TestOperationsCanBeSwitchedOff(t *testing.T) {
	eachTill(t, func(u *till) {
		held, sold := u.pay(false), u.pay(true)
		calls := u.q.calls
		u.Control = switches{"capture alpha": true, "void alpha": true, "refund alpha": true}
		_, err := u.Capture(u.Context(), shop, held.ID, 0, false, alone{})
		_, err2 := u.Cancel(u.Context(), shop, held.ID, "", alone{})
		_, err3 := u.Refund(u.Context(), shop, sold.ID, RefundRequest{}, alone{})
		for _, err := range []error{err, err2, err3} {
			if !fault.Is(err, fault.Unavailable) {
				u.Errorf("%v", err)
			}
		}
		if u.q.calls != calls {
			u.Errorf("%d calls", u.q.calls-calls)
		}
		u.expect(u.status(sold.ID), Captured, 10_000, 0)
	})
}

// A capture was on its way when it was switched off, and the provider never saw it: it is not sent again before that is lifted.
func TestWhatIsSwitchedOffIsNotSentAgain(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(false)
		if _, err := u.Capture(u.Context(), shop, o.ID, 0, false, alone{}); err != nil {
			u.Fatal(err)
		}
		u.Control = switches{"capture alpha": true}
		u.later(10 * time.Minute)
		if now := u.status(o.ID); now.AmountCapturing != 10_000 || u.q.calls != 2 {
			u.Errorf("%+v, %d calls", now, u.q.calls)
		}
		u.Control = nil
		u.later(time.Hour)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	}, fine, noArrival)
}

func TestACascadeDoesNotGoWhereItIsSwitchedOffOrShut(t *testing.T) {
	for name, prepare := range map[string]func(u *till){
		"switched off": func(u *till) { u.Control = switches{"authorize beta": true} },
		"shut":         func(u *till) { u.Health = illness{"beta": "breaker_open"} },
	} {
		t.Run(name, func(t *testing.T) {
			eachPair(t, func(u *till) {
				u.q.between = func() { prepare(u) } // after the plan was made
				o, err := u.Create(u.Context(), order(true), alone{})
				if !fault.Is(err, fault.Declined) {
					u.Errorf("%v", err)
				}
				u.tried(o, "alpha declined")
			}, declined91)
		})
	}
}

func TestTheRouterDecidesTheOrderAndHearsOfTheEnd(t *testing.T) {
	eachPair(t, func(u *till) {
		b := &backwards{}
		u.Router = b
		in := order(true)
		in.Metadata = map[string]string{"tier": "gold"}
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		now := u.tried(o, "beta declined", "alpha captured")
		if r := now.Attempts[1].Routing; r.Policy != "pol_1" || r.Version != 3 || r.Place != 1 || r.Ranked[1] != (routing.Ranked{Account: "alpha", Reason: "backwards"}) {
			u.Errorf("routed by %+v", r)
		}
		if len(b.asked) != 1 || b.asked[0].BIN != "424242" || b.asked[0].Amount.Minor() != 10_000 || b.asked[0].Metadata["tier"] != "gold" || b.asked[0].Method != "card" {
			u.Errorf("asked about %+v", b.asked)
		}
		if len(b.heard) != 2 || b.heard[0].Account != "beta" || b.heard[0].Approved || b.heard[0].Kind != routing.ByIssuer || b.heard[0].BIN != "424242" ||
			b.heard[1].Account != "alpha" || !b.heard[1].Approved || b.heard[1].Decision.Policy != "pol_1" || b.heard[1].At.IsZero() {
			u.Errorf("heard %+v", b.heard)
		}
		if v := u.tell(says(o, "2", u.q.shown(o.ID+"-2"))); v != Known || len(b.heard) != 2 {
			u.Errorf("a repeat is %s, and heard of: %d", v, len(b.heard))
		}
	}, declined91)
}

func TestEveryEndIsHeardOfOnceByItsKind(t *testing.T) {
	for name, c := range map[string]struct {
		m    mishap
		want routing.Kind
	}{"funds": {declined51, routing.ByCustomer}, "not sent": {refused, routing.ByTechnique}, "lost": {noArrival, routing.ByTechnique}, "found": {noAnswer, routing.ByIssuer}} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				b := &backwards{}
				u.Router = b
				o, err := u.Create(u.Context(), order(false), alone{})
				if err != nil && !errors.As(err, new(*DeclinedError)) {
					u.Fatal(err)
				}
				u.later(10 * time.Minute)
				if len(b.heard) != 1 || b.heard[0].Kind != c.want || b.heard[0].Approved != (c.want == routing.ByIssuer) {
					u.Errorf("heard %+v", b.heard)
				}
				if o.Status == Authorized {
					u.Fatal("nothing went wrong")
				}
			}, c.m)
		})
	}
}

func TestARouterThatFailsCostsNoPayment(t *testing.T) {
	eachPair(t, func(u *till) {
		u.Router = &backwards{fails: true}
		o := u.pay(true)
		if now := u.tried(o, "alpha captured"); now.Attempts[0].Routing.Strategy != routing.Priority {
			u.Errorf("routed by %+v", now.Attempts[0].Routing)
		}
	})
}

func TestWhatARequestNamesIsNotTheRoutersBusiness(t *testing.T) {
	eachPair(t, func(u *till) {
		b := &backwards{}
		u.Router = b
		in := order(true)
		in.ProviderAccounts = []string{"alpha", "beta"}
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		if now := u.tried(o, "alpha captured"); now.Attempts[0].Routing.Strategy != "requested" || len(b.asked) != 0 {
			u.Errorf("routed by %+v", now.Attempts[0].Routing)
		}
		if len(b.heard) != 1 {
			u.Errorf("heard %+v", b.heard)
		}
	})
}

func TestEveryDeclineCodeIsSomebodysDoing(t *testing.T) {
	want := map[provider.DeclineCode]routing.Kind{
		provider.DoNotHonor: routing.ByIssuer, provider.GenericDecline: routing.ByIssuer, provider.RiskDecline: routing.ByIssuer, provider.NotPermitted: routing.ByIssuer,
		provider.BankUnavailable: routing.ByIssuer, provider.IssuerUnavailable: routing.ByIssuer, provider.ProcessingError: routing.ByTechnique,
		"brand_new": routing.ByIssuer,
	}
	for _, code := range append(provider.Codes(), "brand_new") {
		kind, listed := want[code]
		if !listed {
			kind = routing.ByCustomer
		}
		if got := kindOf(code); got != kind {
			t.Errorf("%s is %q, want %q", code, got, kind)
		}
	}
}

func TestWhoCouldNotBeReachedTellsLessThanARefusal(t *testing.T) {
	for code, want := range map[provider.DeclineCode]int{
		provider.IssuerUnavailable: 1, provider.BankUnavailable: 1, provider.ProcessingError: 1, provider.StolenCard: 2, provider.DoNotHonor: 2, provider.InsufficientFunds: 2,
	} {
		if got := weightOf(&FailureObject{DeclineCode: code}); got != want {
			t.Errorf("%s weighs %d, want %d", code, got, want)
		}
	}
}

// unread are switches that cannot be read where somebody asks for an operation at an account.
type unread struct{ where string }

func (r unread) Blocked(_ context.Context, _ string, a control.Ask) error {
	if string(a.Operation)+" "+a.Account == r.where {
		return errors.New("the switches cannot be read")
	}
	return nil
}

func (unread) Persons(context.Context, string, control.Ask, money.Money) (int, error) { return 0, nil }

func TestSwitchesThatCannotBeReadAreNotTakenForSwitches(t *testing.T) {
	eachPair(t, func(u *till) {
		u.Control = unread{"authorize alpha"}
		if o, err := u.Create(u.Context(), order(true), alone{}); err == nil || fault.Is(err, fault.Unavailable) || u.q.calls > 0 {
			u.Errorf("before the first try: %+v, %v, %d calls", o, err, u.q.calls)
		}
		u.Control, u.q.mishaps = nil, []mishap{declined91}
		u.q.between = func() { u.Control = unread{"authorize beta"} }
		if _, err := u.Create(u.Context(), order(true), alone{}); err == nil || fault.Is(err, fault.Declined) {
			u.Errorf("before the second: %v", err)
		}
		page, _, err := u.List(u.Context(), shop, Page{Limit: 2}, Filter{})
		if err != nil || len(page) != 1 || page[0].Status != Processing {
			u.Fatalf("%+v, %v", page, err)
		}
		u.later(10 * time.Minute) // the worker hears what the first account had said
		u.tried(u.status(page[0].ID), "alpha declined")
	})
}

func TestTheRefusalIsThatOfTheAccountsThatWereNamed(t *testing.T) {
	eachPair(t, func(u *till) {
		method := u.agreement()
		u.Control, u.Health = switches{"authorize alpha": true}, illness{"beta": "breaker_open"}
		in := order(true)
		in.ProviderAccounts = []string{"beta"}
		var refused *fault.Error
		if _, err := u.Create(u.Context(), in, alone{}); !errors.As(err, &refused) || refused.Code != fault.CodeProviderUnavailable {
			u.Errorf("the payer is there: %v", err)
		}
		if _, err := u.Create(u.Context(), order(true), alone{}); !errors.As(err, &refused) || refused.Code != fault.CodeProviderUnavailable {
			u.Errorf("one is switched off, the other down: %v", err)
		}
		later := by(method, Asked{OffSession: true})
		later.ProviderAccounts = in.ProviderAccounts
		o, err := u.Create(u.Context(), later, alone{})
		if err != nil || o.Status != Processing || o.NextRetryAt == nil {
			u.Errorf("the payer is not there: %+v, %v", o, err)
		}
		in.ProviderAccounts = []string{"alpha"}
		if _, err := u.Create(u.Context(), in, alone{}); !errors.As(err, &refused) || refused.Code != fault.CodeKillSwitch {
			u.Errorf("with the other one named: %v", err)
		}
	})
}
