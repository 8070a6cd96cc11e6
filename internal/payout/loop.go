package payout

import (
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
)

// Mode is whether a customer's money goes back to where it came from.
type Mode string

// The modes.
const (
	ModeNone    Mode = "none"
	ModePrefer  Mode = "prefer"  // as far as it can; the rest goes to the destination
	ModeRequire Mode = "require" // all of it, or nothing is made
)

// Order is which of a customer's sources come first.
type Order string

// The orders.
const (
	OldestFirst Order = "oldest"
	NewestFirst Order = "newest"
)

// The codes of refusals that only closed loops have.
const (
	CodeLoopShort  = "closed_loop_insufficient"
	CodeManySource = "too_many_sources"
)

// maxSources is how many payments one payout may go back to, or draw on: all of them are one Change.
const maxSources = 200

// maxUnused is how many of the sources that could not be used are told of.
const maxUnused = 20

// Loop is how a payout goes back to the sources of its money.
type Loop struct {
	Mode   Mode     `json:"mode"`
	Order  Order    `json:"order"`
	Source string   `json:"source,omitempty"` // the payment that was asked for
	Parts  []Part   `json:"parts"`
	Unused []Unused `json:"unused,omitempty"`
}

// with is the loop with parts of its own, which can be changed.
func (l Loop) with() *Loop {
	l.Parts = slices.Clone(l.Parts)
	return &l
}

// PartType is how a part of the money goes.
type PartType string

// The types of part.
const (
	PartRefund   PartType = "refund"
	PartReversal PartType = "reversal" // the authorization is voided
	PartPayout   PartType = "payout"   // to the destination
)

// PartStatus is the state of a part.
type PartStatus string

// The states of a part.
const (
	PartHeld      PartStatus = "held"
	PartQueued    PartStatus = "queued"
	PartSent      PartStatus = "sent" // on its way, or nobody knows yet
	PartSucceeded PartStatus = "succeeded"
	PartFailed    PartStatus = "failed"
	PartReturned  PartStatus = "returned"
	PartCanceled  PartStatus = "canceled"
)

func (s PartStatus) open() bool { return s == PartHeld || s == PartQueued || s == PartSent }

// Why a part goes the way that it goes.
const (
	WhySource       = "source"        // back to where it came from
	WhyRest         = "rest"          // the sources take no more
	WhyRefundFailed = "refund_failed" // its source did not take it
)

// Part is a part of a payout.
type Part struct {
	Type     PartType       `json:"type" enum:"refund,reversal,payout"`
	ID       string         `json:"id,omitempty" doc:"The refund (ref_…), the reversal (voi_…) or the payout to the destination (po_…). Absent if it could not be made." example:"ref_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Status   PartStatus     `json:"status" enum:"held,queued,sent,succeeded,failed,returned,canceled" doc:"sent: on its way, or nobody knows yet whether it arrived."`
	Amount   int64          `json:"amount" doc:"In the currency's minor unit."`
	Payment  string         `json:"payment,omitempty" doc:"The source that it goes back to." example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Method   string         `json:"method,omitempty" doc:"How that was paid." example:"card"`
	Reason   string         `json:"reason" enum:"source,rest,refund_failed" doc:"Why it goes this way. source: back to where it came from. rest: the sources take no more. refund_failed: a source did not take it."`
	Failure  *FailureObject `json:"failure,omitempty"`
	Replaced bool           `json:"replaced,omitempty" doc:"It failed, and its amount goes on by a later part."`
}

// Unused is a source that money could not go back to.
type Unused struct {
	Payment string     `json:"payment" example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Method  string     `json:"method,omitempty" example:"card"`
	Reason  string     `json:"reason" enum:"nothing_left,disputed,refund_window_closed,method_not_refundable,operation_in_progress,currency_differs,same_order,larger_than_needed,second_person_required" doc:"same_order: another payment of the same order goes back by this payout. larger_than_needed: an authorization is given back whole. second_person_required: an authorization is not given back by a payout that is held."`
	Left    int64      `json:"left" doc:"What of it the customer has, in minor units of its own currency."`
	Until   *time.Time `json:"refundable_until,omitempty" doc:"Until when it could be refunded."`
}

// The reasons against a source beside payment.Bar.
const (
	unusedCurrency = "currency_differs"
	unusedOrder    = "same_order"
	unusedLarger   = "larger_than_needed"
	unusedHeld     = "second_person_required"
)

// Draw is what is withdrawn of a payment to somewhere else.
type Draw struct {
	Payment string `json:"payment"`
	Amount  int64  `json:"amount"`
}

// share is what goes back to one source.
type share struct {
	from    payment.Source
	amount  money.Money
	reverse bool
}

// split is how an amount is divided.
type split struct {
	shares []share
	unused []Unused
	rest   int64 // what the sources do not take
	second bool  // a second person must agree to a refund, by the merchant's returns policy
}

// reversed is what of the split takes no money out of what is available: it was never captured.
func (s split) reversed() (sum int64) {
	for _, one := range s.shares {
		if one.reverse {
			sum += one.amount.Minor()
		}
	}
	return sum
}

// divide decides which sources an amount goes back to, in their order, and says of each that it passes over why. held is a payout that waits for a
// second person. It decides alone: it reads nothing, and the same facts give the same split.
func divide(amount money.Money, sources []payment.Source, held bool) split {
	s := split{rest: amount.Minor()}
	orders := map[string]bool{}
	for _, from := range sources {
		if s.rest == 0 {
			break
		}
		p := from.Payment
		reason := string(from.Bar)
		switch {
		case p.Amount.Currency() != amount.Currency():
			reason = unusedCurrency
		case reason != "":
		case p.Order != "" && orders[p.Order]:
			reason = unusedOrder
		case from.Reversible > 0 && held:
			reason = unusedHeld
		case from.Reversible > s.rest:
			reason = unusedLarger
		}
		if reason != "" {
			s.unused = append(s.unused, unusedOf(from, reason))
			continue
		}
		one := share{from, money.Of(min(s.rest, from.Left), amount.Currency()), from.Reversible > 0}
		if one.reverse {
			one.amount = money.Of(from.Reversible, amount.Currency())
		}
		if !one.reverse && from.Alone >= 0 && one.amount.Minor() > from.Alone {
			s.second = true
		}
		orders[p.Order] = true
		s.rest -= one.amount.Minor()
		s.shares = append(s.shares, one)
	}
	if s.second && !held {
		return divide(amount, sources, true).secondly()
	}
	return s
}

// secondly is the split with the need of a second person.
func (s split) secondly() split {
	s.second = true
	return s
}

func unusedOf(from payment.Source, reason string) Unused {
	u := Unused{Payment: from.Payment.ID, Method: methodOf(from), Reason: reason, Left: from.Left}
	if !from.RefundableUntil.IsZero() {
		u.Until = &from.RefundableUntil
	}
	return u
}

func methodOf(from payment.Source) string {
	if m := from.Method(); m != nil {
		return string(m.Type)
	}
	return ""
}

// draw decides of which sources an amount is withdrawn that goes somewhere else: in their order, of those that are not used. What is more than all of
// them have is beyond what the customer paid in.
func draw(rest int64, currency money.Currency, sources []payment.Source, used []share) (draws []Draw, of []payment.Source, beyond int64) {
	for _, from := range sources {
		taken := slices.ContainsFunc(used, func(s share) bool { return s.from.Payment.ID == from.Payment.ID })
		if rest == 0 || taken || from.Left == 0 || from.Payment.Amount.Currency() != currency {
			continue
		}
		n := min(rest, from.Left)
		draws, of, rest = append(draws, Draw{from.Payment.ID, n}), append(of, from), rest-n
	}
	return draws, of, rest
}

// news is what became of a part.
type news struct {
	status  PartStatus
	failure *FailureObject
	waits   string    // why it waits to be sent; empty: it does not
	until   time.Time // how long it may; zero: it does not wait, or nobody knows
	leg     *Payout   // of what goes to the destination
}

// gather decides what a payout is by what became of its parts. What failed to go back and goes on to the destination comes back as the places of
// those parts; they are not counted as failed until it is known what became of that.
func (p Payout) gather(heard []news, now time.Time) (decision, []int) {
	d := decision{payout: p}
	d.payout.Loop = p.Loop.with()
	var again []int
	d.payout.Deadline = time.Time{}
	for i, n := range heard {
		part := &d.payout.Loop.Parts[i]
		d.waitsFor(*part, n, now)
		if part.Status == n.status {
			continue
		}
		part.Status, part.Failure, d.moved = n.status, n.failure, true
		d.payout.note(now, "part."+string(n.status), fmt.Sprintf("%s of %s%s", part.Type, money.Of(part.Amount, p.Amount.Currency()), partDetail(*part)))
	}
	for i, part := range d.payout.Loop.Parts {
		// A reversal that failed took nothing from the merchant, and the payer has it on hold still: to pay it out would be to pay it twice.
		if part.Type == PartRefund && part.Status == PartFailed && !part.Replaced && p.Loop.Mode == ModePrefer {
			again = append(again, i)
		}
	}
	return d, again
}

// waitsFor takes on that a part waits to be sent: the payout waits as long as the first of its parts may.
func (d *decision) waitsFor(part Part, n news, now time.Time) {
	p := &d.payout
	if n.leg != nil {
		p.Earliest, p.Latest = n.leg.Earliest, n.leg.Latest
	}
	if n.waits == "" {
		return
	}
	p.note(now, "part."+noteWaiting, fmt.Sprintf("%s of %s%s: %s", part.Type, money.Of(part.Amount, p.Amount.Currency()), partDetail(part), n.waits))
	if p.Deadline.IsZero() || !n.until.IsZero() && n.until.Before(p.Deadline) {
		p.Deadline = n.until
	}
}

func partDetail(p Part) string {
	detail := ""
	if p.Payment != "" {
		detail = " to " + p.Payment
	}
	if p.Failure != nil {
		detail += ": " + p.Failure.Code
	}
	return detail
}

// start decides a payout that consists of parts.
func start(p Payout, held bool, now time.Time) decision {
	d := decision{payout: p, moved: true}
	d.payout.Status = Queued
	detail := ""
	if held {
		d.payout.Status, detail = Held, "a second person must approve it"
	}
	d.tell(now, detail)
	return d
}

// all sets every part to a state.
func (d *decision) all(status PartStatus) {
	d.payout.Loop = d.payout.Loop.with()
	for i := range d.payout.Loop.Parts {
		d.payout.Loop.Parts[i].Status = status
	}
}

// partOf is a payout's state as the state of a part.
var partOf = map[Status]PartStatus{
	Held: PartHeld, Queued: PartQueued, Sent: PartSent, Paid: PartSucceeded, Failed: PartFailed, Returned: PartReturned, Canceled: PartCanceled,
}

// partOfReturn is the state of a refund or a void as the state of a part. What nobody knows of is on its way: only what is known to have
// failed goes on somewhere else.
var partOfReturn = map[payment.OperationState]PartStatus{
	payment.OperationHeld: PartHeld, payment.OperationQueued: PartQueued, payment.OperationSending: PartSent, payment.OperationPending: PartSent,
	payment.OperationUnknown: PartSent, payment.OperationSucceeded: PartSucceeded, payment.OperationFailed: PartFailed,
}

// arrived is what of a payout has come to whom it is for.
func (p Payout) arrived() int64 {
	if p.Loop == nil {
		if p.Status == Paid {
			return p.Amount.Minor()
		}
		return 0
	}
	var sum int64
	for _, part := range p.Loop.Parts {
		if part.Status == PartSucceeded {
			sum += part.Amount
		}
	}
	return sum
}

// gone are the states in which money did not arrive: what was withdrawn for it is the customer's again.
var gone = map[Status]bool{Failed: true, Returned: true, Canceled: true}

// givesBack tells whether a decision ends a payout without its money having arrived.
func (d decision) givesBack() bool {
	return len(d.payout.Draws) > 0 && slices.ContainsFunc(d.told, func(t telling) bool { return gone[t.then.Status] })
}
