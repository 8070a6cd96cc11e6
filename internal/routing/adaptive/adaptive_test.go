package adaptive

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// feed gives a strategy n outcomes of a provider, evenly over d from at, of which yes in a hundred are approved.
func feed(s *Strategy, provider, country, bin string, n, yes int, at time.Time, d time.Duration) time.Time {
	for i := range n {
		at = at.Add(d / time.Duration(n))
		class := Issuer
		if i*37%100 < yes {
			class = Approved
		}
		s.Observe(Outcome{Provider: provider, Country: country, BIN: bin, Class: class, At: at})
	}
	return at
}

func estimate(t *testing.T, s *Strategy, provider string, f Facts, now time.Time) Ranked {
	t.Helper()
	for _, r := range s.Rank(nil, []string{provider}, f, now, 1) {
		return r
	}
	t.Fatalf("%s is not ranked", provider)
	return Ranked{}
}

func TestARankingIsAPermutationWithEstimatesThatAreRates(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := New(Config{Segments: rapid.IntRange(1, 20).Draw(rt, "segments"), Providers: rapid.IntRange(1, 5).Draw(rt, "providers"),
			Temperature: rapid.SampledFrom([]float64{Greedy, 0.3, 5}).Draw(rt, "temperature")})
		name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		country := rapid.SampledFrom([]string{"", "DE", "FR", "BR"})
		bin := rapid.SampledFrom([]string{"", "400000", "411111", "424242", "555555"})
		at := start
		for range rapid.IntRange(0, 300).Draw(rt, "outcomes") {
			at = at.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(100*time.Hour)).Draw(rt, "pause")))
			s.Observe(Outcome{name.Draw(rt, "provider"), country.Draw(rt, "country"), bin.Draw(rt, "bin"),
				rapid.SampledFrom([]Class{Approved, Issuer, Customer, Technical}).Draw(rt, "class"), at})
		}
		candidates := rapid.SliceOfDistinct(name, rapid.ID).Draw(rt, "candidates")
		ranked := s.Rank(nil, candidates, Facts{country.Draw(rt, "where"), bin.Draw(rt, "of")}, at, rapid.Uint64().Draw(rt, "bits"))
		var names []string
		for _, r := range ranked {
			names = append(names, r.Provider)
			if !(r.Estimate >= 0 && r.Estimate <= 1) || !(r.Error >= 0 && r.Error < 1) || math.IsNaN(r.score) || r.Reason == "" {
				rt.Fatalf("%+v is no estimate", r)
			}
		}
		slices.Sort(names)
		slices.Sort(candidates)
		if !slices.Equal(names, candidates) {
			rt.Fatalf("%v of %v", names, candidates)
		}
		k := s.Strengths()
		for _, x := range []float64{k.Provider, k.Country, k.BIN} {
			if !(x > 0) || math.IsInf(x, 0) {
				rt.Fatalf("strengths %+v", k)
			}
		}
	})
}

func TestTheSameBitsGiveTheSameRanking(t *testing.T) {
	s := New(Config{Temperature: 3})
	for i, p := range []string{"a", "b", "c"} {
		feed(s, p, "DE", "424242", 20, 80+i, start, time.Hour)
	}
	seen := map[string]bool{}
	for bits := range uint64(200) {
		f := Facts{"DE", "424242"}
		one, two := s.Rank(nil, []string{"a", "b", "c"}, f, start, bits), s.Rank(nil, []string{"a", "b", "c"}, f, start, bits)
		if !slices.Equal(one, two) {
			t.Fatalf("%v, then %v", one, two)
		}
		seen[one[0].Provider] = true
	}
	if len(seen) != 3 {
		t.Errorf("first were %v: with so little known, each must be tried", seen)
	}
}

// remaining is the part of a provider's outcomes with a BIN that is left a half-life after the last of them.
func remaining(s *Strategy, outcomes int) (before, after float64) {
	at := feed(s, "a", "DE", "424242", outcomes, 90, start, time.Second)
	s.model.refresh(at)
	before = s.model.total[0].n
	s.model.refresh(at.Add(s.config.HalfLife))
	return before, s.model.total[0].n
}

func TestOneOfFewOutcomesCountsHalfAfterTheHalfLife(t *testing.T) {
	s := New(Config{HalfLife: 24 * time.Hour})
	if before, after := remaining(s, 2); math.Abs(after/before-0.5) > 0.01 {
		t.Errorf("%f of %f outcomes are left", after, before)
	}
	s.model.observe(Outcome{"c", "DE", "424242", Approved, start.Add(time.Second)})
	if got := s.model.segments[segmentKey{"DE", "424242"}].cells[s.model.index["c"]].n; math.Abs(got-0.5) > 1e-9 {
		t.Errorf("an outcome that comes a half-life late counts %f", got)
	}
}

func TestTheVarianceOfARateGrowsHalfOfTheWayBackInAHalfLife(t *testing.T) {
	for _, outcomes := range []int{2, 100, 1000, 20_000} {
		s := New(Config{})
		at := feed(s, "a", "DE", "424242", outcomes, 90, start, time.Second)
		s.model.refresh(at)
		k := s.model.noise() / sum(s.model.variance[:])
		variance := func() float64 { return 1 / (s.model.total[0].n + k) } // in parts of the noise
		before := variance()
		s.model.refresh(at.Add(s.config.HalfLife))
		if want := (before + 1/k) / 2; math.Abs(variance()/want-1) > 1e-9 {
			t.Errorf("%d outcomes: a variance of %g became %g, want %g", outcomes, before, variance(), want)
		}
	}
}

func TestTheFallOfABusyProviderIsNotTakenForTheBINs(t *testing.T) {
	s := New(Config{})
	f := Facts{"DE", "424242"}
	at := start
	hours := func(n, yes int) (a, base float64) {
		for i := range n * 30 {
			at = feed(s, "a", "DE", "424242", 10, yes, at, time.Minute)
			if i%10 == 0 {
				at = feed(s, "b", "DE", "424242", 1, 100-100*(i/10%10/9), at, time.Minute) // nine of ten
			}
			at = at.Add(time.Minute)
		}
		return estimate(t, s, "a", f, at).Estimate, s.model.segments[segmentKey{"DE", "424242"}].base
	}
	a, base := hours(72, 92)
	for range 6 {
		fallen, moved := hours(2, 82)
		if base-moved > 0.1*(a-fallen) || a-fallen < 0.02 {
			t.Errorf("a fell from %.3f to %.3f, and the base from %.3f to %.3f with it", a, fallen, base, moved)
		}
	}
}

func TestTheBaseOfABINThatIsNewFollowsSoon(t *testing.T) {
	s := New(Config{})
	at := feed(s, "a", "DE", "400000", 3000, 90, start, 100*time.Hour)
	for range 3 {
		for _, p := range []string{"a", "b", "c"} {
			at = feed(s, p, "DE", "411111", 50, 50, at, 20*time.Minute)
		}
	}
	if got := estimate(t, s, "d", Facts{"DE", "411111"}, at); got.Estimate > 0.65 {
		t.Errorf("a provider that was never tried with a BIN of which half is approved: %+v", got)
	}
}

func TestWhatIsNotTheProvidersDoingTeachesNothing(t *testing.T) {
	s := New(Config{})
	at := feed(s, "a", "DE", "424242", 1000, 90, start, time.Hour)
	before := estimate(t, s, "a", Facts{"DE", "424242"}, at)
	for i := range 1000 {
		s.Observe(Outcome{"a", "DE", "424242", []Class{Customer, Technical}[i%2], at})
	}
	if after := estimate(t, s, "a", Facts{"DE", "424242"}, at); after != before {
		t.Errorf("%+v became %+v", before, after)
	}
}

func TestAProviderIsNotBlamedForItsCountries(t *testing.T) {
	s := New(Config{Temperature: Greedy})
	// b has most of the country where issuers refuse much, and is better than a in both.
	at := start
	for range 10 {
		feed(s, "a", "DE", "400000", 300, 90, at, time.Hour)
		feed(s, "b", "DE", "400000", 60, 93, at, time.Hour)
		feed(s, "a", "BR", "411111", 60, 57, at, time.Hour)
		at = feed(s, "b", "BR", "411111", 300, 60, at, time.Hour)
	}
	s.Settle()
	for _, f := range []Facts{{"DE", "400000"}, {"BR", "411111"}, {"FR", "422222"}} {
		if got := s.Rank(nil, []string{"a", "b"}, f, at, 7); got[0].Provider != "b" {
			t.Errorf("%v: %+v, want b first", f, got)
		}
	}
}

func TestABINThatIsNewHasItsCountrysEstimate(t *testing.T) {
	s := New(Config{})
	at := feed(s, "a", "DE", "400000", 3000, 90, start, time.Hour)
	feed(s, "b", "DE", "400000", 3000, 80, start, time.Hour)
	s.Settle()
	known, fresh := estimate(t, s, "a", Facts{"DE", "400000"}, at), estimate(t, s, "a", Facts{"DE", "499999"}, at)
	if math.Abs(known.Estimate-fresh.Estimate) > 0.03 || fresh.Error <= known.Error {
		t.Errorf("known %+v, new %+v", known, fresh)
	}
}

func TestStrengthsFollowHowMuchProvidersDiffer(t *testing.T) {
	alike, apart := New(Config{}), New(Config{})
	for i := range 40 {
		at := start.Add(time.Duration(i) * time.Hour)
		for b := range 6 {
			for p := range 3 {
				name, bin := string(rune('a'+p)), fmt.Sprintf("4%05d", b)
				feed(alike, name, "DE", bin, 40, 80, at, time.Hour)
				feed(apart, name, "DE", bin, 40, 80+[]int{10, 0, -10}[(p+b)%3], at, time.Hour)
			}
		}
	}
	if a, b := alike.Strengths(), apart.Strengths(); a.BIN < 5*b.BIN {
		t.Errorf("strength of BINs %.0f where providers are alike, %.0f where they are not", a.BIN, b.BIN)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := New(Config{Segments: 100, Providers: 3})
	at := start
	for i := range 2000 {
		at = at.Add(time.Second)
		s.Observe(Outcome{fmt.Sprintf("p%d", i%7), fmt.Sprintf("c%d", i%900), fmt.Sprintf("%06d", i), Approved, at})
	}
	if m := &s.model; len(m.segments) > 100+maxCountries+1 || len(m.countries) > maxCountries+1 || len(m.names) != 3 || len(m.index) != 3 {
		t.Errorf("%d segments, %d countries, %d providers", len(m.segments), len(m.countries), len(m.names))
	}
}

func TestAFrequentBINOutlivesManyRareOnes(t *testing.T) {
	s := New(Config{Segments: 50, HalfLife: 1000 * time.Hour})
	at := start
	for i := range 3000 {
		at = at.Add(time.Second)
		s.Observe(Outcome{"a", "DE", "424242", Approved, at})
		s.Observe(Outcome{"a", "DE", fmt.Sprintf("%06d", i), Issuer, at})
	}
	s.Settle()
	kept := s.model.segments[segmentKey{"DE", "424242"}]
	if kept == nil || kept.weight() < 2900 {
		t.Fatalf("the frequent BIN is gone: %+v", kept)
	}
	rest := s.model.segments[segmentKey{"DE", ""}]
	if rest == nil || rest.weight() < 2800 {
		t.Errorf("what was known of the rare ones is gone: %+v", rest)
	}
}

func TestWarmStartKnowsWhatHistoryShows(t *testing.T) {
	s := New(Config{Temperature: Greedy})
	s.Warm(func(yield func(Outcome) bool) {
		for i := range 4000 {
			o := Outcome{[]string{"a", "b"}[i%2], "DE", "424242", Approved, start.Add(time.Duration(i) * time.Minute)}
			if i%10 == 0 || i%7 == 3 && o.Provider == "b" {
				o.Class = Issuer
			}
			if !yield(o) {
				return
			}
		}
	})
	ranked := s.Rank(nil, []string{"b", "a", "c"}, Facts{"DE", "424242"}, start.Add(4001*time.Minute), 5)
	if ranked[0].Provider == "c" || ranked[0].Reason != Best {
		t.Errorf("%+v", ranked)
	}
	for _, r := range ranked {
		if r.Provider == "c" && r.Reason != Unknown {
			t.Errorf("nothing is known of c: %+v", r)
		}
	}
}

func TestRankingAndObservingAtOnce(t *testing.T) {
	s := New(Config{Segments: 40, Providers: 4})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 3000 {
				at := start.Add(time.Duration(i) * time.Second)
				class := Approved
				if (i/500)%2 == 1 { // brown-outs begin and end meanwhile
					class = Issuer
				}
				s.Observe(Outcome{fmt.Sprintf("p%d", (g+i)%5), "DE", fmt.Sprintf("%06d", i%60), class, at})
			}
		})
		all.Go(func() {
			var dst []Ranked
			for i := range 3000 {
				dst = s.Rank(dst[:0], []string{"p0", "p1", "p2", "p3", "p4"}, Facts{"DE", fmt.Sprintf("%06d", i%60)}, start.Add(time.Duration(i)*time.Second), uint64(i))
				if len(dst) != 5 {
					t.Errorf("%d candidates ranked, want 5", len(dst))
					return
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkRank is a decision among four candidates, with a model of 4,000 BINs.
func BenchmarkRank(b *testing.B) {
	s := New(Config{})
	names := []string{"pa_1", "pa_2", "pa_3", "pa_4"}
	for i := range 40_000 {
		class := Approved
		if i%7 == 0 {
			class = Issuer
		}
		s.Observe(Outcome{names[i%4], fmt.Sprintf("C%d", i%40), fmt.Sprintf("4%05d", i%4000), class, start.Add(time.Duration(i) * time.Millisecond)})
	}
	f := Facts{"C7", "400007"}
	dst := make([]Ranked, 0, 4)
	b.ReportAllocs()
	bits := uint64(0)
	for b.Loop() {
		bits++
		dst = s.Rank(dst[:0], names, f, start, bits)
	}
	if len(dst) != 4 {
		b.Fatal(dst)
	}
}

// BenchmarkObserve is an outcome, with a model of 4,000 BINs, refreshes included.
func BenchmarkObserve(b *testing.B) {
	s := New(Config{})
	for i := range b.N {
		s.Observe(Outcome{[]string{"pa_1", "pa_2", "pa_3", "pa_4"}[i%4], fmt.Sprintf("C%d", i%40), fmt.Sprintf("4%05d", i%4000), Approved,
			start.Add(time.Duration(i) * 10 * time.Millisecond)})
	}
}
