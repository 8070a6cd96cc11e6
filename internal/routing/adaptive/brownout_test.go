package adaptive

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/splitmix"
)

// two is a strategy that knows two providers well: a approves 90 in a hundred, b 85.
func two() (*Strategy, time.Time) {
	s := New(Config{Temperature: Greedy})
	for _, country := range []string{"DE", "FR"} {
		feed(s, "b", country, "400000", 2000, 85, start, 10*time.Hour)
		feed(s, "a", country, "400000", 2000, 90, start, 10*time.Hour)
	}
	return s, start.Add(10 * time.Hour)
}

func first(s *Strategy, country string, now time.Time) Ranked {
	return s.Rank(nil, []string{"a", "b"}, Facts{country, "400000"}, now, 3)[0]
}

// refuse has a provider refuse in a country until it is not first any more, and returns when that was and how many it took.
func refuse(t *testing.T, s *Strategy, countries []string, at time.Time) (time.Time, int) {
	t.Helper()
	for i := range 40 {
		if got := first(s, countries[i%len(countries)], at); got.Provider != "a" {
			return at, i
		}
		at = at.Add(time.Second)
		s.Observe(Outcome{"a", countries[i%len(countries)], "400000", Issuer, at})
	}
	t.Fatal("40 refusals one after the other were not seen")
	return at, 0
}

func TestABrownoutInACountryIsFoundWithinTenRefusalsAndStaysThere(t *testing.T) {
	s, at := two()
	at, took := refuse(t, s, []string{"DE"}, at)
	if took > 10 {
		t.Errorf("it took %d refusals", took)
	}
	ranked := s.Rank(nil, []string{"a", "b"}, Facts{"DE", "400000"}, at, 3)
	if ranked[1].Provider != "a" || ranked[1].Reason != Brownout || ranked[1].Estimate > 0.6 {
		t.Errorf("%+v", ranked)
	}
	if s.model.scopes[s.model.index["a"]].brown.Load() {
		t.Error("the provider counts as browned out everywhere")
	}
}

func TestABrownoutEverywhereIsFoundAcrossCountries(t *testing.T) {
	s, at := two()
	at, took := refuse(t, s, []string{"DE", "FR"}, at)
	if took > 10 {
		t.Errorf("it took %d refusals over two countries", took)
	}
	for _, country := range []string{"DE", "FR", "BR"} {
		if got := first(s, country, at); got.Provider != "b" {
			t.Errorf("%s: %+v", country, got)
		}
	}
}

func TestABrownoutLeavesTheEstimateAlone(t *testing.T) {
	s, at := two()
	at, _ = refuse(t, s, []string{"DE"}, at)
	before := s.model.segments[segmentKey{"DE", "400000"}].cells[s.model.index["a"]]
	for range 100 {
		at = at.Add(time.Second)
		s.Observe(Outcome{"a", "DE", "400000", Issuer, at})
	}
	if after := s.model.segments[segmentKey{"DE", "400000"}].cells[s.model.index["a"]]; after.n > before.n || after.approved > before.approved {
		t.Errorf("%+v became %+v", before, after)
	}
}

func TestARecoveredProviderIsBackWithinSevenMinutes(t *testing.T) {
	s, at := two()
	at, _ = refuse(t, s, []string{"DE"}, at)
	recovered, probes := at.Add(time.Hour), 0
	for ; at.Before(recovered); at = at.Add(10 * time.Second) {
		if got := first(s, "DE", at); got.Provider == "a" {
			if probes++; got.Reason != Probed {
				t.Fatalf("%+v during the brown-out", got)
			}
			s.Observe(Outcome{"a", "DE", "400000", Issuer, at.Add(2 * time.Second)})
		}
	}
	if probes < 10 || probes > 60 {
		t.Errorf("%d probes in an hour", probes)
	}
	for ; at.Before(recovered.Add(7 * time.Minute)); at = at.Add(10 * time.Second) {
		switch got := first(s, "DE", at); {
		case got.Provider == "a" && got.Reason == Best:
			return
		case got.Provider == "a":
			s.Observe(Outcome{"a", "DE", "400000", Approved, at.Add(2 * time.Second)})
		}
	}
	t.Error("it is not back after seven minutes")
}

func TestOnePaymentAtATimeProbes(t *testing.T) {
	s, at := two()
	at, _ = refuse(t, s, []string{"DE"}, at)
	at = at.Add(time.Hour)
	var firsts []string
	for range 5 {
		firsts = append(firsts, first(s, "DE", at).Provider)
	}
	if want := []string{"a", "b", "b", "b", "b"}; !slices.Equal(firsts, want) {
		t.Errorf("%v, want %v", firsts, want)
	}
}

func TestABrownoutThatDoesNotEndIsWhatTheProviderIsLike(t *testing.T) {
	s, at := two()
	at, _ = refuse(t, s, []string{"DE"}, at)
	until := at.Add(s.config.Detector.Longest + 30*time.Hour)
	for i := 0; at.Before(until); i++ {
		at = at.Add(2 * time.Minute)
		class := Issuer
		if i%2 == 0 {
			class = Approved
		}
		if first(s, "DE", at).Provider == "a" {
			s.Observe(Outcome{"a", "DE", "400000", class, at})
		}
		class = Approved
		if i%7 == 0 {
			class = Issuer
		}
		s.Observe(Outcome{"b", "DE", "400000", class, at})
	}
	ranked := s.Rank(nil, []string{"a", "b"}, Facts{"DE", "400000"}, at, 3)
	if ranked[0].Provider != "b" || ranked[1].Reason != Lower || ranked[1].Estimate > 0.88 {
		t.Errorf("after a day and a half in which half of a's payments were refused: %+v", ranked)
	}
}

func TestOrdinaryRefusalsAreNoBrownout(t *testing.T) {
	s, at := two()
	alarms := 0
	for i := range 20_000 {
		at = at.Add(time.Second)
		class := Approved
		if splitmix.Mix(uint64(i))%100 < 12 {
			class = Issuer
		}
		s.Observe(Outcome{"a", "DE", "400000", class, at})
		if first(s, "DE", at).Reason == Brownout {
			t.Fatal("both are browned out")
		}
		if first(s, "DE", at).Provider == "b" {
			alarms++
			at = at.Add(10 * time.Minute)
		}
	}
	if alarms > 20 {
		t.Errorf("%d times behind in 20,000 ordinary outcomes", alarms)
	}
}

// over ends the brown-out of a in Germany by approvals of its probes, and returns when that was.
func over(t *testing.T, s *Strategy, at time.Time) time.Time {
	t.Helper()
	for range 60 {
		at = at.Add(time.Minute)
		switch got := s.Rank(nil, []string{"a", "b"}, Facts{"DE", "400000"}, at, 3)[0]; {
		case got.Reason == Probed:
			s.Observe(Outcome{"a", "DE", "400000", Approved, at})
		case got.Provider == "a" || !s.model.byCode["DE"].scopes[s.model.index["a"]].brown.Load():
			return at
		}
	}
	t.Fatal("an hour of approved probes did not end it")
	return at
}

func TestABrownoutThatIsOverLeavesNoMark(t *testing.T) {
	for name, c := range map[string]struct {
		lasted time.Duration
		marked bool
	}{"a real one": {time.Hour, false}, "a false alarm": {0, true}} {
		t.Run(name, func(t *testing.T) {
			s, at := two()
			s.Settle()
			cell := func() cell { return s.model.segments[segmentKey{"DE", "400000"}].cells[s.model.index["a"]] }
			rate := func() float64 { return cell().approved / cell().n }
			was := rate()
			at, took := refuse(t, s, []string{"DE"}, at)
			if rate() > was-0.001 {
				t.Fatalf("%d refusals moved the rate from %f to %f only", took, was, rate())
			}
			over(t, s, at.Add(c.lasted))
			if got := rate(); (got < was-0.001) != c.marked || got > was+0.0005 {
				t.Errorf("the rate was %f and is %f", was, got)
			}
		})
	}
}

func TestNoOutcomeIsTakenBackTwice(t *testing.T) {
	s, at := two()
	at, _ = refuse(t, s, []string{"DE"}, at)
	a := s.model.index["a"]
	local, everywhere := s.model.byCode["DE"].scopes[a], s.model.scopes[a]
	if len(local.doubted) == 0 || len(everywhere.doubted) == 0 {
		t.Fatalf("%d and %d are doubted", len(local.doubted), len(everywhere.doubted))
	}
	over(t, s, at.Add(time.Hour))
	if len(local.doubted) > 0 || slices.ContainsFunc(everywhere.doubted, func(c counted) bool { return c.segment.key.country == "DE" }) {
		t.Errorf("%d and %d are doubted still", len(local.doubted), len(everywhere.doubted))
	}
}

func TestOnlySoMuchIsTakenBack(t *testing.T) {
	s := newScope(Detector{}.withDefaults())
	s.evidence = 1
	for i := range 3 * maxDoubted {
		s.doubt(counted{cell: cell{n: float64(i)}})
	}
	if len(s.doubted) != maxDoubted || s.doubted[0].cell.n != 2*maxDoubted || cap(s.doubted) > 2*maxDoubted {
		t.Errorf("%d from %v on, room for %d", len(s.doubted), s.doubted[0].cell.n, cap(s.doubted))
	}
	s.evidence = 0
	if s.doubt(counted{}); len(s.doubted) != 0 {
		t.Errorf("%d are doubted without evidence", len(s.doubted))
	}
	x := cell{n: 2, approved: 1}
	if x.remove(cell{n: 5, approved: 0}); x != (cell{}) {
		t.Errorf("%+v is left of less than was taken", x)
	}
}
