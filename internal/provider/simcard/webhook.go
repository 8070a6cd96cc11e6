package simcard

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/provider"
)

// message is the acquirer's webhook.
type message struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	CreatedAt time.Time       `json:"created_at"`
	Data      json.RawMessage `json:"data"`
}

// authorizationEvents are the types that tell an authorization's state. The state itself is read from the data.
var authorizationEvents = map[string]bool{
	"authorization.authorized":    true,
	"authorization.captured":      true,
	"authorization.declined":      true,
	"authorization.voided":        true,
	"authorization.expired":       true,
	"authorization.late_approved": true,
}

var operationEvents = map[string]bool{"operation.succeeded": true, "operation.failed": true}

// operationKinds are the operations that this version understands.
var operationKinds = map[string]provider.Operation{
	"capture": provider.OpCapture,
	"void":    provider.OpVoid,
	"refund":  provider.OpRefund,
}

// VerifyWebhook checks a webhook's signature.
func (*Connector) VerifyWebhook(a provider.Account, h http.Header, body []byte, now time.Time) error {
	return provider.VerifyStamped(a.Credentials["webhook_secret"], h.Get(signatureHeader), body, now)
}

// ReadWebhook reads a webhook. A type it does not know comes back with an empty Operation.
func (*Connector) ReadWebhook(_ provider.Account, body []byte) (provider.Notification, error) {
	var m message
	if err := json.Unmarshal(body, &m); err != nil || m.ID == "" || m.Type == "" || m.CreatedAt.IsZero() {
		return provider.Notification{EventID: m.ID, Type: m.Type}.Unbelieved("the webhook cannot be read")
	}
	n := provider.Notification{EventID: m.ID, Type: m.Type, OccurredAt: m.CreatedAt.UTC()}
	switch {
	case authorizationEvents[m.Type]:
		return readAuthorizationEvent(n, m.Data)
	case operationEvents[m.Type]:
		return readOperationEvent(n, m.Data)
	case disputeEvents[m.Type]:
		return readDisputeEvent(n, m.Data)
	}
	return n, nil
}

func readAuthorizationEvent(n provider.Notification, data []byte) (provider.Notification, error) {
	var a authorization
	if err := json.Unmarshal(data, &a); err != nil || a.Reference == "" {
		return n.Unbelieved("the webhook's authorization cannot be read")
	}
	n.Operation, n.Reference, n.Attempt = provider.OpAuthorize, a.Reference, a.Reference
	n.Outcome = a.outcome(asked{reference: a.Reference})
	return believed(n)
}

func readOperationEvent(n provider.Notification, data []byte) (provider.Notification, error) {
	var o operation
	if err := json.Unmarshal(data, &o); err != nil || o.Reference == "" {
		return n.Unbelieved("the webhook's operation cannot be read")
	}
	kind, known := operationKinds[o.Kind]
	if !known {
		return n, nil
	}
	n.Operation, n.Reference, n.Attempt = kind, o.Reference, o.AuthorizationReference
	n.Outcome = o.outcome(asked{kind: o.Kind, reference: o.Reference})
	return believed(n)
}

// believed refuses a message that contradicts itself: nothing can be concluded from it, and the inquiry is there.
func believed(n provider.Notification) (provider.Notification, error) {
	if n.Outcome.Class == provider.Unknown {
		return n.Unbelieved("webhook " + n.EventID + ": " + n.Outcome.Detail)
	}
	return n, nil
}
