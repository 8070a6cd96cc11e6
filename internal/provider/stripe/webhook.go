package stripe

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
)

const signatureHeader = "Stripe-Signature"

// event is Stripe's webhook. Object is one of the objects that this package knows, or it is kept without being read.
type event struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Type    string `json:"type"`
	Created int64  `json:"created"`
	Data    struct {
		Object json.RawMessage `json:"object"`
	} `json:"data"`
	Request *struct {
		IdempotencyKey string `json:"idempotency_key"`
	} `json:"request"`
}

// cause is the idempotency key of the call that caused the event: our reference, if it was one of ours.
func (e event) cause() string {
	if e.Request == nil {
		return ""
	}
	return e.Request.IdempotencyKey
}

// readers are the event types that this version understands, by what their object is. What charge.captured and
// charge.refunded say, the intent's and the refund's own events say with the reference beside it.
var readers = map[string]func(event, provider.Notification) (provider.Notification, error){
	"payment_intent.amount_capturable_updated": readIntent,
	"payment_intent.canceled":                  readIntent,
	"payment_intent.payment_failed":            readIntent,
	"payment_intent.processing":                readIntent,
	"payment_intent.requires_action":           readIntent,
	"payment_intent.succeeded":                 readIntent,
	"charge.expired":                           readCharge,
	"charge.failed":                            readCharge,
	"charge.pending":                           readCharge,
	"charge.succeeded":                         readCharge,
	"charge.refund.updated":                    readRefund,
	"charge.dispute.created":                   readDispute,
	"charge.dispute.closed":                    readDispute,
	"charge.dispute.funds_reinstated":          readDispute,
	"charge.dispute.funds_withdrawn":           readDispute,
	"charge.dispute.updated":                   readDispute,
	"refund.created":                           readRefund,
	"refund.failed":                            readRefund,
	"refund.updated":                           readRefund,
}

// VerifyWebhook checks a webhook's signature.
func (*Connector) VerifyWebhook(a provider.Account, h http.Header, body []byte, now time.Time) error {
	return provider.VerifyStamped(a.Credentials[keyWebhook], h.Get(signatureHeader), body, now)
}

// ReadWebhook reads a webhook. A type it does not know, and an object that Florin did not make, come back with an empty
// Operation.
func (*Connector) ReadWebhook(_ provider.Account, body []byte) (provider.Notification, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil || e.Object != "event" || e.ID == "" || e.Type == "" || e.Created <= 0 {
		return provider.Notification{EventID: e.ID, Type: e.Type}.Unbelieved("the webhook cannot be read")
	}
	n := provider.Notification{EventID: e.ID, Type: e.Type, OccurredAt: time.Unix(e.Created, 0).UTC()}
	read, known := readers[e.Type]
	if !known {
		return n, nil
	}
	n, err := read(e, n)
	if err != nil {
		return n, err
	}
	if n.Operation != "" && n.Dispute == nil && n.Outcome.Class == provider.Unknown {
		return n.Unbelieved("webhook " + e.ID + ": " + n.Outcome.Detail)
	}
	return n, nil
}

// readIntent tells which of our calls an intent's event speaks of: the one whose idempotency key caused it, if it is a
// capture or a void, else the authorization.
func readIntent(e event, n provider.Notification) (provider.Notification, error) {
	var i intent
	if err := json.Unmarshal(e.Data.Object, &i); err != nil || !i.isObject() {
		return n.Unbelieved("the webhook's payment intent cannot be read")
	}
	attempt := i.Metadata[metaReference]
	if attempt == "" {
		return n, nil
	}
	n.Operation, n.Reference, n.Attempt = provider.OpAuthorize, attempt, attempt
	captures := i.captures()
	cause := e.cause()
	if _, recorded := captures[cause]; !recorded && len(captures) == 1 {
		for only := range captures {
			cause = only
		}
	}
	_, captured := captures[cause]
	switch {
	case e.Type == "payment_intent.canceled" && id.Has(cause, id.Void):
		n.Operation, n.Reference, n.Outcome = provider.OpVoid, cause, i.voided(attempt)
	case e.Type == "payment_intent.canceled" && cause == attempt+abandonedKey:
		n.Outcome = unauthenticated(i.ID)
	case captured && (i.Status == statusSucceeded || i.Status == statusRequiresTaking):
		n.Operation, n.Reference = provider.OpCapture, cause
		n.Outcome = i.captured(attempt, cause, asked{}.amount)
	case len(captures) > 1 && i.Status != statusCanceled:
		n.Operation, n.Reference, n.Attempt = "", "", "" // which of them it speaks of cannot be told: an inquiry can
	case i.Status == statusRequiresAction && i.page() == "":
		n.Operation, n.Reference, n.Attempt = "", "", "" // the call that made it closes it
	default:
		n.Outcome = i.authorized(asked{reference: attempt})
	}
	return n, nil
}

func readCharge(e event, n provider.Notification) (provider.Notification, error) {
	var c charge
	if err := json.Unmarshal(e.Data.Object, &c); err != nil || !c.isObject() {
		return n.Unbelieved("the webhook's charge cannot be read")
	}
	attempt := c.Metadata[metaReference]
	if attempt == "" || c.PaymentIntent.ID == "" {
		return n, nil
	}
	n.Operation, n.Reference, n.Attempt = provider.OpAuthorize, attempt, attempt
	n.Outcome = c.authorized()
	if e.Type == "charge.expired" && n.Outcome.State == provider.Authorized {
		n.Outcome.State = provider.Voided
	}
	return n, nil
}

func readRefund(e event, n provider.Notification) (provider.Notification, error) {
	var r refund
	if err := json.Unmarshal(e.Data.Object, &r); err != nil || !r.isObject() {
		return n.Unbelieved("the webhook's refund cannot be read")
	}
	reference := r.Metadata[metaReference]
	if reference == "" {
		return n, nil
	}
	n.Operation, n.Reference, n.Attempt = provider.OpRefund, reference, r.Metadata[metaAttempt]
	n.Outcome = r.outcome(asked{reference: reference})
	return n, nil
}
