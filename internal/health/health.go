// Package health knows whether a merchant's providers work. It counts what goes wrong for technical reasons, per provider account and
// operation, and keeps calls from a provider that is down, that is in its maintenance window, or that has as many calls under way as it can
// bear. A provider whose answer is no is in good health.
package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
)

// Operation is a kind of call, each with a breaker of its own.
type Operation string

// The operations. Authorize is also a start of a payment by another method than a card.
const (
	Authorize    Operation = "authorize"
	Authenticate Operation = "authenticate" // who the cardholder is, apart from an authorization
	Capture      Operation = "capture"
	Void         Operation = "void"
	Refund       Operation = "refund"
	Payout       Operation = "payout"
	Inquiry      Operation = "inquiry" // what became of an earlier call
)

// Operations are all there are.
var Operations = []Operation{Authorize, Authenticate, Capture, Void, Refund, Payout, Inquiry}

// outranks tells whether an operation has room that new payments cannot take: it gives money back, or finds out where money is.
func (o Operation) outranks() bool { return o == Void || o == Refund || o == Inquiry }

// Call is a call that somebody wants to make.
type Call struct {
	Tenant    string
	Account   string // the provider account
	Provider  string // the connector behind it: for the metrics, from a closed set
	Operation Operation
	Begun     bool // of a payment that is under way already, whose payer may have done their part: it goes before new ones
}

// reserve is how much of the room beyond the limit a call may find taken, and still have some.
func (c Call) reserve() int {
	switch {
	case c.Operation.outranks():
		return reserve
	case c.Begun:
		return reserveBegun
	}
	return 0
}

// Result is what came of a call.
type Result struct {
	Class     string // the outcome class: for the metrics, from a closed set
	Technical bool   // it failed for a reason that lies with the provider or the way to it
	Again     bool   // it failed as it had before: that may lie with the call, and says nothing new of the provider
}

// The reasons why a call is refused.
const (
	Open        = "breaker_open" // it failed too often
	Maintenance = "maintenance"  // the merchant announced a maintenance window
	Overloaded  = "overloaded"   // as many calls are under way as the provider can bear
)

// Closed is the refusal of a call: nothing was sent, and nothing is known of the provider that was not known before.
type Closed struct {
	Reason string    // Open, Maintenance or Overloaded
	Until  time.Time // when it is worth another try
	Ends   time.Time // of maintenance: when it is over, unless it is lifted
}

func (c *Closed) Error() string {
	return fmt.Sprintf("not sent: %s until %s", c.Reason, cmp.Or(c.Ends, c.Until).Format(time.RFC3339))
}

// Until is when a call that was refused is worth another try; zero for any other error.
func Until(err error) time.Time {
	var shut *Closed
	if errors.As(err, &shut) {
		return shut.Until
	}
	return time.Time{}
}

// spread is over how long what waited for a provider comes back.
const spread = 30 * time.Second

// Spread is when what waits for a provider shall ask again: some time after until, by its own id, so that what was held up together does not
// come back together.
func Spread(id string, until time.Time) time.Time {
	h := fnv.New64a()
	h.Write([]byte(id))
	return until.Add(time.Duration(h.Sum64() % uint64(spread)))
}

// Options are what a Health stands on.
type Options struct {
	DB      *db.DB // nil: there are no maintenance windows, and what happens is told to nobody
	Outbox  *event.Outbox
	Clock   clock.Clock
	IDs     *id.Source
	Logger  *slog.Logger
	Metrics prometheus.Registerer // may be nil
	// Does are the operations that a provider account can be asked for. Nil: all.
	Does func(ctx context.Context, tenant, account string) ([]Operation, error)
}

// Health is what this process knows of providers. Breakers and limits are each process's own: what one sees of a provider another may
// not, if the way there is what is broken. Maintenance windows, and who is told what, are shared by all through the database.
type Health struct {
	Options
	store   store
	node    string // this process, in the rows
	metrics *metrics
	wake    chan struct{} // holds one: there is something to tell

	mu       sync.Mutex
	accounts map[accountKey]*account
	ramps    map[accountKey]*ramp // of accounts that calls have waited for

	windows windows
}

type accountKey struct{ tenant, account string }

// account is the calls of one provider account.
type account struct {
	bulkhead *bulkhead
	valves   map[Operation]*valve // guarded by Health.mu
}

// New makes a health in which all is well. Run keeps it in step with the database.
func New(o Options) *Health {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	h := &Health{Options: o, store: store{o.DB}, wake: make(chan struct{}, 1), accounts: map[accountKey]*account{}, ramps: map[accountKey]*ramp{}}
	if o.IDs != nil {
		h.node = o.IDs.New(id.Process)
	}
	h.metrics = newMetrics(o.Metrics, h)
	return h
}

// Enter asks to make a call. The caller makes it at once and then says what came of it, by done, exactly once. If it must not be made
// the error is a *Closed.
//
// While a breaker is half open one call at a time gets through, as a probe. Void, refund and inquiry have breakers of their own, like all
// operations, and room that what is new cannot take. A call of a payment that is under way has a part of that room.
func (h *Health) Enter(c Call) (done func(Result), err error) {
	e, err := h.admit(c, nil)
	if err != nil {
		return nil, err
	}
	return e.begin(), nil
}

// Place is room for a call that is not made yet, and perhaps never will be. One of its two ends must come, exactly once.
type Place struct {
	Begin func() (done func(Result)) // the call is made now; done says what came of it, exactly once
	Leave func()                     // it is not made: nothing is learned of the provider, and the room, or the probe, is free again

	// Before asks for a call of another operation that comes before this one, in the same room: it fails only because of the operation's
	// own breaker, or a window.
	Before func(o Operation) (Place, error)
}

// Reserve asks for a call as Enter does, but before something that decides whether it is made. The call is measured from Begin.
func (h *Health) Reserve(c Call) (Place, error) { return h.reserve(c, nil) }

// reserve is Reserve in room that is there already, if it is not nil.
func (h *Health) reserve(c Call, in *seat) (Place, error) {
	e, err := h.admit(c, in)
	if err != nil {
		return Place{}, err
	}
	return Place{
		Before: func(o Operation) (Place, error) {
			c.Operation = o
			return h.reserve(c, &seat{in: e.seat.in})
		},
		Begin: func() func(Result) {
			e.seat.restart()
			return e.begin()
		},
		Leave: func() {
			e.seat.leave(false)
			e.pass.unused()
			e.valve.release()
		},
	}, nil
}

// entry is a call that may be made.
type entry struct {
	h     *Health
	call  Call
	seat  *seat
	valve *valve
	pass  *pass
}

// admit lets a call through, in a seat or, if that is nil, in one of its own.
func (h *Health) admit(c Call, in *seat) (*entry, error) {
	now := h.Clock.Now()
	if until, ok := h.windows.covers(c, now); ok {
		return nil, h.refuse(c, &Closed{Reason: Maintenance, Until: windowLook(until, now), Ends: until})
	}
	a, v := h.valve(c, true)
	if in == nil {
		if in = a.bulkhead.enter(c); in == nil {
			v.release()
			return nil, h.refuse(c, &Closed{Reason: Overloaded, Until: now.Add(overloadPause)})
		}
	}
	pass, wait := v.enter()
	if pass == nil {
		v.release()
		in.leave(false)
		return nil, h.refuse(c, &Closed{Reason: Open, Until: now.Add(wait)})
	}
	return &entry{h, c, in, v, pass}, nil
}

func (e *entry) begin() (done func(Result)) {
	watch := clock.Stopwatch()
	return func(r Result) {
		took := clock.Since(watch)
		e.seat.leave(!r.Technical)
		turned := false
		if r.Technical && r.Again {
			e.pass.failedAgain(took)
		} else {
			turned = e.pass.ended(r.Technical, took, e.h.Clock.Now())
		}
		e.valve.release()
		e.h.metrics.called(e.call, r, took)
		if turned {
			e.h.turned(e.call, e.valve)
		}
	}
}

// overloadPause is when room may be free again.
const overloadPause = time.Second

func (h *Health) refuse(c Call, why *Closed) error {
	h.metrics.refused(c, why.Reason)
	return why
}

// turned says that a breaker opened or closed: at once in the log, and soon to whoever listens to events.
func (h *Health) turned(c Call, v *valve) {
	s, f := v.standing(), v.figures()
	h.Logger.Warn("a provider's breaker turned", "merchant_id", c.Tenant, "provider_account", c.Account, "operation", string(c.Operation),
		"state", string(s.state), "calls", f.calls, "failures", f.failures)
	h.level(c)
	select {
	case h.wake <- struct{}{}:
	default: // it is awake already
	}
}

// valve is what is known of an account's operation; nil if nothing is and create is false. A valve that is created, or found for a call,
// is held until release, so that it is not forgotten meanwhile.
func (h *Health) valve(c Call, create bool) (*account, *valve) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := accountKey{c.Tenant, c.Account}
	a := h.accounts[key]
	if a == nil {
		if !create {
			return nil, nil
		}
		a = &account{bulkhead: newBulkhead(), valves: map[Operation]*valve{}}
		h.accounts[key] = a
	}
	v := a.valves[c.Operation]
	if v == nil && create {
		v = newValve(c, h.Clock.Now())
		a.valves[c.Operation] = v
	}
	if create {
		v.hold()
	}
	return a, v
}

// forget drops what nobody has called for a while and is well: a merchant's account that is not used costs nothing.
func (h *Health) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, r := range h.ramps {
		if r.idle(h.Clock.Now()) {
			delete(h.ramps, key)
		}
	}
	for key, a := range h.accounts {
		for operation, v := range a.valves {
			if v.idle() {
				delete(a.valves, operation)
			}
		}
		if len(a.valves) == 0 {
			delete(h.accounts, key)
		}
	}
}

// valves are all there are.
func (h *Health) valves() []*valve {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []*valve
	for _, a := range h.accounts {
		for _, v := range a.valves {
			all = append(all, v)
		}
	}
	return all
}

// State is whether an operation's calls get through now. It promises nothing: the next moment may be another.
type State struct {
	Reason string    // why a call would be refused; empty: it would not
	Probe  bool      // it would be a probe, of a provider that was down a moment ago
	Until  time.Time // when it is worth another try, if it would be refused
	Ends   time.Time // of maintenance: when it is over, unless it is lifted
	Begun  bool      // it would be refused as Overloaded; of a payment that is under way it would not
}

// Enterable tells whether a call would get through.
func (s State) Enterable() bool { return s.Reason == "" }

// State tells how an operation fares, for choosing among accounts.
func (h *Health) State(tenant, accountID string, o Operation) State {
	c := Call{Tenant: tenant, Account: accountID, Operation: o}
	now := h.Clock.Now()
	if until, ok := h.windows.covers(c, now); ok {
		return State{Reason: Maintenance, Until: windowLook(until, now), Ends: until}
	}
	a, v := h.valve(c, false)
	if v != nil {
		if s := v.standing(); s.state != stateClosed {
			if s.wait > 0 {
				return State{Reason: Open, Until: now.Add(s.wait)}
			}
			return State{Probe: true}
		}
	}
	if a != nil && !a.bulkhead.room(c) {
		c.Begun = true
		return State{Reason: Overloaded, Until: now.Add(overloadPause), Begun: a.bulkhead.room(c)}
	}
	return State{}
}
