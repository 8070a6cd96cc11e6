package inbound

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// Webhook is a provider's message as it was recorded, and what became of it.
type Webhook struct {
	Merchant   string // the tenant
	ID         string // iw_…
	Account    string // of the provider
	Event      string // the provider's id of the message, or the hash of its body if it gave none that can be kept
	Type       string // the provider's own word for it
	Verdict    payment.Verdict
	Detail     string // for people
	Subject    string // the payment, refund or dispute it speaks of; empty: none of ours, or not known yet
	Body       []byte // as it came, card numbers masked; not in lists
	Duplicates int64  // how often it came again
	Tries      int64  // how often it could not be applied
	AppliedAt  time.Time
	DueAt      time.Time // when it is tried again; zero: it does not wait
	CreatedAt  time.Time // when it came
	Version    int64
}

// The verdicts beside those of payments.
const (
	Waiting    payment.Verdict = "waiting"    // it is recorded, and could not be applied yet
	Unreadable payment.Verdict = "unreadable" // its signature is good and its body cannot be read
)

// Verdicts are all verdicts of recorded messages.
var Verdicts = []payment.Verdict{
	Waiting, payment.Applied, payment.Known, payment.Unmatched, payment.Unsupported, payment.Contradicted, Unreadable,
}

// Filter chooses recorded messages. An empty field chooses all.
type Filter struct {
	Account string
	Verdict payment.Verdict
}

// heard is the record of a message that has its verdict. What was applied once stays applied: that a replay says nothing new is no
// news.
func (m Webhook) heard(h payment.Heard, now time.Time) Webhook {
	m.DueAt = time.Time{}
	if h.Subject != "" {
		m.Subject = h.Subject
	}
	if h.Verdict == payment.Known && m.Verdict == payment.Applied {
		return m
	}
	m.Verdict, m.Detail = h.Verdict, words(h.Detail, maxDetail)
	if m.Verdict == payment.Applied && m.AppliedAt.IsZero() {
		m.AppliedAt = now
	}
	return m
}

// Bounds of what a provider says, in bytes.
const (
	maxEvent  = 255
	maxType   = 100
	maxDetail = 500
)

// record is a message that was verified a moment ago. references are the members of its body that are not card numbers.
func record(to provider.Account, n provider.Notification, body []byte, references []string, now time.Time) Webhook {
	kept := bytes.Clone(body)
	if kept == nil {
		kept = []byte{}
	}
	vault.MaskNumbers(kept, references...)
	return Webhook{
		Merchant: to.Merchant, Account: to.ID, Event: eventID(n.EventID, body), Type: words(n.Type, maxType), Body: kept, CreatedAt: now,
	}
}

// eventID is the provider's id of a message if it can be kept as it is, else the hash of the body.
func eventID(given string, body []byte) string {
	if given != "" && words(given, maxEvent) == given {
		return given
	}
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// words is what a provider says as it may be kept and shown: no card number, nothing but printable text, and not too much of it.
func words(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	text := []byte(s)
	vault.MaskNumbers(text)
	return string(text)
}

// storable tells whether what a notification says can be written: a database takes no NUL in a text.
func storable(n provider.Notification) bool {
	o := n.Outcome
	texts := []string{
		n.Reference, n.Attempt, string(o.State), o.Reference, o.NetworkReference, o.Detail, o.Decline.Raw, o.Decline.Message, o.Action.URL,
	}
	if d := n.Dispute; d != nil {
		texts = append(texts, d.Reference, d.Reason, d.ReasonCode, d.Original)
	}
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
			return false
		}
	}
	return true
}
