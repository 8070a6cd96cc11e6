package simcard

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// tolerance is how far a webhook's time may lie from ours.
const tolerance = 5 * time.Minute

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

// ReadWebhook verifies and reads a webhook. A type it does not know comes back with an empty Operation.
func (*Connector) ReadWebhook(a provider.Account, h http.Header, body []byte, now time.Time) (provider.Notification, error) {
	if err := verify(a.Credentials["webhook_secret"].Reveal(), h.Get(signatureHeader), body, now); err != nil {
		return provider.Notification{}, err
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil || m.ID == "" || m.Type == "" || m.CreatedAt.IsZero() {
		return provider.Notification{}, malformed("the webhook cannot be read")
	}
	n := provider.Notification{EventID: m.ID, Type: m.Type, OccurredAt: m.CreatedAt.UTC()}
	switch {
	case authorizationEvents[m.Type]:
		return readAuthorizationEvent(n, m.Data)
	case operationEvents[m.Type]:
		return readOperationEvent(n, m.Data)
	}
	return n, nil
}

func readAuthorizationEvent(n provider.Notification, data []byte) (provider.Notification, error) {
	var a authorization
	if err := json.Unmarshal(data, &a); err != nil || a.Reference == "" {
		return n, malformed("the webhook's authorization cannot be read")
	}
	n.Operation, n.Reference, n.Attempt = provider.OpAuthorize, a.Reference, a.Reference
	n.Outcome = a.outcome(asked{reference: a.Reference})
	return believed(n)
}

func readOperationEvent(n provider.Notification, data []byte) (provider.Notification, error) {
	var o operation
	if err := json.Unmarshal(data, &o); err != nil || o.Reference == "" {
		return n, malformed("the webhook's operation cannot be read")
	}
	kind, known := operationKinds[o.Kind]
	if !known {
		return n, nil
	}
	n.Operation, n.Reference, n.Attempt = kind, o.Reference, o.AuthorizationReference
	n.Outcome = o.outcome(asked{kind: o.Kind, reference: o.Reference})
	return believed(n)
}

// believed refuses a message that contradicts itself: the acquirer will send it again, and the inquiry is there meanwhile.
func believed(n provider.Notification) (provider.Notification, error) {
	if n.Outcome.Class == provider.Unknown {
		return provider.Notification{}, malformed("webhook " + n.EventID + ": " + n.Outcome.Detail)
	}
	return n, nil
}

// verify checks "t=<unix>,v1=<hex hmac-sha256 of t.body>". Any one of several v1 may match.
func verify(key, header string, body []byte, now time.Time) error {
	var stamp string
	var signatures [][]byte
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			stamp = value
		case "v1":
			if s, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, s)
			}
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || key == "" {
		return unauthorized("the webhook has no valid signature")
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(stamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	want := mac.Sum(nil)
	for _, s := range signatures {
		if hmac.Equal(s, want) {
			if age := now.Sub(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
				return unauthorized("the webhook's signature is too old or ahead of time")
			}
			return nil
		}
	}
	return unauthorized("the webhook's signature is wrong")
}

func unauthorized(detail string) error {
	return fault.New(fault.Unauthorized, "webhook_signature_invalid", detail)
}

func malformed(detail string) error { return fault.New(fault.Malformed, "webhook_malformed", detail) }
