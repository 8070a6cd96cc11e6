package routing

import (
	"context"
	"errors"

	"cel.dev/cel-go/interpreter"
)

// World is what a decision needs to know beside the request. The zero value knows nothing: nothing is learned, and every experiment runs.
type World struct {
	Ranker  Ranker
	Stopped func(experiment string) bool // whether its challenger fell back
}

// Decide orders the candidates of a request. A condition that fails counts as not matching, and the decision says so. What it returns
// ranks every candidate once.
func (p *Policy) Decide(ctx context.Context, req *Request, w World) Decision {
	if p.loops {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(ctx, patience)
		defer done()
	}
	d := deciding{req: req, world: w, taken: make([]bool, len(req.Candidates))}
	d.out.Ranked, d.out.Excluded = make([]Ranked, 0, len(req.Candidates)), req.Excluded
	act, rule := p.find(ctx, req, &d.out)
	d.out.Rule = rule
	act.order(&d)
	return d.out
}

// find is what decides a request: the action and the id of its rule, or the default.
func (p *Policy) find(ctx context.Context, req *Request, out *Decision) (action, string) {
	f := facts{req: req, zone: p.zone}
	for i := 0; i < len(p.rules); {
		r := &p.rules[i]
		yes, err := r.when.holds(ctx, &f)
		switch {
		case err != nil:
			out.Skipped = append(out.Skipped, Skipped{r.id, whyFailed(ctx, err)})
		case yes && r.jump > 0:
			i = r.jump
			continue
		case yes:
			return r.act, r.id
		}
		i++
	}
	return p.rest, ""
}

// The reasons for which a rule is skipped.
const (
	skippedDeadline = "deadline"
	skippedCost     = "cost"
	skippedError    = "error"
)

func whyFailed(ctx context.Context, err error) string {
	var stopped interpreter.EvalCancelledError
	switch {
	case ctx.Err() != nil:
		return skippedDeadline
	case errors.As(err, &stopped) && stopped.Cause == interpreter.CostLimitExceeded:
		return skippedCost
	}
	return skippedError
}
