package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

// signatureTolerance is how far a webhook's time may lie from ours, either way.
const signatureTolerance = 5 * time.Minute

// CodeSignature is the code of a webhook that does not verify.
const CodeSignature = "webhook_signature_invalid"

// ErrWebhookTime is the refusal of a webhook whose signature is good and whose time is too far from ours: it may be an old one that
// somebody sends again.
var ErrWebhookTime = fault.New(fault.Unauthorized, CodeSignature, "the webhook's signature is too old or ahead of time")

// VerifyStamped checks the signature that several providers put on their webhooks: "t=<unix>,v1=<hex hmac-sha256 of
// t.body>". While a secret is rolled there are several v1: one must match. It fails with fault.Unauthorized, of which
// ErrWebhookTime is one.
func VerifyStamped(key secret.Text, header string, body []byte, now time.Time) error {
	stamp, signatures := parseStamped(header)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || key.Empty() {
		return fault.New(fault.Unauthorized, CodeSignature, "the webhook has no valid signature")
	}
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(stamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	want := mac.Sum(nil)
	matches := false
	for _, s := range signatures {
		matches = hmac.Equal(s, want) || matches
	}
	if !matches {
		return fault.New(fault.Unauthorized, CodeSignature, "the webhook's signature is wrong")
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > signatureTolerance || age < -signatureTolerance {
		return ErrWebhookTime
	}
	return nil
}

func parseStamped(header string) (stamp string, signatures [][]byte) {
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
	return stamp, signatures
}

// Unreadable is the refusal of a webhook whose signature is good and whose body is not.
func Unreadable(detail string) error { return fault.New(fault.Malformed, "webhook_malformed", detail) }

// Unbelieved is the refusal of a webhook of which no more can be taken than what it calls itself: its record has its name, so that
// a person finds it and a copy is known for one.
func (n Notification) Unbelieved(detail string) (Notification, error) {
	return Notification{EventID: n.EventID, Type: n.Type, OccurredAt: n.OccurredAt}, Unreadable(detail)
}
