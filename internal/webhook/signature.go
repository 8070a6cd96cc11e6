// Package webhook tells merchants what happened: by webhooks that are signed, retried and kept in order, each endpoint in a lane of its own.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/secret"
)

// A secret in bytes: what is made here, and what a merchant may bring. Source: Standard Webhooks 1.0.
const (
	secretPrefix   = "whsec_"
	secretSize     = 32
	smallestSecret = 24
	largestSecret  = 64
)

// CheckSecret says what is wrong with a secret that a merchant brings; nothing if it is right. It does not repeat it.
func CheckSecret(text string) string {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	switch {
	case !ok || err != nil || strings.ContainsAny(encoded, "\r\n"): // which the decoder skips
		return "must be whsec_ and 24 to 64 random bytes in base64"
	case len(key) < smallestSecret || len(key) > largestSecret:
		return fmt.Sprintf("must hold %d to %d bytes in base64 behind whsec_, and holds %d", smallestSecret, largestSecret, len(key))
	}
	return ""
}

// NewSecret makes a signing secret: whsec_ and 32 random bytes in base64.
func NewSecret(random io.Reader) (secret.Text, error) {
	raw := make([]byte, secretSize)
	if _, err := io.ReadFull(random, raw); err != nil {
		return secret.Text{}, fmt.Errorf("make a webhook secret: %w", err)
	}
	return secret.New(secretPrefix + base64.StdEncoding.EncodeToString(raw)), nil
}

// Sign gives the webhook-signature header of a message: for each secret v1 and the base64 of the HMAC-SHA256 over the
// message's id, the unix time of sending and the body, joined by dots. Source: Standard Webhooks 1.0.
func Sign(secrets []secret.Text, message string, at time.Time, body []byte) (string, error) {
	var header strings.Builder
	for i, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), secretPrefix))
		if err != nil {
			return "", fmt.Errorf("the webhook secret is not base64 behind %s", secretPrefix)
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(message + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		if i > 0 {
			header.WriteByte(' ')
		}
		header.WriteString("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return header.String(), nil
}
