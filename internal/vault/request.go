package vault

import (
	"errors"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/secret"
)

// A connector never holds a card number. It describes its request as segments, literal bytes and card fields, and the
// vault fills the fields in and sends.

// Field names a part of a card that a segment asks for.
type Field uint8

// The fields of a card.
const (
	NoField    Field = iota
	Number           // 12 to 19 digits
	ExpMonth         // two digits
	ExpYear          // four digits
	ExpYear2         // two digits
	CVC              // three or four digits; only once, within 30 minutes of the tokenization
	Name             // the cardholder's name; may be absent
	Cryptogram       // of a wallet's network token, in base 64; like a CVC only once, within 30 minutes
)

// Encoding is how a field's characters are written.
type Encoding uint8

// The encodings.
const (
	ASCII Encoding = iota // as they are
	JSON                  // inside a JSON string
	Form                  // inside application/x-www-form-urlencoded
	XML                   // as XML character data
	BCD                   // two digits a byte, left-padded with zero
)

// Length is an optional prefix that says how many characters (digits for BCD) follow.
type Length uint8

// The length prefixes of ISO 8583: two or three digits, in ASCII or in BCD.
const (
	NoLength Length = iota
	LLASCII
	LLLASCII
	LLBCD
	LLLBCD
)

// Segment is a stretch of a request: literal bytes, or a card field between Before and After.
// A field that the card does not have (a CVC that is spent, a name that was never given) is left out together with its
// Before and After if it is Optional, else the request is not sent.
type Segment struct {
	Literal  []byte
	Field    Field
	Encoding Encoding
	Length   Length
	Before   []byte
	After    []byte
	Optional bool
}

// Signature is made over the body after it is filled in and put into a header.
type Signature struct {
	Scheme string      // a name from the vault's table of schemes, such as hmac-sha256-hex
	Key    secret.Text // the provider account's signing key
	Header string      // which header carries it
}

// Request is one HTTP request to a provider. The vault sends it only to an origin that is registered for the account.
type Request struct {
	Merchant string // the tenant
	Account  string // the provider account
	Card     string // the token whose fields fill the segments; empty if no segment names a field
	Method   string
	URL      string
	Header   map[string]secret.Text // credentials among them, so none is printable
	Body     []Segment
	Sign     *Signature
	Timeout  time.Duration // of the whole exchange; 30 s if zero
	// References are the names of JSON members of the answer that hold transaction references: long numbers that may look
	// like a card's. They are masked only if they hold the number that was sent.
	References []string
}

// Response is the provider's answer, with any card number in it masked.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// ErrNotSent means that no byte of the request left for the provider: it cannot have been processed. Every other error
// of Send leaves the outcome unknown.
var ErrNotSent = errors.New("request was not sent")

// Literal is a segment of bytes as they are.
func Literal(b []byte) Segment { return Segment{Literal: b} }

// Card is a segment that the vault fills with a card field.
func Card(f Field, e Encoding) Segment { return Segment{Field: f, Encoding: e} }

// OptionalCard is a field that is left out, with what stands before and after it, if the card does not have it.
func OptionalCard(before string, f Field, e Encoding, after string) Segment {
	return Segment{Field: f, Encoding: e, Before: []byte(before), After: []byte(after), Optional: true}
}
