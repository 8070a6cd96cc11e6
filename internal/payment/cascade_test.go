package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
)

// eachPair is eachTill with a second account, beta, behind alpha.
func eachPair(t *testing.T, body func(t *till), mishaps ...mishap) {
	eachTill(t, func(u *till) {
		u.Accounts = pair{}
		body(u)
	}, mishaps...)
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// moment is a payment whose attempt is being sent, in a state that the table names.
type moment struct {
	was   AttemptState
	tried int64
	late  time.Duration // since the request's first try
	secur *Secure
	spare bool // there is an account that can be asked next
}

func (m moment) rows() (Payment, Attempt, terms) {
	euro, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	zero := money.Of(0, euro)
	p := Payment{Merchant: shop, ID: "pay_1", Status: Processing, Amount: money.Of(100, euro), Authorized: zero, Captured: zero, Refunded: zero, Refunding: zero,
		Disputed: zero, Attempts: m.tried + 1, Account: "alpha", Version: 2}
	if m.was == AttemptAction {
		p.Status, p.Action = RequiresAction, &Action{ExpiresAt: noon.Add(time.Hour)}
	}
	a := Attempt{Merchant: shop, Payment: p.ID, Number: m.tried + 1, ID: "att_1", State: m.was, was: m.was, Account: "alpha", Amount: p.Amount, Secure: m.secur,
		Route: &Route{Since: noon.Add(-m.late), Tried: m.tried}, Version: 2}
	t := terms{now: noon, hold: time.Hour}
	if m.spare {
		t.next = &succession{attempt: "att_2", lane: lane{account: "beta", patience: time.Minute}, place: m.tried + 1, tries: 3, budget: DefaultCascade}
	}
	return p, a, t
}

// Every outcome in every situation: the next account is asked exactly where it is certain that no money moved, another provider may do
// better, and there is an account, a try and time left.
func TestOnlyWhatIsCertainAndMayGoBetterElsewhereIsTriedElsewhere(t *testing.T) {
	proof := &Secure{Result: provider.ThreeDS{Status: "Y", CAVV: "cavv"}}
	unproven := &Secure{}
	outcomes := map[string]provider.Outcome{
		"unknown": provider.Doubt("?"), "not sent": {Class: provider.NotSent},
		"approved": approved(provider.Authorized, money.Money{}), "pending": approved(provider.Pending, money.Money{}),
	}
	better := map[string]bool{"not sent": true}
	for _, code := range provider.Codes() {
		outcomes[string(code)] = provider.Outcome{Class: provider.Declined, Decline: provider.Decline{Code: code}}
		outcomes[string(code)+", never again"] = provider.Outcome{Class: provider.Declined, Decline: provider.Decline{Code: code, NetworkAdvice: "03"}}
	}
	for _, code := range []provider.DeclineCode{provider.BankUnavailable, provider.IssuerUnavailable, provider.ProcessingError} {
		better[string(code)] = true
	}
	cascaded := 0
	for name, o := range outcomes {
		for _, was := range []AttemptState{AttemptSending, AttemptUnknown, AttemptPending, AttemptAction} {
			for _, tried := range []int64{0, 1, 2, 3} {
				for _, late := range []time.Duration{0, DefaultCascade - 1, DefaultCascade, time.Hour} {
					for secure, s := range map[string]*Secure{"none": nil, "passed": proof, "without a proof": unproven} {
						for _, spare := range []bool{true, false} {
							what := fmt.Sprintf("%s of a try that is %s, %d tried, after %v, authentication %s, spare %v", name, was, tried, late, secure, spare)
							p, a, terms := moment{was, tried, late, s, spare}.rows()
							d, err := settle(p, a, o, terms)
							if err != nil {
								t.Fatalf("%s: %v", what, err)
							}
							want := better[name] && was == AttemptSending && tried < 2 && late < DefaultCascade && spare
							if (d.next != nil) != want {
								t.Fatalf("%s: the next try is %+v", what, d.next)
							}
							if want {
								cascaded++
								checkCascade(t, what, a, d)
							}
						}
					}
				}
			}
		}
	}
	if cascaded == 0 {
		t.Error("nothing was tried elsewhere")
	}
}

func checkCascade(t *testing.T, what string, a Attempt, d decision) {
	t.Helper()
	n := d.next
	if n.Account != "beta" || n.Number != a.Number+1 || n.State != AttemptSending || n.Version != 0 || n.DueAt != noon.Add(time.Minute) || n.Route.Tried != a.Route.Tried+1 ||
		n.Route.After != a.Number || !n.Route.Since.Equal(a.Route.Since) || n.Route.Best == nil {
		t.Errorf("%s: the next try is %+v by %+v", what, n, n.Route)
	}
	if (n.proof() != nil) != (a.proof() != nil) || n.asking() {
		t.Errorf("%s: it carries %+v", what, n.Secure)
	}
	if !holdsNothing[d.attempt.State] || d.attempt.Failure == nil || !d.attempt.DueAt.IsZero() || len(d.postings)+len(d.events) > 0 {
		t.Errorf("%s: the try before is %+v, with %v and %v", what, d.attempt, d.postings, d.events)
	}
	if p := d.payment; p.Status != Processing || p.Failure != nil || p.Attempts != n.Number || p.Account != "beta" {
		t.Errorf("%s: the payment is %+v", what, p)
	}
}

func TestWhatTellsMoreIsShown(t *testing.T) {
	nobody := &FailureObject{Code: fault.CodeProviderUnavailable}
	bank := &FailureObject{Code: fault.CodeCardDeclined, DeclineCode: provider.BankUnavailable}
	process := &FailureObject{Code: fault.CodeCardDeclined, DeclineCode: provider.ProcessingError}
	funds := &FailureObject{Code: fault.CodeCardDeclined, DeclineCode: provider.InsufficientFunds}
	opaque := &FailureObject{Code: fault.CodeCardDeclined, DeclineCode: provider.DoNotHonor}
	for _, c := range []struct{ before, now, want *FailureObject }{
		{nil, nobody, nobody}, {nobody, bank, bank}, {bank, nobody, bank}, {bank, process, process}, {bank, funds, funds}, {opaque, bank, opaque}, {funds, opaque, opaque},
	} {
		if got := telling(c.before, c.now); got != c.want {
			t.Errorf("of %+v and %+v, %+v is shown", c.before, c.now, got)
		}
	}
}

// accountsOf is where a payment's tries went, and how they ended.
func accountsOf(o Object) (all []string) {
	for _, a := range o.Attempts {
		all = append(all, a.Provider+" "+string(a.Status))
	}
	return all
}

func (u *till) tried(o Object, want ...string) Object {
	u.Helper()
	now := u.status(o.ID)
	if got := accountsOf(now); !slices.Equal(got, want) {
		u.Errorf("tried %v, want %v", got, want)
	}
	return now
}

func TestAnotherProviderIsAskedInTheSameRequest(t *testing.T) {
	for m, ended := range map[mishap]string{declined91: "declined", refused: "not_sent"} {
		t.Run(ended, func(t *testing.T) {
			eachPair(t, func(u *till) {
				d := &diary{}
				u.q.between = func() {
					if n := u.written(); n != 1 {
						u.Errorf("%d rows of the caller's are written while the money is asked for", n)
					}
				}
				o, err := u.Create(u.Context(), order(true), d)
				if err != nil || d.intents != 1 || u.written() != 2 {
					u.Fatalf("%v, %d intents, %d rows", err, d.intents, u.written())
				}
				u.expect(o, Captured, 10_000, 0)
				now := u.tried(o, "alpha "+ended, "beta captured")
				if o.Provider != "beta" || o.ProviderReference != "q-"+o.ID+"-2" || o.Failure != nil {
					u.Errorf("the payment is %+v", o)
				}
				if count, captured := u.q.charged(); count != 1 || captured != 10_000 || u.balance("psp_receivable:beta") != 10_000 {
					u.Errorf("%d charges of %d, beta owes %d", count, captured, u.balance("psp_receivable:beta"))
				}
				if got := u.events(); !slices.Equal(got, []event.Type{event.PaymentCreated, event.PaymentCaptured}) {
					u.Errorf("told %v", got)
				}
				for place, a := range now.Attempts {
					r := a.Routing
					if r == nil || r.Strategy != routing.Priority || r.Place != int64(place) || len(r.Ranked) != 2 || r.Ranked[1].Account != "beta" {
						u.Errorf("attempt %d was routed by %+v", a.Number, r)
					}
				}
			}, m)
		})
	}
}

func TestNoOtherProviderIsAskedWhileTheOutcomeIsNotKnown(t *testing.T) {
	for name, c := range map[string]struct {
		m    mishap
		last Status
	}{"answer lost": {noAnswer, Captured}, "request lost": {noArrival, Failed}, "left open": {leftOpen, Captured}} {
		t.Run(name, func(t *testing.T) {
			eachPair(t, func(u *till) {
				o := u.pay(true)
				u.expect(o, Processing, 0, 0)
				u.q.decide(true)
				u.later(10 * time.Minute)
				u.later(time.Hour)
				now := u.status(o.ID)
				if now.Status != c.last || len(now.Attempts) != 1 || len(u.q.asked) != 1 {
					u.Errorf("%s after %v", now.Status, accountsOf(now))
				}
			}, c.m)
		})
	}
}

func TestACascadeThatFailsShowsTheMostTellingDecline(t *testing.T) {
	for _, c := range []struct {
		first, second mishap
		code          string
		decline       provider.DeclineCode
	}{
		{declined91, refused, fault.CodeCardDeclined, provider.BankUnavailable},
		{refused, declined51, fault.CodeCardDeclined, provider.InsufficientFunds},
		{declined91, declined51, fault.CodeCardDeclined, provider.InsufficientFunds},
		{refused, refused, fault.CodeProviderUnavailable, ""},
	} {
		eachPair(t, func(u *till) {
			o, err := u.Create(u.Context(), order(true), alone{})
			var declined *DeclinedError
			if !errors.As(err, &declined) || declined.Code != c.code || declined.Decline.Code != c.decline || o.Failure.DeclineCode != c.decline {
				u.Errorf("%v and %v: %v, %+v", c.first, c.second, err, o.Failure)
			}
			if now := u.status(o.ID); len(now.Attempts) != 2 || now.Status != Failed || now.Attempts[0].Failure == nil || now.Attempts[1].Failure == nil {
				u.Errorf("ended as %+v", now)
			}
		}, c.first, c.second)
	}
}

// fewTries is a merchant who lets a request try one account.
type fewTries struct{}

func (fewTries) Of(context.Context, string) (merchant.Merchant, error) {
	return merchant.Merchant{ID: "acct_shop", CascadeTries: 1}, nil
}

func TestTriesAndTimeBoundACascade(t *testing.T) {
	for name, prepare := range map[string]func(u *till){
		"one try":       func(u *till) { u.Merchants = fewTries{} },
		"time is over":  func(u *till) { u.q.between = func() { u.now.Advance(DefaultCascade) } },
		"another named": func(*till) {},
	} {
		t.Run(name, func(t *testing.T) {
			eachPair(t, func(u *till) {
				prepare(u)
				in := order(true)
				if name == "another named" {
					in.ProviderAccounts = []string{"alpha"}
				}
				o, err := u.Create(u.Context(), in, alone{})
				if !fault.Is(err, fault.Declined) {
					u.Errorf("the payment is %s, %v", o.Status, err)
				}
				u.tried(o, "alpha declined")
			}, declined91)
		})
	}
}

func TestAProofGoesAlongToTheNextProvider(t *testing.T) {
	eachPair(t, func(u *till) {
		u.q.issuer.status = "C"
		in := order(true)
		in.Choice.Token = tokenGerman
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil || o.Status != RequiresAction {
			u.Fatalf("%+v, %v", o, err)
		}
		u.now.Advance(time.Minute) // the payer takes their time: their coming back is another request
		u.q.finish(o.ID+"-1", passes)
		u.q.mishaps = []mishap{declined91}
		if o, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 10_000, 0)
		u.tried(o, "alpha declined", "beta captured")
		if n := len(u.q.asked); n != 2 || u.q.asked[1].ThreeDS == nil || *u.q.asked[0].ThreeDS != *u.q.asked[1].ThreeDS || u.q.issuer.counted != 1 {
			u.Errorf("%+v, the issuer was asked %d times", u.q.asked, u.q.issuer.counted)
		}
		if o.ThreeDS == nil || !o.ThreeDS.LiabilityShift {
			u.Errorf("the payment shows %+v", o.ThreeDS)
		}
	})
}

func TestWhatThePayerDidOnAPageOfTheProvidersIsNotAskedOfThemAgain(t *testing.T) {
	eachPair(t, func(u *till) {
		u.q.issuer.page = true
		o := u.pay(true)
		u.expect(o, RequiresAction, 0, 0)
		u.q.outcomes[o.ID+"-1"] = bankGone
		if o, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); !fault.Is(err, fault.Declined) {
			u.Errorf("%+v, %v", o, err)
		}
		u.tried(o, "alpha declined")
	})
}

func TestAnIssuerThatCannotBeAskedHereIsAskedElsewhere(t *testing.T) {
	eachPair(t, func(u *till) {
		u.q.issuer.mishaps = []mishap{refused}
		in := order(true)
		in.Choice.Token = tokenGerman
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 10_000, 0)
		u.tried(o, "alpha not_sent", "beta captured")
		if len(u.q.asked) != 1 || u.q.asked[0].ThreeDS == nil {
			u.Errorf("asked %+v", u.q.asked)
		}
	})
}

func TestANextTryMayNeedAuthenticationFirst(t *testing.T) {
	eachPair(t, func(u *till) {
		u.q.issuer.insists = true
		o := u.pay(true)
		u.expect(o, Captured, 10_000, 0)
		u.tried(o, "alpha not_sent", "beta declined", "beta captured")
	}, refused)
}

// The next account is full for new payments. This one is under way, and would have failed: it goes before them, as long as there is room kept.
func TestTheNextTryHasTheRoomThatIsKeptForPaymentsUnderWay(t *testing.T) {
	for name, packed := range map[string]bool{"there is some": false, "there is none": true} {
		t.Run(name, func(t *testing.T) {
			eachPair(t, func(u *till) {
				g := shutting(u, nil)
				u.q.between = func() { g.fill("beta"); g.packed = packed }
				o, err := u.Create(u.Context(), order(true), alone{})
				if packed {
					var refused *DeclinedError
					if !errors.As(err, &refused) || refused.Decline.Code != provider.BankUnavailable {
						u.Errorf("refused with %v", err)
					}
					u.tried(u.status(o.ID), "alpha declined")
				} else {
					if err != nil {
						u.Fatal(err)
					}
					u.tried(u.status(o.ID), "alpha declined", "beta captured")
				}
				g.settled(t.Errorf)
			}, declined91)
		})
	}
}
