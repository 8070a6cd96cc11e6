package order

import (
	"fmt"
	"slices"

	"github.com/florinpay/florin/internal/fault"
)

// Status is an order's state.
type Status string

// The order's states.
const (
	Open          Status = "open"
	PartiallyPaid Status = "partially_paid"
	Paid          Status = "paid"
	Expired       Status = "expired"
	Canceled      Status = "canceled"
)

// moves are the legal moves. What is not here is refused. An order that is paid stays so: what is refunded later are its payments.
var moves = map[Status][]Status{
	Open:          {PartiallyPaid, Paid, Expired, Canceled},
	PartiallyPaid: {PartiallyPaid, Paid, Expired, Canceled},
}

// takes tells whether an order in this state takes money.
func (s Status) takes() bool { return len(moves[s]) > 0 }

// move takes an order to another state, if the table allows it.
func (o *Order) move(to Status) error {
	if !slices.Contains(moves[o.Status], to) {
		return fault.State(fmt.Sprintf("the order is %s and cannot become %s", o.Status, to))
	}
	o.Status = to
	return nil
}
