package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Faults of an incoming webhook. Answer them with 400, and do nothing else.
var (
	ErrWebhookHeaders   = errors.New("florin: the webhook's headers are missing or malformed")
	ErrWebhookTimestamp = errors.New("florin: the webhook's timestamp is too far from now")
	ErrWebhookSignature = errors.New("florin: no signature of the webhook fits a secret")
	ErrWebhookBody      = errors.New("florin: the webhook's body is not an event")
)

// maxWebhook bounds the body that is read of an incoming webhook.
const maxWebhook = 4 << 20

// Webhooks verifies and reads Florin's webhooks by Standard Webhooks 1.0. It is safe for concurrent use.
type Webhooks struct {
	secrets   [][]byte
	tolerance time.Duration
	now       func() time.Time
}

// WebhookOption changes how webhooks are verified.
type WebhookOption func(*Webhooks)

// WithTolerance is how far the time of signing may be from now, in both directions. It is five minutes if not set.
func WithTolerance(d time.Duration) WebhookOption { return func(w *Webhooks) { w.tolerance = d } }

// WithNow takes the time from the caller, for tests with recorded webhooks.
func WithNow(now func() time.Time) WebhookOption { return func(w *Webhooks) { w.now = now } }

// NewWebhooks makes a verifier for an endpoint's secrets (whsec_…): one, or while a secret is being rotated the old and the new.
func NewWebhooks(secrets []string, options ...WebhookOption) (*Webhooks, error) {
	w := &Webhooks{tolerance: 5 * time.Minute, now: time.Now}
	for i, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		if err != nil || len(key) == 0 {
			return nil, fmt.Errorf("florin: webhook secret %d is not whsec_ and base64", i) // never the secret itself
		}
		w.secrets = append(w.secrets, key)
	}
	if len(w.secrets) == 0 {
		return nil, errors.New("florin: no webhook secret")
	}
	for _, option := range options {
		option(w)
	}
	return w, nil
}

// Request reads and verifies an incoming request. The same event may come more than once: dedupe by its ID. Answer 2xx once
// the event is stored on your side, and act upon it afterwards.
func (w *Webhooks) Request(r *http.Request) (*Event, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxWebhook+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWebhookBody, err)
	}
	if len(body) > maxWebhook {
		return nil, fmt.Errorf("%w: it is over %d bytes", ErrWebhookBody, maxWebhook)
	}
	return w.Event(r.Header, body)
}

// Event verifies the headers and the body, byte for byte as it came, and reads the event. Nothing of the body is believed, or
// even parsed, before its signature fits.
func (w *Webhooks) Event(header http.Header, body []byte) (*Event, error) {
	id, stamp := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || id == "" {
		return nil, ErrWebhookHeaders
	}
	if off := w.now().Sub(time.Unix(at, 0)); off > w.tolerance || off < -w.tolerance {
		return nil, ErrWebhookTimestamp
	}
	if !w.signed(id, stamp, header.Get("Webhook-Signature"), body) {
		return nil, ErrWebhookSignature
	}
	e := new(Event)
	if err := json.Unmarshal(body, e); err != nil || e.ID == "" {
		return nil, ErrWebhookBody
	}
	return e, nil
}

// signed tells whether one of the signatures, which are apart by spaces, is one of v1 by one of the secrets.
func (w *Webhooks) signed(id, stamp, signatures string, body []byte) bool {
	fits := false
	for _, secret := range w.secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		want := mac.Sum(nil)
		for one := range strings.FieldsSeq(signatures) {
			got, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "v1,"))
			if strings.HasPrefix(one, "v1,") && err == nil && hmac.Equal(got, want) {
				fits = true
			}
		}
	}
	return fits
}
