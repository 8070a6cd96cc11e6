package sandbox

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// moves are the legal ones. What is not here is refused.
var moves = map[Status][]Status{
	Pending:           {Authorized, Captured, Declined, Voided, Expired},
	Authorized:        {PartiallyCaptured, Captured, Voided, Expired},
	PartiallyCaptured: {Captured},
	Captured:          {Voided}, // by a reversal, before it is settled
}

// turn is one decision about one transaction: the state after it, and what must be written, sent and done later because
// of it. Deciding does no I/O.
type turn struct {
	*Transaction
	now    time.Time
	ids    *id.Source
	delays Delays
	play   play

	references []string // new operations' references
	notices    []notice // webhooks to send
	plans      []plan   // events for later
}

// notice is a webhook to send.
type notice struct {
	id   string
	kind string // such as authorization.captured
	data any
	at   time.Time // created
	due  time.Time // send it then
}

// plan is an event to come by itself.
type plan struct {
	event     string
	operation string // the reference of the operation it is about; empty: none
	due       time.Time
}

func (w *World) turn(t *Transaction) *turn {
	return &turn{Transaction: t, now: w.o.Clock.Now(), ids: w.o.IDs, delays: w.o.Delays, play: recall(t.Scenario)}
}

func (t *turn) newID(what string) string { return t.ids.New(id.Prefix(t.Acquirer + "_" + what)) }

func (t *turn) note(format string, args ...any) {
	t.History = append(t.History, Moment{t.now, fmt.Sprintf(format, args...)})
}

func (t *turn) move(to Status) error {
	if !slices.Contains(moves[t.Status], to) {
		return fault.State(fmt.Sprintf("the authorization is %s: it cannot become %s", t.Status, to))
	}
	t.Status = to
	return nil
}

func (t *turn) later(event, operation string, after time.Duration) {
	t.plans = append(t.plans, plan{event, operation, t.now.Add(after)})
}

// tell sends a webhook about a call of the given kind, as the scenario has it.
func (t *turn) tell(kind string, about Kind, data any) {
	n := notice{id: t.newID("evt"), kind: kind, data: data, at: t.now, due: t.now}
	switch {
	case t.play.plays("no_webhook", about):
		return
	case t.play.plays("late_webhook", about):
		n.due = t.now.Add(t.delays.LateWebhook)
	case t.play.plays("duplicate_webhook", about):
		t.notices = append(t.notices, n)
	case t.play.plays("out_of_order_webhooks", about):
		if kind == "authorization.captured" {
			t.notices = append(t.notices, n)
			n = notice{id: t.newID("evt"), kind: "authorization.authorized", data: t.beforeCapture(), at: t.now.Add(-time.Millisecond), due: t.now}
		}
		if n.kind == "authorization.authorized" || n.kind == "dispute.opened" || t.play.on == about && about != answering {
			n.due = t.now.Add(t.delays.OutOfOrder)
		}
	}
	t.notices = append(t.notices, n)
}

// about is the transaction as a webhook tells it.
type about struct {
	Authorization
	AuthorizationReference string `json:"authorization_reference"`
}

// aboutOperation is an operation as a webhook tells it.
type aboutOperation struct {
	Operation
	AuthorizationReference string `json:"authorization_reference"`
}

func (t *turn) tellStatus(kind string) {
	t.tell(kind, Authorize, about{t.shown(), t.Reference})
}

func (t *turn) tellOperation(o *Operation) {
	t.tell("operation."+string(o.Status), o.Kind, aboutOperation{o.shown(), t.Reference})
}

// beforeCapture is a captured transaction as it was when it was only authorized.
func (t *turn) beforeCapture() about {
	a := t.Authorization
	a.Status, a.AmountCaptured, a.Operations = Authorized, 0, []Operation{}
	return about{a, t.Reference}
}

// open decides a new authorization: what the issuer said is given.
func (t *turn) open(d *Decline) {
	t.ID, t.CreatedAt, t.Operations = t.newID("auth"), t.now, []Operation{}
	t.NetworkReference = networkReference(t.ID)
	if s := t.Stored; s != nil && s.Initiator == "merchant" {
		t.note("The merchant charges a card that it keeps, by the agreement at %s", s.NetworkReference)
	}
	switch {
	case d != nil:
		t.Status, t.Decline = Declined, d
		t.note("Declined: %s (%s)", d.Reason, d.NetworkCode)
		t.tellStatus("authorization.declined")
	case t.play.plays("late_approval", Authorize):
		t.Status = Pending
		t.note("Pending: the issuer answers later")
		t.later("authorize", "", t.delays.LateApproval)
	default:
		t.approve("authorization.authorized")
	}
	t.First = t.Status
}

// approve authorizes, and captures if that was asked for. kind is the webhook that tells it if nothing is captured.
func (t *turn) approve(kind string) {
	t.Status = Authorized
	t.note("Authorized")
	if !t.Capture {
		t.tellStatus(kind)
		return
	}
	o := t.captureNow(t.Reference, t.Amount, true)
	switch {
	case o.Status == Failed:
		t.tellStatus(kind)
		t.tellOperation(o)
	case kind == "authorization.late_approved":
		t.tellStatus(kind) // it says that the money is taken, too
	case !t.shifts():
		t.tellStatus("authorization.captured")
	}
}

// networkReference makes 15 digits of an id.
func networkReference(id string) string {
	h := fnv.New64a()
	h.Write([]byte(id)) // never fails, by its contract
	return fmt.Sprintf("%015d", h.Sum64()%1_000_000_000_000_000)
}

// add records an operation with its first answer.
func (t *turn) add(o Operation, a asked) *Operation {
	a.Answer, a.Decline = o.Status, o.Decline != nil
	o.ID, o.Authorization, o.Currency, o.CreatedAt, o.Asked = t.newID("op"), t.ID, t.Currency, t.now, &a
	t.Operations = append(t.Operations, o)
	return &t.Operations[len(t.Operations)-1]
}

// shifts tells whether captures clear at another amount; their webhook then comes with the clearing.
func (t *turn) shifts() bool { return t.play.plays("amount_shift", Capture) }

// captureNow captures an amount that is known to fit.
func (t *turn) captureNow(reference string, amount int64, final bool) *Operation {
	a := asked{Amount: amount, Final: final}
	if t.Trait == captureFails {
		t.note("Capture of %s failed", show(amount, t.Currency))
		return t.add(Operation{Reference: reference, Kind: Capture, Status: Failed, Amount: amount,
			Decline: declined("transaction_not_allowed", t.Card.Brand)}, a)
	}
	t.AmountCaptured += amount
	t.Status = PartiallyCaptured
	if final || t.AmountCaptured == t.Amount {
		t.Status = Captured
	}
	t.note("Captured %s", show(amount, t.Currency))
	if t.shifts() {
		t.later("clear", reference, t.delays.Clearing)
	}
	if t.Trait == isDisputed && len(t.Disputes) == 0 {
		t.later("dispute", "", t.delays.Dispute)
	}
	return t.add(Operation{Reference: reference, Kind: Capture, Status: Succeeded, Amount: amount}, a)
}

// order is an operation that a caller asks for.
type order struct {
	kind      Kind
	id        string // the transaction's; empty for a reversal
	original  string // the authorization's reference, for a reversal
	reference string
	amount    int64
	final     bool
	reason    string
}

// same tells whether an operation is what this order asked for.
func (o order) same(t *Transaction, made *Operation) bool {
	return made.Kind == o.kind && (o.id == t.ID || o.id == "" && o.original == t.Reference) && made.Asked != nil &&
		made.Asked.Amount == o.amount && made.Asked.Final == o.final && made.Asked.Reason == o.reason
}

// obey decides an order. It fails with fault.Conflict if the state does not allow it; then nothing is recorded.
func (t *turn) obey(o order) (*Operation, error) {
	decide := map[Kind]func(order) (*Operation, error){Capture: t.capture, Void: t.void, Refund: t.refund}[o.kind]
	made, err := decide(o)
	if err != nil {
		return nil, err
	}
	t.references = append(t.references, o.reference)
	if made.Status != Waiting && !(made.Kind == Capture && made.Status == Succeeded && t.shifts()) {
		t.tellOperation(made)
	}
	return made, nil
}

func (t *turn) capture(o order) (*Operation, error) {
	if t.Status != Authorized && t.Status != PartiallyCaptured {
		return nil, fault.State(fmt.Sprintf("the authorization is %s: nothing can be captured", t.Status))
	}
	if left := t.Amount - t.AmountCaptured; o.amount > left {
		return nil, fault.State(fmt.Sprintf("only %s is left to capture", show(left, t.Currency)))
	}
	return t.captureNow(o.reference, o.amount, o.final), nil
}

// void releases what is not captured. A reversal, which knows the caller's reference only, also takes back a capture
// that came with the authorization, as long as nothing else happened to it.
func (t *turn) void(o order) (*Operation, error) {
	reversible := o.id == "" && t.Capture && t.Settlement == nil && t.reserved() == 0 && len(t.Disputes) == 0
	released := t.Amount - t.AmountCaptured
	switch {
	case t.Status == PartiallyCaptured:
		t.Status = Captured
	case t.Status == Captured && !reversible:
		return nil, fault.State("the authorization is captured: refund it")
	default:
		if err := t.move(Voided); err != nil {
			return nil, err
		}
		released, t.AmountCaptured = t.Amount, 0
	}
	t.note("Released %s", show(released, t.Currency))
	return t.add(Operation{Reference: o.reference, Kind: Void, Status: Succeeded, Amount: released}, asked{}), nil
}

func (t *turn) refund(o order) (*Operation, error) {
	if t.Status != Captured && t.Status != PartiallyCaptured {
		return nil, fault.State(fmt.Sprintf("the authorization is %s: nothing can be refunded", t.Status))
	}
	if left := t.AmountCaptured - t.reserved(); o.amount > left {
		return nil, fault.State(fmt.Sprintf("only %s is left to refund", show(left, t.Currency)))
	}
	a := asked{Amount: o.amount, Reason: o.reason}
	made := Operation{Reference: o.reference, Kind: Refund, Status: Succeeded, Amount: o.amount}
	if t.Trait == refundFails {
		made.Status = Waiting
		t.note("Refund of %s is pending", show(o.amount, t.Currency))
		t.later("fail_refund", o.reference, t.delays.RefundFailure)
		return t.add(made, a), nil
	}
	t.AmountRefunded += o.amount
	t.note("Refunded %s", show(o.amount, t.Currency))
	return t.add(made, a), nil
}
