package routing

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

var threeAccounts = []string{"alpha", "beta", "gamma"}

// compiled is the policy of a text that is right.
func compiled(t testing.TB, text string) *Policy {
	t.Helper()
	d, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(d, threeAccounts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func accountsOf(d Decision) string {
	names := make([]string, len(d.Ranked))
	for i, r := range d.Ranked {
		names[i] = r.Account
	}
	return strings.Join(names, " ")
}

// backwards ranks the last candidate first, names one that is none, and forgets the others.
type backwards struct{ learned []Outcome }

func (b *backwards) Rank(r *Request) []Ranked {
	last := r.Candidates[len(r.Candidates)-1].Account
	return []Ranked{{Account: "nobody"}, {Account: last, Reason: "learned", Score: 910_000}, {Account: last}}
}

func (b *backwards) Learn(o Outcome) { b.learned = append(b.learned, o) }

const mixed = `{"name": "mixed", "time_zone": "Europe/Berlin", "rules": [
	{"id": "amex", "when": "brand == 'amex'", "then": {"strategy": "ordered", "accounts": ["gamma", "beta"]}},
	{"id": "night", "when": "hour < 6 && currency == 'USD'", "goto": "learn"},
	{"id": "gold", "when": "has(metadata.tier) && metadata.tier == 'gold' && amount > 500000", "use": "cheap"},
	{"id": "learn", "when": "off_session", "then": {"strategy": "adaptive", "accounts": ["alpha", "gamma"]}},
	{"id": "shop", "when": "method != 'card'", "then": {"strategy": "priority"}}
	], "default": {"use": "alias"},
	"actions": [{"name": "cheap", "then": {"strategy": "least_cost"}}, {"name": "alias", "use": "even"},
		{"name": "even", "then": {"strategy": "split", "sticky": "customer", "weights": [{"account": "alpha", "weight": 0}, {"account": "beta", "weight": 100}]}}],
	"fee_tables": [{"name": "flat", "rows": [{"basis_points": "100"}]}, {"name": "low", "rows": [{"basis_points": "50"}]}],
	"fees": [{"account": "alpha", "home": "DE", "tables": ["flat"]}, {"account": "gamma", "home": "DE", "tables": ["low"]}]}`

func TestTheFirstRuleThatIsTrueDecides(t *testing.T) {
	p := compiled(t, mixed)
	usd := must(money.ParseCurrency("USD"))
	for name, c := range map[string]struct {
		change            func(*Request)
		rule, strategy    string
		ranked, firstSays string
	}{
		"a list, and what it does not name behind": {func(r *Request) { r.Brand = "amex" }, "amex", Ordered, "gamma beta alpha", "listed"},
		"an action by its name":                    {func(r *Request) { r.Amount = money.Of(600_000, eur) }, "gold", LeastCost, "gamma alpha beta", "costs 30.00 EUR"},
		"the ranker among some":                    {func(r *Request) { r.OffSession = true }, "learn", Adaptive, "gamma alpha beta", "learned"},
		"a jump passes over what lies between":     {func(r *Request) { r.Amount, r.OffSession = money.Of(600_000, usd), true }, "learn", Adaptive, "gamma alpha beta", "learned"},
		"a jump goes on, it does not act":          {func(r *Request) { r.Amount, r.Method = money.Of(600_000, usd), "pix" }, "shop", Priority, "alpha beta gamma", "priority"},
		"no rule":                                  {func(r *Request) {}, "", Split, "beta alpha gamma", "weight 100 of 100"},
		"only what can take it":                    {func(r *Request) { r.Brand, r.Candidates = "amex", r.Candidates[:2] }, "amex", Ordered, "beta alpha", "listed"},
		"nothing can take it":                      {func(r *Request) { r.Candidates = nil }, "", Split, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			req := germanDebit()
			c.change(&req)
			d := p.Decide(t.Context(), &req, World{Ranker: &backwards{}})
			if d.Rule != c.rule || d.Strategy != c.strategy || accountsOf(d) != c.ranked || c.firstSays != "" && d.Ranked[0].Reason != c.firstSays {
				t.Errorf("got %+v, want %+v", d, c)
			}
		})
	}
}

func TestARuleThatFailsIsSkippedAndSaidSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in which no time passes, however slow the machine
		p := compiled(t, `{"name": "p", "rules": [
		{"id": "loop", "when": "metadata.all(a, ['b', 'c', 'd'].all(b, a != b))", "then": {"strategy": "ordered", "accounts": ["gamma"]}},
		{"id": "next", "when": "true", "then": {"strategy": "ordered", "accounts": ["beta"]}}]}`)
		req := germanDebit()
		req.Metadata = map[string]string{}
		for i := range 40 * mostKeys {
			req.Metadata[fmt.Sprint("k", i)] = ""
		}
		d := p.Decide(t.Context(), &req, World{})
		if d.Rule != "next" || accountsOf(d) != "beta alpha gamma" || !reflect.DeepEqual(d.Skipped, []Skipped{{"loop", skippedCost}}) {
			t.Errorf("over its cost: %+v", d)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if d = p.Decide(over, &req, World{}); d.Rule != "next" || !reflect.DeepEqual(d.Skipped, []Skipped{{"loop", skippedDeadline}}) {
			t.Errorf("over its deadline: %+v", d)
		}
	})
}

func TestAConditionThatFailsInAnotherWayIsAnError(t *testing.T) {
	// No condition that is saved can: this one did not go through the check.
	env := must(language())
	checked, issues := env.Compile("metadata.tier == 'gold'")
	if issues.Err() != nil {
		t.Fatal(issues.Err())
	}
	p := &Policy{zone: sunday.Location(), rest: priority{}, rules: []rule{{id: "unsafe", when: condition{program: must(env.Program(checked))}, act: ordered{}}}}
	req := germanDebit()
	req.Metadata = nil
	if d := p.Decide(t.Context(), &req, World{}); d.Rule != "" || d.Strategy != Priority || !reflect.DeepEqual(d.Skipped, []Skipped{{"unsafe", skippedError}}) {
		t.Errorf("got %+v", d)
	}
}

func TestWhatIsWrongWithAPolicyIsToldWithItsPlace(t *testing.T) {
	rule := func(more string) string { return `{"name": "p", "rules": [{"id": "a", "when": "true", ` + more + `}]}` }
	whole := func(more string) string { return `{"name": "p", "rules": [], ` + more + `}` }
	for _, c := range []struct{ text, param, detail string }{
		{`{"name": "p", "rules": [{"id": "a", "when": "true", "use": "x"}, {"id": "b", "when": "amount ==\n 'x'", "then": {"strategy": "priority"}}], "actions": [{"name": "x", "then": {"strategy": "priority"}}]}`,
			"rules[1].when", "line 1, column 8: found no matching overload"},
		{rule(`"then": {"strategy": "ordered", "accounts": ["alpha", "delta"]}`), "rules[0].then.accounts[1]", "there is no provider account delta"},
		{rule(`"then": {"strategy": "ordered", "accounts": ["alpha", "alpha"]}`), "rules[0].then.accounts[1]", "alpha stands twice"},
		{rule(`"then": {"strategy": "ordered"}`), "rules[0].then.accounts", "at least one"},
		{rule(`"then": {"strategy": "split", "weights": [{"account": "alpha", "weight": 60}, {"account": "beta", "weight": 30}]}`), "rules[0].then.weights", "add up to 90"},
		{rule(`"then": {"strategy": "split", "weights": [{"account": "alpha", "weight": 60}, {"account": "alpha", "weight": 40}]}`), "rules[0].then.weights[1].account", "alpha stands twice"},
		{rule(`"then": {"strategy": "split", "weights": [{"account": "delta", "weight": 100}]}`), "rules[0].then.weights[0].account", "there is no provider account delta"},
		{rule(`"then": {"strategy": "priority", "weights": []}`), "rules[0].then.weights", "is not for the strategy priority"},
		{rule(`"then": {"strategy": "ordered", "accounts": ["alpha"], "sticky": "customer"}`), "rules[0].then.sticky", "is not for the strategy ordered"},
		{rule(`"then": {"strategy": "adaptive", "accounts": ["delta"]}`), "rules[0].then.accounts[0]", "there is no provider account delta"},
		{rule(`"then": {"strategy": "least_cost"}`), "rules[0].then", "needs fees"},
		{rule(`"then": {"strategy": "cheapest"}`), "rules[0].then.strategy", "must be one of"},
		{rule(`"then": {"strategy": "experiment"}`), "rules[0].then.experiment", "is required"},
		{rule(`"use": "x"`), "rules[0].use", "there is no action named x"},
		{rule(`"goto": "z"`), "rules[0].goto", "there is no rule z"},
		{rule(`"goto": "a"`), "rules[0].goto", "is a loop: a goes to itself"},
		{rule(`"goto": "a", "use": "x"`), "rules[0]", "exactly one of then, use and goto"},
		{rule(`"use": ""`), "rules[0]", "exactly one of then, use and goto"},
		{`{"name": "p", "rules": [{"id": "a", "when": "true", "goto": "b"}, {"id": "b", "when": "true", "goto": "a"}]}`, "rules[1].goto", "is a loop: b goes back to a"},
		{`{"name": "p", "rules": [{"id": "a", "when": "true", "goto": "b"}, {"id": "a", "when": "true", "goto": "b"}]}`, "rules[1].id", "two rules with the id a"},
		{whole(`"time_zone": "Mars/Olympus"`), "time_zone", "tz database"},
		{whole(`"time_zone": "Local"`), "time_zone", "tz database"},
		{whole(`"default": {}`), "default", "exactly one of then and use"},
		{whole(`"default": {"use": "x"}`), "default.use", "there is no action named x"},
		{whole(`"actions": [{"name": "x", "use": "y"}, {"name": "y", "use": "x"}]`), "actions[1].use", "is a loop: x uses y uses x"},
		{whole(`"actions": [{"name": "x"}]`), "actions[0]", "exactly one of then and use"},
		{whole(`"actions": [{"name": "x", "then": {"strategy": "priority"}}, {"name": "x", "then": {"strategy": "priority"}}]`), "actions[1].name", "two actions named x"},
		{whole(`"actions": [{"name": "x", "then": {"strategy": "experiment", "experiment": {"name": "e", "control": "x", "challenger": "y", "share": 10}}}, {"name": "y", "then": {"strategy": "priority"}}]`),
			"actions[0].then.experiment.control", "is a loop: x uses x"},
		{whole(`"actions": [{"name": "x", "then": {"strategy": "experiment", "experiment": {"name": "e", "control": "y", "challenger": "y", "share": 10}}}, {"name": "y", "then": {"strategy": "priority"}}]`),
			"actions[0].then.experiment.challenger", "must be another action"},
		{whole(`"actions": [{"name": "x", "then": {"strategy": "experiment", "experiment": {"name": "e", "control": "y", "challenger": "z", "share": 60}}}]`),
			"actions[0].then.experiment.share", "must be at most 50"},
		{whole(`"actions": [{"name": "x", "then": {"strategy": "experiment", "experiment": {"name": "e", "control": "y", "challenger": "z", "share": 10}}},
			{"name": "y", "then": {"strategy": "experiment", "experiment": {"name": "f", "control": "z", "challenger": "w", "share": 10}}},
			{"name": "z", "then": {"strategy": "priority"}}, {"name": "w", "then": {"strategy": "priority"}}]`), "actions[0].then.experiment.control", "y is an experiment itself"},
		{whole(`"default": {"then": {"strategy": "experiment", "experiment": {"name": "e", "control": "y", "challenger": "z", "share": 10}}}, "actions": [
			{"name": "x", "then": {"strategy": "experiment", "experiment": {"name": "e", "control": "y", "challenger": "z", "share": 10}}},
			{"name": "y", "then": {"strategy": "priority"}}, {"name": "z", "then": {"strategy": "priority"}}]`), "default.then.experiment.name", "two experiments named e"},
		{whole(`"fee_tables": [{"name": "t", "rows": []}]`), "fee_tables[0].rows", "at least one row"},
		{whole(`"fee_tables": [{"name": "t", "rows": [{"basis_points": "1"}]}, {"name": "t", "rows": [{"basis_points": "1"}]}]`), "fee_tables[1].name", "two tables named t"},
		{whole(`"fee_tables": [{"name": "t", "rows": [{"basis_points": "10000.01"}]}]`), "fee_tables[0].rows[0].basis_points", "at most 10000"},
		{whole(`"fee_tables": [{"name": "t", "rows": [{"basis_points": "1.234"}]}]`), "fee_tables[0].rows[0].basis_points", "up to two decimals"},
		{whole(`"fee_tables": [{"name": "t", "rows": [{"basis_points": "-1"}]}]`), "fee_tables[0].rows[0].basis_points", "up to two decimals"},
		{whole(`"fee_tables": [{"name": "t", "rows": [{"fixed": [{"currency": "EUR", "amount": 1}, {"currency": "EUR", "amount": 2}]}]}]`), "fee_tables[0].rows[0].fixed[1].currency", "EUR stands twice"},
		{whole(`"fee_tables": [{"name": "t", "rows": [{"fixed": [{"currency": "EUR", "amount": 0.25}]}]}]`), "fee_tables[0].rows[0].fixed[0].amount", "must be an integer"},
		{whole(`"fees": [{"account": "delta", "home": "DE", "tables": []}]`), "fees[0].account", "there is no provider account delta"},
		{whole(`"fees": [{"account": "alpha", "home": "DE", "tables": ["t"]}]`), "fees[0].tables[0]", "there is no fee table named t"},
		{whole(`"fees": [{"account": "alpha", "home": "DE", "tables": []}]`), "fees[0].tables", "at least one table"},
		{`{"name": "p", "rules": [{"id": "a", "when": "true", "then": {"strategy": "least_cost", "accounts": ["alpha", "beta"]}}], "fee_tables": [{"name": "t", "rows": [{"basis_points": "1"}]}], "fees": [{"account": "alpha", "home": "DE", "tables": ["t"]}]}`,
			"rules[0].then.accounts[1]", "fees does not say what beta costs"},
		{whole(`"weight": 1`), "weight", "there is no such parameter"},
		{`{"name": "p", "name": "q", "rules": []}`, "name", ""},
		{`{"name": "p"}`, "rules", "is required"},
		{rule(`"then": {"strategy": "split", "weights": [{"account": "alpha", "weight": "100"}]}`), "rules[0].then.weights[0].weight", "must be an integer"},
	} {
		d, err := Read([]byte(c.text))
		if err == nil {
			_, err = Compile(d, threeAccounts)
		}
		var wrong *fault.Error
		if !errors.As(err, &wrong) || wrong.Kind != fault.Invalid {
			t.Errorf("%s\nis refused by %v", c.text, err)
			continue
		}
		if !slices.ContainsFunc(wrong.Fields, func(f fault.Field) bool { return f.Param == c.param && strings.Contains(f.Detail, c.detail) }) {
			t.Errorf("%s\nis told %+v, want %s: %s", c.text, wrong.Fields, c.param, c.detail)
		}
	}
}

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	d := Document{Name: "p", Rules: []Rule{{ID: "a", When: "brnd == 'x'", Use: "none"}, {ID: "b", When: "1", Goto: "a"}}}
	_, err := Compile(d, threeAccounts)
	var wrong *fault.Error
	if !errors.As(err, &wrong) || len(wrong.Fields) != 4 {
		t.Errorf("told %v", err)
	}
}

// aDocument draws policies that are right, over the three accounts.
func aDocument(rt *rapid.T) Document {
	account := rapid.SampledFrom(threeAccounts)
	someAccounts := rapid.SliceOfNDistinct(account, 1, 3, rapid.ID[string])
	plain := rapid.Custom(func(rt *rapid.T) Action {
		switch a := (Action{Strategy: rapid.SampledFrom([]string{Priority, Ordered, Split, LeastCost, Adaptive}).Draw(rt, "strategy")}); a.Strategy {
		case Ordered, Adaptive, LeastCost:
			a.Accounts = someAccounts.Draw(rt, "accounts")
			return a
		case Split:
			names := someAccounts.Draw(rt, "accounts")
			left := int64(10_000)
			for i, name := range names {
				w := rapid.Int64Range(0, left).Draw(rt, "weight")
				if i == len(names)-1 {
					w = left
				}
				a.Weights, left = append(a.Weights, Weight{name, w}), left-w
			}
			a.Sticky = rapid.SampledFrom([]string{"", "customer"}).Draw(rt, "sticky")
			return a
		default:
			return a
		}
	})
	x, y := plain.Draw(rt, "x"), plain.Draw(rt, "y")
	d := Document{Name: "drawn", Actions: []NamedAction{{Name: "x", Then: &x}, {Name: "y", Then: &y}, {Name: "z", Use: "x"}}}
	d.FeeTables = []FeeTable{{Name: "t", Rows: []FeeRow{{Region: "domestic", BasisPoints: "20.5"}, {Funding: "credit", BasisPoints: "140", Fixed: []FixedFee{{"EUR", 10}}}}}, {Name: "u", Rows: []FeeRow{{BasisPoints: "90"}}}}
	d.Fees = []AccountFees{{"alpha", "DE", []string{"t"}}, {"beta", "FR", []string{"t", "u"}}, {"gamma", "US", []string{"u"}}}
	conditions := rapid.SampledFrom([]string{"true", "false", "brand == 'visa'", "country in ['DE', 'FR']", "has(metadata.a) && metadata.a == 'b'", "hour > 11", "off_session"})
	n := rapid.IntRange(0, 6).Draw(rt, "rules")
	for i := range n {
		r := Rule{ID: fmt.Sprint("r", i), When: conditions.Draw(rt, "when")}
		switch kind := rapid.IntRange(0, 3).Draw(rt, "kind"); {
		case kind == 0 && i < n-1:
			r.Goto = fmt.Sprint("r", rapid.IntRange(i+1, n-1).Draw(rt, "goto"))
		case kind == 1:
			r.Use = rapid.SampledFrom([]string{"x", "y", "z"}).Draw(rt, "use")
		case kind == 2:
			e := Experiment{Name: fmt.Sprint("e", i), Control: "x", Challenger: "y", Share: rapid.Int64Range(1, 50).Draw(rt, "share")}
			r.Then = &Action{Strategy: strategyExperiment, Experiment: &e}
		default:
			a := plain.Draw(rt, "then")
			r.Then = &a
		}
		d.Rules = append(d.Rules, r)
	}
	return d
}

func TestEveryPlanIsAPermutationOfTheCandidates(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, err := Compile(aDocument(rt), threeAccounts)
		if err != nil {
			rt.Fatal(err)
		}
		req := germanDebit()
		req.Candidates = rapid.SliceOfNDistinct(rapid.SampledFrom([]Candidate{{"alpha", "a"}, {"beta", "b"}, {"gamma", "c"}, {"new", "d"}}), 0, 4, rapid.ID[Candidate]).Draw(rt, "candidates")
		req.Payment, req.Customer = rapid.StringMatching("pay_[a-z]{0,9}").Draw(rt, "payment"), rapid.SampledFrom([]string{"", "cus_1", "cus_2"}).Draw(rt, "customer")
		req.Country, req.Funding = rapid.SampledFrom([]string{"", "DE", "US", "FR"}).Draw(rt, "country"), rapid.SampledFrom([]string{"", "debit", "credit"}).Draw(rt, "funding")
		req.OffSession = rapid.Bool().Draw(rt, "off session")
		req.Amount = money.Of(rapid.Int64Range(1, maxPriced).Draw(rt, "amount"), eur)
		if rapid.Bool().Draw(rt, "no metadata") {
			req.Metadata = nil
		}
		d := p.Decide(t.Context(), &req, World{Ranker: &backwards{}, Stopped: func(string) bool { return rapid.Bool().Draw(rt, "stopped") }})
		var want []string
		for _, c := range req.Candidates {
			want = append(want, c.Account)
		}
		got := strings.Fields(accountsOf(d))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || len(d.Skipped) > 0 {
			rt.Errorf("ranked %v of %v, skipped %v", got, want, d.Skipped)
		}
		for _, r := range d.Ranked {
			if r.Reason == "" {
				rt.Errorf("no reason for %s: %+v", r.Account, d)
			}
		}
	})
}

func FuzzReadPolicy(f *testing.F) {
	f.Add([]byte(mixed))
	f.Add([]byte(`{"name":"p","rules":[{"id":"a","when":"metadata.all(k, k in ['a'])","goto":"a"}]}`))
	f.Add([]byte(`{"name":"p","rules":[{"id":"a","when":"has(metadata.x) ? metadata['x'].matches('a+') : !(bin in [])","then":{"strategy":"priority"}}]}`))
	req := germanDebit()
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Read(data)
		if err != nil {
			return
		}
		p, err := Compile(d, threeAccounts)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("refused by %v", err)
			}
			return
		}
		for _, metadata := range []map[string]string{nil, {"tier": "gold"}} {
			req := req
			req.Metadata = metadata
			if got := p.Decide(t.Context(), &req, World{}); len(got.Ranked) != len(req.Candidates) || slices.ContainsFunc(got.Skipped, func(s Skipped) bool { return s.Reason == skippedError }) {
				t.Errorf("decided %+v", got)
			}
		}
	})
}

func BenchmarkDecisionOfTenRules(b *testing.B) {
	var rules []string
	for i := range 9 {
		rules = append(rules, fmt.Sprintf(`{"id": "r%d", "when": "brand == 'visa' && country in ['FR', 'IT', 'ES'] && amount > %d && has(metadata.tier) && metadata.tier == 'gold'", "then": {"strategy": "priority"}}`, i, i))
	}
	rules = append(rules, `{"id": "last", "when": "currency == 'EUR' && bin.startsWith('4')", "then": {"strategy": "split", "weights": [{"account": "alpha", "weight": 70}, {"account": "beta", "weight": 30}]}}`)
	p := compiled(b, `{"name": "p", "rules": [`+strings.Join(rules, ",")+`]}`)
	req := germanDebit()
	b.ReportAllocs()
	for b.Loop() {
		if d := p.Decide(b.Context(), &req, World{}); d.Rule != "last" {
			b.Fatal(d.Rule)
		}
	}
}
