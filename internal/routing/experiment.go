package routing

import "math"

// defaultSample is how many outcomes each side of an experiment needs before they are compared, if the policy does not say.
const defaultSample = 200

// Tally is what an experiment's two sides came to: how many payments were tried, and how many of them approved.
type Tally struct {
	Control, ControlApproved       int64
	Challenger, ChallengerApproved int64
}

// add counts what was counted apart.
func (t *Tally) add(o Tally) {
	t.Control, t.ControlApproved = t.Control+o.Control, t.ControlApproved+o.ControlApproved
	t.Challenger, t.ChallengerApproved = t.Challenger+o.Challenger, t.ChallengerApproved+o.ChallengerApproved
}

// minus is what was counted since a part of it was.
func (t Tally) minus(o Tally) Tally {
	return Tally{t.Control - o.Control, t.ControlApproved - o.ControlApproved, t.Challenger - o.Challenger, t.ChallengerApproved - o.ChallengerApproved}
}

// looks is how many full samples the side with fewer outcomes has.
func (t Tally) looks(sample int64) int64 { return min(t.Control, t.Challenger) / sample }

// wrongly is how often, at most, a challenger that is as good as the control is ever stopped, over the whole experiment: once in so many.
const wrongly = 100

// oneIn is the level of the k-th look, as how many go into one. See worse.
func oneIn(look int64) int64 { return wrongly * look * (look + 1) }

// worse tells whether the challenger's approvals are significantly worse than the control's.
//
// It is the one-sided two-proportion z-test with a pooled variance. Because it is asked again and again while outcomes come in, its
// level is spent: the k-th look, one for each full minimum sample of the side that has fewer outcomes, gets 1/(wrongly k(k+1)). All looks
// together get no more than 1/wrongly (Bonferroni), whenever one stops to look.
func (t Tally) worse(sample int64) bool {
	look := t.looks(sample)
	return look >= 1 && math.Erfc(t.z()/math.Sqrt2)/2 < 1/float64(oneIn(look))
}

// z is by how many standard errors the challenger's approvals are below the control's: 0 if both approve everything, or nothing, and if a
// side has no outcomes.
func (t Tally) z() float64 {
	n, m := float64(t.Challenger), float64(t.Control)
	if n == 0 || m == 0 {
		return 0
	}
	all := float64(t.ChallengerApproved+t.ControlApproved) / (n + m)
	spread := math.Sqrt(all * (1 - all) * (1/n + 1/m))
	if spread == 0 {
		return 0
	}
	return (float64(t.ControlApproved)/m - float64(t.ChallengerApproved)/n) / spread
}

// tooHigh is the z above which a challenger falls back at a look.
func tooHigh(look int64) float64 { return math.Sqrt2 * math.Erfcinv(2/float64(oneIn(look))) }

// count adds an outcome to the tally of the experiment that its attempt was part of, and tells whether it counts. Only the account that
// the decision put first tells of it: the ones behind are the same on both sides. What was the payer's own fault tells nothing. What
// failed technically counts as not approved: a challenger that sends payments where nothing answers is worse.
func (t *Tally) count(o Outcome) bool {
	arm := o.Decision.Experiment
	if arm == nil || arm.Stopped || len(o.Decision.Ranked) == 0 || o.Decision.Ranked[0].Account != o.Account || !o.Approved && o.Kind == ByCustomer {
		return false
	}
	tried, approved := &t.Control, &t.ControlApproved
	if arm.Challenger {
		tried, approved = &t.Challenger, &t.ChallengerApproved
	}
	*tried++
	if o.Approved {
		*approved++
	}
	return true
}
