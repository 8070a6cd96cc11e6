package routing

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ppm"
)

// How an experiment stands.
const (
	experimentRunning = "running"
	experimentStopped = "stopped" // the challenger fell back
	experimentEnded   = "ended"   // it is not in what is published
)

// stoppedForApprovals is why a challenger falls back. There is no other reason yet.
const stoppedForApprovals = "approvals_significantly_worse"

// ExperimentObject is an experiment of a policy as the contract shows it.
type ExperimentObject struct {
	Object        string         `json:"object" enum:"routing_experiment"`
	Livemode      bool           `json:"livemode"`
	Policy        string         `json:"policy" example:"rp_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Version       *int64         `json:"version" doc:"The published version that it is in; null if it is not in what is published."`
	Name          string         `json:"name" example:"gamma-first"`
	Status        string         `json:"status" enum:"running,stopped,ended" doc:"stopped: its challenger fell back, everybody gets the control and nothing is counted. ended: it is not in what is published."`
	Share         *int64         `json:"share" doc:"The percentage of payments that the challenger gets; null if it is not in what is published."`
	MinimumSample *int64         `json:"minimum_sample" doc:"How many outcomes each side needs for a look; null likewise."`
	Control       ExperimentSide `json:"control"`
	Challenger    ExperimentSide `json:"challenger"`
	LastLook      *LookObject    `json:"last_look" doc:"When the sides were last compared; null if they were not yet."`
	NextLook      *int64         `json:"next_look" doc:"How many outcomes each side has at the next look, at least; null if it is not running."`
	StoppedAt     *time.Time     `json:"stopped_at"`
	StoppedReason *string        `json:"stopped_reason" enum:"approvals_significantly_worse"`
}

// ExperimentSide is what one side of an experiment came to.
type ExperimentSide struct {
	Action      string `json:"action,omitempty" doc:"The name of its action; missing if the experiment is not in what is published." example:"usual"`
	Outcomes    int64  `json:"outcomes" doc:"First tries that were approved or not. Declines that are the payer's own fault are none."`
	Approved    int64  `json:"approved"`
	ApprovedPPM *int64 `json:"approved_ppm" doc:"In parts per million, rounded; null if there are no outcomes."`
}

// LookObject is a comparison of an experiment's sides, with the figures that it was made by.
type LookObject struct {
	Number     int64          `json:"number" doc:"The look, of one for each full sample. Some are left out when outcomes come fast."`
	At         time.Time      `json:"at"`
	Control    ExperimentSide `json:"control"`
	Challenger ExperimentSide `json:"challenger"`
	Level      string         `json:"level" doc:"How likely this look is, at most, to stop a challenger that is as good as the control: an exact fraction." example:"1/200"`
	Z          string         `json:"z" doc:"By how many standard errors the challenger's approvals are below the control's, to four decimals; negative if they are above." example:"0.7415"`
	ZLimit     string         `json:"z_limit" doc:"Above which the challenger falls back at this look: what the level says of a normal distribution, to four decimals." example:"2.5758"`
}

// mostExperiments is how many experiments that are not in what is published are shown, beside those that are.
const mostExperiments = 100

// Experiments are those of a policy: in the order of the published version, then those that are not in it any more, of which something was
// counted last first. It fails with fault.NotFound if there is no such policy.
func (s *Policies) Experiments(ctx context.Context, tenant, policy string) ([]ExperimentObject, error) {
	if _, err := s.store().policy(ctx, tenant, policy); err != nil {
		return nil, err
	}
	pub, err := s.store().published(ctx, tenant)
	if err != nil {
		return nil, err
	}
	found := experiments{tenant: tenant, policy: policy, tallies: map[string]Tally{}, verdicts: map[string]verdict{}}
	if pub.policy == policy {
		e, err := s.store().edition(ctx, tenant, policy, pub.number)
		if err != nil {
			return nil, err
		}
		found.version, found.written = &pub.number, e.document.experiments()
	}
	if err := s.readCounts(ctx, &found); err != nil {
		return nil, err
	}
	return found.objects(), nil
}

// readCounts reads what was counted and how it was judged.
func (s *Policies) readCounts(ctx context.Context, e *experiments) error {
	judged, err := s.store().verdicts(ctx, e.tenant, e.policy)
	if err != nil {
		return err
	}
	for _, v := range judged {
		e.verdicts[v.name] = v
	}
	sums, err := s.store().sums(ctx, e.tenant, e.policy, mostExperiments)
	if err != nil {
		return err
	}
	for _, one := range sums {
		e.tallies[one.name] = one.tally
		if !slices.ContainsFunc(e.written, func(w Experiment) bool { return w.Name == one.name }) {
			e.gone = append(e.gone, one.name)
		}
	}
	for _, w := range e.written {
		if _, known := e.tallies[w.Name]; known {
			continue
		}
		if e.tallies[w.Name], err = s.store().tally(ctx, trial{e.tenant, e.policy, w.Name}); err != nil {
			return err
		}
	}
	return nil
}

// experiments are those of a policy, with what is known of them.
type experiments struct {
	tenant, policy string
	version        *int64 // nil: nothing of the policy is published
	written        []Experiment
	gone           []string // not in what is published
	tallies        map[string]Tally
	verdicts       map[string]verdict
}

// experiments are those of a document, in the order in which they stand there. Two have never the same name.
func (d Document) experiments() []Experiment {
	var all []Experiment
	note := func(a *Action) {
		if a == nil || a.Experiment == nil {
			return
		}
		e := *a.Experiment
		if e.MinimumSample == 0 {
			e.MinimumSample = defaultSample
		}
		all = append(all, e)
	}
	for _, r := range d.Rules {
		note(r.Then)
	}
	if d.Default != nil {
		note(d.Default.Then)
	}
	for _, a := range d.Actions {
		note(a.Then)
	}
	return all
}

func (e experiments) objects() []ExperimentObject {
	all := []ExperimentObject{}
	for _, w := range e.written {
		o := e.object(w.Name)
		o.Version, o.Share, o.MinimumSample = e.version, &w.Share, &w.MinimumSample
		o.Control.Action, o.Challenger.Action = w.Control, w.Challenger
		if o.Status == experimentEnded {
			next := (e.verdicts[w.Name].looks + 1) * w.MinimumSample
			o.Status, o.NextLook = experimentRunning, &next
		}
		all = append(all, o)
	}
	for _, name := range e.gone {
		all = append(all, e.object(name))
	}
	return all
}

// object is what was counted of an experiment, and how it was judged.
func (e experiments) object(name string) ExperimentObject {
	t := e.tallies[name]
	o := ExperimentObject{
		Object: "routing_experiment", Livemode: id.Live(e.tenant), Policy: e.policy, Name: name, Status: experimentEnded,
		Control: side(t.Control, t.ControlApproved), Challenger: side(t.Challenger, t.ChallengerApproved),
	}
	v, judged := e.verdicts[name]
	if !judged {
		return o
	}
	o.LastLook = v.object()
	if !v.stopped.IsZero() {
		reason := stoppedForApprovals
		o.Status, o.StoppedAt, o.StoppedReason = experimentStopped, &v.stopped, &reason
	}
	return o
}

func (v verdict) object() *LookObject {
	decimals := func(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }
	t := v.tally
	return &LookObject{
		Number: v.looks, At: v.at, Control: side(t.Control, t.ControlApproved), Challenger: side(t.Challenger, t.ChallengerApproved),
		Level: "1/" + strconv.FormatInt(oneIn(v.looks), 10), Z: decimals(t.z()), ZLimit: decimals(tooHigh(v.looks)),
	}
}

func side(outcomes, approved int64) ExperimentSide {
	s := ExperimentSide{Outcomes: outcomes, Approved: approved}
	if outcomes > 0 {
		rate := ppm.Of(approved, outcomes)
		s.ApprovedPPM = &rate
	}
	return s
}
