package wallet

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"

	"github.com/florinpay/florin/internal/fault"
)

// The wallet's half of the token's format, which docs/wallets.md describes. The vault has the other half, in words of its own.

const version = "florin-sandbox-wallet-v1"

// envelope is a token: this in JSON, in base64url.
type envelope struct {
	Version      string `json:"version"`
	KeyID        string `json:"key_id"`
	EphemeralKey []byte `json:"ephemeral_key"`
	Ciphertext   []byte `json:"ciphertext"`
	Signature    []byte `json:"signature"`
}

// content is what only the vault sees.
type content struct {
	ID             string `json:"id"`
	Merchant       string `json:"merchant"`
	Amount         int64  `json:"amount"`
	Currency       string `json:"currency"`
	IssuedAt       int64  `json:"issued_at"`
	ExpiresAt      int64  `json:"expires_at"`
	Number         string `json:"device_account_number"`
	ExpMonth       int    `json:"exp_month"`
	ExpYear        int    `json:"exp_year"`
	Cryptogram     string `json:"cryptogram"`
	ECI            string `json:"eci"`
	CardholderName string `json:"cardholder_name,omitempty"`
}

// recipient is the key that a token is sealed for.
type recipient struct {
	merchant string
	key      *ecdh.PublicKey
}

func readRecipient(merchant, key string) (recipient, error) {
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err == nil {
		var public *ecdh.PublicKey
		if public, err = ecdh.P256().NewPublicKey(point); err == nil {
			return recipient{merchant, public}, nil
		}
	}
	return recipient{}, fault.Wrong("key", fault.CodeInvalid, "must be a public key of P-256 in base64url, as the vault's /v1/wallets gives it")
}

// seal encrypts for the recipient and signs.
func (r recipient) seal(c content, signer *ecdsa.PrivateKey, random io.Reader) (string, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	ephemeral, err := ecdh.P256().GenerateKey(random)
	if err != nil {
		return "", err
	}
	shared, err := ephemeral.ECDH(r.key)
	if err != nil {
		return "", err
	}
	public, to := ephemeral.PublicKey().Bytes(), r.key.Bytes()
	key, err := hkdf.Key(sha256.New, shared, nil, string(counted([]byte(version), public, to)), 32)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	name := sha256.Sum256(to)
	e := envelope{Version: version, KeyID: hex.EncodeToString(name[:8]), EphemeralKey: public,
		Ciphertext: gcm.Seal(nil, make([]byte, gcm.NonceSize()), plain, []byte(r.merchant))} // the key serves this one message
	signed := sha256.Sum256(counted([]byte(e.Version), []byte(e.KeyID), e.EphemeralKey, e.Ciphertext))
	if e.Signature, err = ecdsa.SignASN1(random, signer, signed[:]); err != nil {
		return "", err
	}
	text, err := json.Marshal(e)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// counted are parts, each led by its length in four bytes.
func counted(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(p))), p...)
	}
	return out
}
