package vault

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
)

// schemes are the ways to sign a body: what stands in the header, made from the key's bytes and the body as sent.
var schemes = map[string]func(key, body []byte) string{
	"hmac-sha256-hex": func(key, body []byte) string {
		return hex.EncodeToString(mac(sha256.New, key, body))
	},
	"hmac-sha256-base64": func(key, body []byte) string {
		return base64.StdEncoding.EncodeToString(mac(sha256.New, key, body))
	},
	"hmac-sha512-hex": func(key, body []byte) string {
		return hex.EncodeToString(mac(sha512.New, key, body))
	},
}

func mac(h func() hash.Hash, key, body []byte) []byte {
	m := hmac.New(h, key)
	m.Write(body) // a hash never fails to write
	return m.Sum(nil)
}

// sign puts the signature of the body into the headers.
func sign(h http.Header, s *Signature, body []byte) error {
	if s == nil {
		return nil
	}
	scheme, ok := schemes[s.Scheme]
	switch {
	case !ok:
		return fmt.Errorf("unknown signature scheme %q", s.Scheme)
	case s.Key.Empty():
		return fmt.Errorf("signature scheme %s without a key", s.Scheme)
	case s.Header == "":
		return fmt.Errorf("signature scheme %s without a header", s.Scheme)
	}
	h[plainHeader(s.Header)] = []string{scheme([]byte(s.Key.Reveal()), body)}
	return nil
}
