package retry

import (
	"slices"
	"sync"
)

// A try of a card that nobody has tried at the amount before writes nothing that others could count it by. So this process knows which of its
// requests are about which card: a try that begins while another one is under way begins the history of the card, and takes the other one
// along into it.

// Crowd holds the tries of cards that requests of this process are about: as many as there are such requests. The zero value has none.
type Crowd struct {
	mu    sync.Mutex
	cards map[Card][]*stay
}

// stay is one request about a card.
type stay struct {
	payment string
	tries   []beginning
}

// beginning is a try, and who was there when it began.
type beginning struct {
	Try
	alone  bool  // no other payment of the card was: no history has the try, unless there was one already
	beside []Try // those of the others that had begun alone
}

// Enter has a request try a card, until it leaves. The history of the card is read after it: what ended before is in there, and who enters
// later finds the try here.
func (c *Crowd) Enter(of Card, t Try) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cards == nil {
		c.cards = map[Card][]*stay{}
	}
	s := &stay{payment: t.Payment, tries: []beginning{c.beginning(of, t)}}
	c.cards[of] = append(c.cards[of], s)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.cards[of] = slices.DeleteFunc(c.cards[of], func(is *stay) bool { return is == s })
		if len(c.cards[of]) == 0 {
			delete(c.cards, of)
		}
	}
}

// GoOn has the request that is about a payment go on with the payment's next try, of the same card.
func (c *Crowd) GoOn(of Card, t Try) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.beginning(of, t)
	for _, s := range c.cards[of] {
		if s.payment == t.Payment && !slices.ContainsFunc(s.tries, func(is beginning) bool { return is.Same(t) }) {
			s.tries = append(s.tries, b)
		}
	}
}

// beginning looks around for a try. At most one payment's tries of a card have begun alone and are still there.
func (c *Crowd) beginning(of Card, t Try) beginning {
	b := beginning{Try: t, alone: true}
	for _, s := range c.cards[of] {
		if s.payment == t.Payment {
			continue
		}
		b.alone = false
		for _, other := range s.tries {
			if other.alone {
				b.beside = append(b.beside, other.Try)
			}
		}
	}
	return b
}

// Beside are the tries that were under way alone when one began, and whether it was alone itself. One that no request here is about counts as
// one among others.
func (c *Crowd) Beside(of Card, t Try) (others []Try, alone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.cards[of] {
		for _, b := range s.tries {
			if b.Same(t) {
				return b.beside, b.alone
			}
		}
	}
	return nil, false
}

// Len is how many cards are being tried.
func (c *Crowd) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.cards)
}
