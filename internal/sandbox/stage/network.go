package stage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"
)

// The simulated card network, as far as a device wallet and an acquirer both know it: the one is given cryptograms by it, the other has
// it check them. That a cryptogram comes once is the acquirer's to remember.

// networkKey makes cryptograms. It protects nothing: there is no money behind the test numbers.
var networkKey = []byte("the simulated network's key for cryptograms")

const (
	cryptogramNonce = 8
	cryptogramSize  = 20 // bytes, as networks have them
)

// NewCryptogram is a cryptogram for one payment by a device account number, in base 64.
func NewCryptogram(number string, month, year int, random io.Reader) (string, error) {
	nonce := make([]byte, cryptogramNonce)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(cryptogram(number, month, year, nonce)), nil
}

// GoodCryptogram tells whether the network made a cryptogram for this device account number.
func GoodCryptogram(given, number string, month, year int) bool {
	b, err := base64.StdEncoding.DecodeString(given)
	return err == nil && len(b) == cryptogramSize && hmac.Equal(b, cryptogram(number, month, year, b[:cryptogramNonce:cryptogramNonce]))
}

func cryptogram(number string, month, year int, nonce []byte) []byte {
	mac := hmac.New(sha256.New, networkKey)
	mac.Write(nonce) // never fails, by hash.Hash
	mac.Write(binary.BigEndian.AppendUint32(nil, uint32(year*100+month)))
	mac.Write([]byte(number))
	return append(nonce, mac.Sum(nil)[:cryptogramSize-cryptogramNonce]...)
}

// TokenECI is the electronic commerce indicator that a network gives with a good cryptogram: 02 at Mastercard, 05 at the others.
func TokenECI(number string) string {
	if strings.HasPrefix(number, "5") || strings.HasPrefix(number, "2") {
		return "02"
	}
	return "05"
}
