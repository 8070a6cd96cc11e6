package retry

import (
	"slices"
	"testing"
)

func TestTheCrowdKnowsWhoBeganAlone(t *testing.T) {
	var c Crowd
	of := Card{Merchant: "acct_shop:test", Fingerprint: "a"}
	at := func(payment string, number int64) Try { return Try{Payment: payment, Number: number, At: noon} }
	check := func(name string, p string, number int64, alone bool, others ...Try) {
		t.Helper()
		beside, is := c.Beside(of, at(p, number))
		if is != alone || !slices.Equal(beside, others) {
			t.Errorf("%s: alone %v, beside %v", name, is, beside)
		}
	}
	leaveOne := c.Enter(of, at("one", 1))
	check("the first", "one", 1, true)
	leaveTwin := c.Enter(of, at("one", 1)) // two requests for one payment
	check("its twin", "one", 1, true)
	leaveTwo := c.Enter(of, at("two", 1))
	leaveThree := c.Enter(of, at("three", 1))
	check("the second", "two", 1, false, at("one", 1), at("one", 1))
	leaveTwin()
	c.GoOn(of, at("one", 2))
	c.GoOn(of, at("one", 2))
	check("the first, elsewhere", "one", 2, false)
	leaveOne()
	check("who has left", "one", 2, false)
	leaveTwo()
	leaveFour := c.Enter(of, at("four", 1))
	check("the fourth", "four", 1, false)
	leaveThree()
	c.GoOn(of, at("four", 2))
	check("the fourth, elsewhere", "four", 2, true)
	leaveFive := c.Enter(of, at("five", 1))
	check("the fifth", "five", 1, false, at("four", 2))
	leaveElse := c.Enter(Card{Merchant: "acct_shop:live", Fingerprint: "a"}, at("six", 1))
	for _, leave := range []func(){leaveFour, leaveFive, leaveElse, leaveElse} {
		leave()
	}
	if c.Len() != 0 {
		t.Errorf("%d cards are left", c.Len())
	}
}
