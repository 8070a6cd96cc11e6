package limit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/limit"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// minutely is 60 a minute, 120 at once.
var minutely = limit.Policy{Name: "tokens", Quota: 60, Window: time.Minute, Burst: 120}

func TestABurstIsAllowedAndThenTheRate(t *testing.T) {
	hands := clock.NewManual(noon)
	l := limit.New(hands, minutely, 0)
	allowed := 0
	for range 10_000 {
		if l.Take("a").Allowed {
			allowed++
		}
	}
	if allowed != 120 {
		t.Errorf("%d of 10,000 at once, want 120", allowed)
	}
	for i := range 10 {
		hands.Advance(999 * time.Millisecond)
		if d := l.Take("a"); d.Allowed || d.Remaining != 0 || d.Wait != time.Millisecond {
			t.Errorf("second %d: %+v before its time", i, d)
		}
		hands.Advance(time.Millisecond)
		if d := l.Take("a"); !d.Allowed || d.Remaining != 0 || d.Wait != time.Second {
			t.Errorf("second %d: %+v in time", i, d)
		}
	}
	hands.Advance(time.Hour)
	if d := l.Take("a"); !d.Allowed || d.Remaining != 119 {
		t.Errorf("after a pause: %+v, want a full bucket less one", d)
	}
}

func TestKeysDoNotShareABucket(t *testing.T) {
	l := limit.New(clock.NewManual(noon), limit.Policy{Quota: 1, Window: time.Minute}, 0)
	if !l.Take("a").Allowed || l.Take("a").Allowed || !l.Take("b").Allowed {
		t.Error("a key pays for another, or not for itself")
	}
	for range 3 {
		if !l.Take("").Allowed {
			t.Error("the empty key is limited")
		}
	}
}

func TestALookTakesNothing(t *testing.T) {
	hands := clock.NewManual(noon)
	l := limit.New(hands, limit.Policy{Quota: 1, Window: time.Minute}, 0)
	for range 3 {
		if !l.Look("a").Allowed {
			t.Fatal("a look was refused, or took something")
		}
	}
	if l.Len() != 0 {
		t.Errorf("%d buckets are kept of looks", l.Len())
	}
	l.Take("a")
	if d := l.Look("a"); d.Allowed || d.Wait != time.Minute {
		t.Errorf("an empty bucket looks like %+v", d)
	}
	hands.Advance(time.Minute)
	if !l.Look("a").Allowed || !l.Take("a").Allowed || !l.Look("").Allowed {
		t.Error("a full bucket looks empty")
	}
	if !limit.New(hands, limit.Policy{}, 0).Look("a").Allowed {
		t.Error("a look is refused without a policy")
	}
}

func TestThereIsNoLimitWithoutAPolicy(t *testing.T) {
	l := limit.New(clock.NewManual(noon), limit.Policy{Name: "none"}, 0)
	for range 1000 {
		if d := l.Take("a"); !d.Allowed || d.Err() != nil {
			t.Fatal("refused")
		}
	}
	h := http.Header{}
	l.Take("a").Header(h)
	if len(h) != 0 || l.Len() != 0 {
		t.Errorf("headers %v, %d buckets", h, l.Len())
	}
}

func TestMemoryIsBounded(t *testing.T) {
	hands := clock.NewManual(noon)
	l := limit.New(hands, minutely, 50)
	for i := range 100_000 {
		l.Take(fmt.Sprint(i))
		l.Take("busy")
		if l.Len() > 100 {
			t.Fatalf("%d buckets after %d keys, want at most 100", l.Len(), i)
		}
	}
	if l.Take("busy").Allowed {
		t.Error("a key that keeps asking was forgotten because of others")
	}
	hands.Advance(2 * minutely.Window)
	l.Take("one")
	hands.Advance(2 * minutely.Window)
	l.Take("one")
	if n := l.Len(); n > 2 {
		t.Errorf("%d buckets are kept when every one of them is full", n)
	}
}

func TestABucketOutlivesItsGeneration(t *testing.T) {
	hands := clock.NewManual(noon)
	l := limit.New(hands, limit.Policy{Quota: 2, Window: 2 * time.Second}, 0)
	hands.Advance(1900 * time.Millisecond)
	l.Take("a")
	l.Take("a") // empty, just before the generations turn
	hands.Advance(200 * time.Millisecond)
	if l.Take("a").Allowed {
		t.Error("the turn of a generation filled a bucket")
	}
}

func TestAClockThatWentBackLocksNobodyOut(t *testing.T) {
	hands := clock.NewManual(noon)
	l := limit.New(hands, minutely, 0)
	for range 120 {
		l.Take("a")
	}
	hands.Advance(-24 * time.Hour)
	if d := l.Take("a"); d.Allowed || d.Wait > time.Second {
		t.Errorf("%+v, want a wait of a second at most", d)
	}
	hands.Advance(time.Second)
	if !l.Take("a").Allowed {
		t.Error("still refused after the wait that was told")
	}
}

// Whatever the order of requests and pauses: in any stretch of time no more than the burst and the rate let through, and whoever
// waits as long as told is let in.
func TestTheLimitHoldsInAnyStretchOfTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := limit.Policy{
			Quota:  rapid.IntRange(1, 100).Draw(t, "quota"),
			Window: time.Duration(rapid.IntRange(1, 100_000).Draw(t, "window")) * time.Millisecond,
			Burst:  rapid.IntRange(0, 50).Draw(t, "burst"),
		}
		burst := p.Burst
		if burst == 0 {
			burst = p.Quota
		}
		step := p.Window / time.Duration(p.Quota)
		hands := clock.NewManual(noon)
		l := limit.New(hands, p, 0)
		var let []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			hands.Advance(time.Duration(rapid.IntRange(0, 3).Draw(t, "pause")) * step / 2)
			d := l.Take("a")
			if d.Remaining < 0 || d.Remaining > burst || d.Wait < 0 {
				t.Fatalf("%+v of a burst of %d", d, burst)
			}
			if !d.Allowed {
				hands.Advance(d.Wait + time.Microsecond) // the clock's grain
				if !l.Take("a").Allowed {
					t.Fatalf("refused after the wait that was told, %s", d.Wait)
				}
			}
			let = append(let, hands.Now())
		}
		for i := range let {
			for j := i; j < len(let); j++ {
				if most := burst + int(let[j].Sub(let[i])/step) + 1; j-i+1 > most {
					t.Fatalf("%d in %s, want at most %d", j-i+1, let[j].Sub(let[i]), most)
				}
			}
		}
	})
}

func TestTheHeadersTellWhatIsLeft(t *testing.T) {
	hands := clock.NewManual(noon)
	refused := 0
	handler := limit.New(hands, limit.Policy{Name: "tokens", Quota: 60, Window: time.Minute, Burst: 2}, 0).Handler(
		func(r *http.Request) string { return limit.ByAddress(limit.Connection(r)) },
		func(w http.ResponseWriter, _ *http.Request, err error) {
			refused++
			if !fault.Is(err, fault.RateLimited) {
				t.Errorf("refused with %v", err)
			}
			w.WriteHeader(http.StatusTooManyRequests)
		},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for i, want := range []struct {
		status                int
		policy, left, retryIn string
	}{
		{204, `"tokens";q=2;w=2`, `"tokens";r=1;t=1`, ""},
		{204, `"tokens";q=2;w=2`, `"tokens";r=0;t=1`, ""},
		{429, `"tokens";q=2;w=2`, `"tokens";r=0;t=1`, "1"},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
		h := w.Header()
		if w.Code != want.status || h.Get("RateLimit-Policy") != want.policy || h.Get("RateLimit") != want.left || h.Get("Retry-After") != want.retryIn {
			t.Errorf("request %d: %d %v, want %+v", i, w.Code, h, want)
		}
	}
	if refused != 1 {
		t.Errorf("refused %d times", refused)
	}
}

func TestAnAddressIsWhatItsOwnerHas(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9"},
		{"192.0.2.7", "::ffff:192.0.2.7"},
		{"fe80::1%eth0", "fe80::2"},
	} {
		if limit.ByAddress(netip.MustParseAddr(c.a)) != limit.ByAddress(netip.MustParseAddr(c.b)) {
			t.Errorf("%s and %s have two buckets", c.a, c.b)
		}
	}
	for _, c := range []struct{ a, b string }{{"192.0.2.7", "192.0.2.8"}, {"2001:db8:1:2::1", "2001:db8:1:3::1"}} {
		if limit.ByAddress(netip.MustParseAddr(c.a)) == limit.ByAddress(netip.MustParseAddr(c.b)) {
			t.Errorf("%s and %s share a bucket", c.a, c.b)
		}
	}
	if limit.ByAddress(limit.Connection(&http.Request{RemoteAddr: "pipe"})) == "" {
		t.Error("who has no address has no limit")
	}
}

func TestManyAtOnceGetNoMoreThanTheBurst(t *testing.T) {
	l := limit.New(clock.NewManual(noon), minutely, 10)
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 50 {
				if l.Take("a").Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if allowed.Load() != 120 {
		t.Errorf("%d got through, want 120", allowed.Load())
	}
}
