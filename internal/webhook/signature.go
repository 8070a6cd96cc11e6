// Package webhook tells merchants what happened, by signed and retried webhooks, and hears what providers tell.
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

const (
	secretPrefix = "whsec_"
	secretSize   = 32
)

// newSecret makes a signing secret: whsec_ and 32 random bytes in base64.
func newSecret(random io.Reader) (secret.Text, error) {
	raw := make([]byte, secretSize)
	if _, err := io.ReadFull(random, raw); err != nil {
		return secret.Text{}, fmt.Errorf("make a webhook secret: %w", err)
	}
	return secret.New(secretPrefix + base64.StdEncoding.EncodeToString(raw)), nil
}

// sign gives the webhook-signature header of a message: for each secret v1 and the base64 of the HMAC-SHA256 over the
// message's id, the unix time of sending and the body, joined by dots. Source: Standard Webhooks 1.0.
func sign(secrets []secret.Text, message string, at time.Time, body []byte) (string, error) {
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
