package payment

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
	"github.com/florinpay/florin/internal/routing"
)

// made is how many payments there are.
func (u *till) made() int {
	u.Helper()
	all, _, err := u.List(u.Context(), shop, Page{Limit: 100}, Filter{})
	if err != nil {
		u.Fatal(err)
	}
	return len(all)
}

func TestAPaymentThatNobodyHasRoomForLeavesNothingBehind(t *testing.T) {
	for name, sudden := range map[string]bool{"seen when it is planned": false, "found when the place is taken": true} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				g, d := shutting(u, nil), &diary{}
				g.sudden = sudden
				g.fill("alpha")
				o, err := u.Create(u.Context(), order(true), d)
				if !errors.Is(err, errFull) || errFull.Kind != fault.Unavailable || errFull.RetryAfter == 0 || o.ID != "" {
					t.Errorf("%+v, %v", o, err)
				}
				if u.made() != 0 || d.intents != 0 || d.results != 0 || u.written() != 0 || len(u.events()) != 0 || u.q.calls != 0 {
					t.Errorf("%d payments, %+v, told %v, %d calls", u.made(), d, u.events(), u.q.calls)
				}
				g.fill()
				if _, err := u.Create(u.Context(), order(true), d); err != nil {
					t.Errorf("once there is room: %v", err)
				}
				g.settled(t.Errorf)
			})
		})
	}
}

func TestAPaymentThatIsDownEverywhereAndOneThatIsNotBorneAreToldApart(t *testing.T) {
	eachPair(t, func(u *till) {
		g := shutting(u, map[string]time.Time{"alpha authorize": u.now.Now().Add(time.Minute), "beta authorize": u.now.Now().Add(time.Minute)})
		for _, g.sudden = range []bool{false, true} {
			if _, err := u.Create(u.Context(), order(true), alone{}); !errors.Is(err, errShut) {
				t.Errorf("down: %v", err)
			}
		}
		clear(g.until)
		g.fill("alpha", "beta")
		for _, g.sudden = range []bool{false, true} {
			if _, err := u.Create(u.Context(), order(true), alone{}); !errors.Is(err, errFull) {
				t.Errorf("full: %v", err)
			}
		}
	})
}

func TestAConfirmationThatNobodyHasRoomForChangesNothing(t *testing.T) {
	eachTill(t, func(u *till) {
		g := shutting(u, nil)
		g.sudden = true
		waits := u.checkout()
		challenged := u.challenged(true)
		before := u.q.calls
		g.fill("alpha")
		if _, err := u.Confirm(u.Context(), shop, waits.ID, Confirmation{Choice: Choice{Token: token}}, alone{}); !errors.Is(err, errFull) {
			t.Errorf("confirmed: %v", err)
		}
		if _, err := u.Confirm(u.Context(), shop, challenged.ID, Confirmation{Choice: Choice{Token: token}}, alone{}); !errors.Is(err, errFull) {
			t.Errorf("with another card: %v", err)
		}
		if o := u.status(waits.ID); o.Status != RequiresPaymentMethod || len(o.Attempts) != 0 {
			t.Errorf("the first is %s after %d attempts", o.Status, len(o.Attempts))
		}
		if o := u.status(challenged.ID); o.Status != RequiresAction || len(o.Attempts) != 1 || u.q.calls != before {
			t.Errorf("the second is %s after %d attempts", o.Status, len(o.Attempts))
		}
		g.settled(t.Errorf)
	})
}

func TestAPaymentGoesWhereThereIsRoom(t *testing.T) {
	eachPair(t, func(u *till) {
		g := shutting(u, nil)
		g.sudden = true
		g.fill("alpha")
		b := &backwards{}
		u.Router = b
		now := u.tried(u.pay(true), "beta captured")
		if r := now.Attempts[0].Routing; len(r.Ranked) != 2 || len(r.Excluded) != 0 {
			t.Errorf("the first of two has room: routed by %+v", r)
		}
		u.Router = nil
		now = u.tried(u.pay(true), "beta captured")
		if r := now.Attempts[0].Routing; len(r.Ranked) != 1 || r.Ranked[0].Account != "beta" || !slices.Equal(r.Excluded, []routing.Excluded{{Account: "alpha", Reason: health.Overloaded}}) {
			t.Errorf("the first has none: routed by %+v", r)
		}
		g.settled(t.Errorf)
	})
}

func TestAPaymentOffSessionWaitsForRoom(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.agreement()
		g := shutting(u, nil)
		g.sudden = true
		g.fill("alpha")
		o := u.charge(method, nil)
		if o.Status != Processing || o.NextRetryAt == nil || len(u.status(o.ID).Attempts) != 0 {
			t.Fatalf("it is %s, tried again at %v", o.Status, o.NextRetryAt)
		}
		u.later(30 * time.Minute)
		if now := u.status(o.ID); now.Status != Processing || len(now.Attempts) != 0 || now.NextRetryAt == nil {
			t.Fatalf("while there is no room it is %s after %d attempts", now.Status, len(now.Attempts))
		}
		g.fill()
		u.later(time.Hour)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if slices.Contains(u.events(), event.PaymentFailed) {
			t.Errorf("told %v", u.events())
		}
		g.settled(t.Errorf)
	})
}

// taken is a Companion whose row is there already: the Change that it is in fails.
type taken struct{ alone }

func (taken) Intent(c *db.Change, _ string) { c.Add((&diary{}).entry("taken")) }

// Every way out gives the place back, once, whether or not a call was made in it.
func TestAPlaceThatIsNotUsedIsGivenBack(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(u *till) error
		calls []string
	}{
		"the intent is not written": {func(u *till) error {
			if err := u.DB.Commit(u.Context(), db.NewChange(shop, (&diary{}).entry("taken"))); err != nil {
				u.Fatal(err)
			}
			_, err := u.Create(u.Context(), order(true), taken{})
			if !fault.Is(err, fault.Exists) {
				u.Errorf("%v", err)
			}
			return nil
		}, nil},
		"somebody dies while it is": {func(u *till) error {
			err := dies(func() error {
				_, err := u.Create(u.Context(), order(true), falls{})
				return err
			})
			if !errors.Is(err, errCrash) {
				return err
			}
			return nil
		}, nil},
		"it is switched off meanwhile": {func(u *till) error {
			u.Control = &tardy{switches{"authorize alpha": true}, 1}
			if _, err := u.Create(u.Context(), order(true), alone{}); !fault.Is(err, fault.Unavailable) {
				u.Errorf("%v", err)
			}
			return nil
		}, nil},
		"the network forbids the try": {func(u *till) error {
			u.q.mishaps = []mishap{declined03}
			u.again(order(true))
			if _, rule := u.again(order(true)); rule != retry.NeverAgain {
				u.Errorf("refused by %q", rule)
			}
			return nil
		}, []string{"alpha authorize declined"}},
		"the payer is led to their bank": {func(u *till) error {
			u.challenged(false)
			return nil
		}, []string{"alpha authenticate approved"}},
		"the issuer vouches": {func(u *till) error {
			in := order(true)
			in.Choice.Token = tokenGerman
			_, err := u.Create(u.Context(), in, alone{})
			return err
		}, []string{"alpha authenticate approved", "alpha authorize approved"}},
		"the connection is refused, and it goes on elsewhere": {func(u *till) error {
			u.q.mishaps = []mishap{refused}
			_, err := u.Create(u.Context(), order(true), alone{})
			return err
		}, []string{"alpha authorize not_sent technical", "beta authorize approved"}},
		"the issuer cannot be asked, and it goes on elsewhere": {func(u *till) error {
			u.q.issuer.mishaps = []mishap{refused}
			in := order(true)
			in.Choice.Token = tokenGerman
			_, err := u.Create(u.Context(), in, alone{})
			return err
		}, []string{"alpha authenticate not_sent technical", "beta authenticate approved", "beta authorize approved"}},
	} {
		t.Run(name, func(t *testing.T) {
			eachPair(t, func(u *till) {
				g := shutting(u, nil)
				if err := c.do(u); err != nil {
					t.Error(err)
				}
				g.settled(t.Errorf)
				if g.taken == 0 || !slices.Equal(g.heard, c.calls) {
					t.Errorf("%d places were taken, heard %q, want %q", g.taken, g.heard, c.calls)
				}
			})
		})
	}
}

// probing is a health whose breaker is half open: one payment at a time gets through.
type probing struct {
	*gates
	under bool // a probe is taken, or made
}

func (p *probing) Reserve(c health.Call) (health.Place, error) {
	if p.under {
		return health.Place{}, &health.Closed{Reason: health.Open, Until: p.now().Add(time.Second)}
	}
	place, err := p.gates.Reserve(c)
	if err != nil {
		return place, err
	}
	p.under = true
	free := func() { p.under = false }
	return health.Place{
		Begin: func() func(health.Result) {
			done := place.Begin()
			return func(r health.Result) { free(); done(r) }
		},
		Leave:  func() { free(); place.Leave() },
		Before: place.Before,
	}, nil
}

func TestAProbeWhosePaymentIsNotWrittenIsThereForTheNext(t *testing.T) {
	eachTill(t, func(u *till) {
		g := shutting(u, nil)
		u.Health = &probing{gates: g}
		if err := u.DB.Commit(u.Context(), db.NewChange(shop, (&diary{}).entry("taken"))); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if _, err := u.Create(u.Context(), order(true), taken{}); !fault.Is(err, fault.Exists) {
				t.Fatalf("with a row that is there already: %v", err)
			}
		}
		u.pay(true)
		g.settled(t.Errorf)
		if want := []string{"alpha authorize approved"}; !slices.Equal(g.heard, want) || g.taken != 6 {
			t.Errorf("%d places were taken, heard %q", g.taken, g.heard)
		}
	})
}

// falls is a Companion of a request whose process dies before it has written anything.
type falls struct{ alone }

func (falls) Intent(*db.Change, string) { panic(errCrash) }

// busy is an acquirer whose answers wait until the test lets them go.
type busy struct {
	*acquirer
	arrived chan struct{}
	release chan struct{}
}

func (b *busy) Authorize(ctx context.Context, a provider.Account, r provider.Authorization) provider.Outcome {
	b.arrived <- struct{}{}
	<-b.release
	return b.acquirer.Authorize(ctx, a, r)
}

// A burst that a provider cannot bear: what it can is paid, and the rest is refused before anything of it is written. Nothing fails.
func TestOfABurstWhatAProviderCannotBearIsRefusedBeforeItIsWritten(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Health = health.New(health.Options{Clock: u.now})
		const bears, beyond = 256, 44 // the first limit of health's
		q := &busy{u.q, make(chan struct{}, bears+1), make(chan struct{})}
		u.Providers = provider.Registry{"fake": q}
		refused, paid := make(chan error, bears+beyond), make(chan Object, bears+beyond)
		var crowd sync.WaitGroup
		for n := range int64(bears + beyond) {
			crowd.Go(func() {
				in := order(true)
				in.Amount += n // of one card at one amount only as many as may be declined would come at once
				o, err := u.Create(u.Context(), in, alone{})
				if err != nil {
					refused <- err
					return
				}
				paid <- o
			})
		}
		arrived := 0
		for range bears + beyond {
			select {
			case <-q.arrived:
				arrived++
			case err := <-refused:
				if !errors.Is(err, errFull) {
					t.Errorf("beyond the limit: %v", err)
				}
			}
		}
		close(q.release)
		crowd.Wait()
		if arrived != bears || len(paid) != bears || len(refused) != 0 {
			t.Errorf("%d arrived, %d are paid, %d were refused besides", arrived, len(paid), len(refused))
		}
		if n, _ := u.q.charged(); n != bears {
			t.Errorf("%d authorizations", n)
		}
		all, _, err := u.List(u.Context(), shop, Page{Limit: bears + beyond}, Filter{})
		if err != nil || len(all) != bears {
			t.Errorf("%d payments are written, %v", len(all), err)
		}
		for _, o := range all {
			if o.Status != Captured {
				t.Errorf("%s is %s", o.ID, o.Status)
			}
		}
		u.pay(true) // there is room again
	})
}
