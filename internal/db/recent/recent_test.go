package recent_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db/recent"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// counted loads a number that rises with each load.
type counted struct{ n atomic.Int64 }

func (c *counted) load(context.Context) (int64, error) { return c.n.Add(1), nil }

func want(t *testing.T, c *recent.Cache[string, int64], key string, load func(context.Context) (int64, error), n int64) {
	t.Helper()
	if got, err := c.Get(t.Context(), key, load); err != nil || got != n {
		t.Errorf("got %d, %v; want %d", got, err, n)
	}
}

func TestAnswersAreKeptForTheirAge(t *testing.T) {
	hands := clock.NewManual(noon)
	c := recent.New[string, int64](hands, time.Second, 10)
	var reads counted
	want(t, c, "a", reads.load, 1)
	hands.Advance(999 * time.Millisecond)
	want(t, c, "a", reads.load, 1)
	hands.Advance(time.Millisecond)
	want(t, c, "a", reads.load, 2)
	hands.Advance(-time.Hour)
	want(t, c, "a", reads.load, 3)
	c.Forget("a")
	want(t, c, "a", reads.load, 4)
}

func TestErrorsAreNotKept(t *testing.T) {
	c := recent.New[string, int64](clock.NewManual(noon), time.Second, 10)
	down := errors.New("down")
	if _, err := c.Get(t.Context(), "a", func(context.Context) (int64, error) { return 0, down }); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
	var reads counted
	want(t, c, "a", reads.load, 1)
}

func TestTheCacheIsBounded(t *testing.T) {
	c := recent.New[string, int64](clock.NewManual(noon), time.Hour, 10)
	var reads counted
	for i := range 1000 {
		want(t, c, fmt.Sprint(i), reads.load, int64(i+1))
	}
	want(t, c, "999", reads.load, 1000)
	want(t, c, "0", reads.load, 1001) // long gone
	if kept := c.Len(); kept > 20 {
		t.Errorf("%d entries kept", kept)
	}
}

func TestCallersShareALoad(t *testing.T) {
	c := recent.New[string, int64](clock.NewManual(noon), time.Second, 10)
	var reads counted
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		slow := func(ctx context.Context) (int64, error) { <-release; return reads.load(ctx) }
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() { want(t, c, "a", slow, 1) })
		}
		synctest.Wait()
		close(release)
		callers.Wait()
	})
	if n := reads.n.Load(); n != 1 {
		t.Errorf("%d loads", n)
	}
}

func TestAnImpatientCallerLeavesTheLoadToTheOthers(t *testing.T) {
	c := recent.New[string, int64](clock.NewManual(noon), time.Second, 10)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var reads counted
		leader, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			got, err := c.Get(leader, "a", func(ctx context.Context) (int64, error) {
				<-release
				if ctx.Err() != nil {
					t.Error("the load ended with the caller who began it")
				}
				return reads.load(ctx)
			})
			if got != 1 || err != nil {
				t.Errorf("the leader got %d, %v", got, err)
			}
		})
		synctest.Wait()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Get(gone, "a", reads.load); !errors.Is(err, context.Canceled) {
			t.Errorf("an impatient follower got %v", err)
		}
		leave()
		close(release)
		callers.Wait()
	})
}

func TestALoadThatBeganBeforeForgetIsNotKept(t *testing.T) {
	c := recent.New[string, int64](clock.NewManual(noon), time.Second, 10)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var callers sync.WaitGroup
		callers.Go(func() {
			want(t, c, "a", func(context.Context) (int64, error) { <-release; return -1, nil }, -1)
		})
		synctest.Wait()
		c.Forget("a")
		close(release)
		callers.Wait()
	})
	var reads counted
	want(t, c, "a", reads.load, 1)
}

func TestAPanicInALoadReleasesTheOthers(t *testing.T) {
	c := recent.New[string, int64](clock.NewManual(noon), time.Second, 10)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = c.Get(t.Context(), "a", func(context.Context) (int64, error) { panic("oh") })
	}()
	var reads counted
	want(t, c, "a", reads.load, 1)
}

func BenchmarkHit(b *testing.B) {
	c := recent.New[[32]byte, *int](clock.System{}, time.Hour, 1000)
	load := func(context.Context) (*int, error) { return new(int), nil }
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Get(b.Context(), [32]byte{1}, load); err != nil {
				b.Fatal(err)
			}
		}
	})
}
