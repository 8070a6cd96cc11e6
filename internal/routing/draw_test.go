package routing

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestADecisionIsTheSameOnTheNextTry(t *testing.T) {
	p := compiled(t, `{"name": "p", "rules": [], "default": {"then": {"strategy": "split", "weights": [{"account": "alpha", "weight": 50}, {"account": "beta", "weight": 50}]}}}`)
	rapid.Check(t, func(rt *rapid.T) {
		req := germanDebit()
		req.Payment = rapid.StringMatching("pay_[a-z0-9]{26}").Draw(rt, "payment")
		first := p.Decide(t.Context(), &req, World{})
		req.At = req.At.AddDate(0, 0, rapid.IntRange(1, 400).Draw(rt, "days later"))
		if again := p.Decide(t.Context(), &req, World{}); !reflect.DeepEqual(first, again) {
			rt.Errorf("first %+v, then %+v", first, again)
		}
	})
}

// Whoever hashes differently would send the payments of today elsewhere tomorrow, and every customer of a sticky split with them.
func TestDrawsStayWhatTheyAreOverReleases(t *testing.T) {
	req := germanDebit()
	d := newDraw("rule a", &req, false)
	if got := [...]uint64{d.Next(), d.Next()}; got != [...]uint64{0x6b7d0158589f89ce, 0x9a80ac7a92f8b143} {
		t.Errorf("drew %#x", got)
	}
}

func TestACustomerSticks(t *testing.T) {
	const text = `{"name": "p", "rules": [], "default": {"then": {"strategy": "split", "sticky": "customer", "weights": [
		{"account": "alpha", "weight": 40}, {"account": "beta", "weight": 30}, {"account": "gamma", "weight": 30}]}}}`
	p := compiled(t, text)
	rapid.Check(t, func(rt *rapid.T) {
		req := germanDebit()
		req.Customer = rapid.StringMatching("cus_[a-z0-9]{26}").Draw(rt, "customer")
		first := p.Decide(t.Context(), &req, World{})
		req.Payment = rapid.StringMatching("pay_[a-z0-9]{26}").Draw(rt, "another payment")
		if again := p.Decide(t.Context(), &req, World{}); !reflect.DeepEqual(first, again) {
			rt.Fatalf("first %+v, then %+v", first, again)
		}
		// While another account is away, everybody whose account is there stays with it.
		away := rapid.SampledFrom(threeAccounts).Draw(rt, "away")
		req.Candidates = slices.DeleteFunc(req.Candidates, func(c Candidate) bool { return c.Account == away })
		without := p.Decide(t.Context(), &req, World{})
		want := strings.Join(slices.DeleteFunc(strings.Fields(accountsOf(first)), func(a string) bool { return a == away }), " ")
		if accountsOf(without) != want {
			rt.Errorf("with %s away %s, want %s", away, accountsOf(without), want)
		}
	})
}

func TestWithoutACustomerAStickySplitGoesByPayment(t *testing.T) {
	p := compiled(t, `{"name": "p", "rules": [], "default": {"then": {"strategy": "split", "sticky": "customer", "weights": [{"account": "alpha", "weight": 50}, {"account": "beta", "weight": 50}]}}}`)
	firsts := map[string]int{}
	for i := range 200 {
		req := germanDebit()
		req.Customer, req.Payment = "", fmt.Sprint("pay_", i)
		firsts[p.Decide(t.Context(), &req, World{}).Ranked[0].Account]++
	}
	if firsts["alpha"] == 0 || firsts["beta"] == 0 {
		t.Errorf("guests went to %v", firsts)
	}
}

func TestWeightsAreKeptOverManyPayments(t *testing.T) {
	for _, weights := range [][3]int64{{70, 20, 10}, {50, 50, 0}, {9_800, 150, 50}, {34, 33, 33}} {
		p := compiled(t, fmt.Sprintf(`{"name": "p", "rules": [], "default": {"then": {"strategy": "split", "weights": [
			{"account": "alpha", "weight": %d}, {"account": "beta", "weight": %d}, {"account": "gamma", "weight": %d}]}}}`, weights[0], weights[1], weights[2]))
		const payments = 20_000
		firsts := map[string]int64{}
		for i := range payments {
			req := germanDebit()
			req.Payment = fmt.Sprintf("pay_%026d", i)
			firsts[p.Decide(t.Context(), &req, World{}).Ranked[0].Account]++
		}
		total := weights[0] + weights[1] + weights[2]
		for i, account := range threeAccounts {
			// Five standard deviations of a binomial, squared: the hash is fixed, so that this either always holds or never.
			want := payments * weights[i] / total
			off, variance := firsts[account]-want, want*(total-weights[i])/total
			if off*off > 25*(variance+1) {
				t.Errorf("weights %v: %s came first %d times of %d, want about %d", weights, account, firsts[account], payments, want)
			}
		}
	}
}
