package routing

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	learning "github.com/florinpay/florin/internal/routing/adaptive"
)

var learnedAt = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// askLearned is the ranking of a request of three accounts.
func askLearned(l *Learned, merchant, method string) []string {
	r := Request{Merchant: merchant, Method: method, Payment: "pay_1", Country: "DE", BIN: "424242", At: learnedAt.Add(time.Hour),
		Candidates: []Candidate{{Account: "alpha"}, {Account: "beta"}, {Account: "gamma"}}}
	var names []string
	for _, x := range l.Rank(&r) {
		names = append(names, x.Account)
	}
	return names
}

// teach has beta approve everything and the others half.
func teach(l *Learned, merchant, method string, approved, declined Kind) {
	for i := range 600 {
		o := Outcome{Merchant: merchant, Method: method, Country: "DE", BIN: "424242", Account: []string{"alpha", "beta", "gamma"}[i%3], At: learnedAt.Add(time.Duration(i) * time.Second)}
		o.Approved = o.Account == "beta" || i%2 == 0
		if o.Kind = declined; o.Approved {
			o.Kind = approved
		}
		l.Learn(o)
	}
}

func TestAMerchantsMethodIsRankedByItsOwnOutcomesOnly(t *testing.T) {
	l := NewLearned(learning.Config{Temperature: learning.Greedy})
	teach(l, "m1", "card", ByIssuer, ByIssuer)
	if got := askLearned(l, "m1", "card"); got[0] != "beta" {
		t.Errorf("%v, want beta first", got)
	}
	for _, other := range [][2]string{{"m2", "card"}, {"m1", "wallet"}} {
		if got := askLearned(l, other[0], other[1]); !slices.Equal(got, []string{"alpha", "beta", "gamma"}) {
			t.Errorf("%v: %v, want the merchant's own order", other, got)
		}
	}
}

func TestWhatIsNobodysFaultTeachesNothing(t *testing.T) {
	for _, kind := range []Kind{ByCustomer, ByTechnique} {
		l := NewLearned(learning.Config{Temperature: learning.Greedy})
		teach(l, "m1", "card", ByTechnique, kind)
		if got := askLearned(l, "m1", "card"); !slices.Equal(got, []string{"alpha", "beta", "gamma"}) {
			t.Errorf("%s: %v, want the merchant's own order", kind, got)
		}
	}
}

func TestScoresArePartsPerMillion(t *testing.T) {
	l := NewLearned(learning.Config{})
	l.Warm(func(yield func(Outcome) bool) {
		for i := range 1000 {
			if !yield(Outcome{Merchant: "m", Method: "card", Account: "alpha", Country: "DE", Approved: i%4 > 0, Kind: ByIssuer, At: learnedAt}) {
				return
			}
		}
	})
	got := l.Rank(&Request{Merchant: "m", Method: "card", Country: "DE", At: learnedAt, Candidates: []Candidate{{Account: "alpha"}}})
	if len(got) != 1 || got[0].Score < 700_000 || got[0].Score > 800_000 || got[0].Reason != string(learning.Best) {
		t.Errorf("%+v, want about 750,000 for three of four", got)
	}
}

func TestTheMerchantThatWasSilentLongestMakesRoom(t *testing.T) {
	l := NewLearned(learning.Config{})
	l.most = 3
	for i, m := range []string{"a", "b", "c", "a", "d"} {
		l.Learn(Outcome{Merchant: m, Account: "alpha", Approved: true, Kind: ByIssuer, At: learnedAt.Add(time.Duration(i) * time.Second)})
	}
	_, silent := l.strategies[learnedKey{"b", ""}]
	if _, kept := l.strategies[learnedKey{"a", ""}]; len(l.strategies) != 3 || silent || !kept {
		t.Errorf("%d merchants; b kept: %v, a kept: %v", len(l.strategies), silent, kept)
	}
}

func TestManyMayRankAndLearnAtOnce(t *testing.T) {
	l := NewLearned(learning.Config{})
	l.most = 4
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				m := strconv.Itoa((g + i) % 6)
				l.Learn(Outcome{Merchant: m, Method: "card", Account: "alpha", Country: "DE", Approved: i%3 > 0, Kind: ByIssuer, At: learnedAt.Add(time.Duration(i) * time.Second)})
				if got := askLearned(l, m, "card"); len(got) != 3 {
					t.Errorf("%v, want three accounts", got)
				}
			}
		})
	}
	all.Wait()
}
