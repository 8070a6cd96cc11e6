package payout

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// CodePartly is the failure of a payout of which some parts arrived, and some did not.
const CodePartly = "partly_paid"

// progress is how far the parts of a payout are.
type progress struct {
	open, begun       bool  // one of them is not at its end; one has been sent
	arrived, returned int64 // what has come to its payee, and what came back, in minor units
	failure           *FailureObject
}

func (l *Loop) progress() (s progress) {
	for _, part := range l.Parts {
		s.open = s.open || part.Status.open()
		s.begun = s.begun || part.Status != PartHeld && part.Status != PartQueued
		switch part.Status {
		case PartSucceeded:
			s.arrived += part.Amount
		case PartReturned:
			s.returned += part.Amount
		}
		if part.Failure != nil && !part.Replaced {
			s.failure = part.Failure
		}
	}
	return s
}

// concluded is the state that a payout's parts are in, and why, if it failed or came back.
func (p Payout) concluded() (Status, *FailureObject) {
	all := p.Loop.progress()
	switch {
	case all.open && all.begun && p.Status == Queued:
		return Sent, p.Failure
	case all.open:
		return p.Status, p.Failure
	case all.arrived == p.Amount.Minor():
		return Paid, p.Failure
	case p.Status == Paid, all.arrived == 0 && all.returned > 0:
		return Returned, all.failure
	case all.arrived > 0:
		return Failed, &FailureObject{CodePartly, fmt.Sprintf("%s of %s arrived.", money.Of(all.arrived, p.Amount.Currency()), p.Amount)}
	}
	return Failed, all.failure
}

// conclude takes a payout to the state that its parts are in.
func (d *decision) conclude(now time.Time) error {
	p := &d.payout
	if gone[p.Status] {
		return nil // what comes later stands in its parts
	}
	to, failure := p.concluded()
	p.Failure = failure
	if to == p.Status {
		return nil
	}
	steps, ok := way(p.Status, to)
	if !ok {
		return fault.State(fmt.Sprintf("the payout is %s and its parts say %s", p.Status, to))
	}
	for i, step := range steps {
		detail := ""
		if i == len(steps)-1 && p.Failure != nil {
			detail = p.Failure.Code
		}
		if err := d.move(step, now, detail); err != nil {
			return err
		}
	}
	return nil
}
