package health_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
)

// noted counts the windows that were made and lifted.
func noted(n *int) health.With {
	return func(*db.Change, health.WindowObject) error { *n++; return nil }
}

func (c *cluster) announce(w health.Window) health.WindowObject {
	c.Helper()
	w.Tenant, w.Account = shop, alpha
	made, err := c.nodes[0].Announce(c.Context(), w, noted(new(int)))
	if err != nil {
		c.Fatal(err)
	}
	return made
}

func TestInAMaintenanceWindowAnAccountIsNotCalled(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 2)
		begins, ends := c.clock.Now().Add(time.Hour), c.clock.Now().Add(2*time.Hour)
		c.announce(health.Window{StartsAt: begins, EndsAt: ends, Operations: []health.Operation{health.Authorize}, Reason: "Announced"})
		c.round(1)
		for _, at := range []struct {
			after time.Duration
			shut  bool
		}{{0, false}, {time.Hour, true}, {59 * time.Minute, true}, {time.Minute, false}} {
			c.clock.Advance(at.after)
			for n, node := range c.nodes {
				shut := try(t, node, health.Authorize, false)
				again := ends // and before, as it may be lifted
				if soon := c.clock.Now().Add(5 * time.Minute); soon.Before(ends) {
					again = soon
				}
				if (shut != nil) != at.shut || at.shut && (shut.Reason != health.Maintenance || !shut.Until.Equal(again) || !shut.Ends.Equal(ends)) {
					t.Errorf("process %d at %s: %v", n, c.clock.Now(), shut)
				}
				if s := node.State(shop, alpha, health.Authorize); s.Enterable() == at.shut || at.shut && !s.Until.Equal(again) {
					t.Errorf("process %d at %s: %+v", n, c.clock.Now(), s)
				}
				if shut := try(t, node, health.Refund, false); shut != nil {
					t.Errorf("a refund at %s: %v", c.clock.Now(), shut)
				}
			}
		}
		if told := c.told(); len(told) > 0 {
			t.Errorf("told %q", told)
		}
	}, schemas...)
}

func TestMaintenanceIsShownUntilItIsOverOrLifted(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 1)
		now := c.clock.Now()
		running := c.announce(health.Window{EndsAt: now.Add(time.Hour)})
		coming := c.announce(health.Window{StartsAt: now.Add(3 * time.Hour), EndsAt: now.Add(4 * time.Hour)})
		r := c.report(0)
		if r.State != "maintenance" || len(r.Maintenance) != 2 || r.Maintenance[0].ID != running.ID || r.Operations[0].State != "maintenance" || !r.Operations[0].NextProbeAt.Equal(now.Add(time.Hour)) {
			t.Errorf("while one runs: %+v", r)
		}
		var n int
		lifted, err := c.nodes[0].Lift(t.Context(), shop, alpha, running.ID, noted(&n))
		if err != nil || n != 1 || len(lifted) != 1 || lifted[0].LiftedAt == nil {
			t.Errorf("lifted %+v, %v", lifted, err)
		}
		if r := c.report(0); r.State != "well" || len(r.Maintenance) != 1 || r.Maintenance[0].ID != coming.ID {
			t.Errorf("after it was lifted: %+v", r)
		}
		if shut := try(t, c.nodes[0], health.Authorize, false); shut != nil {
			t.Error(shut)
		}
		if _, err := c.nodes[0].Lift(t.Context(), shop, alpha, running.ID, noted(&n)); !fault.Is(err, fault.NotFound) {
			t.Errorf("lifted twice: %v", err)
		}
		if _, err := c.nodes[0].Lift(t.Context(), "acct_other:test", alpha, coming.ID, noted(&n)); !fault.Is(err, fault.NotFound) {
			t.Errorf("lifted by a stranger: %v", err)
		}
		for want := range 2 {
			if lifted, err := c.nodes[0].Lift(t.Context(), shop, alpha, "", noted(&n)); err != nil || len(lifted) != 1-want {
				t.Errorf("all: %+v, %v", lifted, err)
			}
		}
		if w, err := c.nodes[0].GetWindow(t.Context(), shop, coming.ID); err != nil || w.LiftedAt == nil {
			t.Errorf("the record: %+v, %v", w, err)
		}
	}, schemas...)
}

func TestWindowsThatMakeNoSenseAreRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 1)
		now := c.clock.Now()
		for param, w := range map[string]health.Window{
			"ends_at":       {EndsAt: now},
			"ends_at ":      {StartsAt: now.Add(2 * time.Hour), EndsAt: now.Add(time.Hour)},
			"ends_at  ":     {EndsAt: now.Add(8 * 24 * time.Hour)},
			"starts_at":     {StartsAt: now.Add(91 * 24 * time.Hour), EndsAt: now.Add(92 * 24 * time.Hour)},
			"operations[1]": {EndsAt: now.Add(time.Hour), Operations: []health.Operation{health.Void, health.Void}},
			"operations[0]": {EndsAt: now.Add(time.Hour), Operations: []health.Operation{"settle"}},
			"reason":        {EndsAt: now.Add(time.Hour), Reason: "two\nlines"},
		} {
			w.Tenant, w.Account = shop, alpha
			var refused *fault.Error
			_, err := c.nodes[0].Announce(t.Context(), w, noted(new(int)))
			if !errors.As(err, &refused) || refused.Kind != fault.Invalid || refused.Param != strings.TrimSpace(param) {
				t.Errorf("%s: %v", param, err)
			}
		}
		for range 20 {
			c.announce(health.Window{EndsAt: now.Add(time.Hour)})
		}
		if _, err := c.nodes[0].Announce(t.Context(), health.Window{Tenant: shop, Account: alpha, EndsAt: now.Add(time.Hour)}, noted(new(int))); !fault.Is(err, fault.Conflict) {
			t.Errorf("one too many: %v", err)
		}
	}, schemas...)
}

func TestAWindowOfWhatItsAccountCannotDoIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 1)
		c.nodes[0].Does = func(_ context.Context, tenant, account string) ([]health.Operation, error) {
			if tenant != shop || account != alpha {
				return nil, errors.New("asked of another account")
			}
			return []health.Operation{health.Authorize, health.Inquiry}, nil
		}
		w := health.Window{Tenant: shop, Account: alpha, EndsAt: c.clock.Now(), Operations: []health.Operation{health.Authorize, health.Payout, "settle"}}
		_, err := c.nodes[0].Announce(t.Context(), w, noted(new(int)))
		var refused *fault.Error
		if !errors.As(err, &refused) || refused.Kind != fault.Invalid {
			t.Fatalf("announced: %v", err)
		}
		var params []string
		for _, one := range refused.Fields {
			params = append(params, one.Param)
			if one.Param == "operations[1]" && !strings.Contains(one.Detail, "the provider account alpha cannot do this: it can be asked for [authorize inquiry]") {
				t.Errorf("told %q", one.Detail)
			}
		}
		if !slices.Equal(params, []string{"ends_at", "operations[1]", "operations[2]"}) {
			t.Errorf("refused for %v", params)
		}
		c.announce(health.Window{EndsAt: c.clock.Now().Add(time.Hour), Operations: []health.Operation{health.Inquiry}})
		c.announce(health.Window{EndsAt: c.clock.Now().Add(time.Hour)}) // all that it can do
	}, schemas...)
}

// leaver is a clock at whose nth look the caller goes away.
type leaver struct {
	clock.Clock
	left  int
	leave func()
}

func (l *leaver) Now() time.Time {
	if l.left--; l.left == 0 {
		l.leave()
	}
	return l.Clock.Now()
}

// A window that was written is no failure, although this process could not read it back. It does so by the next round.
func TestAWindowThatIsWrittenIsAnsweredWhateverComesAfter(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := clock.NewManual(time.Now())
		l := &leaver{Clock: now}
		h := health.New(health.Options{DB: d, Outbox: event.NewOutbox(event.NewStore(d, nil), id.System(), now), Clock: l, IDs: id.System()})
		ctx, cancel := context.WithCancel(t.Context())
		l.left, l.leave = 2, cancel // the second look is for the read after the commit
		made, err := h.Announce(ctx, health.Window{Tenant: shop, Account: alpha, EndsAt: now.Now().Add(time.Hour)}, noted(new(int)))
		if err != nil || ctx.Err() == nil {
			t.Fatalf("%+v, %v, %v", made, err, ctx.Err())
		}
		if try(t, h, health.Authorize, false) != nil {
			t.Error("it is known already")
		}
		if err := h.Round(t.Context()); err != nil || try(t, h, health.Authorize, false) == nil {
			t.Errorf("it is not known after a round: %v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		l.left, l.leave = 2, cancel
		if lifted, err := h.Lift(ctx, shop, alpha, made.ID, noted(new(int))); err != nil || len(lifted) != 1 || ctx.Err() == nil {
			t.Errorf("%+v, %v, %v", lifted, err, ctx.Err())
		}
		if err := h.Round(t.Context()); err != nil || try(t, h, health.Authorize, false) != nil {
			t.Errorf("it is not lifted after a round: %v", err)
		}
	}, schemas...)
}
