package access

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/florinpay/florin/internal/secret"
)

// Kind is what a key is for.
type Kind string

// The kinds of key.
const (
	Secret      Kind = "secret"      // the merchant's backend; every scope but vault:write unless made with it
	Restricted  Kind = "restricted"  // the scopes it was made with
	Publishable Kind = "publishable" // browsers: no scope; public and vault zones only
)

// The fixed keys of florin dev. They work on loopback only.
const (
	DevSecret      = "sk_test_dev"
	DevPublishable = "pk_test_dev"
)

var kindPrefixes = map[Kind]string{Secret: "sk", Restricted: "rk", Publishable: "pk"}

const (
	// bodySize is how many characters of five random bits follow the prefix: 160 bits.
	bodySize   = 32
	prefixSize = len("sk_test_")
	devBody    = "dev"
	alphabet   = "0123456789abcdefghjkmnpqrstvwxyz"
	// maxKey bounds what is hashed before it is refused.
	maxKey = prefixSize + bodySize
)

// hash is how a key is stored. A key has 160 random bits, so a fast hash without salt cannot be searched.
type hash [sha256.Size]byte

func hashOf(text string) hash {
	var buffer [maxKey]byte // keeps the copy off the heap
	return sha256.Sum256(append(buffer[:0], text...))
}

func prefixOf(k Kind, live bool) string {
	mode := "_test_"
	if live {
		mode = "_live_"
	}
	return kindPrefixes[k] + mode
}

// draw makes the text of a new key.
func draw(random io.Reader, k Kind, live bool) (secret.Text, error) {
	raw := make([]byte, bodySize)
	if _, err := io.ReadFull(random, raw); err != nil {
		return secret.Text{}, fmt.Errorf("draw a key: %w", err)
	}
	for i, b := range raw {
		raw[i] = alphabet[b&31]
	}
	return secret.New(prefixOf(k, live) + string(raw)), nil
}

// HostedKey is the text of the publishable key of Florin's own pages, made from 32 keyed bytes that stand for the tenant.
func HostedKey(live bool, seed []byte) secret.Text {
	body := make([]byte, bodySize)
	for i := range body {
		body[i] = alphabet[seed[i]&31]
	}
	return secret.New(prefixOf(Publishable, live) + string(body))
}

// shaped tells whether a text can be a key at all, so that nonsense costs neither a hash nor a read.
func shaped(text string) bool {
	if len(text) < prefixSize+len(devBody) || len(text) > maxKey {
		return false
	}
	switch text[0] {
	case 's', 'r', 'p':
	default:
		return false
	}
	if text[1] != 'k' {
		return false
	}
	switch text[2:prefixSize] {
	case "_test_", "_live_":
	default:
		return false
	}
	body := text[prefixSize:]
	if body == devBody {
		return true
	}
	if len(body) != bodySize {
		return false
	}
	for i := range len(body) {
		if !inAlphabet[body[i]] {
			return false
		}
	}
	return true
}

var inAlphabet = func() (in [256]bool) {
	for _, c := range []byte(alphabet) {
		in[c] = true
	}
	return in
}()

// hintOf is what may be shown of a key after it was made: enough to tell it from its sisters.
func hintOf(text string) string {
	if len(text) <= prefixSize+len(devBody) {
		return text[:prefixSize] + "…"
	}
	return text[:prefixSize] + "…" + text[len(text)-4:]
}
