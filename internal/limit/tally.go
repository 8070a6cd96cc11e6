package limit

import "sync"

// Tally counts what is under way, by key, up to a bound for each. It is safe for concurrent use.
type Tally struct {
	most int

	mu sync.Mutex
	n  map[string]int
}

// NewTally makes a tally that lets most of each key be under way.
func NewTally(most int) *Tally { return &Tally{most: most, n: map[string]int{}} }

// Enter counts one more, unless there are as many as may be. Who has entered leaves.
func (t *Tally) Enter(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n[key] >= t.most {
		return false
	}
	t.n[key]++
	return true
}

// Leave counts one less. A key of which nothing is under way is not remembered.
func (t *Tally) Leave(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n[key]--; t.n[key] == 0 {
		delete(t.n, key)
	}
}
