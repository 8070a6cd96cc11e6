package routing

import "math"

// defaultSample is how many outcomes each side of an experiment needs before they are compared, if the policy does not say.
const defaultSample = 200

// Tally is what an experiment's two sides came to: how many payments were tried, and how many of them approved.
type Tally struct {
	Control, ControlApproved       int64
	Challenger, ChallengerApproved int64
}

// looks is how many full samples the side with fewer outcomes has.
func (t Tally) looks(sample int64) int64 { return min(t.Control, t.Challenger) / sample }

// wrongly is how often, at most, a challenger that is as good as the control is ever stopped, over the whole experiment.
const wrongly = 0.01

// worse tells whether the challenger's approvals are significantly worse than the control's.
//
// It is the one-sided two-proportion z-test with a pooled variance. Because it is asked again and again while outcomes come in, its
// level is spent: the k-th look, one for each full minimum sample of the side that has fewer outcomes, gets wrongly/(k(k+1)). All looks
// together get no more than wrongly (Bonferroni), whenever one stops to look.
func (t Tally) worse(sample int64) bool {
	look := t.looks(sample)
	if look < 1 {
		return false
	}
	n, m := float64(t.Challenger), float64(t.Control)
	all := float64(t.ChallengerApproved+t.ControlApproved) / (n + m)
	spread := math.Sqrt(all * (1 - all) * (1/n + 1/m))
	if spread == 0 {
		return false // both approve everything, or nothing
	}
	z := (float64(t.ControlApproved)/m - float64(t.ChallengerApproved)/n) / spread
	return math.Erfc(z/math.Sqrt2)/2 < wrongly/float64(look*(look+1))
}

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
