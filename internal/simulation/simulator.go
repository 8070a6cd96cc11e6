package simulation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/routing/sim"
)

// The bounds of a simulation beside payments: what it reads, how much that takes, and for how long it runs. There is one at a time.
const (
	mostAttempts = 200_000
	mostBytes    = 96 << 20
	mostTime     = 60 * time.Second
	busyRetry    = 10 * time.Second
)

// published is what a merchant has published, as a contender.
const published = "published"

// against are what a version is compared with.
var against = []string{published, Fixed, Windowed, WindowedBIN, Adaptive}

// Policies are those of the merchants. See routing.Policies.
type Policies interface {
	Compiled(ctx context.Context, tenant, policy string, number int64) (routing.Edition, error)
	CompiledPublished(ctx context.Context, tenant string) (routing.Edition, bool, error)
}

// Simulator tries versions of stored policies on their merchants' payments, one at a time.
type Simulator struct {
	Attempts Attempts
	Policies Policies
	Accounts routing.Accounts
	Clock    clock.Clock
	Most     int // attempts that are read; mostAttempts if zero

	running sync.Mutex
}

// Ask is what is to be tried.
type Ask struct {
	Version int64    // 0: the latest
	Days    int      // how far back
	Method  string   // by which the payments were paid
	Against []string // nil: fixed, and what is published if it is another version
}

// Object is what became of a simulation, as the contract shows it.
type Object struct {
	Object    string    `json:"object" enum:"routing_simulation"`
	Livemode  bool      `json:"livemode"`
	Policy    string    `json:"policy" example:"rp_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Version   int64     `json:"version"`
	Method    string    `json:"method" example:"card"`
	From      time.Time `json:"from" doc:"Payments that were made from then on."`
	Until     time.Time `json:"until"`
	Truncated bool      `json:"truncated" doc:"There are older payments in that time, which were left out: there are too many."`
	Report
}

var errBusy = &fault.Error{
	Kind: fault.Unavailable, Code: fault.CodeOverloaded, Detail: "another simulation is under way, and there is one at a time", RetryAfter: busyRetry,
}

var errSlow = &fault.Error{
	Kind: fault.Unavailable, Code: fault.CodeOverloaded, RetryAfter: mostTime,
	Detail: fmt.Sprintf("the simulation was not through after %s: ask for fewer days, or compare with less", mostTime),
}

// Simulate replays a merchant's own payments under a version of a policy, and under what that is compared with. Nothing is written. It fails
// with fault.NotFound for a policy that is not there, with fault.Invalid, naming the parameter, for what cannot be tried, and with
// fault.Unavailable while another simulation is under way.
func (s *Simulator) Simulate(ctx context.Context, tenant, policy string, a Ask) (Object, error) {
	subject := Subject{tenant, a.Method}
	contenders, err := s.contenders(ctx, policy, subject, a)
	if err != nil {
		return Object{}, err
	}
	if !s.running.TryLock() {
		return Object{}, errBusy
	}
	defer s.running.Unlock()
	ctx, done := context.WithTimeout(ctx, mostTime)
	defer done()
	o, err := s.run(ctx, contenders, Window{Subject: subject, Days: a.Days, Now: s.Clock.Now(), Attempts: cmp.Or(s.Most, mostAttempts), Bytes: mostBytes})
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = errSlow
	}
	return o, err
}

// contenders are the version that is tried, and what it is compared with.
func (s *Simulator) contenders(ctx context.Context, policy string, subject Subject, a Ask) ([]Contender, error) {
	tried, err := s.Policies.Compiled(ctx, subject.Tenant, policy, a.Version)
	if err != nil {
		return nil, err
	}
	all := []Contender{stored("simulated", tried, subject)}
	now, is, err := s.Policies.CompiledPublished(ctx, subject.Tenant)
	if err != nil {
		return nil, err
	}
	names := a.Against
	if names == nil {
		names = []string{Fixed}
		if is && (now.Policy != tried.Policy || now.Version != tried.Version) {
			names = []string{published, Fixed}
		}
	}
	for i, name := range names {
		param := fmt.Sprintf("against[%d]", i)
		switch {
		case !slices.Contains(against, name):
			return nil, fault.Wrong(param, fault.CodeInvalid, "must be one of "+strings.Join(against, ", "))
		case slices.Contains(names[:i], name):
			return nil, fault.Wrong(param, fault.CodeInvalid, name+" stands twice")
		case name != published:
			c, _ := BuiltIn(name)
			all = append(all, c)
		case !is:
			return nil, fault.Wrong(param, fault.CodeInvalid, "no policy is published")
		default:
			all = append(all, stored(published, now, subject))
		}
	}
	return all, nil
}

func stored(name string, e routing.Edition, s Subject) Contender {
	c := OfPolicy(name, e.Rules, s)
	c.Policy, c.Version = e.Policy, e.Version
	return c
}

func (s *Simulator) run(ctx context.Context, contenders []Contender, w Window) (Object, error) {
	own, err := s.Accounts.Candidates(ctx, w.Tenant)
	if err != nil {
		return Object{}, fmt.Errorf("list the provider accounts of %s: %w", w.Tenant, err)
	}
	history, err := Stored(ctx, restful{s.Attempts}, w, own)
	if err != nil {
		return Object{}, err
	}
	if len(history.Payments) == 0 {
		return Object{}, fault.Wrong("days", fault.CodeInvalid, fmt.Sprintf("no payment by %s of the last %d days has an outcome: there is nothing to try a policy on", w.Method, w.Days))
	}
	report, err := Replay(ctx, func() iter.Seq2[sim.Recorded, error] { return rested(ctx, history.All()) }, nil, contenders, w.Subject, 1)
	if err != nil {
		return Object{}, fmt.Errorf("simulate on %s: %w", w.Tenant, err)
	}
	return Object{
		Object: "routing_simulation", Livemode: id.Live(w.Tenant), Policy: contenders[0].Policy, Version: contenders[0].Version, Method: w.Method,
		From: w.From(), Until: w.Now, Truncated: history.Truncated, Report: report,
	}, nil
}
