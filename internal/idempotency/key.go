// Package idempotency makes a repeated request harmless: the first answer to a key is stored in the same Change as the
// result, and given again.
package idempotency

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/florinpay/florin/internal/fault"
)

// Codes of refusals.
const (
	CodeKeyInvalid = "idempotency_key_invalid"
	CodeKeyReused  = "idempotency_key_reused"
	CodeKeyInUse   = "idempotency_key_in_use"
)

// Header is the request header that carries a key; Replayed is the answer header that says it was given before.
const (
	Header   = "Idempotency-Key"
	Replayed = "Idempotent-Replayed"
)

const maxKey = 255

// Key is what one request is known by. Its scope is the tenant (so also the mode), the method and the path; the query and
// the body are what must be the same when it comes back.
type Key struct {
	Merchant string // the tenant
	Method   string
	Path     string // the path as it was requested, ids included, without the query
	Key      string // as Parse gave it
	Query    string // the raw query; usually empty
	Body     []byte
}

// Parse reads the values of the Idempotency-Key header: 1 to 255 characters of printable ASCII, bare or as a quoted
// string of RFC 9651 (a structured field); the two forms of one text are one key. ok is false if there is no header.
// It fails with fault.Malformed; the key is not in the error.
//
// A bare key is taken as it is, but cannot begin with a quote: it would be a string that is not closed. The
// 255 characters are counted without the quotes and the backslashes.
func Parse(values []string) (key string, ok bool, err error) {
	switch len(values) {
	case 0:
		return "", false, nil
	case 1:
	default:
		return "", false, malformed("there is more than one")
	}
	text := strings.Trim(values[0], " \t")
	if strings.HasPrefix(text, `"`) {
		if text, err = unquote(text); err != nil {
			return "", false, err
		}
	}
	if len(text) == 0 || len(text) > maxKey {
		return "", false, malformed("it has 1 to 255 characters")
	}
	for i := range len(text) {
		if !printable(text[i]) {
			return "", false, malformed("it consists of printable ASCII")
		}
	}
	return text, true, nil
}

// unquote reads a string by RFC 9651, section 4.2.5: only \" and \\ are escapes, and nothing follows the closing quote
// (parameters have no meaning here, so they are refused and not ignored).
func unquote(text string) (string, error) {
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
			if i == len(text) || (text[i] != '"' && text[i] != '\\') {
				return "", malformed(`in a quoted string a backslash stands before a quote or a backslash only`)
			}
			out.WriteByte(text[i])
		case c == '"':
			if i != len(text)-1 {
				return "", malformed("something follows the quoted string")
			}
			return out.String(), nil
		case !printable(c):
			return "", malformed("it consists of printable ASCII")
		default:
			out.WriteByte(c)
		}
	}
	return "", malformed("the quoted string is not closed")
}

func printable(c byte) bool { return c >= 0x20 && c <= 0x7e }

func malformed(why string) error {
	return &fault.Error{Kind: fault.Malformed, Code: CodeKeyInvalid, Param: Header, Detail: "the Idempotency-Key is not well formed: " + why}
}

// hashSize is enough that no two of a merchant's keys ever meet, and half of what a whole hash would cost in the index.
const hashSize = 16

// scope is the row's key: what the caller's key is unique within, except for the tenant, which leads the row.
func (k Key) scope() []byte { return digest(k.Method, k.Path, k.Key) }

// request is what must be the same when the key comes back.
func (k Key) request() []byte { return digest(k.Query, string(k.Body)) }

// digest hashes texts with their lengths, so that no two lists of texts hash alike.
func digest(parts ...string) []byte {
	h := sha256.New()
	var size [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)[:hashSize]
}
