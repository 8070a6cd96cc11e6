package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"
)

// Types of event. There are more, and there will be more.
const (
	EventPaymentCreated           = "payment.created"
	EventPaymentPending           = "payment.pending"
	EventPaymentRequiresAction    = "payment.requires_action"
	EventPaymentAuthorized        = "payment.authorized"
	EventPaymentCaptured          = "payment.captured"
	EventPaymentPartiallyCaptured = "payment.partially_captured"
	EventPaymentCaptureFailed     = "payment.capture_failed" // a capture that was accepted did not succeed; the authorization stands
	EventPaymentCancelFailed      = "payment.cancel_failed"  // a cancellation that was accepted did not succeed; the authorization stands
	EventPaymentFailed            = "payment.failed"
	EventPaymentCanceled          = "payment.canceled"
	EventPaymentExpired           = "payment.expired"
	EventPaymentAdjusted          = "payment.adjusted" // it cleared at another amount than was captured
	EventRefundPending            = "refund.pending"
	EventRefundSucceeded          = "refund.succeeded"
	EventRefundFailed             = "refund.failed"
	EventPaymentMethodAttached    = "payment_method.attached"
	EventPaymentMethodDetached    = "payment_method.detached"
	EventPaymentMethodUpdated     = "payment_method.updated"
)

// Event is something that happened, with the object as it was then.
type Event struct {
	ID         string          `json:"id"` // the same over all deliveries: dedupe by it
	Type       string          `json:"type"`
	APIVersion string          `json:"api_version"`
	Livemode   bool            `json:"livemode"`
	CreatedAt  time.Time       `json:"created_at"`
	Data       json.RawMessage `json:"data"` // read it with Payment, Refund, or json.Unmarshal

	Cursor string `json:"-"` // of an event that a stream brought: see [EventService.Stream]
	Raw    []byte `json:"-"` // the event byte for byte, as webhooks sign it
}

// UnmarshalJSON reads an event and keeps what it read.
func (e *Event) UnmarshalJSON(text []byte) error {
	type fields Event
	if err := json.Unmarshal(text, (*fields)(e)); err != nil {
		return err
	}
	e.Raw = bytes.Clone(text)
	return nil
}

// Payment reads the payment of a payment.… event, as it was when it happened. Events may come out of order: where that
// matters, read the payment as it is now with [PaymentService.Get].
func (e *Event) Payment() (*Payment, error) { return eventData[Payment](e, "payment.") }

// Refund reads the refund of a refund.… event, as it was when it happened.
func (e *Event) Refund() (*Refund, error) { return eventData[Refund](e, "refund.") }

func eventData[T any](e *Event, prefix string) (*T, error) {
	if !strings.HasPrefix(e.Type, prefix) {
		return nil, fmt.Errorf("florin: event %s is a %s, not a %s…", e.ID, e.Type, prefix)
	}
	object := new(T)
	if err := json.Unmarshal(e.Data, object); err != nil {
		return nil, fmt.Errorf("florin: event %s: %w", e.ID, err)
	}
	return object, nil
}

// ListEvents chooses events.
type ListEvents struct {
	Page
	Type    string   // such as payment.captured
	Types   []string // or several, such as payment.* and refund.failed
	Subject string   // about one payment, refund or webhook endpoint
}

func (p ListEvents) query() url.Values {
	v := p.values()
	set(v, "type", p.Type)
	set(v, "types", strings.Join(p.Types, ","))
	set(v, "subject", p.Subject)
	return v
}

// EventService calls /v1/events.
type EventService struct{ core *core }

// Get reads an event.
func (s *EventService) Get(ctx context.Context, id string, options ...CallOption) (*Event, error) {
	path, err := under("/v1/events", id)
	if err != nil {
		return nil, err
	}
	return get[Event](ctx, s.core, path, nil, options)
}

// List walks events, newest first. With EndingBefore it walks from that event to newer ones, in the order in which they
// happened: that is how a consumer catches up.
func (s *EventService) List(ctx context.Context, p ListEvents, options ...CallOption) iter.Seq2[*Event, error] {
	return all(ctx, s.core, "/v1/events", p.query(), func(e *Event) string { return e.ID }, options)
}
