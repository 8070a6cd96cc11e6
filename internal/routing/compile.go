package routing

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // what a policy decides must not depend on what is installed

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/strict"
)

// Policy is a compiled Document. It never changes, and is safe for concurrent use.
type Policy struct {
	zone  *time.Location
	rules []rule
	rest  action
	loops bool // some condition can run for long

	experiments []*experiment
	fees        map[string]*fees // by account
}

// rule is a compiled Rule: it goes on at another one, or acts.
type rule struct {
	id   string
	when condition
	jump int // the index of the rule with which it goes on; 0: it acts
	act  action
}

// Compile makes a policy of what a merchant wrote. accounts are the names of the merchant's provider accounts. It fails with
// fault.Invalid, naming every wrong place: a rule by its index, and in a condition the line and the column.
func Compile(d Document, accounts []string) (*Policy, error) {
	return compile(d, func(name string) string {
		if !slices.Contains(accounts, name) {
			return noAccount(name)
		}
		return ""
	})
}

func noAccount(name string) string { return "there is no provider account " + strict.Shorten(name) }

// compile is Compile with an own objection to accounts, empty if there is none. Nil is for what was judged before: a policy that is published
// stays in force when an account of it is removed, which is passed over then, and whatever Compile has learned to refuse since.
func compile(d Document, objects func(account string) string) (*Policy, error) {
	c := compiler{doc: d, objects: objects, actions: map[string]int{}, made: map[string]action{}}
	p := &Policy{zone: c.zone(), rest: priority{}}
	c.fees = c.compileFees()
	for i, a := range d.Actions {
		if _, twice := c.actions[a.Name]; twice {
			c.wrong(fmt.Sprintf("actions[%d].name", i), "there are two actions named %s", a.Name)
			continue
		}
		c.actions[a.Name] = i
	}
	for i, a := range d.Actions {
		c.named(a.Name, fmt.Sprintf("actions[%d].name", i), nil)
	}
	c.compileRules(p)
	if d.Default != nil {
		p.rest = c.choice("default", "default", d.Default.Then, d.Default.Use)
	}
	if err := c.faults.Err(); err != nil {
		return nil, err
	}
	p.experiments, p.fees = c.experiments, c.fees
	return p, nil
}

// defaultRule is what people read a decision as that no rule made. A rule of that name would be taken for it.
const defaultRule = "default"

// compiler gathers what is wrong while it makes the parts of a policy.
type compiler struct {
	doc         Document
	objects     func(account string) string // why an account cannot stand in a policy; nil: the policy was judged before
	actions     map[string]int              // the index of each named action
	made        map[string]action           // those that are compiled
	fees        map[string]*fees
	experiments []*experiment
	faults      strict.Faults
}

func (c *compiler) wrong(param, format string, args ...any) {
	c.faults.Add(param, fault.CodeInvalid, fmt.Sprintf(format, args...))
}

func (c *compiler) zone() *time.Location {
	name := c.doc.TimeZone
	if name == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		c.wrong("time_zone", "must be a name of the tz database, such as Europe/Berlin")
		return time.UTC
	}
	return zone
}

func (c *compiler) compileRules(p *Policy) {
	index := map[string]int{}
	for i, r := range c.doc.Rules {
		if r.ID == defaultRule && c.objects != nil {
			c.wrong(fmt.Sprintf("rules[%d].id", i), "default is what decides if no rule does: give the rule another id")
		}
		if _, twice := index[r.ID]; twice {
			c.wrong(fmt.Sprintf("rules[%d].id", i), "there are two rules with the id %s", r.ID)
			continue
		}
		index[r.ID] = i
	}
	for i, r := range c.doc.Rules {
		param := fmt.Sprintf("rules[%d]", i)
		made := rule{id: r.ID}
		var err error
		if made.when, err = compileCondition(r.When); err != nil {
			c.wrong(param+".when", "%v", err)
		}
		c.mend(param+".when", made.when.slips)
		p.loops = p.loops || made.when.loops
		if r.Goto == "" {
			made.act = c.choice(param, "rule "+r.ID, r.Then, r.Use)
		} else {
			made.jump = c.jump(param, i, r, index)
		}
		p.rules = append(p.rules, made)
	}
}

// jump is where a rule goes on. It only goes forward: a rule that was true once would be true again, and again.
func (c *compiler) jump(param string, i int, r Rule, index map[string]int) int {
	to, ok := index[r.Goto]
	switch {
	case r.Then != nil || r.Use != "":
		c.wrong(param, "must have exactly one of then, use and goto")
	case !ok:
		c.wrong(param+".goto", "there is no rule %s", strict.Shorten(r.Goto))
	case to == i:
		c.wrong(param+".goto", "is a loop: %s goes to itself", r.ID)
	case to < i:
		c.wrong(param+".goto", "is a loop: %s goes back to %s, from where everything comes here again. Go to a rule further down", r.ID, r.Goto)
	}
	return to
}

// choice is what a rule, the default or a named action does: an action of its own, or one by its name.
func (c *compiler) choice(param, seed string, then *Action, use string) action {
	switch {
	case then != nil && use == "":
		return c.action(param+".then", seed, *then)
	case use != "" && then == nil:
		return c.named(use, param+".use", nil)
	}
	c.wrong(param, "must have exactly one of %s", choices(param))
	return priority{}
}

// choices are the ways in which a part can say what it does.
func choices(param string) string {
	if strings.HasPrefix(param, "rules") {
		return "then, use and goto"
	}
	return "then and use"
}

// named is the action of a name, compiled once. path are the names that led here.
func (c *compiler) named(name, param string, path []string) action {
	i, ok := c.actions[name]
	switch {
	case !ok:
		c.wrong(param, "there is no action named %s", strict.Shorten(name))
		return priority{}
	case slices.Contains(path, name):
		c.wrong(param, "is a loop: %s", strings.Join(append(path, name), " uses "))
		return priority{}
	case c.made[name] != nil:
		return c.made[name]
	}
	a, here := c.doc.Actions[i], fmt.Sprintf("actions[%d]", i)
	path = append(slices.Clip(path), name)
	var made action
	switch {
	case a.Use != "" && a.Then == nil:
		made = c.named(a.Use, here+".use", path)
	case a.Then != nil && a.Then.Strategy == strategyExperiment && a.Use == "":
		made = c.experiment(here+".then", *a.Then, path)
	default:
		made = c.choice(here, "action "+name, a.Then, a.Use)
	}
	c.made[name] = made
	return made
}

// action compiles what a strategy needs, and refuses what it does not take. seed is what its hashes begin with.
func (c *compiler) action(param, seed string, a Action) action {
	c.only(param, a)
	switch a.Strategy {
	case Ordered:
		if len(a.Accounts) == 0 {
			c.wrong(param+".accounts", "must name at least one account")
		}
		c.listed(param+".accounts", a.Accounts)
		return ordered{a.Accounts}
	case Split:
		return c.split(param, seed, a)
	case LeastCost:
		c.listed(param+".accounts", a.Accounts)
		for i, account := range a.Accounts {
			if c.fees[account] == nil {
				c.wrong(fmt.Sprintf("%s.accounts[%d]", param, i), "fees does not say what %s costs", strict.Shorten(account))
			}
		}
		if len(c.doc.Fees) == 0 {
			c.wrong(param, "least_cost needs fees")
		}
		return leastCost{a.Accounts, c.fees}
	case Adaptive:
		c.listed(param+".accounts", a.Accounts)
		return adaptive{a.Accounts}
	case strategyExperiment:
		return c.experiment(param, a, nil)
	}
	return priority{}
}

// only refuses what another strategy takes.
func (c *compiler) only(param string, a Action) {
	for _, part := range []struct {
		name  string
		given bool
		takes []string
	}{
		{"accounts", a.Accounts != nil, []string{Ordered, LeastCost, Adaptive}},
		{"weights", a.Weights != nil, []string{Split}},
		{"sticky", a.Sticky != "", []string{Split, strategyExperiment}},
		{"experiment", a.Experiment != nil, []string{strategyExperiment}},
	} {
		if part.given && !slices.Contains(part.takes, a.Strategy) {
			c.wrong(param+"."+part.name, "is not for the strategy %s", a.Strategy)
		}
	}
}

// listed refuses names that are no provider account, and names that stand twice.
func (c *compiler) listed(param string, names []string) {
	for i, name := range names {
		here := fmt.Sprintf("%s[%d]", param, i)
		c.account(here, name)
		if slices.Contains(names[:i], name) {
			c.wrong(here, "%s stands twice", strict.Shorten(name))
		}
	}
}

func (c *compiler) account(param, name string) {
	if c.objects == nil {
		return
	}
	if why := c.objects(name); why != "" {
		c.wrong(param, "%s", why)
	}
}

func (c *compiler) split(param, seed string, a Action) action {
	made := split{seed: seed, sticky: a.Sticky != "", weights: a.Weights}
	for i, w := range a.Weights {
		here := fmt.Sprintf("%s.weights[%d].account", param, i)
		c.account(here, w.Account)
		if slices.ContainsFunc(a.Weights[:i], func(other Weight) bool { return other.Account == w.Account }) {
			c.wrong(here, "%s stands twice", strict.Shorten(w.Account))
		}
		made.total += w.Weight
	}
	if made.total != 100 && made.total != 10_000 {
		c.wrong(param+".weights", "add up to %d: it must be 100, or 10000", made.total)
	}
	return made
}

// experiment compiles two actions side by side. path are the named actions that led here.
func (c *compiler) experiment(param string, a Action, path []string) action {
	c.only(param, a)
	if a.Experiment == nil {
		c.wrong(param+".experiment", "is required for an experiment")
		return priority{}
	}
	e, param := a.Experiment, param+".experiment"
	made := &experiment{name: e.Name, sticky: a.Sticky != "", share: e.Share, sample: e.MinimumSample}
	if made.sample == 0 {
		made.sample = defaultSample
	}
	if slices.ContainsFunc(c.experiments, func(other *experiment) bool { return other.name == e.Name }) {
		c.wrong(param+".name", "there are two experiments named %s", e.Name)
	}
	if e.Control == e.Challenger {
		c.wrong(param+".challenger", "must be another action than the control")
	}
	c.experiments = append(c.experiments, made)
	for _, side := range []struct {
		param, name string
		into        *action
	}{{".control", e.Control, &made.control}, {".challenger", e.Challenger, &made.challenger}} {
		*side.into = c.named(side.name, param+side.param, path)
		if _, nested := (*side.into).(*experiment); nested {
			c.wrong(param+side.param, "%s is an experiment itself", strict.Shorten(side.name))
		}
	}
	return made
}
