package payment

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
)

// The other payments take all the room, and the payer comes back: they go before new ones.
func TestAPayerWhoIsBackGoesBeforeNewPaymentsWhereThereIsNoRoom(t *testing.T) {
	eachTill(t, func(u *till) {
		g := shutting(u, nil)
		o := u.challenged(false)
		g.fill("alpha")
		if _, err := u.Create(u.Context(), german(), alone{}); !errors.Is(err, errFull) {
			t.Errorf("a new one: %v", err)
		}
		u.q.finish(o.ID+"-1", passes)
		now, err := u.back(o, u.ticketOf(o), o.ID+"-1")
		if err != nil {
			t.Fatal(err)
		}
		u.expect(now, Captured, 10_000, 0)
		g.settled(t.Errorf)
	})
}

// Not even they have room: their payment waits, whoever heard of what they did, and is made once.
func TestAPayerWhoIsBackLosesNothingToABurstThatLeavesNoRoom(t *testing.T) {
	for name, come := range map[string]func(u *till, o Object) (Object, error){
		"by the bank's page": func(u *till, o Object) (Object, error) { return u.back(o, u.ticketOf(o), o.ID+"-1") },
		"by a confirmation": func(u *till, o Object) (Object, error) {
			d := &diary{}
			now, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, d)
			if d.intents != 0 || d.results != 1 {
				u.Errorf("%d intents, %d results", d.intents, d.results)
			}
			return now, err
		},
		"and is not heard of until their time is over": func(u *till, o Object) (Object, error) {
			u.later(challengeTime + time.Minute)
			return u.status(o.ID), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				g := shutting(u, nil)
				o := u.challenged(false)
				g.fill("alpha")
				g.packed = true
				u.q.finish(o.ID+"-1", passes)
				now, err := come(u, o)
				if err != nil {
					t.Fatal(err)
				}
				u.expect(now, Processing, 0, 0)
				heard := len(g.heard)
				u.later(5 * time.Minute)
				u.expect(u.status(o.ID), Processing, 0, 0)
				if u.q.calls != 0 || len(g.heard) != heard {
					t.Errorf("while there is no room: %d calls, heard %q", u.q.calls, g.heard)
				}
				g.fill()
				u.later(5 * time.Minute)
				u.expect(u.status(o.ID), Captured, 10_000, 0)
				if now := u.status(o.ID); len(now.Attempts) != 1 || !now.ThreeDS.LiabilityShift {
					t.Errorf("%d attempts, authenticated as %+v", len(now.Attempts), now.ThreeDS)
				}
				if want := []event.Type{event.PaymentCreated, event.PaymentRequiresAction, event.PaymentPending, event.PaymentCaptured}; !slices.Equal(u.events(), want) {
					t.Errorf("told %v", u.events())
				}
				g.settled(t.Errorf)
			})
		})
	}
}

func TestAPayerWhoIsBackGoesOnElsewhereWhereThereIsRoom(t *testing.T) {
	for name, prepare := range map[string]func(g *gates, u *till){
		"it is full": func(g *gates, _ *till) { g.fill("alpha"); g.packed = true },
		"it is down": func(g *gates, u *till) { g.until["alpha authorize"] = u.now.Now().Add(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			eachPair(t, func(u *till) {
				g := shutting(u, map[string]time.Time{})
				o := u.challenged(false)
				prepare(g, u)
				u.now.Advance(5 * time.Minute)
				prepare(g, u)
				u.q.finish(o.ID+"-1", passes)
				now, err := u.back(o, u.ticketOf(o), o.ID+"-1")
				if err != nil {
					t.Fatal(err)
				}
				u.expect(now, Captured, 10_000, 0)
				u.tried(now, "alpha not_sent", "beta captured")
				if n := len(u.q.asked); n != 1 || u.q.asked[0].ThreeDS == nil || u.q.issuer.counted != 1 {
					t.Errorf("asked %+v, and the issuer %d times", u.q.asked, u.q.issuer.counted)
				}
				g.settled(t.Errorf)
			})
		})
	}
}

// An account that is well again may be another one.
func TestAPayerWhoWaitsForRoomGoesOnElsewhereOnceThereIsSome(t *testing.T) {
	eachPair(t, func(u *till) {
		g := shutting(u, nil)
		o := u.challenged(false)
		g.fill("alpha", "beta")
		g.packed = true
		u.q.finish(o.ID+"-1", passes)
		if now, err := u.back(o, u.ticketOf(o), o.ID+"-1"); err != nil || now.Status != Processing {
			t.Fatalf("%+v, %v", now, err)
		}
		u.later(2 * time.Minute)
		g.fill("alpha")
		u.later(2 * time.Minute)
		u.tried(u.status(o.ID), "alpha not_sent", "beta captured")
	})
}

func TestAPayerDoesNotWaitForRoomForEver(t *testing.T) {
	eachTill(t, func(u *till) {
		g := shutting(u, nil)
		o := u.challenged(false)
		g.fill("alpha")
		g.packed = true
		u.q.finish(o.ID+"-1", passes)
		if now, err := u.back(o, u.ticketOf(o), o.ID+"-1"); err != nil || now.Status != Processing {
			t.Fatalf("%+v, %v", now, err)
		}
		u.later(roomPatience / 2)
		u.expect(u.status(o.ID), Processing, 0, 0)
		u.later(roomPatience)
		now := u.status(o.ID)
		u.expect(now, Failed, 0, 0)
		if now.Failure == nil || now.Failure.Code != fault.CodeProviderUnavailable || u.q.calls != 0 {
			t.Errorf("%+v after %d calls", now.Failure, u.q.calls)
		}
	})
}

// While a payer waits for room their card may be tried too often, like that of one who is away.
func TestACardThatWasTriedTooOftenWhileThePayerWaitedForRoomIsNotChargedAfterTheChallenge(t *testing.T) {
	eachTill(t, func(u *till) {
		g := shutting(u, nil)
		o := u.challenged(false)
		g.fill("alpha")
		g.packed = true
		u.q.finish(o.ID+"-1", passes)
		if now, err := u.back(o, u.ticketOf(o), o.ID+"-1"); err != nil || now.Status != Processing {
			t.Fatalf("%+v, %v", now, err)
		}
		g.fill()
		u.q.issuer.status, u.q.mishaps = "Y", []mishap{declined03}
		if _, err := u.Create(u.Context(), german(), alone{}); !fault.Is(err, fault.Declined) {
			t.Fatal(err)
		}
		calls := u.q.calls
		u.later(time.Minute)
		if now := u.status(o.ID); now.Status != Failed || u.q.calls != calls {
			t.Errorf("it is %s after %d calls more", now.Status, u.q.calls-calls)
		}
	})
}

// As many payments as the provider bears are under way, and more payers come back from their banks than there is room kept for: some are
// charged at once, the others when there is room again. None fails.
func TestABurstOfPayersWhoAreBackIsPaidInTheEnd(t *testing.T) {
	eachTill(t, func(u *till) {
		const bears, kept, back = 256, 16, 24 // the first limit of health's, and what it keeps
		u.Health = health.New(health.Options{Clock: u.now})
		u.q.issuer.status = "C"
		q := &busy{u.q, make(chan struct{}, bears+back), make(chan struct{})}
		u.Providers = provider.Registry{"fake": q}
		var returned []Object
		for n := range int64(back) {
			in := german()
			in.Amount += n
			o, err := u.Create(u.Context(), in, alone{})
			if err != nil || o.Status != RequiresAction {
				t.Fatalf("%+v, %v", o, err)
			}
			u.q.finish(o.ID+"-1", passes)
			returned = append(returned, o)
		}
		var crowd sync.WaitGroup
		for n := range int64(bears) {
			crowd.Go(func() {
				in := order(true)
				in.Amount += n
				if _, err := u.Create(u.Context(), in, alone{}); err != nil {
					t.Errorf("create: %v", err)
				}
			})
			<-q.arrived // one after the other: none is refused
		}
		waits, charged := make(chan Object), 0
		for _, o := range returned {
			crowd.Go(func() {
				now, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{})
				if err != nil {
					t.Errorf("confirm: %v", err)
				}
				if now.Status == Processing {
					waits <- now
				}
			})
			select { // one after the other: what is asked about them takes some of the same room
			case <-q.arrived:
				charged++
			case <-waits:
			}
		}
		if charged != kept {
			t.Errorf("%d of %d had room, want %d", charged, back, kept)
		}
		close(q.release)
		crowd.Wait()
		u.later(time.Minute)
		for _, o := range returned {
			if now := u.status(o.ID); now.Status != Captured || len(now.Attempts) != 1 {
				t.Errorf("%s is %s after %d attempts", now.ID, now.Status, len(now.Attempts))
			}
		}
	})
}
