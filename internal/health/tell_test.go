package health_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
)

var schemas = []db.Schema{audit.Schema, event.Schema, health.Schema}

// cluster is some processes at one database. Their clock is moved by hand, but for their breakers, which go by the machine's.
type cluster struct {
	*testing.T
	db     *db.DB
	clock  *clock.Manual
	events *event.Store
	nodes  []*health.Health
}

func newCluster(t *testing.T, d *db.DB, nodes int) *cluster {
	c := &cluster{T: t, db: d, clock: clock.NewManual(time.Now()), events: event.NewStore(d, nil)}
	ids := id.System()
	for range nodes {
		c.nodes = append(c.nodes, health.New(health.Options{DB: d, Outbox: event.NewOutbox(c.events, ids, c.clock), Clock: c.clock, IDs: ids}))
	}
	return c
}

// round lets every process tell what it has to.
func (c *cluster) round(nodes ...int) {
	c.Helper()
	for _, n := range nodes {
		if err := c.nodes[n].Round(c.Context()); err != nil {
			c.Fatal(err)
		}
	}
}

// told is what was told so far, oldest first, such as "degraded alpha authorize".
func (c *cluster) told() []string {
	c.Helper()
	found, _, err := c.events.EventsOf(c.Context(), shop, db.Page{Limit: 100}, nil, "")
	if err != nil {
		c.Fatal(err)
	}
	all := []string{}
	for _, e := range slices.Backward(found) {
		var body struct {
			Data health.Change `json:"data"`
		}
		if err := json.Unmarshal(e.Body, &body); err != nil {
			c.Fatal(err)
		}
		all = append(all, strings.TrimPrefix(string(e.Type), "provider.")+" "+body.Data.ID+" "+string(body.Data.Operation))
	}
	return all
}

func (c *cluster) wants(want ...string) {
	c.Helper()
	if got := c.told(); !slices.Equal(got, want) {
		c.Errorf("told %q, want %q", got, want)
	}
}

// recover makes the pause of a breaker be over, and has its probes succeed.
func (c *cluster) recover(n int) {
	c.Helper()
	c.nodes[n].EndPause(callOf(health.Authorize))
	for range 3 {
		if shut := try(c.T, c.nodes[n], health.Authorize, false); shut != nil {
			c.Fatal(shut)
		}
	}
}

func TestThatIssuersCannotBeAskedIsToldAndShownApart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 1)
		try(t, c.nodes[0], health.Authorize, false)
		fail(t, c.nodes[0], health.Authenticate)
		c.round(0)
		for _, o := range c.report(0).Operations {
			want := "closed"
			if o.Operation == health.Authenticate {
				want = "open"
			}
			if o.State != want {
				t.Errorf("%s is %s", o.Operation, o.State)
			}
		}
		c.nodes[0].EndPause(callOf(health.Authenticate))
		for range 3 {
			try(t, c.nodes[0], health.Authenticate, false)
		}
		c.clock.Advance(time.Second)
		c.round(0)
		c.wants("degraded alpha authenticate", "recovered alpha authenticate")
	}, schemas...)
}

func TestManyProcessesTellOnceThatAProviderIsDown(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 3)
		for _, node := range c.nodes {
			fail(t, node, health.Authorize)
		}
		c.round(0, 1, 2, 0, 1, 2)
		c.wants("degraded alpha authorize")
		c.clock.Advance(time.Second)
		c.recover(1) // not the one that told it: for it the provider is well, for the first one not
		c.round(1)
		c.wants("degraded alpha authorize")
		c.recover(0)
		c.round(0, 1, 2)
		c.wants("degraded alpha authorize", "recovered alpha authorize")
		c.clock.Advance(time.Second)
		fail(t, c.nodes[1], health.Authorize)
		c.round(1)
		c.wants("degraded alpha authorize", "recovered alpha authorize", "degraded alpha authorize")
	}, schemas...)
}

func TestProcessesThatTellAtOnceTellOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 4)
		ended := make(chan error, len(c.nodes))
		for _, node := range c.nodes {
			fail(t, node, health.Refund)
			go func() { ended <- node.Round(context.WithoutCancel(t.Context())) }()
		}
		for range c.nodes {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		c.round(0, 1, 2, 3)
		c.wants("degraded alpha refund")
	}, schemas...)
}

func TestAProbeThatFailsTellsNothingAndKeepsTheRowOpen(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 2)
		fail(t, c.nodes[0], health.Authorize)
		c.round(0)
		for range 3 {
			c.clock.Advance(time.Minute)
			c.nodes[0].EndPause(callOf(health.Authorize))
			if shut := try(t, c.nodes[0], health.Authorize, true); shut != nil {
				t.Fatal(shut)
			}
			try(t, c.nodes[1], health.Authorize, false) // another process reaches it all the while
			c.round(0, 1)
		}
		c.wants("degraded alpha authorize")
	}, schemas...)
}

func TestWhatAProcessThatIsGoneLeftOpenIsClosedByAnother(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 2)
		fail(t, c.nodes[0], health.Authorize)
		c.round(0)
		c.clock.Advance(30 * time.Second)
		try(t, c.nodes[1], health.Authorize, false)
		c.round(1)
		c.wants("degraded alpha authorize")
		c.clock.Advance(2 * time.Minute)
		c.round(1)
		c.wants("degraded alpha authorize", "recovered alpha authorize")
		c.round(1)
		c.wants("degraded alpha authorize", "recovered alpha authorize")
	}, schemas...)
}

func TestAnotherProcessShowsWhatItDoesNotSeeItself(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 2)
		if r := c.report(1); r.State != "well" || len(r.Operations) != len(health.Operations) || r.Livemode {
			t.Errorf("unknown to everybody: %+v", r)
		}
		try(t, c.nodes[0], health.Authorize, false)
		fail(t, c.nodes[0], health.Authorize)
		c.round(0)
		for n, want := range []health.OperationReport{{State: "open", Calls: 6, Failures: 5}, {State: "open", Elsewhere: true}} {
			r := c.report(n)
			got := r.Operations[0]
			if r.State != "degraded" || got.State != want.State || got.Elsewhere != want.Elsewhere || got.Calls != want.Calls || got.Failures != want.Failures {
				t.Errorf("process %d: %s, %+v", n, r.State, got)
			}
			if got.NextProbeAt == nil || !got.NextProbeAt.After(c.clock.Now()) || got.Since == nil || (got.LatencyP50 == nil) != (n == 1) {
				t.Errorf("process %d: %+v", n, got)
			}
		}
		c.clock.Advance(5 * time.Minute) // and the first is never heard of again
		if r := c.report(1); r.State != "well" {
			t.Errorf("long after: %+v", r)
		}
	}, schemas...)
}

func TestWhenTheNextProbeIsStaysTheSameWhileNothingChanges(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCluster(t, d, 1)
		next := func() time.Time {
			t.Helper()
			r := c.report(0).Operations[0]
			if r.NextProbeAt == nil {
				t.Fatalf("%+v", r)
			}
			return *r.NextProbeAt
		}
		stays := func(want time.Time) {
			t.Helper()
			for range 2 {
				if got := next(); !got.Equal(want) {
					t.Errorf("it is at %s, want %s", got, want)
				}
				c.clock.Advance(7 * time.Microsecond)
			}
		}
		fail(t, c.nodes[0], health.Authorize)
		stays(c.clock.Now().Add(10 * time.Second).Truncate(time.Millisecond))
		c.nodes[0].EndPause(callOf(health.Authorize))
		c.clock.Advance(c.clock.Now().Truncate(time.Second).Add(time.Second).Sub(c.clock.Now()) + 300*time.Millisecond)
		probe, err := c.nodes[0].Enter(callOf(health.Authorize))
		if err != nil {
			t.Fatal(err)
		}
		stays(c.clock.Now().Truncate(time.Second).Add(time.Second)) // while the probe is under way
		probe(health.Result{Technical: true})
		stays(c.clock.Now().Add(20 * time.Second).Truncate(time.Millisecond))
	}, schemas...)
}

func (c *cluster) report(n int) health.Report {
	c.Helper()
	r, err := c.nodes[n].Report(c.Context(), shop, alpha)
	if err != nil {
		c.Fatal(err)
	}
	return r
}
