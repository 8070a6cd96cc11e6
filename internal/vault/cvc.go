package vault

import (
	"container/list"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// The code on the card is kept for this long, in memory only, and for this many cards at most. PCI DSS 3.3.1 forbids
// to keep it after the authorization, encrypted or not.
const (
	cvcAge  = 30 * time.Minute
	cvcSize = 100_000
)

// codes holds what must never be written down. When it is full the oldest code is lost: its card is then charged
// without one.
type codes struct {
	clock clock.Clock
	size  int

	mu    sync.Mutex
	byKey map[cardKey]*list.Element
	byAge list.List // of *code, oldest first
}

type code struct {
	key    cardKey
	digits []byte
	until  time.Time
}

func newCodes(c clock.Clock, size int) *codes {
	return &codes{clock: c, size: size, byKey: map[cardKey]*list.Element{}}
}

// put keeps a copy of a code until the time.
func (c *codes) put(k cardKey, digits []byte, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.byKey[k]; ok {
		c.drop(old)
	}
	for c.byAge.Len() >= c.size {
		c.drop(c.byAge.Front())
	}
	kept := &code{k, append([]byte(nil), digits...), until}
	c.byKey[k] = c.byAge.PushBack(kept)
}

// take gives a code away: a second call finds nothing.
func (c *codes) take(k cardKey) (digits []byte, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[k]
	if !ok {
		return nil, time.Time{}
	}
	held := e.Value.(*code)
	if c.clock.Now().Before(held.until) {
		digits, until = append([]byte(nil), held.digits...), held.until
	}
	c.drop(e)
	return digits, until
}

// sweep forgets what is too old. Codes that came back (see Vault.Send) may stand out of order: the walk sees them all.
func (c *codes) sweep() {
	now := c.clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.byAge.Front(); e != nil; {
		next := e.Next()
		if !now.Before(e.Value.(*code).until) {
			c.drop(e)
		}
		e = next
	}
}

// forget drops one card's code.
func (c *codes) forget(k cardKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[k]; ok {
		c.drop(e)
	}
}

// clear drops everything.
func (c *codes) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.byAge.Len() > 0 {
		c.drop(c.byAge.Front())
	}
}

// drop wipes and removes an entry. The lock is held.
func (c *codes) drop(e *list.Element) {
	held := e.Value.(*code)
	clear(held.digits)
	delete(c.byKey, held.key)
	c.byAge.Remove(e)
}
