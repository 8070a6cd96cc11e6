package sim

import (
	"time"

	"github.com/florinpay/florin/internal/breaker"
	"github.com/florinpay/florin/internal/routing/adaptive"
)

// flight is a payment on its way: at one account after the other, as long as nothing was sent. Where its payer must be authenticated it takes
// leave of both breakers of the account first, asks the issuer, gives the leave for the money back while the payer is at their bank, and takes it
// again for the authorization. So does the platform, see internal/payment.
type flight struct {
	payer
	order    [providerCount]int // of providers, the first choice first
	choices  int
	place    int          // in order, of the account that has it
	pass     breaker.Pass // to ask for the money
	question breaker.Pass // to ask the issuer
	proven   bool         // the payer has done their part
	class    adaptive.Class
	hung     bool // the call under way is to a provider that is down
}

func (f *flight) provider() int { return f.order[f.place] }

// secured tells whether the payer must be authenticated before the money is asked for.
func (f *flight) secured() bool { return f.challenge > 0 }

// step is what happens to a flight.
type step uint8

const (
	answered step = iota // the provider has answered the call for the money
	asked                // … the question to the issuer
	isBack               // the payer is back from their bank
)

// event is a step at its time.
type event struct {
	at     time.Duration
	order  uint64
	flight *flight
	step   step
}

// events are a heap: the one that comes first is the first.
type events []event

func (e event) before(f event) bool { return e.at < f.at || e.at == f.at && e.order < f.order }

func (e *events) push(x event) {
	h := append(*e, x)
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h[i].before(h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
	*e = h
}

func (e *events) pop() event {
	h := *e
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(h[i]) {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	*e = h
	return top
}

// take makes a flight, of one that has ended if there is one.
func (x *run) take(p payer) *flight {
	if len(x.spare) == 0 {
		return &flight{payer: p}
	}
	f := x.spare[len(x.spare)-1]
	x.spare = x.spare[:len(x.spare)-1]
	*f = flight{payer: p}
	return f
}

func (x *run) at(when time.Duration, s step, f *flight) {
	x.sent++
	x.events.push(event{when, x.sent, f, s})
}

// send makes the next call of a payment, at its account or at the next that can be called. It tells whether there was one.
func (x *run) send(f *flight, now time.Duration) bool {
	for ; f.place < f.choices; f.place++ {
		if x.call(f, now) {
			return true
		}
	}
	x.spare = append(x.spare, f)
	return false
}

// call calls the account that a payment is at, unless a breaker keeps it from that.
func (x *run) call(f *flight, now time.Duration) bool {
	pass, wait := x.money[f.provider()].Enter(now)
	if wait > 0 {
		return false
	}
	f.pass = pass
	if f.secured() && !f.proven {
		put := x.put(f, now)
		if !put {
			x.money[f.provider()].Unused(pass)
		}
		return put
	}
	after := x.charge(f, now)
	tally{x, f}.attempt()
	x.at(now+after, answered, f)
	return true
}

// put asks the issuer, unless a breaker keeps the payment from that.
func (x *run) put(f *flight, now time.Duration) bool {
	question, wait := x.issuer[f.provider()].Enter(now)
	if wait > 0 {
		return false
	}
	f.question = question
	x.at(now+x.reach(f, now), asked, f)
	return true
}

// reach is after how long a provider answers; if it does not, or is not reached, the flight is of class technical.
func (x *run) reach(f *flight, now time.Duration) time.Duration {
	f.class, f.hung = adaptive.Technical, x.truth.isDown(now, f.provider())
	switch {
	case f.hung:
		return timeout
	case f.notSent[f.provider()]:
		return unsentIn
	}
	f.class = adaptive.Issuer
	return seconds(f.slowness)
}

// charge is how the call for the money ends, and after how long.
func (x *run) charge(f *flight, now time.Duration) time.Duration {
	after := x.reach(f, now)
	switch {
	case f.class == adaptive.Technical:
	case f.fault:
		f.class = adaptive.Customer
	case f.luck < x.truth.approval(now, f.provider(), f.segment):
		f.class = adaptive.Approved
	}
	return after
}

// asked hears what the issuer said. A question whose answer is lost has hung, and is not put again while the payer waits. The platform's worker
// asks on when nobody waits any more: here nobody pays then.
func (x *run) asked(f *flight, now time.Duration) {
	failed := f.class == adaptive.Technical
	x.issuer[f.provider()].Ended(f.question, failed, now)
	x.money[f.provider()].Unused(f.pass)
	if !failed {
		x.at(now+seconds(f.challenge), isBack, f)
		return
	}
	tally{x, f}.attempt()
	x.end(f, now)
}

// answered hears how the call for the money ended.
func (x *run) answered(f *flight, now time.Duration) {
	x.money[f.provider()].Ended(f.pass, f.class == adaptive.Technical, now)
	x.end(f, now)
}

// end ends an attempt. What was not sent goes on to the next account.
func (x *run) end(f *flight, now time.Duration) {
	x.router.Observe(adaptive.Outcome{
		Provider: providerNames[f.provider()], Country: countryCodes[f.segment/binCount], BIN: binNames[f.segment], Class: f.class, At: epoch.Add(now),
	})
	if f.class == adaptive.Technical && !f.hung {
		f.place++
		x.send(f, now)
		return
	}
	x.spare = append(x.spare, f)
}
