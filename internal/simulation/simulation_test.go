package simulation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
)

const (
	tenant = "acct_shop:test"
	policy = "rp_1"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// past is a merchant's history. Its order is that in which it is read: the newest first.
type past struct {
	all  []payment.Past
	more bool
	span payment.Span // what was asked for
	wait func(ctx context.Context) error
}

func (p *past) Newest(ctx context.Context, of string, s payment.Span) (iter.Seq2[payment.Past, error], func() bool) {
	p.span = s
	return func(yield func(payment.Past, error) bool) {
		if p.wait != nil {
			if err := p.wait(ctx); err != nil {
				yield(payment.Past{}, err)
				return
			}
		}
		for _, one := range p.all {
			if of != tenant || !yield(one, nil) {
				return
			}
		}
	}, func() bool { return p.more }
}

// shelf has versions of one policy, the last one the latest.
type shelf struct {
	versions  []*routing.Policy
	published int // a version; 0: nothing is
}

func (s shelf) Compiled(_ context.Context, _, asked string, number int64) (routing.Edition, error) {
	if asked != policy {
		return routing.Edition{}, fault.Missing("routing policy")
	}
	if number == 0 {
		number = int64(len(s.versions))
	}
	return routing.Edition{Policy: policy, Version: number, Rules: s.versions[number-1]}, nil
}

func (s shelf) CompiledPublished(context.Context, string) (routing.Edition, bool, error) {
	if s.published == 0 {
		return routing.Edition{}, false, nil
	}
	return routing.Edition{Policy: policy, Version: int64(s.published), Rules: s.versions[s.published-1]}, true, nil
}

type twoAccounts struct{}

func (twoAccounts) Candidates(context.Context, string) ([]routing.Candidate, error) {
	return []routing.Candidate{{Account: "alpha", Provider: "fake"}, {Account: "beta", Provider: "fake"}}, nil
}

func compiled(t *testing.T, text string) *routing.Policy {
	t.Helper()
	d, err := routing.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := routing.Compile(d, []string{"alpha", "beta"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const toBeta = `{"name": "p", "rules": [], "default": {"then": {"strategy": "ordered", "accounts": ["beta"]}}}`

// paid is a payment by card at an account, n minutes before noon.
func paid(n int, account string, approved bool, change ...func(*payment.Past)) payment.Past {
	euro, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	p := payment.Past{
		Payment: fmt.Sprintf("pay_%d", n), Account: account, Method: "card", Country: "DE", BIN: "424242", Amount: money.Of(10_000, euro), Candidates: []string{"beta", "alpha"},
		First: true, Approved: approved, At: noon.Add(-time.Duration(n) * time.Minute),
	}
	if !approved {
		p.Code = provider.DoNotHonor
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func simulator(t *testing.T, h *past, published int, versions ...string) *Simulator {
	t.Helper()
	s := shelf{published: published}
	for _, text := range versions {
		s.versions = append(s.versions, compiled(t, text))
	}
	return &Simulator{Attempts: h, Policies: s, Accounts: twoAccounts{}, Clock: clock.NewManual(noon)}
}

func (s *Simulator) try(t *testing.T, a Ask) Object {
	t.Helper()
	a.Days, a.Method = 28, "card"
	o, err := s.Simulate(t.Context(), tenant, policy, a)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// told is who was tried, with how many matched and were approved.
func told(o Object) string {
	var all []string
	for _, p := range o.Policies {
		all = append(all, fmt.Sprintf("%s %d/%d", p.Name, p.Approved, p.Matched))
	}
	return strings.Join(all, ", ")
}

func TestOnlyPaymentsThatWouldHaveGoneWhereTheyWentCount(t *testing.T) {
	french := func(p *payment.Past) { p.Country, p.BIN = "FR", "400000" }
	h := &past{all: []payment.Past{
		paid(1, "alpha", true), paid(2, "alpha", false, french), paid(3, "beta", true, french), paid(4, "beta", true), paid(5, "alpha", false),
		paid(6, "alpha", true, func(p *payment.Past) { p.First = false }), paid(7, "alpha", true, func(p *payment.Past) { p.Method = "pix" }),
	}}
	o := simulator(t, h, 1, toBeta).try(t, Ask{})
	if got := told(o); got != "simulated 2/2, fixed 1/3" || o.Payments != 5 || o.Approved != 3 || o.ApprovedPPM != 600_000 || o.Truncated || o.Version != 1 || o.Policy != policy {
		t.Errorf("%s: %+v", got, o)
	}
	r := o.Policies[0]
	if r.Policy != policy || r.Version != 1 || r.MatchedPPM != 400_000 || r.ApprovedPPM != 1_000_000 || r.UsualPPM != 583_333 || len(r.Fees) != 0 || r.Unpriced != 2 {
		t.Errorf("%+v", r)
	}
	if c := o.Policies[1].Countries; len(c) != 2 || c[0].Name != "DE" || c[0].Matched != 2 || c[0].Approved != 1 || c[0].ApprovedPPM != 500_000 || c[1].Name != "FR" || c[1].Approved != 0 {
		t.Errorf("%+v", c)
	}
	if a := o.Policies[0].Accounts; len(a) != 1 || a[0].Name != "beta" || a[0].Matched != 2 {
		t.Errorf("%+v", a)
	}
	if want := noon.AddDate(0, 0, -28); !h.span.From.Equal(want) || !h.span.Before.Equal(noon) || h.span.Most != 200_000 || !h.span.Facts || !o.From.Equal(want) || !o.Until.Equal(noon) {
		t.Errorf("read %+v", h.span)
	}
}

func TestAVersionIsComparedWithWhatIsPublishedUnlessItIsThat(t *testing.T) {
	h := &past{all: []payment.Past{paid(1, "alpha", true), paid(2, "beta", true)}}
	s := simulator(t, h, 1, `{"name": "p", "rules": []}`, toBeta)
	for _, c := range []struct {
		ask  Ask
		want string
	}{
		{Ask{}, "simulated 1/1, published 1/1, fixed 1/1"},
		{Ask{Version: 1}, "simulated 1/1, fixed 1/1"},
		{Ask{Version: 2, Against: []string{}}, "simulated 1/1"},
		{Ask{Version: 1, Against: []string{"published"}}, "simulated 1/1, published 1/1"},
	} {
		if got := told(s.try(t, c.ask)); got != c.want {
			t.Errorf("%+v: %s, want %s", c.ask, got, c.want)
		}
	}
	if o := s.try(t, Ask{}); o.Policies[0].Version != 2 || o.Policies[0].Accounts[0].Name != "beta" || o.Policies[1].Version != 1 || o.Policies[1].Accounts[0].Name != "alpha" || o.Policies[2].Policy != "" {
		t.Errorf("%+v", o.Policies)
	}
	all := s.try(t, Ask{Against: []string{"published", "fixed", "windowed", "windowed-bin", "adaptive"}})
	if len(all.Policies) != 6 {
		t.Errorf("%s", told(all))
	}
	s = simulator(t, h, 0, toBeta)
	if got := told(s.try(t, Ask{})); got != "simulated 1/1, fixed 1/1" {
		t.Errorf("with nothing published: %s", got)
	}
}

func TestWhatCannotBeTriedIsRefusedByName(t *testing.T) {
	s := simulator(t, &past{all: []payment.Past{paid(1, "alpha", true)}}, 0, toBeta)
	for _, c := range []struct {
		method, want string
		against      []string
	}{
		{"card", "against[1]: must be one of published, fixed, windowed, windowed-bin, adaptive", []string{"fixed", "oracle"}},
		{"card", "against[1]: fixed stands twice", []string{"fixed", "fixed"}},
		{"card", "against[0]: no policy is published", []string{"published"}},
		{"pix", "days: no payment by pix of the last 28 days has an outcome: there is nothing to try a policy on", nil},
	} {
		if _, err := s.Simulate(t.Context(), tenant, policy, Ask{Days: 28, Method: c.method, Against: c.against}); !fault.Is(err, fault.Invalid) || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if _, err := s.Simulate(t.Context(), tenant, "rp_2", Ask{Days: 28, Method: "card"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such policy: %v", err)
	}
}

func TestRulesSeeWhatIsKnownOfAPayment(t *testing.T) {
	for when, change := range map[string]func(*payment.Past){
		"method == 'card' && amount == 10000 && currency == 'EUR' && hour == 11": func(*payment.Past) {},
		"brand == 'visa'": func(p *payment.Past) { p.Brand = "visa" },
		"funding == 'debit' && country == 'DE' && bin == '424242'": func(p *payment.Past) { p.Funding = "debit" },
		"customer == 'cus_1'": func(p *payment.Past) { p.Customer = "cus_1" },
		"off_session":         func(p *payment.Past) { p.OffSession = true },
		"has(metadata.tier) && metadata.tier == 'gold'":        func(p *payment.Past) { p.Metadata = map[string]string{"tier": "gold"} },
		"metadata.exists(k, k == 'tier') && customer == ''":    func(p *payment.Past) { p.Metadata = map[string]string{"tier": ""} },
		"weekday == 7 && brand == '' && !('tier' in metadata)": func(*payment.Past) {},
	} {
		text := fmt.Sprintf(`{"name": "p", "rules": [{"id": "r", "when": %q, "then": {"strategy": "ordered", "accounts": ["beta"]}}]}`, when)
		o := simulator(t, &past{all: []payment.Past{paid(1, "beta", true, change)}}, 0, text).try(t, Ask{Against: []string{}})
		if got := told(o); got != "simulated 1/1" {
			t.Errorf("%s: %s", when, got)
		}
	}
}

// What a split has drawn for a payment it draws again: so the policy by which payments were routed finds them all where they went.
func TestTheSamePolicyDrawsAsItDid(t *testing.T) {
	const split = `{"name": "p", "rules": [], "default": {"then": {"strategy": "split", "weights": [{"account": "alpha", "weight": 70}, {"account": "beta", "weight": 30}]}}}`
	h := &past{}
	rules, at := compiled(t, split), map[string]int{}
	for n := range 200 {
		p := paid(n, "", true)
		r := routing.Request{Merchant: tenant, Payment: p.Payment, Method: "card", Amount: p.Amount, Candidates: []routing.Candidate{{Account: "alpha"}, {Account: "beta"}}}
		p.Account = rules.Decide(t.Context(), &r, routing.World{}).Ranked[0].Account
		at[p.Account]++
		h.all = append(h.all, p)
	}
	if o := simulator(t, h, 0, split).try(t, Ask{}); told(o) != fmt.Sprintf("simulated 200/200, fixed %d/%[1]d", at["alpha"]) || at["beta"] < 30 {
		t.Errorf("%s of %v", told(o), at)
	}
}

func TestFeesAreThoseOfTheFirstPolicyThatHasTables(t *testing.T) {
	const priced = `{"name": "p", "rules": [], "default": {"then": {"strategy": "least_cost"}},
		"fee_tables": [{"name": "a", "rows": [{"funding": "debit", "basis_points": "12.5"}]}, {"name": "b", "rows": [{"basis_points": "100", "fixed": [{"currency": "EUR", "amount": 5}]}]}],
		"fees": [{"account": "alpha", "home": "DE", "tables": ["a"]}, {"account": "beta", "home": "DE", "tables": ["b"]}]}`
	debit := func(p *payment.Past) { p.Funding = "debit" }
	h := &past{all: []payment.Past{paid(1, "alpha", true, debit), paid(2, "alpha", false, debit), paid(3, "beta", true), paid(4, "alpha", true)}}
	for _, c := range []struct {
		published int
		versions  []string
	}{{0, []string{priced}}, {1, []string{priced, toBeta}}} {
		o := simulator(t, h, c.published, c.versions...).try(t, Ask{})
		fixed := o.Policies[len(o.Policies)-1]
		if fixed.Name != "fixed" || !slices.Equal(fixed.Fees, []Amount{{13, "EUR"}}) || fixed.Unpriced != 1 || fixed.Approved != 2 || !slices.Equal(fixed.Accounts[0].Fees, fixed.Fees) {
			t.Errorf("of %d versions the fixed order has %+v", len(c.versions), fixed)
		}
	}
}

func TestWhatIsLeftOutIsTold(t *testing.T) {
	h := &past{all: []payment.Past{paid(1, "alpha", true), paid(2, "alpha", true)}, more: true}
	s := simulator(t, h, 0, toBeta)
	s.Most = 2
	if o := s.try(t, Ask{}); !o.Truncated || o.Payments != 2 || h.span.Most != 2 {
		t.Errorf("too many: %+v", o)
	}
	h.more = false
	if o := s.try(t, Ask{}); o.Truncated {
		t.Errorf("all of them: %+v", o)
	}
	large := func(p *payment.Past) { p.Metadata = map[string]string{"note": strings.Repeat("x", 500)} }
	h.all = []payment.Past{paid(1, "alpha", true, large), paid(2, "alpha", true, large), paid(3, "alpha", true, large)}
	read, err := Stored(t.Context(), h, Window{Subject: Subject{tenant, "card"}, Days: 1, Now: noon, Attempts: 10, Bytes: 2_000}, nil)
	if err != nil || !read.Truncated || len(read.Payments) != 2 || read.Payments[1].Payment != "pay_1" {
		t.Errorf("too large: %+v, %v", read, err)
	}
}

func TestOneSimulationRunsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enough := make(chan struct{})
		h := &past{all: []payment.Past{paid(1, "alpha", true)}}
		h.wait = func(context.Context) error { <-enough; return nil }
		s := simulator(t, h, 0, toBeta)
		first := make(chan error)
		go func() {
			_, err := s.Simulate(t.Context(), tenant, policy, Ask{Days: 28, Method: "card"})
			first <- err
		}()
		synctest.Wait()
		_, err := s.Simulate(t.Context(), tenant, policy, Ask{Days: 28, Method: "card"})
		var busy *fault.Error
		if !errors.As(err, &busy) || busy.Kind != fault.Unavailable || busy.RetryAfter <= 0 {
			t.Errorf("the second: %v", err)
		}
		close(enough)
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
		if o := s.try(t, Ask{}); o.Payments != 1 {
			t.Errorf("the third: %+v", o)
		}
	})
}

func TestASimulationEndsWithItsTimeOrItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &past{wait: func(ctx context.Context) error { <-ctx.Done(); return errors.New("interrupted") }}
		s := simulator(t, h, 0, toBeta)
		began := time.Now()
		_, err := s.Simulate(t.Context(), tenant, policy, Ask{Days: 28, Method: "card"})
		if took := time.Since(began); took != time.Minute || !fault.Is(err, fault.Unavailable) {
			t.Errorf("after %s: %v", took, err)
		}
		ctx, hangUp := context.WithTimeout(t.Context(), time.Second)
		defer hangUp()
		h.all, h.wait = make([]payment.Past, 0), nil
		for n := range 100 {
			h.all = append(h.all, paid(n, "alpha", true))
		}
		h.wait = func(ctx context.Context) error { <-ctx.Done(); return nil } // and reads on, as if nothing had been
		if _, err := s.Simulate(ctx, tenant, policy, Ask{Days: 28, Method: "card"}); err == nil {
			t.Error("it went on after its request")
		}
	})
}

func TestASimulationRestsForAsLongAsItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := func(each time.Duration) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for n := range 100 {
					<-time.After(each)
					if !yield(n, nil) {
						return
					}
				}
			}
		}
		for each, want := range map[time.Duration]time.Duration{
			time.Millisecond: 200 * time.Millisecond, 5 * time.Millisecond: time.Second, time.Second: 102 * time.Second, // it waits for the database
		} {
			began, n := time.Now(), 0
			for range rested(t.Context(), history(each)) {
				n++
			}
			if took := time.Since(began); n != 100 || took != want {
				t.Errorf("%d of %s took %s, want %s", n, each, took, want)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		began := time.Now()
		for range rested(ctx, history(5*time.Millisecond)) {
		}
		if took := time.Since(began); took != 500*time.Millisecond {
			t.Errorf("without time it rested: %s", took)
		}
	})
}
