package routing

import (
	"fmt"
	"testing"

	"github.com/florinpay/florin/internal/splitmix"
)

const tried = `{"name": "p", "rules": [], "default": {"then": {"strategy": "experiment", "sticky": "customer",
	"experiment": {"name": "beta-first", "control": "usual", "challenger": "tried", "share": 10, "minimum_sample": 100}}},
	"actions": [{"name": "usual", "then": {"strategy": "ordered", "accounts": ["alpha"]}}, {"name": "tried", "then": {"strategy": "ordered", "accounts": ["beta"]}}]}`

func TestAChallengerGetsItsShareAndNoMore(t *testing.T) {
	p := compiled(t, tried)
	const payments = 20_000
	challenged := 0
	for i := range payments {
		req := germanDebit()
		req.Customer = fmt.Sprintf("cus_%026d", i)
		d := p.Decide(t.Context(), &req, World{})
		if d.Experiment == nil || d.Experiment.Challenger != (d.Ranked[0].Account == "beta") || d.Strategy != Ordered {
			t.Fatalf("decided %+v", d)
		}
		if d.Experiment.Challenger {
			challenged++
		}
	}
	if challenged < 1_800 || challenged > 2_200 {
		t.Errorf("the challenger got %d of %d, want about 2000", challenged, payments)
	}
}

func TestAShareThatIsRaisedTakesNobodyOut(t *testing.T) {
	p := compiled(t, tried)
	wider := *p.experiments[0]
	wider.share = 30
	q := &Policy{zone: p.zone, rest: &wider}
	moved := 0
	for i := range 2_000 {
		req := germanDebit()
		req.Customer = fmt.Sprintf("cus_%026d", i)
		was, is := p.Decide(t.Context(), &req, World{}).Experiment.Challenger, q.Decide(t.Context(), &req, World{}).Experiment.Challenger
		if was && !is {
			t.Fatalf("%s was taken out", req.Customer)
		}
		if is && !was {
			moved++
		}
	}
	if moved == 0 {
		t.Error("nobody came in")
	}
}

func TestAChallengerThatFellBackGetsNothing(t *testing.T) {
	p := compiled(t, tried)
	for i := range 500 {
		req := germanDebit()
		req.Customer = fmt.Sprint("cus_", i)
		d := p.Decide(t.Context(), &req, World{Stopped: func(name string) bool { return name == "beta-first" }})
		if d.Ranked[0].Account != "alpha" || d.Experiment.Challenger || !d.Experiment.Stopped {
			t.Fatalf("decided %+v", d)
		}
	}
}

func TestAChallengerIsWorseOnlyIfThatIsSignificant(t *testing.T) {
	for name, c := range map[string]struct {
		tally Tally
		want  bool
	}{
		"no outcomes":                      {Tally{}, false},
		"too few":                          {Tally{900, 810, 99, 0}, false},
		"too few of the control":           {Tally{99, 99, 900, 0}, false},
		"as good":                          {Tally{1000, 900, 1000, 900}, false},
		"better":                           {Tally{1000, 800, 1000, 900}, false},
		"a little worse":                   {Tally{1000, 900, 1000, 890}, false},
		"clearly worse":                    {Tally{1000, 900, 1000, 800}, true},
		"nothing approved":                 {Tally{1000, 900, 100, 0}, true},
		"everything approved by both":      {Tally{1000, 1000, 1000, 1000}, false},
		"nothing approved by either":       {Tally{1000, 0, 1000, 0}, false},
		"z of 2.6 at the first look":       {Tally{100, 90, 100, 76}, true},
		"the same z at the hundredth look": {Tally{10_000, 9_000, 10_000, 8_887}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.tally.worse(100); got != c.want {
				t.Errorf("%+v is worse: %t", c.tally, got)
			}
		})
	}
}

// However often one looks, a challenger that is as good is stopped at most once in a hundred experiments.
func TestLookingOftenDoesNotStopAGoodChallenger(t *testing.T) {
	const experiments, length = 1_000, 3_000
	random := splitmix.Stream(1)
	coin := func() int64 {
		if random.Next()%100 < 85 {
			return 1
		}
		return 0
	}
	stopped := 0
	for range experiments {
		var tally Tally
		for n := int64(1); n <= length; n++ {
			tally.Control, tally.ControlApproved = n, tally.ControlApproved+coin()
			tally.Challenger, tally.ChallengerApproved = n, tally.ChallengerApproved+coin()
			if n%100 == 0 && tally.worse(100) {
				stopped++
				break
			}
		}
	}
	if stopped > experiments/100 {
		t.Errorf("%d of %d experiments were stopped", stopped, experiments)
	}
}

func TestOnlyWhatTellsOfTheSidesIsCounted(t *testing.T) {
	outcome := func(challenger bool, change func(*Outcome)) Outcome {
		o := Outcome{Account: "alpha", Approved: true, Kind: ByIssuer, Decision: Decision{
			Experiment: &Arm{Name: "e", Challenger: challenger}, Ranked: []Ranked{{Account: "alpha"}, {Account: "beta"}}}}
		change(&o)
		return o
	}
	for name, c := range map[string]struct {
		o    Outcome
		want Tally
	}{
		"approved":               {outcome(false, func(*Outcome) {}), Tally{Control: 1, ControlApproved: 1}},
		"approved, challenger":   {outcome(true, func(*Outcome) {}), Tally{Challenger: 1, ChallengerApproved: 1}},
		"declined by the issuer": {outcome(true, func(o *Outcome) { o.Approved = false }), Tally{Challenger: 1}},
		"nothing answered":       {outcome(true, func(o *Outcome) { o.Approved, o.Kind = false, ByTechnique }), Tally{Challenger: 1}},
		"the payer's own fault":  {outcome(true, func(o *Outcome) { o.Approved, o.Kind = false, ByCustomer }), Tally{}},
		"the second account":     {outcome(true, func(o *Outcome) { o.Account = "beta" }), Tally{}},
		"stopped":                {outcome(false, func(o *Outcome) { o.Decision.Experiment.Stopped = true }), Tally{}},
		"no experiment":          {outcome(false, func(o *Outcome) { o.Decision.Experiment = nil }), Tally{}},
	} {
		t.Run(name, func(t *testing.T) {
			var got Tally
			if counts := got.count(c.o); got != c.want || counts != (c.want != Tally{}) {
				t.Errorf("counted %+v (%t), want %+v", got, counts, c.want)
			}
		})
	}
}

func TestAChallengerFallsBackAboveTheLimitThatIsShown(t *testing.T) {
	for approved := range int64(601) {
		x := Tally{Control: 600, ControlApproved: 540, Challenger: 600, ChallengerApproved: approved}
		for _, sample := range []int64{50, 100, 200, 600} {
			if above := x.z() > tooHigh(x.looks(sample)); above != x.worse(sample) {
				t.Errorf("%d of 600 approved, look %d: z %f is above %f: %t, it falls back: %t", approved, x.looks(sample), x.z(), tooHigh(x.looks(sample)), above, x.worse(sample))
			}
		}
	}
}
