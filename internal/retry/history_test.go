package retry

import (
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// three are rules with small numbers: Visa takes 3 declines in 30 days and an approval ends them, Mastercard 2 in a day and 3 in 30.
func three(brand string) Rules {
	const day = 24 * time.Hour
	r := Rules{NeverFor: 30 * day, KeepFor: 30 * day, Most: 64, Never: func(t Try) bool { return t.Advice == "03" || brand == "visa" && t.Network == "46" }}
	switch brand {
	case "visa":
		r.ApprovalEnds, r.Limits = true, []Limit{{"visa", 3, 30 * day}}
	case "mastercard":
		r.Limits = []Limit{{"day", 2, day}, {"month", 3, 30 * day}}
	}
	return r
}

func TestARuleForbidsATryUntilItsWindowIsOver(t *testing.T) {
	const day = 24 * time.Hour
	ago := func(d time.Duration, code, advice string) Try {
		return Try{Payment: "pay_1", Number: int64(d), At: noon.Add(-d), Code: "do_not_honor", Network: code, Advice: advice}
	}
	under := func(d time.Duration) Try { return Try{Payment: "pay_1", Number: int64(d), At: noon.Add(-d)} }
	for name, c := range map[string]struct {
		brand string
		tries []Try
		rule  string
		until time.Time
	}{
		"nothing":                        {"visa", nil, "", time.Time{}},
		"one":                            {"visa", []Try{ago(day, "05", "")}, "", time.Time{}},
		"at the limit":                   {"visa", []Try{ago(3*day, "05", ""), ago(2*day, "05", ""), ago(day, "05", "")}, "visa", noon.Add(27 * day)},
		"one is out of the window":       {"visa", []Try{ago(30*day, "05", ""), ago(2*day, "05", ""), ago(day, "05", "")}, "", time.Time{}},
		"one is a moment from its end":   {"visa", []Try{ago(30*day-1, "05", ""), ago(2*day, "05", ""), ago(day, "05", "")}, "visa", noon.Add(1)},
		"over the limit":                 {"visa", []Try{ago(4*day, "05", ""), ago(3*day, "05", ""), ago(2*day, "05", ""), ago(day, "05", "")}, "visa", noon.Add(27 * day)},
		"open ones count":                {"visa", []Try{ago(3*day, "05", ""), under(2), under(1)}, "visa", noon.Add(time.Minute)},
		"open ones that stay open":       {"visa", []Try{ago(3*day, "05", ""), under(time.Hour), under(1)}, "visa", noon.Add(time.Hour)},
		"no longer than the window":      {"visa", []Try{under(20 * day), ago(2, "05", ""), under(1)}, "visa", noon.Add(10 * day)},
		"enough without the open one":    {"visa", []Try{ago(4*day, "05", ""), ago(3*day, "05", ""), ago(2*day, "05", ""), under(1)}, "visa", noon.Add(27 * day)},
		"the longer window counts":       {"mastercard", []Try{ago(20*day, "05", ""), ago(2, "05", ""), ago(1, "05", "")}, "month", noon.Add(10 * day)},
		"the shorter one alone":          {"mastercard", []Try{ago(2, "05", ""), ago(1, "05", "")}, "day", noon.Add(day - 2)},
		"another network":                {"amex", []Try{ago(4, "05", ""), ago(3, "05", ""), ago(2, "05", ""), ago(1, "05", "")}, "", time.Time{}},
		"never, by advice":               {"amex", []Try{ago(29*day, "05", "03"), ago(day, "05", "")}, NeverAgain, time.Time{}},
		"never, by the response code":    {"visa", []Try{ago(29*day, "46", "")}, NeverAgain, time.Time{}},
		"another network's code":         {"mastercard", []Try{ago(29*day, "46", "")}, "", time.Time{}},
		"never is over after its days":   {"visa", []Try{ago(30*day, "46", "03")}, "", time.Time{}},
		"never is stronger than a limit": {"visa", []Try{ago(3*day, "46", ""), ago(2*day, "05", ""), ago(day, "05", "")}, NeverAgain, time.Time{}},
	} {
		b, banned := History{Tries: c.tries}.Banned(three(c.brand), noon)
		if banned != (c.rule != "") || b.Rule != c.rule || !b.Until.Equal(c.until) {
			t.Errorf("%s: %v by %q until %v", name, banned, b.Rule, b.Until)
		}
	}
}

func TestAHistoryForgetsWhatIsTooOld(t *testing.T) {
	rules := three("visa")
	declined := Try{Payment: "pay_2", Number: 1, At: noon, Code: "do_not_honor"}
	h := History{Tries: []Try{{Payment: "pay_1", Number: 1, At: noon.Add(-30 * 24 * time.Hour), Code: "do_not_honor"}}}
	h = h.Begun(Try{Payment: "pay_2", Number: 1, At: noon}, rules, noon)
	h = h.Counted(declined, rules, noon)
	if len(h.Tries) != 1 || h.Tries[0] != declined {
		t.Errorf("it has %+v", h.Tries)
	}
	for n := range int64(200) {
		h = h.Begun(Try{Payment: "pay_3", Number: n, At: noon}, rules, noon)
	}
	if len(h.Tries) != rules.Most {
		t.Errorf("it has %d tries", len(h.Tries))
	}
	if h := (History{}).Counted(declined, three("amex"), noon); len(h.Tries) != 0 {
		t.Error("a network without limits is counted")
	}
}

func TestATryBeginsNoHistory(t *testing.T) {
	rules, self, other := three("visa"), Try{Payment: "pay_1", Number: 1, At: noon}, Try{Payment: "pay_2", Number: 1, At: noon.Add(-time.Second)}
	if h := (History{}).Begun(self, rules, noon); len(h.Tries) != 0 {
		t.Errorf("without one: %+v", h.Tries)
	}
	h := History{}.With(other, rules, noon).Begun(self, rules, noon)
	if !slices.Equal(h.Tries, []Try{other, self}) {
		t.Errorf("with one: %+v", h.Tries)
	}
}

func TestWhatStandsInTheWayOfATry(t *testing.T) {
	open := func(payment string) Try { return Try{Payment: payment, Number: 1, At: noon} }
	no := func(payment string) Try {
		t := open(payment)
		t.Code = "do_not_honor"
		return t
	}
	never := no("n")
	never.Advice = "03"
	for name, c := range map[string]struct {
		tries, others []Try
		want          standing
	}{
		"nothing":                              {nil, nil, free},
		"two declines":                         {[]Try{no("a"), no("b")}, nil, free},
		"three declines":                       {[]Try{no("a"), no("b"), no("c")}, []Try{open("d")}, refused},
		"never":                                {[]Try{never}, nil, refused},
		"three under way here":                 {nil, []Try{open("a"), open("b"), open("c")}, crowded},
		"declines and what is under way":       {[]Try{no("a"), no("b")}, []Try{open("c")}, crowded},
		"one that was declined is still here":  {[]Try{no("a"), no("b")}, []Try{open("b")}, free},
		"one that is written is here":          {[]Try{no("a"), no("b"), open("c")}, []Try{open("c")}, crowded},
		"one that is written is elsewhere":     {[]Try{no("a"), no("b"), open("c")}, nil, doubtful},
		"elsewhere alone is enough":            {[]Try{no("a"), open("b"), open("c")}, []Try{open("d")}, doubtful},
		"elsewhere and here, neither is alone": {[]Try{no("a"), open("b")}, []Try{open("c")}, crowded},
	} {
		if _, got := (History{Tries: c.tries}).stands(c.others, three("visa"), noon); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestAnApprovalEndsTheDeclinesBeforeIt(t *testing.T) {
	before := Try{Payment: "pay_1", Number: 1, At: noon, Code: "do_not_honor"}
	never := Try{Payment: "pay_2", Number: 1, At: noon, Code: "do_not_honor", Advice: "03"}
	is := Try{Payment: "pay_3", Number: 1, At: noon.Add(time.Second)}
	after := Try{Payment: "pay_4", Number: 1, At: noon.Add(time.Minute), Code: "do_not_honor"}
	open := Try{Payment: "pay_5", Number: 1, At: noon}
	h := History{Tries: []Try{before, never, open, is, after}}
	for name, c := range map[string]struct {
		brand    string
		approved bool
		left     []Try
	}{
		"approved":                    {"visa", true, []Try{never, open, after}},
		"not approved":                {"visa", false, []Try{before, never, open, after}},
		"where an approval ends none": {"mastercard", true, []Try{before, never, open, after}},
	} {
		if got := h.Without(is, c.approved, three(c.brand)); !slices.Equal(got.Tries, c.left) {
			t.Errorf("%s: %+v", name, got.Tries)
		}
	}
}
