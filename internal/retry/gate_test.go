package retry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var card = Card{Merchant: "acct_shop:test", Fingerprint: "a"}

func first(payment string) Try { return Try{Payment: payment, Number: 1, At: noon} }

// door is a gate for a card that may be declined three times, and what is written of it.
type door struct {
	*testing.T
	Gate
	rules Rules

	mu      sync.Mutex
	written History
}

func newDoor(t *testing.T) *door {
	return &door{T: t, rules: three("visa"), written: History{Card: card}}
}

func (d *door) read() History {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.written
}

// declined writes down that a try was declined.
func (d *door) declined(t Try) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.Code = "do_not_honor"
	d.written = d.written.Counted(t, d.rules, noon)
}

// asks comes to the gate and gives the first answer.
func (d *door) asks(payment string) (*Pass, Answer) {
	d.Helper()
	p := d.Enter(card, first(payment))
	answer, _ := p.Ask(d.read(), false, d.rules, noon)
	return p, answer
}

// fills has as many tries let through as the limit is.
func (d *door) fills() []*Pass {
	d.Helper()
	var inside []*Pass
	for n := range 3 {
		p, answer := d.asks(fmt.Sprint("in_", n))
		d.expect("while there is room", answer, Through)
		inside = append(inside, p)
	}
	return inside
}

func (d *door) expect(what string, got, want Answer) {
	d.Helper()
	if got != want {
		d.Errorf("%s: answered %d, want %d", what, got, want)
	}
}

// comes asks until there is an answer.
func (d *door) comes(ctx context.Context, p *Pass) (Answer, error) {
	for {
		p.Read()
		answer, _ := p.Ask(d.read(), false, d.rules, noon)
		if answer != Wait {
			return answer, nil
		}
		if err := p.Wait(ctx); err != nil {
			return Wait, err
		}
	}
}

func (d *door) empty() {
	d.Helper()
	if d.Len() != 0 {
		d.Errorf("%d cards are left", d.Len())
	}
}

func TestWhoComesToAFullGateWaitsInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		inside := d.fills()
		var order []string
		var group sync.WaitGroup
		for n := range 5 {
			name := fmt.Sprint("pay_", n)
			group.Go(func() {
				p := d.Enter(card, first(name))
				defer p.Leave()
				answer, err := d.comes(t.Context(), p)
				if err != nil || answer != Through {
					t.Errorf("%s: %d, %v", name, answer, err)
				}
				order = append(order, name) // one after the other: each is let through by the end of the one before
			})
			synctest.Wait()
		}
		if len(order) != 0 {
			t.Errorf("%v did not wait", order)
		}
		inside[1].Leave()
		group.Wait()
		if want := []string{"pay_0", "pay_1", "pay_2", "pay_3", "pay_4"}; !slices.Equal(order, want) {
			t.Errorf("let through in the order %v", order)
		}
		inside[0].Leave()
		inside[0].Leave()
		inside[2].Leave()
		d.empty()
	})
}

func TestWhoWaitsIsForbiddenWhenTheOthersAreDeclined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		inside := d.fills()
		answers := make(chan Answer, 8)
		for n := range 8 {
			go func() {
				p := d.Enter(card, first(fmt.Sprint("pay_", n)))
				defer p.Leave()
				answer, err := d.comes(t.Context(), p)
				if err != nil {
					t.Error(err)
				}
				if answer == Through { // and declined as well
					d.declined(p.tries[0])
				}
				answers <- answer
			}()
		}
		synctest.Wait()
		inside[0].Leave() // approved: one of those who wait takes its place
		for _, p := range inside[1:] {
			d.declined(p.tries[0])
			p.Leave()
		}
		count := map[Answer]int{}
		for range 8 {
			count[<-answers]++
		}
		if count[Through] != 1 || count[Forbidden] != 7 {
			t.Errorf("answered %v", count)
		}
		p, answer := d.asks("pay_late")
		d.expect("later", answer, Forbidden)
		p.Leave()
		d.empty()
	})
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		inside := d.fills()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		for n := range 2 { // the first in line, and the next one after it
			p := d.Enter(card, first(fmt.Sprint("pay_", n)))
			if answer, err := d.comes(ctx, p); answer != Wait || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("answered %d, %v", answer, err)
			}
			if waited := time.Since(began); waited != 10*time.Second {
				t.Errorf("waited %v", waited)
			}
			p.Leave()
		}
		inside[0].Leave()
		p, answer := d.asks("pay_2")
		d.expect("when there is room", answer, Through)
		for _, p := range append(inside, p) {
			p.Leave()
		}
		d.empty()
	})
}

// What ended between the reading and the asking may be a decline that was not read.
func TestWhatEndsAfterTheHistoryWasReadIsNotMissed(t *testing.T) {
	d := newDoor(t)
	one, _ := d.asks("pay_1")
	two, _ := d.asks("pay_2")
	old := d.read()
	three, four := d.Enter(card, first("pay_3")), d.Enter(card, first("pay_4"))
	d.declined(one.tries[0])
	one.Leave()
	answer, _ := three.Ask(old, false, d.rules, noon)
	d.expect("a place is left in any case", answer, Through)
	answer, _ = four.Ask(old, false, d.rules, noon)
	d.expect("with an old history", answer, Wait)
	two.Leave() // approved
	answer, err := d.comes(t.Context(), four)
	if err != nil {
		t.Fatal(err)
	}
	d.expect("with the new one", answer, Through)
	three.Leave()
	four.Leave()
	d.empty()
}

// The issuer has agreed to a try, and that is not written yet: in the history it is open, and it is in nobody's way.
func TestAnApprovalMakesRoomBeforeItIsWritten(t *testing.T) {
	d := newDoor(t)
	d.declined(first("pay_0"))
	var inside []*Pass
	for _, name := range []string{"pay_1", "pay_2"} {
		p, answer := d.asks(name)
		d.expect(name, answer, Through)
		d.written = d.written.Begun(p.tries[0], d.rules, noon)
		p.Began()
		inside = append(inside, p)
	}
	p, answer := d.asks("pay_3")
	d.expect("while it is not known", answer, Wait)
	p.Leave()
	inside[0].Approved()
	p, answer = d.asks("pay_3")
	d.expect("when it is", answer, Through)
	p.Leave()
	inside[0].Leave() // the gate knows nothing of it now
	p, answer = d.asks("pay_4")
	d.expect("when nobody here knows any more", answer, LookUp)
	p.Leave()
	inside[1].Leave()
	d.empty()
}

func TestATryThatGoesOnHasItsPlace(t *testing.T) {
	step := func(n int64, sent bool) Step {
		return Step{From: Try{Payment: "pay_1", Number: n, At: noon}, To: Try{Payment: "pay_1", Number: n + 1, At: noon}, Sent: sent}
	}
	d := newDoor(t)
	one, _ := d.asks("pay_1")
	two, _ := d.asks("pay_2")
	three, _ := d.asks("pay_3")
	d.expect("nobody was asked", d.GoOn(d.read(), step(1, false), d.rules, noon), Through)
	d.expect("the same again", d.GoOn(d.read(), step(1, false), d.rules, noon), Through)
	d.declined(Try{Payment: "pay_1", Number: 2, At: noon})
	d.expect("declined, and all places taken", d.GoOn(d.read(), step(2, true), d.rules, noon), Forbidden)
	three.Leave()
	d.expect("read before another one ended", d.GoOn(d.read(), step(2, true), d.rules, noon), Wait)
	again := step(2, true)
	again.Ended = d.Ended(card)
	d.expect("a place is free", d.GoOn(d.read(), again, d.rules, noon), Through)
	four, answer := d.asks("pay_4")
	d.expect("which is taken then", answer, Wait)
	for _, p := range []*Pass{four, two, one} {
		p.Leave()
	}
	d.empty()
	d.expect("of a card that nobody is about", d.GoOn(History{Card: card}, step(1, true), d.rules, noon), Through)
	d.empty()
}

func TestTwoRequestsForOneTryCountOnce(t *testing.T) {
	d := newDoor(t)
	one, _ := d.asks("pay_1")
	twin, answer := d.asks("pay_1")
	d.expect("its twin", answer, Through)
	two, _ := d.asks("pay_2")
	three, answer := d.asks("pay_3")
	d.expect("the third payment", answer, Through)
	one.Leave()
	if d.Find(card, "pay_1") != twin || d.Find(card, "pay_9") != nil {
		t.Error("the twin is not found")
	}
	four, answer := d.asks("pay_4")
	d.expect("while the twin is there", answer, Wait)
	for _, p := range []*Pass{twin, two, three, four} {
		p.Leave()
	}
	d.empty()
}

func TestTheLineHasAnEnd(t *testing.T) {
	d := newDoor(t)
	var all []*Pass
	count := map[Answer]int{}
	for n := range 3 + maxLine + 2 {
		p, answer := d.asks(fmt.Sprint("pay_", n))
		count[answer]++
		all = append(all, p)
	}
	if count[Through] != 3 || count[Wait] != maxLine || count[Full] != 2 {
		t.Errorf("answered %v", count)
	}
	for _, p := range all {
		p.Leave()
	}
	d.empty()
}

// However many come at once, and whatever becomes of them, no more may be declined than the limit says, and all that are approved get through.
func TestTheGateHoldsUnderACrowd(t *testing.T) {
	const at = 200
	d := newDoor(t)
	d.rules.Limits[0].Declines = 15
	d.rules.ApprovalEnds = false
	var mu sync.Mutex
	now, most, declined, approved := 0, 0, 0, 0
	var group sync.WaitGroup
	for n := range at {
		group.Go(func() {
			p := d.Enter(card, first(fmt.Sprint("pay_", n)))
			defer p.Leave()
			if answer, err := d.comes(t.Context(), p); err != nil || answer != Through {
				if answer != Forbidden {
					t.Errorf("answered %d, %v", answer, err)
				}
				return
			}
			p.Began()
			mu.Lock()
			now++
			most = max(most, now+declined)
			mu.Unlock()
			mu.Lock()
			defer mu.Unlock()
			now--
			if n%5 == 0 {
				declined++
				d.declined(p.tries[0])
			} else {
				approved++
			}
		})
	}
	group.Wait()
	if most > 15 || declined != 15 || approved < 15 {
		t.Errorf("%d may have been declined at once, %d were, %d were approved", most, declined, approved)
	}
	d.empty()
}
