package retry

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A try of a card that nobody has declined writes nothing that others could count it by: cards are mostly approved, and many payments of one
// card would meet at one row. So this process counts the tries that are under way in memory, and lets no more through at once than may all be
// declined. Who comes when that many are under way waits in line until one of them ends.

// Gate holds the tries of cards that requests of this process are about: as many as there are such requests. The zero value has none.
type Gate struct {
	mu    sync.Mutex
	cards map[Card]*queue
}

// queue is what is under way of one card.
type queue struct {
	inside []*Pass       // who has entered and not left
	line   []*Pass       // who waits; the first one has the turn
	pen    chan struct{} // has room for the one who writes a decline
	ended  int           // how many tries that were let through have ended: each may be a decline that whoever read before does not know of
}

// maxLine is how many may wait for one card: more would not get their turn before their patience ends.
const maxLine = 1000

// Pass is one request's stay at the gate. A nil one is of a card without limits: it has nothing to ask.
type Pass struct {
	gate *Gate
	of   Card
	at   *queue

	payment string
	tries   []Try // its first, and those that followed within the request
	through bool  // they are under way
	began   bool  // the request has written the intent of its first try itself
	agreed  bool  // the issuer has, and it is not written yet
	gone    bool
	read    int  // what had ended when the history was read
	fresh   bool // it has its turn, and has not read the history since
	least   int  // the smallest limit of the card
	wake    chan struct{}
}

// Answer is what the gate says to a try.
type Answer uint8

// The answers.
const (
	Through   Answer = iota
	Forbidden        // nobody here can change that
	Wait             // for the turn, or for the end of another try of this process: see Pass.Wait
	LookUp           // tries are in the way whose end is not written down, and that nobody here is about: ask again without those that have ended
	Full             // there is no room in the line
)

// Enter has a request come to the gate with a try, until it leaves. The history of the card is read after it.
func (g *Gate) Enter(of Card, t Try) *Pass {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cards == nil {
		g.cards = map[Card]*queue{}
	}
	q := g.cards[of]
	if q == nil {
		q = &queue{pen: make(chan struct{}, 1)}
		g.cards[of] = q
	}
	p := &Pass{gate: g, of: of, at: q, payment: t.Payment, tries: []Try{t}, read: q.ended, wake: make(chan struct{}, 1)}
	q.inside = append(q.inside, p)
	return p
}

// Leave ends what the request had under way. What became of it is written down, if anything is. Only the first call does something.
func (p *Pass) Leave() {
	if p == nil {
		return
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if p.gone {
		return
	}
	q := p.at
	p.gone = true
	q.inside = slices.DeleteFunc(q.inside, func(is *Pass) bool { return is == p })
	if len(q.inside) == 0 {
		delete(p.gate.cards, p.of)
	}
	p.step()
	p.end()
}

// Approved says that the issuer has agreed, before that is written: what is under way will not be declined any more, and makes room.
func (p *Pass) Approved() {
	if p == nil {
		return
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.agreed = p.agreed || p.through
	p.end()
}

// end ends what is under way.
func (p *Pass) end() {
	if p.through {
		p.through = false
		p.at.ended += len(p.tries)
	}
	p.at.call()
}

// Step gives the turn to the next one in line, if this one has it.
func (p *Pass) Step() {
	if p == nil {
		return
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.step()
}

// Began says that the intent of the request's try is written. The turn is the next one's.
func (p *Pass) Began() {
	if p == nil {
		return
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.began = true
	p.step()
}

// step takes a pass out of the line.
func (p *Pass) step() {
	q := p.at
	first := p.first()
	q.line = slices.DeleteFunc(q.line, func(is *Pass) bool { return is == p })
	if first && len(q.line) > 0 {
		q.line[0].fresh = true
		q.call()
	}
}

// call has the first in line look around.
func (q *queue) call() {
	if len(q.line) == 0 {
		return
	}
	select {
	case q.line[0].wake <- struct{}{}:
	default: // it will look already
	}
}

func (p *Pass) first() bool { return len(p.at.line) > 0 && p.at.line[0] == p }

// join puts a pass into the line, unless it is there. It tells whether there is room.
func (p *Pass) join() bool {
	q := p.at
	if slices.Contains(q.line, p) {
		return true
	}
	if len(q.line) >= maxLine {
		return false
	}
	q.line = append(q.line, p)
	return true
}

// others are the tries of other payments that are under way, each once.
func (q *queue) others(payment string) []Try {
	var all []Try
	for _, is := range q.inside {
		if !is.through || is.payment == payment {
			continue
		}
		for _, t := range is.tries {
			if !slices.ContainsFunc(all, t.Same) { // two requests may be about one try
				all = append(all, t)
			}
		}
	}
	return all
}

// agreed tells whether the issuer has agreed to an open try, which is not written yet.
func (q *queue) agreed(t Try) bool {
	return t.Open() && slices.ContainsFunc(q.inside, func(p *Pass) bool { return p.agreed && slices.ContainsFunc(p.tries, t.Same) })
}

// Read says that the history of the card is about to be read: what has ended until now is in it.
func (p *Pass) Read() {
	if p == nil {
		return
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.read, p.fresh = p.at.ended, false
}

// Ask asks to let a try through. The history is without the try itself. looked says that its tries whose end is not written down have been
// looked up. What is let through of a card that has a history keeps the turn until it steps on: the history changes with its intent.
func (p *Pass) Ask(h History, looked bool, rules Rules, now time.Time) (Answer, Ban) {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	q := p.at
	p.least = rules.least()
	others, counts := q.others(p.payment), h.less(q.agreed)
	ban, stands := counts.stands(others, rules, now)
	known := looked || !counts.elsewhere(others)
	switch {
	case stands == refused && (known || ban.Rule == NeverAgain):
		return p.forbid(), ban
	case !p.through && !p.first() && len(q.line) > 0:
		if !p.join() {
			return Full, ban
		}
		return Wait, ban
	case stands == free && counts.bears(others, q.ended-p.read, rules, now):
		p.pass(looked || len(h.Tries) > 0)
		return Through, ban
	}
	if stands != free {
		p.end() // it was let through, and others came in between from elsewhere
	}
	if !p.through {
		p.join()
	}
	switch {
	case stands == free: // what has ended meanwhile may be declines: it is read again at once
		return Wait, ban
	case !known:
		return LookUp, ban
	case stands == crowded:
		return Wait, ban
	}
	return p.forbid(), ban
}

// pass lets a try through. Where the history is written it takes the turn.
func (p *Pass) pass(written bool) {
	switch {
	case p.through:
	case written:
		p.join()
	default:
		p.step()
	}
	p.through = true
}

func (p *Pass) forbid() Answer {
	p.step()
	p.end()
	return Forbidden
}

// Wait waits until it is worth asking again: the pass has the turn, and a try has ended since it read the history. It fails with the context's
// error.
func (p *Pass) Wait(ctx context.Context) error {
	for !p.ready() {
		select {
		case <-p.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (p *Pass) ready() bool {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	q := p.at
	if !p.through && (!p.first() || len(q.others(p.payment)) >= p.least) {
		return false
	}
	return p.fresh || q.ended != p.read
}

// Writes gives one request after the other the time to write a decline into the history: they do not lose against each other. It ends with done.
func (p *Pass) Writes() (done func()) {
	if p == nil {
		return func() {}
	}
	p.at.pen <- struct{}{}
	return func() { <-p.at.pen }
}

// Find is the pass of a request that is about a payment; one that was let through, if there is one. It is nil if there is none.
func (g *Gate) Find(of Card, payment string) *Pass {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found *Pass
	if q := g.cards[of]; q != nil {
		for _, p := range q.inside {
			if p.payment == payment && (found == nil || p.through) {
				found = p
			}
		}
	}
	return found
}

// HasBegun tells whether the request began its try itself.
func (p *Pass) HasBegun() bool {
	if p == nil {
		return false
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	return p.began
}

// Ended is how many tries of a card have ended, for GoOn.
func (g *Gate) Ended(of Card) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q := g.cards[of]; q != nil {
		return q.ended
	}
	return 0
}

// Step is a try that goes on with the next one.
type Step struct {
	From, To Try
	Sent     bool // false: nobody was asked, so the next one has the place of this one
	Ended    int  // what Gate.Ended said before the history was read
	Looked   bool // see Pass.Ask
}

// GoOn asks to let the next try of a payment through, without waiting. The history has the decline of the one before, if it was declined. It
// answers Through, Forbidden, LookUp, or Wait if the history is to be read again.
func (g *Gate) GoOn(h History, s Step, rules Rules, now time.Time) Answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.cards[h.Card]
	if q == nil {
		q = &queue{ended: s.Ended}
	}
	others := q.others(s.To.Payment)
	h = h.less(q.agreed)
	switch _, stands := h.stands(others, rules, now); {
	case stands == free && !h.bears(others, q.ended-s.Ended, rules, now):
		return Wait
	case stands == free:
		q.goOn(s)
		return Through
	case !s.Looked && h.elsewhere(others):
		return LookUp
	}
	return Forbidden
}

// goOn has the requests about a payment go on: those that were let through, and those that came with what was under way already.
func (q *queue) goOn(s Step) {
	for _, p := range q.inside {
		if p.payment != s.To.Payment || !p.through && slices.Contains(q.line, p) || p.through && slices.ContainsFunc(p.tries, s.To.Same) {
			continue
		}
		if !p.through || !s.Sent {
			p.tries = slices.DeleteFunc(p.tries, s.From.Same)
		}
		p.tries, p.through, p.began = append(p.tries, s.To), true, true
	}
}

// Len is how many cards are being tried.
func (g *Gate) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.cards)
}
