package payout

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/payment"
)

func source(id string, left int64) payment.Source {
	return payment.Source{Payment: payment.Payment{ID: id, Amount: eur(100), Captured: eur(left)}, Left: left, Alone: -1}
}

func barred(id string, left int64, why payment.Bar) payment.Source {
	s := source(id, left)
	s.Bar = why
	return s
}

func authorized(id string, minor int64) payment.Source {
	s := source(id, 0)
	s.Reversible = minor
	return s
}

func ofOrder(s payment.Source, order string) payment.Source {
	s.Payment.Order = order
	return s
}

func TestMoneyGoesBackToItsSourcesFirstAndItIsSaidWhyOneIsPassedOver(t *testing.T) {
	yen := source("jpy", 50)
	yen.Payment.Amount = of(50, "JPY")
	careful := source("careful", 80)
	careful.Alone = 50
	for name, c := range map[string]struct {
		amount  int64
		held    bool
		sources []payment.Source
		back    map[string]int64
		unused  map[string]string
		rest    int64
		second  bool
	}{
		"one takes all":       {60, false, []payment.Source{source("a", 100), source("b", 100)}, map[string]int64{"a": 60}, nil, 0, false},
		"the next the rest":   {150, false, []payment.Source{source("a", 100), source("b", 100)}, map[string]int64{"a": 100, "b": 50}, nil, 0, false},
		"more than there is":  {250, false, []payment.Source{source("a", 100), source("b", 100)}, map[string]int64{"a": 100, "b": 100}, nil, 50, false},
		"none":                {10, false, nil, map[string]int64{}, nil, 10, false},
		"barred":              {60, false, []payment.Source{barred("a", 100, payment.BarWindow), source("b", 40)}, map[string]int64{"b": 40}, map[string]string{"a": "refund_window_closed"}, 20, false},
		"another currency":    {60, false, []payment.Source{yen, source("b", 60)}, map[string]int64{"b": 60}, map[string]string{"jpy": unusedCurrency}, 0, false},
		"one of each order":   {60, false, []payment.Source{ofOrder(source("a", 30), "o"), ofOrder(source("b", 30), "o")}, map[string]int64{"a": 30}, map[string]string{"b": unusedOrder}, 30, false},
		"an authorization":    {60, false, []payment.Source{authorized("a", 50), source("b", 60)}, map[string]int64{"a": 50, "b": 10}, nil, 0, false},
		"one that is larger":  {60, false, []payment.Source{authorized("a", 61)}, map[string]int64{}, map[string]string{"a": unusedLarger}, 60, false},
		"one in a held":       {60, true, []payment.Source{authorized("a", 50)}, map[string]int64{}, map[string]string{"a": unusedHeld}, 60, false},
		"more than one may":   {60, false, []payment.Source{careful}, map[string]int64{"careful": 60}, nil, 0, true},
		"that changes others": {100, false, []payment.Source{authorized("a", 40), careful}, map[string]int64{"careful": 80}, map[string]string{"a": unusedHeld}, 20, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := divide(eur(c.amount), c.sources, c.held)
			back, unused := map[string]int64{}, map[string]string{}
			for _, s := range got.shares {
				back[s.from.Payment.ID] = s.amount.Minor()
			}
			for _, u := range got.unused {
				unused[u.Payment] = u.Reason
			}
			if !equal(back, c.back) || !equal(unused, c.unused) || got.rest != c.rest || got.second != c.second {
				t.Errorf("back %v, unused %v, rest %d, second person %t", back, unused, got.rest, got.second)
			}
		})
	}
}

func equal[V comparable](a, b map[string]V) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || w != v {
			return false
		}
	}
	return true
}

// Whatever the sources, every unit goes exactly one way, and no source takes more than it has.
func TestASplitLosesAndMakesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		bars := []payment.Bar{payment.BarNone, payment.BarNone, payment.BarWindow, payment.BarDisputed, payment.BarNotRefundable}
		var sources []payment.Source
		for i := range rapid.IntRange(0, 8).Draw(r, "sources") {
			s := barred(string(rune('a'+i)), rapid.Int64Range(0, 100).Draw(r, "left"), rapid.SampledFrom(bars).Draw(r, "bar"))
			if s.Left == 0 && s.Bar == payment.BarNone {
				if rapid.Bool().Draw(r, "authorized") {
					s.Reversible = rapid.Int64Range(1, 100).Draw(r, "held")
				} else {
					s.Bar = payment.BarNothingLeft
				}
			}
			sources = append(sources, s)
		}
		amount := rapid.Int64Range(1, 500).Draw(r, "amount")
		got := divide(eur(amount), sources, rapid.Bool().Draw(r, "held"))
		sum := got.rest
		for _, s := range got.shares {
			sum += s.amount.Minor()
			if n := s.amount.Minor(); n < 1 || s.from.Bar != payment.BarNone || n > max(s.from.Left, s.from.Reversible) || s.reverse && n != s.from.Reversible {
				r.Fatalf("%d go back to %+v", n, s.from)
			}
		}
		if sum != amount || got.rest < 0 {
			r.Fatalf("%d of %d go somewhere", sum, amount)
		}
		draws, _, beyond := draw(got.rest, eur(0).Currency(), sources, got.shares)
		sum = beyond
		for _, d := range draws {
			sum += d.Amount
			at := slices.IndexFunc(sources, func(s payment.Source) bool { return s.Payment.ID == d.Payment })
			if d.Amount < 1 || d.Amount > sources[at].Left || slices.ContainsFunc(got.shares, func(s share) bool { return s.from.Payment.ID == d.Payment }) {
				r.Fatalf("%d drawn of %+v", d.Amount, sources[at])
			}
		}
		if sum != got.rest {
			r.Fatalf("%d of the rest of %d are drawn or beyond", sum, got.rest)
		}
	})
}

func TestAPayoutIsWhatItsPartsAre(t *testing.T) {
	const in, wait, off, back, still = PartSucceeded, PartSent, PartFailed, PartReturned, PartQueued
	for _, c := range []struct {
		was   Status
		parts []PartStatus
		want  Status
		code  string
	}{
		{Queued, []PartStatus{still, still}, Queued, ""},
		{Queued, []PartStatus{wait, still}, Sent, ""},
		{Queued, []PartStatus{in, still}, Sent, ""},
		{Sent, []PartStatus{in, wait}, Sent, ""},
		{Sent, []PartStatus{off, wait}, Sent, ""},
		{Queued, []PartStatus{in, in}, Paid, ""},
		{Sent, []PartStatus{in, in}, Paid, ""},
		{Queued, []PartStatus{off, off}, Failed, "no"},
		{Sent, []PartStatus{in, off}, Failed, CodePartly},
		{Sent, []PartStatus{in, back}, Failed, CodePartly},
		{Sent, []PartStatus{back, off}, Returned, "no"},
		{Paid, []PartStatus{in, back}, Returned, "no"},
		{Paid, []PartStatus{in, in}, Paid, ""},
		{Failed, []PartStatus{back, off}, Failed, ""},
		{Returned, []PartStatus{back, back}, Returned, ""},
	} {
		p := Payout{Status: c.was, Amount: eur(20), Loop: &Loop{Mode: ModeRequire}}
		for _, s := range c.parts {
			part := Part{Type: PartRefund, Status: s, Amount: 10}
			if s == off || s == back {
				part.Failure = &FailureObject{Code: "no"}
			}
			p.Loop.Parts = append(p.Loop.Parts, part)
		}
		d := decision{payout: p}
		code := ""
		err := d.conclude(noon)
		if d.payout.Failure != nil {
			code = d.payout.Failure.Code
		}
		if err != nil || d.payout.Status != c.want || code != c.code {
			t.Errorf("%s with %v is %s %q, %v; want %s %q", c.was, c.parts, d.payout.Status, code, err, c.want, c.code)
		}
	}
}
