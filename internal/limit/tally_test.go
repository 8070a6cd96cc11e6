package limit

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestATallyLetsSoManyOfEachKeyBeUnderWay(t *testing.T) {
	tally := NewTally(2)
	for n, want := range []bool{true, true, false} {
		if got := tally.Enter("a"); got != want {
			t.Errorf("number %d enters: %t", n+1, got)
		}
	}
	if !tally.Enter("b") {
		t.Error("one key's bound is another's")
	}
	tally.Leave("a")
	if !tally.Enter("a") || tally.Enter("a") {
		t.Error("who leaves makes room for one")
	}
	for range 2 {
		tally.Leave("a")
	}
	tally.Leave("b")
	if len(tally.n) != 0 {
		t.Errorf("it remembers %v", tally.n)
	}
}

func TestATallyHoldsItsBoundWhoeverComes(t *testing.T) {
	const most, callers = 3, 50
	tally := NewTally(most)
	var inside, seen atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range 100 {
				if !tally.Enter("a") {
					continue
				}
				seen.Add(1)
				if n := inside.Add(1); n > most {
					t.Errorf("%d are under way", n)
				}
				inside.Add(-1)
				tally.Leave("a")
			}
		})
	}
	all.Wait()
	if seen.Load() == 0 || len(tally.n) != 0 {
		t.Errorf("%d entered, %v is left", seen.Load(), tally.n)
	}
}
