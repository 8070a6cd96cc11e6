package inbound

import (
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/limit"
)

// The limits of messages that do not verify. Those that do are not limited: a provider sends what it has to say.
var (
	DefaultAddressLimit = limit.Policy{Name: "address", Quota: 60, Window: time.Minute, Burst: 120}
	DefaultAccountLimit = limit.Policy{Name: "account", Quota: 600, Window: time.Minute}
)

const (
	defaultUnderWay = 128 // messages of one provider account that are being answered
	defaultApplying = 64  // messages of one provider account that are being applied, some of them answered already
	longestName     = 64  // of a merchant and of a provider account in the path; others are not looked for, nor remembered
)

// gate keeps floods out. Who sends what does not verify is soon refused before its body is read. Who has shown a good
// signature within the hour is heard all the same, so that nobody can have a provider refused by sending wrong messages in
// its place.
type gate struct {
	address, account *limit.Limiter
	met              acquainted
	underWay         *limit.Tally
	applying         *limit.Tally
}

func newGate(o ReceiverOptions) *gate {
	return &gate{
		address: limit.New(o.Clock, o.AddressLimit, 0), account: limit.New(o.Clock, o.AccountLimit, 0),
		met:      acquainted{clock: o.Clock, young: map[caller]bool{}, born: o.Clock.Now()},
		underWay: limit.NewTally(o.UnderWay), applying: limit.NewTally(o.Applying),
	}
}

// caller is who sends a message, and to what.
type caller struct {
	address string
	target  string // the provider account, with its merchant; empty: there is none of this name
}

// admit tells by the address alone whether a caller is worth hearing. It fails with fault.RateLimited.
func (g *gate) admit(c caller) error {
	if d := g.address.Look(c.address); !d.Allowed && !g.met.has(c) {
		return d.Err()
	}
	return nil
}

// admitTo tells whether a caller is worth hearing now that its target is known to be there. It fails with fault.RateLimited.
func (g *gate) admitTo(c caller) error {
	if d := g.account.Look(c.target); !d.Allowed && !g.met.has(c) {
		return d.Err()
	}
	return nil
}

// failed counts a message that did not verify, for err. If there were too many of them that is what its sender is told.
func (g *gate) failed(c caller, err error) error {
	address, account := g.address.Take(c.address), g.account.Take(c.target)
	for _, d := range []limit.Decision{address, account} {
		if !d.Allowed {
			return d.Err()
		}
	}
	return err
}

// verified remembers a caller by its good signature.
func (g *gate) verified(c caller) { g.met.add(c) }

const (
	acquaintance = time.Hour // how long a good signature is remembered at least, if not too many come
	acquaintSize = 10_000    // how many a generation remembers
)

// acquainted are the callers whose signatures were good lately. There are two generations: the older goes when the younger is full
// or an hour old.
type acquainted struct {
	clock clock.Clock

	mu         sync.Mutex
	young, old map[caller]bool
	born       time.Time
}

func (a *acquainted) add(c caller) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn()
	if len(a.young) >= acquaintSize && !a.young[c] {
		a.old, a.young, a.born = a.young, map[caller]bool{}, a.clock.Now()
	}
	a.young[c] = true
}

func (a *acquainted) has(c caller) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn()
	return a.young[c] || a.old[c]
}

func (a *acquainted) turn() {
	now := a.clock.Now()
	switch age := now.Sub(a.born); {
	case age >= 2*acquaintance:
		a.old, a.young, a.born = nil, map[caller]bool{}, now
	case age >= acquaintance:
		a.old, a.young, a.born = a.young, map[caller]bool{}, now
	}
}

var errUnderWay = &fault.Error{
	Kind: fault.Unavailable, Code: fault.CodeOverloaded, Detail: "too many messages of this provider account are under way", RetryAfter: time.Second,
}
