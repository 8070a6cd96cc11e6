package vault

import (
	"fmt"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

func TestCodesAreTakenOnceAndDieInTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tick := clock.NewManual(now)
	c := newCodes(tick, 3)
	key := func(n int) cardKey { return cardKey{"m", fmt.Sprint(n)} }
	take := func(n int) string { digits, _ := c.take(key(n)); return string(digits) }

	given := []byte("123")
	c.put(key(1), given, now.Add(cvcAge))
	clear(given) // the caller wipes its own
	if take(2) != "" || take(1) != "123" || take(1) != "" {
		t.Error("a code is taken once, by its own card")
	}

	c.put(key(1), []byte("111"), now.Add(cvcAge))
	tick.Advance(cvcAge - time.Second)
	c.sweep()
	if c.byAge.Len() != 1 {
		t.Error("swept too early")
	}
	tick.Advance(time.Second)
	if take(1) != "" {
		t.Error("a code outlived its time")
	}
	c.put(key(1), []byte("111"), now.Add(cvcAge))
	c.sweep()
	if c.byAge.Len() != 0 || len(c.byKey) != 0 {
		t.Error("the sweep left an old code")
	}

	until := tick.Now().Add(cvcAge)
	for n := range 5 {
		c.put(key(n), []byte{'0' + byte(n)}, until)
	}
	c.put(key(4), []byte("9"), until)
	if take(0) != "" || take(1) != "" || take(2) != "2" || take(4) != "9" {
		t.Error("the oldest go when it is full, a second put replaces")
	}
	c.forget(key(3))
	c.clear()
	if c.byAge.Len() != 0 || len(c.byKey) != 0 || take(3) != "" {
		t.Error("something is left")
	}
}
