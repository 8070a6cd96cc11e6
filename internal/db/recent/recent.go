// Package recent keeps what was read a moment ago, so that a row that every request needs (a key, a merchant's
// settings, a kill switch) costs one read a second and not one a request.
package recent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// patience bounds one load: it runs for everybody who waits, so it does not end with the caller who began it.
const patience = 5 * time.Second

// Cache holds answers no older than an age, and no more than about twice a size. It is safe for concurrent use.
//
// The age counts from the moment a load began: a write that was committed before a Get returns is seen by every Get that
// comes an age later. Callers that ask for the same key at once share one load. Errors are not kept.
//
// There is no list of what was used last: entries die of age so soon that two generations, the older of which is
// dropped whole, do as well and cost nothing on a hit.
type Cache[K comparable, V any] struct {
	clock clock.Clock
	age   time.Duration
	size  int

	mu    sync.RWMutex
	young map[K]*entry[V]
	old   map[K]*entry[V]
}

var errPanicked = errors.New("the read that others waited for did not end")

type entry[V any] struct {
	begun time.Time
	done  chan struct{} // closed when value and err are set
	value V
	err   error
}

// New makes a cache of answers up to age old; size is how many a generation holds.
func New[K comparable, V any](c clock.Clock, age time.Duration, size int) *Cache[K, V] {
	return &Cache[K, V]{clock: c, age: age, size: size, young: map[K]*entry[V]{}}
}

// Get gives the answer for a key: a kept one if it is fresh, else the one that load brings. The error is load's, or the
// context's if the caller gives up while somebody else's load runs.
func (c *Cache[K, V]) Get(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	now := c.clock.Now()
	c.mu.RLock()
	e := c.fresh(key, now)
	c.mu.RUnlock()
	if e == nil {
		var mine bool
		if e, mine = c.claim(key, now); mine {
			return c.fill(ctx, key, e, load)
		}
	}
	select {
	case <-e.done:
		return e.value, e.err
	default:
	}
	select {
	case <-e.done:
		return e.value, e.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// Forget drops a key, and keeps a load that is under way from being kept: the next Get reads again.
func (c *Cache[K, V]) Forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.young, key)
	delete(c.old, key)
}

// Len is how many answers are kept, old ones among them.
func (c *Cache[K, V]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}

// fresh is the entry of a key that is not too old, or nil. A clock that went back makes an entry old.
func (c *Cache[K, V]) fresh(key K, now time.Time) *entry[V] {
	e, ok := c.young[key]
	if !ok {
		if e, ok = c.old[key]; !ok {
			return nil
		}
	}
	if age := now.Sub(e.begun); age < 0 || age >= c.age {
		return nil
	}
	return e
}

// claim makes an entry that the caller must fill, unless somebody else just did.
func (c *Cache[K, V]) claim(key K, now time.Time) (*entry[V], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.fresh(key, now); e != nil {
		return e, false
	}
	if len(c.young) >= c.size {
		c.old, c.young = c.young, make(map[K]*entry[V])
	}
	e := &entry[V]{begun: now, done: make(chan struct{})}
	c.young[key] = e
	return e, true
}

func (c *Cache[K, V]) fill(ctx context.Context, key K, e *entry[V], load func(context.Context) (V, error)) (V, error) {
	e.err = errPanicked // what the others are told if load does not return
	defer func() {
		if e.err != nil {
			c.drop(key, e)
		}
		close(e.done)
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	e.value, e.err = load(ctx)
	return e.value, e.err
}

// drop forgets an entry that failed, unless a newer one took its place.
func (c *Cache[K, V]) drop(key K, e *entry[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, generation := range []map[K]*entry[V]{c.young, c.old} {
		if generation[key] == e {
			delete(generation, key)
		}
	}
}
