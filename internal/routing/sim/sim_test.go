package sim

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/ppm"
	"github.com/florinpay/florin/internal/routing/adaptive"
)

// small is a world that takes a second, of a seed on which nothing was tuned.
func small() World {
	w := Standard(301, 20_000)
	w.WarmUp, w.Days = 4, 8
	return w
}

func TestAdaptiveCapturesMostOfTheGapOnASeedItWasNotTunedOn(t *testing.T) {
	w := small()
	fixed, best := Run(w, Fixed{}), Run(w, NewOracle())
	ours, usual := Run(w, NewAdaptive(adaptive.Config{})), Run(w, NewWindowed(UsualWindow))
	got, other := Captured(fixed, best, ours), Captured(fixed, best, usual)
	t.Logf("captured: adaptive %.3f, windowed %.3f; outage loss %.3f ‰", got, other, ours.PerMille())
	if got < 0.55 || got < other { // a few days of one world: other machines round otherwise, and draw otherwise
		t.Errorf("adaptive captures %.3f of the gap, want 0.55; windowed %.3f", got, other)
	}
	if gap := float64(best.Total.Approved-fixed.Total.Approved) / float64(best.Total.Payments); gap < 0.015 || gap > 0.06 {
		t.Errorf("the gap is %.4f of all payments: the world is not the one that was described", gap)
	}
	if back := ours.Back(true); len(back) > 0 && Quantile(back, 1) > 7*time.Minute {
		t.Errorf("back after outages: %v", back)
	}
}

func TestAWorldIsAFunctionOfItsSeed(t *testing.T) {
	w := small()
	w.WarmUp, w.Days = 1, 2
	run := func(seed uint64) Result {
		w.Seed = seed
		return Run(w, NewAdaptive(adaptive.Config{}))
	}
	one, two, other := run(301), run(301), run(302)
	if !reflect.DeepEqual(one, two) {
		t.Error("the same seed gave two results")
	}
	if reflect.DeepEqual(one.Total, other.Total) {
		t.Error("two seeds gave the same result")
	}
}

func TestContendersMeetTheSamePayers(t *testing.T) {
	w := small()
	w.WarmUp, w.Days = 0, 2
	fixed, best, ours := Run(w, Fixed{}), Run(w, NewOracle()), Run(w, NewAdaptive(adaptive.Config{}))
	for c := range fixed.ByCountry {
		if n := fixed.ByCountry[c].Payments; n != best.ByCountry[c].Payments || n != ours.ByCountry[c].Payments {
			t.Errorf("%s: %d, %d and %d payments", countryCodes[c], n, best.ByCountry[c].Payments, ours.ByCountry[c].Payments)
		}
	}
	if best.Regret > 0.001*float64(best.Total.Payments) || best.Lost > 0 {
		t.Errorf("the oracle regrets %.1f and lost %d", best.Regret, best.Lost)
	}
	if fixed.Total.Approved >= best.Total.Approved || fixed.Regret <= best.Regret {
		t.Errorf("fixed %+v is no worse than the oracle %+v", fixed.Total, best.Total)
	}
}

func TestFiguresAddUp(t *testing.T) {
	w := small()
	w.WarmUp, w.Days, w.NotSent = 0, 2, 0.02
	r := Run(w, NewAdaptive(adaptive.Config{}))
	var countries, providers Line
	for _, l := range r.ByCountry {
		countries.add(l)
	}
	for _, l := range r.ByProvider {
		providers.add(l)
	}
	if countries != r.Total {
		t.Errorf("countries %+v, total %+v", countries, r.Total)
	}
	if providers.Payments <= r.Total.Payments {
		t.Errorf("%d attempts of %d payments: those that were not sent must go on to the next provider", providers.Payments, r.Total.Payments)
	}
	if providers.Payments = r.Total.Payments; providers != r.Total {
		t.Errorf("providers %+v, total %+v", providers, r.Total)
	}
}

func TestThereAreAsManyPaymentsAsDescribed(t *testing.T) {
	for _, perDay := range []int{1, 700, 20_000} {
		w := Standard(303, perDay)
		w.WarmUp, w.Days = 0, 10
		want := float64(10 * perDay)
		if got := float64(Run(w, Fixed{}).Total.Payments); math.Abs(got-want) > 4*math.Sqrt(want) {
			t.Errorf("%.0f payments came, %.0f were described", got, want)
		}
	}
}

func TestAWindowForgetsWhatIsOlder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type event struct {
			pane     int64
			approved bool
		}
		var w window
		var all []event
		pane := int64(1000)
		for range rapid.IntRange(1, 100).Draw(rt, "events") {
			pane += rapid.Int64Range(0, 10).Draw(rt, "later")
			e := event{pane, rapid.Bool().Draw(rt, "approved")}
			all = append(all, e)
			w.count(e.pane, e.approved)
		}
		var n, approved float64
		for _, e := range all {
			if pane-e.pane < panes {
				n++
				if e.approved {
					approved++
				}
			}
		}
		if w.sumN != n || w.approved != approved {
			rt.Fatalf("%v of %v, want %v of %v", w.approved, w.sumN, approved, n)
		}
	})
}

func TestQuantilesOfDurations(t *testing.T) {
	ten := make([]time.Duration, 10)
	for i := range ten {
		ten[i] = time.Duration(i + 1)
	}
	for q, want := range map[float64]time.Duration{0.5: 5, 0.95: 10, 1: 10, 0.1: 1} {
		if got := Quantile(ten, q); got != want {
			t.Errorf("%v of ten: %d, want %d", q, got, want)
		}
	}
	if Quantile(nil, 0.5) != 0 {
		t.Error("of none")
	}
}

func TestImpossibleWorldsAreRefused(t *testing.T) {
	for what, change := range map[string]func(*World){
		"no payments": func(w *World) { w.PerDay = 0 }, "no days": func(w *World) { w.Days = 0 },
		"less than no warm-up": func(w *World) { w.WarmUp = -1 }, "a year and a day": func(w *World) { w.Days = 367 },
	} {
		w := small()
		change(&w)
		if w.Check() == nil {
			t.Errorf("%s is a world", what)
		}
	}
	if err := small().Check(); err != nil {
		t.Error(err)
	}
}

func classify(code string) adaptive.Class {
	if code == "insufficient_funds" {
		return adaptive.Customer
	}
	return adaptive.Issuer
}

const jsonHistory = `{"at":"2026-11-22T12:00:00Z","country":"DE","bin":"424242","provider":"a","outcome":"approved","amount":1999,"fee":45,"currency":"EUR","payment":"pay_1","brand":"visa","funding":"debit","customer":"cus_1","off_session":true}

{"at":"2026-11-22T12:00:01.5Z","country":"DE","bin":"424242","provider":"b","outcome":"declined","decline_code":"do_not_honor","candidates":["a","b"]}
{"at":"2026-11-22T12:00:02Z","country":"FR","provider":"a","outcome":"technical"}
`

const csvHistory = `at,country,bin,provider,outcome,decline_code,amount,fee,currency,candidates,payment,brand,funding,customer,off_session
2026-11-22T12:00:00Z,DE,424242,a,approved,,1999,45,EUR,,pay_1,visa,debit,cus_1,true
2026-11-22T12:00:01.5Z,DE,424242,b,declined,do_not_honor,,,,a|b,,,,,
2026-11-22T12:00:02Z,FR,,a,technical,,,,,,,,,,
`

var someCodes = []string{"do_not_honor", "insufficient_funds"}

func TestBothFormatsReadTheSameHistory(t *testing.T) {
	var read [2][]Recorded
	for r, err := range ReadJSONLines(strings.NewReader(jsonHistory), someCodes) {
		if err != nil {
			t.Fatal(err)
		}
		read[0] = append(read[0], r)
	}
	for r, err := range ReadCSV(strings.NewReader(csvHistory), someCodes) {
		if err != nil {
			t.Fatal(err)
		}
		read[1] = append(read[1], r)
	}
	if len(read[0]) != 3 || !reflect.DeepEqual(read[0], read[1]) {
		t.Errorf("%+v\n%+v", read[0], read[1])
	}
}

func TestAFaultyHistoryIsRefusedWithItsLine(t *testing.T) {
	const head = "at,provider,outcome,fee,currency,decline_code,candidates\n"
	for text, want := range map[string]string{
		"":                             "line 1: the column names are missing",
		"at,provider,result\n":         `line 1: there is no column "result"`,
		"at,provider,provider\n":       "line 1: column provider is there twice",
		"at,provider\n":                "line 1: column outcome is missing",
		head + "soon,a,approved,,,,\n": "line 2: at must be a time such as 2026-11-22T12:00:00Z",
		head + "2026-11-22T12:00:00Z,a,approved,,,,\n2026-11-22T11:00:00Z,a,approved,,,,\n":                "line 3: at 2026-11-22T11:00:00Z is before",
		head + "2026-11-22T12:00:00Z,a,perhaps,,,,\n":                                                      "line 2: outcome must be",
		head + "2026-11-22T12:00:00Z,,approved,,,,\n":                                                      "line 2: provider is missing",
		head + "2026-11-22T12:00:00Z,a,approved,5,,,\n":                                                    "line 2: an amount or a fee needs a currency",
		head + "2026-11-22T12:00:00Z,a,approved,x,EUR,,\n":                                                 "line 2: fee must be a whole number of minor units",
		head + "2026-11-22T12:00:00Z,a,approved,-1,EUR,,\n":                                                "line 2: amount and fee cannot be negative",
		head + "2026-11-22T12:00:00Z,a,approved,,,do_not_honor,\n":                                         "line 2: only a declined payment",
		head + "2026-11-22T12:00:00Z,a,declined,,,do_not_honor,\n2026-11-22T12:00:00Z,a,declined,,,zzz,\n": `line 3: there is no decline_code "zzz": there are do_not_honor`,
		head + "2026-11-22T12:00:00Z,a,approved,,,,b|c\n":                                                  "line 2: provider a is not among",
		"at,provider,outcome,off_session\n2026-11-22T12:00:00Z,a,approved,perhaps\n":                       "line 2: off_session must be true or false",
		head + "2026-11-22T12:00:00Z,a\n":                                                                  "line 2: must have as many fields as line 1 has",
		head + "2026-11-22T12:00:00Z,a,\"approved,,,,\n":                                                   "line 2: a quotation mark is not where it may be",
		head + "2026-11-22T12:00:00Z,a,appr\"oved,,,,\n":                                                   "line 2: a quotation mark is not where it may be",
		"at,\"provider\n": "line 1: a quotation mark is not where it may be",
		head:              "the history has no payments",
	} {
		if _, err := Providers(ReadCSV(strings.NewReader(text), someCodes)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		} else {
			noWordsOfGo(t, err)
		}
	}
	for text, want := range map[string]string{
		`{"at":"2026-11-22T12:00:00Z","provider":"a","outcome":"approved","colour":"red"}`:       `line 1: there is no field "colour"`,
		`{"at":"2026-11-22T12:00:00Z","provider":"a","outcome":"approved"} {}`:                   "line 1: there is more than one object",
		`{"at":"2026-11-22T12:00:00Z","provider":"a","outcome":"declined","decline_code":"zzz"}`: `line 1: there is no decline_code "zzz"`,
		`{"at":"2026-11-22T12:00:00Z","amount":1.5}`:                                             "line 1: amount must be a whole number of minor units, not 1.5",
		`{"fee":"5"}`:                  "line 1: fee must be a whole number of minor units, not a text",
		`{"fee":99999999999999999999}`: "line 1: fee must be a whole number of minor units, not 99999999999999999999",
		`{"country":49}`:               "line 1: country must be a text, not a number",
		`{"brand":["visa"]}`:           "line 1: brand must be a text, not a list",
		`{"off_session":1}`:            "line 1: off_session must be true or false, not a number",
		`{"candidates":"a|b"}`:         "line 1: candidates must be a list of texts",
		`{"candidates":[1]}`:           "line 1: candidates must be a list of texts",
		`{"metadata":{"tier":1}}`:      "line 1: metadata must be an object of texts",
		`{"metadata":"gold"}`:          "line 1: metadata must be an object of texts",
		`["a"]`:                        "line 1: must be a JSON object, not a list",
		`{"at":"soon"}`:                "line 1: at must be a time such as",
		`{"at":17}`:                    "line 1: at must be a time such as",
		`{"at" 17}`:                    "line 1: is no JSON: invalid character '1' after object key",
		"\n{":                          "line 2: ends before its JSON object does",
		`{"provider":"a"}`:             "line 1: at is missing",
		strings.Repeat("x", 70_000):    "line 1: is longer than 65536 bytes",
	} {
		if _, err := Providers(ReadJSONLines(strings.NewReader(text), someCodes)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", shortened(text), err, want)
		} else {
			noWordsOfGo(t, err)
		}
	}
}

// noWordsOfGo fails the test if an error names what only who knows the program can know.
func noWordsOfGo(t *testing.T, err error) {
	t.Helper()
	for _, word := range []string{"json:", "unmarshal", "Go ", "Recorded", "Facts", "strconv", "parsing", "bufio", "int64", "EOF", "record on line"} {
		if strings.Contains(err.Error(), word) {
			t.Errorf("%q has %q in it", err, word)
		}
	}
}

// shortened keeps failures readable.
func shortened(s string) string { return s[:min(len(s), 100)] }

// recorded is a history in which a lot decided where payments went: b approves nine of ten, a seven.
func recorded(n int) func(func(Recorded, error) bool) {
	d := roll(7)
	return func(yield func(Recorded, error) bool) {
		at := epoch
		for range n {
			at = at.Add(time.Minute)
			r := Recorded{At: at, Country: "DE", BIN: "424242", Provider: []string{"a", "b"}[d.bits()%2], Outcome: DeclinedOutcome, DeclineCode: "do_not_honor", Currency: "EUR", Fee: 10}
			if d.unit() < map[string]float64{"a": 0.7, "b": 0.9}[r.Provider] {
				r.Outcome, r.DeclineCode = ApprovedOutcome, ""
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestAReplayFindsTheBetterProviderAndCountsMatchesOnly(t *testing.T) {
	r, err := Replay(recorded(6000), []string{"a", "b"}, NewAdaptive(adaptive.Config{}), classify, 1)
	if err != nil {
		t.Fatal(err)
	}
	rate := float64(r.Matched.Approved) / float64(r.Matched.Payments)
	usual := float64(r.Usual) / ppm.Whole / float64(r.Matched.Payments)
	if r.Payments != 6000 || r.Matched.Payments < 2500 || r.Matched.Payments > 3500 || rate < 0.87 || usual < 0.77 || usual > 0.83 {
		t.Errorf("%d of %d matched, %.3f approved where %.3f is usual", r.Matched.Payments, r.Payments, rate, usual)
	}
	if r.Matched.Fees["EUR"] != 10*r.Matched.Approved || r.Matched.Unpriced != 0 {
		t.Errorf("fees %v of %d approved", r.Matched.Fees, r.Matched.Approved)
	}
	if len(r.ByProvider) != 2 || r.ByProvider[1].Name != "b" || r.ByProvider[1].Payments < 9*r.ByProvider[0].Payments || len(r.ByCountry) != 1 {
		t.Errorf("by provider %+v, by country %+v", r.ByProvider, r.ByCountry)
	}
}

func TestAFixedOrderMatchesWhatWentToItsFirst(t *testing.T) {
	r, err := Replay(recorded(1000), []string{"a", "b"}, Fixed{}, classify, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.ByProvider) != 1 || r.ByProvider[0].Name != "a" || r.ByProvider[0].Payments != r.Matched.Payments {
		t.Errorf("%+v", r)
	}
}

func TestWhatIsUsualFitsWhateverTheSizeOfTheHistory(t *testing.T) {
	for _, c := range []struct {
		of   usual
		want int64
	}{
		{usual{}, 0},
		{usual{payments: 3, approved: 1, matched: 2}, 666_666},
		{usual{payments: 3_200_000, approved: 3_000_000, matched: 3_200_000}, 3_000_000 * ppm.Whole},
		{usual{payments: 4_000_000_000, approved: 3_000_000_000, matched: 2_000_000_000}, 1_500_000_000 * ppm.Whole},
	} {
		if got := c.of.expected(); got != c.want {
			t.Errorf("%+v: %d, not %d", c.of, got, c.want)
		}
	}
}

func TestApprovedPaymentsWithoutAFeeAreCounted(t *testing.T) {
	history := func(yield func(Recorded, error) bool) {
		for _, r := range []Recorded{
			{Fee: 3, Outcome: ApprovedOutcome}, {Outcome: ApprovedOutcome}, {FeeKnown: true, Outcome: ApprovedOutcome}, {Outcome: DeclinedOutcome, DeclineCode: "do_not_honor"},
		} {
			r.At, r.Provider, r.Currency = epoch, "a", "EUR"
			if !yield(r, nil) {
				return
			}
		}
	}
	r, err := Replay(history, []string{"a"}, Fixed{}, classify, 1)
	if err != nil || r.Matched.Approved != 3 || r.Matched.Unpriced != 1 || r.Matched.Fees["EUR"] != 3 {
		t.Errorf("%+v, %v", r.Matched, err)
	}
}

func TestEventsComeInTheOrderOfTheirTimes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var a events
		times := rapid.SliceOf(rapid.Int64Range(0, 20)).Draw(rt, "times")
		for i, at := range times {
			a.push(event{at: time.Duration(at), order: uint64(i)})
		}
		var last event
		for i := range times {
			x := a.pop()
			if i > 0 && !last.before(x) {
				rt.Fatalf("%+v after %+v", x, last)
			}
			last = x
		}
		if len(a) != 0 {
			rt.Fatalf("%d are left", len(a))
		}
	})
}
