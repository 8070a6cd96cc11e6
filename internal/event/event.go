// Package event is the outbox: what happened, written in the Change that made it happen, with a delivery for each
// endpoint that wants to hear of it.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Version is the data version that events are rendered in.
const Version = "2026-11-22"

// Type is what happened: an object and a verb, such as payment.captured.
type Type string

// The types of event.
const (
	PaymentCreated           Type = "payment.created"
	PaymentPending           Type = "payment.pending"
	PaymentRequiresAction    Type = "payment.requires_action"
	PaymentAuthorized        Type = "payment.authorized"
	PaymentCaptured          Type = "payment.captured"
	PaymentPartiallyCaptured Type = "payment.partially_captured"
	PaymentCaptureFailed     Type = "payment.capture_failed" // a capture that was accepted did not succeed; the authorization stands
	PaymentCancelFailed      Type = "payment.cancel_failed"  // a cancellation that was accepted did not succeed; the authorization stands
	PaymentFailed            Type = "payment.failed"
	PaymentCanceled          Type = "payment.canceled"
	PaymentExpired           Type = "payment.expired"
	PaymentAdjusted          Type = "payment.adjusted" // it cleared at another amount than was captured
	RefundPending            Type = "refund.pending"
	RefundSucceeded          Type = "refund.succeeded"
	RefundFailed             Type = "refund.failed"
	PayoutHeld               Type = "payout.held"
	PayoutQueued             Type = "payout.queued"
	PayoutSent               Type = "payout.sent"
	PayoutPaid               Type = "payout.paid"
	PayoutFailed             Type = "payout.failed"
	PayoutReturned           Type = "payout.returned"
	PayoutCanceled           Type = "payout.canceled"
	MethodAttached           Type = "payment_method.attached"
	MethodDetached           Type = "payment_method.detached"
	MethodUpdated            Type = "payment_method.updated"
	OrderPaid                Type = "order.paid"
	OrderExpired             Type = "order.expired"
	OrderOverpaid            Type = "order.overpaid" // money came that the order did not need: it goes back
	OrderReminder            Type = "order.reminder" // the payer is to be reminded
	DisputeCreated           Type = "dispute.created"
	DisputeUpdated           Type = "dispute.updated"
	DisputeWon               Type = "dispute.won"
	DisputeLost              Type = "dispute.lost"      // also one that was accepted, or not answered in time
	ProviderDegraded         Type = "provider.degraded" // an operation of a provider account fails too often, and is not called
	ProviderRecovered        Type = "provider.recovered"
	KillSwitchChanged        Type = "kill_switch.changed"
	BreakOpened              Type = "recon.break_opened" // something does not agree: a person must look
	BreakClosed              Type = "recon.break_closed"
	EndpointDisabled         Type = "webhook_endpoint.disabled" // the notice: an endpoint hears no more of events
	EndpointTest             Type = "webhook_endpoint.test"     // for one endpoint alone, because somebody asked
)

// Types is every type that an endpoint may ask for.
var Types = []Type{
	PaymentCreated, PaymentPending, PaymentRequiresAction, PaymentAuthorized, PaymentCaptured, PaymentPartiallyCaptured, PaymentCaptureFailed, PaymentCancelFailed, PaymentFailed,
	PaymentCanceled, PaymentExpired, PaymentAdjusted, RefundPending, RefundSucceeded, RefundFailed, MethodAttached, MethodDetached, MethodUpdated,
	DisputeCreated, DisputeUpdated, DisputeWon, DisputeLost, PayoutHeld, PayoutQueued, PayoutSent, PayoutPaid, PayoutFailed, PayoutReturned, PayoutCanceled,
	OrderPaid, OrderExpired, OrderOverpaid, OrderReminder, ProviderDegraded, ProviderRecovered, KillSwitchChanged,
	BreakOpened, BreakClosed,
	EndpointDisabled, EndpointTest,
}

// promised are types of the contract that this version makes no events of. A filter may name them, so that who is written for the
// contract can ask for all that it knows.
var promised = []Type{
	"payment.in_review", "risk.review_opened", "risk.review_closed",
}

// askable is every type that a filter may name.
var askable = slices.Concat(Types, promised)

// Fact is something that happened, to be told of.
type Fact struct {
	Type     Type
	Subject  string // the id of the object
	Thread   string // the facts of one thread have an order: a payment's, its refunds' among them. Empty: no order
	Sequence int64  // rises within the thread
	Object   any    // the object as it is now
}

// Event is one thing that happened. Its body is rendered once and sent byte for byte the same on every try.
type Event struct {
	Merchant  string
	ID        string
	Type      Type
	Subject   string // the id of the object
	Body      []byte // the webhook's body: JSON
	CreatedAt time.Time
	Thread    string
	Sequence  int64
}

// Object is an event as the contract shows it, and the body of its webhook.
type Object struct {
	ID         string          `json:"id"`
	Object     string          `json:"object" enum:"event"`
	Type       Type            `json:"type" example:"payment.captured"`
	APIVersion string          `json:"api_version"`
	CreatedAt  time.Time       `json:"created_at"`
	Livemode   bool            `json:"livemode"`
	Data       json.RawMessage `json:"data" doc:"The object as it was."`
}

// render is the object as JSON, as json.Marshal has it. Its data, which is most of it, comes from json.Marshal: it is put in as it is, and not
// read once more.
func (o Object) render() ([]byte, error) {
	const none = "null}" // data is the last field
	data := o.Data
	o.Data = nil
	head, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return slices.Concat(bytes.TrimSuffix(head, []byte(none)), data, []byte("}")), nil
}

// Matches tells whether a filter takes a type: the type itself, a prefix such as payment.*, or *.
func Matches(filter string, t Type) bool {
	prefix, wild := strings.CutSuffix(filter, "*")
	if wild {
		return strings.HasPrefix(string(t), prefix)
	}
	return filter == string(t)
}

// CheckFilter fails on a filter that no type of the contract can match, and says what there is. It does not repeat the filter, which
// may be a card number in the wrong place.
func CheckFilter(filter string) error {
	if prefix, wild := strings.CutSuffix(filter, "*"); wild && prefix != "" && !strings.HasSuffix(prefix, ".") {
		return errors.New("must have its wildcard alone or behind a dot, as in payment.*")
	}
	for _, t := range askable {
		if Matches(filter, t) {
			return nil
		}
	}
	return errors.New("must be a type of event, a prefix such as payment.*, or *: there are " + like(filter))
}

// CheckType fails on what is no type of the contract, and says what there is.
func CheckType(t Type) error {
	if slices.Contains(askable, t) {
		return nil
	}
	return errors.New("must be a type of event: there are " + like(string(t)))
}

// like is the types of the object that a filter names; if there is no such object, the objects that there are.
func like(filter string) string {
	var same, objects []string
	wanted, _, _ := strings.Cut(filter, ".")
	for _, t := range askable {
		object, _, _ := strings.Cut(string(t), ".")
		if object == wanted {
			same = append(same, string(t))
		}
		if !slices.Contains(objects, object+".*") {
			objects = append(objects, object+".*")
		}
	}
	if same != nil {
		return strings.Join(same, ", ")
	}
	return strings.Join(objects, ", ")
}
