package retry

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestOfACardWithAHistoryOneAfterTheOtherHasTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.declined(first("pay_0"))
		one, answer := d.asks("pay_1")
		d.expect("the first", answer, Through)
		two, answer := d.asks("pay_2")
		d.expect("while its intent is not written", answer, Wait)
		through := make(chan Answer, 1)
		go func() {
			answer, err := d.comes(t.Context(), two)
			if err != nil {
				t.Error(err)
			}
			through <- answer
		}()
		synctest.Wait()
		if len(through) != 0 {
			t.Error("two have the turn")
		}
		one.Began()
		d.expect("when it is", <-through, Through)
		two.Step()
		one.Leave()
		two.Leave()
		d.empty()
	})
}

func TestTriesThatNobodyHereIsAboutAreLookedUp(t *testing.T) {
	open := func(n int) History {
		h := History{Card: card}
		for i := range n {
			h.Tries = append(h.Tries, first(fmt.Sprint("pay_gone", i)))
		}
		return h
	}
	d := newDoor(t)
	p := d.Enter(card, first("pay_1"))
	answer, _ := p.Ask(open(3), false, d.rules, noon)
	d.expect("three of them", answer, LookUp)
	answer, ban := p.Ask(open(3), true, d.rules, noon)
	d.expect("three that are open still", answer, Forbidden)
	if ban.Rule != "visa" || ban.Last.Code != "" {
		t.Errorf("forbidden by %+v", ban)
	}
	answer, _ = p.Ask(open(2), false, d.rules, noon)
	d.expect("two of them", answer, Through)
	p.Began()
	other := d.Enter(card, first("pay_2"))
	answer, _ = other.Ask(open(2), false, d.rules, noon)
	d.expect("two, and one under way here", answer, LookUp)
	answer, _ = other.Ask(open(2), true, d.rules, noon)
	d.expect("then it waits for that one", answer, Wait)
	other.Leave()
	p.Leave()
	d.empty()
}

// Another process was faster with its tries while the intent of one was on its way: it has no place any more, and keeps the turn.
func TestATryThatOthersHaveOvertakenWaitsOn(t *testing.T) {
	d := newDoor(t)
	d.declined(first("pay_0"))
	one, _ := d.asks("pay_1")
	one.Began()
	two, answer := d.asks("pay_2")
	d.expect("at first", answer, Through)
	d.declined(first("pay_elsewhere"))
	two.Read()
	answer, _ = two.Ask(d.read(), false, d.rules, noon)
	d.expect("overtaken", answer, Wait)
	three, answer := d.asks("pay_3")
	d.expect("who comes later", answer, Wait)
	one.Leave() // approved
	if err := two.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	two.Read()
	answer, _ = two.Ask(d.read(), false, d.rules, noon)
	d.expect("when there is room", answer, Through)
	two.Leave()
	three.Leave()
	d.empty()
}

func TestOneDeclineAfterTheOtherIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		one, _ := d.asks("pay_1")
		two, _ := d.asks("pay_2")
		done := one.Writes()
		began := make(chan struct{})
		go func() {
			defer two.Writes()()
			close(began)
		}()
		select {
		case <-began:
			t.Error("two write at once")
		case <-time.After(time.Second):
		}
		done()
		<-began
		one.Leave()
		two.Leave()
		(*Pass)(nil).Writes()()
	})
}
