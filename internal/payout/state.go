package payout

import "slices"

// Status is a payout's state.
type Status string

// The payout's states.
const (
	Held     Status = "held"     // a second person must approve it
	Queued   Status = "queued"   // to be sent, or sent with an outcome that is not known yet
	Sent     Status = "sent"     // the provider has taken it
	Paid     Status = "paid"     // the payee has it
	Failed   Status = "failed"   // it was not paid, and the money is available again
	Returned Status = "returned" // it was paid and came back
	Canceled Status = "canceled"
)

// moves are the legal moves. What is not here is refused.
var moves = map[Status][]Status{
	Held:   {Queued, Canceled},
	Queued: {Sent, Failed, Canceled},
	Sent:   {Paid, Failed},
	Paid:   {Returned},
}

func allowed(from, to Status) bool { return slices.Contains(moves[from], to) }

// Call is how far the call to the provider is while a payout is queued.
type Call string

// The states of a call.
const (
	NoCall      Call = ""        // nothing was sent, or it is known that nothing arrived
	CallSending Call = "sending" // it is under way, or its process died over it
	CallUnknown Call = "unknown" // nobody knows whether the provider has it: only the provider may say
)

// onTheWay is the order in which a payout goes on at its provider. Messages that skip a state bring the ones between about as well; those that
// lie behind it are old news.
var onTheWay = []Status{Queued, Sent, Paid, Returned}

// way is what lies between a state and a later one, the later one included; false if there is no way forward.
func way(from, to Status) ([]Status, bool) {
	if to == Failed {
		return []Status{Failed}, allowed(from, Failed)
	}
	i, j := slices.Index(onTheWay, from), slices.Index(onTheWay, to)
	if i < 0 || j <= i {
		return nil, false
	}
	return onTheWay[i+1 : j+1], true
}

// behind tells whether a state that is heard of is one that the payout has left behind, or has.
func behind(now, heard Status) bool {
	if now == Failed {
		return heard == Failed
	}
	i, j := slices.Index(onTheWay, now), slices.Index(onTheWay, heard)
	return i >= 0 && j >= 0 && j <= i
}
