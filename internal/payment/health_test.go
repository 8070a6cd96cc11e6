package payment

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
)

// gates are operations that are shut, each until a time, and what was heard of the calls that were made. They open by the till's clock. At
// accounts in sudden they shut between the look and the call.
type gates struct {
	now    func() time.Time
	mu     sync.Mutex
	until  map[string]time.Time // by account and operation, such as "alpha inquiry"
	sudden bool
	heard  []string        // such as "alpha authorize unknown technical"
	full   map[string]bool // accounts with as many payments under way as they bear
	packed bool            // and with no room for those that are under way already
	taken  int             // places, in all
	held   int             // places that were taken and neither used nor given back
	twice  int             // places that were both, or one of it twice
}

func shutting(u *till, until map[string]time.Time) *gates {
	g := &gates{now: u.now.Now, until: until}
	u.Health = g
	return g
}

func (g *gates) State(_, account string, o health.Operation) health.State {
	g.mu.Lock()
	defer g.mu.Unlock()
	if shut := g.refusal(health.Call{Account: account, Operation: o}); shut != nil && !g.sudden {
		begun := g.refusal(health.Call{Account: account, Operation: o, Begun: true})
		return health.State{Reason: shut.Reason, Until: shut.Until, Begun: shut.Reason == health.Overloaded && begun == nil}
	}
	return health.State{}
}

// refusal is why a call would be refused; nil if it would not.
func (g *gates) refusal(c health.Call) *health.Closed {
	if until := g.until[c.Account+" "+string(c.Operation)]; until.After(g.now()) {
		return &health.Closed{Reason: health.Open, Until: until}
	}
	if o := c.Operation; g.full[c.Account] && (o == health.Authorize || o == health.Authenticate) && (!c.Begun || g.packed) {
		return &health.Closed{Reason: health.Overloaded, Until: g.now().Add(time.Second)}
	}
	return nil
}

func (g *gates) Drain(tenant, account string, o health.Operation) (time.Time, bool) {
	s := g.State(tenant, account, o)
	return s.Until, s.Enterable()
}

func (g *gates) Enter(c health.Call) (func(health.Result), error) { return g.enter(c, false) }

// enter lets a call through, which may have room already.
func (g *gates) enter(c health.Call, roomy bool) (func(health.Result), error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if shut := g.refusal(c); shut != nil && (!roomy || shut.Reason != health.Overloaded) {
		return nil, shut
	}
	call := c.Account + " " + string(c.Operation)
	return func(r health.Result) {
		g.mu.Lock()
		defer g.mu.Unlock()
		call += " " + r.Class
		if r.Technical {
			call += " technical"
		}
		g.heard = append(g.heard, call)
	}, nil
}

func (g *gates) Reserve(c health.Call) (health.Place, error) {
	done, err := g.Enter(c)
	if err != nil {
		return health.Place{}, err
	}
	return g.place(c, done), nil
}

// place counts a place. In its room nothing but an operation's own breaker is in the way.
func (g *gates) place(c health.Call, done func(health.Result)) health.Place {
	over := g.hold()
	return health.Place{
		Begin: func() func(health.Result) { over(); return done }, Leave: over,
		Before: func(o health.Operation) (health.Place, error) {
			c.Operation = o
			done, err := g.enter(c, true)
			if err != nil {
				return health.Place{}, err
			}
			return g.place(c, done), nil
		},
	}
}

// hold counts a place until over, and what is over twice.
func (g *gates) hold() (over func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held++
	g.taken++
	ended := false
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.held--
		if ended {
			g.twice++
		}
		ended = true
	}
}

// shuts tells whether a call would be refused.
func (g *gates) shuts(account string, o health.Operation) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refusal(health.Call{Account: account, Operation: o}) != nil
}

// fill has accounts bear no more payments, or as many as come if there are none.
func (g *gates) fill(accounts ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.full = map[string]bool{}
	for _, a := range accounts {
		g.full[a] = true
	}
}

// settled holds that every place was used or given back, once.
func (g *gates) settled(fatal func(format string, args ...any)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held != 0 || g.twice != 0 {
		fatal("%d places are held, %d were ended twice", g.held, g.twice)
	}
}

// reserved is a place at a health that only counts what is made.
func reserved(h interface {
	Enter(health.Call) (func(health.Result), error)
}, c health.Call) (health.Place, error) {
	done, err := h.Enter(c)
	return health.Place{
		Begin: func() func(health.Result) { return done }, Leave: func() {},
		Before: func(o health.Operation) (health.Place, error) { c.Operation = o; return reserved(h, c) },
	}, err
}

func TestEveryCallIsHeardOfAndWhetherItFailed(t *testing.T) {
	eachTill(t, func(u *till) {
		g := shutting(u, nil)
		o := u.pay(true)
		u.later(time.Minute)
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 100}, alone{}); err != nil {
			u.Fatal(err)
		}
		held := u.pay(false)
		if _, err := u.Capture(u.Context(), shop, held.ID, 100, false, alone{}); err != nil {
			u.Fatal(err)
		}
		if _, err := u.Cancel(u.Context(), shop, held.ID, "", alone{}); err != nil {
			u.Fatal(err)
		}
		want := []string{
			"alpha authorize unknown technical", "alpha inquiry approved", "alpha refund approved", "alpha authorize approved", "alpha capture approved", "alpha void approved",
		}
		if !slices.Equal(g.heard, want) {
			u.Errorf("heard %q, want %q", g.heard, want)
		}
	}, noAnswer)
}

func TestAnInquiryThatIsHeldBackKeepsItsPlaceAndIsMadeLater(t *testing.T) {
	eachTill(t, func(u *till) {
		until := u.now.Now().Add(2 * time.Hour)
		g := shutting(u, map[string]time.Time{"alpha inquiry": until})
		o := u.pay(true)
		u.later(90 * time.Minute)
		a, err := u.store.attempt(u.Context(), shop, o.ID, 1)
		if err != nil {
			u.Fatal(err)
		}
		if a.State != AttemptUnknown || a.Inquiries != 1 || a.DueAt.Before(until) || a.DueAt.After(until.Add(30*time.Second)) {
			u.Errorf("while it is shut until %s: %s after %d inquiries, due at %s", until, a.State, a.Inquiries, a.DueAt)
		}
		u.later(time.Hour)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if want := []string{"alpha authorize unknown technical", "alpha inquiry approved"}; !slices.Equal(g.heard, want) {
			u.Errorf("heard %q", g.heard)
		}
	}, noAnswer)
}

func TestInquiriesOfOperationsThatAreHeldBackKeepTheirPlace(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		until := u.now.Now().Add(2 * time.Hour)
		shutting(u, map[string]time.Time{"alpha inquiry": until})
		u.q.mishaps = []mishap{noAnswer}
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 100}, alone{}); err != nil {
			u.Fatal(err)
		}
		u.later(time.Hour)
		operations, err := u.store.operations(u.Context(), shop, o.ID)
		if err != nil {
			u.Fatal(err)
		}
		if op := operations[0]; op.State != OperationUnknown || op.Inquiries > 1 || op.DueAt.Before(until) || op.DueAt.After(until.Add(30*time.Second)) {
			u.Errorf("%s after %d inquiries, due at %s", op.State, op.Inquiries, op.DueAt)
		}
		u.later(2 * time.Hour)
		u.expect(u.status(o.ID), Captured, 10_000, 100)
	})
}

// What was never seen is sent again. If that is held back, it is still not known to have failed.
func TestARefundWhoseRepeatIsHeldBackIsPaidOnceLater(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		g := shutting(u, map[string]time.Time{})
		u.q.mishaps = []mishap{noArrival}
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 100}, alone{}); err != nil {
			u.Fatal(err)
		}
		g.until["alpha refund"] = u.now.Now().Add(time.Hour)
		u.later(30 * time.Minute)
		if r := u.status(o.ID).Refunds[0]; r.Status != "pending" || slices.Contains(g.heard, "alpha refund approved") {
			u.Errorf("the refund is %s, heard %q", r.Status, g.heard)
		}
		u.later(10 * time.Hour)
		if r := u.status(o.ID).Refunds[0]; r.Status != "succeeded" {
			u.Errorf("the refund is %s, heard %q", r.Status, g.heard)
		}
		if slices.Contains(u.events(), event.RefundFailed) {
			u.Error("it was told to have failed")
		}
	})
}

func TestAPaymentWhoseCallIsHeldBackGoesToTheNextAccount(t *testing.T) {
	eachPair(t, func(u *till) {
		g := shutting(u, map[string]time.Time{"alpha authorize": u.now.Now().Add(time.Minute)})
		g.sudden = true // it was well when the payment was planned
		now := u.tried(u.pay(true), "beta captured")
		if r := now.Attempts[0].Routing; len(r.Ranked) != 1 || len(r.Excluded) != 1 || r.Excluded[0] != (routing.Excluded{Account: "alpha", Reason: health.Open}) {
			u.Errorf("routed by %+v", r)
		}
		if want := []string{"beta authorize approved"}; !slices.Equal(g.heard, want) {
			u.Errorf("heard %q", g.heard)
		}
	})
}

func TestALateApprovalWaitsForAProviderThatIsDown(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.later(10 * time.Minute)
		u.expect(u.status(o.ID), Failed, 0, 0)
		until := u.now.Now().Add(3 * time.Hour)
		shutting(u, map[string]time.Time{"alpha inquiry": until})
		u.tell(says(o, "1", provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: euros(10_000), Reference: "q-late"}))
		u.later(2 * time.Hour)
		known, err := u.store.contradictions(u.Context(), shop, o.ID)
		if err != nil || len(known) != 1 {
			u.Fatalf("%+v, %v", known, err)
		}
		if c := known[0]; c.Tries != 0 || c.DueAt.Before(until) || c.DueAt.After(until.Add(30*time.Second)) {
			u.Errorf("after %d tries, due at %s, shut until %s", c.Tries, c.DueAt, until)
		}
	}, noArrival)
}
